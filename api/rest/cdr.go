package rest

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"santral/api"
	"santral/service/report"
	"santral/store"
	"santral/tenant"
)

// CDRQuery is what records are searched by. It is exported because huma reads only exported fields.
type CDRQuery struct {
	Tenant     string    `query:"tenant" maxLength:"40" doc:"whose; your own, or all, when left out"`
	Account    string    `query:"account" maxLength:"64" doc:"the caller's account, or the one that it was routed to"`
	Call       string    `query:"call" maxLength:"255" doc:"the call's id, or the SIP Call-ID of a leg"`
	State      string    `query:"state" enum:"answered,busy,no answer,cancelled,failed,interrupted"`
	From       time.Time `query:"from" doc:"begun then or later"`
	Until      time.Time `query:"until" doc:"begun before"`
	Number     string    `query:"number" maxLength:"64" doc:"of the caller or the called, in any spelling"`
	Trunk      string    `query:"trunk" maxLength:"64" doc:"that it came or left by"`
	Site       string    `query:"site" maxLength:"64" doc:"of the caller or the called"`
	Department string    `query:"department" maxLength:"64" doc:"of the caller or the called, with its parts"`
	Kind       string    `query:"kind" maxLength:"32" doc:"kind of calls, such as mobile or international"`
	Direction  string    `query:"direction" enum:"in,out,internal,transit" doc:"as the tenant sees it"`
	Cause      int       `query:"cause" minimum:"0" maximum:"127" doc:"by ITU-T Q.850"`
	Longer     int       `query:"longer" minimum:"0" maximum:"31536000" doc:"seconds: talked at least so long"`
	Shorter    int       `query:"shorter" minimum:"0" maximum:"31536000" doc:"seconds: talked less than that"`
	Text       string    `query:"text" maxLength:"128" doc:"in a name, a number, a cause or a route"`
	Saved      string    `query:"filter" maxLength:"64" doc:"a search that was kept under this name; what else is said restricts it further"`
}

// filter gives the search, held to what who asks may see.
func (c Config) filter(ctx context.Context, q *CDRQuery) (store.CDRFilter, error) {
	who := api.From(ctx)
	tenantID, err := tenantOf(ctx, q.Tenant)
	if err != nil {
		return store.CDRFilter{}, err
	}
	var f store.CDRFilter
	if q.Saved != "" {
		if f, err = c.savedFilter(ctx, tenantID, q.Saved); err != nil {
			return f, err
		}
	}
	f.Tenant = tenantID
	set := func(to *string, v string) {
		if v != "" {
			*to = v
		}
	}
	set(&f.Account, q.Account)
	set(&f.Call, q.Call)
	set(&f.Number, q.Number)
	set(&f.Trunk, q.Trunk)
	set(&f.Site, q.Site)
	set(&f.Kind, q.Kind)
	set(&f.Text, q.Text)
	if q.State != "" {
		f.State = store.ParseCDRState(q.State)
	}
	if q.Direction != "" {
		f.Way = store.ParseCDRDirection(q.Direction)
	}
	if !q.From.IsZero() {
		f.From = q.From
	}
	if !q.Until.IsZero() {
		f.Until = q.Until
	}
	if q.Cause != 0 {
		f.Cause = q.Cause
	}
	if q.Longer != 0 {
		f.Longer = store.Millis(q.Longer) * 1000
	}
	if q.Shorter != 0 {
		f.Shorter = store.Millis(q.Shorter) * 1000
	}
	if q.Department != "" {
		f.Departments = c.Records.departments(tenantID, q.Department)
	}
	if who.Role < tenant.RoleReporter {
		if q.Account != "" && q.Account != who.Account {
			return f, huma.Error404NotFound("there is no such account; leave it out for your own")
		}
		f.Account = who.Account
	}
	return f, nil
}

// bound holds a search to the site and the department of who asks, where no record is looked at by itself.
func (c Config) bound(ctx context.Context, f store.CDRFilter) store.CDRFilter {
	who := api.From(ctx)
	if who.Site != "" {
		f.Sites = []string{who.Site}
	}
	if who.Department != "" {
		mine := c.Records.departments(who.Tenant, who.Department)
		if len(f.Departments) == 0 {
			f.Departments = mine
			return f
		}
		var both []string
		for _, d := range f.Departments {
			for _, m := range mine {
				if d == m {
					both = append(both, d)
				}
			}
		}
		if f.Departments = both; len(both) == 0 {
			f.Departments = []string{"\uffff"} // nobody's
		}
	}
	return f
}

// CDRTotals is what a search adds up to.
type CDRTotals struct {
	store.Sums
	ASR float64 `json:"asr" doc:"answered calls of all, 0 to 1"`
	NER float64 `json:"ner" doc:"calls for which the network did its part, of all, 0 to 1"`
	ACD float64 `json:"acd_seconds" doc:"talked on average, of answered calls"`
	PDD float64 `json:"pdd_seconds" doc:"post-dial delay on average"`
	MOS float64 `json:"mos_average" doc:"0 for unknown"`
}

func totals(s store.Sums) CDRTotals {
	return CDRTotals{s, s.ASR(), s.NER(), s.ACD().Seconds(), s.PDD().Seconds(), s.Quality()}
}

func (c Config) cdrs(on huma.API) {
	huma.Register(on, op("list-cdrs", http.MethodGet, "/api/v1/cdrs", "Call records, newest first; calls that a transfer joins are one row", reads("records", tenant.RoleUser)),
		func(ctx context.Context, in *struct {
			Paging
			CDRQuery
			Parts bool `query:"parts" doc:"each call for itself, also where a transfer joins several"`
		}) (*body[Page[store.CDR]], error) {
			filter, err := c.filter(ctx, &in.CDRQuery)
			if err != nil {
				return nil, err
			}
			rows, next, err := sifted(in.Cursor, in.Limit, func(cursor string, limit int) ([]store.CDR, string, error) {
				if c.Records.Read != nil && !in.Parts {
					return report.Stories(ctx, c.Records.Read, filter, cursor, limit)
				}
				rows, next, err := c.CDRs.CDRs(ctx, filter, cursor, limit)
				for i := range rows {
					rows[i] = rows[i].For(filter.Tenant)
				}
				return rows, next, err
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
	if c.Records.Read == nil {
		return
	}
	huma.Register(on, op("sum-cdrs", http.MethodGet, "/api/v1/cdrs/totals", "What the records of a search add up to", reads("records", tenant.RoleUser)),
		func(ctx context.Context, in *struct{ CDRQuery }) (*body[CDRTotals], error) {
			filter, err := c.filter(ctx, &in.CDRQuery)
			if err != nil {
				return nil, err
			}
			sums, err := c.Records.Read.Sum(ctx, c.bound(ctx, filter))
			if err != nil {
				return nil, c.failed("the records can't be added up", err)
			}
			return &body[CDRTotals]{totals(sums)}, nil
		})
	c.reports(on)
	c.savedFilters(on)
	c.archives(on)
	c.proofs(on)
}

func (c Config) record(ctx context.Context, id string) (store.CDR, error) {
	who := api.From(ctx)
	rows, _, err := c.CDRs.CDRs(ctx, store.CDRFilter{Tenant: who.Tenant, Call: id}, "", 1)
	if err != nil {
		return store.CDR{}, c.failed("the records can't be read", err)
	}
	if len(rows) > 0 {
		rows[0] = rows[0].For(who.Tenant)
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
	there := r.ToTenant
	if there == "" {
		there = r.Tenant
	}
	if c.sees(ctx, r.Tenant, "") || c.sees(ctx, there, "") {
		return true
	}
	return r.FromAccount != "" && c.sees(ctx, r.Tenant, r.FromAccount) || r.To != "" && c.sees(ctx, there, r.To) || r.AnsweredBy != "" && c.sees(ctx, there, r.AnsweredBy)
}
