package access

import (
	"testing"

	"santral/call"
	"santral/tenant"
)

var _ call.HoldWatcher = (*Channels)(nil)

func takeLine(c *Channels, id call.ID, tenantID, number string, dir call.Direction) (func(), *call.Cause) {
	taken := c.Take(call.Taking{Call: id, Tenant: tenantID, Account: number, Dir: dir})
	return taken.Release, taken.Refusal
}

func takeTrunk(c *Channels, id call.ID, tenantID, name string, dir call.Direction) (func(), *call.Cause) {
	taken := c.Take(call.Taking{Call: id, Tenant: tenantID, Trunk: name, Dir: dir})
	return taken.Release, taken.Refusal
}

// A consultation call shares the line's channel only where its document allows it, and only while
// the first call is held.
func TestAConsultationCallSharesTheChannel(t *testing.T) {
	for _, shared := range []bool{false, true} {
		c := channels(tenant.Account{Number: "22000001", Kind: tenant.Line, Channels: 1, SharedConsultation: shared})
		may := func(id call.ID, dir call.Direction) (release func(), ok bool) {
			release, refusal := takeLine(c, id, "t", "22000001", dir)
			return release, refusal == nil
		}
		first, _ := may("call1", call.Out)
		if _, ok := may("call2", call.In); ok {
			t.Error("a second call out while the first is not held")
		}
		c.Held("call1", "t", "22000001", true)
		if _, ok := may("call3", call.Out); ok {
			t.Error("a second call in while the first is held")
		}
		second, ok := may("call4", call.In)
		if ok != shared {
			t.Errorf("shared %v: a consultation call while the first is held: %v", shared, ok)
		}
		if ok {
			if _, ok := may("call5", call.In); ok {
				t.Error("a third call")
			}
			second()
		}
		c.Held("call1", "t", "22000001", false)
		if _, ok := may("call6", call.In); ok {
			t.Error("a second call out after the first was resumed")
		}
		c.Held("call1", "t", "22000001", true)
		first()
		c.Held("call9", "t", "22000001", true) // of no call that is counted
		if len(c.lines) != 0 || c.InUse("t", "22000001") != 0 {
			t.Error("something is left of a call that is over")
		}
	}
}
