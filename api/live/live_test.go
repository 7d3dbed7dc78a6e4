package live

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"santral/api"
	"santral/tenant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, file string, more func(*Config)) *Bus {
	t.Helper()
	if file == "" {
		file = filepath.Join(t.TempDir(), "events.last")
	}
	cfg := Config{File: file}
	if more != nil {
		more(&cfg)
	}
	b, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var root = api.Identity{Kind: "root", Name: "root", Role: tenant.RoleOperator}

// tell has the bus tell calls of tenants, and waits until they are.
func tell(b *Bus, n int, tenants ...string) {
	done := make(chan struct{})
	for i := range n {
		for _, t := range tenants {
			e := api.Event{Type: api.CallCreated, Tenant: t, Data: api.CallEvent{Call: t + strconv.Itoa(i)}, Places: []api.Place{{Site: "site" + strconv.Itoa(i%2), Departments: []string{"sales", "all"}, Account: strconv.Itoa(100 + i)}}}
			for { // the queue is bounded; a test tells faster than anything happens
				before := b.lost.Load()
				b.Do(func() { b.Tell(e) })
				if b.lost.Load() == before {
					break
				}
			}
		}
	}
	b.Do(func() { close(done) })
	<-done
}

// words gives what waits for a listener: types of calls' events, with their call.
func words(t *testing.T, l *Listener) string {
	t.Helper()
	wait := make(chan time.Time)
	close(wait)
	var list []string
	for {
		got, err := l.next(t.Context(), wait)
		for _, e := range got {
			switch d := e.Data.(type) {
			case api.CallEvent:
				list = append(list, d.Call)
			case api.GapEvent:
				list = append(list, fmt.Sprintf("gap"))
			}
		}
		if err != nil {
			return strings.Join(append(list, err.Error()), " ")
		}
		if len(got) == 0 {
			return strings.Join(list, " ")
		}
	}
}

func listen(t *testing.T, b *Bus, who api.Identity, ask api.Listening) *Listener {
	t.Helper()
	l, err := b.Listen(who, ask)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestWhoIsToldWhat: each role and bound, each asks for all.
func TestWhoIsToldWhat(t *testing.T) {
	b := open(t, "", nil)
	defer b.Close()
	for _, c := range []struct {
		name string
		who  api.Identity
		ask  api.Listening
		want string
	}{
		{"operator", root, api.Listening{}, "a0 b0 a1 b1"},
		{"operator asks for one tenant", root, api.Listening{Tenant: "b"}, "b0 b1"},
		{"admin", api.Identity{Kind: "session", Name: "x", Tenant: "a", Role: tenant.RoleAdmin}, api.Listening{}, "a0 a1"},
		{"admin asks for another's", api.Identity{Kind: "session", Name: "x", Tenant: "a", Role: tenant.RoleAdmin}, api.Listening{Tenant: "b"}, ""},
		{"manager of a site", api.Identity{Kind: "session", Name: "x", Tenant: "a", Role: tenant.RoleManager, Site: "site1"}, api.Listening{}, "a1"},
		{"manager of a department above", api.Identity{Kind: "session", Name: "x", Tenant: "a", Role: tenant.RoleManager, Department: "all", Account: "100"}, api.Listening{}, "a0 a1"},
		{"manager of another", api.Identity{Kind: "session", Name: "x", Tenant: "a", Role: tenant.RoleManager, Department: "it"}, api.Listening{}, ""},
		{"user", api.Identity{Kind: "session", Name: "x", Tenant: "a", Role: tenant.RoleUser, Account: "101"}, api.Listening{}, "a1"},
		{"user without an account", api.Identity{Kind: "session", Name: "x", Tenant: "a", Role: tenant.RoleUser}, api.Listening{}, ""},
		{"token for calls", api.Identity{Kind: "token", Name: "x", Tenant: "a", Role: tenant.RoleAdmin, Scopes: []string{"events:read", "calls:read"}}, api.Listening{}, "a0 a1"},
		{"token for other things", api.Identity{Kind: "token", Name: "x", Tenant: "a", Role: tenant.RoleAdmin, Scopes: []string{"events:read", "lines:read"}}, api.Listening{}, ""},
		{"nobody", api.Identity{}, api.Listening{}, ""},
		{"other types", root, api.Listening{Types: []string{"trunk.*", "call.ended"}}, ""},
		{"pattern", root, api.Listening{Types: []string{"call.*"}}, "a0 b0 a1 b1"},
	} {
		l := listen(t, b, c.who, c.ask)
		tell(b, 2, "a", "b")
		if got := words(t, l); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		l.Close()
	}
}

// TestWhoComesBack gets what it has missed, and is told of what is gone.
func TestWhoComesBack(t *testing.T) {
	file := filepath.Join(t.TempDir(), "events.last")
	b := open(t, file, nil)
	l := listen(t, b, root, api.Listening{})
	tell(b, 3, "a")
	got, err := l.next(t.Context(), nil)
	if err != nil || len(got) != 3 || got[1].ID != got[0].ID+1 {
		t.Fatal(got, err)
	}
	l.Close()
	back := listen(t, b, root, api.Listening{Resume: true, After: got[0].ID})
	if w := words(t, back); w != "a1 a2" {
		t.Errorf("missed: %q", w)
	}
	back.Close()
	tell(b, ringEvents+10, "a")
	back = listen(t, b, root, api.Listening{Resume: true, After: got[0].ID})
	if w := words(t, back); !strings.HasPrefix(w, "gap a") || strings.Count(w, " ") > mostWaiting {
		t.Errorf("after too long: %.40q", w)
	}
	back.Close()
	last := b.next
	b.Close()

	b = open(t, file, nil)
	defer b.Close()
	if b.next < last {
		t.Errorf("numbers run back over a restart: %d, then %d", last, b.next)
	}
	back = listen(t, b, root, api.Listening{Resume: true, After: last - 1})
	tell(b, 1, "a")
	if w := words(t, back); w != "gap a0" {
		t.Errorf("after a restart: %q", w)
	}
	back.Close()
	back = listen(t, b, root, api.Listening{Resume: true, After: 1 << 60})
	if w := words(t, back); w != "gap" {
		t.Errorf("with an id that was never given: %q", w)
	}
}

// TestTheSlowAreDropped and hold nobody up.
func TestTheSlowAreDropped(t *testing.T) {
	b := open(t, "", nil)
	defer b.Close()
	slow, quick := listen(t, b, root, api.Listening{}), listen(t, b, root, api.Listening{Tenant: "b"})
	tell(b, mostWaiting+1, "a")
	tell(b, 1, "b")
	if w := words(t, slow); w != ErrSlow.Error() {
		t.Errorf("%.60q", w)
	}
	if w := words(t, quick); w != "b0" {
		t.Errorf("%.60q", w)
	}
	if s := b.Stats(); s.Dropped != 1 || s.Listeners != 1 {
		t.Errorf("%+v", s)
	}
}

// TestListenersAreBounded for each identity.
func TestListenersAreBounded(t *testing.T) {
	b := open(t, "", nil)
	defer b.Close()
	var list []*Listener
	for range mostOfOne {
		list = append(list, listen(t, b, root, api.Listening{}))
	}
	if _, err := b.Listen(root, api.Listening{}); err != ErrMany {
		t.Error(err)
	}
	other := root
	other.Name = "other"
	listen(t, b, other, api.Listening{}).Close()
	list[0].Close()
	list[0].Close()
	listen(t, b, root, api.Listening{})
}

// TestNobodyListens: the bus sleeps after a while, and what happens then is a gap.
func TestNobodyListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		woken := 0
		b := open(t, "", func(c *Config) { c.Wake = func() { woken++ } })
		defer b.Close()
		if b.Awake() {
			t.Error("awake from the start")
		}
		l := listen(t, b, root, api.Listening{})
		tell(b, 2, "a")
		last := b.next - 1
		l.Close()
		time.Sleep(sleepy / 2)
		if !b.Awake() {
			t.Error("it sleeps too early")
		}
		time.Sleep(sleepy)
		synctest.Wait()
		if b.Awake() {
			t.Error("it does not sleep")
		}
		l = listen(t, b, root, api.Listening{Resume: true, After: last})
		tell(b, 1, "a")
		if w := words(t, l); w != "gap a0" {
			t.Errorf("%q", w)
		}
		if woken != 2 {
			t.Errorf("woken %d times", woken)
		}
	})
}

// serve gives a server whose requests are root's, until it is revoked.
func serve(t *testing.T, b *Bus, revoked *atomic.Bool) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ask := api.Listening{Again: func() (api.Identity, bool) { return root, !revoked.Load() }}
		if id, err := strconv.ParseUint(r.Header.Get("Last-Event-ID"), 10, 64); err == nil {
			ask.After, ask.Resume = id, true
		}
		r = r.WithContext(api.With(r.Context(), root))
		if r.URL.Path == "/ws" {
			b.WebSocket(w, r, ask)
			return
		}
		b.SSE(w, r, ask)
	}))
	t.Cleanup(func() {
		b.Close()
		s.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return s
}

// TestServerSentEvents over a connection, with Last-Event-ID and a token that is revoked.
func TestServerSentEvents(t *testing.T) {
	var revoked atomic.Bool
	b := open(t, "", nil)
	s := serve(t, b, &revoked)
	get := func(last string) (*bufio.Scanner, func()) {
		req, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL, nil)
		if last != "" {
			req.Header.Set("Last-Event-ID", last)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if kind := res.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
			t.Fatal(kind)
		}
		return bufio.NewScanner(res.Body), func() { res.Body.Close() }
	}
	next := func(lines *bufio.Scanner) (id, kind, data string) {
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				id = value
			case "event":
				kind = value
			case "data":
				data = value
			case "":
				if kind != "" {
					return id, kind, data
				}
			}
		}
		return "", "", ""
	}
	lines, end := get("")
	for !b.Awake() {
		time.Sleep(time.Millisecond)
	}
	tell(b, 3, "a")
	id, kind, data := next(lines)
	var e struct {
		ID     uint64
		Type   string
		Tenant string
		Data   api.CallEvent
	}
	if err := json.Unmarshal([]byte(data), &e); err != nil || kind != api.CallCreated || e.Type != kind || strconv.FormatUint(e.ID, 10) != id || e.Tenant != "a" || e.Data.Call != "a0" {
		t.Fatalf("%s %s %s %v", id, kind, data, err)
	}
	end()
	lines, end = get(id)
	defer end()
	for _, want := range []string{"a1", "a2"} {
		if _, _, data := next(lines); !strings.Contains(data, `"`+want+`"`) {
			t.Errorf("%s: %s", want, data)
		}
	}
	revoked.Store(true)
	if _, kind, data := next(lines); kind != "end" || !strings.Contains(data, ErrRevoked.Error()) {
		t.Errorf("%s %s", kind, data)
	}
	if lines.Scan() {
		t.Errorf("and then %q", lines.Text())
	}
}

// TestOverWebSocket: events, commands, and what is no command.
func TestOverWebSocket(t *testing.T) {
	var revoked atomic.Bool
	b := open(t, "", nil)
	s := serve(t, b, &revoked)
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	c, _, err := websocket.Dial(ctx, s.URL+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	say := func(text string) string {
		if err := c.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
			t.Fatal(err)
		}
		_, got, err := c.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return string(got)
	}
	for _, x := range [][2]string{
		{`{"do":"ping","id":7}`, `{"type":"pong","id":7}`},
		{`{"do":"subscribe","types":["trunk.*"]}`, `{"type":"subscribed","types":["trunk.*"]}`},
		{`{"do":"subscribe","types":["call.created"]}`, `{"type":"subscribed","types":["trunk.*","call.created"]}`},
		{`{"do":"unsubscribe","types":["trunk.*"]}`, `{"type":"subscribed","types":["call.created"]}`},
		{`{"do":"subscribe","types":["nothing"]}`, `{"type":"problem","detail":"there is no type of events nothing; * stands for the rest of a name"}`},
		{`{"do":"dance"}`, `{"type":"problem","detail":"do must be subscribe, unsubscribe or ping"}`},
		{`[`, ""},
	} {
		if got := say(x[0]); x[1] != "" && got != x[1] || x[1] == "" && !strings.Contains(got, "problem") {
			t.Errorf("%s: %s", x[0], got)
		}
	}
	tell(b, 1, "a")
	if _, got, err := c.Read(ctx); err != nil || !strings.Contains(string(got), `"call":"a0"`) {
		t.Errorf("%s %v", got, err)
	}
	if got := say(`{"do":"unsubscribe"}`); got != `{"type":"subscribed"}` {
		t.Error(got)
	}
	tell(b, 1, "a")
	if got := say(`{"do":"ping"}`); got != `{"type":"pong"}` {
		t.Error(got)
	}
	revoked.Store(true)
	if _, _, err := c.Read(ctx); websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
		t.Error(err)
	}

	c, _, err = websocket.Dial(ctx, s.URL+"/ws", nil) // who says too much
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	for range mostCommands + 1 {
		_ = c.Write(ctx, websocket.MessageText, []byte(`{"do":"ping"}`))
	}
	for err == nil {
		_, _, err = c.Read(ctx)
	}
	if websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
		t.Error(err)
	}
}

// TestAFaultIsOneEvents alone.
func TestAFaultIsOneEvents(t *testing.T) {
	b := open(t, "", nil)
	defer b.Close()
	l := listen(t, b, root, api.Listening{})
	b.Do(func() { panic("a fault") })
	tell(b, 1, "a")
	if w := words(t, l); w != "a0" {
		t.Error(w)
	}
}

// BenchmarkNobodyListens is what it costs a call to ask whether anybody does.
func BenchmarkNobodyListens(b *testing.B) {
	bus, err := Open(Config{File: filepath.Join(b.TempDir(), "events.last")})
	if err != nil {
		b.Fatal(err)
	}
	defer bus.Close()
	for b.Loop() {
		if bus.Awake() {
			b.Fatal("somebody listens")
		}
	}
}
