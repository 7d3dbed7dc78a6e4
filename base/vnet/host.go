package vnet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
)

// Host is one machine of a virtual network. It is a Net.
type Host struct {
	net   *Network
	realm *realm
	addrs []netip.Addr
	udp   map[uint16][]*udpSocket
	tcp   map[uint16][]*listener
	next  uint16
}

const firstEphemeral = 32768

var _ Net = (*Host)(nil)

// queueMax is what a datagram socket holds unread, in octets, each datagram counted with its
// bookkeeping as the kernel does.
const (
	queueMax     = 2 << 20
	datagramCost = 512
	datagramMax  = 65507
)

// ListenUDP opens a datagram socket. Sockets that share a port (ReusePort) share the peers.
func (h *Host) ListenUDP(addr netip.AddrPort, opt Options) (UDP, error) {
	n := h.net
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := h.ownsLocked(addr.Addr()); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	port := addr.Port()
	if port == 0 {
		port = h.freeLocked(func(p uint16) bool { return len(h.udp[p]) == 0 })
	}
	for _, s := range h.udp[port] {
		if collide(s.local.Addr(), addr.Addr()) && !(s.reuse && opt.ReusePort) {
			return nil, fmt.Errorf("listen: %w", syscall.EADDRINUSE)
		}
	}
	s := &udpSocket{host: h, local: netip.AddrPortFrom(addr.Addr(), port), reuse: opt.ReusePort, limit: queueMax}
	if opt.ReadBuffer != 0 {
		s.limit = opt.ReadBuffer
	}
	s.ready = sync.NewCond(&n.mu)
	h.udp[port] = append(h.udp[port], s)
	return s, nil
}

// RouteTo gives the address in the same subnet as remote, or else the first of its family.
func (h *Host) RouteTo(remote netip.Addr) (netip.Addr, error) {
	if remote.IsLoopback() {
		if remote.Is4() {
			return netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
		}
		return netip.IPv6Loopback(), nil
	}
	var first netip.Addr
	for _, a := range h.addrs {
		if a.Is4() != remote.Is4() {
			continue
		}
		if subnet(a).Contains(remote) {
			return a, nil
		}
		if !first.IsValid() {
			first = a
		}
	}
	if !first.IsValid() {
		return first, fmt.Errorf("route: %w", syscall.ENETUNREACH)
	}
	return first, nil
}

// Prefixes gives a /24 or a /64 around each address, and loopback.
func (h *Host) Prefixes() ([]netip.Prefix, error) {
	out := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("::1/128")}
	for _, a := range h.addrs {
		out = append(out, subnet(a))
	}
	return out, nil
}

func subnet(a netip.Addr) netip.Prefix {
	if a.Is4() {
		return netip.PrefixFrom(a, 24)
	}
	return netip.PrefixFrom(a, 64)
}

// LookupIP asks the network's names; a numeric host is its own answer.
func (h *Host) LookupIP(ctx context.Context, host string) ([]netip.Addr, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("look up: %w", err)
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	if list := h.net.names[host]; len(list) > 0 {
		return slices.Clone(list), nil
	}
	return nil, fmt.Errorf("look up: %w", &net.DNSError{Err: "no such host", Name: host, IsNotFound: true})
}

// ownsLocked says whether a socket may be bound to a.
func (h *Host) ownsLocked(a netip.Addr) error {
	if a.IsUnspecified() || a.IsLoopback() || slices.Contains(h.addrs, a) {
		return nil
	}
	return syscall.EADDRNOTAVAIL
}

// freeLocked picks a port that nobody uses.
func (h *Host) freeLocked(free func(uint16) bool) uint16 {
	for {
		p := h.next
		h.next = max(h.next+1, firstEphemeral)
		if free(p) {
			return p
		}
	}
}

// sourceLocked gives the address that a packet to dst leaves from.
func (h *Host) sourceLocked(bound, chosen netip.Addr, dst netip.Addr) (netip.Addr, error) {
	if bound.Is4() != dst.Is4() {
		return netip.Addr{}, syscall.EAFNOSUPPORT
	}
	switch {
	case bound.IsLoopback() != dst.IsLoopback() && !bound.IsUnspecified():
		return netip.Addr{}, syscall.EINVAL
	case !bound.IsUnspecified():
		return bound, nil
	case chosen.IsValid():
		return chosen, h.ownsLocked(chosen)
	}
	return h.RouteTo(dst)
}

// collide says whether two sockets on one port would fight for the same packets.
func collide(a, b netip.Addr) bool {
	return a == b || a.Is4() == b.Is4() && (a.IsUnspecified() || b.IsUnspecified())
}

// deliverLocked hands a datagram to the socket that it is for, if there is one.
func (h *Host) deliverLocked(src, dst netip.AddrPort, b []byte) {
	var wild, exact []*udpSocket
	for _, s := range h.udp[dst.Port()] {
		switch a := s.local.Addr(); {
		case a == dst.Addr():
			exact = append(exact, s)
		case a.IsUnspecified() && a.Is4() == dst.Addr().Is4():
			wild = append(wild, s)
		}
	}
	if len(exact) == 0 {
		exact = wild
	}
	if len(exact) == 0 {
		return
	}
	s := exact[int(src.Port())%len(exact)]
	if s.held+len(b)+datagramCost > s.limit {
		return
	}
	s.held += len(b) + datagramCost
	s.queue = append(s.queue, received{b, src, dst.Addr()})
	s.ready.Signal()
}

type received struct {
	b    []byte
	from netip.AddrPort
	to   netip.Addr
}

// udpSocket is a datagram socket of a virtual host.
type udpSocket struct {
	host  *Host
	local netip.AddrPort
	reuse bool
	limit int

	ready  *sync.Cond
	queue  []received
	held   int
	closed bool
}

func (s *udpSocket) ReadBatch(d []Datagram) (int, error) {
	mu := &s.host.net.mu
	mu.Lock()
	defer mu.Unlock()
	for len(s.queue) == 0 && !s.closed {
		s.ready.Wait()
	}
	if s.closed {
		return 0, fmt.Errorf("read: %w", net.ErrClosed)
	}
	n := min(len(d), len(s.queue))
	for i, r := range s.queue[:n] {
		d[i].N, d[i].Addr, d[i].Local = copy(d[i].B, r.b), r.from, netip.Addr{}
		if s.local.Addr().IsUnspecified() {
			d[i].Local = r.to
		}
		s.held -= len(r.b) + datagramCost
	}
	s.queue = slices.Delete(s.queue, 0, n)
	if len(s.queue) > 0 {
		s.ready.Signal()
	}
	return n, nil
}

func (s *udpSocket) WriteBatch(d []Datagram) (int, error) {
	mu := &s.host.net.mu
	mu.Lock()
	defer mu.Unlock()
	for i := range d {
		if err := s.writeLocked(d[i].B, d[i].Addr, d[i].Local); err != nil {
			return i, fmt.Errorf("write: %w", err)
		}
	}
	return len(d), nil
}

func (s *udpSocket) WriteTo(b []byte, to netip.AddrPort) error {
	one := [1]Datagram{{B: b, Addr: to}}
	_, err := s.WriteBatch(one[:])
	return err
}

func (s *udpSocket) writeLocked(b []byte, to netip.AddrPort, local netip.Addr) error {
	if s.closed {
		return net.ErrClosed
	}
	if len(b) > datagramMax {
		return syscall.EMSGSIZE
	}
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	if !to.IsValid() || to.Port() == 0 {
		return syscall.EINVAL
	}
	src, err := s.host.sourceLocked(s.local.Addr(), local, to.Addr())
	if err != nil {
		return err
	}
	s.host.net.sendLocked(s.host, netip.AddrPortFrom(src, s.local.Port()), to, b)
	return nil
}

func (s *udpSocket) LocalAddr() netip.AddrPort { return s.local }

func (s *udpSocket) Close() error {
	h := s.host
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed, s.queue = true, nil
	h.udp[s.local.Port()] = slices.DeleteFunc(h.udp[s.local.Port()], func(x *udpSocket) bool { return x == s })
	s.ready.Broadcast()
	return nil
}
