package route

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"santral/call"
	"santral/tenant"
)

// big is an exchange of 100,000 lines, 400 in a tenant, whose operator routes by 10,000 prefixes; the first tenant has 10,000 of its
// own besides.
func big() *Plan {
	const lines, each, prefixes = 100_000, 400, 10_000
	var tenants []*tenant.Tenant
	for n := 0; n < lines; n += each {
		t := &tenant.Tenant{ID: fmt.Sprintf("t%d", n/each), Area: "21", Class: "usual", Classes: []tenant.Class{{ID: "usual", Permits: [tenant.Emergency]tenant.Permit{tenant.International: tenant.Allow},
			Denied: []string{"+4990"}}}}
		for i := range each {
			t.Accounts = append(t.Accounts, tenant.Account{Tenant: t.ID, Kind: tenant.Line, Number: fmt.Sprintf("021%08d", 22000000+n+i), Channels: 1})
		}
		tenants = append(tenants, t)
	}
	routes := func(carriers ...string) (list []tenant.Route) {
		for i := range prefixes {
			r := tenant.Route{Name: fmt.Sprintf("r%d", i), Prefix: fmt.Sprintf("+%d", 30000+i), Patience: 12 * time.Second}
			if i%2 == 1 {
				r.Prefix = fmt.Sprintf("0%d", 10000+i*7)
			}
			for _, c := range carriers {
				r.Ways = append(r.Ways, tenant.RouteWay{Trunk: c, Weight: 10})
			}
			list = append(list, r)
		}
		all := tenant.Route{Name: "all", Prefix: "+"}
		all.Prefix = ""
		for _, c := range carriers {
			all.Ways = append(all.Ways, tenant.RouteWay{Trunk: c})
		}
		return append(list, all)
	}
	tenants[0].Routes = routes("own", "second")
	tenants[0].Trunks = []tenant.Trunk{{Tenant: "t0", Name: "own", Mode: tenant.Registers}, {Tenant: "t0", Name: "second", Mode: tenant.Registers}}
	operator := &tenant.Operator{Area: "21", Routes: routes("up", "down"),
		Carriers: []tenant.Trunk{{Tenant: tenant.OperatorID, Name: "up", Mode: tenant.Registers}, {Tenant: tenant.OperatorID, Name: "down", Mode: tenant.Registers}}}
	var current atomic.Pointer[tenant.Snapshot]
	current.Store(tenant.Next(nil, 1, operator, tenants))
	p := NewPlan(&current)
	p.Prepare(current.Load())
	return p
}

// BenchmarkLookUp is a look-up among 100,000 lines and 10,000 prefixes, of each kind of call. Callers and numbers change from call to
// call, so that nothing is found because it was just looked for.
func BenchmarkLookUp(b *testing.B) {
	p := big()
	at := time.Date(2026, 4, 2, 18, 5, 0, 0, time.UTC)
	var callers []call.Party
	var lines, mobiles, abroad, fromOutside []string
	for i := range 4096 {
		n := i * 7919 % 100_000
		callers = append(callers, call.Party{Tenant: fmt.Sprintf("t%d", n/400), Account: fmt.Sprintf("021%08d", 22000000+n), Number: fmt.Sprintf("021%08d", 22000000+n)})
		lines = append(lines, fmt.Sprintf("021%08d", 22000000+(n*31)%100_000))
		mobiles = append(mobiles, fmt.Sprintf("0912%07d", n*97))
		abroad = append(abroad, fmt.Sprintf("00%d1234567", 30000+(n%5000)*2))
		fromOutside = append(fromOutside, fmt.Sprintf("+9821%08d", 22000000+n))
	}
	for _, c := range []struct {
		name    string
		dialled []string
		carrier bool
	}{{"line", lines, false}, {"mobile", mobiles, false}, {"abroad", abroad, false}, {"inbound", fromOutside, true}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				from := callers[i&4095]
				if c.carrier {
					from = call.Party{Tenant: tenant.OperatorID, Trunk: "up", Number: "02633445566"}
				}
				if d := p.Route(from, c.dialled[i&4095], at); d.Kind == call.ToRefusal {
					b.Fatalf("%s from %s: %+v", c.dialled[i&4095], from.Account, d)
				}
				i++
			}
		})
	}
}

// TestLookUpAllocatesNothing holds every kind of call to it.
func TestLookUpAllocatesNothing(t *testing.T) {
	p := big()
	at := time.Date(2026, 4, 2, 18, 5, 0, 0, time.UTC)
	for _, c := range []struct {
		from    call.Party
		dialled string
	}{
		{call.Party{Tenant: "t7", Account: "02122002801", Number: "02122002801"}, "22002802"},
		{call.Party{Tenant: "t7", Account: "02122002801", Number: "02122002801"}, "02122000005"},
		{call.Party{Tenant: "t0", Account: "02122000001", Number: "02122000001"}, "09121234567"},
		{call.Party{Tenant: "t7", Account: "02122002801", Number: "02122002801"}, "00300401234567"},
		{call.Party{Tenant: "t7", Account: "02122002801", Number: "02122002801"}, "123456"},
		{call.Party{Tenant: tenant.OperatorID, Trunk: "up", Number: "02633445566"}, "+982122000005"},
	} {
		p.Route(c.from, c.dialled, at)
		if n := testing.AllocsPerRun(100, func() { p.Route(c.from, c.dialled, at) }); n > 0 {
			t.Errorf("%s from %q: %v allocations", c.dialled, c.from.Account, n)
		}
	}
}
