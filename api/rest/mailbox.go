package rest

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"santral/service/presence"
	"santral/store"
	"santral/tenant"
)

// Mailbox is how many messages wait for an account.
type Mailbox struct {
	New       int `json:"new" minimum:"0" maximum:"1000000" doc:"not heard yet, urgent ones included"`
	Old       int `json:"old,omitempty" minimum:"0" maximum:"1000000" doc:"heard and kept, urgent ones included"`
	UrgentNew int `json:"urgent_new,omitempty" minimum:"0" maximum:"1000000"`
	UrgentOld int `json:"urgent_old,omitempty" minimum:"0" maximum:"1000000"`
}

// OfAccount is what names an account in a path. It is exported because huma reads only exported fields, of an
// embedded struct too.
type OfAccount struct {
	Tenant  string `path:"tenant" maxLength:"40"`
	Account string `path:"account" maxLength:"40"`
}

func (c Config) mailboxes(api huma.API) {
	const path = "/api/v1/mailboxes/{tenant}/{account}"
	huma.Register(api, op("get-mailbox", http.MethodGet, path, "How many messages wait for an account", reads("mailboxes", tenant.RoleUser)),
		func(ctx context.Context, in *OfAccount) (*body[Mailbox], error) {
			if !c.sees(ctx, in.Tenant, in.Account) {
				return nil, c.mailboxError(presence.ErrNoAccount)
			}
			box, err := c.Mailbox(in.Tenant, in.Account)
			if err != nil {
				return nil, c.mailboxError(err)
			}
			return &body[Mailbox]{Mailbox{New: box.New, Old: box.Old, UrgentNew: box.UrgentNew, UrgentOld: box.UrgentOld}}, nil
		})
	huma.Register(api, empty(op("put-mailbox", http.MethodPut, path, "Say how many messages wait; the account's phones show it at once", writes("mailboxes", tenant.RoleManager))),
		func(ctx context.Context, in *struct {
			OfAccount
			Body Mailbox
		}) (*struct{}, error) {
			if !c.changes(ctx, in.Tenant, in.Account) {
				return nil, c.mailboxError(presence.ErrNoAccount)
			}
			box := store.Mailbox{Tenant: in.Tenant, Account: in.Account, New: in.Body.New, Old: in.Body.Old, UrgentNew: in.Body.UrgentNew, UrgentOld: in.Body.UrgentOld}
			if err := c.SetMailbox(ctx, box); err != nil {
				return nil, c.mailboxError(err)
			}
			return nil, nil
		})
}

func (c Config) mailboxError(err error) error {
	switch {
	case errors.Is(err, presence.ErrNoAccount):
		return huma.Error404NotFound("there is no such account")
	case errors.Is(err, presence.ErrCount):
		return huma.Error422UnprocessableEntity("urgent messages are among the others: there can't be more of them")
	}
	return c.failed("the mailbox could not be kept", err)
}
