package main

import (
	"math"

	"santral/media/prompt"
)

// Targets of loudness.
const (
	target  = -16.0 // LUFS (ITU-R BS.1770)
	ceiling = 0.89  // of full scale: -1 dB
)

// level brings sound to the target, with its peaks held below the ceiling.
func level(s []int16) []int16 {
	gain := 1.0
	out := s
	for range 4 { // what the limiter takes away is given back
		gain *= math.Pow(10, (target-loudness(out))/20)
		out = limit(s, gain)
	}
	return out
}

// limit applies a gain, and less of it around peaks: the reduction is spread over 5 ms to each side.
func limit(s []int16, gain float64) []int16 {
	const reach = prompt.Rate / 200
	need := make([]float64, len(s))
	for i, v := range s {
		need[i] = 1
		if p := math.Abs(float64(v)) / 32768 * gain; p > ceiling {
			need[i] = ceiling / p
		}
	}
	low := make([]float64, len(s)) // the least within reach
	for i := range low {
		low[i] = 1
		for k := max(0, i-reach); k < min(len(s), i+reach+1); k++ {
			low[i] = min(low[i], need[k])
		}
	}
	out := make([]int16, len(s))
	for i, v := range s {
		sum, n := 0.0, 0
		for k := max(0, i-reach); k < min(len(s), i+reach+1); k++ {
			sum += low[k]
			n++
		}
		out[i] = int16(math.Round(float64(v) * gain * sum / float64(n)))
	}
	return out
}

// loudness is the gated loudness of one channel in LUFS; sound that is shorter than a block of 400 ms is one block.
func loudness(s []int16) float64 {
	shelf := shelving(1681.974450955533, 3.999843853973347, 0.7071752369554196)
	pass := highPass(38.13547087602444, 0.5003270373238773)
	squares := make([]float64, len(s))
	for i, v := range s {
		y := pass.step(shelf.step(float64(v) / 32768))
		squares[i] = y * y
	}
	block := min(prompt.Rate*4/10, len(s))
	var blocks []float64
	for i := 0; i+block <= len(s); i += max(block/4, 1) {
		sum := 0.0
		for _, q := range squares[i : i+block] {
			sum += q
		}
		blocks = append(blocks, sum/float64(block))
	}
	absolute := mean(blocks, power(-70))
	return level10(mean(blocks, absolute*0.1))
}

func mean(blocks []float64, least float64) float64 {
	sum, n := 0.0, 0
	for _, b := range blocks {
		if b > least {
			sum += b
			n++
		}
	}
	return sum / float64(max(n, 1))
}

func level10(power float64) float64 { return -0.691 + 10*math.Log10(power+1e-12) }
func power(lufs float64) float64    { return math.Pow(10, (lufs+0.691)/10) }

// biquad is a filter of the second order.
type biquad struct{ b0, b1, b2, a1, a2, z1, z2 float64 }

func (f *biquad) step(x float64) float64 {
	y := f.b0*x + f.z1
	f.z1 = f.b1*x - f.a1*y + f.z2
	f.z2 = f.b2*x - f.a2*y
	return y
}

// shelving and highPass are the two filters of the K weighting, at any rate.
func shelving(hz, db, q float64) *biquad {
	k := math.Tan(math.Pi * hz / prompt.Rate)
	vh := math.Pow(10, db/20)
	vb := math.Pow(vh, 0.4996667741545416)
	a0 := 1 + k/q + k*k
	return &biquad{
		b0: (vh + vb*k/q + k*k) / a0, b1: 2 * (k*k - vh) / a0, b2: (vh - vb*k/q + k*k) / a0,
		a1: 2 * (k*k - 1) / a0, a2: (1 - k/q + k*k) / a0,
	}
}

func highPass(hz, q float64) *biquad {
	k := math.Tan(math.Pi * hz / prompt.Rate)
	a0 := 1 + k/q + k*k
	return &biquad{b0: 1, b1: -2, b2: 1, a1: 2 * (k*k - 1) / a0, a2: (1 - k/q + k*k) / a0}
}
