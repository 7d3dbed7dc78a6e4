package e2e

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"santral/test/phone"
)

// The threats on the wire, by their numbers in the table of threats.

func TestMemoryOfCallsComesBack(t *testing.T) { // 2
	t.Parallel()
	x := phone.StartExchange(t, "--digest", "md5", "--extensions", "20", "--channels", "50", "--rtp-ports", "61000-61999")
	goodCalls(t, phone.NewRaw(t, x, ""), 5)
	before := x.Resident()
	dial := func(count int, each func(*phone.Dialog)) (calls []*phone.Dialog) {
		for i := range count {
			c := x.UDP(t, fmt.Sprintf("127.0.8.%d", i%200+1)).Agent(fmt.Sprint(101+i%20)).Dial("*43", phone.Offer("127.0.8.1:9"))
			c.Response(200, 5*time.Second)
			each(c)
			calls = append(calls, c)
		}
		return calls
	}
	up := dial(180, func(c *phone.Dialog) { c.Ack("") })
	grown := x.Resident() - before
	t.Logf("180 calls hold %d MiB", grown>>20)
	if grown > 32<<20 {
		t.Errorf("180 calls hold %d MiB, want at most 32", grown>>20)
	}
	for _, c := range up {
		c.Bye()
		c.Close()
	}
	dial(100, func(*phone.Dialog) {}) // never acknowledged
	settles(t, x, before, 64<<20, 35*time.Second)
	phone.Eventually(t, 40*time.Second, "the calls that nobody acknowledged end", func() bool {
		var page struct{ Items []any }
		x.Get("/api/v1/calls", &page)
		return len(page.Items) == 0
	})
	healthy(t, x, 3*time.Second)
}

func TestHostileConnections(t *testing.T) { // 4
	x := phone.StartExchange(t, "--digest", "md5")
	stop := make(chan struct{})
	defer close(stop)
	open := func(count int, first, drip string) {
		t.Helper()
		var conns []net.Conn
		for i := range count {
			c, err := net.Dial("tcp", x.SIP)
			if err != nil {
				t.Fatalf("connection %d: %v", i, err)
			}
			t.Cleanup(func() { c.Close() })
			fmt.Fprint(c, first)
			conns = append(conns, c)
		}
		if drip != "" {
			go func() {
				for {
					for _, c := range conns {
						fmt.Fprint(c, drip)
					}
					select {
					case <-stop:
						return
					case <-time.After(500 * time.Millisecond):
					}
				}
			}()
		}
	}
	good := func(what string) {
		t.Helper()
		began := time.Now()
		for _, from := range []string{"127.0.0.1", "127.0.7.1"} {
			x.TCP(t, from).Agent("101").Register()
		}
		goodCalls(t, phone.NewRaw(t, x, ""), 2)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: two registrations and two calls took %v", what, took)
		}
	}
	before := x.Resident()
	steady := x.TCP(t, "127.0.0.1").Agent("102").Register()
	open(1000, "", "")
	good("1,000 idle connections")
	open(800, "INVITE sip:102@x SIP/2.0\r\nVia: ", "a")
	good("800 dripping")
	open(500, "INVITE sip:102@x SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bK1\r\nContent-Length: 5000\r\n\r\n", "v")
	good("500 slow bodies")
	for i := range 8000 {
		c, err := net.Dial("tcp", x.SIP)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		c.(*net.TCPConn).SetLinger(0) // or this side would run out of ports
		c.Close()
	}
	good("8,000 that came and went")
	open(400, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n", "")
	good("400 half upgrades")
	if m := steady.Transact(steady.Request("OPTIONS", steady.URI("")), 3*time.Second); m.Status() != 200 {
		t.Error("a phone that was there before lost its connection")
	}
	healthy(t, x, 3*time.Second)
	settles(t, x, before, 64<<20, 35*time.Second)
}

func TestNoReflection(t *testing.T) { // 5
	t.Parallel()
	x := phone.StartExchange(t, "--digest", "md5", "--rtp-ports", "62000-62199")
	third := x.UDP(t, "127.0.9.9")
	a := x.UDP(t, "127.0.9.1").Agent("101")
	host, port, _ := net.SplitHostPort(third.Addr())
	sent := 0
	send := func(d *phone.Draft) {
		text := d.String()
		sent += len(text)
		a.Send(text)
	}
	for _, method := range []string{"INVITE", "REGISTER", "OPTIONS", "SUBSCRIBE", "BYE", "ACK", "CANCEL", "NONSENSE"} {
		for _, via := range []string{
			"SIP/2.0/UDP " + third.Addr() + ";branch=" + phone.NewBranch(),
			"SIP/2.0/UDP " + third.Addr() + ";rport;branch=" + phone.NewBranch(),
			"SIP/2.0/UDP " + a.Addr() + ";branch=" + phone.NewBranch() + ";maddr=" + host,
			"SIP/2.0/UDP " + third.Addr() + ";branch=" + phone.NewBranch() + ";maddr=" + host + ";rport=" + port,
			"SIP/2.0/UDP " + a.Addr() + ";branch=" + phone.NewBranch() + ";received=" + host + ";rport=" + port,
			"SIP/2.0/TCP " + third.Addr() + ";branch=" + phone.NewBranch(),
		} {
			send(a.Request(method, a.URI("102")).Set("Via", via).Set("Contact", "<sip:"+third.Addr()+">").
				Set("Record-Route", "<sip:"+third.Addr()+";lr>").Set("Route", "<sip:"+third.Addr()+";lr>"))
		}
	}
	third.Quiet(2*time.Second, "a packet at the third address", phone.Anything)
	if sent == 0 || a.Total() == 0 {
		t.Error("nothing was answered at all")
	}

	b := x.UDP(t, "127.0.9.2").Agent("101")
	d := b.Request("INVITE", b.URI("102")).SDP(phone.Offer("127.0.9.2:40000"))
	b.Send(d.String())
	back := 0
	for _, m := range b.Collect(12*time.Second, phone.Anything) {
		back += len(m.Text)
	}
	if back > 3*len(d.String()) {
		t.Errorf("%d octets came back for %d in 12 s", back, len(d.String()))
	}
	if third.Total() != 0 {
		t.Errorf("%d packets at the third address", third.Total())
	}
}

func TestSmuggling(t *testing.T) { // 16
	x := phone.StartExchange(t, "--digest", "md5")
	for _, transport := range []string{"tcp", "tls"} {
		t.Run(transport, func(t *testing.T) { smuggling(t, x, transport) })
	}
	healthy(t, x, 3*time.Second)
}

func smuggling(t *testing.T, x *phone.Exchange, transport string) {
	for name, length := range map[string][]string{
		"two, the first longer":  {"Content-Length: %d", "Content-Length: 0"},
		"two, the second longer": {"Content-Length: 0", "Content-Length: %d"},
		"one compact":            {"l: 0", "Content-Length: %d"},
		"a list":                 {"Content-Length: 0, %d"},
		"with a plus":            {"Content-Length: +%d"},
		"hexadecimal":            {"Content-Length: 0x%x"},
		"minus":                  {"Content-Length: -%d"},
		"with a tail":            {"Content-Length: %d;0"},
		"two numbers":            {"Content-Length: %d 0"},
		"folded":                 {"Content-Length: %d\r\n 0"},
		"nothing":                {"Content-Length:"},
		"left out":               {},
		"space before the colon": {"Content-Length : 0", "Content-Length: %d"},
		"overflow":               {"Content-Length: 18446744073709551616", "X: %d"},
	} {
		w := x.Wire(t, transport, "127.0.3.8")
		a := w.Agent("101")
		hidden := a.Request("OPTIONS", a.URI("")).Set("Call-ID", "hidden")
		d := a.Request("OPTIONS", a.URI("")).Set("Call-ID", "outer")
		text := d.String()
		text = text[:strings.Index(text, "Content-Length")]
		for _, l := range length {
			if strings.Contains(l, "%") {
				l = fmt.Sprintf(l, len(hidden.String()))
			}
			text += l + "\r\n"
		}
		w.Send(text + "\r\n" + hidden.String())
		if m, ok := w.Take(500*time.Millisecond, func(m phone.Message) bool { return m.Get("Call-ID") == "hidden" }); ok {
			t.Errorf("%s: the hidden request is answered %s", name, m.Line())
		}
		if m, ok := w.Take(100*time.Millisecond, func(m phone.Message) bool { return m.Get("Call-ID") == "outer" }); !ok || m.Status() != 400 {
			t.Errorf("%s: the outer request got %.60q, want 400", name, m.Text)
		}
		if !w.Closed() {
			t.Errorf("%s: the connection goes on", name)
		}
		w.Close()
	}
}

// TestFramesHoldOneMessage: what a WebSocket frame holds besides its one message, or lacks of it, is never a
// message of its own (RFC 7118 §5).
func TestFramesHoldOneMessage(t *testing.T) { // 16
	x := phone.StartExchange(t, "--digest", "md5")
	over(t, "ws wss", func(t *testing.T, transport string) {
		good := x.Wire(t, transport, "").Agent("101").Register()
		ask := func(a *phone.Agent, id string) *phone.Draft {
			return a.Request("OPTIONS", a.URI("")).Set("Call-ID", id)
		}
		for name, frames := range map[string]func(outer, hidden string) []string{
			"two messages":       func(o, h string) []string { return []string{o + h} },
			"two with line ends": func(o, h string) []string { return []string{"\r\n\r\n" + o + "\r\n\r\n" + h} },
			"a body that is a request": func(o, h string) []string {
				return []string{strings.Replace(o, "Content-Length: 0", fmt.Sprint("Content-Length: ", len(h)), 1) + h}
			},
			"less than its length": func(o, h string) []string {
				return []string{strings.Replace(o, "Content-Length: 0", fmt.Sprint("Content-Length: ", len(h)), 1), h[:len(h)/2]}
			},
			"a half, and the rest with": func(o, h string) []string { return []string{o[:len(o)/2], o[len(o)/2:] + h} },
			"two lengths": func(o, h string) []string {
				return []string{strings.Replace(o, "Content-Length: 0", fmt.Sprint("Content-Length: 0\r\nContent-Length: ", len(h)), 1) + h}
			},
			"no length": func(o, h string) []string { return []string{strings.Replace(o, "Content-Length: 0\r\n", "", 1) + h} },
		} {
			w := x.Wire(t, transport, "127.0.3.9")
			a := w.Agent("101")
			for _, f := range frames(ask(a, "outer").String(), ask(a, "hidden").String()) {
				w.Send(f)
			}
			w.Quiet(150*time.Millisecond, name+": an answer to the hidden request", func(m phone.Message) bool { return m.Get("Call-ID") == "hidden" })
			w.Close()
			if m := good.Transact(ask(good, phone.NewBranch()), soon); m.Status() != 200 {
				t.Errorf("%s: a good browser gets %.60q", name, m.Text)
			}
		}
	})
	healthy(t, x, 3*time.Second)
}

// TestStreams sends well-formed messages in every cut that a stream may have.
func TestStreams(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	ask := func(a *phone.Agent, id string) *phone.Draft {
		return a.Request("OPTIONS", a.URI("")).Set("Call-ID", id)
	}
	t.Run("an octet at a time", func(t *testing.T) {
		w := x.TCP(t, "")
		for _, c := range ask(w.Agent("101"), "one").String() {
			w.Send(string(c))
		}
		w.Want(3*time.Second, "200", func(m phone.Message) bool { return m.Status() == 200 && m.Get("Call-ID") == "one" })
	})
	t.Run("many at a time, with bodies and line ends between", func(t *testing.T) {
		w := x.TCP(t, "")
		text := ""
		for i := range 50 {
			d := ask(w.Agent("101"), fmt.Sprint("p", i))
			if i%3 == 0 {
				d.Body = strings.Repeat("OPTIONS sip:x SIP/2.0\r\n\r\n", i+1)
				d.Set("Content-Type", "text/plain")
			}
			text += strings.Repeat("\r\n", i%2) + d.String()
		}
		for len(text) > 0 { // in pieces that end anywhere
			n := min(1733, len(text))
			w.Send(text[:n])
			text = text[n:]
		}
		for i := range 50 {
			w.Want(3*time.Second, "200", func(m phone.Message) bool { return m.Status() == 200 && m.Get("Call-ID") == fmt.Sprint("p", i) })
		}
	})
	t.Run("ping and pong", func(t *testing.T) {
		w := x.TCP(t, "")
		w.Send(ask(w.Agent("101"), "first").String())
		w.Want(3*time.Second, "200", func(m phone.Message) bool { return m.Status() == 200 })
		w.Send("\r\n\r\n")
		w.Want(3*time.Second, "pong (RFC 5626 §4.4.1)", func(m phone.Message) bool { return m.Text == "\r\n" })
	})
	t.Run("compact forms", func(t *testing.T) {
		w := x.TCP(t, "")
		text := ask(w.Agent("101"), "compact").String()
		for _, n := range [][2]string{{"Via", "v"}, {"From", "f"}, {"To", "t"}, {"Call-ID", "i"}, {"Contact", "m"}, {"Content-Length", "l"}} {
			text = strings.Replace(text, n[0]+":", n[1]+":", 1)
		}
		w.Send(text)
		w.Want(3*time.Second, "200", func(m phone.Message) bool { return m.Status() == 200 && m.Get("Call-ID") == "compact" })
	})
	t.Run("several lines on one connection", func(t *testing.T) { // one flow of a gateway with many accounts
		w := x.TCP(t, "")
		var lines []*phone.Agent
		for i := range 8 {
			lines = append(lines, w.Agent(fmt.Sprint(101+i)).Register())
		}
		caller := x.UDP(t, "").Agent("110")
		for _, line := range lines {
			c := caller.Dial(line.User, phone.Offer("127.0.0.1:40000"))
			ring := line.Ring()
			ring.Tell(486, "Busy Here", "")
			c.Response(486, 5*time.Second)
			ring.Expect("ACK", 5*time.Second)
		}
		a, b := phone.Talk(lines[0], lines[1], phone.Offer("127.0.0.1:40000"), phone.Offer("127.0.0.1:40002"))
		phone.End(a, b)
		w.Close() // and the bindings end with it
		phone.Eventually(t, 5*time.Second, "the bindings end with their connection", func() bool {
			var page struct{ Items []any }
			x.Get("/api/v1/registrations", &page)
			return len(page.Items) == 0
		})
		c := caller.Dial("103", phone.Offer("127.0.0.1:40000"))
		c.Response(480, 5*time.Second)
	})
}
