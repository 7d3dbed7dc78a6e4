package sipleg

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"santral/base/golden"
	"santral/base/id"
	"santral/base/vnet"
	"santral/call"
	"santral/call/calltest"
	"santral/call/control"
	"santral/media/rtp"
	"santral/media/sdp"
	"santral/media/session"
	"santral/sip"
	"santral/sip/endpoint"
	"santral/sip/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Who is who in the ladders.
var names = map[string]string{
	"192.0.2.1": "exchange", "192.0.2.11": "A", "192.0.2.12": "B", "192.0.2.13": "C", "192.0.2.21": "friend", "192.0.2.22": "stranger", "203.0.113.66": "X",
}

// world is a virtual network with an exchange of real parts on it and scripted phones around.
type world struct {
	*testing.T
	net    *vnet.Network
	hosts  map[string]*vnet.Host
	house  *calltest.House
	begun  time.Time
	phones []*phone

	mu     sync.Mutex
	ladder strings.Builder
	quiet  bool
}

// exchange is what server makes of the wings, small.
type exchange struct {
	layer   *transport.Layer
	ep      *endpoint.Endpoint
	agent   *Agent
	control *control.Control
	pool    *rtp.Pool
}

// play runs f in a bubble, and compares what passed on the wire with testdata/NAME.ladder.
func play(t *testing.T, f func(*world, *exchange)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, net: vnet.New(1), hosts: map[string]*vnet.Host{}, house: calltest.New(), begun: time.Now()}
		w.net.SetDefault(vnet.Link{Latency: time.Millisecond})
		w.net.SetFilter(w.see)
		w.house.Account("101", 0, "sip:101@192.0.2.11:5060")
		w.house.Account("102", 0, "sip:102@192.0.2.12:5060")
		w.house.Account("103", 0, "sip:103@192.0.2.12:5060", "sip:103@192.0.2.13:5060")
		x := w.exchange("192.0.2.1", nil)
		func() {
			defer x.close()
			defer w.silence() // calls that a test leaves are ended behind the curtain
			w.scene(x, f)
			synctest.Wait() // what is said in this instant is still heard
		}()
		synctest.Wait()
		w.compare()
	})
}

// scene plays f and closes its phones.
func (w *world) scene(x *exchange, f func(*world, *exchange)) {
	defer func() {
		for _, p := range w.phones {
			p.close()
		}
	}()
	f(w, x)
}

func (w *world) host(addr string) *vnet.Host {
	h := w.hosts[addr]
	if h == nil {
		h = w.net.Host(netip.MustParseAddr(addr))
		w.hosts[addr] = h
	}
	return h
}

// exchange starts an exchange; state is an earlier one's, nil for none.
func (w *world) exchange(addr string, state *endpoint.State) *exchange {
	w.Helper()
	x := &exchange{}
	var err error
	host, local := w.host(addr), netip.MustParseAddr(addr)
	random := id.New([32]byte{7})
	x.pool, err = rtp.NewPool(rtp.Config{Net: host, Bind: []netip.Addr{local}, First: 10000, Last: 10199})
	w.must(err)
	x.layer, err = transport.Start(transport.Config{
		Net: host, Readers: 1,
		Listeners: []transport.Listener{
			{Transport: sip.UDP, Addr: netip.AddrPortFrom(local, 5060)},
			{Transport: sip.TCP, Addr: netip.AddrPortFrom(local, 5060)},
		},
		Handle: func(in sip.Inbound) { x.ep.Receive(in) },
	})
	w.must(err)
	x.agent = New(Config{
		Shard:     func(callID string) *endpoint.Shard { return x.ep.Shard(callID) },
		Media:     &session.Config{Pool: x.pool, Random: random},
		Random:    random,
		Door:      door{},
		UserAgent: "Santral",
	})
	x.ep = endpoint.New(endpoint.Config{
		Fault: func(v any, stack []byte) { w.Errorf("fault in the exchange: %v\n%s", v, stack) },
		Wire:  wire{x.layer}, User: x.agent, Shards: 1, Random: random, State: state, Server: "Santral",
		Allow: []sip.Method{sip.INVITE, sip.ACK, sip.CANCEL, sip.BYE, sip.OPTIONS, sip.INFO, sip.MESSAGE, sip.PRACK, sip.UPDATE, sip.REFER, sip.SUBSCRIBE}, Extensions: append(slices.Clone(Extensions), HouseExtensions...),
	})
	x.control = control.New(control.Config{
		Router: w.house, Contacts: w.house, Channels: w.house, Ledger: w.house, Dialer: x.agent, RingTime: 30 * time.Second, Random: random,
		Pickup: func(who call.Party, account string) bool { return who.Account == "103" && account == "102" },
	})
	x.agent.Open(x.control)
	return x
}

func (x *exchange) close() {
	now, cancel := context.WithCancel(context.Background())
	cancel()
	x.control.Drain(now)
	x.layer.Close()
	x.ep.Close(context.Background())
	x.pool.Close()
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

type wire struct{ *transport.Layer }

func (w wire) Writer() endpoint.Writer { return w.Layer.Writer() }

// door knows phones by their address; all others are challenged.
type door struct{}

func (door) Identify(req *sip.Message, flow sip.Flow) (call.Party, *sip.Message) {
	last := flow.Remote.Addr().As4()
	if flow.Remote.Addr().String()[:8] != "192.0.2." {
		res := sip.NewResponse(req, 401, "")
		res.Add(sip.WWWAuthenticate, `Digest realm="test", nonce="n", qop="auth"`)
		return call.Party{}, res
	}
	p := calltest.Party("1" + fmt.Sprintf("%02d", last[3]-10))
	p.Source = flow.Remote
	return p, nil
}

// The ladder.

func (w *world) see(p vnet.Packet) bool {
	if len(p.B) == 0 || p.B[0] < 'A' {
		return true // sound
	}
	m, err := sip.ParseMessage(string(p.B))
	if err != nil {
		return true
	}
	var b strings.Builder
	if m.IsRequest() {
		fmt.Fprintf(&b, "%s %s", m.Method, m.RequestURI)
	} else {
		fmt.Fprintf(&b, "%d %s", m.Status, m.Reason)
	}
	seq, _ := m.CSeq()
	if !m.IsRequest() || m.Method == sip.ACK {
		fmt.Fprintf(&b, " (%s)", seq.Method)
		if m.IsRequest() {
			b.Reset()
			fmt.Fprintf(&b, "ACK %s", m.RequestURI)
		}
	}
	for _, k := range []sip.Kind{sip.MaxForwards, sip.Require, sip.PAssertedIdentity, sip.Privacy, sip.ReasonKind, sip.WarningKind, sip.ReferTo, sip.ReferredBy, sip.ReplacesKind, sip.ReferSub, sip.Event, sip.SubscriptionState} {
		if v := m.Get(k); v != "" && (k != sip.MaxForwards || m.Method == sip.INVITE) && (k != sip.PAssertedIdentity || m.IsRequest()) {
			fmt.Fprintf(&b, "\n                          %s: %s", k, v)
		}
	}
	if m.Body != "" {
		fmt.Fprintf(&b, "\n                          %s", brief(m))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.quiet {
		fmt.Fprintf(&w.ladder, "%8.3f  %8s -> %-8s  %s\n", time.Since(w.begun).Seconds(), names[p.From.Addr().String()], names[p.To.Addr().String()], b.String())
	}
	return true
}

// brief is a body in a few words.
func brief(m *sip.Message) string {
	d, err := sdp.Parse(m.Body)
	if err != nil {
		return fmt.Sprintf("%s %q", m.Get(sip.ContentType), m.Body)
	}
	var parts []string
	for i := range d.Media {
		l := &d.Media[i]
		at, _ := l.Addr(d)
		parts = append(parts, fmt.Sprintf("[%s %s %s]", l.Kind, at, l.Direction(d)))
	}
	return strings.Join(parts, " ")
}

func (w *world) compare() {
	w.Helper()
	name, got := w.Name()+".ladder", w.ladder.String()
	if want, err := os.ReadFile(filepath.Join("testdata", name)); err == nil && settled(string(want)) == settled(got) {
		return
	}
	golden.Compare(w, name, got)
}

// settled is a ladder in which what passes between several pairs in one moment, which has no order that would be
// the same in every run, is told pair by pair.
func settled(ladder string) string {
	var rungs []string
	for line := range strings.Lines(ladder) {
		if n := len(rungs); n > 0 && strings.HasPrefix(line, "          ") { // more of the last one
			rungs[n-1] += line
			continue
		}
		rungs = append(rungs, line)
	}
	key := func(rung string) string {
		f := strings.Fields(rung)
		if len(f) < 4 {
			return rung
		}
		return fmt.Sprintf("%10s", f[0]) + min(f[1], f[3]) + max(f[1], f[3])
	}
	slices.SortStableFunc(rungs, func(a, b string) int { return strings.Compare(key(a), key(b)) })
	return strings.Join(rungs, "")
}

// silence stops the ladder: what follows is told elsewhere.
func (w *world) silence() {
	w.mu.Lock()
	w.quiet = true
	w.mu.Unlock()
}
