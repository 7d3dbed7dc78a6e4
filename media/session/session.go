// Package session is a leg's media: it turns what a peer says in session descriptions into port
// pairs, latches and formats, writes the descriptions that the peer gets from us, and joins,
// attaches or echoes the streams.
//
// What lives here is the meaning of a description for packets. Packets themselves are judged and
// relayed by media/rtp, which owns sockets and latches; descriptions are parsed by media/sdp; what
// is wrong with them in SIP is the caller's. A Session owns its streams and is safe for concurrent
// use: its methods take a mutex that is held for microseconds and never wait.
//
// Locks are taken in this order, each of them only by who holds none of a later row; a join's is never held while news or
// keys are told, nor are two sessions' at once:
//
//	joint.mu
//	Session.mu
//	a room's of media/mixer
//	voice.mu, path.mu, fax.mu, hark.mu, rounds.mu; agents of ICE, associations of DTLS and pools of ports
//	receiver.mu, saying.mu
//	ears.mu, a stream's of media/rtp, a buffer's of media/jitter
//	congestion.mu
//
// What is called under a stream's lock (meter, congestion) or on a reader (tap, hark, fax) and needs an earlier one goes on
// in a goroutine of its own, at most one for each thing that it tells.
package session

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"santral/base/id"
	"santral/media"
	"santral/media/dtls"
	"santral/media/ice"
	"santral/media/level"
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

	// Denoise makes what takes noise from a peer's sound at a rate in Hz, where its profile says so; nil for our own.
	Denoise func(rate int) level.Suppressor

	// OnSample is told of every five seconds of every stream: what came from the peer, or, with heard, what the
	// peer says it gets. It must not block; nil for nobody.
	OnSample func(heard bool, s media.Sample)

	rounds *rounds // made when it is first needed
}

// Formats is what media that ends here speaks when nothing else is configured, best first: every codec of this machine,
// and keys at their clocks.
func Formats() []media.Format {
	list := slices.Clone(spoken())
	return append(list,
		media.Format{Name: "telephone-event", Payload: 101, Rate: 8000, Channels: 1},
		media.Format{Name: "telephone-event", Payload: 102, Rate: 16000, Channels: 1},
		media.Format{Name: "telephone-event", Payload: 103, Rate: 48000, Channels: 1})
}

// Telephony is G.711 and keys: what every telephone speaks.
func Telephony() []media.Format {
	return []media.Format{
		{Name: "PCMA", Payload: 8, Rate: 8000, Channels: 1},
		{Name: "PCMU", Payload: 0, Rate: 8000, Channels: 1},
		{Name: "telephone-event", Payload: 101, Rate: 8000, Channels: 1},
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
	before      *sdp.Description // the one that Revert goes back to, until the last is answered
	local       *sdp.Description // our last one; nil after Thaw
	other       *sdp.Description // what that was made of, nil for media that ends here
	lines       []*line          // one for each media line, in order
	one         [1]*line         // room for the line of most
	offered     *offered         // our last offer waits for its answer: what held before it
	chosen      *sdp.Chosen      // what media that ends here has agreed on, nil for nothing
	dir         sdp.Direction    // of our own offers
	settled     bool             // the peer's last was an answer to an offer of ours
	wasSettled  bool             // so was the one before
	stale       bool             // chosen does not follow from the peer's last description yet

	// What is done.
	mode    mode
	carries bool // a fax or a modem is heard, which nothing may be done to
	across  bool // joined, and transcoded
	muted   bool // across: keys do not pass as tones
	joint   *joint
	foreign rtp.TypeSet // joined, and relayed: what the other side does not know
	says    *receiver   // across: what the voice says of the other side
	voice   *voice      // made when media first ends here
	sink    media.Sink
	ear     *receiver // while somebody wants to hear the peer
	taps    *taps     // who hears the peer besides; nil for nobody
	said    []*saying // who hears besides what our voice says

	// Who is told.
	telling sync.Mutex // held while somebody is told
	onNews  func(News)
	ears    *ears
	hark    hark // for the tones of a fax
	watch   watch

	// Of the rounds, under their lock.
	place int32 // where it is in their lists …
	lap   int8  // … and in which of them; 0 for nowhere
	young int32 // likewise in that of the young, counted from 1; 0 for one that is not
}

// line is one media line.
type line struct {
	kind, proto string
	spoken      string      // the last protocol of RTP
	mid         string      // the identification tag of the line (RFC 5888), "" for none
	stream      *rtp.Stream // nil while the line has no ports
	path        *path       // nil where the transport is a pair of ports and no more
	wire        wire
	terms       rtp.Terms // as the peer's last description has it
	said        bool      // terms hold
	refused     bool      // by the peer
	held        bool
	localMux    bool
	faxOver     bool // the line has become another since
	dir         sdp.Direction
	wants       extensions // that the peer asked for
	wide        uint8      // number of the transport-wide sequence numbers of our last description, 0 for none
	peerWide    uint8      // of the peer's
	ptime       uint16     // milliseconds, of our last description
	wish        uint16     // of the peer's last one, 0 when unsaid
	longest     uint16     // most of a packet that it takes; 0 when unsaid

	// Lists of formats are never changed, and may be one another's.
	remote []media.Format // what the peer takes, by its numbers
	local  []media.Format // what the peer may send, by the numbers of our last description
	agreed []media.Format // what both last had in common
	past   []media.Format // what payload numbers have meant on this line: by these the peer's packets may begin

	keys    *secrets // nil while there were none
	tap     *tap     // nil while nobody looks at packets
	vigil   *vigil   // nil while nothing is to come
	hearing *hearing
	fax     *fax     // the last one on this line
	t38     *t38     // of the peer, on an image line
	picture *picture // on a line of pictures
	meter   meter
}

// New makes the session of a leg whose signalling peer is at peer and is spoken with as the profile says.
// It holds no port until a description of ours needs one.
func New(cfg *Config, peer netip.Addr, p Profile) *Session {
	return &Session{cfg: cfg, peer: peer.Unmap(), profile: p, id: cfg.Random.Uint64() >> 2, dir: sdp.SendRecv}
}

// formats is what we speak ourselves with this peer, best first.
func (s *Session) formats() []media.Format {
	if s.cfg.Formats != nil {
		return s.profile.among(s.cfg.Formats)
	}
	return s.profile.among(Formats())
}

// line gives line i, made when it is new.
func (s *Session) lineLocked(i int) *line {
	if s.lines == nil {
		s.lines = s.one[:0]
	}
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
		list[i], _, _ = l.quality(false)
	}
	return list
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

// Translated reports that the first stream's packets come from elsewhere than the peer says, as from behind an address
// translator.
func (s *Session) Translated() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		if l.stream == nil || !l.said || l.refused || !l.terms.Remote.IsValid() {
			continue
		}
		if f := l.stream.Facts(); f.Source.IsValid() {
			return f.Source != l.terms.Remote
		}
	}
	return false
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
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true // first, so that nobody joins or attaches anew meanwhile
	s.onNews = nil
	s.watch.f = nil
	s.ears.stop()
	heard, said := s.untapLocked()
	s.mu.Unlock()
	heard.end()
	for _, t := range said {
		t.end()
	}
	s.Part()
	s.cfg.look().leave(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		s.dropLocked(l)
	}
}

// dropLocked gives a line's ports back and keeps what is worth knowing of them.
func (s *Session) dropLocked(l *line) {
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
	p := l.path
	l.stream, l.path = nil, nil
	s.leaveLocked(l, p)
	l.fax.end()
}

// rtpProto reports whether a protocol is RTP, protected or not.
func rtpProto(proto string) bool { return sdp.RTP(proto) }
