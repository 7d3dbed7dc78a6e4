package route

import (
	"cmp"
	"slices"
	"strings"

	"santral/base/e164"
	"santral/call"
	"santral/tenant"
)

// house is a snapshot with what calls ask of it made ready.
type house struct {
	of       *tenant.Snapshot
	desks    map[string]*desk
	operator *desk
}

// newHouse makes a house; what old has of tenants that are the same is kept.
func newHouse(s *tenant.Snapshot, old *house) *house {
	h := &house{of: s, desks: make(map[string]*desk, len(s.Tenants)+1)}
	make := func(id string) *desk {
		x := s.Index(id)
		if old != nil {
			if d := old.desks[id]; d != nil && d.Index == x {
				return d
			}
		}
		return newDesk(x)
	}
	for _, t := range s.Tenants {
		h.desks[t.ID] = make(t.ID)
	}
	h.operator = make(tenant.OperatorID)
	h.desks[tenant.OperatorID] = h.operator
	return h
}

// desk is what calls ask of one tenant, or of the operator.
type desk struct {
	*tenant.Index
	id        string
	inbound   []rule
	numbers   [][]rule // of the rows of Tenant.Numbers
	classes   map[string]*class
	routes    routes
	emergency []call.Emergency // of each of Places
	longest   int              // digits of the longest emergency number of its own list
	present   numbered         // what it presents where a caller owns none
	helps     []numbered       // what emergency calls present, of each of Places
	ways      []call.Way       // all of its carriers, for emergencies that no route takes

	pbx map[string][]call.Way // the one way to each PBX
}

// numbered is a number as a document writes it, and in E.164 where it is one of the public network.
type numbered struct{ text, plus string }

func newDesk(x *tenant.Index) *desk {
	t := x.Tenant
	d := &desk{Index: x, id: t.ID, classes: map[string]*class{}}
	place := &x.Places[0]
	d.inbound = makeRules(t.Inbound, place)
	for i := range t.Numbers {
		if o := &t.Numbers[i]; len(o.Inbound) > 0 {
			if d.numbers == nil {
				d.numbers = make([][]rule, len(t.Numbers))
			}
			d.numbers[i] = makeRules(o.Inbound, place)
		}
	}
	for i := range t.Classes {
		d.classes[t.Classes[i].ID] = newClass(&t.Classes[i])
	}
	d.routes.make(t, d.id)
	for i := range x.Places {
		p := &x.Places[i]
		d.emergency = append(d.emergency, call.Emergency{Location: p.Location})
		help := ""
		if p.Site != nil {
			help = p.Site.Emergency
		}
		d.helps = append(d.helps, number(help, p))
	}
	for _, n := range t.Emergency {
		d.longest = max(d.longest, len(n))
	}
	d.present = number(t.Present, place)
	for i := range t.Trunks {
		k := &t.Trunks[i]
		way := call.Way{Tenant: d.id, Trunk: k.Name}
		if !k.PBX {
			d.ways = append(d.ways, way)
			continue
		}
		if d.pbx == nil {
			d.pbx = map[string][]call.Way{}
		}
		d.pbx[k.Name] = []call.Way{way}
	}
	return d
}

func number(text string, p *tenant.Place) numbered {
	n := numbered{text: text, plus: text}
	if u := p.Plan.Understand(text, p.Area); u.E164 != 0 {
		n.plus = u.E164.String()
	}
	return n
}

// in gives the number in the form of the ways that a call takes.
func (n *numbered) in(plus bool) string {
	if plus {
		return n.plus
	}
	return n.text
}

// rule is one for calls from outside, with its callers understood.
type rule struct {
	*tenant.Rule
	callers [][2]e164.Number
}

func makeRules(list []tenant.Rule, p *tenant.Place) []rule {
	rules := make([]rule, len(list))
	for i := range list {
		r := &list[i]
		rules[i].Rule = r
		for j := range r.Callers {
			rules[i].callers = append(rules[i].callers, r.Callers[j].Public(p.Plan, p.Area)...)
		}
	}
	return rules
}

// by reports whether a rule is for a caller, who may withhold its number.
func (r *rule) by(said string, public e164.Number, withheld bool) bool {
	if r.Hidden {
		return withheld || said == ""
	}
	if len(r.Callers) == 0 {
		return true
	}
	for _, c := range r.callers {
		if public != 0 && public >= c[0] && public <= c[1] {
			return true
		}
	}
	for i := range r.Callers {
		if said != "" && r.Callers[i].Has(said) {
			return true
		}
	}
	return false
}

// routes finds those of a document by what numbers begin with.
type routes struct {
	dialled map[string][]*line      // by the digits that are dialled
	public  map[e164.Number][]*line // by those of E.164, of prefixes that begin with +
	lengths [2]uint32               // of both, a bit for each count of digits
	list    []line
}

func (r *routes) make(t *tenant.Tenant, owner string) {
	r.list = make([]line, len(t.Routes))
	r.dialled, r.public = map[string][]*line{}, map[e164.Number][]*line{}
	for i := range t.Routes {
		l := &r.list[i]
		l.make(&t.Routes[i], t, owner)
		if digits, plus := strings.CutPrefix(l.Prefix, "+"); plus {
			if n := e164.Digits(digits); n != 0 || digits == "" {
				r.public[n] = append(r.public[n], l)
				r.lengths[1] |= 1 << len(digits)
			}
		} else if len(digits) < 32 {
			r.dialled[digits] = append(r.dialled[digits], l)
			r.lengths[0] |= 1 << len(digits)
		}
	}
	first := func(a, b *line) int { return cmp.Compare(a.Priority, b.Priority) }
	for _, list := range r.dialled {
		slices.SortStableFunc(list, first)
	}
	for _, list := range r.public {
		slices.SortStableFunc(list, first)
	}
}
