package route

import (
	"slices"

	"santral/call"
	"santral/tenant"
)

// out is where a number goes that is not the tenant's own: to another tenant of the exchange, or out by a route of the
// tenant, else of the operator. A number of a room goes by a route that is for numbers which begin so, and not by one for
// all.
func (q *question) out() call.Destination {
	room := q.desk.Tenant.Rooms.Has(q.number)
	if d, ok := q.neighbour(); ok {
		return d
	}
	from := q.desk
	l := q.find(&q.desk.routes, q.desk, false)
	if room && (l == nil || l.Prefix == "") {
		return q.meet(q.desk, q.number)
	}
	if l == nil {
		from = q.house.operator
		if l = q.find(&from.routes, from, false); l == nil {
			return q.unknown()
		}
	}
	if q.steps != nil {
		q.note(routeTaken, "route", l.Name, "prefix", l.Prefix, "tenant", from.id)
	}
	if d, ok := q.may(l); !ok {
		d.Because = l.Name
		return d
	}
	ways := q.order(l)
	if len(ways) == 0 {
		return q.unknown()
	}
	d := call.Destination{
		Kind: call.ToTrunks, Tenant: q.desk.id, Ways: ways, Causes: l.Causes, Number: q.number, Public: q.public(), Plus: l.plus,
		Limited: true, Calls: q.means.Calls.String(), Because: l.Name,
	}
	if q.means.Calls == tenant.UnknownCalls {
		d.Calls = ""
	}
	if !l.carries { // to PBXs of the tenant's own
		d.Limited, d.Calls = false, internal
		return d
	}
	d.Presents = q.presents(l.plus)
	return d
}

// neighbour is a number of another tenant on this exchange. The call stays here, as one from outside to whom it reaches, unless
// the operator keeps tenants apart.
func (q *question) neighbour() (d call.Destination, ok bool) {
	if q.house.of.Operator().Apart {
		return d, false
	}
	x := q.owner(false)
	if x == nil || x == q.desk {
		return d, false
	}
	q.note(ownedBy, "tenant", x.id)
	if d, ok := q.may(nil); !ok {
		return d, true
	}
	caller, shown := q.identity(x)
	kind := q.means.Calls
	d = q.fromOutside(x, caller)
	if d.Kind == call.ToRefusal {
		d.Tenant = q.from.Tenant
		return d, true
	}
	if kind == tenant.UnknownCalls {
		kind = tenant.Local // a short number
	}
	d.Calls, d.Presents = kind.String(), shown
	if shown == "" { // it has no number that others may know
		d.Hidden = call.Hide
	}
	return d, true
}

// find gives the route of a number: of those whose conditions hold the one with the longest prefix, of what was dialled or, where it
// begins with +, of the number in E.164 (which counts where both are as long); then that of the lowest priority. nil when there is none.
func (q *question) find(r *routes, of *desk, emergencies bool) *line {
	if len(r.list) == 0 {
		return nil
	}
	n := q.public()
	digits := n.Len()
	longest := max(len(q.number), digits)
	for length := min(longest, 31); length >= 0; length-- {
		bit := uint32(1) << length
		if r.lengths[1]&bit != 0 && length <= digits && n != 0 {
			if l := q.first(r.public[n.First(length)], of, emergencies); l != nil {
				return l
			}
		}
		if r.lengths[0]&bit != 0 && length <= len(q.number) {
			if l := q.first(r.dialled[q.number[:length]], of, emergencies); l != nil {
				return l
			}
		}
	}
	return nil
}

// first gives the first of the routes of one prefix whose conditions hold.
func (q *question) first(list []*line, of *desk, emergencies bool) *line {
	for _, l := range list {
		if len(l.Calls) > 0 && !slices.Contains(l.Calls, q.means.Calls) || emergencies && len(l.Calls) == 0 {
			if q.steps != nil {
				q.note(routeNotFor, "route", l.Name, "calls", q.means.Calls.String())
			}
			continue
		}
		if !q.open(of, q.place, l.Schedule, l.Closed) {
			q.note(routeClosed, "route", l.Name)
			continue
		}
		if !l.leads(q) {
			continue
		}
		return l
	}
	return nil
}
