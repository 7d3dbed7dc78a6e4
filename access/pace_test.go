package access

import (
	"testing"
	"time"

	"santral/call"
)

// A phone that asks without pause uses up its own allowance and nobody else's.
func TestPaceIsEachAccountsOwn(t *testing.T) {
	p := Patient()
	bad, good := call.Party{Tenant: "t", Account: "101"}, call.Party{Tenant: "t", Account: "102"}
	taken := 0
	for ms := range 10_000 {
		now := t0.Add(time.Duration(ms) * time.Millisecond)
		for range 6 { // 6,000 a second
			if p.Take(bad, now) {
				taken++
			}
		}
		if ms%100 == 0 && !p.Take(good, now) {
			t.Fatal("a good phone is refused")
		}
	}
	if taken < 690 || taken > 710 {
		t.Errorf("the flood got %d through, want about 700", taken)
	}
}
