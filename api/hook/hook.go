// Package hook tells events to addresses on the web (Standard Webhooks): signed, at least once, tried for a day.
//
// What lives here: which webhook wants what, the queue's way into the database and out of it, signatures, what may be connected
// to. What does not live here: the webhooks themselves (tenant documents), events (live), rows (store). A [Service] owns a
// goroutine that writes, one that reads records, and one for each webhook that has something waiting.
package hook

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"santral/api"
	"santral/store"
	"santral/tenant"
)

// Bounds.
const (
	mostPending = 20_000   // events that wait for the database
	mostWaiting = 100_000  // deliveries of one webhook
	maxPending  = 64 << 20 // octets of what waits for the database
	ofOne       = 4        // attempts at once to one webhook
	ofAll       = 64       // attempts at once
	keepFor     = 7 * 24 * time.Hour
	giveUp      = 24 * time.Hour
)

// Rows are where what is told is kept.
type Rows interface {
	store.Deliveries
	store.Feeds
}

// Config is what a Service needs.
type Config struct {
	Current func() *tenant.Snapshot
	Rows    Rows
	Random  func() float64            // 0 to 1, for jitter
	Agent   string                    // User-Agent
	Own     func(netip.AddrPort) bool // whether an address is the exchange's own, which no document opens; nil for none
	Trouble Trouble
	Log     *slog.Logger
}

// Trouble hears of what people must know of. Its functions must not block.
type Trouble interface {
	GivenUp(key store.HookKey, why string)
	WellAgain(key store.HookKey)
	SwitchedOff(key store.HookKey)
	SwitchedOn(key store.HookKey)
	Lost(why string)
}

// Service tells webhooks. It is safe for concurrent use.
type Service struct {
	cfg   Config
	log   *slog.Logger
	ctx   context.Context
	stop  context.CancelFunc
	work  sync.WaitGroup
	seats chan struct{} // attempts at once

	seen atomic.Pointer[hooks]

	mu       sync.Mutex // a leaf: guards what follows
	pending  []store.Delivery
	octets   int
	couriers map[store.HookKey]*courier
	states   map[store.HookKey]*state
	lost     uint64
	stats    Stats
	closed   bool
	bell     chan struct{} // the writer's
	records  chan struct{} // the reader's
}

// Stats counts what a Service has done since it was made.
type Stats struct {
	Waiting   int
	Delivered uint64
	Failed    uint64 // attempts
	GivenUp   uint64
	Lost      uint64 // events that were not kept
}

// state is what is known of a webhook that has had something.
type state struct {
	waiting int
	off     bool
	url     string // that was switched off
}

// hooks are the webhooks of a snapshot.
type hooks struct {
	of   *tenant.Snapshot
	list []hooked
	by   map[store.HookKey]*tenant.Webhook
}

// hooked is a webhook that is on.
type hooked struct {
	key  store.HookKey
	noun *tenant.Webhook
	all  bool // the operator's: of every tenant
}

// Open reads how webhooks stand, and begins.
func Open(cfg Config) (*Service, error) {
	s := &Service{cfg: cfg, log: cfg.Log, seats: make(chan struct{}, ofAll), couriers: map[store.HookKey]*courier{}, states: map[store.HookKey]*state{}, bell: make(chan struct{}, 1), records: make(chan struct{}, 1)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.cfg.Own == nil {
		s.cfg.Own = func(netip.AddrPort) bool { return false }
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	list, err := cfg.Rows.HookStates(s.ctx)
	if err != nil {
		s.stop()
		return nil, err
	}
	for i := range list {
		h := &list[i]
		s.states[h.HookKey] = &state{waiting: h.Waiting, off: !h.Off.IsZero(), url: h.URL}
	}
	s.work.Go(s.write)
	s.work.Go(s.feed)
	s.work.Go(s.tidy)
	s.mu.Lock()
	for key, st := range s.states {
		if st.waiting > 0 {
			s.sendLocked(key)
		}
	}
	s.mu.Unlock()
	s.Look()
	return s, nil
}

// Close ends attempts; what waits goes on after the next start.
func (s *Service) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop()
	s.work.Wait()
}

// now gives the webhooks of the snapshot that holds.
func (s *Service) now() *hooks {
	snap := s.cfg.Current()
	if h := s.seen.Load(); h != nil && h.of == snap {
		return h
	}
	h := &hooks{of: snap, by: map[store.HookKey]*tenant.Webhook{}}
	add := func(id string, list []tenant.Webhook, all bool) {
		for i := range list {
			key := store.HookKey{Tenant: id, Webhook: list[i].ID}
			h.by[key] = &list[i]
			if !list[i].Off {
				h.list = append(h.list, hooked{key, &list[i], all})
			}
		}
	}
	for _, t := range snap.Tenants {
		add(t.ID, t.Webhooks, false)
	}
	add(tenant.OperatorID, snap.Operator().Webhooks, true)
	s.seen.Store(h)
	return h
}

// Wanted reports that some webhook is on.
func (s *Service) Wanted() bool { return s != nil && len(s.now().list) > 0 }

// Look sees what a new snapshot has changed: a webhook whose address is another one is no longer switched off.
func (s *Service) Look() {
	h := s.now()
	s.mu.Lock()
	var on []store.HookKey
	for key, st := range s.states {
		if w := h.by[key]; st.off && (w == nil || w.URL != st.url) {
			st.off = false
			on = append(on, key)
		}
	}
	for key, c := range s.couriers {
		if h.by[key] != nil {
			c.ring()
		}
	}
	s.mu.Unlock()
	for _, key := range on {
		s.switched(key, time.Time{}, "")
	}
	s.Records()
}

// switched notes whether a webhook is off.
func (s *Service) switched(key store.HookKey, off time.Time, url string) {
	if err := s.cfg.Rows.SwitchHook(s.ctx, key, off, url); err != nil && s.ctx.Err() == nil {
		s.log.Error("switch a webhook", "tenant", key.Tenant, "webhook", key.Webhook, "error", err)
	}
	if off.IsZero() {
		s.cfg.Trouble.SwitchedOn(key)
	} else {
		s.cfg.Trouble.SwitchedOff(key)
	}
}

// SwitchOn has a webhook be told again whose target had answered 410; false where it was not off.
func (s *Service) SwitchOn(key store.HookKey) bool {
	s.mu.Lock()
	st := s.states[key]
	was := st != nil && st.off
	if was {
		st.off = false
	}
	s.mu.Unlock()
	if was {
		s.switched(key, time.Time{}, "")
	}
	return was
}

// Off reports whether a webhook is switched off because its target answered 410.
func (s *Service) Off(key store.HookKey) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.states[key]
	return st != nil && st.off
}

// Offer has webhooks told of an event, as far as they want it. It never waits. Records come from their own feed, since each
// of them must arrive.
func (s *Service) Offer(e *api.Event) {
	if e.Type == api.RecordMade {
		return
	}
	var body string
	h := s.now()
	for i := range h.list {
		w := &h.list[i]
		if !w.all && w.key.Tenant != e.Tenant || !api.Wanted(w.noun.Events, e.Type) {
			continue
		}
		if body == "" {
			text, err := json.Marshal(e)
			if err != nil {
				s.log.Error("an event can't be written", "type", e.Type, "error", err)
				return
			}
			body = string(text)
		}
		s.put(store.Delivery{Tenant: w.key.Tenant, Webhook: w.key.Webhook, Event: fmt.Sprintf("evt_%d", e.ID), Type: e.Type, Body: body, Made: time.Now()})
	}
}

// put has an event wait for the database.
func (s *Service) put(d store.Delivery) {
	key := store.HookKey{Tenant: d.Tenant, Webhook: d.Webhook}
	s.mu.Lock()
	st := s.states[key]
	switch {
	case s.closed || st != nil && st.off:
		s.mu.Unlock()
		return
	case len(s.pending) >= mostPending || s.octets+len(d.Body) > maxPending:
		s.loseLocked("the database does not take them")
		return
	case st != nil && st.waiting >= mostWaiting:
		s.loseLocked(fmt.Sprintf("%d wait for the webhook %s of %s already", mostWaiting, d.Webhook, d.Tenant))
		return
	}
	s.pending = append(s.pending, d)
	s.octets += len(d.Body)
	s.mu.Unlock()
	ring(s.bell)
}

// loseLocked counts an event that is not kept, frees the lock, and says so the first time and every thousandth.
func (s *Service) loseLocked(why string) {
	s.lost++
	n := s.lost
	s.mu.Unlock()
	if n%1000 == 1 {
		s.cfg.Trouble.Lost(why)
	}
}

func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

// write brings what is offered into the database.
func (s *Service) write() {
	const batch, pause = 500, time.Second
	for {
		s.mu.Lock()
		list := s.pending[:min(batch, len(s.pending))]
		s.mu.Unlock()
		if len(list) == 0 {
			select {
			case <-s.bell:
				continue
			case <-s.ctx.Done():
				s.flush()
				return
			}
		}
		if err := s.add(s.ctx, list); err != nil {
			if s.ctx.Err() != nil {
				s.flush()
				return
			}
			s.log.Error("what webhooks are told is not kept yet", "error", err)
			s.sleep(pause)
			continue
		}
		s.mu.Lock()
		for i := range list {
			s.octets -= len(list[i].Body)
		}
		s.pending = s.pending[len(list):]
		if len(s.pending) == 0 {
			s.pending = nil
		}
		s.mu.Unlock()
	}
}

// flush writes what still waits when the service ends.
func (s *Service) flush() {
	s.mu.Lock()
	list := s.pending
	s.mu.Unlock()
	if len(list) == 0 {
		return
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(s.ctx), 2*time.Second)
	defer stop()
	if err := s.add(ctx, list); err != nil {
		s.log.Error("events that webhooks are told are lost", "events", len(list), "error", err)
	}
}

// add keeps deliveries and has them sent.
func (s *Service) add(ctx context.Context, list []store.Delivery) error {
	added, err := s.cfg.Rows.AddDeliveries(ctx, list)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, n := range added {
		s.stateLocked(key).waiting += n
		s.sendLocked(key)
	}
	return nil
}

func (s *Service) stateLocked(key store.HookKey) *state {
	st := s.states[key]
	if st == nil {
		st = &state{}
		s.states[key] = st
	}
	return st
}

// sleep waits, and reports that there is more to do.
func (s *Service) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// Stats reads the counters.
func (s *Service) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.Lost = s.lost
	for _, h := range s.states {
		st.Waiting += h.waiting
	}
	return st
}

// tidy forgets what is old, and gives up what has waited for a day.
func (s *Service) tidy() {
	for s.sleep(time.Minute) {
		now := time.Now()
		for {
			n, err := s.cfg.Rows.PurgeDeliveries(s.ctx, now.Add(-keepFor))
			if err != nil && s.ctx.Err() == nil {
				s.log.Error("forget what webhooks were told", "error", err)
			}
			if n == 0 || err != nil || !s.sleep(100*time.Millisecond) {
				break
			}
		}
		s.mu.Lock()
		var waits []store.HookKey
		for key, st := range s.states {
			if st.waiting > 0 {
				waits = append(waits, key)
			}
		}
		s.mu.Unlock()
		for _, key := range waits {
			s.end(key, now.Add(-giveUp), store.DeliveryGivenUp, "nothing was taken for a day")
		}
	}
}

// end has what waits of a webhook, or what has waited since before a time, be over.
func (s *Service) end(key store.HookKey, since time.Time, as store.DeliveryState, why string) {
	n, err := s.cfg.Rows.EndDeliveries(s.ctx, key, since, as)
	if err != nil {
		if s.ctx.Err() == nil {
			s.log.Error("end what waits for a webhook", "tenant", key.Tenant, "webhook", key.Webhook, "error", err)
		}
		return
	}
	if n == 0 {
		return
	}
	s.mu.Lock()
	st := s.stateLocked(key)
	st.waiting = max(0, st.waiting-n)
	if as == store.DeliveryGivenUp {
		s.stats.GivenUp += uint64(n)
	}
	s.mu.Unlock()
	if as == store.DeliveryGivenUp {
		s.cfg.Trouble.GivenUp(key, why)
	}
}
