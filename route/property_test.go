package route

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"santral/call"
	"santral/tenant"
)

// anything is what may be dialled: numbers of everybody in every spelling, codes, and nonsense.
func anything(chance *rand.Rand, s *tenant.Snapshot) string {
	heads := []string{"", "", "", "0", "00", "+", "+98", "0098", "*31#", "#31#", "9", "82", "*", "tel:", "021", "+9821", "1"}
	body := ""
	switch chance.IntN(4) {
	case 0:
		t := s.Tenants[chance.IntN(len(s.Tenants))]
		body = t.Accounts[chance.IntN(len(t.Accounts))].Number
	case 1:
		t := s.Tenants[chance.IntN(len(s.Tenants))]
		if len(t.Trunks) > 0 {
			if k := t.Trunks[chance.IntN(len(t.Trunks))]; len(k.Numbers) > 0 {
				body = k.Numbers[chance.IntN(len(k.Numbers))].First
			}
		}
	case 2:
		const all = "0123456789012345678901234567890123456789*#+ -().۱۲٣a@;\x00é"
		runes := []rune(all)
		for range chance.IntN(18) {
			body += string(runes[chance.IntN(len(runes))])
		}
	default:
		for range chance.IntN(13) {
			body += string(rune('0' + chance.IntN(10)))
		}
	}
	return heads[chance.IntN(len(heads))] + body
}

// anybody is who may ask.
func anybody(chance *rand.Rand, s *tenant.Snapshot) call.Party {
	x := s.Index(tenant.OperatorID)
	if i := chance.IntN(len(s.Tenants) + 1); i < len(s.Tenants) {
		x = s.Index(s.Tenants[i].ID)
	}
	p := call.Party{Tenant: x.Tenant.ID, Proved: chance.IntN(2) == 0}
	if n := len(x.Tenant.Accounts); n > 0 && chance.IntN(3) > 0 {
		a := x.Tenant.Accounts[chance.IntN(n)]
		p.Account, p.Number = a.Number, a.Number
	} else if n := len(x.Tenant.Trunks); n > 0 {
		p.Trunk = x.Tenant.Trunks[chance.IntN(n)].Name
	}
	if chance.IntN(3) == 0 {
		p.Number, p.Said = anything(chance, s), anything(chance, s)
	}
	return p
}

// Whatever is dialled by whomever has one answer; the same question has the same answer; and nothing that another tenant has
// inside is ever reached: only what it has of the public network, or says that others may call.
func TestEverybodyStaysAtHome(t *testing.T) {
	chance := rand.New(rand.NewPCG(6, 3))
	for _, operator := range []string{operatorDocument, operatorDocument + "apart: true\n"} {
		p, s := world(t, operator)
		before := *s
		for range 60_000 {
			from, dialled := anybody(chance, s), anything(chance, s)
			when := time.Unix(1_775_000_000+chance.Int64N(40_000_000), 0)
			d := p.Route(from, dialled, when)
			if d.Kind == call.UnknownDestination || d.Kind == call.ToTrunks && len(d.Ways) == 0 || d.Kind == call.ToRefusal && d.Refuse.SIP < 400 {
				t.Fatalf("%q from %+v has no answer: %+v", dialled, from, d)
			}
			if again := p.Route(from, dialled, when); !reflect.DeepEqual(d, again) {
				t.Fatalf("%q from %+v has two answers:\n%+v\n%+v", dialled, from, d, again)
			}
			if e, _ := p.Explain(from, dialled, when); !reflect.DeepEqual(d, e) {
				t.Fatalf("%q from %+v is explained as\n%+v, and goes to\n%+v", dialled, from, e, d)
			}
			if d.Tenant != from.Tenant && d.Kind != call.ToRefusal {
				visible(t, s, from, dialled, &d)
			}
			for i := range d.Ways {
				w := &d.Ways[i]
				if k := s.Trunk(w.Tenant, w.Trunk); k == nil || w.Tenant != from.Tenant && w.Tenant != tenant.OperatorID && w.Tenant != d.Tenant {
					t.Fatalf("%q from %+v takes the way %+v", dialled, from, w)
				} else if k := s.Trunk(w.Tenant, w.Trunk); from.Trunk != "" && !s.Trunk(from.Tenant, from.Trunk).PBX && !k.PBX {
					t.Fatalf("%q came by the carrier %s and leaves by the carrier %s", dialled, from.Trunk, w.Trunk)
				}
			}
		}
		if !reflect.DeepEqual(before.Tenants, s.Tenants) {
			t.Error("asking changed what was asked")
		}
	}
}

// visible fails unless a call between tenants goes to what others may call.
func visible(t *testing.T, s *tenant.Snapshot, from call.Party, dialled string, d *call.Destination) {
	t.Helper()
	x := s.Index(d.Tenant)
	carrier := from.Trunk != "" && from.Tenant == tenant.OperatorID
	if s.Operator().Apart && !carrier {
		t.Fatalf("tenants are apart, and %q from %+v reaches %+v", dialled, from, d)
	}
	o, _ := x.Owned(d.Number, d.Public)
	switch {
	case !d.Limited:
		t.Fatalf("%q from %+v is no call with the outside: %+v", dialled, from, d)
	case o != nil, d.Public != 0 && x.Has(d.Public):
	case carrier && d.Kind == call.ToTrunks && x.PBX(d.Number, d.Public) != nil:
	default:
		t.Fatalf("%q from %+v reaches %+v, which no number of %s is for", dialled, from, d, d.Tenant)
	}
}

// An emergency number is never refused while there is a trunk, whoever calls, in whatever state.
func TestEmergenciesAreNeverRefused(t *testing.T) {
	p, s := world(t, operatorDocument)
	chance := rand.New(rand.NewPCG(6, 4))
	for range 5000 {
		from := anybody(chance, s)
		if k := s.Trunk(from.Tenant, from.Trunk); from.Trunk != "" && !k.PBX {
			continue
		}
		number := []string{"110", "112", "115", "125", "199", "۱۱۰", "1-1-2", "*31#115"}[chance.IntN(8)]
		d := p.Route(from, number, time.Unix(1_775_000_000+chance.Int64N(40_000_000), 0))
		if from.Tenant == tenant.OperatorID {
			continue
		}
		if d.Kind != call.ToTrunks || d.Emergency == nil || d.Hidden != call.Show || len(d.Ways) < 2 {
			t.Fatalf("%s from %+v goes to %+v", number, from, d)
		}
		if slices.ContainsFunc(d.Ways, func(w call.Way) bool { return w.Tenant != from.Tenant && w.Tenant != tenant.OperatorID }) {
			t.Fatalf("an emergency takes another's trunk: %+v", d.Ways)
		}
	}
	d := p.Route(phone("101"), "110", at(t, "2026-04-07 10:00"))
	if want := s.Index("acme").Place("main").Location; d.Emergency.Location != want || want == "" {
		t.Errorf("the address is %q", d.Emergency.Location)
	}
}

// With no trunk at all, what is inside is reached as ever.
func TestInsideNeedsNoTrunk(t *testing.T) {
	p, s := world(t, "operator: Net\narea: \"21\"\n")
	alone := tenant.NewSnapshot(1, []*tenant.Tenant{{ID: "alone", Accounts: []tenant.Account{{Tenant: "alone", Number: "110"}}}, s.Tenant("acme")})
	for number, want := range map[string]string{"110": "alone/110 internal", "112": "503/38 network out of order"} {
		if d, _ := p.ExplainIn(alone, call.Party{Tenant: "alone"}, number, at(t, "2026-04-07 10:00")); brief(&d) != want {
			t.Errorf("where nobody says the country, %s goes to %s, want %s", number, brief(&d), want)
		}
	}
	for dialled, want := range map[string]string{
		"102": "acme/102 internal", "22000001": "acme/22000001 internal", "600": "acme/group sales600 internal", "8000": "acme/conference 8000 internal", "*43": "acme/echo *43 internal",
		"02144000001": "other/02144000001 from 02122001007 local outside", "09121234567": "404/1 unallocated number",
	} {
		if d := p.Route(phone("101"), dialled, at(t, "2026-04-07 10:00")); brief(&d) != want {
			t.Errorf("%s goes to %s, want %s", dialled, brief(&d), want)
		}
	}
}

type judged map[string][3]float64

func (j judged) Quality(_, trunk string) (asr, mos float64, calls int) {
	q := j[trunk]
	return q[0], q[1], int(q[2])
}

func TestWaysAreTriedInOrder(t *testing.T) {
	route := func(r tenant.Route) *Plan {
		t.Helper()
		s := tenant.NewSnapshot(1, []*tenant.Tenant{{ID: "a", Trunks: []tenant.Trunk{{Name: "x", Mode: tenant.Static}, {Name: "y", Mode: tenant.Static}, {Name: "z", Mode: tenant.Static}}, Routes: []tenant.Route{r}}})
		p := &Plan{}
		p.house(s)
		return p
	}
	first := func(p *Plan) map[string]int {
		count := map[string]int{}
		for i := range 10_000 {
			q := question{house: p.made.Load(), quality: p.quality, from: call.Party{Tenant: "a"}, dialled: "0912", at: time.Unix(0, int64(i)*7919)}
			d := q.answer()
			count[d.Ways[0].Trunk]++
			count["and then "+d.Ways[1].Trunk]++
		}
		return count
	}
	near := func(got map[string]int, want map[string]int) {
		t.Helper()
		for name, n := range want {
			if g := got[name]; g < n-250 || g > n+250 {
				t.Errorf("%s is first in %d of 10,000 calls, want about %d", name, g, n)
			}
		}
	}
	way := func(trunk string, priority, weight, percent int) tenant.RouteWay {
		return tenant.RouteWay{Trunk: trunk, Priority: priority, Weight: weight, Percent: percent}
	}
	near(first(route(tenant.Route{Ways: []tenant.RouteWay{way("x", 0, 0, 0), way("y", 0, 0, 0)}})), map[string]int{"x": 10_000, "and then y": 10_000})
	near(first(route(tenant.Route{Ways: []tenant.RouteWay{way("x", 2, 0, 0), way("y", 1, 0, 0)}})), map[string]int{"y": 10_000})
	weighted := route(tenant.Route{Ways: []tenant.RouteWay{way("z", 1, 0, 0), way("x", 0, 70, 0), way("y", 0, 30, 0)}})
	near(first(weighted), map[string]int{"x": 7000, "y": 3000, "z": 0})
	near(first(route(tenant.Route{Ways: []tenant.RouteWay{way("x", 0, 0, 20), way("y", 0, 0, 0), way("z", 0, 0, 0)}})), map[string]int{"x": 2000, "y": 8000, "and then x": 8000})
	near(first(route(tenant.Route{Ways: []tenant.RouteWay{way("x", 0, 0, 25), way("y", 0, 0, 75)}})), map[string]int{"x": 2500, "y": 7500})

	judge := route(tenant.Route{Answered: 0.4, MOS: 3.5, Ways: []tenant.RouteWay{way("x", 0, 0, 0), way("y", 0, 0, 0), way("z", 0, 0, 0)}})
	for _, c := range []struct {
		quality judged
		want    string
		then    string
	}{
		{nil, "x", "y"},
		{judged{"x": {0.1, 4, 100}}, "y", "z"},
		{judged{"x": {0.1, 4, 5}}, "x", "y"}, // too few to say
		{judged{"x": {0.9, 2.5, 100}}, "y", "z"},
		{judged{"x": {0.9, 0, 100}}, "x", "y"}, // nobody measured
		{judged{"x": {0.1, 4, 100}, "y": {0.1, 4, 100}, "z": {0.1, 4, 100}}, "x", "y"},
	} {
		judge.Judge(c.quality)
		near(first(judge), map[string]int{c.want: 10_000, "and then " + c.then: 10_000})
	}
}

// Leads tells what a change would lead elsewhere, and nothing else.
func TestLeads(t *testing.T) {
	p, old := world(t, operatorDocument)
	_, now := world(t, operatorDocument)
	if leads := p.Leads(old, now, "acme", nil); len(leads) != 0 {
		t.Errorf("the same documents lead elsewhere: %+v", leads)
	}
	acme := *now.Tenant("acme")
	acme.Groups = nil
	acme.Numbers = slices.Clone(acme.Numbers)
	acme.Numbers[0].Target = tenant.Target{Kind: tenant.ToAccount, Name: "102"}
	acme.Numbers[1].Inbound = []tenant.Rule{acme.Numbers[1].Inbound[0], acme.Numbers[1].Inbound[1], {Schedule: "office", Closed: true, Target: tenant.Target{Kind: tenant.ToAccount, Name: "101"}}}
	acme.Routes = acme.Routes[:1]
	next := tenant.Next(now, 8, now.Operator(), []*tenant.Tenant{&acme, now.Tenant("other")})
	want := []Lead{
		{"acme", "9…", "trunk:own (…)", ""},
		{"acme", "600", "group:sales", "carrier:up (600)"},
		{"acme", "02122001000", "group:sales", "102"},
		{"acme", "02122001001", "103", "101"},
		{"acme", "02122001009", "103", "101"},
	}
	if leads := p.Leads(now, next, "acme", nil); !reflect.DeepEqual(leads, want) {
		t.Errorf("it leads elsewhere:\n%+v, want\n%+v", leads, want)
	}
	if leads := p.Leads(now, next, "acme", []string{"101", "600"}); len(leads) != 1 {
		t.Errorf("of two numbers: %+v", leads)
	}
	if leads := p.Leads(now, next, "other", nil); len(leads) != 0 {
		t.Errorf("another tenant's lead elsewhere: %+v", leads)
	}
}

// TestLeadsOfManyLines bounds the time that a plan takes.
func TestLeadsOfManyLines(t *testing.T) {
	p := big()
	old := p.current.Load()
	one := *old.Tenants[0]
	one.Routes = one.Routes[:9000]
	now := tenant.Next(old, 2, old.Operator(), append([]*tenant.Tenant{&one}, old.Tenants[1:]...))
	began := time.Now()
	count := 0
	for _, t := range now.Tenants {
		count += len(p.Leads(old, now, t.ID, nil))
	}
	t.Logf("%d leads among 100,000 lines and 10,000 prefixes in %v", count, time.Since(began))
	if count != 1001 {
		t.Errorf("%d numbers lead elsewhere", count)
	}
}

// The question of the mission is answered with its reasoning.
func TestWhatWouldHappen(t *testing.T) {
	p, s := world(t, operatorDocument)
	from, ok := CallerIn(s, "acme", "02155001122", "02122001005", "")
	if !ok || from.Tenant != tenant.OperatorID || from.Trunk != "up" {
		t.Fatalf("a caller outside is %+v", from)
	}
	if f, ok := CallerIn(s, "acme", "۰۲۱۲۲۰۰۰۰۰۱", "101", ""); !ok || f.Account != "22000001" || f.Tenant != "acme" {
		t.Errorf("a line is %+v", f)
	}
	if f, ok := CallerIn(s, "acme", "+982144000001", "02122001005", ""); !ok || f.Tenant != "other" || f.Account != "02144000001" {
		t.Errorf("another tenant's line is %+v", f)
	}
	if f, ok := CallerIn(s, "acme", "02155001122", "02133000005", ""); !ok || f.Tenant != "acme" || f.Trunk != "own" {
		t.Errorf("by the tenant's own carrier: %+v", f)
	}
	if f, ok := CallerIn(s, "acme", "02155001122", "02122001005", "down"); !ok || f.Trunk != "down" {
		t.Errorf("by a carrier that is named: %+v", f)
	}
	if _, ok := CallerIn(s, "acme", "02155001122", "02122001005", "nobody"); ok {
		t.Error("by a carrier that there is not")
	}
	_, steps := p.Explain(from, "02122001005", at(t, "2026-04-02 18:05"))
	var text []string
	for _, s := range steps {
		text = append(text, s.Say("en"))
	}
	want := []string{
		"The call comes by trunk up of operator, for 02122001005, that is +982122001005.",
		"The number belongs to acme.",
		"Schedule office is open: no; the day is a holiday, سیزده\u200cبه\u200cدر – Nature Day.",
		"A rule for calls from outside holds (office): 103.",
		"103 is a telephone of acme.",
		"→ 103 of acme rings.",
	}
	if !slices.Equal(text, want) {
		t.Errorf("it says\n%q, want\n%q", text, want)
	}
	if got := steps[len(steps)-1].Say("fa"); got != "← 103 از acme زنگ می‌خورد." {
		t.Errorf("in Persian: %s", got)
	}
}

// What was made ready of a snapshot before it became the current one is not made again, and calls of the one before it don't take it
// away.
func TestASnapshotIsMadeReadyOnce(t *testing.T) {
	p, _ := world(t, operatorDocument)
	old := p.current.Load()
	ask := func() { p.Route(phone("101"), "102", time.Time{}) }
	ask()
	before := p.made.Load()
	acme := *old.Tenant("acme")
	acme.Groups = nil
	now := tenant.Next(old, old.Revision+1, old.Operator(), []*tenant.Tenant{&acme, old.Tenant("other")})
	p.Prepare(now)
	ready := p.planned.Load()
	ask()
	if p.made.Load() != before || p.planned.Load() != ready || ready.desks["other"] != before.desks["other"] || ready.desks["acme"] == before.desks["acme"] {
		t.Error("a call meanwhile made something anew, or the wrong tenants were made ready")
	}
	p.current.Store(now)
	ask()
	if p.made.Load() != ready || p.planned.Load() != nil {
		t.Error("what was ready was not taken")
	}
	p.house(old)
	if p.made.Load() != ready {
		t.Error("a late call of the snapshot before took it away")
	}
}
