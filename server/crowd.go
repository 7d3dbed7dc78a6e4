package server

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
)

// Connections to the HTTP addresses at once, before they become WebSockets, which the transport counts.
// Above these whoever comes newly is turned away; nobody who is there waits for a place.
const (
	webConns     = 8192
	webPerSource = 1024
)

// crowd counts the connections of HTTP by where they come from. Its lock is a leaf.
type crowd struct {
	mu      sync.Mutex
	all     int
	from    map[netip.Addr]int
	in      map[net.Conn]netip.Addr
	refused atomic.Uint64
}

// state is told of every connection by http.Server.ConnState.
func (c *crowd) state(conn net.Conn, s http.ConnState) {
	switch s {
	case http.StateNew:
		if !c.enter(conn) {
			c.refused.Add(1)
			conn.Close()
		}
	case http.StateHijacked, http.StateClosed:
		c.leave(conn)
	}
}

func (c *crowd) enter(conn net.Conn) bool {
	source := sourceOf(conn)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.in == nil {
		c.in, c.from = map[net.Conn]netip.Addr{}, map[netip.Addr]int{}
	}
	if c.all >= webConns || c.from[source] >= webPerSource {
		return false
	}
	c.all++
	c.from[source]++
	c.in[conn] = source
	return true
}

func (c *crowd) leave(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	source, ok := c.in[conn]
	if !ok {
		return
	}
	delete(c.in, conn)
	c.all--
	if c.from[source]--; c.from[source] == 0 {
		delete(c.from, source)
	}
}

// sourceOf is what a limit counts by: an IPv4 address, or an IPv6 /64.
func sourceOf(conn net.Conn) netip.Addr {
	t, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	a := t.AddrPort().Addr().Unmap().WithZone("")
	if p, err := a.Prefix(64); a.Is6() && err == nil {
		return p.Addr()
	}
	return a
}
