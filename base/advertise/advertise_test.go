package advertise

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"santral/base/id"
	"santral/base/vnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func TestPolicy(t *testing.T) {
	h := vnet.New(1).Host(ip("192.168.1.2"), ip("10.0.0.2"), ip("2001:db8::2"))
	for _, c := range []struct {
		name, bound, public, local string
		peer, want                 string
	}{
		{"route, LAN", "0.0.0.0", "", "", "192.168.1.77", "192.168.1.2"},
		{"route, second interface", "0.0.0.0", "", "", "10.0.0.9", "10.0.0.2"},
		{"route, far", "0.0.0.0", "", "", "198.51.100.1", "192.168.1.2"},
		{"route, loopback", "0.0.0.0", "", "", "127.0.0.1", "127.0.0.1"},
		{"route, IPv6", "::", "", "", "2001:db8:1::1", "2001:db8::2"},
		{"route, mapped form", "0.0.0.0", "", "", "::ffff:10.0.0.9", "10.0.0.2"},
		{"bound", "10.0.0.2", "", "", "198.51.100.1", "10.0.0.2"},
		{"public, far", "0.0.0.0", "203.0.113.5", "", "198.51.100.1", "203.0.113.5"},
		{"public, far, bound", "10.0.0.2", "203.0.113.5", "", "198.51.100.1", "203.0.113.5"},
		{"public, LAN", "0.0.0.0", "203.0.113.5", "", "10.0.0.9", "10.0.0.2"},
		{"public, loopback", "0.0.0.0", "203.0.113.5", "", "127.0.0.1", "127.0.0.1"},
		{"public, link-local", "0.0.0.0", "203.0.113.5", "", "169.254.1.1", "192.168.1.2"},
		{"public, other family", "::", "203.0.113.5", "", "2001:db8:1::1", "2001:db8::2"},
		{"public, branch office", "10.0.0.2", "203.0.113.5", "10.0.0.0/8", "10.77.0.1", "10.0.0.2"},
		{"public, local is what is listed alone", "10.0.0.2", "203.0.113.5", "10.0.0.0/8", "192.168.1.77", "203.0.113.5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := Config{Net: h, Bound: ip(c.bound)}
			if c.public != "" {
				cfg.Public = ip(c.public)
			}
			if c.local != "" {
				cfg.Local = []netip.Prefix{netip.MustParsePrefix(c.local)}
			}
			p, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // asked, then remembered
				if got := p.For(ip(c.peer)); got != ip(c.want) {
					t.Fatalf("%s is told %s, want %s", c.peer, got, c.want)
				}
			}
		})
	}
}

func TestPolicyRefuses(t *testing.T) {
	h := vnet.New(1).Host(ip("192.0.2.1"))
	for _, cfg := range []Config{
		{Bound: ip("0.0.0.0")},
		{Net: h},
		{Net: h, Bound: ip("0.0.0.0"), STUN: "s:3478"},
		{Net: h, Bound: ip("0.0.0.0"), STUN: "s:3478", Public: ip("192.0.2.1"), Random: id.New([32]byte{})},
	} {
		if _, err := New(cfg); err == nil {
			t.Error("accepted", cfg)
		}
	}
}

// counting is a network that counts the questions about routes.
type counting struct {
	vnet.Net
	routes int
}

func (c *counting) RouteTo(a netip.Addr) (netip.Addr, error) {
	c.routes++
	return c.Net.RouteTo(a)
}

func TestRoutesAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counting{Net: vnet.New(1).Host(ip("192.0.2.1"))}
		p, _ := New(Config{Net: c, Bound: ip("0.0.0.0")})
		for range 100 {
			p.For(ip("198.51.100.1"))
		}
		time.Sleep(routeAge + 1)
		p.For(ip("198.51.100.1"))
		if c.routes != 2 {
			t.Fatal("asked", c.routes, "times")
		}
		peer := ip("10.0.0.0")
		for range 2 * routeMax {
			p.For(peer)
			peer = peer.Next()
		}
		if len(p.routes) > routeMax {
			t.Fatal("remembers", len(p.routes))
		}
	})
}

// serve answers Binding requests until the test ends, losing the first few.
func serve(t *testing.T, h *vnet.Host, addr string, lose int) vnet.UDP {
	t.Helper()
	s, err := h.ListenUDP(netip.MustParseAddrPort(addr), vnet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		d := []vnet.Datagram{{B: make([]byte, 1500)}}
		for {
			if _, err := s.ReadBatch(d); err != nil {
				return
			}
			if lose--; lose >= 0 {
				continue
			}
			if a, ok := Answer(nil, d[0].B[:d[0].N], d[0].Addr); ok {
				s.WriteTo([]byte("junk before the answer"), d[0].Addr)
				s.WriteTo(a, d[0].Addr)
			}
		}
	}()
	t.Cleanup(func() { s.Close(); <-done })
	return s
}

// Behind a translator the public address is learned; a server that is gone leaves what was known.
func TestLearn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := vnet.New(1)
		inside := n.NAT(ip("198.51.100.1"), vnet.NATOptions{}).Host(ip("10.0.0.2"))
		n.SetName("stun.example", ip("2001:db8::9"), ip("192.0.2.9"))
		server := serve(t, n.Host(ip("192.0.2.9")), "192.0.2.9:3478", 2)

		p, err := New(Config{Net: inside, Bound: ip("0.0.0.0"), STUN: "stun.example:3478", Random: id.New([32]byte{})})
		if err != nil {
			t.Fatal(err)
		}
		far := ip("203.0.113.77")
		if a := p.For(far); a != ip("10.0.0.2") {
			t.Fatal("before:", a)
		}
		ctx, cancel := context.WithCancel(t.Context())
		heard := make(chan error, 10)
		ran := make(chan struct{})
		go func() {
			defer close(ran)
			p.Run(ctx, func(_ netip.Addr, err error) { heard <- err })
		}()
		start := time.Now()
		if err := <-heard; err != nil {
			t.Fatal(err)
		}
		if d := time.Since(start); d != 1500*time.Millisecond {
			t.Fatal("two lost requests cost", d)
		}
		if a := p.For(far); a != ip("198.51.100.1") {
			t.Fatal("after:", a)
		}
		if a := p.For(ip("10.0.0.3")); a != ip("10.0.0.2") {
			t.Fatal("LAN:", a)
		}
		server.Close()
		if err := <-heard; !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if a := p.For(far); a != ip("198.51.100.1") {
			t.Fatal("after the server went:", a)
		}
		cancel()
		<-ran
	})
}

func TestAskFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := vnet.New(1)
		h := n.Host(ip("192.0.2.1"))
		n.SetName("six.example", ip("2001:db8::9"))
		for server, want := range map[string]string{
			"no.example:3478":  "no such host",
			"six.example:3478": "family",
			"192.0.2.9":        "missing port",
			"192.0.2.9:x":      "want a number",
			"192.0.2.9:3478":   "no answer",
		} {
			if _, err := Ask(t.Context(), h, ip("0.0.0.0"), server, id.New([32]byte{})); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", server, err)
			}
		}
	})
}

// The request and response of RFC 5769 §2.2 and §2.3, but for their credentials: the address is read
// out of the published octets.
func TestSTUNVectors(t *testing.T) {
	for _, c := range []struct{ octets, want string }{
		{"0101003c2112a442b7e7a701bc34d686fa87dfae" +
			"8022000b7465737420766563746f7220" + "002000080001a147e112a643" +
			"000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7" + "80280004c07d4c96", "192.0.2.1:32853"},
		{"010100482112a442b7e7a701bc34d686fa87dfae" +
			"8022000b7465737420766563746f7220" + "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9" +
			"00080014a382954e4be67bf11784c97c8292c275bfe3ed41" + "80280004c8fb0b4c", "[2001:db8:1234:5678:11:2233:4455:6677]:32853"},
	} {
		b, err := hex.DecodeString(c.octets)
		if err != nil {
			t.Fatal(err)
		}
		m, err := parseSTUN(b)
		if err != nil || m.mapped != netip.MustParseAddrPort(c.want) || !m.fingerprint {
			t.Error(m, err)
		}
		b[30] ^= 1
		if _, err := parseSTUN(b); err == nil {
			t.Error("a wrong fingerprint passed")
		}
	}
}

func TestAnswer(t *testing.T) {
	tx := txid{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	bare := finish(appendHeader(nil, bindingRequest, tx), 0, false)
	for _, source := range []string{"192.0.2.1:5060", "[2001:db8::1]:5060"} {
		for _, request := range [][]byte{bare, appendRequest(nil, tx)} {
			a, ok := Answer([]byte("before"), request, netip.MustParseAddrPort(source))
			if !ok || !bytes.HasPrefix(a, []byte("before")) {
				t.Fatal("no answer")
			}
			a = a[len("before"):]
			m, err := parseSTUN(a)
			if err != nil || m.kind != bindingAnswer || m.tx != tx || m.mapped != netip.MustParseAddrPort(source) || len(a) > 3*len(request) {
				t.Fatal(m, err, len(a))
			}
		}
	}
	strange := appendHeader(nil, bindingRequest, tx)
	for range 20 {
		strange = append(strange, 0x7F, byte(len(strange)), 0, 0)
	}
	strange = finish(strange, 0, false)
	a, ok := Answer(nil, strange, netip.MustParseAddrPort("192.0.2.1:1"))
	if m, err := parseSTUN(a); !ok || err != nil || m.kind != bindingError || a[27] != 20 || len(a) > 3*len(strange) {
		t.Fatal(ok, m, err)
	}
	for _, no := range [][]byte{nil, []byte("OPTIONS sip:a@b SIP/2.0\r\n\r\n"), a, bare[:19], append(bare[:20:20], 0, 0, 0, 0)} {
		if a, ok := Answer(nil, no, netip.AddrPort{}); ok || len(a) > 0 {
			t.Errorf("answered %x", no)
		}
	}
}

func FuzzSTUN(f *testing.F) {
	f.Add(appendRequest(nil, txid{}))
	a, _ := Answer(nil, appendRequest(nil, txid{}), netip.MustParseAddrPort("[2001:db8::1]:5060"))
	f.Add(a)
	f.Fuzz(func(t *testing.T, b []byte) {
		parseSTUN(b)
		a, ok := Answer(nil, b, netip.MustParseAddrPort("[2001:db8::1]:5060"))
		if !ok {
			return
		}
		if m, err := parseSTUN(a); err != nil || m.tx != txid(b[8:20]) || len(a) > 3*len(b) {
			t.Fatal(m, err)
		}
	})
}

func BenchmarkFor(b *testing.B) {
	h := vnet.New(1).Host(ip("192.168.1.2"), ip("10.0.0.2"))
	p, _ := New(Config{Net: h, Bound: ip("0.0.0.0"), Public: ip("203.0.113.5")})
	for _, peer := range []string{"10.0.0.9", "198.51.100.1"} {
		b.Run(peer, func(b *testing.B) {
			a := ip(peer)
			b.ReportAllocs()
			for b.Loop() {
				p.For(a)
			}
		})
	}
}
