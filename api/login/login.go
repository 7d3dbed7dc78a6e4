// Package login finds out who asks: it knows tokens and sessions, signs people in with a password and a second factor, and
// slows down whoever guesses. Who a person is and what its role is stands in the documents (tenant.User); what it proves
// itself by stands in the database, so that undoing a change of configuration brings no old password back.
//
// What lives here: tokens, sessions, passwords, second factors, guessing. What does not: what a role may do (api), the
// HTTP side (api/rest). A Service owns the tables of live tokens and sessions behind one lock, which is a leaf; what it
// changes is in the database before it counts. Requests are judged without the database, so that it may be away.
package login

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"santral/api"
	"santral/base/seal"
	"santral/store"
	"santral/tenant"
)

// Config is what a Service stands on.
type Config struct {
	Store store.Logins
	// User gives a user of a tenant's document, or of the operator's (tenant.OperatorID), as it stands now.
	User func(tenantID, id string) (tenant.User, bool)
	// Tenant tells whether there is such a tenant now.
	Tenant func(id string) bool
	Box    *seal.Box // seals second factors
	Issuer string    // what authenticators show; "" for Santral
	Log    *slog.Logger
	Cost   Cost // of a password; the zero value for what is sound today
}

// flushEvery is how late the database may know when tokens and sessions were used.
const flushEvery = 10 * time.Second

// storeTime bounds what waits for the database.
const storeTime = 10 * time.Second

type digest = [sha256.Size]byte

// Service knows who may use the API. It is safe for concurrent use.
type Service struct {
	config Config
	slow   guessing
	work   chan struct{} // a place for each password that may be hashed at once
	queue  chan struct{} // and for each that may wait for one

	mu       sync.RWMutex
	tokens   map[digest]*token
	byID     map[string]*token
	sessions map[digest]*session
	used     map[string]store.Use // of tokens, not written down yet
	seen     map[string]store.Use // of sessions likewise

	changing sync.Mutex // one change at a time, of what is in the database
	stop     chan struct{}
	done     sync.WaitGroup
}

// Open reads what is known. Close ends it.
func Open(ctx context.Context, c Config) (*Service, error) {
	if c.Issuer == "" {
		c.Issuer = "Santral"
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Cost == (Cost{}) {
		c.Cost = Sound
	}
	s := &Service{
		config: c, slow: newGuessing(), work: make(chan struct{}, hashesAtOnce), queue: make(chan struct{}, hashesWaiting),
		tokens: map[digest]*token{}, byID: map[string]*token{}, sessions: map[digest]*session{},
		used: map[string]store.Use{}, seen: map[string]store.Use{}, stop: make(chan struct{}),
	}
	tokens, err := c.Store.Tokens(ctx)
	if err != nil {
		return nil, err
	}
	for i := range tokens {
		if err := s.know(&tokens[i]); err != nil {
			c.Log.Error("a token is left out", "token", tokens[i].ID, "error", err)
		}
	}
	sessions, err := c.Store.Sessions(ctx)
	if err != nil {
		return nil, err
	}
	for i := range sessions {
		if len(sessions[i].Hash) == sha256.Size {
			s.sessions[digest(sessions[i].Hash)] = &session{Session: sessions[i]}
		}
	}
	s.done.Go(s.run)
	return s, nil
}

// Close writes down what is not yet, and ends.
func (s *Service) Close() {
	close(s.stop)
	s.done.Wait()
}

func (s *Service) run() {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	swept := time.Time{}
	for {
		select {
		case <-s.stop:
			s.flush()
			return
		case now := <-tick.C:
			s.flush()
			if now.Sub(swept) > sweepEvery {
				s.sweep(now)
				swept = now
			}
		}
	}
}

// flush writes down when what was used. What can't be written is kept for the next time.
func (s *Service) flush() {
	s.mu.Lock()
	used, seen := s.used, s.seen
	s.used, s.seen = map[string]store.Use{}, map[string]store.Use{}
	s.mu.Unlock()
	ctx, stop := context.WithTimeout(context.Background(), storeTime)
	defer stop()
	write := func(uses map[string]store.Use, put func(context.Context, []store.Use) error, back map[string]store.Use) {
		if len(uses) == 0 {
			return
		}
		list := make([]store.Use, 0, len(uses))
		for _, u := range uses {
			list = append(list, u)
		}
		if err := put(ctx, list); err != nil {
			s.config.Log.Warn("the use of tokens and sessions can't be written down yet", "error", err)
			s.mu.Lock()
			defer s.mu.Unlock()
			for id, u := range uses {
				if _, later := back[id]; !later {
					back[id] = u
				}
			}
		}
	}
	write(used, s.config.Store.UseTokens, s.used)
	write(seen, s.config.Store.UseSessions, s.seen)
}

// Identify gives the identity behind a request's credentials; the zero value where it has none, a denial where they are
// no good. A token counts before a cookie.
func (s *Service) Identify(r *http.Request, source netip.Addr) (api.Identity, *api.Denial) {
	if given := r.Header.Get("Authorization"); given != "" {
		scheme, secret, _ := strings.Cut(given, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return api.Identity{}, unauthorized("the header Authorization must be Bearer with a token of this exchange, and it is not")
		}
		return s.byToken(strings.TrimSpace(secret), source)
	}
	if secret := cookieOf(r); secret != "" {
		return s.bySession(r, secret, source)
	}
	return api.Identity{}, nil
}

// Holds tells whether an identity that was found before is still good: what lasts, a stream of events, asks it now and
// then. Root and nobody hold.
func (s *Service) Holds(who api.Identity) bool {
	now := time.Now()
	switch who.Kind {
	case "token":
		s.mu.RLock()
		defer s.mu.RUnlock()
		t := s.byID[who.ID]
		return t != nil && t.no(now) == nil
	case "session":
		s.mu.RLock()
		var found *session
		for _, x := range s.sessions {
			if x.ID == who.ID {
				found = x
			}
		}
		good := found != nil && !found.over(now)
		s.mu.RUnlock()
		if !good {
			return false
		}
		u, ok := s.config.User(found.Tenant, found.User)
		return ok && u.Role == who.Role && u.Site == who.Site && u.Department == who.Department && u.Account == who.Account
	}
	return true
}

func unauthorized(text string) *api.Denial {
	return &api.Denial{Status: http.StatusUnauthorized, Text: text}
}

func forbidden(text string) *api.Denial {
	return &api.Denial{Status: http.StatusForbidden, Text: text}
}

func wrong(text string) *api.Denial {
	return &api.Denial{Status: http.StatusUnprocessableEntity, Text: text}
}

func missing(text string) *api.Denial {
	return &api.Denial{Status: http.StatusNotFound, Text: text}
}

// away is the denial when the database does not answer.
func (s *Service) away(err error) *api.Denial {
	s.config.Log.Error("the database does not answer, so nobody can sign in and no token can be made", "error", err)
	return &api.Denial{Status: http.StatusServiceUnavailable, Text: "the exchange's database does not answer now: try again in a moment", After: 5 * time.Second}
}

// secret makes 256 random bits that a program or a browser sends.
func secret(prefix string) (text string, hash digest) {
	var raw [32]byte
	rand.Read(raw[:])
	text = prefix + base64.RawURLEncoding.EncodeToString(raw[:])
	return text, sha256.Sum256([]byte(text))
}

// name makes an id for lists, of 80 random bits.
func name() string {
	var raw [10]byte
	rand.Read(raw[:])
	return strings.ToLower(base32.StdEncoding.EncodeToString(raw[:]))
}

// who is the name of an identity in lists: "sample/sara".
func whoIs(who api.Identity) string {
	if who.Kind == "root" {
		return who.Name
	}
	return who.Home() + "/" + who.Name
}

func prefixes(list []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range list {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, err := netip.ParseAddr(text)
			if err != nil || a.Zone() != "" {
				return nil, fmt.Errorf("%q is no network such as 192.0.2.0/24, and no address", text)
			}
			p = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())
		}
		all = append(all, p.Masked())
	}
	return all, nil
}

// isNotFound tells that a row is not there.
func isNotFound(err error) bool { return errors.Is(err, store.ErrNotFound) }
