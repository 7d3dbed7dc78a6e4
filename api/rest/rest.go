// Package rest is the HTTP API: for each resource a file that decodes, authorizes, calls and
// encodes. The OpenAPI document is made from its Go types and served at /openapi.json. It owns no
// state: everything that it shows or changes arrives as a small function in [Config].
package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"santral/access"
	"santral/api"
	"santral/api/order"
	"santral/api/page"
	"santral/base/doc"
	"santral/observe/trace"
	"santral/service/prompt"
	"santral/service/revision"
	"santral/service/trunk"
	"santral/store"
)

// Config is what the API shows and changes.
type Config struct {
	Token         string                            // the bearer token that may do everything
	Who           Who                               // knows all other identities; nil for Logins, or for nobody else
	Logins        Logins                            // nil where nobody can sign in and no token can be made
	Home          func(user string) (tenant string) // whose document has a user who says no tenant
	Audits        Audits                            // nil for nobody who keeps who did what
	Answers       Answers                           // to requests with an idempotency key; zero for none kept
	Edge          Edge
	Book          revision.Configuration // nil where no configuration can be asked for
	Explain       Explain                // where a call would go
	Orders        *order.Office          // nil where none is taken
	Place         func(tenant, account string) (at Place, ok bool)
	Version       string
	Calls         func() []LiveCall
	Steer         Steer
	Dial          func(DialRequest) (call string, err error)    // a *Refusal where the call can't be begun
	Registrations func(after string, limit int) []store.Binding // a page behind a place that registrar.Cursor names
	CDRs          store.CDRs
	Records       Records
	Trace         func(ctx context.Context, callIDs []string) ([]trace.Entry, error)
	LegIDs        func(call string) []LegID // the legs of a live call, those that are over included; none when there is no such call
	Trunks        func() []trunk.Status
	TrunkCalls    func(tenant, trunk string) (in, out int) // calls on a trunk now
	// Certify tests a trunk by the clauses of SIPconnect, with a call to number where it is not ""; ok is false
	// when there is no such trunk. It takes up to half a minute.
	Certify       func(ctx context.Context, tenant, trunk, number string) (list []trunk.Clause, ok bool)
	Bans          func() []access.Ban
	Unban         func(source string) bool
	Allowed       func() []Allowed
	Allow         func(netip.Prefix) error                    // ErrTooMany when the list is full
	Forbid        func(netip.Prefix) (bool, error)            // reports whether it was allowed by Allow
	Subscriptions func(tenant, account string) []Subscription // "" for all, oldest first
	Mailbox       func(tenant, account string) (store.Mailbox, error)
	SetMailbox    func(ctx context.Context, box store.Mailbox) error
	Relays        func(tenant, account string) (r Relays, ok bool) // nil when there is no server of relays
	Recordings    Recordings
	Rooms         Rooms
	Record        func(call, action string) error // store.ErrNotFound for no such call, a *Refusal where it can't be now
	Prompts       Prompts
	Backup        func(ctx context.Context, w io.Writer, recordings bool) error
	Events        Events
	Alarms        Alarms
	Webhooks      Webhooks
	Ready         func() error // nil when new calls are taken; otherwise why not
	Metrics       http.Handler
	Log           *slog.Logger // what failed inside, which is not told outside; nil to discard it
}

// failed is the answer when something of ours broke: what it was goes to the log alone.
func (c Config) failed(what string, err error) error {
	if c.Log != nil {
		c.Log.Error(what, "error", err)
	}
	return huma.Error500InternalServerError(what + "; the exchange's log says why")
}

// Handler gives the whole HTTP side of the exchange.
func Handler(c Config) http.Handler {
	h, _ := build(c)
	return h
}

// build makes the HTTP side, and the description of its operations.
func build(c Config) (http.Handler, huma.API) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { text(w, 200, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := c.Ready(); err != nil {
			text(w, 503, err.Error()+"\n")
			return
		}
		text(w, 200, "ready\n")
	})
	mux.Handle("GET /metrics", c.figures(c.Metrics))

	api := humago.New(mux, c.settings())
	api.UseMiddleware(c.audited, judged(api))
	c.configuration(api)
	if c.Logins != nil {
		c.sessions(api)
		c.tokens(api)
		c.logins(api)
	}
	if c.Audits != nil {
		c.audits(api)
	}
	c.orders(api)
	c.tables(api)
	c.calls(api)
	c.registrations(api)
	c.cdrs(api)
	c.bans(api)
	c.trunks(api)
	c.subscriptions(api)
	c.mailboxes(api)
	c.relays(api)
	c.recordings(api)
	c.rooms(api)
	c.prompts(api)
	c.backups(api)
	c.events(api)
	c.alarms(api)
	c.webhooks(api)
	pages := page.New(described(api).OpenAPI())
	mux.Handle(page.Path, pages)
	mux.Handle(page.Path+"/", pages)
	keyed := &keyed{Answers: c.Answers, c: c, next: negotiated(lost(mux)), doing: map[string]bool{}}
	return c.edged(bounded(c.guarded(keyed))), api
}

// escaped is JSON whose texts can't be taken for HTML, whatever a phone called itself.
var escaped = huma.Format{
	Marshal:   func(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) },
	Unmarshal: json.Unmarshal,
}

func text(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	w.Write([]byte(body))
}

const maxBody = 1 << 20 // octets of a request's body

// bounded keeps requests small and answers from being taken for something else.
func bounded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		most := int64(maxBody)
		switch {
		case isPrompt(r):
			most = prompt.MaxUpload // less than the operation takes: what is too much ends the connection here, unread
		case isDocument(r):
			most = doc.MaxSize
		case isTable(r):
			most = maxTable
		}
		if r.ContentLength > most && most > maxBody {
			w.Header().Set("Connection", "close")
			api.WriteProblem(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the file is larger than %d MiB", most>>20))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, most)
		h.ServeHTTP(w, r)
	})
}

// Server gives the HTTP server of the exchange with its deadlines.
func Server(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
}

// Page is one page of a list. Next, where not empty, is the cursor that the following page begins
// behind.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty" doc:"pass as ?cursor= for the next page; absent on the last"`
}

// Paging is what every list takes. It is exported because huma reads only exported fields, of an
// embedded struct too.
type Paging struct {
	Cursor string `query:"cursor" doc:"where the page begins: next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"rows of a page"`
}

// body wraps what a handler answers with.
type body[T any] struct{ Body T }
