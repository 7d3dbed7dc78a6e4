package tenant

import (
	"strconv"
	"strings"
	"time"

	"santral/base/doc"
)

// Bounds of a route.
const (
	maxWays     = 100
	maxCauses   = 100
	mostWeight  = 1000
	maxPriority = 1000
)

func (w *ways) readRoute(n *doc.Node) Route {
	r := Route{Patience: defaultPatience}
	named := false
	n.Map(doc.Fields{
		"name": func(n *doc.Node) { named, r.Name = true, readID(n, "route name") },
		"prefix": func(n *doc.Node) {
			if r.Prefix = n.Text(); r.Prefix != "" && r.Prefix != "+" && !number(r.Prefix, 1) {
				n.Fail("prefix %q must be digits, perhaps with a + in front; \"\" for every number, \"+\" for every one of the public network", r.Prefix)
			}
		},
		"calls":    func(n *doc.Node) { r.Calls = readCalls(n) },
		"schedule": func(n *doc.Node) { r.Schedule = w.names.ask(n, aSchedule) },
		"closed":   func(n *doc.Node) { r.Closed = n.Bool() },
		"priority": func(n *doc.Node) { r.Priority = n.Int(0, maxPriority) },
		"trunks": func(n *doc.Node) {
			n.Each(func(n *doc.Node) { r.Ways = append(r.Ways, readWay(n)) })
			if len(r.Ways) > maxWays {
				n.Fail("a route has at most %d trunks", maxWays)
			}
		},
		"strip": func(n *doc.Node) { r.Strip = n.Int(0, 15) },
		"prepend": func(n *doc.Node) {
			if r.Prepend = n.Text(); strings.Trim(r.Prepend, "0123456789+*#") != "" || len(r.Prepend) > 15 {
				n.Fail("prepend %q must be at most 15 of 0–9, +, * and #", r.Prepend)
			}
		},
		"patience": func(n *doc.Node) { r.Patience = n.Duration(time.Second, 2*time.Minute) },
		"causes": func(n *doc.Node) {
			n.Each(func(n *doc.Node) { r.Causes = append(r.Causes, n.Int(300, 699)) })
			if len(r.Causes) > maxCauses {
				n.Fail("a route has at most %d causes", maxCauses)
			}
		},
		"answered": func(n *doc.Node) { r.Answered = readFraction(n, 0, 1, "0.4") },
		"mos":      func(n *doc.Node) { r.MOS = readFraction(n, 1, 4.5, "3.5") },
	}, "prefix", "trunks")
	if len(r.Ways) == 0 {
		n.Fail("route %q leads to no trunk", r.Prefix)
	}
	if r.Closed && r.Schedule == "" {
		n.Fail("closed: true has schedule: beside it, of which it is the other time")
	}
	if !named {
		r.Name = r.Prefix
	}
	return r
}

// readWay reads a trunk of a route: its name, or a mapping.
func readWay(n *doc.Node) (way RouteWay) {
	if !n.IsMap() {
		way.Trunk = n.Text()
		return way
	}
	n.Map(doc.Fields{
		"trunk":    func(n *doc.Node) { way.Trunk = n.Text() },
		"priority": func(n *doc.Node) { way.Priority = n.Int(0, maxPriority) },
		"weight":   func(n *doc.Node) { way.Weight = n.Int(1, mostWeight) },
		"percent":  func(n *doc.Node) { way.Percent = n.Int(1, 100) },
	}, "trunk")
	return way
}

// readFraction reads a number from least to most that need not be whole.
func readFraction(n *doc.Node, least, most float64, such string) float64 {
	f, err := strconv.ParseFloat(n.Text(), 64)
	if len(n.Text()) > 10 || err != nil || !(f >= least && f <= most) {
		n.Fail("must be a number from %g to %g, such as %s", least, most, such)
		return least
	}
	return f
}
