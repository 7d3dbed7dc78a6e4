package mediatest

import (
	"math"
	"math/cmplx"
	"slices"
)

// Comparison is how degraded speech stands against its original.
type Comparison struct {
	MOS         float64   // 1 to 4.5
	Disturbance float64   // mean of the patches, 0 for none, about 1 where nothing of the original is left
	Delay       float64   // of the degraded speech, in seconds: the median of the patches
	Patches     []float64 // the disturbance of each piece of the original in which somebody speaks
}

// Opinion compares degraded speech with its original, both at rate, and gives the mean opinion score that
// listeners are estimated to have of it: 1 bad, 4.5 the best of telephony. docs/quality.md says how, and what it was
// set by.
func Opinion(original, degraded []int16, rate int) float64 {
	return Compare(original, degraded, rate).MOS
}

// What takes the measure's time works on sound of its own alone and is kept from the race detector, which would
// make it ten times slower.

// The measure's constants.
const (
	hopTime    = 0.010  // between two columns of the original's picture, in seconds
	fineTime   = 0.0025 // of the degraded one's, a whole part of hopTime
	windowTime = 0.025
	depth      = 40.0 // dB from the level of speech down to what nobody hears beside it
	masked     = 30.0 // dB from the loudest band of a column down to what it hides
	above      = 20.0 // dB above it
	patchLong  = 24   // columns
	patchStep  = 12
	nearby     = 16   // fine columns that a patch may have moved against the one before
	far        = 160  // where nothing near is alike
	astray     = 0.15 // the disturbance of a patch that is looked for farther away
)

// bandsOf are the edges of the bands, equally wide as the ear counts (ERB-rate scale of Glasberg and Moore).
func bandsOf(rate int) []float64 {
	erb := func(f float64) float64 { return 21.4 * math.Log10(1+0.00437*f) }
	inverse := func(e float64) float64 { return (math.Pow(10, e/21.4) - 1) / 0.00437 }
	low, high := erb(100), erb(min(0.425*float64(rate), 7500)) // 3400 Hz of narrowband; above 7.5 kHz our voices say nothing
	n := int(high - low)
	edges := make([]float64, n+1)
	for i := range edges {
		edges[i] = inverse(low + (high-low)*float64(i)/float64(n))
	}
	return edges
}

// picture is a spectrogram: for each column the level of every band in dB above what nobody hears.
type picture [][]float64

// draw makes the picture with so many seconds from one column to the next.
//
//go:norace
func draw(sound []int16, rate int, hop float64) picture {
	edges := bandsOf(rate)
	window := int(windowTime * float64(rate))
	size := 1
	for size < window {
		size *= 2
	}
	shape := make([]float64, window)
	for i := range shape {
		shape[i] = 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/float64(window))
	}
	var p picture
	line, twiddles := make([]complex128, size), twiddlesOf(size)
	fits := func(at float64) bool { return int(at)+window <= len(sound) }
	for at, step := 0.0, hop*float64(rate); fits(at); at += 2 * step { // two columns in one, real and imaginary
		clear(line)
		for i, s := range sound[int(at) : int(at)+window] {
			line[i] = complex(float64(s)*shape[i], 0)
		}
		if fits(at + step) {
			for i, s := range sound[int(at+step) : int(at+step)+window] {
				line[i] += complex(0, float64(s)*shape[i])
			}
		}
		fft(line, twiddles)
		first, second := make([]float64, len(edges)-1), make([]float64, len(edges)-1)
		for b := range first {
			from, to := edges[b]*float64(size)/float64(rate), edges[b+1]*float64(size)/float64(rate)
			for k := int(from); float64(k) < to; k++ { // bins count by the part of them that lies within
				part := (min(float64(k+1), to) - max(float64(k), from)) / (4 * float64(window) * float64(size))
				z, c := line[k], cmplx.Conj(line[(size-k)%size])
				x, y := z+c, z-c
				first[b] += part * (real(x)*real(x) + imag(x)*imag(x))
				second[b] += part * (real(y)*real(y) + imag(y)*imag(y))
			}
		}
		p = append(p, first)
		if fits(at + step) {
			p = append(p, second)
		}
	}
	return p
}

// twiddlesOf are the first half of the size-th roots of one.
func twiddlesOf(size int) []complex128 {
	w := make([]complex128, size/2)
	for i := range w {
		w[i] = cmplx.Rect(1, -2*math.Pi*float64(i)/float64(size))
	}
	return w
}

// fft is the fast Fourier transform in place, of a power of two, whose twiddlesOf are w.
//
//go:norace
func fft(x, w []complex128) {
	n := len(x)
	for i, j := 1, 0; i < n; i++ {
		bit := n >> 1
		for ; j&bit != 0; bit >>= 1 {
			j ^= bit
		}
		j ^= bit
		if i < j {
			x[i], x[j] = x[j], x[i]
		}
	}
	for size := 2; size <= n; size *= 2 {
		step := n / size
		for at := 0; at < n; at += size {
			for k := range size / 2 {
				a, b := x[at+k], x[at+k+size/2]*w[k*step]
				x[at+k], x[at+k+size/2] = a+b, a-b
			}
		}
	}
}

// loudness is the mean power of the columns that are not silence, over all bands.
func loudness(p picture) float64 {
	var all []float64
	for _, c := range p {
		sum := 0.0
		for _, v := range c {
			sum += v
		}
		all = append(all, sum)
	}
	if len(all) == 0 {
		return 1
	}
	loud := slices.Max(all)
	sum, n := 0.0, 0
	for _, v := range all {
		if v > loud*1e-3 { // 30 dB below the loudest
			sum += v
			n++
		}
	}
	if n == 0 || sum == 0 {
		return 1
	}
	return sum / float64(n)
}

// level turns powers into dB above what nobody hears beside speech of the given power.
func level(p picture, speech float64) {
	for _, c := range p {
		floor := speech / float64(len(c)) * math.Pow(10, -depth/10)
		for i, v := range c {
			c[i] = min(10*math.Log10(1+v/floor), depth+above)
		}
	}
}

func mean(c []float64) float64 {
	sum := 0.0
	for _, v := range c {
		sum += v
	}
	return sum / float64(len(c))
}

// Compare does what Opinion does, and tells more.
func Compare(original, degraded []int16, rate int) Comparison {
	fine := int(math.Round(hopTime / fineTime))
	window := int(windowTime * float64(rate))
	padded := make([]int16, len(degraded)+2*window) // what is cut off at the end is silence
	copy(padded, degraded)
	a, b := draw(original, rate, hopTime), draw(padded, rate, fineTime)
	var every picture // the degraded one as coarse as the original
	for i := 0; i < len(b); i += fine {
		every = append(every, b[i])
	}
	levelA, levelB := loudness(a), loudness(every)
	if levelB < levelA/1e4 {
		levelB = levelA // silence is not made loud
	}
	level(a, levelA)
	level(b, levelB)
	var c Comparison
	if len(a) < patchLong || len(b) < patchLong*fine {
		c.MOS = 1
		return c
	}
	shift := align(a, b, fine)
	var shifts []float64
	for at := 0; at+patchLong <= len(a); at += patchStep {
		patch := a[at : at+patchLong]
		active := 0
		for _, column := range patch {
			if mean(column) > depth*0.4 {
				active++
			}
		}
		if active < patchLong/2 {
			continue
		}
		best, to := math.Inf(1), shift
		try := func(from, until, step int) {
			for s := from; s <= until; s += step {
				if v := disturbance(patch, b, at*fine+s, fine, best); v < best {
					best, to = v, s
				}
			}
		}
		try(shift, shift, 1) // mostly the best, and then the others are given up early
		try(shift-nearby, shift+nearby, 1)
		if best > astray {
			try(shift-far, shift+far, 2)
		}
		shift = to
		shifts = append(shifts, float64(to)*fineTime)
		c.Patches = append(c.Patches, best)
	}
	if len(c.Patches) == 0 {
		c.MOS = 1
		return c
	}
	slices.Sort(shifts)
	c.Delay = shifts[len(shifts)/2]
	c.Disturbance = mean(c.Patches)
	c.MOS = score(c.Disturbance)
	return c
}

// align finds by how many fine columns b comes later than a, on the whole: where the ups and downs of their
// loudness go together best.
//
//go:norace
func align(a, b picture, fine int) int {
	line := func(p picture) []float64 {
		v := make([]float64, len(p))
		for i, c := range p {
			v[i] = mean(c)
		}
		m := mean(v)
		for i := range v {
			v[i] -= m
		}
		return v
	}
	x, y := line(a), line(b)
	best, shift := math.Inf(-1), 0
	for s := -100 * fine; s <= 200*fine; s++ {
		sum := 0.0
		for i, v := range x {
			if k := i*fine + s; k >= 0 && k < len(y) {
				sum += v * y[k]
			}
		}
		if sum > best {
			best, shift = sum, s
		}
	}
	return shift
}

// disturbance says how unlike a patch is to what stands in b at column at. Every cell that is heard in either
// is compared with its neighbours: is it as loud, and does it rise and fall in the same way (the similarity
// NSIM of Hines and Harte)? What is missing of that is averaged over the bands of a column, and the columns'
// are averaged as squares: a short hole disturbs more than as much noise everywhere. What can't be below best any
// more is not worked out to its end.
//
//go:norace
func disturbance(patch, b picture, at, fine int, best float64) float64 {
	bands := len(patch[0])
	if at < 0 || at+(len(patch)-1)*fine >= len(b) {
		return math.Inf(1)
	}
	const span = depth + above
	const c1, c3 = (0.01 * span) * (0.01 * span), (0.03 * span) * (0.03 * span) / 2
	weights := [3][3]float64{{0.0113, 0.0838, 0.0113}, {0.0838, 0.6193, 0.0838}, {0.0113, 0.0838, 0.0113}}
	total := 0.0
	for t := 1; t < len(patch)-1; t++ {
		var floor [3]float64
		for i := range floor {
			floor[i] = max(slices.Max(patch[t+i-1])-masked, 0)
		}
		sum, n := 0.0, 0
		for k := 1; k < bands-1; k++ {
			if max(patch[t][k], b[at+t*fine][k]) <= max(floor[1], 1) {
				continue // where nothing is heard nothing differs
			}
			var mx, my, xx, yy, xy float64
			for i := range 3 {
				p, q := patch[t+i-1], b[at+(t+i-1)*fine]
				for j := range 3 {
					w, x, y := weights[i][j], max(p[k+j-1], floor[i]), max(q[k+j-1], floor[i])
					mx += w * x
					my += w * y
					xx += w * x * x
					yy += w * y * y
					xy += w * x * y
				}
			}
			vx, vy := max(xx-mx*mx, 0), max(yy-my*my, 0)
			loud := (2*mx*my + c1) / (mx*mx + my*my + c1)
			form := (xy - mx*my + c3) / (math.Sqrt(vx*vy) + c3)
			sum += 1 - loud*form
			n++
		}
		d := sum / float64(max(n, bands/4))
		if total += d * d; total > best*float64(len(patch)-2) {
			break
		}
	}
	return total / float64(len(patch)-2)
}

// score maps disturbance to an opinion. Its two numbers were set once, by what ITU-T G.107 with the values of
// G.113 says of G.711 with lost packets of which nothing is repaired, see docs/quality.md.
func score(disturbance float64) float64 { return 1 + 3.5*math.Exp(-math.Pow(disturbance/0.025, 1.2)) }
