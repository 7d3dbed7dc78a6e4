package rest

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"santral/api"
	"santral/store"
	"santral/tenant"
)

// Logins is what the API does with tokens, sessions and passwords.
type Logins interface {
	Who
	SignIn(ctx context.Context, tenantID, user, password, code, agent string, source netip.Addr) (secret string, made store.Session, no *api.Denial)
	Sessions(who api.Identity, tenantID string) []store.Session
	EndSession(ctx context.Context, who api.Identity, id string) *api.Denial
	ChangePassword(ctx context.Context, who api.Identity, old, fresh string) *api.Denial
	SetPassword(ctx context.Context, who api.Identity, tenantID, user, password string, must bool) (made string, no *api.Denial)
	Enrol(ctx context.Context, who api.Identity, password string) (address string, no *api.Denial)
	Confirm(ctx context.Context, who api.Identity, code string) (codes []string, no *api.Denial)
	Leave(ctx context.Context, who api.Identity, password, code string) *api.Denial
	ResetFactor(ctx context.Context, who api.Identity, tenantID, user string) *api.Denial
	Stands(ctx context.Context, who api.Identity, tenantID, user string) (api.Standing, *api.Denial)
	Tokens(who api.Identity, tenantID string) []store.Token
	Token(who api.Identity, id string) (store.Token, *api.Denial)
	Create(ctx context.Context, who api.Identity, want store.Token) (text string, made store.Token, no *api.Denial)
	Revoke(ctx context.Context, who api.Identity, id string) *api.Denial
	Cookie(secret string, secure bool) *http.Cookie
}

// denied puts a denial into HTTP; nil where there is none.
func denied(no *api.Denial) error {
	if no == nil {
		return nil
	}
	var details []error
	if no.Wants != "" {
		details = append(details, &huma.ErrorDetail{Message: "is missing or wrong", Location: "body." + no.Wants})
	}
	h := http.Header{}
	no.Headers(h)
	return huma.ErrorWithHeaders(huma.NewError(no.Status, no.Text, details...), h)
}

// SignIn is what somebody proves itself by.
type SignIn struct {
	Tenant   string `json:"tenant,omitempty" maxLength:"40" doc:"whose document has the user, operator for the operator's; when left out, the operator's if that has one of this id, else the default tenant's"`
	User     string `json:"user" minLength:"1" maxLength:"120"`
	Password string `json:"password" minLength:"1" maxLength:"1000" writeOnly:"true"`
	Code     string `json:"code,omitempty" maxLength:"40" doc:"of the second factor, or a recovery code" writeOnly:"true"`
}

// Session is somebody who is signed in.
type Session struct {
	ID      string    `json:"id"`
	Tenant  string    `json:"tenant" doc:"whose document has the user; operator for the operator's"`
	User    string    `json:"user"`
	Began   time.Time `json:"began"`
	Seen    time.Time `json:"seen" doc:"the last request, some seconds late"`
	Expires time.Time `json:"expires" doc:"whatever is done; without a request it is over sooner"`
	Source  string    `json:"source" doc:"address that it began from"`
	Agent   string    `json:"agent,omitempty" doc:"the browser's name for itself"`
	Current bool      `json:"current,omitempty" doc:"it is the one that asks"`
}

// Self is who asks.
type Self struct {
	Kind       string   `json:"kind" doc:"session, token, root"`
	ID         string   `json:"id,omitempty" doc:"of the session or the token"`
	Name       string   `json:"name"`
	Tenant     string   `json:"tenant,omitempty" doc:"that it is bound to; left out for none"`
	Role       string   `json:"role" enum:"user,reporter,manager,admin,operator"`
	Site       string   `json:"site,omitempty"`
	Department string   `json:"department,omitempty"`
	Account    string   `json:"account,omitempty"`
	Scopes     []string `json:"scopes,omitempty" doc:"left out for all that the role may"`

	MustChange bool `json:"must_change_password,omitempty" doc:"nothing else may be done before"`
	TOTP       bool `json:"totp,omitempty" doc:"a second factor is asked for at signing in"`
	Recovery   int  `json:"recovery_codes,omitempty" doc:"that are left"`
}

// signedIn is an answer that sets a cookie.
type signedIn struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      Self
}

type signedOut struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
}

// Browser is what a request says of what sent it. It is exported because huma reads only exported fields, of an embedded
// struct too.
type Browser struct {
	Agent  string `header:"User-Agent" maxLength:"1000"`
	secure bool
}

// secureKey is where a context has whether its request came over TLS.
type secureKey struct{}

func isSecure(ctx context.Context) bool {
	on, _ := ctx.Value(secureKey{}).(bool)
	return on
}

const sessionPath = "/api/v1/session"

// anyone is the right of whoever is known: what it does with itself.
func anyone(write bool) right { return right{Resource: api.Self, Write: write, Role: tenant.RoleUser} }

func (c Config) self(ctx context.Context, who api.Identity) (Self, error) {
	s := Self{Kind: who.Kind, ID: who.ID, Name: who.Name, Tenant: who.Tenant, Role: who.Role.String(), Site: who.Site, Department: who.Department, Account: who.Account, Scopes: who.Scopes}
	if who.Kind == "session" && c.Logins != nil {
		st, no := c.Logins.Stands(ctx, who, who.Home(), who.Name)
		if no != nil {
			return s, denied(no)
		}
		s.MustChange, s.TOTP, s.Recovery = st.Must, st.Proved, st.Codes
	}
	return s, nil
}

func (c Config) sessions(on huma.API) {
	signIn := op("sign-in", http.MethodPost, sessionPath, "Sign in, by a cookie from then on", right{Resource: api.Self, Write: true, Open: true})
	signIn.Description = "Begins a session, which the cookie carries. A page's script sends the header X-Santral: 1 with whatever it changes, unless its browser tells where the request is from (Origin). Whoever guesses is told to come again later (429)."
	huma.Register(on, made(signIn), func(ctx context.Context, in *struct {
		Browser
		Body SignIn
	}) (*signedIn, error) {
		b := &in.Body
		b.Tenant = c.homeOf(b.Tenant, b.User)
		acts(ctx, b.Tenant, b.User)
		at := sourceIn(ctx)
		if no := c.admitted(orAll(b.Tenant), at); no != nil {
			return nil, denied(no)
		}
		secret, made, no := c.Logins.SignIn(ctx, b.Tenant, b.User, b.Password, b.Code, in.Agent, at)
		if no != nil {
			remarks(ctx, no.Text)
			return nil, denied(no)
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, sessionPath, nil)
		if err != nil {
			return nil, c.failed("the session can't be read", err)
		}
		cookie := c.Logins.Cookie(secret, isSecure(ctx))
		r.AddCookie(cookie)
		who, no := c.Logins.Identify(r, at)
		if no != nil {
			return nil, denied(no)
		}
		concerns(ctx, "", made.ID)
		self, err := c.self(ctx, who)
		return &signedIn{*cookie, self}, err
	})
	huma.Register(on, op("get-session", http.MethodGet, sessionPath, "Who you are, and what you may do", anyone(false)),
		func(ctx context.Context, _ *struct{}) (*body[Self], error) {
			s, err := c.self(ctx, api.From(ctx))
			return &body[Self]{s}, err
		})
	huma.Register(on, empty(op("sign-out", http.MethodDelete, sessionPath, "Sign out", anyone(true))),
		func(ctx context.Context, _ *struct{}) (*signedOut, error) {
			who := api.From(ctx)
			if who.Kind != "session" {
				return nil, huma.Error409Conflict("nobody is signed in here: a token ends when it is revoked (DELETE /api/v1/tokens/{id})")
			}
			if no := c.Logins.EndSession(ctx, who, who.ID); no != nil {
				return nil, denied(no)
			}
			return &signedOut{*c.Logins.Cookie("", isSecure(ctx))}, nil
		})
	huma.Register(on, op("list-sessions", http.MethodGet, "/api/v1/sessions", "Who is signed in: yourself; to an administrator, everybody of the tenant", anyone(false)),
		func(ctx context.Context, in *struct {
			Tenant string `query:"tenant" maxLength:"40" doc:"whose; all that you may see when left out"`
		}) (*body[Page[Session]], error) {
			tenantID, err := homeNamed(ctx, in.Tenant)
			if err != nil {
				return nil, err
			}
			page := Page[Session]{Items: []Session{}}
			who := api.From(ctx)
			for _, s := range c.Logins.Sessions(who, tenantID) {
				page.Items = append(page.Items, Session{ID: s.ID, Tenant: s.Tenant, User: s.User, Began: s.Began, Seen: s.Seen, Expires: s.Expires, Source: s.Source, Agent: s.Agent, Current: who.Kind == "session" && who.ID == s.ID})
			}
			return &body[Page[Session]]{page}, nil
		})
	huma.Register(on, empty(op("end-session", http.MethodDelete, "/api/v1/sessions/{session}", "End a session at once", anyone(true))),
		func(ctx context.Context, in *struct {
			Session string `path:"session" maxLength:"40"`
		}) (*struct{}, error) {
			return nil, denied(c.Logins.EndSession(ctx, api.From(ctx), in.Session))
		})
	huma.Register(on, empty(op("change-password", http.MethodPut, sessionPath+"/password", "Take another password; your other sessions are over", anyone(true))),
		func(ctx context.Context, in *struct {
			Body struct {
				Password string `json:"password" maxLength:"1000" writeOnly:"true" doc:"the one that you have"`
				New      string `json:"new" maxLength:"1000" writeOnly:"true" doc:"at least 10 characters; a few words in a row are good"`
			}
		}) (*struct{}, error) {
			return nil, denied(c.Logins.ChangePassword(ctx, api.From(ctx), in.Body.Password, in.Body.New))
		})
	c.factors(on)
}

func (c Config) factors(on huma.API) {
	const path = sessionPath + "/totp"
	huma.Register(on, op("begin-totp", http.MethodPost, path, "Begin a second factor: an address for an authenticator (RFC 6238)", anyone(true)),
		func(ctx context.Context, in *struct {
			Body struct {
				Password string `json:"password" maxLength:"1000" writeOnly:"true"`
			}
		}) (*body[struct {
			URI string `json:"uri" doc:"otpauth://…, to be shown as a QR code or typed; it counts once a code of it was confirmed"`
		}], error) {
			address, no := c.Logins.Enrol(ctx, api.From(ctx), in.Body.Password)
			if no != nil {
				return nil, denied(no)
			}
			return &body[struct {
				URI string `json:"uri" doc:"otpauth://…, to be shown as a QR code or typed; it counts once a code of it was confirmed"`
			}]{struct {
				URI string `json:"uri" doc:"otpauth://…, to be shown as a QR code or typed; it counts once a code of it was confirmed"`
			}{address}}, nil
		})
	huma.Register(on, op("confirm-totp", http.MethodPut, path, "Confirm the second factor by a code of it; it is asked for from then on", anyone(true)),
		func(ctx context.Context, in *struct {
			Body struct {
				Code string `json:"code" maxLength:"40"`
			}
		}) (*body[struct {
			Codes []string `json:"recovery_codes" doc:"each signs in once where the authenticator is lost; they are shown this once"`
		}], error) {
			codes, no := c.Logins.Confirm(ctx, api.From(ctx), in.Body.Code)
			if no != nil {
				return nil, denied(no)
			}
			return &body[struct {
				Codes []string `json:"recovery_codes" doc:"each signs in once where the authenticator is lost; they are shown this once"`
			}]{struct {
				Codes []string `json:"recovery_codes" doc:"each signs in once where the authenticator is lost; they are shown this once"`
			}{codes}}, nil
		})
	huma.Register(on, empty(op("remove-totp", http.MethodPost, path+"/removal", "Take your second factor away", anyone(true))),
		func(ctx context.Context, in *struct {
			Body struct {
				Password string `json:"password" maxLength:"1000" writeOnly:"true"`
				Code     string `json:"code,omitempty" maxLength:"40" writeOnly:"true"`
			}
		}) (*struct{}, error) {
			return nil, denied(c.Logins.Leave(ctx, api.From(ctx), in.Body.Password, in.Body.Code))
		})
}

// homeOf is whose document has a user who does not say it.
func (c Config) homeOf(tenantID, user string) string {
	if tenantID == "" && c.Home != nil {
		return c.Home(user)
	}
	return tenantID
}

// orAll is the tenant that an identity of a document is bound to: none of the operator's.
func orAll(tenantID string) string {
	if tenantID == tenant.OperatorID {
		return ""
	}
	return tenantID
}

// homeNamed is tenantOf for what the operator has of its own too.
func homeNamed(ctx context.Context, named string) (string, error) { return tenantOf(ctx, named) }

// UserPath names a user. It is exported because huma reads only exported fields, of an embedded struct too.
type UserPath struct {
	Tenant string `path:"tenant" maxLength:"40" doc:"operator for the operator's"`
	User   string `path:"user" maxLength:"120"`
}

// Login is how a user proves itself.
type Login struct {
	Password   bool      `json:"password" doc:"there is one"`
	Changed    time.Time `json:"changed,omitzero" doc:"when it was set"`
	MustChange bool      `json:"must_change,omitempty"`
	TOTP       bool      `json:"totp,omitempty" doc:"a second factor is asked for"`
	Recovery   int       `json:"recovery_codes,omitempty" doc:"that are left"`
}

func (c Config) logins(on huma.API) {
	const path = "/api/v1/logins/{tenant}/{user}"
	huma.Register(on, op("get-login", http.MethodGet, path, "How a user proves itself", reads("logins", tenant.RoleAdmin)),
		func(ctx context.Context, in *UserPath) (*body[Login], error) {
			s, no := c.Logins.Stands(ctx, api.From(ctx), in.Tenant, in.User)
			if no != nil {
				return nil, denied(no)
			}
			return &body[Login]{Login{Password: s.Has, Changed: s.Changed, MustChange: s.Must, TOTP: s.Proved, Recovery: s.Codes}}, nil
		})
	type given struct {
		Password string `json:"password,omitempty" doc:"the one that was made, shown this once; left out when you gave one"`
	}
	huma.Register(on, op("set-password", http.MethodPut, path+"/password", "Give a user a password; all its sessions are over", writes("logins", tenant.RoleAdmin)),
		func(ctx context.Context, in *struct {
			UserPath
			Body struct {
				Password string `json:"password,omitempty" maxLength:"1000" writeOnly:"true" doc:"one is made when left out"`
				Keep     bool   `json:"keep,omitempty" doc:"the user need not change it at the next sign-in"`
			}
		}) (*body[given], error) {
			made, no := c.Logins.SetPassword(ctx, api.From(ctx), in.Tenant, in.User, in.Body.Password, !in.Body.Keep)
			if no != nil {
				return nil, denied(no)
			}
			return &body[given]{given{made}}, nil
		})
	huma.Register(on, empty(op("reset-totp", http.MethodDelete, path+"/totp", "Take a user's second factor away; all its sessions are over", writes("logins", tenant.RoleAdmin))),
		func(ctx context.Context, in *UserPath) (*struct{}, error) {
			return nil, denied(c.Logins.ResetFactor(ctx, api.From(ctx), in.Tenant, in.User))
		})
}
