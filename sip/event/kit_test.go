package event

import (
	"context"
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
	phoneFlow = sip.Flow{Transport: sip.UDP, Local: netip.MustParseAddrPort("192.0.2.1:5060"), Remote: netip.MustParseAddrPort("192.0.2.2:5060")}
	otherFlow = sip.Flow{Transport: sip.UDP, Local: phoneFlow.Local, Remote: netip.MustParseAddrPort("203.0.113.66:5060")}
)

// scene is a notifier with one package, "weather", one scripted phone, and the ladder of what passes between
// them. Everything runs in a synctest bubble.
type scene struct {
	*testing.T
	ep     *endpoint.Endpoint
	n      *Notifier
	pkg    *Package
	begun  time.Time
	inbox  chan *sip.Message // what we sent, as the phone takes it
	drop   func(*sip.Message) bool
	dead   bool   // the phone's connection
	gone   bool   // what is sent by a connection is lost, as the transport says
	at     string // the URI of the phone's Contact, "" for where it sends from
	group  Group
	branch int
	seq    int

	mu     sync.Mutex
	ladder strings.Builder
	sky    string // the state
	over   int    // subscriptions that ended
}

func build(t *testing.T, limits Limits) *scene {
	s := &scene{T: t, begun: time.Now(), inbox: make(chan *sip.Message, 4096), sky: "sunny"}
	s.pkg = &Package{Name: "weather", Types: []string{"text/plain", "text/html"}, Expires: 3600, Min: 60, Max: 7200, Open: s.open}
	s.ep = endpoint.New(endpoint.Config{
		Wire: s, User: s, Shards: 2, Random: id.New([32]byte{1}), Allow: []sip.Method{sip.SUBSCRIBE, sip.NOTIFY, sip.INFO},
	})
	s.n = NewNotifier(Config{Packages: []*Package{s.pkg}, Shard: s.ep.Shard, Limits: limits})
	return s
}

// ladderTest runs a scene and compares its ladder with testdata/NAME.ladder.
func ladderTest(t *testing.T, f func(*scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := build(t, Limits{})
		func() {
			defer func() { s.ep.Close(context.Background()) }()
			f(s)
		}()
		synctest.Wait()
		golden.Compare(t, t.Name()+".ladder", s.ladder.String())
	})
}

// The package: one resource, sip:sky@…, whose state is a word.

func (s *scene) open(sub *Subscription) (Source, *Refusal) {
	if !strings.Contains(sub.Request().URI, "sky@") {
		return nil, &Refusal{Status: 404}
	}
	return &look{s: s, m: s.group.Join(sub.Shard(), sub.Changed)}, nil
}

type look struct {
	s *scene
	m *Member
}

func (l *look) State(sub *Subscription, full bool) Body {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	return Body{Type: sub.Request().Type, Head: l.s.sky + " ", Tail: fmt.Sprintf(" full=%v", full)}
}

func (l *look) Over(*Subscription) {
	l.m.Leave()
	l.s.mu.Lock()
	l.s.over++
	l.s.mu.Unlock()
}

func (s *scene) now(sky string) {
	s.mu.Lock()
	s.sky = sky
	s.mu.Unlock()
	s.group.Changed()
	synctest.Wait()
}

// The wire: everything that we send reaches the phone at once, unless drop says otherwise.

func (s *scene) Way(hop sip.Hop) (sip.Flow, error) {
	if hop.Transport != sip.UDP {
		return sip.Flow{}, fmt.Errorf("no way to %v", hop)
	}
	return sip.Flow{Transport: sip.UDP, Local: phoneFlow.Local, Remote: hop.Addr}, nil
}
func (s *scene) SentBy(sip.Flow) sip.HostPort { return sip.HostPort{Host: "192.0.2.1", Port: 5060} }
func (s *scene) Writer() endpoint.Writer      { return s }
func (s *scene) Flush()                       {}

func (s *scene) Alive(sip.Flow) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.dead
}

// cut ends the phone's connection: the transport knows, or finds out when it sends.
func (s *scene) cut(known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead, s.gone = known, !known
}

func (s *scene) Send(f sip.Flow, b []byte, fail func(error)) {
	m, err := sip.ParseMessage(string(b))
	if err != nil {
		s.Errorf("we sent what cannot be parsed: %v\n%s", err, b)
		return
	}
	s.mu.Lock()
	gone := s.gone
	s.mu.Unlock()
	if gone && f.Transport.Stream() {
		fail(errClosed)
		return
	}
	lost := s.drop != nil && s.drop(m)
	s.note("->", m, f, lost)
	if !lost {
		s.inbox <- m
	}
}

// Serve takes a SUBSCRIBE outside of dialogs (endpoint.User).
func (s *scene) Serve(_ *endpoint.Shard, tx *endpoint.ServerTx) {
	if tx.Request().Method != sip.SUBSCRIBE {
		tx.Refuse(481, "")
		return
	}
	from, _ := tx.Request().From()
	s.n.Serve(tx, Subscriber{Tenant: "t", Account: from.URI.User})
}

// The ladder.

func (s *scene) note(dir string, m *sip.Message, f sip.Flow, lost bool) {
	var b strings.Builder
	if m.IsRequest() {
		fmt.Fprintf(&b, "%s %s (%s)", m.Method, m.RequestURI, m.Get(sip.CSeqKind))
	} else {
		fmt.Fprintf(&b, "%d %s (%s)", m.Status, m.Reason, m.Get(sip.CSeqKind))
	}
	for _, k := range []sip.Kind{sip.Event, sip.Expires, sip.MinExpires, sip.SubscriptionState, sip.AllowEvents, sip.Accept, sip.RetryAfter} {
		if v := m.Get(k); v != "" && (k != sip.AllowEvents || m.Status >= 300) {
			fmt.Fprintf(&b, " %s: %s", k, v)
		}
	}
	if m.Body != "" {
		fmt.Fprintf(&b, " [%s]", m.Body)
	}
	if f.Remote != phoneFlow.Remote {
		fmt.Fprintf(&b, " with %s", f.Remote)
	}
	if lost {
		b.WriteString(" LOST")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(&s.ladder, "%8.3f  we %s phone  %s\n", time.Since(s.begun).Seconds(), dir, b.String())
}

// The phone's side.

// say sends a message of the phone's from a flow.
func (s *scene) say(f sip.Flow, m *sip.Message) {
	s.note("<-", m, f, false)
	s.ep.Receive(sip.Inbound{Msg: m, Flow: f})
	synctest.Wait()
}

// subscribe sends a SUBSCRIBE; extra lines come on top of what every one has, "Name: value".
func (s *scene) subscribe(callID, uri, toTag string, extra ...string) {
	s.subscribeBy(phoneFlow, callID, uri, toTag, extra...)
}

func (s *scene) subscribeBy(f sip.Flow, callID, uri, toTag string, extra ...string) {
	s.Helper()
	s.branch++
	s.seq++
	to := "<sip:sky@192.0.2.1>"
	if toTag != "" {
		to += ";tag=" + toTag
	}
	contact := s.at
	if contact == "" {
		contact = "sip:101@" + f.Remote.String()
	}
	lines := []string{
		"SUBSCRIBE " + uri + " SIP/2.0",
		"Via: SIP/2.0/UDP " + f.Remote.String() + ";rport;branch=z9hG4bK" + strconv.Itoa(s.branch),
		"Max-Forwards: 70", "From: <sip:101@192.0.2.1>;tag=phone", "To: " + to, "Call-ID: " + callID,
		"CSeq: " + strconv.Itoa(s.seq) + " SUBSCRIBE", "Contact: <" + contact + ">",
	}
	lines = append(append(lines, extra...), "", "")
	m, err := sip.ParseMessage(strings.Join(lines, "\r\n"))
	if err != nil {
		s.Fatal(err)
	}
	s.say(f, m)
}

// take waits for the next message that reaches the phone: a method or a status.
func (s *scene) take(what string) *sip.Message {
	s.Helper()
	select {
	case m := <-s.inbox:
		synctest.Wait()
		if string(m.Method) != what && strconv.Itoa(m.Status) != what {
			s.Fatalf("the phone got\n%s\nwant %s\n%s", m, what, s.ladder.String())
		}
		return m
	case <-time.After(2 * time.Hour):
		s.Fatalf("nothing reached the phone, want %s\n%s", what, s.ladder.String())
	}
	return nil
}

// none makes sure that nothing reaches the phone for d.
func (s *scene) none(d time.Duration) {
	s.Helper()
	select {
	case m := <-s.inbox:
		s.Fatalf("the phone got\n%s\n%s", m, s.ladder.String())
	case <-time.After(d):
	}
}

// reply answers a request of ours.
func (s *scene) reply(req *sip.Message, status int, extra ...string) {
	res := sip.NewResponse(req, status, "")
	for _, line := range extra {
		name, value, _ := strings.Cut(line, ": ")
		res.AddName(name, value)
	}
	s.say(phoneFlow, res)
}

// begin subscribes and takes the first notification: it gives our tag.
func (s *scene) begin(extra ...string) (tag string) {
	s.Helper()
	s.subscribe("call-1", "sip:sky@192.0.2.1", "", append([]string{"Event: weather"}, extra...)...)
	tag = s.take("200").ToTag()
	s.reply(s.take("NOTIFY"), 200)
	return tag
}
