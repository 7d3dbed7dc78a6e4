package level

import (
	"math"
	"sync"
	"time"

	"santral/media"
	"santral/media/pcm"
)

// Denoiser takes noise from speech: noise that goes on, such as that of a fan, of a street or of a line, not that which
// comes and goes as speech does. It works on spectra of 30 ms, 10 ms apart. How likely it is that somebody speaks is
// estimated for each line of the spectrum by its power against the noise (Gerkmann and Hendriks 2012), the noise is
// learnt where nobody does, and each line gets the factor that leaves the least error of its logarithm (Ephraim and
// Malah 1985), but for a floor, so that what is left sounds like the same noise far away.
//
// It belongs to one stream, is used by one goroutine at a time and allocates nothing while it works.
type Denoiser struct {
	hop    int
	tables *tables
	rate   int

	in    []float32 // the last window of what came
	out   []float32 // sums of what is to leave
	ready []int16   // the hop that leaves next
	at    int       // in the hop

	frame    []float32
	spectrum []complex64

	noise   []float32 // power of each line
	likely  []float32 // that somebody speaks there, smoothed
	clean   []float32 // power of speech that was left before, of the noise
	smooth  []float32
	least   []float32 // of smooth, lately
	lately  []float32
	age     int
	started int
	speech  float32 // power of the loudest windows lately
	hush    float32 // of the noise
}

// tables are what all of one rate share.
type tables struct {
	fft    *pcm.FFT
	window []float32
}

var _ Suppressor = (*Denoiser)(nil)

// The constants of the noise's estimate and of the factors.
const (
	slices     = 3    // hops in a window
	prior      = 31.6 // power of speech where there is some, of the noise: 15 dB
	remembers  = 0.96 // of what was left in the window before
	leastPrior = 0.003
	begins     = 8   // windows that are taken for noise at first
	looksBack  = 150 // windows: noise is half of what was not fallen below for twice as long, at least
	unheard    = 40. // power of a line that nobody hears

	deep    = 12.   // dB by which noise is lowered,
	farFrom = 26.   // and where it is farther below the loudest speech, and less of a nuisance than what is done to that,
	less    = 0.75  // dB less for each
	softens = 0.998 // speech is as loud as it was lately, for each window: 0.9 dB a second
)

var shared sync.Map // of *tables by rate

// NewDenoiser makes one for sound at a rate, in Hz.
func NewDenoiser(rate int) *Denoiser {
	hop := max(rate/100, 8)
	size := 1
	for size < slices*hop {
		size *= 2
	}
	t, ok := shared.Load(rate)
	if !ok {
		made := &tables{fft: pcm.NewFFT(size), window: make([]float32, slices*hop)}
		for i := range made.window { // the squares of its three places add up to one
			made.window[i] = float32(math.Sin(math.Pi*(float64(i)+0.5)/float64(slices*hop)) * math.Sqrt(2./slices))
		}
		t, _ = shared.LoadOrStore(rate, made)
	}
	lines := size/2 + 1
	d := &Denoiser{
		hop: hop, rate: rate, tables: t.(*tables), in: make([]float32, slices*hop), out: make([]float32, slices*hop), ready: make([]int16, hop),
		frame: make([]float32, size), spectrum: make([]complex64, lines),
		noise: make([]float32, lines), likely: make([]float32, lines), clean: make([]float32, lines),
		smooth: make([]float32, lines), least: make([]float32, lines), lately: make([]float32, lines),
	}
	return d
}

// Delay is how much later sound leaves: 30 ms.
func (d *Denoiser) Delay() time.Duration {
	return time.Duration(slices*d.hop) * time.Second / time.Duration(d.rate)
}

// Process takes noise from a frame, of any length, in place.
func (d *Denoiser) Process(f media.Frame) {
	keep := (slices - 1) * d.hop
	for len(f) > 0 {
		k := min(d.hop-d.at, len(f))
		for i, v := range f[:k] {
			d.in[keep+d.at+i] = float32(v)
		}
		copy(f[:k], d.ready[d.at:])
		f = f[k:]
		if d.at += k; d.at == d.hop {
			d.at = 0
			d.turn()
			copy(d.in, d.in[d.hop:])
		}
	}
}

// turn works on a window that is full.
func (d *Denoiser) turn() {
	t := d.tables
	for i, w := range t.window {
		d.frame[i] = d.in[i] * w
	}
	clear(d.frame[len(t.window):])
	t.fft.Forward(d.spectrum, d.frame)
	d.weigh()
	t.fft.Back(d.frame, d.spectrum)
	for i, w := range t.window {
		d.out[i] += d.frame[i] * w
	}
	for i := range d.ready {
		d.ready[i] = int16(min(max(math.Round(float64(d.out[i])), -32768), 32767))
	}
	copy(d.out, d.out[d.hop:])
	clear(d.out[len(d.out)-d.hop:])
}

// weigh learns the noise, and gives each line its factor.
func (d *Denoiser) weigh() {
	total := float32(0)
	for _, z := range d.spectrum {
		total += real(z)*real(z) + imag(z)*imag(z)
	}
	if total < unheard*float32(len(d.spectrum)) { // nothing is there: nothing is learnt of it
		return
	}
	first := d.started < begins
	if first {
		d.started++
	}
	if d.age++; d.age == looksBack {
		d.age = 0
		copy(d.least, d.lately)
		copy(d.lately, d.smooth)
	}
	deepest := d.deepest(total)
	d.hush = 0
	for k, z := range d.spectrum {
		power := real(z)*real(z) + imag(z)*imag(z)
		noise := d.noise[k]
		if first {
			noise += (power - noise) / float32(d.started)
			d.smooth[k], d.least[k], d.lately[k] = noise, noise, noise
		} else {
			s := d.smooth[k]
			s += 0.15 * (power - s)
			d.smooth[k] = s
			d.lately[k] = min(d.lately[k], s)
			if low := min(d.lately[k], d.least[k]) / 2; noise < low {
				noise = low
			}
		}
		noise = max(noise, unheard)
		post := power / noise
		p := 1 / (1 + (1+prior)*exp(-post*(prior/(1+prior))))
		d.likely[k] += 0.1 * (p - d.likely[k])
		if d.likely[k] > 0.99 {
			p = min(p, 0.99)
		}
		if !first {
			noise += 0.2 * (1 - p) * (power - noise)
		}
		d.noise[k] = noise
		d.hush += noise

		post = min(power/noise, 1000)
		snr := remembers*d.clean[k] + (1-remembers)*max(post-1, 0)
		snr = max(snr, leastPrior)
		wiener := snr / (1 + snr)
		g := max(min(wiener*boost(wiener*post), 1), deepest)
		d.clean[k] = g * g * post
		d.spectrum[k] = complex(real(z)*g, imag(z)*g)
	}
}

// deepest is the least factor, by how far the noise is below speech.
func (d *Denoiser) deepest(total float32) float32 {
	d.speech = max(d.speech*softens, total)
	above := 10 * math.Log10(float64(d.speech/max(d.hush, 1)))
	return float32(math.Pow(10, -min(max(deep-less*(above-farFrom), 0), deep)/20))
}

// exp is e to the power x, x ≤ 0, well enough.
func exp(x float32) float32 {
	if x < -40 {
		return 0
	}
	y := 1 + x/256
	y *= y
	y *= y
	y *= y
	y *= y
	y *= y
	y *= y
	y *= y
	return y * y
}

// boosts holds exp(E₁(v)/2) for v/(1+v) in steps.
var boosts = func() (t [257]float32) {
	for i := range t {
		u := (float64(i) + 0.02) / 256
		if u >= 1 {
			t[i] = 1
			continue
		}
		t[i] = float32(math.Exp(integral(u/(1-u)) / 2))
	}
	return t
}()

// boost is how much more than by Wiener's rule is left of a line (Ephraim and Malah 1985, equation 20).
func boost(v float32) float32 {
	x := v / (1 + v) * 256
	i := min(int(x), 255)
	return boosts[i] + (x-float32(i))*(boosts[i+1]-boosts[i])
}

// integral is the exponential integral E₁ (Abramowitz and Stegun 5.1.11 and 5.1.22).
func integral(x float64) float64 {
	if x < 1 {
		sum, term := -0.5772156649015329-math.Log(x), 1.
		for k := 1.; k < 30; k++ {
			term *= -x / k
			sum -= term / k
		}
		return sum
	}
	c := 0.
	for k := 40.; k >= 1; k-- {
		c = k / (1 + k/(x+c))
	}
	return math.Exp(-x) / (x + c)
}
