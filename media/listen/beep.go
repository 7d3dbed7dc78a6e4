package listen

import (
	"math"
	"sync"
	"time"

	"santral/media"
	"santral/media/pcm"
)

// Beep hears the tone after which an answering machine records: one frequency of 350 to 2000 Hz, or two, or one that
// goes up or down, for 80 ms to 2.2 s, that begins and ends at once and is as loud all the while. Speech, music and keys
// are no beeps. It looks at spectra of 32 ms, 10 ms apart.
type Beep struct {
	narrow   decimator
	window   [beepSize]float32
	have     int
	frame    [beepSize]float32
	spectrum [beepSize/2 + 1]complex64

	now     time.Duration
	quiet   float64 // level of the loudest piece of the last ones before the tone, dB
	levels  [beepBefore]float64
	at      int
	run     int     // pieces of the tone that is heard
	hz      float64 // of it, in the last piece
	high    float64 // its second frequency, 0 for none
	mean    float64 // of its level, dB
	drift   float64 // hertz that it has moved
	turned  bool    // it went both ways
	clean   bool    // it began out of nothing
	missing int
	rest    int // pieces since a tone ended that may be a beep
	length  int
	loud    float64
}

const (
	beepSize   = 256
	beepHop    = 80
	beepBefore = 8

	beepLeast  = 7   // pieces: a tone of 80 ms fills as many windows by most
	beepMost   = 222 //
	beepPure   = 0.86
	beepSoft   = -48. // dBov that a beep has at least
	beepLow    = 330.
	beepHigh   = 2080.
	beepMoves  = 22. // hertz within a piece
	beepRises  = 10. // dB that it is above what was before, and after
	beepSteady = 3.5 // dB
)

// beepTables are what all beeps share.
var beepTables = sync.OnceValue(func() *struct {
	fft   *pcm.FFT
	shape [beepSize]float32
} {
	t := &struct {
		fft   *pcm.FFT
		shape [beepSize]float32
	}{fft: pcm.NewFFT(beepSize)}
	for i := range t.shape {
		t.shape[i] = float32(0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/beepSize))
	}
	return t
})

// NewBeep makes the ear of a stream of sound at rate, in Hz.
func NewBeep(rate int) *Beep {
	b := &Beep{narrow: newDecimator(rate)}
	for i := range b.levels {
		b.levels[i] = -127
	}
	return b
}

// Hear takes the next frame, of any length, and reports whether a beep has ended in it, or just before it: 60 ms of
// what follows a tone show that it was one.
func (b *Beep) Hear(f media.Frame) (heard bool) {
	for len(f) > 0 {
		var few [160]int16
		x := b.narrow.take(few[:], &f)
		for len(x) > 0 {
			k := min(beepHop-b.have, len(x))
			for i, v := range x[:k] {
				b.window[beepSize-beepHop+b.have+i] = float32(v)
			}
			x = x[k:]
			if b.have += k; b.have == beepHop {
				b.have = 0
				heard = b.piece() || heard
				copy(b.window[:], b.window[beepHop:])
			}
		}
	}
	return heard
}

// piece looks at the last 32 ms.
func (b *Beep) piece() bool {
	b.now += 10 * time.Millisecond
	t := beepTables()
	for i, w := range t.shape {
		b.frame[i] = b.window[i] * w
	}
	t.fft.Forward(b.spectrum[:], b.frame[:])
	var power [beepSize/2 + 1]float64
	total := 0.
	for k := 3; k < len(power); k++ { // from 90 Hz on
		z := b.spectrum[k]
		power[k] = float64(real(z)*real(z) + imag(z)*imag(z))
		total += power[k]
	}
	level := 10 * math.Log10(total*(2/(0.375*beepSize*beepSize))/(1<<30)+1e-13)
	hz, high, pure := tonal(&power, total)
	tone := pure && level > beepSoft && hz > beepLow && hz < beepHigh && !isKey(hz, high)

	switch {
	case b.run == 0 && tone:
		b.begin(hz, high, level)
	case b.run > 0 && tone && math.Abs(hz-b.hz) < beepMoves*float64(b.missing+1) && (level > b.mean-beepSteady || b.run < 3):
		moved := hz - b.hz
		b.turned = b.turned || moved*b.drift < 0 && math.Abs(moved) > 4 && math.Abs(b.drift) > 12
		b.drift += moved
		b.run += b.missing + 1
		b.missing, b.hz = 0, hz
		if b.run <= 4 {
			b.mean = max(b.mean, level)
		} else {
			b.clean = b.clean && math.Abs(level-b.mean) < beepSteady
			b.mean += 0.1 * (level - b.mean)
		}
	case b.run > 0:
		if b.missing++; b.missing > 4 || level < b.mean-beepRises {
			b.over(level)
			if tone {
				b.begin(hz, high, level)
			}
		}
	}
	b.levels[b.at] = level
	b.at = (b.at + 1) % beepBefore
	if b.rest == 0 {
		return false
	}
	if level > b.loud-beepRises && b.rest > 3 { // something goes on: it was a part of that
		b.rest = 0
		return false
	}
	if b.rest++; b.rest < 8 {
		return false
	}
	b.rest = 0
	return true
}

// begin begins a tone.
func (b *Beep) begin(hz, high, level float64) {
	b.run, b.missing, b.hz, b.high, b.mean, b.drift, b.turned = 1, 0, hz, high, level, 0, false
	before := -127. // the window before the last three, which the tone may fill in part
	for i := 4; i < beepBefore; i++ {
		before = max(before, b.levels[(b.at-i+2*beepBefore)%beepBefore])
	}
	b.clean = before < level-beepRises+3
}

// over ends a tone: it may be a beep when nothing follows.
func (b *Beep) over(level float64) {
	if b.clean && !b.turned && b.run >= beepLeast && b.run <= beepMost {
		b.rest, b.length, b.loud = 1, b.run, b.mean
	}
	b.run, b.missing = 0, 0
}

// tonal gives the frequency of the strongest line, that of a second one as far as there is one (0 for none), and whether
// there is hardly anything else.
func tonal(power *[beepSize/2 + 1]float64, total float64) (hz, high float64, pure bool) {
	lobe := func(k int) (sum float64) {
		for i := max(k-2, 3); i <= min(k+2, beepSize/2); i++ {
			sum += power[i]
		}
		return sum
	}
	best := func(but int) (at int) {
		for k := 9; k < 70; k++ {
			if (but < 0 || k < but-4 || k > but+4) && (at == 0 || power[k] > power[at]) {
				at = k
			}
		}
		return at
	}
	first := best(-1)
	hz = place(power, first)
	share := lobe(first)
	if share > beepPure*total {
		return hz, 0, true
	}
	second := best(first)
	both := share + lobe(second)
	if both > beepPure*total && lobe(second) > 0.1*share {
		return hz, place(power, second), true
	}
	return hz, 0, false
}

// place is the frequency of a line, between the bins.
func place(power *[beepSize/2 + 1]float64, k int) float64 {
	sum, at := 0., 0.
	for i := k - 1; i <= k+1; i++ {
		a := math.Sqrt(power[i])
		sum += a
		at += a * float64(i)
	}
	return at / max(sum, 1e-9) * 8000 / beepSize
}

// isKey reports whether two frequencies are those of a key (ITU-T Q.23).
func isKey(a, b float64) bool {
	if a > b {
		a, b = b, a
	}
	near := func(f float64, list [4]float64) bool {
		for _, x := range list {
			if math.Abs(f-x) < 0.02*x+4 {
				return true
			}
		}
		return false
	}
	return near(a, [4]float64{697, 770, 852, 941}) && near(b, [4]float64{1209, 1336, 1477, 1633})
}
