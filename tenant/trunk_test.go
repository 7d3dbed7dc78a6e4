package tenant

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"santral/base/doc"
)

const trunks = `
tenant: acme
domains: [acme.example]
extensions:
  - {number: 101, password: correct-horse}
trunks:
  - name: carrier
    mode: register
    to: [sip:sbc.carrier.example, "sip:192.0.2.7:5080;transport=tcp"]
    user: "982122000100"
    password: correct-horse
    numbers:
      - 02122000100-02122000199
      - {to: 101, number: 02122000150}
      - 0213300*
    channels: 30
    channels-in: 20
    rate: 5
    called: to
    trust: true
    options: 30s
    in:
      - {remove: X-Internal}
      - {calling: '^\+98(\d{10})$', replace: '0$1'}
      - {cause: 480, becomes: 486}
    out: [{add: X-Customer, value: "17"}]
  - {name: pbx, mode: registered, user: branch, password: correct-horse, numbers: [500-519, 50*]}
  - {name: peer, mode: static, to: 192.0.2.77, addresses: [192.0.2.77, 198.51.100.0/24], certificates: [PBX.Example.org]}
routes:
  - {prefix: "0", trunks: [carrier, peer], strip: 1, prepend: "+98"}
  - {prefix: "09", trunks: [peer], patience: 5s}
`

func TestTrunksAreRead(t *testing.T) {
	var problems doc.Problems
	a := Read("acme.yaml", []byte(trunks), &problems)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	s := NewSnapshot(1, []*Tenant{a})
	c := s.Trunk("acme", "carrier")
	if c.Mode != Registers || c.Domain != "sbc.carrier.example" || c.Registrar != "sip:sbc.carrier.example" || c.Channels != 30 ||
		c.ChannelsIn != 20 || c.Rate != 5 || c.Called != CalledInTo || !c.Trust || c.Options != 30*time.Second || c.Expires != time.Hour {
		t.Errorf("the carrier is %+v", c)
	}
	if p := s.Trunk("acme", "pbx"); !p.PBX || p.Channels != DefaultTrunkChannels || p.Own() != "500" {
		t.Errorf("the PBX is %+v", p)
	}
	for number, to := range map[string]string{"02122000100": "", "02122000199": "", "02122000150": "101", "0213300": "", "021330077": ""} {
		if n := c.Has(number); n == nil || n.To != to {
			t.Errorf("%s rings %+v, want %q", number, n, to)
		}
	}
	for _, number := range []string{"02122000200", "0212200010", "021220001000", "021", ""} {
		if n := c.Has(number); n != nil {
			t.Errorf("%q is taken for one of %+v", number, n)
		}
	}
	if got := RewriteNumber(c.In.Calling, "+982122334455"); got != "02122334455" {
		t.Errorf("a calling number becomes %s", got)
	}
	if s.TrunkUser("acme", "branch") == nil || s.TrunkUser("acme", "982122000100") != nil || s.TrunkUser("other", "branch") != nil {
		t.Error("users of trunks that are challenged: only the PBX's, of its own tenant")
	}
	for i, number := range []string{"02188", "0912"} {
		if r := a.Routes[i]; r.Sent(number) != []string{"+982188", "0912"}[i] {
			t.Errorf("%s goes by %+v", number, r)
		}
	}
}

func TestATrunkIsFoundByTheLongestNetwork(t *testing.T) {
	prefix := netip.MustParsePrefix
	s := NewSnapshot(1, []*Tenant{
		{ID: "a", Trunks: []Trunk{{Tenant: "a", Name: "wide", Mode: Static, Addresses: []netip.Prefix{prefix("192.0.2.0/24"), prefix("2001:db8::/32")}}}},
		{ID: "b", Trunks: []Trunk{
			{Tenant: "b", Name: "one", Mode: Static, Addresses: []netip.Prefix{prefix("192.0.2.7/32"), prefix("2001:db8:1::/48")}},
			{Tenant: "b", Name: "carrier", Mode: Registers, Addresses: []netip.Prefix{prefix("203.0.113.0/24")}},
		}},
	})
	for source, want := range map[string]string{
		"192.0.2.7": "one", "192.0.2.8": "wide", "::ffff:192.0.2.7": "one", "2001:db8:1::5": "one", "2001:db8:2::5": "wide",
		"198.51.100.1": "", "2001:db9::1": "", "203.0.113.5": "",
	} {
		got := ""
		if k := s.TrunkAt(netip.MustParseAddr(source)); k != nil {
			got = k.Name
		}
		if got != want {
			t.Errorf("%s belongs to %q, want %q", source, got, want)
		}
	}
}

func TestEveryMistakeOfATrunkIsSaid(t *testing.T) {
	for document, want := range map[string]string{
		`trunks: [{name: A b, mode: static, to: x.example}]`:                                                         "trunk name",
		`trunks: [{name: a, mode: fax, to: x.example}]`:                                                              "not known here",
		`trunks: [{name: a, mode: register, user: u, password: correct-horse}]`:                                      "nobody to register at",
		`trunks: [{name: a, mode: register, to: x.example}]`:                                                         "write its user: and password:",
		"trunks: [{name: a, mode: register, to: x.example, user: u, ha1: {md5: 0123456789abcdef0123456789abcdef}}]":  "holds for one realm",
		`trunks: [{name: a, mode: registered, user: u}]`:                                                             "write its user: and its password:",
		`trunks: [{name: a, mode: registered, user: u, password: correct-horse, to: x.example}]`:                     "found where it registers",
		`trunks: [{name: a, mode: static}]`:                                                                          "leads nowhere",
		`trunks: [{name: a, mode: static, to: x.example, user: u}]`:                                                  "stand together",
		`trunks: [{name: a, mode: static, to: x.example, gin: true}]`:                                                "does not register",
		`trunks: [{name: a, mode: static, to: "sip:u@x.example"}]`:                                                   "without a user",
		`trunks: [{name: a, mode: static, to: "sip:x.example;maddr=192.0.2.1"}]`:                                     "without a user",
		`trunks: [{name: a, mode: static, to: "http://x"}]`:                                                          "without a user",
		`trunks: [{name: a, mode: static, to: x.example, channels: 5, channels-in: 6}]`:                              "parts of channels",
		`trunks: [{name: a, mode: static, addresses: [192.0.2.1/24]}]`:                                               "bits behind its length",
		`trunks: [{name: a, mode: static, addresses: [0.0.0.0/0]}]`:                                                  "too wide",
		`trunks: [{name: a, mode: static, addresses: [host]}]`:                                                       "address or a network",
		`trunks: [{name: a, mode: static, addresses: [192.0.2.1, 192.0.2.1/32]}]`:                                    "a source means one trunk",
		`trunks: [{name: a, mode: static, to: x, numbers: [12]}]`:                                                    "must be a number of 3 to 15 digits",
		`trunks: [{name: a, mode: static, to: x, numbers: [200-100]}]`:                                               "must be a number of 3 to 15 digits",
		`trunks: [{name: a, mode: static, to: x, numbers: [{number: 200, to: 999}]}]`:                                "no account and no room of this tenant",
		`trunks: [{name: a, mode: static, to: x}, {name: a, mode: static, to: y}]`:                                   "stands twice",
		`trunks: [{name: a, mode: registered, user: "101", password: correct-horse}]`:                                "belongs to an account",
		`trunks: [{name: a, mode: static, to: x, in: [{remove: Via}]}]`:                                              "no rule may touch it",
		`trunks: [{name: a, mode: static, to: x, in: [{rewrite: Call-ID, match: a, replace: b}]}]`:                   "no rule may touch it",
		`trunks: [{name: a, mode: static, to: x, out: [{add: Route, value: "<sip:x>"}]}]`:                            "no rule may touch it",
		`trunks: [{name: a, mode: static, to: x, out: [{add: "X Y", value: z}]}]`:                                    "not the name of a header field",
		`trunks: [{name: a, mode: static, to: x, in: [{called: "(", replace: b}]}]`:                                  "no regular expression",
		`trunks: [{name: a, mode: static, to: x, in: [{remove: X-A, add: X-B, value: c}]}]`:                          "does one thing",
		`trunks: [{name: a, mode: static, to: x, in: [{cause: 480}]}]`:                                               "a cause has becomes",
		`trunks: [{name: a, mode: static, to: x, in: [{rewrite: X-A, match: b}]}]`:                                   "match: and replace:",
		`trunks: [{name: a, mode: static, to: x, out: [{add: X-A, value: "b\r\nX-C: d"}]}]`:                          "no control characters",
		`routes: [{prefix: "0", trunks: [a]}]`:                                                                       "which this tenant does not have",
		`routes: [{prefix: "0", trunks: []}]`:                                                                        "leads to no trunk",
		`routes: [{prefix: "x", trunks: [a]}]`:                                                                       "must be digits",
		"trunks: [{name: a, mode: static, to: x}]\nroutes: [{prefix: '0', trunks: [a]}, {prefix: '0', trunks: [a]}]": "stands in two routes",
	} {
		var problems doc.Problems
		head := "tenant: t\ndomains: [t.example]\nextensions: [{number: 101, password: correct-horse}]\n"
		Read("t.yaml", []byte(head+document+"\n"), &problems)
		found := false
		for _, p := range problems.List() {
			found = found || strings.Contains(p.Text, want) && p.Line >= 4
		}
		if !found {
			t.Errorf("%s\n\twant %q at its line, got %v", document, want, problems.List())
		}
	}
}

func TestASourceBelongsToOneTenant(t *testing.T) {
	one := Trunk{Name: "x", Mode: Static, Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}, Certificates: []string{"p.example"}}
	var problems doc.Problems
	Check([]*Tenant{{ID: "a", Trunks: []Trunk{one}}, {ID: "b", Trunks: []Trunk{one}}}, &problems)
	if n := len(problems.List()); n != 2 {
		t.Errorf("%d problems, want address and certificate: %v", n, problems.Err())
	}
}

func FuzzReadTrunks(f *testing.F) {
	f.Add([]byte(trunks))
	f.Fuzz(func(t *testing.T, data []byte) {
		var problems doc.Problems
		if a := Read("f.yaml", data, &problems); problems.Err() == nil {
			s := NewSnapshot(1, []*Tenant{a})
			s.PBXOf(a.ID, "500")
			s.TrunkAt(netip.MustParseAddr("192.0.2.77"))
		}
	})
}

// TestManners: what header fields tell phones and trunks is read, and what may not pass is said at its place.
func TestManners(t *testing.T) {
	var problems doc.Problems
	a := Read("acme.yaml", []byte(`tenant: acme
domains: [acme.example]
extensions:
  - {number: 101, password: correct-horse, withhold: true}
phones: {identity: rpid, diversion: none, intercom: true, alert-source: true, pass: [X-Customer, subject]}
trunks:
  - {name: carrier, mode: static, to: 192.0.2.7, trust: true, believe-from: false, identity: from, diversion: history-info, pass: [X-Customer]}
  - {name: other, mode: static, to: 192.0.2.8}
`), &problems)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	p, k := a.Phones, a.Trunks[0]
	if p.Identity != IdentityRPID || p.Diversion != DiversionNone || !p.Intercom || !p.Source || len(p.Pass) != 2 || !a.Accounts[0].Withhold {
		t.Errorf("phones %+v", p)
	}
	if !k.Trust || !k.Doubt || k.Manners.Identity != IdentityFrom || k.Manners.Diversion != DiversionHistory || len(k.Manners.Pass) != 1 {
		t.Errorf("trunk %+v", k)
	}
	if o := a.Trunks[1]; o.Trust || o.Doubt || o.Manners.Identity != IdentityUnsaid || o.Manners.Diversion != DiversionUnsaid {
		t.Errorf("a trunk that says nothing: %+v", o)
	}
	problems = doc.Problems{}
	Read("bad.yaml", []byte(`tenant: acme
domains: [acme.example]
phones: {identity: loud, pass: [From, "X-", "X-A B", P-Asserted-Identity, "X-a\r\nX-b"], intercom: maybe}
`), &problems)
	if n := len(problems.List()); n != 7 {
		t.Errorf("%d problems: %v", n, problems.Err())
	}
	problems = doc.Problems{}
	Read("bad.yaml", []byte(`tenant: acme
domains: [acme.example]
phones: {pass: [X-1, X-2, X-3, X-4, X-5, X-6, X-7, X-8, X-9]}
`), &problems)
	if n := len(problems.List()); n != 1 {
		t.Errorf("%d problems: %v", n, problems.Err())
	}
}

// Many numbers are found as quickly as few, and as the rows say.
func TestManyNumbers(t *testing.T) {
	k := Trunk{Tenant: "t", Name: "k", Mode: Static}
	for i := range 5000 {
		k.Numbers = append(k.Numbers, Numbers{First: fmt.Sprint(10000 + i), Last: fmt.Sprint(10000 + i), To: fmt.Sprint(i)})
	}
	k.Numbers = append(k.Numbers, Numbers{First: "12", Last: "12", Prefix: true, To: "p"}, Numbers{First: "15000", Last: "15999", To: "r"})
	plain := k
	s := NewSnapshot(1, []*Tenant{{ID: "t", Trunks: []Trunk{k}}})
	found := s.Trunk("t", "k")
	for _, number := range []string{"10000", "12345", "14999", "15000", "15999", "16000", "129", "1", ""} {
		a, b := plain.Has(number), found.Has(number)
		if (a == nil) != (b == nil) || a != nil && *a != *b {
			t.Errorf("%s: %+v without an index, %+v with one", number, a, b)
		}
	}
}

// TestChoices: every word of a choice is the constant that it names.
func TestChoices(t *testing.T) {
	trunk := func(mode, more string) Trunk {
		var problems doc.Problems
		a := Read("acme.yaml", []byte("tenant: acme\ndomains: [acme.example]\ntrunks: [{name: carrier, mode: "+mode+", "+more+"}]\n"), &problems)
		if len(a.Trunks) != 1 {
			t.Fatalf("%s: %v", more, problems.Err())
		}
		return a.Trunks[0]
	}
	for word, want := range map[string]TrunkMode{"register": Registers, "registered": Registered, "static": Static} {
		if got := trunk(word, "to: 192.0.2.7").Mode; got != want {
			t.Errorf("%s is %v", word, got)
		}
	}
	for word, want := range map[string]CalledIn{"request-uri": CalledInRequestURI, "to": CalledInTo, "p-called-party-id": CalledInPCalledPartyID, "diversion": CalledInDiversion} {
		if got := trunk("static", "to: 192.0.2.7, called: "+word).Called; got != want {
			t.Errorf("called in %s is %v", word, got)
		}
	}
	for word, want := range map[string]IdentityForm{"pai": IdentityPAI, "rpid": IdentityRPID, "from": IdentityFrom, "none": IdentityNone} {
		if got := trunk("static", "to: 192.0.2.7, identity: "+word).Manners.Identity; got != want {
			t.Errorf("identity %s is %v", word, got)
		}
	}
	for word, want := range map[string]DiversionForm{"diversion": DiversionField, "history-info": DiversionHistory, "both": DiversionBoth, "none": DiversionNone} {
		if got := trunk("static", "to: 192.0.2.7, diversion: "+word).Manners.Diversion; got != want {
			t.Errorf("diversion %s is %v", word, got)
		}
	}
}
