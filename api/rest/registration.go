package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"santral/store"
)

// Registration is one place where an account can be reached.
type Registration struct {
	Tenant     string    `json:"tenant"`
	Account    string    `json:"account"`
	Contact    string    `json:"contact" doc:"URI that the phone registered"`
	Flow       string    `json:"flow,omitempty" doc:"transport, our address, the phone's address and the connection's number"`
	Instance   string    `json:"instance,omitempty"`
	UserAgent  string    `json:"user_agent,omitempty"`
	Q          float64   `json:"q"`
	Expires    time.Time `json:"expires"`
	Registered time.Time `json:"registered"`
}

func registration(b *store.Binding) Registration {
	return Registration{
		Tenant: b.Tenant, Account: b.Account, Contact: b.Contact, Flow: b.Flow, Instance: b.InstanceID,
		UserAgent: b.UserAgent, Q: float64(b.Q) / 1000, Expires: b.Expires, Registered: b.Registered,
	}
}

func (c Config) registrations(api huma.API) {
	huma.Register(api, huma.Operation{OperationID: "list-registrations", Method: http.MethodGet, Path: "/api/v1/registrations", Summary: "Who is registered, and where"},
		func(_ context.Context, in *paging) (*body[Page[Registration]], error) {
			rows := c.Registrations(in.Cursor, in.Limit+1)
			page := Page[Registration]{Items: []Registration{}}
			if len(rows) > in.Limit {
				// A page ends with a whole account, so that the cursor can be its name.
				last := in.Limit
				for last > 0 && rows[last].Tenant == rows[last-1].Tenant && rows[last].Account == rows[last-1].Account {
					last--
				}
				if last == 0 {
					last = in.Limit // an account with more bindings than a page has rows
				}
				rows = rows[:last]
				page.Next = rows[last-1].Tenant + "/" + rows[last-1].Account
			}
			for i := range rows {
				page.Items = append(page.Items, registration(&rows[i]))
			}
			return &body[Page[Registration]]{page}, nil
		})
}
