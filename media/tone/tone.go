// Package tone makes the sounds of a telephone network: dial tone, ringback, busy, congestion and the like of several
// countries (ITU-T E.180, Supplement 2), and digits as the two-tone signals of ITU-T Q.23.
//
// A Source is one playing of a tone; it belongs to the one media loop that reads it and allocates
// nothing while it plays. Who hears which tone when is decided elsewhere.
package tone

import (
	"io"
	"math"
	"time"

	"santral/media"
)

// Rate is the sample rate of all tones here, in Hz.
const Rate = 8000

// Part is a piece of a tone: up to two frequencies at once, or silence, for a time.
type Part struct {
	Hz   [2]float64 // 0 is silence
	DBm0 [2]float64 // power of each, relative to ITU-T G.711's 0 dBm0
	For  time.Duration
}

// Tone is a cadence.
type Tone struct {
	Parts  []Part
	Repeat bool // the parts begin again after the last, until the tone is stopped
}

// Dial is the dial tone that ITU-T E.180 recommends: 425 Hz without end. This and the next three are of the Set that
// stands for no country; who knows where a phone is asks Country.
func Dial() Tone { return Set{}.Dial() }

// Ringback is one second of tone and four of silence.
func Ringback() Tone { return Set{}.Ringback() }

// Busy is half a second of tone and half a second of silence.
func Busy() Tone { return Set{}.Busy() }

// Congestion is a quarter of a second of tone and a quarter of a second of silence.
func Congestion() Tone { return Set{}.Congestion() }

// Milliwatt is the reference: 1004 Hz at 0 dBm0 without end, a little off an eighth of the sample
// rate so that more than eight codes occur.
func Milliwatt() Tone {
	return Tone{Parts: []Part{{Hz: [2]float64{1004}, For: time.Second}}, Repeat: true}
}

// Frequencies of a key, lower and upper group (ITU-T Q.23). ok is false for what is no key: keys
// are '0' to '9', '*', '#' and 'A' to 'D'.
func Frequencies(key byte) (low, high float64, ok bool) {
	for row, keys := range [...]string{"123A", "456B", "789C", "*0#D"} {
		for column := range len(keys) {
			if keys[column] == key {
				return lowGroup[row], highGroup[column], true
			}
		}
	}
	return 0, 0, false
}

var (
	lowGroup  = [4]float64{697, 770, 852, 941}
	highGroup = [4]float64{1209, 1336, 1477, 1633}
)

// Digits is a string of keys, each sounding for on and followed by a pause; what is no key becomes
// a silence as long as a key with its pause. The upper group is 2 dB louder (ETSI ES 201 235-2
// §4.2.2). It does not repeat.
func Digits(keys string, on, pause time.Duration) Tone {
	t := Tone{Parts: make([]Part, 0, 2*len(keys))}
	for i := range len(keys) {
		low, high, ok := Frequencies(keys[i])
		if !ok {
			t.Parts = append(t.Parts, Part{For: on + pause})
			continue
		}
		t.Parts = append(t.Parts, Part{Hz: [2]float64{low, high}, DBm0: [2]float64{-9, -7}, For: on}, Part{For: pause})
	}
	return t
}

// Duration is how long the tone lasts once.
func (t Tone) Duration() time.Duration {
	var d time.Duration
	for i := range t.Parts {
		d += t.Parts[i].For
	}
	return d
}

// Source is a tone being played; it is a media.Source.
type Source struct {
	tone Tone
	part int
	left int // samples left of the part
	osc  [2]oscillator
}

var _ media.Source = (*Source)(nil)

// Play begins a tone. Parts are shared with t and must not be changed while it plays.
func (t Tone) Play() *Source {
	s := &Source{tone: t}
	if len(t.Parts) > 0 && t.Duration() >= time.Second/Rate {
		s.enter(0)
	} else {
		s.part = len(t.Parts)
		s.tone.Repeat = false
	}
	return s
}

// enter begins a part; phases begin at zero, so that it begins without a click.
func (s *Source) enter(part int) {
	s.part = part
	p := &s.tone.Parts[part]
	s.left = int((p.For*Rate + time.Second/2) / time.Second)
	for i := range s.osc {
		s.osc[i] = oscillate(p.Hz[i], p.DBm0[i])
	}
}

// Read fills the frame. It gives io.EOF, with the samples before it, when a tone that does not
// repeat is over.
func (s *Source) Read(f media.Frame) (int, error) {
	n := 0
	for n < len(f) {
		if s.part == len(s.tone.Parts) {
			return n, io.EOF
		}
		if s.left == 0 {
			switch {
			case s.part+1 < len(s.tone.Parts):
				s.enter(s.part + 1)
			case s.tone.Repeat:
				s.enter(0)
			default:
				s.part++
			}
			continue
		}
		k := min(s.left, len(f)-n)
		s.fill(f[n : n+k])
		s.left -= k
		n += k
	}
	return n, nil
}

func (s *Source) fill(f media.Frame) {
	a, b := &s.osc[0], &s.osc[1]
	switch {
	case a.top == 0 && b.top == 0:
		clear(f)
	case b.top == 0:
		for i := range f {
			f[i] = int16(a.next())
		}
	default:
		for i := range f {
			f[i] = int16(min(max(a.next()+b.next(), -32768), 32767))
		}
	}
}

// oscillator steps through a sine: the phase is a fraction of 2³² of a turn, so it never drifts.
type oscillator struct {
	phase, step uint32
	top         int32 // amplitude
}

func oscillate(hz, dBm0 float64) oscillator {
	if hz <= 0 || hz >= Rate/2 {
		return oscillator{}
	}
	return oscillator{step: uint32(math.Round(hz / Rate * (1 << 32))), top: Amplitude(dBm0)}
}

// Amplitude is the peak of a sine of that power. The largest sine of the A-law is +3.14 dBm0
// (ITU-T G.711 §4).
func Amplitude(dBm0 float64) int32 {
	return int32(math.Round(32767 * math.Pow(10, (min(dBm0, 3.14)-3.14)/20)))
}

const tableBits = 10

// sines is one turn in 1024 steps and one more, scaled to 2¹⁵.
var sines = func() *[1<<tableBits + 1]int32 {
	t := new([1<<tableBits + 1]int32)
	for i := range t {
		t[i] = int32(math.Round(math.Sin(2*math.Pi*float64(i)/(1<<tableBits)) * (1 << 15)))
	}
	return t
}()

// next gives a sample and steps on: a table look-up, straight between its entries.
func (o *oscillator) next() int32 {
	at := o.phase >> (32 - tableBits)
	part := int32(o.phase >> (32 - tableBits - 15) & (1<<15 - 1))
	o.phase += o.step
	a, b := sines[at], sines[at+1]
	v := a<<1 + (b-a)*part>>14 // twice the sine
	return int32((int64(v)*int64(o.top) + 1<<15) >> 16)
}
