package main

import (
	"fmt"
	"slices"
	"testing"

	"santral/sip/digest"
	"santral/tenant"
)

func password(number string) string { return "secret-" + number }

func settled(t *testing.T, l *local) (*tenant.Operator, []*tenant.Tenant) {
	t.Helper()
	texts, err := l.world(password)
	if err != nil {
		t.Fatal(err)
	}
	operator, tenants, err := settle(texts)
	if err != nil {
		t.Fatalf("%v\n%s", err, texts[0].data)
	}
	return operator, tenants
}

// The accounts of the company are a contract: other people's tests start the program with them.
func TestTheCompany(t *testing.T) {
	for _, c := range []struct {
		extensions  int
		first, last string
	}{{10, "101", "110"}, {0, "", ""}, {1, "101", "101"}, {899, "101", "999"}, {900, "10001", "10900"}, {20000, "10001", "30000"}} {
		_, tenants := settled(t, &local{Sample: "company", Extensions: c.extensions, Channels: 3})
		a := tenants[0]
		if len(tenants) != 1 || a.ID != "sample" || a.Name != "Sample" || a.Realm != "santral.local" || !a.Default || a.Domains[0] != "santral.local" || !slices.Contains(a.Domains, "localhost") {
			t.Fatalf("the tenant is %+v", a)
		}
		if len(a.Accounts) != c.extensions+2 {
			t.Fatalf("%d accounts", len(a.Accounts))
		}
		lines := a.Accounts[c.extensions:]
		for i, want := range []string{"22000001", "22000002"} {
			if l := lines[i]; l.Kind != tenant.Line || l.Number != want || l.Channels != 1 || l.Name != "Line "+want || l.Credential.Password != password(want) {
				t.Errorf("a line is %+v", l)
			}
		}
		if c.extensions == 0 {
			continue
		}
		for _, e := range []tenant.Account{a.Accounts[0], a.Accounts[c.extensions-1]} {
			if e.Kind != tenant.Extension || e.Channels != 3 || e.Name != "Extension "+e.Number || e.Credential.Password != password(e.Number) {
				t.Errorf("an extension is %+v", e)
			}
		}
		if a.Accounts[0].Number != c.first || a.Accounts[c.extensions-1].Number != c.last {
			t.Errorf("extensions are %s to %s", a.Accounts[0].Number, a.Accounts[c.extensions-1].Number)
		}
		if a.Country != "" {
			t.Error("a country is said: 110 would be the police")
		}
		if len(a.Groups) != 1 || a.Groups[0].Members[0] != c.first {
			t.Errorf("groups %+v", a.Groups)
		}
	}
	texts, err := (&local{Sample: "company", Extensions: 2, Channels: 1}).world(func(string) string { return "pw" })
	if err != nil {
		t.Fatal(err)
	}
	_, short, err := settle(texts)
	if want := digest.Hash(digest.SHA256, "101", "santral.local", "pw"); err != nil || short[0].Accounts[0].Credential.HA1["SHA-256"] != want {
		t.Errorf("a short password: %v, %+v", err, short[0].Accounts[0].Credential.HA1)
	}
	_, tenants := settled(t, &local{Sample: "company", Extensions: 2, Channels: 1, TLSName: "#no"})
	if len(tenants[0].Accounts) != 4 {
		t.Error("a name that YAML would take for its own breaks the document")
	}
}

func TestTheComplex(t *testing.T) {
	_, tenants := settled(t, &local{Sample: "complex"})
	a := tenants[0]
	if len(a.Units) != 400 || len(a.Accounts) != 804 || a.Type != tenant.Complex {
		t.Fatalf("%d units, %d accounts", len(a.Units), len(a.Accounts))
	}
	u := a.Units[52]
	if got := fmt.Sprint(u.ID, u.Block, u.Floor, u.Door, u.Accounts); got != "a-11-3A113[2113 26502113]" {
		t.Errorf("a unit is %s", got)
	}
	s := tenant.NewSnapshot(1, tenants)
	if line := s.Account("bagh", "26502113"); line.E164 != "+982126502113" || line.Name != u.Residents[0].Name || line.Name == "" {
		t.Errorf("its line is %+v", line)
	}
	if g := s.Index("bagh").Rung("9000"); g == nil || !g.InTurn {
		t.Error("there is no concierge")
	}
}

func TestTheOperator(t *testing.T) {
	operator, tenants := settled(t, &local{Sample: "operator"})
	if len(operator.Carriers) != 2 || len(tenants) != 3 || len(tenants[0].Accounts) != homeLines {
		t.Fatalf("%+v, %d tenants", operator, len(tenants))
	}
	s := tenant.Next(nil, 1, operator, tenants)
	for id, channels := range map[string]int{"asman": 30, "nasim": 10} {
		if k := s.Trunk(id, "pbx"); k == nil || k.Channels != channels || !k.PBX {
			t.Errorf("the trunk of %s is %+v", id, k)
		}
	}
	if a := s.Account("home", "22001001"); a.E164 != "+982122001001" {
		t.Errorf("a line is %+v", a)
	}
}
