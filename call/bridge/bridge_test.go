package bridge_test

import (
	"testing"

	"santral/call/bridge"
)

// Members without media go through every way; what sessions do is tested with the calls.
func TestModes(t *testing.T) {
	var b bridge.Bridge
	want := func(m bridge.Mode) {
		t.Helper()
		if b.Mode() != m {
			t.Errorf("members are served by %s, not %s", b.Mode(), m)
		}
	}
	want(bridge.Parted)
	b.Join(nil, nil)
	want(bridge.Relay)
	b.Serve(nil, nil, nil)
	want(bridge.House)
	b.Echo(nil)
	want(bridge.House)
	b.Part()
	want(bridge.Parted)
}
