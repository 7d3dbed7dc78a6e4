package rtp

import (
	"encoding/binary"
	"slices"
)

// Path is a transport that somebody else has found and looks after, such as ICE's (RFC 8445): packets of its
// streams go out by Send, and come in by [Stream.Receive]. Send is called from several goroutines and must not
// block; it reports whether the packet went out, and keeps nothing of it. Close is called once, when the last
// stream of the path was released.
type Path interface {
	Send(p []byte) bool
	Close()
}

// Over gives a stream over a path instead of a pair of ports: RTP and RTCP share it (RFC 5761), and there is no
// latch, because whoever found the path knows the peer. Everything else (guard, meter, Secure, Relay, Deliver, Tap)
// is as with ports. Negotiate opens it. Further streams over the same path come by [Stream.Beside].
func (p *Pool) Over(path Path) *Stream {
	s := &Stream{pool: p, path: path}
	s.rtp.Carries, s.rtcp.Carries = RTP, RTCP
	p.begin(s)
	return s
}

// Beside gives another stream over the transport of s, whether that is ports or a path (BUNDLE, RFC 9143). All of
// them are secured by one Secure, of any of them, and what arrives is told apart as SetMID says. The transport is
// given back when all of them were released.
func (s *Stream) Beside() *Stream {
	c := s.carrier()
	m := &Stream{pool: c.pool, base: c}
	m.rtp.Carries, m.rtcp.Carries = RTP, RTCP
	c.pool.begin(m)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bundle == nil {
		c.shared.Store(true)
		c.rtp.Shared = true
		c.bundle = &bundle{}
		if !c.gone {
			c.bundle.members = append(c.bundle.members, c)
		}
	}
	c.bundle.members = append(c.bundle.members, m)
	return m
}

// SetMID names the stream's media line (RFC 5888 §4), and the number of the header extension by which packets say
// what line they belong to (RFC 9143 §15), 0 for none. Packets without it are told apart by a source that was
// heard before, and otherwise by a payload type that only one stream has (RFC 9143 §9.2).
func (s *Stream) SetMID(mid string, extension uint8) {
	c := s.carrier()
	c.mu.Lock()
	s.mid = mid
	if c.extension = extension; c.bundle != nil {
		c.bundle.sources = c.bundle.sources[:0]
	}
	c.mu.Unlock()
}

// Receive takes a packet that arrived on the path of the stream, for whichever stream of the path it is. The packet
// may be changed, and is not kept.
func (s *Stream) Receive(p []byte) {
	c := s.carrier()
	c.arrive(p, Addr{}, c.pool.now(), false)
}

// carrier is the stream that has the transport.
func (s *Stream) carrier() *Stream {
	if s.base != nil {
		return s.base
	}
	return s
}

// bundle is the streams that share a transport, under the carrier's lock.
type bundle struct {
	members []*Stream
	sources []claim // what was learned, the oldest first
}

// claim is a source that was told apart.
type claim struct {
	ssrc uint32
	of   *Stream
}

const claims = 64 // most sources that a bundle remembers

// remove takes a stream out, and reports whether the transport is used no more. A nil bundle is one stream alone.
func (b *bundle) remove(s *Stream) (last bool) {
	if b == nil {
		return true
	}
	b.members = slices.DeleteFunc(b.members, func(m *Stream) bool { return m == s })
	b.sources = slices.DeleteFunc(b.sources, func(c claim) bool { return c.of == s })
	return len(b.members) == 0
}

// find gives whose source it is, nil when it was not heard before.
func (b *bundle) find(ssrc uint32) *Stream {
	for i := range b.sources {
		if b.sources[i].ssrc == ssrc {
			return b.sources[i].of
		}
	}
	return nil
}

// claim notes whose source it is.
func (b *bundle) claim(ssrc uint32, of *Stream) {
	for i := range b.sources {
		if b.sources[i].ssrc == ssrc {
			b.sources[i].of = of
			return
		}
	}
	if len(b.sources) == claims {
		b.sources = append(b.sources[:0], b.sources[1:]...)
	}
	b.sources = append(b.sources, claim{ssrc, of})
}

// whose tells which stream an RTP packet belongs to (RFC 9143 §9.2), nil when it is none's.
func (b *bundle) whose(p []byte, h Header, extension uint8) *Stream {
	if mid := Extension(p, extension); len(mid) > 0 {
		for _, m := range b.members {
			if m.mid == string(mid) {
				b.claim(h.SSRC, m)
				return m
			}
		}
		return nil
	}
	if m := b.find(h.SSRC); m != nil {
		return m
	}
	var only *Stream
	for _, m := range b.members {
		if !m.types.Has(h.Payload) {
			continue
		}
		if only != nil {
			return nil
		}
		only = m
	}
	if only != nil {
		b.claim(h.SSRC, only)
	}
	return only
}

// concerned tells which streams a compound RTCP packet is for: whose source speaks in it, and whose packets to the
// peer it is about; all of them when that can't be told.
func (b *bundle) concerned(p []byte, to []*Stream) []*Stream {
	add := func(m *Stream) {
		for _, o := range to {
			if o == m {
				return
			}
		}
		if m != nil {
			to = append(to, m)
		}
	}
	about := func(ssrc uint32) {
		for _, m := range b.members {
			if m.speaks(ssrc) {
				add(m)
			}
		}
	}
	left := p
	for c, rest, ok := NextControl(left); ok; c, rest, ok = NextControl(left) {
		one := left[:len(left)-len(rest)]
		left = rest
		add(b.find(c.SSRC))
		for i := range c.Reports() {
			about(c.Report(i).SSRC)
		}
		if (c.Type == TransportFeedback || c.Type == PayloadFeedback) && len(one) >= 12 {
			about(binary.BigEndian.Uint32(one[8:]))
		}
	}
	if len(to) == 0 {
		to = append(to, b.members...)
	}
	return to
}

// speaks reports whether packets of this source went to the peer lately.
func (s *Stream) speaks(ssrc uint32) bool {
	both := s.said.Load()
	return uint32(both) == ssrc || uint32(both>>32) == ssrc
}

// saying notes the source of a packet to the peer. The one before it is kept.
func (s *Stream) saying(p []byte) {
	if len(p) < HeaderSize {
		return
	}
	ssrc := binary.BigEndian.Uint32(p[8:])
	if was := s.said.Load(); uint32(was) != ssrc {
		s.said.Store(was<<32 | uint64(ssrc))
	}
}

// Extension gives the content of header extension element id, 1 to 255, of an RTP packet in one of the two forms of
// RFC 8285 §4; nil when it has none. It shares the packet's memory.
func Extension(p []byte, id uint8) []byte {
	if id == 0 || len(p) < HeaderSize || p[0]&0x10 == 0 {
		return nil
	}
	at := HeaderSize + 4*int(p[0]&0x0f)
	if len(p) < at+4 {
		return nil
	}
	form, size := binary.BigEndian.Uint16(p[at:]), 4*int(binary.BigEndian.Uint16(p[at+2:]))
	if p = p[at+4:]; len(p) < size {
		return nil
	}
	p = p[:size]
	short := form == 0xbede
	if !short && form&0xfff0 != 0x1000 {
		return nil
	}
	for len(p) > 0 {
		var n, head int
		element := p[0]
		switch {
		case element == 0: // padding
			p = p[1:]
			continue
		case short:
			if element, n, head = p[0]>>4, int(p[0]&0x0f)+1, 1; element == 0 || element == 15 { // RFC 8285 §4.2
				return nil
			}
		case len(p) < 2:
			return nil
		default:
			n, head = int(p[1]), 2
		}
		if len(p) < head+n {
			return nil
		}
		if element == id {
			return p[head : head+n]
		}
		p = p[head+n:]
	}
	return nil
}
