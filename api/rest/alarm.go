package rest

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"santral/api"
	"santral/service/alarm"
	"santral/tenant"
)

// Alarms are what is wrong with the exchange. keep says which are asked for, and which may be seen.
type Alarms interface {
	List(keep func(*alarm.Alarm) bool) []alarm.Alarm // the newest first
	Acknowledge(id, by string, keep func(*alarm.Alarm) bool) (a alarm.Alarm, ok bool)
}

// mine tells whether an alarm is of what who asks may see: one's own tenant's, as a whole.
func mine(ctx context.Context, a *alarm.Alarm) bool {
	return api.From(ctx).In(a.Tenant) && !partly(ctx)
}

func (c Config) alarms(on huma.API) {
	huma.Register(on, op("list-alarms", http.MethodGet, "/api/v1/alarms", "What is wrong, and what was, newest first", reads("alarms", tenant.RoleReporter)),
		func(ctx context.Context, in *struct {
			Paging
			Tenant   string `query:"tenant" maxLength:"40" doc:"whose; your own, or all, when left out"`
			State    string `query:"state" enum:"up,over" doc:"up for what is wrong now; all when left out"`
			Severity string `query:"severity" enum:"info,warning,critical"`
			Name     string `query:"name" maxLength:"40" doc:"a kind, such as trunk-down"`
		}) (*body[Page[alarm.Alarm]], error) {
			tenantID, err := tenantOf(ctx, in.Tenant)
			if err != nil {
				return nil, err
			}
			before := uint64(1<<64 - 1)
			if in.Cursor != "" {
				if before, err = strconv.ParseUint(in.Cursor, 10, 64); err != nil {
					return nil, huma.Error400BadRequest("that cursor is none of this list's; leave it out for the first page")
				}
			}
			list := c.Alarms.List(func(a *alarm.Alarm) bool {
				id, _ := strconv.ParseUint(a.ID, 10, 64)
				return id < before && mine(ctx, a) && (tenantID == "" || a.Tenant == tenantID) && (in.Severity == "" || a.Severity == in.Severity) &&
					(in.Name == "" || a.Name == in.Name) && (in.State == "" || (in.State == "up") == a.Cleared.IsZero())
			})
			page := Page[alarm.Alarm]{Items: []alarm.Alarm{}}
			if len(list) > in.Limit {
				list = list[:in.Limit]
				page.Next = list[in.Limit-1].ID
			}
			page.Items = append(page.Items, list...)
			return &body[Page[alarm.Alarm]]{page}, nil
		})
	huma.Register(on, op("acknowledge-alarm", http.MethodPost, "/api/v1/alarms/{alarm}/acknowledge", "Say that an alarm is known", writes("alarms", tenant.RoleAdmin)),
		func(ctx context.Context, in *struct {
			Alarm string `path:"alarm" maxLength:"20"`
		}) (*body[alarm.Alarm], error) {
			a, ok := c.Alarms.Acknowledge(in.Alarm, api.From(ctx).Name, func(a *alarm.Alarm) bool { return mine(ctx, a) })
			if !ok {
				return nil, huma.Error404NotFound("there is no such alarm")
			}
			return &body[alarm.Alarm]{a}, nil
		})
}
