package pcm

import "math"

// FFT is the Fourier transform of real sound, of a power of two samples: half as many complex ones are transformed and
// parted. It keeps its tables and no state, and may be shared.
type FFT struct {
	n       int         // samples
	roots   []complex64 // the stages' twiddles, one after another
	halves  []complex64 // those that part the halves
	reverse []int32
}

// NewFFT makes one of n samples, a power of two of 8 at least.
func NewFFT(n int) *FFT {
	m := n / 2
	f := &FFT{n: n, reverse: make([]int32, m), halves: make([]complex64, m/2+1)}
	for size := 2; size <= m; size *= 2 {
		for k := range size / 2 {
			f.roots = append(f.roots, turn(-float64(k)/float64(size)))
		}
	}
	for i := range f.halves {
		f.halves[i] = turn(-float64(i) / float64(n))
	}
	for i, j := 1, 0; i < m; i++ {
		bit := m >> 1
		for ; j&bit != 0; bit >>= 1 {
			j ^= bit
		}
		j ^= bit
		f.reverse[i] = int32(j)
	}
	return f
}

func turn(part float64) complex64 {
	sin, cos := math.Sincos(2 * math.Pi * part)
	return complex(float32(cos), float32(sin))
}

// inner transforms m complex values in place, whose order is reversed already.
func (f *FFT) inner(x []complex64) {
	m := len(x)
	for i := 0; i+1 < m; i += 2 {
		x[i], x[i+1] = x[i]+x[i+1], x[i]-x[i+1]
	}
	roots := f.roots[1:]
	for half := 2; half < m; half *= 2 {
		w := roots[:half]
		roots = roots[half:]
		for at := 0; at < m; at += 2 * half {
			a, b := x[at:at+half], x[at+half:at+2*half]
			for k := range w {
				u, v, z := a[k], b[k], w[k]
				re := real(v)*real(z) - imag(v)*imag(z)
				im := real(v)*imag(z) + imag(v)*real(z)
				a[k] = complex(real(u)+re, imag(u)+im)
				b[k] = complex(real(u)-re, imag(u)-im)
			}
		}
	}
}

// Forward gives the spectrum of n samples: n/2+1 values.
func (f *FFT) Forward(out []complex64, in []float32) {
	m := f.n / 2
	x := out[:m]
	for i, j := range f.reverse {
		x[j] = complex(in[2*i], in[2*i+1])
	}
	f.inner(x)
	first := x[0]
	out[m] = complex(real(first)-imag(first), 0)
	out[0] = complex(real(first)+imag(first), 0)
	for k := 1; k <= m/2; k++ {
		a, b := x[k], x[m-k]
		// even and odd samples' spectra
		er, ei := (real(a)+real(b))/2, (imag(a)-imag(b))/2
		or, oi := (imag(a)+imag(b))/2, (real(b)-real(a))/2
		w := f.halves[k]
		tr, ti := or*real(w)-oi*imag(w), or*imag(w)+oi*real(w)
		out[k] = complex(er+tr, ei+ti)
		out[m-k] = complex(er-tr, ti-ei)
	}
}

// Back gives the n samples of a spectrum, which is overwritten.
func (f *FFT) Back(out []float32, in []complex64) {
	m := f.n / 2
	lo, hi := real(in[0]), real(in[m])
	in[0] = complex((lo+hi)/2, (lo-hi)/2)
	for k := 1; k <= m/2; k++ {
		a, b := in[k], in[m-k]
		er, ei := (real(a)+real(b))/2, (imag(a)-imag(b))/2
		dr, di := (real(a)-real(b))/2, (imag(a)+imag(b))/2
		w := f.halves[k] // of the odd ones: d·w*
		or, oi := dr*real(w)+di*imag(w), di*real(w)-dr*imag(w)
		in[k] = complex(er-oi, ei+or)
		in[m-k] = complex(er+oi, or-ei)
	}
	// The inverse is the transform of the conjugates.
	x := in[:m]
	for i, j := range f.reverse {
		if int32(i) < j {
			x[i], x[j] = x[j], x[i]
		}
	}
	for i, v := range x {
		x[i] = complex(real(v), -imag(v))
	}
	f.inner(x)
	scale := 1 / float32(m)
	for i, v := range x {
		out[2*i], out[2*i+1] = real(v)*scale, -imag(v)*scale
	}
}
