package route

import (
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"santral/call"
	"santral/tenant"
)

func plan() *Plan {
	var current atomic.Pointer[tenant.Snapshot]
	current.Store(tenant.NewSnapshot(1, []*tenant.Tenant{
		{ID: "a", Accounts: []tenant.Account{{Tenant: "a", Number: "101"}, {Tenant: "a", Number: "22000001"}}},
		{ID: "b", Accounts: []tenant.Account{{Tenant: "b", Number: "202"}}},
	}))
	return NewPlan(&current)
}

func TestRoute(t *testing.T) {
	p := plan()
	for dialled, want := range map[string]call.Destination{
		"101":       {Kind: call.ToAccount, Tenant: "a", Account: "101", Number: "101"},
		"1-0-1":     {Kind: call.ToAccount, Tenant: "a", Account: "101", Number: "101"},
		"۱۰۱":       {Kind: call.ToAccount, Tenant: "a", Account: "101", Number: "101"},
		"٢٢٠٠٠٠٠١":  {Kind: call.ToAccount, Tenant: "a", Account: "22000001", Number: "22000001"},
		"*43":       {Kind: call.ToService, Tenant: "a", Service: "echo", Number: "*43"},
		"8000":      {Kind: call.ToService, Tenant: "a", Service: "conference", Number: "8000"},
		"۸۰۹۹":      {Kind: call.ToService, Tenant: "a", Service: "conference", Number: "8099"},
		"8100":      {Kind: call.ToRefusal, Tenant: "a", Number: "8100", Refuse: call.NotFound},
		"80000":     {Kind: call.ToRefusal, Tenant: "a", Number: "80000", Refuse: call.NotFound},
		"*77":       {Kind: call.ToService, Tenant: "a", Service: "prompts", Number: "*77"},
		"*60":       {Kind: call.ToService, Tenant: "a", Service: "readback", Number: "*60"},
		"202":       {Kind: call.ToRefusal, Tenant: "a", Number: "202", Refuse: call.NotFound},
		"":          {Kind: call.ToRefusal, Tenant: "a", Refuse: call.BadNumber},
		"../../etc": {Kind: call.ToRefusal, Tenant: "a", Number: "../../etc", Refuse: call.NotFound},
		"`id`":      {Kind: call.ToRefusal, Tenant: "a", Number: "`id`", Refuse: call.NotFound},
		"nobody":    {Kind: call.ToRefusal, Tenant: "a", Number: "nobody", Refuse: call.NotFound},
	} {
		want.Revision = 1
		if want.Kind != call.ToRefusal {
			want.Calls = "internal"
		}
		if got := p.Route(call.Party{Tenant: "a"}, dialled, time.Time{}); !reflect.DeepEqual(got, want) {
			t.Errorf("%q goes to %+v, want %+v", dialled, got, want)
		}
	}
}

func BenchmarkRoute(b *testing.B) {
	p := plan()
	b.ReportAllocs()
	for b.Loop() {
		p.Route(call.Party{Tenant: "a"}, "22000001", time.Time{})
	}
}

// TestIncomplete: the beginning of a number may go on, what leads nowhere is unallocated (RFC 3578 §2).
func TestIncomplete(t *testing.T) {
	p := plan()
	for dialled, want := range map[string]call.Cause{
		"1": call.BadNumber, "10": call.BadNumber, "2200000": call.BadNumber, "2": call.BadNumber, "80": call.BadNumber, "809": call.BadNumber, "81": call.NotFound,
		"11": call.NotFound, "1011": call.NotFound, "20": call.NotFound, "9": call.NotFound,
	} {
		if got := p.Route(call.Party{Tenant: "a"}, dialled, time.Time{}); got.Kind != call.ToRefusal || got.Refuse != want {
			t.Errorf("%s: %+v", dialled, got)
		}
	}
}
