package control

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"santral/base/loop"
	"santral/call"
	"santral/call/bridge"
	"santral/media/sdp"
)

// State is where a call stands.
type State uint8

// States of a call.
const (
	UnknownState State = iota
	Routing            // it has begun, nothing rings yet
	Ringing            // one or more legs outwards, none has answered
	Serving            // a service speaks with the caller
	Talking            // two legs are joined
	Transferring       // one of two legs has sent the other on, and waits for what comes of it
	Frozen             // written out; somebody else goes on with it
	Over               // the last event is with the ledger
)

// String names the state for lists and logs.
func (s State) String() string {
	return [...]string{"unknown", "routing", "ringing", "serving", "talking", "transferring", "frozen", "over"}[s]
}

// Who ended a call, as the record says it.
const (
	caller   = "caller"
	callee   = "callee"
	exchange = "exchange"
)

// ongoing is one call.
type ongoing struct {
	// parameters
	house   *Control
	id      call.ID
	from    call.Party
	dialled string
	device  string           // the one that is meant of the account dialled, "" for all
	offer   *sdp.Description // the caller's, nil when it wants ours
	hops    int
	breadth int // branches that the call may have at once (RFC 5393 §5.3)
	traits  call.Traits
	arrived time.Time

	// state, the loop's alone; under mu where Calls looks
	mu         sync.Mutex // a leaf: guards state, members' own lives, dest, answered and what follows "end"
	state      State
	members    []*member // the first is the caller's
	lead       *member   // who stands in the caller's place; nil: the first
	dest       call.Destination
	answered   time.Time
	callee     *member          // the leg that answered
	early      *member          // the leg whose early media the caller hears
	agreed     *sdp.Description // its answer to that
	ready      bool             // the caller made no offer and can answer one before the 200
	passed     uint8            // which of 181 and 182 the caller was told
	rang       bool             // the caller was told 180
	progress   bool             // the caller was told 183
	best       call.Cause
	ways       []call.Target // places of trunks that are still to be tried
	way        *call.Target  // the one that is being tried
	patience   time.Time     // until when trunks may ring
	change     change
	summons    *summons         // phones ring that are to be the caller's
	joining    *joining         // a leg that is about to take another's place
	later      []func(*ongoing) // deeds that wait until nothing is under way between the two that talk
	pulls      *pull            // phones ring that one of the two is to go on with
	refer      *referral        // a wish that waits until the call is quiet
	sending    *sending         // the other side of a leg has been sent on
	gaveBack   givenBack
	by         *call.Party // on whose right the call is made, where that is not the caller
	maker      string      // "transfer", "api": who made the call, when no phone dialled
	source     call.ID     // the call that its first leg comes from
	bridge     bridge.Bridge
	reached    call.Party   // whom the caller is told that it speaks with, zero while nobody knows
	withheld   call.Privacy // what of it the caller may not be told
	session    string       // half of the Session-ID of whom the caller was told
	introduced bool         // the caller was told
	stopped    bool         // it is ended from outside: nobody is given back
	moved      bool         // one of the two that talk has come from another call, or took another's place
	weighed    [2]uint8     // which two of the members were asked about last, whether they are to be recorded
	mixed      bool         // the sound of its legs goes through a room
	recording  Recording    // what its tape does
	timer      *time.Timer
	story      *story
	visit      *visit    // the last of those from other calls; nil for none
	reel       *reel     // its recording; nil while nobody has thought of one
	last       time.Time // of the last event, so that times never run backwards
	admission            // its channels
	placeless  bool      // an emergency's place was more than a trunk could take

	// end
	onDisk  bool     // the last event is committed
	waiting []func() // answers to BYE that wait for it

	// inbox
	inbox loop.Queue[message]
}

// message is what stands in a call's inbox: an event of a leg, or, where do is set, a deed.
type message struct {
	of    *member
	event *call.LegEvent // by pointer: a quiet call keeps its inbox's room, and an event is large
	do    func(*ongoing)
}

// post brings a deed into the loop; false when the call is over.
func (c *ongoing) post(do func(*ongoing)) bool { return c.inbox.Put(message{do: do}) }

// run is the loop: it begins with first and lives until the call is over or written out.
func (c *ongoing) run(first func(*ongoing)) {
	c.guarded(func() { first(c) })
	c.recorded()
	var batch []message
	for c.state < Frozen {
		batch = c.inbox.Take(batch)
		for i := range batch {
			c.handle(&batch[i])
		}
	}
	c.inbox.Close()
	for batch = c.inbox.Take(batch); batch != nil; batch = c.inbox.Take(batch) {
		for i := range batch {
			c.handle(&batch[i])
		}
	}
	c.house.leave(c)
}

func (c *ongoing) handle(m *message) {
	if m.do != nil {
		c.guarded(func() { m.do(c) })
	} else {
		c.guarded(func() { c.happened(m.of, m.event) })
	}
	if c.refer != nil || len(c.later) > 0 {
		c.guarded(c.calmDown)
	}
	c.recorded()
}

// recorded has the recording follow what has happened.
func (c *ongoing) recorded() {
	if c.house.archive != nil && c.state < Frozen {
		c.guarded(c.follow)
		c.showTape()
	}
}

// guarded keeps a fault in one call from ending all the others.
func (c *ongoing) guarded(f func()) {
	defer func() {
		if p := recover(); p != nil {
			c.house.panics.Add(1)
			c.house.log.Error("call failed", "call", c.id, "tenant", c.from.Tenant, "state", c.state.String(), "panic", p, "stack", string(debug.Stack()))
			c.afterFault()
		}
	}()
	f()
}

// afterFault ends a call that failed. Should that fail too, its record is closed all the same and its
// channels are free.
func (c *ongoing) afterFault() {
	defer func() {
		if recover() != nil {
			c.close(exchange, call.Interrupted)
		}
	}()
	c.stop(call.Interrupted)
}

// happened is the table of contents of a call: what each event of a leg leads to.
func (c *ongoing) happened(m *member, e *call.LegEvent) {
	if m.leaving {
		m.seat.keep(e)
		return
	}
	if m.over || c.state >= Frozen {
		switch {
		case e.Finish == nil:
		case c.state < Frozen: // it has gone, and the call goes on
			e.Finish()
		default:
			c.finish(e.Finish)
		}
		if e.Refer != nil {
			e.Refer.Notify(call.LostDialog)
		}
		return
	}
	if c.summons != nil {
		c.summoned(m, e)
		return
	}
	switch b := m.aside(); {
	case b.branch != nil:
		c.rungFor(m, e)
		return
	case b.pull != nil:
		c.pulled(m, e)
		return
	}
	switch e.Kind {
	case call.Progressed:
		c.progressed(m, e)
	case call.Answered:
		c.wasAnswered(m, e)
	case call.Failed:
		c.failed(m, e)
	case call.Confirmed:
		c.confirmed(m, e)
	case call.Offered:
		c.offered(m, e)
	case call.Accepted:
		c.accepted(m, e)
	case call.Refused:
		c.refused(m, e)
	case call.Informed:
		c.informed(m, e)
	case call.Pressed:
		c.pressed(m, e)
	case call.MediaLost:
		c.mediaLost(m)
	case call.Noticed:
		c.noticed(m, e.News)
	case call.Renamed:
		c.renamed(m, e)
	case call.Ended:
		c.legEnded(m, e)
	case call.Referred:
		c.referred(m, e.Refer)
	}
}

// setState is the only place where a call's state changes.
func (c *ongoing) setState(s State, why string) {
	if log := c.house.log; log.Enabled(context.Background(), slog.LevelDebug) {
		log.Debug("call state", "call", c.id, "tenant", c.from.Tenant, "from", c.state.String(), "to", s.String(), "reason", why)
	}
	c.mu.Lock()
	c.state = s
	c.mu.Unlock()
}

// inTime has a deed done in the loop after d, unless it is stopped or another timer takes its place.
func (c *ongoing) inTime(d time.Duration, do func(*ongoing)) {
	c.stopTimer()
	c.timer = time.AfterFunc(d, func() { c.post(do) })
}

func (c *ongoing) stopTimer() {
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
}
