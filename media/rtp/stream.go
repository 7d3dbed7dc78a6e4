package rtp

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Meter judges the packets that a stream receives. Packet is called for every RTP packet that
// passed, under the stream's lock and on a reader: it takes nanoseconds and calls nobody. size is
// the payload's octets, at the pool's clock.
type Meter interface {
	Packet(h Header, size int, at time.Duration)
}

// Handler takes the RTP packets of a stream that ends here. p is whole, header h was read from it;
// both are the reader's and may be changed but not kept. It is called on a reader and must not block.
type Handler interface {
	Packet(p []byte, h Header)
}

// Terms is what was negotiated for one stream.
type Terms struct {
	Remote  netip.AddrPort // where the peer says its RTP is; invalid when it says nothing usable
	Control netip.AddrPort // where it says its RTCP is
	Peer    netip.Addr     // where it signals from
	Open    bool           // Remote may be sent to before it was heard from
	Mute    bool           // the peer wants nothing
	Quiet   bool           // the peer is not to send
	Raw     bool           // not RTP: pass anything that the pinned source sends (T.38 over UDPTL)
	Mux     bool           // RTP and RTCP on one port (RFC 5761)
	Secure  bool           // SRTP: only headers are readable
	Types   TypeSet        // payload types that the peer may begin with; empty means all
	Packets int            // packets a second as negotiated; 0 leaves the rate unguarded
	Octets  int            // octets a second as negotiated, headers included
}

// target is where packets go, made ready for the system call. It is immutable once it is published.
type target struct {
	addr Addr
	to   netip.AddrPort
	raw  rawAddr
}

// Stream is a pair of ports in the hands of a call. It is safe for concurrent use; its lock is a
// leaf, taken once for a packet.
type Stream struct {
	pool *Pool
	pair *pair

	// What the peer is sent goes here; nil while there is no such place.
	dest, destControl atomic.Pointer[target]
	sent, unsent      atomic.Uint64

	mu        sync.Mutex
	gone      bool
	rtp, rtcp Rule
	meter     Meter
	handler   Handler
	route     *Stream // relay: whose peer is sent what arrives here
	tapTypes  TypeSet
	tap       Handler
	opener    Opener // nil: packets come in the clear
	sealer    Sealer // nil: packets go in the clear

	srMiddle  uint32 // of the last sender report that the peer got, RFC 3550 §6.4.1
	srSent    int64  // when it got it
	roundTrip int64
	peerSR    uint32 // the same of the peer's last sender report
	peerSRAt  int64
}

// Port is the RTP port's number; RTCP has the next.
func (s *Stream) Port() uint16 { return s.pair.rtp.number }

// V4 reports the family of the local address.
func (s *Stream) V4() bool { return s.pair.of.bind.Is4() }

// SetMeter has m judge what is received; nil for nobody.
func (s *Stream) SetMeter(m Meter) {
	s.mu.Lock()
	s.meter = m
	s.mu.Unlock()
}

// Locked calls f while no packet is being judged, so that a Meter can be read.
func (s *Stream) Locked(f func()) {
	s.mu.Lock()
	f()
	s.mu.Unlock()
}

// Negotiate applies what was negotiated and opens the latch's window. What was learned is kept
// where the signalled address stayed, and forgotten where it changed.
func (s *Stream) Negotiate(t Terms) {
	now := s.pool.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	remote, control := AddrFrom(t.Remote), AddrFrom(t.Control)
	r := &s.rtp
	if remote != r.Signalled && remote.Port != 0 && !t.Mute {
		if r.Opened != 0 {
			r.Forget()
		}
		r.Signalled = remote
	}
	r.Carries, r.Mux, r.Secure = RTP, t.Mux, t.Secure
	if t.Raw {
		r.Carries = Other
	}
	r.Open, r.Mute, r.Quiet = t.Open, t.Mute, t.Quiet
	if t.Peer.IsValid() {
		r.Near = t.Peer.As16()
	}
	if r.Types = t.Types; r.Types == (TypeSet{}) {
		r.Types = TypeSet{^uint64(0), ^uint64(0)}
	}
	r.PerPacket, r.PerKilo = 0, 0
	if t.Packets > 0 {
		r.PerPacket = int64(time.Second) / int64(t.Packets*guardTimes)
	}
	if t.Octets > 0 {
		r.PerKilo = int64(time.Second) * 1024 / int64(t.Octets*guardTimes)
	}
	r.Opened = now

	c := &s.rtcp
	if control != c.Signalled && control.Port != 0 {
		if c.Opened != 0 {
			c.Forget()
		}
		c.Signalled = control
	}
	c.Secure, c.Open, c.Quiet, c.Opened = t.Secure, t.Open, false, now
	if t.Peer.IsValid() {
		c.Near = t.Peer.As16()
	}
	c.PerPacket = int64(time.Second) / 100 // reports are rare; pictures' feedback is not (RFC 4585 §3.5)
	s.nearControl()
	s.aimLocked()
}

// nearControl has RTCP follow what RTP shows: it comes from the signalled address, or, where RTP came
// from elsewhere because of a translator, from the host that RTP comes from.
func (s *Stream) nearControl() {
	c := &s.rtcp
	if s.rtp.Rank == NoRank || s.rtp.Rank == Signalled {
		c.Least = Signalled
	} else {
		c.Least, c.Near = Near, s.rtp.Source.IP
	}
	if c.Rank != NoRank && (c.Rank < c.Least || c.Rank == Near && c.Source.IP != c.Near) {
		c.Forget()
	}
}

// aimLocked publishes where packets for the peer go, after rules have changed.
func (s *Stream) aimLocked() {
	aim(&s.dest, &s.rtp, s.gone)
	aim(&s.destControl, &s.rtcp, s.gone)
}

func aim(dest *atomic.Pointer[target], r *Rule, gone bool) {
	to, ok := r.Target()
	if !ok || gone {
		dest.Store(nil)
		return
	}
	if old := dest.Load(); old != nil && old.addr == to {
		return
	}
	ap := to.AddrPort()
	dest.Store(&target{addr: to, to: ap, raw: rawAddrFrom(ap)})
}

// Relay passes what arrives here on to the peer of to, until Relay or Deliver say otherwise; nil
// ends it. RTCP takes the same way.
func (s *Stream) Relay(to *Stream) {
	s.mu.Lock()
	if !s.gone {
		s.route, s.handler = to, nil
	}
	s.mu.Unlock()
}

// Deliver gives what arrives here to h, until Relay or Deliver say otherwise; nil ends it.
func (s *Stream) Deliver(h Handler) {
	s.mu.Lock()
	if !s.gone {
		s.route, s.handler = nil, h
	}
	s.mu.Unlock()
}

// Tap shows packets of the given payload types to h before they go their way; nil ends it.
func (s *Stream) Tap(h Handler, types TypeSet) {
	s.mu.Lock()
	s.tapTypes, s.tap = types, h
	s.mu.Unlock()
}

// packet is the whole way of one packet from its port: judged, measured, and passed on. now is the
// pool's clock.
func (p *port) packet(b []byte, src Addr, now int64) {
	s := p.stream.Load()
	switch {
	case s == nil:
		p.strays.Add(1)
		p.heard.Store(now)
	case p.control:
		s.receiveControl(b, src, now)
	default:
		s.receive(b, src, now)
	}
}

func (s *Stream) receive(b []byte, src Addr, now int64) {
	s.mu.Lock()
	v := s.rtp.Step(b, src, now)
	if v > Learned {
		s.mu.Unlock()
		return
	}
	if v == Learned {
		s.nearControl()
		s.aimLocked()
	}
	if s.rtp.Carries == RTP && s.rtp.Mux && Classify(b) == RTCP {
		s.controlLocked(b, now)
		to := s.route
		s.mu.Unlock()
		if to != nil {
			to.SendControl(b)
		}
		return
	}
	var tap Handler
	var h Header
	handler, to := s.handler, s.route
	if s.rtp.Carries == RTP {
		var ok bool
		if h, ok = Parse(b); ok {
			if s.meter != nil {
				s.meter.Packet(h, h.End-h.Begin, time.Duration(now))
			}
			if s.tap != nil && s.tapTypes.Has(h.Payload) {
				tap = s.tap
			}
		} else {
			handler = nil
		}
	}
	s.mu.Unlock()
	if tap != nil {
		tap.Packet(b, h)
	}
	switch {
	case to != nil:
		to.Send(b)
	case handler != nil:
		handler.Packet(b, h)
	}
}

func (s *Stream) receiveControl(b []byte, src Addr, now int64) {
	s.mu.Lock()
	v := s.rtcp.Step(b, src, now)
	if v > Learned {
		s.mu.Unlock()
		return
	}
	if v == Learned {
		s.aimLocked()
	}
	s.controlLocked(b, now)
	to := s.route
	s.mu.Unlock()
	if to != nil {
		to.SendControl(b)
	}
}

// controlLocked reads the round trip to the peer out of its reports: when it got the last sender
// report, and how long it kept it (RFC 3550 §6.4.1).
func (s *Stream) controlLocked(b []byte, now int64) {
	if s.rtp.Secure {
		return
	}
	for c, rest, ok := NextControl(b); ok; c, rest, ok = NextControl(rest) {
		if c.Type == SenderReport {
			s.peerSR, s.peerSRAt = uint32(c.Sender.NTP>>16), now
		}
		for i := range c.Reports() {
			r := c.Report(i)
			if r.LastSR == 0 || r.LastSR != s.srMiddle || s.srSent == 0 {
				continue
			}
			kept := int64(r.Delay) * int64(time.Second) >> 16
			if trip := now - s.srSent - kept; trip >= 0 {
				s.roundTrip = max(trip, 1)
			}
		}
	}
}

// Send sends an RTP packet to the peer. It reports whether it went out: there must be a place to
// send to.
func (s *Stream) Send(b []byte) bool { return s.sendTo(b, s.dest.Load(), &s.pair.rtp) }

// SendControl sends an RTCP packet to the peer, to the RTP port where they share it.
func (s *Stream) SendControl(b []byte) bool {
	s.mu.Lock()
	mux := s.rtp.Mux
	if Classify(b) == RTCP && b[1] == SenderReport && len(b) >= 16 {
		s.srMiddle = uint32(b[10])<<24 | uint32(b[11])<<16 | uint32(b[12])<<8 | uint32(b[13])
		s.srSent = s.pool.now()
	}
	s.mu.Unlock()
	if mux {
		to := s.dest.Load()
		return to != nil && s.pair.rtp.socket.send(b, to)
	}
	to := s.destControl.Load()
	return to != nil && s.pair.rtcp.socket.send(b, to)
}

func (s *Stream) sendTo(b []byte, to *target, p *port) bool {
	if to == nil || !p.socket.send(b, to) {
		s.unsent.Add(1)
		return false
	}
	s.sent.Add(1)
	return true
}

// LastReport gives what a report block says of the peer's last sender report: the middle of its NTP
// time, and the time since it came in 1/65536 s; zeros when none came (RFC 3550 §6.4.1).
func (s *Stream) LastReport() (middle, delay uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.peerSRAt == 0 {
		return 0, 0
	}
	since := s.pool.now() - s.peerSRAt
	return s.peerSR, uint32(min(since>>10<<16/(int64(time.Second)>>10), 1<<32-1))
}

// Facts is what a stream has to tell about itself.
type Facts struct {
	Source    netip.AddrPort // learned; invalid while nothing is
	Signalled netip.AddrPort // as the peer said; invalid when it said nothing usable
	Rank      Rank
	Heard     time.Time // last packet of the peer, RTP or RTCP; zero when none came
	Opened    time.Time // last negotiation; zero when there was none
	RoundTrip time.Duration
	Packets   uint64 // that passed, RTP alone
	Octets    uint64 // of these, headers included
	Sent      uint64 // RTP packets to the peer
	Counts    [verdicts]uint64
}

// Facts gives the facts as they are now.
func (s *Stream) Facts() Facts {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &s.rtp
	f := Facts{
		Source: r.Source.AddrPort(), Signalled: r.Signalled.AddrPort(), Rank: r.Rank,
		RoundTrip: time.Duration(s.roundTrip),
		Packets:   r.Counts[Passed] + r.Counts[Learned], Octets: r.Octets,
		Sent: s.sent.Load(), Counts: r.Counts,
	}
	if heard := max(r.Heard, s.rtcp.Heard); heard != 0 {
		f.Heard = s.pool.birth.Add(time.Duration(heard))
	}
	if r.Opened != 0 {
		f.Opened = s.pool.birth.Add(time.Duration(r.Opened))
	}
	return f
}

func (s *Stream) stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := Stats{Sent: s.sent.Load(), Unsent: s.unsent.Load()}
	for _, r := range [...]*Rule{&s.rtp, &s.rtcp} {
		sum.Packets += r.Counts[Passed] + r.Counts[Learned]
		sum.Octets += r.Octets
		for v := Unarmed; v < verdicts; v++ {
			sum.Dropped[v] += r.Counts[v]
		}
	}
	return sum
}

// Release gives the pair back to its pool. The stream sends and hears nothing more; it may be
// called again.
func (s *Stream) Release() {
	s.mu.Lock()
	if s.gone {
		s.mu.Unlock()
		return
	}
	s.gone = true
	s.route, s.handler, s.tap, s.meter = nil, nil, nil, nil
	s.aimLocked()
	s.mu.Unlock()
	s.pool.release(s, s.stats())
}
