package control

import "santral/call"

// appear tells the board how a leg of an account stands now. A leg that is gone stays gone, and one of
// nobody here (a trunk's) is not shown.
func (c *ongoing) appear(m *member, state call.Appearing) {
	board := c.house.board
	if board == nil || m.account == "" || m.shown == call.Gone {
		return
	}
	if m.shown = state; m.lamp == nil {
		m.lamp = board.Lamp(m.tenant, m.account)
	}
	a := call.Appearance{Call: c.id, Leg: m.id, Tenant: m.tenant, Account: m.account, Direction: m.dir, State: state, Held: m.held}
	switch other := c.other(m); {
	case c.moved && other != nil && !other.over: // who is there now counts, not who called whom
		if !c.privacy(other).Withholds() {
			a.Other = other.toward(m)
			if a.Number = a.Other.Number; a.Number == "" {
				a.Number = a.Other.Account
			}
		}
	case m == c.caller() || m.dir == call.In || c.summons != nil:
		a.Number = c.dialled
		if c.dest.Kind == call.ToAccount {
			a.Other = call.Party{Tenant: c.dest.Tenant, Account: c.dest.Account, Number: c.dest.Number}
			if c.dest.Tenant != m.tenant { // which account of others that is concerns nobody here
				a.Other.Account = ""
			}
		}
	case !c.traits.Privacy.Withholds(): // RFC 3323 §4.1: whom it calls is not to know, nor who looks over its shoulder
		a.Other = c.shown(c.from, &c.dest, m.tenant, "")
		a.Number = a.Other.Number
	}
	if n, ok := m.leg.(call.Named); ok && state != call.Gone {
		a.Dialog = n.Name()
	}
	m.lamp.Show(a)
}

// reappear tells the board again of a leg that stands as it stood, but that something about it is new.
func (c *ongoing) reappear(m *member) {
	if m.shown != call.UnknownAppearing {
		c.appear(m, m.shown)
	}
}
