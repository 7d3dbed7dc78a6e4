package resolve

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// Bounds of what is remembered. A busy exchange knows a few hundred names.
const (
	maxEntries  = 4096
	maxFlights  = 512              // questions under way
	longest     = 24 * time.Hour   // that anything is believed, whatever its TTL
	longestNone = 5 * time.Minute  // that something is believed not to be (RFC 2308 §5)
	failedFor   = time.Second      // that a failure is not tried again (RFC 9520 §3.2)
	refreshFrom = 10 * time.Second // shorter lives are not worth an early refresh
)

// question is what a name server is asked: name is in lower case, without the last dot.
type question struct {
	name string
	kind uint16
}

// answer is what came of it; nobody changes it. All lists are empty where the domain has no such records.
type answer struct {
	addrs []netip.Addr
	srv   []srv
	naptr []naptr
	ttl   time.Duration // how long it holds; 0: for those who asked for it alone
}

// entry is an answer, or a failure, in the cache.
type entry struct {
	answer  *answer
	err     error
	used    int // since it was stored
	last    time.Time
	renew   time.Time // from then on the next one who asks begins a refresh
	expires time.Time
}

// flight is a question under way, however many wait for it.
type flight struct {
	done   chan struct{}
	answer *answer
	err    error
}

// Stats are sums since the start, and what is remembered now.
type Stats struct {
	Asked   uint64 // questions put to name servers, repetitions not counted
	Hits    uint64 // questions that the cache answered
	Shared  uint64 // questions that waited for one under way
	Renewed uint64 // entries asked for anew before their end
	Failed  uint64 // questions that no server answered
	Entries int
}

// Stats gives the figures of now.
func (r *Resolver) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.count
	s.Entries = len(r.cache)
	return s
}

// get answers a question out of the cache, by one that is under way, or by asking. An entry in the last
// tenth of its life that was asked for before is renewed meanwhile, once, so that what many need never runs
// out for all of them at the same moment.
func (r *Resolver) get(ctx context.Context, q question) (*answer, error) {
	now := time.Now()
	r.mu.Lock()
	f := r.flights[q]
	if e := r.cache[q]; e != nil && now.Before(e.expires) {
		r.count.Hits++
		e.used++
		e.last = now
		if f == nil && e.used > 1 && now.After(e.renew) {
			if r.flyLocked(q) != nil {
				r.count.Renewed++
			}
		}
		r.mu.Unlock()
		return e.answer, e.err
	}
	if f != nil {
		r.count.Shared++
	} else if f = r.flyLocked(q); f == nil {
		r.mu.Unlock()
		return nil, ErrBusy
	}
	r.mu.Unlock()
	select {
	case <-f.done:
		return f.answer, f.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// flyLocked begins to ask a question; nil when there are too many under way.
func (r *Resolver) flyLocked(q question) *flight {
	if r.closed || len(r.flights) >= maxFlights {
		return nil
	}
	f := &flight{done: make(chan struct{})}
	r.flights[q] = f
	r.count.Asked++
	r.going.Go(func() {
		f.answer, f.err = r.ask(r.ctx, q)
		r.mu.Lock()
		delete(r.flights, q)
		r.storeLocked(q, f)
		r.mu.Unlock()
		close(f.done)
	})
	return f
}

// storeLocked remembers what came of a question. A refresh that failed leaves the old entry to its own end.
func (r *Resolver) storeLocked(q question, f *flight) {
	now := time.Now()
	e := &entry{answer: f.answer, err: f.err, last: now}
	switch {
	case f.err == nil && f.answer.ttl <= 0:
		delete(r.cache, q)
		return
	case f.err == nil:
		e.expires = now.Add(f.answer.ttl)
		if e.renew = e.expires; f.answer.ttl >= refreshFrom {
			e.renew = e.expires.Add(-f.answer.ttl / 10)
		}
	default:
		if errors.Is(f.err, context.Canceled) {
			return
		}
		r.count.Failed++
		if old := r.cache[q]; old != nil && now.Before(old.expires) {
			return
		}
		e.expires = now.Add(failedFor)
		e.renew = e.expires
	}
	if _, known := r.cache[q]; !known && len(r.cache) >= maxEntries {
		r.evictLocked(now)
	}
	r.cache[q] = e
}

// evictLocked makes room: of a few entries that the map's order happens to give, one that is over or else
// the one that was asked for longest ago goes.
func (r *Resolver) evictLocked(now time.Time) {
	var worst question
	var oldest time.Time
	tried := 0
	for q, e := range r.cache {
		if now.After(e.expires) {
			worst = q
			break
		}
		if tried == 0 || e.last.Before(oldest) {
			worst, oldest = q, e.last
		}
		if tried++; tried == 8 {
			break
		}
	}
	delete(r.cache, worst)
}
