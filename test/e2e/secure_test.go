package e2e

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"santral/test/phone"
)

// A number behind a sips URI rings where TLS reaches it and nowhere else; a callee without such a phone
// is not called, and the caller is told why (RFC 3261 §26.2.2, RFC 5630 §7.2).
func TestSIPSRingsOverTLSAlone(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	a := x.Wire(t, "tls", "").Agent("101")
	plain, safe, browser := device(t, x, "tcp", "102"), device(t, x, "tls", "102"), device(t, x, "wss", "102")
	toSIPS := func(d *phone.Draft) { d.Line = strings.Replace(d.Line, "sip:", "sips:", 1) }
	c := a.Dial("102", media, toSIPS)
	r, w := safe.Ring(), browser.Ring()
	plain.Quiet(300*time.Millisecond, "INVITE over TCP", phone.Requests("INVITE"))
	if got := r.Incoming.Contact(); !strings.Contains(got, "@localhost:") || !strings.Contains(r.Incoming.Get("Via"), "SIP/2.0/TLS localhost:") {
		t.Errorf("a phone over TLS is told %s and %s", got, r.Incoming.Get("Via"))
	}
	if !strings.Contains(w.Incoming.Get("Via"), "SIP/2.0/WSS localhost:") {
		t.Errorf("a browser is told %s", w.Incoming.Get("Via"))
	}
	r.Tell(200, "OK", media)
	if got := c.Response(200, soon).Contact(); !strings.HasPrefix(got, "sips:") {
		t.Errorf("the caller of a sips URI is told %s", got)
	}
	c.Ack("")
	r.Expect("ACK", soon)
	phone.End(c, r)

	device(t, x, "tcp", "103")
	c = a.Dial("103", media, toSIPS)
	if m := c.Response(480, soon); !strings.HasPrefix(m.Get("Warning"), "380 ") {
		t.Errorf("no Warning:\n%s", m.Text)
	}
}

// Our own telephone speaks TLS with whom it trusts, and says whom it does not.
func TestOurPhoneOverTLS(t *testing.T) {
	x := phone.StartExchange(t)
	run := func(server, ca string) (string, error) {
		args := []string{"phone", "--transport", "tls", "--server", server, "--user", "101", "--password", phone.Password, "--call", "*43", "--hangup-after", "1s", "--within", "10s"}
		if ca != "" {
			args = append(args, "--ca", ca)
		}
		out, err := exec.Command(phone.Program(t), args...).CombinedOutput()
		return string(out), err
	}
	if out, err := run(x.TLS, x.Authority()); err != nil {
		t.Errorf("a call over TLS: %v\n%s", err, out)
	}
	if out, err := run(x.TLS, ""); err == nil || !strings.Contains(out, "authority") {
		t.Errorf("a call to nobody whom we trust: %v\n%s", err, out)
	}
}

// A browser that goes away is nobody's contact any more.
func TestABrowserThatLeavesIsForgotten(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	for _, transport := range []string{"ws", "wss"} {
		b := x.Wire(t, transport, "").Agent("102").Register()
		if n := x.Metric("santral_registrations", strings.ToUpper(transport)+`"`); n != 1 {
			t.Errorf("%s: %v registrations", transport, n)
		}
		b.Close()
		phone.Eventually(t, soon, "the binding ends with its connection", func() bool { return x.Metric("santral_registrations") == 0 })
		c := x.Wire(t, transport, "").Agent("101").Dial("102", media)
		c.Response(480, soon)
	}
}
