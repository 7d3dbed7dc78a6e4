package control

import (
	"time"

	"santral/call"
	"santral/media/sdp"
)

// guest makes an established leg what a call knows how to serve: a caller that waits for its answer. So a
// call that somebody was sent to, or that a program asked for, is routed, rung, answered or refused like any
// other. Ringing is a tone that its phone is played; the answer is a change of its session
// (RFC 3725 §4.1, RFC 5589 §6.1).
type guest struct {
	call.Leg // the leg itself
	c        *ongoing
	m        *member
	origin   *ongoing         // the call that it came from and is given back to; nil for none
	by       *call.Party      // who sent it here, and is rung when it can't go back; nil for nobody
	answer   *sdp.Description // what its phone was offered; nil where the media ends here
	who      call.Party       // whom it has reached, and what of that it may not be told
	withheld call.Traits
	asked    bool // its phone was offered that
	tries    int
	told     bool // it hears that nobody takes it
}

// maxTries bounds how often an answer is offered to a phone whose own changes come in between.
const maxTries = 5

// Progress has the guest hear that it rings; whom it came from is told.
func (g *guest) Progress(p call.Progress) {
	if g.origin != nil {
		g.origin.post(func(c *ongoing) { c.sentRings(p.Status) })
	}
	if p.Status == 180 && p.Early == nil && g.c.early == nil {
		g.c.bridge.Serve(g.m.media(), g.c.tones(g.m).Ringback().Play(), nil)
	}
}

// Answer brings the guest's session in line with who has answered; whom it came from is told that it may
// go.
func (g *guest) Answer(d *sdp.Description) {
	if g.asked {
		return
	}
	g.asked, g.answer = true, d
	g.Leg.Connected(g.who, g.withheld)
	g.Leg.Offer(d)
	if g.origin != nil {
		g.origin.post((*ongoing).sentAnswered)
	}
}

// Connected keeps whom the guest has reached until they speak: its phone shows whom it spoke with last.
func (g *guest) Connected(who call.Party, t call.Traits) {
	if who != (call.Party{}) {
		g.who = who
	}
	g.withheld = t
}

// Reject ends the leg.
func (g *guest) Reject(c call.Cause) { g.Leg.Hangup(c) }

// guestAccepted is the phone's answer to what it was offered, or, where the media ends here, its offer.
func (c *ongoing) guestAccepted(m *member, e *call.LegEvent) {
	g := m.guest
	if !g.asked {
		return
	}
	if e.Desc == nil { // nothing to talk with
		c.end(exchange, call.NotAcceptable)
		return
	}
	c.unwrap(m)
	if g.answer == nil {
		m.leg.Accept(nil)
	}
	m.hears(e.Desc, g.answer == nil)
	late := c.offer == nil
	c.confirmed(m, &call.LegEvent{Kind: call.Confirmed, At: e.At, Desc: e.Desc})
	if c.state != Talking {
		return
	}
	c.introduce(m, c.callee, g.who, g.withheld)
	if !late && g.answer != nil && !agrees(g.answer, e.Desc) {
		c.propose(m, c.callee, e.Desc)
	}
}

// guestRefused is the phone's no. One that is busy with a change of its own is asked again.
func (c *ongoing) guestRefused(m *member, e *call.LegEvent) {
	g := m.guest
	if g.tries++; e.Cause.SIP == call.RequestPending.SIP && g.tries < maxTries {
		g.Leg.Offer(g.answer)
		return
	}
	c.end(exchange, e.Cause)
}

// unwrap makes the guest an ordinary leg of the call.
func (c *ongoing) unwrap(m *member) {
	c.mu.Lock()
	m.leg, m.guest = m.guest.Leg, nil
	c.mu.Unlock()
}

// introduce tells two legs that have never spoken with each other who the other is (RFC 4916). who, where it
// is not zero, is better known of b than what the call itself knows.
func (c *ongoing) introduce(a, b *member, who call.Party, t call.Traits) {
	if who == (call.Party{}) {
		who, t = b.toward(a), call.Traits{Privacy: c.privacy(b)}
	}
	if t.Session == "" {
		t.Session = b.session
	}
	a.leg.Connected(who, t)
	b.leg.Connected(a.toward(b), call.Traits{Privacy: c.privacy(a), Session: a.session})
}

// privacy is what a leg's peer wants withheld.
func (c *ongoing) privacy(m *member) call.Privacy {
	if m == c.members[0] {
		return c.traits.Privacy
	}
	return m.privacy
}

// parcel is a leg on its way between two calls, with all that belongs to it.
type parcel struct {
	leg     call.Leg
	from    member // what it was
	channel func() // its account's channel, nil for none
	source  call.ID
	reel    *reel // what somebody has wished of its recording
}

// pack makes a parcel of a leg. Its channel goes with it.
func (c *ongoing) pack(m *member) *parcel {
	p := &parcel{leg: m.leg, from: *m, source: c.id, reel: c.reel.elsewhere()}
	p.from.privacy = c.privacy(m)
	if m.who != nil {
		who := *m.who
		p.from.who = &who
	}
	if m.guest != nil {
		p.leg = m.guest.Leg
	}
	if i := c.place(m); i >= 0 {
		p.channel, c.release[i] = both(c.release[i], c.outside), nil
		c.outside = nil
	}
	return p
}

// depart writes down that a leg has gone on to another call.
func (c *ongoing) depart(m *member, to call.ID) {
	cause, detail := call.Transferred, m.leg.Detail()
	c.mu.Lock()
	m.over = true
	if m.guest != nil {
		m.leg, m.guest = m.guest.Leg, nil
	}
	c.mu.Unlock()
	c.event(call.Event{Kind: call.LegEnded, Leg: m.id, Cause: &cause, Codec: m.codec, Detail: m.detail(detail), Other: to}, time.Time{})
	c.appear(m, call.Gone)
}

// seatIn makes a leg that comes from another call a member of this one. What it says is heard from now on.
func (c *ongoing) seatIn(p *parcel) *member {
	f := &p.from
	m := &member{
		seat: f.seat, id: c.nextID(), leg: p.leg, dir: f.dir, tenant: f.tenant, account: f.account, trunk: f.trunk, number: f.number, name: f.name, target: f.target, who: f.who,
		presents: f.presents, privacy: f.privacy, session: f.session, said: f.said, answered: true, confirmed: true, held: f.held && !f.aside().steered, codec: f.codec, counted: f.counted,
	}
	c.add(m)
	if c.reel == nil {
		c.reel = p.reel
	}
	return m
}

// arrive writes down that a leg has come, and from where.
func (c *ongoing) arrive(m *member, from call.ID) {
	c.event(call.Event{Kind: call.LegBegan, Leg: m.id, Detail: m.detail(m.leg.Detail()), Other: from}, time.Time{})
}
