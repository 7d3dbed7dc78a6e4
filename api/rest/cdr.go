package rest

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"santral/api"
	"santral/store"
	"santral/tenant"
)

func (c Config) cdrs(on huma.API) {
	huma.Register(on, op("list-cdrs", http.MethodGet, "/api/v1/cdrs", "Call records, newest first", reads("records", tenant.RoleUser)),
		func(ctx context.Context, in *struct {
			Paging
			Tenant  string    `query:"tenant" maxLength:"40" doc:"whose; your own, or all, when left out"`
			Account string    `query:"account" doc:"the caller's account, the routed one or the one that answered"`
			Call    string    `query:"call" doc:"the call's id, or the SIP Call-ID of a leg"`
			State   string    `query:"state" enum:"answered,busy,no answer,cancelled,failed,interrupted"`
			From    time.Time `query:"from" doc:"begun then or later"`
			Until   time.Time `query:"until" doc:"begun before"`
		}) (*body[Page[store.CDR]], error) {
			tenantID, err := tenantOf(ctx, in.Tenant)
			if err != nil {
				return nil, err
			}
			filter := store.CDRFilter{Tenant: tenantID, Account: in.Account, Call: in.Call, State: store.ParseCDRState(in.State), From: in.From, Until: in.Until}
			rows, next, err := sifted(in.Cursor, in.Limit, func(cursor string, limit int) ([]store.CDR, string, error) {
				return c.CDRs.CDRs(ctx, filter, cursor, limit)
			}, func(r *store.CDR) bool { return c.seesRecord(ctx, r) })
			switch {
			case errors.Is(err, store.ErrBadCursor):
				return nil, huma.Error400BadRequest("that cursor is none of this list's; leave it out for the first page")
			case err != nil:
				return nil, c.failed("the records can't be read", err)
			}
			return &body[Page[store.CDR]]{Page[store.CDR]{Items: rows, Next: next}}, nil
		})
	huma.Register(on, op("get-cdr", http.MethodGet, "/api/v1/cdrs/{call}", "The record of one call", reads("records", tenant.RoleUser)),
		func(ctx context.Context, in *CallPath) (*body[store.CDR], error) {
			row, err := c.record(ctx, in.Call)
			if err != nil {
				return nil, err
			}
			return &body[store.CDR]{row}, nil
		})
}

func (c Config) record(ctx context.Context, id string) (store.CDR, error) {
	rows, _, err := c.CDRs.CDRs(ctx, store.CDRFilter{Tenant: api.From(ctx).Tenant, Call: id}, "", 1)
	if err != nil {
		return store.CDR{}, c.failed("the records can't be read", err)
	}
	if len(rows) == 0 || !c.seesRecord(ctx, &rows[0]) {
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

// seesRecord tells whether who asks may see a record: one of its sides is theirs.
func (c Config) seesRecord(ctx context.Context, r *store.CDR) bool {
	if c.sees(ctx, r.Tenant, "") {
		return true
	}
	for _, account := range []string{r.FromAccount, r.To, r.AnsweredBy} {
		if account != "" && c.sees(ctx, r.Tenant, account) {
			return true
		}
	}
	return false
}
