package control

import "santral/call"

// What one side of a call is shown of the other. Within a tenant that is an account as it is; whoever is outside of it, by a
// trunk or of another tenant of this exchange, knows the account by the number that it presents, and nothing else of it.

// apart reports whether a leg is outside of where a party is at home.
func apart(p call.Party, tenant, trunk string) bool { return trunk != "" || tenant != p.Tenant }

// shown is who calls, as whom a leg by a trunk or of a tenant leads to is told it.
func (c *ongoing) shown(from call.Party, d *call.Destination, tenant, trunk string) call.Party {
	switch {
	case d.Presents != "":
		from.Number = d.Presents
	case c.caller().presents != "" && apart(from, tenant, trunk):
		from.Number = c.caller().presents
	case d.Hidden == call.Hide && from.Trunk == "" && d.Tenant != "" && d.Tenant != from.Tenant: // it has no number that others may know
		from.Number, from.Account = "", ""
	}
	return from
}

// toward is who a leg's peer is, as another leg's is told it.
func (m *member) toward(other *member) call.Party {
	p := m.party()
	if m.presents != "" && apart(p, other.tenant, other.trunk) {
		p.Number = m.presents
	}
	return p
}

// present takes what the destination says of how the caller is shown: by which number, and whether at all.
func (c *ongoing) present() {
	d := &c.dest
	if c.by == nil && d.Presents != "" {
		c.caller().presents = d.Presents
	}
	c.setPrivacy(hides(c.traits.Privacy, d.Hidden))
}

// hides is what is withheld of a caller after what was dialled before the number has said of that.
func hides(p call.Privacy, wish call.Hidden) call.Privacy {
	switch wish {
	case call.Hide:
		return p&^call.PrivateNone | call.PrivateID
	case call.Show:
		return call.PrivateNone
	}
	return p
}

// reach is whom the caller is told that it calls: an account of its own tenant by its own number, any other by the one
// that was dialled. Who was sent on by somebody of the account's tenant, who may have dialled what only people there may
// know, stays with the number of that one where the account has none for everybody.
func (c *ongoing) reach(d *call.Destination) call.Party {
	p := call.Party{Tenant: d.Tenant, Account: d.Account, Name: d.Name, Number: d.Account}
	switch a := c.caller(); {
	case !apart(p, a.tenant, a.trunk):
	case d.Public != 0:
		if p.Number = d.Number; c.by != nil {
			p.Number = d.Public.String()
		}
	case c.by != nil && c.by.Tenant == d.Tenant:
		p.Number = c.by.Number
	case d.Number != "":
		p.Number = d.Number
	}
	return p
}

// traitsFor are the traits of the call as somebody of a tenant is told them: who has sent the caller there is known within
// its own tenant.
func (c *ongoing) traitsFor(tenant string) call.Traits {
	t := c.traits
	if c.by != nil && c.by.Tenant != tenant {
		t.Referrer = ""
	}
	return t
}

// setPrivacy notes what the caller keeps to itself, which whoever lists calls reads too.
func (c *ongoing) setPrivacy(p call.Privacy) {
	c.mu.Lock()
	c.traits.Privacy = p
	c.mu.Unlock()
}
