package route

import (
	"sync/atomic"
	"testing"
	"time"

	"santral/call"
	"santral/tenant"
)

// An account that has the number of an emergency service keeps it where nobody says in which country it is, as in a world to
// try; where somebody does, the number is the service's.
func TestAnAccountKeepsItsNumberWhereNoCountryIsSaid(t *testing.T) {
	for _, c := range []struct {
		name     string
		tenant   tenant.Tenant
		operator tenant.Operator
		account  bool
	}{
		{"nobody says", tenant.Tenant{}, tenant.Operator{}, true},
		{"the tenant says", tenant.Tenant{Country: "ir"}, tenant.Operator{}, false},
		{"the operator says", tenant.Tenant{}, tenant.Operator{Country: "ir"}, false},
		{"the site says", tenant.Tenant{Sites: []tenant.Site{{ID: "a", Country: "ir"}}}, tenant.Operator{}, false},
		{"the operator lists it", tenant.Tenant{}, tenant.Operator{Emergency: []string{"110"}}, false},
	} {
		c.tenant.ID, c.tenant.Accounts = "a", []tenant.Account{{Tenant: "a", Number: "110"}, {Tenant: "a", Number: "101"}}
		var current atomic.Pointer[tenant.Snapshot]
		current.Store(tenant.Next(nil, 1, &c.operator, []*tenant.Tenant{&c.tenant}))
		p := NewPlan(&current)
		d := p.Route(call.Party{Tenant: "a", Account: "101"}, "110", time.Now())
		if got := d.Kind == call.ToAccount && d.Account == "110" && d.Calls == internal; got != c.account || !got && d.Emergency == nil && d.Kind != call.ToRefusal {
			t.Errorf("%s: 110 goes to %+v", c.name, d)
		}
		if d := p.Route(call.Party{Tenant: "a", Account: "101"}, "115", time.Now()); d.Calls != "emergency" {
			t.Errorf("%s: 115 goes to %+v", c.name, d)
		}
	}
}
