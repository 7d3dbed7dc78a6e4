package control

import "santral/call"

// begin is the first thing that a call does: it writes down who calls, takes the caller's channel,
// asks where the call goes, and goes there.
func (c *ongoing) begin() {
	c.setState(Routing, "the door handed it in")
	a := c.caller()
	from := c.from
	c.event(call.Event{Kind: call.Began, From: &from, Dialled: c.dialled, By: c.maker, Other: c.source}, c.arrived)
	c.event(call.Event{Kind: call.LegBegan, Leg: a.id, Detail: a.detail(a.leg.Detail()), Other: c.source}, c.arrived)
	c.appear(a, call.Trying)
	if c.house.closed() {
		c.end(exchange, call.ShuttingDown)
		return
	}
	if a.guest == nil { // a guest's channel came with it
		if refusal := c.take(0, c.from.Tenant, c.from.Account, c.from.Trunk, call.In); refusal != nil {
			c.end(exchange, *refusal)
			return
		}
	}
	c.route()
}

// route asks where the call goes, and goes there.
func (c *ongoing) route() {
	right := c.from
	if c.by != nil {
		right = *c.by
	}
	dest := c.house.router.Route(right, c.dialled, c.arrived)
	c.mu.Lock()
	c.dest = dest
	c.mu.Unlock()
	switch dest.Kind {
	case call.ToAccount:
		c.routed(dest.Account)
		c.reached = call.Party{Tenant: dest.Tenant, Account: dest.Account, Name: dest.Name, Number: dest.Account}
		c.hunt()
	case call.ToTrunks:
		c.routed(trunkNames(dest.Ways))
		c.seek()
	case call.ToService:
		c.routed(dest.Service)
		c.serve()
	case call.ToRefusal:
		if dest.Number != "" || dest.Calls != "" || dest.Because != "" {
			c.routed("")
		}
		c.end(exchange, dest.Refuse)
	default:
		c.end(exchange, call.NotFound)
	}
}

// routed writes down where the call goes.
func (c *ongoing) routed(to string) {
	d := &c.dest
	c.event(call.Event{Kind: call.Routed, To: to, Tenant: d.Tenant, Number: d.Understood(), Calls: d.Calls, Because: d.Because, Rev: d.Revision, Site: d.Site, Dept: d.Department}, c.arrived)
}

// take takes the channel of one party (0 the caller, 1 the callee), an account or a trunk, for as long as
// it is in the call. Limits do not apply to a trusted source, nor to whom it calls.
func (c *ongoing) take(party int, tenant, account, trunk string, dir call.Direction) *call.Cause {
	if c.from.Trusted {
		return nil
	}
	var release func()
	var refusal *call.Cause
	if trunk != "" {
		release, refusal = c.house.channels.TakeTrunk(c.id, tenant, trunk, dir)
	} else {
		release, refusal = c.house.channels.Take(c.id, tenant, account, dir)
	}
	if refusal == nil {
		c.release[party] = release
	}
	return refusal
}

// giveBack releases the channels of the call.
func (c *ongoing) giveBack() {
	if j := c.joining; j != nil && j.channel != nil {
		j.channel()
		j.channel = nil
	}
	for i := range c.release {
		c.giveBackOf(i)
	}
}

// giveBackOf releases the channel of one party.
func (c *ongoing) giveBackOf(party int) {
	if release := c.release[party]; release != nil {
		c.release[party] = nil
		release()
	}
}
