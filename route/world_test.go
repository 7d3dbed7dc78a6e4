package route

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"santral/base/doc"
	"santral/call"
	"santral/tenant"
)

const operatorDocument = `
operator: Net
country: ir
area: "21"
zone: Asia/Tehran
emergency: [199]
carriers:
  - {name: up, mode: static, to: 192.0.2.1, addresses: [192.0.2.1], trust: true}
  - {name: down, mode: static, to: 192.0.2.2, addresses: [192.0.2.2]}
routes:
  - {name: all, prefix: "+", trunks: [up, down], causes: [503, 480]}
  - {name: short, prefix: "1", trunks: [down]}
  - {name: local, prefix: "", trunks: [up]}
`

const companyDocument = `
tenant: acme
domains: [acme.example]
area: "21"
zone: Asia/Tehran
calendar: ir
present: 02122001000
class: staff
emergency: ["777"]
sites:
  - site: main
    emergency: "02122001001"
    code: "81"
    address: {country: IR, city: Tehran, street: Valiasr, house: "12"}
  - {site: karaj, area: "26", code: "82"}
extensions:
  - {number: "101", password: correct-horse, name: Sara, owns: [02122001007], pin: "4711"}
  - {number: "102", password: correct-horse, name: Desk, present-all: true, class: open}
  - {number: "103", password: correct-horse, site: karaj}
  - {number: "104", password: correct-horse, state: suspended}
  - {number: "105", password: correct-horse, state: barred}
  - {number: "777", password: correct-horse, name: Guard}
lines:
  - {number: "22000001", password: correct-horse}
  - {number: "02122000002", password: correct-horse, state: ceased}
groups:
  - {group: sales, number: "600", members: [101, 102]}
trunks:
  - {name: branch, mode: registered, user: branch, password: correct-horse, channels: 10, numbers: [500-519, 02122001200-02122001299, "1818"], class: open}
  - {name: own, mode: static, to: 192.0.2.9, addresses: [192.0.2.9], trust: true, numbers: [02133000000-02133000009, {number: "02133000001", to: "103"}]}
  - {name: gate, mode: static, to: 192.0.2.10, addresses: [192.0.2.10], site: karaj}
routes:
  - {name: karaj, prefix: "026", trunks: [gate], strip: 1}
  - {name: nine, prefix: "9", trunks: [own], strip: 1}
numbers:
  - {number: 02122001000, to: "group:sales", name: Front}
  - number: 02122001001-02122001009
    to: "101"
    name: Direct
    inbound:
      - {callers: [0912*, +49*], to: "102"}
      - {hidden: true, to: "refuse:declined"}
      - {schedule: office, closed: true, to: "103"}
  - {number: 02122001050, to: "trunk:branch"}
  - {number: 02122001060, state: assigned, to: "101"}
  - {number: 02122001061, state: quarantine, to: "101"}
  - {number: 02133000005, to: "102", trunk: own}
  - {number: "3131", to: "101"}
inbound:
  - {callers: [02100000000-02100000099], to: "refuse:busy"}
schedules:
  - {schedule: office, spans: [{days: sat-wed, from: "08:00", to: "17:30"}]}
  - {schedule: night, spans: [{from: "22:00", to: "06:00", holidays: also}]}
classes:
  - class: staff
    permits: {international: pin, premium: deny}
    locks: [{schedule: night, permits: {mobile: deny}}]
    allowed: [+4930]
    denied: [+4930900, +882]
  - {class: open, permits: {international: allow, premium: allow}}
`

const otherDocument = `
tenant: other
domains: [other.example]
area: "21"
extensions:
  - {number: "101", password: correct-horse, name: Omid}
  - {number: "205", password: correct-horse}
lines: [{number: "02144000001", password: correct-horse, name: Leila}]
trunks:
  - {name: pbx, mode: registered, user: pbx, password: correct-horse, numbers: [02144001000-02144001099, "500", "700"]}
numbers: [{number: "4040", to: "101"}]
`

// world is the operator with both tenants.
func world(t testing.TB, operator string) (*Plan, *tenant.Snapshot) {
	var problems doc.Problems
	o := tenant.ReadDocument(doc.Read("operator.yaml", []byte(operator), &problems)).Operator
	a := tenant.Read("acme.yaml", []byte(companyDocument), &problems)
	b := tenant.Read("other.yaml", []byte(otherDocument), &problems)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	var current atomic.Pointer[tenant.Snapshot]
	current.Store(tenant.Next(nil, 7, o, []*tenant.Tenant{a, b}))
	return NewPlan(&current), current.Load()
}

// brief is a destination in a few words.
func brief(d *call.Destination) string {
	var b strings.Builder
	switch d.Kind {
	case call.ToAccount:
		fmt.Fprintf(&b, "%s/%s", d.Tenant, d.Account)
	case call.ToService:
		fmt.Fprintf(&b, "%s/%s %s", d.Tenant, d.Service, d.Of+d.Number)
	case call.ToTrunks:
		for i := range d.Ways {
			if i > 0 {
				b.WriteString(", ")
			}
			w := &d.Ways[i]
			fmt.Fprintf(&b, "%s/%s<%s>", w.Tenant, w.Trunk, w.Sent(d.Told()))
		}
	default:
		return fmt.Sprintf("%d/%d %s", d.Refuse.SIP, d.Refuse.Q850, d.Refuse.Text)
	}
	if d.Presents != "" {
		fmt.Fprintf(&b, " from %s", d.Presents)
	}
	if d.Calls != "" {
		fmt.Fprintf(&b, " %s", d.Calls)
	}
	if d.Limited {
		b.WriteString(" outside")
	}
	b.WriteString([...]string{"", " hidden", " shown"}[d.Hidden])
	if d.Emergency != nil {
		b.WriteString(" !")
	}
	return b.String()
}

// at gives a time in Tehran.
func at(t testing.TB, text string) time.Time {
	zone, err := time.LoadLocation("Asia/Tehran")
	if err != nil {
		t.Fatal(err)
	}
	when, err := time.ParseInLocation("2006-01-02 15:04", text, zone)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

func phone(account string) call.Party {
	return call.Party{Tenant: "acme", Account: account, Number: account}
}

func TestWhereCallsGo(t *testing.T) {
	p, _ := world(t, operatorDocument)
	const office, night = "2026-04-07 10:00", "2026-04-07 23:00" // a Tuesday
	said := func(account, number string) call.Party { f := phone(account); f.Said = number; return f }
	proved := phone("101")
	proved.Proved = true
	carrier := func(name, number string) call.Party {
		return call.Party{Tenant: tenant.OperatorID, Trunk: name, Number: number}
	}
	own := func(name, number string) call.Party { return call.Party{Tenant: "acme", Trunk: name, Number: number} }
	for _, c := range []struct {
		of      string
		from    call.Party
		dialled string
		at      string
		want    string
	}{
		{"inside", phone("101"), "102", office, "acme/102 internal"},
		{"inside", phone("101"), "۱۰۲", office, "acme/102 internal"},
		{"inside", phone("101"), "22000001", office, "acme/22000001 internal"},
		{"every spelling", phone("101"), "+982122000001", office, "acme/22000001 internal"},
		{"every spelling", phone("103"), "02122000001", office, "acme/22000001 internal"},
		{"as it registers, in another area", phone("103"), "22000001", office, "acme/22000001 internal"},
		{"group", phone("103"), "600", office, "acme/group sales600 internal"},
		{"own number", phone("103"), "02122001000", office, "acme/group sales02122001000 internal"},
		{"own number at night", phone("101"), "02122001005", night, "acme/103 internal"},
		{"PBX", phone("101"), "510", office, "acme/branch<510> internal"},
		{"PBX, in its own form", phone("101"), "22001201", office, "acme/branch<02122001201> internal"},
		{"site code", phone("101"), "82103", office, "acme/103 internal"},
		{"another site's", phone("101"), "81103", office, "operator/up<81103> from 02122001007 outside"},
		{"room", phone("101"), "8000", office, "acme/conference 8000 internal"},
		{"service", phone("101"), "*43", office, "acme/echo *43 internal"},
		{"suspended", phone("101"), "104", office, "480/20 temporarily out of service"},
		{"at rest", phone("101"), "02122000002", office, "404/1 unallocated number"},

		{"emergency", phone("101"), "110", office, "operator/down<110>, acme/own<110>, acme/gate<110>, operator/up<110> from 02122001001 emergency outside shown !"},
		{"by the site's own gateway", phone("103"), "115", office, "acme/gate<115>, operator/down<115>, acme/own<115>, operator/up<115> from 02122001000 emergency outside shown !"},
		{"from a suspended one", phone("104"), "112", office, "operator/down<112>, acme/own<112>, acme/gate<112>, operator/up<112> from 02122001001 emergency outside shown !"},
		{"though hidden", phone("105"), "*31#125", office, "operator/down<125>, acme/own<125>, acme/gate<125>, operator/up<125> from 02122001001 emergency outside shown !"},
		{"the operator's", phone("101"), "199", office, "operator/down<199>, acme/own<199>, acme/gate<199>, operator/up<199> from 02122001001 emergency outside shown !"},
		{"the tenant's", phone("105"), "777", office, "acme/777 emergency !"},

		{"out", phone("101"), "09121234567", office, "operator/up<+989121234567>, operator/down<+989121234567> from +982122001007 mobile outside"},
		{"a line", phone("22000001"), "09121234567", office, "operator/up<+989121234567>, operator/down<+989121234567> from +982122000001 mobile outside"},
		{"owning none", phone("103"), "09121234567", office, "operator/up<+989121234567>, operator/down<+989121234567> from +982122001000 mobile outside"},
		{"hidden", phone("101"), "*31#09121234567", office, "operator/up<+989121234567>, operator/down<+989121234567> from +982122001007 mobile outside hidden"},
		{"shown", phone("101"), "#31#09121234567", office, "operator/up<+989121234567>, operator/down<+989121234567> from +982122001007 mobile outside shown"},
		{"says what it does not own", said("101", "02122001008"), "09121234567", office, "operator/up<+989121234567>, operator/down<+989121234567> from +982122001007 mobile outside"},
		{"says what it owns", said("102", "22001008"), "09121234567", office, "operator/up<+989121234567>, operator/down<+989121234567> from +982122001008 mobile outside"},
		{"says another's", said("102", "02144000001"), "09121234567", office, "operator/up<+989121234567>, operator/down<+989121234567> from +982122001000 mobile outside"},
		{"locked at night", phone("101"), "09121234567", night, "403/57 mobile calls are not allowed"},
		{"with a PIN", phone("101"), "0044201234567", office, "acme/pin 0044201234567 international"},
		{"without one", phone("103"), "0044201234567", office, "403/57 international calls are not allowed"},
		{"proved", proved, "0044201234567", office, "operator/up<+44201234567>, operator/down<+44201234567> from +982122001007 international outside"},
		{"allowed", phone("103"), "00493012345678", office, "operator/up<+493012345678>, operator/down<+493012345678> from +982122001000 international outside"},
		{"denied within", phone("103"), "004930900123", office, "403/57 international calls are not allowed"},
		{"premium", phone("101"), "9099070345", office, "403/57 premium calls are not allowed"},
		{"open", phone("102"), "0044201234567", office, "operator/up<+44201234567>, operator/down<+44201234567> from +982122001000 international outside"},
		{"barred", phone("105"), "09121234567", office, "403/21 calls out are barred"},
		{"barred, inside", phone("105"), "101", office, "403/21 calls out are barred"},
		{"suspended", phone("104"), "*43", office, "403/21 calls out are barred"},
		{"stripped", phone("101"), "02632000000", office, "acme/gate<2632000000> from 02122001007 national outside"},
		{"behind a digit", phone("101"), "902155001122", office, "acme/own<02155001122> from 02122001007 local outside"},
		{"dear behind a digit", phone("103"), "90044201234567", office, "403/57 international calls are not allowed"},
		{"short", phone("101"), "118", office, "operator/down<118> from 02122001007 local outside"},
		{"by a PBX", own("branch", "02122001201"), "09121234567", office, "operator/up<+989121234567>, operator/down<+989121234567> from +982122001201 mobile outside"},
		{"not back", own("branch", "02122001201"), "510", office, "operator/up<510> outside"},

		{"a neighbour", phone("101"), "02144000001", office, "other/02144000001 from 02122001007 local outside"},
		{"a neighbour's PBX", phone("103"), "02144001005", office, "other/pbx<02144001005> from 02122001000 national outside"},
		{"a neighbour's short number", phone("101"), "4040", office, "other/101 from 02122001007 local outside"},
		{"a neighbour's inside", phone("101"), "205", office, "operator/up<205> from 02122001007 outside"},
		{"a neighbour's PBX inside", phone("101"), "700", office, "operator/up<700> from 02122001007 outside"},

		{"from outside", carrier("up", "09351112233"), "+982122001000", office, "acme/group sales+982122001000 outside"},
		{"from outside", carrier("up", "+989351112233"), "2122001000", office, "acme/group sales2122001000 from 09351112233 outside"},
		{"by caller", carrier("up", "09121112233"), "982122001005", office, "acme/102 outside"},
		{"by caller abroad", carrier("up", "+493012345"), "02122001005", office, "acme/102 outside"},
		{"hidden", carrier("up", ""), "02122001005", office, "603/21 call rejected"},
		{"withheld", call.Party{Tenant: tenant.OperatorID, Trunk: "up", Number: "02155001122", Withheld: true}, "02122001005", office, "603/21 call rejected"},
		{"open", carrier("up", "02155001122"), "02122001005", office, "acme/101 outside"},
		{"closed", carrier("up", "02155001122"), "02122001005", night, "acme/103 outside"},
		{"closed on 13 Farvardin", carrier("up", "02155001122"), "02122001005", "2026-04-02 12:00", "acme/103 outside"},
		{"unwanted", carrier("up", "02100000007"), "02122001000", office, "486/17 user busy"},
		{"to a PBX", carrier("up", "02155001122"), "02122001050", office, "acme/branch<02122001050> outside"},
		{"to its own numbers", carrier("up", "02155001122"), "+982122001299", office, "acme/branch<02122001299> outside"},
		{"its short number", carrier("down", "02155001122"), "1818", office, "acme/branch<1818> outside"},
		{"which two have inside", carrier("down", "02155001122"), "500", office, "404/1 unallocated number"},
		{"a short number", carrier("down", "02155001122"), "3131", office, "acme/101 outside"},
		{"not yet", carrier("up", "02155001122"), "02122001060", office, "480/20 temporarily out of service"},
		{"not any more", carrier("up", "02155001122"), "02122001061", office, "404/1 unallocated number"},
		{"nobody's", carrier("up", "02155001122"), "02199999999", office, "404/1 unallocated number"},
		{"an extension", carrier("up", "02155001122"), "101", office, "404/1 unallocated number"},
		{"never out again", carrier("up", "02155001122"), "09121234567", office, "404/1 unallocated number"},
		{"no service", carrier("up", "02155001122"), "*43", office, "404/1 unallocated number"},
		{"no emergency either", carrier("up", "02155001122"), "110", office, "404/1 unallocated number"},
		{"by the tenant's carrier", own("own", "02155001122"), "+982133000001", office, "acme/103 outside"},
		{"by the tenant's carrier", own("own", "02155001122"), "33000005", office, "acme/102 outside"},
		{"that another brings", own("gate", "02155001122"), "02133000005", office, "404/1 unallocated number"},
		{"by a carrier that is gone", own("gone", ""), "02133000005", office, "404/1 unallocated number"},
	} {
		d := p.Route(c.from, c.dialled, at(t, c.at))
		if got := brief(&d); got != c.want {
			t.Errorf("%s: %s from %s%s goes to\n   %s, want\n   %s", c.of, c.dialled, c.from.Account, c.from.Trunk, got, c.want)
		}
		if d.Revision != 7 {
			t.Errorf("%s: decided by revision %d", c.of, d.Revision)
		}
		explained, steps := p.Explain(c.from, c.dialled, at(t, c.at))
		if got := brief(&explained); got != c.want || len(steps) < 2 {
			t.Errorf("%s: explained as %s in %d steps", c.of, got, len(steps))
		}
		for _, s := range steps {
			for _, language := range []string{"en", "fa"} {
				if text := s.Say(language); text == s.What || strings.ContainsAny(text, "{}[]") {
					t.Errorf("%s: %s says %q", c.of, s.What, text)
				}
			}
		}
	}
}
