package control

import (
	"time"

	"santral/call"
)

// now tells which call a leg is in, and as what.
func (s *seat) now() (*ongoing, *member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.in, s.of
}

// place is where a leg stands in its call: 0 as the caller, 1 as the callee, -1 beside.
func (c *ongoing) place(m *member) int {
	switch m {
	case c.caller():
		return 0
	case c.callee:
		return 1
	}
	return -1
}

// occupy gives a leg the place of another one, and its channel with it.
func (c *ongoing) occupy(place int, m *member, channel func()) {
	if free := c.release[place]; free != nil {
		free()
	}
	c.release[place] = channel
	c.moved = true
	c.mu.Lock()
	if place == 0 {
		c.lead = m
	} else {
		c.callee = m
	}
	c.mu.Unlock()
	if place == 0 {
		c.event(call.Event{Kind: call.LegLeads, Leg: m.id}, time.Time{})
	}
}

// sendInto has a leg go to the call in which it is to take the place of a leg of the transferor's.
func (c *ongoing) sendInto(m *member, wish *call.Referral) (to call.ID, cause call.Cause) {
	s, ok := wish.Takes.(*seat)
	if !ok {
		return "", call.LostDialog
	}
	into, old := s.now()
	if into == nil || into == c {
		return "", call.LostDialog
	}
	p, by, at := c.pack(m), c.sending.by.party(), c.place(m)
	if !into.post(func(o *ongoing) { o.whenCalm(func(o *ongoing) { o.takeOver(old, p, wish.Early, by, c) }) }) {
		c.release[at] = p.channel
		return "", call.LostDialog
	}
	return into.id, call.Cause{}
}

// takeOver takes a leg that is to stand in the place of another one: where that talks, at once; where it is
// a caller that nobody has answered yet, as the caller that waits (RFC 5589 §7.3, §7.6). What does not
// fit goes back where it came from.
func (c *ongoing) takeOver(old *member, p *parcel, early bool, by call.Party, origin *ongoing) {
	var no call.Cause
	switch {
	case c.state >= Frozen || old.over || old.leaving:
		no = call.LostDialog
	case by.Tenant != old.tenant:
		no = call.LostDialog
	case by.Account != old.account || by.Trunk != old.trunk: // whoever looks at lamps knows how the dialogs of others are called
		no = call.Forbidden
	case early && old.answered:
		no = call.Busy
	case c.sending != nil || c.joining != nil || c.pulls != nil || len(c.members) >= mostLegs:
		no = call.RequestPending
	case c.state == Talking && c.other(old) != nil && old.guest == nil && c.other(old).guest == nil:
		m := c.seatIn(p)
		c.arrive(m, p.source)
		c.event(call.Event{Kind: call.LegAnswered, Leg: m.id, Codec: m.codec}, time.Time{})
		c.replaced(old, m, p.channel)
		m.seat.sit(c, m)
		origin.post((*ongoing).sentAnswered)
		return
	case c.offer == nil && (c.agreed != nil || c.early != nil): // who rings knows what the other can do already
		no = call.RequestPending
	case c.state == Ringing && old == c.caller() && old.guest == nil:
		c.ready = false
		m := c.seatIn(p)
		c.arrive(m, p.source)
		c.occupy(0, m, p.channel)
		c.host(m, origin, &by)
		c.hangup(old, call.Cause{Q850: call.Replaced.Q850, SIP: 487, Text: call.Replaced.Text})
		m.seat.sit(c, m)
		c.early = nil
		c.bridge.Part()
		if c.rang {
			m.leg.Progress(call.Progress{Status: 180})
		}
		return
	default:
		no = call.RequestPending
	}
	if !origin.post(func(o *ongoing) { o.sentBack(p, no, o.hops) }) {
		c.house.strand(c, p)
	}
}

// replaced has a leg stand in the place of one that talks, which is hung up.
func (c *ongoing) replaced(old, m *member, channel func()) {
	other := c.other(old)
	c.bridge.Part()
	c.occupy(c.place(old), m, channel)
	c.hangup(old, call.Replaced)
	c.connect()
	c.appear(m, call.Talk)
	c.reappear(other)
	c.introduce(m, other, call.Party{}, call.Traits{})
	c.meet(other, m)
}

// joining is a leg that came to take the place of another one, until its session stands.
type joining struct {
	m, old  *member
	channel func() // its own, nil where it uses the other's
	ringing bool   // the other one rings: a pick-up
}

// replace takes a new inbound leg that is to stand in the place of another one (RFC 3891 §3).
func (k *Control) replace(leg call.Leg, a call.Arrival) call.Inbox {
	s, ok := a.Replaces.Leg.(*seat)
	if !ok {
		leg.Reject(call.LostDialog)
		return nil
	}
	c, old := s.now()
	from := a.From
	m := &member{leg: leg, dir: call.In, tenant: from.Tenant, account: from.Account, trunk: from.Trunk, number: from.Number, who: &from, said: a.Offer,
		privacy: a.Traits.Privacy, session: a.Traits.Session}
	m.seat = &seat{in: c, of: m}
	if c == nil || !c.post(func(c *ongoing) { c.join(m, old, a.Replaces.Early) }) {
		leg.Reject(call.LostDialog)
		return nil
	}
	return m.seat
}

// join lets a new leg in that takes the place of another one. Its own session stands first, with media
// that ends here; then the others are told of it.
func (c *ongoing) join(m, old *member, early bool) {
	no := call.Cause{}
	same := m.account == old.account && m.trunk == old.trunk
	ringing := c.state == Ringing && old.dir == call.Out && old != c.caller()
	switch {
	case c.state >= Frozen || old.over:
		no = call.Declined // RFC 3891 §3: a dialog that has ended
	case !old.answered && !ringing: // RFC 3891 §3: an early dialog that its own side has begun
		no = call.LostDialog
	case m.tenant != old.tenant:
		no = call.LostDialog
	case !same && (m.account == "" || old.account == "" || c.house.pickup == nil || !c.house.pickup(*m.who, old.account)):
		no = call.Forbidden
	case old.answered && (early || !same): // who may pick up may not take what somebody has answered
		no = call.Busy
	case c.joining != nil || c.sending != nil || c.pulls != nil || old.leaving || old.guest != nil || len(c.members) >= mostLegs:
		no = call.RequestPending
	case !ringing && (c.state != Talking || c.other(old) == nil):
		no = call.RequestPending
	}
	j := &joining{m: m, old: old, ringing: ringing}
	if no.SIP == 0 && !same && !c.from.Trusted {
		taken := c.ask(call.Taking{Tenant: m.tenant, Account: m.account, Dir: call.In})
		if j.channel = taken.Release; taken.Refusal != nil {
			no = *taken.Refusal
		}
	}
	if no.SIP != 0 {
		m.over = true
		m.leg.Reject(no)
		return
	}
	m.id = c.nextID()
	c.add(m)
	c.event(call.Event{Kind: call.LegBegan, Leg: m.id, Detail: m.detail(m.leg.Detail())}, time.Time{})
	c.appear(m, call.Trying)
	c.joining = j
	c.mu.Lock()
	m.answered = true
	c.mu.Unlock()
	m.leg.Answer(nil)
}

// joinConfirmed is the ACK of a leg that takes another's place.
func (c *ongoing) joinConfirmed(m *member) {
	m.confirmed = true
	c.whenCalm(func(c *ongoing) {
		if c.joining != nil && c.joining.m == m && !m.over {
			c.joinNow()
		}
	})
}

// joinNow puts a leg whose session stands into its place, or asks it what it can do for a caller.
func (c *ongoing) joinNow() {
	j := c.joining
	switch {
	case j.old.over && !j.ringing || j.old.leaving || c.sending != nil || j.ringing != (c.state == Ringing):
		c.joinOver(call.AnsweredElsewhere)
	case j.ringing:
		j.m.leg.Offer(c.offer)
	default:
		c.joining = nil
		c.event(call.Event{Kind: call.LegAnswered, Leg: j.m.id}, time.Time{})
		channel := j.channel
		if at := c.place(j.old); channel == nil { // the same account goes on with its channel
			channel, c.release[at] = c.release[at], nil
			c.mu.Lock()
			j.m.counted = j.old.counted
			c.mu.Unlock()
		}
		c.replaced(j.old, j.m, channel)
	}
}

// joinAccepted is what a leg that picks up another's call can do: it is the answer to the caller.
func (c *ongoing) joinAccepted(e *call.LegEvent) {
	j := c.joining
	if c.state != Ringing || e.Desc == nil {
		c.joinOver(call.AnsweredElsewhere)
		return
	}
	c.joining = nil
	e.Who, e.Privacy, e.Session = j.m.who, j.m.privacy, j.m.session // whom the caller has reached instead
	if j.channel != nil {
		if free := c.release[1]; free != nil {
			free()
		}
		c.release[1] = j.channel
	}
	c.wasAnswered(j.m, e)
}

// joinOver gives up a leg that wanted another's place.
func (c *ongoing) joinOver(cause call.Cause) {
	j := c.joining
	c.joining = nil
	if j.channel != nil {
		j.channel()
	}
	if !j.m.over {
		c.hangup(j.m, cause)
	}
	if j.ringing && c.state == Ringing && c.best.SIP != 0 { // what was refused meanwhile counts after all
		c.lost(c.best)
	}
}
