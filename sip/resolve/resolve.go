// Package resolve finds the next hops of a SIP URI (RFC 3263): which addresses, ports and transports a
// request may be sent to, and in what order.
//
// What lives here: the choice of transport and port (NAPTR and SRV records), addresses of names (A and
// AAAA records and the machine's hosts file), the questions to name servers, and a cache that keeps
// answers as long as their owners allow. Which of our listeners reaches a hop is for sip/transport; trying
// one hop after another, and knowing which of them is dead, is for sip/endpoint. A Resolver owns its cache
// and the questions that are under way, behind a leaf lock that nobody holds while a name server is asked.
package resolve

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"santral/base/id"
	"santral/base/vnet"
	"santral/sip"
)

// What a URI may fail with besides an error of the network's.
var (
	ErrScheme  = errors.New("not a SIP URI")          // no SIP request can be sent to it, such as tel
	ErrNoHost  = errors.New("no such host")           // the name or its addresses do not exist
	ErrRefused = errors.New("no SIP service is here") // the domain says so itself: an SRV target of "." (RFC 2782)
	ErrAlias   = errors.New("aliases of aliases without end")
	ErrFamily  = errors.New("nothing of ours reaches it") // no listener for the transport or the address family
	ErrBusy    = errors.New("too many names are asked for")
)

// Config is what a resolver is made of. Net is required.
type Config struct {
	Net vnet.Net

	// Servers are the name servers, in the order in which they are asked. None: those of the file
	// Conf. Without either no name server is asked, and names are what Net says they are.
	Servers []netip.AddrPort
	Conf    string // a file such as /etc/resolv.conf, read again when it changes; "" for none
	Hosts   string // a file such as /etc/hosts, read again when it changes; "" for none

	Random *id.Source    // numbers of questions, chance among SRV targets; nil: the system's
	Wait   time.Duration // for one answer of one server (default 1 s, or the timeout that Conf asks for)

	// Have reports whether a request can leave by a transport and address family; nil for all but
	// WebSockets, which nobody is called over.
	Have func(t sip.Transport, ipv6 bool) bool
}

// Resolver asks one network. It is safe for concurrent use.
type Resolver struct {
	cfg   Config
	files files
	ctx   context.Context
	stop  context.CancelFunc
	going sync.WaitGroup // questions under way

	mu      sync.Mutex
	closed  bool
	cache   map[question]*entry
	flights map[question]*flight
	slow    map[netip.AddrPort]time.Time // name servers that did not answer, until when they are asked last
	count   Stats
}

// New makes a resolver. Close it.
func New(cfg Config) *Resolver {
	if cfg.Random == nil {
		cfg.Random = id.Random()
	}
	if cfg.Have == nil {
		cfg.Have = func(t sip.Transport, _ bool) bool { return t == sip.UDP || t == sip.TCP || t == sip.TLS }
	}
	r := &Resolver{
		cfg: cfg, files: files{conf: watched{path: cfg.Conf}, hosts: watched{path: cfg.Hosts}},
		cache: map[question]*entry{}, flights: map[question]*flight{}, slow: map[netip.AddrPort]time.Time{},
	}
	r.ctx, r.stop = context.WithCancel(context.Background())
	return r
}

// Close ends the questions that are under way, whose askers get an error.
func (r *Resolver) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.stop()
	r.going.Wait()
}

// Bounds of one answer's hops.
const (
	maxPlaces    = 16 // SRV targets
	maxAddresses = 8  // of one target
	maxHops      = 16
)

// Numeric gives the hop of a URI whose host is an address, which needs nobody to be asked. It
// reports false for names and for URIs that no request can be sent to.
func Numeric(uri sip.URI) (sip.Hop, bool) {
	g, err := read(uri)
	if err != nil {
		return sip.Hop{}, false
	}
	addr, ok := sip.HostPort{Host: g.host}.Addr()
	if !ok {
		return sip.Hop{}, false
	}
	if g.transport == sip.UnknownTransport {
		g.transport = sip.UDP
	}
	return g.hop(g.transport, addr, g.port), true
}

// Resolve gives the hops of a URI, best first, at least one when err is nil. A name is looked up,
// which may wait; ctx ends that.
func (r *Resolver) Resolve(ctx context.Context, uri sip.URI) ([]sip.Hop, error) {
	hops, err := r.resolve(ctx, uri)
	if err != nil {
		return nil, fmt.Errorf("resolve: %w", err)
	}
	return hops, nil
}

func (r *Resolver) resolve(ctx context.Context, uri sip.URI) ([]sip.Hop, error) {
	g, err := read(uri)
	if err != nil {
		return nil, err
	}
	if addr, ok := (sip.HostPort{Host: g.host}).Addr(); ok {
		if g.transport == sip.UnknownTransport {
			g.transport = sip.UDP
		}
		return []sip.Hop{g.hop(g.transport, addr, g.port)}, nil
	}
	if g.transport != sip.UnknownTransport && !r.has(g.transport) {
		return nil, ErrFamily
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	places, err := r.places(ctx, g)
	if err != nil {
		return nil, err
	}
	return r.reach(ctx, g, places)
}

// goal is what RFC 3263 §4 begins with.
type goal struct {
	transport sip.Transport // UnknownTransport when it is for us to choose
	asked     bool          // the URI names its transport
	secure    bool          // a sips URI
	host      string        // maddr where there is one
	port      uint16        // 0 when none is given
	name      string        // the URI's own host, which a certificate must be for
}

// read takes what matters from a URI. The maddr parameter takes the place of the host (RFC 3263 §4).
func read(uri sip.URI) (g goal, err error) {
	if !uri.IsSIP() || uri.Host == "" {
		return g, ErrScheme
	}
	g.host, g.port, g.name = uri.Host, uri.Port, uri.Host
	if maddr, ok := uri.Params.Get("maddr"); ok && maddr != "" {
		g.host = maddr
	}
	if name, ok := uri.Params.Get("transport"); ok {
		if g.transport = sip.ParseTransport(name); g.transport == sip.UnknownTransport {
			return g, fmt.Errorf("transport %q is not known", name)
		}
		g.asked = true
	}
	if g.secure = uri.IsSecure(); g.secure {
		switch g.transport { // RFC 3261 §19.1.2: a sips URI asks for TCP and gets TLS over it
		case sip.WS, sip.WSS:
			g.transport = sip.WSS
		default:
			g.transport = sip.TLS
		}
	}
	return g, nil
}

// hop makes the hop of an address; port 0 takes the transport's own (RFC 3263 §4.2).
func (g goal) hop(t sip.Transport, addr netip.Addr, port uint16) sip.Hop {
	if port == 0 {
		port = t.Port()
	}
	h := sip.Hop{Transport: t, Addr: netip.AddrPortFrom(addr.Unmap(), port)}
	if t.Secure() {
		h.Name = g.name // RFC 5922 §7.1: the domain that was asked for, wherever SRV led
	}
	return h
}

// usual is the transport of a name about which the domain says nothing (RFC 3263 §4.1): UDP, or the next
// best that we have.
func (r *Resolver) usual() sip.Transport {
	for _, t := range [...]sip.Transport{sip.UDP, sip.TCP, sip.TLS} {
		if r.has(t) {
			return t
		}
	}
	return sip.UDP
}

func (r *Resolver) has(t sip.Transport) bool { return r.cfg.Have(t, false) || r.cfg.Have(t, true) }

// reach gives the hops of places in their order, each with all the addresses that we can send to, IPv4
// first: whoever has both families is reached by the one that needs no luck (RFC 7984 §3.2 leaves the
// order to local policy).
func (r *Resolver) reach(ctx context.Context, g goal, places []place) ([]sip.Hop, error) {
	found := make([][]netip.Addr, len(places))
	errs := make([]error, len(places))
	together(len(places), func(i int) { found[i], errs[i] = r.addresses(ctx, places[i].host) })
	var hops []sip.Hop
	for i, p := range places {
		kept := 0
		for _, addr := range found[i] {
			if kept == maxAddresses || len(hops) == maxHops {
				break
			}
			if h := g.hop(p.transport, addr, p.port); r.cfg.Have(p.transport, addr.Is6()) && !holds(hops, h) {
				hops = append(hops, h)
				kept++
			}
		}
	}
	if len(hops) > 0 {
		return hops, nil
	}
	for i := range places {
		if errs[i] != nil {
			return nil, errs[i]
		}
	}
	return nil, ErrFamily
}

func holds(hops []sip.Hop, h sip.Hop) bool {
	for _, x := range hops {
		if x == h {
			return true
		}
	}
	return false
}

// together runs f for 0 to n-1 side by side and waits for all.
func together(n int, f func(i int)) {
	if n == 1 {
		f(0)
		return
	}
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

// addresses gives the addresses of a host, IPv4 before IPv6: those of the hosts file, else those of its
// A and AAAA records. One family's failure does not hide the other.
func (r *Resolver) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, ok := (sip.HostPort{Host: host}).Addr(); ok {
		return []netip.Addr{addr.Unmap()}, nil
	}
	if list := r.files.lookup(host); list != nil {
		return list, nil
	}
	servers, conf := r.servers()
	if len(servers) == 0 {
		list, err := r.cfg.Net.LookupIP(ctx, host)
		if err != nil {
			return nil, err
		}
		return byFamily(list), nil
	}
	err := ErrNoHost
	for _, name := range conf.candidates(host) {
		list, e := r.records(ctx, name)
		if len(list) > 0 {
			return list, nil
		}
		if e != nil {
			err = e
		}
	}
	return nil, fmt.Errorf("%s: %w", host, err)
}

// records gives the A and AAAA records of a name.
func (r *Resolver) records(ctx context.Context, name string) ([]netip.Addr, error) {
	var part [2]*answer
	var errs [2]error
	kinds := [2]uint16{typeA, typeAAAA}
	together(2, func(i int) {
		if six := i == 1; r.family(six) {
			part[i], errs[i] = r.get(ctx, question{strings.ToLower(name), kinds[i]})
		}
	})
	var list []netip.Addr
	for _, a := range part {
		if a != nil {
			list = append(list, a.addrs...)
		}
	}
	if len(list) > 0 {
		return list, nil
	}
	return nil, errors.Join(errs[0], errs[1])
}

// family reports whether anything of ours sends by an address family.
func (r *Resolver) family(ipv6 bool) bool {
	for _, t := range [...]sip.Transport{sip.UDP, sip.TCP, sip.TLS, sip.WS, sip.WSS} {
		if r.cfg.Have(t, ipv6) {
			return true
		}
	}
	return false
}

func byFamily(list []netip.Addr) []netip.Addr {
	out := make([]netip.Addr, 0, len(list))
	for _, six := range [...]bool{false, true} {
		for _, a := range list {
			if a = a.Unmap(); a.Is6() == six {
				out = append(out, a)
			}
		}
	}
	return out
}
