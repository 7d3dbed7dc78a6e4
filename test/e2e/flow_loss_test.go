package e2e

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"santral/test/phone"
)

// TestLostMessages takes messages away, one at a time; most of it is waiting, so all wait together.
func TestLostMessages(t *testing.T) { // 22 and 25
	t.Parallel()
	x := phone.StartExchange(t, "--digest", "md5", "--extensions", "60", "--rtp-ports", "62200-62399")
	atOnce(t, func(run func(string, func(*testing.T))) {
		for name, f := range map[string]func(*testing.T, *phone.Exchange, string, string){
			"ACK to our 200, UDP":        func(t *testing.T, x *phone.Exchange, a, b string) { lostAck(t, x, "udp", a, b) },
			"ACK to our 200, TCP":        func(t *testing.T, x *phone.Exchange, a, b string) { lostAck(t, x, "tcp", a, b) },
			"ACK to our 200, TLS":        func(t *testing.T, x *phone.Exchange, a, b string) { lostAck(t, x, "tls", a, b) },
			"ACK to our 200, WSS":        func(t *testing.T, x *phone.Exchange, a, b string) { lostAck(t, x, "wss", a, b) },
			"INVITE to a dead TLS phone": func(t *testing.T, x *phone.Exchange, a, b string) { silentConnection(t, x, "tls", a, b) },
			"INVITE to a dead WSS phone": func(t *testing.T, x *phone.Exchange, a, b string) { silentConnection(t, x, "wss", a, b) },
			"ACK of a service":           lostAckOfService,
			"our ACK":                    lostOurAck,
			"INVITE to a dead contact":   deadContact,
			"ACK to our refusal":         lostAckToRefusal,
			"copies of everything":       copies,
			"our BYE":                    lostBye,
			"the callee's answer to all": silentAfterRinging,
			"our re-INVITE":              lostReinvite,
		} {
			lostNext += 2
			a, b := fmt.Sprint(101+lostNext), fmt.Sprint(102+lostNext)
			run(name, func(t *testing.T) { f(t, x, a, b) })
		}
	})
	phone.Eventually(t, 5*time.Second, "no call is left", func() bool {
		var page struct{ Items []any }
		x.Get("/api/v1/calls", &page)
		return len(page.Items) == 0
	})
}

// atOnce runs subtests side by side, however few processors there are: they wait more than they work.
func atOnce(t *testing.T, list func(run func(string, func(*testing.T)))) {
	var wait sync.WaitGroup
	list(func(name string, f func(*testing.T)) { wait.Go(func() { t.Run(name, f) }) })
	wait.Wait()
}

var lostNext int

// growing fails the test unless copies came at T1, doubling up to T2 (RFC 3261 §13.3.1.4, §17.2.1).
func growing(t *testing.T, list []phone.Message) {
	t.Helper()
	if len(list) < 9 || len(list) > 12 {
		t.Errorf("%d copies in 64·T1, want about 10", len(list))
	}
	want := 500 * time.Millisecond
	for i := 1; i < len(list); i++ {
		gap := list[i].At.Sub(list[i-1].At)
		if gap < want-want/4 || gap > want+time.Second {
			t.Errorf("copy %d came %v after the one before, want %v", i, gap, want)
		}
		want = min(2*want, 4*time.Second)
	}
}

// lostAck never acknowledges: the 200 comes again at growing gaps, and 64·T1 after the first one both
// sides get a BYE.
func lostAck(t *testing.T, x *phone.Exchange, transport, from, to string) {
	a, b := pair(t, x, transport, from, to)
	c := a.Dial(to, media)
	r := b.Ring()
	r.Tell(200, "OK", media)
	first := c.Response(200, soon)
	r.Expect("ACK", soon)
	copies := append([]phone.Message{first}, c.Collect(31*time.Second, phone.Responses(c.ID, c.Invite.Get("CSeq"), 200))...)
	growing(t, copies)
	for _, d := range []*phone.Dialog{c, r} {
		bye := d.Expect("BYE", 12*time.Second)
		d.Agree(bye)
		if after := bye.At.Sub(first.At); after < 25*time.Second || after > 40*time.Second {
			t.Errorf("BYE to %s after %v, want 64·T1", d.User, after)
		}
	}
}

func lostAckOfService(t *testing.T, x *phone.Exchange, from, _ string) {
	a := x.UDP(t, "").Agent(from)
	c := a.Dial("*43", media)
	first := c.Response(200, soon)
	bye := c.Expect("BYE", 40*time.Second)
	c.Agree(bye)
	if after := bye.At.Sub(first.At); after < 25*time.Second || after > 40*time.Second {
		t.Errorf("BYE after %v, want 64·T1", after)
	}
}

// lostOurAck repeats the callee's 200 as if the ACK had not come: each copy gets the ACK again.
func lostOurAck(t *testing.T, x *phone.Exchange, from, to string) {
	a, b := pair(t, x, "udp", from, to)
	c := a.Dial(to, media)
	r := b.Ring()
	r.Tell(200, "OK", media)
	c.Response(200, soon)
	c.Ack("")
	ack := r.Expect("ACK", soon)
	for range 3 {
		r.Tell(200, "OK", media)
		if again := r.Expect("ACK", soon); again.Text != ack.Text {
			t.Errorf("the ACK again:\n%s\nnot\n%s", again.Text, ack.Text)
		}
	}
	c.Quiet(200*time.Millisecond, "another 200", phone.Responses(c.ID, c.Invite.Get("CSeq"), 200))
	phone.End(c, r)
}

// deadContact calls a phone that says nothing: copies of the INVITE, then a refusal for the caller.
func deadContact(t *testing.T, x *phone.Exchange, from, to string) {
	a, b := pair(t, x, "udp", from, to)
	began := time.Now()
	c := a.Dial(to, media)
	list := b.Collect(4*time.Second, phone.Requests("INVITE"))
	if len(list) < 3 || len(list) > 4 { // at 0, 0.5, 1.5 and 3.5 s
		t.Errorf("%d copies of the INVITE in 4 s, want 4", len(list))
	}
	m := c.Want(40*time.Second, "refusal", phone.Responses(c.ID, c.Invite.Get("CSeq"), 200))
	took := m.At.Sub(began)
	if m.Status() < 400 || took > 36*time.Second {
		t.Errorf("%s after %v, want a refusal within 34 to 36 s", m.Line(), took)
	}
	t.Logf("%s after %v", m.Line(), took)
	c.Send(c.Request("ACK").Set("Via", c.Invite.Get("Via")).Set("To", m.Get("To")).String())
}

// silentConnection calls a phone whose connection stands and says nothing: one INVITE, then a refusal.
func silentConnection(t *testing.T, x *phone.Exchange, transport, from, to string) {
	a, b := pair(t, x, transport, from, to)
	began := time.Now()
	c := a.Dial(to, media)
	m := c.Want(40*time.Second, "refusal", phone.Responses(c.ID, c.Invite.Get("CSeq"), 200))
	if took := m.At.Sub(began); m.Status() < 400 || took > 36*time.Second {
		t.Errorf("%s after %v, want a refusal within 34 to 36 s", m.Line(), took)
	}
	if list := b.Collect(0, phone.Requests("INVITE")); len(list) != 1 {
		t.Errorf("%d copies of the INVITE over a connection", len(list))
	}
	c.Send(c.Request("ACK").Set("Via", c.Invite.Get("Via")).Set("To", m.Get("To")).String())
}

// lostAckToRefusal never acknowledges a refusal: it comes again until Timer H, and no longer.
func lostAckToRefusal(t *testing.T, x *phone.Exchange, from, to string) {
	a, b := pair(t, x, "udp", from, to)
	c := a.Dial(to, media)
	r := b.Ring()
	r.Tell(486, "Busy Here", "")
	growing(t, c.Collect(33*time.Second, phone.Responses(c.ID, c.Invite.Get("CSeq"), 200)))
	c.Quiet(4500*time.Millisecond, "a copy after Timer H", phone.Responses(c.ID, c.Invite.Get("CSeq"), 200))
}

// copies sends each message eight times: one call, one answer's worth of each.
func copies(t *testing.T, x *phone.Exchange, from, to string) {
	a, b := pair(t, x, "udp", from, to)
	c := a.Dial(to, media)
	for range 7 {
		a.Send(c.Invite.String())
	}
	r := b.Ring()
	b.Quiet(300*time.Millisecond, "a second INVITE", func(m phone.Message) bool { return m.Method() == "INVITE" && m.Get("Call-ID") != r.ID })
	for range 8 {
		r.Tell(180, "Ringing", "")
	}
	c.Response(180, soon)
	for range 8 {
		r.Tell(200, "OK", media)
	}
	ok := c.Response(200, soon)
	for range 8 {
		c.Ack("")
	}
	time.Sleep(100 * time.Millisecond) // all copies are in
	for _, m := range c.Collect(300*time.Millisecond, phone.Responses(c.ID, c.Invite.Get("CSeq"), 200)) {
		if m.Tag("To") != ok.Tag("To") {
			t.Error("two 200s with different tags")
		}
	}
	d := c.Request("BYE")
	for range 8 {
		c.Send(d.String())
	}
	bye := r.Expect("BYE", soon)
	for range 8 {
		r.Agree(bye)
	}
	for _, m := range c.Collect(700*time.Millisecond, phone.Responses(c.ID, d.Get("CSeq"), 200)) {
		if m.Status() != 200 {
			t.Errorf("a copy of BYE: %s", m.Line())
		}
	}
	b.Quiet(100*time.Millisecond, "a second BYE", func(m phone.Message) bool { return m.Method() == "BYE" && m.Get("CSeq") != bye.Get("CSeq") })
}

// lostBye never answers the BYE: it comes again until Timer F, and the caller's own end does not wait.
func lostBye(t *testing.T, x *phone.Exchange, from, to string) {
	a, b := pair(t, x, "udp", from, to)
	c, r := phone.Talk(a, b, media, media)
	c.Bye()
	growing(t, r.Collect(36*time.Second, phone.Requests("BYE")))
}

// silentAfterRinging rings and says nothing more, until the caller's exchange gives up or the caller
// does; a CANCEL without an answer ends by itself.
func silentAfterRinging(t *testing.T, x *phone.Exchange, from, to string) {
	a, b := pair(t, x, "udp", from, to)
	c := a.Dial(to, media)
	r := b.Ring()
	r.Tell(180, "Ringing", "")
	c.Response(180, soon)
	c.Cancel()
	c.Response(487, soon)
	if list := r.Collect(5*time.Second, phone.Requests("CANCEL")); len(list) < 4 {
		t.Errorf("%d copies of CANCEL in 5 s", len(list))
	}
}

// lostReinvite never answers a re-INVITE: the side that asked is told, in time.
func lostReinvite(t *testing.T, x *phone.Exchange, from, to string) {
	a, b := pair(t, x, "udp", from, to)
	c, _ := phone.Talk(a, b, media, media)
	d := c.Request("INVITE").SDP(changed)
	c.Send(d.String())
	m := c.Want(40*time.Second, "refusal", phone.Responses(c.ID, d.Get("CSeq"), 200))
	if m.Status() < 400 {
		t.Errorf("%s to a re-INVITE that nobody answered", m.Line())
	}
	t.Logf("a re-INVITE that nobody answers: %s", m.Line())
}

// TestInspection is RFC 3261 §8.2: what must be refused before it is served, and how.
func TestInspection(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	for _, transport := range []string{"udp", "tcp"} {
		a, b := pair(t, x, transport, "101", "102")
		ask := func(method string, bend func(*phone.Draft)) phone.Message {
			d := a.Request(method, a.URI("102"))
			if method == "REGISTER" {
				d = a.Request(method, a.URI(""))
			}
			bend(d)
			m := a.Transact(d, soon)
			if m.Status() == 401 && strings.HasPrefix(method, "INVITE") { // and again with credentials
				m = a.Transact(a.Authorize(d, m), soon)
			}
			return m
		}
		require := func(tag string) func(*phone.Draft) {
			return func(d *phone.Draft) { d.SDP(media).Set("Require", tag) }
		}
		for _, c := range []struct {
			what, method string
			bend         func(*phone.Draft)
			status       int
			header, has  string
		}{
			{"preconditions", "INVITE", require("precondition"), 420, "Unsupported", "precondition"},
			{"two extensions", "INVITE", require("foo, bar"), 420, "Unsupported", "bar"},
			{"Proxy-Require", "INVITE", func(d *phone.Draft) { d.SDP(media).Set("Proxy-Require", "baz") }, 420, "Unsupported", "baz"},
			{"extension of REGISTER", "REGISTER", require("foo"), 420, "Unsupported", "foo"},
			{"extension of OPTIONS", "OPTIONS", require("foo"), 420, "Unsupported", "foo"},
			{"unknown method", "NONSENSE", func(*phone.Draft) {}, 501, "Allow", "INVITE"},
			{"lower-case method", "invite", func(*phone.Draft) {}, 501, "Allow", "INVITE"},
			{"SUBSCRIBE", "SUBSCRIBE", func(d *phone.Draft) { d.Set("Event", "message-summary") }, 401, "WWW-Authenticate", "nonce"},
			{"PUBLISH", "PUBLISH", func(*phone.Draft) {}, 401, "WWW-Authenticate", "nonce"},
			{"MESSAGE", "MESSAGE", func(*phone.Draft) {}, 401, "WWW-Authenticate", "nonce"},
			{"another body", "INVITE", func(d *phone.Draft) { d.Set("Content-Type", "application/pdf"); d.Body = "%PDF" }, 415, "Accept", "application/sdp"},
			{"encoded body", "INVITE", func(d *phone.Draft) { d.SDP(media).Set("Content-Encoding", "gzip") }, 415, "Accept-Encoding", "identity"},
			{"another scheme", "INVITE", func(d *phone.Draft) { d.Line = "INVITE http://x/ SIP/2.0" }, 416, "", ""},
			{"no more hops", "INVITE", func(d *phone.Draft) { d.Set("Max-Forwards", "0") }, 483, "", ""},
			{"another version", "INVITE", func(d *phone.Draft) { d.Line = strings.Replace(d.Line, "SIP/2.0", "SIP/3.0", 1) }, 505, "", ""},
			{"no Call-ID", "INVITE", func(d *phone.Draft) { d.Del("Call-ID") }, 400, "", ""},
			{"no CSeq", "INVITE", func(d *phone.Draft) { d.Del("CSeq") }, 400, "", ""},
			{"no From", "INVITE", func(d *phone.Draft) { d.Del("From") }, 400, "", ""},
			{"no To", "INVITE", func(d *phone.Draft) { d.Del("To") }, 400, "", ""},
			{"CSeq of another method", "INVITE", func(d *phone.Draft) { d.Set("CSeq", "1 BYE") }, 400, "", ""},
			{"no Contact", "INVITE", func(d *phone.Draft) { d.SDP(media).Del("Contact") }, 400, "", ""},
			{"two Contacts", "INVITE", func(d *phone.Draft) { d.SDP(media).Set("Contact", "<sip:a@127.0.0.1>, <sip:b@127.0.0.1>") }, 400, "", ""},
			{"a To tag of nobody, INVITE", "INVITE", func(d *phone.Draft) { d.SDP(media).Set("To", d.Get("To")+";tag=nobody") }, 481, "", ""},
			{"a To tag of nobody, BYE", "BYE", func(d *phone.Draft) { d.Set("To", d.Get("To")+";tag=nobody") }, 481, "", ""},
			{"no To tag, BYE", "BYE", func(*phone.Draft) {}, 481, "", ""},
			{"CANCEL of nothing", "CANCEL", func(*phone.Draft) {}, 481, "", ""},
			{"INFO of nothing", "INFO", func(*phone.Draft) {}, 481, "", ""},
		} {
			d := a.Request(c.method, a.URI("102"))
			_ = d
			m := ask(c.method, func(d *phone.Draft) { c.bend(d) })
			if m.Status() == 0 { // answers without Call-ID or CSeq can't be matched
				m, _ = a.Take(time.Second, func(m phone.Message) bool { return m.Status() == c.status })
			}
			if m.Status() != c.status || c.header != "" && !strings.Contains(strings.Join(m.All(c.header), ", "), c.has) {
				t.Errorf("%s over %s: %.400q, want %d %s: %s", c.what, transport, m.Text, c.status, c.header, c.has)
			}
		}
		b.Quiet(200*time.Millisecond, "something at the callee", phone.Requests("INVITE"))

		// The same request by two ways (RFC 3261 §8.2.2.2).
		c := a.Dial("102", media)
		r := b.Ring()
		r.Tell(180, "Ringing", "")
		c.Response(180, soon)
		if m := a.Transact(c.Invite.Copy().Branch(), soon); m.Status() != 482 && m.Status() != 401 {
			t.Errorf("merged: %s, want 482", m.Line())
		} else if m.Status() != 482 {
			t.Errorf("a merged request is challenged instead of 482")
		}
		// A CANCEL with another branch is of nothing.
		cancel := c.Invite.Copy().Branch().SDP("").Set("CSeq", strings.Replace(c.Invite.Get("CSeq"), "INVITE", "CANCEL", 1))
		cancel.Line = strings.Replace(cancel.Line, "INVITE", "CANCEL", 1)
		if m := a.Transact(cancel, soon); m.Status() != 481 {
			t.Errorf("CANCEL of another branch: %s, want 481", m.Line())
		}
		r.Tell(486, "Busy Here", "")
		c.Response(486, soon)

		// From without a tag is an old phone's (RFC 3261 §8.2.6.2, RFC 2543): it is answered.
		d := a.Request("OPTIONS", a.URI(""))
		if m := a.Transact(d.Set("From", "<sip:old@127.0.0.1>"), soon); m.Status() != 200 && m.Status() != 400 {
			t.Errorf("no From tag: %s", m.Line())
		}
		b.Ask(b.Request("REGISTER", b.URI("")).Set("Contact", "*").Set("Expires", "0"))
	}
}

// TestALineIsOneCall is the strict line: one call at a time, over all of its devices.
func TestALineIsOneCall(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	line := x.UDP(t, "").Agent("22000001").Register()
	a := x.UDP(t, "").Agent("101").Register()
	b := x.UDP(t, "").Agent("102").Register()
	out := line.Dial("101", media)
	ring := a.Ring()
	in := b.Dial("22000001", media)
	busy := in.Response(486, soon)
	if reason := busy.Get("Reason"); !strings.Contains(reason, "cause=17") {
		t.Errorf("the busy line says %q, want Q.850 cause 17", reason)
	}
	second := x.UDP(t, "").Agent("22000001").Dial("*43", media)
	if m := second.Response(403, soon); m.Get("Reason") == "" {
		t.Errorf("a second call out is not told why:\n%s", m.Text)
	}
	ring.Tell(200, "OK", media)
	out.Response(200, soon)
	out.Ack("")
	ring.Expect("ACK", soon)
	b.Dial("22000001", media).Response(486, soon)
	phone.End(out, ring)
	c := b.Dial("22000001", media) // and free again
	r := line.Ring()
	r.Tell(486, "Busy Here", "")
	c.Response(486, soon)
	// Each ending frees the channel: cancelled, refused, a number that is not there.
	for range 3 {
		c := line.Dial("101", media)
		ring := a.Ring()
		ring.Tell(180, "Ringing", "")
		c.Response(180, soon)
		c.Cancel()
		c.Response(487, soon)
		ring.Agree(ring.Expect("CANCEL", soon))
		ring.Tell(487, "Request Terminated", "")
		line.Dial("9999", media).Response(404, soon)
		echo := line.Dial("*43", media)
		echo.Response(200, soon)
		echo.Ack("")
		echo.Bye()
	}
}

// TestBigMessages crosses 1,300 octets in both directions (RFC 3261 §18.1.1).
func TestBigMessages(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	big := media
	for i := range 60 {
		big += fmt.Sprintf("a=x-attribute-%d:of an unknown sort\r\n", i)
	}
	t.Run("the callee has TCP", func(t *testing.T) {
		var a, b *phone.Agent
		var l net.Listener
		callee := ""
		for _, two := range [][2]string{{"101", "102"}, {"105", "106"}, {"107", "108"}} { // somebody else may have the port over TCP
			var err error
			callee = two[1]
			a, b = pair(t, x, "udp", two[0], callee)
			if l, err = net.Listen("tcp", b.Addr()); err == nil {
				break
			} else if two[0] == "107" {
				t.Fatal(err)
			}
		}
		defer l.Close()
		c := a.Dial(callee, big)
		l.(*net.TCPListener).SetDeadline(time.Now().Add(soon))
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		w := x.Stream(t, "TCP", conn)
		in := w.Want(soon, "INVITE over TCP", phone.Requests("INVITE"))
		if !strings.HasPrefix(in.Get("Via"), "SIP/2.0/TCP ") || !strings.Contains(in.Body(), "x-attribute-59") {
			t.Errorf("over TCP:\n%.600s", in.Text)
		}
		w.Send(in.Answer(486, "Busy Here", "t").String())
		w.Want(soon, "ACK over TCP", phone.Requests("ACK"))
		c.Response(486, soon)
		b.Quiet(100*time.Millisecond, "an INVITE over UDP", phone.Requests("INVITE"))
	})
	t.Run("the callee has none", func(t *testing.T) {
		a, b := pair(t, x, "udp", "103", "104")
		began := time.Now()
		c := a.Dial("104", big)
		r := b.Ring()
		if took := r.Incoming.At.Sub(began); took > 1500*time.Millisecond {
			t.Errorf("over UDP after %v, want about a second at most", took)
		}
		if !strings.HasPrefix(r.Incoming.Get("Via"), "SIP/2.0/UDP ") || !strings.Contains(r.Incoming.Body(), "x-attribute-59") {
			t.Errorf("over UDP:\n%.600s", r.Incoming.Text)
		}
		r.Tell(200, "OK", big)
		m := c.Response(200, soon)
		if !strings.Contains(m.Body(), "x-attribute-59") {
			t.Error("the big answer is cut")
		}
		c.Ack("")
		r.Expect("ACK", soon)
		phone.End(c, r)
	})
	t.Run("the callee's TCP swallows", func(t *testing.T) { // whoever knocks there hears nothing
		a, b := pair(t, x, "udp", "105", "106")
		deafListener(t, b.Addr())
		began := time.Now()
		c := a.Dial("106", big)
		r := b.Ring()
		if took := r.Incoming.At.Sub(began); took < 500*time.Millisecond || took > 2*time.Second {
			t.Errorf("over UDP after %v, want a second", took)
		}
		r.Tell(486, "Busy Here", "")
		c.Response(486, soon)
	})
	t.Run("60 KB over UDP and TCP", func(t *testing.T) {
		for _, transport := range []string{"udp", "tcp"} {
			a := x.Wire(t, transport, "").Agent("107")
			d := a.Request("OPTIONS", a.URI("")).Set("Content-Type", "text/plain")
			d.Body = strings.Repeat("x", 60000)
			if m := a.Transact(d, soon); m.Status() != 200 && m.Status() != 413 {
				t.Errorf("%s: %.80q", transport, m.Text)
			}
		}
	})
}

// deafListener listens for TCP with its queue full, so that further connections are not answered.
func deafListener(t *testing.T, at string) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	addr := netip.MustParseAddrPort(at)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if c, err := net.DialTimeout("tcp", at, 200*time.Millisecond); err == nil {
			t.Cleanup(func() { c.Close() })
		}
	}
}

// TestIPv6 makes calls over the loopback of the other family.
func TestIPv6(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5", "--listen", "::1")
	for _, transport := range []string{"udp", "tcp"} {
		a := x.Wire(t, transport, "::1").Agent("101")
		b := x.Wire(t, transport, "::1").Agent("102").Register()
		c, r := phone.Talk(a, b, phone.Offer("[::1]:9"), phone.Offer("[::1]:9"))
		if at := r.Incoming.Contact(); !strings.Contains(at, "@[::1]:") {
			t.Errorf("Contact %s", at)
		}
		if body := r.Incoming.Body(); !strings.Contains(body, "IN IP6 ::1") {
			t.Errorf("the offer says\n%s", body)
		}
		phone.End(c, r)
		b.Ask(b.Request("REGISTER", b.URI("")).Set("Contact", "*").Set("Expires", "0"))
	}
}
