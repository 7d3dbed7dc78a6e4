package control

import (
	"santral/call"
	"santral/media/sdp"
)

// onItsWay passes on that the call is forwarded (181) or waits in a queue (182), the first time each.
func (c *ongoing) onItsWay(status int) {
	bit := uint8(1) << (status - 181)
	if c.passed&bit == 0 {
		c.passed |= bit
		c.caller().leg.Progress(call.Progress{Status: status})
	}
}

// offeredEarly judges the offer of a provisional answer (RFC 3262 §5): the caller, who made none, gets it
// and answers it by its PRACK. What the caller can't be given is declined; then nil comes back.
func (c *ongoing) offeredEarly(m *member, desc *sdp.Description) *sdp.Description {
	if !c.ready || c.early != nil || c.agreed != nil || desc == nil {
		m.leg.Refuse(call.NotAcceptable)
		return nil
	}
	m.owed = true
	return desc
}

// agree gives the caller's answer to whoever made the offer, which the caller had in a provisional answer
// or in our 200.
func (c *ongoing) agree(answer *sdp.Description) {
	a, to := c.caller(), c.callee
	if to == nil {
		c.agreed = answer
		if to = c.early; to == nil || !to.owed {
			return // it is gone meanwhile
		}
	}
	c.speaks(codecOf(answer), a, to)
	to.owed, to.settled = false, true
	if to == c.callee {
		to.confirmed = true
	}
	to.leg.Accept(answer)
}

// otherEarly is whom a change concerns besides m before the answer: the caller, and the leg that it hears
// (RFC 3311 §5). Whether its peer can be asked so early is for the leg to say.
func (c *ongoing) otherEarly(m *member) *member {
	switch {
	case c.early == nil || c.early.over:
		return nil
	case m == c.caller():
		return c.early
	case m == c.early:
		return c.caller()
	}
	return nil
}

// changedEarly keeps what a leg outwards has said last: it is what its 200 means.
func (c *ongoing) changedEarly(h change, offer, answer *call.LegEvent) {
	switch {
	case h.to.dir == call.Out:
		h.to.early = answer.Desc
		if offer != nil {
			h.from.early = offer.Desc // it may hold already whom it has not reached yet
		}
	case offer != nil:
		h.from.early = offer.Desc
	}
}

// leftChange ends a change whose one party is gone.
func (c *ongoing) leftChange(m *member) {
	if h := c.change; h.from == m || h.to == m {
		c.dropChange()
	}
}

// dropChange refuses the change that is under way, as nobody is left to answer it.
func (c *ongoing) dropChange() {
	h := c.change
	c.change = change{}
	if h.from != nil && !h.from.over && c.state < Frozen {
		h.from.leg.Refuse(call.RequestPending)
	}
}
