package rest

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"santral/api"
	"santral/store"
	"santral/tenant"
)

// right is what an operation asks of who wants it.
type right = api.Right

// rightKey is where an operation's metadata has its right.
const rightKey = "right"

// reads is the right to see a resource, from a role on.
func reads(resource string, least tenant.Role) right { return right{Resource: resource, Role: least} }

// writes is the right to change one.
func writes(resource string, least tenant.Role) right {
	return right{Resource: resource, Write: true, Role: least}
}

// op describes an operation. Every one has a right: what declares none is refused to everybody, and a test fails.
func op(id, method, path, summary string, r right) huma.Operation {
	o := huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, Metadata: map[string]any{rightKey: r}}
	if r.Open {
		o.Security = []map[string][]string{}
	} else {
		o.Description = "Needs the scope " + r.Scope() + " and the role " + r.Role.String() + " or more."
	}
	return o
}

// empty is an operation that answers with nothing.
func empty(o huma.Operation) huma.Operation {
	o.DefaultStatus = http.StatusNoContent
	return o
}

// made is an operation that makes something.
func made(o huma.Operation) huma.Operation {
	o.DefaultStatus = http.StatusCreated
	return o
}

// answering is an operation whose answers are described by hand.
func answering(o huma.Operation, responses map[string]*huma.Response) huma.Operation {
	o.Responses = responses
	return o
}

// Who finds out who asks.
type Who interface {
	// Identify gives the identity behind a request's credentials; the zero value where it has none, a denial where
	// they are no good.
	Identify(r *http.Request, source netip.Addr) (api.Identity, *api.Denial)
}

// guarded puts into every request's context who asks, and counts requests.
func (c Config) guarded(h http.Handler) http.Handler {
	if c.Who == nil && c.Logins != nil {
		c.Who = c.Logins
	}
	var counted rates
	var failures rates
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		source := c.sourceOf(r)
		ctx := context.WithValue(context.WithValue(r.Context(), secureKey{}, c.overTLS(r)), sourceKey{}, source)
		if strings.HasPrefix(r.URL.Path, "/api/") {
			who, no := c.identify(r)
			if late := counted.judge(who, source); late != nil {
				late.Write(w)
				return
			}
			if no != nil {
				ctx = api.Without(ctx, no)
				c.failure(&failures, r, source, no)
			} else {
				ctx = api.With(ctx, who)
			}
		} else if r.URL.Path == "/metrics" {
			if who, no := c.identify(r); no == nil {
				ctx = api.With(ctx, who)
			} else {
				ctx = api.Without(ctx, no)
			}
		}
		h.ServeHTTP(w, r.WithContext(ctx))
	})
}

// failureRate is how often credentials that are no good are written down, of one source.
var failureRate = rate{0.1, 5}

// failure writes down credentials that are no good.
func (c Config) failure(l *rates, r *http.Request, source netip.Addr, no *api.Denial) {
	if c.Audits == nil || l.take(source.String(), failureRate, time.Now()) > 0 {
		return
	}
	c.Audits.Note(store.Audit{Tenant: tenant.OperatorID, Kind: "none", Source: source.String(), Request: r.Header.Get(idHeader), What: "credentials", Status: no.Status, Note: cut(no.Text, 2*longThing)})
}

type sourceKey struct{}

// sourceIn is the address that a context's request came from.
func sourceIn(ctx context.Context) netip.Addr {
	a, _ := ctx.Value(sourceKey{}).(netip.Addr)
	return a
}

func (c Config) identify(r *http.Request) (who api.Identity, no *api.Denial) {
	if c.Who == nil && c.Logins != nil {
		c.Who = c.Logins
	}
	source := c.sourceOf(r)
	if no := c.plain(r); no != nil {
		return who, no
	}
	given, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case bearer && c.Token != "" && same(given, c.Token):
		who = api.Identity{Kind: "root", Name: "root", Role: tenant.RoleOperator, Source: source}
		if ourself(r) && !c.proxied(r) {
			return who, nil // whoever is on this machine with its data folder can't be locked out
		}
	case c.Who != nil:
		who, no = c.Who.Identify(r, source)
	case r.Header.Get("Authorization") != "":
		no = &api.Denial{Status: http.StatusUnauthorized, Text: "the header Authorization must be Bearer with a token of this exchange, and it is not"}
	}
	if no == nil && who.Kind != "" {
		no = c.admitted(who.Tenant, source)
	}
	if no != nil {
		return api.Identity{}, no
	}
	return who, nil
}

// same compares two secrets in a time that tells nothing of either.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// judged lets an operation be done only for who has its right.
func judged(a huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, _ := ctx.Operation().Metadata[rightKey].(right)
		if no := api.Judge(ctx.Context(), r); no != nil {
			refuse(a, ctx, no)
			return
		}
		if !acceptable(ctx.Header("Accept"), ctx.Operation()) {
			refuse(a, ctx, &api.Denial{Status: http.StatusNotAcceptable, Text: "the header Accept takes nothing of what this gives: leave it out, or see /openapi.json"})
			return
		}
		next(ctx)
	}
}

// refuse answers with a denial.
func refuse(a huma.API, ctx huma.Context, no *api.Denial) {
	h := http.Header{}
	no.Headers(h)
	for name := range h {
		ctx.SetHeader(name, h.Get(name))
	}
	var details []error
	if no.Wants != "" {
		details = append(details, &huma.ErrorDetail{Message: "is missing or wrong", Location: "body." + no.Wants})
	}
	_ = huma.WriteErr(a, ctx, no.Status, no.Text, details...)
}

// tenantOf is the tenant that a request is about: the one that it names, or who asks' own; "" for any, which only who
// is bound to none gets. What is another's is not there.
func tenantOf(ctx context.Context, named string) (string, error) {
	who := api.From(ctx)
	switch {
	case who.Tenant == "":
		return named, nil
	case named == "" || named == who.Tenant:
		return who.Tenant, nil
	}
	return "", huma.Error404NotFound("there is no such tenant; leave it out for your own")
}

// Place is where an account stands in its tenant.
type Place struct {
	Site        string
	Departments []string // its own, then those that this is a part of
}

// sees tells whether who asks may see what belongs to an account of a tenant; account "" is what belongs to the tenant
// as a whole, which who is bound to a part of it does not see.
func (c Config) sees(ctx context.Context, tenantID, account string) bool {
	return c.reaches(api.From(ctx), tenantID, account)
}

// changes tells whether who asks may change what belongs to an account: those below a manager only their own.
func (c Config) changes(ctx context.Context, tenantID, account string) bool {
	who := api.From(ctx)
	if who.Role < tenant.RoleManager && (who.Account == "" || who.Account != account) {
		return false
	}
	return c.reaches(who, tenantID, account)
}

func (c Config) reaches(who api.Identity, tenantID, account string) bool {
	switch {
	case who.Kind == "" || !who.In(tenantID):
		return false
	case who.Role < tenant.RoleReporter:
		return account != "" && account == who.Account
	case who.Site == "" && who.Department == "":
		return true
	case account == "" || c.Place == nil:
		return false
	}
	at, ok := c.Place(tenantID, account)
	return ok && (who.Site == "" || at.Site == who.Site) && (who.Department == "" || slices.Contains(at.Departments, who.Department))
}

// partly tells whether who asks sees only a part of what is a tenant's.
func partly(ctx context.Context) bool {
	who := api.From(ctx)
	return who.Role < tenant.RoleReporter || who.Site != "" || who.Department != ""
}
