package rest

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"santral/store"
	"santral/tenant"
)

// office is webhooks of tests: each has "x", whose delivery 7 there is.
type office struct{ asked []string }

func (o *office) note(what string, key store.HookKey, more ...any) {
	o.asked = append(o.asked, strings.TrimSpace(fmt.Sprintln(append([]any{what, key.Tenant, key.Webhook}, more...)...)))
}
func (o *office) Webhook(key store.HookKey) *tenant.Webhook {
	if key.Webhook != "x" || key.Tenant == "" {
		return nil
	}
	return &tenant.Webhook{ID: "x"}
}
func (o *office) Off(key store.HookKey) bool { return key.Tenant == "off" }
func (o *office) SwitchOn(key store.HookKey) bool {
	o.note("on", key)
	return true
}
func (o *office) Deliveries(_ context.Context, f store.DeliveryFilter, cursor string, limit int) ([]store.Delivery, string, error) {
	state := "any"
	if f.State != nil {
		state = f.State.String()
	}
	o.note("list", f.HookKey, state, f.Type, cursor, limit)
	return []store.Delivery{{Seq: 7, Event: "evt_1", Attempts: []store.Attempt{}}}, "7", nil
}
func (o *office) Delivery(_ context.Context, key store.HookKey, seq uint64) (store.Delivery, error) {
	if seq != 7 {
		return store.Delivery{}, store.ErrNotFound
	}
	return store.Delivery{Seq: 7, Body: `{"a":1}`}, nil
}
func (o *office) Resend(_ context.Context, key store.HookKey, from, to uint64, only *store.DeliveryState) (int, error) {
	o.note("resend", key, from, to, only != nil)
	if from == 9 {
		return 0, nil
	}
	return 1, nil
}
func (o *office) Test(_ context.Context, key store.HookKey) (store.Delivery, error) {
	o.note("test", key)
	return store.Delivery{}, nil
}

// Webhooks of tenants and of the operator: what is asked reaches the right one, and others' are not there.
func TestWebhooksByTheAPI(t *testing.T) {
	x, o := &exchange{}, &office{}
	c := x.config()
	c.Who, c.Webhooks = badge{}, o
	s := httptest.NewServer(Handler(c))
	defer s.Close()
	const root, admin = "role=operator", "role=admin tenant=a"
	for _, q := range []struct{ who, method, path, text, want string }{
		{admin, "GET", "tenants/a/webhooks/x/deliveries?state=given+up&type=call.ended&limit=5&cursor=9", "", "list a x given up call.ended 9 5"},
		{root, "GET", "operator/webhooks/x/deliveries", "", "list operator x any   100"},
		{admin, "GET", "tenants/b/webhooks/x/deliveries", "", "404"},
		{admin, "GET", "operator/webhooks/x/deliveries", "", "403"},
		{"role=manager tenant=a", "GET", "tenants/a/webhooks/x/deliveries", "", "403"},
		{"role=admin tenant=a site=s", "GET", "tenants/a/webhooks/x/deliveries", "", "404"},
		{admin, "GET", "tenants/a/webhooks/y/deliveries", "", "404"},
		{admin, "GET", "tenants/a/webhooks/x/deliveries?state=odd", "", "422"},
		{admin, "GET", "tenants/a/webhooks/x/deliveries/7", "", `"body":{"a":1}`},
		{admin, "GET", "tenants/a/webhooks/x/deliveries/8", "", "404"},
		{admin, "GET", "tenants/a/webhooks/x/deliveries/-1", "", "422"},
		{admin, "POST", "tenants/a/webhooks/x/deliveries/7/resend", "", "resend a x 7 7 false"},
		{admin, "POST", "tenants/a/webhooks/x/deliveries/9/resend", "", "404"},
		{admin, "POST", "tenants/a/webhooks/x/resend", `{"from": 3, "state": "given up"}`, "resend a x 3 9223372036854775807 true"},
		{admin, "POST", "tenants/a/webhooks/x/resend", `{"from": "x"}`, "422"},
		{root, "POST", "tenants/off/webhooks/x/resend", `{}`, "409"},
		{root, "POST", "operator/webhooks/x/test", "", "test operator x"},
		{admin, "POST", "tenants/a/webhooks/x/resume", "", "on a x"},
	} {
		o.asked = nil
		res, text := do(t, q.method, s.URL+"/api/v1/"+q.path, q.text, "Authorization", "Bearer "+q.who)
		got := strings.Join(o.asked, ";") + " " + text
		if res.StatusCode >= 400 {
			got = res.Status
		}
		if !strings.HasPrefix(got, q.want) && !strings.Contains(got, q.want) {
			t.Errorf("%s %s by %s: %s", q.method, q.path, q.who, got)
		}
	}
}
