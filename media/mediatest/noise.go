package mediatest

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Noises are those that Noise knows: white; fan, a rumble with hum and its harmonics; babble, many who talk at once.
var Noises = []string{"white", "fan", "babble"}

// Noise makes n samples of one of Noises at rate, always the same for a seed. Mix says how loud it is.
func Noise(t testing.TB, kind string, n, rate int, seed uint64) []int16 {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 7))
	sum := make([]float64, n)
	switch kind {
	case "white":
		for i := range sum {
			sum[i] = 3000 * r.NormFloat64()
		}
	case "fan":
		var a, b, phase float64
		slow := 1 - math.Exp(-2*math.Pi*300/float64(rate))
		for i := range sum {
			w := r.NormFloat64()
			a += slow * (w - a)
			b += slow * (a - b)
			phase += 2 * math.Pi * 97 / float64(rate) // blades
			sum[i] = 3000 * (8*b + 0.05*w + 0.25*math.Sin(phase) + 0.12*math.Sin(2*phase) + 0.06*math.Sin(3*phase))
		}
	case "babble":
		for _, voice := range Voices {
			speech := Speech(t, voice, rate)
			for range 2 {
				at := r.IntN(len(speech))
				for i := range sum {
					sum[i] += 0.3 * float64(speech[(at+i)%len(speech)])
				}
			}
		}
	default:
		t.Fatalf("there is no noise %q", kind)
	}
	out := make([]int16, n)
	for i, v := range sum {
		out[i] = int16(min(max(v, -32768), 32767))
	}
	return out
}

// Mix adds noise to speech, so much that speech, where somebody speaks, is snr dB louder.
func Mix(speech, noise []int16, rate int, snr float64) []int16 {
	var hush float64
	for _, v := range noise {
		hush += float64(v) * float64(v)
	}
	hush /= float64(max(len(noise), 1))
	gain := 0.
	if hush > 0 {
		gain = math.Sqrt(ActivePower(speech, rate) / hush * math.Pow(10, -snr/10))
	}
	out := make([]int16, len(speech))
	for i, v := range speech {
		out[i] = int16(min(max(float64(v)+gain*float64(noise[i%len(noise)]), -32768), 32767))
	}
	return out
}

// Active tells of each 20 ms whether somebody speaks in speech without noise: what is no more than 35 dB below the
// loudest.
func Active(speech []int16, rate int) []bool {
	n := rate / 50
	var powers []float64
	loudest := 0.
	for at := 0; at+n <= len(speech); at += n {
		p := 0.
		for _, v := range speech[at : at+n] {
			p += float64(v) * float64(v)
		}
		powers = append(powers, p)
		loudest = max(loudest, p)
	}
	active := make([]bool, len(powers))
	for i, p := range powers {
		active[i] = p > loudest*3.2e-4
	}
	return active
}

// ActivePower is the mean square of speech where somebody speaks.
func ActivePower(speech []int16, rate int) float64 {
	n, sum, count := rate/50, 0., 0
	for i, yes := range Active(speech, rate) {
		if yes {
			for _, v := range speech[i*n : (i+1)*n] {
				sum += float64(v) * float64(v)
			}
			count += n
		}
	}
	return sum / float64(max(count, 1))
}
