package event

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"santral/base/id"
	"santral/sip"
	"santral/sip/endpoint"
)

// end is one of two endpoints that are joined by a wire.
type end struct {
	peer  func() *endpoint.Endpoint
	flow  sip.Flow // as the peer sees what comes
	host  string
	serve func(tx *endpoint.ServerTx)
	sent  func(*sip.Message)

	mu   sync.Mutex
	drop func(*sip.Message) bool
}

// lose has what drop says be lost from now on.
func (e *end) lose(drop func(*sip.Message) bool) {
	synctest.Wait()
	e.mu.Lock()
	e.drop = drop
	e.mu.Unlock()
}

func (e *end) Way(hop sip.Hop) (sip.Flow, error) {
	return sip.Flow{Transport: sip.UDP, Local: e.flow.Remote, Remote: e.flow.Local}, nil
}
func (e *end) SentBy(sip.Flow) sip.HostPort { return sip.HostPort{Host: e.host, Port: 5060} }
func (e *end) Writer() endpoint.Writer      { return e }
func (e *end) Alive(sip.Flow) bool          { return true }
func (e *end) Flush()                       {}

func (e *end) Send(_ sip.Flow, b []byte, _ func(error)) {
	m, err := sip.ParseMessage(string(b))
	if err != nil {
		panic(err)
	}
	if e.sent != nil {
		e.sent(m)
	}
	e.mu.Lock()
	lost := e.drop != nil && e.drop(m)
	e.mu.Unlock()
	if lost {
		return
	}
	if p := e.peer(); p != nil {
		p.Receive(sip.Inbound{Msg: m, Flow: e.flow})
	}
}

func (e *end) Serve(_ *endpoint.Shard, tx *endpoint.ServerTx) {
	e.mu.Lock()
	serve := e.serve
	e.mu.Unlock()
	serve(tx)
}

// as has new requests served in another way from now on.
func (e *end) as(serve func(tx *endpoint.ServerTx)) {
	synctest.Wait()
	e.mu.Lock()
	e.serve = serve
	e.mu.Unlock()
}

// two is a notifier and a subscriber, each with its endpoint.
type two struct {
	*testing.T
	scene  *scene // the package, and the notifier
	ours   *end   // the subscriber's
	theirs *end   // the notifier's
	a, b   *endpoint.Endpoint
	w      *Watch

	mu    sync.Mutex
	heard []string
}

func join(t *testing.T) *two {
	x := &two{T: t}
	x.theirs = &end{peer: func() *endpoint.Endpoint { return x.a }, flow: sip.Flow{Transport: sip.UDP, Local: phoneFlow.Remote, Remote: phoneFlow.Local}, host: "192.0.2.1"}
	x.ours = &end{peer: func() *endpoint.Endpoint { return x.b }, flow: phoneFlow, host: "192.0.2.2", serve: func(tx *endpoint.ServerTx) { tx.Refuse(481, "") }}
	allow := []sip.Method{sip.SUBSCRIBE, sip.NOTIFY}
	x.a = endpoint.New(endpoint.Config{Wire: x.ours, User: x.ours, Shards: 1, Random: id.New([32]byte{1}), Allow: allow})
	x.b = endpoint.New(endpoint.Config{Wire: x.theirs, User: x.theirs, Shards: 1, Random: id.New([32]byte{2}), Allow: allow})
	x.scene = &scene{T: t, sky: "sunny"}
	x.scene.pkg = &Package{Name: "weather", Types: []string{"text/plain"}, Expires: 3600, Min: 60, Max: 7200, Open: x.scene.open}
	x.scene.ep = x.b
	x.again()
	return x
}

// again gives the notifier's side a new notifier: what was subscribed is forgotten.
func (x *two) again() {
	n := NewNotifier(Config{Packages: []*Package{x.scene.pkg}, Shard: x.b.Shard})
	x.scene.n = n
	x.theirs.as(func(tx *endpoint.ServerTx) { n.Serve(tx, Subscriber{Tenant: "t", Account: "101"}) })
}

func (x *two) close() {
	synctest.Wait()
	x.a.Close(x.Context())
	x.b.Close(x.Context())
}

func (x *two) watch(expires int) {
	x.w = Subscribe(WatchConfig{
		Shard: x.a.Shard, URI: "sip:sky@192.0.2.1", From: "<sip:101@192.0.2.1>", Event: "weather", Expires: expires,
		Next:    endpoint.Next{Flow: sip.Flow{Transport: sip.UDP, Local: phoneFlow.Remote, Remote: phoneFlow.Local}, HasFlow: true},
		Contact: func(sip.Flow) string { return "<sip:101@192.0.2.2:5060>" },
		Handle: func(m Told) {
			line := ""
			switch {
			case m.Message != nil:
				line, _, _ = strings.Cut(m.Message.Body, " ")
			case m.Err != nil:
				line = m.Err.Error()
			}
			if m.Ended {
				line += " ended"
			}
			if m.Over {
				line += " over"
			}
			x.mu.Lock()
			x.heard = append(x.heard, line)
			x.mu.Unlock()
		},
	}, "call-1")
	synctest.Wait()
}

func (x *two) want(want ...string) {
	x.Helper()
	synctest.Wait()
	x.mu.Lock()
	defer x.mu.Unlock()
	if !slices.Equal(x.heard, want) {
		x.Errorf("heard %q, want %q", x.heard, want)
	}
	x.heard = nil
}

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := join(t)
		defer x.close()
		x.watch(600)
		x.want("sunny")
		x.scene.now("rain")
		x.want("rain")
		time.Sleep(545 * time.Second) // it is refreshed
		x.want("rain")
		time.Sleep(545 * time.Second)
		x.want("rain")
		x.scene.n.EndAll(Deactivated, 0) // it comes back at once
		x.want("rain ended", "rain")
		x.scene.n.EndAll(Probation, time.Minute) // and after a minute
		x.want("rain ended")
		time.Sleep(59 * time.Second)
		x.want()
		time.Sleep(2 * time.Second)
		x.want("rain")
		for _, s := range x.scene.n.book.all() { // the notifier starts anew
			x.b.Shard("call-1").Do(func() { s.freeze() })
		}
		synctest.Wait()
		x.again()
		time.Sleep(545 * time.Second)
		x.want(ErrNotKnown.Error()+" ended", "rain")
		x.w.Stop()
		x.want("rain ended")
		if n := x.scene.n.Stats(); len(n.Live) != 0 {
			t.Errorf("still there: %+v", n)
		}
		time.Sleep(2 * time.Hour)
		x.want()
	})
}

// A NOTIFY that comes before the 200, one that never comes, and a refusal.
func TestWatchWithoutAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := join(t)
		defer x.close()
		x.theirs.lose(func(m *sip.Message) bool { return m.Status == 200 }) // the answers are lost
		x.watch(600)
		x.want("sunny")
		x.theirs.lose(func(m *sip.Message) bool { return m.Method == sip.NOTIFY })
		time.Sleep(10 * time.Minute) // refreshes go through, notifications do not (Timer N)
		x.mu.Lock()
		if len(x.heard) == 0 || x.heard[0] != ErrSilent.Error()+" ended" {
			t.Errorf("heard %q", x.heard)
		}
		x.heard = nil
		x.mu.Unlock()
		x.theirs.lose(nil)
		time.Sleep(11 * time.Minute)
		x.mu.Lock()
		if !slices.Contains(x.heard, "sunny") {
			t.Errorf("it does not come back: %q", x.heard)
		}
		x.heard = nil
		x.mu.Unlock()
		x.scene.n.EndAll(NoResource, 0)
		x.want("sunny ended", ErrRefused.Error()+" over")
		time.Sleep(time.Hour)
		x.want()
	})
}

// 423 is obeyed once; 404 is the end; a challenge is answered.
func TestWatchRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := join(t)
		defer x.close()
		x.watch(10)
		x.want("sunny")
		x.w.Stop()
		x.want("sunny ended")
		x.theirs.as(func(tx *endpoint.ServerTx) { tx.Refuse(404, "") })
		x.watch(600)
		x.want(ErrRefused.Error() + " over")
		count := 0
		x.theirs.as(func(tx *endpoint.ServerTx) {
			if count++; tx.Request().Has(sip.Authorization) {
				x.scene.n.Serve(tx, Subscriber{Tenant: "t", Account: "101"})
				return
			}
			tx.Challenge(401, "", sip.Header{Kind: sip.WWWAuthenticate, Value: `Digest realm="r", nonce="n", algorithm=MD5, qop="auth"`})
		})
		x.w = Subscribe(WatchConfig{
			Shard: x.a.Shard, URI: "sip:sky@192.0.2.1", From: "<sip:101@192.0.2.1>", Event: "weather", Account: &Account{User: "101", Password: "secret"},
			Next:    endpoint.Next{Flow: sip.Flow{Transport: sip.UDP, Local: phoneFlow.Remote, Remote: phoneFlow.Local}, HasFlow: true},
			Contact: func(sip.Flow) string { return "<sip:101@192.0.2.2:5060>" },
			Handle: func(m Told) {
				x.mu.Lock()
				x.heard = append(x.heard, fmt.Sprint(m.Err, m.Ended))
				x.mu.Unlock()
			},
		}, "call-2")
		x.want("<nil> false")
		if count != 2 {
			t.Errorf("%d requests", count)
		}
	})
}

// A SUBSCRIBE that was forked has a branch for each notifier (RFC 6665 §4.1.4).
func TestWatchForked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := join(t)
		defer x.close()
		var last *sip.Message
		x.ours.sent = func(m *sip.Message) {
			if m.Method == sip.SUBSCRIBE {
				last = m
			}
		}
		x.theirs.as(func(tx *endpoint.ServerTx) { tx.Refuse(202, "") })
		x.watch(600)
		notify := func(tag string, seq int, state string) {
			m, err := sip.ParseMessage(strings.Join([]string{"NOTIFY sip:101@192.0.2.2:5060 SIP/2.0", fmt.Sprintf("Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK%s%d", tag, seq),
				"From: <sip:sky@192.0.2.1>;tag=" + tag, "To: " + last.Get(sip.From), "Call-ID: call-1", fmt.Sprintf("CSeq: %d NOTIFY", seq),
				"Contact: <sip:" + tag + "@192.0.2.1:5060>", "Event: weather", "Subscription-State: " + state, "Content-Type: text/plain", "", tag + " sky"}, "\r\n"))
			if err != nil {
				t.Fatal(err)
			}
			x.a.Receive(sip.Inbound{Msg: m, Flow: x.theirs.flow})
			synctest.Wait()
		}
		notify("one", 1, "active;expires=600")
		notify("two", 1, "active;expires=600")
		x.want("one", "two")
		notify("one", 2, "terminated;reason=rejected")
		x.want("one ended")
		notify("two", 1, "active;expires=600") // older than the last: a copy under another branch
		x.want()
		notify("two", 2, "terminated;reason=rejected")
		x.want("two ended", ErrRefused.Error()+" over")
	})
}

func FuzzEvent(f *testing.F) {
	f.Add("dialog;id=7;max-rate=0.5")
	f.Add(";;id=\"")
	f.Fuzz(func(t *testing.T, v string) {
		name, _, interval := parseEvent(v)
		if interval < 0 || interval > maxInterval || strings.Contains(name, ";") {
			t.Errorf("%q reads as %q, %v", v, name, interval)
		}
	})
}
