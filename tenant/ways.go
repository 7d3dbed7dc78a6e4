package tenant

import (
	"slices"

	"santral/base/doc"
)

// ways collects the trunks and routes of a document with their places, so that what holds between them
// is checked once all are read.
type ways struct {
	trunks []Trunk
	routes []Route
	places []*doc.Node // of trunks
	lines  []*doc.Node // of routes
}

func (w *ways) trunk(n *doc.Node) {
	w.trunks = append(w.trunks, readTrunk(n))
	w.places = append(w.places, n)
}

func (w *ways) route(n *doc.Node) {
	if len(w.routes) == maxRoutes {
		n.Fail("a tenant has at most %d routes", maxRoutes)
	}
	if len(w.routes) > maxRoutes {
		return
	}
	w.routes = append(w.routes, readRoute(n))
	w.lines = append(w.lines, n)
}

// join says what does not fit together, and gives trunks and routes. accounts are the tenant's numbers.
func (w *ways) join(accounts map[string]bool, rooms Rooms) ([]Trunk, []Route) {
	names, users, addresses := map[string]bool{}, map[string]bool{}, map[string]string{}
	for i := range w.trunks {
		t, n := &w.trunks[i], w.places[i]
		if names[t.Name] {
			n.Fail("trunk %s stands twice in this tenant; give one another name", t.Name)
		}
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
	prefixes := map[string]bool{}
	for i := range w.routes {
		r, n := &w.routes[i], w.lines[i]
		if prefixes[r.Prefix] {
			n.Fail("prefix %q stands in two routes; write all of its trunks in one", r.Prefix)
		}
		prefixes[r.Prefix] = true
		for _, way := range r.Ways {
			if !names[way.Trunk] && way.Trunk != "" {
				n.Fail("route %q leads to trunk %s, which this tenant does not have", r.Prefix, way.Trunk)
			}
		}
	}
	return w.trunks, w.routes
}
