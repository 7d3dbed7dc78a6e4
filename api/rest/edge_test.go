package rest

import (
	"bytes"
	"context"
	"crypto/tls"
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

	"github.com/danielgtaylor/huma/v2"

	"santral/api"
	"santral/base/seal"
	"santral/store"
	"santral/tenant"
)

// keeper is a store.Answers and an Audits of tests.
type keeper struct {
	mu      sync.Mutex
	answers map[string]store.Answer
	lines   []store.Audit
	away    error
}

func (s *keeper) Answer(_ context.Context, owner, key string) (store.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.answers[owner+"\x00"+key]
	switch {
	case s.away != nil:
		return a, s.away
	case !ok:
		return a, store.ErrNotFound
	}
	return a, nil
}
func (s *keeper) PutAnswer(_ context.Context, a store.Answer, _ int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[a.Owner+"\x00"+a.Key] = a
	return s.away
}
func (s *keeper) DropAnswers(context.Context, time.Time) error { return nil }
func (s *keeper) Note(a store.Audit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, a)
}
func (s *keeper) Audits(_ context.Context, f store.AuditFilter, _ string, _ int) (list []store.Audit, _ string, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.lines {
		if f.Tenant == "" || f.Tenant == a.Tenant {
			list = append(list, a)
		}
	}
	return list, "", nil
}

func newKeeper(t *testing.T) (*keeper, Answers) {
	key, err := seal.Open(filepath.Join(t.TempDir(), "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	s := &keeper{answers: map[string]store.Answer{}}
	return s, Answers{Store: s, Box: key.Box("answers")}
}

// send sends a request with a body.
func send(t *testing.T, h http.Handler, method, path, text string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://pbx.example.com"+path, strings.NewReader(text))
	r.RemoteAddr = "127.0.0.1:9"
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "from" {
			r.RemoteAddr = header[i+1]
			continue
		}
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func bodyOf(res *http.Response) string {
	text, _ := io.ReadAll(res.Body)
	return string(text)
}

// isProblem fails unless an answer is a whole problem document.
func isProblem(t *testing.T, what string, res *http.Response, status int, text string) {
	t.Helper()
	body := bodyOf(res)
	var p api.Problem
	err := json.Unmarshal([]byte(body), &p)
	if res.StatusCode != status || err != nil || p.Status != status || p.Title == "" || p.Detail == "" || !strings.Contains(body, text) || res.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s: %d %q %s, want %d with %q", what, res.StatusCode, res.Header.Get("Content-Type"), body, status, text)
	}
}

// Everything that is not done is a problem that says what to do: also what the mux, the decoder and a fault of ours answer.
func TestEveryRefusalIsAProblem(t *testing.T) {
	x := &exchange{}
	c := x.config()
	c.Dial = func(DialRequest) (string, error) { panic("a fault") }
	h := Handler(c)
	auth := []string{"Authorization", "Bearer " + token}
	for _, k := range []struct {
		method, path, body string
		header             []string
		status             int
		text               string
	}{
		{"GET", "/api/v1/nothing", "", auth, 404, "openapi"},
		{"GET", "/", "", nil, 404, "openapi"},
		{"PATCH", "/api/v1/calls", "", auth, 405, "takes"},
		{"GET", "/api/v1/calls", "", append(auth, "Accept", "image/png"), 406, "Accept"},
		{"GET", "/api/v1/calls/none/trace", "", append(auth, "Accept", "application/json;q=0"), 406, "Accept"},
		{"POST", "/api/v1/calls", `{"from":"101","to":"102"}`, append(auth, "Content-Type", "application/xml"), 415, ""},
		{"POST", "/api/v1/calls", `{"from":`, auth, 400, ""},
		{"POST", "/api/v1/calls", ``, auth, 400, ""},
		{"POST", "/api/v1/calls", `{"from":7,"to":["x"]}`, auth, 422, "from"},
		{"POST", "/api/v1/calls", `{"from":"` + strings.Repeat("1", 33) + `","to":"102"}`, auth, 422, "from"},
		{"POST", "/api/v1/calls", `{"from":"` + strings.Repeat("1", 2<<20) + `","to":"102"}`, auth, 413, ""},
		{"POST", "/api/v1/calls", `{"from":"101","to":"102"}`, auth, 500, "a fault of ours"},
		{"GET", "/api/v1/calls", "", nil, 401, "token"},
	} {
		what := k.method + " " + k.path + " " + k.body[:min(len(k.body), 40)]
		res := send(t, h, k.method, k.path, k.body, append([]string{"Content-Type", "application/json"}, k.header...)...)
		if len(k.header) > 2 && k.header[2] == "Content-Type" {
			r := httptest.NewRequest(k.method, k.path, strings.NewReader(k.body))
			r.RemoteAddr = "127.0.0.1:9"
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("Content-Type", k.header[3])
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			res = w.Result()
		}
		isProblem(t, what, res, k.status, k.text)
		if res.Header.Get("Request-Id") == "" || res.Header.Get("X-Frame-Options") != "DENY" || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: headers %v", what, res.Header)
		}
		if k.status == 405 && !strings.Contains(res.Header.Get("Allow"), "GET") {
			t.Errorf("Allow: %q", res.Header.Get("Allow"))
		}
	}
	// What was sent is not said again: it may be a secret.
	res := send(t, h, "POST", "/api/v1/calls", `{"from":"101","to":"102","tenant":{"secret":"hunter22"}}`, auth...)
	if text := bodyOf(res); strings.Contains(text, "hunter22") || res.StatusCode != 422 {
		t.Errorf("%d %s", res.StatusCode, text)
	}
}

// A POST with a key is done once, however often it comes, and its answer is kept sealed.
func TestIdempotencyKeys(t *testing.T) {
	s, answers := newKeeper(t)
	x := &exchange{}
	c := x.config()
	c.Who, c.Answers = badge{}, answers
	var dialled atomic.Int32
	wait := make(chan struct{})
	c.Dial = func(r DialRequest) (string, error) {
		n := dialled.Add(1)
		switch r.To {
		case "slow":
			<-wait
		case "busy":
			return "", &Refusal{SIP: 486, Text: "busy"}
		}
		return fmt.Sprint("call-", n), nil
	}
	h := Handler(c)
	dial := func(who, key, to string) *http.Response {
		return send(t, h, "POST", "/api/v1/calls", `{"from":"101","to":"`+to+`"}`, "Authorization", "Bearer "+who, "Content-Type", "application/json", "Idempotency-Key", key)
	}
	const a, b = "role=admin tenant=a", "role=admin tenant=b"
	first := dial(a, `"k1"`, "102")
	again := dial(a, "k1", "102")
	if x, y := bodyOf(first), bodyOf(again); first.StatusCode != 201 || again.StatusCode != 201 || x != y || !strings.Contains(x, "call-1") || again.Header.Get("Idempotency-Replayed") != "true" || first.Header.Get("Content-Type") != again.Header.Get("Content-Type") || dialled.Load() != 1 {
		t.Errorf("%d %s, then %d %s %v", first.StatusCode, x, again.StatusCode, y, again.Header)
	}
	for _, kept := range s.answers {
		if bytes.Contains(kept.Body, []byte("call-1")) {
			t.Error("an answer is kept as it is")
		}
	}
	isProblem(t, "another body", dial(a, "k1", "103"), 422, "Idempotency-Key")
	if other := dial(b, "k1", "102"); bodyOf(other) == "" || other.Header.Get("Idempotency-Replayed") != "" {
		t.Error("another's key gave an answer")
	}
	if dialled.Load() != 2 {
		t.Errorf("dialled %d times", dialled.Load())
	}
	// What failed may be tried again.
	isProblem(t, "busy", dial(a, "k2", "busy"), 409, "busy")
	isProblem(t, "busy again", dial(a, "k2", "busy"), 409, "busy")
	if dialled.Load() != 4 {
		t.Errorf("dialled %d times", dialled.Load())
	}
	for _, key := range []string{`""`, strings.Repeat("k", 256), "k\x01"} {
		isProblem(t, key, dial(a, key, "102"), 400, "Idempotency-Key")
	}
	// While it is being done, the same is told to wait.
	done := make(chan *http.Response)
	go func() { done <- dial(a, "k3", "slow") }()
	for until := time.Now().Add(10 * time.Second); dialled.Load() != 5; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("dialled %d times", dialled.Load())
		}
	}
	if res := dial(a, "k3", "slow"); res.StatusCode != 409 || res.Header.Get("Retry-After") == "" {
		t.Errorf("meanwhile %d", res.StatusCode)
	}
	close(wait)
	if res := <-done; res.StatusCode != 201 {
		t.Errorf("%d", res.StatusCode)
	}
	// Over a restart it is the same; when its time is over, it is new.
	h = Handler(c)
	if res := dial(a, "k1", "102"); !strings.Contains(bodyOf(res), "call-1") || dialled.Load() != 5 {
		t.Error("a restart has forgotten")
	}
	for id, kept := range s.answers {
		kept.Made = kept.Made.Add(-AnswerLife)
		s.answers[id] = kept
	}
	if res := dial(a, "k1", "102"); res.Header.Get("Idempotency-Replayed") != "" || dialled.Load() != 6 {
		t.Error("a key is kept for ever")
	}
	s.away = fmt.Errorf("no database")
	isProblem(t, "away", dial(a, "k9", "102"), 503, "again")
	if res := dial(a, "", "102"); res.StatusCode != 201 {
		t.Errorf("without a key: %d", res.StatusCode)
	}
}

// Everything that is changed or refused is written down, and no secret with it.
func TestAudited(t *testing.T) {
	s, _ := newKeeper(t)
	x := &exchange{calls: []LiveCall{{Call: "c1", Tenant: "a", From: "101"}}}
	c := x.config()
	c.Who, c.Audits = badge{}, s
	h := Handler(c)
	last := func() store.Audit {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.lines) == 0 {
			return store.Audit{}
		}
		return s.lines[len(s.lines)-1]
	}
	res := send(t, h, "DELETE", "/api/v1/calls/c1", "", "Authorization", "Bearer role=admin tenant=a", "from", "192.0.2.9:5", "X-Forwarded-Proto", "https")
	_ = res
	if n := len(s.lines); n != 1 || last().What != "credentials" || last().Source != "192.0.2.9" || last().Tenant != tenant.OperatorID || strings.Contains(last().Note, "role=admin") {
		t.Errorf("credentials in plain: %+v", s.lines)
	}
	res = send(t, h, "DELETE", "/api/v1/calls/c1", "", "Authorization", "Bearer role=admin tenant=a")
	if a := last(); res.StatusCode != 204 || a.What != "end-call" || a.Tenant != "a" || a.Kind != "token" || a.Who != "t" || a.Status != 204 || len(a.Things) != 1 || a.Things[0] != "c1" || a.Source != "127.0.0.1" || a.Request != res.Header.Get("Request-Id") {
		t.Errorf("%d %+v", res.StatusCode, a)
	}
	send(t, h, "GET", "/api/v1/calls", "", "Authorization", "Bearer role=admin tenant=a")
	if last().What != "end-call" {
		t.Errorf("what is only read was audited: %+v", last())
	}
	send(t, h, "GET", "/api/v1/bans", "", "Authorization", "Bearer role=admin tenant=a")
	if a := last(); a.What != "list-bans" || a.Status != 403 || a.Tenant != "a" {
		t.Errorf("a refusal: %+v", a)
	}
	// What a tenant tries at another stands in its own book.
	send(t, h, "PUT", "/api/v1/mailboxes/b/101", `{"new":1}`, "Authorization", "Bearer role=admin tenant=a", "Content-Type", "application/json")
	if a := last(); a.What != "put-mailbox" || a.Tenant != "a" || a.Status != 404 {
		t.Errorf("at another's: %+v", a)
	}
	page := send(t, h, "GET", "/api/v1/audit", "", "Authorization", "Bearer role=admin tenant=b")
	if text := bodyOf(page); page.StatusCode != 200 || strings.Contains(text, "put-mailbox") {
		t.Errorf("another tenant reads %s", text)
	}
	for who, status := range map[string]int{"role=admin tenant=a": 200, "role=manager tenant=a": 403, "role=admin tenant=a site=x": 403} {
		if res := send(t, h, "GET", "/api/v1/audit", "", "Authorization", "Bearer "+who); res.StatusCode != status {
			t.Errorf("%s: %d", who, res.StatusCode)
		}
	}
}

// What proves who somebody is comes sealed, or from this machine.
func TestNothingInPlain(t *testing.T) {
	x := &exchange{}
	c := x.config()
	c.Edge = Edge{Secure: "https://pbx.example.com:8443", Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32")}}
	h := Handler(c)
	auth := []string{"Authorization", "Bearer " + token}
	for _, k := range []struct {
		header []string
		good   bool
	}{
		{[]string{"from", "127.0.0.1:5"}, true},
		{[]string{"from", "[::1]:5"}, true},
		{[]string{"from", "192.0.2.9:5"}, false},
		{[]string{"from", "192.0.2.9:5", "X-Forwarded-Proto", "https"}, false},
		{[]string{"from", "10.0.0.1:5", "X-Forwarded-Proto", "https", "X-Forwarded-For", "192.0.2.9"}, true},
		{[]string{"from", "10.0.0.1:5", "X-Forwarded-Proto", "http", "X-Forwarded-For", "192.0.2.9"}, false},
		{[]string{"from", "127.0.0.1:5", "X-Forwarded-For", "192.0.2.9"}, false},
	} {
		res := send(t, h, "GET", "/api/v1/calls", "", append(k.header, auth...)...)
		if k.good != (res.StatusCode == 200) {
			t.Errorf("%q: %d", k.header, res.StatusCode)
		}
		if !k.good {
			isProblem(t, fmt.Sprint(k.header), res, 403, "https://pbx.example.com:8443")
		}
	}
	// Over TLS it is good from everywhere, and browsers are told to come so again.
	r := httptest.NewRequest("GET", "https://pbx.example.com/api/v1/calls", nil)
	r.RemoteAddr, r.TLS = "192.0.2.9:5", &tls.ConnectionState{}
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 200 || w.Header().Get("Strict-Transport-Security") == "" {
		t.Errorf("over TLS: %d %v", w.Code, w.Header())
	}
	// Who comes to another address of this machine's own has not gone over a network.
	r = httptest.NewRequestWithContext(context.WithValue(t.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.ParseIP("192.0.2.9"), Port: 80}), "GET", "/api/v1/calls", nil)
	r.RemoteAddr = "192.0.2.9:5"
	r.Header.Set("Authorization", "Bearer "+token)
	w = httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 200 {
		t.Errorf("from this machine: %d", w.Code)
	}
	c.Edge.Plain = true
	if res := send(t, Handler(c), "GET", "/api/v1/calls", "", append([]string{"from", "192.0.2.9:5"}, auth...)...); res.StatusCode != 200 {
		t.Errorf("in a lab: %d", res.StatusCode)
	}
	// The figures are for this machine, or for who has a right to them.
	c.Edge.Plain, c.Who = true, badge{}
	h = Handler(c)
	for _, k := range []struct {
		header []string
		status int
	}{
		{[]string{"from", "127.0.0.1:5"}, 200},
		{[]string{"from", "192.0.2.9:5"}, 401},
		{[]string{"from", "192.0.2.9:5", "Authorization", "Bearer role=operator scopes=metrics:read"}, 200},
		{[]string{"from", "192.0.2.9:5", "Authorization", "Bearer role=operator scopes=calls:read"}, 403},
		{[]string{"from", "192.0.2.9:5", "Authorization", "Bearer role=admin tenant=a"}, 403},
	} {
		if res := send(t, h, "GET", "/metrics", "", k.header...); res.StatusCode != k.status {
			t.Errorf("figures for %q: %d", k.header, res.StatusCode)
		}
	}
	c.Edge.Open = true
	if res := send(t, Handler(c), "GET", "/metrics", "", "from", "192.0.2.9:5"); res.StatusCode != 200 {
		t.Errorf("open figures: %d", res.StatusCode)
	}
}

// A tenant's people and programs come from its own addresses alone, the operator's from the operator's; this machine can't
// lock itself out.
func TestAddressLists(t *testing.T) {
	x := &exchange{}
	c := x.config()
	c.Who = badge{}
	c.Edge = Edge{Plain: true, Addresses: func(id string) []netip.Prefix {
		return map[string][]netip.Prefix{"a": {netip.MustParsePrefix("192.0.2.0/24")}, "": {netip.MustParsePrefix("198.51.100.0/24")}}[id]
	}}
	h := Handler(c)
	for _, k := range []struct {
		who, from string
		status    int
	}{
		{"role=admin tenant=a", "192.0.2.7:1", 200}, {"role=admin tenant=a", "198.51.100.7:1", 403}, {"role=admin tenant=b", "203.0.113.1:1", 200},
		{"role=operator", "198.51.100.7:1", 200}, {"role=operator", "192.0.2.7:1", 403},
		{token, "198.51.100.7:1", 200}, {token, "192.0.2.7:1", 403}, {token, "127.0.0.1:1", 200},
	} {
		if res := send(t, h, "GET", "/api/v1/calls", "", "Authorization", "Bearer "+k.who, "from", k.from); res.StatusCode != k.status {
			t.Errorf("%s from %s: %d %s", k.who, k.from, res.StatusCode, bodyOf(res))
		}
	}
}

// Who asks too often is told when to come again, and keeps nobody else out.
func TestRates(t *testing.T) {
	x := &exchange{}
	c := x.config()
	c.Edge.Plain = true
	h := Handler(c)
	refused := 0
	var after string
	for range int(rateOfNobody.burst) + 50 {
		if res := send(t, h, "GET", "/api/v1/calls", "", "from", "192.0.2.9:5"); res.StatusCode == 429 {
			refused++
			after = res.Header.Get("Retry-After")
			isProblem(t, "429", res, 429, "wait")
		}
	}
	if refused < 40 || after != "1" {
		t.Errorf("%d refused, Retry-After %q", refused, after)
	}
	if res := send(t, h, "GET", "/api/v1/calls", "", "from", "192.0.2.9:5", "Authorization", "Bearer "+token); res.StatusCode != 200 {
		t.Errorf("who is known: %d", res.StatusCode)
	}
	if res := send(t, h, "GET", "/api/v1/calls", "", "from", "192.0.2.8:5"); res.StatusCode != 401 {
		t.Errorf("another source: %d", res.StatusCode)
	}
	var l rates
	now := time.Now()
	for i := range 3 * mostRated {
		l.take(fmt.Sprint(i), rateOfNobody, now)
	}
	if len(l.have) > mostRated {
		t.Errorf("%d are counted", len(l.have))
	}
	if l.take("x", rate{1, 1}, now) != 0 || l.take("x", rate{1, 1}, now) != time.Second || l.take("x", rate{1, 1}, now.Add(time.Second)) != 0 {
		t.Error("the rate is wrong")
	}
}

func TestAcceptable(t *testing.T) {
	o := &huma.Operation{Responses: map[string]*huma.Response{"200": {Content: map[string]*huma.MediaType{"application/json": {}, "audio/wav": {}}}, "404": {Content: map[string]*huma.MediaType{"image/png": {}}}}}
	for accept, want := range map[string]bool{
		"": true, "*/*": true, "application/*": true, "application/json": true, "Application/JSON; charset=utf-8": true, "text/html, audio/wav;q=0.5": true, "application/problem+json": true,
		"text/html": false, "image/png": false, "application/json;q=0, audio/wav;q=0.0": false, "nonsense": false,
	} {
		if got := acceptable(accept, o); got != want {
			t.Errorf("%q: %v", accept, got)
		}
	}
}
