package api

import (
	"context"
	"net/http"
	"time"

	"santral/tenant"
)

// Right is what an operation asks of who wants it. The zero value is asked of nobody who is known: it refuses all.
type Right struct {
	Resource string      // "lines", "calls", "records": the word of scopes
	Write    bool        // something is changed
	Role     tenant.Role // the least that may; NoRole with Open alone
	Open     bool        // whoever asks may, known or not: signing in, the API's own description
}

// Scope gives the word that a token's scopes have for it, "calls:read".
func (r Right) Scope() string {
	if r.Write {
		return r.Resource + ":write"
	}
	return r.Resource + ":read"
}

// Self is the resource of what whoever is known does with itself: seeing who it is, signing out. It needs no scope.
const Self = "self"

// Denial is why something is not done for who asks, with what to do.
type Denial struct {
	Status int           // of HTTP: 401, 403, 404, 429 and so on
	Text   string        // what a person or a programmer is told
	After  time.Duration // when to try again (Retry-After); 0 for unsaid
	Wants  string        // the member of the body that is missing or wrong, "code"; "" for none
}

// Error gives it in words.
func (d *Denial) Error() string { return d.Text }

// ErrNobody is the denial of who gave no credentials at all.
var ErrNobody = &Denial{Status: http.StatusUnauthorized, Text: "send the header Authorization: Bearer with a token, or sign in at POST /api/v1/session; santral token create makes a token"}

// Standing is how a user proves itself.
type Standing struct {
	Has     bool      // a password
	Changed time.Time // when it was set
	Must    bool      // it must be changed first
	Proved  bool      // a second factor is asked for
	Codes   int       // recovery codes that are left
}

type denialKey struct{}

// Without gives a context in which somebody asks whose credentials are no good: whatever is not open is denied so.
func Without(ctx context.Context, why *Denial) context.Context {
	return context.WithValue(ctx, denialKey{}, why)
}

// Judge tells whether who asks in a context has a right; nil when so. Where it applies, tenant and bounds, is judged
// by whoever knows what is asked for ([Identity.In]).
func Judge(ctx context.Context, r Right) *Denial {
	if r.Open {
		return nil
	}
	who := From(ctx)
	switch {
	case who.Kind == "":
		if why, ok := ctx.Value(denialKey{}).(*Denial); ok {
			return why
		}
		return ErrNobody
	case r.Resource == "" || r.Role == tenant.NoRole:
		return &Denial{Status: http.StatusForbidden, Text: "nobody has a right to this: it declares none"}
	case who.Role < r.Role:
		return &Denial{Status: http.StatusForbidden, Text: "this needs the role " + r.Role.String() + ", and yours is " + who.Role.String() + ": ask an administrator"}
	case r.Resource != Self && !who.May(r.Resource, r.Write, r.Role):
		return &Denial{Status: http.StatusForbidden, Text: "this needs a token with the scope " + r.Scope() + ": make one with santral token create"}
	}
	return nil
}

// Require lets through only who has a right; it is for handlers that are no operations of the API's description. The
// request must have passed through the handler that finds identities (rest.Handler).
func Require(r Right, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if no := Judge(req.Context(), r); no != nil {
			no.Write(w)
			return
		}
		h.ServeHTTP(w, req)
	})
}
