package route

import (
	"strings"

	"santral/base/e164"
	"santral/call"
	"santral/tenant"
)

// inside is where a number leads that is the tenant's own: an account, a group, a PBX, an extension behind its site's code, a
// number of the public network that the tenant has. A trunk's own call never goes back to it.
func (q *question) inside() (call.Destination, bool) {
	x, n := q.desk, q.public()
	if a := x.Account(q.number); a != nil {
		return q.ring(x, a), true
	}
	if g := x.Rung(q.number); g != nil {
		return q.gather(x, g), true
	}
	if o, at := x.Owned(q.number, n); o != nil {
		return q.owned(x, o, at, false), true
	}
	if a := x.Line(n); a != nil {
		return q.ring(x, a), true
	}
	if k := x.PBX(q.number, n); k != nil && k != q.trunk {
		return q.branch(x, k), true
	}
	if row := x.Rings(q.number, n); row != nil {
		return q.row(x, row)
	}
	return q.coded()
}

// coded is an extension that is dialled behind its site's code.
func (q *question) coded() (d call.Destination, ok bool) {
	for i := range q.desk.Places {
		p := &q.desk.Places[i]
		if p.Site == nil || p.Code == "" {
			continue
		}
		rest, ok := strings.CutPrefix(q.number, p.Code)
		if !ok {
			continue
		}
		if a := q.desk.Account(rest); a != nil && q.desk.Place(a.Site) == p {
			q.note(siteCode, "code", p.Code, "site", p.ID)
			return q.ring(q.desk, a), true
		}
	}
	return d, false
}

// ring is an account, if it is in service.
func (q *question) ring(x *desk, a *tenant.Account) call.Destination {
	if why, ok := reached(a.State); !ok {
		q.note(calleeState, "account", a.Number, "state", a.State.String())
		return q.refuse(why)
	}
	if q.steps != nil {
		q.note(isAccount, "account", a.Number, "tenant", x.id)
	}
	return call.Destination{
		Kind: call.ToAccount, Tenant: x.id, Account: a.Number, Number: q.number, Public: q.public(), Name: a.Name,
		Calls: q.kind(x), Site: x.Place(a.Site).Key(), Department: a.Department,
	}
}

// kind is that of a call which stays with us: internal within the tenant, and of what was dialled to another's.
func (q *question) kind(x *desk) string {
	switch {
	case q.place == nil: // from outside
		return ""
	case x == q.desk:
		return internal
	case q.means.Calls == tenant.UnknownCalls:
		return tenant.Local.String()
	}
	return q.means.Calls.String()
}

// reached tells whether calls to a number in a state come through, and why not.
func reached(s tenant.NumberState) (why call.Cause, ok bool) {
	switch s {
	case tenant.NumberActive, tenant.NumberBarred, tenant.NumberPorting:
		return why, true
	case tenant.NumberAssigned, tenant.NumberSuspended:
		return call.OutOfService, false
	}
	return call.NotFound, false
}

// gather is a group of telephones.
func (q *question) gather(x *desk, g *tenant.Group) call.Destination {
	q.note(isGroup, "group", g.ID, "tenant", x.id)
	return call.Destination{Kind: call.ToService, Tenant: x.id, Service: Group, Of: g.ID, Number: q.number, Public: q.public(), Calls: q.kind(x)}
}

// meet is a conference room.
func (q *question) meet(x *desk, number string) call.Destination {
	q.note(isRoom, "room", number)
	return call.Destination{Kind: call.ToService, Tenant: x.id, Service: Conference, Number: number, Public: q.public(), Calls: q.kind(x)}
}

// branch is a customer's PBX, which is told the number as its document writes it.
func (q *question) branch(x *desk, k *tenant.Trunk) call.Destination {
	if why, ok := reached(k.State); !ok {
		q.note(calleeState, "account", k.Name, "state", k.State.String())
		return q.refuse(why)
	}
	q.note(isPBX, "trunk", k.Name, "tenant", x.id)
	d := call.Destination{Kind: call.ToTrunks, Tenant: x.id, Ways: x.only(k), Number: q.number, Public: q.public(), Calls: q.kind(x)}
	if n := k.HasPublic(q.number, d.Public); n != nil && d.Public != 0 && !n.Has(q.number) {
		d.Number = written(n, d.Public, x.Place(k.Site))
	}
	return d
}

// written is a number in the form of the row that it belongs to.
func written(n *tenant.Numbers, public e164.Number, p *tenant.Place) string {
	switch {
	case strings.HasPrefix(n.First, "+"):
		return public.String()
	case p.Plan.Trunk != "" && !strings.HasPrefix(n.First, p.Plan.Trunk):
		return p.Plan.ShownWithin(public, p.Area)
	}
	return p.Plan.Shown(public)
}

// only is the one way to a PBX.
func (d *desk) only(k *tenant.Trunk) []call.Way {
	if ways := d.pbx[k.Name]; ways != nil {
		return ways
	}
	return []call.Way{{Tenant: d.id, Trunk: k.Name}}
}

// row is the account or the room that a row of a trunk's numbers leads to.
func (q *question) row(x *desk, n *tenant.Numbers) (d call.Destination, ok bool) {
	if a := x.Account(n.To); a != nil {
		return q.ring(x, a), true
	}
	if x.Tenant.Rooms.Has(n.To) {
		return q.meet(x, n.To), true
	}
	return d, false
}
