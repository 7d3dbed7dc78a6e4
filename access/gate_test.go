package access

import (
	"strings"
	"testing"

	"santral/base/id"
	"santral/sip"
	"santral/sip/digest"
	"santral/tenant"
)

// What would make us act is challenged at the gate, before anything is remembered of it.
func TestTheGateChallengesWhatMakesUsAct(t *testing.T) {
	s := tenant.NewSnapshot(1, []*tenant.Tenant{{ID: "t", Default: true, Realm: "r", Domains: []string{"exchange.example"},
		Accounts: []tenant.Account{{Number: "101", Kind: tenant.Extension, Channels: 2}}}})
	d := NewDoor(DoorConfig{Current: func() *tenant.Snapshot { return s }, Guard: NewGuard(DefaultLimits),
		Algorithms: []digest.Algorithm{digest.MD5}, Random: id.Random()})
	flow := sip.Flow{Transport: sip.UDP, Local: source4(9, 5060), Remote: source4(1, 5060)}
	for method, want := range map[sip.Method]int{
		sip.INVITE: 401, sip.REGISTER: 401, sip.SUBSCRIBE: 401, sip.NOTIFY: 401, sip.PUBLISH: 401, sip.MESSAGE: 401, sip.REFER: 401,
		sip.BYE: 481, sip.INFO: 481, sip.PRACK: 481, sip.UPDATE: 481,
		sip.OPTIONS: 0, sip.ACK: 0, sip.CANCEL: 0,
	} {
		req, err := sip.ParseMessage(strings.Join([]string{string(method) + " sip:102@exchange.example SIP/2.0",
			"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1", "From: <sip:101@exchange.example>;tag=1", "To: <sip:101@exchange.example>",
			"Call-ID: 1", "CSeq: 1 " + string(method), "", ""}, "\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		drop, refusal := d.Gate(req, flow, t0)
		got := 0
		if refusal != nil {
			got = refusal.Status
		}
		if drop || got != want {
			t.Errorf("%s: %d, want %d", method, got, want)
		}
	}
}
