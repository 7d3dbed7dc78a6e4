package presence

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"santral/base/golden"
	"santral/base/id"
	"santral/call"
	"santral/sip"
	"santral/sip/endpoint"
	"santral/sip/event"
	"santral/store"
	"santral/tenant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var phoneFlow = sip.Flow{Transport: sip.UDP, Local: netip.MustParseAddrPort("192.0.2.1:5060"), Remote: netip.MustParseAddrPort("192.0.2.2:5060")}

// scene is a house whose subscriptions are served, one scripted phone that may be anybody, and everything
// that passes between them, word by word.
type scene struct {
	*testing.T
	ep    *endpoint.Endpoint
	house *House
	n     *event.Notifier
	inbox chan *sip.Message
	seq   int

	pushed int // notifications without a subscription

	mu       sync.Mutex
	log      strings.Builder
	bindings map[string][]store.Binding
	boxes    map[string]store.Mailbox
}

var snapshot = tenant.NewSnapshot(1, []*tenant.Tenant{
	{ID: "t", Realm: "t", Domains: []string{"exchange.example"}, Accounts: []tenant.Account{
		{Tenant: "t", Number: "101", Name: "Alice"}, {Tenant: "t", Number: "102", Name: "Bob & \"Co\""}, {Tenant: "t", Number: "103"},
	}, Lists: []tenant.List{{Name: "blf", Title: "Front office", Numbers: []string{"101", "102", "103"}}}},
	{ID: "other", Realm: "o", Domains: []string{"other.example"}, Accounts: []tenant.Account{{Tenant: "other", Number: "101"}}},
})

func build(t *testing.T) *scene {
	s := &scene{T: t, inbox: make(chan *sip.Message, 4096), bindings: map[string][]store.Binding{}, boxes: map[string]store.Mailbox{}}
	s.ep = endpoint.New(endpoint.Config{
		Wire: s, User: s, Shards: 1, Random: id.New([32]byte{1}), Allow: []sip.Method{sip.SUBSCRIBE, sip.PUBLISH, sip.NOTIFY},
		Extensions: []string{event.EventList},
	})
	s.house = New(Config{
		Current: func() *tenant.Snapshot { return snapshot }, Mailboxes: s, Random: id.New([32]byte{2}),
		GRUU: func(b *store.Binding, host string) string {
			return "sip:" + b.Account + "@" + host + ";gr=" + b.InstanceID
		},
		Push: func(req *sip.Message, _ call.Target) {
			s.note(req)
			s.pushed++
		},
		Phones: func(_, account string) (list []Phone) {
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, b := range s.bindings[account] {
				list = append(list, Phone{Target: call.Target{URI: b.Contact}, Host: "exchange.example"})
			}
			return list
		},
		Bindings: func(_, account string) []store.Binding {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.bindings[account]
		},
	}, nil)
	s.n = event.NewNotifier(event.Config{Packages: s.house.Packages(), Shard: s.ep.Shard})
	return s
}

// story runs a scene in virtual time and compares what was said with testdata/NAME.txt.
func story(t *testing.T, f func(*scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 3, 21, 12, 0, 0, 0, time.UTC)))
		s := build(t)
		func() {
			defer func() {
				s.house.Close()
				s.ep.Close(context.Background())
			}()
			f(s)
		}()
		synctest.Wait()
		golden.Compare(t, t.Name()+".txt", s.log.String())
	})
}

// PutMailbox implements store.Mailboxes.
func (s *scene) PutMailbox(_ context.Context, b store.Mailbox) error {
	s.boxes[b.Account] = b
	return nil
}

// Mailboxes implements store.Mailboxes.
func (s *scene) Mailboxes(context.Context) (list []store.Mailbox, err error) { return nil, nil }

func (s *scene) Way(hop sip.Hop) (sip.Flow, error) {
	return sip.Flow{Transport: sip.UDP, Local: phoneFlow.Local, Remote: hop.Addr}, nil
}
func (s *scene) SentBy(sip.Flow) sip.HostPort { return sip.HostPort{Host: "192.0.2.1", Port: 5060} }
func (s *scene) Writer() endpoint.Writer      { return s }
func (s *scene) Alive(sip.Flow) bool          { return true }
func (s *scene) Flush()                       {}

func (s *scene) Send(_ sip.Flow, b []byte, _ func(error)) {
	m, err := sip.ParseMessage(string(b))
	if err != nil {
		s.Errorf("we sent what cannot be parsed: %v\n%s", err, b)
		return
	}
	s.note(m)
	s.inbox <- m
}

// note writes a message down, without what is the same in all.
func (s *scene) note(m *sip.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.IsRequest() {
		fmt.Fprintf(&s.log, "%s %s\n", m.Method, m.RequestURI)
	} else {
		fmt.Fprintf(&s.log, "%d %s\n", m.Status, m.Reason)
	}
	for _, k := range []sip.Kind{sip.Event, sip.Expires, sip.MinExpires, sip.SubscriptionState, sip.AllowEvents, sip.Require, sip.Supported, sip.SIPETag, sip.SIPIfMatch, sip.Accept, sip.ContentType} {
		if v := m.Get(k); v != "" {
			fmt.Fprintf(&s.log, "%s: %s\n", k, v)
		}
	}
	s.log.WriteString("\n")
	if m.Body != "" {
		s.log.WriteString(strings.ReplaceAll(m.Body, "\r\n", "\n") + "\n")
	}
}

// Serve implements endpoint.User: everybody is who From says.
func (s *scene) Serve(_ *endpoint.Shard, tx *endpoint.ServerTx) {
	from, _ := tx.Request().From()
	who := event.Subscriber{Tenant: "t", Account: from.URI.User}
	if from.URI.Host == "other.example" {
		who.Tenant = "other"
	}
	if tx.Request().Method == sip.PUBLISH {
		tx.Respond(s.house.Publish(tx.Request(), who))
		return
	}
	s.n.Serve(tx, who)
}

// send sends a request of an account's ("101" or "101@other.example"); extra lines may end with a body.
func (s *scene) send(method sip.Method, from, uri string, extra ...string) {
	s.Helper()
	s.seq++
	if !strings.Contains(from, "@") {
		from += "@exchange.example"
	}
	body := ""
	if n := len(extra); n > 0 && strings.HasPrefix(extra[n-1], "<") {
		body, extra = extra[n-1], extra[:n-1]
	}
	lines := []string{
		string(method) + " " + uri + " SIP/2.0", fmt.Sprintf("Via: SIP/2.0/UDP 192.0.2.2:5060;rport;branch=z9hG4bK%d", s.seq),
		"Max-Forwards: 70", "From: <sip:" + from + ">;tag=phone", "To: <" + uri + ">", fmt.Sprintf("Call-ID: call-%d", s.seq),
		"CSeq: 1 " + string(method), "Contact: <sip:phone@192.0.2.2:5060>",
	}
	lines = append(append(lines, extra...), "", "")
	m, err := sip.ParseMessage(strings.Join(lines, "\r\n") + body)
	if err != nil {
		s.Fatal(err)
	}
	s.note(m)
	s.ep.Receive(sip.Inbound{Msg: m, Flow: phoneFlow})
	synctest.Wait()
}

// take waits for a message and answers it where it is a NOTIFY.
func (s *scene) take(what string) *sip.Message {
	s.Helper()
	select {
	case m := <-s.inbox:
		synctest.Wait()
		if string(m.Method) != what && fmt.Sprint(m.Status) != what {
			s.Fatalf("the phone got\n%s\nwant %s\n%s", m, what, s.log.String())
		}
		if m.Method == sip.NOTIFY {
			s.ep.Receive(sip.Inbound{Msg: sip.NewResponse(m, 200, ""), Flow: phoneFlow})
			synctest.Wait()
		}
		return m
	case <-time.After(2 * time.Hour):
		s.Fatalf("nothing reached the phone, want %s\n%s", what, s.log.String())
	}
	return nil
}

func (s *scene) none(d time.Duration) {
	s.Helper()
	select {
	case m := <-s.inbox:
		s.Fatalf("the phone got\n%s", m)
	case <-time.After(d):
	}
}

// remark writes a line of the test's own into the log.
func (s *scene) remark(text string) {
	s.mu.Lock()
	s.log.WriteString("# " + text + "\n\n")
	s.mu.Unlock()
}

// show has a leg stand like that.
func (s *scene) show(a call.Appearance) {
	a.Tenant = "t"
	s.house.Lamp(a.Tenant, a.Account).Show(a)
	synctest.Wait()
}

func (s *scene) register(account string, list ...store.Binding) {
	s.mu.Lock()
	s.bindings[account] = list
	s.mu.Unlock()
	s.house.Registered("t", account)
	synctest.Wait()
}
