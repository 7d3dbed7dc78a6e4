package transport

import (
	"time"

	"github.com/coder/websocket"
)

// farewell closes a connection that has ended as its protocol wants it: TLS with close_notify, so that the peer
// knows that nothing was cut off (RFC 8446 §6.1), and a WebSocket with a Close frame and the peer's own
// (RFC 6455 §7.1.2). It has a goroutine of its own, and a peer that does not take part does not hold it for
// longer than a moment.
func (c *conn) farewell() {
	defer c.raw.Close()
	defer time.AfterFunc(lastWait, func() { c.raw.Close() }).Stop()
	if c.ws != nil {
		c.ws.Close(websocket.StatusGoingAway, "")
	} else {
		c.nc.Close()
	}
}
