package rest

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"santral/api"
	"santral/store"
	"santral/tenant"
)

// Bounded is what a token may do, and where.
type Bounded struct {
	Name       string    `json:"name" minLength:"1" maxLength:"100" doc:"as people call it: the program that has it"`
	Tenant     string    `json:"tenant,omitempty" maxLength:"40" doc:"that it is bound to; your own when left out, and left out with the role operator alone for all"`
	Role       string    `json:"role" enum:"user,reporter,manager,admin,operator"`
	Site       string    `json:"site,omitempty" maxLength:"40" doc:"only what is of this site"`
	Department string    `json:"department,omitempty" maxLength:"40" doc:"only what is of this department and its parts"`
	Account    string    `json:"account,omitempty" maxLength:"40" doc:"the number of the account that a token with the role user is for"`
	Scopes     []string  `json:"scopes,omitempty" maxItems:"100" doc:"such as calls:read, records:*, *:read; all that the role may when left out" nullable:"false"`
	Addresses  []string  `json:"addresses,omitempty" maxItems:"100" doc:"networks that it may be used from; everywhere when left out" nullable:"false"`
	Expires    time.Time `json:"expires,omitzero" doc:"never when left out"`
}

// TokenRow is a token, without what is sent.
type TokenRow struct {
	ID string `json:"id"`
	Bounded
	Made      time.Time `json:"made"`
	MadeBy    string    `json:"made_by"`
	Used      time.Time `json:"used,omitzero" doc:"last, some seconds late"`
	UsedFrom  string    `json:"used_from,omitempty"`
	Revoked   time.Time `json:"revoked,omitzero"`
	RevokedBy string    `json:"revoked_by,omitempty"`
}

// MadeToken is a token as it is told once.
type MadeToken struct {
	TokenRow
	Token string `json:"token" doc:"to be sent as Authorization: Bearer; it is shown this once"`
}

func tokenRow(t *store.Token) TokenRow {
	return TokenRow{
		ID: t.ID, Made: t.Made, MadeBy: t.MadeBy, Used: t.Used, UsedFrom: t.UsedFrom, Revoked: t.Revoked, RevokedBy: t.RevokedBy,
		Bounded: Bounded{Name: t.Name, Tenant: t.Tenant, Role: t.Role, Site: t.Site, Department: t.Department, Account: t.Account, Scopes: t.Scopes, Addresses: t.Addresses, Expires: t.Expires},
	}
}

func (c Config) tokens(on huma.API) {
	const path = "/api/v1/tokens"
	huma.Register(on, op("list-tokens", http.MethodGet, path, "Tokens, in the order of making; revoked ones stay for a while", reads("tokens", tenant.RoleAdmin)),
		func(ctx context.Context, in *struct {
			Paging
			Tenant string `query:"tenant" maxLength:"40" doc:"whose; your own, or all, when left out"`
		}) (*body[Page[TokenRow]], error) {
			tenantID, err := tenantOf(ctx, in.Tenant)
			if err != nil {
				return nil, err
			}
			list := c.Logins.Tokens(api.From(ctx), tenantID)
			if in.Cursor != "" {
				i := slices.IndexFunc(list, func(t store.Token) bool { return t.ID == in.Cursor })
				if i < 0 {
					return nil, huma.Error400BadRequest("that cursor is none of this list's; leave it out for the first page")
				}
				list = list[i+1:]
			}
			page := Page[TokenRow]{Items: []TokenRow{}}
			if len(list) > in.Limit {
				list = list[:in.Limit]
				page.Next = list[in.Limit-1].ID
			}
			for i := range list {
				page.Items = append(page.Items, tokenRow(&list[i]))
			}
			return &body[Page[TokenRow]]{page}, nil
		})
	huma.Register(on, made(op("create-token", http.MethodPost, path, "Make a token for a program; it can't reach further than you", writes("tokens", tenant.RoleAdmin))),
		func(ctx context.Context, in *struct{ Body Bounded }) (*body[MadeToken], error) {
			b := &in.Body
			text, made, no := c.Logins.Create(ctx, api.From(ctx), store.Token{
				Name: b.Name, Tenant: b.Tenant, Role: b.Role, Site: b.Site, Department: b.Department, Account: b.Account, Scopes: b.Scopes, Addresses: b.Addresses, Expires: b.Expires,
			})
			if no != nil {
				return nil, denied(no)
			}
			concerns(ctx, made.Tenant, made.ID)
			remarks(ctx, "a token called "+made.Name+" with the role "+made.Role)
			return &body[MadeToken]{MadeToken{tokenRow(&made), text}}, nil
		})
	huma.Register(on, op("get-token", http.MethodGet, path+"/{token}", "One token, without what is sent", reads("tokens", tenant.RoleAdmin)),
		func(ctx context.Context, in *struct {
			Token string `path:"token" maxLength:"40" doc:"its id"`
		}) (*body[TokenRow], error) {
			t, no := c.Logins.Token(api.From(ctx), in.Token)
			if no != nil {
				return nil, denied(no)
			}
			return &body[TokenRow]{tokenRow(&t)}, nil
		})
	huma.Register(on, empty(op("revoke-token", http.MethodDelete, path+"/{token}", "Revoke a token; it is good for nothing from now on", writes("tokens", tenant.RoleAdmin))),
		func(ctx context.Context, in *struct {
			Token string `path:"token" maxLength:"40" doc:"its id"`
		}) (*struct{}, error) {
			return nil, denied(c.Logins.Revoke(ctx, api.From(ctx), in.Token))
		})
}
