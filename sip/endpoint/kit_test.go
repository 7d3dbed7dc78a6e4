package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"santral/base/id"
	"santral/sip"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	us    = netip.MustParseAddrPort("192.0.2.1:5060")
	alice = sip.Flow{Transport: sip.UDP, Local: us, Remote: netip.MustParseAddrPort("192.0.2.10:5060")}
	bob   = sip.Flow{Transport: sip.UDP, Local: us, Remote: netip.MustParseAddrPort("192.0.2.20:5060")}
)

func onTCP(f sip.Flow, conn uint64) sip.Flow {
	f.Transport, f.Conn = sip.TCP, conn
	return f
}

// paper is a wire that writes down what is sent.
type paper struct {
	mu      sync.Mutex
	start   time.Time
	lines   []string
	texts   []string
	failing map[sip.Flow]error
	tcp     map[netip.AddrPort]uint64 // connections by peer; 0 is one that is still being opened
}

func (p *paper) Way(hop sip.Hop) (sip.Flow, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := sip.Flow{Transport: hop.Transport, Local: us, Remote: hop.Addr}
	if hop.Transport.Stream() {
		conn, ok := p.tcp[hop.Addr]
		if !ok {
			return f, errors.New("no listener for it")
		}
		f.Conn = conn
	}
	return f, nil
}

func (p *paper) SentBy(sip.Flow) sip.HostPort { return sip.HostPort{Host: "192.0.2.1", Port: 5060} }
func (p *paper) Alive(sip.Flow) bool          { return true }
func (p *paper) Writer() Writer               { return p }
func (p *paper) Flush()                       {}

func (p *paper) Send(f sip.Flow, b []byte, fail func(error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.failing[f]; err != nil {
		if fail != nil {
			go fail(err)
		}
		return
	}
	if conn, ok := p.tcp[f.Remote]; f.Transport.Stream() && ok && conn == 0 && fail != nil {
		// Nobody connects: a long request comes back after a second.
		time.AfterFunc(time.Second, func() {
			p.mu.Lock()
			up := p.tcp[f.Remote] != 0
			p.mu.Unlock()
			if !up {
				fail(errTest)
			}
		})
	}
	first, _, _ := strings.Cut(string(b), "\r\n")
	who := f.Remote.String()
	switch f.Remote {
	case alice.Remote:
		who = "alice"
	case bob.Remote:
		who = "bob"
	}
	if f.Transport != sip.UDP {
		who += "/" + f.Transport.String()
	}
	p.lines = append(p.lines, fmt.Sprintf("%.3f %s %s", time.Since(p.start).Seconds(), who, first))
	p.texts = append(p.texts, string(b))
}

// fail makes what is sent on a flow fail from now on.
func (p *paper) fail(f sip.Flow) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failing[f] = errTest
}

// connect tells what Way finds for TCP to a peer: connection number conn, 0 while it is being opened.
func (r *rig) connect(f sip.Flow, conn uint64) {
	r.paper.mu.Lock()
	defer r.paper.mu.Unlock()
	r.paper.tcp[f.Remote] = conn
}

// rig is an endpoint on paper, inside a bubble of virtual time.
type rig struct {
	t     *testing.T
	e     *Endpoint
	paper *paper
	serve func(*Shard, *ServerTx)
}

func (r *rig) Serve(s *Shard, tx *ServerTx) {
	if r.serve != nil {
		r.serve(s, tx)
	}
}

// play runs a test in virtual time with an endpoint on paper.
func play(t *testing.T, change func(*Config), test func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, change)
		test(r)
		if err := r.e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func newRig(t *testing.T, change func(*Config)) *rig {
	r := &rig{t: t, paper: &paper{start: time.Now(), failing: map[sip.Flow]error{}, tcp: map[netip.AddrPort]uint64{}}}
	cfg := Config{
		Wire: r.paper, Shards: 2, Random: id.New([32]byte{7}), User: r,
		Allow:      []sip.Method{sip.INVITE, sip.ACK, sip.BYE, sip.CANCEL, sip.OPTIONS, sip.REGISTER, sip.INFO},
		Extensions: []string{"timer"},
	}
	if change != nil {
		change(&cfg)
	}
	r.e = New(cfg)
	return r
}

// get lets a message arrive.
func (r *rig) get(f sip.Flow, text string) {
	m, err := sip.ParseMessage(text)
	r.e.Receive(sip.Inbound{Flow: f, Msg: m, Err: err, Size: len(text)})
}

// wait lets everything happen for d.
func (r *rig) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// sends compares what was sent since the last time with lines of "seconds who first-line".
func (r *rig) sends(want ...string) {
	r.t.Helper()
	synctest.Wait()
	r.paper.mu.Lock()
	defer r.paper.mu.Unlock()
	got, exp := strings.Join(r.paper.lines, "\n"), strings.Join(want, "\n")
	if got != exp {
		r.t.Errorf("sent\n%s\nwant\n%s", got, exp)
	}
	r.paper.lines, r.paper.texts = nil, nil
}

// last is the text that was sent last.
func (r *rig) last() *sip.Message {
	r.t.Helper()
	synctest.Wait()
	r.paper.mu.Lock()
	defer r.paper.mu.Unlock()
	if len(r.paper.texts) == 0 {
		r.t.Fatal("nothing was sent")
	}
	m, err := sip.ParseMessage(r.paper.texts[len(r.paper.texts)-1])
	if err != nil {
		r.t.Fatalf("we sent what cannot be parsed: %v\n%s", err, r.paper.texts[len(r.paper.texts)-1])
	}
	return m
}

// on runs f on the shard of a Call-ID and waits until it has run.
func (r *rig) on(callID string, f func(s *Shard)) {
	s := r.e.Shard(callID)
	done := make(chan struct{})
	s.Do(func() { f(s); close(done) })
	<-done
}

// text makes a request from alice; pairs replace parts of it.
func text(method sip.Method, pairs ...string) string {
	return strings.NewReplacer(pairs...).Replace(string(method) + " sip:bob@example.com SIP/2.0\r\n" +
		"Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-one;rport\r\n" +
		"Max-Forwards: 70\r\n" +
		"To: <sip:bob@example.com>\r\n" +
		"From: <sip:alice@example.com>;tag=a1\r\n" +
		"Call-ID: call-1\r\n" +
		"CSeq: 1 " + string(method) + "\r\n" +
		"Content-Length: 0\r\n\r\n")
}

// request makes a request of ours.
func request(method sip.Method) *sip.Message {
	m := sip.NewRequest(method, "sip:bob@192.0.2.20")
	m.Add(sip.From, "<sip:alice@example.com>;tag=ours")
	m.Add(sip.To, "<sip:bob@example.com>")
	m.Add(sip.CallID, "call-1")
	m.Add(sip.CSeqKind, "1 "+string(method))
	return m
}

// reply makes the response of the peer to what we sent last.
func (r *rig) reply(req *sip.Message, status int, tag string) string {
	res := sip.NewResponse(req, status, "")
	if tag != "" {
		res.SetToTag(tag)
	}
	return res.String()
}

// told collects what a client transaction told its user.
type told struct {
	mu   sync.Mutex
	list []string
	res  *sip.Message
}

func (d *told) h(ev ClientEvent) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ev.Err != nil {
		d.list = append(d.list, ev.Err.Error())
		return
	}
	d.list = append(d.list, fmt.Sprint(ev.Response.Status))
	d.res = ev.Response
}

func (d *told) is(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if fmt.Sprint(d.list) != fmt.Sprint(want) {
		t.Errorf("the user was told %q, want %q", d.list, want)
	}
}

// lives checks what is left in the tables.
func (r *rig) lives(servers, clients int) {
	r.t.Helper()
	synctest.Wait()
	if s := r.e.Stats(); s.Servers != servers || s.Clients != clients {
		r.t.Errorf("%d server and %d client transactions live, want %d and %d", s.Servers, s.Clients, servers, clients)
	}
}

// ask is a request of ours to bob.
func (r *rig) ask(method sip.Method, to Next) (*ClientTx, *told) {
	d := new(told)
	var tx *ClientTx
	r.on("call-1", func(s *Shard) { tx = s.Request(request(method), to, d.h) })
	return tx, d
}

var toBob = Next{Flow: bob, HasFlow: true}

var errTest = errors.New("broken for the test")

func mustAddr(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// throughJSON writes a value out and reads it back.
func throughJSON[T any](t *testing.T, v T) (out T) {
	t.Helper()
	b, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}
