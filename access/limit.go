package access

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of what one source may do before it has proved who it is. A source is counted twice: as
// address and port (one phone, or one attacker's socket), and as an address (an IPv6 /64) with all
// its ports, so that many phones behind one NAT fit and many sockets of one attacker do not.
//
// A good source has room for 100 requests and 40 new calls a second and more.
type Limits struct {
	PortRate, PortBurst   float64       // requests without proof, for an address and port
	HostRate, HostBurst   float64       // the same for an address
	GuessRate, GuessBurst float64       // wrong credentials that are answered at full speed, for an address and port
	HostGuesses           float64       // wrong credentials a second for an address with all its ports
	SlowDown              time.Duration // wait before a wrong credential beyond that is answered
	BanAfter              int           // wrong credentials of one address and port until it is banned
	HostBanAfter          int           // wrong credentials over connections, each from a port of its own, until an address is banned from which nobody has proved himself
	BanFor                time.Duration // how long a ban lasts
	Sources               int           // sources remembered at once, of each sort
}

// DefaultLimits are what `santral serve` and `santral local` use.
var DefaultLimits = Limits{
	PortRate: 200, PortBurst: 400,
	HostRate: 5000, HostBurst: 10000,
	GuessRate: 0.2, GuessBurst: 5,
	HostGuesses: 10,
	SlowDown:    time.Second,
	BanAfter:    50, HostBanAfter: 500,
	BanFor:  5 * time.Minute,
	Sources: 1 << 16,
}

// bucket is a token bucket that fills with time; the zero value is full.
type bucket struct {
	used float64 // tokens taken and not yet refilled
	at   time.Time
}

// take takes n tokens and reports whether they were there.
func (b *bucket) take(n, rate, burst float64, now time.Time) bool {
	b.used = max(0, b.used-rate*now.Sub(b.at).Seconds())
	b.at = now
	if b.used+n > burst {
		return false
	}
	b.used += n
	return true
}

// has reports whether n tokens are there, and takes none.
func (b bucket) has(n, rate, burst float64, now time.Time) bool { return b.take(n, rate, burst, now) }

// spend takes n tokens, or what is left of them.
func (b *bucket) spend(n, rate, burst float64, now time.Time) {
	if !b.take(n, rate, burst, now) {
		b.used = burst
	}
}

// source is what is remembered of an address and port, or of an address.
type source struct {
	requests bucket
	guesses  bucket
	wrong    int       // credentials refused since the last good one
	proved   time.Time // when it last showed a good credential
	banned   time.Time // until when nothing of it is heard
}

// provedAt reports whether the source showed a good credential within the hour.
func (s *source) provedAt(now time.Time) bool {
	return !s.proved.IsZero() && now.Sub(s.proved) < time.Hour
}

// hostBurst is how many seconds' worth of an address's wrong guesses may come at once.
const hostBurst = 10

// table remembers sources, at most size of them: when it is full, one that is not banned makes
// room. It is split so that shards rarely meet on a lock.
type table[K comparable] struct {
	seed maphash.Seed
	part [16]struct {
		mu      sync.Mutex
		sources map[K]*source
	}
	size int
}

func newTable[K comparable](size int) *table[K] {
	t := &table[K]{seed: maphash.MakeSeed(), size: max(1, size/16)}
	for i := range t.part {
		t.part[i].sources = map[K]*source{}
	}
	return t
}

// with calls f with the source under its lock; f calls nothing that locks.
func (t *table[K]) with(key K, f func(*source)) {
	part := &t.part[maphash.Comparable(t.seed, key)%uint64(len(t.part))]
	part.mu.Lock()
	defer part.mu.Unlock()
	s := part.sources[key]
	if s == nil {
		if len(part.sources) >= t.size {
			evict(part.sources)
		}
		s = &source{}
		part.sources[key] = s
	}
	f(s)
}

// peek is like with, but remembers nothing new.
func (t *table[K]) peek(key K, f func(*source)) {
	part := &t.part[maphash.Comparable(t.seed, key)%uint64(len(t.part))]
	part.mu.Lock()
	defer part.mu.Unlock()
	if s := part.sources[key]; s != nil {
		f(s)
	}
}

// evict removes the least telling of a few sources that the map's order happens to give.
func evict[K comparable](sources map[K]*source) {
	var worst K
	least, tried := -1.0, 0
	for key, s := range sources {
		worth := float64(s.wrong)
		if !s.proved.IsZero() {
			worth += 1000
		}
		if !s.banned.IsZero() {
			worth += 10000
		}
		if least < 0 || worth < least {
			worst, least = key, worth
		}
		if tried++; tried == 8 {
			break
		}
	}
	delete(sources, worst)
}

// each visits all sources, a part at a time.
func (t *table[K]) each(f func(K, *source)) {
	for i := range t.part {
		part := &t.part[i]
		part.mu.Lock()
		for key, s := range part.sources {
			f(key, s)
		}
		part.mu.Unlock()
	}
}

// network is what stands for an address with all its ports: the address, or an IPv6 /64.
func network(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

// Ban is a source that is not heard for a while.
type Ban struct {
	Source netip.AddrPort // port 0: an address, or an IPv6 /64, that may open no connection
	Until  time.Time
	Wrong  int // credentials that it got wrong
}

// Guard keeps the limits. It is safe for concurrent use, and its memory is bounded by
// Limits.Sources. Of the zero AddrPort nothing is counted: it is nobody that could be told apart.
type Guard struct {
	limits Limits
	ports  *table[netip.AddrPort]
	hosts  *table[netip.Addr]
	allow  atomic.Pointer[[]netip.Prefix]
}

// NewGuard makes a guard.
func NewGuard(l Limits) *Guard {
	return &Guard{limits: l, ports: newTable[netip.AddrPort](l.Sources), hosts: newTable[netip.Addr](l.Sources)}
}

// Allow names the networks that are never banned, in place of those named before. What they get wrong is
// answered slowly all the same.
func (g *Guard) Allow(list []netip.Prefix) { g.allow.Store(&list) }

// Allowed reports whether an address is never banned.
func (g *Guard) Allowed(a netip.Addr) bool {
	if list := g.allow.Load(); list != nil {
		a = a.Unmap().WithZone("")
		for _, p := range *list {
			if p.Contains(a) {
				return true
			}
		}
	}
	return false
}

// Hear reports whether anything of a source is heard at all: false while it is banned.
func (g *Guard) Hear(from netip.AddrPort, now time.Time) bool {
	heard := true
	g.ports.peek(from, func(s *source) { heard = s.banned.IsZero() || now.After(s.banned) })
	return heard || g.Allowed(from.Addr())
}

// Admit reports whether an address may open a connection: TCP, TLS, or a WebSocket's HTTP request.
func (g *Guard) Admit(from netip.Addr, now time.Time) bool {
	heard := true
	g.hosts.peek(network(from), func(s *source) { heard = s.banned.IsZero() || now.After(s.banned) })
	return heard || g.Allowed(from)
}

// Ask takes one request without proof from a source's allowance, and reports whether it may be
// worked on. A source that has proved itself within the hour is asked only for its own port's
// allowance: strangers at the same address can't use up its host's.
func (g *Guard) Ask(from netip.AddrPort, now time.Time) bool {
	if !from.IsValid() {
		return true
	}
	ok, proved := true, false
	g.ports.with(from, func(s *source) {
		ok = s.requests.take(1, g.limits.PortRate, g.limits.PortBurst, now)
		proved = s.provedAt(now)
	})
	if ok && !proved {
		g.hosts.with(network(from.Addr()), func(s *source) { ok = s.requests.take(1, g.limits.HostRate, g.limits.HostBurst, now) })
	}
	return ok
}

// Wait gives how long a request with credentials of this source shall wait before they are looked
// at: nothing, unless the source has guessed wrong too often of late. Right and wrong wait alike, so
// that time tells nothing; a source that has proved itself does not wait for its neighbours.
func (g *Guard) Wait(from netip.AddrPort, now time.Time) time.Duration {
	slow, proved := false, false
	g.ports.peek(from, func(s *source) {
		slow = !s.guesses.has(1, g.limits.GuessRate, g.limits.GuessBurst, now)
		proved = s.provedAt(now)
	})
	if !slow && !proved {
		g.hosts.peek(network(from.Addr()), func(s *source) {
			slow = !s.guesses.has(1, g.limits.HostGuesses, hostBurst*g.limits.HostGuesses, now)
		})
	}
	if slow {
		return g.limits.SlowDown
	}
	return 0
}

// Wrong notes a wrong credential: guessing is slowed down and banned by source, never by account,
// so nobody can lock an owner out. It reports whether the source is banned by that. Over a connection
// whoever guesses can have a new port for every guess, and his address is not forged: there the address is
// banned too, unless somebody there has proved himself.
func (g *Guard) Wrong(from netip.AddrPort, connection bool, now time.Time) (banned bool) {
	if !from.IsValid() {
		return false
	}
	allowed := g.Allowed(from.Addr())
	g.ports.with(from, func(s *source) {
		s.guesses.spend(1, g.limits.GuessRate, g.limits.GuessBurst, now)
		if s.wrong++; s.wrong >= g.limits.BanAfter && !allowed {
			s.wrong = 0
			s.banned = now.Add(g.limits.BanFor)
			banned = true
		}
	})
	g.hosts.with(network(from.Addr()), func(s *source) {
		s.guesses.spend(1, g.limits.HostGuesses, hostBurst*g.limits.HostGuesses, now)
		if !connection {
			return
		}
		if s.wrong++; s.wrong >= g.limits.HostBanAfter && !allowed && !s.provedAt(now) {
			s.wrong = 0
			s.banned = now.Add(g.limits.BanFor)
			banned = true
		}
	})
	return banned
}

// Right notes a good credential.
func (g *Guard) Right(from netip.AddrPort, now time.Time) {
	if !from.IsValid() {
		return
	}
	known := false // to the table of addresses, which need not hear of every request
	g.ports.with(from, func(s *source) {
		known = now.Sub(s.proved) < time.Minute
		s.wrong, s.guesses, s.proved = 0, bucket{}, now
	})
	if !known {
		g.hosts.with(network(from.Addr()), func(s *source) { s.wrong, s.proved = 0, now })
	}
}

// Proved reports whether a source has shown a good credential within the hour.
func (g *Guard) Proved(from netip.AddrPort, now time.Time) (proved bool) {
	g.ports.peek(from, func(s *source) { proved = s.provedAt(now) })
	return proved
}

// Bans lists who is not heard now.
func (g *Guard) Bans(now time.Time) (bans []Ban) {
	add := func(from netip.AddrPort, s *source) {
		if now.Before(s.banned) && !g.Allowed(from.Addr()) {
			bans = append(bans, Ban{Source: from, Until: s.banned, Wrong: s.wrong})
		}
	}
	g.ports.each(add)
	g.hosts.each(func(a netip.Addr, s *source) { add(netip.AddrPortFrom(a, 0), s) })
	return bans
}

// Unban lets a source be heard again, with port 0 an address; it reports whether it was banned.
func (g *Guard) Unban(from netip.AddrPort) (was bool) {
	forgive := func(s *source) {
		was = !s.banned.IsZero()
		*s = source{}
	}
	if from.Port() == 0 {
		g.hosts.peek(network(from.Addr()), forgive)
	} else {
		g.ports.peek(from, forgive)
	}
	return was
}
