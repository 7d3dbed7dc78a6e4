package access

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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

// Being asked for a password is no guess: a phone without credentials, or with those of an old challenge, is
// never banned for it, however often it comes.
func TestAChallengeIsNoGuess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := door(t)
		flow := sip.Flow{Transport: sip.TCP, Local: source4(9, 5060), Remote: netip.MustParseAddrPort("203.0.113.77:5060")}
		try := func(credentials string) (challenge string) {
			t.Helper()
			req, err := sip.ParseMessage("REGISTER sip:a.example SIP/2.0\r\nVia: SIP/2.0/TCP 203.0.113.77:5060;branch=z9hG4bK1\r\nFrom: <sip:101@a.example>;tag=1\r\n" +
				"To: <sip:101@a.example>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n" + credentials + "\r\n")
			if err != nil {
				t.Fatal(err)
			}
			_, refusal := d.Identify(req, flow)
			if refusal == nil || refusal.Status != 401 {
				t.Fatalf("%v", refusal)
			}
			return refusal.Get(sip.WWWAuthenticate)
		}
		var state digest.ClientState
		old, err := digest.Answer([]string{try("")}, "101", secret, "REGISTER", "sip:a.example", &state)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		for range 2 * DefaultLimits.HostBanAfter {
			try("")
			try("Authorization: " + old + "\r\n")
		}
		if bans := d.cfg.Guard.Bans(time.Now()); len(bans) != 0 || !d.cfg.Guard.Hear(flow.Remote, time.Now()) {
			t.Errorf("banned for being challenged: %v", bans)
		}
	})
}

// A source that has asked too much is not heard, but for emergencies, of which so many pass in a second.
func TestAnEmergencyPassesTheGate(t *testing.T) {
	s := tenant.NewSnapshot(1, []*tenant.Tenant{{ID: "t", Default: true, Realm: "r", Domains: []string{"exchange.example"}}})
	d := NewDoor(DoorConfig{Current: func() *tenant.Snapshot { return s }, Guard: NewGuard(DefaultLimits), Algorithms: []digest.Algorithm{digest.MD5}, Random: id.Random(),
		Urgent: func(req *sip.Message, _ sip.Flow) bool { return strings.HasPrefix(req.RequestURI, "sip:112@") }})
	flow := sip.Flow{Transport: sip.UDP, Local: source4(9, 5060), Remote: source4(1, 5060)}
	ask := func(method, number string) (heard bool) {
		req, err := sip.ParseMessage(strings.Join([]string{method + " sip:" + number + "@exchange.example SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1",
			"From: <sip:101@exchange.example>;tag=1", "To: <sip:101@exchange.example>", "Call-ID: 1", "CSeq: 1 " + method, "", ""}, "\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		drop, _ := d.Gate(req, flow, t0)
		return !drop
	}
	for range 10_000 {
		ask("INVITE", "102")
	}
	if ask("INVITE", "102") {
		t.Fatal("a source that asks too much is heard")
	}
	if ask("REGISTER", "112") {
		t.Error("what is no call passes as an emergency")
	}
	passed := 0
	for range 100 {
		if ask("INVITE", "112") {
			passed++
		}
	}
	if passed != urgentBurst {
		t.Errorf("%d of 100 emergencies at once pass, want %d", passed, urgentBurst)
	}
}
