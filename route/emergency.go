package route

import (
	"slices"

	"santral/call"
	"santral/tenant"
)

// mostEmergency is how many digits an emergency number of a country has at most.
const mostEmergency = 6

// help is the destination of an emergency number: of the country's, the operator's or the tenant's. It asks for no right,
// state or channel, and goes out by any way that there is.
func (q *question) help() (d call.Destination, ok bool) {
	own := len(q.number) <= q.desk.longest && slices.Contains(q.desk.Tenant.Emergency, q.number)
	said := own || len(q.number) <= max(mostEmergency, q.house.operator.longest) && slices.Contains(q.house.operator.Tenant.Emergency, q.number)
	if !said && q.means.Calls != tenant.Emergency {
		return d, false
	}
	if !said && q.assumed() && q.desk.Account(q.number) != nil {
		q.means = tenant.Understood{}
		return d, false
	}
	q.means.Calls = tenant.Emergency
	at := q.placeAt()
	e := &q.desk.emergency[at]
	q.note(emergencyNumber, "number", q.number, "site", q.place.Key())
	if own { // a guard's desk of the tenant's own
		if d, ok = q.inside(); ok {
			d.Emergency, d.Calls = e, tenant.Emergency.String()
			return d, true
		}
	}
	d = call.Destination{
		Kind: call.ToTrunks, Tenant: q.desk.id, Number: q.number, Emergency: e, Limited: true, Calls: tenant.Emergency.String(),
		Hidden: call.Show, Presents: q.desk.helps[at].text,
	}
	d.Ways, d.Because = q.rescue()
	if d.Presents == "" {
		d.Presents = q.presents(false)
	}
	if len(d.Ways) == 0 {
		q.note(noWay)
		d.Kind, d.Refuse = call.ToRefusal, call.NoTrunk
	}
	return d, true
}

// assumed reports whether nobody has said in which country the caller is. An account that has the number of an emergency
// service of the country that is taken for it keeps it: where the country is said, no document with such a one is taken.
func (q *question) assumed() bool { return q.house.assumes(q.desk, q.place) }

// assumes reports whether nobody has said in which country a place of a tenant is.
func (h *house) assumes(x *desk, p *tenant.Place) bool {
	return (p.Site == nil || p.Country == "") && x.Tenant.Country == "" && h.operator.Tenant.Country == ""
}

// placeAt is where the caller's site stands among those of its tenant.
func (q *question) placeAt() int {
	for i := range q.desk.Places {
		if &q.desk.Places[i] == q.place {
			return i
		}
	}
	return 0
}

// rescue gives all ways that an emergency call may take: those of the caller's site first, then by the routes of its tenant,
// then by the operator's, then whatever carrier there is.
func (q *question) rescue() (ways []call.Way, because string) {
	seen := map[string]bool{}
	add := func(list []call.Way) {
		for _, w := range list {
			if key := w.Tenant + " " + w.Trunk; !seen[key] && w.Trunk != "" && (w.Trunk != q.from.Trunk || w.Tenant != q.from.Tenant) {
				seen[key] = true
				ways = append(ways, w)
			}
		}
	}
	desks := []*desk{q.desk, q.house.operator}
	for _, d := range desks {
		if l := q.helper(d); l != nil {
			if because == "" {
				because = l.Name
			}
			add(q.order(l))
		}
	}
	for _, d := range desks {
		add(d.ways)
	}
	here := q.place.Key()
	near := func(w call.Way) bool {
		k := q.house.of.Trunk(w.Tenant, w.Trunk)
		return here != "" && w.Tenant == q.desk.id && k != nil && k.Site == here
	}
	slices.SortStableFunc(ways, func(a, b call.Way) int {
		switch {
		case near(a) == near(b):
			return 0
		case near(a):
			return -1
		}
		return 1
	})
	return ways, because
}

// helper gives the route of an emergency number: one that is for emergencies before others.
func (q *question) helper(d *desk) *line {
	if l := q.find(&d.routes, d, true); l != nil {
		return l
	}
	return q.find(&d.routes, d, false)
}
