package rest

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"santral/service/registrar"
	"santral/store"
	"santral/tenant"
)

// Registration is one place where an account can be reached.
type Registration struct {
	Tenant     string    `json:"tenant"`
	Account    string    `json:"account"`
	Contact    string    `json:"contact" doc:"URI that the phone registered"`
	Flow       string    `json:"flow,omitempty" doc:"transport, our address, the phone's address and the connection's number"`
	Path       []string  `json:"path,omitempty" doc:"proxies between, nearest to us first"`
	Instance   string    `json:"instance,omitempty"`
	RegID      uint32    `json:"reg_id,omitempty" doc:"number of a flow that the phone keeps beside others"`
	UserAgent  string    `json:"user_agent,omitempty"`
	Q          float64   `json:"q"`
	Expires    time.Time `json:"expires"`
	Registered time.Time `json:"registered"`
}

func registration(b *store.Binding) Registration {
	return Registration{
		Tenant: b.Tenant, Account: b.Account, Contact: b.Contact, Flow: b.Flow, Path: b.Path, Instance: b.InstanceID,
		RegID: b.RegID, UserAgent: b.UserAgent, Q: float64(b.Q) / 1000, Expires: b.Expires, Registered: b.Registered,
	}
}

func (c Config) registrations(api huma.API) {
	huma.Register(api, op("list-registrations", http.MethodGet, "/api/v1/registrations", "Who is registered, and where", reads("registrations", tenant.RoleUser)),
		func(ctx context.Context, in *struct {
			Paging
			Tenant  string `query:"tenant" maxLength:"40" doc:"whose; your own, or all, when left out"`
			Account string `query:"account" maxLength:"40" doc:"only those of this one; give its tenant with it"`
		}) (*body[Page[Registration]], error) {
			tenantID, err := tenantOf(ctx, in.Tenant)
			if err != nil {
				return nil, err
			}
			if in.Account != "" && tenantID == "" {
				return nil, huma.Error422UnprocessableEntity("give the account's tenant too")
			}
			of := tenantID + "/" // what all places in the list begin with
			if in.Account != "" {
				of += in.Account + "/"
			}
			if in.Cursor != "" && (strings.Count(in.Cursor, "/") < 2 || tenantID != "" && !strings.HasPrefix(in.Cursor, of)) {
				return nil, huma.Error400BadRequest("that cursor is none of this list's; leave it out for the first page")
			}
			from := in.Cursor
			if from == "" && tenantID != "" {
				from = of
			}
			page := Page[Registration]{Items: []Registration{}}
			for {
				rows := c.Registrations(from, in.Limit+1)
				for i := range rows {
					b := &rows[i]
					switch {
					case tenantID != "" && b.Tenant != tenantID || in.Account != "" && b.Account != in.Account:
						return &body[Page[Registration]]{page}, nil
					case len(page.Items) == in.Limit:
						page.Next = from
						return &body[Page[Registration]]{page}, nil
					case c.sees(ctx, b.Tenant, b.Account):
						page.Items = append(page.Items, registration(b))
					}
					from = registrar.Cursor(b)
				}
				if len(rows) <= in.Limit {
					return &body[Page[Registration]]{page}, nil
				}
			}
		})
}
