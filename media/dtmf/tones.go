package dtmf

import (
	"math"
	"time"

	"santral/media"
)

// Tones is a key on its way out as two tones in the sound (ITU-T Q.23): the lower one at −9 dBm0, the upper
// one at −7 dBm0, as phones send them. It belongs to one stream.
type Tones struct {
	osc  [2]oscillator
	at   int // samples that have been made
	long int // samples in all
	edge int // samples of the slopes at both ends, so that nothing clicks
}

// oscillator steps through a sine by its own last two values.
type oscillator struct{ c, s1, s2 float64 }

func oscillate(hz, amplitude float64, rate int) oscillator {
	w := 2 * math.Pi * hz / float64(rate)
	return oscillator{c: 2 * math.Cos(w), s2: -amplitude * math.Sin(w)}
}

func (o *oscillator) next() float64 {
	v := o.s1
	o.s1, o.s2 = o.c*o.s1-o.s2, o.s1
	return v
}

// Full scale is +3.14 dBm0 (ITU-T G.711 §4).
const (
	lowTone  = 8096  // −9 dBm0
	highTone = 10192 // −7 dBm0
)

// NewTones begins a key for the given time, held between MinPress and MaxPress, in sound of the rate. ok is
// false for what is no key of two tones, such as a hook-flash.
func NewTones(key byte, long time.Duration, rate int) (t Tones, ok bool) {
	code, ok := CodeOf(key)
	if !ok || int(code) >= len(Keys) || rate <= 0 {
		return Tones{}, false
	}
	at := rowsAndColumns[code]
	long = min(max(long, MinPress), MaxPress)
	return Tones{
		osc:  [2]oscillator{oscillate(lows[at[0]], lowTone, rate), oscillate(highs[at[1]], highTone, rate)},
		long: int(int64(long) * int64(rate) / int64(time.Second)),
		edge: rate / 500,
	}, true
}

var (
	lows  = [4]float64{697, 770, 852, 941}
	highs = [4]float64{1209, 1336, 1477, 1633}
	// rowsAndColumns is where the keys are, in the order of their codes.
	rowsAndColumns = [16][2]uint8{{3, 1}, {0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 2}, {2, 0}, {2, 1}, {2, 2}, {3, 0}, {3, 2}, {0, 3}, {1, 3}, {2, 3}, {3, 3}}
)

// Next puts the next samples in place of f's, as far as the key lasts, and reports whether it lasts longer.
func (t *Tones) Next(f media.Frame) (more bool) {
	for i := range f {
		if t.at >= t.long {
			return false
		}
		v := t.osc[0].next() + t.osc[1].next()
		if near := min(t.at, t.long-1-t.at); near < t.edge {
			v *= float64(near) / float64(t.edge)
		}
		f[i] = int16(v)
		t.at++
	}
	return t.at < t.long
}
