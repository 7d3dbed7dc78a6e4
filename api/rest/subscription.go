package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
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
	huma.Register(api, huma.Operation{OperationID: "list-subscriptions", Method: http.MethodGet, Path: "/api/v1/subscriptions", Summary: "Who is told of what"},
		func(_ context.Context, in *struct {
			Tenant  string `query:"tenant" maxLength:"40"`
			Account string `query:"account" maxLength:"40"`
			Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"rows, the oldest first"`
		}) (*body[Page[Subscription]], error) {
			list := c.Subscriptions(in.Tenant, in.Account)
			return &body[Page[Subscription]]{Page[Subscription]{Items: list[:min(len(list), in.Limit)]}}, nil
		})
}
