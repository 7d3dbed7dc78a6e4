// Package resolve finds the next hops of a SIP URI (RFC 3263): which address, port and transport a
// request is sent to.
//
// What lives here: the choice of transport and port, and addresses of names (A and AAAA records).
// Which of our listeners reaches a hop is for sip/transport, trying one hop after another for
// sip/endpoint. NAPTR and SRV records are not looked up: a name without a port is taken for a host.
// A Resolver owns nothing; what it asks it asks of the network that it was given.
package resolve

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"santral/base/vnet"
	"santral/sip"
)

// ErrScheme is for URIs that no SIP request can be sent to, such as tel.
var ErrScheme = errors.New("not a SIP URI")

// Resolver asks one network. It is safe for concurrent use.
type Resolver struct {
	net vnet.Net
}

// New makes a resolver.
func New(net vnet.Net) *Resolver { return &Resolver{net} }

// Numeric gives the hop of a URI whose host is an address, which needs nobody to be asked. It
// reports false for names and for URIs that no request can be sent to.
func Numeric(uri sip.URI) (sip.Hop, bool) {
	t, host, port, err := target(uri)
	if err != nil {
		return sip.Hop{}, false
	}
	addr, ok := sip.HostPort{Host: host}.Addr()
	if !ok {
		return sip.Hop{}, false
	}
	return sip.Hop{Transport: t, Addr: netip.AddrPortFrom(addr.Unmap(), port)}, true
}

// Resolve gives the hops of a URI, best first, at least one when err is nil. A name is looked up,
// which may wait; ctx ends that.
func (r *Resolver) Resolve(ctx context.Context, uri sip.URI) ([]sip.Hop, error) {
	t, host, port, err := target(uri)
	if err != nil {
		return nil, fmt.Errorf("resolve: %w", err)
	}
	if addr, ok := (sip.HostPort{Host: host}).Addr(); ok {
		return []sip.Hop{{Transport: t, Addr: netip.AddrPortFrom(addr.Unmap(), port)}}, nil
	}
	list, err := r.net.LookupIP(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("resolve: %w", err)
	}
	hops := make([]sip.Hop, 0, len(list))
	for _, addr := range list {
		hops = append(hops, sip.Hop{Transport: t, Addr: netip.AddrPortFrom(addr, port)})
	}
	if len(hops) == 0 {
		return nil, fmt.Errorf("resolve: %s has no address", host)
	}
	return hops, nil
}

// target gives what RFC 3263 §4 begins with. The maddr parameter takes the place of the host; the
// transport is the one that is asked for, TLS for sips, else UDP (§4.1); the port the one that is
// given, else the transport's own (§4.2).
func target(uri sip.URI) (t sip.Transport, host string, port uint16, err error) {
	if !uri.IsSIP() || uri.Host == "" {
		return 0, "", 0, ErrScheme
	}
	host, port = uri.Host, uri.Port
	if maddr, ok := uri.Params.Get("maddr"); ok && maddr != "" {
		host = maddr
	}
	t = sip.UDP
	if name, ok := uri.Params.Get("transport"); ok {
		if t = sip.ParseTransport(name); t == sip.UnknownTransport {
			return 0, "", 0, fmt.Errorf("transport %q is not known", name)
		}
	}
	if uri.IsSecure() {
		switch t { // RFC 3261 §19.1.2: a sips URI asks for TCP and gets TLS over it
		case sip.WS, sip.WSS:
			t = sip.WSS
		default:
			t = sip.TLS
		}
	}
	if port == 0 {
		port = defaultPort(t)
	}
	return t, host, port, nil
}

// defaultPort is the port of a transport (RFC 3261 §19.1.2, RFC 7118 §5.2).
func defaultPort(t sip.Transport) uint16 {
	switch t {
	case sip.TLS:
		return 5061
	case sip.WS:
		return 80
	case sip.WSS:
		return 443
	}
	return 5060
}
