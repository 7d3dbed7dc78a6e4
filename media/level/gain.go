package level

import (
	"math"

	"santral/media"
)

// Gain brings what somebody says to one loudness (automatic gain control). It learns how loud the speaker is, apart
// from pauses, and moves slowly; while nobody speaks it does not move, so that noise is not pumped up. What would be too
// loud is held down for as long as it is. It belongs to one stream, is used by one goroutine at a time and allocates
// nothing.
type Gain struct {
	target float64 // dBov of speech

	speech float64 // mean square of what is said, of full scale; 0 while unknown
	heard  float64 // seconds of it
	noise  float64 // of pauses, likewise
	gain   float64 // dB, as it stands
	hold   float64 // factor of the limiter, 1 for none
	last   float64 // factor at the end of the frame before
}

// Target is how loud speech is that telephones are used to (ITU-T P.56 active speech level), in dBov.
const Target = -24.

// What may be done, in dB.
const (
	mostGain  = 30.
	leastGain = -20.
	hush      = -38. // noise is not raised above it, dBov
	gate      = 0.05 // part of the speaker's mean power below which a frame is a gap, −13 dB

	settles = 1.  // seconds of speech in which a new speaker is learnt
	firstly = 60. // dB a second for as long
	softer  = 30. // afterwards, down
	louder  = 8.  // and up
	swells  = 10. // dB a second by which noise is learnt to be louder
	forgets = 3.  // dB a second that a speaker is thought softer in whom nothing but gaps are heard
	ceiling = 29000.
	lets    = 40. // dB a second that the limiter lets go
)

// NewGain makes one that brings speech to target dBov, mean power of what is said.
func NewGain(target float64) *Gain {
	return &Gain{target: target, hold: 1, last: 1, noise: 1e-8}
}

// Process changes a frame of sound at rate Hz in place. speaks and dBov are what listen.Speech says of it.
func (g *Gain) Process(f media.Frame, rate int, speaks bool, dBov float64) {
	if len(f) == 0 || rate <= 0 {
		return
	}
	seconds := float64(len(f)) / float64(rate)
	g.learn(math.Pow(10, dBov/10), speaks, seconds)

	top, at := 0, 0
	for i, v := range f {
		if a := max(int(v), -int(v)); a > top {
			top, at = a, i
		}
	}
	to := math.Pow(10, g.gain/20)
	g.hold = min(g.hold*math.Pow(10, lets*seconds/20), 1)
	ramp := len(f)
	if float64(top)*to*g.hold > ceiling { // down by when the loudest comes
		g.hold = ceiling / (float64(top) * to)
		ramp = at
	}
	to *= g.hold
	g.apply(f, to, ramp)
}

// apply goes over to a factor within so many samples.
func (g *Gain) apply(f media.Frame, to float64, ramp int) {
	if g.last == 1 && to == 1 {
		return
	}
	k, step := float32(g.last), float32(0)
	if ramp > 0 {
		step = float32((to - g.last) / float64(ramp))
	}
	for i, v := range f[:ramp] {
		k += step
		f[i] = int16(min(max(float32(v)*k, -ceiling-2000), ceiling+2000))
	}
	k = float32(to)
	for i, v := range f[ramp:] {
		f[ramp+i] = int16(min(max(float32(v)*k, -ceiling-2000), ceiling+2000))
	}
	g.last = to
}

// learn hears how loud a frame is, and moves the gain.
func (g *Gain) learn(power float64, speaks bool, seconds float64) {
	if !speaks {
		g.noise = min(g.noise*math.Pow(10, swells*seconds/10), power) // a word's beginning is no noise
		g.noise = max(g.noise, 1e-8)
		return
	}
	switch {
	case g.speech == 0:
		g.speech = power
	case power < g.speech*gate:
		g.speech *= math.Pow(10, -forgets*seconds/10)
		return
	default:
		g.heard += seconds
		g.speech += min(seconds/max(min(g.heard, 2.5), seconds), 1) * (power - g.speech)
	}
	want := min(max(g.target-10*math.Log10(g.speech+1e-12), leastGain), mostGain)
	if loud := 10 * math.Log10(g.noise+1e-12); want > 0 && loud+want > hush {
		want = max(hush-loud, 0)
	}
	down, up := softer, louder
	if g.heard < settles {
		down, up = firstly, firstly
	}
	g.gain = min(max(want, g.gain-down*seconds), g.gain+up*seconds)
}

// Level is what the gain is, in dB.
func (g *Gain) Level() float64 { return g.gain }
