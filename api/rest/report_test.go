package rest

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"santral/api"
	"santral/store"
	"santral/store/db"
	"santral/tenant"
)

// people are who asks, by their tokens.
type people map[string]api.Identity

func (p people) Identify(r *http.Request, _ netip.Addr) (api.Identity, *api.Denial) {
	return p[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")], nil
}

// TestRecordsOfTwoTenants asks every way of reading records as either of two tenants that call each other, and as one of their users: nobody
// sees anything of what is inside of the other's house.
func TestRecordsOfTwoTenants(t *testing.T) {
	tables, err := db.Open(t.Context(), t.TempDir()+"/x.db")
	if err != nil {
		t.Fatal(err)
	}
	defer tables.Close()
	began := time.Date(2026, 3, 21, 10, 0, 0, 0, time.UTC)
	var rows []store.CDR
	for i := range 6 {
		at := began.Add(time.Duration(i) * time.Hour)
		c := store.CDR{
			Seq: uint64(i + 1), Call: fmt.Sprint("call", i), Tenant: "north", ToTenant: "south", State: store.Answered, FromAccount: "7770101", FromNumber: "alphanumber", FromName: "Sara", Source: "192.0.2.99:5060", Dialled: "9021",
			Number: "+982191000102", Shown: "+982144440000", To: "8880102", AnsweredBy: "8880102", Site: "alphasite", Department: "alphadepartment", ToSite: "bravosite", ToDepartment: "bravodepartment", Because: "bravorule",
			Began: at, Answered: at.Add(time.Second), Ended: at.Add(time.Minute), TalkTime: 59_000, EndedBy: "caller", SIP: 200, Q850: 16, Cause: "normal",
			Legs: []store.CDRLeg{
				{Leg: "a", Direction: "in", Tenant: "north", Account: "7770101", UserAgent: "alphaphone", Remote: "192.0.2.99:5060", SIPCallID: "alphaid", Began: at, Ended: at},
				{Leg: "b", Direction: "out", Tenant: "south", Account: "8880102", UserAgent: "bravophone", Remote: "198.51.100.7:5060", SIPCallID: "bravoid", Began: at, Answered: at, Ended: at},
			},
		}
		if i == 5 {
			c.Story = "call4"
		}
		c.Derive()
		rows = append(rows, c)
	}
	if err := tables.AddCDRs(t.Context(), store.Fold{}, store.Fold{Done: 1, Low: 1, Count: 6}, store.Folded{CDRs: rows}); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(Handler(Config{
		Token: "root", CDRs: tables, Metrics: http.NotFoundHandler(), Ready: func() error { return nil },
		Records: Records{Read: tables, Filters: tables, Sent: tables, Archives: tables, Open: func(context.Context, string) (io.ReadCloser, error) { return nil, store.ErrNotFound }},
		Who: people{
			"north": {Kind: "token", Name: "n", Tenant: "north", Role: tenant.RoleAdmin}, "south": {Kind: "token", Name: "s", Tenant: "south", Role: tenant.RoleAdmin},
			"user": {Kind: "session", Name: "u", Tenant: "south", Role: tenant.RoleUser, Account: "other"}, "mine": {Kind: "session", Name: "m", Tenant: "south", Role: tenant.RoleUser, Account: "8880102"},
			"third": {Kind: "token", Name: "t", Tenant: "third", Role: tenant.RoleAdmin},
		},
	}))
	defer web.Close()
	ask := func(who, method, path, body string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, web.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+who)
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(text)
	}
	span := "from=2026-03-21T00:00:00Z&until=2026-03-22T00:00:00Z"
	for _, path := range []string{
		"/api/v1/cdrs", "/api/v1/cdrs?parts=true", "/api/v1/cdrs/call1", "/api/v1/cdrs?call=call2", "/api/v1/cdrs?format=csv", "/api/v1/cdrs?format=jsonl", "/api/v1/cdrs?format=csv&parts=true", "/api/v1/cdrs/totals",
		"/api/v1/reports/calls?" + span, "/api/v1/reports/days?" + span, "/api/v1/reports/hours?" + span, "/api/v1/reports/departments?" + span, "/api/v1/reports/accounts?" + span, "/api/v1/reports/trunks?" + span,
		"/api/v1/reports/destinations?" + span, "/api/v1/reports/missed?" + span, "/api/v1/reports/accounts?format=csv&" + span,
	} {
		for who, others := range map[string]string{"north": "bravo", "south": "alpha"} {
			status, text := ask(who, "GET", path, "")
			if status != 200 || strings.Contains(text, others) || who == "south" && (strings.Contains(text, "192.0.2.99") || strings.Contains(text, "7770101")) || who == "north" && (strings.Contains(text, "198.51.100.7") || strings.Contains(text, "8880102")) {
				t.Errorf("%s of %s: %d %s", path, who, status, text)
			}
		}
		for _, who := range []string{"third", "user"} {
			if status, text := ask(who, "GET", path, ""); strings.Contains(text, "alpha") || strings.Contains(text, "bravo") || status != 200 && status != 404 && status != 403 {
				t.Errorf("%s of %s: %d %s", path, who, status, text)
			}
		}
	}
	for who, want := range map[string]int{"north": 5, "south": 5, "mine": 5, "user": 0, "third": 0, "root": 5} {
		var page Page[store.CDR]
		if status, text := ask(who, "GET", "/api/v1/cdrs", ""); status != 200 || json.Unmarshal([]byte(text), &page) != nil || len(page.Items) != want {
			t.Errorf("%s: %d with %d rows", who, status, len(page.Items))
		} else if want > 0 && (len(page.Items[0].Parts) != 2 || who == "south" && (page.Items[1].Direction != store.Inbound || page.Items[1].FromNumber != "+982144440000")) {
			t.Errorf("%s: %+v", who, page.Items[0])
		}
		var sums CDRTotals
		if status, text := ask(who, "GET", "/api/v1/cdrs/totals", ""); status != 200 || json.Unmarshal([]byte(text), &sums) != nil || int(sums.Calls) != want {
			t.Errorf("%s: %d, %s", who, status, text)
		}
		if status, text := ask(who, "GET", "/api/v1/cdrs?format=csv", ""); status != 200 {
			t.Errorf("%s: %d, %s", who, status, text)
		} else if lines, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff"))).ReadAll(); err != nil || len(lines) != want+2 {
			t.Errorf("%s: %d lines, %v", who, len(lines), err)
		}
	}
	for _, c := range []struct {
		who, method, path, body string
		want                    int
	}{
		{"north", "GET", "/api/v1/cdrs?tenant=south", "", 404}, {"north", "GET", "/api/v1/cdrs/totals?tenant=south", "", 404}, {"mine", "GET", "/api/v1/reports/days?" + span, "", 403}, {"mine", "GET", "/api/v1/cdrs?account=101", "", 404},
		{"north", "GET", "/api/v1/reports/days?from=2026-03-22T00:00:00Z&until=2026-03-21T00:00:00Z", "", 422}, {"north", "GET", "/api/v1/reports/days?zone=../etc", "", 422}, {"north", "GET", "/api/v1/reports/days?zone=Local", "", 422},
		{"north", "PUT", "/api/v1/cdr-filters/busy%20ones", `{"state":"busy","longer":5}`, 200}, {"north", "PUT", "/api/v1/cdr-filters/x", `{"state":"lost"}`, 422}, {"north", "PUT", "/api/v1/cdr-filters/x", `{"nothing":1}`, 422},
		{"mine", "PUT", "/api/v1/cdr-filters/x?shared=true", `{}`, 403}, {"north", "PUT", "/api/v1/cdr-filters/all?shared=true", `{"state":"answered"}`, 200}, {"south", "GET", "/api/v1/cdrs?filter=all", "", 404},
		{"north", "GET", "/api/v1/cdrs?filter=all", "", 200}, {"north", "GET", "/api/v1/cdrs?filter=none", "", 404}, {"north", "DELETE", "/api/v1/cdr-filters/none", "", 404}, {"north", "DELETE", "/api/v1/cdr-filters/busy%20ones", "", 204},
		{"north", "GET", "/api/v1/archive?name=records/south/x", "", 404}, {"user", "GET", "/api/v1/archives", "", 403}, {"north", "GET", "/api/v1/archives", "", 200}, {"north", "GET", "/api/v1/cdrs?cursor=x", "", 400},
		{"nobody", "GET", "/api/v1/cdrs?format=csv", "", 401},
	} {
		if status, text := ask(c.who, c.method, c.path, c.body); status != c.want {
			t.Errorf("%s %s of %s: %d %s", c.method, c.path, c.who, status, text)
		}
	}
}
