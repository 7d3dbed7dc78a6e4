package level

import (
	"math"

	"santral/media"
)

// Meter measures loudness by ITU-R BS.1770-4, as EBU R 128 uses it, of sound with one channel. It is a media.Sink of
// sound at the rate that it was made for, is used by one goroutine at a time, allocates nothing while it measures, and
// what it keeps does not grow.
type Meter struct {
	rate    int
	filter  [2]biquad
	long    int        // samples in a step of 100 ms
	have    int        // of it
	sum     float64    // squares of it
	steps   [4]float64 // mean squares of the last of them
	count   int        // of steps so far
	all     float64    // squares of everything
	samples int
	blocks  [bins]int // of 400 ms, by their loudness
	power   [bins]float64
}

// Loudness of blocks is counted in bins of a tenth of a LU from the absolute gate on (ITU-R BS.1770-4 annex 1).
const (
	absolute = -70.
	relative = -10.
	bins     = 800
)

// Unmeasured is the loudness of silence: the absolute gate, in LUFS.
const Unmeasured = absolute

// NewMeter makes one for sound at a rate, in Hz.
func NewMeter(rate int) *Meter {
	m := &Meter{rate: rate, long: max(rate/10, 1)}
	m.filter = weighting(float64(rate))
	return m
}

// Rate is the rate that it was made for (media.Rated).
func (m *Meter) Rate() int { return m.rate }

// Write takes the next samples.
func (m *Meter) Write(f media.Frame) {
	for _, v := range f {
		x := m.filter[1].next(m.filter[0].next(float64(v) / 32768))
		m.sum += x * x
		if m.have++; m.have == m.long {
			m.step()
		}
	}
}

// step takes a tenth of a second, which ends a block of four: blocks overlap by three quarters.
func (m *Meter) step() {
	m.steps[m.count%len(m.steps)] = m.sum / float64(m.long)
	m.all += m.sum
	m.samples += m.have
	m.have, m.sum = 0, 0
	if m.count++; m.count < len(m.steps) {
		return
	}
	power := 0.
	for _, p := range m.steps {
		power += p / float64(len(m.steps))
	}
	if loud := lufs(power); loud > absolute {
		at := min(int((loud-absolute)*10), bins-1)
		m.blocks[at]++
		m.power[at] += power
	}
}

// Integrated is the loudness of everything so far but for what is silent beside it, in LUFS; Unmeasured where there was
// nothing but silence. Of less than 400 ms it is the loudness of all.
func (m *Meter) Integrated() float64 {
	if m.count < len(m.steps) {
		return max(lufs((m.all+m.sum)/float64(max(m.samples+m.have, 1))), absolute)
	}
	mean := func(from int) float64 {
		n, sum := 0, 0.
		for i := from; i < bins; i++ {
			n += m.blocks[i]
			sum += m.power[i]
		}
		return lufs(sum / float64(max(n, 1)))
	}
	all := mean(0)
	if all <= absolute {
		return Unmeasured
	}
	return mean(max(int(math.Round((all+relative-absolute)*10)), 0))
}

// lufs is the loudness of a mean square (ITU-R BS.1770-4 annex 1, equation 2).
func lufs(power float64) float64 { return -0.691 + 10*math.Log10(power+1e-15) }

// biquad is a filter of the second order.
type biquad struct{ b0, b1, b2, a1, a2, z1, z2 float64 }

func (f *biquad) next(x float64) float64 {
	y := f.b0*x + f.z1
	f.z1 = f.b1*x - f.a1*y + f.z2
	f.z2 = f.b2*x - f.a2*y
	return y
}

// weighting is the K-weighting, a shelf for the head and a high pass, at any rate. The standard gives coefficients at
// 48 kHz alone; these are of the analogue filters that they stand for.
func weighting(rate float64) [2]biquad {
	k := math.Tan(math.Pi * 1681.9744509555319 / rate)
	const q, db = 0.7071752369554193, 3.99984385397
	vh := math.Pow(10, db/20)
	vb := math.Pow(vh, 0.499666774155)
	a0 := 1 + k/q + k*k
	shelf := biquad{
		b0: (vh + vb*k/q + k*k) / a0, b1: 2 * (k*k - vh) / a0, b2: (vh - vb*k/q + k*k) / a0,
		a1: 2 * (k*k - 1) / a0, a2: (1 - k/q + k*k) / a0,
	}
	k = math.Tan(math.Pi * 38.13547087613982 / rate)
	const p = 0.5003270373253953
	a0 = 1 + k/p + k*k
	pass := biquad{b0: 1, b1: -2, b2: 1, a1: 2 * (k*k - 1) / a0, a2: (1 - k/p + k*k) / a0}
	return [2]biquad{shelf, pass}
}
