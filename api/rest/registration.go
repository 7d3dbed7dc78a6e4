package rest

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"santral/service/registrar"
	"santral/store"
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
	huma.Register(api, huma.Operation{OperationID: "list-registrations", Method: http.MethodGet, Path: "/api/v1/registrations", Summary: "Who is registered, and where"},
		func(_ context.Context, in *Paging) (*body[Page[Registration]], error) {
			if in.Cursor != "" && strings.Count(in.Cursor, "/") < 2 {
				return nil, huma.Error400BadRequest("that cursor is none of this list's; leave it out for the first page")
			}
			rows := c.Registrations(in.Cursor, in.Limit+1)
			page := Page[Registration]{Items: []Registration{}}
			if len(rows) > in.Limit {
				rows = rows[:in.Limit]
				page.Next = registrar.Cursor(&rows[in.Limit-1])
			}
			for i := range rows {
				page.Items = append(page.Items, registration(&rows[i]))
			}
			return &body[Page[Registration]]{page}, nil
		})
}
