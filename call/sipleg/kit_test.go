package sipleg

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
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
	"santral/sip/dialog"
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
	net   *vnet.Network
	hosts map[string]*vnet.Host
	house *calltest.House
	begun time.Time

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
			f(w, x)
			synctest.Wait() // what is said in this instant is still heard
		}()
		synctest.Wait()
		w.compare()
	})
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
	golden.Compare(w, w.Name()+".ladder", w.ladder.String())
}

// silence stops the ladder: what follows is told elsewhere.
func (w *world) silence() {
	w.mu.Lock()
	w.quiet = true
	w.mu.Unlock()
}

// phone is a scripted telephone over UDP. Its test says every message.
type phone struct {
	w       *world
	addr    string
	peer    string // whom it sends to: the exchange
	number  string
	sock    vnet.UDP
	conn    net.Conn // instead of sock: over TCP
	in      chan *sip.Message
	done    chan struct{}
	d       *dialog.Dialog
	req     *sip.Message // our INVITE, or the one that rang us
	branch  int
	heardID string // the last Session-ID that came
	sdp     string
}

func (w *world) phone(addr, number string) *phone {
	w.Helper()
	sock, err := w.host(addr).ListenUDP(netip.AddrPortFrom(netip.MustParseAddr(addr), 5060), vnet.Options{})
	w.must(err)
	p := &phone{w: w, addr: addr, peer: "192.0.2.1", number: number, sock: sock, in: make(chan *sip.Message, 64), done: make(chan struct{}), sdp: audio(addr, 4000, "sendrecv")}
	go func() {
		defer close(p.done)
		for {
			var d [1]vnet.Datagram
			d[0].B = make([]byte, 65536)
			if _, err := sock.ReadBatch(d[:]); err != nil {
				return
			}
			if m, err := sip.ParseMessage(string(d[0].B[:d[0].N])); err == nil {
				p.in <- m
			}
		}
	}()
	return p
}

// over has the phone speak over a connection. Messages come one at a time in these scenes.
func (p *phone) over(conn net.Conn) {
	p.conn, p.in, p.done = conn, make(chan *sip.Message, 64), make(chan struct{})
	go func() {
		defer close(p.done)
		text, b := "", make([]byte, 65536)
		for {
			n, err := conn.Read(b)
			if err != nil {
				return
			}
			text += string(b[:n])
			for {
				end := strings.Index(text, "\r\n\r\n")
				if end < 0 {
					break
				}
				var m sip.Message
				head := end + 4
				length, err := sip.ParseHead(text[:head], &m, &sip.DefaultLimits)
				if err != nil || len(text) < head+length {
					break
				}
				if whole, err := sip.ParseMessage(text[:head+length]); err == nil {
					p.in <- whole
				}
				text = text[head+length:]
			}
		}
	}()
}

func (p *phone) close() {
	p.sock.Close()
	<-p.done
}

// audio is an everyday description.
func audio(addr string, port int, dir string) string {
	return "v=0\r\no=- 1 1 IN IP4 " + addr + "\r\ns=-\r\nc=IN IP4 " + addr + "\r\nt=0 0\r\nm=audio " + strconv.Itoa(port) +
		" RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=" + dir + "\r\n"
}

func (p *phone) send(m *sip.Message) {
	p.w.Helper()
	if p.conn != nil {
		_, err := p.conn.Write([]byte(m.String()))
		p.w.must(err)
		return
	}
	p.w.must(p.sock.WriteTo([]byte(m.String()), netip.AddrPortFrom(netip.MustParseAddr(p.peer), 5060)))
}

func (p *phone) via() string {
	p.branch++
	transport := "UDP"
	if p.conn != nil {
		transport = "TCP"
	}
	return "SIP/2.0/" + transport + " " + p.addr + ":5060;rport;branch=z9hG4bK" + p.number + "x" + strconv.Itoa(p.branch)
}

func (p *phone) contact() string { return "<sip:" + p.number + "@" + p.addr + ":5060>" }

// invite calls a number; more changes the request before it is sent.
func (p *phone) invite(number, body string, more ...func(*sip.Message)) *sip.Message {
	req := sip.NewRequest(sip.INVITE, "sip:"+number+"@192.0.2.1")
	req.Set(sip.ViaKind, p.via())
	req.Set(sip.MaxForwards, "70")
	req.Set(sip.From, "\"Somebody\" <sip:"+p.number+"@192.0.2.1>;tag=from"+p.number+strconv.Itoa(p.branch))
	req.Set(sip.To, "<sip:"+number+"@192.0.2.1>")
	req.Set(sip.CallID, "call"+strconv.Itoa(p.branch)+"@"+p.addr)
	req.Set(sip.CSeqKind, "10 INVITE")
	req.Set(sip.Contact, p.contact())
	req.Set(sip.UserAgent, "Phone "+p.number)
	req.SetBody("application/sdp", body)
	for _, f := range more {
		f(req)
	}
	p.req = req
	p.send(req)
	return req
}

// get waits for the next message that is not a 100.
func (p *phone) get() *sip.Message {
	p.w.Helper()
	for {
		select {
		case m := <-p.in:
			if m.Status != 100 {
				p.heardID = m.Get(sip.SessionID)
				return m
			}
		case <-time.After(10 * time.Minute):
			p.w.Fatalf("nothing reached %s\n%s", p.number, p.w.ladder.String())
		}
	}
}

func (p *phone) want(method sip.Method) *sip.Message {
	p.w.Helper()
	m := p.get()
	if m.Method != method {
		p.w.Fatalf("%s got\n%s\nwant %s\n%s", p.number, m, method, p.w.ladder.String())
	}
	return m
}

func (p *phone) status(code int) *sip.Message {
	p.w.Helper()
	m := p.get()
	if m.Status != code {
		p.w.Fatalf("%s got\n%s\nwant %d\n%s", p.number, m, code, p.w.ladder.String())
	}
	return m
}

// none makes sure that nothing reaches the phone for d.
func (p *phone) none(d time.Duration) {
	p.w.Helper()
	select {
	case m := <-p.in:
		p.w.Fatalf("%s got\n%s\n%s", p.number, m, p.w.ladder.String())
	case <-time.After(d):
	}
}

// rings waits for a call and answers it 180.
func (p *phone) rings() *sip.Message {
	p.w.Helper()
	p.req = p.want(sip.INVITE)
	p.reply(p.req, 180, "")
	return p.req
}

// reply answers a request.
func (p *phone) reply(req *sip.Message, status int, body string, headers ...sip.Header) {
	res := sip.NewResponse(req, status, "")
	res.SetToTag("tag" + p.number)
	if req.Method == sip.INVITE {
		res.Set(sip.Contact, p.contact())
	}
	for _, h := range headers {
		res.Add(h.Kind, h.Value)
	}
	res.SetBody("application/sdp", body)
	if req.Method == sip.INVITE && status >= 200 && status < 300 && p.d == nil {
		d, err := dialog.FromRequest(req, "tag"+p.number)
		p.w.must(err)
		p.d = d
	}
	p.send(res)
}

// picksUp answers the call that rings and waits for the ACK.
func (p *phone) picksUp() *sip.Message {
	p.w.Helper()
	p.reply(p.req, 200, p.sdp)
	return p.want(sip.ACK)
}

// answered waits for the 200 to the phone's call and acknowledges it.
func (p *phone) answered(body string) *sip.Message {
	p.w.Helper()
	ok := p.status(200)
	seq, _ := p.req.CSeq()
	if p.d != nil && p.d.RemoteTag == ok.ToTag() {
		p.d.Confirm(ok)
	} else {
		d, err := dialog.FromResponse(p.req, ok)
		p.w.must(err)
		p.d = d
	}
	p.ack(seq.Seq, body)
	return ok
}

func (p *phone) ack(seq uint32, body string) {
	ack := p.d.Ack(seq)
	ack.Prepend(sip.ViaKind, p.via())
	ack.SetBody("application/sdp", body)
	p.send(ack)
}

// refused acknowledges a refusal of the phone's INVITE.
func (p *phone) refused(req, res *sip.Message) {
	ack := sip.NewRequest(sip.ACK, req.RequestURI)
	for _, k := range []sip.Kind{sip.ViaKind, sip.MaxForwards, sip.From, sip.CallID} {
		ack.Set(k, req.Get(k))
	}
	ack.Set(sip.To, res.Get(sip.To))
	seq, _ := req.CSeq()
	ack.Set(sip.CSeqKind, strconv.Itoa(int(seq.Seq))+" ACK")
	p.send(ack)
}

// asks sends a request within the phone's dialog.
func (p *phone) asks(method sip.Method, body string) *sip.Message {
	req := p.d.Request(method)
	req.Prepend(sip.ViaKind, p.via())
	if method == sip.INVITE {
		req.Set(sip.Contact, p.contact())
	}
	req.SetBody("application/sdp", body)
	p.send(req)
	return req
}

// talking sets up a call between two phones.
func talking(w *world, from, to *phone) {
	w.Helper()
	from.invite(to.number, from.sdp)
	to.rings()
	from.status(180)
	to.picksUp()
	from.answered("")
	from.none(100 * time.Millisecond)
}

// ringing makes the phone's dialog out of a provisional answer.
func (p *phone) ringing(res *sip.Message) {
	p.w.Helper()
	if p.d == nil {
		d, err := dialog.FromResponse(p.req, res)
		p.w.must(err)
		p.d = d
	}
}

// begins makes the dialog of a phone that rings.
func (p *phone) begins() {
	p.w.Helper()
	d, err := dialog.FromRequest(p.req, "tag"+p.number)
	p.w.must(err)
	p.d = d
}
