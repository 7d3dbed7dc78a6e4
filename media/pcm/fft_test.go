package pcm

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The transform is what its definition says, and its inverse gives the samples back.
func TestFFT(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{16, 256, 2048} {
		in, out, spectrum := make([]float32, n), make([]float32, n), make([]complex64, n/2+1)
		for i := range in {
			in[i] = float32(r.NormFloat64())
		}
		f := NewFFT(n)
		f.Forward(spectrum, in)
		for _, k := range []int{0, 1, 3, n / 4, n/2 - 1, n / 2} {
			var re, im float64
			for i, v := range in {
				sin, cos := math.Sincos(-2 * math.Pi * float64(k*i%n) / float64(n))
				re += float64(v) * cos
				im += float64(v) * sin
			}
			if math.Hypot(re-float64(real(spectrum[k])), im-float64(imag(spectrum[k]))) > 1e-3 {
				t.Errorf("%d: line %d is %v, want %v", n, k, spectrum[k], complex(re, im))
			}
		}
		f.Back(out, spectrum)
		for i := range in {
			if math.Abs(float64(in[i]-out[i])) > 1e-4 {
				t.Fatalf("%d: sample %d comes back as %v, was %v", n, i, out[i], in[i])
			}
		}
	}
}
