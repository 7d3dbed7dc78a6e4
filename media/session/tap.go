package session

import (
	"slices"
	"time"

	"santral/media"
	"santral/media/rtp"
)

// A tap hears what is said besides those who are meant, and changes nothing for them: packets are still relayed where
// they were, reports and keys are as they were. What it hears comes a constant time after it was said, so that what two
// taps hear can be laid side by side (decision 33), and what is still to come when it ends comes at once (decision 47).

// TapDelay is that time, from a packet's first sound to the sink: most networks hold it, and nobody waits for a recording.
const TapDelay = 240 * time.Millisecond

// taps are the receivers of those who tap a session. The list is not changed: another takes its place.
type taps struct{ list []*overheard }

// everyType is all packets: what is no sound says that nobody speaks.
var everyType = rtp.TypeSet{^uint64(0), ^uint64(0)}

// Tap has sink get what the peer says, in frames of 20 ms that come on the media clock, whatever is done with the peer's
// packets meanwhile: relayed, transcoded, ended here or sent back. It goes on through holds, other codecs, joins and parts
// until stop is called or the session is closed; what is not there is silence. The sound is at 8 kHz, or at the sink's rate
// where that is media.Rated, and comes a quarter of a second after it was said, which does not change with the network
// nor with clocks that go wrong; a sink that is media.Dated is told when that was, and gets three frames every 60 ms. It is exactly what was said from now on
// until the end: what has not come by then comes at once, before stop or Close return, and so the first piece and the last
// ones may be shorter. The sink is called on a media loop, or by who ends it, and must not block; it is not called any more
// once stop has returned. stop may be called again, but not by the sink.
func (s *Session) Tap(sink media.Sink) (stop func()) {
	o := &overheard{receiver: receiver{pool: s.cfg.Pool, clock: s.cfg.Pool.Clock, steady: TapDelay}, lag: newLag(s.cfg.Pool, sink)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return func() {}
	}
	list := []*overheard{o}
	if s.taps != nil {
		list = append(list, s.taps.list...)
	}
	s.taps = &taps{list}
	s.cfg.Pool.Speak(o)
	s.tapLocked()
	return func() {
		o.end()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.taps == nil || !slices.Contains(s.taps.list, o) {
			return
		}
		list := slices.DeleteFunc(slices.Clone(s.taps.list), func(x *overheard) bool { return x == o })
		if s.taps = (&taps{list}); len(list) == 0 {
			s.taps = nil
		}
		s.tapLocked()
	}
}

// tapsLocked has the taps know what the peer's packets mean, and gives the line that they hear; nil for none.
func (s *Session) tapsLocked() *line {
	if s.taps == nil {
		return nil
	}
	sp, ok := s.speechLocked()
	if !ok {
		return nil
	}
	l := s.lines[sp.line]
	for _, o := range s.taps.list {
		o.learn(l.local, l.remote, o.lag.rate, 0)
	}
	return l
}

// untapLocked takes all taps away. Who has called it ends them, without the session's lock.
func (s *Session) untapLocked() (heard *taps, said []*saying) {
	heard, said = s.taps, s.said
	s.taps, s.said = nil, nil
	s.sayingLocked()
	return heard, said
}

// end ends all of them.
func (t *taps) end() {
	if t != nil {
		for _, o := range t.list {
			o.end()
		}
	}
}

// overheard is a tap of what the peer says: packets come from a reader, and the media clock pulls.
type overheard struct {
	receiver
	lag
}

// Speak gives the sink its next frame (rtp.Speaker).
func (o *overheard) Speak(now time.Duration) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lag.speak(o, now)
}

func (o *overheard) end() {
	o.mu.Lock()
	o.lag.end(o)
	o.mu.Unlock()
}

func (o *overheard) fillLocked(f media.Frame, turn time.Duration) {
	o.turn = turn
	o.readLocked(f, o.lag.rate)
}

// TapSaid has sink get what we ourselves say to the peer where media ends here: what is played to it, its room, keys as
// tones. While another peer's sound goes to it, relayed or transcoded, and while it hears itself, that is silence. Otherwise
// it is as Tap, with the same delay: both can be laid side by side.
func (s *Session) TapSaid(sink media.Sink) (stop func()) {
	t := newSaying(s.cfg.Pool, sink)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return func() {}
	}
	s.said = append(slices.Clone(s.said), t)
	s.sayingLocked()
	s.cfg.Pool.Speak(t)
	return func() {
		t.end()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.said = slices.DeleteFunc(slices.Clone(s.said), func(o *saying) bool { return o == t })
		s.sayingLocked()
	}
}

// sayingLocked tells the voice who hears it.
func (s *Session) sayingLocked() {
	if v := s.voice; v != nil {
		v.mu.Lock()
		v.taps = s.said
		v.mu.Unlock()
	}
}

// tappedLocked has those who tap the voice hear a piece of what it says now.
func (v *voice) tappedLocked(f media.Frame, rate int) {
	for _, t := range v.taps {
		t.hear(f, rate)
	}
}
