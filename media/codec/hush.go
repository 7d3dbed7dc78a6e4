package codec

import (
	"math"

	"santral/media"
)

// Hush finds the silences of a speaker, and describes them as comfort noise (RFC 3389). It belongs to one
// stream, and is used by one goroutine at a time. Nothing is allocated.
//
// What is near to the quietest that was heard lately is silence, after a while in which words may end. Loud
// sound never is, however steady: music and tones would be cut otherwise.
type Hush struct {
	rate   int
	floor  float64 // power of the quietest sound lately, of full scale
	hang   int     // samples for which what follows speech counts as it
	since  int     // samples since the last description
	told   float64 // level of that, dB
	mute   bool    // we are in a silence
	auto   [coefficients + 1]float64
	filled bool
}

// Verdict is what Hush says of a piece of sound.
type Verdict uint8

// Verdicts.
const (
	Speech    Verdict = iota // to be sent as it is
	Described                // silence: a description of it is to be sent instead
	Silent                   // silence that has been described: nothing is to be sent
)

const (
	hushLoudest = 4e-4  // -34 dB: what is louder is no silence
	hushOff     = 1e-7  // -70 dB: what is quieter always is
	hushAbove   = 4     // of the floor: 6 dB
	hushHang    = 0.2   // seconds that a word's end may be quiet
	hushAgain   = 0.5   // seconds after which a silence is described again: a translator forgets, a stream looks dead
	hushMoved   = 3     // dB by which its level moves before it is described anew
	hushRise    = 1.026 // growth of the floor for each 20 ms: 5.6 dB a second
)

// NewHush makes one for sound at a rate, in Hz.
func NewHush(rate int) *Hush {
	return &Hush{rate: rate, floor: hushLoudest / hushAbove, hang: rate / 5}
}

// Hear judges the next packet's sound.
func (h *Hush) Hear(sound media.Frame) Verdict {
	if len(sound) == 0 {
		return Silent
	}
	// The loudest 10 ms count: a word may begin in the middle of a packet.
	power, piece := 0.0, max(h.rate/100, 1)
	for f := sound; len(f) > 0; {
		n := min(piece, len(f))
		sum := 0.0
		for _, v := range f[:n] {
			sum += float64(v) * float64(v)
		}
		power = max(power, sum/float64(n)/(32768*32768))
		f = f[n:]
	}
	turns := float64(len(sound)) / float64(h.rate) * 50
	h.floor = max(min(h.floor*math.Pow(hushRise, turns), power, hushLoudest/hushAbove), hushOff/hushAbove)
	if power > hushLoudest || power > hushOff && power > h.floor*hushAbove {
		h.hang = int(hushHang * float64(h.rate))
		h.mute = false
		return Speech
	}
	if h.hang > 0 {
		h.hang -= len(sound)
		h.mute = false
		return Speech
	}
	h.describe(sound)
	level := h.level()
	h.since += len(sound)
	if h.mute && math.Abs(level-h.told) < hushMoved && h.since < int(hushAgain*float64(h.rate)) {
		return Silent
	}
	h.mute, h.since, h.told = true, 0, level
	return Described
}

// describe learns the spectrum of silence from a piece of it: its autocorrelation, smoothed.
func (h *Hush) describe(sound media.Frame) {
	keep := 0.8
	if !h.filled || !h.mute {
		keep, h.filled = 0, true
	}
	for lag := range h.auto {
		sum := 0.0
		for i := lag; i < len(sound); i++ {
			sum += float64(sound[i]) * float64(sound[i-lag])
		}
		h.auto[lag] = keep*h.auto[lag] + (1-keep)*sum/float64(len(sound))
	}
}

// level is how far the silence is below full scale, 0 to 127 dB.
func (h *Hush) level() float64 {
	if h.auto[0] < 1e-3 {
		return quietest
	}
	return min(max(-10*math.Log10(h.auto[0]/(32768*32768)), 0), quietest)
}

// Append appends the description of the silence (RFC 3389 §3): its level and eight coefficients.
func (h *Hush) Append(dst []byte) []byte {
	dst = append(dst, byte(math.Round(h.level())))
	const order = 8
	power := h.auto[0] * 1.0001 // as if a little white noise were in it, so that pure tones are no trouble
	if power < 1 {
		return dst // digital silence has no spectrum
	}
	// Levinson's and Durbin's recursion.
	var a [order]float64
	for i := range order {
		sum := h.auto[i+1]
		for j := range i {
			sum += a[j] * h.auto[i-j]
		}
		k := min(max(-sum/power, -0.98), 0.98)
		was := a
		for j := range i {
			a[j] = was[j] + k*was[i-1-j]
		}
		a[i] = k
		power *= 1 - k*k
		dst = append(dst, byte(min(max(math.Round(k*32768/258)+127, 0), 254)))
	}
	return dst
}
