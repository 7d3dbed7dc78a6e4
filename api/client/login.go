package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Token is what a program may do, and where. What it sends is told once, when it is made.
type Token struct {
	ID         string    `json:"id,omitempty"`
	Name       string    `json:"name"`
	Tenant     string    `json:"tenant,omitempty"`
	Role       string    `json:"role"`
	Site       string    `json:"site,omitempty"`
	Department string    `json:"department,omitempty"`
	Account    string    `json:"account,omitempty"`
	Scopes     []string  `json:"scopes,omitempty"`
	Addresses  []string  `json:"addresses,omitempty"`
	Expires    time.Time `json:"expires,omitzero"`
	MadeBy     string    `json:"made_by,omitempty"`
	Used       time.Time `json:"used,omitzero"`
	UsedFrom   string    `json:"used_from,omitempty"`
	Revoked    time.Time `json:"revoked,omitzero"`
	Token      string    `json:"token,omitempty"` // only as Create gives it
}

// CreateToken makes a token.
func (c *Client) CreateToken(ctx context.Context, want Token) (made Token, err error) {
	err = c.send(ctx, http.MethodPost, "/api/v1/tokens", want, &made)
	return made, err
}

// Tokens lists all tokens, of one tenant unless "".
func (c *Client) Tokens(ctx context.Context, tenant string) (list []Token, err error) {
	q := url.Values{}
	if tenant != "" {
		q.Set("tenant", tenant)
	}
	return pages[Token](ctx, c, "/api/v1/tokens", q, 0)
}

// RevokeToken ends a token.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/api/v1/tokens/"+url.PathEscape(id), nil)
}

func loginPath(tenant, user string) string {
	return "/api/v1/logins/" + url.PathEscape(tenant) + "/" + url.PathEscape(user)
}

// SetPassword gives a user a password; "" has one made, which it gives. keep leaves it to the user whether to change it.
func (c *Client) SetPassword(ctx context.Context, tenant, user, password string, keep bool) (made string, err error) {
	ask := map[string]any{"keep": keep}
	if password != "" {
		ask["password"] = password
	}
	var answer struct {
		Password string `json:"password"`
	}
	err = c.send(ctx, http.MethodPut, loginPath(tenant, user)+"/password", ask, &answer)
	return answer.Password, err
}

// ResetTOTP takes a user's second factor away.
func (c *Client) ResetTOTP(ctx context.Context, tenant, user string) error {
	return c.do(ctx, http.MethodDelete, loginPath(tenant, user)+"/totp", nil)
}

// Audit is one line of who did what.
type Audit struct {
	At      time.Time `json:"at"`
	Tenant  string    `json:"tenant"`
	Kind    string    `json:"kind"`
	Who     string    `json:"who"`
	Source  string    `json:"source"`
	Request string    `json:"request"`
	What    string    `json:"what"`
	Things  []string  `json:"things"`
	Status  int       `json:"status"`
	Note    string    `json:"note"`
}

// AuditFilter says which lines are listed. Empty members do not restrict.
type AuditFilter struct {
	Tenant, Who, What, Thing string
	Failed                   bool
}

// Audits lists up to most lines, newest first.
func (c *Client) Audits(ctx context.Context, f AuditFilter, most int) (list []Audit, err error) {
	q := url.Values{}
	for name, value := range map[string]string{"tenant": f.Tenant, "who": f.Who, "what": f.What, "thing": f.Thing} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if f.Failed {
		q.Set("failed", "true")
	}
	if most <= 0 {
		return nil, nil
	}
	return pages[Audit](ctx, c, "/api/v1/audit", q, most)
}
