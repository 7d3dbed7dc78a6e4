package tenant

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	"santral/base/doc"
)

const good = `
tenant: acme
name: Acme
domains: [acme.example, 192.0.2.10]
default: true
extensions:
  - {number: 101, name: Sara, channels: 3, password: correct-horse}
  - number: "102"
    ha1: {md5: 0123456789abcdef0123456789abcdef}
lines:
  - number: 02122000001
    password: correct-horse
    consultation: shared
`

func TestAGoodDocument(t *testing.T) {
	var problems doc.Problems
	a := Read("acme.yaml", []byte(good), &problems)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	if a.Realm != "acme.example" || len(a.Accounts) != 3 {
		t.Fatalf("realm %q, %d accounts", a.Realm, len(a.Accounts))
	}
	line := a.Accounts[2]
	if line.Kind != Line || line.Number != "02122000001" || line.Channels != 1 || !line.SharedConsultation {
		t.Errorf("line %+v", line)
	}
	if s := fmt.Sprintf("%v %+v %#v", a.Accounts[0], a.Accounts[0], a.Accounts[0]); strings.Contains(s, "correct-horse") {
		t.Errorf("a password shows: %s", s)
	}
}

func TestEveryProblemIsSaidWithItsPlace(t *testing.T) {
	var problems doc.Problems
	Read("bad.yaml", []byte(`tenant: Bad Name
domains: ["a b"]
colour: red
extensions:
  - number: 1
    password: correct-horse
  - number: 101
    password: x
  - number: 101
    password: correct-horse
    channels: none
lines:
  - number: 123456789
    password: correct-horse
  - number: 22000001
`), &problems)
	var got []string
	for _, p := range problems.List() {
		got = append(got, p.String())
	}
	want := []string{
		`bad.yaml:1:9: tenant id "Bad Name" must be`,
		`bad.yaml:2:11: domain "a b" must be`,
		`bad.yaml:3:1: unknown key "colour"; known here are api, area, brand,`,
		`bad.yaml:5:13: extension "1" must have 2 to 7 digits`,
		`bad.yaml:8:15: a password has 6 to 128 characters`,
		`bad.yaml:9:`,
		`bad.yaml:11:15: must be a whole number from 1 to 1000`,
		`bad.yaml:13:13: line number "123456789" must have 8 digits`,
		`bad.yaml:15:`,
	}
	if len(got) != len(want) {
		t.Fatalf("%d problems, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("problem %d is %q, want %q…", i, got[i], want[i])
		}
	}
}

func TestTenantsNeverShareADomainOrAnID(t *testing.T) {
	var problems doc.Problems
	Check([]*Tenant{{ID: "a", Domains: []string{"x.example"}, Default: true}, {ID: "a", Domains: []string{"x.example"}, Default: true}}, &problems)
	if n := len(problems.List()); n != 3 {
		t.Errorf("%d problems, want id, domain and default: %v", n, problems.Err())
	}
}

func TestADomainDecidesTheTenant(t *testing.T) {
	a := &Tenant{ID: "a", Domains: []string{"a.example"}, Accounts: []Account{{Tenant: "a", Number: "100", Name: "A"}}}
	b := &Tenant{ID: "b", Domains: []string{"b.example"}, Default: true, Accounts: []Account{{Tenant: "b", Number: "100", Name: "B"}}}
	s := NewSnapshot(1, []*Tenant{a, b})
	for host, want := range map[string]*Tenant{"a.example": a, "A.Example": a, "b.example": b, "192.0.2.1": b, "[2001:db8::1]": b, "localhost": b, "evil.example": nil} {
		if got := s.Domain(host); got != want {
			t.Errorf("domain %s gives %v", host, got)
		}
	}
	if s.Account("a", "100").Name != "A" || s.Account("b", "100").Name != "B" || s.Account("c", "100") != nil {
		t.Error("accounts of tenants are mixed up")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(good))
	f.Fuzz(func(t *testing.T, data []byte) {
		var problems doc.Problems
		if a := Read("f.yaml", data, &problems); problems.Err() == nil {
			NewSnapshot(1, []*Tenant{a}).Domain("x")
		}
	})
}

func BenchmarkAccount(b *testing.B) {
	t := &Tenant{ID: "a"}
	for i := range 20000 {
		t.Accounts = append(t.Accounts, Account{Tenant: "a", Number: fmt.Sprint(10001 + i)})
	}
	s := NewSnapshot(1, []*Tenant{t})
	b.ReportAllocs()
	for b.Loop() {
		if s.Account("a", "25000") == nil {
			b.Fatal("lost")
		}
	}
}

func TestWhichCallsAreRecorded(t *testing.T) {
	var problems doc.Problems
	read := func(id, record string) *Tenant {
		return Read(id+".yaml", []byte("tenant: "+id+"\ndomains: ["+id+".example]\n"+record+`
extensions:
  - {number: 101, password: secret101}
  - {number: 102, password: secret102, record: all}
  - {number: 103, password: secret103, record: off}
lines:
  - {number: 22000001, password: secret201, record: all}
`), &problems)
	}
	s := NewSnapshot(1, []*Tenant{read("all", "record: all"), read("off", "record: off"), read("unsaid", "")})
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	for tenant, want := range map[string]string{"all": "101 102 22000001 none ", "off": "102 22000001 ", "unsaid": "102 22000001 ", "unknown": ""} {
		got := ""
		for _, account := range []string{"101", "102", "103", "22000001", ""} {
			if s.Records(tenant, account) {
				got += cmp.Or(account, "none") + " "
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", tenant, got, want)
		}
	}
	Read("x.yaml", []byte("tenant: x\ndomains: [x.example]\nrecord: some\n"), &problems)
	if err := problems.Err(); err == nil || !strings.Contains(err.Error(), "x.yaml:3:9") {
		t.Errorf("%v", err)
	}
}
