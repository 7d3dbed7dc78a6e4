package route

import (
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"santral/call"
	"santral/tenant"
)

// Rooms give way to accounts and to routes that are for their numbers, and are reached from a carrier by a number alone
// that leads to one.
func TestRooms(t *testing.T) {
	in := tenant.Numbers{First: "02122000200", Last: "02122000200", To: "8005"}
	var current atomic.Pointer[tenant.Snapshot]
	current.Store(tenant.NewSnapshot(1, []*tenant.Tenant{
		{ID: "a", Accounts: []tenant.Account{{Tenant: "a", Number: "8001"}},
			Trunks: []tenant.Trunk{{Tenant: "a", Name: "carrier", Mode: tenant.Static, Numbers: []tenant.Numbers{in, {First: "8000", Last: "8009"}}}},
			Routes: []tenant.Route{{Prefix: "", Ways: []tenant.RouteWay{{Trunk: "carrier"}}}, {Prefix: "802", Ways: []tenant.RouteWay{{Trunk: "carrier"}}}}},
		{ID: "b", Rooms: tenant.Rooms{None: true}},
		{ID: "c", Rooms: tenant.Rooms{First: "700", Last: "709"}},
	}))
	p := NewPlan(&current)
	for _, c := range []struct {
		tenant, by, dialled string
		kind                call.DestinationKind
		number              string
	}{
		{"a", "", "8000", call.ToService, "8000"},
		{"a", "", "8001", call.ToAccount, "8001"},
		{"a", "", "8020", call.ToTrunks, "8020"},
		{"a", "", "8100", call.ToTrunks, "8100"},
		{"a", "", "02122000200", call.ToService, "8005"},
		{"a", "carrier", "02122000200", call.ToService, "8005"},
		{"a", "carrier", "8000", call.ToRefusal, "8000"}, // its own number, which leads nowhere
		{"a", "carrier", "8050", call.ToRefusal, "8050"},
		{"b", "", "8000", call.ToRefusal, "8000"},
		{"c", "", "8000", call.ToRefusal, "8000"},
		{"c", "", "705", call.ToService, "705"},
	} {
		got := p.Route(call.Party{Tenant: c.tenant, Trunk: c.by}, c.dialled, time.Time{})
		if got.Kind != c.kind || got.Number != c.number || (got.Service == "conference") != (c.kind == call.ToService) {
			t.Errorf("%s in %s by %q goes to %+v", c.dialled, c.tenant, c.by, got)
		}
	}
}

// carried is a plan with a carrier, a second one, a PBX and routes.
func carried() *Plan {
	one := func(n string) tenant.Numbers { return tenant.Numbers{First: n, Last: n} }
	did := one("02122000101")
	did.To = "101"
	var current atomic.Pointer[tenant.Snapshot]
	current.Store(tenant.NewSnapshot(1, []*tenant.Tenant{
		{ID: "a", Accounts: []tenant.Account{{Tenant: "a", Number: "101"}, {Tenant: "a", Number: "02122000105"}},
			Trunks: []tenant.Trunk{
				{Tenant: "a", Name: "carrier", Mode: tenant.Registers, Numbers: []tenant.Numbers{did, {First: "02122000102", Last: "02122000109"}, one("500")}},
				{Tenant: "a", Name: "second", Mode: tenant.Static},
				{Tenant: "a", Name: "pbx", Mode: tenant.Registered, PBX: true, Numbers: []tenant.Numbers{{First: "500", Last: "519"}}},
			},
			Routes: []tenant.Route{
				{Prefix: "0", Ways: []tenant.RouteWay{{Trunk: "carrier"}, {Trunk: "second"}}, Strip: 1, Prepend: "+98", Patience: 12 * time.Second},
				{Prefix: "09", Ways: []tenant.RouteWay{{Trunk: "second"}, {Trunk: "pbx"}}},
			}},
		{ID: "b", Accounts: []tenant.Account{{Tenant: "b", Number: "101"}}},
	}))
	return NewPlan(&current)
}

func TestRoutesByTrunks(t *testing.T) {
	p := carried()
	account := func(number, dialled string) call.Destination {
		return call.Destination{Kind: call.ToAccount, Tenant: "a", Account: number, Number: dialled}
	}
	trunks := func(number string, names ...string) call.Destination {
		d := call.Destination{Kind: call.ToTrunks, Tenant: "a", Number: number}
		for _, name := range names {
			d.Ways = append(d.Ways, call.Way{Tenant: "a", Trunk: name})
		}
		return d
	}
	patient := func(d call.Destination) call.Destination {
		for i := range d.Ways {
			w := &d.Ways[i]
			w.Patience, w.Strip, w.Prepend = 12*time.Second, 1, "+98"
		}
		return d
	}
	no := func(number string) call.Destination {
		return call.Destination{Kind: call.ToRefusal, Tenant: "a", Number: number, Refuse: call.NotFound}
	}
	for _, c := range []struct {
		by, dialled string
		want        call.Destination
	}{
		{"", "02133445566", patient(trunks("02133445566", "carrier", "second"))},
		{"", "0912345", trunks("0912345", "second", "pbx")}, // the longest prefix
		{"", "507", trunks("507", "pbx")},
		{"", "02122000101", account("101", "02122000101")},         // on-net
		{"", "02122000105", account("02122000105", "02122000105")}, // an account of the same number
		{"", "7", no("7")},
		{"carrier", "02122000101", account("101", "02122000101")},
		{"carrier", "02122000105", account("02122000105", "02122000105")},
		{"carrier", "02122000106", no("02122000106")},
		{"carrier", "500", trunks("500", "pbx")}, // the carrier's number belongs to the PBX
		{"carrier", "501", no("501")},            // this one is not the carrier's
		{"carrier", "101", no("101")},
		{"carrier", "0912345", no("0912345")}, // never out again
		{"carrier", "*43", no("*43")},
		{"second", "02122000101", no("02122000101")},
		{"gone", "02122000101", no("02122000101")}, // a trunk that is not there any more
		{"pbx", "101", account("101", "101")},
		{"pbx", "0912345", trunks("0912345", "second")}, // not back to itself
		{"pbx", "02133445566", patient(trunks("02133445566", "carrier", "second"))},
		{"pbx", "507", no("507")},
	} {
		got := p.Route(call.Party{Tenant: "a", Trunk: c.by}, c.dialled, time.Time{})
		got.Public, got.Calls, got.Limited, got.Revision = 0, "", false, 0 // what the record and the limits ask for
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("by %q, %s goes to %+v, want %+v", c.by, c.dialled, got, c.want)
		}
	}
	if got := p.Route(call.Party{Tenant: "b"}, "02133445566", time.Time{}); got.Kind != call.ToRefusal {
		t.Errorf("another tenant's number goes to %+v", got)
	}
}

func BenchmarkRouteByTrunks(b *testing.B) {
	p := carried()
	b.ReportAllocs()
	for b.Loop() {
		p.Route(call.Party{Tenant: "a"}, "02133445566", time.Time{})
	}
}
