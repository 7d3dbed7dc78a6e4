package tenant

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"santral/base/e164"
)

func line(number string) Account { return Account{Kind: Line, Number: number} }

// A number has one owner over the whole exchange, in whatever way its document writes it.
func TestOwners(t *testing.T) {
	one := func(n string) Numbers { return Numbers{First: n, Last: n} }
	s := Next(nil, 7, &Operator{Name: "net", Area: "21", Carriers: []Trunk{{Tenant: OperatorID, Name: "up", Mode: Registers}}}, []*Tenant{
		{ID: "a", Accounts: []Account{line("22000001"), line("02122000002"), {Kind: Extension, Number: "101"}},
			Trunks:  []Trunk{{Name: "pbx", Mode: Registered, PBX: true, Numbers: []Numbers{{First: "02122001000", Last: "02122001099"}, one("1818"), {First: "0213300", Last: "0213300", Prefix: true}}}},
			Numbers: []Owned{{Numbers: one("+982122001050"), Name: "desk"}}},
		{ID: "b", Area: "26", Accounts: []Account{line("32000001")}, Sites: []Site{{ID: "main"}, {ID: "berlin", Country: "de", Area: "30", Zone: "Europe/Berlin"}}},
		{ID: "c", Country: "us", Accounts: []Account{line("02122000003")}},
	})
	for n, want := range map[e164.Number]string{
		982122000001: "a", 982122000002: "a", 982122001000: "a", 982122001099: "a", 982133001234: "a",
		982122001100: "", 982632000001: "b", 982132000001: "", 982122000003: "", 0: "",
	} {
		if x := s.Owner(n); (x == nil) != (want == "") || x != nil && x.Tenant.ID != want {
			t.Errorf("%v is of %v, want %q", n, x, want)
		}
	}
	a := s.Index("a")
	if got := a.Account("22000001"); got.E164 != "+982122000001" || a.Line(982122000001) != got || a.Line(982122000009) != nil {
		t.Errorf("a line is %+v", got)
	}
	if a.Account("101").E164 != "" {
		t.Error("an extension has a number of the public network")
	}
	if o, i := a.Owned("22001050", 982122001050); o == nil || o.Name != "desk" || i != 0 {
		t.Errorf("the desk's row is %+v", o)
	}
	if k := a.PBX("x", 982122001050); k == nil || k.Name != "pbx" || s.PBXOf("a", "+982122001050") != k || s.PBXOf("a", "1818") != k || s.PBXOf("b", "1818") != nil {
		t.Error("the PBX is not found by its numbers")
	}
	if x := s.ShortOwner("1818", true); x != a || s.ShortOwner("1818", false) != nil || s.ShortOwner("101", true) != nil {
		t.Errorf("1818 is of %v", x)
	}
	if s.Operator().Name != "net" || s.Tenant(OperatorID) != nil || s.Trunk(OperatorID, "up") == nil || !s.Registering() || NewSnapshot(1, nil).Operator() == nil {
		t.Error("the operator is not where it is looked for")
	}
	b := s.Index("b")
	if p := b.Place("berlin"); p.Plan.Country != "de" || p.Area != "30" || p.Zone.String() != "Europe/Berlin" || p.Key() != "berlin" {
		t.Errorf("Berlin is %+v", p)
	}
	if p := b.Place(""); p.Plan.Country != "ir" || p.Area != "26" || p.Key() != "main" {
		t.Errorf("the first site is %+v", p)
	}
}

// What did not change is not made again, and what is read is not written to.
func TestTheNextSnapshotKeepsWhatStays(t *testing.T) {
	a, b := &Tenant{ID: "a", Accounts: []Account{line("22000001")}}, &Tenant{ID: "b", Accounts: []Account{line("32000001")}}
	first := Next(nil, 1, &Operator{Area: "21"}, []*Tenant{a, b})
	b2 := &Tenant{ID: "b", Accounts: []Account{line("32000002")}}
	second := Next(first, 2, first.Operator(), []*Tenant{a, b2})
	if first.Index("a") != second.Index("a") || first.Index("b") == second.Index("b") || first.Index(OperatorID) != second.Index(OperatorID) {
		t.Error("the wrong indices were made again")
	}
	if second.Owner(982132000002) == nil || second.Owner(982132000001) != nil || first.Owner(982132000001) == nil {
		t.Error("numbers are not those of their revision")
	}
	third := Next(second, 3, &Operator{Area: "31"}, []*Tenant{a, b2})
	if got := third.Account("a", "22000001").E164; got != "+983122000001" || first.Account("a", "22000001").E164 != "+982122000001" {
		t.Errorf("elsewhere the line is %s, and it was %s", got, first.Account("a", "22000001").E164)
	}
	if third.Owner(982122000001) != nil || third.Owner(983122000001) != third.Index("a") {
		t.Error("numbers stayed where the operator was before")
	}
}

// flatten gives what a look through the whole list gives.
func TestSpansAreFlat(t *testing.T) {
	chance := rand.New(rand.NewPCG(6, 2))
	for range 300 {
		var list []span
		for i := range chance.IntN(12) {
			first := e164.Number(1000 + chance.IntN(60))
			list = append(list, span{first: first, last: first + e164.Number(chance.IntN(1+chance.IntN(40))), of: int32(i), weight: int32(chance.IntN(3))})
		}
		flat := flatten(append([]span(nil), list...))
		for n := e164.Number(990); n < 1120; n++ {
			best := -1
			for i, s := range list {
				if s.first <= n && n <= s.last && (best < 0 || s.weight > list[best].weight) {
					best = i
				}
			}
			if of, ok := flat.find(n); ok != (best >= 0) || ok && int(of) != best {
				t.Fatalf("%d is of %d (%v), want %d, of %v", n, of, ok, best, list)
			}
		}
	}
}

func TestLocation(t *testing.T) {
	s := Site{ID: "main", Address: Address{Country: "ir", City: "تهران", Street: "Valiasr <1>", House: "12", Postcode: "1999", Unit: "3", Floor: "2"}}
	got := location(&Tenant{ID: "a", Domains: []string{"a.example"}, Language: "fa"}, &s)
	for _, want := range []string{
		`entity="pres:main@a.example"`, `<cl:civicAddress xml:lang="fa"><cl:country>IR</cl:country><cl:A3>تهران</cl:A3><cl:RD>Valiasr &lt;1&gt;</cl:RD><cl:HNO>12</cl:HNO><cl:FLR>2</cl:FLR><cl:PC>1999</cl:PC><cl:UNIT>3</cl:UNIT></cl:civicAddress>`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s lacks %s", got, want)
		}
	}
	if location(&Tenant{}, &Site{ID: "x"}) != "" {
		t.Error("a site without an address has a location")
	}
}

// many is an exchange of lines, by some hundred in a tenant.
func many(lines, each int) []*Tenant {
	var list []*Tenant
	for n := 0; n < lines; n += each {
		t := &Tenant{ID: fmt.Sprintf("t%d", n/each), Domains: []string{fmt.Sprintf("t%d.example", n/each)}, Area: "21"}
		for i := range each {
			t.Accounts = append(t.Accounts, Account{Tenant: t.ID, Kind: Line, Number: fmt.Sprintf("021%08d", 22000000+2*(n+i)), Channels: 1})
		}
		list = append(list, t)
	}
	return list
}

// TestManyLines bounds what an exchange of a hundred thousand lines costs.
func TestManyLines(t *testing.T) {
	for _, each := range []int{100, 100_000} {
		tenants := many(100_000, each)
		before := allocated()
		began := time.Now()
		s := NewSnapshot(1, tenants)
		took := time.Since(began)
		grew := allocated() - before
		t.Logf("100,000 lines, %d in a tenant: %v, %d octets a line, and %d of the account itself", each, took, grew/100_000, unsafe.Sizeof(Account{}))
		if took > 3*time.Second || grew > 300*100_000 {
			t.Errorf("%v and %d octets a line", took, grew/100_000)
		}
		began = time.Now()
		tenants[0] = many(each, each)[0]
		s = Next(s, 2, s.Operator(), tenants)
		t.Logf("one tenant changed: %v", time.Since(began))
		runtime.KeepAlive(s)
	}
}

func allocated() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
