package control

import "santral/call"

// confirmed is the caller's ACK. With a call that began without an offer it brings the answer, which
// the callee waits for (RFC 3261 §13.2.2.4).
func (c *ongoing) confirmed(m *member, e *call.LegEvent) {
	if c.joining != nil && m == c.joining.m {
		c.joinConfirmed(m)
		return
	}
	if m != c.caller() || m.confirmed || !m.answered {
		return
	}
	m.confirmed = true
	m.hears(e.Desc, false)
	if c.story != nil {
		c.story.confirmed()
		if c.served() {
			return
		}
	}
	if c.offer == nil && c.callee != nil && !c.callee.confirmed {
		if e.Desc == nil {
			c.end(exchange, call.NotAcceptable)
			return
		}
		c.agree(e.Desc)
	}
	c.changeNow()
}

// informed passes an INFO on to the other side of the call; a key in it goes there in the way that keys go.
func (c *ongoing) informed(m *member, e *call.LegEvent) {
	if e.Digit != 0 {
		c.pressed(m, e)
		return
	}
	if to := c.other(m); to != nil && c.state == Talking {
		to.leg.Inform(e.Info)
	}
}
