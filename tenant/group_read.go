package tenant

import "santral/base/doc"

// Bounds of a group.
const (
	MaxMembers   = 500
	mostEach     = 300  // seconds
	mostRing     = 3600 // seconds
	maxOverflows = 10   // groups that one call may pass by overflow
)

func (r *reading) group(n *doc.Node) {
	i := len(r.tenant.Groups)
	r.tenant.Groups = append(r.tenant.Groups, Group{})
	var g Group
	var number *doc.Node
	n.Map(doc.Fields{
		"group":  func(n *doc.Node) { g.ID = r.names.key(n, aGroup) },
		"name":   func(n *doc.Node) { g.Name = readName(n) },
		"number": func(n *doc.Node) { g.Number, number = readInternal(n, "group"), n },
		"members": func(n *doc.Node) {
			seen := map[string]bool{}
			n.Each(func(n *doc.Node) {
				member := r.names.ask(n, anAccount)
				if seen[member] {
					n.Fail("number %s stands twice in this group", member)
				}
				seen[member] = true
				g.Members = append(g.Members, member)
			})
			if len(g.Members) == 0 || len(g.Members) > MaxMembers {
				n.Fail("a group has 1 to %d members", MaxMembers)
			}
		},
		"ring":     func(n *doc.Node) { g.InTurn = n.OneOf("all", "turn") == "turn" },
		"each":     func(n *doc.Node) { g.Each = n.Int(1, mostEach) },
		"whole":    func(n *doc.Node) { g.Whole = n.Int(1, mostRing) },
		"overflow": func(n *doc.Node) { r.target(n, func(t Target) { r.tenant.Groups[i].Overflow = t; g.Overflow = t }) },
	}, "group", "members")
	if number != nil && g.Number != "" {
		if r.groupNumbers == nil {
			r.groupNumbers = map[string]string{}
		}
		r.groupNumbers[g.Number] = g.ID
		r.claims = append(r.claims, claim{number: g.Number, what: "group", at: number.Spot()})
	}
	if g.Each != 0 && !g.InTurn {
		n.Fail("each: is of groups that ring: turn; leave it out where all ring at once")
	}
	r.tenant.Groups[i] = g
	r.groups = append(r.groups, n.Spot())
}

// overflows fails at groups whose overflow leads back to them.
func (r *reading) overflows() {
	next := map[string]string{}
	for _, g := range r.tenant.Groups {
		if g.Overflow.Kind == ToGroup {
			next[g.ID] = g.Overflow.Name
		}
	}
	for i, g := range r.tenant.Groups {
		for id, steps := next[g.ID], 1; id != ""; id, steps = next[id], steps+1 {
			if id == g.ID || steps > maxOverflows {
				r.doc.FailAt(r.groups[i], "the overflow of group %s leads back to it, or through more than %d groups: have one of them end the call or ring an account", g.ID, maxOverflows)
				break
			}
		}
	}
}

// readInternal reads a number that is dialled inside the tenant.
func readInternal(n *doc.Node, what string) string {
	number := n.Text()
	if !digits(number, 2, 7) {
		n.Fail("the number of a %s, %q, must have 2 to 7 digits", what, number)
		return ""
	}
	return number
}
