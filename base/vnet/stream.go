package vnet

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	window     = 64 << 10               // octets that a stream holds unread before its writer waits
	segmentMax = 1 << 10                // octets that travel together
	backlogMax = 1024                   // connections that a listener holds before they are accepted
	retryEvery = 200 * time.Millisecond // a stream's retransmission while its link is cut
	synEvery   = time.Second            // a connection attempt's retransmission
)

// listener accepts streams on a virtual host.
type listener struct {
	host   *Host
	local  netip.AddrPort
	ready  *sync.Cond
	queue  []*stream
	closed bool
}

// ListenTCP opens a listener.
func (h *Host) ListenTCP(addr netip.AddrPort) (net.Listener, error) {
	n := h.net
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := h.ownsLocked(addr.Addr()); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	port := addr.Port()
	if port == 0 {
		port = h.freeLocked(func(p uint16) bool { return len(h.tcp[p]) == 0 })
	}
	for _, l := range h.tcp[port] {
		if collide(l.local.Addr(), addr.Addr()) {
			return nil, fmt.Errorf("listen: %w", syscall.EADDRINUSE)
		}
	}
	l := &listener{host: h, local: netip.AddrPortFrom(addr.Addr(), port), ready: sync.NewCond(&n.mu)}
	h.tcp[port] = append(h.tcp[port], l)
	return l, nil
}

func (l *listener) Accept() (net.Conn, error) {
	mu := &l.host.net.mu
	mu.Lock()
	defer mu.Unlock()
	for len(l.queue) == 0 && !l.closed {
		l.ready.Wait()
	}
	if l.closed {
		return nil, l.error("accept", net.ErrClosed)
	}
	s := l.queue[0]
	l.queue = slices.Delete(l.queue, 0, 1)
	return s, nil
}

func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.local) }

func (l *listener) Close() error {
	h := l.host
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	if l.closed {
		return l.error("close", net.ErrClosed)
	}
	l.closed = true
	for _, s := range l.queue {
		s.abortLocked()
	}
	l.queue = nil
	h.tcp[l.local.Port()] = slices.DeleteFunc(h.tcp[l.local.Port()], func(x *listener) bool { return x == l })
	l.ready.Broadcast()
	return nil
}

func (l *listener) error(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Addr: l.Addr(), Err: err}
}

// DialTCP connects to remote. A host that is not there or is cut off never answers, so that the
// context decides how long to wait; one without a listener refuses.
func (h *Host) DialTCP(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	n := h.net
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	bound := netip.IPv6Unspecified()
	if remote.Addr().Is4() {
		bound = netip.IPv4Unspecified()
	}
	n.mu.Lock()
	src, err := h.sourceLocked(bound, local, remote.Addr())
	from := netip.AddrPortFrom(src, h.freeLocked(func(p uint16) bool { return len(h.tcp[p]) == 0 }))
	n.mu.Unlock()
	fail := func(err error) (net.Conn, error) {
		return nil, fmt.Errorf("dial: %w", &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(remote), Err: err})
	}
	if err != nil {
		return fail(err)
	}
	for {
		n.mu.Lock()
		s, after, err := h.connectLocked(from, remote)
		n.mu.Unlock()
		if s != nil && after == 0 {
			return s, nil
		}
		t := time.NewTimer(after)
		select {
		case <-ctx.Done():
			t.Stop()
			if s != nil {
				n.mu.Lock()
				s.abortLocked()
				n.mu.Unlock()
			}
			return fail(ctx.Err())
		case <-t.C:
		}
		if err != nil {
			return fail(err)
		}
		if s != nil {
			return s, nil
		}
	}
}

// connectLocked tries once. It gives a stream or a refusal, and after how long it is known; neither
// means that nobody answers.
func (h *Host) connectLocked(from, remote netip.AddrPort) (*stream, time.Duration, error) {
	n := h.net
	to, seen, dst := n.routeLocked(h, "tcp", from, remote)
	if to == nil {
		return nil, synEvery, nil
	}
	there, back := n.linkLocked(pair{h, to}), n.linkLocked(pair{to, h})
	if there.Cut || back.Cut {
		return nil, synEvery, nil
	}
	way, home := n.delayLocked(there), n.delayLocked(back)
	var l *listener
	for _, x := range to.tcp[dst.Port()] {
		if x.local.Addr() == dst.Addr() || x.local.Addr().IsUnspecified() && x.local.Addr().Is4() == dst.Addr().Is4() {
			l = x
		}
	}
	if l == nil {
		return nil, way + home, syscall.ECONNREFUSED
	}
	if len(l.queue) >= backlogMax {
		return nil, synEvery, nil
	}
	a := &stream{net: n, host: h, local: from, remote: remote}
	b := &stream{net: n, host: to, local: dst, remote: seen}
	for _, s := range []*stream{a, b} {
		s.readable, s.writable = sync.NewCond(&n.mu), sync.NewCond(&n.mu)
	}
	a.peer, b.peer = b, a
	accept := func() {
		if l.closed {
			b.abortLocked()
			return
		}
		l.queue = append(l.queue, b)
		l.ready.Signal()
	}
	if way == 0 {
		accept()
	} else {
		n.atLocked(time.Now().Add(way), accept)
	}
	return a, way + home, nil
}

// stream is one end of a connection. Its inbound side holds what has arrived and what is on its
// way here; the other direction is the peer's inbound side.
type stream struct {
	net           *Network
	host          *Host
	local, remote netip.AddrPort
	peer          *stream

	readable *sync.Cond // data, end or reset arrived here, our reading was closed, a deadline passed
	writable *sync.Cond // room at the peer, reset, our writing was closed, a deadline passed
	buf      []byte     // arrived, unread
	way      []segment  // on the way here, in order
	transit  int        // octets in way
	end      bool       // the peer will send no more
	reset    bool       // the connection was torn down
	shut     bool       // our side will send no more
	closed   bool       // our program closed it

	read, write deadline
}

type segment struct {
	at  time.Time
	b   []byte
	end bool
}

func (s *stream) Read(b []byte) (int, error) {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	for {
		switch {
		case s.closed:
			return 0, s.error("read", net.ErrClosed)
		case s.read.passed():
			return 0, s.error("read", os.ErrDeadlineExceeded)
		case len(s.buf) > 0:
			n := copy(b, s.buf)
			s.buf = slices.Delete(s.buf, 0, n)
			s.peer.writable.Broadcast()
			return n, nil
		case s.reset:
			return 0, s.error("read", syscall.ECONNRESET)
		case s.end:
			return 0, io.EOF
		case len(b) == 0:
			return 0, nil
		}
		s.readable.Wait()
	}
}

func (s *stream) Write(b []byte) (int, error) {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	done := 0
	for {
		switch {
		case s.closed:
			return done, s.error("write", net.ErrClosed)
		case s.write.passed():
			return done, s.error("write", os.ErrDeadlineExceeded)
		case s.reset || s.shut:
			return done, s.error("write", syscall.EPIPE)
		case done == len(b):
			return done, nil
		}
		if room := window - len(s.peer.buf) - s.peer.transit; room > 0 {
			k := min(room, len(b)-done, segmentMax)
			s.transmitLocked(segment{b: append([]byte(nil), b[done:done+k]...)})
			done += k
			continue
		}
		s.writable.Wait()
	}
}

// transmitLocked puts a segment on its way to the peer, behind those before it.
func (s *stream) transmitLocked(g segment) {
	p := s.peer
	delay := s.net.delayLocked(s.net.linkLocked(pair{s.host, p.host}))
	g.at = time.Now().Add(delay)
	if k := len(p.way); k > 0 && g.at.Before(p.way[k-1].at) {
		g.at = p.way[k-1].at
	}
	p.transit += len(g.b)
	p.way = append(p.way, g)
	if len(p.way) == 1 {
		p.pumpLocked()
	}
}

// pumpLocked takes in what has arrived by now and comes back for the rest.
func (s *stream) pumpLocked() {
	for len(s.way) > 0 {
		now := time.Now()
		if s.net.linkLocked(pair{s.peer.host, s.host}).Cut {
			s.net.atLocked(now.Add(retryEvery), s.pumpLocked)
			return
		}
		g := s.way[0]
		if g.at.After(now) {
			s.net.atLocked(g.at, s.pumpLocked)
			return
		}
		s.way = slices.Delete(s.way, 0, 1)
		s.transit -= len(g.b)
		if s.closed && !g.end {
			// Nobody reads here any more: the answer is a reset.
			s.way, s.transit = nil, 0
			s.peer.tornLocked()
			return
		}
		s.buf = append(s.buf, g.b...)
		s.end = s.end || g.end
		s.readable.Broadcast()
	}
}

// tornLocked marks this end as reset by the other.
func (s *stream) tornLocked() {
	s.reset = true
	s.readable.Broadcast()
	s.writable.Broadcast()
}

// abortLocked ends the connection at once for both ends.
func (s *stream) abortLocked() {
	s.closed, s.shut = true, true
	s.tornLocked()
	s.peer.tornLocked()
}

// Close ends both directions. As with the kernel, closing with data unread resets the connection.
func (s *stream) Close() error {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	if s.closed {
		return s.error("close", net.ErrClosed)
	}
	s.closed = true
	s.read.stop()
	s.write.stop()
	switch {
	case s.reset:
	case len(s.buf) > 0:
		s.peer.tornLocked()
	case !s.shut:
		s.transmitLocked(segment{end: true})
	}
	s.shut = true
	s.readable.Broadcast()
	s.writable.Broadcast()
	return nil
}

// CloseWrite ends our direction; the peer reads an end of file.
func (s *stream) CloseWrite() error {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	if s.closed {
		return s.error("close", net.ErrClosed)
	}
	if !s.shut && !s.reset {
		s.shut = true
		s.transmitLocked(segment{end: true})
		s.writable.Broadcast()
	}
	return nil
}

func (s *stream) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(s.local) }
func (s *stream) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(s.remote) }

func (s *stream) SetDeadline(t time.Time) error {
	if err := s.SetReadDeadline(t); err != nil {
		return err
	}
	return s.SetWriteDeadline(t)
}

func (s *stream) SetReadDeadline(t time.Time) error  { return s.setDeadline(&s.read, t, s.readable) }
func (s *stream) SetWriteDeadline(t time.Time) error { return s.setDeadline(&s.write, t, s.writable) }

func (s *stream) setDeadline(d *deadline, t time.Time, wake *sync.Cond) error {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	if s.closed {
		return s.error("set deadline", net.ErrClosed)
	}
	d.stop()
	d.at = t
	if !t.IsZero() {
		d.timer = time.AfterFunc(time.Until(t), func() {
			s.net.mu.Lock()
			defer s.net.mu.Unlock()
			wake.Broadcast()
		})
	}
	return nil
}

func (s *stream) error(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: s.LocalAddr(), Addr: s.RemoteAddr(), Err: err}
}

// deadline is a point in time and the timer that wakes who waits for it.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !d.at.After(time.Now()) }

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}
