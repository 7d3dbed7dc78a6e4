package rest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"santral/api/client"
	"santral/service/trunk"
	"santral/tenant"
)

// Trunks are listed as they stand, without their secrets, and certified clause by clause.
func TestTrunks(t *testing.T) {
	until := time.Date(2026, 11, 23, 8, 5, 0, 0, time.UTC)
	noun := &tenant.Trunk{Tenant: "acme", Name: "carrier", Mode: tenant.Registers, Channels: 30, Credential: tenant.Credential{Password: "correct-horse"}}
	c := (&exchange{}).config()
	c.Trunks = func() []trunk.Status {
		return []trunk.Status{{
			Noun: noun, State: "auth-failed",
			Registration: trunk.Registration{State: trunk.Failing, Fault: trunk.AuthFailed, Status: 403, Reason: "Forbidden", Until: until},
			Places:       []trunk.Place{{URI: "sip:sbc.example", Health: trunk.Returning, Share: .25, Status: 200, RTT: 1500 * time.Microsecond}},
		}}
	}
	c.TrunkCalls = func(tenant, trunk string) (in, out int) { return 2, 3 }
	c.Certify = func(_ context.Context, tenant, name, number string) ([]trunk.Clause, bool) {
		return []trunk.Clause{{Name: "call/answer", Asks: "it is answered", Verdict: trunk.Failed, Seen: "486 Busy, " + number}}, tenant == "acme" && name == "carrier"
	}
	server := httptest.NewServer(Handler(c))
	defer server.Close()
	res, body := ask(t, http.MethodGet, server.URL+"/api/v1/trunks", "Authorization", "Bearer "+token)
	if res.StatusCode != 200 || strings.Contains(body, "correct-horse") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	x := client.Client{URL: server.URL, Token: token}
	list, err := x.Trunks(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	k := list[0]
	if k.State != "auth-failed" || k.CallsIn != 2 || k.CallsOut != 3 || k.Registration.Fault != "auth-failed" || k.Registration.Status != 403 ||
		!k.Registration.Until.Equal(until) || k.Places[0].Health != "returning" {
		t.Errorf("the trunk is %+v", k)
	}
	clauses, err := x.Certify(t.Context(), "acme", "carrier", "+982199")
	if err != nil || len(clauses) != 1 || clauses[0] != (client.TrunkClause{Clause: "call/answer", Asks: "it is answered", Verdict: "failed", Seen: "486 Busy, +982199"}) {
		t.Errorf("%+v, %v", clauses, err)
	}
	if _, err := x.Certify(t.Context(), "acme", "nobody", ""); err == nil || !strings.Contains(err.Error(), "no such trunk") {
		t.Errorf("a trunk that is not there: %v", err)
	}
	if res, _ := ask(t, http.MethodPost, server.URL+"/api/v1/trunks/acme/carrier/certification?number=1%3B2", "Authorization", "Bearer "+token); res.StatusCode != 422 {
		t.Errorf("a number that is none gets %d", res.StatusCode)
	}
	if res, _ := ask(t, http.MethodPost, server.URL+"/api/v1/trunks/acme/carrier/certification"); res.StatusCode != 401 {
		t.Errorf("without a token it gets %d", res.StatusCode)
	}
}
