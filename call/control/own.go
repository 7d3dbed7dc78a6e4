package control

import "santral/call"

// A leg of a story's call whose media ends with the house is asked, and answers, for itself alone.

// settle ends a change that was under way between the two as far as it is one's: who asked for it is answered by us. It
// reports whether that is so.
func (c *ongoing) settle(h change, a *member) (answered bool) {
	switch {
	case h.from == nil:
	case h.from == a && !h.own && !h.given: // it asked for something
		a.leg.Accept(nil)
		if h.offer.Desc != nil {
			a.hears(h.offer.Desc, true)
			c.hold(a, holds(h.offer.Desc), h.offer)
		}
		return true
	case h.from == a && h.own && h.given: // it was offered what the other could do
		a.own = anAnswer
	case h.to == a && h.sent && h.given && h.late: // it has made an offer, which nobody answers any more
		a.leg.Accept(nil)
		return true
	case h.to == a && h.sent && !h.given && h.late:
		a.own = anOffer
	case h.to == a && h.sent && !h.given:
		a.own = anAnswer
	}
	return false
}

// asking is what the exchange alone has asked a leg for.
type asking uint8

const (
	nothing  asking = iota
	anAnswer        // it was offered something that is of no matter any more
	anOffer         // it says what it can do, and is answered by us
)

// askOwn asks a leg whose media ends here what it can do.
func (c *ongoing) askOwn(m *member) {
	if m.own != nothing || !m.confirmed || m.over {
		return
	}
	m.own = anOffer
	m.leg.Offer(nil)
}

// answeredOwn is a leg's answer to what we alone have asked it; it reports whether it was that.
func (c *ongoing) answeredOwn(m *member, e *call.LegEvent) bool {
	was := m.own
	if was == nothing {
		return false
	}
	m.own = nothing
	if was == anOffer && e.Kind == call.Accepted && e.Desc != nil {
		m.leg.Accept(nil)
		m.hears(e.Desc, true)
		m.besides().knows = nil
	}
	c.changeNow()
	return true
}
