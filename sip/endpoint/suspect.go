package endpoint

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"santral/sip"
)

// How long a hop that failed is tried last. It comes back before that when it answers anything else than
// 503 to a probe: an OPTIONS that is sent only while somebody would need the hop.
const (
	deadFor    = 5 * time.Minute
	crowdedFor = 10 * time.Second // after a 503 that says no time itself
	crowdedMax = 10 * time.Minute // however long a Retry-After asks for
	probeEvery = 10 * time.Second
	maxSuspect = 256
	markedAnew = time.Second // what a further mark must add: calls fail by the hundred
)

// suspects are the hops that did not serve of late, shared by all shards. Looking at them takes no lock:
// the table is replaced, never changed, and there is none while all is well. The lock is for those who
// replace it.
type suspects struct {
	table   atomic.Pointer[map[hopKey]*suspect]
	mu      sync.Mutex
	silent  atomic.Uint64 // hops left because they were silent
	crowded atomic.Uint64 // hops left because of a 503
	probes  atomic.Uint64
}

type hopKey struct {
	transport sip.Transport
	addr      netip.AddrPort
}

func keyOf(h sip.Hop) hopKey { return hopKey{h.Transport, h.Addr} }

// suspect is one such hop. Times are of the endpoint's clock.
type suspect struct {
	until time.Duration // after that it is a hop like any other
	probe atomic.Int64  // not before that it is asked how it is
}

// rank gives hops in the order in which they are tried: those that serve first, both sorts in their own
// order. It changes nothing of what it was given. wanted are those suspects that it is time to ask.
func (x *suspects) rank(hops []sip.Hop, now time.Duration) (ranked []sip.Hop, wanted []sip.Hop) {
	table := x.table.Load()
	if table == nil || len(hops) < 2 {
		return hops, nil
	}
	bad := 0
	for _, h := range hops {
		if s := (*table)[keyOf(h)]; s != nil && now < s.until {
			bad++
			if due := s.probe.Load(); now >= time.Duration(due) && s.probe.CompareAndSwap(due, int64(now+probeEvery)) {
				wanted = append(wanted, h)
			}
		}
	}
	if bad == 0 || bad == len(hops) {
		return hops, wanted
	}
	ranked = make([]sip.Hop, 0, len(hops))
	for _, ill := range [...]bool{false, true} {
		for _, h := range hops {
			if s := (*table)[keyOf(h)]; (s != nil && now < s.until) == ill {
				ranked = append(ranked, h)
			}
		}
	}
	return ranked, wanted
}

// mark notes that a hop did not serve: until a time it is tried last, and from another on probes may bring
// it back. When there are too many, what ends first makes room.
func (x *suspects) mark(h sip.Hop, now, until, probe time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	next := map[hopKey]*suspect{}
	if old := x.table.Load(); old != nil {
		if s := (*old)[keyOf(h)]; s != nil && until >= s.until && until-s.until < markedAnew {
			return // one of many that failed together
		}
		for k, s := range *old {
			if now < s.until {
				next[k] = s
			}
		}
	}
	if len(next) >= maxSuspect && next[keyOf(h)] == nil {
		first := slices.MinFunc(slices.Collect(maps.Keys(next)), func(a, b hopKey) int { return int(next[a].until - next[b].until) })
		delete(next, first)
	}
	s := &suspect{until: until}
	s.probe.Store(int64(probe))
	next[keyOf(h)] = s
	x.table.Store(&next)
}

// clear ends the suspicion of a hop.
func (x *suspects) clear(h sip.Hop) {
	old := x.table.Load()
	if old == nil || (*old)[keyOf(h)] == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if old = x.table.Load(); old == nil { // another shard was quicker
		return
	}
	next := maps.Clone(*old)
	delete(next, keyOf(h))
	if len(next) == 0 {
		x.table.Store(nil)
		return
	}
	x.table.Store(&next)
}

func (x *suspects) len() int {
	if table := x.table.Load(); table != nil {
		return len(*table)
	}
	return 0
}

// dead marks a hop that was silent or could not be sent to.
func (s *Shard) dead(h sip.Hop) {
	s.e.suspects.silent.Add(1)
	s.e.suspects.mark(h, s.now, s.now+deadFor, s.now+probeEvery)
}

// crowded marks a hop that answered 503: for as long as it asks for itself, with no probe before that
// (RFC 3261 §21.5.4).
func (s *Shard) crowded(h sip.Hop, res *sip.Message) {
	s.e.suspects.crowded.Add(1)
	d := crowdedFor
	if asked, ok := retryAfter(res); ok {
		d = min(asked, crowdedMax)
	}
	if d > 0 {
		s.e.suspects.mark(h, s.now, s.now+d, s.now+d)
	}
}

// retryAfter reads the seconds of a Retry-After (RFC 3261 §20.33).
func retryAfter(m *sip.Message) (time.Duration, bool) {
	v := m.Get(sip.RetryAfter)
	end := 0
	for end < len(v) && v[end] >= '0' && v[end] <= '9' {
		end++
	}
	n, err := strconv.ParseUint(v[:end], 10, 31)
	return time.Duration(n) * time.Second, err == nil
}

// probe asks a suspect how it is. Whatever it answers but 503, it is there.
func (s *Shard) probe(h sip.Hop) {
	s.e.suspects.probes.Add(1)
	flow, err := s.e.cfg.Wire.Way(h)
	if err != nil {
		return
	}
	us := s.e.cfg.Wire.SentBy(flow).String()
	uri := sip.URI{Scheme: "sip", Host: h.Addr.Addr().String(), Port: h.Addr.Port(), Params: h.Transport.Param()}
	if h.Name != "" {
		uri.Host = h.Name
	}
	req := sip.NewRequest(sip.OPTIONS, uri.String())
	req.Add(sip.From, "<sip:"+us+">;tag="+s.random.Token(13))
	req.Add(sip.To, "<"+uri.String()+">")
	req.Add(sip.CallID, s.random.Token(26))
	req.Add(sip.CSeqKind, "1 OPTIONS")
	req.Add(sip.Contact, "<sip:"+us+">")
	owner := s.e.Shard(req.CallID())
	owner.Do(func() {
		owner.Request(req, Next{Hops: []sip.Hop{h}}, func(ev ClientEvent) {
			switch {
			case ev.Response == nil:
				owner.e.suspects.mark(h, owner.now, owner.now+deadFor, owner.now+probeEvery)
			case ev.Response.Status == 503:
				owner.crowded(h, ev.Response)
			case ev.Response.Status >= 200:
				owner.e.suspects.clear(h)
			}
		})
	})
}
