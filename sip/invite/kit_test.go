package invite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"santral/base/golden"
	"santral/base/id"
	"santral/sip"
	"santral/sip/endpoint"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	ourFlow   = sip.Flow{Transport: sip.UDP, Local: netip.MustParseAddrPort("192.0.2.1:5060"), Remote: netip.MustParseAddrPort("192.0.2.2:5060")}
	otherFlow = sip.Flow{Transport: sip.UDP, Local: ourFlow.Local, Remote: netip.MustParseAddrPort("203.0.113.66:5060")}
)

// scene is one of our endpoints, one scripted peer, the wire between them, and the ladder of what
// passes. Everything runs in a synctest bubble.
type scene struct {
	*testing.T
	ep      *endpoint.Endpoint
	cfg     Config
	begun   time.Time
	inbox   chan *sip.Message // what we sent, as the peer takes it
	drop    func(*sip.Message) bool
	unsent  error                              // why nothing leaves
	offers  func(*Session, *endpoint.ServerTx) // serves new INVITEs
	handler func(Event)
	by      sip.Flow // how the peer's INVITE comes, where not by ourFlow
	dead    bool     // its connection

	mu      sync.Mutex
	ladder  strings.Builder
	session *Session
	invite  *sip.Message // the peer's, when it calls
	tag     string       // the peer's
	seq     int          // the peer's
	branch  int          // the peer's
	rseq    uint32       // the first of ours
}

// ladderTest runs a scene and compares its ladder with testdata/NAME.ladder.
func ladderTest(t *testing.T, f func(*scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &scene{T: t, begun: time.Now(), inbox: make(chan *sip.Message, 256), tag: "peer", seq: 100}
		s.ep = endpoint.New(endpoint.Config{
			Wire: s, User: s, Shards: 1, Random: id.New([32]byte{1}),
			Allow: []sip.Method{sip.INVITE, sip.ACK, sip.CANCEL, sip.BYE, sip.OPTIONS, sip.INFO, sip.REFER, sip.SUBSCRIBE, sip.PRACK, sip.UPDATE}, Extensions: []string{"100rel", "timer"},
		})
		func() {
			defer s.ep.Close(context.Background())
			f(s)
		}()
		synctest.Wait()
		golden.Compare(t, t.Name()+".ladder", s.ladder.String())
	})
}

// The wire: everything that we send reaches the peer at once, unless drop says otherwise.

func (s *scene) Way(hop sip.Hop) (sip.Flow, error) {
	if hop.Transport != sip.UDP {
		return sip.Flow{}, fmt.Errorf("no way to %v", hop)
	}
	return sip.Flow{Transport: sip.UDP, Local: ourFlow.Local, Remote: hop.Addr}, nil
}
func (s *scene) SentBy(sip.Flow) sip.HostPort { return sip.HostPort{Host: "192.0.2.1", Port: 5060} }
func (s *scene) Writer() endpoint.Writer      { return s }
func (s *scene) Alive(sip.Flow) bool          { return !s.dead }
func (s *scene) Flush()                       {}

func (s *scene) Send(f sip.Flow, b []byte, fail func(error)) {
	m, err := sip.ParseMessage(string(b))
	if err != nil {
		s.Errorf("we sent what cannot be parsed: %v\n%s", err, b)
		return
	}
	lost := s.unsent != nil || s.drop != nil && s.drop(m)
	s.note("->", m, f, lost)
	if s.unsent != nil && fail != nil {
		fail(s.unsent)
	}
	if !lost && f.Remote == ourFlow.Remote {
		s.inbox <- m
	}
}

// The ladder.

func (s *scene) line(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(&s.ladder, "%8.3f  ", time.Since(s.begun).Seconds())
	fmt.Fprintf(&s.ladder, format, args...)
	s.ladder.WriteByte('\n')
}

func (s *scene) note(dir string, m *sip.Message, f sip.Flow, lost bool) {
	var b strings.Builder
	if m.IsRequest() {
		fmt.Fprintf(&b, "%s %s", m.Method, m.RequestURI)
	} else {
		fmt.Fprintf(&b, "%d %s", m.Status, m.Reason)
	}
	fmt.Fprintf(&b, " (%s)", m.Get(sip.CSeqKind))
	if m.Body != "" {
		fmt.Fprintf(&b, " [%s]", m.Body)
	}
	if n, ok := m.RSeq(); ok {
		fmt.Fprintf(&b, " RSeq: %s", s.relative(dir, n))
	}
	if a, err := sip.ParseRAck(m.Get(sip.RAckKind)); err == nil {
		fmt.Fprintf(&b, " RAck: %s %d %s", s.relative(map[string]string{"->": "<-", "<-": "->"}[dir], a.RSeq), a.Seq, a.Method)
	}
	for _, k := range []sip.Kind{sip.Require, sip.Unsupported, sip.SessionExpiresKind, sip.MinSE, sip.RecvInfo, sip.ReasonKind, sip.RetryAfter} {
		if v := m.Get(k); v != "" {
			if k == sip.RetryAfter {
				v = "…" // it is random
			}
			fmt.Fprintf(&b, " %s: %s", k, v)
		}
	}
	if tag := m.ToTag(); !m.IsRequest() && dir == "<-" && tag != "peer" {
		fmt.Fprintf(&b, " tag=%s", tag)
	}
	if f.Remote != ourFlow.Remote {
		fmt.Fprintf(&b, " with %s", f.Remote)
	}
	if lost {
		b.WriteString(" LOST")
	}
	s.line("we %s peer  %s", dir, b.String())
}

// relative writes our own RSeq as its distance from the first, which is random.
func (s *scene) relative(dir string, n uint32) string {
	if dir == "<-" {
		return strconv.FormatUint(uint64(n), 10)
	}
	if s.rseq == 0 {
		s.rseq = n
	}
	return fmt.Sprintf("r%+d", int(n)-int(s.rseq))
}

// Handle notes what the session tells (Handler).
func (s *scene) Handle(e Event) {
	text := ""
	switch {
	case e.Err != nil:
		text = ": " + e.Err.Error()
	case e.Message != nil && e.Message.IsRequest():
		text = ": " + string(e.Message.Method)
	case e.Message != nil:
		text = ": " + strconv.Itoa(e.Message.Status)
	}
	s.line("      told  %s%s", e.Kind, text)
	if s.handler != nil {
		s.handler(e)
	}
}

// Our side.

// Serve takes a new INVITE (endpoint.User).
func (s *scene) Serve(shard *endpoint.Shard, tx *endpoint.ServerTx) {
	session, err := Serve(&s.cfg, tx, "<sip:us@192.0.2.1:5060>", s)
	if no := (*Refusal)(nil); errors.As(err, &no) {
		tx.Refuse(no.Status, "", no.Headers...)
		return
	}
	if err != nil {
		tx.Refuse(400, "")
		return
	}
	s.session = session
	if s.offers != nil {
		s.offers(session, tx)
	}
}

// we runs f on our shard and waits until it is done and everything has settled.
func (s *scene) we(f func(*Session)) {
	s.Helper()
	done := make(chan struct{})
	s.ep.Shard("call-1").Do(func() { f(s.session); close(done) })
	<-done
	synctest.Wait()
}

// call has us send an INVITE with a body.
func (s *scene) call(body string) *sip.Message {
	s.Helper()
	req := sip.NewRequest(sip.INVITE, "sip:bob@192.0.2.2:5060")
	req.Set(sip.From, "<sip:alice@192.0.2.1>;tag=ours")
	req.Set(sip.To, "<sip:bob@192.0.2.2>")
	req.Set(sip.CallID, "call-1")
	req.Set(sip.CSeqKind, "1 INVITE")
	req.SetBody(ContentType, body)
	shard := s.ep.Shard("call-1")
	s.we(func(*Session) {
		s.session = Connect(&s.cfg, shard, req, endpoint.Next{Flow: ourFlow, HasFlow: true}, func(*sip.Message, sip.Flow) string { return "<sip:us@192.0.2.1:5060>" }, s)
	})
	return s.take(sip.INVITE)
}

// The peer's side.

// take waits for the next message that reaches the peer; what is a method, or "" for any.
func (s *scene) take(what sip.Method) *sip.Message {
	s.Helper()
	select {
	case m := <-s.inbox:
		synctest.Wait() // we finish what we are doing before the peer goes on
		if what != "" && m.Method != what {
			s.Fatalf("the peer got\n%s\nwant %s\n%s", m, what, s.ladder.String())
		}
		return m
	case <-time.After(10 * time.Minute):
		s.Fatalf("nothing reached the peer, want %s\n%s", what, s.ladder.String())
	}
	return nil
}

// status waits for a response.
func (s *scene) status(code int) *sip.Message {
	s.Helper()
	for {
		m := s.take("")
		if m.Status == 100 && code != 100 {
			continue
		}
		if m.Status != code {
			s.Fatalf("the peer got\n%s\nwant %d\n%s", m, code, s.ladder.String())
		}
		return m
	}
}

// none makes sure that nothing reaches the peer for d.
func (s *scene) none(d time.Duration) {
	s.Helper()
	select {
	case m := <-s.inbox:
		s.Fatalf("the peer got\n%s\n%s", m, s.ladder.String())
	case <-time.After(d):
	}
}

func (s *scene) put(m *sip.Message, f sip.Flow) {
	s.note("<-", m, f, false)
	text, err := sip.ParseMessage(m.String())
	if err != nil {
		s.Fatalf("%v\n%s", err, m)
	}
	s.ep.Receive(sip.Inbound{Flow: f, Msg: text, Size: len(m.Body)})
	synctest.Wait()
}

// answer sends a response to a request of ours.
func (s *scene) answer(req *sip.Message, status int, tag, body string) {
	s.Helper()
	res := sip.NewResponse(req, status, "")
	if tag != "" {
		res.SetToTag(tag)
	}
	if req.Method == sip.INVITE && status > 100 && status < 300 {
		res.Add(sip.Contact, "<sip:bob@192.0.2.2:5060>")
	}
	res.SetBody(ContentType, body)
	s.put(res, ourFlow)
}

// calls has the peer send an INVITE.
func (s *scene) calls(body string, headers ...sip.Header) *sip.Message {
	s.Helper()
	s.seq++
	req := sip.NewRequest(sip.INVITE, "sip:us@192.0.2.1")
	req.Set(sip.ViaKind, s.via())
	req.Set(sip.MaxForwards, "70")
	req.Set(sip.From, "<sip:bob@192.0.2.2>;tag="+s.tag)
	req.Set(sip.To, "<sip:us@192.0.2.1>")
	req.Set(sip.CallID, "call-1")
	req.Set(sip.CSeqKind, strconv.Itoa(s.seq)+" INVITE")
	req.Set(sip.Contact, "<sip:bob@192.0.2.2:5060>")
	for _, h := range headers {
		req.Add(h.Kind, h.Value)
	}
	req.SetBody(ContentType, body)
	s.invite = req
	s.put(req, cmp.Or(s.by, ourFlow))
	return req
}

func (s *scene) via() string {
	s.branch++
	return "SIP/2.0/UDP 192.0.2.2:5060;rport;branch=z9hG4bK-" + strconv.Itoa(s.branch)
}

// within builds a request of the peer's within the dialog that m, a message of ours, belongs to.
func (s *scene) within(method sip.Method, m *sip.Message, body string) *sip.Message {
	s.seq++
	local, remote := m.Get(sip.To), m.Get(sip.From) // m is a request of ours: From is us
	if !m.IsRequest() {
		local, remote = m.Get(sip.From), m.Get(sip.To)
	}
	if m.IsRequest() && m.ToTag() == "" {
		local += ";tag=" + s.tag
	}
	req := sip.NewRequest(method, "sip:us@192.0.2.1:5060")
	req.Set(sip.ViaKind, s.via())
	req.Set(sip.MaxForwards, "70")
	req.Set(sip.From, local)
	req.Set(sip.To, remote)
	req.Set(sip.CallID, m.CallID())
	req.Set(sip.CSeqKind, strconv.Itoa(s.seq)+" "+string(method))
	if method == sip.INVITE {
		req.Set(sip.Contact, "<sip:bob@192.0.2.2:5060>")
	}
	req.SetBody(ContentType, body)
	return req
}

// ack acknowledges a final response of ours to the peer's INVITE.
func (s *scene) ack(req, res *sip.Message, body string) {
	s.Helper()
	seq, _ := req.CSeq()
	ack := sip.NewRequest(sip.ACK, "sip:us@192.0.2.1:5060")
	if res.Status < 300 {
		ack.Set(sip.ViaKind, s.via()+"-ack")
	} else {
		ack.Set(sip.ViaKind, req.Get(sip.ViaKind))
	}
	ack.Set(sip.MaxForwards, "70")
	ack.Set(sip.From, res.Get(sip.From))
	ack.Set(sip.To, res.Get(sip.To))
	ack.Set(sip.CallID, res.CallID())
	ack.Set(sip.CSeqKind, strconv.FormatUint(uint64(seq.Seq), 10)+" ACK")
	ack.SetBody(ContentType, body)
	s.put(ack, ourFlow)
}

// cancel cancels an INVITE of the peer's.
func (s *scene) cancel(req *sip.Message, headers ...sip.Header) {
	s.Helper()
	seq, _ := req.CSeq()
	c := sip.NewRequest(sip.CANCEL, req.RequestURI)
	for _, k := range []sip.Kind{sip.ViaKind, sip.MaxForwards, sip.From, sip.To, sip.CallID} {
		c.Set(k, req.Get(k))
	}
	c.Set(sip.CSeqKind, strconv.FormatUint(uint64(seq.Seq), 10)+" CANCEL")
	for _, h := range headers {
		c.Add(h.Kind, h.Value)
	}
	s.put(c, ourFlow)
}

// asks sends a request of the peer's within the dialog of m.
func (s *scene) asks(method sip.Method, m *sip.Message, body string) *sip.Message {
	s.Helper()
	req := s.within(method, m, body)
	s.put(req, ourFlow)
	return req
}

// established is a session that we called, with its ACK.
func (s *scene) established() (ack *sip.Message) {
	s.Helper()
	req := s.call("offer")
	s.answer(req, 200, "peer", "answer")
	return s.take(sip.ACK)
}

// served is a session that the peer called, acknowledged.
func (s *scene) served() (ok *sip.Message) {
	s.Helper()
	req := s.calls("offer")
	s.we(func(x *Session) { x.Accept("answer") })
	ok = s.status(200)
	s.ack(req, ok, "")
	return ok
}

// state is where our session stands.
func (s *scene) state() (st State) {
	s.we(func(x *Session) { st = x.State() })
	return st
}
