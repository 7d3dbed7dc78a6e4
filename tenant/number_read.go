package tenant

import (
	"slices"
	"strings"
	"time"

	"santral/base/doc"
)

// Bounds of numbers and of rules for calls from outside.
const (
	maxOwned   = 200000
	maxInbound = 1000 // of one tenant or one number
	maxCallers = 1000 // of one rule
)

// number reads numbers that the tenant has and that are no line's.
func (r *reading) number(n *doc.Node) {
	i := len(r.tenant.Numbers)
	if i == maxOwned {
		n.Fail("a tenant has at most %d rows of numbers: write ranges", maxOwned)
	}
	if i >= maxOwned {
		return
	}
	r.tenant.Numbers = append(r.tenant.Numbers, Owned{})
	var o Owned
	var at *doc.Node
	n.Map(doc.Fields{
		"number": func(n *doc.Node) { o.Numbers, at = readBlock(n), n },
		"to": func(n *doc.Node) {
			r.target(n, func(t Target) { r.tenant.Numbers[i].Target = t; o.Target = t })
		},
		"inbound": func(n *doc.Node) { o.Inbound = r.rules(n) },
		"state":   func(n *doc.Node) { o.State = readState(n, NumberFree) },
		"site":    func(n *doc.Node) { o.Site = r.names.ask(n, aSite) },
		"name":    func(n *doc.Node) { o.Name = readName(n) },
		"trunk":   func(n *doc.Node) { o.Trunk = r.names.ask(n, aTrunk) },
	}, "number")
	r.tenant.Numbers[i] = o
	if at == nil {
		at = n
	}
	r.tenant.placed.numbers = append(r.tenant.placed.numbers, at.Spot())
	if o.First != "" {
		r.ranges = append(r.ranges, standing{Numbers: o.Numbers, at: at.Spot()})
	}
}

// inbound reads the rules of the tenant.
func (r *reading) inbound(n *doc.Node) { r.tenant.Inbound = r.rules(n) }

// rules reads rules for calls from outside. Their targets are settled where they stand.
func (r *reading) rules(n *doc.Node) []Rule {
	rules := []*Rule{}
	n.Each(func(n *doc.Node) {
		if len(rules) == maxInbound {
			n.Fail("there are at most %d rules here", maxInbound)
		}
		if len(rules) > maxInbound {
			return
		}
		rules = append(rules, r.rule(n))
	})
	list := make([]Rule, len(rules))
	for i, rule := range rules {
		list[i] = *rule
		r.later = append(r.later, func() { list[i].Target = rule.Target })
	}
	return list
}

func (r *reading) rule(n *doc.Node) *Rule {
	rule := &Rule{}
	n.Map(doc.Fields{
		"callers": func(n *doc.Node) {
			n.Each(func(n *doc.Node) {
				if len(rule.Callers) == maxCallers {
					n.Fail("a rule has at most %d callers: write ranges or prefixes", maxCallers)
				}
				if len(rule.Callers) <= maxCallers {
					rule.Callers = append(rule.Callers, readRange(n))
				}
			})
		},
		"hidden":   func(n *doc.Node) { rule.Hidden = n.Bool() },
		"schedule": func(n *doc.Node) { rule.Schedule = r.names.ask(n, aSchedule) },
		"closed":   func(n *doc.Node) { rule.Closed = n.Bool() },
		"to":       func(n *doc.Node) { r.target(n, func(t Target) { rule.Target = t }) },
	}, "to")
	if rule.Hidden && len(rule.Callers) > 0 {
		n.Fail("hidden: true is of callers who withhold their number, so callers: can't stand beside it; write two rules")
	}
	if rule.Closed && rule.Schedule == "" {
		n.Fail("closed: true has schedule: beside it, of which it is the other time")
	}
	return rule
}

// readBlock reads a number or a range, no prefix: what a tenant owns or the operator gives out can be counted.
func readBlock(n *doc.Node) Numbers {
	numbers := readRange(n)
	if numbers.Prefix {
		n.Fail("%q: write a number, or the first and the last of a range such as 02122000100-02122000199", n.Text())
		return Numbers{}
	}
	return numbers
}

// readState reads where a number stands in its life; never is a state that it can't have here.
func readState(n *doc.Node, never ...NumberState) NumberState {
	words := slices.DeleteFunc(slices.Clone(NumberStateNames), func(word string) bool {
		return slices.ContainsFunc(never, func(s NumberState) bool { return s.String() == word })
	})
	if i := slices.Index(NumberStateNames, n.OneOf(words...)); i >= 0 {
		return NumberState(i)
	}
	return NumberActive
}

// Count is how many numbers there are; 0 for those that only begin in one way, and for more than an int can tell.
func (n *Numbers) Count() int {
	if n.Prefix {
		return 0
	}
	first, last := strings.TrimPrefix(n.First, "+"), strings.TrimPrefix(n.Last, "+")
	value := func(s string) (v int) {
		for i := range len(s) {
			v = v*10 + int(s[i]-'0')
		}
		return v
	}
	return value(last) - value(first) + 1
}

// readDay reads a date with its year, in the Gregorian or the Jalali calendar, as a day at midnight UTC.
func readDay(n *doc.Node) time.Time {
	d := readDate(n)
	if d == (Date{}) {
		return time.Time{}
	}
	if d.Year == 0 {
		n.Fail("%q has no year: write one, such as 2026-11-27 or 1405-09-06", n.Text())
		return time.Time{}
	}
	return time.Unix(int64(d.number())*86400, 0).UTC()
}
