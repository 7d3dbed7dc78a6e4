package transport

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"santral/sip"
)

// Way picks the flow on which hop is reached. Among the listeners of the hop's transport and address
// family the one wins that the route to the hop leaves from, then one at a wildcard, then the first.
// For a stream an open connection to that very address is taken; else Conn is 0 and Send opens one or
// waits for the one that is being opened. Way does not wait.
func (l *Layer) Way(hop sip.Hop) (sip.Flow, error) {
	remote := netip.AddrPortFrom(hop.Addr.Addr().Unmap(), hop.Addr.Port())
	to := remote.Addr()
	if !remote.IsValid() || remote.Port() == 0 || to.IsUnspecified() || to.IsMulticast() {
		return sip.Flow{}, ErrNoWay
	}
	var source netip.Addr
	var best *listener
	rank := 0
	for _, x := range l.listeners {
		a := x.addr.Addr()
		if x.transport != hop.Transport || !x.serves(to) {
			continue
		}
		if !source.IsValid() {
			source = l.route(to)
		}
		r := 1
		switch {
		case a == source:
			r = 4
		case x.wildcard:
			r = 3
		case a.IsLoopback() != to.IsLoopback():
			if a.IsLoopback() {
				continue // nothing outside is reached from there
			}
		default:
			r = 2
		}
		if r > rank {
			best, rank = x, r
		}
	}
	if best == nil {
		return sip.Flow{}, ErrNoWay
	}
	f := sip.Flow{Transport: hop.Transport, Local: best.addr, Remote: remote}
	if best.wildcard && source.IsValid() {
		f.Local = netip.AddrPortFrom(source, best.addr.Port())
	}
	switch f.Transport {
	case sip.TCP:
		if c := l.conns.to(sip.Hop{Transport: f.Transport, Addr: remote}); c != nil && c.isOpen() {
			return c.flow, nil
		}
	case sip.TLS:
		return l.secureWay(f, canonical(hop.Name))
	case sip.WS, sip.WSS: // RFC 7118 §5: nobody can connect to a browser
		if c := l.conns.to(sip.Hop{Transport: f.Transport, Addr: remote}); c != nil && c.isOpen() {
			return c.flow, nil
		}
		return sip.Flow{}, ErrNoWay
	}
	return f, nil
}

// secureWay gives a connection over which a peer has proved name, or has to before anything is sent:
// one that we opened for it, one that it opened and that its certificate vouches for (RFC 5923 §8), or
// a new one. The flow names the connection at once, because an address alone says nothing of the name.
func (l *Layer) secureWay(f sip.Flow, name string) (sip.Flow, error) {
	if theirs := l.conns.to(sip.Hop{Transport: sip.TLS, Addr: f.Remote}); theirs != nil && theirs.isOpen() {
		if name == "" || slices.Contains(l.Certificate(theirs.flow), name) {
			return theirs.flow, nil
		}
	}
	c, err := l.open(f, name)
	if err != nil {
		return sip.Flow{}, err
	}
	return c.flow, nil
}

// route gives the address of ours that packets to a peer leave from, the wildcard when unknown.
func (l *Layer) route(to netip.Addr) netip.Addr {
	if to.Is4() {
		return l.routes[0].For(to)
	}
	return l.routes[1].For(to)
}

// SentBy gives the host and port of ours that the peer of f can reach: for Via's sent-by (RFC 3261
// §18.1.1) and for Contact. A listener with a name is told by that. The port is the listener's, on a
// connection too that we opened.
func (l *Layer) SentBy(f sip.Flow) sip.HostPort {
	x := l.listener(f)
	if x == nil {
		return sip.HostPort{Host: f.Local.Addr().String(), Port: f.Local.Port()}
	}
	if x.name != "" {
		return sip.HostPort{Host: x.name, Port: x.addr.Port()}
	}
	return sip.HostPort{Host: l.host(x.told(f)), Port: x.addr.Port()}
}

// told gives the address that the peer of f is told.
func (x *listener) told(f sip.Flow) netip.Addr {
	a := x.policy.For(f.Remote.Addr())
	// Where the route decides, the address that the peer has really met is the better one: an
	// answer may leave by another interface than its request came in by.
	if local := f.Local.Addr(); x.wildcard && a != x.policy.Public() && !local.IsUnspecified() {
		return local
	}
	return a
}

// hostsMax bounds the addresses of ours that are remembered; all of 127/8 is ours, for one.
const hostsMax = 256

// host prints an address of ours once and remembers it as one that peers were told.
func (l *Layer) host(a netip.Addr) string {
	if s, ok := (*l.hosts.Load())[a]; ok {
		return s
	}
	l.hostsMu.Lock()
	defer l.hostsMu.Unlock()
	s := a.WithZone("").String()
	if known := *l.hosts.Load(); len(known) < hostsMax {
		known = maps.Clone(known)
		known[a] = s
		l.hosts.Store(&known)
	}
	return s
}

// serves reports whether a listener is of an address's family. An HTTP server at [::] hears both.
func (x *listener) serves(a netip.Addr) bool {
	own := x.addr.Addr()
	return own.Is4() == a.Is4() || own.Is6() && x.wildcard && x.transport >= sip.WS
}

// listener finds the listener that f belongs to, nil when there is none.
func (l *Layer) listener(f sip.Flow) *listener {
	var wide *listener
	for _, x := range l.listeners {
		if x.transport != f.Transport || x.addr.Port() != f.Local.Port() {
			continue
		}
		if x.addr == f.Local {
			return x
		}
		if x.wildcard && x.serves(f.Local.Addr()) {
			wide = x
		}
	}
	return wide
}

// Alive reports whether f can still carry messages: its listener is there and, where it names a
// connection, that is open.
func (l *Layer) Alive(f sip.Flow) bool {
	if l.isClosed() || l.listener(f) == nil {
		return false
	}
	return f.Conn == 0 || l.conns.get(f) != nil
}

// ours reports whether a response's topmost Via is one of ours (RFC 3261 §18.1.2): our port, and an
// address that we tell this peer or have told any.
func (l *Layer) ours(x *listener, f sip.Flow, m *sip.Message) bool {
	via, err := m.Via()
	if err != nil || via.Port != x.addr.Port() && !(via.Port == 0 && x.addr.Port() == x.transport.Port()) {
		return false
	}
	if x.name != "" && strings.EqualFold(via.Host, x.name) {
		return true
	}
	told := x.told(f)
	if via.Host == l.host(told) {
		return true
	}
	a, ok := via.SentBy().Addr()
	if !ok {
		return false
	}
	a = a.Unmap()
	_, known := (*l.hosts.Load())[a]
	return known || a == told
}

// deliver hands one message up. size is its length on the wire; text is the message itself, "" where
// a stream brought it in pieces.
func (l *Layer) deliver(x *listener, f sip.Flow, m *sip.Message, err error, size int, text string) {
	if err != nil && sip.ParseStatusOf(err) == 0 {
		l.count.junk.Add(1)
		return
	}
	if m.IsRequest() {
		m.StampReceived(f.Remote)
	} else if !l.ours(x, f, m) {
		l.count.foreign.Add(1)
		return
	}
	l.count.received.Add(1)
	l.cfg.Handle(sip.Inbound{Flow: f, Msg: m, Err: err, Size: size, Text: text})
}

// admits asks the gate.
func (l *Layer) admits(src netip.Addr, t sip.Transport, octets int) bool {
	if l.cfg.Gate == nil || l.cfg.Gate(src, t, octets) {
		return true
	}
	l.count.gated.Add(1)
	return false
}
