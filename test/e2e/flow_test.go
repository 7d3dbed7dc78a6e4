package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"santral/test/phone"
)

// The flows of RFC 3665 §2 and §3 and what RFC 3261 wants around them, with telephones made by hand,
// so that every header can be looked at and every message can be lost.

// soon is how long a message on loopback may take.
const soon = 5 * time.Second

// media is where nobody listens: these tests look at signalling.
var media = phone.Offer("127.0.0.1:9")

// changed is another one: what offers the same again only keeps a session alive.
var changed = media + "a=ptime:20\r\n"

// transports are those that phones come by; plain WebSocket differs from wss in the handshake alone.
var transports = []string{"udp", "tcp", "tls", "wss"}

// pair gives two agents on wires of a transport, the second registered.
func pair(t *testing.T, x *phone.Exchange, transport, a, b string) (caller, callee *phone.Agent) {
	t.Helper()
	return x.Wire(t, transport, "").Agent(a), device(t, x, transport, b)
}

// device registers one more device of an account, which goes away with its test.
func device(t *testing.T, x *phone.Exchange, transport, number string) *phone.Agent {
	t.Helper()
	b := x.Wire(t, transport, "").Agent(number).Register()
	t.Cleanup(func() {
		b.Ask(b.Request("REGISTER", b.URI("")).Set("Contact", "*").Set("Expires", "0"))
	})
	return b
}

func TestRegistrationFlows(t *testing.T) { // RFC 3665 §2
	x := phone.StartExchange(t, "--digest", "md5")
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			a := x.Wire(t, transport, "").Agent("101")
			callID := fmt.Sprint("reg-", transport)
			cseq := 0
			register := func(contact, expires string) phone.Message {
				d := a.Request("REGISTER", a.URI("")).Set("Call-ID", callID).Set("CSeq", fmt.Sprint(cseq+1, " REGISTER"))
				cseq += 2
				if contact == "" {
					d.Del("Contact")
				} else {
					d.Set("Contact", contact)
				}
				if expires != "" {
					d.Set("Expires", expires)
				}
				return a.Ask(d)
			}
			contacts := func(m phone.Message) string { return strings.Join(m.All("Contact"), ", ") }
			// 2.1
			m := register(a.Contact(), "300")
			if m.Status() != 200 || !strings.Contains(contacts(m), a.Addr()) || !strings.Contains(contacts(m), "expires=300") {
				t.Fatalf("2.1:\n%s", m.Text)
			}
			if m.Tag("To") == "" || m.Get("Contact") == "" {
				t.Errorf("2.1 lacks a To tag or Contact:\n%s", m.Text)
			}
			// 2.2: another contact beside it
			m = register("<sip:101@127.0.0.1:9>;q=0.1;expires=90", "")
			if m.Status() != 200 || strings.Count(contacts(m), "<sip:") != 2 || !strings.Contains(contacts(m), "expires=90") {
				t.Errorf("2.2:\n%s", m.Text)
			}
			// 2.3: which are there
			m = register("", "")
			if m.Status() != 200 || strings.Count(contacts(m), "<sip:") != 2 {
				t.Errorf("2.3:\n%s", m.Text)
			}
			// Too brief an interval
			if m = register("<sip:101@127.0.0.1:10>", "5"); m.Status() != 423 || m.Get("Min-Expires") == "" {
				t.Errorf("5 seconds:\n%s", m.Text)
			}
			// An older CSeq of the same Call-ID changes nothing (RFC 3261 §10.3)
			old := cseq
			cseq = 0
			if m = register("<sip:101@127.0.0.1:9>", "0"); m.Status() < 400 {
				t.Errorf("an older CSeq:\n%s", m.Text)
			}
			cseq = old
			if m = register("", ""); strings.Count(contacts(m), "<sip:") != 2 {
				t.Errorf("after an older CSeq:\n%s", m.Text)
			}
			// "*" only with Expires 0 and alone (RFC 3261 §10.2.2)
			if m = register("*", "60"); m.Status() != 400 {
				t.Errorf("* with 60 seconds:\n%s", m.Text)
			}
			if m = register("*, <sip:101@127.0.0.1:9>", "0"); m.Status() != 400 {
				t.Errorf("* and another:\n%s", m.Text)
			}
			// 2.4
			m = register("<sip:101@127.0.0.1:9>", "0")
			if m.Status() != 200 || strings.Count(contacts(m), "<sip:") != 1 {
				t.Errorf("2.4, one:\n%s", m.Text)
			}
			m = register("*", "0")
			if m.Status() != 200 || contacts(m) != "" {
				t.Errorf("2.4, all:\n%s", m.Text)
			}
			// 2.5
			a.Password = "wrong"
			if m = register(a.Contact(), "300"); m.Status() != 401 && m.Status() != 403 {
				t.Errorf("2.5:\n%s", m.Text)
			}
		})
	}
}

func TestSessionFlows(t *testing.T) { // RFC 3665 §3
	x := phone.StartExchange(t, "--digest", "md5", "--extensions", "100")
	for i, transport := range transports {
		number := func(n int) string { return fmt.Sprint(101 + 20*i + n) }
		t.Run(transport, func(t *testing.T) {
			t.Run("establishment", func(t *testing.T) { establishment(t, x, transport, number(0), number(1)) })
			t.Run("trying", func(t *testing.T) { promptly(t, x, transport, number(0), number(1)) })
			t.Run("busy", func(t *testing.T) { refused(t, x, transport, number(0), number(1), 486, "Busy Here", 486) })
			t.Run("unavailable", func(t *testing.T) {
				refused(t, x, transport, number(0), number(1), 480, "Temporarily Unavailable", 480)
			})
			t.Run("declined", func(t *testing.T) { refused(t, x, transport, number(0), number(1), 603, "Decline", 603) })
			t.Run("moved", func(t *testing.T) { // nobody is sent elsewhere by a callee
				a, b := pair(t, x, transport, number(0), number(1))
				c := a.Dial(b.User, media)
				r := b.Ring()
				r.Send(r.Reply(302, "Moved Temporarily", "").Set("Contact", "<sip:+15551234567@elsewhere.example>").String())
				m := c.Want(soon, "refusal", phone.Responses(c.ID, c.Invite.Get("CSeq"), 300))
				if m.Status() < 400 || strings.Contains(m.Text, "elsewhere") {
					t.Errorf("the caller sees\n%s", m.Text)
				}
			})
			t.Run("nobody there", func(t *testing.T) {
				a := x.Wire(t, transport, "").Agent(number(0))
				a.Dial(number(9), media).Response(480, soon)
				a.Dial("9999", media).Response(404, soon)
			})
			t.Run("cancelled", func(t *testing.T) {
				a, b := pair(t, x, transport, number(0), number(1))
				c := a.Dial(b.User, media)
				r := b.Ring()
				r.Tell(180, "Ringing", "")
				c.Response(180, soon)
				if m := c.Cancel(); m.Status() != 200 {
					t.Errorf("CANCEL: %s", m.Line())
				}
				c.Response(487, soon)
				cancel := r.Expect("CANCEL", soon)
				if cancel.Get("Via") != r.Incoming.Get("Via") || cancel.Get("To") != r.Incoming.Get("To") {
					t.Errorf("the CANCEL does not match its INVITE:\n%s", cancel.Text)
				}
				r.Agree(cancel)
				r.Tell(487, "Request Terminated", "")
				r.Expect("ACK", soon)
			})
			t.Run("cancelled before it rings", func(t *testing.T) {
				a, b := pair(t, x, transport, number(0), number(1))
				c := a.Dial(b.User, media)
				r := b.Ring()
				c.Cancel()
				c.Response(487, soon)
				b.Quiet(300*time.Millisecond, "a CANCEL before any response (RFC 3261 §9.1)", phone.Requests("CANCEL"))
				r.Tell(180, "Ringing", "")
				r.Agree(r.Expect("CANCEL", soon))
				r.Tell(487, "Request Terminated", "")
				r.Expect("ACK", soon)
			})
			t.Run("CANCEL crosses the callee's 200", func(t *testing.T) {
				a, b := pair(t, x, transport, number(0), number(1))
				c := a.Dial(b.User, media)
				r := b.Ring()
				r.Tell(180, "Ringing", "")
				c.Response(180, soon)
				c.Cancel()
				c.Response(487, soon)
				cancel := r.Expect("CANCEL", soon)
				r.Tell(200, "OK", media) // it was on its way
				r.Agree(cancel)
				r.Expect("ACK", soon)
				r.Agree(r.Expect("BYE", soon))
			})
			t.Run("CANCEL after the 200", func(t *testing.T) {
				a, b := pair(t, x, transport, number(0), number(1))
				c := a.Dial(b.User, media)
				r := b.Ring()
				r.Tell(200, "OK", media)
				c.Response(200, soon)
				if m := c.Cancel(); m.Status() != 200 && m.Status() != 481 {
					t.Errorf("CANCEL: %s", m.Line())
				}
				c.Ack("")
				r.Expect("ACK", soon)
				b.Quiet(300*time.Millisecond, "an end", phone.Requests("BYE"))
				phone.End(c, r)
			})
			t.Run("early media, late offer, hold", func(t *testing.T) { offers(t, x, transport, number(0), number(1)) })
			t.Run("re-INVITE", func(t *testing.T) { changes(t, x, transport, number(0), number(1)) })
			t.Run("fork", func(t *testing.T) { fork(t, x, transport, number(0), number(2)) })
			t.Run("hops", func(t *testing.T) { hops(t, x, transport, number(0), number(3)) })
		})
	}
}

// establishment is RFC 3665 §3.1 with a look at every message.
func establishment(t *testing.T, x *phone.Exchange, transport, from, to string) {
	a, b := pair(t, x, transport, from, to)
	c := a.Dial(to, media)
	trying := c.Response(100, soon)
	if trying.Tag("To") != "" {
		t.Errorf("100 has a To tag:\n%s", trying.Text)
	}
	r := b.Ring()
	in := r.Incoming
	if in.Get("Call-ID") == c.ID || strings.Contains(in.Text, c.ID) {
		t.Error("the callee sees the caller's Call-ID")
	}
	if n := len(in.All("Via")); n != 1 || in.Get("Record-Route") != "" || strings.Contains(in.Get("Via")+in.Get("Contact"), a.Addr()) {
		t.Errorf("the callee sees the way behind us:\n%s", in.Text)
	}
	var left int
	if fmt.Sscan(in.Get("Max-Forwards"), &left); left >= 70 || left < 1 {
		t.Errorf("Max-Forwards %d arrives of 70", left)
	}
	for _, name := range []string{"Contact", "Allow", "Content-Type", "CSeq", "From", "To"} {
		if in.Get(name) == "" {
			t.Errorf("the INVITE lacks %s:\n%s", name, in.Text)
		}
	}
	if !strings.Contains(in.Get("From"), "sip:"+from+"@") || in.Tag("From") == "" || in.Tag("To") != "" {
		t.Errorf("From %s, To %s", in.Get("From"), in.Get("To"))
	}
	if phone.Media(in.Body()) == phone.Media(media) {
		t.Error("the callee is told the caller's own media address")
	}
	r.Tell(180, "Ringing", "")
	ringing := c.Response(180, soon)
	if ringing.Tag("To") == "" || ringing.Get("Contact") == "" {
		t.Errorf("180 makes no early dialog:\n%s", ringing.Text)
	}
	r.Tell(200, "OK", media)
	answer := c.Response(200, soon)
	for _, name := range []string{"Contact", "Allow", "Supported", "Content-Type"} {
		if len(answer.All(name)) == 0 {
			t.Errorf("the 200 lacks %s:\n%s", name, answer.Text)
		}
	}
	if answer.Tag("To") != ringing.Tag("To") || answer.Tag("To") == "" {
		t.Error("180 and 200 have different tags")
	}
	c.Ack("")
	ack := r.Expect("ACK", soon)
	if strings.Fields(ack.Get("CSeq"))[0] != strings.Fields(in.Get("CSeq"))[0] || ack.Get("Via") == in.Get("Via") {
		t.Errorf("the ACK to a 2xx:\n%s", ack.Text)
	}
	for _, name := range []string{"OPTIONS", "INFO"} {
		d := c.Request(name)
		if name == "INFO" {
			d.Set("Content-Type", "application/dtmf-relay").Body = "Signal=5\r\nDuration=160\r\n"
		}
		if m := a.Transact(d, soon); m.Status() != 200 {
			t.Errorf("%s within the dialog: %s", name, m.Line())
		}
	}
	for method, want := range map[string]int{"PUBLISH": 405, "NONSENSE": 501} {
		if m := a.Transact(c.Request(method), soon); m.Status() != want || !strings.Contains(m.Get("Allow"), "INVITE") {
			t.Errorf("%s within the dialog: %.300q, want %d with Allow", method, m.Text, want)
		}
	}
	// The callee hangs up.
	d := r.Request("BYE")
	b.Send(d.String())
	bye := c.Expect("BYE", soon)
	c.Agree(bye)
	b.Want(soon, "200 to BYE", phone.Responses(r.ID, d.Get("CSeq"), 200))
	if m := a.Transact(c.Request("BYE"), soon); m.Status() != 481 {
		t.Errorf("BYE after the end: %s, want 481", m.Line())
	}
}

// promptly has a 100 come within 200 ms (RFC 3261 §17.2.1). Whoever is unlucky on a busy machine calls again:
// that it is so in any case is shown in virtual time (sip/endpoint).
func promptly(t *testing.T, x *phone.Exchange, transport, from, to string) {
	a, b := pair(t, x, transport, from, to)
	took := time.Duration(0)
	for range 5 {
		c := a.Dial(to, media)
		sent := time.Now()
		took = c.Response(100, soon).At.Sub(sent)
		r := b.Ring()
		r.Tell(180, "Ringing", "")
		c.Response(180, soon)
		c.Cancel()
		c.Response(487, soon)
		r.Agree(r.Expect("CANCEL", soon))
		r.Tell(487, "Request Terminated", "")
		r.Expect("ACK", soon)
		if took <= 200*time.Millisecond {
			return
		}
	}
	t.Errorf("100 after %v, and not once within 200 ms", took)
}

func refused(t *testing.T, x *phone.Exchange, transport, from, to string, status int, reason string, want int) {
	a, b := pair(t, x, transport, from, to)
	c := a.Dial(to, media)
	r := b.Ring()
	r.Tell(180, "Ringing", "")
	c.Response(180, soon)
	r.Tell(status, reason, "")
	m := c.Response(want, soon)
	if transport == "udp" { // acknowledged, it is not repeated; a copy may have crossed the ACK, but not what is sent behind that
		copies := phone.Responses(c.ID, c.Invite.Get("CSeq"), 300)
		if m := a.Transact(a.Request("OPTIONS", a.URI(to)).Set("Call-ID", c.ID), soon); m.Status() != 200 {
			t.Errorf("OPTIONS: %.300q", m.Text)
		}
		for came := true; came; {
			_, came = c.Take(time.Millisecond, copies)
		}
		c.Quiet(700*time.Millisecond, "a copy of the refusal", copies)
	}
	ack := r.Expect("ACK", soon)
	if ack.Get("Via") != r.Incoming.Get("Via") {
		t.Error("the ACK to a refusal is of another branch (RFC 3261 §17.1.1.3)")
	}
	if m.Tag("To") == "" {
		t.Error("the refusal has no To tag")
	}
}

func offers(t *testing.T, x *phone.Exchange, transport, from, to string) {
	a, b := pair(t, x, transport, from, to)
	c := a.Dial(to, media)
	r := b.Ring()
	r.Tell(183, "Session Progress", media)
	if m := c.Response(183, soon); phone.Media(m.Body()) == ":" {
		t.Errorf("early media does not reach the caller:\n%s", m.Text)
	}
	r.Tell(200, "OK", media)
	c.Response(200, soon)
	c.Ack("")
	r.Expect("ACK", soon)
	hold := func(from, to *phone.Dialog, offer, answer string) {
		t.Helper()
		d := from.Request("INVITE").SDP(media + "a=" + offer + "\r\n")
		from.Send(d.String())
		in := to.Expect("INVITE", soon)
		arrives := offer
		if offer == "inactive" { // who is held hears music, which the exchange sends
			arrives = "sendonly"
		}
		if !strings.Contains(in.Body(), "a="+arrives) && offer != "sendrecv" {
			t.Errorf("%s arrives as\n%s", offer, in.Body())
		}
		to.Send(in.Answer(200, "OK", "").Add("Contact", to.Contact()).SDP(media + "a=" + answer + "\r\n").String())
		to.Expect("ACK", soon)
		m := from.Want(soon, "200 to re-INVITE", phone.Responses(from.ID, d.Get("CSeq"), 200))
		if m.Status() != 200 || !strings.Contains(m.Body(), "a="+answer) && answer != "sendrecv" {
			t.Errorf("the answer to %s arrives as\n%s", offer, m.Text)
		}
		from.Ack("")
	}
	hold(c, r, "sendonly", "recvonly")
	hold(c, r, "sendrecv", "sendrecv")
	hold(r, c, "inactive", "inactive")
	hold(r, c, "sendrecv", "sendrecv")
	phone.End(c, r)

	// The offer comes with the 200, its answer with the ACK (RFC 3261 §13.2.1).
	c = a.Dial(to, "")
	r = b.Ring()
	if r.Incoming.Body() != "" {
		t.Errorf("an INVITE without offer arrives with\n%s", r.Incoming.Body())
	}
	r.Tell(200, "OK", media)
	m := c.Response(200, soon)
	if !strings.Contains(m.Body(), "m=audio") {
		t.Errorf("the 200 makes no offer:\n%s", m.Text)
	}
	c.Ack(media)
	if ack := r.Expect("ACK", soon); !strings.Contains(ack.Body(), "m=audio") {
		t.Errorf("the answer does not arrive with the ACK:\n%s", ack.Text)
	}
	phone.End(c, r)
}

// changes is glare, order and overlap within a dialog (RFC 3261 §12.2.2, §14).
func changes(t *testing.T, x *phone.Exchange, transport, from, to string) {
	a, b := pair(t, x, transport, from, to)
	c, r := phone.Talk(a, b, media, media)
	d := c.Request("INVITE").SDP(changed)
	c.Send(d.String())
	in := r.Expect("INVITE", soon)
	theirs := r.Request("INVITE").SDP(changed)
	if m := b.Transact(theirs, soon); m.Status() != 491 {
		t.Errorf("a re-INVITE against ours: %s, want 491", m.Line())
	}
	overlap := c.Request("INVITE").SDP(changed)
	if m := a.Transact(overlap, soon); m.Status() != 500 || m.Get("Retry-After") == "" {
		t.Errorf("a second re-INVITE before the first is answered:\n%.300s\nwant 500 with Retry-After", m.Text)
	}
	r.Send(in.Answer(200, "OK", "").Add("Contact", r.Contact()).SDP(media).String())
	r.Expect("ACK", soon)
	c.Want(soon, "200 to re-INVITE", phone.Responses(c.ID, d.Get("CSeq"), 200))
	c.Send(c.Request("ACK").Set("CSeq", strings.Replace(d.Get("CSeq"), "INVITE", "ACK", 1)).String())
	if m := a.Transact(c.Request("INFO").Set("CSeq", "1 INFO"), soon); m.Status() != 500 {
		t.Errorf("an older CSeq: %s, want 500", m.Line())
	}
	// Refused changes leave the call as it was.
	d = c.Request("INVITE").SDP(media)
	c.Send(d.String())
	in = r.Expect("INVITE", soon)
	r.Send(in.Answer(488, "Not Acceptable Here", "").String())
	r.Expect("ACK", soon)
	if m := c.Want(soon, "refusal", phone.Responses(c.ID, d.Get("CSeq"), 200)); m.Status() != 488 {
		t.Errorf("a refused re-INVITE: %s, want 488", m.Line())
	}
	c.Send(c.Request("ACK").Set("Via", d.Get("Via")).String())
	for what, bend := range map[string]func(*phone.Draft){
		"a body of another kind": func(d *phone.Draft) { d.Set("Content-Type", "text/html"); d.Body = "<p>" },
		"no description at all":  func(d *phone.Draft) { d.SDP("nonsense") },
	} {
		d := c.Request("INVITE")
		bend(d)
		if m := a.Transact(d, soon); m.Status() < 400 || m.Status() > 499 {
			t.Errorf("a re-INVITE with %s: %s", what, m.Line())
		}
		c.Send(c.Request("ACK").Set("Via", d.Get("Via")).String())
	}
	phone.End(c, r)
}

// fork is a call to an account with two devices (RFC 3261 §16.7, RFC 3326).
func fork(t *testing.T, x *phone.Exchange, transport, from, to string) {
	a, b1 := pair(t, x, transport, from, to)
	b2 := device(t, x, transport, to)
	c := a.Dial(to, media)
	r1, r2 := b1.Ring(), b2.Ring()
	r1.Tell(180, "Ringing", "")
	r2.Tell(180, "Ringing", "")
	c.Response(180, soon)
	r1.Tell(200, "OK", media)
	c.Response(200, soon)
	c.Ack("")
	r1.Expect("ACK", soon)
	cancel := r2.Expect("CANCEL", soon)
	if reason := strings.Join(cancel.All("Reason"), ", "); !strings.Contains(reason, "SIP") || !strings.Contains(reason, "cause=200") {
		t.Errorf("the other device is told %q, want SIP;cause=200 (answered elsewhere)", reason)
	}
	r2.Tell(200, "OK", media) // it was answered at the same moment
	r2.Agree(cancel)
	r2.Expect("ACK", soon)
	r2.Agree(r2.Expect("BYE", soon))
	b1.Quiet(200*time.Millisecond, "an end of the good leg", phone.Requests("BYE"))
	phone.End(c, r1)

	// One refuses, the other answers.
	c = a.Dial(to, media)
	r1, r2 = b1.Ring(), b2.Ring()
	r1.Tell(486, "Busy Here", "")
	r1.Expect("ACK", soon)
	r2.Tell(200, "OK", media)
	c.Response(200, soon)
	c.Ack("")
	r2.Expect("ACK", soon)
	phone.End(c, r2)

	// Both refuse: the caller gets one final answer.
	c = a.Dial(to, media)
	r1, r2 = b1.Ring(), b2.Ring()
	r1.Tell(480, "Temporarily Unavailable", "")
	r2.Tell(486, "Busy Here", "")
	c.Response(486, soon)
	r1.Expect("ACK", soon)
	r2.Expect("ACK", soon)

	// A 6xx ends it everywhere (RFC 3261 §16.7 item 5).
	c = a.Dial(to, media)
	r1, r2 = b1.Ring(), b2.Ring()
	r2.Tell(180, "Ringing", "")
	c.Response(180, soon)
	r1.Tell(603, "Decline", "")
	r2.Agree(r2.Expect("CANCEL", soon))
	r2.Tell(487, "Request Terminated", "")
	c.Response(603, soon)
	r2.Expect("ACK", soon)
}

func hops(t *testing.T, x *phone.Exchange, transport, from, to string) {
	a, b := pair(t, x, transport, from, to)
	c := a.Dial(to, media, func(d *phone.Draft) { d.Set("Max-Forwards", "9") })
	r := b.Ring()
	var left int
	if fmt.Sscan(r.Incoming.Get("Max-Forwards"), &left); left >= 9 {
		t.Errorf("Max-Forwards %d arrives of 9", left)
	}
	r.Tell(486, "Busy Here", "")
	c.Response(486, soon)
	for method, uri := range map[string]string{"INVITE": a.URI(to), "OPTIONS": a.URI(to)} {
		if m := a.Transact(a.Request(method, uri).Set("Max-Forwards", "0"), soon); m.Status() != 483 {
			t.Errorf("%s without hops left: %s, want 483", method, m.Line())
		}
	}
	if transport != "udp" {
		return // bindings by a connection lead nowhere else
	}
	// A binding that leads back to us: the call ends, and does not go round.
	if m := b.Ask(b.Request("REGISTER", b.URI("")).Set("Contact", "*").Set("Expires", "0").Set("CSeq", "9 REGISTER")); m.Status() != 200 {
		t.Fatalf("%s", m.Text)
	}
	if m := b.Ask(b.Request("REGISTER", b.URI("")).Set("Contact", "<"+b.URI(to)+">").Set("Expires", "60")); m.Status() != 200 {
		t.Logf("a binding that names ourselves is refused: %s", m.Line())
		return
	}
	c = a.Dial(to, media)
	if m := c.Want(soon, "refusal", phone.Responses(c.ID, c.Invite.Get("CSeq"), 300)); m.Status() < 400 {
		t.Errorf("a call that goes round: %s", m.Line())
	}
}
