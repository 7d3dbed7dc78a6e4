package pcm

import "math"

// MaxRate is the highest sample rate that Resample takes, in Hz.
const MaxRate = 192000

// The filter reaches over this many periods of the lower rate to each side: flat to 3.3 kHz and more
// than 70 dB down from 4.1 kHz, when the lower rate is 8 kHz.
const reach = 32

// Odd pairs of rates have as many phases as the rate is high; more than this are rounded, so that a
// file's header cannot ask for hundreds of megabytes of filters.
const maxPhases = 1024

// piece is how many samples are made from one copy of what they are made of.
const piece = 2048

// Resample gives the samples at another rate. Both rates are between 1 and MaxRate Hz. The result
// has len(src)·to/from samples, rounded up, and begins at the same moment as src.
func Resample(src []int16, from, to int) []int16 {
	if from == to || len(src) == 0 {
		return append([]int16(nil), src...)
	}
	f := NewFilter(from, to)
	out := make([]int16, f.Length(len(src)))
	for i := 0; i < len(out); i += piece {
		f.At(out[i:min(i+piece, len(out))], src, i)
	}
	return out
}

// Filter makes any part of a sound at another rate, where the sound is there as a whole. It is used by one goroutine
// at a time.
//
// It is a polyphase filter: a windowed sinc at the lower rate's band edge, evaluated once for each
// phase that the two rates have in common and that occurs.
type Filter struct {
	up, down int
	half     int // samples of the source that it reaches to each side
	low      float64
	bank     [][]float32
	x        []float32
}

// NewFilter makes one between rates of 1 to MaxRate Hz that are not the same.
func NewFilter(from, to int) *Filter {
	g := gcd(from, to)
	f := &Filter{up: to / g, down: from / g, low: min(1, float64(to)/float64(from))}
	f.half = (int(math.Ceil(reach/f.low)) + 1) &^ 1 // so that the taps are a multiple of four
	f.bank = make([][]float32, min(f.up, maxPhases))
	return f
}

// Length is how many samples n of the source are, rounded up.
func (f *Filter) Length(n int) int { return (n*f.up + f.down - 1) / f.down }

// At makes the samples from first on. Beyond its ends the sound is taken to go on as its own image, turned round at its
// last sample: so it neither jumps nor bends there, and what another sound goes on with follows without a click.
func (f *Filter) At(dst, src []int16, first int) {
	if len(dst) == 0 || len(src) == 0 {
		clear(dst)
		return
	}
	start, _ := f.place(first)
	start -= f.half - 1
	last, _ := f.place(first + len(dst) - 1)
	if n := last + f.half + 1 - start; cap(f.x) < n {
		f.x = make([]float32, n)
	} else {
		f.x = f.x[:n]
	}
	for i := range f.x {
		switch at := start + i; {
		case at < 0:
			f.x[i] = 2*float32(src[0]) - float32(src[min(-at, len(src)-1)])
		case at >= len(src):
			f.x[i] = 2*float32(src[len(src)-1]) - float32(src[max(2*len(src)-2-at, 0)])
		default:
			f.x[i] = float32(src[at])
		}
	}
	width := 2 * f.half
	for i := range dst {
		at, phase := f.place(first + i)
		taps := f.bank[phase]
		if taps == nil {
			taps = sinc(float64(phase)/float64(len(f.bank)), f.low, f.half)
			f.bank[phase] = taps
		}
		at -= start + f.half - 1
		dst[i] = sample(dot(taps, f.x[at:at+width]))
	}
}

// place gives the source's sample at or before sample i of the result, and the phase between it and the next.
func (f *Filter) place(i int) (at, phase int) {
	i *= f.down
	at, rest := i/f.up, i%f.up
	if rest < 0 {
		at, rest = at-1, rest+f.up
	}
	return at, rest * len(f.bank) / f.up
}

// sinc makes the taps for a moment that lies the given part of a sample after tap half-1. They add
// up to one, so that a constant stays the same.
func sinc(part, low float64, half int) []float32 {
	taps := make([]float64, 2*half)
	sum := 0.0
	for k := range taps {
		x := float64(k-half+1) - part
		w := x / float64(half)
		v := 0.0
		if math.Abs(w) < 1 {
			v = 0.42 + 0.5*math.Cos(math.Pi*w) + 0.08*math.Cos(2*math.Pi*w) // Blackman's window
			if y := math.Pi * x * low * edge; y != 0 {
				v *= math.Sin(y) / y
			}
		}
		taps[k] = v
		sum += v
	}
	rounded := make([]float32, len(taps))
	for k, v := range taps {
		rounded[k] = float32(v / sum)
	}
	return rounded
}

// edge moves the filter's corner below the band edge, so that its slope ends near it.
const edge = 0.92

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
