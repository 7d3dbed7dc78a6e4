package pin

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"santral/call"
	"santral/call/calltest"
	"santral/tenant"
)

func story(note func(string)) *Story {
	s := tenant.NewSnapshot(1, []*tenant.Tenant{{ID: "t", Accounts: []tenant.Account{
		{Tenant: "t", Number: "101", PIN: "4711"}, {Tenant: "t", Number: "102", PIN: "0815"}, {Tenant: "t", Number: "103"},
	}}})
	return New(func() *tenant.Snapshot { return s }, func(what string, who call.Party, dialled string) { note(what + " " + who.Account + " " + dialled) })
}

func caller(number, digits string) *calltest.Caller {
	return &calltest.Caller{Party: call.Party{Tenant: "t", Account: number}, Code: "0012125550100", Digits: digits}
}

const silence = `Say "" [300ms]`

func TestThePINIsAskedFor(t *testing.T) {
	for _, x := range []struct {
		who, digits string
		cause       call.Cause
		verbs       []string
	}{
		{"101", "4711#", call.NormalClearing, []string{"Answer", "", "Collect 12", "Proceed"}},
		{"101", "0815#", call.Forbidden, []string{"Answer", "", "Collect 12", `Say "" [pin.wrong]`, "Collect 12", `Say "" [pin.wrong]`, "Collect 12", `Say "" [pin.locked]`}},
		{"101", "#", call.Forbidden, []string{"Answer", "", "Collect 12", "Collect 12", "Collect 12", `Say "" [general.goodbye]`}},
		{"103", "#", call.Forbidden, nil},
		{"", "4711#", call.Forbidden, nil},
	} {
		c := caller(x.who, x.digits)
		got := story(func(string) {}).Serve(context.Background(), c)
		verbs := c.Verbs()
		if len(verbs) > 1 {
			verbs[1] = "" // the silence before
		}
		if got != x.cause || !slices.Equal(verbs, x.verbs) {
			t.Errorf("%s presses %s: %v, %q", x.who, x.digits, got, verbs)
		}
	}
}

// Who has guessed wrong three times waits, twice as long each time, and nobody else does; however many of its calls guess at
// once, no more than three guesses are heard.
func TestGuessingIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		noted := map[string]int{}
		s := story(func(what string) {
			mu.Lock()
			noted[what]++
			mu.Unlock()
		})
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() { s.Serve(context.Background(), caller("101", fmt.Sprintf("99%02d#", i))) })
		}
		wg.Wait()
		if n := noted["wrong PIN 101 0012125550100"]; n != 3 {
			t.Errorf("%d guesses were heard, want 3", n)
		}
		if noted["PIN locked 101 0012125550100"] == 0 {
			t.Errorf("nobody is told of the lock: %v", noted)
		}
		goes := func(number, digits string) bool {
			c := caller(number, digits)
			s.Serve(context.Background(), c)
			return slices.Contains(c.Verbs(), "Proceed")
		}
		if goes("101", "4711#") {
			t.Error("the right PIN is heard while the account is locked")
		}
		if !goes("102", "0815#") {
			t.Error("another account is locked as well")
		}
		time.Sleep(time.Minute)
		if !goes("101", "4711#") {
			t.Error("the account is locked for ever")
		}
	})
}
