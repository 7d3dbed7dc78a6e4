package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"santral/api"
	"santral/store"
	"santral/tenant"
)

// Webhooks are what became of events that webhooks are told. The webhooks themselves stand in documents.
type Webhooks interface {
	Webhook(key store.HookKey) *tenant.Webhook // nil for none
	Off(key store.HookKey) bool                // its target answered 410
	SwitchOn(key store.HookKey) bool           // false where it was not off
	Deliveries(ctx context.Context, f store.DeliveryFilter, cursor string, limit int) ([]store.Delivery, string, error)
	Delivery(ctx context.Context, key store.HookKey, seq uint64) (store.Delivery, error)
	Resend(ctx context.Context, key store.HookKey, from, to uint64, only *store.DeliveryState) (int, error)
	Test(ctx context.Context, key store.HookKey) (store.Delivery, error)
}

// HookPath names a webhook. It is exported because huma reads only exported fields, of an embedded struct too.
type HookPath struct {
	Tenant  string `path:"tenant" maxLength:"40"`
	Webhook string `path:"webhook" maxLength:"64"`
}

// OperatorHookPath names a webhook of the operator's.
type OperatorHookPath struct {
	Webhook string `path:"webhook" maxLength:"64"`
}

// Key gives the webhook's key.
func (p HookPath) Key() store.HookKey { return store.HookKey{Tenant: p.Tenant, Webhook: p.Webhook} }

// Key gives the webhook's key.
func (p OperatorHookPath) Key() store.HookKey {
	return store.HookKey{Tenant: tenant.OperatorID, Webhook: p.Webhook}
}

// FullDelivery is a delivery with what is sent.
type FullDelivery struct {
	store.Delivery
	Body json.RawMessage `json:"body" doc:"what is sent"`
}

// DeliveryAsk says which deliveries are wanted.
type DeliveryAsk struct {
	Paging
	State string `query:"state" enum:"waiting,delivered,given up,discarded"`
	Type  string `query:"type" maxLength:"64" doc:"of the event"`
	ID    string `query:"id" maxLength:"64" doc:"as the header webhook-id said"`
}

// Asked gives it.
func (d DeliveryAsk) Asked() DeliveryAsk { return d }

// DeliveryPath names a delivery.
type DeliveryPath struct {
	Delivery uint64 `path:"delivery"`
}

// Named gives its number.
func (d DeliveryPath) Named() uint64 { return d.Delivery }

// ResendBody says which deliveries are sent anew.
type ResendBody struct {
	Body ResendRequest
}

// Wanted gives it.
func (r ResendBody) Wanted() ResendRequest { return r.Body }

// ResendRequest says which deliveries are sent anew.
type ResendRequest struct {
	From  uint64 `json:"from,omitempty" doc:"the first delivery; the oldest that is kept when left out"`
	To    uint64 `json:"to,omitempty" doc:"the last; the newest when left out"`
	State string `json:"state,omitempty" enum:"waiting,delivered,given up,discarded" doc:"only those in this state; all when left out"`
}

// Resent is how many are sent anew.
type Resent struct {
	Resent int `json:"resent"`
}

// SwitchedOn tells whether a webhook was off.
type SwitchedOn struct {
	Was bool `json:"was_off" doc:"its target had answered 410"`
}

// What operations on webhooks are asked with: the webhook, and what the operation wants besides.
type (
	hookAsk interface{ Key() store.HookKey }
	listAsk interface {
		hookAsk
		Asked() DeliveryAsk
	}
	oneAsk interface {
		hookAsk
		Named() uint64
	}
	rangeAsk interface {
		hookAsk
		Wanted() ResendRequest
	}
)

func (c Config) webhooks(on huma.API) {
	hookRoutes[HookPath, struct {
		HookPath
		DeliveryAsk
	}, struct {
		HookPath
		DeliveryPath
	}, struct {
		HookPath
		ResendBody
	}](c, on, "/api/v1/tenants/{tenant}/webhooks/{webhook}", "", tenant.RoleAdmin)
	hookRoutes[OperatorHookPath, struct {
		OperatorHookPath
		DeliveryAsk
	}, struct {
		OperatorHookPath
		DeliveryPath
	}, struct {
		OperatorHookPath
		ResendBody
	}](c, on, "/api/v1/operator/webhooks/{webhook}", "operator-", tenant.RoleOperator)
}

// hookRoutes are the operations on the webhooks of tenants, or of the operator.
func hookRoutes[P hookAsk, L listAsk, O oneAsk, R rangeAsk](c Config, on huma.API, path, name string, least tenant.Role) {
	there := func(ctx context.Context, p hookAsk) (store.HookKey, error) {
		key := p.Key()
		if !api.From(ctx).In(key.Tenant) || partly(ctx) || c.Webhooks.Webhook(key) == nil {
			return key, huma.Error404NotFound("there is no such webhook")
		}
		return key, nil
	}
	huma.Register(on, op("list-"+name+"deliveries", http.MethodGet, path+"/deliveries", "What a webhook was told and what came of it, newest first", reads("webhooks", least)),
		func(ctx context.Context, in *L) (*body[Page[store.Delivery]], error) {
			key, err := there(ctx, *in)
			if err != nil {
				return nil, err
			}
			ask := (*in).Asked()
			list, next, err := c.Webhooks.Deliveries(ctx, store.DeliveryFilter{HookKey: key, State: deliveryState(ask.State), Type: ask.Type, Event: ask.ID}, ask.Cursor, ask.Limit)
			switch {
			case errors.Is(err, store.ErrBadCursor):
				return nil, huma.Error400BadRequest("that cursor is none of this list's; leave it out for the first page")
			case err != nil:
				return nil, c.failed("the deliveries can't be read", err)
			}
			return &body[Page[store.Delivery]]{Page[store.Delivery]{Items: append([]store.Delivery{}, list...), Next: next}}, nil
		})
	huma.Register(on, op("get-"+name+"delivery", http.MethodGet, path+"/deliveries/{delivery}", "One of them, with what is sent", reads("webhooks", least)),
		func(ctx context.Context, in *O) (*body[FullDelivery], error) {
			key, err := there(ctx, *in)
			if err != nil {
				return nil, err
			}
			d, err := c.Webhooks.Delivery(ctx, key, (*in).Named())
			switch {
			case errors.Is(err, store.ErrNotFound):
				return nil, huma.Error404NotFound("there is no such delivery; they are kept for a week")
			case err != nil:
				return nil, c.failed("the delivery can't be read", err)
			}
			return &body[FullDelivery]{FullDelivery{Delivery: d, Body: json.RawMessage(d.Body)}}, nil
		})
	resend := func(ctx context.Context, p hookAsk, from, to uint64, only *store.DeliveryState) (*body[Resent], error) {
		key, err := there(ctx, p)
		if err != nil {
			return nil, err
		}
		if c.Webhooks.Off(key) {
			return nil, huma.Error409Conflict("the webhook is switched off, since its target answered 410: switch it on first, by POST …/resume, or change its URL")
		}
		n, err := c.Webhooks.Resend(ctx, key, from, to, only)
		if err != nil {
			return nil, c.failed("nothing is sent anew", err)
		}
		return &body[Resent]{Resent{n}}, nil
	}
	huma.Register(on, op("resend-"+name+"delivery", http.MethodPost, path+"/deliveries/{delivery}/resend", "Send one anew, with the same id", writes("webhooks", least)),
		func(ctx context.Context, in *O) (*body[Resent], error) {
			b, err := resend(ctx, *in, (*in).Named(), (*in).Named(), nil)
			if err == nil && b.Body.Resent == 0 {
				return nil, huma.Error404NotFound("there is no such delivery; they are kept for a week")
			}
			return b, err
		})
	huma.Register(on, op("resend-"+name+"deliveries", http.MethodPost, path+"/resend", "Send a range of deliveries anew, each with its id", writes("webhooks", least)),
		func(ctx context.Context, in *R) (*body[Resent], error) {
			ask := (*in).Wanted()
			if ask.To == 0 {
				ask.To = 1<<63 - 1
			}
			return resend(ctx, *in, ask.From, ask.To, deliveryState(ask.State))
		})
	huma.Register(on, op("test-"+name+"webhook", http.MethodPost, path+"/test", "Tell a webhook of an event webhook.test, and see what comes of it", writes("webhooks", least)),
		func(ctx context.Context, in *P) (*body[store.Delivery], error) {
			key, err := there(ctx, *in)
			if err != nil {
				return nil, err
			}
			d, err := c.Webhooks.Test(ctx, key)
			if err != nil {
				return nil, c.failed("the webhook can't be tried", err)
			}
			return &body[store.Delivery]{d}, nil
		})
	huma.Register(on, op("resume-"+name+"webhook", http.MethodPost, path+"/resume", "Switch a webhook on again whose target had answered 410", writes("webhooks", least)),
		func(ctx context.Context, in *P) (*body[SwitchedOn], error) {
			key, err := there(ctx, *in)
			if err != nil {
				return nil, err
			}
			return &body[SwitchedOn]{SwitchedOn{c.Webhooks.SwitchOn(key)}}, nil
		})
}

// deliveryState reads a state's word; nil for none.
func deliveryState(word string) *store.DeliveryState {
	i := slices.Index(store.DeliveryStates, word)
	if i < 0 {
		return nil
	}
	s := store.DeliveryState(i)
	return &s
}
