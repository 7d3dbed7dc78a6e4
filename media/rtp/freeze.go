package rtp

import (
	"fmt"
	"net/netip"
	"slices"
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

	// Of a stream that shares its transport.
	MID       string       `json:"mid,omitempty"`
	Extension uint8        `json:"extension,omitempty"`
	With      *StreamState `json:"with,omitempty"` // who has the ports; nil for the stream itself
}

// Freeze writes the stream out without changing it. Where its packets go (Relay, Deliver, Tap,
// SetMeter, OnAlarm, Other) is not part of it. A path is not either: ThawOver is given it.
func (s *Stream) Freeze() StreamState {
	st := s.freeze()
	c := s.carrier()
	c.mu.Lock()
	st.MID, st.Extension = s.mid, c.extension
	c.mu.Unlock()
	if c != s {
		with := c.freeze()
		st.With = &with
	}
	return st
}

func (s *Stream) freeze() StreamState {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := StreamState{
		Port: s.Port(), V4: s.v4(), Now: s.pool.now(), RTP: s.rtp, RTCP: s.rtcp,
		Sent: s.sent.Load(), Unsent: s.unsent.Load(),
		Middle: s.told[0].middle, At: s.told[0].at, RoundTrip: s.roundTrip,
	}
	if st.Secured = s.opening.opens(); st.Secured {
		st.In = freezeCrypt(s.opening.in)
	}
	if seal := s.sealing.Load(); seal != nil {
		seal.mu.Lock()
		st.Out = freezeCrypt(seal.out)
		seal.mu.Unlock()
	}
	return st
}

// Thaw takes the pair that a stream had and makes the stream again: rules, latches and counts are as
// they were, and time goes on from when they were written out. What protected its packets is made again by m, which
// may be nil where nothing did; without it nothing passes until [Stream.Secure]. It fails when the pair is taken by
// a stream that it was not shared with.
func (p *Pool) Thaw(st StreamState, m Machines) (s *Stream, err error) {
	in, out, err := st.machines(m)
	if err != nil {
		return nil, fmt.Errorf("thaw: %w", err)
	}
	if st.With != nil {
		c := p.at(st.With)
		if c == nil {
			if c, err = p.Thaw(*st.With, m); err != nil {
				return nil, err
			}
			defer c.Release() // its own line may be read back later
		}
		s = c.Beside()
	} else if s = p.at(&st); s == nil || !s.ended.Load() {
		if s, err = p.TakeAt(st.like(), st.Port); err != nil {
			return nil, fmt.Errorf("thaw: %w", err)
		}
	}
	s.restore(st, p.now(), in, out)
	s.SetMID(st.MID, st.Extension)
	return s, nil
}

// ThawOver is Thaw for a stream over a path, which whoever found the first one has found again.
func (p *Pool) ThawOver(path Path, st StreamState, m Machines) (*Stream, error) {
	in, out, err := st.machines(m)
	if err != nil {
		return nil, fmt.Errorf("thaw: %w", err)
	}
	s := p.Over(path)
	s.restore(st, p.now(), in, out)
	s.SetMID(st.MID, st.Extension)
	return s, nil
}

// ThawBeside is Thaw for a stream that shared the transport of s, which is there again.
func (s *Stream) ThawBeside(st StreamState) *Stream {
	m := s.Beside()
	st.Secured = false // the one that has the transport has the keys
	m.restore(st, m.pool.now(), nil, nil)
	m.SetMID(st.MID, st.Extension)
	return m
}

// restore makes a stream what was written out.
func (s *Stream) restore(st StreamState, now int64, in Opener, out Sealer) {
	shift := now - st.Now
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = false
	s.ended.Store(false)
	s.rtp, s.rtcp = st.RTP, st.RTCP
	for _, r := range [...]*Rule{&s.rtp, &s.rtcp} {
		for _, at := range [...]*int64{&r.Opened, &r.Heard, &r.Due, &r.Itself, &r.Copied} {
			if *at != 0 {
				*at += shift
			}
		}
		r.Knocked = r.Heard // a stranger knocks anew
	}
	s.types = s.rtp.Types
	s.sent.Store(st.Sent)
	s.unsent.Store(st.Unsent)
	s.roundTrip = st.RoundTrip
	if st.At != 0 {
		s.told[0] = told{st.At + shift, st.Middle}
	}
	if st.Secured {
		s.opening = &opening{in: in, good: now}
		s.sealing.Store(&sealing{out: out})
	}
	if s.bundle != nil && !slices.Contains(s.bundle.members, s) {
		s.bundle.members = append(s.bundle.members, s)
	}
	s.aimLocked()
}

// like is an address of the family of the ports.
func (st *StreamState) like() netip.Addr {
	if st.V4 {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

// at gives the stream that has the ports of one that was written out, nil when they are free.
func (p *Pool) at(st *StreamState) *Stream {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, err := p.rangeLocked(st.like())
	if err != nil || st.Port < r.pairs[0].rtp.number || int(st.Port-r.pairs[0].rtp.number)/2 >= len(r.pairs) {
		return nil
	}
	return r.pairs[(st.Port-r.pairs[0].rtp.number)/2].rtp.stream.Load()
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
