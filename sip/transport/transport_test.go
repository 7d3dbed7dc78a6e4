package transport

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"santral/base/advertise"
	"santral/base/vnet"
	"santral/sip"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	house  = netip.MustParseAddr("192.0.2.1")
	house6 = netip.MustParseAddr("2001:db8::1")
	phone  = netip.MustParseAddr("192.0.2.10")
	phone6 = netip.MustParseAddr("2001:db8::10")
	other  = netip.MustParseAddr("192.0.2.11")
)

// world is a layer on a virtual host, with two phones beside it.
type world struct {
	t      *testing.T
	net    *vnet.Network
	home   *vnet.Host
	phone  *vnet.Host
	other  *vnet.Host
	layer  *Layer
	in     chan sip.Inbound
	closed chan sip.Flow
}

func at(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// newWorld starts a layer; change may alter its configuration first.
func newWorld(t *testing.T, change func(*Config)) *world {
	t.Helper()
	w := &world{t: t, net: vnet.New(1), in: make(chan sip.Inbound, 4096), closed: make(chan sip.Flow, 4096)}
	w.home, w.phone, w.other = w.net.Host(house, house6), w.net.Host(phone, phone6), w.net.Host(other)
	cfg := Config{
		Net: w.home,
		Listeners: []Listener{
			{Transport: sip.UDP, Addr: at("0.0.0.0:5060")}, {Transport: sip.UDP, Addr: at("[::]:5060")},
			{Transport: sip.TCP, Addr: at("0.0.0.0:5060")}, {Transport: sip.TCP, Addr: at("[::]:5060")},
		},
		Handle: func(in sip.Inbound) { w.in <- in },
		Closed: func(f sip.Flow) { w.closed <- f },
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	if w.layer, err = Start(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.layer.Close)
	return w
}

// take gives the next message, nil when none has come by the time that everything rests.
func (w *world) take() *sip.Inbound {
	synctest.Wait()
	select {
	case in := <-w.in:
		return &in
	default:
		return nil
	}
}

func (w *world) must() *sip.Inbound {
	w.t.Helper()
	in := w.take()
	if in == nil {
		w.t.Fatal("no message came")
	}
	return in
}

// answer responds to in as an endpoint would.
func (w *world) answer(in *sip.Inbound, status int) {
	send(w.layer, in.Flow, []byte(sip.NewResponse(in.Msg, status, "").String()), nil)
}

func send(l *Layer, f sip.Flow, b []byte, fail func(error)) {
	writer := l.Writer()
	writer.Send(f, b, fail)
	writer.Flush()
}

// request is a whole request with this Via; its Call-ID is id.
func request(via, id string) string {
	return "OPTIONS sip:192.0.2.1 SIP/2.0\r\nVia: " + via + "\r\nMax-Forwards: 70\r\nFrom: <sip:a@example.com>;tag=1\r\n" +
		"To: <sip:b@example.com>\r\nCall-ID: " + id + "\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
}

func udp(t *testing.T, h *vnet.Host, addr string) vnet.UDP {
	t.Helper()
	s, err := h.ListenUDP(at(addr), vnet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// hears reads one datagram, "" when none comes within a second.
func hears(s vnet.UDP) string {
	got := make(chan string, 1)
	go func() {
		d := []vnet.Datagram{{B: make([]byte, 65535)}}
		if _, err := s.ReadBatch(d); err != nil {
			got <- ""
			return
		}
		got <- string(d[0].B[:d[0].N])
	}()
	stop := time.AfterFunc(time.Second, func() { s.Close() })
	defer stop.Stop()
	return <-got
}

// A request is stamped with where it came from, and its response goes where the stamp and the Via say
// (RFC 3261 §18.2.1 and §18.2.2, RFC 3581 §4).
func TestResponseRouting(t *testing.T) {
	for _, c := range []struct {
		name, from, via string
		stamped         string // the topmost Via as handed up
		back            string // where the response is heard
	}{
		{"rport", "192.0.2.10:7777", "SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bKa",
			"SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKa;received=192.0.2.10;rport=7777", "192.0.2.10:7777"},
		{"rport behind a translator", "192.0.2.10:7777", "SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKa;rport",
			"SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKa;received=192.0.2.10;rport=7777", "192.0.2.10:7777"},
		{"sent-by port", "192.0.2.10:7777", "SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bKa",
			"SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bKa", "192.0.2.10:5070"},
		{"name in sent-by", "192.0.2.10:7777", "SIP/2.0/UDP phone.example:5070;branch=z9hG4bKa",
			"SIP/2.0/UDP phone.example:5070;branch=z9hG4bKa;received=192.0.2.10", "192.0.2.10:5070"},
		{"default port", "192.0.2.10:7777", "SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKa",
			"SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKa", "192.0.2.10:5060"},
		{"address of somebody else", "192.0.2.10:5060", "SIP/2.0/UDP 192.0.2.11:5060;branch=z9hG4bKa",
			"SIP/2.0/UDP 192.0.2.11:5060;branch=z9hG4bKa;received=192.0.2.10", "192.0.2.10:5060"},
		{"maddr of somebody else", "192.0.2.10:5060", "SIP/2.0/UDP 192.0.2.10:5060;maddr=192.0.2.11;branch=z9hG4bKa",
			"SIP/2.0/UDP 192.0.2.10:5060;maddr=192.0.2.11;branch=z9hG4bKa", "192.0.2.10:5060"},
		{"forged received", "192.0.2.10:5060", "SIP/2.0/UDP 192.0.2.10:5060;received=192.0.2.11;branch=z9hG4bKa",
			"SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKa;received=192.0.2.10", "192.0.2.10:5060"},
		{"two on one line", "192.0.2.10:7777", "SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bKa, SIP/2.0/UDP 10.1.1.1;rport=9;branch=z9hG4bKb",
			"SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bKa", "192.0.2.10:5070"},
		{"IPv6", "[2001:db8::10]:7777", "SIP/2.0/UDP [2001:db8::10]:5060;rport;branch=z9hG4bKa",
			"SIP/2.0/UDP [2001:db8::10]:5060;branch=z9hG4bKa;received=2001:db8::10;rport=7777", "[2001:db8::10]:7777"},
		{"IPv6, sent-by port", "[2001:db8::10]:7777", "SIP/2.0/UDP [2001:db8::10]:5070;branch=z9hG4bKa",
			"SIP/2.0/UDP [2001:db8::10]:5070;branch=z9hG4bKa", "[2001:db8::10]:5070"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				innocent := udp(t, w.other, "192.0.2.11:5060")
				from := udp(t, w.phone, c.from)
				back := from
				if c.back != c.from {
					back = udp(t, w.phone, c.back)
				}
				to := netip.AddrPortFrom(house, 5060)
				if from.LocalAddr().Addr().Is6() {
					to = netip.AddrPortFrom(house6, 5060)
				}
				text := request(c.via, "c1")
				if err := from.WriteTo([]byte(text), to); err != nil {
					t.Fatal(err)
				}
				in := w.must()
				want := sip.Flow{Transport: sip.UDP, Local: to, Remote: from.LocalAddr()}
				if in.Flow != want || in.Err != nil || in.Size != len(text) || in.Text != text {
					t.Fatalf("%+v, want flow %+v", in, want)
				}
				if v, err := in.Msg.Via(); err != nil || v.String() != c.stamped {
					t.Fatalf("Via %s, %v\nwant %s", v, err, c.stamped)
				}
				w.answer(in, 200)
				if got := hears(back); !strings.HasPrefix(got, "SIP/2.0 200 OK\r\n") {
					t.Fatalf("heard %q", got)
				}
				if got := hears(innocent); got != "" {
					t.Fatalf("a third address got %q", got)
				}
			})
		})
	}
}

// Responses are taken only to requests that we sent: the topmost Via names us (RFC 3261 §18.1.2).
func TestForeignResponses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		p := udp(t, w.phone, "192.0.2.10:5060")
		for via, ours := range map[string]bool{
			"192.0.2.1:5060": true, "192.0.2.1": true, "192.0.2.1:5061": false, "192.0.2.9:5060": false, "example.com": false,
		} {
			p.WriteTo([]byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP "+via+";branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n"+
				"Call-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"), netip.AddrPortFrom(house, 5060))
			if got := w.take() != nil; got != ours {
				t.Errorf("%s: handed up is %v", via, got)
			}
		}
		if n := w.layer.Stats().Foreign; n != 3 {
			t.Error("foreign", n)
		}
	})
}

// What is no message is counted and dropped; what deserves an answer is handed up with its fault.
func TestDatagramsThatAreNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		p := udp(t, w.phone, "192.0.2.10:5060")
		for _, s := range []string{"", "\r\n\r\n", "\x00\x00\x00\x00", "junk", "\x16\x03\x01\x02\x00", "SIP/2.0 999 Oh\r\n\r\n"} {
			p.WriteTo([]byte(s), netip.AddrPortFrom(house, 5060))
		}
		if in := w.take(); in != nil {
			t.Fatal(in)
		}
		if s := w.layer.Stats(); s.Pings != 3 || s.Junk != 3 {
			t.Fatalf("%+v", s)
		}
		bad := strings.Replace(request("SIP/2.0/UDP 192.0.2.10;rport;branch=z9hG4bKa", "c1"), "CSeq: 1 OPTIONS\r\n", "", 1)
		p.WriteTo([]byte(bad), netip.AddrPortFrom(house, 5060))
		in := w.must()
		if sip.ParseStatusOf(in.Err) != 400 || in.Msg == nil {
			t.Fatalf("%+v", in)
		}
		w.answer(in, 400)
		if got := hears(p); !strings.HasPrefix(got, "SIP/2.0 400 ") {
			t.Fatal(got)
		}
	})
}

// A SIP port answers STUN, so that phones can keep their translator open (RFC 5626 §4.4.2).
func TestSTUNOnTheSIPPort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		p := udp(t, w.phone, "192.0.2.10:7777")
		ask := []byte("\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl")
		p.WriteTo(ask, netip.AddrPortFrom(house, 5060))
		want, _ := advertise.Answer(nil, ask, p.LocalAddr())
		if got := hears(p); got != string(want) {
			t.Fatalf("%x", got)
		}
	})
}

func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []int
		w := newWorld(t, func(c *Config) {
			c.Readers = 1
			c.Gate = func(src netip.Addr, tr sip.Transport, n int) bool {
				asked = append(asked, n)
				return src == phone
			}
		})
		text := request("SIP/2.0/UDP 192.0.2.10;rport;branch=z9hG4bKa", "c1")
		udp(t, w.other, "192.0.2.11:5060").WriteTo([]byte(text), netip.AddrPortFrom(house, 5060))
		if w.take() != nil {
			t.Fatal("passed the gate")
		}
		udp(t, w.phone, "192.0.2.10:5060").WriteTo([]byte(text), netip.AddrPortFrom(house, 5060))
		w.must()
		c, err := w.other.DialTCP(t.Context(), netip.Addr{}, netip.AddrPortFrom(house, 5060))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Fatal("a gated connection stays open")
		}
		if fmt.Sprint(asked) != fmt.Sprint([]int{len(text), len(text), 0}) || w.layer.Stats().Gated != 2 {
			t.Fatal(asked, w.layer.Stats())
		}
	})
}

// Way prefers the listener that the route leaves from, and SentBy tells each peer what it can reach.
func TestWayAndSentBy(t *testing.T) {
	n := vnet.New(1)
	lan, wan := netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("198.51.100.2")
	h := n.Host(lan, wan, house6)
	public, err := advertise.New(advertise.Config{Net: h, Bound: wan, Public: netip.MustParseAddr("203.0.113.5")})
	if err != nil {
		t.Fatal(err)
	}
	l, err := Start(Config{Net: h, Handle: func(sip.Inbound) {}, Listeners: []Listener{
		{Transport: sip.UDP, Addr: at("127.0.0.1:5060")},
		{Transport: sip.UDP, Addr: at("198.51.100.2:5080"), Advertise: public},
		{Transport: sip.UDP, Addr: at("10.0.0.2:5062")},
		{Transport: sip.TCP, Addr: at("0.0.0.0:5064")},
		{Transport: sip.UDP, Addr: at("[::]:5066")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, c := range []struct{ hop, local, sentBy string }{
		{"UDP 10.0.0.9:5060", "10.0.0.2:5062", "10.0.0.2:5062"},
		{"UDP 198.51.100.9:5060", "198.51.100.2:5080", "198.51.100.2:5080"},
		{"UDP 127.0.0.1:5090", "127.0.0.1:5060", "127.0.0.1:5060"},
		{"TCP 10.0.0.9:5060", "10.0.0.2:5064", "10.0.0.2:5064"},
		{"TCP 127.0.0.1:5090", "127.0.0.1:5064", "127.0.0.1:5064"},
		{"UDP [2001:db8::9]:5060", "[2001:db8::1]:5066", "[2001:db8::1]:5066"},
		{"UDP [::ffff:10.0.0.9]:5060", "10.0.0.2:5062", "10.0.0.2:5062"},
	} {
		name, addr, _ := strings.Cut(c.hop, " ")
		f, err := l.Way(sip.Hop{Transport: sip.ParseTransport(name), Addr: at(addr)})
		if err != nil || f.Local != at(c.local) || !l.Alive(f) {
			t.Errorf("%s: %v %v, want %s", c.hop, f, err, c.local)
		} else if got := l.SentBy(f).String(); got != c.sentBy {
			t.Errorf("%s: sent-by %s, want %s", c.hop, got, c.sentBy)
		}
	}
	// The far peer of the listener with a public address in front.
	f := sip.Flow{Transport: sip.UDP, Local: at("198.51.100.2:5080"), Remote: at("192.0.2.77:5060")}
	if got := l.SentBy(f).String(); got != "203.0.113.5:5080" {
		t.Error("public:", got)
	}
	for _, hop := range []sip.Hop{
		{Transport: sip.TCP, Addr: at("[2001:db8::9]:5060")},
		{Transport: sip.TLS, Addr: at("10.0.0.9:5061")},
		{Transport: sip.UDP, Addr: at("10.0.0.9:0")},
		{Transport: sip.UDP, Addr: at("0.0.0.0:5060")},
		{Transport: sip.UDP, Addr: at("224.0.1.75:5060")},
		{Transport: sip.UDP},
	} {
		if f, err := l.Way(hop); !errors.Is(err, ErrNoWay) {
			t.Error(hop, f, err)
		}
	}
	if l.Alive(sip.Flow{Transport: sip.UDP, Local: at("10.0.0.2:9"), Remote: at("10.0.0.9:5060")}) {
		t.Error("a flow without a listener is alive")
	}
}

// A reply leaves from the address that the request was sent to, also on a wildcard listener.
func TestReplyComesFromTheSameAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := vnet.New(1)
		second := netip.MustParseAddr("192.0.2.2")
		h, p := n.Host(house, second), n.Host(phone)
		in := make(chan sip.Inbound, 1)
		l, err := Start(Config{Net: h, Handle: func(m sip.Inbound) { in <- m }, Listeners: []Listener{{Transport: sip.UDP, Addr: at("0.0.0.0:5060")}}})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		s := udp(t, p, "192.0.2.10:5060")
		s.WriteTo([]byte(request("SIP/2.0/UDP 192.0.2.10;rport;branch=z9hG4bKa", "c1")), netip.AddrPortFrom(second, 5060))
		m := <-in
		if m.Flow.Local.Addr() != second || l.SentBy(m.Flow).Host != "192.0.2.2" {
			t.Fatal(m.Flow, l.SentBy(m.Flow))
		}
		send(l, m.Flow, []byte(sip.NewResponse(m.Msg, 200, "").String()), nil)
		d := []vnet.Datagram{{B: make([]byte, 2000)}}
		if _, err := s.ReadBatch(d); err != nil || d[0].Addr.Addr() != second {
			t.Fatal(err, d[0].Addr)
		}
	})
}

// One datagram that cannot leave does not keep back the others, and its sender hears of it once.
func TestSendFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		p := udp(t, w.phone, "192.0.2.10:5060")
		f := sip.Flow{Transport: sip.UDP, Local: at("192.0.2.1:5060"), Remote: p.LocalAddr()}
		var failed []string
		fail := func(name string) func(error) {
			return func(err error) { failed = append(failed, name) }
		}
		wr := w.layer.Writer()
		wr.Send(f, []byte(strings.Repeat("x", 70_000)), fail("large"))
		wr.Send(f, []byte("good"), fail("good"))
		wr.Send(sip.Flow{Transport: sip.UDP, Local: at("192.0.2.1:9"), Remote: p.LocalAddr()}, []byte("x"), fail("no listener"))
		old := f
		old.Local = at("192.0.2.99:5060") // an address that we have no more
		wr.Send(old, []byte("also good"), fail("old address"))
		wr.Flush()
		if fmt.Sprint(failed) != "[no listener large]" {
			t.Fatal(failed)
		}
		for _, want := range []string{"good", "also good"} {
			d := []vnet.Datagram{{B: make([]byte, 2000)}}
			if _, err := p.ReadBatch(d); err != nil || string(d[0].B[:d[0].N]) != want {
				t.Fatal(err, string(d[0].B[:d[0].N]))
			}
		}
	})
}

func TestStartFails(t *testing.T) {
	h := vnet.New(1).Host(house)
	handle := func(sip.Inbound) {}
	for _, c := range []Config{
		{Net: h, Handle: handle},
		{Net: h, Listeners: []Listener{{Transport: sip.UDP, Addr: at("192.0.2.1:5060")}}},
		{Net: h, Handle: handle, Listeners: []Listener{{Transport: sip.UDP, Addr: at("192.0.2.1:5060")}, {Transport: sip.UDP, Addr: at("192.0.2.9:5060")}}},
		{Net: h, Handle: handle, Listeners: []Listener{{Transport: sip.TCP, Addr: at("192.0.2.9:5060")}}},
		{Net: h, Handle: handle, Listeners: []Listener{{Transport: sip.TLS, Addr: at("192.0.2.1:5061")}}}, // without a certificate
	} {
		if l, err := Start(c); err == nil {
			l.Close()
			t.Error("started", c.Listeners)
		}
	}
	// What failed left nothing open.
	l, err := Start(Config{Net: h, Handle: handle, Listeners: []Listener{{Transport: sip.UDP, Addr: at("192.0.2.1:5060")}}})
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	l.Close()
	got := make(chan error, 1)
	send(l, sip.Flow{Transport: sip.UDP, Local: at("192.0.2.1:5060"), Remote: at("192.0.2.9:5060")}, []byte("x"), func(err error) { got <- err })
	if err := <-got; !errors.Is(err, net.ErrClosed) {
		t.Fatal(err)
	}
}
