package control

import "santral/call"

// named tells the caller whom it has reached, as an answer of a leg outwards says it: the account that rings,
// whatever its phone says of itself, or what a trusted trunk says of who is behind it.
func (c *ongoing) named(m *member, e *call.LegEvent) {
	m.session = e.Session
	if e.Who != nil || e.Privacy != 0 { // an account that is withheld is so from whom it is sent to; who called it knows it
		m.privacy = e.Privacy
	}
	switch {
	case e.Who != nil:
		m.who = e.Who
		c.reached, c.withheld = *e.Who, e.Privacy
	case e.Conceal:
		c.withheld = e.Privacy
	}
	if e.Who == nil && c.introduced && c.session == e.Session {
		return
	}
	c.introduced, c.session = true, e.Session
	c.caller().leg.Connected(c.reached, call.Traits{Privacy: c.withheld, Session: e.Session})
}

// renamed tells the other side of a leg that its peer is somebody else now (RFC 4916 §3).
func (c *ongoing) renamed(m *member, e *call.LegEvent) {
	if e.Session != "" {
		m.session = e.Session
	}
	if e.Who != nil {
		m.who, m.privacy = e.Who, e.Privacy
		if m == c.members[0] {
			c.setPrivacy(e.Privacy)
		}
	}
	o := c.other(m)
	if o == nil || o.over || c.served() {
		return
	}
	if e.Who == nil {
		o.leg.Connected(call.Party{}, call.Traits{Session: e.Session})
		return
	}
	o.leg.Connected(*e.Who, call.Traits{Privacy: e.Privacy, Session: e.Session})
}
