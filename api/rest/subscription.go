package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"santral/tenant"
)

// Subscription is one phone that is told how something stands.
type Subscription struct {
	Tenant  string    `json:"tenant"`
	Account string    `json:"account" doc:"whose phone subscribed"`
	Event   string    `json:"event" doc:"event package: dialog, presence, message-summary, reg"`
	URI     string    `json:"uri" doc:"what it subscribed to"`
	CallID  string    `json:"call_id"`
	Flow    string    `json:"flow" doc:"transport, our address, the phone's address and the connection's number"`
	List    bool      `json:"list,omitempty" doc:"it takes the state of lists"`
	Began   time.Time `json:"began"`
	Expires time.Time `json:"expires" doc:"when it ends unless the phone refreshes it"`
	Failing bool      `json:"failing,omitempty" doc:"the last notification was not answered; it is tried again"`
}

func (c Config) subscriptions(api huma.API) {
	huma.Register(api, op("list-subscriptions", http.MethodGet, "/api/v1/subscriptions", "Who is told of what", reads("registrations", tenant.RoleUser)),
		func(ctx context.Context, in *struct {
			Tenant  string `query:"tenant" maxLength:"40" doc:"whose; your own, or all, when left out"`
			Account string `query:"account" maxLength:"40"`
			Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"rows, the oldest first"`
		}) (*body[Page[Subscription]], error) {
			tenantID, err := tenantOf(ctx, in.Tenant)
			if err != nil {
				return nil, err
			}
			list := []Subscription{}
			for _, s := range c.Subscriptions(tenantID, in.Account) {
				if len(list) < in.Limit && c.sees(ctx, s.Tenant, s.Account) {
					list = append(list, s)
				}
			}
			return &body[Page[Subscription]]{Page[Subscription]{Items: list}}, nil
		})
}
