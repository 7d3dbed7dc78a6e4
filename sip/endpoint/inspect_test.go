package endpoint

import (
	"strings"
	"testing"
	"time"

	"santral/sip"
)

// Everything that the endpoint refuses by itself: the status, what goes with it, and no state.
func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		status int
		header sip.Kind
		value  string
	}{
		"method that nobody serves":  {text(sip.PUBLISH), 405, sip.Allow, "INVITE, ACK, BYE, CANCEL, OPTIONS, REGISTER, INFO"},
		"method that the table says": {text(sip.SUBSCRIBE), 489, sip.Allow, "INVITE, ACK, BYE, CANCEL, OPTIONS, REGISTER, INFO"},
		"method nobody knows":        {text("HELLO"), 501, sip.Allow, "INVITE, ACK, BYE, CANCEL, OPTIONS, REGISTER, INFO"},
		"scheme":                     {text(sip.INVITE, "sip:bob@example.com SIP", "soap.beep://bob@example.com SIP"), 416, 0, ""},
		"sips without TLS":           {text(sip.INVITE, "sip:bob@example.com SIP", "SIPS:bob@example.com SIP"), 403, 0, ""},
		"no hops left":               {text(sip.INVITE, "Max-Forwards: 70", "Max-Forwards: 0"), 483, 0, ""},
		"no hops for another":        {text(sip.OPTIONS, "Max-Forwards: 70", "Max-Forwards: 0"), 483, 0, ""},
		"Require":                    {text(sip.INVITE, "Max-Forwards: 70", "Require: timer, 100rel\r\nRequire: gruu"), 420, sip.Unsupported, "100rel, gruu"},
		"Proxy-Require":              {text(sip.INVITE, "Max-Forwards: 70", "Proxy-Require: privacy"), 420, sip.Unsupported, "privacy"},
		"no such dialog":             {text(sip.BYE, "To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=x"), 481, 0, ""},
		"no such transaction":        {text(sip.CANCEL), 481, 0, ""},
		"CSeq of another method":     {text(sip.INVITE, "CSeq: 1 INVITE", "CSeq: 1 OPTIONS"), 400, 0, ""},
		"CSeq":                       {text(sip.INVITE, "CSeq: 1 INVITE", "CSeq: one INVITE"), 400, 0, ""},
		"no From":                    {text(sip.INVITE, "From: <sip:alice@example.com>;tag=a1\r\n", ""), 400, 0, ""},
		"no Call-ID":                 {text(sip.INVITE, "Call-ID: call-1\r\n", ""), 400, 0, ""},
		"version":                    {text(sip.INVITE, "SIP/2.0\r\nVia", "SIP/7.0\r\nVia"), 505, 0, ""},
		"body that is not there":     {text(sip.INVITE, "Content-Length: 0", "Content-Length: 99"), 400, 0, ""},
		"long Request-URI":           {text(sip.INVITE, "sip:bob@", "sip:"+strings.Repeat("b", 5000)+"@"), 414, 0, ""},
		"bad Via":                    {text(sip.INVITE, "SIP/2.0/UDP 192.0.2.10:5060", "SIP/2.0/UDP ;;"), 400, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(c *Config) { c.Refuse = map[sip.Method]int{sip.SUBSCRIBE: 489} }, func(r *rig) {
				r.serve = func(*Shard, *ServerTx) { t.Error("it was served") }
				r.get(alice, c.text)
				r.wait(0)
				if len(r.paper.texts) != 1 || !strings.HasPrefix(r.paper.lines[0], "0.000 alice") {
					t.Fatalf("sent %q", r.paper.lines)
				}
				got := r.paper.texts[0]
				if !strings.HasPrefix(got, "SIP/2.0 "+itoa(c.status)+" ") {
					t.Errorf("answered %q, want %d", got, c.status)
				}
				if c.header != 0 {
					if res := r.last(); res.Get(c.header) != c.value {
						t.Errorf("%v: %q, want %q", c.header, res.Get(c.header), c.value)
					}
				}
				if !strings.Contains(got, ";tag=") {
					t.Errorf("no To tag in\n%s", got)
				}
				r.lives(0, 0)
				r.get(alice, c.text)
				r.wait(0)
				if len(r.paper.texts) != 2 || r.paper.texts[1] != got { // RFC 3261 §8.2.7
					t.Errorf("the copy was answered %q", r.paper.texts[1])
				}
				r.get(alice, strings.Replace(strings.Replace(c.text, "CSeq: 1 INVITE", "CSeq: 1 ACK", 1), "INVITE ", "ACK ", 1))
				r.wait(time.Minute)
				if strings.HasPrefix(c.text, "INVITE") && len(r.paper.texts) != 2 {
					t.Errorf("an ACK was answered: %q", r.paper.texts[2:])
				}
			})
		})
	}
}

func itoa(n int) string {
	return string([]byte{byte('0' + n/100), byte('0' + n/10%10), byte('0' + n%10)})
}

// What is fine, though it looks odd.
func TestNotRefused(t *testing.T) {
	for name, text := range map[string]string{
		"an extension that we have":    text(sip.INVITE, "Max-Forwards: 70", "Require: Timer"),
		"tel":                          text(sip.INVITE, "sip:bob@example.com SIP", "tel:+902125550100 SIP"),
		"spelling of the scheme":       text(sip.INVITE, "sip:bob@example.com SIP", "SIP:bob@example.com SIP"),
		"no Max-Forwards":              text(sip.INVITE, "Max-Forwards: 70\r\n", ""),
		"the last hop of REGISTER":     text(sip.REGISTER, "Max-Forwards: 70", "Max-Forwards: 0"),
		"the last hop of a ping":       text(sip.OPTIONS, "Max-Forwards: 70", "Max-Forwards: 0", "sip:bob@example.com SIP", "sip:example.com SIP"),
		"a REGISTER that has a To tag": text(sip.REGISTER, "To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=x"),
	} {
		play(t, nil, func(r *rig) {
			r.serve = respond(200)
			r.get(alice, text)
			if got := r.last().Status; got != 200 {
				t.Errorf("%s: %d", name, got)
			}
		})
	}
}

// What gets no answer: responses and ACKs with faults, and what is no SIP.
func TestDropped(t *testing.T) {
	play(t, nil, func(r *rig) {
		for _, s := range []string{
			"\r\n\r\n", "hello", "SIP/2.0 200 OK\r\n\r\n", "SIP/2.0 1000 OK\r\nVia: x\r\n\r\n",
			text(sip.ACK, "CSeq: 1 ACK", "CSeq: x ACK"),
			text(sip.ACK),
			text(sip.INVITE, "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-one;rport\r\n", ""),
		} {
			r.get(alice, s)
		}
		r.e.Receive(sip.Inbound{Flow: alice, Err: errTest})
		r.wait(time.Minute)
		r.sends()
		if s := r.e.Stats(); s.Dropped != 7 || s.Stray != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// The gate is asked about strangers' new requests only, and what it refuses costs no state.
func TestGate(t *testing.T) {
	asked := 0
	verdict := Verdict{}
	play(t, func(c *Config) { c.Gate = func(sip.Inbound) Verdict { asked++; return verdict } }, func(r *rig) {
		r.serve = func(_ *Shard, tx *ServerTx) { tx.Refuse(180, "") }
		r.get(alice, text(sip.INVITE))
		r.get(alice, text(sip.INVITE))
		r.wait(0)
		if asked != 1 {
			t.Errorf("asked %d times", asked)
		}
		r.get(alice, text(sip.INVITE, "call-1", "call-2", "Max-Forwards: 70", "Authorization: Digest x=y"))
		r.get(alice, text(sip.BYE, "call-1", "call-3", "To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=x"))
		r.get(alice, text(sip.PUBLISH, "call-1", "call-4"))
		r.wait(0)
		if asked != 1 {
			t.Errorf("asked %d times", asked)
		}
		r.lives(2, 0)
		r.paper.lines = nil
		verdict = Verdict{Status: 401, Headers: []sip.Header{{Kind: sip.WWWAuthenticate, Value: `Digest realm="x"`}, {Name: "X-Y", Value: "z\r\nInjected: 1"}}}
		r.get(alice, text(sip.REGISTER, "call-1", "call-5"))
		if m := r.last(); m.Get(sip.WWWAuthenticate) != `Digest realm="x"` || m.GetName("X-Y") != "z  Injected: 1" || m.GetName("Injected") != "" {
			t.Errorf("%v", m)
		}
		r.sends("0.000 alice SIP/2.0 401 Unauthorized")
		verdict = Verdict{Drop: true}
		r.get(alice, text(sip.REGISTER, "call-1", "call-6"))
		r.sends()
		r.lives(2, 0)
	})
}

func TestServerHeader(t *testing.T) {
	play(t, func(c *Config) { c.Server = "Santral/1" }, func(r *rig) {
		r.get(alice, text(sip.PUBLISH))
		if got := r.last().Get(sip.Server); got != "Santral/1" {
			t.Errorf("Server %q", got)
		}
		r.serve = func(_ *Shard, tx *ServerTx) { tx.Respond(sip.NewResponse(tx.Request(), 200, "")) }
		r.get(alice, text(sip.OPTIONS))
		if got := r.last().Get(sip.Server); got != "Santral/1" {
			t.Errorf("Server %q", got)
		}
	})
}

// RFC 3261 §26.2.2: a sips URI is served where TLS has brought it. Within a dialog it is only our Contact.
func TestSIPSComesOverTLS(t *testing.T) {
	for transport, status := range map[sip.Transport]int{sip.UDP: 403, sip.TCP: 403, sip.WS: 403, sip.TLS: 200, sip.WSS: 200} {
		play(t, nil, func(r *rig) {
			r.serve = func(_ *Shard, tx *ServerTx) { tx.Refuse(200, "") }
			f := alice
			if f.Transport = transport; transport != sip.UDP {
				f.Conn = 1
			}
			r.get(f, text(sip.OPTIONS, "sip:bob@example.com SIP", "sips:bob@example.com SIP"))
			r.wait(0)
			if got := r.last().Status; got != status {
				t.Errorf("over %s it is answered %d, want %d", transport, got, status)
			}
			r.get(f, text(sip.BYE, "sip:bob@example.com SIP", "sips:bob@example.com SIP", "To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=x"))
			r.wait(0)
			if got := r.last().Status; got != 481 {
				t.Errorf("over %s a BYE is answered %d", transport, got)
			}
			r.wait(time.Minute)
		})
	}
}
