// Package api holds the words of the HTTP side that its rooms share: who asks, and what that one may do. rest answers
// requests, live tells events, hook tells them to others, login finds out who somebody is.
package api

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"santral/tenant"
)

// Identity is who asks: a person who signed in, a program with a token, or whoever holds the exchange's own token of the
// data folder. The zero value is nobody.
type Identity struct {
	Kind       string      // "session", "token", "root"; "" for nobody
	ID         string      // of the session or the token, as lists have it
	Name       string      // the user's id or the token's name, for the audit
	Tenant     string      // the one that it is bound to; "" for all
	Role       tenant.Role // what it may do there
	Site       string      // bounds what it sees and changes; "" for no bound
	Department string      // likewise, with the department's parts
	Account    string      // its own number: what a RoleUser is bound to
	Scopes     []string    // "resource:read", "resource:write", "resource:*", "*"; nil for all that the role may
	Source     netip.Addr  // where the request came from
}

// May reports whether the identity's role and scopes allow to read or change a resource ("lines", "calls", "records"),
// wherever that is. What it is bound to is another question: [Identity.In].
func (i Identity) May(resource string, write bool, least tenant.Role) bool {
	if i.Role < least {
		return false
	}
	verb := ":read"
	if write {
		verb = ":write"
	}
	return i.Scopes == nil || slices.ContainsFunc(i.Scopes, func(s string) bool {
		return s == "*" || s == resource+verb || s == resource+":*" || s == "*"+verb ||
			!write && strings.HasPrefix(s, resource+":") // who may write may read
	})
}

// Home is the tenant whose book of what was done has what the identity does: its own, or the operator's.
func (i Identity) Home() string {
	if i.Tenant == "" {
		return tenant.OperatorID
	}
	return i.Tenant
}

// In reports whether the identity may see what belongs to a tenant.
func (i Identity) In(tenantID string) bool { return i.Tenant == "" || i.Tenant == tenantID }

type key struct{}

// With gives a context in which an identity asks.
func With(ctx context.Context, who Identity) context.Context {
	return context.WithValue(ctx, key{}, who)
}

// From gives the identity that asks; nobody when there is none.
func From(ctx context.Context) Identity {
	who, _ := ctx.Value(key{}).(Identity)
	return who
}
