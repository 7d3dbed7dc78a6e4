package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"santral/tenant"
)

// Relays is what a browser needs to send its media by a relay of the exchange: one of a page's iceServers.
type Relays struct {
	URLs       []string  `json:"urls" doc:"ways to the server of relays, the quickest first"`
	Username   string    `json:"username"`
	Credential string    `json:"credential" doc:"a password that holds until expires"`
	Expires    time.Time `json:"expires"`
}

func (c Config) relays(api huma.API) {
	huma.Register(api, op("make-relay-credentials", http.MethodPost, "/api/v1/turn/{tenant}/{account}", "Credentials by which an account's browser has relays for its media", writes("relays", tenant.RoleUser)),
		func(ctx context.Context, in *OfAccount) (*body[Relays], error) {
			if c.Relays != nil && c.changes(ctx, in.Tenant, in.Account) {
				if r, ok := c.Relays(in.Tenant, in.Account); ok {
					return &body[Relays]{r}, nil
				}
			}
			return nil, huma.Error404NotFound("there is no such account, or no server of relays")
		})
}
