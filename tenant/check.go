package tenant

import (
	"cmp"
	"slices"
	"strings"

	"santral/base/doc"
)

// Check says what is wrong between tenants: ids, domains and addresses that two of them claim.
func Check(tenants []*Tenant, problems *doc.Problems) { CheckAll(nil, tenants, problems) }

// CheckAll says what is wrong between all documents: ids, domains, addresses and numbers that two of them claim, and names that
// a tenant takes for the operator's. operator is nil where there is no document of the operator.
func CheckAll(operator *Operator, tenants []*Tenant, problems *doc.Problems) {
	ids, domains, addresses := map[string]bool{}, map[string]string{}, map[string]string{}
	if operator != nil {
		claimSources(OperatorID, operator.Carriers, addresses, problems)
	}
	defaults, offers := []string{}, operator.offers()
	for _, t := range tenants {
		if ids[t.ID] {
			problems.Add(doc.Problem{File: t.ID, Text: "tenant id " + t.ID + " stands in two documents; give one another id"})
		}
		ids[t.ID] = true
		for i, d := range t.Domains {
			if other, taken := domains[d]; taken {
				t.clash(problems, spotOf(t.placed.domains, i), "domain "+d+" belongs to tenant "+other+" already; a domain means one tenant",
					"domain "+d+" belongs to another tenant already; a domain means one tenant")
			}
			domains[d] = t.ID
		}
		claimSources(t.ID, t.Trunks, addresses, problems)
		if t.Default {
			defaults = append(defaults, t.ID)
		}
		for _, w := range t.wants {
			if !offers[w.named] {
				t.fail(problems, w.at, "neither this tenant nor the operator has a "+nouns[w.noun].word+" "+w.id+"; write it under "+nouns[w.noun].list+":")
			}
		}
	}
	owners(operator, tenants, problems)
	if slices.Sort(defaults); len(defaults) > 1 {
		problems.Add(doc.Problem{File: defaults[1], Text: "tenants " + strings.Join(defaults, " and ") + " are both default; only one may be", Alone: "another tenant is the default one already; only one may be"})
	}
}

// placed is where the parts of a tenant stand in its document, for what is wrong between documents.
type placed struct {
	file                       string
	domains, accounts, numbers []doc.Spot
}

// spotOf gives one of many places; none of a tenant that was not read.
func spotOf(list []doc.Spot, i int) doc.Spot {
	if i < len(list) {
		return list[i]
	}
	return doc.Spot{}
}

// fail notes a problem of the tenant's document.
func (t *Tenant) fail(problems *doc.Problems, at doc.Spot, text string) {
	problems.Add(doc.Problem{File: cmp.Or(t.placed.file, t.ID), Line: int(at.Line), Column: int(at.Column), Text: text})
}

// clash notes a problem that a tenant has with another one; alone is what is told to whoever may not know of both.
func (t *Tenant) clash(problems *doc.Problems, at doc.Spot, text, alone string) {
	problems.Add(doc.Problem{File: cmp.Or(t.placed.file, t.ID), Line: int(at.Line), Column: int(at.Column), Text: text, Alone: alone})
}

// claimSources notes what static trunks are known by, each the source of one trunk of the whole exchange.
func claimSources(id string, trunks []Trunk, addresses map[string]string, problems *doc.Problems) {
	for i := range trunks {
		if trunks[i].Mode != Static {
			continue // of a carrier that we register at, others may be customers too
		}
		for _, from := range trunks[i].sources() {
			if other, taken := addresses[from]; taken && other != id { // within one document it was said at its place
				problems.Add(doc.Problem{File: id, Text: from + " of trunk " + trunks[i].Name + " belongs to a trunk of tenant " + other + " already; a source means one trunk",
					Alone: from + " belongs to a trunk of another tenant already; a source means one trunk"})
			}
			addresses[from] = id
		}
	}
}

// offers are what tenants may name of the operator's document.
func (o *Operator) offers() map[named]bool {
	offers := map[named]bool{}
	if o == nil {
		return offers
	}
	for _, c := range o.Calendars {
		offers[named{aCalendar, c.ID}] = true
	}
	for _, s := range o.Schedules {
		offers[named{aSchedule, s.ID}] = true
	}
	for _, b := range o.Brands {
		offers[named{aBrand, b.ID}] = true
	}
	return offers
}
