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
	c.lookUp()          // an emergency is one before anything can be refused
	if a.guest == nil { // a guest's channel came with it
		if _, refusal := c.take(0, call.Taking{Tenant: c.from.Tenant, Account: c.from.Account, Trunk: c.from.Trunk, Dir: call.In}); refusal != nil {
			c.end(exchange, *refusal)
			return
		}
	}
	c.set()
}

// right is whose right the call is made on.
func (c *ongoing) right() call.Party {
	if c.by != nil {
		return *c.by
	}
	return c.from
}

// lookUp asks where the call goes.
func (c *ongoing) lookUp() {
	right := c.right()
	right.Withheld = c.traits.Privacy.Withholds()
	dest := c.house.router.Route(right, c.dialled, c.arrived)
	c.mu.Lock()
	c.dest = dest
	c.mu.Unlock()
}

// route asks where the call goes, and goes there.
func (c *ongoing) route() {
	c.lookUp()
	c.set()
}

// set goes where the call goes.
func (c *ongoing) set() {
	dest := &c.dest
	if refusal := c.goOutside(c.right(), false); refusal != nil {
		c.end(exchange, *refusal)
		return
	}
	c.present()
	switch dest.Kind {
	case call.ToAccount:
		c.routed(dest.Account)
		c.reached = c.reach(dest)
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
	shown := d.Presents
	if d.Hidden != call.Show && (d.Hidden == call.Hide || c.traits.Privacy.Withholds()) {
		shown = "anonymous"
	}
	c.event(call.Event{Kind: call.Routed, To: to, Tenant: d.Tenant, Number: d.Understood(), Calls: d.Calls, Because: d.Because, Rev: d.Revision, Site: d.Site, Dept: d.Department, Shown: shown}, c.arrived)
}
