// Package advertise decides which address of ours a peer is told: in Via, in Contact and in session
// descriptions.
//
// What lives here is the choice alone ([Policy]), and the part of STUN that it needs to learn a public
// address and to answer others who ask for theirs. Who prints the address, and with which port,
// lives elsewhere. A Policy owns what it has learned and a bounded memory of routes; nothing is asked
// of the kernel twice within [routeAge].
package advertise

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"santral/base/id"
	"santral/base/vnet"
)

const (
	routeAge = 30 * time.Second // routes and interfaces are asked again after this long
	routeMax = 4096             // routes remembered; beyond it all are forgotten at once

	learnEvery = 60 * time.Second // a learned address is checked so often
	learnRetry = 15 * time.Second // after a failure
	learnWait  = 10 * time.Second // a server has so long to answer
)

// Config is a listener's setting. Without Public and STUN every peer is told the address that the
// route to it leaves from.
type Config struct {
	Net    vnet.Net
	Bound  netip.Addr     // the listener's own address, or the wildcard of its family
	Public netip.Addr     // told to peers outside the local networks, where it is of their family
	Local  []netip.Prefix // the local networks; nil means those that our interfaces are on
	STUN   string         // host:port of a server that tells us our public address
	Random *id.Source     // STUN transaction numbers; needed with STUN only
}

// Policy answers for one listener. It is safe for concurrent use.
type Policy struct {
	cfg     Config
	learned atomic.Pointer[netip.Addr]

	mu     sync.RWMutex // a leaf, but for questions to the kernel
	routes map[netip.Addr]netip.Addr
	local  []netip.Prefix
	until  time.Time // when routes and local are asked again
}

// New makes a policy. It fails where the setting contradicts itself, and asks nobody anything yet.
func New(cfg Config) (*Policy, error) {
	switch {
	case cfg.Net == nil || !cfg.Bound.IsValid():
		return nil, fmt.Errorf("advertise: a network and a listener's address are needed")
	case cfg.Public.IsValid() && cfg.STUN != "":
		return nil, fmt.Errorf("advertise: the public address is either given or learned, not both")
	case cfg.STUN != "" && cfg.Random == nil:
		return nil, fmt.Errorf("advertise: learning an address needs a source of chance")
	}
	cfg.Bound, cfg.Public = cfg.Bound.Unmap(), cfg.Public.Unmap()
	return &Policy{cfg: cfg}, nil
}

// For gives the address that peer is told. It never fails: where the route is not known the answer is
// the listener's own address, wildcard or not.
func (p *Policy) For(peer netip.Addr) netip.Addr {
	peer = peer.Unmap()
	public := p.Public()
	if public.IsValid() && public.Is4() == peer.Is4() && !p.isLocal(peer) {
		return public
	}
	if !p.cfg.Bound.IsUnspecified() {
		return p.cfg.Bound
	}
	return p.route(peer)
}

// Public gives the public address as given or learned, invalid while there is none.
func (p *Policy) Public() netip.Addr {
	if p.cfg.Public.IsValid() {
		return p.cfg.Public
	}
	if a := p.learned.Load(); a != nil {
		return *a
	}
	return netip.Addr{}
}

// isLocal says whether peer is on a local network; loopback and link-local peers always are.
func (p *Policy) isLocal(peer netip.Addr) bool {
	if peer.IsLoopback() || peer.IsLinkLocalUnicast() {
		return true
	}
	local := p.cfg.Local
	if local == nil {
		local = p.interfaces()
	}
	peer = peer.WithZone("")
	return slices.ContainsFunc(local, func(n netip.Prefix) bool { return n.Contains(peer) })
}

func (p *Policy) interfaces() []netip.Prefix {
	now := time.Now()
	p.mu.RLock()
	local, fresh := p.local, now.Before(p.until)
	p.mu.RUnlock()
	if fresh {
		return local
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refreshLocked(now)
	return p.local
}

func (p *Policy) refreshLocked(now time.Time) {
	if now.Before(p.until) {
		return
	}
	p.until = now.Add(routeAge)
	p.routes = make(map[netip.Addr]netip.Addr)
	if list, err := p.cfg.Net.Prefixes(); err == nil {
		p.local = list // else what was known stays
	}
}

func (p *Policy) route(peer netip.Addr) netip.Addr {
	now := time.Now()
	p.mu.RLock()
	a, ok := p.routes[peer]
	ok = ok && now.Before(p.until)
	p.mu.RUnlock()
	if ok {
		return a
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refreshLocked(now)
	a, err := p.cfg.Net.RouteTo(peer)
	if err != nil {
		a = p.cfg.Bound
	}
	if len(p.routes) >= routeMax {
		clear(p.routes)
	}
	p.routes[peer] = a
	return a
}

// Learn asks the STUN server once and keeps what it says. Without a server it does nothing.
func (p *Policy) Learn(ctx context.Context) error {
	if p.cfg.STUN == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, learnWait)
	defer cancel()
	mapped, err := Ask(ctx, p.cfg.Net, p.cfg.Bound, p.cfg.STUN, p.cfg.Random)
	if err != nil {
		return fmt.Errorf("learn our address from %s: %w", p.cfg.STUN, err)
	}
	a := mapped.Addr()
	p.learned.Store(&a)
	return nil
}

// Run learns again and again until ctx ends, so that a public address that changes is followed. After
// each change, and after each failure, told is called (nil is allowed) with the address that holds
// now, which outlives failures.
func (p *Policy) Run(ctx context.Context, told func(public netip.Addr, err error)) {
	if p.cfg.STUN == "" {
		return
	}
	for {
		before := p.Public()
		err := p.Learn(ctx)
		if ctx.Err() != nil {
			return
		}
		if told != nil && (err != nil || p.Public() != before) {
			told(p.Public(), err)
		}
		wait := learnEvery
		if err != nil {
			wait = learnRetry
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
	}
}
