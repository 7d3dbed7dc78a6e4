package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"santral/store"
)

func (c Config) registrations(api huma.API) {
	huma.Register(api, huma.Operation{OperationID: "list-registrations", Method: http.MethodGet, Path: "/api/v1/registrations", Summary: "Who is registered, and where"},
		func(_ context.Context, in *paging) (*body[Page[store.Binding]], error) {
			rows := c.Registrations(in.Cursor, in.Limit+1)
			page := Page[store.Binding]{Items: rows}
			if len(rows) > in.Limit {
				// A page ends with a whole account, so that the cursor can be its name.
				last := in.Limit
				for last > 0 && rows[last].Tenant == rows[last-1].Tenant && rows[last].Account == rows[last-1].Account {
					last--
				}
				if last == 0 {
					last = in.Limit
				}
				page.Items = rows[:last]
				page.Next = rows[last-1].Tenant + "/" + rows[last-1].Account
			}
			if page.Items == nil {
				page.Items = []store.Binding{}
			}
			return &body[Page[store.Binding]]{page}, nil
		})
}
