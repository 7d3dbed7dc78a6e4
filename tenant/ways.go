package tenant

import (
	"fmt"
	"slices"

	"santral/base/doc"
)

// ways collects the trunks and routes of a document with their places, so that what holds between them
// is checked once all are read.
type ways struct {
	kind   noun   // aTrunk in a tenant's document, aCarrier in the operator's
	names  *names // of the document
	trunks []Trunk
	routes []Route
	places []*doc.Node // of trunks
	lines  []*doc.Node // of routes
}

func (w *ways) trunk(n *doc.Node) {
	w.trunks = append(w.trunks, w.readTrunk(n))
	w.places = append(w.places, n)
}

func (w *ways) route(n *doc.Node) {
	if len(w.routes) == maxRoutes {
		n.Fail("a document has at most %d routes", maxRoutes)
	}
	if len(w.routes) > maxRoutes {
		return
	}
	w.routes = append(w.routes, w.readRoute(n))
	w.lines = append(w.lines, n)
}

// join says what does not fit together, and gives trunks and routes. accounts are the tenant's numbers; of is whose they are.
func (w *ways) join(accounts map[string]bool, rooms Rooms, of string) ([]Trunk, []Route) {
	names, users, addresses := map[string]bool{}, map[string]bool{}, map[string]string{}
	for i := range w.trunks {
		t, n := &w.trunks[i], w.places[i]
		w.names.take(n, w.kind, t.Name)
		names[t.Name] = true
		if t.Asked() {
			for _, user := range slices.Compact([]string{t.User, t.DigestUser()}) {
				if accounts[user] || users[user] {
					n.Fail("user %s of trunk %s belongs to an account or another trunk of this tenant; it must tell who is there", user, t.Name)
				}
				users[user] = true
			}
		}
		if t.Mode == Static {
			for _, from := range t.sources() {
				if other, taken := addresses[from]; taken {
					n.Fail("%s belongs to trunk %s already; a source means one trunk", from, other)
				}
				addresses[from] = t.Name
			}
		}
		for j := range t.Numbers {
			if to := t.Numbers[j].To; to != "" && !accounts[to] && !rooms.Has(to) {
				n.Fail("trunk %s rings %s, which is no account and no room of this tenant", t.Name, to)
			}
		}
	}
	alike := map[string]int{}
	for i := range w.routes {
		r, n := &w.routes[i], w.lines[i]
		holds := fmt.Sprint(r.Prefix, r.Calls, r.Schedule, r.Closed, r.Priority)
		if line, twice := alike[holds]; twice {
			n.Fail("prefix %q stands in two routes, first at line %d; write all of its trunks in one, or give them calls:, schedule: or priority: that differ", r.Prefix, line)
		} else if r.Name != "" {
			w.names.take(n, aRoute, r.Name)
		}
		alike[holds] = int(n.Spot().Line)
		for _, way := range r.Ways {
			if !names[way.Trunk] && way.Trunk != "" {
				n.Fail("route %q leads to %s %s, which %s does not have", r.Prefix, nouns[w.kind].word, way.Trunk, of)
			}
		}
	}
	return w.trunks, w.routes
}
