package session

import (
	"sync"
	"time"

	"santral/media"
	"santral/media/rtp"
)

// joint is two sessions that are joined. Its lock is taken before theirs; theirs are never held together.
type joint struct {
	a, b *Session
	mu   sync.Mutex
	over bool
	way  Way
	loud bool // something is to be said into the streams, so they are not relayed any more
}

// Way is how the sound of two joined sessions goes from one to the other.
type Way uint8

// Ways, cheapest first.
const (
	NoWay      Way = iota // not joined
	Relayed               // packet by packet, payload numbers changed where they differ
	Transcoded            // decoded and encoded anew
	Mixed                 // not joined, but seated in a room with others; a session does not know that by itself
)

// String names the way.
func (w Way) String() string { return [...]string{"none", "relay", "transcode", "mix"}[w] }

// Way tells how sound goes between this session and the one that it is joined with.
func (s *Session) Way() Way {
	s.mu.Lock()
	j := s.joint
	s.mu.Unlock()
	if j == nil {
		return NoWay
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.way
}

// Join has two sessions hear each other, both ways, line by line. Sound is relayed packet by packet where both
// peers speak the same, and transcoded where they don't. It replaces what either did before, and follows both
// through later descriptions until Part or Close of either.
func (s *Session) Join(other *Session) {
	if s == other {
		s.Echo()
		return
	}
	s.mu.Lock()
	j := s.joint
	s.mu.Unlock()
	if j != nil && j.has(other) {
		j.route()
		return
	}
	s.Part()
	other.Part()
	j = &joint{a: s, b: other}
	if !s.joinLocked(j) || !other.joinLocked(j) {
		j.end()
		return
	}
	j.route()
}

// joinLocked makes s a side of j; it is false when s is closed.
func (s *Session) joinLocked(j *joint) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.mode, s.joint = joined, j
	s.applyModeLocked()
	return true
}

func (j *joint) has(s *Session) bool { return j.a == s || j.b == s }

// speakUp makes sure that something can be said into the streams, and reports whether it can.
func (j *joint) speakUp() bool {
	j.mu.Lock()
	j.loud = true
	j.mu.Unlock()
	j.route()
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.way == Transcoded
}

// route makes the sound of both sides reach each other, as they are now, and chooses the way anew.
func (j *joint) route() {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.over {
		return
	}
	var a, b side
	if !j.a.sideOf(j, &a) || !j.b.sideOf(j, &b) {
		return
	}
	j.way = Relayed
	if a.speech.codec != nil && b.speech.codec != nil && (j.loud || a.cleans || b.cleans || !alike(&a, &b)) {
		j.way = Transcoded
	}
	skipA, skipB := -1, -1
	var foreignA, foreignB rtp.TypeSet
	if j.way == Transcoded {
		skipA, skipB = a.speech.line, b.speech.line
		heardA, heardB := j.a.hearFor(j, !b.takesTones), j.b.hearFor(j, !a.takesTones)
		j.a.sayFor(j, heardB)
		j.b.sayFor(j, heardA)
	} else {
		j.a.hushFor(j)
		j.b.hushFor(j)
	}
	for i := range max(a.n, b.n) {
		var x, y *rtp.Stream
		if i != skipA {
			x = a.line(i).stream
		}
		if i != skipB {
			y = b.line(i).stream
		}
		if j.faxes(i, x, y) {
			continue
		}
		there, strange := numbers(&a, &b, i)
		back, odd := numbers(&b, &a, i)
		if x != nil {
			x.RelayAs(y, there)
		}
		if y != nil {
			y.RelayAs(x, back)
		}
		if j.way == Relayed && a.speech.codec != nil && b.speech.codec != nil && i == a.speech.line && i == b.speech.line {
			foreignA, foreignB = strange, odd
		}
	}
	for i := range max(a.n, b.n) {
		if x, y := a.line(i), b.line(i); x.shows || y.shows {
			j.a.seen(i, y.takes)
			j.b.seen(i, x.takes)
		}
	}
	j.a.told(j, passing(&a, &b, j.way), foreignA)
	j.b.told(j, passing(&b, &a, j.way), foreignB)
}

// hearFor makes a side of j end its media here, and gives what its peer says; nil when it has left. muted says that
// keys do not pass as tones.
func (s *Session) hearFor(j *joint, muted bool) *receiver {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.joint != j {
		return nil
	}
	s.muted = muted
	if !s.across {
		s.across = true
		s.voiceLocked()
	}
	s.applyModeLocked()
	return s.ear
}

// sayFor has a side of j say what the other hears.
func (s *Session) sayFor(j *joint, heard *receiver) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.joint != j || !s.across || s.says == heard {
		return
	}
	s.says = heard
	if heard == nil {
		s.voice.play(nil, false)
	} else {
		s.voice.play(heard, true)
	}
	s.voice.begin()
}

// hushFor gives the streams of a side of j back to the relay.
func (s *Session) hushFor(j *joint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.joint == j && s.across {
		s.hushLocked()
		s.applyModeLocked()
	}
}

// hushLocked ends the transcoding.
func (s *Session) hushLocked() {
	if s.across {
		s.across, s.says = false, nil
		s.voice.play(nil, false)
	}
}

// told has a side of j know which keys pass by media, and by which of its peer's packets the relay is at its end.
func (s *Session) told(j *joint, keys, foreign rtp.TypeSet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.joint != j {
		return
	}
	s.ears.pass(keys)
	if s.foreign != foreign {
		s.foreign = foreign
		s.tapLocked()
	}
}

// end parts both sides.
func (j *joint) end() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.over, j.way = true, NoWay
	for _, s := range [...]*Session{j.a, j.b} {
		s.mu.Lock()
		if s.joint == j {
			s.hushLocked()
			s.mode, s.joint, s.foreign = parted, nil, rtp.TypeSet{}
			s.ears.pass(rtp.TypeSet{})
			for _, l := range s.lines {
				if l.picture != nil {
					l.picture.flows = false
				}
			}
		}
		if s.joint == nil {
			s.applyModeLocked()
		}
		s.mu.Unlock()
	}
}

// Part ends Join, Attach and Echo: the peer hears nothing, until the next of them. The session that
// was joined with this one is parted too.
func (s *Session) Part() {
	s.mu.Lock()
	j := s.joint
	if j == nil {
		s.mode, s.sink = parted, nil
		s.voice.play(nil, false)
		s.applyModeLocked()
	}
	s.mu.Unlock()
	if j != nil {
		j.end()
	}
}

// Attach ends the media here: src is heard by the peer, sink gets what the peer says, in frames of 20 ms that
// come on the media clock whatever the network does. Either may be nil; either is of sound at 8 kHz, or at its own
// rate where it is media.Rated. A src that ends by io.EOF is not read again, and the peer gets silence from then
// on; sink goes on. Both are called on media loops and must not block. Where they have turns of their own (media.Leader,
// media.Drawer) they are called on these, and nothing is heard there of a peer that holds us.
func (s *Session) Attach(src media.Source, sink media.Sink) {
	s.Part()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.mode, s.sink = attached, sink
	s.voiceLocked().play(src, true)
	s.applyModeLocked()
}

// Echo sends the peer its own sound back, packet by packet under a source number of ours: a phone
// that gets its own takes it for a loop (RFC 3550 §8.2).
func (s *Session) Echo() {
	s.Part()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.mode = echoing
	s.applyModeLocked()
}

// applyModeLocked brings every stream in line with what is to be done. Routes of a join are set by
// joint.route.
func (s *Session) applyModeLocked() {
	var talk *line
	var sp speech
	if s.mode == attached || s.mode == joined && s.across || s.mode == parted && s.voice != nil {
		var ok bool
		if sp, ok = s.speechLocked(); ok {
			talk = s.lines[sp.line]
		}
	}
	s.hearLocked(talk, sp)
	s.tapLocked()
	for _, l := range s.lines {
		if l.stream == nil {
			continue
		}
		switch {
		case s.mode == joined && (!s.across || l != talk):
		case s.mode == echoing && rtpProto(l.proto):
			l.stream.Deliver(&echo{stream: l.stream, voice: s.voiceLocked(), follows: l.kind == "audio"})
		case s.ear != nil && l == talk:
			l.stream.Deliver(s.ear)
		default:
			l.stream.Deliver(nil)
		}
	}
	s.aimVoiceLocked(talk, sp)
}

// inbandLocked reports whether the peer's keys come as tones: that is set for it, or it has no telephone events.
func (s *Session) inbandLocked(sp speech) bool {
	return s.profile.Digits == DigitsInband || s.profile.Digits == DigitsAuto && sp.events.Rate == 0
}

// stillTalks is how long after its last packet a peer goes on talking, for whoever goes over from relay to transcoding.
const stillTalks = 100 * time.Millisecond

// hearLocked makes the receiver for a line that is heard here, and ends one that nobody needs.
func (s *Session) hearLocked(l *line, sp speech) {
	inband := s.ears != nil && l != nil && s.inbandLocked(sp)
	if !(s.mode == attached && (s.sink != nil || inband)) && !(s.mode == joined && s.across) || s.closed {
		s.ear.end()
		s.ear = nil
		return
	}
	if s.ear == nil {
		s.ear = &receiver{pool: s.cfg.Pool, clock: s.cfg.Pool.Clock}
		if l != nil && l.stream != nil && time.Since(l.stream.Facts().Spoke) < stillTalks {
			s.ear.begun.Store(true)
		}
		if s.mode == attached {
			s.ear.feed(s.sink)
		}
	}
	if inband {
		_, room := s.sink.(media.Drawer) // there nobody is to hear keys: they are told, and go on from there
		s.ear.listen(s.ears, s.across && s.muted || !s.across && room, s.across && !s.muted)
	} else {
		s.ear.listen(nil, false, false)
	}
	if l != nil {
		s.ear.learn(l.local, l.remote, sp.codec.Rate, s.fixedLocked())
		s.ear.wash(s.cleanLocked())
		s.ear.hold(!l.dir.Receives() || l.terms.Mute)
		l.heardBy(s.ear)
	}
}
