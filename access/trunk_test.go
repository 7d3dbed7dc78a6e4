package access

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"santral/base/id"
	"santral/call"
	"santral/sip"
	"santral/sip/digest"
	"santral/tenant"
)

const secret = "correct-horse"

// customers are two tenants with trunks of every kind.
func customers() *tenant.Snapshot {
	network := func(s string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(s)} }
	password := tenant.Credential{Password: secret}
	return tenant.NewSnapshot(1, []*tenant.Tenant{
		{ID: "a", Default: true, Realm: "a.example", Domains: []string{"a.example"},
			Accounts: []tenant.Account{{Tenant: "a", Number: "101", Channels: 2, Credential: password}},
			Trunks: []tenant.Trunk{
				{Tenant: "a", Name: "peer", Mode: tenant.Static, Addresses: network("192.0.2.0/24"), Numbers: []tenant.Numbers{{First: "200", Last: "299"}}},
				{Tenant: "a", Name: "bank", Mode: tenant.Static, Addresses: network("192.0.2.9/32"), User: "bank", Credential: password, Trust: true},
				{Tenant: "a", Name: "tls", Mode: tenant.Static, Certificates: []string{"pbx.example"}},
				{Tenant: "a", Name: "branch", Mode: tenant.Registered, PBX: true, User: "branch", Credential: password, Numbers: []tenant.Numbers{{First: "500", Last: "519"}}},
				{Tenant: "a", Name: "carrier", Mode: tenant.Registers, User: "u1", Credential: password, Trust: true, Numbers: []tenant.Numbers{{First: "02122000100", Last: "02122000199"}}},
			}},
		{ID: "b", Realm: "b.example", Domains: []string{"b.example"}, Trunks: []tenant.Trunk{
			{Tenant: "b", Name: "peer", Mode: tenant.Static, Addresses: network("198.51.100.7/32"), Trust: true, Called: tenant.CalledInPCalledPartyID},
			{Tenant: "b", Name: "carrier", Mode: tenant.Registers, User: "u2", Credential: password, Numbers: []tenant.Numbers{{First: "02133000100", Last: "02133000199"}}},
		}},
	})
}

// door is a door over customers. Both carriers' registrars are at 203.0.113.5; the connection of 192.0.2.200 shows pbx.example.
func door(t *testing.T) *Door {
	s := customers()
	return NewDoor(DoorConfig{
		Current: func() *tenant.Snapshot { return s }, Guard: NewGuard(DefaultLimits), Algorithms: []digest.Algorithm{digest.MD5}, Random: id.Random(),
		Certificate: func(f sip.Flow) []string {
			if f.Remote.Addr() == netip.MustParseAddr("203.0.113.200") {
				return []string{"other.example", "PBX.example"}
			}
			return nil
		},
		Carriers: func(a netip.Addr) []Carrier {
			if a == netip.MustParseAddr("203.0.113.5") {
				return []Carrier{{"a", "carrier", "token-a"}, {"b", "carrier", "token-b"}}
			}
			return nil
		},
	})
}

// invite is an INVITE to a URI, with header fields besides.
func invite(t *testing.T, uri string, headers ...string) *sip.Message {
	t.Helper()
	lines := append([]string{"INVITE " + uri + " SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1", "To: <sip:205@a.example>",
		"Call-ID: 1", "CSeq: 1 INVITE"}, headers...)
	if !strings.Contains(strings.Join(headers, "\n"), "From:") {
		lines = append(lines, `From: "Sara" <sip:205@peer.example>;tag=1`)
	}
	req, err := sip.ParseMessage(strings.Join(append(lines, "", ""), "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func from(source string) sip.Flow {
	f := sip.Flow{Transport: sip.UDP, Local: source4(9, 5060), Remote: netip.AddrPortFrom(netip.MustParseAddr(source), 5060)}
	if source == "203.0.113.200" {
		f.Transport = sip.TLS
	}
	return f
}

func TestWhoCallsByATrunk(t *testing.T) {
	d := door(t)
	for _, c := range []struct{ what, source, uri, headers, want string }{
		{"a static trunk says one of its numbers", "192.0.2.7", "sip:101@a.example", "", "a/peer 205"},
		{"an untrusted one says another's", "192.0.2.7", "sip:101@a.example", "P-Asserted-Identity: <sip:911@x>", "a/peer 200"},
		{"whatever domain it names, it is its own tenant's", "192.0.2.7", "sip:101@b.example", "", "a/peer 205"},
		{"the longest network", "192.0.2.9", "sip:101@a.example", "", "401"},
		{"another tenant's trunk, trusted", "198.51.100.7", "sip:101@a.example", "P-Asserted-Identity: \"Bank\" <sip:+982199@x>", "b/peer +982199 Bank"},
		{"a tel identity", "198.51.100.7", "sip:101@a.example", "P-Asserted-Identity: <tel:+98-21-99>", "b/peer +982199"},
		{"a client certificate", "203.0.113.200", "sip:101@a.example", "", "a/tls"},
		{"nobody knows it", "203.0.113.77", "sip:101@a.example", "", "401"},
		{"a carrier, by the Contact it was told", "203.0.113.5", "sip:token-b@192.0.2.1", "", "b/carrier 02133000100"},
		{"a carrier, by the number", "203.0.113.5", "sip:02122000155@192.0.2.1", "", "a/carrier 205 Sara"},
		{"a carrier of two tenants, for a number of neither", "203.0.113.5", "sip:0999@192.0.2.1", "", "401"},
		{"a third party knows the Contact", "203.0.113.6", "sip:token-b@192.0.2.1", "", "401"},
		{"a third party knows the number", "203.0.113.6", "sip:02122000155@192.0.2.1", "", "401"},
	} {
		var headers []string
		if c.headers != "" {
			headers = append(headers, c.headers)
		}
		who, refusal := d.Identify(invite(t, c.uri, headers...), from(c.source))
		got := strings.TrimSpace(fmt.Sprintf("%s/%s %s %s", who.Tenant, who.Trunk, who.Number, who.Name))
		if refusal != nil {
			got = fmt.Sprint(refusal.Status)
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
		if who.Account != "" {
			t.Errorf("%s: a trunk is taken for account %s", c.what, who.Account)
		}
	}
}

// A source of no trunk can't find out which trunks there are: what it gets for a trunk's user, an
// account's and nobody's is the same.
func TestUnknownSourcesLearnNothing(t *testing.T) {
	d := door(t)
	answers := map[string]bool{}
	for _, user := range []string{"bank", "branch", "101", "nobody"} {
		req := invite(t, "sip:205@a.example", "From: <sip:"+user+"@a.example>;tag=1")
		_, first := d.Identify(req, from("203.0.113.77"))
		req = signed(t, req, first, user, "wrong")
		_, second := d.Identify(req, from("203.0.113.77"))
		if first == nil || second == nil {
			t.Fatalf("%s is let in", user)
		}
		answers[fmt.Sprint(first.Status, second.Status, second.Reason, len(second.Headers))] = true
	}
	if len(answers) != 1 {
		t.Errorf("users are told apart: %v", answers)
	}
}

// signed gives a request again with an answer to a challenge.
func signed(t *testing.T, req, challenge *sip.Message, user, password string) *sip.Message {
	t.Helper()
	var state digest.ClientState
	value, err := digest.Answer([]string{challenge.Get(sip.WWWAuthenticate)}, user, password, string(req.Method), req.RequestURI, &state)
	if err != nil {
		t.Fatal(err)
	}
	req = req.Clone()
	req.Set(sip.Authorization, value)
	return req
}

func TestATrunkProvesItselfByDigest(t *testing.T) {
	for _, c := range []struct{ user, source, want string }{
		{"branch", "203.0.113.50", "branch"},
		{"bank", "192.0.2.9", "bank"},
		{"bank", "203.0.113.50", ""}, // the right password from elsewhere
	} {
		d := door(t)
		req := invite(t, "sip:205@a.example")
		_, challenge := d.Identify(req, from(c.source))
		who, refusal := d.Identify(signed(t, req, challenge, c.user, secret), from(c.source))
		if who.Trunk != c.want || (refusal == nil) != (c.want != "") {
			t.Errorf("%s from %s is %q, refusal %v", c.user, c.source, who.Trunk, refusal)
		}
	}
}

// A carrier of the operator's proves itself by its password, from its own addresses where it has some, whatever domain it names
// and whether there is a default tenant or none; no tenant's account or trunk is taken for it.
func TestACarrierOfTheOperatorProvesItselfByDigest(t *testing.T) {
	carriers := &tenant.Operator{Carriers: []tenant.Trunk{
		{Tenant: tenant.OperatorID, Name: "bound", Mode: tenant.Static, Addresses: []netip.Prefix{netip.MustParsePrefix("203.0.113.80/32")}, User: "bound", Credential: tenant.Credential{Password: secret}, Trust: true},
		{Tenant: tenant.OperatorID, Name: "free", Mode: tenant.Static, User: "free", Credential: tenant.Credential{Password: secret}, Trust: true},
	}}
	with := tenant.Next(nil, 1, carriers, customers().Tenants)
	none := tenant.Next(nil, 1, carriers, nil)
	for _, c := range []struct {
		what         string
		s            *tenant.Snapshot
		user, secret string
		source, uri  string
		want         string
	}{
		{"by its address and password", with, "bound", secret, "203.0.113.80", "sip:02122000101@192.0.2.1", "operator/bound"},
		{"to a domain", with, "bound", secret, "203.0.113.80", "sip:02122000101@b.example", "operator/bound"},
		{"to a domain of nobody", with, "bound", secret, "203.0.113.80", "sip:02122000101@carrier.example", "operator/bound"},
		{"where there is no tenant", none, "bound", secret, "203.0.113.80", "sip:02122000101@192.0.2.1", "operator/bound"},
		{"from elsewhere", with, "bound", secret, "203.0.113.81", "sip:02122000101@192.0.2.1", "401"},
		{"with another password", with, "bound", "wrong", "203.0.113.80", "sip:02122000101@192.0.2.1", "401"},
		{"an account from its address", with, "101", secret, "203.0.113.80", "sip:02122000101@a.example", "401"},
		{"without an address", with, "free", secret, "203.0.113.90", "sip:02122000101@192.0.2.1", "operator/free"},
		{"without an address, to a domain", with, "free", secret, "203.0.113.90", "sip:02122000101@b.example", "operator/free"},
		{"without an address, to a domain of nobody", with, "free", secret, "203.0.113.90", "sip:02122000101@carrier.example", "operator/free"},
	} {
		d := NewDoor(DoorConfig{Current: func() *tenant.Snapshot { return c.s }, Guard: NewGuard(DefaultLimits), Algorithms: []digest.Algorithm{digest.MD5}, Random: id.Random()})
		req := invite(t, c.uri)
		_, challenge := d.Identify(req, from(c.source))
		if challenge == nil || challenge.Status != 401 {
			t.Errorf("%s: it is challenged with %v", c.what, challenge)
			continue
		}
		who, refusal := d.Identify(signed(t, req, challenge, c.user, c.secret), from(c.source))
		got := who.Tenant + "/" + who.Trunk
		if refusal != nil {
			got = fmt.Sprint(refusal.Status)
		}
		if got != c.want || who.Account != "" {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}

// A trunk is for calls: its address alone lets nothing else in, and its password not either.
func TestATrunkIsForCalls(t *testing.T) {
	d := door(t)
	for _, method := range []string{"SUBSCRIBE", "MESSAGE", "REFER", "PUBLISH", "REGISTER"} {
		req, err := sip.ParseMessage(strings.ReplaceAll(invite(t, "sip:101@a.example").String(), "INVITE", method))
		if err != nil {
			t.Fatal(err)
		}
		if who, refusal := d.Identify(req, from("192.0.2.7")); refusal == nil || refusal.Status != 401 {
			t.Errorf("%s of a trunk's address: %+v", method, who)
		}
	}
}

func TestOnlyARegisteringTrunkOwnsItsAOR(t *testing.T) {
	d := door(t)
	register := func(user string) *sip.Message {
		req, err := sip.ParseMessage(strings.ReplaceAll(invite(t, "sip:a.example").String(), "INVITE", "REGISTER"))
		if err != nil {
			t.Fatal(err)
		}
		req.Set(sip.To, "<sip:"+user+"@a.example>")
		return req
	}
	for _, c := range []struct {
		trunk, user string
		ok          bool
	}{{"branch", "branch", true}, {"branch", "101", false}, {"branch", "bank", false}, {"bank", "bank", false}, {"peer", "", false}} {
		refusal := d.Owns(register(c.user), from("192.0.2.9"), call.Party{Tenant: "a", Trunk: c.trunk})
		if (refusal == nil) != c.ok {
			t.Errorf("trunk %s registers %s: %v", c.trunk, c.user, refusal)
		}
	}
}

func TestWhereACalledNumberStands(t *testing.T) {
	req := invite(t, "sip:+98212;phone-context=x@a.example;user=phone", "P-Called-Party-ID: \"x, y\" <sip:222@a>", "Diversion: <tel:+98-333>;reason=no-answer, <sip:444@b>")
	for field, want := range map[tenant.CalledIn]string{
		tenant.CalledInRequestURI: "+98212", tenant.CalledInTo: "205", tenant.CalledInPCalledPartyID: "222", tenant.CalledInDiversion: "+98333",
	} {
		if got := Called(&tenant.Trunk{Called: field}, req, ""); got != want {
			t.Errorf("%s says %q, want %q", field, got, want)
		}
	}
	if got := Called(&tenant.Trunk{Called: tenant.CalledInDiversion}, invite(t, "sip:77@a"), ""); got != "77" {
		t.Errorf("without Diversion it is %q", got)
	}
}

// Channels of a trunk are exact, however many calls come at once.
func TestChannelsOfATrunkAreExact(t *testing.T) {
	s := tenant.NewSnapshot(1, []*tenant.Tenant{{ID: "t", Trunks: []tenant.Trunk{{Tenant: "t", Name: "k", Channels: 10, ChannelsIn: 6, ChannelsOut: 7}}}})
	c := NewChannels(func() *tenant.Snapshot { return s }, nil)
	var in, out, total, over atomic.Int32
	var wg sync.WaitGroup
	for i := range 32 {
		dir, count, most := call.In, &in, int32(6)
		if i%2 == 1 {
			dir, count, most = call.Out, &out, 7
		}
		wg.Go(func() {
			for n := range 300 {
				release, refusal := takeTrunk(c, call.ID(fmt.Sprint(i, n)), "t", "k", dir)
				if refusal != nil {
					if *refusal != call.NoChannel {
						t.Errorf("refused with %+v", *refusal)
					}
					continue
				}
				if count.Add(1) > most || total.Add(1) > 10 {
					over.Add(1)
				}
				count.Add(-1)
				total.Add(-1)
				release()
				release() // once more does nothing
			}
		})
	}
	wg.Wait()
	if a, b := c.TrunkInUse("t", "k"); over.Load() != 0 || a+b != 0 {
		t.Errorf("%d times over a limit, %d and %d left", over.Load(), a, b)
	}
	for i := range 11 {
		_, refusal := takeTrunk(c, call.ID(fmt.Sprint(i)), "t", "k", []call.Direction{call.In, call.Out}[i%2])
		if (refusal == nil) != (i < 10) {
			t.Errorf("call %d: %v", i, refusal)
		}
	}
	if _, refusal := takeTrunk(c, "x", "t", "other", call.In); refusal == nil {
		t.Error("a trunk that is not there has a channel")
	}
}

func TestTheRateOfATrunkIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tenant.NewSnapshot(1, []*tenant.Tenant{{ID: "t", Trunks: []tenant.Trunk{{Tenant: "t", Name: "k", Channels: 1000, Rate: 3}}}})
		c := NewChannels(func() *tenant.Snapshot { return s }, nil)
		var began []time.Time
		for range 100 {
			if _, refusal := takeTrunk(c, "x", "t", "k", call.In); refusal == nil {
				began = append(began, time.Now())
			} else if *refusal != call.TooFast {
				t.Fatal(refusal)
			}
			time.Sleep(70 * time.Millisecond)
		}
		for i := 3; i < len(began); i++ {
			if began[i].Sub(began[i-3]) < time.Second {
				t.Errorf("calls %d to %d began within %v", i-3, i, began[i].Sub(began[i-3]))
			}
		}
		if len(began) != 21 {
			t.Errorf("%d calls in 7 s, want 3 a second", len(began))
		}
	})
}

// A PBX presents its own numbers and those of its tenant that lead to it, in whatever spelling; a phone says which number it
// would like, which nobody believes here.
func TestWhatIsSaidOfACaller(t *testing.T) {
	s := tenant.NewSnapshot(1, []*tenant.Tenant{{
		ID: "t", Area: "21",
		Accounts: []tenant.Account{{Tenant: "t", Number: "101"}},
		Trunks:   []tenant.Trunk{{Tenant: "t", Name: "pbx", PBX: true, Numbers: []tenant.Numbers{{First: "02188880000", Last: "02188880009"}}}},
		Numbers: []tenant.Owned{
			{Numbers: tenant.Numbers{First: "02177770000", Last: "02177770099"}, Target: tenant.Target{Kind: tenant.ToTrunk, Name: "pbx"}},
			{Numbers: tenant.Numbers{First: "02166660000", Last: "02166660000"}, Target: tenant.Target{Kind: tenant.ToAccount, Name: "101"}},
		},
	}})
	said := func(from, preferred string) *sip.Message {
		m := sip.NewRequest(sip.INVITE, "sip:1@192.0.2.1")
		m.Set(sip.From, "<"+from+">;tag=x")
		if preferred != "" {
			m.Set(sip.PPreferredIdentity, "<"+preferred+">")
		}
		return m
	}
	k := s.Trunk("t", "pbx")
	for from, want := range map[string][2]string{
		"sip:02188880003@x":   {"02188880003", ""},
		"sip:+982188880003@x": {"+982188880003", ""},
		"sip:02177770042@x":   {"02177770042", ""},
		"sip:02166660000@x":   {"02188880000", "02166660000"},
		"sip:110@x":           {"02188880000", "110"},
	} {
		if p := Caller(s, k, said(from, ""), sip.Flow{}); p.Number != want[0] || p.Said != want[1] {
			t.Errorf("a PBX says %s: %q, said %q", from, p.Number, p.Said)
		}
	}
	a := s.Account("t", "101")
	for _, x := range [][3]string{
		{"sip:101@x", "", ""}, {"sip:02188880000@x", "", "02188880000"}, {"sip:101@x", "sip:+982188880000@x", "+982188880000"},
		{"sip:02188880000@x", "sip:101@x", ""}, {"sip:anonymous@anonymous.invalid", "", ""}, {"sip:@x", "", ""},
	} {
		if p := party(s, a, said(x[0], x[1]), sip.Flow{}); p.Said != x[2] || p.Number != "101" {
			t.Errorf("a phone says %s and prefers %s: said %q, number %q", x[0], x[1], p.Said, p.Number)
		}
	}
}
