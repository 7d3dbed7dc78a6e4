package transport

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"santral/sip"
)

const (
	largeRequest = 1300            // octets above which a request prefers a stream (RFC 3261 §18.1.1)
	largeWait    = time.Second     // and how long it waits for one before its sender goes back to UDP
	answerWait   = 2 * time.Second // a broken stream stays open for its answer so long
	lastWait     = 500 * time.Millisecond
	discardMax   = 64 << 10 // octets that are thrown away meanwhile
	eofWait      = 5 * time.Second
)

// conn is one connection, ours or a peer's. The reading goroutine owns the framer; what is under mu
// is shared with senders.
type conn struct {
	l       *Layer
	x       *listener
	flow    sip.Flow
	inbound bool
	source  netip.Addr         // what PerSource counts, for an inbound one
	cancel  context.CancelFunc // ends the dialling of an outbound one
	name    string             // what an outbound one over TLS had to prove
	raw     net.Conn           // below nc; nil while it is being opened
	ws      *websocket.Conn    // above nc, where messages are frames; nil elsewhere
	beat    *time.Timer        // pings a silent browser

	ofSource, ofAll *list.Element // the table's, until it is welcome

	proven  bool         // a good message has come; the reading goroutine's
	welcome atomic.Bool  // we gave it a 2xx, or opened the connection ourselves
	hold    atomic.Int64 // nanoseconds for which nothing more shall be read (Hold); the reading goroutine takes them

	mu      sync.Mutex // a leaf
	nc      net.Conn   // nil while it is being opened
	proved  []string   // the SIP domains of a client certificate that held
	queue   []item     // what waits to be written
	spare   []item     // the memory of the queue before
	held    int        // octets in queue and being written
	open    bool
	writing bool // a writing goroutine runs
	ending  bool // nothing more is read; it ends when nothing is owed
	broken  bool // as ending, because the framing was lost
	owed    int  // requests that wait for their final response
	gone    bool
	stop    chan struct{} // closed when it is gone

	bufs  net.Buffers // the writing goroutine's
	first [64]byte    // the reading goroutine's: what a message begins with
}

type item struct {
	b    []byte
	fail func(error)
}

func (l *Layer) newConn(x *listener, f sip.Flow) *conn {
	return &conn{l: l, x: x, flow: f, stop: make(chan struct{})}
}

// hop is what the table keeps a connection by.
func (c *conn) hop() sip.Hop {
	return sip.Hop{Transport: c.flow.Transport, Addr: c.flow.Remote, Name: c.name}
}

// isOpen reports whether messages leave at once, and not only when the connection has been made.
func (c *conn) isOpen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open && !c.gone
}

// dial opens an outbound connection and then reads it.
func (c *conn) dial(ctx context.Context) {
	defer c.cancel()
	from := c.x.addr.Addr()
	if c.x.wildcard {
		from = c.flow.Local.Addr()
	}
	if c.flow.Transport == sip.TCP {
		defer time.AfterFunc(largeWait, c.dropLarge).Stop()
	}
	nc, err := c.l.cfg.Net.DialTCP(ctx, from, c.flow.Remote)
	if err == nil {
		nc, err = c.dialled(ctx, nc)
	}
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = ErrDial
		}
		c.end(err)
		return
	}
	if !c.opened(nc, nil) {
		return // whoever ended it has closed what is below
	}
	c.proven = true
	c.welcome.Store(true)
	c.kick()
	c.l.running.Go(c.read)
}

// dialled takes a stream that was connected and makes of it what messages travel in.
func (c *conn) dialled(ctx context.Context, nc net.Conn) (net.Conn, error) {
	c.mu.Lock()
	gone := c.gone
	if !gone {
		c.raw = nc
	}
	c.mu.Unlock()
	switch {
	case gone:
		nc.Close()
		return nil, ErrGone
	case c.flow.Transport == sip.TLS:
		return c.secure(ctx, nc)
	}
	return nc, nil
}

// dropLarge gives up the long requests that a connection keeps waiting, so that their sender can go
// back to UDP (RFC 3261 §18.1.1).
func (c *conn) dropLarge() {
	var dropped []item
	c.mu.Lock()
	if !c.open && !c.gone {
		kept := c.queue[:0]
		for _, it := range c.queue {
			if len(it.b) > largeRequest && !isResponse(it.b) {
				dropped = append(dropped, it)
				c.held -= len(it.b)
			} else {
				kept = append(kept, it)
			}
		}
		clear(c.queue[len(kept):])
		c.queue = kept
	}
	c.mu.Unlock()
	for _, it := range dropped {
		tell(it.fail, ErrDial)
	}
}

// put adds a message to the queue; kick sends it. It reports false when that was not possible, and
// has told fail then.
func (c *conn) put(b []byte, fail func(error)) bool {
	c.mu.Lock()
	if c.gone {
		c.mu.Unlock()
		tell(fail, ErrGone)
		return false
	}
	if c.held+len(b) > c.l.cfg.Limits.Queue {
		c.mu.Unlock()
		c.l.count.slow.Add(1)
		c.end(ErrSlow)
		tell(fail, ErrSlow)
		return false
	}
	c.queue = append(c.queue, item{b, fail})
	c.held += len(b)
	if isFinal(b) {
		c.owed--
	}
	c.mu.Unlock()
	if isFinal(b) && b[8] == '2' && !c.welcome.Swap(true) {
		c.l.conns.settle(c)
	}
	return true
}

// kick starts to write what is queued, unless that happens already.
func (c *conn) kick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nc == nil || c.writing || c.gone || len(c.queue) == 0 {
		return
	}
	c.writing = true
	c.l.running.Go(c.write)
}

// write empties the queue.
func (c *conn) write() {
	for {
		c.mu.Lock()
		if c.gone || len(c.queue) == 0 {
			c.writing = false
			done := !c.gone && c.ending && c.owed <= 0
			c.mu.Unlock()
			if done {
				c.answered()
			}
			return
		}
		items := c.queue
		c.queue, c.spare = c.spare[:0], nil
		c.mu.Unlock()

		size := 0
		for _, it := range items {
			size += len(it.b)
		}
		n, err := c.writeOut(items)
		if err != nil {
			c.writeFailed(items, n, err)
			return
		}
		c.l.count.sent.Add(uint64(len(items)))
		clear(items)
		c.mu.Lock()
		c.held -= size
		if cap(items) <= 64 {
			c.spare = items[:0]
		}
		c.mu.Unlock()
	}
}

// writeOut writes messages and gives how many octets of them left.
func (c *conn) writeOut(items []item) (n int64, err error) {
	if c.ws != nil {
		return c.writeFrames(items)
	}
	if err := c.nc.SetWriteDeadline(time.Now().Add(c.l.cfg.Limits.Write)); err != nil {
		return 0, err
	}
	all := c.bufs[:0]
	for _, it := range items {
		all = append(all, it.b)
	}
	c.bufs = all
	n, err = all.WriteTo(c.nc)
	clear(c.bufs[:cap(c.bufs)])
	return n, err
}

// writeFailed ends the connection and tells the senders of what did not leave whole.
func (c *conn) writeFailed(items []item, n int64, err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.l.count.slow.Add(1)
		err = ErrSlow
	}
	err = fmt.Errorf("write: %w", err)
	c.end(err)
	for _, it := range items {
		if n -= int64(len(it.b)); n < 0 {
			tell(it.fail, err)
		}
	}
}

// answered is called when an ending connection owes nothing any more. A broken one closes its own
// direction and reads on for a moment, so that no reset overtakes the answer.
func (c *conn) answered() {
	c.mu.Lock()
	broken := c.broken
	c.mu.Unlock()
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !broken || !ok || half.CloseWrite() != nil || c.nc.SetReadDeadline(time.Now().Add(lastWait)) != nil {
		c.end(ErrGone)
	}
}

// quitLocked marks the connection as ending and reports whether nothing is owed.
func (c *conn) quitLocked(broken bool) bool {
	c.ending, c.broken = true, broken
	return c.owed <= 0 && len(c.queue) == 0 && !c.writing
}

// finish ends the connection when what is queued has been written, and after wait in any case.
func (c *conn) finish(err error, wait time.Duration) {
	c.mu.Lock()
	c.owed = 0
	done := c.quitLocked(false) || c.nc == nil
	c.mu.Unlock()
	if done {
		c.end(err)
		return
	}
	time.AfterFunc(wait, func() { c.end(err) })
}

// end closes the connection at once, tells the senders of what is still queued and then whoever
// hears of ended connections.
func (c *conn) end(err error) {
	c.mu.Lock()
	if c.gone {
		c.mu.Unlock()
		return
	}
	c.gone = true
	queue, raw, open := c.queue, c.raw, c.open
	c.queue = nil
	close(c.stop)
	parts := open && (c.ws != nil || c.flow.Transport == sip.TLS)
	if parts {
		c.l.running.Go(c.farewell)
	}
	c.mu.Unlock()
	if c.cancel != nil {
		c.cancel()
	}
	if raw != nil && !parts {
		raw.Close()
	}
	if c.beat != nil {
		c.beat.Stop()
	}
	c.l.conns.remove(c)
	for _, it := range queue {
		tell(it.fail, err)
	}
	if open && c.l.cfg.Closed != nil {
		c.l.cfg.Closed(c.flow)
	}
}

// read takes messages out of the stream until it ends.
func (c *conn) read() {
	lim := &c.l.cfg.Limits
	f := framer{lim: &lim.Message}
	defer f.letGo()
	heard := time.Now() // when octets came last
	was, wait := betweenMessages, c.patience(betweenMessages)
	err := c.nc.SetReadDeadline(heard.Add(wait))
	for err == nil {
		err = c.hear(&f)
		if err != nil {
			// Whoever became welcome while it waited may wait on.
			if longer := c.patience(was); was == betweenMessages && longer > wait && errors.Is(err, os.ErrDeadlineExceeded) {
				wait = longer
				err = c.nc.SetReadDeadline(heard.Add(wait))
				continue
			}
			break
		}
		heard = time.Now()
		first, took := !c.proven, false
		for {
			fr, ok := f.next()
			if !ok {
				break
			}
			if !c.take(fr) {
				return
			}
			took = took || !fr.ping
		}
		is := f.phase()
		if first && !c.proven || is == was && !took && (is != betweenMessages || !c.welcome.Load()) {
			continue // a deadline is not moved by single octets, nor by a stranger's keep-alives
		}
		was, wait = is, c.patience(is)
		err = c.nc.SetReadDeadline(heard.Add(wait))
	}
	c.readFailed(err)
}

// hear reads octets into the framer. A TLS connection that waits for a message holds no buffer for it:
// what it begins with fits into the connection itself, and the rest is there already when TLS has
// opened the record. So many phones that are registered and silent cost little memory.
func (c *conn) hear(f *framer) error {
	if c.flow.Transport != sip.TLS || !f.letGo() {
		n, err := c.nc.Read(f.room())
		f.filled(n)
		return err
	}
	n, err := c.nc.Read(c.first[:])
	if n > 0 {
		f.filled(copy(f.room(), c.first[:n]))
	}
	return err
}

// patience is how long to wait for the next octets that count.
func (c *conn) patience(p phase) time.Duration {
	lim := &c.l.cfg.Limits
	switch {
	case !c.proven:
		return lim.First
	case p == inHead:
		return lim.Head
	case p == inBody:
		return lim.Body
	case c.welcome.Load():
		return lim.Idle
	}
	return lim.Stranger
}

// readFailed ends the connection after a read that gave an error. A peer that only closed its own
// direction still gets the answers that are due.
func (c *conn) readFailed(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.l.count.late.Add(1)
	}
	c.mu.Lock()
	done := c.quitLocked(false)
	c.mu.Unlock()
	if errors.Is(err, io.EOF) && !done {
		t := time.NewTimer(eofWait)
		defer t.Stop()
		select {
		case <-c.stop:
		case <-t.C:
		}
	}
	c.end(ErrGone)
}

var pong = []byte("\r\n")

// take handles one frame. It reports false when nothing more is to be read.
func (c *conn) take(fr frame) bool {
	if !c.rest() {
		return false
	}
	src := c.flow.Remote.Addr()
	if fr.ping {
		c.l.count.pings.Add(1)
		if c.put(pong, nil) {
			c.kick()
			return true
		}
		return false
	}
	if !c.l.admits(src, c.flow.Transport, fr.size) {
		c.end(ErrGone)
		return false
	}
	if fr.broken {
		c.giveUp(fr)
		return false
	}
	if !c.proven && fr.err == nil {
		c.proven = true
		c.l.conns.prove(c)
	}
	return c.up(fr)
}

// up hands a frame's message to the house, unless the connection has ended.
func (c *conn) up(fr frame) bool {
	c.mu.Lock()
	gone := c.gone
	if fr.msg.IsRequest() && fr.msg.Method != sip.ACK {
		c.owed++
	}
	c.mu.Unlock()
	if !gone {
		c.l.deliver(c.x, c.flow, fr.msg, fr.err, fr.size, "")
	}
	return !gone
}

// giveUp ends a stream whose framing was lost. Where the message can be answered, it waits for the
// answer and throws away what else comes, so that no octet of it is taken for a message.
func (c *conn) giveUp(fr frame) {
	c.l.count.broken.Add(1)
	if fr.msg == nil || !fr.msg.IsRequest() {
		c.l.count.junk.Add(1)
		c.end(ErrGone)
		return
	}
	c.up(fr)
	c.mu.Lock()
	done := c.quitLocked(true)
	c.mu.Unlock()
	if done {
		c.answered()
	} else if c.nc.SetReadDeadline(time.Now().Add(answerWait)) != nil {
		c.end(ErrGone)
		return
	}
	waste := make([]byte, bufferFirst)
	for left := discardMax; left > 0; {
		n, err := c.nc.Read(waste)
		if err != nil {
			break
		}
		left -= n
	}
	c.end(ErrGone)
}
