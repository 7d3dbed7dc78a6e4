package control

import (
	"errors"
	"slices"

	"santral/call"
	"santral/media/session"
)

// A call's recording follows the call: the left channel hears who stands in the caller's place, the right one whom it
// speaks with, the other leg or the house. Who barges in is on the right too, as the caller hears it: then the right is all
// that is said to the caller. Who whispers is not on the tape, as it is for one alone; while one whispers to the caller
// who barges in is not either (decision 47). It is brought in line after everything that happens, so that no verb has to
// think of it, and nothing waits for it or fails because of it. It ends with the call. A take-over closes it, and another
// is begun there (decision 040).

// Why somebody's wish for a recording comes to nothing.
var (
	errNoSuchCall    = errors.New("there is no such call")
	errNotAnswered   = errors.New("the call is not answered yet")
	errNotRecorded   = errors.New("the call is not being recorded")
	errRecorded      = errors.New("the call is being recorded already")
	errUnknownAction = errors.New("a recording is started, stopped, paused, resumed, masked or unmasked")
)

// reel is what a call knows of its recording. A call that nobody wants recorded has none.
type reel struct {
	tape          call.Tape // nil: nothing is recorded
	demanded      bool      // somebody wants it, whatever the policy says
	stopped       bool      // somebody does not
	paused        bool
	masked        bool
	left, right   *session.Session
	said          bool // right is what left hears of us
	marked        call.Segment
	leave, depart func() // end the taps
}

// pair is who is to be heard.
type pair struct {
	left, right *member // right nil: the house
	what, house string
	joined      bool // others speak with both of the two: the right is what the left one hears
}

// paired gives whom a recording hears now; ok is false while that is nobody's business, or changes just now.
func (c *ongoing) paired() (p pair, ok bool) {
	a := c.caller()
	if a.over || !a.answered || a.guest != nil {
		return p, false
	}
	switch {
	case c.state == Talking && c.callee != nil && !c.callee.over:
		p = pair{left: a, right: c.callee, what: "talk", joined: c.barged()}
		if a.held || c.callee.held {
			p.what = "hold"
		}
	case c.state == Serving && c.room() != nil:
		p = pair{left: a, what: "conference", house: c.dest.Number}
	case c.state == Serving:
		p = pair{left: a, what: "service", house: c.dest.Service}
		if a.held {
			p.what = "hold"
		}
	default:
		return p, false
	}
	return p, true
}

// follow brings the recording in line with the call.
func (c *ongoing) follow() {
	r := c.reel
	p, ok := c.paired()
	if !ok {
		r.deaf() // who has gone on to another call is not heard for this one
		return
	}
	if (r == nil || r.tape == nil && !r.stopped) && (c.wanted(p) || r != nil && r.demanded) {
		if r == nil {
			r = &reel{}
			c.reel = r
		}
		if err := c.roll(p); err != nil {
			r.demanded = false
			c.house.log.Warn("a call is not recorded", "call", c.id, "tenant", c.from.Tenant, "error", err)
		}
	}
	if r != nil && r.tape != nil {
		r.hear(p)
	}
}

func (c *ongoing) parties(p *pair) [2]call.Party {
	left, with := p.left.party(), call.Party{Tenant: p.left.tenant, Number: p.house}
	if p.right != nil {
		with = p.right.party()
	}
	if left.Account == "" && with.Account == "" && c.dest.Tenant != "" {
		left.Tenant = c.dest.Tenant // who comes by a carrier of the operator's has no policy of its own
	}
	return [2]call.Party{left, with}
}

// owner is whose a recording of two is: the account's; of two accounts of different tenants that of the one whose policy
// wants it, the caller's first.
func (c *ongoing) owner(two [2]call.Party) (tenant, account string) {
	a, b := &two[0], &two[1]
	switch {
	case a.Account == "" && b.Account != "":
		return b.Tenant, b.Account
	case b.Account == "" || a.Tenant == b.Tenant:
		return a.Tenant, a.Account
	case !c.house.archive.Wants(*a, call.Party{}) && c.house.archive.Wants(call.Party{}, *b):
		return b.Tenant, b.Account
	}
	return a.Tenant, a.Account
}

// wanted asks the policy, once for each two.
func (c *ongoing) wanted(p pair) bool {
	if two := [2]uint8{c.nth(p.left), c.nth(p.right)}; c.weighed != two {
		c.weighed = two
		who := c.parties(&p)
		return c.house.archive.Wants(who[0], who[1])
	}
	return false
}

// nth is a member's place among those that there were, from 1 on; 0 for none. A quiet call remembers that in an octet, and
// one of more than 255 legs may be asked about once too often.
func (c *ongoing) nth(m *member) uint8 { return uint8(slices.Index(c.members, m) + 1) }

// roll begins the recording.
func (c *ongoing) roll(p pair) error {
	two := c.parties(&p)
	about := call.About{Call: c.id, Kind: call.TapeCall, Channels: 2}
	about.Tenant, about.Account = c.owner(two)
	tape, err := c.house.archive.Begin(about)
	if err != nil {
		return err
	}
	r := c.reel
	r.tape = tape
	r.left, r.right, r.said, r.marked = nil, nil, false, call.Segment{}
	if r.paused {
		tape.Pause(true)
	}
	if r.masked {
		tape.Mask(true)
	}
	return nil
}

// hear has the tape hear the two.
func (r *reel) hear(p pair) {
	left, right, said := p.left.media(), p.left.media(), p.right == nil || p.joined
	if !said {
		right = p.right.media()
	}
	if r.left != left {
		drop(&r.leave)
		if r.left = left; left != nil {
			r.leave = left.Tap(r.tape.Sink(0))
		}
	}
	if r.right != right || r.said != said {
		drop(&r.depart)
		r.right, r.said = right, said
		switch {
		case right == nil:
		case said:
			r.depart = right.TapSaid(r.tape.Sink(1))
		default:
			r.depart = right.Tap(r.tape.Sink(1))
		}
	}
	s := call.Segment{What: p.what, Left: named(p.left), Right: p.house}
	if p.right != nil {
		s.Right = named(p.right)
	}
	if r.marked != s {
		r.marked = s
		r.tape.Mark(s)
	}
}

func named(m *member) string {
	if who := m.party(); who.Number != "" {
		return who.Number
	}
	return m.account
}

func drop(stop *func()) {
	if *stop != nil {
		(*stop)()
		*stop = nil
	}
}

// deaf has the tape hear nobody.
func (r *reel) deaf() {
	if r == nil || r.leave == nil && r.depart == nil {
		return
	}
	drop(&r.leave)
	drop(&r.depart)
	r.left, r.right = nil, nil
}

// end closes the tape.
func (r *reel) end() {
	if r == nil || r.tape == nil {
		return
	}
	r.deaf()
	r.tape.Close(nil)
	r.tape = nil
}

// Record has a call recorded from now on whatever the policy says ("start"), or no longer ("stop"); leaves out what is
// said while its time line stands still ("pause", "resume") or goes on in silence ("mask", "unmask"). The error is for
// people.
func (k *Control) Record(id call.ID, action string) error {
	c := k.find(id)
	if c == nil {
		return errNoSuchCall
	}
	done := make(chan error, 1)
	if !c.post(func(c *ongoing) {
		err := c.record(action)
		c.showTape() // who asks next is to see it
		done <- err
	}) {
		return errNoSuchCall
	}
	return <-done
}

func (c *ongoing) record(action string) error {
	if c.house.archive == nil {
		return errNoArchive
	}
	p, ok := c.paired()
	if c.reel == nil {
		if !ok {
			return errNotAnswered
		}
		c.reel = &reel{}
	}
	r := c.reel
	switch action {
	case "start":
		switch {
		case r.tape != nil:
			return errRecorded
		case !ok:
			return errNotAnswered
		}
		if err := c.roll(p); err != nil {
			return err
		}
		r.demanded, r.stopped = true, false
		return nil
	case "stop", "pause", "resume", "mask", "unmask":
	default:
		return errUnknownAction
	}
	if r.tape == nil {
		return errNotRecorded
	}
	switch action {
	case "stop":
		r.demanded, r.stopped, r.paused, r.masked = false, true, false, false
		r.end()
	case "pause", "resume":
		r.paused = action == "pause"
		r.tape.Pause(r.paused)
	default:
		r.masked = action == "mask"
		r.tape.Mask(r.masked)
	}
	return nil
}

// Recording is whether a call is recorded now.
type Recording uint8

// What a call's recording does.
const (
	NotRecorded Recording = iota
	Recorded
	RecordingPaused // what is said is not recorded, and the time line stands still
	RecordingMasked // what is said is not recorded, and silence keeps its place
)

// String names it for the API; "" is for a call that is not recorded.
func (r Recording) String() string { return [...]string{"", "on", "paused", "masked"}[r] }

// now is what the reel does. What is paused and masked is paused.
func (r *reel) now() Recording {
	switch {
	case r == nil || r.tape == nil:
		return NotRecorded
	case r.paused:
		return RecordingPaused
	case r.masked:
		return RecordingMasked
	}
	return Recorded
}

// showTape has lists of calls know of it.
func (c *ongoing) showTape() {
	if now := c.reel.now(); now != c.recording {
		c.mu.Lock()
		c.recording = now
		c.mu.Unlock()
	}
}

// HandoverTape is what somebody has wished of a call's recording.
type HandoverTape struct {
	Demanded bool `json:"demanded,omitempty"`
	Stopped  bool `json:"stopped,omitempty"`
	Paused   bool `json:"paused,omitempty"`
	Masked   bool `json:"masked,omitempty"`
}

// elsewhere is what somebody has wished, for another call that one of the two goes on to: who has asked for the recording,
// or for none of what is said now, meant whoever speaks with this party.
func (r *reel) elsewhere() *reel {
	if r == nil || !r.demanded && !r.stopped && !r.paused && !r.masked {
		return nil
	}
	return &reel{demanded: r.demanded, stopped: r.stopped, paused: r.paused, masked: r.masked}
}

// write puts it on paper. A recording that goes on is demanded there, whatever the policy has become.
func (r *reel) write() *HandoverTape {
	if r == nil {
		return nil
	}
	return &HandoverTape{r.tape != nil, r.stopped, r.paused, r.masked}
}

// read takes it from paper.
func (h *HandoverTape) read() *reel {
	if h == nil {
		return nil
	}
	return &reel{demanded: h.Demanded, stopped: h.Stopped, paused: h.Paused, masked: h.Masked}
}
