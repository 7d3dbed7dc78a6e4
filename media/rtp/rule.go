package rtp

import (
	"net/netip"
	"time"
)

// Addr is a transport address in plain numbers; an IPv4 address is mapped into IPv6. The zero value
// is no address. Scopes of link-local addresses are not kept: media does not travel over them here.
type Addr struct {
	IP   [16]byte
	Port uint16
}

// AddrFrom converts a; an invalid one gives the zero value.
func AddrFrom(a netip.AddrPort) Addr {
	if !a.IsValid() {
		return Addr{}
	}
	return Addr{IP: a.Addr().As16(), Port: a.Port()}
}

// AddrPort converts back, with mapped addresses as IPv4. The zero value gives an invalid AddrPort.
func (a Addr) AddrPort() netip.AddrPort {
	if a == (Addr{}) {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(netip.AddrFrom16(a.IP).Unmap(), a.Port)
}

// MarshalText prints "192.0.2.1:4000", nothing for the zero value.
func (a Addr) MarshalText() ([]byte, error) {
	if a == (Addr{}) {
		return nil, nil
	}
	return a.AddrPort().MarshalText()
}

// UnmarshalText reads what MarshalText printed.
func (a *Addr) UnmarshalText(text []byte) error {
	var ap netip.AddrPort
	if err := ap.UnmarshalText(text); err != nil {
		return err
	}
	*a = AddrFrom(ap)
	return nil
}

// TypeSet is a set of payload types, a bit each.
type TypeSet [2]uint64

// Types makes the set of these.
func Types(types ...uint8) (s TypeSet) {
	for _, n := range types {
		s.Add(n)
	}
	return s
}

// Add puts a payload type, 0 to 127, into the set.
func (s *TypeSet) Add(payload uint8) { s[payload>>6&1] |= 1 << (payload & 63) }

// Has reports whether the set has it.
func (s *TypeSet) Has(payload uint8) bool { return s[payload>>6&1]&(1<<(payload&63)) != 0 }

// Rank says how much there is to believe that a source is the peer.
type Rank uint8

// The ranks of a source, from the least.
const (
	NoRank    Rank = iota // nothing learned
	Foreign               // another host than any that the peer named or signals from
	Near                  // the host that it named or signals from, another port
	Signalled             // exactly what the peer's description says
	Proven                // elsewhere, and its packets open with the peer's key
)

// String names the rank.
func (r Rank) String() string {
	return [...]string{"none", "foreign", "near", "signalled", "proven"}[r]
}

// How long the latch waits. A source that talks is never displaced but by the signalled address, so
// a thief needs silence; phones that suppress silence still send some packet each second or so.
const (
	window     = 10 * time.Second       // after a negotiation a foreign source may be learned, and thresholds are short
	nearSoon   = 200 * time.Millisecond // silence after which a near source is learned anew, within the window
	nearLater  = 2 * time.Second        // and after it, or in place of the signalled address
	farSoon    = time.Second            // the same for a foreign source, within the window alone: silence proves nothing
	knock      = 50 * time.Millisecond  // from a stranger's first packet after a silence to the one that is believed
	reports    = 30 * time.Second       // RTCP comes each five seconds or so (RFC 3550 §6.2): what is silence there
	guardTimes = 4                      // a stream may come this many times as fast as negotiated …
	guardBurst = int64(time.Second)     // … and be ahead of that by this much: a stall of the network ends in a burst
)

// Verdict is what a Rule decides about one packet.
type Verdict uint8

// The verdicts. Passed and Learned let the packet through; after Learned the rule's Target may
// have changed.
const (
	Passed Verdict = iota
	Learned
	Unarmed   // nothing is negotiated yet
	Malformed // not what the port carries
	Stranger  // not the pinned source, and not entitled to displace it
	TooFast   // above the guard's rate
	Forged    // not made with the key that was agreed on
	Replayed  // opened before, or too old to tell
	verdicts
)

// String names the verdict as metrics do.
func (v Verdict) String() string {
	return [...]string{"passed", "learned", "unarmed", "malformed", "stranger", "too_fast", "forged", "replayed"}[v]
}

// Rule decides about the packets that arrive at one port. It is plain numbers without a pointer, so
// that it can be written out, and that a table in the kernel could hold it. Times are nanoseconds on
// the pool's clock.
type Rule struct {
	// As negotiated.
	Carries   Kind     // RTP or RTCP; Other lets anything through
	Mux       bool     // RTCP comes to this port too (RFC 5761)
	Open      bool     // Signalled may be sent to before it was heard from
	Shared    bool     // by several streams: each has a guard of its own
	Mute      bool     // the peer wants nothing at all
	Quiet     bool     // the peer is not to send, so its silence means nothing
	Least     Rank     // no source of a lower rank is learned
	Signalled Addr     // where the peer says it is
	Near      [16]byte // the host that it signals from, or that its RTP comes from
	Types     TypeSet  // payload types by which a source is learned
	PerPacket int64    // nanoseconds that one packet costs the guard
	PerKilo   int64    // nanoseconds that 1,024 octets cost it; 0 for both means no guard
	Opened    int64    // when the window opened; 0 while nothing is negotiated

	// As learned.
	Rank    Rank
	Source  Addr   // whose packets pass
	Prior   Addr   // who was pinned before silence gave way to Source: it may come back
	Barred  Addr   // where the peer was before it named another address: late packets teach nothing for a while
	Heard   int64  // when Source was last heard
	Knocked int64  // when a stranger first came after a silence
	Due     int64  // when the guard's bucket will be empty
	SSRC    uint32 // of the last packet that opened, where packets are encrypted
	Seq     uint16 // the highest of its sequence numbers
	Itself  int64  // when Source itself was last heard, were it with a packet that somebody had copied
	Copied  int64  // when it last turned out that somebody copies its packets

	// Counted.
	Octets uint64 // of packets that passed, headers included
	Counts [verdicts]uint64
}

// Step decides about packet p from src at now.
func (r *Rule) Step(p []byte, src Addr, now int64) Verdict {
	v := r.step(p, src, now)
	r.Counts[v]++
	return v
}

func (r *Rule) step(p []byte, src Addr, now int64) Verdict {
	if r.Opened == 0 {
		return Unarmed
	}
	pinned := src == r.Source && r.Rank != NoRank
	if !pinned && !r.entitled(src, now) {
		return Stranger
	}
	if !r.fits(p) {
		return Malformed
	}
	if !pinned {
		if !r.teaches(p, src) {
			return Stranger
		}
		r.pin(src, now)
		r.Octets += uint64(len(p))
		return Learned
	}
	r.Heard = now
	if !r.guard(p, now) {
		return TooFast
	}
	return Passed
}

// guard counts a packet, and reports whether it is within the rate.
func (r *Rule) guard(p []byte, now int64) bool {
	if !r.Shared && !r.limit(p, now) {
		return false
	}
	r.Octets += uint64(len(p))
	return true
}

// limit reports whether a packet is within the rate that was negotiated.
func (r *Rule) limit(p []byte, now int64) bool {
	if r.PerPacket|r.PerKilo == 0 {
		return true
	}
	due := max(r.Due, now) + max(r.PerPacket, int64(len(p))*r.PerKilo>>10)
	if due-now > guardBurst {
		return false
	}
	r.Due = due
	return true
}

// fits reports whether p has the shape that the port carries.
func (r *Rule) fits(p []byte) bool {
	if r.Carries == Other {
		return true
	}
	switch Classify(p) {
	case RTP:
		return r.Carries == RTP
	case RTCP:
		return r.Carries == RTCP && ValidControl(p) || r.Mux
	}
	return false
}

// teaches reports whether p is one by which a new source may be learned: a payload type that was
// negotiated, unless the source is the signalled one.
func (r *Rule) teaches(p []byte, src Addr) bool {
	if r.Carries != RTP || src == r.Signalled {
		return true
	}
	return Classify(p) == RTP && r.Types.Has(p[1]&0x7f)
}

// rank gives the rank of a source.
func (r *Rule) rank(src Addr) Rank {
	switch {
	case src == r.Signalled:
		return Signalled
	case src.IP == r.Near || src.IP == r.Signalled.IP:
		return Near
	}
	return Foreign
}

// entitled reports whether src may become the source now: the first one within the window, the
// signalled address at any time, who was pinned before a silence, a better one within the window,
// and otherwise only after silence. What is pinned and talks can be displaced by nobody else. Once the window
// is over, another host may not come in place of who was heard even then: that a phone has moved is proved
// by its key, by ICE, or by a description of its own, which opens the window anew.
func (r *Rule) entitled(src Addr, now int64) bool {
	rank, fresh := r.rank(src), now-r.Opened < int64(window)
	switch {
	case rank == Signalled:
		return true
	case rank < r.Least, r.barred(src, now):
		return false
	case r.Rank == NoRank:
		return true // a window in which nobody came ends in silence, which opens it again
	case src == r.Prior && r.Rank != Signalled:
		return true
	case rank > r.Rank && fresh:
		return true
	case r.Quiet, rank == Foreign && !fresh:
		return false
	}
	wait := nearLater
	switch {
	case r.Carries == RTCP:
		wait = reports
	case rank == Foreign:
		wait = farSoon
	case fresh && r.Rank < Signalled: // a hitch of who is where it said it would be is no thief's door
		wait = nearSoon
	}
	return r.silent(now, wait)
}

// barred reports whether src is where the peer was before it named another address, a moment ago.
func (r *Rule) barred(src Addr, now int64) bool {
	return src == r.Barred && now-r.Opened < int64(nearLater)
}

// silent reports whether the pinned source has said nothing for so long. Our own hitch is no silence
// of its: what it sent meanwhile stands in the queue, perhaps behind a stranger's packet. So a
// stranger must come again a moment later, and find that nothing of it came in between.
func (r *Rule) silent(now int64, wait time.Duration) bool {
	switch {
	case now-r.Heard < int64(wait):
		return false
	case r.Carries == RTCP: // it waits longer than anything hitches
		return true
	case r.Knocked <= r.Heard:
		r.Knocked = now
		return false
	}
	return now-r.Knocked >= int64(knock)
}

// pin makes src the source.
func (r *Rule) pin(src Addr, now int64) {
	rank := r.rank(src)
	if r.Rank != NoRank && rank <= r.Rank && src != r.Prior {
		r.Prior = r.Source // gave way by silence
	} else {
		r.Prior = Addr{}
	}
	r.Source, r.Rank, r.Heard, r.Due = src, rank, now, now
}

// Target is where packets for the peer go; ok is false while there is no such place. A foreign
// source does not draw packets away from a signalled address that may be sent to.
func (r *Rule) Target() (to Addr, ok bool) {
	switch {
	case r.Opened == 0 || r.Mute:
		return Addr{}, false
	case r.Rank >= Near, r.Rank == Foreign && !r.Open:
		return r.Source, true
	case r.Open && r.Signalled.Port != 0:
		return r.Signalled, true
	}
	return Addr{}, false
}

// Forget clears what was learned, because the peer has shown or named another place; counts stay.
func (r *Rule) Forget() {
	r.Barred = Addr{}
	if r.Rank == Signalled {
		r.Barred = r.Source
	}
	r.Rank, r.Source, r.Prior, r.Due = NoRank, Addr{}, Addr{}, 0
}
