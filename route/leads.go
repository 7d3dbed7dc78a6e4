package route

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"santral/call"
	"santral/tenant"
)

// Lead is a number of which calls would go elsewhere.
type Lead struct {
	Tenant  string
	Number  string // as it is dialled; of a route its prefix with … behind
	Was, Is string // in the words of documents: "101", "group:sales", "trunk:carrier, trunk:second", "refuse: unallocated number"; "" for nowhere
}

// Leads tells which numbers of a tenant lead elsewhere by a snapshot than by the one before it, whatever the time is: as they are
// dialled within the tenant, or by whoever calls from outside; numbers are those to look at, nil for all that either has and
// for its routes. Of a number that leads elsewhere at some times only, the first such time is shown.
func (p *Plan) Leads(old, now *tenant.Snapshot, tenantID string, numbers []string) []Lead {
	before, after := p.of(old), p.of(now)
	a, b := before.desks[tenantID], after.desks[tenantID]
	if a != nil && b != nil && a.Index == b.Index && before.operator == after.operator {
		return nil
	}
	var leads []Lead
	if numbers == nil {
		numbers = mergedNumbers(a, b)
		leads = routeLeads(tenantID, a, b)
	}
	if a != nil && b != nil {
		numbers = sameSkipped(a, b, numbers)
	}
	for _, n := range numbers {
		if l, differs := lead(before, after, tenantID, n); differs {
			leads = append(leads, l)
		}
	}
	return leads
}

// lead compares one number: from inside and from outside, with all schedules open and with all closed.
func lead(before, after *house, tenantID, number string) (l Lead, differs bool) {
	for _, when := range [...]always{alwaysOpen, alwaysClosed} {
		for _, outside := range [...]bool{false, true} {
			was, is := before.try(tenantID, number, outside, when), after.try(tenantID, number, outside, when)
			if !alike(&was, &is) {
				return Lead{Tenant: tenantID, Number: number, Was: words(&was), Is: words(&is)}, true
			}
		}
	}
	return l, false
}

// always says how schedules are taken where a time is not asked for.
type always uint8

const (
	asTheyAre always = iota
	alwaysOpen
	alwaysClosed
)

// try decides a call without a time.
func (h *house) try(tenantID, number string, outside bool, when always) call.Destination {
	q := question{house: h, from: call.Party{Tenant: tenantID}, dialled: number, at: time.Time{}, always: when}
	if !outside {
		return q.answer()
	}
	q.desk, q.number = h.desks[tenantID], tenant.Dialled(number)
	if q.desk == nil || q.number == "" {
		return q.refuse(call.NotFound)
	}
	place := &q.desk.Places[0]
	q.means = place.Plan.UnderstandPeer(q.number, place.Area)
	return q.fromOutside(q.desk, 0)
}

// alike reports whether two calls go to the same place.
func alike(a, b *call.Destination) bool {
	return a.Kind == b.Kind && a.Tenant == b.Tenant && a.Account == b.Account && a.Service == b.Service && a.Of == b.Of && a.Refuse == b.Refuse && slices.Equal(a.Ways, b.Ways) &&
		(a.Kind != call.ToTrunks || a.Told() == b.Told() && a.Presents == b.Presents) && (a.Kind != call.ToService || a.Number == b.Number)
}

// words are a destination as documents write it.
func words(d *call.Destination) string {
	switch d.Kind {
	case call.ToAccount:
		return d.Account
	case call.ToService:
		if d.Service == Group {
			return "group:" + d.Of
		}
		if d.Service == Conference {
			return d.Number
		}
		return "service:" + d.Service
	case call.ToTrunks:
		return trunkWords(d.Ways, d.Told())
	}
	if d.Refuse == call.NotFound || d.Refuse == call.BadNumber {
		return ""
	}
	return "refuse: " + d.Refuse.Text
}

func trunkWords(ways []call.Way, told string) string {
	var list []string
	for i := range ways {
		w := &ways[i]
		text := "trunk:" + w.Trunk
		if w.Tenant == tenant.OperatorID {
			text = "carrier:" + w.Trunk
		}
		if told != "" {
			text += " (" + w.Sent(told) + ")"
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

// mergedNumbers are those of both desks, in order.
func mergedNumbers(desks ...*desk) []string {
	var list []string
	for _, d := range desks {
		if d == nil {
			continue
		}
		t := d.Tenant
		for i := range t.Accounts {
			list = append(list, t.Accounts[i].Number)
		}
		for i := range t.Groups {
			if n := t.Groups[i].Number; n != "" {
				list = append(list, n)
			}
		}
		for i := range t.Numbers {
			list = append(list, ends(&t.Numbers[i].Numbers)...)
		}
		for i := range t.Trunks {
			for j := range t.Trunks[i].Numbers {
				list = append(list, ends(&t.Trunks[i].Numbers[j])...)
			}
		}
	}
	slices.SortFunc(list, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) })
	return slices.Compact(list)
}

// ends are the first and the last of a range: the whole of it goes one way unless other rows say otherwise, and those have ends of
// their own.
func ends(n *tenant.Numbers) []string {
	if n.Prefix || n.First == n.Last {
		return []string{n.First}
	}
	return []string{n.First, n.Last}
}

// sameSkipped leaves those numbers out of a long list that are accounts in the same state in both, where nothing but accounts
// could have changed what they lead to.
func sameSkipped(a, b *desk, numbers []string) []string {
	x, y := a.Tenant, b.Tenant
	if len(x.Numbers)+len(y.Numbers)+len(x.Trunks)+len(y.Trunks)+len(x.Inbound)+len(y.Inbound) > 0 || !slices.Equal(x.Emergency, y.Emergency) || a.Places[0].Plan != b.Places[0].Plan || a.Places[0].Area != b.Places[0].Area {
		return numbers
	}
	return slices.DeleteFunc(slices.Clone(numbers), func(n string) bool {
		v, w := a.Account(n), b.Account(n)
		return v != nil && w != nil && v.State == w.State
	})
}

// routeLeads compares routes by their prefixes.
func routeLeads(tenantID string, a, b *desk) (leads []Lead) {
	said := func(d *desk) map[string]string {
		m := map[string]string{}
		if d == nil {
			return m
		}
		for i := range d.routes.list {
			l := &d.routes.list[i]
			text := trunkWords(l.ways, "")
			if l.Strip > 0 || l.Prepend != "" {
				text += " (" + l.Prepend + "…)"
			}
			if m[l.Prefix] != "" {
				text = m[l.Prefix] + "; " + text
			}
			m[l.Prefix] = text
		}
		return m
	}
	was, is := said(a), said(b)
	prefixes := make([]string, 0, len(was)+len(is))
	for p := range was {
		prefixes = append(prefixes, p)
	}
	for p := range is {
		prefixes = append(prefixes, p)
	}
	slices.Sort(prefixes)
	for _, p := range slices.Compact(prefixes) {
		if was[p] != is[p] {
			leads = append(leads, Lead{Tenant: tenantID, Number: p + "…", Was: was[p], Is: is[p]})
		}
	}
	return leads
}
