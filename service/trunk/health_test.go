package trunk

import (
	"testing"
	"testing/synctest"
	"time"

	"santral/call"
	"santral/tenant"
)

// twoPlaces is a trunk with two addresses that nobody asks, and another trunk.
func twoPlaces() *Trunks {
	s := tenant.NewSnapshot(1, []*tenant.Tenant{{ID: "t", Trunks: []tenant.Trunk{
		{Tenant: "t", Name: "k", Mode: tenant.Static, To: []string{"sip:a.example", "sip:b.example;transport=tcp"}},
		{Tenant: "t", Name: "other", Mode: tenant.Static, To: []string{"sip:c.example"}},
	}}})
	return New(Config{Current: func() *tenant.Snapshot { return s }})
}

func uris(list []call.Target) (all string) {
	for _, t := range list {
		all += t.Trunk + "@" + hostPart(t.URI) + " "
	}
	return all
}

// Failures of calls take a place out, and it comes back little by little.
func TestCallsTellHowATrunkIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trunks := twoPlaces()
		targets := func() []call.Target {
			return trunks.Targets([]call.Way{{Tenant: "t", Trunk: "k"}, {Tenant: "t", Trunk: "other"}}, "123")
		}
		if got := uris(targets()); got != "k@sip:a.example k@sip:b.example;transport=tcp other@sip:c.example " {
			t.Fatalf("targets are %s", got)
		}
		if uri := targets()[1].URI; uri != "sip:123@b.example;transport=tcp" {
			t.Errorf("the number is put as %s", uri)
		}
		a := targets()[0]
		fail := func(c call.Cause) { trunks.Tried(a, &c) }
		fail(call.Busy) // the callee's word: it works
		fail(call.FromStatus(503))
		if got := uris(targets()); got != "k@sip:b.example;transport=tcp k@sip:a.example other@sip:c.example " {
			t.Errorf("one failure: %s", got)
		}
		fail(call.NoResponse)
		trunks.Tried(a, nil)
		fail(call.NoResponse)
		fail(call.NoResponse)
		fail(call.NoResponse)
		if got := uris(targets()); got != "k@sip:b.example;transport=tcp other@sip:c.example " {
			t.Errorf("three in a row: %s", got)
		}
		if k, _ := trunks.Get("t", "k"); !k.Up || k.State != "unproven" || k.Places[0].Share != 0 || k.Failures != 5 {
			t.Errorf("the trunk is %+v", k)
		}
		time.Sleep(quarantine - time.Second)
		if got := uris(targets()); got != "k@sip:b.example;transport=tcp other@sip:c.example " {
			t.Errorf("in quarantine: %s", got)
		}
		time.Sleep(time.Second)
		first := 0
		for range 80 {
			list := targets()
			if len(list) != 3 {
				t.Fatalf("it does not return: %s", uris(list))
			}
			if hostPart(list[0].URI) == "sip:a.example" {
				first++
			}
		}
		if first != 10 {
			t.Errorf("a place that returns gets %d of 80 calls, want an eighth", first)
		}
		for range 3 {
			trunks.Tried(a, nil)
		}
		if got := uris(targets()); got != "k@sip:a.example k@sip:b.example;transport=tcp other@sip:c.example " {
			t.Errorf("proven again: %s", got)
		}
		if trunks.Targets([]call.Way{{Tenant: "x", Trunk: "k"}}, "1") != nil || trunks.Targets([]call.Way{{Tenant: "t", Trunk: "nobody"}}, "1") != nil {
			t.Error("another tenant's trunk, or none, has places")
		}
	})
}

// A place whose media does not come is the last that is tried, for longer each time, until media has come there.
func TestAPlaceWithoutMediaComesLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trunks := twoPlaces()
		targets := func() string {
			return uris(trunks.Targets([]call.Way{{Tenant: "t", Trunk: "k"}, {Tenant: "t", Trunk: "other"}}, "123"))
		}
		all := targets()
		const last = "k@sip:b.example;transport=tcp other@sip:c.example k@sip:a.example "
		a := call.Target{Tenant: "t", Trunk: "k", URI: "sip:123@a.example"}
		for round, wait := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute} {
			trunks.Sounded(a, false)
			if got := targets(); got != last {
				t.Errorf("round %d: without media: %s", round, got)
			}
			trunks.Tried(a, nil) // its signalling works
			time.Sleep(wait - time.Second)
			if got := targets(); got != last {
				t.Errorf("round %d: after %v: %s", round, wait-time.Second, got)
			}
			time.Sleep(time.Second)
			if got := targets(); got != all {
				t.Errorf("round %d: after %v: %s", round, wait, got)
			}
		}
		trunks.Sounded(a, false)
		if k, _ := trunks.Get("t", "k"); k.Places[0].Silent.Sub(time.Now()) != 8*time.Minute || !k.Places[1].Silent.IsZero() {
			t.Errorf("shown as %+v", k.Places)
		}
		trunks.Sounded(a, true)
		if got := targets(); got != all {
			t.Errorf("media came: %s", got)
		}
		trunks.Sounded(call.Target{Tenant: "t", Trunk: "nobody"}, false)
		trunks.Sounded(call.Target{Tenant: "t", Trunk: "k", URI: "sip:1@elsewhere"}, false)
	})
}

// A place that fails again while it returns is out at once.
func TestAPlaceThatReturnsMayNotFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trunks := twoPlaces()
		c := trunks.Targets([]call.Way{{Tenant: "t", Trunk: "other"}}, "1")[0]
		bad := call.NoResponse
		for range 3 {
			trunks.Tried(c, &bad)
		}
		if n := len(trunks.Targets([]call.Way{{Tenant: "t", Trunk: "other"}}, "1")); n != 0 {
			t.Errorf("%d places", n)
		}
		time.Sleep(quarantine)
		if n := len(trunks.Targets([]call.Way{{Tenant: "t", Trunk: "other"}}, "1")); n != 1 {
			t.Errorf("%d places after the quarantine: the only one is tried though it is not its turn", n)
		}
		trunks.Tried(c, &bad)
		if n := len(trunks.Targets([]call.Way{{Tenant: "t", Trunk: "other"}}, "1")); n != 0 {
			t.Errorf("%d places after it failed again", n)
		}
	})
}
