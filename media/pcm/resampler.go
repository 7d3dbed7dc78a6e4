package pcm

import (
	"fmt"
	"math"
	"sync"
	"time"

	"santral/media"
)

// Resampler changes the rate of a stream as it comes, piece by piece. It belongs to one stream, and is used
// by one goroutine at a time. Nothing is allocated after New.
//
// Sound up to 0.9 of what the lower rate can carry passes unchanged (3.4 kHz, 0.85 of it, where that is
// 8 kHz: telephones promise no more), and what the lower rate cannot carry is more than 60 dB down where it
// would fold into that. The filters are made once for each pair of rates. Where the rates are far from each
// other the steep filter works at twice the lower rate alone, and a gentle one does the rest: that takes
// half the time of one filter for both.
type Resampler struct {
	from, to int
	stages   [2]stage
	n        int // stages in use: 0 where the rates are the same
}

// stage is one polyphase filter and the sound that is in it.
type stage struct {
	*bank
	x     []float32 // what came, the oldest first
	have  int       // of it
	at    int       // where the next sample's taps begin
	phase int
}

// bank is the filter of a pair of rates: for each phase its taps.
type bank struct {
	up, down int
	width    int  // taps of a phase, a multiple of 4
	plain    bool // the first phase is the source's own samples: a filter of half the band
	taps     []float32
}

// chunk is how much goes through the filters at once, in samples of the source.
const chunk = 160

// NewResampler makes one between rates of 4 to 192 kHz that have enough in common, as all usual ones have.
func NewResampler(from, to int) (*Resampler, error) {
	r := &Resampler{from: from, to: to}
	if from < 4000 || to < 4000 || from > MaxRate || to > MaxRate {
		return nil, fmt.Errorf("pcm: no way from %d to %d Hz", from, to)
	}
	if from == to {
		return r, nil
	}
	low, high := min(from, to), max(from, to)
	part := 0.9
	if low <= 8000 {
		part = 0.85
	}
	pass := part * float64(low) / 2
	steps := [][2]int{{from, to}}
	if high > 2*low {
		steps = [][2]int{{from, 2 * low}, {2 * low, to}}
	}
	room := chunk
	for _, s := range steps {
		stop := float64(min(s[0], s[1])) - pass
		if min(s[0], s[1]) > low { // behind the steep filter, or before it: most of what that lets half through must not fold either
			stop -= float64(low)/2 - pass
		}
		b, err := bankOf(s[0], s[1], pass, stop)
		if err != nil {
			return nil, err
		}
		r.stages[r.n] = stage{bank: b, x: make([]float32, b.width+room), have: b.width - 1}
		r.n++
		room = room*b.up/b.down + 2
	}
	return r, nil
}

// Copy makes one that goes on where this one stands.
func (r *Resampler) Copy() *Resampler {
	c := *r
	for i := range c.stages[:c.n] {
		c.stages[i].x = append([]float32(nil), r.stages[i].x...)
	}
	return &c
}

// Most is the most samples that Process gives for n of the source.
func (r *Resampler) Most(n int) int { return n*r.to/r.from + 2*r.n }

// Delay is how much later sound leaves than it comes.
func (r *Resampler) Delay() time.Duration {
	d, rate := 0.0, float64(r.from)
	for _, s := range r.stages[:r.n] {
		d += float64(s.width) / 2 / rate
		rate *= float64(s.up) / float64(s.down)
	}
	return time.Duration(d * float64(time.Second))
}

// Process takes the next piece of the source, of any length, and writes what comes of it to dst, which has
// room for Most of it. Twenty milliseconds of any usual rate give twenty of the other.
func (r *Resampler) Process(dst, src media.Frame) int {
	if r.n == 0 {
		return copy(dst, src)
	}
	total := 0
	for len(src) > 0 {
		n := min(len(src), chunk)
		s := &r.stages[0]
		for i, v := range src[:n] {
			s.x[s.have+i] = float32(v)
		}
		s.have += n
		src = src[n:]
		if r.n == 2 {
			next := &r.stages[1]
			next.have += s.run(next.x[next.have:])
			s = next
		}
		var out [chunk]float32
		for {
			made := s.run(out[:])
			for i, v := range out[:made] {
				dst[total+i] = sample(v)
			}
			total += made
			if made < len(out) {
				break
			}
		}
	}
	return total
}

// sample rounds to a sample.
func sample(v float32) int16 {
	if v < 0 {
		return int16(max(v-0.5, -32768))
	}
	return int16(min(v+0.5, 32767))
}

// run makes samples until the sound in x or the room in out is at its end, and gives their number.
func (s *stage) run(out []float32) (n int) {
	w, at, phase := s.width, s.at, s.phase
	whole, rest := s.down/s.up, s.down%s.up
	for x := s.x[:s.have]; n < len(out) && at+w <= len(x); n++ {
		switch {
		case phase == 0 && s.plain:
			out[n] = x[at+w/2-1]
		case w == 8:
			a, b := (*[8]float32)(s.taps[phase*8:]), (*[8]float32)(x[at:])
			out[n] = (a[0]*b[0] + a[1]*b[1]) + (a[2]*b[2] + a[3]*b[3]) + ((a[4]*b[4] + a[5]*b[5]) + (a[6]*b[6] + a[7]*b[7]))
		default:
			out[n] = dot(s.taps[phase*w:phase*w+w], x[at:at+w])
		}
		at += whole
		if phase += rest; phase >= s.up {
			phase -= s.up
			at++
		}
	}
	if at+w > s.have { // nothing more comes of what is here: the rest goes to the front
		gone := min(at, s.have)
		copy(s.x, s.x[gone:s.have])
		s.have -= gone
		at -= gone
	}
	s.at, s.phase = at, phase
	return n
}

// dot is the sum of products of two slices of one length, a multiple of four.
func dot(a, b []float32) float32 {
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	for len(a) >= 8 && len(b) >= 8 {
		x, y := (*[8]float32)(a), (*[8]float32)(b)
		s0 += x[0] * y[0]
		s1 += x[1] * y[1]
		s2 += x[2] * y[2]
		s3 += x[3] * y[3]
		s4 += x[4] * y[4]
		s5 += x[5] * y[5]
		s6 += x[6] * y[6]
		s7 += x[7] * y[7]
		a, b = a[8:], b[8:]
	}
	if len(a) >= 4 && len(b) >= 4 {
		s0 += a[0] * b[0]
		s1 += a[1] * b[1]
		s2 += a[2] * b[2]
		s3 += a[3] * b[3]
	}
	return s0 + s1 + (s2 + s3) + (s4 + s5 + (s6 + s7))
}

var banks sync.Map // of *bank by what bankOf was asked for

// bankOf makes a filter from one rate to another that passes up to pass Hz and stops from stop Hz, by the
// window of Kaiser, 65 dB down at least.
func bankOf(from, to int, pass, stop float64) (*bank, error) {
	key := [4]int{from, to, int(pass), int(stop)}
	if b, ok := banks.Load(key); ok {
		return b.(*bank), nil
	}
	g := gcd(from, to)
	b := &bank{up: to / g, down: from / g}
	if b.up > maxPhases {
		return nil, fmt.Errorf("pcm: %d and %d Hz have too little in common", from, to)
	}
	slope := 2.285 * 2 * math.Pi * (stop - pass) / float64(from) // dB for each tap
	b.width = (int(math.Ceil((65-7.95)/slope)) + 3) / 4 * 4
	beta := 0.1102 * (slope*float64(b.width) + 7.95 - 8.7) // as far down as this many taps reach
	b.taps = make([]float32, b.up*b.width)
	corner := (pass + stop) / float64(from) // both sides of zero, as a part of the rate
	half := float64(b.width) / 2
	for p := range b.up {
		taps := make([]float64, b.width)
		sum := 0.0
		for k := range taps {
			x := float64(k) - half + 1 - float64(p)/float64(b.up)
			v := corner
			if y := math.Pi * x * corner; y != 0 {
				v = corner * math.Sin(y) / y
			}
			e := 1 - x/half*(x/half)
			if e < 0 {
				v = 0
			} else {
				v *= bessel(beta*math.Sqrt(e)) / bessel(beta)
			}
			taps[k] = v
			sum += v
		}
		for k, v := range taps {
			b.taps[p*b.width+k] = float32(v / sum) // a constant stays the same
		}
	}
	b.plain = b.up == 2 && b.down == 1 && math.Abs(corner-1) < 1e-6
	banks.Store(key, b)
	return b, nil
}

// bessel is the modified Bessel function of the first kind and order zero.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-10*sum; k++ {
		term *= x / 2 / k * (x / 2 / k)
		sum += term
	}
	return sum
}
