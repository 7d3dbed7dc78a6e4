package presence

import (
	"testing"

	"santral/base/id"
	"santral/call"
	"santral/store"
	"santral/tenant"
)

// What a call costs the house while nobody looks: four legs' changes for each of its two accounts.
func BenchmarkACallNobodyLooksAt(b *testing.B) {
	h := New(Config{Current: func() *tenant.Snapshot { return snapshot }, Random: id.Random(),
		Bindings: func(string, string) []store.Binding { return nil }}, nil)
	b.ReportAllocs()
	for b.Loop() {
		sara, ali := h.Lamp("t", "101"), h.Lamp("t", "102")
		for _, state := range []call.Appearing{call.Trying, call.Early, call.Talk, call.Gone} {
			sara.Show(call.Appearance{Call: "c", Leg: "a", Tenant: "t", Account: "101", Direction: call.In, State: state, Number: "102"})
			ali.Show(call.Appearance{Call: "c", Leg: "b", Tenant: "t", Account: "102", Direction: call.Out, State: state, Number: "101"})
		}
	}
}

// What a registration costs the house while nobody looks.
func BenchmarkARegistrationNobodyLooksAt(b *testing.B) {
	h := New(Config{Current: func() *tenant.Snapshot { return snapshot }, Random: id.Random()}, nil)
	b.ReportAllocs()
	for b.Loop() {
		h.Registered("t", "101")
	}
	if n := h.Stats().Accounts; n != 0 {
		b.Errorf("%d accounts are remembered", n)
	}
}
