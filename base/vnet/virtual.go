package vnet

import (
	"container/heap"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
)

// Network is a virtual network. It has no goroutine of its own: a packet on a link without delay is
// delivered by its sender, others by one timer. One lock guards everything; conditions on it are
// what readers wait on, so a synctest bubble sees them as idle.
type Network struct {
	mu     sync.Mutex
	chance *rand.Rand
	public realm
	usual  Link
	links  map[pair]Link
	last   map[pair]time.Time // when the latest datagram in that direction arrives
	names  map[string][]netip.Addr
	filter func(Packet) bool

	way   events
	seq   uint64
	timer *time.Timer
}

// pair is one direction between two hosts.
type pair struct{ from, to *Host }

// realm is one address space: the public one, or what lies behind a translator.
type realm struct {
	hosts map[netip.Addr]*Host
	nats  map[netip.Addr]*NAT
	outer *NAT // nil for the public realm
}

// Link says what happens to packets in one direction between two hosts. The zero value delivers
// everything at once. A stream suffers Latency and Jitter only; while its link is cut it waits.
type Link struct {
	Latency   time.Duration // one way
	Jitter    time.Duration // up to this much more, in the order of sending
	Loss      float64       // chance that a datagram vanishes
	Duplicate float64       // chance that a datagram arrives twice
	Reorder   float64       // chance that a datagram is held back by ReorderBy, so that others overtake it
	ReorderBy time.Duration // 0 means 10 ms
	Cut       bool          // nothing passes
}

// Packet is a datagram on its way, with the addresses that its receiver sees.
type Packet struct {
	From, To netip.AddrPort
	B        []byte // not to be kept or changed
}

// New makes an empty virtual network. All its chances come from seed.
func New(seed uint64) *Network {
	n := &Network{
		chance: rand.New(rand.NewPCG(seed, seed)),
		links:  make(map[pair]Link),
		last:   make(map[pair]time.Time),
		names:  make(map[string][]netip.Addr),
	}
	n.public = newRealm(nil)
	return n
}

func newRealm(outer *NAT) realm {
	return realm{hosts: make(map[netip.Addr]*Host), nats: make(map[netip.Addr]*NAT), outer: outer}
}

// Host adds a machine with these addresses to the public realm. Loopback addresses need no mention:
// every host has its own. An address that is taken already moves to the new host.
func (n *Network) Host(addrs ...netip.Addr) *Host { return n.host(&n.public, addrs) }

func (n *Network) host(r *realm, addrs []netip.Addr) *Host {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := &Host{net: n, realm: r, addrs: addrs, udp: make(map[uint16][]*udpSocket), tcp: make(map[uint16][]*listener), next: firstEphemeral}
	for _, a := range addrs {
		r.hosts[a] = h
	}
	return h
}

// SetDefault sets the link between hosts that have none of their own.
func (n *Network) SetDefault(l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.usual = l
}

// SetLink sets the link between a and b, both ways.
func (n *Network) SetLink(a, b *Host, l Link) {
	n.SetOneWay(a, b, l)
	n.SetOneWay(b, a, l)
}

// SetOneWay sets the link from one host to another, in that direction alone.
func (n *Network) SetOneWay(from, to *Host, l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.links[pair{from, to}] = l
}

// Cut parts a from b: datagrams vanish and streams wait, until Heal.
func (n *Network) Cut(a, b *Host) { n.cut(a, b, true) }

// Heal ends what Cut began.
func (n *Network) Heal(a, b *Host) { n.cut(a, b, false) }

func (n *Network) cut(a, b *Host, cut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range []pair{{a, b}, {b, a}} {
		l := n.linkLocked(p)
		l.Cut = cut
		n.links[p] = l
	}
}

// SetName makes the hosts' LookupIP answer addrs for name; without addrs the name is forgotten.
func (n *Network) SetName(name string, addrs ...netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.names[name] = addrs
}

// SetFilter sees every datagram that is sent and loses those for which keep is false; nil keeps
// all. It runs under the network's lock and must not call the network.
func (n *Network) SetFilter(keep func(Packet) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.filter = keep
}

func (n *Network) linkLocked(p pair) Link {
	if l, ok := n.links[p]; ok {
		return l
	}
	if p.from == p.to {
		return Link{} // a host reaches itself at once
	}
	return n.usual
}

func (n *Network) happensLocked(chance float64) bool {
	return chance > 0 && n.chance.Float64() < chance
}

// delayLocked gives the time that one packet takes, chance included.
func (n *Network) delayLocked(l Link) time.Duration {
	if l.Jitter <= 0 {
		return l.Latency
	}
	return l.Latency + time.Duration(n.chance.Int64N(int64(l.Jitter)))
}

// sendLocked puts one datagram on its way. What does not arrive is no error, as on any network.
func (n *Network) sendLocked(from *Host, src, dst netip.AddrPort, b []byte) {
	to, src, dst := n.routeLocked(from, "udp", src, dst)
	if to == nil {
		return
	}
	p := pair{from, to}
	l := n.linkLocked(p)
	if n.filter != nil && !n.filter(Packet{From: src, To: dst, B: b}) {
		return
	}
	if l.Cut || n.happensLocked(l.Loss) {
		return
	}
	n.arriveLocked(p, l, src, dst, b)
	if n.happensLocked(l.Duplicate) {
		n.arriveLocked(p, l, src, dst, b)
	}
}

func (n *Network) arriveLocked(p pair, l Link, src, dst netip.AddrPort, b []byte) {
	delay := n.delayLocked(l)
	b = append([]byte(nil), b...)
	if n.happensLocked(l.Reorder) {
		held := l.ReorderBy
		if held == 0 {
			held = 10 * time.Millisecond
		}
		n.atLocked(time.Now().Add(delay+held), func() { p.to.deliverLocked(src, dst, b) })
		return
	}
	at := time.Now().Add(delay)
	if last := n.last[p]; at.Before(last) {
		at = last
	}
	if delay == 0 && !at.After(time.Now()) {
		p.to.deliverLocked(src, dst, b)
		return
	}
	n.last[p] = at
	n.atLocked(at, func() { p.to.deliverLocked(src, dst, b) })
}

// routeLocked follows a packet through translators. It gives the host that receives it and the
// addresses as that host sees them; nil if the packet is lost on the way.
func (n *Network) routeLocked(from *Host, network string, src, dst netip.AddrPort) (*Host, netip.AddrPort, netip.AddrPort) {
	if dst.Addr().IsLoopback() {
		return from, src, dst
	}
	for r := from.realm; ; {
		if h := r.hosts[dst.Addr()]; h != nil {
			return h, src, dst
		}
		if t := r.nats[dst.Addr()]; t != nil {
			inside, ok := t.inLocked(network, dst.Port(), src)
			if !ok {
				return nil, src, dst
			}
			dst, r = inside, &t.inside
			continue
		}
		if r.outer == nil {
			return nil, src, dst
		}
		src, r = r.outer.outLocked(network, src, dst), r.outer.parent
	}
}

// event is something that happens later; events of the same instant happen in order.
type event struct {
	at  time.Time
	seq uint64
	run func() // under the network's lock
}

type events []event

func (e events) Len() int      { return len(e) }
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e events) Less(i, j int) bool {
	if e[i].at.Equal(e[j].at) {
		return e[i].seq < e[j].seq
	}
	return e[i].at.Before(e[j].at)
}
func (e *events) Push(x any) { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	x := old[len(old)-1]
	old[len(old)-1] = event{}
	*e = old[:len(old)-1]
	return x
}

func (n *Network) atLocked(at time.Time, run func()) {
	n.seq++
	heap.Push(&n.way, event{at, n.seq, run})
	if n.way[0].seq == n.seq {
		n.armLocked()
	}
}

func (n *Network) armLocked() {
	if n.timer != nil {
		n.timer.Stop()
	}
	n.timer = time.AfterFunc(time.Until(n.way[0].at), n.tick)
}

func (n *Network) tick() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.way) > 0 && !n.way[0].at.After(time.Now()) {
		heap.Pop(&n.way).(event).run()
	}
	if len(n.way) > 0 {
		n.armLocked()
	}
}
