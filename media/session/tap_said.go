package session

import (
	"sync"
	"time"

	"santral/media"
	"santral/media/rtp"
)

// saying is a tap of what we say: a line of sound that is as long as the delay. It is called by the voice, under its lock,
// and by the media clock.
type saying struct {
	mu sync.Mutex // a leaf, but for what the sink does
	lag
	voice  int // rate of what comes
	change *rateChange
	in     media.Frame   // what the voice says now, while it is brought to the sink's rate
	held   media.Frame   // said and not given yet …
	due    time.Duration // … and when the first of it is, on the pool's clock, while nothing is given
	gives  bool
}

// saidMost is how much more than the delay is held.
const saidMost = 2 * media.MostSound

func newSaying(pool *rtp.Pool, sink media.Sink) *saying {
	t := &saying{lag: newLag(pool, sink)}
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
	if t.change == nil || t.voice != rate {
		t.voice, t.change = rate, newRateChange(rate, t.rate)
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
	if most := samplesIn(t.rate, TapDelay+saidMost); len(t.held) > most { // the clock was held up
		t.drop(len(t.held) - samplesIn(t.rate, TapDelay))
	}
	return t.lag.speak(t, now)
}

func (t *saying) fillLocked(f media.Frame, turn time.Duration) {
	if !t.gives && len(t.held) > 0 && t.due < turn+rtp.FrameTime {
		t.gives = true
		n := min(samplesIn(t.rate, max(t.due-turn, 0)), len(f))
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
}

func (t *saying) drop(n int) { t.held = t.held[:copy(t.held, t.held[n:])] }

func (t *saying) end() {
	t.mu.Lock()
	t.lag.end(t)
	t.mu.Unlock()
}
