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

// Resample gives the samples at another rate. Both rates are between 1 and MaxRate Hz. The result
// has len(src)·to/from samples, rounded up, and begins at the same moment as src.
//
// It is a polyphase filter: a windowed sinc at the lower rate's band edge, evaluated once for each
// phase that the two rates have in common.
func Resample(src []int16, from, to int) []int16 {
	if from == to || len(src) == 0 {
		return append([]int16(nil), src...)
	}
	g := gcd(from, to)
	up, down := to/g, from/g
	low := min(1, float64(to)/float64(from)) // band edge as a part of the source's
	half := int(math.Ceil(reach / low))
	width := 2 * half

	out := make([]int16, (len(src)*up+down-1)/down)
	phases := min(up, maxPhases)
	bank := make([][]float64, phases) // filters are made for the phases that occur
	for i := range out {
		at := i * down / up // the source sample at or before this moment
		phase := i * down % up * phases / up
		taps := bank[phase]
		if taps == nil {
			taps = sinc(float64(phase)/float64(phases), low, half)
			bank[phase] = taps
		}
		first := at - half + 1
		sum := 0.0
		for k := max(0, -first); k < width && first+k < len(src); k++ {
			sum += taps[k] * float64(src[first+k])
		}
		out[i] = int16(min(max(math.Round(sum), -32768), 32767))
	}
	return out
}

// sinc makes the taps for a moment that lies the given part of a sample after tap half-1. They add
// up to one, so that a constant stays the same.
func sinc(part, low float64, half int) []float64 {
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
	for k := range taps {
		taps[k] /= sum
	}
	return taps
}

// edge moves the filter's corner below the band edge, so that its slope ends near it.
const edge = 0.92

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
