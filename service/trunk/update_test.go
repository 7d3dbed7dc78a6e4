package trunk

import (
	"testing"
	"testing/synctest"

	"santral/call"
	"santral/tenant"
)

// Trunks follow the snapshot: one that is as it was keeps what is known of it, another rule counts at once, and those that come
// and go are tried or not from then on, by a call too that is quicker than whoever tells.
func TestTrunksFollowTheSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		static := func(name, to string) tenant.Trunk {
			return tenant.Trunk{Tenant: "t", Name: name, Mode: tenant.Static, To: []string{to}}
		}
		snapshot := func(revision uint64, trunks ...tenant.Trunk) *tenant.Snapshot {
			return tenant.NewSnapshot(revision, []*tenant.Tenant{{ID: "t", Trunks: trunks}})
		}
		now := snapshot(1, static("kept", "sip:a.example"), static("changed", "sip:b.example"), static("gone", "sip:c.example"))
		trunks := New(Config{Current: func() *tenant.Snapshot { return now }})
		trunks.Start()
		ways := []call.Way{{Tenant: "t", Trunk: "kept"}, {Tenant: "t", Trunk: "changed"}, {Tenant: "t", Trunk: "gone"}, {Tenant: "t", Trunk: "new"}}
		targets := func() []call.Target { return trunks.Targets(ways, "123") }
		if got := uris(targets()); got != "kept@sip:a.example changed@sip:b.example gone@sip:c.example " {
			t.Fatal(got)
		}
		a := targets()[0]
		no := call.NoResponse
		for range 3 {
			trunks.Tried(a, &no)
			trunks.Tried(targets()[len(targets())-1], nil)
		}
		kept := static("kept", "sip:a.example")
		kept.Channels = 99
		now = snapshot(2, kept, static("changed", "sip:d.example"), static("new", "sip:e.example"))
		if got := uris(targets()); got != "changed@sip:d.example new@sip:e.example " { // the new one asked for the roster
			t.Errorf("at once: %s", got)
		}
		trunks.Update()
		k, ok := trunks.Get("t", "kept")
		if !ok || k.Up || k.Noun.Channels != 99 || k.Failures != 3 {
			t.Errorf("the one that is as it was: %+v", k)
		}
		if _, ok := trunks.Get("t", "gone"); ok || len(trunks.List()) != 3 {
			t.Error("the one that is gone is there")
		}
		trunks.Stop(t.Context())
		trunks.Update()
	})
}
