package codec

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"santral/media"
)

// likeness is how far the spectra of two sounds lie from each other in dB, over 16 bands from 100 Hz to
// 3.4 kHz in pieces of 16 ms: an ear hears bands and their loudness, not the phases that a concealed period
// cannot know. Silence is 50 dB below the loudest.
func likeness(want, got media.Frame, rate int) float64 {
	size := rate * 16 / 1000
	var waves [64][]complex128
	for k := range waves {
		hz := 100 * math.Pow(34, float64(k)/64)
		for i := range size {
			w := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(size))
			waves[k] = append(waves[k], complex(w, 0)*cmplx.Exp(complex(0, 2*math.Pi*hz*float64(i)/float64(rate))))
		}
	}
	bands := func(f media.Frame) (b [16]float64) {
		for k := range waves {
			var re, im float64
			for i, s := range f {
				re += real(waves[k][i]) * float64(s)
				im += imag(waves[k][i]) * float64(s)
			}
			b[k/4] += (re*re + im*im) / (float64(size) * float64(size))
		}
		for i, v := range b {
			b[i] = 10 * math.Log10(v+30)
		}
		return b
	}
	sum, n := 0.0, 0.0
	for at := 0; at+size <= len(want) && at+size <= len(got); at += size / 2 {
		if power(want[at:at+size]) < -45 {
			continue
		}
		a, b := bands(want[at:at+size]), bands(got[at:at+size])
		for i := range a {
			sum += (a[i] - b[i]) * (a[i] - b[i])
			n++
		}
	}
	return math.Sqrt(sum / max(n, 1))
}

// A tenth of the packets is lost by chance. Every codec's concealment brings its own sound nearer to what it
// would have been than silence does.
func TestConcealmentHelps(t *testing.T) {
	for _, c := range All() {
		size := c.Rate / 50
		if c.Fit(0) != usualTime {
			size /= 2
		}
		sound := speech(t, c.Rate)[:4*c.Rate]
		e, d := pair(t, c, Options{})
		packets := inPackets(e, sound, size)
		want := heard(t, d, packets, size)
		chance := rand.New(rand.NewPCG(10, 10))
		lossy := make([][]byte, len(packets))
		for i := range packets {
			if chance.IntN(10) > 0 {
				lossy[i] = packets[i]
			}
		}
		_, d = pair(t, c, Options{})
		concealed := heard(t, d, lossy, size)
		_, d = pair(t, c, Options{})
		zeros := media.Frame(nil)
		for _, p := range lossy {
			if p == nil {
				zeros = append(zeros, make(media.Frame, size)...)
			} else {
				zeros = append(zeros, heard(t, d, [][]byte{p}, size)...)
			}
		}
		with, without := likeness(want, concealed, c.Rate), likeness(want, zeros, c.Rate)
		t.Logf("%s/%d: spectra %.2f dB away concealed, %.2f with zeros", c.Format.Name, c.Rate, with, without)
		if with > without*0.8 {
			t.Errorf("%s/%d: spectra %.2f dB away concealed, %.2f with zeros", c.Format.Name, c.Rate, with, without)
		}
	}
}
