package event

import (
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"santral/sip"
)

// book knows which subscriptions live and whose they are. It is a leaf lock and nothing else.
type book struct {
	mu       sync.Mutex
	live     map[*Subscription]*entry
	packages map[string]int
	accounts map[Subscriber]int
	sources  map[netip.Addr]int
}

// entry is what others may know of a subscription.
type entry struct {
	Live
	source netip.Addr
}

func (b *book) init() {
	b.live = map[*Subscription]*entry{}
	b.packages = map[string]int{}
	b.accounts = map[Subscriber]int{}
	b.sources = map[netip.Addr]int{}
}

// enter takes a subscription in, unless a limit forbids it; then it says which.
func (b *book) enter(s *Subscription, l *Limits, now time.Time) *Refusal {
	e := &entry{source: network(s.path.Flow.Remote.Addr())}
	e.Request, e.CallID, e.Began = s.req, s.dialog.CallID, now
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.accounts[s.req.Who] >= l.Account:
		return &Refusal{Status: 403, Reason: "Too Many Subscriptions"}
	case len(b.live) >= l.All, b.sources[e.source] >= l.Source:
		return &Refusal{Status: 503, Headers: []sip.Header{{Kind: sip.RetryAfter, Value: "60"}}}
	}
	b.live[s] = e
	b.packages[s.pkg.Name]++
	b.accounts[s.req.Who]++
	b.sources[e.source]++
	b.noteLocked(s, e)
	return nil
}

// note writes down what has changed about a subscription.
func (b *book) note(s *Subscription) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.live[s]; e != nil {
		b.noteLocked(s, e)
	}
}

func (b *book) noteLocked(s *Subscription, e *entry) {
	e.Expires, e.Failing, e.Flow = s.expires, s.failures > 0, s.path.Flow.String()
}

// leave takes a subscription out.
func (b *book) leave(s *Subscription) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.live[s]
	if e == nil {
		return
	}
	delete(b.live, s)
	if b.packages[s.pkg.Name]--; b.packages[s.pkg.Name] <= 0 {
		delete(b.packages, s.pkg.Name)
	}
	if b.accounts[s.req.Who]--; b.accounts[s.req.Who] <= 0 {
		delete(b.accounts, s.req.Who)
	}
	if b.sources[e.source]--; b.sources[e.source] <= 0 {
		delete(b.sources, e.source)
	}
}

func (b *book) list(tenant, account string) []Live {
	list := []Live{}
	b.mu.Lock()
	for _, e := range b.live {
		if (tenant == "" || e.Who.Tenant == tenant) && (account == "" || e.Who.Account == account) {
			list = append(list, e.Live)
		}
	}
	b.mu.Unlock()
	slices.SortFunc(list, func(x, y Live) int {
		if c := x.Began.Compare(y.Began); c != 0 {
			return c
		}
		if x.CallID < y.CallID {
			return -1
		}
		return 1
	})
	return list
}

func (b *book) count() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.packages)
}

func (b *book) all() []*Subscription {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]*Subscription, 0, len(b.live))
	for s := range b.live {
		list = append(list, s)
	}
	return list
}

// network is what stands for an address: itself, or an IPv6 subscriber's /64.
func network(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}
