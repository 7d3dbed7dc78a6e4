package resolve

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"santral/base/id"
	"santral/base/vnet"
	"santral/sip"
	"santral/sip/siptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// zone is a domain that says everything of itself, and some that say less.
const zone = `
@                        60  IN SOA   ns.example. root.example. 1 3600 600 86400 30
full.example.            300 IN NAPTR 20 10 "s" "SIP+D2U"  "" _sip._udp.full.example.
full.example.            300 IN NAPTR 10 50 "S" "sip+d2t"  "" _sip._tcp.full.example.
full.example.            300 IN NAPTR 10 40 "s" "SIPS+D2T" "" _sips._tcp.full.example.
full.example.            300 IN NAPTR 5  10 "s" "SIP+D2S"  "" _sip._sctp.full.example.
full.example.            300 IN NAPTR 5  10 "u" "E2U+sip"  "!^.*$!sip:x@y!" .
full.example.            300 IN NAPTR 7  10 "s" "SIP+D2W"  "" _sip._ws.full.example.
_sip._udp.full.example.  300 IN SRV   10 0 5070 a.example.
_sip._tcp.full.example.  300 IN SRV   20 0 5072 b.example.
_sip._tcp.full.example.  300 IN SRV   10 0 5071 a.example.
_sips._tcp.full.example. 300 IN SRV   10 0 5081 a.example.
srv.example.             300 IN A     192.0.2.99
_sip._udp.srv.example.   300 IN SRV   10 0 5070 both.example.
_sip._tcp.srv.example.   300 IN SRV   10 0 5070 alias.example.
none.example.            300 IN A     192.0.2.98
_sip._udp.none.example.  300 IN SRV   0 0 0 .
_sip._tcp.none.example.  300 IN SRV   0 0 0 .
_sips._tcp.none.example. 300 IN SRV   0 0 0 .
a.example.               60  IN A     192.0.2.21
b.example.               60  IN A     192.0.2.22
both.example.            60  IN A     192.0.2.23
both.example.            60  IN A     192.0.2.24
both.example.            60  IN AAAA  2001:db8::23
six.example.             60  IN AAAA  2001:db8::26
alias.example.           20  IN CNAME other.example.
other.example.           600 IN CNAME a.example.
loop.example.            60  IN CNAME loop2.example.
loop2.example.           60  IN CNAME loop.example.
odd.example.             60  IN NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.nothing.example.
odd.example.             60  IN A     192.0.2.25
short.lan.example.       60  IN A     192.0.2.27
zero.example.            0   IN A     192.0.2.28
`

// world is a resolver with two name servers on a virtual network.
type world struct {
	*testing.T
	net    *vnet.Network
	host   *vnet.Host
	first  *siptest.Names
	second *siptest.Names
	r      *Resolver
}

// virtually plays a scene in virtual time, 5 ms from every name server.
func virtually(t *testing.T, change func(*Config), scene func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, net: vnet.New(1)}
		w.net.SetDefault(vnet.Link{Latency: 5 * time.Millisecond})
		w.host = w.net.Host(netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1"))
		start := func(addr string) *siptest.Names {
			at := netip.AddrPortFrom(netip.MustParseAddr(addr), 53)
			return siptest.StartNames(t, w.net.Host(at.Addr()), at, zone)
		}
		w.first, w.second = start("192.0.2.53"), start("2001:db8::53")
		cfg := Config{Net: w.host, Servers: []netip.AddrPort{w.first.Addr(), w.second.Addr()}, Random: id.New([32]byte{1})}
		if change != nil {
			change(&cfg)
		}
		w.r = New(cfg)
		scene(w)
		w.r.Close()
	})
}

// hops resolves a URI and prints what came of it.
func (w *world) hops(uri string) string {
	w.Helper()
	u, err := sip.ParseURI(uri)
	if err != nil {
		w.Fatal(err)
	}
	hops, err := w.r.Resolve(w.Context(), u)
	if err != nil {
		return "!" + err.Error()
	}
	return text(hops)
}

func text(hops []sip.Hop) string {
	var list []string
	for _, h := range hops {
		s := h.Transport.String() + " " + h.Addr.String()
		if h.Name != "" {
			s += "=" + h.Name
		}
		list = append(list, s)
	}
	return strings.Join(list, ", ")
}

// TestRFC3263 walks through §4.1 and §4.2: what a URI says itself goes first, then NAPTR, then SRV, then
// addresses.
func TestRFC3263(t *testing.T) {
	virtually(t, nil, func(w *world) {
		for _, c := range []struct{ uri, want string }{
			// NAPTR: the lowest order that we can, by preference, each with its SRV by priority.
			{"sip:x@full.example", "TLS 192.0.2.21:5081=full.example, TCP 192.0.2.21:5071, TCP 192.0.2.22:5072"},
			{"sips:x@full.example", "TLS 192.0.2.21:5081=full.example"},
			// A transport is asked for: no NAPTR.
			{"sip:x@full.example;transport=udp", "UDP 192.0.2.21:5070"},
			{"sip:x@full.example;transport=tls", "TLS 192.0.2.21:5081=full.example"},
			{"sips:x@full.example;transport=tcp", "TLS 192.0.2.21:5081=full.example"},
			// A port is given: a host.
			{"sip:x@srv.example:5099", "UDP 192.0.2.99:5099"},
			{"sips:x@srv.example:5099", "TLS 192.0.2.99:5099=srv.example"},
			{"sip:x@srv.example:5099;transport=tcp", "TCP 192.0.2.99:5099"},
			// No NAPTR: SRV for every transport of ours.
			{"sip:x@srv.example", "UDP 192.0.2.23:5070, UDP 192.0.2.24:5070, UDP [2001:db8::23]:5070, TCP 192.0.2.21:5070"},
			{"sip:x@SRV.Example.;transport=tcp", "TCP 192.0.2.21:5070"},
			// NAPTR that leads nowhere, and neither: addresses.
			{"sip:x@odd.example", "UDP 192.0.2.25:5060"},
			{"sip:x@both.example", "UDP 192.0.2.23:5060, UDP 192.0.2.24:5060, UDP [2001:db8::23]:5060"},
			{"sips:x@both.example", "TLS 192.0.2.23:5061=both.example, TLS 192.0.2.24:5061=both.example, TLS [2001:db8::23]:5061=both.example"},
			{"sip:x@alias.example", "UDP 192.0.2.21:5060"},
			{"sip:x@six.example", "UDP [2001:db8::26]:5060"},
			// maddr takes the host's place, but the certificate is for the URI's own.
			{"sips:x@y.example;maddr=192.0.2.7", "TLS 192.0.2.7:5061=y.example"},
			{"sip:x@y.example;maddr=full.example;transport=udp", "UDP 192.0.2.21:5070"},
			// What is not there.
			{"sip:x@none.example", "!resolve: " + ErrRefused.Error()},
			{"sip:x@nothing.example", "!resolve: nothing.example: " + ErrNoHost.Error()},
			{"sip:x@loop.example", "!resolve: loop.example: " + ErrAlias.Error() + "\n" + ErrAlias.Error()},
		} {
			if got := w.hops(c.uri); got != c.want {
				t.Errorf("%s:\n got %s\nwant %s", c.uri, got, c.want)
			}
		}
		if n := w.second.Asked("full.example. NAPTR"); n != 0 {
			t.Errorf("the second server was asked %d times though the first is well", n)
		}
	})
}

// Only what we can send by is chosen.
func TestTransportsAndFamiliesOfOurs(t *testing.T) {
	virtually(t, func(c *Config) {
		c.Have = func(tr sip.Transport, six bool) bool { return tr == sip.UDP && !six }
	}, func(w *world) {
		for uri, want := range map[string]string{
			"sip:x@full.example":       "UDP 192.0.2.21:5070",
			"sip:x@srv.example":        "UDP 192.0.2.23:5070, UDP 192.0.2.24:5070",
			"sip:x@six.example":        "!resolve: six.example: " + ErrNoHost.Error(),
			"sips:x@full.example":      "!resolve: " + ErrFamily.Error(),
			"sip:x@[2001:db8::9]:5070": "UDP [2001:db8::9]:5070", // the transport says why it can't
		} {
			if got := w.hops(uri); got != want {
				t.Errorf("%s: got %s, want %s", uri, got, want)
			}
		}
		if n := w.first.Asked("both.example. AAAA"); n != 0 {
			t.Error("addresses are asked for that nothing of ours reaches")
		}
	})
	virtually(t, func(c *Config) {
		c.Have = func(tr sip.Transport, six bool) bool { return tr == sip.TCP && six }
	}, func(w *world) {
		if got := w.hops("sip:x@six.example"); got != "TCP [2001:db8::26]:5060" {
			t.Error(got)
		}
	})
}

// TestWeights draws 20,000 times: shares follow the weights, priorities always hold, and a seed repeats all.
func TestWeights(t *testing.T) {
	records := []srv{{20, 1, 1, "later"}, {10, 60, 1, "much"}, {10, 0, 1, "hardly"}, {10, 20, 1, "some"}, {10, 20, 1, "too"}}
	run := func(seed byte) (first map[string]int, order string) {
		random, first := id.New([32]byte{seed}), map[string]int{}
		for range 20000 {
			list := draw(records, random)
			if len(list) != 5 || list[4].target != "later" {
				t.Fatalf("drawn %v", list)
			}
			first[list[0].target]++
			order += list[0].target[:1]
		}
		return first, order
	}
	first, order := run(1)
	for target, want := range map[string]int{"much": 12000, "some": 4000, "too": 4000, "hardly": 200} {
		if n := first[target]; n < want*9/10-100 || n > want*11/10+100 {
			t.Errorf("%s came first %d times, want about %d", target, n, want)
		}
	}
	if _, again := run(1); again != order {
		t.Error("the same seed draws otherwise")
	}
	if records[0].target != "later" {
		t.Error("the answer was changed")
	}
}

func TestTheCacheKeepsTheTTL(t *testing.T) {
	virtually(t, nil, func(w *world) {
		ask := func(want int, what string) {
			t.Helper()
			w.hops("sip:x@a.example:5060")
			if n := w.first.Asked("a.example. A"); n != want {
				t.Errorf("%s: asked %d times, want %d", what, n, want)
			}
		}
		ask(1, "at first")
		time.Sleep(50 * time.Second)
		ask(1, "while it holds")
		w.first.Set(strings.Replace(zone, "192.0.2.21", "192.0.2.31", 1))
		time.Sleep(11 * time.Second)
		if got := w.hops("sip:x@a.example:5060"); got != "UDP 192.0.2.31:5060" {
			t.Errorf("after its time: %s", got)
		}
		// Nothing is kept as long as the SOA says (30 s), an alias as long as its shortest part (20 s).
		for range 2 {
			w.hops("sip:x@nothing.example:5060")
			w.hops("sip:x@alias.example:5060")
			w.hops("sip:x@zero.example:5060")
		}
		for q, want := range map[string]int{"nothing.example. A": 1, "alias.example. A": 1, "zero.example. A": 2} {
			if n := w.first.Asked(q); n != want {
				t.Errorf("%s asked %d times, want %d", q, n, want)
			}
		}
		time.Sleep(25 * time.Second)
		w.hops("sip:x@nothing.example:5060")
		w.hops("sip:x@alias.example:5060")
		time.Sleep(6 * time.Second)
		w.hops("sip:x@nothing.example:5060")
		for q, want := range map[string]int{"nothing.example. A": 2, "alias.example. A": 2} {
			if n := w.first.Asked(q); n != want {
				t.Errorf("later, %s asked %d times, want %d", q, n, want)
			}
		}
	})
}

// Many who want one name at once ask once, when it is not known and when its time is nearly over.
func TestNoStampede(t *testing.T) {
	four := func(c *Config) { c.Have = func(_ sip.Transport, ipv6 bool) bool { return !ipv6 } }
	virtually(t, four, func(w *world) {
		many := func() {
			var all sync.WaitGroup
			for range 200 {
				all.Go(func() { w.hops("sip:x@a.example:5060") })
			}
			all.Wait()
			synctest.Wait()
		}
		many()
		if n := w.first.Asked("a.example. A"); n != 1 {
			t.Errorf("asked %d times by many at once", n)
		}
		time.Sleep(56 * time.Second)
		start := time.Now()
		many()
		if d := time.Since(start); d != 0 {
			t.Errorf("they waited %v for a renewal", d)
		}
		time.Sleep(time.Second)
		many()
		if n := w.first.Asked("a.example. A"); n != 2 {
			t.Errorf("asked %d times for a renewal, want once more", n)
		}
		time.Sleep(20 * time.Second) // the first answer would be over
		many()
		if n := w.first.Asked("a.example. A"); n != 2 {
			t.Errorf("asked %d times: the renewal was not kept", n)
		}
		if s := w.r.Stats(); s.Renewed != 1 || s.Shared == 0 {
			t.Errorf("%+v", s)
		}
		// A name that nobody needs any more is not renewed.
		time.Sleep(time.Hour)
		if n := w.first.Asked("a.example. A"); n != 2 {
			t.Errorf("asked %d times by nobody", n)
		}
	})
}

func TestTheCacheIsBounded(t *testing.T) {
	virtually(t, nil, func(w *world) {
		var all sync.WaitGroup
		for i := range maxEntries + 500 {
			all.Go(func() { w.r.get(w.Context(), question{fmt.Sprintf("n%d.example", i), typeA}) })
			if i%100 == 0 {
				all.Wait()
			}
		}
		all.Wait()
		if s := w.r.Stats(); s.Entries != maxEntries {
			t.Errorf("%d entries, want %d", s.Entries, maxEntries)
		}
		w.first.Mute(true)
		w.second.Mute(true)
		busy := 0
		var mu sync.Mutex
		for i := range maxFlights + 100 {
			all.Go(func() {
				if _, err := w.r.get(w.Context(), question{fmt.Sprintf("m%d.example", i), typeA}); errors.Is(err, ErrBusy) {
					mu.Lock()
					busy++
					mu.Unlock()
				}
			})
		}
		all.Wait()
		if busy != 100 {
			t.Errorf("%d were told that too many ask, want 100", busy)
		}
	})
}

// A server that is silent or says that it can't costs its time once; then it is asked last for a while.
func TestNameServersThatFail(t *testing.T) {
	virtually(t, nil, func(w *world) {
		w.first.Mute(true)
		start := time.Now()
		if got := w.hops("sip:x@a.example:5060"); got != "UDP 192.0.2.21:5060" {
			t.Error(got)
		}
		if d := time.Since(start); d < time.Second || d > 1100*time.Millisecond {
			t.Errorf("the second server's answer took %v", d)
		}
		start = time.Now()
		w.hops("sip:x@b.example:5060")
		if d := time.Since(start); d > 100*time.Millisecond {
			t.Errorf("the silent server was asked first again: %v", d)
		}
		w.second.Fail(dns.RcodeServerFailure)
		start = time.Now()
		got := w.hops("sip:x@both.example:5060")
		if !strings.Contains(got, "SERVFAIL") && !strings.Contains(got, "deadline") {
			t.Error(got)
		}
		if d := time.Since(start); d < 2*time.Second || d > 2200*time.Millisecond {
			t.Errorf("giving up took %v", d)
		}
		asked := w.second.Asked("both.example. A")
		w.hops("sip:x@both.example:5060") // at once again: the failure is remembered for a second
		if n := w.second.Asked("both.example. A"); n != asked {
			t.Error("a failure is tried again at once")
		}
		w.first.Mute(false)
		time.Sleep(slowFor + time.Second)
		if got := w.hops("sip:x@both.example:5060"); !strings.HasPrefix(got, "UDP 192.0.2.23:5060") {
			t.Errorf("after they came back: %s", got)
		}
	})
	virtually(t, nil, func(w *world) { // a server of the last century
		w.first.Fail(dns.RcodeFormatError)
		if got := w.hops("sip:x@a.example:5060"); got != "UDP 192.0.2.21:5060" {
			t.Error(got)
		}
		if n := w.first.Asked("a.example. A"); n != 2 {
			t.Errorf("asked %d times, want once with EDNS and once without", n)
		}
	})
	virtually(t, nil, func(w *world) { // whoever asked gives up
		w.first.Mute(true)
		w.second.Mute(true)
		ctx, stop := context.WithTimeout(w.Context(), 100*time.Millisecond)
		defer stop()
		start := time.Now()
		_, err := w.r.Resolve(ctx, sip.URI{Scheme: "sip", Host: "a.example"})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 100*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// What did not fit into a datagram is asked for over TCP.
func TestCutAnswers(t *testing.T) {
	virtually(t, nil, func(w *world) {
		var b strings.Builder
		b.WriteString(zone)
		for i := range 60 {
			fmt.Fprintf(&b, "_sip._udp.wide.example. 60 IN SRV %d 0 5060 a-long-name-of-a-server-%d.wide.example.\na-long-name-of-a-server-%d.wide.example. 60 IN A 198.51.100.%d\n", i, i, i, i+1)
		}
		w.first.Set(b.String())
		got := strings.Split(w.hops("sip:x@wide.example;transport=udp"), ", ")
		if len(got) != maxHops || got[0] != "UDP 198.51.100.1:5060" || got[15] != "UDP 198.51.100.16:5060" {
			t.Errorf("%d hops: %v", len(got), got)
		}
		if n := w.first.Connections(); n != 1 {
			t.Errorf("%d connections", n)
		}
		w.first.Cut()
		if got := w.hops("sip:x@b.example:5060"); got != "UDP 192.0.2.22:5060" {
			t.Error(got)
		}
	})
}

// Nobody but the server that was asked, about what it was asked, is believed.
func TestForgedAnswers(t *testing.T) {
	virtually(t, nil, func(w *world) {
		w.first.Mute(true)
		w.second.Mute(true)
		stranger, err := w.net.Host(netip.MustParseAddr("192.0.2.66")).ListenUDP(mustPort("192.0.2.66:53"), vnet.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer stranger.Close()
		forge := func(q *dns.Msg, name string, number uint16) []byte {
			m := new(dns.Msg).SetReply(q)
			m.Id = number
			m.Question[0].Name = name
			rr, _ := dns.NewRR(name + " 60 IN A 198.51.100.66")
			m.Answer = []dns.RR{rr}
			b, _ := m.Pack()
			return b
		}
		var forgeries []func()
		w.net.SetFilter(func(p vnet.Packet) bool {
			q := new(dns.Msg)
			if p.To != w.first.Addr() || q.Unpack(p.B) != nil {
				return true
			}
			from := p.From
			for number := range 3 {
				forgeries = append(forgeries, func() {
					switch number {
					case 0: // another source
						stranger.WriteTo(forge(q, "a.example.", q.Id), from)
					case 1: // another number
						w.first.Say(forge(q, "a.example.", q.Id+1), from)
					case 2: // another name
						w.first.Say(forge(q.Copy(), "b.example.", q.Id), from)
					}
				})
			}
			return true
		})
		go func() {
			time.Sleep(20 * time.Millisecond)
			w.net.SetFilter(nil)
			for _, f := range forgeries {
				f()
			}
		}()
		if got := w.hops("sip:x@a.example:5060"); !strings.HasPrefix(got, "!") {
			t.Errorf("a forgery was believed: %s", got)
		}
		if len(forgeries) == 0 {
			t.Error("nothing was forged")
		}
	})
}

func mustPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// The machine's own files are honoured, and read anew when they change.
func TestFiles(t *testing.T) {
	folder := t.TempDir()
	conf, hosts := filepath.Join(folder, "resolv.conf"), filepath.Join(folder, "hosts")
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(conf, "# a comment\nsearch lan.example\nnameserver 192.0.2.53\noptions timeout:1 attempts:1\n")
	write(hosts, "127.0.0.1 localhost\n192.0.2.77  pbx.example PBX # ours\n2001:db8::77 pbx.example\n")
	virtually(t, func(c *Config) { c.Servers, c.Conf, c.Hosts = nil, conf, hosts }, func(w *world) {
		for uri, want := range map[string]string{
			"sip:x@pbx.example":  "UDP 192.0.2.77:5060, UDP [2001:db8::77]:5060",
			"sip:x@pbx":          "UDP 192.0.2.77:5060",
			"sip:x@localhost":    "UDP 127.0.0.1:5060",
			"sip:x@short":        "UDP 192.0.2.27:5060",
			"sip:x@full.example": "TLS 192.0.2.21:5081=full.example, TCP 192.0.2.21:5071, TCP 192.0.2.22:5072",
		} {
			if got := w.hops(uri); got != want {
				t.Errorf("%s: got %s, want %s", uri, got, want)
			}
		}
		if n := w.first.Asked("pbx.example. NAPTR") + w.first.Asked("localhost. A"); n != 0 {
			t.Error("a name server was asked about a name of the house")
		}
		write(hosts, "192.0.2.78 pbx.example\n")
		time.Sleep(lookEvery)
		if got := w.hops("sip:x@pbx.example"); got != "UDP 192.0.2.78:5060" {
			t.Errorf("after a change: %s", got)
		}
		if err := os.Remove(hosts); err != nil {
			t.Fatal(err)
		}
		time.Sleep(lookEvery)
		if got := w.hops("sip:x@pbx.example"); !strings.Contains(got, ErrNoHost.Error()) {
			t.Errorf("without the file: %s", got)
		}
	})
}

// The same over real sockets, with a name server that is not ours.
func TestOverLoopback(t *testing.T) {
	mux := dns.NewServeMux()
	p := dns.NewZoneParser(strings.NewReader(zone), ".", "")
	records := map[string][]dns.RR{}
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		key := rr.Header().Name + dns.TypeToString[rr.Header().Rrtype]
		records[key] = append(records[key], rr)
	}
	mux.HandleFunc(".", func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		m.Answer = records[q.Question[0].Name+dns.TypeToString[q.Question[0].Qtype]]
		if q.Question[0].Qtype == dns.TypeSRV && w.RemoteAddr().Network() == "udp" {
			m.Answer, m.Truncated = nil, true
		}
		w.WriteMsg(m)
	})
	l, err := vnet.Real().ListenTCP(mustPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddrPort(l.Addr().String())
	ready := make(chan struct{}, 2)
	tell := func() { ready <- struct{}{} }
	servers := []*dns.Server{
		{Listener: l, Handler: mux, NotifyStartedFunc: tell},
		{Addr: at.String(), Net: "udp", Handler: mux, NotifyStartedFunc: tell},
	}
	var going sync.WaitGroup
	for _, s := range servers {
		going.Go(func() {
			if s.Listener != nil {
				s.ActivateAndServe()
			} else {
				s.ListenAndServe()
			}
		})
	}
	for range servers {
		select {
		case <-ready:
		case <-time.After(10 * time.Second):
			t.Fatal("the name server does not start")
		}
	}
	r := New(Config{Net: vnet.Real(), Servers: []netip.AddrPort{at}, Wait: 5 * time.Second})
	u, _ := sip.ParseURI("sip:x@full.example")
	hops, err := r.Resolve(t.Context(), u)
	if got := text(hops); err != nil || got != "TLS 192.0.2.21:5081=full.example, TCP 192.0.2.21:5071, TCP 192.0.2.22:5072" {
		t.Errorf("%s, %v", got, err)
	}
	r.Close()
	if _, err := r.Resolve(t.Context(), sip.URI{Scheme: "sip", Host: "six.example"}); err == nil {
		t.Error("a closed resolver asks")
	}
	for _, s := range servers {
		s.Shutdown()
	}
	going.Wait()
}

func FuzzConf(f *testing.F) {
	f.Add("nameserver 192.0.2.1\nsearch a b\noptions ndots:5 timeout:3 attempts:9\n")
	f.Add("options timeout:-1 ndots:99999999999\nnameserver ::1%eth0\ndomain .\n")
	f.Fuzz(func(t *testing.T, text string) {
		c := parseConf(text)
		if len(c.servers) == 0 || len(c.servers) > maxServers || c.wait < time.Second || c.wait > 30*time.Second || c.attempts < 1 || c.attempts > 5 || len(c.search) > maxSearch {
			t.Errorf("%+v", c)
		}
		if len(c.candidates("a.example")) == 0 {
			t.Error("no candidate")
		}
	})
}

func FuzzHosts(f *testing.F) {
	f.Add("127.0.0.1 localhost\n::1 localhost ip6-localhost # x\n")
	f.Fuzz(func(t *testing.T, text string) {
		for name, list := range parseHosts(text) {
			for _, a := range list {
				if !a.IsValid() {
					t.Errorf("%q: %v", name, a)
				}
			}
		}
	})
}
