package tenant

import (
	"cmp"
	"slices"

	"santral/base/doc"
	"santral/base/e164"
)

// maxShared is how many numbers with two owners are told.
const maxShared = 100

// claimed is numbers of the public network that somebody says are his.
type claimed struct {
	first, last e164.Number
	tenant      *Tenant
	what        string // as it is written
	at          doc.Spot
	line, owned bool
}

// owners says which public numbers two have: one has one owner in the whole exchange, in whatever spelling.
func owners(operator *Operator, tenants []*Tenant, problems *doc.Problems) {
	if operator == nil {
		operator = &Operator{}
	}
	d := defaults{cmp.Or(operator.Country, DefaultCountry), operator.Area, operator.Zone}
	count := 0
	for _, t := range tenants {
		count += len(t.Accounts) + len(t.Numbers)
	}
	all := make([]claimed, 0, count)
	for _, t := range tenants {
		all = t.claimed(all, d)
	}
	slices.SortStableFunc(all, func(a, b claimed) int { return cmp.Or(cmp.Compare(a.first, b.first), -cmp.Compare(a.last, b.last)) })
	told := 0
	var widest *claimed
	for i := range all {
		c := &all[i]
		if widest == nil || c.first > widest.last {
			widest = c
			continue
		}
		other := widest
		if before := &all[i-1]; !other.shares(c) && before.last >= c.first {
			other = before
		}
		if told < maxShared && other.shares(c) {
			told++
			text, alone := "number "+c.what+" is "+c.first.String()+", which ", ""
			if other.tenant == c.tenant {
				text += "stands here already as " + other.what + "; keep one"
			} else {
				text += "belongs to tenant " + other.tenant.ID + " already as " + other.what + "; a public number has one owner"
				alone = "number " + c.first.String() + " belongs to another tenant already; a public number has one owner"
			}
			c.tenant.clash(problems, c.at, text, alone)
		}
		if c.last > widest.last {
			widest = c
		}
	}
}

// shares reports whether two that overlap may not. What two tenants' trunks bring is each one's own affair, but a line or a
// number that one owns is no other's. Of one tenant a single number may stand inside of a range, a line or a PBX's number
// among those that are owned.
func (c *claimed) shares(o *claimed) bool {
	if c.tenant != o.tenant {
		return c.line || c.owned || o.line || o.owned
	}
	return c.line && o.line || c.owned && o.owned && (c.first == o.first && c.last == o.last || o.first != o.last)
}

// claimed adds what a tenant says is its own.
func (t *Tenant) claimed(all []claimed, d defaults) []claimed {
	type where struct {
		plan *Plan
		area string
	}
	home := t.place(nil, d)
	if len(t.Sites) > 0 {
		home = t.place(&t.Sites[0], d)
	}
	first := where{home.Plan, home.Area}
	sites := map[string]where{}
	for i := range t.Sites {
		p := t.place(&t.Sites[i], d)
		sites[t.Sites[i].ID] = where{p.Plan, p.Area}
	}
	for i := range t.Accounts {
		a := &t.Accounts[i]
		if a.Kind != Line || len(a.Number) < leastDigits {
			continue
		}
		at, ok := sites[a.Site]
		if !ok {
			at = first
		}
		if n := at.plan.Understand(a.Number, at.area).E164; n != 0 {
			all = append(all, claimed{n, n, t, a.Number, spotOf(t.placed.accounts, i), true, false})
		}
	}
	add := func(n *Numbers, at doc.Spot, owned bool) {
		if n.Prefix {
			return // all that begins so is a wish, and counts after what is whole
		}
		for _, s := range n.Public(first.plan, first.area) {
			all = append(all, claimed{s[0], s[1], t, n.String(), at, false, owned})
		}
	}
	for i := range t.Numbers {
		add(&t.Numbers[i].Numbers, spotOf(t.placed.numbers, i), true)
	}
	for i := range t.Trunks {
		for j := range t.Trunks[i].Numbers {
			if n := &t.Trunks[i].Numbers[j]; t.Trunks[i].PBX || n.To != "" {
				add(n, doc.Spot{}, false)
			}
		}
	}
	return all
}
