package server

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"santral/base/id"
	"santral/base/vnet"
	"santral/config"
	"santral/media"
	"santral/media/rtp"
	"santral/media/sdp"
	"santral/media/session"
	"santral/phone"
	"santral/sip"
	"santral/store"
	"santral/tenant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "a long secret"

// stage is the whole exchange, which can be written out and begun anew from the bytes, and phones that
// know nothing of it.
type stage struct {
	*testing.T
	ctx  context.Context
	net  *vnet.Network // nil: the kernel's
	boot *config.Boot
	x    *server
	seed byte

	tenants []*tenant.Tenant // nil: one with three lines
	texts   []Text           // documents that are read in place of tenants, and can be changed; nil for none
	media   session.Profile  // of phones that are switched on from now on
	formats []media.Format   // that they speak; nil for G.711
}

// virtually plays a scene on a virtual network in virtual time.
func virtually(t *testing.T, scene func(w *stage), documents ...Text) {
	synctest.Test(t, func(t *testing.T) {
		n := vnet.New(1)
		n.SetDefault(vnet.Link{Latency: 5 * time.Millisecond})
		kernel := network
		network = n.Host(netip.MustParseAddr("192.0.2.1"))
		defer func() { network = kernel }()
		w := newStage(t, netip.MustParseAddrPort("192.0.2.1:5060"))
		w.net, w.texts = n, documents
		w.play(scene)
	})
}

func newStage(t *testing.T, at netip.AddrPort) *stage {
	ctx, stop := context.WithTimeout(t.Context(), 4*time.Minute)
	t.Cleanup(stop)
	return &stage{T: t, ctx: ctx, boot: &config.Boot{
		Listen: []config.Listener{{Transport: "udp", Address: at}, {Transport: "tcp", Address: at}},
		Media:  config.Media{Address: at.Addr(), First: 21000, Last: 21099, DeadAfter: time.Minute},
		Data:   t.TempDir(),
		Digest: []string{"sha256", "md5"},
	}}
}

func (w *stage) play(scene func(w *stage)) {
	w.begin(nil)
	defer func() {
		w.x.drain()
		w.x.close()
	}()
	scene(w)
}

func (w *stage) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// begin starts an exchange from what another one wrote, nil for nothing.
func (w *stage) begin(text []byte) {
	w.Helper()
	log := slog.New(slog.NewTextHandler(w.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	s := &server{boot: w.boot, version: "test", random: id.Random(), log: log, heard: newHeard()}
	if text != nil {
		s.before = new(handover)
		w.must(json.Unmarshal(text, s.before))
	}
	line := func(number string) tenant.Account {
		return tenant.Account{Tenant: "sample", Kind: tenant.Line, Number: number, Channels: 1, Credential: tenant.Credential{Password: password}}
	}
	if w.tenants == nil {
		w.tenants = []*tenant.Tenant{{
			ID: "sample", Realm: "sample", Default: true, Music: []tenant.Tune{{Name: tenant.MusicDefault, Play: tenant.MusicNone}}, Accounts: []tenant.Account{line(ali), line(sara), line(omid)},
		}}
	}
	w.must(s.open(w.texts))
	if w.texts == nil {
		s.current.Store(tenant.NewSnapshot(1, w.tenants))
	}
	w.must(s.serve(nil))
	w.x = s
}

// Three lines, each with one channel.
const (
	ali  = "22000001"
	sara = "22000002"
	omid = "22000003"
)

// handOver has another exchange take over; every call must go on.
func (w *stage) handOver(meanwhile ...func()) {
	w.Helper()
	before := len(w.x.control.Calls(""))
	if n := w.change(meanwhile...); n != before {
		w.Fatalf("%d calls of %d go on", n, before)
	}
}

// change writes the exchange out, ends what can't be, closes its sockets, lets something happen while nobody
// is there, and begins another one from the bytes. It gives how many calls go on.
func (w *stage) change(meanwhile ...func()) int {
	w.Helper()
	text, err := json.Marshal(w.x.handOver(w.ctx))
	w.must(err)
	w.x.drain()
	w.x.close()
	for _, f := range meanwhile {
		f()
	}
	w.begin(text)
	return len(w.x.control.Calls(""))
}

// wait lets time pass.
func (w *stage) wait(d time.Duration) {
	select {
	case <-time.After(d):
	case <-w.ctx.Done():
		w.Fatal("the test takes too long")
	}
}

// record is the one record of all that happened, once the calls are over.
func (w *stage) record() store.CDR {
	w.Helper()
	page, _, err := w.x.records.CDRs(w.ctx, store.CDRFilter{}, "", 10)
	w.must(err)
	if len(page) != 1 {
		w.Fatalf("%d records instead of one: %+v", len(page), page)
	}
	if st := w.x.records.fold.Stats(); st.Strays+st.Unreadable+st.Interrupted != 0 || st.Open != 0 {
		w.Errorf("the fold is left with %+v", st)
	}
	report, err := w.x.records.ledger.Verify()
	w.must(err)
	if len(report.Damage) > 0 {
		w.Errorf("the ledger is damaged: %+v", report)
	}
	return page[0]
}

// free fails the test unless nothing is left of any call.
func (w *stage) free() {
	w.Helper()
	if n := w.x.control.Stats(); n.Live != 0 || n.Open != 0 {
		w.Errorf("calls are left: %+v", n)
	}
	if n := w.x.endpoint.Load().Stats(); n.Usages != 0 || n.Lost != 0 || n.Faults != 0 {
		w.Errorf("the endpoint is left with %+v", n)
	}
	if n := w.x.pool.Stats().Used; n != 0 {
		w.Errorf("%d pairs of ports are left", n)
	}
}

// party is a phone, with a witness of what reaches it.
type party struct {
	*phone.Phone
	*witness
	w *stage
}

// phone switches a phone on and registers it. host is its machine.
func (w *stage) phone(number string, host vnet.Net, listen netip.AddrPort, transport sip.Transport) *party {
	w.Helper()
	w.seed++
	p := &party{w: w, witness: &witness{Net: host}}
	var err error
	p.Phone, err = phone.New(w.ctx, phone.Config{
		Net: p.witness, Server: w.boot.Listen[0].Address.String(), Transport: transport, Listen: listen, User: number, Password: password,
		FirstPort: 23000 + 100*uint16(w.seed), LastPort: 23099 + 100*uint16(w.seed), Media: w.media, Formats: w.formats, Random: id.New([32]byte{w.seed}), Trace: p.witness,
	})
	w.must(err)
	w.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			w.Error(err)
		}
	})
	w.must(p.Register(w.ctx, time.Hour))
	return p
}

// pair is Ali and Sara on machines of their own.
func (w *stage) pair(transport sip.Transport) (a, b *party) {
	w.Helper()
	for _, p := range []struct {
		to           **party
		number, addr string
	}{{&a, ali, "192.0.2.11"}, {&b, sara, "192.0.2.12"}} {
		addr := netip.MustParseAddr(p.addr)
		*p.to = w.phone(p.number, w.net.Host(addr), netip.AddrPortFrom(addr, 5060), transport)
	}
	return a, b
}

// talk has a call b, who answers.
func (w *stage) talk(a, b *party, number string) (from, to *phone.Call) {
	w.Helper()
	from, err := a.Call(w.ctx, number)
	w.must(err)
	to, err = b.Answer(w.ctx)
	w.must(err)
	_, err = from.Wait(w.ctx, phone.Talks)
	w.must(err)
	w.hear(a, b)
	return from, to
}

// hear waits until each has heard a second's worth of the other.
func (w *stage) hear(list ...*party) {
	w.Helper()
	late := time.Now().Add(time.Minute)
	for _, p := range list {
		for goal := len(p.packets()) + 40; len(p.packets()) < goal; {
			if w.wait(rtp.FrameTime); time.Now().After(late) {
				w.Fatalf("the phone at %s has heard %d packets and no more; calls: %+v", p.Addr(), len(p.packets()), w.x.control.Calls(""))
			}
		}
	}
}

// ended waits until both sides are over.
func (w *stage) ended(calls ...*phone.Call) {
	w.Helper()
	for _, c := range calls {
		select {
		case <-c.Done():
		case <-w.ctx.Done():
			w.Fatal("a call does not end")
		}
	}
	w.wait(time.Second)
}

// live fails the test unless a call is still talked.
func (w *stage) live(calls ...*phone.Call) {
	w.Helper()
	for _, c := range calls {
		if s := c.State(); s != phone.Talking {
			w.Errorf("a call that goes on is %s", s)
		}
	}
}

// witness is a phone's network and its trace: it notes what comes.
type witness struct {
	vnet.Net

	mu    sync.Mutex
	heard []packet
	came  []*sip.Message
}

type packet struct {
	from netip.AddrPort
	ssrc uint32
	seq  uint16
}

// ListenUDP opens a socket that is listened to.
func (x *witness) ListenUDP(addr netip.AddrPort, opt vnet.Options) (vnet.UDP, error) {
	u, err := x.Net.ListenUDP(addr, opt)
	return &tapped{u, x}, err
}

type tapped struct {
	vnet.UDP
	x *witness
}

// ReadBatch notes RTP.
func (u *tapped) ReadBatch(d []vnet.Datagram) (int, error) {
	n, err := u.UDP.ReadBatch(d)
	u.x.mu.Lock()
	defer u.x.mu.Unlock()
	for _, p := range d[:max(n, 0)] {
		if rtp.Classify(p.B[:p.N]) != rtp.RTP {
			continue
		}
		if h, ok := rtp.Parse(p.B[:p.N]); ok {
			u.x.heard = append(u.x.heard, packet{p.Addr, h.SSRC, h.Seq})
		}
	}
	return n, err
}

// Received keeps a message (endpoint.Trace).
func (x *witness) Received(in sip.Inbound, _ time.Time) {
	x.mu.Lock()
	x.came = append(x.came, in.Msg)
	x.mu.Unlock()
}

// Sent is not kept.
func (x *witness) Sent(sip.Flow, string, []byte, time.Time) {}

// keys counts the keys that descriptions had.
func (x *witness) keys() (n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, m := range x.came {
		if m != nil {
			n += strings.Count(m.Body, "a=crypto:")
		}
	}
	return n
}

// packets is what was heard so far.
func (x *witness) packets() []packet {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]packet(nil), x.heard...)
}

// sound fails the test unless all packets from the begin-th on are of one source and one port, in order,
// with no more than gap missing in one place, and there are at least least.
func (p *party) sound(begin, least int, gap uint16) {
	p.w.Helper()
	list := p.packets()[begin:]
	if len(list) < least {
		p.w.Errorf("%d packets were heard, want at least %d", len(list), least)
		return
	}
	for i := 1; i < len(list); i++ {
		was, is := list[i-1], list[i]
		if is.from != was.from || is.ssrc != was.ssrc {
			p.w.Errorf("packet %d is of another source: %v after %v", i, is, was)
		}
		if step := is.seq - was.seq; step == 0 || step > gap+1 {
			p.w.Errorf("packet %d: number %d after %d", i, is.seq, was.seq)
		}
	}
}

// descriptions is every description that the exchange sent, with the CSeq of its message.
func (x *witness) descriptions(w *stage) (list []described) {
	w.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, m := range x.came {
		if m == nil || m.Body == "" || !strings.Contains(m.Get(sip.ContentType), "sdp") {
			continue
		}
		d, err := sdp.Parse(m.Body)
		w.must(err)
		seq, err := m.CSeq()
		w.must(err)
		list = append(list, described{request: m.IsRequest(), seq: seq.Seq, body: m.Body, origin: d.Origin})
	}
	return list
}

type described struct {
	request bool
	seq     uint32
	body    string
	origin  sdp.Origin
}

// orderly fails the test unless the exchange's descriptions are those of one session: the version rises by
// one when the text changes and never else (RFC 3264 §8), and its requests count on (RFC 3261 §12.2.1.1).
func (p *party) orderly() {
	p.w.Helper()
	list := p.descriptions(p.w)
	var last uint32
	for i, is := range list {
		if is.request {
			if last != 0 && is.seq != last && is.seq != last+1 {
				p.w.Errorf("CSeq %d after %d", is.seq, last)
			}
			last = is.seq
		}
		if i == 0 {
			continue
		}
		was := list[i-1]
		want := was.origin
		if is.body != was.body {
			n, err := strconv.ParseUint(want.Version, 10, 64)
			p.w.must(err)
			want.Version = strconv.FormatUint(n+1, 10)
		}
		if is.origin != want {
			p.w.Errorf("origin %+v after %+v", is.origin, was.origin)
		}
	}
	if len(list) < 2 {
		p.w.Errorf("only %d descriptions", len(list))
	}
}
