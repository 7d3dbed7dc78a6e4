package rest

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"santral/api"
	"santral/store"
	"santral/tenant"
)

// badge is an authenticator of tests: a token "role tenant scopes" is who it says.
type badge struct{}

// Identify reads the token.
func (badge) Identify(r *http.Request, source netip.Addr) (api.Identity, *api.Denial) {
	text := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if text == "" {
		return api.Identity{}, nil
	}
	who := api.Identity{Kind: "token", ID: text, Name: "t", Source: source}
	for _, part := range strings.Fields(text) {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "role":
			for r := tenant.RoleUser; r <= tenant.RoleOperator; r++ {
				if r.String() == value {
					who.Role = r
				}
			}
		case "tenant":
			who.Tenant = value
		case "account":
			who.Account = value
		case "site":
			who.Site = value
		case "department":
			who.Department = value
		case "scopes":
			who.Scopes = strings.Split(value, ",")
		default:
			return api.Identity{}, &api.Denial{Status: 401, Text: "that token is none"}
		}
	}
	return who, nil
}

// operations gives every operation that the API has.
func operations(c Config) map[string]*huma.Operation {
	_, a := build(c)
	all := map[string]*huma.Operation{}
	for path, item := range a.OpenAPI().Paths {
		for method, o := range map[string]*huma.Operation{"GET": item.Get, "PUT": item.Put, "POST": item.Post, "DELETE": item.Delete, "PATCH": item.Patch, "HEAD": item.Head, "OPTIONS": item.Options} {
			if o != nil {
				all[method+" "+path] = o
			}
		}
	}
	return all
}

// No operation is without a right: who forgets to declare one has made something that nobody may do, and hears of it here.
func TestEveryOperationDeclaresItsRight(t *testing.T) {
	all := operations((&exchange{}).config())
	if len(all) < 30 {
		t.Fatalf("only %d operations", len(all))
	}
	for name, o := range all {
		r, ok := o.Metadata[rightKey].(right)
		if !ok || !r.Open && (r.Resource == "" || r.Role == tenant.NoRole) {
			t.Errorf("%s (%s) declares no right: describe it with op(…, reads(…)) or op(…, writes(…))", name, o.OperationID)
		}
		switch method, _, _ := strings.Cut(name, " "); method {
		case "PUT", "PATCH", "DELETE":
			if !r.Open && !r.Write {
				t.Errorf("%s needs a right to write", name)
			}
		}
	}
}

// What declares no right is refused to whoever comes.
func TestWithoutARightNobodyMay(t *testing.T) {
	if no := api.Judge(api.With(t.Context(), api.Identity{Kind: "root", Role: tenant.RoleOperator}), right{}); no == nil || no.Status != 403 {
		t.Errorf("%v", no)
	}
}

func TestRightsOfIdentities(t *testing.T) {
	x := &exchange{
		calls: []LiveCall{
			{Call: "c1", Tenant: "a", From: "101", To: "102", ToTenant: "a", Legs: []LiveLeg{{Leg: "a", Tenant: "a", Account: "101"}, {Leg: "b", Tenant: "a", Account: "102"}}},
			{Call: "c2", Tenant: "b", From: "101", Presented: "+982122222222", To: "103", ToTenant: "a", Legs: []LiveLeg{{Leg: "a", Tenant: "b", Account: "101", Remote: "192.0.2.99:5060"}, {Leg: "b", Tenant: "a", Account: "103"}}},
			{Call: "c3", Tenant: "b", From: "109", ToTenant: "b", To: "108"},
		},
		bindings: []store.Binding{{Tenant: "a", Account: "101", Contact: "sip:1@192.0.2.1"}, {Tenant: "a", Account: "102", Contact: "sip:2@192.0.2.1"}, {Tenant: "b", Account: "101", Contact: "sip:3@192.0.2.1"}},
	}
	c := x.config()
	c.Token, c.Who = "", badge{}
	c.Place = func(tenantID, account string) (Place, bool) {
		return Place{Site: "site" + account}, tenantID == "a"
	}
	s := httptest.NewServer(Handler(c))
	defer s.Close()
	for _, k := range []struct {
		who, ask string
		status   int
		has      string
		lacks    string
	}{
		{"", "GET /api/v1/calls", 401, "token", ""},
		{"wrong", "GET /api/v1/calls", 401, "that token is none", ""},
		{"role=operator", "GET /api/v1/calls", 200, "192.0.2.99", ""},
		{"role=operator", "GET /api/v1/calls?tenant=a", 200, `"c2"`, `"c3"`},
		{"role=admin tenant=a", "GET /api/v1/calls", 200, "+982122222222", "192.0.2.99"},
		{"role=admin tenant=a", "GET /api/v1/calls", 200, `"c1"`, `"tenant":"b"`},
		{"role=admin tenant=a", "GET /api/v1/calls?tenant=b", 404, "no such tenant", ""},
		{"role=admin tenant=a", "DELETE /api/v1/calls/c3", 404, "", ""},
		{"role=admin tenant=a", "DELETE /api/v1/calls/c1", 204, "", ""},
		{"role=reporter tenant=a", "DELETE /api/v1/calls/c1", 404, "", ""},
		{"role=user tenant=a account=101", "DELETE /api/v1/calls/c1", 204, "", ""},
		{"role=user tenant=a account=101", "GET /api/v1/calls", 200, `"c1"`, `"c2"`},
		{"role=user tenant=a account=103", "GET /api/v1/calls", 200, `"c2"`, `"c1"`},
		{"role=reporter tenant=a site=site103", "GET /api/v1/calls", 200, `"c2"`, `"c1"`},
		{"role=operator scopes=records:read", "GET /api/v1/calls", 403, "calls:read", ""},
		{"role=operator scopes=calls:read", "DELETE /api/v1/calls/c1", 403, "calls:write", ""},
		{"role=operator scopes=calls:write", "GET /api/v1/calls", 200, "", ""},
		{"role=admin tenant=a", "GET /api/v1/bans", 403, "operator", ""},
		{"role=admin tenant=a", "GET /api/v1/registrations", 200, "sip:2@", "sip:3@"},
		{"role=admin tenant=b", "GET /api/v1/registrations", 200, "sip:3@", "sip:1@"},
		{"role=admin tenant=b", "GET /api/v1/registrations?cursor=a/101/x", 400, "cursor", ""},
		{"role=user tenant=a account=102", "GET /api/v1/registrations", 200, "sip:2@", "sip:1@"},
		{"role=operator", "GET /api/v1/registrations?tenant=a&limit=1", 200, `"next":"a/101/sip:1@192.0.2.1"`, "sip:2@"},
		{"role=operator", "GET /api/v1/registrations?tenant=a&account=102", 200, "sip:2@", "sip:1@"},
	} {
		method, path, _ := strings.Cut(k.ask, " ")
		var header []string
		if k.who != "" {
			header = []string{"Authorization", "Bearer " + k.who}
		}
		res, body := ask(t, method, s.URL+path, header...)
		if res.StatusCode != k.status || !strings.Contains(body, k.has) || k.lacks != "" && strings.Contains(body, k.lacks) {
			t.Errorf("%q: %s: %d %s", k.who, k.ask, res.StatusCode, body)
		}
	}
}
