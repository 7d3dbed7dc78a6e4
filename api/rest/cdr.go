package rest

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"santral/store"
)

func (c Config) cdrs(api huma.API) {
	huma.Register(api, huma.Operation{OperationID: "list-cdrs", Method: http.MethodGet, Path: "/api/v1/cdrs", Summary: "Call records, newest first"},
		func(ctx context.Context, in *struct {
			Paging
			Tenant  string    `query:"tenant"`
			Account string    `query:"account" doc:"the caller's account, the routed one or the one that answered"`
			Call    string    `query:"call" doc:"the call's id, or the SIP Call-ID of a leg"`
			State   string    `query:"state" enum:"answered,busy,no answer,cancelled,failed,interrupted"`
			From    time.Time `query:"from" doc:"begun then or later"`
			Until   time.Time `query:"until" doc:"begun before"`
		}) (*body[Page[store.CDR]], error) {
			filter := store.CDRFilter{Tenant: in.Tenant, Account: in.Account, Call: in.Call, State: store.ParseCDRState(in.State), From: in.From, Until: in.Until}
			rows, next, err := c.CDRs.CDRs(ctx, filter, in.Cursor, in.Limit)
			switch {
			case errors.Is(err, store.ErrBadCursor):
				return nil, huma.Error400BadRequest("that cursor is none of this list's; leave it out for the first page")
			case err != nil:
				return nil, c.failed("the records can't be read", err)
			}
			if rows == nil {
				rows = []store.CDR{}
			}
			return &body[Page[store.CDR]]{Page[store.CDR]{Items: rows, Next: next}}, nil
		})
	huma.Register(api, huma.Operation{OperationID: "get-cdr", Method: http.MethodGet, Path: "/api/v1/cdrs/{call}", Summary: "The record of one call"},
		func(ctx context.Context, in *CallPath) (*body[store.CDR], error) {
			row, err := c.record(ctx, in.Call)
			if err != nil {
				return nil, err
			}
			return &body[store.CDR]{row}, nil
		})
}

func (c Config) record(ctx context.Context, id string) (store.CDR, error) {
	rows, _, err := c.CDRs.CDRs(ctx, store.CDRFilter{Call: id}, "", 1)
	if err != nil {
		return store.CDR{}, c.failed("the records can't be read", err)
	}
	if len(rows) == 0 {
		return store.CDR{}, huma.Error404NotFound("there is no record of that call; it may still be going on")
	}
	return rows[0], nil
}

// recordedCallIDs gives the SIP Call-IDs of an ended call's legs, and the call's own id.
func (c Config) recordedCallIDs(ctx context.Context, id string) ([]string, error) {
	row, err := c.record(ctx, id)
	if err != nil {
		return nil, err
	}
	ids := []string{row.Call}
	for _, leg := range row.Legs {
		if leg.SIPCallID != "" {
			ids = append(ids, leg.SIPCallID)
		}
	}
	return ids, nil
}
