package rtp

import (
	"fmt"
	"net/netip"
	"time"
)

// StreamState is a stream written out: plain data that can be kept as JSON and read back by Thaw on
// a pool that has the same ports.
type StreamState struct {
	Port      uint16 `json:"port"`
	V4        bool   `json:"v4"`
	Now       int64  `json:"now"` // the pool's clock when it was written out
	RTP       Rule   `json:"rtp"`
	RTCP      Rule   `json:"rtcp"`
	Sent      uint64 `json:"sent"`
	Unsent    uint64 `json:"unsent"`
	Middle    uint32 `json:"sr,omitempty"`
	At        int64  `json:"sr_at,omitempty"`
	RoundTrip int64  `json:"round_trip,omitempty"`

	// What protects its packets; nil for nothing. These are secrets.
	Secured bool        `json:"secured,omitempty"`
	In      *CryptState `json:"in,omitempty"`
	Out     *CryptState `json:"out,omitempty"`
}

// Freeze writes the stream out without changing it. Where its packets go (Relay, Deliver, Tap,
// SetMeter, OnAlarm, Other) is not part of it.
func (s *Stream) Freeze() StreamState {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := StreamState{
		Port: s.Port(), V4: s.V4(), Now: s.pool.now(), RTP: s.rtp, RTCP: s.rtcp,
		Sent: s.sent.Load(), Unsent: s.unsent.Load(),
		Middle: s.srMiddle, At: s.srSent, RoundTrip: s.roundTrip,
	}
	st.Secured = s.opening.in != nil
	st.In = freezeCrypt(s.opening.in)
	if seal := s.sealing.Load(); seal != nil {
		seal.mu.Lock()
		st.Out = freezeCrypt(seal.out)
		seal.mu.Unlock()
	}
	return st
}

// Thaw takes the pair that a stream had and makes the stream again: rules, latches and counts are as
// they were, and time goes on from when they were written out. What protected its packets is made again by m, which
// may be nil where nothing did; without it nothing passes until [Stream.Secure]. It fails when the pair is taken.
func (p *Pool) Thaw(st StreamState, m Machines) (*Stream, error) {
	in, out, err := st.machines(m)
	if err != nil {
		return nil, fmt.Errorf("thaw: %w", err)
	}
	like := netip.IPv6Unspecified()
	if st.V4 {
		like = netip.IPv4Unspecified()
	}
	s, err := p.TakeAt(like, st.Port)
	if err != nil {
		return nil, fmt.Errorf("thaw: %w", err)
	}
	shift := p.now() - st.Now
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rtp, s.rtcp = st.RTP, st.RTCP
	for _, r := range [...]*Rule{&s.rtp, &s.rtcp} {
		for _, at := range [...]*int64{&r.Opened, &r.Heard, &r.Due} {
			if *at != 0 {
				*at += shift
			}
		}
		r.Knocked = r.Heard // a stranger knocks anew
	}
	s.sent.Store(st.Sent)
	s.unsent.Store(st.Unsent)
	s.srMiddle, s.roundTrip = st.Middle, st.RoundTrip
	if st.At != 0 {
		s.srSent = st.At + shift
	}
	if st.Secured {
		s.opening.in = in
		s.opening.good = p.now()
		s.sealing.Store(&sealing{out: out})
	}
	s.aimLocked()
	return s, nil
}

// machines makes what protected the packets.
func (st *StreamState) machines(m Machines) (in Opener, out Sealer, err error) {
	in, out = Shut, Shut
	if m == nil || !st.Secured {
		return in, out, nil
	}
	if st.In != nil {
		if in, err = m.Opener(*st.In); err != nil {
			return nil, nil, err
		}
	}
	if st.Out != nil {
		if out, err = m.Sealer(*st.Out); err != nil {
			return nil, nil, err
		}
	}
	return in, out, nil
}

// Clock is the pool's clock: a time that goes forward, by which Meters and Speakers are told.
func (p *Pool) Clock() time.Duration { return time.Duration(p.now()) }

// Clock is the clock of the stream's pool.
func (s *Stream) Clock() time.Duration { return s.pool.Clock() }

// Local is the address that the pool's ports of like's family are bound to; ok is false when it
// has none of that family.
func (p *Pool) Local(like netip.Addr) (addr netip.Addr, ok bool) {
	for _, r := range p.ranges {
		if r.bind.Is4() == like.Unmap().Is4() {
			return r.bind, true
		}
	}
	return netip.Addr{}, false
}
