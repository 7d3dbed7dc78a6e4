package server

import (
	"net"
	"net/http"
	"testing"
)

// ended is a connection of which only where it comes from matters, and whether it was closed.
type ended struct {
	net.Conn
	from   net.TCPAddr
	closed bool
}

func (e *ended) RemoteAddr() net.Addr { return &e.from }
func (e *ended) Close() error         { e.closed = true; return nil }

// One address fills its own share of HTTP and nobody else's; who leaves, or becomes a WebSocket, makes
// room.
func TestCrowdAtTheHTTPPort(t *testing.T) {
	var c crowd
	come := func(ip string) *ended {
		e := &ended{from: net.TCPAddr{IP: net.ParseIP(ip), Port: 1000}}
		c.state(e, http.StateNew)
		return e
	}
	first := come("192.0.2.1")
	for range webPerSource - 1 {
		come("192.0.2.1")
	}
	if first.closed || !come("192.0.2.1").closed || come("192.0.2.2").closed {
		t.Error("an address fills another share than its own")
	}
	c.state(first, http.StateHijacked)
	if come("192.0.2.1").closed {
		t.Error("a WebSocket holds a place of HTTP's")
	}
	for i := range webPerSource {
		if e := come("2001:db8::" + string("123456789"[i%9])); e.closed {
			t.Fatal("within a /64, before its share is full", i)
		}
	}
	if !come("2001:db8::ffff").closed {
		t.Error("a /64 counts as many addresses")
	}
	for conn := range c.in {
		c.state(conn, http.StateClosed)
	}
	if c.all != 0 || len(c.from) != 0 || c.refused.Load() != 2 {
		t.Errorf("%d, %v, %d refused", c.all, c.from, c.refused.Load())
	}
}
