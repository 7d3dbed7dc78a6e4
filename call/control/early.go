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
