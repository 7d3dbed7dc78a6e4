package trunk

import (
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"santral/base/doc"
	"santral/call"
	"santral/sip"
	"santral/tenant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func message(t testing.TB) *sip.Message {
	t.Helper()
	m, err := sip.ParseMessage(strings.ReplaceAll(`INVITE sip:101@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK1
From: <sip:1@x>;tag=1
To: <sip:2@x>
Call-ID: 1
CSeq: 1 INVITE
s: old
X-Internal: secret=1
X-Internal: kept
User-Agent: Carrier/1.2.3 (build 77)
P-Asserted-Identity: <sip:+982199@x>

`, "\n", "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestHeaderRules(t *testing.T) {
	re := regexp.MustCompile
	m := message(t)
	before := m.String()
	got := Apply([]tenant.HeaderRule{
		{Do: tenant.RemoveHeader, Name: "x-internal", Match: re("^secret")},
		{Do: tenant.RewriteHeader, Name: "User-Agent", Match: re(`/(\d+)\..*`), Replace: "/$1"},
		{Do: tenant.RewriteHeader, Name: "Subject", Match: re("old"), Replace: "new"}, // by its compact form
		{Do: tenant.RemoveHeader, Name: "P-Asserted-Identity"},
		{Do: tenant.AddHeader, Name: "X-New", Value: "1"},
	}, m)
	if m.String() != before {
		t.Errorf("the message itself was changed:\n%s", m)
	}
	for name, want := range map[string]string{"X-Internal": "kept", "User-Agent": "Carrier/1", "Subject": "new", "P-Asserted-Identity": "", "X-New": "1", "Call-ID": "1"} {
		if v := got.GetName(name); v != want {
			t.Errorf("%s is %q, want %q", name, v, want)
		}
	}
}

// A rule can't make a value that is long without bound, nor one that ends its line.
func TestRulesAreBounded(t *testing.T) {
	m := message(t)
	long := []tenant.HeaderRule{{Do: tenant.RewriteHeader, Name: "User-Agent", Match: regexp.MustCompile("."), Replace: strings.Repeat("x", 500)}}
	if got := Apply(long, m).Get(sip.UserAgent); got != m.Get(sip.UserAgent) {
		t.Errorf("a rule made %d octets", len(got))
	}
}

func TestNoRulesCostNothing(t *testing.T) {
	m := message(t)
	if n := testing.AllocsPerRun(100, func() {
		if Apply(nil, m) != m {
			t.Fatal("a copy was made")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCausesAreMapped(t *testing.T) {
	causes := map[int]int{480: 486}
	if got := Cause(causes, call.NotRegistered); got.SIP != 486 || got.Q850 != 17 {
		t.Errorf("480 becomes %+v", got)
	}
	if got := Cause(causes, call.NotFound); got != call.NotFound {
		t.Errorf("404 becomes %+v", got)
	}
}

// Whatever rules a document has, what names a dialog and frames a message stays, and the message can be read
// again.
func FuzzRules(f *testing.F) {
	f.Add("User-Agent", `/(.*)`, "$1")
	f.Add("Subject", `(?i).*`, "\x00$0")
	f.Add("Via", `.*`, "x")
	f.Fuzz(func(t *testing.T, name, match, replace string) {
		var problems doc.Problems
		quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
		a := tenant.Read("f.yaml", []byte("tenant: t\ndomains: [d]\ntrunks: [{name: a, mode: static, to: x, in: [{rewrite: "+quote(name)+", match: "+quote(match)+", replace: "+quote(replace)+"}, {add: "+quote(name)+", value: "+quote(replace)+"}]}]\n"), &problems)
		if a == nil || problems.Err() != nil || len(a.Trunks) == 0 {
			return
		}
		m := message(t)
		got, err := sip.ParseMessage(Apply(a.Trunks[0].In.Headers, m).String())
		if err != nil {
			t.Fatalf("rule %q %q %q: %v", name, match, replace, err)
		}
		for _, k := range []sip.Kind{sip.ViaKind, sip.CallID, sip.CSeqKind, sip.From, sip.To} {
			if got.Get(k) != m.Get(k) {
				t.Fatalf("rule %q %q %q changes %s to %q", name, match, replace, k, got.Get(k))
			}
		}
	})
}
