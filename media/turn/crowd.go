package turn

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// quiet is a socket that hears strangers only so often: sources are easily forged, and each request has an answer.
type quiet struct {
	net.PacketConn
	s *Server
}

// ReadFrom waits for a packet of somebody who has a relay, or of a stranger within the limit.
func (q *quiet) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := q.PacketConn.ReadFrom(b)
		if err != nil || q.s.hear(from) {
			return n, from, err
		}
	}
}

// hear reports whether a source is heard.
func (s *Server) hear(from net.Addr) bool {
	s.mu.Lock()
	_, known := s.holders[from.String()]
	s.mu.Unlock()
	if known {
		return true
	}
	now := int64(time.Since(s.birth))
	due := max(s.asked.Load(), now-int64(askBurst))
	if due > now {
		s.unheard.Add(1)
		return false
	}
	s.asked.Store(due + int64(askEvery))
	return true
}

// crowd is a listener whose connections are bounded in number and in patience, and end with it.
type crowd struct {
	net.Listener
	mu     sync.Mutex
	closed bool
	conns  map[*visitor]struct{}
	each   map[netip.Addr]int
}

func newCrowd(l net.Listener) *crowd {
	return &crowd{Listener: l, conns: map[*visitor]struct{}{}, each: map[netip.Addr]int{}}
}

// Accept waits for a connection that there is room for. A failure that may pass is waited out.
func (c *crowd) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			c.mu.Lock()
			closed := c.closed
			c.mu.Unlock()
			if closed {
				return nil, err
			}
			time.Sleep(50 * time.Millisecond) // out of descriptors; the listener itself is well
			continue
		}
		v := &visitor{Conn: conn, of: c, source: addrOf(conn.RemoteAddr())}
		c.mu.Lock()
		if c.closed || len(c.conns) >= crowdMost || c.each[v.source] >= crowdOne {
			c.mu.Unlock()
			conn.Close()
			continue
		}
		c.conns[v] = struct{}{}
		c.each[v.source]++
		c.mu.Unlock()
		return v, nil
	}
}

// Close closes the listener and every connection.
func (c *crowd) Close() error {
	c.mu.Lock()
	c.closed = true
	list := make([]*visitor, 0, len(c.conns))
	for v := range c.conns {
		list = append(list, v)
	}
	c.mu.Unlock()
	err := c.Listener.Close()
	for _, v := range list {
		v.Close()
	}
	return err
}

// visitor is one connection.
type visitor struct {
	net.Conn
	of     *crowd
	source netip.Addr
	spoke  bool
	once   sync.Once
}

// Read waits so long as the client may be silent.
func (v *visitor) Read(b []byte) (int, error) {
	wait := firstWait
	if v.spoke {
		wait = laterWait
	}
	v.SetReadDeadline(time.Now().Add(wait))
	n, err := v.Conn.Read(b)
	v.spoke = v.spoke || n > 0
	return n, err
}

// Write gives up on a client that does not read.
func (v *visitor) Write(b []byte) (int, error) {
	v.SetWriteDeadline(time.Now().Add(writeWait))
	n, err := v.Conn.Write(b)
	if err != nil {
		v.Close()
	}
	return n, err
}

// Close ends the connection; it may be called again.
func (v *visitor) Close() error {
	v.once.Do(func() {
		v.of.mu.Lock()
		delete(v.of.conns, v)
		if v.of.each[v.source]--; v.of.each[v.source] == 0 {
			delete(v.of.each, v.source)
		}
		v.of.mu.Unlock()
	})
	return v.Conn.Close()
}
