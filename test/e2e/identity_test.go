package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"santral/test/phone"
)

// trunked starts an exchange with a trusted trunk at 127.0.21.1 and one that is not at 127.0.22.1.
func trunked(t *testing.T) (x *phone.Exchange, friend, stranger int) {
	t.Helper()
	friend, stranger = phone.FreePort(t), phone.FreePort(t)
	x = phone.StartServe(t, "home.example", fmt.Sprintf(`tenant: home
domains: [home.example]
default: true
extensions:
  - {number: 101, name: Sara, password: %s}
  - {number: 102, name: Ali, password: %s, withhold: true}
trunks:
  - {name: friend, mode: static, to: "sip:127.0.21.1:%d", addresses: [127.0.21.1/32], trust: true, numbers: [{number: "2100", to: 101}]}
  - {name: stranger, mode: static, to: "sip:127.0.22.1:%d", addresses: [127.0.22.1/32], numbers: [{number: "2200", to: 101}]}
routes:
  - {prefix: "08", trunks: [friend]}
  - {prefix: "09", trunks: [stranger]}
`, phone.Password, phone.Password, friend, stranger))
	return x, friend, stranger
}

// TestTrunkIdentity: SIPp is a trusted trunk and one that is not; what it says of who calls is believed from the one
// alone, and what the exchange says of its accounts is told by the same rule.
func TestTrunkIdentity(t *testing.T) {
	phone.Need(t, "sipp")
	x, friend, stranger := trunked(t)
	b := x.UDP(t, "").Agent("101").Register()
	a := x.UDP(t, "").Agent("102").Register()
	for _, c := range []struct {
		from            string
		port            int
		number          string
		want, diverted  string // what 101 is told
		header, pattern string // what the trunk is told
	}{
		{"127.0.21.1", friend, "2100", `"Bank" <sip:+982122000001@`, "<sip:777@", "P-Asserted-Identity:", "Sara. .sip:2100@"},
		{"127.0.22.1", stranger, "2200", "<sip:2200@", "", "Session-ID:", "[0-9a-f]{32};remote=[0-9a-f]{32}"},
	} {
		s := phone.StartSIPp(t, phone.TrunkCalls(`P-Asserted-Identity: "Bank" <tel:+98-21-2200-0001>
Diversion: <sip:777@c.example>;reason=user-busy
Alert-Info: <http://evil.example>;info=alert-autoanswer`, c.header, c.pattern),
			x.SIP, "-i", c.from, "-p", fmt.Sprint(c.port), "-m", "1", "-inf", phone.CSV(t, []string{c.number}))
		in := b.Ring()
		trusted := c.from == "127.0.21.1"
		if m := in.Incoming; !strings.HasPrefix(m.Get("From"), c.want) || strings.Contains(m.Text, "evil") || (m.Get("Diversion") != "") != trusted ||
			!strings.HasPrefix(m.Get("Diversion"), c.diverted) || (m.Get("Answer-Mode") != "") != trusted {
			t.Errorf("from %s 101 is told\n%s", c.from, m.Text)
		}
		in.Tell(200, "OK", media)
		in.Expect("ACK", soon)
		in.Agree(in.Expect("BYE", soon))
		s.Wait(t, 10*time.Second)
	}
	for _, c := range []struct {
		caller   *phone.Agent
		to       string
		from     string
		port     int
		patterns []string
		told     string
	}{
		{b, "0812345", "127.0.21.1", friend, []string{"P-Asserted-Identity: .Sara. .sip:101@", "From: .Sara. .sip:101@", "Session-ID: [0-9a-f]{32};remote=0{32}", "P-Early-Media: supported"}, `"Police" <sip:110@`},
		{a, "0812345", "127.0.21.1", friend, []string{"P-Asserted-Identity: .Ali. .sip:102@", "From: .Anonymous. .sip:anonymous@anonymous.invalid", "Privacy: id"}, `"Police" <sip:110@`},
		{a, "0912345", "127.0.22.1", stranger, []string{"From: .Anonymous. .sip:anonymous@anonymous.invalid"}, ""},
	} {
		s := phone.StartSIPp(t, phone.TrunkTakes(`P-Asserted-Identity: "Police" <sip:110@c.example>`, c.patterns...), x.SIP, "-i", c.from, "-p", fmt.Sprint(c.port), "-m", "1")
		time.Sleep(500 * time.Millisecond) // SIPp does not say when it listens
		d := c.caller.Dial(c.to, media)
		ok := d.Response(200, soon)
		if got := ok.Get("P-Asserted-Identity"); !strings.HasPrefix(got, c.told) || (c.told == "") != (got == "") {
			t.Errorf("%s to %s: told that %q answers", c.caller.User, c.to, got)
		}
		d.Ack("")
		d.Bye()
		s.Wait(t, 10*time.Second)
	}
	phone.Eventually(t, soon, "all records", func() bool { return len(x.CDRs()) == 5 })
	for _, r := range x.CDRs() {
		var pairs [2]string
		for i, leg := range r.Legs {
			pairs[i], _ = leg["session_id"].(string)
		}
		own, remote, ok := strings.Cut(pairs[0], ";remote=")
		if !ok || pairs[1] != remote+";remote="+own || len(r.Legs) != 2 {
			t.Errorf("the legs of %s to %s have the sessions %q", r.From, r.Dialled, pairs)
		}
	}
}

// TestNamesThatAreCode: what even a trusted trunk says of people reaches no phone, no record, no list and no ladder as
// a line, a control character or markup.
func TestNamesThatAreCode(t *testing.T) {
	x, _, _ := trunked(t)
	b := x.UDP(t, "").Agent("101").Register()
	f := x.UDP(t, "127.0.21.1").Agent("trunk")
	const evil = "<script>alert(1)</script>\x01\x1b[2J"
	for _, number := range []string{"0912", "=1+1", "0912%0d%0aX-Evil:%201", "%00"} {
		d := f.Request("INVITE", f.URI("2100")).SDP(media)
		d.Add("P-Asserted-Identity", `"`+evil+`" <sip:`+number+`@c.example>`).Add("Subject", evil)
		d.Add("Diversion", `"`+evil+`" <sip:`+number+`@c.example>;reason="`+evil+`"`).Add("User-Agent", evil)
		f.Send(d.String())
		in := b.Ring()
		if strings.ContainsAny(in.Incoming.Text, "\x00\x01\x1b") || strings.Contains(in.Incoming.Text, "X-Evil") {
			t.Errorf("%s: 101 is told %q", number, in.Incoming.Text)
		}
		var live string
		x.Get("/api/v1/calls", &live)
		in.Tell(486, "Busy\x01Here", "")
		f.Want(soon, "486", phone.Responses(d.Get("Call-ID"), d.Get("CSeq"), 486))
		phone.Eventually(t, soon, "the record", func() bool { return len(x.CDRs()) > 0 && x.CDRs()[0].Dialled == "2100" })
		var records string
		x.Get("/api/v1/cdrs?limit=10", &records)
		var trace string
		x.Get("/api/v1/calls/"+x.CDRs()[0].Call+"/trace", &trace)
		for what, text := range map[string]string{"the list": live, "the records": records, "the trace": trace} {
			if strings.Contains(text, "<script>") || strings.ContainsAny(text, "\x00\x01\x1b") || strings.Contains(text, "\nX-Evil") || strings.Contains(text, `\nX-Evil`) {
				t.Errorf("%s: %s holds %.2000q", number, what, text)
			}
		}
	}
	if log := x.Out.String(); strings.ContainsAny(log, "\x01\x1b") || strings.Contains(log, "<script>") {
		t.Errorf("the log holds %q", log)
	}
}
