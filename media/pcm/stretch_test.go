package pcm

import (
	"math"
	"math/rand/v2"
	"testing"

	"santral/media"
)

// climb is the greatest difference of two neighbouring samples.
func climb(s []int16) (most int) {
	for i := 1; i < len(s); i++ {
		most = max(most, int(s[i])-int(s[i-1]), int(s[i-1])-int(s[i]))
	}
	return most
}

var stretchRates = []int{8000, 16000, 48000}

func TestPitch(t *testing.T) {
	for _, rate := range stretchRates {
		for _, hz := range []float64{80, 125, 210, 390} {
			lag, alike := Pitch(sine(hz, rate, rate/20), rate)
			periods := float64(lag) * hz / float64(rate)
			if math.Abs(periods-math.Round(periods)) > 0.06 || lag == 0 || alike < 0.98 {
				t.Errorf("%d: %g Hz has a lag of %d, %.2f periods, alike by %.3f", rate, hz, lag, periods, alike)
			}
		}
		r := rand.New(rand.NewPCG(1, 1))
		noise := make(media.Frame, rate/20)
		for i := range noise {
			noise[i] = int16(r.IntN(16000) - 8000)
		}
		if _, alike := Pitch(noise, rate); alike > 0.6 {
			t.Errorf("%d: noise is alike by %.3f", rate, alike)
		}
		if lag, alike := Pitch(make(media.Frame, rate/20), rate); lag == 0 || alike != 1 {
			t.Errorf("%d: silence has a lag of %d, alike by %.3f", rate, lag, alike)
		}
	}
	if lag, _ := Pitch(make(media.Frame, 10), 8000); lag != 0 {
		t.Errorf("ten samples have a lag of %d", lag)
	}
}

// What is made shorter or longer changes by its lag, and is the same tone without a click.
func TestShrinkAndGrow(t *testing.T) {
	for _, rate := range stretchRates {
		for _, hz := range []float64{90, 150, 310} {
			in := sine(hz, rate, rate/5)
			limit := climb(in)*5/4 + 2
			at := rate / 20
			x := append(media.Frame(nil), in...)
			n := Shrink(x[at:], rate, 0.9)
			if n == 0 || n > Longest(rate) {
				t.Errorf("%d: %g Hz is shorter by %d", rate, hz, n)
			}
			if short := append(append(media.Frame(nil), x[:at]...), x[at+n:]...); climb(short) > limit {
				t.Errorf("%d: %g Hz made shorter leaps by %d, %d before", rate, hz, climb(short), climb(in))
			}
			long, n := Grow(append(media.Frame(nil), in...), at, rate, 0.9)
			if n == 0 || len(long) != len(in)+n {
				t.Errorf("%d: %g Hz is longer by %d: %d samples", rate, hz, n, len(long))
			}
			if climb(long) > limit {
				t.Errorf("%d: %g Hz made longer leaps by %d, %d before", rate, hz, climb(long), climb(in))
			}
			for i, s := range in[:at] {
				if long[i] != s {
					t.Fatalf("%d: what was played is changed at %d", rate, i)
				}
			}
		}
		// Noise is not alike, and stays what it is.
		r := rand.New(rand.NewPCG(1, 1))
		x := make(media.Frame, rate/5)
		for i := range x {
			x[i] = int16(r.IntN(16000) - 8000)
		}
		if n := Shrink(x[rate/20:], rate, 0.9); n != 0 {
			t.Errorf("%d: noise is shorter by %d", rate, n)
		}
		if _, n := Grow(x, rate/20, rate, 0.9); n != 0 {
			t.Errorf("%d: noise is longer by %d", rate, n)
		}
		if n := Shrink(x[:samples(overlap, rate)], rate, -1); n != 0 {
			t.Errorf("%d: too little is shorter by %d", rate, n)
		}
	}
}

// A tone goes on for 20 ms as if nothing had been missing, and from both sides too.
func TestExtendAndBridge(t *testing.T) {
	for _, rate := range stretchRates {
		for _, hz := range []float64{90, 150, 310} {
			in := sine(hz, rate, rate/5)
			at, n := rate/10, rate/50
			lag, _ := Pitch(in[:at], rate)
			x := Extend(append(media.Frame(nil), in[:at]...), n, lag, rate, 1)
			if len(x) != at+n || climb(x) > climb(in)*5/4+2 {
				t.Errorf("%d: %g Hz goes on for %d and leaps by %d, %d before", rate, hz, len(x)-at, climb(x), climb(in))
			}
			quiet := Extend(append(media.Frame(nil), in[:at]...), 5*n, lag, rate, 1-4/float64(5*n))
			if end := climb(quiet[at+4*n:]); end > climb(in)/8 {
				t.Errorf("%d: %g Hz doesn't fade: %d", rate, hz, end)
			}
			for _, slack := range []int{0, rate / 250} {
				y := in[at+n:]
				x, shift := Bridge(append(media.Frame(nil), in[:at]...), n, y, 0, rate, slack, 1)
				if len(x) != at+n+shift || shift > slack || -shift > slack {
					t.Fatalf("%d: %g Hz: a hole of %d is filled by %d, shifted by %d", rate, hz, n, len(x)-at, shift)
				}
				whole := append(x, y...)
				if climb(whole) > climb(in)*5/4+2 {
					t.Errorf("%d: %g Hz: a filled hole leaps by %d, %d before", rate, hz, climb(whole), climb(in))
				}
				if slack == 0 {
					if db := residue(in[at:at+n], whole[at:at+n]); db > -15 {
						t.Errorf("%d: %g Hz: a filled hole is wrong by %.1f dB", rate, hz, db)
					}
				}
			}
			// Half a period is missing, and nobody knows: the waves are laid together.
			half := int(float64(rate) / hz / 2)
			y := in[at+half : at+half+rate/50]
			joined, shift := Join(append(media.Frame(nil), in[:at]...), y, lag, rate, rate/250)
			if climb(joined) > climb(in)*3/2+2 || len(joined) != at+len(y)+shift {
				t.Errorf("%d: %g Hz: joined, it leaps by %d, %d before; shifted by %d", rate, hz, climb(joined), climb(in), shift)
			}
		}
	}
}

// Nothing is too short.
func TestStretchOfLittle(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 3000 {
		rate := stretchRates[r.IntN(3)]
		x, y := make(media.Frame, r.IntN(rate/15)), make(media.Frame, r.IntN(rate/30))
		for i := range x {
			x[i] = int16(r.IntN(1 << 16))
		}
		for i := range y {
			y[i] = int16(r.IntN(1 << 16))
		}
		lag, _ := Pitch(x, rate)
		n := r.IntN(rate / 20)
		if b, shift := Bridge(append(media.Frame(nil), x...), n, y, lag, rate, r.IntN(rate/200), 1); len(b) != len(x)+n+shift {
			t.Fatalf("%d samples, a hole of %d, shifted by %d: %d", len(x), n, shift, len(b))
		}
		if j, shift := Join(append(media.Frame(nil), x...), y, lag, rate, rate/250); len(j) != len(x)+len(y)+shift {
			t.Fatalf("%d and %d samples, shifted by %d: %d", len(x), len(y), shift, len(j))
		}
		if len(x) > 0 {
			at := r.IntN(len(x))
			if g, n := Grow(append(media.Frame(nil), x...), at, rate, -1); len(g) != len(x)+n {
				t.Fatalf("%d samples, %d more: %d", len(x), n, len(g))
			}
			if n := Shrink(x[at:], rate, -1); n > len(x)-at {
				t.Fatalf("%d samples, %d less", len(x)-at, n)
			}
		}
	}
}
