// Package presence tells who looks how the accounts of its tenant stand: lamps (the dialog package,
// RFC 4235), messages that wait (message-summary, RFC 3842), presence with what phones publish of
// themselves (RFC 3856, RFC 3863, RFC 3903), registrations (RFC 3680), and lists of these (RFC 4662).
//
// What lives here is the state of accounts as others may see it and its documents. Subscriptions, their
// dialogs and their pace are sip/event's; what calls do is told by the board (call.Board), where phones are
// by the registrar. A [House] owns everything that it remembers, behind a lock for each account; it is told
// from any goroutine and never makes anybody wait.
package presence

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"santral/base/id"
	"santral/call"
	"santral/sip"
	"santral/sip/event"
	"santral/store"
	"santral/tenant"
)

// Config is what a house is made of. Current, Bindings and Random are required.
type Config struct {
	Current   func() *tenant.Snapshot
	Bindings  func(tenant, account string) []store.Binding // where an account's phones are, and were a moment ago
	Mailboxes store.Mailboxes                              // keeps the counts over a restart; nil: nothing does
	GRUU      func(b *store.Binding, host string) string   // a binding's public GRUU, "" for none; nil: there are none
	Random    *id.Source

	// Push sends a request outside of dialogs to a phone and forgets about it, and Phones says where an account's
	// are and with which host of ours they are spoken to. Both nil: nothing is pushed.
	Push   func(req *sip.Message, to call.Target)
	Phones func(tenant, account string) []Phone
}

// Phone is one place where a phone of an account is, and the host of our identities there.
type Phone struct {
	Target call.Target
	Host   string
}

// House knows how the accounts of all tenants stand. It is safe for concurrent use.
type House struct {
	cfg Config

	mu        sync.Mutex // a leaf
	accounts  map[key]*resource
	published atomic.Int64 // publications now
}

// key names an account.
type key struct{ tenant, account string }

// resource is an account as others see it. It is made at its first use and stays: there are no more of them
// than accounts.
type resource struct {
	key

	lamps, presence, mail, reg event.Group // who wants to know of what

	mu    sync.Mutex
	calls []call.Appearance // legs that are there, oldest first
	docs  []*publication    // what its phones publish, oldest first
	box   store.Mailbox
	boxed bool                   // somebody has said what is in the mailbox
	lamp  map[string]*event.Body // the document of now by host; nil when it must be made anew
	pidf  map[string]*event.Body
	turn  uint64 // counts what made pidf new
}

// hosts bounds how many spellings of one account's URI have their document kept.
const hosts = 4

// New makes a house in which nobody calls, with the mailboxes that were saved.
func New(cfg Config, saved []store.Mailbox) *House {
	h := &House{cfg: cfg, accounts: map[key]*resource{}}
	for _, b := range saved {
		r := h.of(key{b.Tenant, b.Account})
		r.box, r.boxed = b, true
	}
	return h
}

// of gives an account's resource, made at its first use.
func (h *House) of(k key) *resource {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.accounts[k]
	if r == nil {
		r = &resource{key: k}
		h.accounts[k] = r
	}
	return r
}

// known gives an account's resource where it was used before, else nil: who only registers needs none.
func (h *House) known(k key) *resource {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.accounts[k]
}

// Lamp is an account as it is looked at (call.Board).
func (h *House) Lamp(tenant, account string) call.Lamp { return h.of(key{tenant, account}) }

// Show takes how a leg stands (call.Lamp).
func (r *resource) Show(a call.Appearance) {
	r.mu.Lock()
	busy := len(r.calls) > 0
	r.show(a)
	changed := busy != (len(r.calls) > 0)
	r.lamp = nil
	if changed {
		r.moved()
	}
	r.mu.Unlock()
	r.lamps.Changed()
	if changed {
		r.presence.Changed()
	}
}

// show puts a leg in its place among those that are there; mu is held.
func (r *resource) show(a call.Appearance) {
	for i := range r.calls {
		if c := &r.calls[i]; c.Call == a.Call && c.Leg == a.Leg {
			if a.State == call.Gone {
				r.calls = append(r.calls[:i], r.calls[i+1:]...)
				if len(r.calls) == 0 {
					r.calls = nil
				}
				return
			}
			*c = a
			return
		}
	}
	if a.State != call.Gone {
		r.calls = append(r.calls, a)
	}
}

// Registered is told that the bindings of an account have changed (registrar.Config.Changed).
func (h *House) Registered(tenant, account string) {
	r := h.known(key{tenant, account})
	if r == nil {
		return
	}
	r.mu.Lock()
	r.moved()
	r.mu.Unlock()
	r.reg.Changed()
	r.presence.Changed()
	h.push(r)
}

// Packages are the event packages that the house serves. Lamps and presence are for everybody in the same
// tenant; the mailbox and the registrations of an account for itself alone.
func (h *House) Packages() []*event.Package {
	const hour = 3600
	return []*event.Package{
		{Name: "dialog", Types: []string{dialogInfo}, Expires: hour, Min: 60, Max: 2 * hour, Open: h.open(lamps)},
		{Name: "presence", Types: []string{pidfXML}, Expires: hour, Min: 60, Max: 2 * hour, Interval: presenceInterval, Open: h.open(presences)},
		{Name: "message-summary", Types: []string{messageSummary}, Expires: 2 * hour, Min: 60, Max: 24 * hour, Open: h.open(mail)},
		{Name: "reg", Types: []string{regInfo}, Expires: hour, Min: 60, Max: 2 * hour, Open: h.open(registrations)},
	}
}

// presenceInterval is half of what RFC 3856 §6.10 suggests at most: people look at presence, not at a second.
const presenceInterval = time.Second

// view is one of the ways in which an account is looked at.
type view uint8

const (
	lamps view = iota
	presences
	mail
	registrations
)

// private reports a view that only the account itself may have.
func (v view) private() bool { return v == mail || v == registrations }

func (r *resource) group(v view) *event.Group {
	return [...]*event.Group{&r.lamps, &r.presence, &r.mail, &r.reg}[v]
}

// open judges a subscription and finds what it is to: an account of the subscriber's tenant, or a list.
func (h *House) open(v view) func(s *event.Subscription) (event.Source, *event.Refusal) {
	return func(s *event.Subscription) (event.Source, *event.Refusal) {
		req := s.Request()
		uri, err := sip.ParseURI(req.URI)
		if err != nil {
			return nil, &event.Refusal{Status: 400, Reason: "Bad Request-URI"}
		}
		snapshot := h.cfg.Current()
		t := snapshot.Domain(uri.Host)
		if t == nil || t.ID != req.Who.Tenant { // nobody learns what another tenant has
			return nil, &event.Refusal{Status: 404}
		}
		user := uri.Username()
		if list := t.List(user); list != nil && !v.private() {
			return h.openList(s, v, list, uri.Host)
		}
		if snapshot.Account(t.ID, user) == nil {
			return nil, &event.Refusal{Status: 404}
		}
		if v.private() && user != req.Who.Account {
			return nil, &event.Refusal{Status: 403}
		}
		w := &watch{h: h, r: h.of(key{t.ID, user}), view: v, host: uri.Host}
		w.member = w.r.group(v).Join(s.Shard(), s.Changed)
		return w, nil
	}
}

// watch is one subscription to one account (event.Source).
type watch struct {
	h      *House
	r      *resource
	view   view
	host   string // as the subscriber spells it
	member *event.Member
}

// State implements event.Source.
func (w *watch) State(*event.Subscription, bool) event.Body { return w.h.body(w.r, w.view, w.host) }

// Over implements event.Source.
func (w *watch) Over(*event.Subscription) { w.member.Leave() }

// body is how an account stands now, in the document of a view.
func (h *House) body(r *resource, v view, host string) event.Body {
	switch v {
	case lamps:
		r.mu.Lock()
		defer r.mu.Unlock()
		return kept(&r.lamp, host, func() event.Body { return r.lampOf(host) })
	case presences:
		return h.present(r, host)
	case mail:
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.summary(host)
	default:
		return h.regOf(r.key, host, time.Now())
	}
}

// present is how an account stands now for presence. What the registrar says is asked without the lock, and
// kept only when nothing has changed meanwhile.
func (h *House) present(r *resource, host string) event.Body {
	r.mu.Lock()
	known, turn := r.pidf[host], r.turn
	r.mu.Unlock()
	if known != nil {
		return *known
	}
	open := h.registered(r.key)
	r.mu.Lock()
	defer r.mu.Unlock()
	if turn != r.turn {
		return r.pidfOf(host, open, time.Now())
	}
	return kept(&r.pidf, host, func() event.Body { return r.pidfOf(host, open, time.Now()) })
}

// moved says that what presence told is no longer so; mu is held.
func (r *resource) moved() {
	r.pidf = nil
	r.turn++
}

// kept gives the document for a host out of those of now, and makes it where it is not there: so that ten
// thousand who look at one account are told by one text.
func kept(docs *map[string]*event.Body, host string, build func() event.Body) event.Body {
	if b := (*docs)[host]; b != nil {
		return *b
	}
	b := build()
	if *docs == nil {
		*docs = map[string]*event.Body{}
	}
	if len(*docs) < hosts {
		(*docs)[host] = &b
	}
	return b
}

// registered reports whether an account has a phone that can be reached now.
func (h *House) registered(k key) bool {
	for _, b := range h.cfg.Bindings(k.tenant, k.account) {
		if !b.Event.Ended() {
			return true
		}
	}
	return false
}

// Stats counts what a house holds.
type Stats struct {
	Accounts     int // of which anything was ever said or asked
	Publications int
}

// Stats reads the counters.
func (h *House) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Stats{Accounts: len(h.accounts), Publications: int(h.published.Load())}
}

// uriOf is an account's address of record with a host.
func uriOf(account, host string) string {
	return sip.URI{Scheme: "sip", User: sip.EscapeUser(account), Host: host}.String()
}

// text makes a string safe as XML's character data or attribute value; what XML cannot hold is left out.
func text(s string) string {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		c := s[i]
		plain = c >= ' ' && c < 0x7f && c != '<' && c != '>' && c != '&' && c != '"' && c != '\''
	}
	if plain {
		return s
	}
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "\ufffd") {
		switch {
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		case r == '"':
			b.WriteString("&quot;")
		case r == '\'':
			b.WriteString("&apos;")
		case r == '\t' || r >= ' ' && r != 0x7f && r != 0xfffe && r != 0xffff:
			b.WriteRune(r)
		}
	}
	return b.String()
}
