package vnet

import (
	"net/netip"
	"time"
)

// NAT is a network address translator (RFC 4787) between a realm of its own and the public one.
type NAT struct {
	net     *Network
	opt     NATOptions
	outside netip.Addr
	parent  *realm
	inside  realm
	byFlow  map[natFlow]*mapping
	byPort  map[natPort]*mapping
	next    uint16
}

// NATOptions choose a translator's manners. The zero value is the common home router: one outside
// port for each inside port, open to those peers alone that were spoken to within 30 s.
type NATOptions struct {
	PerPeer  bool          // a new outside port for every peer (address and port-dependent mapping)
	Open     bool          // anybody may send to a mapped port (endpoint-independent filtering)
	Lifetime time.Duration // how long a mapping lives after its last packet out; 0 means 30 s
}

type natPort struct {
	network string
	port    uint16
}

type natFlow struct {
	network string
	inside  netip.AddrPort
	peer    netip.AddrPort // unset unless PerPeer
}

type mapping struct {
	flow  natFlow
	port  uint16
	used  time.Time
	peers map[netip.AddrPort]time.Time
}

const firstMapped = 20000

// NAT adds a translator with this address in the public realm.
func (n *Network) NAT(outside netip.Addr, opt NATOptions) *NAT {
	n.mu.Lock()
	defer n.mu.Unlock()
	if opt.Lifetime == 0 {
		opt.Lifetime = 30 * time.Second
	}
	t := &NAT{net: n, opt: opt, outside: outside, parent: &n.public}
	t.inside = newRealm(t)
	t.forgetLocked()
	n.public.nats[outside] = t
	return t
}

// Host adds a machine behind the translator.
func (t *NAT) Host(addrs ...netip.Addr) *Host { return t.net.host(&t.inside, addrs) }

// Forget drops every mapping, as a router does that was switched off and on.
func (t *NAT) Forget() {
	t.net.mu.Lock()
	defer t.net.mu.Unlock()
	t.forgetLocked()
}

func (t *NAT) forgetLocked() {
	t.byFlow = make(map[natFlow]*mapping)
	t.byPort = make(map[natPort]*mapping)
	if t.next < firstMapped {
		t.next = firstMapped
	}
}

// Forward opens a port for ever: what comes to it from outside goes to the inside address.
func (t *NAT) Forward(network string, port uint16, inside netip.AddrPort) {
	t.net.mu.Lock()
	defer t.net.mu.Unlock()
	m := &mapping{flow: natFlow{network: network, inside: inside}, port: port}
	t.byPort[natPort{network, port}] = m
	t.byFlow[m.flow] = m
}

// outLocked gives the outside address of a packet on its way out.
func (t *NAT) outLocked(network string, inside, peer netip.AddrPort) netip.AddrPort {
	now := time.Now()
	flow := natFlow{network: network, inside: inside}
	m := t.byFlow[flow]
	if m == nil && t.opt.PerPeer {
		flow.peer = peer
		m = t.byFlow[flow]
	}
	if m != nil && m.peers != nil && now.Sub(m.used) > t.opt.Lifetime {
		delete(t.byPort, natPort{network, m.port})
		m = nil
	}
	if m == nil {
		for t.byPort[natPort{network, t.next}] != nil {
			t.next++
		}
		m = &mapping{flow: flow, port: t.next, peers: make(map[netip.AddrPort]time.Time)}
		t.next = max(t.next+1, firstMapped)
		t.byFlow[flow], t.byPort[natPort{network, m.port}] = m, m
	}
	if m.peers != nil {
		m.used, m.peers[peer] = now, now
	}
	return netip.AddrPortFrom(t.outside, m.port)
}

// inLocked gives the inside address for a packet from outside, if the translator lets it in.
func (t *NAT) inLocked(network string, port uint16, peer netip.AddrPort) (netip.AddrPort, bool) {
	m := t.byPort[natPort{network, port}]
	if m == nil {
		return netip.AddrPort{}, false
	}
	if m.peers == nil {
		return m.flow.inside, true
	}
	heard := m.used
	if !t.opt.Open {
		heard = m.peers[peer]
	}
	if time.Since(heard) > t.opt.Lifetime {
		return netip.AddrPort{}, false
	}
	return m.flow.inside, true
}
