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

// Reporter is a Meter that is shown the peer's reports besides: compound RTCP packets, opened, at the pool's
// clock. It is called as Packet is, and keeps nothing of p.
type Reporter interface {
	Meter
	Control(p []byte, at time.Duration)
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
	Types   TypeSet        // payload types that the peer may begin with; empty means all
	Packets int            // packets a second as negotiated; 0 leaves the rate unguarded
	Octets  int            // octets a second as negotiated, headers included
	DSCP    int            // code point of what the peer is sent (RFC 2474 §3); 0 for the pool's
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
	pair *pair   // nil where the stream has no ports: then it has a path, or the transport of base
	path Path    // what the packets travel over in place of ports
	base *Stream // whose transport it is; nil for the stream's own

	// What the peer is sent goes here; nil while there is no such place.
	dest, destControl atomic.Pointer[target]
	sent, unsent      atomic.Uint64
	said              atomic.Uint64           // sources of packets to the peer: the last one, and the one before it
	sealing           atomic.Pointer[sealing] // nil: packets go in the clear
	other             atomic.Pointer[others]
	shared, ended     atomic.Bool // others use the transport too; this one was released

	mu        sync.Mutex
	gone      bool
	rtp, rtcp Rule
	meter     Meter
	handler   Handler
	route     *Stream  // relay: whose peer is sent what arrives here
	numbers   *Numbers // of payloads on that way; nil leaves them
	tapTypes  TypeSet
	tap       Handler
	opening   *opening // nil while packets always came in the clear
	sealed    *sealing // what sealed packets before the last change of keys
	alarm     func(Alarm)
	wide      wide
	flooded   int64   // when a packet last came too fast
	bundle    *bundle // streams that share this one's transport; nil for none
	extension uint8   // number of the MID extension of these

	// Of a stream among others, under the lock of the one that has the transport.
	mid   string
	types TypeSet // by which it is told apart
	heard int64   // when a packet was for this one

	spoke     int64   // when the last RTP packet passed
	told      [2]told // the last sender reports that the peer got, the newest first
	roundTrip int64
	peerSR    uint32 // the same of the peer's last sender report
	peerSRAt  int64
}

// Port is the RTP port's number; RTCP has the next. It is 0 over a path.
func (s *Stream) Port() uint16 {
	if c := s.carrier(); c.pair != nil {
		return c.pair.rtp.number
	}
	return 0
}

// v4 reports the family of the local address; it means nothing over a path.
func (s *Stream) v4() bool {
	c := s.carrier()
	return c.pair != nil && c.pair.of.bind.Is4()
}

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
	s.negotiateLocked(t, now)
	s.mu.Unlock()
	c := s.carrier()
	c.mu.Lock()
	if s.types = t.Types; s.types == (TypeSet{}) {
		s.types = allTypes
	}
	if c.bundle != nil {
		c.bundle.sources = c.bundle.sources[:0]
	}
	c.mu.Unlock()
}

var allTypes = TypeSet{^uint64(0), ^uint64(0)}

func (s *Stream) negotiateLocked(t Terms, now int64) {
	if s.pair == nil { // whoever found the path knows the peer
		t.Remote, t.Control, t.Mux = netip.AddrPort{}, netip.AddrPort{}, true
		s.rtp.Rank, s.rtp.Source = Signalled, Addr{}
	}
	remote, control := AddrFrom(t.Remote), AddrFrom(t.Control)
	r := &s.rtp
	if remote != r.Signalled && remote.Port != 0 && !t.Mute {
		if r.Opened != 0 {
			r.Forget()
		}
		r.Signalled = remote
	}
	r.Carries, r.Mux = RTP, t.Mux
	if t.Raw {
		r.Carries = Other
	}
	r.Open, r.Mute, r.Quiet = t.Open, t.Mute, t.Quiet
	if t.Peer.IsValid() {
		r.Near = t.Peer.As16()
	}
	if r.Types = t.Types; r.Types == (TypeSet{}) {
		r.Types = allTypes
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
	c.Open, c.Quiet, c.Opened = t.Open, false, now
	if t.Peer.IsValid() {
		c.Near = t.Peer.As16()
	}
	c.PerPacket = int64(time.Second) / 100 // reports are rare; pictures' feedback is not (RFC 4585 §3.5)
	s.nearControl()
	s.aimLocked()
	s.mark(t.DSCP)
}

// mark has packets for the peer marked with a code point.
func (s *Stream) mark(dscp int) {
	if s.pair == nil || s.pair.rtp.dscp == dscp {
		return
	}
	for _, p := range [...]*port{&s.pair.rtp, &s.pair.rtcp} {
		p.dscp = dscp
		s.pool.readers.mark(p, dscp)
	}
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
	if s.pair == nil {
		if s.gone || s.rtp.Opened == 0 || s.rtp.Mute {
			s.dest.Store(nil)
		} else {
			s.dest.Store(&somewhere)
		}
		return
	}
	gone := s.gone && (s.bundle == nil || len(s.bundle.members) == 0)
	aim(&s.dest, &s.rtp, gone)
	aim(&s.destControl, &s.rtcp, gone)
}

// somewhere is the target of a stream without ports.
var somewhere target

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
func (s *Stream) Relay(to *Stream) { s.RelayAs(to, nil) }

// Numbers says which payload number a packet has on the other leg, by the number that it comes with; [NoNumber]
// keeps it from there.
type Numbers [128]uint8

// NoNumber is the number of what does not pass.
const NoNumber = 0xff

// RelayAs is Relay with other payload numbers; nil leaves them. The numbers must not be changed afterwards.
func (s *Stream) RelayAs(to *Stream, numbers *Numbers) {
	s.mu.Lock()
	if !s.gone {
		s.route, s.numbers, s.handler = to, numbers, nil
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

// told is a sender report that the peer got.
type told struct {
	at     int64  // when
	middle uint32 // of its time, as reports name it (RFC 3550 §6.4.1)
}

// controlLocked reads the round trip to the peer out of its reports: when it got the last sender
// report, and how long it kept it (RFC 3550 §6.4.1).
func (s *Stream) controlLocked(b []byte, now int64) {
	if m, ok := s.meter.(Reporter); ok {
		m.Control(b, time.Duration(now))
	}
	for c, rest, ok := NextControl(b); ok; c, rest, ok = NextControl(rest) {
		if c.Type == SenderReport {
			s.peerSR, s.peerSRAt = uint32(c.Sender.NTP>>16), now
		}
		for i := range c.Reports() {
			r := c.Report(i)
			for _, t := range s.told { // a report crosses with our next one where the two sides keep the same time
				if r.LastSR == 0 || r.LastSR != t.middle || t.at == 0 {
					continue
				}
				kept := int64(r.Delay) * int64(time.Second) >> 16
				if trip := now - t.at - kept; trip >= 0 {
					s.roundTrip = max(trip, 1)
				}
			}
		}
	}
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
	Target    netip.AddrPort // where packets for the peer go; invalid while there is no such place
	Heard     time.Time      // last packet of the peer, RTP or RTCP; zero when none came
	Spoke     time.Time      // last RTP packet of the peer
	Opened    time.Time      // last negotiation; zero when there was none
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
	heard := max(r.Heard, s.rtcp.Heard)
	if s.bundle != nil {
		heard = s.heard
	}
	f := Facts{
		Source: r.Source.AddrPort(), Signalled: r.Signalled.AddrPort(), Rank: r.Rank,
		RoundTrip: time.Duration(s.roundTrip),
		Packets:   r.Counts[Passed] + r.Counts[Learned], Octets: r.Octets,
		Sent: s.sent.Load(), Counts: r.Counts,
	}
	if to := s.dest.Load(); to != nil {
		f.Target = to.to
	}
	if s.spoke != 0 {
		f.Spoke = s.pool.birth.Add(time.Duration(s.spoke))
	}
	if heard != 0 {
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

// Release gives the pair back to its pool, or closes the path, once no other stream uses it. The stream sends and
// hears nothing more; it may be called again.
func (s *Stream) Release() {
	s.mu.Lock()
	if s.gone {
		s.mu.Unlock()
		return
	}
	s.gone = true
	s.ended.Store(true)
	s.route, s.handler, s.tap, s.meter, s.alarm = nil, nil, nil, nil, nil
	s.aimLocked()
	s.mu.Unlock()
	c := s.carrier()
	c.mu.Lock()
	last := c.bundle.remove(s)
	if last {
		c.aimLocked()
		c.opening = nil
		c.sealing.Store(nil)
		c.other.Store(nil)
	}
	c.mu.Unlock()
	if s != c {
		c.pool.release(s, s.stats())
	}
	if last {
		c.pool.release(c, c.stats())
		if c.path != nil {
			c.path.Close()
		}
	}
}
