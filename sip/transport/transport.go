// Package transport carries SIP messages between the wire and the house (RFC 3261 §18): UDP, TCP and
// TLS over IPv4 and IPv6, on any number of listeners, and WebSocket connections that an HTTP server
// hands over (RFC 7118).
//
// What lives here: sockets and connections, the framing of streams, the limits that a connection has
// to keep, where a response goes, and the Via sent-by that a peer is told. What does not: parsing and
// printing (sip), retransmission and the choice between UDP and TCP for a long request
// (sip/endpoint), names (sip/resolve).
//
// A [Layer] owns its sockets and its table of connections. Each socket has a reading goroutine, each
// connection one too; a connection writes from a goroutine that lives only while there is something
// to write. Messages go up by one call of Config.Handle on the reader's goroutine, so those of one
// peer keep their order.
package transport

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"santral/base/advertise"
	"santral/base/vnet"
	"santral/sip"
)

// What Way and the fail function of Send are told.
var (
	ErrNoWay  = errors.New("no listener reaches that address")
	ErrGone   = errors.New("the connection has ended")
	ErrSlow   = errors.New("the peer does not read")
	ErrFull   = errors.New("too many connections")
	ErrDial   = errors.New("no connection in time")
	ErrClosed = errors.New("the transport was closed")
)

// Config is what a Layer is made of. Net, Listeners and Handle are required.
type Config struct {
	Net       vnet.Net
	Listeners []Listener

	// Handle takes every message that is worth an answer or is one. It must not wait.
	Handle func(sip.Inbound)

	// Closed hears of every connection that was open and has ended; nil for nobody.
	Closed func(sip.Flow)

	// TLS is needed for TLS listeners and for requests over TLS. Inwards its certificates are served,
	// and client certificates are asked for when it has ClientCAs; outwards a peer must prove its name
	// by its RootCAs, nil for the system's, and is shown what GetClientCertificate or Certificates give.
	// Without a certificate (a telephone's) connections go outwards alone.
	TLS *tls.Config

	// Unproved hears of every connection outwards that failed because the peer did not prove whom we
	// wanted to reach; nil for nobody. It must not wait.
	Unproved func(sip.Hop, error)

	// Origins are the pages, such as "https://phone.example.com", whose scripts may connect by
	// WebSocket besides those of the same host; "*" lets all in. Who sends no Origin is no browser
	// and need not be asked.
	Origins []string

	// Gate is asked before anything is read of a datagram (with its length) or of a connection's
	// message, and with 0 octets before a connection is taken in. False drops it, a connection
	// with it. It must be quick; nil lets everything in.
	Gate func(src netip.Addr, t sip.Transport, octets int) bool

	Limits  Limits
	Readers int // sockets that share each UDP listener's port; 0: as many as GOMAXPROCS

	// Gather is how long datagrams that follow one another closely are gathered before they are
	// read, so that a busy exchange wakes up less often; one that comes alone is read at once. 0
	// reads each as it comes.
	Gather time.Duration
}

// Listener is one address that we listen at. For WS and WSS an HTTP server listens there and hands
// connections to the Layer's WebSocket.
type Listener struct {
	Transport sip.Transport
	Addr      netip.AddrPort
	Name      string            // what peers are told instead of an address, since their certificates' check wants it
	Advertise *advertise.Policy // nil: by the route to the peer
}

// Limits bound what connections cost. A zero takes its default.
type Limits struct {
	Conns     int // connections in all (default 20,000)
	PerSource int // accepted from one address, an IPv6 /64 counting as one (default 1,024)
	Queue     int // octets that wait for a peer to read them before it is cut off (default 1 MiB)

	Handshake time.Duration // of TLS, inwards (default 5 s)

	First    time.Duration // from the beginning of a connection to its first good message (default 10 s)
	Head     time.Duration // from a message's first octet to the end of its head (default 10 s)
	Body     time.Duration // from there to the end of its body (default 10 s)
	Stranger time.Duration // between messages of a peer that was never given a 2xx (default 2 minutes)
	Idle     time.Duration // between messages or keep-alives of others (default 65 minutes, beyond a registration's hour)
	Write    time.Duration // a peer that takes nothing for so long is cut off (default 10 s)
	Connect  time.Duration // opening a connection, the handshake of TLS included (default 4 s)
	Ping     time.Duration // a browser that is silent for so long is pinged, and must answer within it (default 30 s)

	Message sip.Limits // of one message; a zero Message.Message takes sip.DefaultLimits

	// Exempt names sources that PerSource does not hold for; nil for none.
	Exempt func(netip.Addr) bool
}

func (l Limits) fill() Limits {
	number := func(n *int, usual int) {
		if *n <= 0 {
			*n = usual
		}
	}
	span := func(d *time.Duration, usual time.Duration) {
		if *d <= 0 {
			*d = usual
		}
	}
	number(&l.Conns, 20000)
	number(&l.PerSource, 1024)
	number(&l.Queue, 1<<20)
	span(&l.Handshake, 5*time.Second)
	span(&l.First, 10*time.Second)
	span(&l.Head, 10*time.Second)
	span(&l.Body, 10*time.Second)
	span(&l.Stranger, 2*time.Minute)
	span(&l.Idle, 65*time.Minute)
	span(&l.Write, 10*time.Second)
	span(&l.Connect, 4*time.Second)
	span(&l.Ping, 30*time.Second)
	if l.Message.Message == 0 {
		l.Message = sip.DefaultLimits
	}
	if l.Exempt == nil {
		l.Exempt = func(netip.Addr) bool { return false }
	}
	return l
}

// Stats are sums since the start, but for Open.
type Stats struct {
	Received uint64 // messages handed up
	Sent     uint64 // messages handed to the kernel
	Junk     uint64 // datagrams and frames that were no message, or a response nobody can read
	Gated    uint64 // refused by Config.Gate
	Foreign  uint64 // responses to requests that are not ours (RFC 3261 §18.1.2)
	Pings    uint64 // keep-alives (RFC 5626 §4.4)
	Lost     uint64 // datagrams that found no room in the send buffer
	Accepted uint64 // connections taken in
	Refused  uint64 // connections over a limit
	Evicted  uint64 // connections that made room for others
	Late     uint64 // connections that missed a deadline
	Slow     uint64 // connections that did not read
	Broken   uint64 // connections whose framing was lost
	Shakes   uint64 // handshakes of TLS that failed, both ways
	Unproved uint64 // client certificates that lead to no root of ours
	Origins  uint64 // WebSocket requests from pages that may not, or without the subprotocol
	Failed   uint64 // reads and accepts that failed and were tried again
	Open     int    // connections now
}

type counters struct {
	received, sent, junk, gated, foreign, pings, lost        atomic.Uint64
	accepted, refused, evicted, late, slow, broken, readFail atomic.Uint64
	handshakes, unproved, origins                            atomic.Uint64
}

// Layer is the transport of one exchange. Its methods are safe for concurrent use.
type Layer struct {
	cfg       Config
	listeners []*listener
	routes    [2]*advertise.Policy // routes to IPv4 and IPv6 peers, remembered
	server    *tls.Config          // what TLS listeners serve with, nil for nothing
	conns     table
	count     counters
	writers   atomic.Int64

	hosts     atomic.Pointer[map[netip.Addr]string] // addresses of ours that peers were told
	hostsMu   sync.Mutex                            // for those who add to hosts
	closed    chan struct{}
	closeOnce sync.Once
	running   sync.WaitGroup
}

// listener is a Listener at work.
type listener struct {
	transport sip.Transport
	addr      netip.AddrPort // with its real port
	name      string         // "" for an address
	policy    *advertise.Policy
	wildcard  bool
	socks     []vnet.UDP
	busy      []atomic.Int64 // of each of socks: since when datagrams have been waiting in it (Unix nanoseconds), 0 for not
	stream    net.Listener
	outward   bool // nobody can connect to it, for want of a certificate
}

// Start opens all listeners and begins to read.
func Start(cfg Config) (*Layer, error) {
	if cfg.Net == nil || cfg.Handle == nil || len(cfg.Listeners) == 0 {
		return nil, errors.New("transport: a network, a handler and a listener are needed")
	}
	if cfg.Readers <= 0 {
		cfg.Readers = runtime.GOMAXPROCS(0)
	}
	cfg.Limits = cfg.Limits.fill()
	l := &Layer{cfg: cfg, closed: make(chan struct{}), server: secureServer(cfg.TLS)}
	l.conns.init()
	l.hosts.Store(&map[netip.Addr]string{})
	for i, wildcard := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
		p, err := advertise.New(advertise.Config{Net: cfg.Net, Bound: wildcard})
		if err != nil {
			return nil, err
		}
		l.routes[i] = p
	}
	for _, want := range cfg.Listeners {
		if err := l.listen(want); err != nil {
			l.shut()
			return nil, fmt.Errorf("transport: %s %s: %w", want.Transport, want.Addr, err)
		}
	}
	for i, x := range l.listeners {
		x.busy = make([]atomic.Int64, len(x.socks))
		for j, s := range x.socks {
			l.running.Go(func() { l.readDatagrams(x, s, &x.busy[j]) })
		}
		if x.stream != nil {
			l.running.Go(func() { l.accept(l.listeners[i]) })
		}
	}
	return l, nil
}

func (l *Layer) listen(want Listener) error {
	x := &listener{transport: want.Transport, addr: want.Addr, name: strings.ToLower(want.Name), policy: want.Advertise, wildcard: want.Addr.Addr().IsUnspecified()}
	if x.policy == nil {
		p, err := advertise.New(advertise.Config{Net: l.cfg.Net, Bound: want.Addr.Addr()})
		if err != nil {
			return err
		}
		x.policy = p
	}
	switch want.Transport {
	case sip.UDP:
		if err := l.openUDP(x); err != nil {
			return err
		}
	case sip.WS, sip.WSS: // an HTTP server listens
	case sip.TCP, sip.TLS:
		if want.Transport == sip.TLS {
			if l.server == nil {
				return ErrNoTLS
			}
			if x.outward = len(l.server.Certificates) == 0 && l.server.GetCertificate == nil; x.outward {
				break
			}
		}
		s, err := l.cfg.Net.ListenTCP(want.Addr)
		if err != nil {
			return err
		}
		x.stream, x.addr = s, addrPort(s.Addr())
	default:
		return errors.New("cannot listen on this transport")
	}
	l.listeners = append(l.listeners, x)
	return nil
}

// openUDP opens the sockets of a listener. The first one asks for the port alone, so that a port
// which somebody else shares out is an error and not half of the traffic.
func (l *Layer) openUDP(x *listener) error {
	opt := vnet.Options{ReadBuffer: 4 << 20, WriteBuffer: 4 << 20}
	first, err := l.cfg.Net.ListenUDP(x.addr, opt)
	if err != nil {
		return err
	}
	x.addr = first.LocalAddr()
	if l.cfg.Readers == 1 {
		x.socks = []vnet.UDP{first}
		return nil
	}
	if err := first.Close(); err != nil {
		return err
	}
	opt.ReusePort = true
	for range l.cfg.Readers {
		s, err := l.cfg.Net.ListenUDP(x.addr, opt)
		if err != nil {
			for _, open := range x.socks {
				open.Close()
			}
			return err
		}
		x.socks = append(x.socks, s)
	}
	return nil
}

// Listeners gives the listeners as they are, with their real ports.
func (l *Layer) Listeners() []Listener {
	out := make([]Listener, len(l.listeners))
	for i, x := range l.listeners {
		out[i] = Listener{Transport: x.transport, Addr: x.addr, Name: x.name, Advertise: x.policy}
	}
	return out
}

// Stats gives the sums.
func (l *Layer) Stats() Stats {
	c := &l.count
	return Stats{
		Received: c.received.Load(), Sent: c.sent.Load(), Junk: c.junk.Load(), Gated: c.gated.Load(),
		Foreign: c.foreign.Load(), Pings: c.pings.Load(), Lost: c.lost.Load(), Accepted: c.accepted.Load(),
		Refused: c.refused.Load(), Evicted: c.evicted.Load(), Late: c.late.Load(), Slow: c.slow.Load(),
		Broken: c.broken.Load(), Failed: c.readFail.Load(),
		Shakes: c.handshakes.Load(), Unproved: c.unproved.Load(), Origins: c.origins.Load(), Open: l.conns.len(),
	}
}

// Close ends everything and waits until nothing runs any more. What connections still hold for peers
// that read is written first, for at most a second.
func (l *Layer) Close() {
	l.shut()
	l.running.Wait()
}

func (l *Layer) shut() {
	l.closeOnce.Do(func() {
		close(l.closed)
		for _, x := range l.listeners {
			for _, s := range x.socks {
				s.Close()
			}
			if x.stream != nil {
				x.stream.Close()
			}
		}
		for _, c := range l.conns.all() {
			c.finish(ErrClosed, time.Second)
		}
	})
}

func (l *Layer) isClosed() bool {
	select {
	case <-l.closed:
		return true
	default:
		return false
	}
}

// addrPort reads the address of a stream's end.
func addrPort(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := t.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
