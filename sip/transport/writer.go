package transport

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"

	"santral/base/vnet"
	"santral/sip"
)

// collectMax is how many datagrams a Writer holds before it sends them unasked.
const collectMax = 64

// Writer sends messages for one goroutine and collects them, so that one system call carries many
// datagrams. It must not be used by two goroutines at once.
type Writer struct {
	l     *Layer
	index int
	out   []outbox
	dirty []*conn
}

// outbox collects for one UDP listener.
type outbox struct {
	x    *listener
	sock vnet.UDP
	d    []vnet.Datagram
	fail []func(error)
}

// Writer gives a writer of its own to whoever sends.
func (l *Layer) Writer() *Writer {
	w := &Writer{l: l, index: int(l.writers.Add(1) - 1)}
	for _, x := range l.listeners {
		if x.transport == sip.UDP {
			w.out = append(w.out, outbox{x: x, sock: x.socks[w.index%len(x.socks)]})
		}
	}
	return w
}

// Send takes a message for the peer of f and never waits; nobody may change b afterwards. What is
// collected leaves with the next Flush. On a stream without a connection one is opened. fail, which
// may be nil, is called at most once, from any goroutine, when the message could not be sent; a
// datagram that is lost is no failure.
//
// A request goes to f.Remote. A response goes where RFC 3261 §18.2.2 and RFC 3581 §4 send it: back to
// the source, at the port that its topmost Via asks for. The maddr parameter is not followed: it
// would let anybody with a false source aim our answers at a third address.
func (w *Writer) Send(f sip.Flow, b []byte, fail func(error)) {
	if f.Transport != sip.UDP {
		w.stream(f, b, fail)
		return
	}
	x := w.l.listener(f)
	for i := range w.out {
		o := &w.out[i]
		if o.x != x {
			continue
		}
		d := vnet.Datagram{B: b, Addr: f.Remote}
		if isResponse(b) {
			d.Addr = replyTo(b, f.Remote)
		}
		if x.wildcard && !f.Local.Addr().IsUnspecified() {
			d.Local = f.Local.Addr()
		}
		o.d, o.fail = append(o.d, d), append(o.fail, fail)
		if len(o.d) >= collectMax {
			w.push(o)
		}
		return
	}
	tell(fail, ErrNoWay)
}

// Flush sends what was collected.
func (w *Writer) Flush() {
	for i := range w.out {
		if len(w.out[i].d) > 0 {
			w.push(&w.out[i])
		}
	}
	for i, c := range w.dirty {
		c.kick()
		w.dirty[i] = nil
	}
	w.dirty = w.dirty[:0]
}

// push sends an outbox. A datagram that fails does not keep back those behind it.
func (w *Writer) push(o *outbox) {
	d, fail := o.d, o.fail
	for len(d) > 0 {
		n, err := o.sock.WriteBatch(d)
		w.l.count.sent.Add(uint64(n))
		if err == nil {
			break
		}
		if errors.Is(err, vnet.ErrFull) {
			w.l.count.lost.Add(1)
		} else if d[n].Local.IsValid() && !w.l.isClosed() {
			// The address that the peer knew us by may be gone; the route knows another.
			d[n].Local = netip.Addr{}
			d, fail = d[n:], fail[n:]
			continue
		} else {
			tell(fail[n], err)
		}
		d, fail = d[n+1:], fail[n+1:]
	}
	clear(o.d)
	clear(o.fail)
	o.d, o.fail = o.d[:0], o.fail[:0]
}

func tell(fail func(error), err error) {
	if fail != nil {
		fail(err)
	}
}

// stream hands a message to its connection, opening one where that is allowed.
func (w *Writer) stream(f sip.Flow, b []byte, fail func(error)) {
	c := w.l.conns.get(f)
	if c == nil && f.Conn != 0 {
		// RFC 3261 §18.2.2: a response whose connection is gone goes to the source's address, at
		// the port where the peer says it listens. A request has its own ways to go on.
		if !isResponse(b) {
			tell(fail, ErrGone)
			return
		}
		f.Remote = sentByPort(b, f.Remote, f.Transport)
		f.Conn = 0
	}
	if c == nil {
		name := ""
		if f.Transport == sip.TLS {
			if name = sentByHost(b); name == "" || !isResponse(b) {
				tell(fail, ErrNoWay) // nobody says whom to expect there
				return
			}
		}
		var err error
		if c, err = w.l.open(f, name); err != nil {
			tell(fail, err)
			return
		}
	}
	if c.put(b, fail) {
		w.dirty = append(w.dirty, c)
	}
}

// isResponse tells a response from a request by its first octets (RFC 3261 §7.2).
func isResponse(b []byte) bool { return len(b) > 8 && string(b[:8]) == "SIP/2.0 " }

// isFinal reports whether a response is final.
func isFinal(b []byte) bool { return isResponse(b) && b[8] >= '2' }

// replyTo gives where a response over UDP goes, src being where its request came from.
func replyTo(b []byte, src netip.AddrPort) netip.AddrPort {
	if bytes.Contains(topVia(b), rportParam) {
		return src // RFC 3581 §4
	}
	return sentByPort(b, src, sip.UDP)
}

var rportParam = []byte(";rport=")

// sentByHost gives the host of the topmost Via's sent-by, "" when it cannot be read.
func sentByHost(b []byte) string {
	v, err := sip.ParseVia(strings.TrimSpace(string(topVia(b))))
	if err != nil {
		return ""
	}
	return canonical(v.Host)
}

// sentByPort gives the address of src with the port of the topmost Via's sent-by, the transport's own
// when it has none. The transport stamped received where sent-by was not the source, so src is what received
// says (RFC 3261 §18.2.1).
func sentByPort(b []byte, src netip.AddrPort, t sip.Transport) netip.AddrPort {
	v, err := sip.ParseVia(strings.TrimSpace(string(topVia(b))))
	if err != nil {
		return src
	}
	port := v.Port
	if port == 0 {
		port = t.Port()
	}
	return netip.AddrPortFrom(src.Addr(), port)
}

// topVia finds the first Via value of a printed message.
func topVia(b []byte) []byte {
	for {
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			return nil
		}
		b = b[end+1:]
		var v []byte
		switch {
		case bytes.HasPrefix(b, viaName):
			v = b[len(viaName):]
		case bytes.HasPrefix(b, viaShort):
			v = b[len(viaShort):]
		default:
			continue
		}
		for i, c := range v {
			if c == '\r' || c == '\n' || c == ',' {
				return v[:i]
			}
		}
		return nil
	}
}

// Both spellings as the printer writes them.
var viaName, viaShort = []byte("Via:"), []byte("v:")
