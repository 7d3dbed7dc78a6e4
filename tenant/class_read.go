package tenant

import (
	"slices"

	"santral/base/doc"
)

// Bounds of a class of service.
const (
	maxLocks    = 50
	maxPrefixes = 10000
)

// permitNames are the words of permits, from Allow on.
var permitNames = []string{"allow", "pin", "deny"}

// String gives the word of documents; "" for none.
func (p Permit) String() string {
	if p == PermitUnsaid || int(p) > len(permitNames) {
		return ""
	}
	return permitNames[p-1]
}

func (r *reading) class(n *doc.Node) {
	var c Class
	n.Map(doc.Fields{
		"class":   func(n *doc.Node) { c.ID = r.names.key(n, aClass) },
		"name":    func(n *doc.Node) { c.Name = readName(n) },
		"permits": func(n *doc.Node) { c.Permits = readPermits(n) },
		"allowed": func(n *doc.Node) { c.Allowed = readPrefixes(n) },
		"denied":  func(n *doc.Node) { c.Denied = readPrefixes(n) },
		"locks": func(n *doc.Node) {
			n.Each(func(n *doc.Node) {
				var l Lock
				n.Map(doc.Fields{
					"schedule": func(n *doc.Node) { l.Schedule = r.names.ask(n, aSchedule) },
					"closed":   func(n *doc.Node) { l.Closed = n.Bool() },
					"permits":  func(n *doc.Node) { l.Permits = readPermits(n) },
				}, "schedule", "permits")
				c.Locks = append(c.Locks, l)
			})
			if len(c.Locks) > maxLocks {
				n.Fail("a class has at most %d locks", maxLocks)
			}
		},
	}, "class")
	for _, p := range c.Allowed {
		if slices.Contains(c.Denied, p) {
			n.Fail("%s is both allowed and denied; keep one", p)
		}
	}
	r.tenant.Classes = append(r.tenant.Classes, c)
}

// readPermits reads what a class says of kinds of calls.
func readPermits(n *doc.Node) (permits [Emergency]Permit) {
	fields := doc.Fields{}
	for c := Internal; c < Emergency; c++ {
		fields[c.String()] = func(n *doc.Node) { choose(n, &permits[c], Allow, permitNames...) }
	}
	fields[Emergency.String()] = func(n *doc.Node) { n.Fail("emergency calls are always allowed: leave emergency: out") }
	n.Map(fields)
	return permits
}

// readPrefixes reads beginnings of numbers in E.164.
func readPrefixes(n *doc.Node) (list []string) {
	n.Each(func(n *doc.Node) {
		p := n.Text()
		if len(p) < 2 || p[0] != '+' || !digits(p[1:], 1, 15) || p[1] == '0' {
			n.Fail("%q must be the beginning of numbers in E.164, with + and the country code, such as +4930", p)
			return
		}
		if slices.Contains(list, p) {
			n.Fail("%s stands twice", p)
		}
		list = append(list, p)
	})
	if len(list) > maxPrefixes {
		n.Fail("there are at most %d prefixes here", maxPrefixes)
	}
	return list
}

// readCalls reads kinds of calls, one or a list.
func readCalls(n *doc.Node) (list []Calls) {
	one := func(n *doc.Node) {
		var c Calls
		if choose(n, &c, Internal, CallsNames...); c != UnknownCalls && !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	if n.IsList() {
		n.Each(one)
	} else {
		one(n)
	}
	return list
}
