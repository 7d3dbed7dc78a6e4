package session

import (
	"sync"

	"santral/media"
	"santral/media/rtp"
	"santral/media/sdp"
)

// joint is two sessions that are joined. Its lock is taken before theirs; theirs are never held together.
type joint struct {
	a, b *Session
	mu   sync.Mutex
	over bool
}

// Join relays between two sessions, both ways, stream by stream. It replaces what either did before,
// and follows both through later descriptions until Part or Close of either.
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

// route makes the streams of both sides relay to each other, as they are now.
func (j *joint) route() {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.over {
		return
	}
	a, b := j.a.streamsOf(j), j.b.streamsOf(j)
	for i := range max(len(a), len(b)) {
		var x, y *rtp.Stream
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != nil {
			x.Relay(y)
		}
		if y != nil {
			y.Relay(x)
		}
	}
}

// streamsOf gives the streams of a side of j, one for each line, nil where a line has none.
func (s *Session) streamsOf(j *joint) []*rtp.Stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.joint != j {
		return nil
	}
	list := make([]*rtp.Stream, len(s.lines))
	for i, l := range s.lines {
		list[i] = l.stream
	}
	return list
}

// end parts both sides.
func (j *joint) end() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.over = true
	for _, s := range [...]*Session{j.a, j.b} {
		s.mu.Lock()
		if s.joint == j {
			s.mode, s.joint = parted, nil
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

// Attach ends the media here: src is heard by the peer, sink gets what the peer says, in 20 ms
// frames of 8 kHz. Either may be nil. A src that ends by io.EOF is not read again, and the peer gets
// silence from then on; sink goes on. Both are called on media loops and must not block.
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
	if s.mode != attached || s.sink == nil {
		s.ear.end()
		s.ear = nil
	}
	var talk *line
	if (s.mode == attached || s.mode == parted && s.voice != nil) && s.chooseLocked() && s.chosen.Line < len(s.lines) {
		talk = s.lines[s.chosen.Line]
	}
	for _, l := range s.lines {
		if l.stream == nil {
			continue
		}
		if s.ears != nil && rtpProto(l.proto) {
			l.stream.Tap(s.ears, eventTypes(l.local, l.remote))
		} else {
			l.stream.Tap(nil, rtp.TypeSet{})
		}
		switch {
		case s.mode == joined:
		case s.mode == echoing && rtpProto(l.proto):
			l.stream.Deliver(&echo{stream: l.stream, ssrc: s.voiceLocked().ssrc})
		case s.mode == attached && l == talk && s.sink != nil:
			if s.ear == nil {
				s.ear = &listener{sink: s.sink}
			}
			s.ear.learn(l.local, l.remote)
			l.stream.Deliver(s.ear)
		default:
			l.stream.Deliver(nil)
		}
	}
	s.aimVoiceLocked(talk)
}

// echo sends packets back to where they came from.
type echo struct {
	stream *rtp.Stream
	ssrc   uint32
}

// Packet sends p back.
func (e *echo) Packet(p []byte, _ rtp.Header) {
	rtp.SetSSRC(p, e.ssrc)
	e.stream.Send(p)
}

// eventTypes gives the payload numbers of telephone events.
func eventTypes(lists ...[]media.Format) (set rtp.TypeSet) {
	for _, list := range lists {
		for i := range list {
			if sdp.IsEvents(list[i]) {
				set.Add(list[i].Payload)
			}
		}
	}
	return set
}
