package ice

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v4"

	"santral/base/advertise"
	"santral/base/id"
	"santral/base/vnet"
)

// Config is what a Mux needs to begin.
type Config struct {
	Net       vnet.Net
	Bind      []netip.Addr                              // local addresses, at most one of each family; wildcards will do
	Port      uint16                                    // the one port; 0 picks a free one
	Advertise func(peer netip.Addr, v6 bool) netip.Addr // our address of that family as the peer can reach it, invalid for none
	Full      bool                                      // agents send checks of their own; otherwise they are lite (RFC 8445 §2.5)
	Loops     int                                       // sockets and readers for each address; 0 means 1
	DSCP      int                                       // code point of what is sent (RFC 2474 §3); 0 leaves the system's
	Random    *id.Source                                // credentials, tie-breakers and transaction numbers
}

// Limits.
const (
	readBuffer  = 4 << 20              // asked of the kernel: all legs share the socket
	answerEvery = 5 * time.Millisecond // Binding requests of strangers are answered so often at most
	answerBurst = 100
	maxPlaces   = 16 // validated addresses of one leg
)

// Mux is the UDP port that all legs with ICE share. It is safe for concurrent use.
type Mux struct {
	cfg     Config
	sockets []*socket
	done    sync.WaitGroup
	stats   stats

	mu     sync.RWMutex // a leaf
	closed bool
	ufrags map[string]*Agent         // who is named in checks
	places map[netip.AddrPort]*Agent // whose packets may come from where: only addresses that a check was proved from

	relays    map[uint16]*Relay
	nextRelay uint16

	answers atomic.Int64 // when the next answer to a stranger is due, nanoseconds since birth
	birth   time.Time
}

// socket is one socket of the port.
type socket struct {
	udp  vnet.UDP
	any  bool // bound to a wildcard
	v6   bool
	port uint16
}

// stats are counted by readers.
type stats struct {
	packets, malformed, unknown, forged, strangers, crowded, answered, unanswered atomic.Uint64
}

// Stats is what a mux has to tell: agents now, and packets since its beginning.
type Stats struct {
	Agents     int    // legs that hold the port
	Packets    uint64 // of media and of DTLS, handed to legs
	Malformed  uint64 // neither STUN nor media
	Unknown    uint64 // checks that name no leg
	Forged     uint64 // checks that were made without the password
	Strangers  uint64 // media from an address that no check was proved from
	Crowded    uint64 // checks above what one leg may be asked
	Answered   uint64 // strangers who were told their address
	Unanswered uint64 // strangers who were not, because there were too many
}

// Stats gives the figures as they are now.
func (m *Mux) Stats() Stats {
	m.mu.RLock()
	agents := make(map[*Agent]struct{}, len(m.ufrags))
	for _, a := range m.ufrags {
		agents[a] = struct{}{}
	}
	m.mu.RUnlock()
	s := &m.stats
	return Stats{
		Agents: len(agents), Packets: s.packets.Load(), Malformed: s.malformed.Load(), Unknown: s.unknown.Load(), Forged: s.forged.Load(),
		Strangers: s.strangers.Load(), Crowded: s.crowded.Load(), Answered: s.answered.Load(), Unanswered: s.unanswered.Load(),
	}
}

// NewMux opens the port at every address.
func NewMux(cfg Config) (*Mux, error) {
	if len(cfg.Bind) == 0 || cfg.Net == nil || cfg.Random == nil {
		return nil, errors.New("ice: a network, an address and a source of chance are needed")
	}
	m := &Mux{cfg: cfg, ufrags: make(map[string]*Agent), places: make(map[netip.AddrPort]*Agent), birth: time.Now().Add(-time.Minute)}
	port := cfg.Port
	for _, bind := range cfg.Bind {
		bind = bind.Unmap()
		for range max(cfg.Loops, 1) {
			udp, err := cfg.Net.ListenUDP(netip.AddrPortFrom(bind, port), vnet.Options{ReusePort: m.cfg.Loops > 1, ReadBuffer: readBuffer, DSCP: cfg.DSCP})
			if err != nil {
				m.Close()
				return nil, fmt.Errorf("open the port of browsers: %w", err)
			}
			port = udp.LocalAddr().Port()
			m.sockets = append(m.sockets, &socket{udp: udp, any: bind.IsUnspecified(), v6: bind.Is6(), port: port})
		}
	}
	for _, s := range m.sockets {
		m.done.Add(1)
		go m.run(s)
	}
	return m, nil
}

// Port is the number of the port.
func (m *Mux) Port() uint16 { return m.sockets[0].port }

// Full reports whether our agents send checks of their own.
func (m *Mux) Full() bool { return m.cfg.Full }

// Close closes the port and waits for its readers. Agents that are still held are silent from then on.
func (m *Mux) Close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	for _, s := range m.sockets {
		s.udp.Close()
	}
	m.done.Wait()
}

// socketFor gives a socket of an address's family, nil when there is none.
func (m *Mux) socketFor(a netip.Addr) *socket {
	for _, s := range m.sockets {
		if s.v6 == a.Is6() {
			return s
		}
	}
	return nil
}

// run is a socket's reader.
func (m *Mux) run(s *socket) {
	defer m.done.Done()
	batch := make([]vnet.Datagram, 32)
	for i := range batch {
		batch[i].B = make([]byte, 2048)
	}
	r := reader{mux: m, socket: s}
	for {
		n, err := s.udp.ReadBatch(batch)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		for i := range n {
			d := &batch[i]
			r.datagram(d.B[:d.N], netip.AddrPortFrom(d.Addr.Addr().Unmap(), d.Addr.Port()), d.Local)
		}
	}
}

// reader is the memory of one socket's reader.
type reader struct {
	mux     *Mux
	socket  *socket
	in, out stun.Message
	answer  []byte
}

// datagram tells apart what came (RFC 7983 §7) and hands it on.
func (r *reader) datagram(b []byte, from netip.AddrPort, local netip.Addr) {
	m := r.mux
	switch {
	case len(b) > 0 && b[0] < 4:
		r.stun(b, from, local)
		return
	case len(b) < 12 || !(b[0] >= 20 && b[0] <= 63 || b[0] >= 128 && b[0] <= 191):
		m.stats.malformed.Add(1)
		return
	}
	m.mu.RLock()
	a := m.places[from]
	m.mu.RUnlock()
	if a == nil {
		m.stats.strangers.Add(1)
		return
	}
	m.stats.packets.Add(1)
	a.heard.Store(m.now())
	a.cfg.Handler.Packet(b, from)
}

// stun serves one STUN message. Requests name the agent that they are for; answers come from where we asked.
func (r *reader) stun(b []byte, from netip.AddrPort, local netip.Addr) {
	m := r.mux
	if !looksSTUN(b) {
		m.stats.malformed.Add(1)
		return
	}
	class := (uint16(b[0])<<8 | uint16(b[1])) & 0x0110
	switch {
	case class == 0x0000:
		user := username(b)
		if user == nil {
			r.stranger(b, from, local)
			return
		}
		ours, theirs, ok := bytes.Cut(user, []byte(":"))
		m.mu.RLock()
		a := m.ufrags[string(ours)]
		m.mu.RUnlock()
		if a == nil || !ok {
			m.stats.unknown.Add(1)
			return
		}
		if read(&r.in, b) != nil {
			m.stats.malformed.Add(1)
			return
		}
		a.request(r, string(ours), string(theirs), from, local)
	case class == 0x0010: // an indication: no more than a sign of life (RFC 8445 §11)
		m.mu.RLock()
		a := m.places[from]
		m.mu.RUnlock()
		if a != nil {
			a.heard.Store(m.now())
		}
	default:
		if read(&r.in, b) != nil {
			m.stats.malformed.Add(1)
			return
		}
		if a := m.asked(r.in.TransactionID); a != nil {
			a.response(r, from, local)
		} else {
			m.stats.unknown.Add(1)
		}
	}
}

// stranger tells somebody who asks without a name which address it has (RFC 8489 §12), at a bounded rate: sources
// are easily forged.
func (r *reader) stranger(b []byte, from netip.AddrPort, local netip.Addr) {
	m := r.mux
	now := m.now()
	due := max(m.answers.Load(), now-int64(answerBurst*answerEvery))
	if due > now {
		m.stats.unanswered.Add(1)
		return
	}
	answer, ok := advertise.Answer(r.answer[:0], b, from)
	r.answer = answer
	if !ok {
		m.stats.malformed.Add(1)
		return
	}
	m.answers.Store(due + int64(answerEvery))
	m.stats.answered.Add(1)
	r.socket.send(answer, from, local)
}

// now is the mux's clock: nanoseconds that never go back and are never 0.
func (m *Mux) now() int64 { return int64(time.Since(m.birth)) }

// ones are the batches of one datagram that a socket on a wildcard address sends.
var ones = sync.Pool{New: func() any { return new([1]vnet.Datagram) }}

// send sends b from an address of ours, and reports whether the system took it.
func (s *socket) send(b []byte, to netip.AddrPort, from netip.Addr) bool {
	if len(b) == 0 {
		return false
	}
	if !s.any || !from.IsValid() {
		return s.udp.WriteTo(b, to) == nil
	}
	one := ones.Get().(*[1]vnet.Datagram)
	one[0] = vnet.Datagram{B: b, Addr: to, Local: from}
	n, _ := s.udp.WriteBatch(one[:])
	one[0] = vnet.Datagram{}
	ones.Put(one)
	return n == 1
}

// asked finds the agent whose check an answer belongs to: a transaction number begins with the agent's own number.
func (m *Mux) asked(tx txid) *Agent {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.ufrags[string(tx[:ufragSize])]
}
