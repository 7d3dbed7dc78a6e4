package control

import (
	"time"

	"santral/call"
)

// A transfer (decision 20) is told by RFC 5589 with the exchange as the agent of both others: the leg of the transferee
// leaves its call and goes, as a message, into another one, where it stands as the caller: a call that is
// begun for it (blind), or the one whose leg it is to replace (attended). The call that it left waits with
// the transferor until somebody has answered; if nobody does, it gets the transferee back. A transferor that
// did not wait is rung instead.

// referral is a leg's wish to send the other side on.
type referral struct {
	by   *member
	wish *call.Referral
}

// sending is what is known of a leg that was sent on.
type sending struct {
	by     *member
	place  int              // of the leg that was sent on
	notify func(call.Cause) // tells the transferor
	away   bool             // it has gone
	done   bool             // it need not come back
	left   *departure       // the transferor has hung up before it had gone
}

// departure is who ended a call, and why.
type departure struct {
	by    string
	cause call.Cause
}

const (
	// byeWait is how long a transferor that was told of its success may take to hang up.
	byeWait = 3 * time.Second
	// hastyBye is how soon after the news of a failure a phone may have hung up by itself: no person is that
	// quick (baresip 1.0 ends its call whatever became of the transfer).
	hastyBye = time.Second
	// mostLegs bounds the legs that one call may have in its life: a call whose transfers all come back
	// does not grow for ever.
	mostLegs = 100
)

// referred is a party's wish that the other side goes on with somebody else. While something else is under
// way it waits: the hold that comes before most transfers may not be settled yet.
func (c *ongoing) referred(m *member, wish *call.Referral) {
	switch {
	case c.sending != nil || c.refer != nil || c.pulls != nil:
		wish.Notify(call.RequestPending)
	case c.state != Talking || c.other(m) == nil:
		wish.Notify(call.Declined) // a service is nobody's to send on
	case c.hops <= 1 || len(c.members) >= mostLegs:
		wish.Notify(call.TooManyHops)
	case wish.Takes == nil && wish.Number == "":
		wish.Notify(call.BadNumber)
	case c.house.closed():
		wish.Notify(call.ShuttingDown)
	default:
		c.refer = &referral{m, wish}
	}
}

// calm reports that no change of the session is under way between two legs that talk.
func (c *ongoing) calm() bool {
	if c.state == Serving {
		return c.caller().own == nothing
	}
	return c.state != Talking || c.change.from == nil && c.caller().own == nothing && c.callee.own == nothing && c.caller().confirmed && c.callee.confirmed && c.caller().guest == nil
}

// whenCalm does a deed as soon as the call is calm.
func (c *ongoing) whenCalm(do func(*ongoing)) {
	if c.calm() {
		do(c)
		return
	}
	c.later = append(c.later, do)
}

// calmDown does what has waited until the call is calm.
func (c *ongoing) calmDown() {
	for len(c.later) > 0 && c.calm() {
		do := c.later[0]
		c.later = c.later[1:]
		do(c)
	}
	c.referNow()
}

// quiet reports two legs that talk, with nothing under way.
func (c *ongoing) quiet() bool {
	return c.state == Talking && c.calm() && c.refer == nil && c.sending == nil && c.joining == nil && c.pulls == nil && len(c.later) == 0
}

// referNow begins the transfer that waits, once the call is quiet.
func (c *ongoing) referNow() {
	r := c.refer
	if r == nil {
		return
	}
	if c.state >= Frozen {
		c.refer = nil
		r.wish.Notify(call.LostDialog)
		return
	}
	if c.refer = nil; !c.quiet() {
		c.refer = r
		return
	}
	other := c.other(r.by)
	c.sending = &sending{by: r.by, place: c.place(other), notify: r.wish.Notify}
	r.wish.Notify(call.Proceeding(100))
	c.setState(Transferring, "referred")
	c.bridge.Part()
	c.passOn(other, func(c *ongoing) { c.send(other, r.wish) })
}

// send has the other side go: to a call of its own, or into the one that it is to take over.
func (c *ongoing) send(m *member, wish *call.Referral) {
	s := c.sending
	var to call.ID
	var cause call.Cause
	if wish.Takes == nil {
		to, cause = c.sendTo(m, wish)
	} else {
		to, cause = c.sendInto(m, wish)
	}
	if to == "" {
		m.seat.sit(c, m)
		c.stay(cause)
		return
	}
	s.away = true
	c.depart(m, to)
	c.event(call.Event{Kind: call.Transfer, Leg: s.by.id, Other: to}, time.Time{})
	if s.left != nil {
		c.end(s.left.by, s.left.cause)
	}
}

// sendTo begins a call to a number, or to one device of it, for a leg of this one.
func (c *ongoing) sendTo(m *member, wish *call.Referral) (to call.ID, cause call.Cause) {
	by := c.sending.by.toward(m)
	return c.house.startFor(c, m, wish.Number, wish.Device, &by, c)
}

// startFor begins a call to a number with a leg of c as its caller, on the right of who sent it. origin
// gets the leg back when nobody there takes it. by is nil for a leg that has nowhere to go back to.
func (k *Control) startFor(c *ongoing, m *member, number, device string, by *call.Party, origin *ongoing) (call.ID, call.Cause) {
	z := &ongoing{
		house: k, id: k.newID(), from: m.party(), dialled: number, device: device, offer: m.willing(), hops: c.hops - 1, breadth: call.DefaultBreadth, arrived: time.Now(),
		by: by, maker: "transfer", source: c.id,
	}
	z.traits = call.Traits{Privacy: c.privacy(m), Session: m.session}
	if m == c.members[0] {
		z.traits.Fields = c.traits.Fields
	}
	z.traits.Secure = c.traits.Secure // RFC 5630 §5.1: what began safely goes on so
	if by != nil && !c.privacy(c.sending.by).Withholds() {
		z.traits.Referrer = by.Number
	}
	at, p := c.place(m), c.pack(m)
	a := z.seatIn(p) // whoever lists calls sees one with a leg
	if k.ledger.Full() || k.closed() || !k.enter(z, nil) {
		c.release[at] = p.channel
		return "", call.Unavailable
	}
	k.began.Add(1)
	go z.run(func(z *ongoing) {
		z.release[0] = p.channel
		z.host(a, origin, by)
		a.seat.sit(z, a)
		z.begin()
	})
	return z.id, call.Cause{}
}

// host has a leg that is established stand as a caller that waits for its answer.
func (c *ongoing) host(m *member, origin *ongoing, by *call.Party) {
	g := &guest{Leg: m.leg, c: c, m: m, origin: origin, by: by}
	c.mu.Lock()
	m.leg, m.guest, m.answered, m.confirmed = g, g, false, false
	c.mu.Unlock()
}

// stay ends a transfer that never began: both go on with each other, unless one of them has left.
func (c *ongoing) stay(cause call.Cause) {
	s := c.sending
	c.sending = nil
	s.notify(cause)
	c.setState(Talking, cause.Text)
	if s.left != nil {
		c.end(s.left.by, s.left.cause)
		return
	}
	c.connect()
}

// sentRings is told when the target rings.
func (c *ongoing) sentRings(status int) {
	if s := c.sending; s != nil && !s.done && c.state == Transferring {
		s.notify(call.Proceeding(status))
	}
}

// sentAnswered is told when the target has answered: the transferor is told, and may hang up.
func (c *ongoing) sentAnswered() {
	s := c.sending
	if s == nil || s.done || c.state != Transferring {
		return
	}
	s.done = true
	s.notify(call.Cause{SIP: 200, Text: "OK"})
	c.inTime(byeWait, func(c *ongoing) { c.end(exchange, call.Transferred) })
}

// sentLost is told when the leg that was sent on has ended before anybody answered it.
func (c *ongoing) sentLost(cause call.Cause) {
	s := c.sending
	if s == nil || s.done || c.state != Transferring {
		return
	}
	s.done = true
	s.notify(asRefusal(cause))
	c.end([...]string{caller, callee}[s.place], call.NormalClearing)
}

// sentBack is told when nobody took the leg that was sent on: it is here again, and talks with the
// transferor. Where that has left meanwhile, it is rung.
func (c *ongoing) sentBack(p *parcel, cause call.Cause, hops int) {
	s := c.sending
	if c.state != Transferring || s == nil || s.done {
		c.house.strand(c, p)
		return
	}
	c.sending = nil
	m := c.seatIn(p)
	c.release[s.place] = p.channel
	c.moved = true
	c.mu.Lock()
	if s.place == 0 {
		c.lead = m
	} else {
		c.callee = m
	}
	c.mu.Unlock()
	c.hops = min(c.hops, hops)
	c.arrive(m, p.source)
	c.event(call.Event{Kind: call.LegAnswered, Leg: m.id, Codec: m.codec}, time.Time{})
	c.setState(Talking, "the transfer failed")
	m.seat.sit(c, m)
	c.connect()
	c.appear(m, call.Talk)
	c.gaveBack = givenBack{s.by, time.Now()}
	s.notify(asRefusal(cause))
}

// givenBack is a transferor that was given its call back, and when.
type givenBack struct {
	to *member
	at time.Time
}

// hasty has a transferor rung again that hung up in the moment in which it got its call back: the one that it
// wanted to send on has done nothing wrong. It reports whether that is under way.
func (c *ongoing) hasty(m *member, left departure) bool {
	other := c.other(m)
	if c.state != Talking || m != c.gaveBack.to || time.Since(c.gaveBack.at) > hastyBye || m.account == "" || other.over || !c.calm() {
		return false
	}
	c.sending = &sending{by: m, place: c.place(other), notify: func(call.Cause) {}, left: &left}
	c.setState(Transferring, "the transferor hung up at once")
	c.bridge.Part()
	c.giveBackOf(c.place(m)) // its line is free for the call that it is rung by
	c.passOn(other, func(c *ongoing) {
		to, cause := c.house.startFor(c, other, m.account, "", nil, nil)
		if to == "" {
			other.seat.sit(c, other)
			c.stay(cause)
			return
		}
		c.sending.away, c.sending.done = true, true
		c.depart(other, to)
		c.event(call.Event{Kind: call.Transfer, Leg: m.id, Other: to}, time.Time{})
		c.end(left.by, left.cause)
	})
	return true
}

// strand ends a leg that came back to a call which ended in the same moment.
func (k *Control) strand(c *ongoing, p *parcel) {
	p.leg.Hangup(call.NormalClearing)
	if p.channel != nil {
		p.channel()
	}
	m := p.from
	m.over = true
	p.from.seat.sit(c, &m)
}

// handBack has a leg that was sent here, and that nobody takes, go back to where it came from. It reports
// whether that is under way; the call ends then with the leg's going.
func (c *ongoing) handBack(by string, cause call.Cause) bool {
	if len(c.members) == 0 {
		return false
	}
	m := c.caller()
	g := m.guest
	if g == nil || g.asked {
		return false
	}
	if m.over || c.stopped {
		if g.origin != nil {
			g.origin.post(func(o *ongoing) { o.sentLost(cause) })
		}
		return false
	}
	if m.leaving {
		return true
	}
	if g.by == nil {
		return c.explain(g, by, cause)
	}
	c.dismiss(cause)
	c.passOn(m, func(c *ongoing) { c.goBack(m, by, cause) })
	return true
}

// dismiss ends all that was tried for a guest.
func (c *ongoing) dismiss(cause call.Cause) {
	c.stopTimer()
	if c.story != nil {
		c.story.stop()
	}
	c.bridge.Part()
	c.disperse(cause)
	if c.joining != nil {
		c.joining.ringing = false // the hunt is over
		c.joinOver(cause)
	}
	for l := range c.rung {
		if !l.over {
			c.hangup(l, cause)
		}
	}
	c.giveBackOf(1)
	c.leaveOutside()
}

// goBack sends a leg back to its call, or, where that is over, to a new one with who sent it.
func (c *ongoing) goBack(m *member, by string, cause call.Cause) {
	g := m.guest
	to := call.ID("")
	if origin := g.origin; origin != nil {
		p := c.pack(m)
		if origin.post(func(o *ongoing) { o.sentBack(p, cause, c.hops) }) {
			to = origin.id
		} else {
			c.release[0] = p.channel
		}
	}
	if to == "" && g.by.Account != "" {
		to, _ = c.house.startFor(c, m, g.by.Account, "", nil, nil)
	}
	if to == "" {
		m.seat.sit(c, m)
		g.by, g.origin = nil, nil
		c.end(by, cause)
		return
	}
	c.depart(m, to)
	c.close(by, cause)
}

// referOver tells whoever waits for news of a transfer that none will come from this call.
func (c *ongoing) referOver(cause call.Cause) {
	if r := c.refer; r != nil {
		c.refer = nil
		r.wish.Notify(call.LostDialog)
	}
	if s := c.sending; s != nil && !s.done {
		s.done = true
		s.notify(asRefusal(cause))
	}
}
