package rest

import (
	"context"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"santral/api"
	"santral/store"
	"santral/tenant"
)

// Events tells what happens to those who listen; it answers the request for as long as that takes.
type Events interface {
	SSE(w http.ResponseWriter, r *http.Request, ask api.Listening)
	WebSocket(w http.ResponseWriter, r *http.Request, ask api.Listening)
}

// Wishes are what a listener asks for. It is exported because huma reads only exported fields, of an embedded struct too.
type Wishes struct {
	Types  []string `query:"types" maxItems:"64" doc:"only these, such as call.ended or call.*; all when left out"`
	Tenant string   `query:"tenant" maxLength:"40" doc:"only what this tenant is told; all that you may know of when left out"`
	Last   string   `header:"Last-Event-ID" maxLength:"20" pattern:"^[0-9]*$" doc:"id of the last event that you have had: what you have missed comes first, or an event gap where it is no longer there"`
	After  string   `query:"after" maxLength:"20" pattern:"^[0-9]*$" doc:"the same as Last-Event-ID, for clients that can't send it"`
}

// eventData are the types of events with what their data is.
var eventData = map[string]any{
	api.CallCreated: api.CallEvent{}, api.CallRinging: api.CallEvent{}, api.CallAnswered: api.CallEvent{}, api.CallHeld: api.CallEvent{},
	api.CallResumed: api.CallEvent{}, api.CallTransferred: api.CallEvent{}, api.CallEnded: api.CallEvent{}, api.RecordMade: store.CDR{},
	api.RegistrationChanged: api.RegistrationEvent{}, api.TrunkUp: api.TrunkEvent{}, api.TrunkDown: api.TrunkEvent{}, api.TrunkNearlyFull: api.TrunkEvent{},
	api.RevisionApplied: api.RevisionEvent{}, api.RecordingReady: api.RecordingEvent{}, api.AlarmRaised: api.AlarmEvent{}, api.AlarmCleared: api.AlarmEvent{},
}

// eventNews is what each type tells of.
var eventNews = map[string]string{
	api.CallCreated: "a call has begun", api.CallRinging: "a phone rings, or the other side of a trunk says so", api.CallAnswered: "a leg has answered",
	api.CallHeld: "a phone holds the other", api.CallResumed: "it no longer does", api.CallTransferred: "a leg was sent on to another call",
	api.CallEnded: "a call is over", api.RecordMade: "the record of a call is complete", api.RegistrationChanged: "an account has more or fewer phones than before",
	api.TrunkUp: "calls are tried by a trunk again", api.TrunkDown: "no calls are tried by a trunk", api.TrunkNearlyFull: "four fifths of a trunk's channels are in use",
	api.RevisionApplied: "configuration was changed", api.RecordingReady: "a recording is whole and filed", api.AlarmRaised: "something is wrong", api.AlarmCleared: "it no longer is",
}

func (c Config) events(on huma.API) {
	doc := on.OpenAPI()
	envelope := func(kind string) *huma.Schema {
		data := doc.Components.Schemas.Schema(reflect.TypeOf(eventData[kind]), true, "")
		return &huma.Schema{Type: "object", Required: []string{"id", "type", "time", "tenant", "data"}, Properties: map[string]*huma.Schema{
			"id":     {Type: "integer", Description: "grows from event to event"},
			"type":   {Type: "string", Enum: []any{kind}},
			"time":   {Type: "string", Format: "date-time"},
			"tenant": {Type: "string"},
			"data":   data,
		}}
	}
	doc.Webhooks = map[string]*huma.PathItem{}
	var every []*huma.Schema
	for _, kind := range slices.Sorted(maps.Keys(eventData)) {
		s := envelope(kind)
		every = append(every, s)
		doc.Webhooks[kind] = &huma.PathItem{Post: &huma.Operation{
			OperationID: "event-" + kind, Summary: "Told when " + eventNews[kind], Security: []map[string][]string{},
			Description: "Signed by the headers webhook-id, webhook-timestamp and webhook-signature (Standard Webhooks).",
			RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: s}}},
			Responses:   map[string]*huma.Response{"2XX": {Description: "taken"}, "410": {Description: "not wanted any longer: the webhook is switched off"}},
		}}
	}
	listen := func(id, path, summary, kind, status string, serve func(Events) func(http.ResponseWriter, *http.Request, api.Listening)) {
		o := op(id, http.MethodGet, path, summary, reads("events", tenant.RoleUser))
		o.Responses = map[string]*huma.Response{status: {Description: "events, as they happen; each is told to whoever may know of it", Content: map[string]*huma.MediaType{kind: {Schema: &huma.Schema{OneOf: every}}}}}
		huma.Register(on, o, func(ctx context.Context, in *Wishes) (*huma.StreamResponse, error) {
			ask, err := c.listening(ctx, in)
			if err != nil {
				return nil, err
			}
			return &huma.StreamResponse{Body: func(hc huma.Context) {
				r, w := humago.Unwrap(hc)
				ask.Again = func() (api.Identity, bool) {
					who, no := c.identify(r)
					return who, no == nil && who.Kind != ""
				}
				serve(c.Events)(w, r.WithContext(hc.Context()), ask)
			}}, nil
		})
	}
	listen("listen", "/api/v1/events", "What happens, as Server-Sent Events", "text/event-stream", "200",
		func(e Events) func(http.ResponseWriter, *http.Request, api.Listening) { return e.SSE })
	listen("listen-by-websocket", "/api/v1/events/ws", "What happens, over WebSocket, with commands to ask for other types", "application/json", "101",
		func(e Events) func(http.ResponseWriter, *http.Request, api.Listening) { return e.WebSocket })
}

// listening reads what a listener asks for.
func (c Config) listening(ctx context.Context, in *Wishes) (ask api.Listening, err error) {
	for _, t := range in.Types {
		if !api.KnownWish(t) {
			return ask, huma.Error422UnprocessableEntity("there is no type of events "+t, &huma.ErrorDetail{Message: "name a type, or the beginning of types with * behind it: call.*", Location: "query.types", Value: t})
		}
	}
	if ask.Tenant, err = tenantOf(ctx, in.Tenant); err != nil {
		return ask, err
	}
	ask.Types = in.Types
	last := in.Last
	if last == "" {
		last = in.After
	}
	if last != "" {
		if ask.After, err = strconv.ParseUint(last, 10, 64); err != nil {
			return ask, huma.Error422UnprocessableEntity("Last-Event-ID must be the id of an event, a number")
		}
		ask.Resume = true
	}
	return ask, nil
}
