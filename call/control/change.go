package control

import (
	"santral/call"
	"santral/media/session"
)

// change is one change of the session that one party asked for and that passes through to the other:
// hold, resume, another codec, another line (RFC 3264 §8). At most one is under way in a call.
type change struct {
	from, to *member // nil: no change is under way
	offer    *call.LegEvent
	sent     bool // the other side was asked
	late     bool // from asked for an offer instead of making one (RFC 3261 §14.1)
	given    bool // late: the other side's offer was given to from, whose answer is awaited
	own      bool // the exchange asks, so that two legs agree which were joined
	first    bool // own: from has not been told anything yet
	round    int  // own: how many came before
	seek     bool // own: to is silent, and is asked where it is; its no changes nothing
}

// offered is a party's wish to change the session.
func (c *ongoing) offered(m *member, e *call.LegEvent) {
	if m == c.gaveBack.to {
		c.gaveBack.to = nil // it goes on with its call
	}
	if g := m.guest; g != nil { // whatever it wants, it is offered something else
		m.leg.Refuse(call.RequestPending)
		return
	}
	if c.served() {
		if !m.answered {
			m.leg.Refuse(call.RequestPending)
			return
		}
		m.leg.Accept(nil) // the media ends here
		m.besides().knows = nil
		m.hears(e.Desc, true)
		if e.Desc != nil {
			c.hold(m, holds(e.Desc), e)
		}
		return
	}
	to := c.other(m)
	if c.state == Ringing {
		to = c.otherEarly(m)
	}
	switch {
	case c.state != Talking && c.state != Ringing || to == nil:
		m.leg.Refuse(call.RequestPending)
		return
	case c.change.to == m && !c.change.given:
		// Both want a change at once, and this one arrived before our offer could leave: the leg will
		// refuse that offer with 491, so the party that made it is told so and this one goes on.
		if c.change.sent {
			m.void++
		}
		if !c.change.own {
			c.change.from.leg.Refuse(call.RequestPending)
		}
	case c.change.from != nil:
		m.leg.Refuse(call.RequestPending) // RFC 3261 §14.2
		return
	}
	c.change = change{from: m, to: to, offer: e, late: e.Desc == nil}
	c.changeNow()
}

// changeNow asks the other side, once its ACK has come or gone: before that it can't be asked
// (RFC 3261 §14.1).
func (c *ongoing) changeNow() {
	h := &c.change
	if h.to == nil || h.sent || h.to.answered && !h.to.confirmed || h.to.own != nothing {
		return
	}
	h.sent = true
	h.to.leg.Offer(c.hearable(h.from, h.offer.Desc))
}

// accepted is the answer to a change: of the side that was asked, or, where the asking side wanted an
// offer, its answer to that.
func (c *ongoing) accepted(m *member, e *call.LegEvent) {
	h := c.change
	switch {
	case c.answeredOwn(m, e):
	case m.guest != nil:
		c.guestAccepted(m, e)
	case c.joining != nil && m == c.joining.m:
		c.joinAccepted(e)
	case m == c.caller() && c.offer == nil && c.agreed == nil && e.Desc != nil && (c.state == Ringing || c.callee != nil && !c.callee.confirmed):
		c.agree(e.Desc)
	case h.from == nil || !h.sent:
	case h.own && (m == h.to && !h.given || m == h.from && h.given):
		c.proposed(m, e)
	case m == h.to && !h.given:
		if e.Desc == nil {
			c.change = change{}
			h.from.leg.Refuse(call.NotAcceptable)
			return
		}
		if h.late {
			c.change.given = true
		} else {
			c.changed(h.offer, e) // before the phone knows: it may call out the next moment
		}
		d := e.Desc
		if h.to.held { // it holds on, whatever the one that it holds wants
			d = c.hearable(h.to, d)
		}
		h.from.leg.Accept(d)
	case m == h.from && h.given:
		if e.Desc == nil { // an offer without an answer leaves nothing to talk with
			c.end(exchange, call.NotAcceptable)
			return
		}
		h.to.leg.Accept(c.hearable(h.from, e.Desc))
		c.changed(nil, e)
	}
}

// changed ends a change that both sides have agreed to. offer is nil where the other side made it.
func (c *ongoing) changed(offer, answer *call.LegEvent) {
	h := c.change
	c.change = change{}
	c.speaks(codecOf(answer.Desc), h.from, h.to)
	if c.state == Ringing { // nobody holds a call that is not answered
		c.changedEarly(h, offer, answer)
		return
	}
	if offer != nil {
		h.from.hears(offer.Desc, true)
		h.to.hears(answer.Desc, false)
		c.hold(h.from, holds(offer.Desc), answer)
	} else {
		c.hold(h.from, holds(answer.Desc), answer)
	}
}

// hold writes down that a party's phone holds the other, or no longer does.
func (c *ongoing) hold(m *member, held bool, e *call.LegEvent) {
	if m.steadied(held) || m.held == held {
		return
	}
	c.mu.Lock()
	m.held = held
	c.mu.Unlock()
	kind := call.LegResumed
	if held {
		kind = call.LegHeld
	}
	c.event(call.Event{Kind: kind, Leg: m.id}, e.At)
	if c.state == Talking && c.house.music != nil {
		c.connect()
	}
	c.tellHeld(m)
	c.reappear(m)
	if c.story != nil && m == c.caller() {
		if seat := c.room(); seat != nil {
			seat.Hold(held)
		}
		c.story.hold(held)
	}
}

// tellHeld tells whoever counts channels, where it wants to know.
func (c *ongoing) tellHeld(m *member) {
	if w, ok := c.house.channels.(call.HoldWatcher); ok && !c.from.Trusted {
		w.Held(m.counted, m.tenant, m.account, m.held)
	}
}

// refused is the other side's no to a change: the session goes on as it was.
func (c *ongoing) refused(m *member, e *call.LegEvent) {
	if m.void > 0 {
		m.void--
		return
	}
	switch h := c.change; {
	case c.answeredOwn(m, e):
		return
	case m.guest != nil:
		c.guestRefused(m, e)
		return
	case c.joining != nil && m == c.joining.m:
		c.joinOver(e.Cause)
		return
	case h.own && h.sent && (m == h.to || m == h.from && h.given):
		c.change = change{}
		if c.story != nil { // the two are joined by the sound that each of them has agreed on
			h.from.besides().knows, h.to.besides().knows = nil, nil
			if h.given {
				h.to.leg.Accept(nil) // it said what it can do, and is answered by us
			}
		} else if e.Cause.SIP != call.RequestPending.SIP && !h.seek {
			c.end(exchange, e.Cause)
		}
		return
	}
	if h := c.change; h.to == m && h.sent && !h.given {
		c.change = change{}
		h.from.leg.Refuse(e.Cause)
		if m := h.from.media(); m != nil && e.Cause.SIP == call.NotAcceptable.SIP && session.OnlyFax(h.offer.Desc) {
			m.CarryFax() // it is sent as sound now (ITU-T V.152)
		}
	}
}
