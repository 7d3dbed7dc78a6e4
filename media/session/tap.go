package session

import (
	"slices"
	"sync"
	"time"

	"santral/media"
	"santral/media/rtp"
)

// A tap hears what is said besides those who are meant, and changes nothing for them: packets are still relayed where
// they were, reports and keys are as they were. What it hears comes a constant time after it was said, so that what two
// taps hear can be laid side by side (decision 33).

// TapDelay is that time, from a packet's first sound to the sink: most networks hold it, and nobody waits for a recording.
const TapDelay = 240 * time.Millisecond

// taps are the receivers of those who tap a session. The list is not changed: another takes its place.
type taps struct{ list []*receiver }

// everyType is all packets: what is no sound says that nobody speaks.
var everyType = rtp.TypeSet{^uint64(0), ^uint64(0)}

// Tap has sink get what the peer says, in frames of 20 ms that come on the media clock, whatever is done with the peer's
// packets meanwhile: relayed, transcoded, ended here or sent back. It goes on through holds, other codecs, joins and parts
// until stop is called or the session is closed; what is not there is silence. The sound is at 8 kHz, or at the sink's rate
// where that is media.Rated, and comes a quarter of a second after it was said, which does not change with the network
// nor with clocks that go wrong. The sink is called on a media loop and must not block, and not any more once stop has
// returned; stop may be called again, but not by the sink.
func (s *Session) Tap(sink media.Sink) (stop func()) {
	r := &receiver{pool: s.cfg.Pool, clock: s.cfg.Pool.Clock, steady: TapDelay}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return func() {}
	}
	list := []*receiver{r}
	if s.taps != nil {
		list = append(list, s.taps.list...)
	}
	s.taps = &taps{list}
	r.feed(sink)
	s.tapLocked()
	return func() {
		r.end()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.taps == nil || !slices.Contains(s.taps.list, r) {
			return
		}
		list := slices.DeleteFunc(slices.Clone(s.taps.list), func(o *receiver) bool { return o == r })
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
	for _, r := range s.taps.list {
		r.learn(l.local, l.remote, r.rate, 0)
	}
	return l
}

// untapLocked ends all taps.
func (s *Session) untapLocked() {
	if s.taps != nil {
		for _, r := range s.taps.list {
			r.end()
		}
	}
	for _, t := range s.said {
		t.end()
	}
	s.taps, s.said = nil, nil
	s.sayingLocked()
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

// saying is a tap of what we say: a line of sound that is as long as the delay. It is called by the voice, under its lock,
// and by the media clock.
type saying struct {
	pool *rtp.Pool
	sink media.Sink
	rate int // of the sink

	mu     sync.Mutex // a leaf, but for what the sink does
	from   int        // rate of the voice
	change *rateChange
	in     media.Frame   // what the voice says now, while it is brought to the sink's rate
	held   media.Frame   // said and not given yet …
	due    time.Duration // … and when the first of it is, on the pool's clock, while nothing is given
	gives  bool
	frame  media.Frame
	over   bool
}

// saidMost is how much more than the delay is held.
const saidMost = 2 * media.MostSound

func newSaying(pool *rtp.Pool, sink media.Sink) *saying {
	t := &saying{pool: pool, sink: sink, rate: 8000}
	if r, ok := sink.(media.Rated); ok && r.Rate() > 0 {
		t.rate = r.Rate()
	}
	t.frame = make(media.Frame, samplesIn(t.rate, rtp.FrameTime))
	t.held = make(media.Frame, 0, samplesIn(t.rate, TapDelay+saidMost+media.MostSound))
	return t
}

// hear takes a packet's sound, as it is sent.
func (t *saying) hear(f media.Frame, rate int) {
	long := time.Duration(len(f)) * time.Second / time.Duration(rate)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return
	}
	if len(t.held) == 0 && !t.gives {
		t.due = t.pool.Clock() + TapDelay - long // the packet's first sound is as old as it is long
	}
	at := len(t.held)
	n := len(f) * t.rate / rate
	if at+n > cap(t.held) { // nobody takes it
		return
	}
	t.held = t.held[:at+n]
	if rate == t.rate {
		copy(t.held[at:], f)
		return
	}
	if t.change == nil || t.from != rate {
		t.from, t.change = rate, newRateChange(rate, t.rate)
	}
	t.in = f
	t.change.fill(t.held[at:], t.next)
	t.in = nil
}

// next gives the rate change what it asks for: it takes pieces of 10 ms, of which a packet has a whole number.
func (t *saying) next(f media.Frame) {
	n := copy(f, t.in)
	clear(f[n:])
	t.in = t.in[n:]
}

// Speak gives the sink its next frame (rtp.Speaker).
func (t *saying) Speak(now time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return false
	}
	f := t.frame
	if most := samplesIn(t.rate, TapDelay+saidMost); len(t.held) > most { // the clock was held up
		t.drop(len(t.held) - samplesIn(t.rate, TapDelay))
	}
	if !t.gives && len(t.held) > 0 && t.due < now+rtp.FrameTime {
		t.gives = true
		n := min(samplesIn(t.rate, max(t.due-now, 0)), len(f))
		clear(f[:n])
		f = f[n:]
	}
	n := 0
	if t.gives {
		n = copy(f, t.held)
		t.drop(n)
		t.gives = n == len(f)
	}
	clear(f[n:])
	t.sink.Write(t.frame)
	return true
}

func (t *saying) drop(n int) { t.held = t.held[:copy(t.held, t.held[n:])] }

func (t *saying) end() {
	t.mu.Lock()
	t.over = true
	t.mu.Unlock()
}
