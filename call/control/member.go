package control

import (
	"time"

	"santral/call"
	"santral/media"
	"santral/media/sdp"
	"santral/media/session"
)

// member is one leg of a call and what the call knows of it. The loop owns it; what Calls shows is
// changed under the call's mu.
type member struct {
	seat     *seat // where the leg posts
	id       call.LegID
	leg      call.Leg
	dir      call.Direction
	tenant   string
	account  string
	trunk    string // by which the leg came or goes, "" for an account's
	number   string
	presents string // number that others outside of its tenant know it by, "" for number
	name     string
	who      *call.Party   // who its peer was identified as, nil for whom was called
	privacy  call.Privacy  // what its peer wants withheld, of one that did not begin the call
	session  string        // its peer's half of the Session-ID (RFC 7989), "" while it is not known
	target   string        // request URI of a leg outwards
	breadth  int           // its share of the branches that the call may have
	ways     []call.Target // that are left to the same phone

	said       *sdp.Description // what its peer can do: its last offer, or its answer when it never made one
	early      *sdp.Description // the last description of its provisional answers
	owed       bool             // its offer in one of them waits for the caller's answer
	settled    bool             // and has it
	rang       bool             // a 180 came
	progressed bool             // a 183 came
	well       bool             // its trunk was told that it works
	sound      uint8            // what its trunk was told of its media
	answered   bool
	confirmed  bool    // its ACK has been sent or has come: it can change its session
	held       bool    // its peer holds the other
	key        keyTold // the last key that its peer told
	over       bool    // it has ended, or was told to
	void       int     // Refused events to come for offers that another change made void
	own        asking  // what it was offered by us alone, and has not answered yet
	leaving    bool    // it is on its way to another call
	guest      *guest  // it is established, and stands here as a caller that waits for its answer
	counted    call.ID // the call that its account's channel was taken for
	codec      string
	shown      call.Appearing // what the board was told last
	lamp       call.Lamp      // of its account, nil while nothing was
	notices    []call.Notice  // what its record tells of its media
	beside     *beside        // what only stories' calls and music need; nil for nothing
	missing    *missing       // it is silent, and is asked where it is
}

// beside is what is known of a leg in few calls.
type beside struct {
	tune   media.Source // what whom its peer holds hears; nil for nothing of ours
	knows  *member      // in a story's call: whose session it was told of last; nil: ours
	branch *branch      // of a story's Dial, until that has somebody

	pull    *pull // it rings, or has answered, for the place of another
	steered bool  // a program holds for it
	typing  bool  // a program presses its keys
}

// aside reads it.
func (m *member) aside() beside {
	if m.beside == nil {
		return beside{}
	}
	return *m.beside
}

// besides makes it, to be written into.
func (m *member) besides() *beside {
	if m.beside == nil {
		m.beside = &beside{}
	}
	return m.beside
}

// party is who the leg's peer is to others.
func (m *member) party() call.Party {
	if m.who != nil {
		return *m.who
	}
	return call.Party{Tenant: m.tenant, Account: m.account, Name: m.name, Number: m.number, Trunk: m.trunk}
}

// media is the leg's session, nil for a leg without media.
func (m *member) media() *session.Session { return m.leg.Media() }

// detail is the leg's own account of itself, with what the call knows better.
func (m *member) detail(d call.LegDetail) *call.LegDetail {
	d.Direction = m.dir
	d.Tenant, d.Account, d.Trunk = m.tenant, m.account, m.trunk
	if d.Number == "" {
		d.Number = m.number
	}
	if d.Target == "" {
		d.Target = m.target
	}
	return &d
}

// speaks notes the format that a leg's session agreed on; "" changes nothing.
func (c *ongoing) speaks(codec string, members ...*member) {
	if codec == "" {
		return
	}
	c.mu.Lock()
	for _, m := range members {
		m.codec = codec
	}
	c.mu.Unlock()
}

// seat gives a new leg's inbox.
func (c *ongoing) seat(m *member) *seat {
	if m.seat == nil {
		m.seat = &seat{in: c, of: m}
	}
	return m.seat
}

func (c *ongoing) add(m *member) {
	c.seat(m)
	if m.counted == "" {
		m.counted = c.id
	}
	c.mu.Lock()
	c.members = append(c.members, m)
	c.mu.Unlock()
}

// caller is the leg that began the call, or the one that stands in its place now.
func (c *ongoing) caller() *member {
	if c.lead != nil {
		return c.lead
	}
	return c.members[0]
}

// rung walks the legs outwards that this call has tried for its callee.
func (c *ongoing) rung(yield func(*member) bool) {
	for _, m := range c.members {
		if m.dir == call.Out && m != c.caller() && !yield(m) {
			return
		}
	}
}

// other is the leg that m is joined with, nil when there is none.
func (c *ongoing) other(m *member) *member {
	switch {
	case c.callee == nil:
		return nil
	case m == c.callee:
		return c.caller()
	case m == c.caller():
		return c.callee
	}
	return nil
}

// nextID names the next leg: "a" … "z", then "aa" …
func (c *ongoing) nextID() call.LegID {
	n := len(c.members)
	if n < 26 {
		return call.LegID(letters[n : n+1])
	}
	return call.LegID([]byte{letters[n/26-1], letters[n%26]})
}

const letters = "abcdefghijklmnopqrstuvwxyz"

// event appends one event to the ledger. at is when it happened on the wire, zero for now.
func (c *ongoing) event(e call.Event, at time.Time) {
	e.Call, e.At = c.id, c.stamp(at)
	c.house.ledger.Append(e)
}

// stamp gives the time of an event: UTC, to the microsecond, never before the last one.
func (c *ongoing) stamp(at time.Time) time.Time {
	if at.IsZero() {
		at = time.Now()
	}
	at = at.UTC().Truncate(time.Microsecond)
	if at.Before(c.last) {
		return c.last
	}
	c.last = at
	return at
}

// codecOf names the format that a description's first living line puts first: in an answer, what is
// spoken. A line that carries no RTP gives its protocol ("udptl").
func codecOf(d *sdp.Description) string {
	if d == nil {
		return ""
	}
	for i := range d.Media {
		l := &d.Media[i]
		if l.Rejected() {
			continue
		}
		if !l.RTP() {
			return l.Proto
		}
		if f := first(l); f.Name != "" {
			return f.Name
		}
	}
	return ""
}

// holds reports that who wrote an offer holds its peer with it: no living line of it receives.
func holds(d *sdp.Description) bool {
	if d == nil {
		return false
	}
	held := false
	for i := range d.Media {
		l := &d.Media[i]
		if l.Rejected() {
			continue
		}
		if !l.Held(d) {
			return false
		}
		held = true
	}
	return held
}
