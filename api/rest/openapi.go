package rest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"santral/api"
	"santral/api/noun"
	"santral/store"
)

// settings are how operations are described and answered.
func (c Config) settings() huma.Config {
	s := huma.DefaultConfig("Santral", c.Version)
	s.Formats = map[string]huma.Format{"application/json": escaped, "json": escaped}
	s.DocsPath = ""     // the page would load its script from elsewhere: ours is at /api/docs
	s.CreateHooks = nil // an answer has its own keys, and no $schema besides
	s.SchemasPath = ""
	s.Transformers = []huma.Transformer{pointed}
	s.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", named)
	s.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "A token of POST /api/v1/tokens, of santral token create, or of a session (POST /api/v1/session). The data folder of the exchange has one that may do everything."},
	}
	s.Components.SecuritySchemes["session"] = &huma.SecurityScheme{Type: "apiKey", In: "cookie", Name: "__Host-santral", Description: "The cookie of a session (POST /api/v1/session). Whatever changes something has the header X-Santral: 1 too, unless the browser tells where it is from (Origin)."}
	s.Security = []map[string][]string{{"token": {}}, {"session": {}}}
	s.Transformers = append(s.Transformers, plainProblems)
	s.Info.Description = introduction
	s.Servers = []*huma.Server{{URL: "/", Description: "the exchange that serves this"}}
	s.Info.License = &huma.License{Name: "Apache 2.0", Identifier: "Apache-2.0"}
	s.Tags = tags
	return s
}

// pointed has what is wrong with a body be named by JSON pointers everywhere.
func pointed(_ huma.Context, _ string, v any) (any, error) {
	problem, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	problem.Detail = short(problem.Detail, 2000)
	for _, e := range problem.Errors {
		e.Message, e.Location = short(e.Message, 500), short(e.Location, 300)
		where, in := strings.CutPrefix(e.Location, "body.")
		if e.Location == "body" {
			e.Value = nil // a whole body that can't be read may hold secrets
		}
		if in {
			e.Location = "/" + strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(where)
			e.Value = nil
		}
	}
	return v, nil
}

// short cuts what somebody has sent and is told back.
func short(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}

// named gives a type's name in the description. What is configured has its noun; how a thing of the same noun stands now is its
// state.
func named(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	if wild := func(r rune) bool { return r > 'z' || !unicode.IsLetter(r) && !unicode.IsDigit(r) }; strings.ContainsFunc(name, wild) { // of a type without a name
		name = ""
		for _, word := range strings.FieldsFunc(hint, wild) {
			name += strings.ToUpper(word[:1]) + word[1:]
		}
		if name == "" {
			sum := sha256.Sum256([]byte(t.String()))
			name = "Of" + hex.EncodeToString(sum[:4])
		}
	}
	_, clash := nounNames[name]
	if clash && t.PkgPath() != nounPackage {
		return "Live" + name
	}
	return name
}

var nounPackage = typeOf[noun.Site]().PkgPath()

// nounNames are the names of the types of entries.
var nounNames = func() map[string]bool {
	names := map[string]bool{"Tenant": true, "Operator": true}
	for _, l := range noun.Lists {
		names[l.Type.Name()] = true
	}
	return names
}()

const introduction = `Santral is a SIP exchange for operators and organisations. This is all of its HTTP API; the command line ` + "`santral`" + ` speaks nothing else.

## Beginning

Send ` + "`Authorization: Bearer TOKEN`" + ` with every request. A token has a role (user, reporter, manager, admin, operator), scopes such as ` + "`lines:read`" + ` or ` + "`calls:write`" + `, and may be bound to a tenant, a site or a department. What is not yours to see is not there (404); what you may see and may not do is 403.

## Configuration

A tenant is one YAML document with numbered revisions, and the operator has one too. The lists of these documents (lines, trunks, routes and so on) are resources here: an entry's JSON has exactly the document's keys. Every change, whether of one key or of a whole document, is a revision: it happens whole or not at all, no call sees half of it, and it can be planned before (` + "`POST /api/v1/plan`" + `) and taken back afterwards, byte for byte (` + "`POST /api/v1/revisions/{number}/undo`" + `). Answers to changes tell its number in the header ` + "`Revision`" + `; say why in ` + "`?why=`" + ` or the header ` + "`Why`" + `. Passwords and keys are taken and never shown.

- **Lists** come in pages: pass ` + "`next`" + ` as ` + "`?cursor=`" + ` for the page that follows; ` + "`?q=`" + ` looks for a text.
- **PATCH** is a merge patch (RFC 7396): what it does not name stays, null takes a key away.
- **ETag** stands with everything: send it as ` + "`If-Match`" + ` with a change (412 where it is another by now), or as ` + "`If-None-Match`" + ` with a question (304).
- **Idempotency-Key** with a POST: the same key and the same request are done once, however often they are sent.

## Problems

Whatever is not done is answered by a problem document (RFC 9457, ` + "`application/problem+json`" + `): ` + "`detail`" + ` says what to do, ` + "`errors`" + ` what is wrong and where, with JSON pointers into the body, or lines and columns of a document.

## Events

What happens is told over SSE and WebSocket, and to webhooks, which are signed (Standard Webhooks). Their types stand under *Webhooks*.`

var tags = []*huma.Tag{
	{Name: "Tenants", Description: "Customers of the operator, and the operator's own settings."},
	{Name: "Accounts", Description: "Lines, extensions, and what carries them."},
	{Name: "Numbers", Description: "Public numbers and where they lead."},
	{Name: "Routing", Description: "Trunks, routes, classes of service, schedules and calendars; what would happen to a call."},
	{Name: "People", Description: "Users, departments and groups."},
	{Name: "Places", Description: "Sites, buildings, units and brands."},
	{Name: "Revisions", Description: "Documents, plans, changes and undoing them."},
	{Name: "Calls", Description: "What is going on: calls, rooms, registrations, trunks."},
	{Name: "Records", Description: "What has been: call records, reports, recordings, traces."},
	{Name: "Media", Description: "Announcements, music, recordings."},
	{Name: "Events", Description: "Being told of what happens."},
	{Name: "Access", Description: "Who may do what: sessions, tokens, audit, bans."},
}

// families say in which group of pages an operation stands that names none, by what its path begins with.
var families = []struct{ path, tag string }{
	{"/api/v1/calls", "Calls"}, {"/api/v1/rooms", "Calls"}, {"/api/v1/registrations", "Calls"}, {"/api/v1/subscriptions", "Calls"},
	{"/api/v1/mailboxes", "Calls"}, {"/api/v1/trunks", "Calls"}, {"/api/v1/relays", "Calls"}, {"/api/v1/turn", "Calls"},
	{"/api/v1/cdrs", "Records"}, {"/api/v1/records", "Records"}, {"/api/v1/reports", "Records"}, {"/api/v1/recordings", "Records"}, {"/api/v1/filters", "Records"},
	{"/api/v1/prompts", "Media"}, {"/api/v1/speech", "Media"},
	{"/api/v1/events", "Events"}, {"/api/v1/webhooks", "Events"}, {"/api/v1/deliveries", "Events"}, {"/api/v1/alarms", "Events"},
	{"/api/v1/what-if", "Routing"},
	{"/api/v1/", "Access"},
}

// refusals are what may come instead of an operation's answer, by what it is.
func refusals(o *huma.Operation, method string, parts bool) []int {
	list := []int{}
	if o.Security == nil || len(o.Security) > 0 {
		list = append(list, http.StatusUnauthorized, http.StatusForbidden)
	}
	if parts {
		list = append(list, http.StatusNotFound)
	}
	if o.RequestBody != nil {
		list = append(list, http.StatusBadRequest, http.StatusRequestEntityTooLarge)
	}
	if o.RequestBody != nil || len(o.Parameters) > 0 {
		list = append(list, http.StatusUnprocessableEntity)
	}
	if method != http.MethodGet {
		list = append(list, http.StatusConflict)
	}
	conditional := slices.ContainsFunc(o.Parameters, func(p *huma.Param) bool { return p.Name == "If-None-Match" })
	if conditional && method != http.MethodGet {
		list = append(list, http.StatusPreconditionFailed)
	}
	if conditional && method == http.MethodGet {
		list = append(list, http.StatusNotModified)
	}
	return append(list, http.StatusTooManyRequests, http.StatusInternalServerError)
}

// reasons are the words of refusals in the description.
var reasons = map[int]string{
	http.StatusNotModified:           "It is still what If-None-Match names",
	http.StatusBadRequest:            "What was sent can't be read",
	http.StatusUnauthorized:          "Nobody is known by the credentials, or there are none",
	http.StatusForbidden:             "You may see it, and not do this",
	http.StatusNotFound:              "It is not there, or not yours to see",
	http.StatusConflict:              "It can't be done as things are: detail says why",
	http.StatusPreconditionFailed:    "It is another by now than If-Match names, or is there already",
	http.StatusRequestEntityTooLarge: "More was sent than is taken",
	http.StatusUnprocessableEntity:   "What was sent can be read and is wrong: errors says what, and where",
	http.StatusTooManyRequests:       "Too much was asked in too short a time: Retry-After says when to come again",
	http.StatusInternalServerError:   "Something of the exchange's own broke; its log says what",
}

// described completes the description once all operations are known: groups, refusals, events.
func described(a huma.API) huma.API {
	o := a.OpenAPI()
	problem := map[string]*huma.MediaType{"application/problem+json": {Schema: o.Components.Schemas.Schema(typeOf[huma.ErrorModel](), true, "")}}
	if o.Components.Responses == nil {
		o.Components.Responses = map[string]*huma.Response{}
	}
	for status, why := range reasons {
		r := &huma.Response{Description: why}
		if status != http.StatusNotModified {
			r.Content = problem
		}
		o.Components.Responses[problemName(status)] = r
	}
	for path, item := range o.Paths {
		for method, op := range methods(item) {
			if len(op.Tags) == 0 {
				for _, f := range families {
					if strings.HasPrefix(path, f.path) {
						op.Tags = []string{f.tag}
						break
					}
				}
			}
			delete(op.Responses, "default")
			for _, status := range refusals(op, method, strings.Contains(path, "{")) {
				if key := strconv.Itoa(status); op.Responses[key] == nil {
					op.Responses[key] = &huma.Response{Ref: "#/components/responses/" + problemName(status)}
				}
			}
		}
	}
	webhooks(o)
	whole(o)
	shared(o)
	return a
}

// shared has what many operations take described once.
func shared(o *huma.OpenAPI) {
	o.Components.Parameters = map[string]*huma.Param{}
	known := map[string]string{} // how a parameter is described → its name among the components
	for _, path := range slices.Sorted(maps.Keys(o.Paths)) {
		for _, op := range methods(o.Paths[path]) {
			for status, r := range op.Responses {
				delete(r.Headers, "Content-Type") // it is the answer's own to say
				if status == "204" {
					delete(r.Headers, "ETag")
					delete(r.Headers, "Location")
				}
			}
			for i, p := range op.Parameters {
				if p.Schema != nil {
					p.Schema.Description = ""
				}
				text, err := json.Marshal(p)
				if err != nil {
					continue
				}
				name, ok := known[string(text)]
				if !ok {
					name = p.Name + "-param" // generators make one name space of parameters and schemas
					for n := 2; o.Components.Parameters[name] != nil; n++ {
						name = p.Name + "-param-" + strconv.Itoa(n)
					}
					known[string(text)], o.Components.Parameters[name] = name, p
				}
				op.Parameters[i] = &huma.Param{Ref: "#/components/parameters/" + name}
			}
		}
	}
}

func problemName(status int) string { return strings.ReplaceAll(http.StatusText(status), " ", "") }

// methods are the operations of a path.
func methods(item *huma.PathItem) map[string]*huma.Operation {
	all := map[string]*huma.Operation{
		http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch, http.MethodDelete: item.Delete,
	}
	for method, op := range all {
		if op == nil {
			delete(all, method)
		}
	}
	return all
}

// whole has every schema say what answers really are: lists are never null.
func whole(o *huma.OpenAPI) {
	for _, schema := range o.Components.Schemas.Map() {
		lists(schema, 0)
	}
}

func lists(s *huma.Schema, depth int) {
	if s == nil || depth > 20 {
		return
	}
	if s.Type == huma.TypeArray {
		s.Nullable = false
	}
	lists(s.Items, depth+1)
	for _, p := range s.Properties {
		lists(p, depth+1)
	}
	if more, ok := s.AdditionalProperties.(*huma.Schema); ok {
		lists(more, depth+1)
	}
}

// happenings are the types of events, with what each tells and when.
var happenings = []struct {
	kind, when string
	data       reflect.Type
}{
	{api.CallCreated, "A call has begun.", typeOf[api.CallEvent]()},
	{api.CallRinging, "A telephone rings.", typeOf[api.CallEvent]()},
	{api.CallAnswered, "A call was answered.", typeOf[api.CallEvent]()},
	{api.CallHeld, "One side of a call holds the other.", typeOf[api.CallEvent]()},
	{api.CallResumed, "A call that was held goes on.", typeOf[api.CallEvent]()},
	{api.CallTransferred, "One side of a call was sent on.", typeOf[api.CallEvent]()},
	{api.CallEnded, "A call is over.", typeOf[api.CallEvent]()},
	{api.RecordMade, "The record of a call was written.", typeOf[store.CDR]()},
	{api.RegistrationChanged, "An account has other phones registered than before.", typeOf[api.RegistrationEvent]()},
	{api.TrunkUp, "A trunk can take calls again.", typeOf[api.TrunkEvent]()},
	{api.TrunkDown, "A trunk can take no calls.", typeOf[api.TrunkEvent]()},
	{api.TrunkNearlyFull, "A trunk has four fifths of its channels in use.", typeOf[api.TrunkEvent]()},
	{api.RevisionApplied, "Configuration was changed.", typeOf[api.RevisionEvent]()},
	{api.RecordingReady, "A recording can be fetched.", typeOf[api.RecordingEvent]()},
	{api.AlarmRaised, "Something needs to be seen to.", typeOf[api.AlarmEvent]()},
	{api.AlarmCleared, "What an alarm was about is over.", typeOf[api.AlarmEvent]()},
	{api.HookTest, "A webhook is tried.", typeOf[api.HookTestEvent]()},
}

// webhooks puts what webhooks are told into the description.
func webhooks(o *huma.OpenAPI) {
	registry := o.Components.Schemas
	hook := func(name, what string) *huma.Param {
		return &huma.Param{Name: name, In: "header", Required: true, Description: what, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	o.Webhooks = map[string]*huma.PathItem{}
	for _, e := range happenings {
		envelope := registry.SchemaFromRef(registry.Schema(typeOf[api.Event](), true, "").Ref)
		one := *envelope
		one.Properties = maps.Clone(envelope.Properties)
		one.Properties["type"] = &huma.Schema{Type: huma.TypeString, Enum: []any{e.kind}}
		one.Properties["data"] = registry.Schema(e.data, true, "")
		one.PrecomputeMessages()
		o.Webhooks[e.kind] = &huma.PathItem{Post: &huma.Operation{
			OperationID: "event-" + strings.ReplaceAll(e.kind, ".", "-"), Summary: e.when, Tags: []string{"Events"},
			Description: "Sent to webhooks by the rules of Standard Webhooks, over SSE and WebSocket with the same envelope. Answer with 2xx within 15 seconds; else it is sent again.",
			Security:    []map[string][]string{},
			Parameters: []*huma.Param{
				hook("webhook-id", "names the delivery; the same when it is sent again"), hook("webhook-timestamp", "seconds since 1970"),
				hook("webhook-signature", "v1, and the HMAC-SHA256 in base64 of id, timestamp and body with points between them, by the webhook's secret"),
			},
			RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{jsonType: {Schema: &one}}},
			Responses:   map[string]*huma.Response{"200": {Description: "Taken"}, "410": {Description: "Not wanted any more"}},
		}}
	}
}
