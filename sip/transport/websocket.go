package transport

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"santral/sip"
)

// subprotocol is what a SIP client asks for (RFC 7118 §4.1).
const subprotocol = "sip"

const (
	pingsMax  = 20 // pings and pongs of a peer between two of its messages, or within pingsTime
	pingsTime = 10 * time.Second
)

// WebSocket gives what an HTTP server serves SIP clients with (RFC 7118): a browser's page, or any
// program. A connection becomes one of the Layer's, of the WSS listener when it came over TLS and of
// the WS listener otherwise, with its limits and its place in the table. The handler returns when the
// connection has been taken over; one that is refused was answered.
func (l *Layer) WebSocket() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := sip.WS
		if r.TLS != nil {
			t = sip.WSS
		}
		remote, err := netip.ParseAddrPort(r.RemoteAddr)
		own, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		if err != nil || !ok {
			http.Error(w, "WebSocket over TCP only", http.StatusNotImplemented)
			return
		}
		remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
		local := addrPort(own)
		x := l.listener(sip.Flow{Transport: t, Local: local})
		switch {
		case x == nil || l.isClosed():
			http.NotFound(w, r)
		case !l.admits(remote.Addr(), t, 0):
			http.Error(w, "", http.StatusForbidden)
		case !l.welcomes(r):
			l.count.origins.Add(1)
			http.Error(w, "This page may not connect here", http.StatusForbidden)
		case r.Header.Get("Sec-WebSocket-Key") != "" && !offers(r, subprotocol):
			l.count.origins.Add(1)
			http.Error(w, `The subprotocol "sip" is needed (RFC 7118 section 4)`, http.StatusBadRequest)
		default:
			l.adopt(w, r, x, local, remote)
		}
	})
}

// welcomes reports whether the page that asks may: one of our own host, or one that was named.
func (l *Layer) welcomes(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if slices.ContainsFunc(l.cfg.Origins, func(o string) bool { return o == "*" || strings.EqualFold(o, origin) }) {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	page, own := u.Hostname(), (&url.URL{Host: r.Host}).Hostname()
	return own != "" && (strings.EqualFold(page, own) || isLoopback(page) && isLoopback(own))
}

// isLoopback reports whether a host is this very machine, by whichever of its names.
func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback() || strings.EqualFold(host, "localhost")
}

// offers reports whether a request names a subprotocol.
func offers(r *http.Request, name string) bool {
	for _, v := range r.Header.Values("Sec-WebSocket-Protocol") {
		for p := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(p), name) {
				return true
			}
		}
	}
	return false
}

// adopt does the handshake and takes the connection into the table.
func (l *Layer) adopt(w http.ResponseWriter, r *http.Request, x *listener, local, remote netip.AddrPort) {
	c := l.inbound(x, nil, local, remote)
	c.raw, c.nc, c.open = nil, nil, false
	taken := &taker{ResponseWriter: w, c: c}
	var heard pings
	ws, err := websocket.Accept(taken, r, &websocket.AcceptOptions{
		Subprotocols:       []string{subprotocol},
		InsecureSkipVerify: true, // the Origin has been looked at
		CompressionMode:    websocket.CompressionDisabled,
		OnPingReceived:     func(context.Context, []byte) bool { return c.pinged(&heard) },
		OnPongReceived:     func(context.Context, []byte) { c.pinged(&heard) },
	})
	if err != nil {
		if taken.wire != nil {
			taken.wire.Close()
		}
		return
	}
	ws.SetReadLimit(int64(l.cfg.Limits.Message.Message))
	c.ws, c.raw, c.nc, c.open = ws, taken.wire, taken.wire, true
	taken.wire.spoke = time.Now()
	c.beat = time.AfterFunc(l.cfg.Limits.Ping, c.ping)
	if !l.admit(c, func() { c.readFrames(&heard) }) {
		c.beat.Stop()
		_ = ws.CloseNow()
	}
}

// taker is a ResponseWriter that gives its connection away as a wire of c.
type taker struct {
	http.ResponseWriter
	c    *conn
	wire *wire
}

// Hijack implements http.Hijacker.
func (t *taker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	nc, rw, err := http.NewResponseController(t.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	t.wire = &wire{Conn: nc, c: t.c}
	rw.Writer.Reset(t.wire)
	return t.wire, rw, nil
}

// wire is what the frames of a connection travel over. Its patience is the connection's: whoever
// became welcome while it waited may wait on.
type wire struct {
	net.Conn
	c     *conn
	wait  time.Duration // what the deadline was set to; the reading goroutine's
	heard time.Time     // and when
	spoke time.Time     // when a message came last, or the connection began
	idle  bool          // it waits for a message
}

// Read implements net.Conn.
func (w *wire) Read(b []byte) (int, error) {
	for {
		n, err := w.Conn.Read(b)
		if n > 0 || !w.idle || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		longer := w.c.patience(betweenMessages)
		if longer <= w.wait {
			return n, err
		}
		w.wait = longer
		if err := w.SetReadDeadline(w.heard.Add(longer)); err != nil {
			return 0, err
		}
	}
}

// Write implements net.Conn. Pings and pongs are written here too, each with its own deadline.
func (w *wire) Write(b []byte) (int, error) {
	if err := w.SetWriteDeadline(time.Now().Add(w.c.l.cfg.Limits.Write)); err != nil {
		return 0, err
	}
	return w.Conn.Write(b)
}

// Close ends the TCP connection. TLS says no farewell, which might have to wait for the peer.
func (w *wire) Close() error {
	if secure, ok := w.Conn.(interface{ NetConn() net.Conn }); ok {
		return secure.NetConn().Close()
	}
	return w.Conn.Close()
}

// expect sets the deadline for what comes next. A stranger's keep-alives do not move it.
func (w *wire) expect(p phase) error {
	w.idle, w.wait, w.heard = p == betweenMessages, w.c.patience(p), time.Now()
	from := w.heard
	if w.idle && !w.c.welcome.Load() {
		from = w.spoke
	}
	return w.SetReadDeadline(from.Add(w.wait))
}

// pings counts what keeps a connection alive and carries nothing; the reading goroutine's.
type pings struct {
	count int
	since time.Time
}

// pinged hears of a ping or pong of the peer's and reports whether it may be answered. Who floods us
// with them is cut off.
func (c *conn) pinged(p *pings) bool {
	c.l.count.pings.Add(1)
	now := time.Now()
	if now.Sub(p.since) > pingsTime {
		p.count, p.since = 0, now
	}
	if p.count++; p.count > pingsMax {
		c.l.count.broken.Add(1)
		c.end(ErrGone)
		return false
	}
	w := c.nc.(*wire)
	if w.idle && w.expect(betweenMessages) != nil {
		return false
	}
	c.beat.Reset(c.l.cfg.Limits.Ping)
	return true
}

// ping asks a silent browser whether it is there: its network answers also while its page sleeps. It
// runs on a goroutine of its own, for as long as the answer takes.
func (c *conn) ping() {
	ctx, stop := context.WithTimeout(context.Background(), c.l.cfg.Limits.Ping)
	defer stop()
	if c.ws.Ping(ctx) != nil {
		c.end(ErrGone)
	}
}

// readFrames takes messages out of frames until the connection ends. Each message of the WebSocket is
// one of SIP's (RFC 7118 §5.1).
func (c *conn) readFrames(heard *pings) {
	defer func() { _ = c.ws.CloseNow() }() // what the library holds; the connection is closed already
	w := c.nc.(*wire)
	for {
		if err := w.expect(betweenMessages); err != nil {
			c.end(ErrGone)
			return
		}
		_, r, err := c.ws.Reader(context.Background())
		if err == nil {
			err = w.expect(inBody)
		}
		text := ""
		if err == nil {
			text, err = readText(r)
		}
		if err != nil {
			c.frameFailed(err)
			return
		}
		heard.count = 0
		c.beat.Reset(c.l.cfg.Limits.Ping)
		if !c.takeText(text) {
			return
		}
	}
}

// readText reads a message to its end. It needs a buffer for as long as the message takes to come.
func readText(r io.Reader) (string, error) {
	first := buffers.Get().(*[bufferFirst]byte)
	defer buffers.Put(first)
	b := first[:0]
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case err == io.EOF:
			return string(b), nil
		case err != nil:
			return "", err
		case len(b) == cap(b):
			b = slices.Grow(b, cap(b)) // by what arrived, never by what was promised
		}
	}
}

// frameFailed ends a connection after a read that gave an error.
func (c *conn) frameFailed(err error) {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.l.count.late.Add(1)
	case websocket.CloseStatus(err) != -1, errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
	default:
		c.l.count.broken.Add(1)
	}
	c.end(ErrGone)
}

// takeText handles one message. It reports false when nothing more is to be read.
func (c *conn) takeText(text string) bool {
	if idle([]byte(text)) { // RFC 7118 §6 names the ping of RFC 5626 §4.4.1
		if strings.HasPrefix(text, "\r\n\r\n") {
			return c.take(frame{ping: true})
		}
		return true
	}
	c.nc.(*wire).spoke = time.Now()
	m := new(sip.Message)
	err := sip.ParseLimited(text, m, &c.l.cfg.Limits.Message)
	return c.take(frame{msg: m, err: err, size: len(text)})
}

// writeFrames writes each message as a frame: text where it is UTF-8, which all but a foreign body is.
func (c *conn) writeFrames(items []item) (n int64, err error) {
	for _, it := range items {
		kind := websocket.MessageText
		if !utf8.Valid(it.b) {
			kind = websocket.MessageBinary
		}
		if err := c.ws.Write(context.Background(), kind, it.b); err != nil {
			return n, err
		}
		n += int64(len(it.b))
	}
	return n, nil
}
