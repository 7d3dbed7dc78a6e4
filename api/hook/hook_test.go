package hook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.uber.org/goleak"

	"santral/api"
	"santral/store"
	"santral/store/db"
	"santral/tenant"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"))
}

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwT1f2UcVQ7rE="

// taker is a web server that takes webhooks.
type taker struct {
	*httptest.Server
	mu     sync.Mutex
	answer func(n int) int // status of the n-th request
	got    []taken
}

type taken struct {
	header http.Header
	body   []byte
}

func newTarget(t *testing.T) *taker {
	k := &taker{}
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		k.mu.Lock()
		k.got = append(k.got, taken{r.Header.Clone(), text})
		n, answer := len(k.got), k.answer
		k.mu.Unlock()
		status := 204
		if answer != nil {
			status = answer(n)
		}
		if status == 302 {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(status)
		if status != 204 {
			fmt.Fprint(w, "said at length: ", strings.Repeat("x", 4000))
		}
	}))
	t.Cleanup(k.Close)
	return k
}

func (k *taker) taken() []taken {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]taken(nil), k.got...)
}

// troubles notes what people must know of.
type troubles struct {
	mu   sync.Mutex
	list []string
}

func (x *troubles) note(format string, args ...any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.list = append(x.list, fmt.Sprintf(format, args...))
}
func (x *troubles) GivenUp(key store.HookKey, why string) {
	x.note("given up %s: %s", key.Webhook, why)
}
func (x *troubles) WellAgain(key store.HookKey)   {}
func (x *troubles) SwitchedOff(key store.HookKey) { x.note("off %s", key.Webhook) }
func (x *troubles) SwitchedOn(key store.HookKey)  { x.note("on %s", key.Webhook) }
func (x *troubles) Lost(why string)               { x.note("lost: %s", why) }
func (x *troubles) all() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return strings.Join(x.list, "; ")
}

// office is a service with its database and its documents.
type office struct {
	*testing.T
	*Service
	db   *db.DB
	now  atomic.Pointer[tenant.Snapshot]
	said troubles
	own  netip.AddrPort
}

func newOffice(t *testing.T, hooks ...tenant.Webhook) *office {
	o := &office{T: t}
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	o.db = d
	t.Cleanup(func() { d.Close() })
	o.set(hooks...)
	o.open()
	t.Cleanup(func() { o.Close() })
	return o
}

func (o *office) set(hooks ...tenant.Webhook) {
	o.now.Store(tenant.NewSnapshot(1, []*tenant.Tenant{{ID: "a", Webhooks: hooks}, {ID: "b"}}))
}

func (o *office) open() {
	s, err := Open(Config{Current: o.now.Load, Rows: o.db, Random: func() float64 { return 0.5 }, Agent: "Santral/test", Trouble: &o.said, Own: func(a netip.AddrPort) bool { return a == o.own }})
	if err != nil {
		o.Fatal(err)
	}
	o.Service = s
}

func (o *office) offer(n int, tenantID string) {
	for i := range n {
		o.Offer(&api.Event{ID: uint64(i + 1), Type: api.CallEnded, Time: time.Now().UTC(), Tenant: tenantID, Data: api.CallEvent{Call: fmt.Sprint("c", i), Name: "سارا"}})
	}
}

// until waits for something to be so.
func (o *office) until(what string, so func() bool) {
	o.Helper()
	for end := time.Now().Add(20 * time.Second); !so(); {
		if time.Now().After(end) {
			o.Fatalf("it does not come to this: %s; %+v; %s", what, o.Stats(), o.said.all())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (o *office) log() []store.Delivery {
	list, _, err := o.Deliveries(o.Context(), store.DeliveryFilter{HookKey: store.HookKey{Tenant: "a", Webhook: "x"}}, "", 1000)
	if err != nil {
		o.Fatal(err)
	}
	return list
}

func hookTo(k *taker, more func(*tenant.Webhook)) tenant.Webhook {
	w := tenant.Webhook{ID: "x", URL: k.URL + "/in", Secret: secret, Hosts: []string{strings.TrimPrefix(k.URL, "http://")}}
	if more != nil {
		more(&w)
	}
	return w
}

// TestWhatIsSentIsVerified by the library of Standard Webhooks, and is in order and numbered.
func TestWhatIsSentIsVerified(t *testing.T) {
	k := newTarget(t)
	o := newOffice(t, hookTo(k, nil))
	o.offer(30, "a")
	o.offer(3, "b") // another's
	o.until("30 are delivered", func() bool { return o.Stats().Delivered == 30 })
	wh, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	ids, numbers := map[string]bool{}, map[uint64]bool{}
	for _, x := range k.taken() {
		if err := wh.Verify(x.body, x.header); err != nil {
			t.Fatalf("%v: %v %s", err, x.header, x.body)
		}
		if err := wh.Verify(bytes.Replace(x.body, []byte("call"), []byte("cell"), 1), x.header); err == nil {
			t.Error("a body that was changed is verified")
		}
		var e struct {
			Type, Tenant string
			Sequence     uint64
			Data         api.CallEvent
		}
		if err := json.Unmarshal(x.body, &e); err != nil || e.Type != api.CallEnded || e.Tenant != "a" || e.Data.Name != "سارا" {
			t.Errorf("%s: %v", x.body, err)
		}
		ids[x.header.Get("webhook-id")], numbers[e.Sequence] = true, true
	}
	if len(ids) != 30 || len(numbers) != 30 || !numbers[1] || !numbers[30] {
		t.Errorf("%d ids, %d numbers", len(ids), len(numbers))
	}
	o.until("nothing waits", func() bool { return o.Stats().Waiting == 0 })
	if list := o.log(); len(list) != 30 || list[0].State != store.DeliveryTaken || list[0].Attempts[0].Status != 204 {
		t.Errorf("%d in the log: %+v", len(list), list[0])
	}
}

// TestEachIsTriedAgain with the same id, until it is taken, over a restart too.
func TestEachIsTriedAgain(t *testing.T) {
	k := newTarget(t)
	k.answer = func(n int) int { return 503 }
	o := newOffice(t, hookTo(k, nil))
	o.offer(1, "a")
	o.until("it was tried", func() bool { return o.Stats().Failed == 1 })
	o.Close()
	k.mu.Lock()
	k.answer = nil
	k.mu.Unlock()
	if list := o.log(); list[0].State != store.DeliveryWaiting || list[0].Tries != 1 || list[0].Attempts[0].Status != 503 || !strings.HasPrefix(list[0].Attempts[0].Excerpt, "said at length") || len(list[0].Attempts[0].Excerpt) > maxExcerpt || list[0].Next.Before(time.Now()) {
		t.Errorf("%+v", list[0])
	}
	o.open()
	o.until("it is delivered after the restart", func() bool { return o.Stats().Delivered == 1 })
	got := k.taken()
	if a, b := got[0].header, got[1].header; a.Get("webhook-id") != b.Get("webhook-id") || a.Get("webhook-timestamp") == b.Get("webhook-timestamp") || !bytes.Equal(got[0].body, got[1].body) {
		t.Errorf("%v %v", a, b)
	}
}

// TestGivenUpAfterADay, told, and sent anew when somebody wants it.
func TestGivenUpAfterADay(t *testing.T) {
	k := newTarget(t)
	k.answer = func(int) int { return 500 }
	o := newOffice(t, hookTo(k, nil))
	key := store.HookKey{Tenant: "a", Webhook: "x"}
	if err := o.add(t.Context(), []store.Delivery{{Tenant: "a", Webhook: "x", Event: "evt_1", Type: "call.ended", Body: "{}", Made: time.Now().Add(-giveUp)}}); err != nil {
		t.Fatal(err)
	}
	o.until("it is given up", func() bool { return o.Stats().GivenUp == 1 })
	o.until("that is told", func() bool { return o.said.all() == "given up x: 500 Internal Server Error" })
	k.mu.Lock()
	k.answer = nil
	k.mu.Unlock()
	gone := store.DeliveryGivenUp
	if n, err := o.Resend(t.Context(), key, 0, 1<<63, &gone); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	o.until("it is delivered", func() bool { return o.Stats().Delivered == 1 })
}

// TestGone: 410 switches off, the rest is discarded, nothing more is kept until the address is another one or somebody says so.
func TestGone(t *testing.T) {
	k := newTarget(t)
	k.answer = func(int) int { return 410 }
	o := newOffice(t, hookTo(k, nil))
	key := store.HookKey{Tenant: "a", Webhook: "x"}
	o.offer(1, "a")
	o.until("it is off", func() bool { return o.Off(key) && o.said.all() == "off x" })
	o.offer(5, "a")
	o.Close()
	o.open()
	if !o.Off(key) {
		t.Error("it is on after a restart")
	}
	k.mu.Lock()
	k.answer = nil
	k.mu.Unlock()
	if !o.SwitchOn(key) || o.SwitchOn(key) {
		t.Error("switched on")
	}
	o.Offer(&api.Event{ID: 77, Type: api.CallEnded, Tenant: "a", Data: api.CallEvent{}})
	o.until("one is delivered", func() bool { return o.Stats().Delivered == 1 })
	k.mu.Lock()
	k.answer = func(int) int { return 410 }
	k.mu.Unlock()
	o.Offer(&api.Event{ID: 78, Type: api.CallEnded, Tenant: "a", Data: api.CallEvent{}})
	o.until("it is off again", func() bool { return o.Off(key) })
	o.set(hookTo(k, func(w *tenant.Webhook) { w.URL += "/other" }))
	o.Look()
	if o.Off(key) {
		t.Error("another address, and still off")
	}
}

// TestWhatIsNotConnectedTo: private targets unless they are listed, by name too, our own even then; and redirects are not followed.
func TestWhatIsNotConnectedTo(t *testing.T) {
	k := newTarget(t)
	at := strings.TrimPrefix(k.URL, "http://")
	_, port, _ := net.SplitHostPort(at)
	o := newOffice(t)
	key := store.HookKey{Tenant: "a", Webhook: "x"}
	for _, c := range []struct {
		name  string
		url   string
		hosts []string
		own   bool
		want  string
	}{
		{"loopback", k.URL, nil, false, "private"},
		{"by name", "http://localhost:" + port, nil, false, "private"},
		{"another listed", k.URL, []string{"127.0.0.1:1"}, false, "private"},
		{"IPv4 in IPv6", "http://[::ffff:127.0.0.1]:" + port, nil, false, "private"},
		{"decimal", "http://0x7f000001:" + port, nil, false, ""},
		{"ours", k.URL, []string{at}, true, "itself"},
		{"listed", k.URL, []string{at}, false, "204"},
		{"name listed", "http://localhost:" + port, []string{"localhost:" + port}, false, "204"},
	} {
		before := len(k.taken())
		o.own = netip.AddrPort{}
		if c.own {
			o.own = netip.MustParseAddrPort(at)
		}
		o.set(tenant.Webhook{ID: "x", URL: c.url, Secret: secret, Hosts: c.hosts, Events: []string{"trunk.*"}})
		d, err := o.Test(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		a := d.Attempts[0]
		if got := a.Error + fmt.Sprint(a.Status); !strings.Contains(got, c.want) || (c.want == "204") != (len(k.taken()) > before) {
			t.Errorf("%s: %+v", c.name, a)
		}
	}
	k.answer = func(int) int { return 302 }
	before := len(k.taken())
	if d, err := o.Test(t.Context(), key); err != nil || d.Attempts[0].Status != 302 || len(k.taken()) != before+1 || d.State != store.DeliveryGivenUp {
		t.Errorf("a redirect: %+v %v", d, err)
	}
	for _, a := range []string{"10.1.2.3", "172.16.0.1", "192.168.1.1", "127.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "64:ff9b::a00:1", "2002:a00:1::", "::7f00:1"} {
		if public(netip.MustParseAddr(a).Unmap()) {
			t.Errorf("%s is taken for one of the world", a)
		}
	}
	for _, a := range []string{"1.1.1.1", "185.55.224.1", "2001:4860:4860::8888", "64:ff9b::101:101", "2002:101:101::"} {
		if !public(netip.MustParseAddr(a)) {
			t.Errorf("%s is taken for a private one", a)
		}
	}
}

// TestADeadTargetHoldsNobodyUp, and is asked less and less.
func TestADeadTargetHoldsNobodyUp(t *testing.T) {
	k, dead := newTarget(t), newTarget(t)
	dead.answer = func(int) int { return 500 }
	x := hookTo(k, nil)
	y := hookTo(dead, func(w *tenant.Webhook) { w.ID = "y" })
	o := newOffice(t, x, y)
	o.offer(200, "a")
	o.until("200 are delivered", func() bool { return o.Stats().Delivered == 200 })
	if n := len(dead.taken()); n > 5*ofOne+3 {
		t.Errorf("the dead one was asked %d times", n)
	}
}

// TestEveryRecordArrives from its feed, in order, those of before it was wanted left out, and once over a restart.
func TestEveryRecordArrives(t *testing.T) {
	k := newTarget(t)
	o := newOffice(t, hookTo(k, func(w *tenant.Webhook) { w.Events = []string{"record.*"} }))
	o.Records()
	place := func() uint64 {
		f, err := o.db.Feed(t.Context(), "webhook/a/x")
		if err != nil {
			t.Fatal(err)
		}
		return f.Seq
	}
	o.until("its place is known", func() bool { return place() == 0 })
	var rows []store.CDR
	for i := range 5 {
		rows = append(rows, store.CDR{Seq: uint64(i + 1), Call: fmt.Sprint("c", i), Tenant: []string{"a", "b"}[i%2], Began: time.Now(), Ended: time.Now(), State: store.Answered})
	}
	if err := o.db.AddCDRs(t.Context(), store.Fold{}, store.Fold{Done: 1, Count: 5}, store.Folded{CDRs: rows}); err != nil {
		t.Fatal(err)
	}
	o.Records()
	o.until("3 are delivered", func() bool { return o.Stats().Delivered == 3 })
	o.until("its place has moved", func() bool { return place() == 5 })
	o.Close()
	o.open()
	o.Records()
	time.Sleep(100 * time.Millisecond)
	var calls []string
	for _, x := range k.taken() {
		var e struct{ Data store.CDR }
		if err := json.Unmarshal(x.body, &e); err == nil {
			calls = append(calls, e.Data.Call)
		}
	}
	if len(calls) != 3 {
		t.Errorf("%v", calls)
	}
}
