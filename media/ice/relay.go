package ice

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"santral/base/vnet"
)

// errRelays says that every number of a relay is in use.
var errRelays = errors.New("ice: no relay is free")

const (
	firstRelay = 1024
	relayRoom  = 64 // packets to a client that wait for the server of relays
)

// Relay is the far end of a relay that leads to this port and nowhere else: a client that can't reach us by UDP
// itself sends by a TURN server of ours (RFC 8656), whose packets are handed over here without a socket between. It
// is a net.PacketConn for that server. No packet can be sent by it to anybody else, nor come from anybody else.
type Relay struct {
	mux    *Mux
	addr   netip.AddrPort // as the client is told
	socket *socket
	closed chan struct{}
	once   sync.Once
	inbox  chan relayed

	mu     sync.Mutex
	reader reader
}

type relayed struct {
	b    []byte
	from netip.AddrPort
}

// Relay opens one at an address of ours, under a number that no other relay has.
func (m *Mux) Relay(at netip.Addr) (*Relay, error) {
	r := &Relay{mux: m, closed: make(chan struct{}), inbox: make(chan relayed, relayRoom)}
	r.socket = &socket{udp: relaySocket{r}, any: true, v6: at.Is6(), port: m.Port()}
	r.reader = reader{mux: m, socket: r.socket}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errMuxClosed
	}
	if m.relays == nil {
		m.relays = make(map[uint16]*Relay)
	}
	for range 1 << 16 {
		if m.nextRelay = max(m.nextRelay+1, firstRelay); m.relays[m.nextRelay] == nil {
			m.relays[m.nextRelay] = r
			r.addr = netip.AddrPortFrom(at, m.nextRelay)
			return r, nil
		}
	}
	return nil, errRelays
}

// Ours reports whether an address is one that clients of relays may send to: any that a peer can be told of.
func (m *Mux) Ours(peer, addr netip.Addr) bool {
	addr = addr.Unmap()
	return addr.IsValid() && m.cfg.Advertise(peer, addr.Is6()) == addr
}

// WriteTo takes a packet of the client's. What is not for our port at this address is dropped.
func (r *Relay) WriteTo(b []byte, to net.Addr) (int, error) {
	u, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, net.ErrWriteToConnected
	}
	at := u.AddrPort()
	if at.Port() != r.mux.Port() {
		r.mux.stats.strangers.Add(1)
		return len(b), nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.closed:
		return 0, net.ErrClosed
	default:
	}
	r.reader.datagram(b, r.addr, at.Addr().Unmap())
	return len(b), nil
}

// ReadFrom gives a packet for the client.
func (r *Relay) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case p := <-r.inbox:
		return copy(b, p.b), net.UDPAddrFromAddrPort(p.from), nil
	case <-r.closed:
		return 0, nil, net.ErrClosed
	}
}

// LocalAddr is the address that the client is told.
func (r *Relay) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(r.addr) }

// Close gives the number back.
func (r *Relay) Close() error {
	r.once.Do(func() {
		close(r.closed)
		r.mux.mu.Lock()
		delete(r.mux.relays, r.addr.Port())
		r.mux.mu.Unlock()
	})
	return nil
}

// SetDeadline does nothing: whoever reads is ended by Close.
func (r *Relay) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (r *Relay) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing: writing does not wait.
func (r *Relay) SetWriteDeadline(time.Time) error { return nil }

// relaySocket is a relay as agents send to it.
type relaySocket struct{ r *Relay }

func (s relaySocket) WriteBatch(d []vnet.Datagram) (int, error) {
	for i := range d {
		p := relayed{b: append([]byte(nil), d[i].B...), from: netip.AddrPortFrom(d[i].Local, s.r.mux.Port())}
		select {
		case s.r.inbox <- p:
		case <-s.r.closed:
			return i, net.ErrClosed
		default:
			return i, vnet.ErrFull
		}
	}
	return len(d), nil
}

func (s relaySocket) WriteTo(b []byte, _ netip.AddrPort) error {
	_, err := s.WriteBatch([]vnet.Datagram{{B: b, Local: s.r.addr.Addr()}})
	return err
}

func (s relaySocket) ReadBatch([]vnet.Datagram) (int, error) { return 0, net.ErrClosed }
func (s relaySocket) LocalAddr() netip.AddrPort              { return s.r.addr }
func (s relaySocket) Close() error                           { return nil }
