// Package session is a leg's media: it turns what a peer says in session descriptions into port
// pairs, latches and formats, writes the descriptions that the peer gets from us, and joins,
// attaches or echoes the streams.
//
// What lives here is the meaning of a description for packets. Packets themselves are judged and
// relayed by media/rtp, which owns sockets and latches; descriptions are parsed by media/sdp; what
// is wrong with them in SIP is the caller's. A Session owns its streams and is safe for concurrent
// use: its methods take a mutex that is held for microseconds and never wait.
package session

import (
	"net/netip"
	"strings"
	"sync"
	"time"

	"santral/base/id"
	"santral/media"
	"santral/media/dtls"
	"santral/media/ice"
	"santral/media/quality"
	"santral/media/rtp"
	"santral/media/sdp"
)

// Config is what all sessions of a node share. It is not changed after the first New.
type Config struct {
	Pool      *rtp.Pool
	Advertise func(peer netip.Addr) netip.Addr // our address as this peer can reach it; nil means the one that the pool is bound to
	DeadAfter time.Duration                    // silence after which OnDead is told; 0 means never
	Random    *id.Source                       // SSRCs, sequence numbers and session ids
	Formats   []media.Format                   // what we speak ourselves, best first; nil means Formats()
	Pictures  int                              // code point of pictures' packets (RFC 2474 §3); 0 for the pool's
	ICE       *ice.Mux                         // the port of legs with ICE; nil when there is none, and then no ICE
	DTLS      *dtls.Gate                       // handshakes; nil when there are none
}

// Formats is what media that ends here speaks when nothing else is configured, best first.
func Formats() []media.Format {
	return []media.Format{
		{Name: "PCMA", Payload: 8, Rate: 8000, Channels: 1},
		{Name: "PCMU", Payload: 0, Rate: 8000, Channels: 1},
		{Name: "telephone-event", Payload: 101, Rate: 8000, Channels: 1, Params: "0-15"},
	}
}

// mode is what is done with what arrives.
type mode uint8

const (
	parted mode = iota
	joined
	attached
	echoing
)

// Session is the media of one leg. Make it with New and end it with Close.
type Session struct {
	// Parameters.
	cfg     *Config
	peer    netip.Addr // where the peer signals from
	profile Profile

	mu     sync.Mutex
	closed bool

	// What was said.
	like        netip.Addr       // an address of the family that our ports have
	id, version uint64           // of our descriptions' origin
	body        uint64           // hash of the last one, without its origin
	remote      *sdp.Description // the peer's last; nil after Thaw
	before      *sdp.Description // the one that Revert goes back to
	lines       []*line          // one for each media line, in order
	dir         sdp.Direction    // of our own offers
	chosen      sdp.Chosen       // what media that ends here has agreed on
	agreed      bool             // chosen holds
	stale       bool             // chosen does not follow from the peer's last description yet

	// What is done.
	mode   mode
	joint  *joint
	across bool      // joined, and transcoded
	said   *receiver // across: what the voice says of the other side
	voice  *voice    // made when media first ends here
	sink   media.Sink
	ear    *receiver // while somebody wants to hear the peer

	// Who is told.
	onNews func(News)
	ears   *ears
	watch  watch
}

// line is one media line.
type line struct {
	kind, proto string
	stream      *rtp.Stream // nil while the line has no ports
	terms       rtp.Terms   // as the peer's last description has it
	said        bool        // terms hold
	refused     bool        // by the peer
	dir         sdp.Direction
	held        bool
	remote      []media.Format
	local       []media.Format // of our last description
	localMux    bool
	ptime       int            // of our last description
	agreed      []media.Format // what both last had in common
	wish        int            // ptime of the peer's last one, 0 when unsaid
	meter       meter
	t38         t38  // of the peer, on an image line
	fax         *fax // the last one on this line
	faxOver     bool // the line has become another since
}

// New makes the session of a leg whose signalling peer is at peer and is spoken with as the profile says.
// It holds no port until a description of ours needs one.
func New(cfg *Config, peer netip.Addr, p Profile) *Session {
	return &Session{cfg: cfg, peer: peer.Unmap(), profile: p, id: cfg.Random.Uint64() >> 2, dir: sdp.SendRecv}
}

// formats is what we speak ourselves.
func (s *Session) formats() []media.Format {
	if s.cfg.Formats != nil {
		return s.cfg.Formats
	}
	return ownFormats
}

var ownFormats = Formats()

// line gives line i, made when it is new.
func (s *Session) lineLocked(i int) *line {
	for len(s.lines) <= i {
		s.lines = append(s.lines, &line{})
	}
	return s.lines[i]
}

// Quality is what is known of each stream, one for each media line in order.
func (s *Session) Quality() []media.Quality {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]media.Quality, len(s.lines))
	for i, l := range s.lines {
		list[i] = l.quality()
	}
	return list
}

func (l *line) quality() media.Quality {
	var q media.Quality
	read := func() {
		r := &l.meter.Receiver
		q.Packets, q.Octets, q.Lost, q.Late, q.Jitter = r.Packets, l.meter.Octets, r.Lost(), r.Late, r.JitterTime()
		if q.Packets > 0 {
			q.Format = nameOf(l.meter.Payload, l.local, l.remote)
		}
	}
	if l.stream == nil {
		read() // nobody meters any more
		q.Sent, q.RoundTrip = l.meter.Sent, l.meter.RoundTrip
	} else {
		l.stream.Locked(read)
		f := l.stream.Facts()
		q.Sent, q.RoundTrip = f.Sent+l.meter.Sent, f.RoundTrip
	}
	q.MOS = quality.Estimate(q)
	return l.fax.qualityOf(q)
}

// nameOf names a payload number by what either side said of it.
func nameOf(payload uint8, lists ...[]media.Format) string {
	for _, list := range lists {
		for i := range list {
			if list[i].Payload == payload {
				return list[i].Name
			}
		}
	}
	return ""
}

// Remote is where the peer's media is, "192.0.2.1:4000": of the first stream, the learned address
// where one is, otherwise the signalled one; "" when there is none.
func (s *Session) Remote() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		if l.stream != nil {
			if f := l.stream.Facts(); f.Source.IsValid() {
				return f.Source.String()
			}
		}
		if l.said && !l.refused && l.terms.Remote.IsValid() {
			return l.terms.Remote.String()
		}
	}
	return ""
}

// Codec is the name of the first stream's format as negotiated ("PCMA"), "" when there is none:
// the first format of the answer, whichever side gave it.
func (s *Session) Codec() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		if l.refused || !l.said {
			continue
		}
		// The answer's list is the shorter one; where both are equal the first of either will do.
		list := l.remote
		if len(l.local) > 0 && len(l.local) < len(list) {
			list = l.local
		}
		for _, f := range list {
			if !sdp.IsEvents(f) && !sdp.IsNoise(f) {
				return f.Name
			}
		}
	}
	return ""
}

// Held reports whether the peer holds us: by its last description it wants nothing on any line.
func (s *Session) Held() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	any := false
	for _, l := range s.lines {
		if l.said && !l.refused {
			if any = true; !l.held {
				return false
			}
		}
	}
	return any
}

// Close gives the ports back to the pool, which lets them drain. It may be called again. What
// Quality and Remote tell stays.
func (s *Session) Close() {
	s.Part()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	s.stopWatchLocked()
	s.onNews = nil
	for _, l := range s.lines {
		l.drop()
	}
}

// drop gives a line's ports back and keeps what is worth knowing of them.
func (l *line) drop() {
	if l.stream == nil {
		return
	}
	f := l.stream.Facts()
	if f.Source.IsValid() {
		l.terms.Remote = f.Source
	}
	l.meter.Sent += f.Sent
	if f.RoundTrip > 0 {
		l.meter.RoundTrip = f.RoundTrip
	}
	l.stream.Release()
	l.stream = nil
	l.fax.end()
}

// meter is a line's receiver statistics. Its stream calls it under its own lock.
type meter struct {
	Receiver  quality.Receiver `json:"receiver"`
	SSRC      uint32           `json:"ssrc"`
	Begun     bool             `json:"begun"`
	Payload   uint8            `json:"payload"` // the last that was no event
	Octets    uint64           `json:"octets"`
	Sent      uint64           `json:"sent"` // by streams that are gone
	RoundTrip time.Duration    `json:"round_trip"`

	clocks [128]uint16 // of each payload number in units of 250 Hz, 0 where unknown
	events rtp.TypeSet // of telephone events
}

// learn tells the meter what payload numbers mean.
func (m *meter) learn(lists ...[]media.Format) {
	m.clocks, m.events = [128]uint16{}, rtp.TypeSet{}
	for _, list := range lists {
		for i := range list {
			f := &list[i]
			m.clocks[f.Payload&0x7f] = uint16(f.Rate / 250)
			if sdp.IsEvents(*f) {
				m.events.Add(f.Payload)
			}
		}
	}
}

// Packet counts one packet of the peer's.
func (m *meter) Packet(h rtp.Header, size int, at time.Duration) {
	if m.SSRC != h.SSRC || !m.Begun {
		if m.Begun {
			m.Receiver.Restart()
		}
		m.SSRC, m.Begun = h.SSRC, true
	}
	if m.events.Has(h.Payload) {
		m.Receiver.Count(h.Seq)
		return
	}
	if clock := uint32(m.clocks[h.Payload]) * 250; clock != 0 && clock != m.Receiver.Rate {
		m.Receiver.Rate, m.Receiver.Timed = clock, false
	}
	m.Payload = h.Payload
	switch m.Receiver.Update(h.Seq, h.Timestamp, at) {
	case quality.Fresh, quality.Jumped:
		m.Octets += uint64(size)
	}
}

// rtpProto reports whether a protocol is RTP, in the clear or with keys in the description.
func rtpProto(proto string) bool { return strings.HasPrefix(proto, "RTP/") }
