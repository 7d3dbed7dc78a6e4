package rtp

import (
	"net/netip"
	"sync/atomic"
)

// Protocols that share a media port, by the first octet of their packets (RFC 7983 §7).
const (
	stunLast  = 3
	dtlsFirst = 20
	dtlsLast  = 63
)

// How many packets of other protocols are looked at: handshakes and checks are few.
const (
	otherCost  = int64(5e6) // nanoseconds for each: two hundred a second …
	otherBurst = int64(5e8) // … and a hundred at once
)

// others is who takes packets of other protocols.
type others struct {
	f   func(p []byte, from netip.AddrPort)
	due atomic.Int64 // when the bucket will be empty
}

// foreign reports whether a packet is STUN's or DTLS's.
func foreign(p []byte) bool {
	return len(p) > 0 && (p[0] <= stunLast || p[0] >= dtlsFirst && p[0] <= dtlsLast)
}

// IsSTUN reports whether a packet is STUN's by its first octet (RFC 7983 §7).
func IsSTUN(p []byte) bool { return len(p) > 0 && p[0] <= stunLast }

// IsDTLS reports whether a packet is DTLS's by its first octet (RFC 7983 §7).
func IsDTLS(p []byte) bool { return len(p) > 0 && p[0] >= dtlsFirst && p[0] <= dtlsLast }

// Other has f take packets of STUN and DTLS that arrive at the RTP port, or on the path; nil for nobody. DTLS comes
// from the peer alone: from the address that it named, or that it was learned at, or, while neither can be, from
// the host that it signals from. STUN comes from anybody, because its own password says who that is. Both are
// limited to two hundred packets a second. f is called on a reader, must not block, and may not keep p.
func (s *Stream) Other(f func(p []byte, from netip.AddrPort)) {
	c := s.carrier()
	if f == nil {
		c.other.Store(nil)
		return
	}
	c.other.Store(&others{f: f})
}

// SendOther sends a packet of another protocol, as it is, from the RTP port to an address, or over the path, where
// the address means nothing.
func (s *Stream) SendOther(p []byte, to netip.AddrPort) bool {
	c := s.carrier()
	if c.path != nil {
		return c.path.Send(p)
	}
	c.mu.Lock()
	gone := c.gone && (c.bundle == nil || len(c.bundle.members) == 0)
	c.mu.Unlock()
	if gone || !to.IsValid() {
		return false
	}
	addr := AddrFrom(to)
	at := c.dest.Load()
	if at == nil || at.addr != addr {
		ap := addr.AddrPort()
		at = &target{addr: addr, to: ap, raw: rawAddrFrom(ap)}
	}
	return c.pair.rtp.socket.send(p, at)
}

func (s *Stream) arriveOther(o *others, b []byte, src Addr, now int64) {
	if s.pair != nil && !IsSTUN(b) {
		s.mu.Lock()
		known := s.rtp.names(src)
		if !known {
			s.rtp.Counts[Stranger]++
		}
		s.mu.Unlock()
		if !known {
			return
		}
	}
	due := max(o.due.Load(), now) + otherCost
	if due-now > otherBurst {
		s.mu.Lock()
		s.rtp.Counts[TooFast]++
		s.mu.Unlock()
		return
	}
	o.due.Store(due)
	o.f(b, src.AddrPort())
}

// names reports whether a source is the peer by what it has said or shown, so that a handshake with it may begin. A
// peer behind a translator has named an address that is not its own: then it is any port of the host that it signals
// from, until one is learned.
func (r *Rule) names(src Addr) bool {
	switch {
	case r.Opened == 0:
		return false
	case src == r.Signalled, r.Rank != NoRank && src == r.Source:
		return true
	}
	return r.Rank == NoRank && !r.Open && src.IP == r.Near
}
