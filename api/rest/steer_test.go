package rest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// What is done with calls, for whose leg, and what is refused in words.
func TestSteering(t *testing.T) {
	x := &exchange{calls: []LiveCall{{Call: "c1", Tenant: "a", ToTenant: "a", From: "101", Dialled: "102", To: "102", State: "talking", Began: time.Now(), Legs: []LiveLeg{
		{Leg: "a", Direction: "in", Tenant: "a", Account: "101", Answered: true},
		{Leg: "b", Direction: "out", Tenant: "a", Account: "102", Answered: true},
		{Leg: "c", Direction: "out", Tenant: "a", Trunk: "pstn", Answered: true},
	}}}}
	c := x.config()
	c.Who = badge{}
	s := httptest.NewServer(Handler(c))
	defer s.Close()
	post := func(verb, who, text string) string {
		t.Helper()
		x.steered = nil
		res, answer := do(t, "POST", s.URL+"/api/v1/calls/"+verb, text, "Authorization", "Bearer "+who)
		if res.StatusCode >= 400 {
			if !strings.Contains(answer, `"detail"`) {
				t.Errorf("%s: %s", verb, answer)
			}
			return res.Status
		}
		return strings.Join(x.steered, ";")
	}
	const admin, ali, sara, other = "role=admin tenant=a", "role=user tenant=a account=101", "role=user tenant=a account=102", "role=admin tenant=b"
	for _, q := range []struct{ verb, who, text, want string }{
		{"c1/transfer", admin, `{"to": "103"}`, "transfer b to 103"},
		{"c1/transfer", ali, `{"to": "۱۰۳"}`, "transfer a to 103"},
		{"c1/transfer", sara, `{"call": "c1"}`, "transfer b into c1"},
		{"c1/transfer", ali, `{"to": "103", "leg": "b"}`, "404 Not Found"},
		{"c1/transfer", ali, `{"to": "103", "call": "c1"}`, "422 Unprocessable Entity"},
		{"c1/transfer", ali, `{}`, "422 Unprocessable Entity"},
		{"c1/transfer", ali, `{"call": "c9"}`, "404 Not Found"},
		{"c1/transfer", other, `{"to": "103"}`, "404 Not Found"},
		{"c1/transfer", "role=reporter tenant=a", `{"to": "103"}`, "404 Not Found"},
		{"c1/transfer", "role=admin tenant=a scopes=calls:read", `{"to": "103"}`, "403 Forbidden"},
		{"c9/transfer", admin, `{"to": "103"}`, "404 Not Found"},
		{"c1/hold", ali, ``, "hold a true"},
		{"c1/hold", admin, `{"account": "101"}`, "hold a true"},
		{"c1/hold", admin, `{"leg": "c"}`, "hold c true"},
		{"c1/resume", ali, `{}`, "hold a false"},
		{"c1/move", sara, `{}`, "pull b to "},
		{"c1/move", sara, `{"device": "away"}`, "409 Conflict"},
		{"c1/move", sara, `{"to": "0912"}`, "transfer b to 0912"},
		{"c1/move", sara, `{"to": "0912", "device": "x"}`, "422 Unprocessable Entity"},
		{"c1/digits", sara, `{"digits": "۱2,#d"}`, "press b 12 #D"},
		{"c1/digits", sara, `{"digits": "hello"}`, "422 Unprocessable Entity"},
		{"c1/digits", sara, `{"digits": 5}`, "422 Unprocessable Entity"},
		{"c1/digits", sara, `[`, "400 Bad Request"},
	} {
		if got := post(q.verb, q.who, q.text); got != q.want {
			t.Errorf("%s by %s %s: %q, want %q", q.verb, q.who, q.text, got, q.want)
		}
	}
	for _, q := range []struct{ path, who, want string }{
		{"/c1", ali, `"call":"c1"`}, {"/c1", other, "404"}, {"?state=ringing", admin, `"items":[]`}, {"?account=102", admin, `"call":"c1"`}, {"?trunk=pstn&limit=1", admin, `"call":"c1"`}, {"?trunk=x", admin, `"items":[]`}, {"", other, `"items":[]`},
	} {
		if _, text := do(t, "GET", s.URL+"/api/v1/calls"+q.path, "", "Authorization", "Bearer "+q.who); !strings.Contains(text, q.want) {
			t.Errorf("%s by %s: %s", q.path, q.who, text)
		}
	}
}

// A long list of calls comes in pages, none twice.
func TestCallsInPages(t *testing.T) {
	x := &exchange{}
	at := time.Now()
	for i := range 25 {
		x.calls = append(x.calls, LiveCall{Call: string(rune('a' + i)), Tenant: "a", State: "talking", Began: at.Add(time.Duration(i/2) * time.Second)})
	}
	url := x.serve(t)
	seen, cursor := "", ""
	for range 10 {
		page := get[Page[LiveCall]](t, url+"/api/v1/calls?limit=4&cursor="+cursor)
		for _, l := range page.Items {
			seen += l.Call
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if seen != "abcdefghijklmnopqrstuvwxy" {
		t.Error(seen)
	}
}

// do sends a request with a body of JSON, or with none.
func do(t *testing.T, method, address, text string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, address, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if text != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(answer)
}
