package transport

import (
	"container/list"
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"santral/sip"
)

// table holds every connection that is open or being opened. Its lock is a leaf.
type table struct {
	mu       sync.Mutex
	byID     map[uint64]*conn
	byRemote map[sip.Hop]*conn // the newest connection with each peer
	bySource map[netip.Addr]*source
	crowd    // of all sources
	next     uint64
	closed   bool
}

// source is what one address has open, as PerSource counts it.
type source struct {
	count int
	crowd
}

// crowd are inbound connections that have to go where room is wanted, oldest first. Whoever was given a 2xx is
// not among them.
type crowd struct {
	fresh  list.List // have not sent a good message yet
	spoken list.List // have, and nothing has come of it
}

// first gives who has to go first, nil when there is nobody.
func (c *crowd) first() *list.Element {
	if e := c.fresh.Front(); e != nil {
		return e
	}
	return c.spoken.Front()
}

func (c *crowd) remove(e *list.Element) {
	c.fresh.Remove(e) // whichever of them it is in
	c.spoken.Remove(e)
}

func (t *table) init() {
	t.byID = make(map[uint64]*conn)
	t.byRemote = make(map[sip.Hop]*conn)
	t.bySource = make(map[netip.Addr]*source)
	// A number that a flow of an earlier process carries must not name a connection of this one.
	t.next = uint64(time.Now().UnixMicro())
}

func (t *table) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.byID)
}

// all closes the table and gives what is in it.
func (t *table) all() []*conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	out := make([]*conn, 0, len(t.byID))
	for _, c := range t.byID {
		out = append(out, c)
	}
	return out
}

// get finds a flow's connection: by its number, or where that is 0 by its peer.
func (t *table) get(f sip.Flow) *conn {
	if f.Conn == 0 {
		return t.to(sip.Hop{Transport: f.Transport, Addr: f.Remote})
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.byID[f.Conn]; c != nil && c.flow.Remote == f.Remote && c.flow.Transport == f.Transport {
		return c
	}
	return nil
}

// to finds the newest connection with a peer. A peer over TLS is also a name: what was proved for one
// name is not reused for another (RFC 5923 §9).
func (t *table) to(hop sip.Hop) *conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byRemote[hop]
}

func (t *table) addLocked(c *conn) {
	t.next++
	c.flow.Conn = t.next
	t.byID[t.next] = c
	t.byRemote[c.hop()] = c
	if !c.inbound {
		return
	}
	s := t.bySource[c.source]
	if s == nil {
		s = new(source)
		t.bySource[c.source] = s
	}
	s.count++
	c.ofSource, c.ofAll = s.fresh.PushBack(c), t.fresh.PushBack(c)
}

// prove marks a connection as one that has sent a good message: others make room before it does.
func (t *table) prove(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.ofAll != nil {
		t.settleLocked(c)
		c.ofSource, c.ofAll = t.bySource[c.source].spoken.PushBack(c), t.spoken.PushBack(c)
	}
}

// settle marks a connection as one that makes no room for others: its peer was given a 2xx.
func (t *table) settle(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.settleLocked(c)
}

func (t *table) settleLocked(c *conn) {
	if c.ofAll != nil {
		t.crowd.remove(c.ofAll)
		t.bySource[c.source].remove(c.ofSource)
		c.ofSource, c.ofAll = nil, nil
	}
}

func (t *table) remove(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID[c.flow.Conn] != c {
		return
	}
	delete(t.byID, c.flow.Conn)
	if hop := c.hop(); t.byRemote[hop] == c {
		delete(t.byRemote, hop)
	}
	if !c.inbound {
		return
	}
	t.settleLocked(c)
	if s := t.bySource[c.source]; s.count > 1 {
		s.count--
	} else {
		delete(t.bySource, c.source)
	}
}

// roomLocked looks for room for one more connection from src. Where a limit is reached, the oldest
// connection that has not sent a good message yet has to go, else the oldest that was never given a 2xx: out.
// ok is false when there is none, so that who is served keeps its place and who newly comes is refused.
func (t *table) roomLocked(src netip.Addr, l *Limits, exempt bool) (out *conn, ok bool) {
	if t.closed {
		return nil, false
	}
	of := &t.crowd
	s := t.bySource[src]
	switch {
	case s != nil && s.count >= l.PerSource && !exempt:
		of = &s.crowd
	case len(t.byID) < l.Conns:
		return nil, true
	}
	if e := of.first(); e != nil {
		return e.Value.(*conn), true
	}
	return nil, false
}

// sourceOf gives what a limit counts by: an IPv4 address, or an IPv6 /64.
func sourceOf(a netip.Addr) netip.Addr {
	if a.Is4() {
		return a
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}

// accept takes connections in until the listener is closed.
func (l *Layer) accept(x *listener) {
	for {
		nc, err := x.stream.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) || !l.pause() {
				return
			}
			continue
		}
		remote := addrPort(nc.RemoteAddr())
		if !l.admits(remote.Addr(), x.transport, 0) {
			nc.Close()
			continue
		}
		c := l.inbound(x, nc, addrPort(nc.LocalAddr()), remote)
		run := c.read
		if x.transport == sip.TLS {
			c.nc, c.open, run = nil, false, c.shake
		}
		if !l.admit(c, run) {
			nc.Close()
		}
	}
}

// inbound makes a connection out of a stream that came to a listener.
func (l *Layer) inbound(x *listener, nc net.Conn, local, remote netip.AddrPort) *conn {
	c := l.newConn(x, sip.Flow{Transport: x.transport, Local: netip.AddrPortFrom(local.Addr(), x.addr.Port()), Remote: remote})
	c.inbound, c.source, c.raw, c.nc, c.open = true, sourceOf(remote.Addr()), nc, nc, true
	return c
}

// admit puts an inbound connection into the table and starts run, unless a limit forbids.
func (l *Layer) admit(c *conn, run func()) bool {
	remote := c.flow.Remote
	exempt := l.cfg.Limits.Exempt(remote.Addr())
	t := &l.conns
	t.mu.Lock()
	out, ok := t.roomLocked(c.source, &l.cfg.Limits, exempt)
	if !ok {
		t.mu.Unlock()
		l.count.refused.Add(1)
		return false
	}
	t.addLocked(c)
	l.running.Go(run)
	t.mu.Unlock()
	l.count.accepted.Add(1)
	if out != nil {
		l.count.evicted.Add(1)
		out.end(ErrFull)
	}
	return true
}

// open gives the connection to f's peer, a new one where there is none yet. It does not wait: what is
// put into a connection that is being opened goes out when it is open. name is what a peer over TLS
// must prove.
func (l *Layer) open(f sip.Flow, name string) (*conn, error) {
	x := l.listener(f)
	if x == nil || x.stream == nil && !x.outward { // a browser is reached over its own connection alone
		return nil, ErrNoWay
	}
	c := l.newConn(x, f)
	c.name = name
	ctx, cancel := context.WithTimeout(context.Background(), l.cfg.Limits.Connect)
	c.cancel = cancel
	t := &l.conns
	t.mu.Lock()
	defer t.mu.Unlock()
	if other := t.byRemote[c.hop()]; other != nil {
		cancel()
		return other, nil
	}
	if t.closed || len(t.byID) >= l.cfg.Limits.Conns {
		cancel()
		if t.closed {
			return nil, ErrClosed
		}
		return nil, ErrFull
	}
	t.addLocked(c)
	l.running.Go(func() { c.dial(ctx) })
	return c, nil
}
