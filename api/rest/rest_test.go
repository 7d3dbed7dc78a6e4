package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"santral/access"
	"santral/api/client"
	"santral/observe/trace"
	"santral/service/registrar"
	"santral/store"
)

// exchange is what the API shows in these tests.
type exchange struct {
	calls    []LiveCall
	hungUp   []string
	steered  []string
	bindings []store.Binding // in the order of the list
	records  []store.CDR
	broken   error // of the records
	asked    store.CDRFilter
	traced   []string
	banned   []access.Ban
	lifted   []string
	allowed  []Allowed
	refuses  error // of Allow and Forbid
	sick     error
}

// CDRs pages by the number of the next record; every record fits every filter.
func (x *exchange) CDRs(_ context.Context, filter store.CDRFilter, cursor string, limit int) (page []store.CDR, next string, err error) {
	x.asked = filter
	from := 0
	if cursor != "" {
		if _, err := fmt.Sscanf(cursor, "n%d", &from); err != nil {
			return nil, "", store.ErrBadCursor
		}
	}
	if x.broken != nil {
		return nil, "", x.broken
	}
	var rows []store.CDR
	for _, r := range x.records {
		if filter.Call == "" || filter.Call == r.Call {
			rows = append(rows, r)
		}
	}
	rows = rows[min(from, len(rows)):]
	if len(rows) > limit {
		return rows[:limit], fmt.Sprintf("n%d", from+limit), nil
	}
	return rows, "", nil
}

func (x *exchange) CDR(ctx context.Context, _, call string) (store.CDR, error) {
	return store.CDR{}, store.ErrNotFound
}

func (x *exchange) list(after string, limit int) []store.Binding {
	for i := range x.bindings {
		if after != "" && registrar.Cursor(&x.bindings[i]) <= after {
			continue
		}
		return x.bindings[i:min(len(x.bindings), i+limit)]
	}
	return nil
}

const token = "t0ken"

func (x *exchange) config() Config {
	return Config{
		Token: token, Version: "1.2.3",
		Calls:         func() []LiveCall { return x.calls },
		Steer:         x,
		Registrations: x.list,
		CDRs:          x,
		Trace: func(_ context.Context, ids []string) ([]trace.Entry, error) {
			x.traced = ids
			return []trace.Entry{{CallID: ids[0], Proto: "UDP", Text: "INVITE sip:102@example.net SIP/2.0\r\n\r\n"}}, nil
		},
		LegIDs: func(id string) []LegID {
			if id == "c1" {
				return []LegID{{Tenant: "sample", SIPCallID: "live@a"}, {Tenant: "sample", SIPCallID: "live@b"}}
			}
			return nil
		},
		Bans:    func() []access.Ban { return x.banned },
		Unban:   func(source string) bool { x.lifted = append(x.lifted, source); return source == "[2001:db8::1]:5060" },
		Allowed: func() []Allowed { return x.allowed },
		Allow: func(p netip.Prefix) error {
			if x.refuses == nil {
				x.allowed = append(x.allowed, Allowed{Source: p.String()})
			}
			return x.refuses
		},
		Forbid: func(p netip.Prefix) (bool, error) {
			i := slices.Index(x.allowed, Allowed{Source: p.String()})
			if i >= 0 {
				x.allowed = slices.Delete(x.allowed, i, i+1)
			}
			return i >= 0, x.refuses
		},
		Ready:   func() error { return x.sick },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "santral_build_info 1\n") }),
	}
}

// serve gives the address of the exchange's HTTP side.
func (x *exchange) serve(t *testing.T) string {
	s := httptest.NewServer(Handler(x.config()))
	t.Cleanup(s.Close)
	return s.URL
}

// ask sends a request and gives the answer with its body.
func ask(t *testing.T, method, address string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// get asks with the token and decodes the answer.
func get[T any](t *testing.T, address string) (v T) {
	t.Helper()
	res, body := ask(t, "GET", address, "Authorization", "Bearer "+token)
	if res.StatusCode != 200 {
		t.Fatalf("%s: %d %s", address, res.StatusCode, body)
	}
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	return v
}

// Every resource wants the token; health, metrics and the description of the API do not.
func TestToken(t *testing.T) {
	x := &exchange{}
	at := x.serve(t)
	for _, path := range []string{"GET /api/v1/calls", "DELETE /api/v1/calls/c1", "GET /api/v1/calls/c1/trace", "GET /api/v1/registrations",
		"GET /api/v1/cdrs", "GET /api/v1/cdrs/c1", "GET /api/v1/bans", "DELETE /api/v1/bans/192.0.2.1:5060", "GET /api/v1/allow", "POST /api/v1/allow", "DELETE /api/v1/allow/192.0.2.1"} {
		method, path, _ := strings.Cut(path, " ")
		for _, header := range [][]string{nil, {"Authorization", ""}, {"Authorization", "Bearer"}, {"Authorization", "Bearer wrong"}, {"Authorization", "Basic " + token}, {"Authorization", "Bearer " + token + "x"}} {
			res, body := ask(t, method, at+path, header...)
			if res.StatusCode != 401 || res.Header.Get("WWW-Authenticate") != "Bearer" || !strings.Contains(body, "token") {
				t.Errorf("%s %s with %q: %d %s", method, path, header, res.StatusCode, body)
			}
		}
	}
	if len(x.hungUp)+len(x.lifted) > 0 {
		t.Errorf("without a token %v was hung up and %v lifted", x.hungUp, x.lifted)
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/openapi.json"} {
		if res, body := ask(t, "GET", at+path); res.StatusCode != 200 {
			t.Errorf("%s: %d %s", path, res.StatusCode, body)
		}
	}
}

// An exchange without a token has a closed API, not an open one.
func TestNoTokenAtAll(t *testing.T) {
	c := (&exchange{}).config()
	c.Token = ""
	s := httptest.NewServer(Handler(c))
	defer s.Close()
	for _, header := range []string{"", "Bearer", "Bearer "} {
		if res, _ := ask(t, "GET", s.URL+"/api/v1/calls", "Authorization", header); res.StatusCode != 401 {
			t.Errorf("with %q: %d", header, res.StatusCode)
		}
	}
}

// What goes wrong is told as a problem document (RFC 9457), and never taken for something else.
func TestProblems(t *testing.T) {
	x := &exchange{broken: errors.New("select * from secrets")}
	at := x.serve(t)
	for path, status := range map[string]int{
		"GET /api/v1/cdrs?limit=0":                    422,
		"GET /api/v1/cdrs?limit=1001":                 422,
		"GET /api/v1/cdrs?limit=many":                 422,
		"GET /api/v1/cdrs?state=lost":                 422,
		"GET /api/v1/cdrs?from=yesterday":             422,
		"GET /api/v1/cdrs?cursor=elsewhere":           400,
		"GET /api/v1/cdrs":                            500,
		"GET /api/v1/registrations?cursor=n5":         400,
		"GET /api/v1/registrations?limit=1001":        422,
		"DELETE /api/v1/calls/none":                   404,
		"GET /api/v1/calls/none/trace":                500,
		"DELETE /api/v1/bans/192.0.2.1:5060":          404,
		"GET /api/v1/cdrs/" + strings.Repeat("x", 65): 422,
	} {
		method, path, _ := strings.Cut(path, " ")
		res, body := ask(t, method, at+path, "Authorization", "Bearer "+token)
		var p client.Problem
		err := json.Unmarshal([]byte(body), &p)
		if res.StatusCode != status || err != nil || p.Status != status || p.Title == "" || p.Detail == "" {
			t.Errorf("%s %s: %d %s, want %d", method, path, res.StatusCode, body, status)
		}
		if kind := res.Header.Get("Content-Type"); kind != "application/problem+json" {
			t.Errorf("%s %s: Content-Type %q", method, path, kind)
		}
		if res.Header.Get("X-Content-Type-Options") != "nosniff" || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s: headers %v", method, path, res.Header)
		}
		if strings.Contains(body, "secrets") {
			t.Errorf("%s %s tells what is inside: %s", method, path, body)
		}
	}
	if res, _ := ask(t, "GET", at+"/api/v1/nothing", "Authorization", "Bearer "+token); res.StatusCode != 404 {
		t.Errorf("a path of nobody: %d", res.StatusCode)
	}
	if res, _ := ask(t, "PUT", at+"/api/v1/calls", "Authorization", "Bearer "+token); res.StatusCode != 405 {
		t.Errorf("a method of nobody: %d", res.StatusCode)
	}
}

func TestCalls(t *testing.T) {
	began := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	x := &exchange{calls: []LiveCall{{Call: "c1", Tenant: "sample", From: "101", Dialled: "102", To: "102", State: "answered", Began: began,
		Legs: []LiveLeg{{Leg: "a", Direction: "in", Account: "101", SIPCallID: "live@a", Codec: "PCMA"}}}}}
	at := x.serve(t)
	if page := get[Page[LiveCall]](t, at+"/api/v1/calls"); !reflect.DeepEqual(page.Items, x.calls) || page.Next != "" {
		t.Errorf("calls %+v", page)
	}
	if res, body := ask(t, "DELETE", at+"/api/v1/calls/c1", "Authorization", "Bearer "+token); res.StatusCode != 204 || body != "" {
		t.Errorf("ending a call: %d %s", res.StatusCode, body)
	}
	x.calls = nil
	if _, body := ask(t, "GET", at+"/api/v1/calls", "Authorization", "Bearer "+token); !strings.Contains(body, `"items":[]`) {
		t.Errorf("no calls are %s", body)
	}
}

// A call's ladder is there while it goes on and after it has ended.
func TestTrace(t *testing.T) {
	x := &exchange{records: []store.CDR{{Call: "c2", Legs: []store.CDRLeg{{SIPCallID: "ended@a"}, {}, {SIPCallID: "ended@b"}}}}}
	at := x.serve(t)
	for call, ids := range map[string]string{"c1": "[live@a live@b c1]", "c2": "[c2 ended@a ended@b]"} {
		page := get[Page[trace.Entry]](t, at+"/api/v1/calls/"+call+"/trace")
		if fmt.Sprint(x.traced) != ids || len(page.Items) != 1 || !strings.HasPrefix(page.Items[0].Text, "INVITE ") {
			t.Errorf("%s: messages of %v: %+v", call, x.traced, page)
		}
	}
	for format, want := range map[string]string{
		"text":   "text/plain; charset=utf-8 ", // a ladder begins with its columns
		"pcapng": "application/octet-stream \n\r\r\n",
		"json":   `application/json {"items":[`,
		"other":  "application/problem+json {",
	} {
		res, body := ask(t, "GET", at+"/api/v1/calls/c1/trace?format="+format, "Authorization", "Bearer "+token)
		if got := res.Header.Get("Content-Type") + " " + body; !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q", format, got[:min(len(got), 80)])
		}
		if format == "text" && !strings.Contains(body, "INVITE") {
			t.Errorf("the ladder is %q", body)
		}
	}
	if res, body := ask(t, "GET", at+"/api/v1/calls/c3/trace", "Authorization", "Bearer "+token); res.StatusCode != 404 {
		t.Errorf("a call of nobody: %d %s", res.StatusCode, body)
	}
}

// All pages together are the list, whatever their size and whatever a contact holds.
func TestRegistrationsArePaged(t *testing.T) {
	x := &exchange{}
	for _, account := range []string{"101", "102", "103"} {
		for _, contact := range []string{"sip:1@192.0.2.1;a=b/c?", "sip:2@192.0.2.1 &cursor=x", "sip:۳@192.0.2.1"} {
			x.bindings = append(x.bindings, store.Binding{Tenant: "sample", Account: account, Contact: contact, Q: 500})
		}
	}
	at := x.serve(t)
	for size := 1; size <= 10; size++ {
		var all []string
		for cursor, pages := "", 0; ; pages++ {
			page := get[Page[Registration]](t, at+"/api/v1/registrations?limit="+fmt.Sprint(size)+"&cursor="+url.QueryEscape(cursor))
			if len(page.Items) > size || pages > 10 {
				t.Fatalf("pages of %d: %d rows on page %d", size, len(page.Items), pages)
			}
			for _, r := range page.Items {
				all = append(all, r.Account+" "+r.Contact)
				if r.Q != 0.5 {
					t.Errorf("q %v", r.Q)
				}
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		var want []string
		for _, b := range x.bindings {
			want = append(want, b.Account+" "+b.Contact)
		}
		if !reflect.DeepEqual(all, want) {
			t.Errorf("pages of %d:\n got %q\nwant %q", size, all, want)
		}
	}
}

func TestCDRs(t *testing.T) {
	x := &exchange{}
	for i := range 7 {
		x.records = append(x.records, store.CDR{Seq: uint64(i), Call: fmt.Sprint("c", i), State: store.Busy, FromName: `<script>"=1+1`})
	}
	at := x.serve(t)
	var all []string
	for cursor := ""; len(all) < 20; {
		page := get[Page[store.CDR]](t, at+"/api/v1/cdrs?limit=3&cursor="+cursor)
		for _, r := range page.Items {
			all = append(all, r.Call)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if fmt.Sprint(all) != "[c0 c1 c2 c3 c4 c5 c6]" {
		t.Errorf("pages hold %v", all)
	}
	get[Page[store.CDR]](t, at+"/api/v1/cdrs?tenant=sample&account=101&state=no%20answer&from=2026-11-23T00:00:00Z&until=2026-11-24T00:00:00%2B03:30")
	if f := x.asked; f.Tenant != "sample" || f.Account != "101" || f.State != store.NoAnswer || f.From.Day() != 23 || f.Until.UTC().Hour() != 20 {
		t.Errorf("asked for %+v", f)
	}
	if r := get[store.CDR](t, at+"/api/v1/cdrs/c3"); r.Call != "c3" || r.State != store.Busy {
		t.Errorf("record %+v", r)
	}
	if _, body := ask(t, "GET", at+"/api/v1/cdrs/c3", "Authorization", "Bearer "+token); strings.Contains(body, "<script>") {
		t.Errorf("a display name came through raw: %s", body)
	}
	if res, _ := ask(t, "GET", at+"/api/v1/cdrs/none", "Authorization", "Bearer "+token); res.StatusCode != 404 {
		t.Errorf("a record of nobody: %d", res.StatusCode)
	}
}

func TestBans(t *testing.T) {
	until := time.Date(2026, 11, 23, 8, 5, 0, 0, time.UTC)
	x := &exchange{banned: []access.Ban{{Source: netip.MustParseAddrPort("[2001:db8::1]:5060"), Until: until}}}
	at := x.serve(t)
	if page := get[Page[Ban]](t, at+"/api/v1/bans"); len(page.Items) != 1 || page.Items[0].Source != "[2001:db8::1]:5060" || !page.Items[0].Until.Equal(until) {
		t.Errorf("bans %+v", page)
	}
	c := client.Client{URL: at, Token: token}
	if err := c.Unban(t.Context(), "[2001:db8::1]:5060"); err != nil || fmt.Sprint(x.lifted) != "[[2001:db8::1]:5060]" {
		t.Errorf("lifted %v, %v", x.lifted, err)
	}
	if err := c.Unban(t.Context(), "192.0.2.1:1"); err == nil || !strings.Contains(err.Error(), "not banned") {
		t.Errorf("lifting nothing: %v", err)
	}
}

// The networks that are never banned are listed, added and taken out.
func TestAllowed(t *testing.T) {
	x := &exchange{allowed: []Allowed{{Source: "10.0.0.0/8", Boot: true}}, banned: []access.Ban{{Source: netip.MustParseAddrPort("192.0.2.9:0")}}}
	at := x.serve(t)
	c := client.Client{URL: at, Token: token}
	for _, source := range []string{"192.0.2.7/24", "2001:db8::1"} {
		if err := c.Allow(t.Context(), source); err != nil {
			t.Error(err)
		}
	}
	if err := c.Allow(t.Context(), "everybody"); err == nil || !strings.Contains(err.Error(), "write a network") {
		t.Error(err)
	}
	list, err := c.Allowed(t.Context())
	if want := "[{10.0.0.0/8 true} {192.0.2.0/24 false} {2001:db8::1/128 false}]"; err != nil || fmt.Sprint(list) != want {
		t.Errorf("%v, %v, want %s", list, err, want)
	}
	if err := c.Forbid(t.Context(), "192.0.2.0/24"); err != nil || len(x.allowed) != 2 {
		t.Errorf("%v, %v", x.allowed, err)
	}
	if err := c.Forbid(t.Context(), "10.0.0.0/8"); err == nil || !strings.Contains(err.Error(), "boot file") {
		t.Error(err)
	}
	x.refuses = ErrTooMany
	if err := c.Allow(t.Context(), "192.0.2.8"); err == nil || !strings.Contains(err.Error(), "no more") {
		t.Error(err)
	}
	x.refuses = errors.New("the disk is full")
	if err := c.Allow(t.Context(), "192.0.2.8"); err == nil || strings.Contains(err.Error(), "full") {
		t.Errorf("told outside: %v", err)
	}
	if bans, err := c.Bans(t.Context()); err != nil || bans[0].Source != "192.0.2.9" {
		t.Errorf("an address alone: %v, %v", bans, err)
	}
}

func TestHealth(t *testing.T) {
	x := &exchange{}
	at := x.serve(t)
	if res, body := ask(t, "GET", at+"/readyz"); res.StatusCode != 200 || body != "ready\n" {
		t.Errorf("ready: %d %q", res.StatusCode, body)
	}
	x.sick = errors.New("the disk is full")
	if res, body := ask(t, "GET", at+"/readyz"); res.StatusCode != 503 || body != "the disk is full\n" {
		t.Errorf("sick: %d %q", res.StatusCode, body)
	}
	if res, body := ask(t, "GET", at+"/healthz"); res.StatusCode != 200 || body != "ok\n" {
		t.Errorf("alive though sick: %d %q", res.StatusCode, body)
	}
}

// The description names every resource, its version and its token.
func TestOpenAPI(t *testing.T) {
	res, body := ask(t, "GET", (&exchange{}).serve(t)+"/openapi.json")
	var d struct {
		OpenAPI string
		Info    struct{ Title, Version string }
		Paths   map[string]map[string]struct {
			OperationID string
			Summary     string
		}
		Security   []map[string][]string
		Components struct {
			SecuritySchemes map[string]struct{ Type, Scheme string }
		}
	}
	if err := json.Unmarshal([]byte(body), &d); err != nil || res.StatusCode != 200 {
		t.Fatalf("%d %v", res.StatusCode, err)
	}
	if !strings.HasPrefix(d.OpenAPI, "3.1") || d.Info.Title != "Santral" || d.Info.Version != "1.2.3" {
		t.Errorf("openapi %q, info %+v", d.OpenAPI, d.Info)
	}
	if len(d.Security) != 2 || d.Components.SecuritySchemes["token"].Scheme != "bearer" {
		t.Errorf("security %v, %v", d.Security, d.Components.SecuritySchemes)
	}
	for path, methods := range map[string]string{
		"/api/v1/calls": "get", "/api/v1/calls/{call}": "delete", "/api/v1/calls/{call}/trace": "get",
		"/api/v1/registrations": "get", "/api/v1/cdrs": "get", "/api/v1/cdrs/{call}": "get",
		"/api/v1/bans": "get", "/api/v1/bans/{source}": "delete",
	} {
		if op := d.Paths[path][methods]; op.OperationID == "" || op.Summary == "" {
			t.Errorf("%s %s is not described", methods, path)
		}
	}
}

// The command line's client reads what the API writes.
func TestClient(t *testing.T) {
	began := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	x := &exchange{
		calls: []LiveCall{{Call: "c1", From: "101", Dialled: "102", To: "102", State: "ringing", Began: began,
			Legs: []LiveLeg{{Leg: "a", Streams: []LiveStream{{Stream: store.Stream{MOS: 4.2, Lost: 3, Measured: store.Measured{Course: store.Course{Worst: 3.5}, Heard: &store.Heard{MOS: 4.1}}}}}, Notices: []store.Notice{{At: began, What: "one way", Addr: "192.0.2.1:4000"}}}}}},
		bindings: []store.Binding{{Tenant: "sample", Account: "101", Contact: "sip:101@192.0.2.1", Flow: "UDP x y 0", UserAgent: "Phone", Expires: began}},
		records:  []store.CDR{{Call: "c2", State: store.NoAnswer, FromNumber: "101", Dialled: "102", To: "102", Began: began, TalkTime: 1500, EndedBy: "caller", SIP: 480, Q850: 19, Cause: "no answer", Codec: "PCMA"}},
	}
	c := client.Client{URL: x.serve(t), Token: token}
	calls, err := c.Calls(t.Context())
	if err != nil || len(calls) != 1 || calls[0].Call != "c1" || calls[0].From != "101" || calls[0].Dialled != "102" || calls[0].To != "102" || calls[0].State != "ringing" || !calls[0].Began.Equal(began) {
		t.Errorf("calls %+v, %v", calls, err)
	}
	if l := calls[0].Legs; len(l) != 1 || l[0].Streams[0].MOS != 4.2 || l[0].Streams[0].Worst != 3.5 || l[0].Streams[0].Heard.MOS != 4.1 || l[0].Notices[0] != (client.Notice{At: began, What: "one way", Addr: "192.0.2.1:4000"}) {
		t.Errorf("legs %+v", l)
	}
	regs, err := c.Registrations(t.Context(), "", 10)
	if err != nil || len(regs.Items) != 1 || regs.Items[0] != (client.Registration{Account: "101", Contact: "sip:101@192.0.2.1", Flow: "UDP x y 0", UserAgent: "Phone", Expires: began}) {
		t.Errorf("registrations %+v, %v", regs, err)
	}
	records, err := c.Records(t.Context(), nil, "", 10)
	want := client.CDR{Call: "c2", State: "no answer", FromNumber: "101", Dialled: "102", To: "102", Began: began, TalkMS: 1500, EndedBy: "caller", SIP: 480, Q850: 19, Cause: "no answer", Codec: "PCMA"}
	if err != nil || len(records.Items) != 1 || !reflect.DeepEqual(records.Items[0], want) {
		t.Errorf("records %+v, %v", records, err)
	}
	var entries []trace.Entry
	if file, err := c.Capture(t.Context(), "c1"); err != nil || !strings.HasPrefix(string(file), "\n\r\r\n") {
		t.Errorf("capture %q, %v", file, err)
	}
	if err := c.Trace(t.Context(), "c1", &entries); err != nil || len(entries) != 1 {
		t.Errorf("trace %+v, %v", entries, err)
	}
	if err := c.Hangup(t.Context(), "c1"); err != nil {
		t.Errorf("hang up: %v", err)
	}
	if err := c.Hangup(t.Context(), "c9/../c1"); err == nil {
		t.Errorf("a crooked id hung up %v", x.hungUp)
	}
	c.Token = "wrong"
	if _, err := c.Calls(t.Context()); err == nil || !strings.Contains(err.Error(), "token") {
		t.Errorf("with the wrong token: %v", err)
	}
}

// What the API wants of calls is noted; there is call c1 alone.

func (x *exchange) note(what, id string) error {
	x.steered = append(x.steered, what)
	if id != "c1" {
		return store.ErrNotFound
	}
	return nil
}
func (x *exchange) Transfer(id, leg, number string) error {
	return x.note("transfer "+leg+" to "+number, id)
}
func (x *exchange) TransferInto(id, leg, into string) error {
	return x.note("transfer "+leg+" into "+into, id)
}
func (x *exchange) Hold(id, leg string, held bool) error {
	return x.note(fmt.Sprint("hold ", leg, " ", held), id)
}
func (x *exchange) Pull(id, leg, device string) error {
	if device == "away" {
		return &Refusal{SIP: 480, Text: "subscriber absent"}
	}
	return x.note("pull "+leg+" to "+device, id)
}
func (x *exchange) Press(id, leg, keys string) error { return x.note("press "+leg+" "+keys, id) }
func (x *exchange) End(id, cause string) error {
	x.hungUp = append(x.hungUp, id)
	return x.note("end "+cause, id)
}
