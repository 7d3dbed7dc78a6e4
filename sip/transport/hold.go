package transport

import (
	"time"

	"santral/sip"
)

// longestHold bounds what Hold can ask for: the deadlines of reading go on meanwhile.
const longestHold = time.Second

// Hold has the peer of a connection wait: for d nothing more is read of it, whatever it sends, and its own
// network tells it so. Of datagrams nothing can be put off. It may be called from any goroutine.
func (l *Layer) Hold(f sip.Flow, d time.Duration) {
	if c := l.conns.get(f); c != nil {
		c.hold.Store(int64(min(d, longestHold)))
	}
}

// rest waits for as long as Hold has asked. It reports false when the connection has ended meanwhile.
func (c *conn) rest() bool {
	if c.hold.Load() == 0 {
		return true
	}
	t := time.NewTimer(time.Duration(c.hold.Swap(0)))
	defer t.Stop()
	select {
	case <-c.stop:
		return false
	case <-t.C:
		return true
	}
}
