package rest

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"santral/api"
	"santral/store"
	"santral/tenant"
)

// Audits is where who did what is kept.
type Audits interface {
	Note(a store.Audit)
	Audits(ctx context.Context, filter store.AuditFilter, cursor string, limit int) (page []store.Audit, next string, err error)
}

// confidential marks an operation that only reads, and is audited all the same: what it gives out is nobody else's.
func confidential(o huma.Operation) huma.Operation {
	o.Metadata[auditKey] = true
	return o
}

const auditKey = "audit"

type lineKey struct{}

// concerns adds to the line of who did what, what a request's path does not name: the tenant that it is about, and things.
func concerns(ctx context.Context, tenantID string, things ...string) {
	if a, ok := ctx.Value(lineKey{}).(*store.Audit); ok {
		if tenantID != "" && api.From(ctx).Tenant == "" {
			a.Tenant = tenantID
		}
		for _, t := range things {
			if t != "" && !slices.Contains(a.Things, t) {
				a.Things = append(a.Things, t)
			}
		}
	}
}

// remarks adds words to that line. No secret may be in them.
func remarks(ctx context.Context, note string) {
	if a, ok := ctx.Value(lineKey{}).(*store.Audit); ok {
		a.Note = note
	}
}

// acts changes who did it: of a sign-in it is known within.
func acts(ctx context.Context, tenantID, who string) {
	if a, ok := ctx.Value(lineKey{}).(*store.Audit); ok {
		a.Tenant, a.Who = tenantID, who
	}
}

// Bounds of what a line keeps, so that nobody fills a disk by long names.
const (
	mostThings = 8
	longThing  = 120
)

// audited writes down what was changed, what was refused, and what confidential was given out.
func (c Config) audited(ctx huma.Context, next func(huma.Context)) {
	o := ctx.Operation()
	r, _ := o.Metadata[rightKey].(right)
	kept := r.Write || o.Metadata[auditKey] == true
	who := api.From(ctx.Context())
	if c.Audits == nil || who.Kind == "" && !r.Open { // who is nobody does nothing; credentials that are no good are noted where they are seen
		next(ctx)
		return
	}
	a := &store.Audit{At: time.Now(), Tenant: who.Home(), Kind: who.Kind, Who: who.Name, Source: who.Source.String(), Request: ctx.Header(idHeader), What: o.OperationID}
	if who.Kind == "" {
		a.Kind = "none"
	}
	if !who.Source.IsValid() {
		a.Source = sourceIn(ctx.Context()).String()
	}
	for _, part := range strings.Split(o.Path, "/") {
		if strings.HasPrefix(part, "{") {
			value := ctx.Param(strings.Trim(part, "{}."))
			if part == "{tenant}" && who.Tenant == "" && len(value) <= 40 && value != "" {
				a.Tenant = value
			}
			a.Things = append(a.Things, value)
		}
	}
	if named := ctx.Query("tenant"); named != "" && who.Tenant == "" && len(named) <= 40 {
		a.Tenant = named
	}
	done := false
	defer func() {
		if !kept && ctx.Status() != http.StatusForbidden || o.Metadata[quietKey] == true && ctx.Status() < 400 {
			return
		}
		if a.Status = ctx.Status(); a.Status == 0 {
			a.Status = http.StatusOK
			if !done {
				a.Status = http.StatusInternalServerError
			}
		}
		if len(a.Things) > mostThings {
			a.Things = a.Things[:mostThings]
		}
		for i, t := range a.Things {
			a.Things[i] = cut(t, longThing)
		}
		a.Who, a.Note = cut(a.Who, longThing), cut(a.Note, 2*longThing)
		c.Audits.Note(*a)
	}()
	next(huma.WithContext(ctx, context.WithValue(ctx.Context(), lineKey{}, a)))
	done = true
}

// quietKey marks an operation of which only refusals are audited: it changes nothing that lasts.
const quietKey = "quiet"

// cut gives the beginning of a text.
func cut(s string, most int) string {
	s = strings.ToValidUTF8(s, "?")
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

func (c Config) audits(on huma.API) {
	huma.Register(on, op("list-audit", http.MethodGet, "/api/v1/audit", "Who did what, newest first: changes, refusals, sign-ins, and the giving out of what is confidential", reads("audit", tenant.RoleAdmin)),
		func(ctx context.Context, in *struct {
			Paging
			Tenant string    `query:"tenant" maxLength:"40" doc:"whose; your own, or all, when left out"`
			Who    string    `query:"who" maxLength:"120" doc:"a user's id, a token's name, root"`
			What   string    `query:"what" maxLength:"60" doc:"the operation, such as sign-in or put-mailbox"`
			Thing  string    `query:"thing" maxLength:"120" doc:"the first of what it was done to"`
			Failed bool      `query:"failed" doc:"only what was not done"`
			From   time.Time `query:"from" doc:"then or later"`
			Until  time.Time `query:"until" doc:"before"`
		}) (*body[Page[store.Audit]], error) {
			tenantID, err := tenantOf(ctx, in.Tenant)
			if err != nil {
				return nil, err
			}
			if partly(ctx) {
				return nil, huma.Error403Forbidden("who did what is for who may see the whole tenant")
			}
			filter := store.AuditFilter{Tenant: tenantID, Who: in.Who, What: in.What, Thing: in.Thing, Failed: in.Failed, From: in.From, Until: in.Until}
			rows, next, err := c.Audits.Audits(ctx, filter, in.Cursor, in.Limit)
			switch {
			case errors.Is(err, store.ErrBadCursor):
				return nil, huma.Error400BadRequest("that cursor is none of this list's; leave it out for the first page")
			case err != nil:
				return nil, c.failed("the audit can't be read", err)
			}
			return &body[Page[store.Audit]]{Page[store.Audit]{Items: append([]store.Audit{}, rows...), Next: next}}, nil
		})
}
