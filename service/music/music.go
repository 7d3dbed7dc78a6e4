// Package music holds what those hear who wait: streams by tenant and name, each of which goes on by the clock whoever
// listens, so that everyone hears it where it is.
//
// A stream is sounds and a time at which it began: where it is now is arithmetic, and nobody has anything to do while
// nobody listens. Its samples are shared by all who listen, and what an encoder makes of them by those who are spoken
// with alike. What lives here: which sounds a tune is made of, reading them, and the loop that is built in. What does
// not: who waits, and when (call/control).
package music

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"santral/call"
	"santral/media"
	"santral/tenant"
)

// Config is what a Service needs.
type Config struct {
	Snapshot func() *tenant.Snapshot
	Log      *slog.Logger
	Clock    Clock  // nil: each who listens is served by itself, and encoded for
	Seed     uint64 // of the orders of tunes that are shuffled
}

// Service gives streams (call.Music, call.HoldMusic). It is safe for concurrent use, and nothing of it waits but Load.
type Service struct {
	cfg     Config
	began   time.Time
	built   func() *stream // the loop that is built in
	loading sync.Mutex
	shelf   *shelf
	streams atomic.Pointer[map[name]*stream]
}

type name struct{ tenant, tune string }

var (
	_ call.Music     = (*Service)(nil)
	_ call.HoldMusic = (*Service)(nil)
)

// New makes a service that has the loop that is built in, and in time what Load reads.
func New(cfg Config) *Service {
	s := &Service{cfg: cfg, began: time.Now(), shelf: newShelf(mostMemory)}
	s.built = sync.OnceValue(func() *stream { return newStream(cfg.Clock, s.began, []track{{sound: builtin()}}, false, 0) })
	s.streams.Store(&map[name]*stream{})
	return s
}

// Load reads the files of all tunes, again only where they have changed since; tunes go on by the same clock. It may
// take minutes where files must be converted; until it is done a tune that was not there before is the built-in loop.
// What can't be read is left out, and named in the log.
func (s *Service) Load(ctx context.Context) {
	s.loading.Lock()
	defer s.loading.Unlock()
	s.built()
	streams := map[name]*stream{}
	s.shelf.begin()
	for _, t := range s.cfg.Snapshot().Tenants {
		for _, tune := range t.Music {
			if tune.Play == tenant.MusicBuiltin || tune.Play == tenant.MusicNone {
				continue
			}
			tracks, faults := s.shelf.read(ctx, tune.Play)
			if ctx.Err() != nil {
				return
			}
			for _, f := range faults {
				s.cfg.Log.Warn("music is left out", "tenant", t.ID, "music", tune.Name, "why", f.Error())
			}
			if len(tracks) > 0 {
				streams[name{t.ID, tune.Name}] = newStream(s.cfg.Clock, s.began, tracks, tune.Shuffle, s.cfg.Seed)
				now := maps.Clone(*s.streams.Load())
				now[name{t.ID, tune.Name}] = streams[name{t.ID, tune.Name}]
				s.streams.Store(&now) // one is heard before the next has been read
			}
		}
	}
	s.streams.Store(&streams)
	s.shelf.end()
}

// Check reads the files of all tunes, and says of each that can't be read why.
func Check(ctx context.Context, tenants []*tenant.Tenant) (faults []error) {
	shelf := newShelf(mostMemory)
	shelf.begin()
	for _, t := range tenants {
		for _, tune := range t.Music {
			if tune.Play != tenant.MusicBuiltin && tune.Play != tenant.MusicNone {
				_, wrong := shelf.read(ctx, tune.Play)
				faults = append(faults, wrong...)
			}
		}
	}
	return faults
}

// Music gives a reading of a tenant's tune, "" for the tenant's own (call.Music). A name that the tenant does not have
// is its own too. nil is for silence.
func (s *Service) Music(tenantID, tune string) media.Source {
	t := s.cfg.Snapshot().Tenant(tenantID)
	if t == nil {
		return nil
	}
	which, ok := t.Tune(tune)
	if !ok {
		which, _ = t.Tune("")
	}
	if which.Play == tenant.MusicNone {
		return nil
	}
	if st := (*s.streams.Load())[name{tenantID, which.Name}]; st != nil && which.Play != tenant.MusicBuiltin {
		return st.listen()
	}
	return s.built().listen()
}

// OnHold gives what whom an account holds hears: the account's tune, or the tenant's (call.HoldMusic). What the peer of
// a trunk plays itself is left as it is.
func (s *Service) OnHold(holder call.Party) media.Source {
	if holder.Trunk != "" {
		return nil
	}
	tune := ""
	if a := s.cfg.Snapshot().Account(holder.Tenant, holder.Account); a != nil {
		tune = a.Music
	}
	return s.Music(holder.Tenant, tune)
}
