package dtmf

import (
	"math"
	"time"

	"santral/media"
)

// Detector hears keys as two tones in sound (ITU-T Q.23), by the limits of ITU-T Q.24: it is a media.Sink
// that tells when a key begins and how long it was when it ends. Make it with NewDetector. It belongs
// to one stream, and allocates nothing.
//
// Sound is measured in pieces of 5 ms at the eight frequencies. Three neighbours, weighed 1, 2, 1, make
// a window that parts the frequencies of a group, and the phase from one window to the next tells the
// frequency to a few hertz: a voice seldom holds two tones that still, which is what keeps it from being
// taken for a key.
type Detector struct {
	wide bool // sound comes at 16 kHz
	tell func(Heard)

	// Sound that waits for its piece to be full.
	n    int
	x    [piece]float32
	tail [8]float32 // the last samples of 16 kHz, the newest first
	odd  bool       // the next sample of 16 kHz makes one of 8 kHz

	// The last pieces and windows. Phases are those of oscillators that run on.
	count  int       // of pieces, modulo turns
	parts  [2][8]bin // the last piece and the one before
	energy [2]float64
	before [8]bin

	key key
}

// Heard is a key that is told.
type Heard struct {
	Key  byte          // one of Keys
	Long time.Duration // how long it has sounded, to 5 ms
	Over bool          // it has ended; otherwise it begins, and its end will be told
}

var _ media.Rated = (*Detector)(nil)
var _ media.Sink = (*Detector)(nil)

const (
	piece = 40 // samples
	step  = 5 * time.Millisecond
	turns = 200 // pieces after which every whole frequency is at its beginning again
	unit  = 80  // a tone of amplitude a gives a window of the size unit·a, and energy of unit·a²
)

// Limits, of ITU-T Q.24 where it has one, with the room that noise and G.711 take.
const (
	weakest   = 520.0 // amplitude of the weaker tone: −33 dBm0
	forward   = 10    // dB that the upper tone may be weaker than the lower one: 8, and what each adds to the other
	backward  = 5.5   // dB that it may be stronger: 4, and the same
	tolerance = 0.024 // part of its frequency that a tone may be off: between the 1.5 % that must and the 3.5 % that must not pass
	purer     = 0.78  // part of the energy that both tones must have
	dominance = 4.0   // times that a tone is stronger than any other of its group
	steady    = 4.0   // times that a tone's power may change while the key begins
	begins    = 6     // pieces that begin a key: more than 23 ms can hold, less than 40 ms has
	gone      = 8.0   // times weaker than it was: the key is silent
	silent    = 6     // pieces of silence that end a key: 40 ms have seven
	spoilt    = 9     // pieces with anything else that end it: a packet that was made up is no end
)

// bin is a complex number.
type bin struct{ re, im float32 }

func (b bin) power() float64 { return float64(b.re)*float64(b.re) + float64(b.im)*float64(b.im) }

var hertz = [8]float64{697, 770, 852, 941, 1209, 1336, 1477, 1633}

// oscillators holds cosines and sines of a piece, for four frequencies a row.
var oscillators = func() (t [2][piece][8]float32) {
	for g := range t {
		for i := range t[g] {
			for k := range 4 {
				sin, cos := math.Sincos(2 * math.Pi * hertz[4*g+k] * float64(i) / 8000)
				t[g][i][2*k], t[g][i][2*k+1] = float32(cos), float32(-sin)
			}
		}
	}
	return t
}()

// turn holds the unit circle in steps of what 1 Hz turns in a piece.
var turn = func() (t [turns]bin) {
	for i := range t {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / turns)
		t[i] = bin{float32(cos), float32(-sin)}
	}
	return t
}()

// key is what the detector knows of a key.
type key struct {
	maybe    byte // begins
	good     int  // pieces of it in a row
	low, top [2]float64
	sounding byte       // was told, 0 for none
	level    [2]float64 // of its two tones
	long     int        // pieces since it began
	last     int        // of these, up to the last good one
	silent   int
	spoilt   int
}

// NewDetector makes the detector of a stream whose sound comes at rate samples a second, 8000 or 16000
// (any other is taken for 8000). tell is called by Write, and must not block.
func NewDetector(rate int, tell func(Heard)) *Detector {
	return &Detector{wide: rate == 16000, tell: tell}
}

// Rate is that of the sound that Write takes.
func (d *Detector) Rate() int {
	if d.wide {
		return 16000
	}
	return 8000
}

// Write takes the next samples.
func (d *Detector) Write(f media.Frame) {
	if d.wide {
		d.writeWide(f)
		return
	}
	for len(f) > 0 {
		k := min(piece-d.n, len(f))
		for i, s := range f[:k] {
			d.x[d.n+i] = float32(s)
		}
		f = f[k:]
		if d.n += k; d.n == piece {
			d.n = 0
			d.take()
		}
	}
}

// writeWide takes every second sample of what a half-band filter leaves: −0.3 dB at the highest key's
// tone, −30 dB where the upper half would fall on it.
func (d *Detector) writeWide(f media.Frame) {
	t := &d.tail
	for _, s := range f {
		t[6], t[5], t[4], t[3], t[2], t[1], t[0] = t[5], t[4], t[3], t[2], t[1], t[0], float32(s)
		if d.odd = !d.odd; d.odd {
			continue
		}
		d.x[d.n] = t[3]/2 + (9*(t[2]+t[4])-t[0]-t[6])/32
		if d.n++; d.n == piece {
			d.n = 0
			d.take()
		}
	}
}

// measure gives the size and the phase of four frequencies in a piece.
func measure(x *[piece]float32, t *[piece][8]float32) (b [4]bin) {
	var a0, a1, a2, a3, a4, a5, a6, a7 float32
	for i, s := range x {
		o := &t[i]
		a0 += s * o[0]
		a1 += s * o[1]
		a2 += s * o[2]
		a3 += s * o[3]
		a4 += s * o[4]
		a5 += s * o[5]
		a6 += s * o[6]
		a7 += s * o[7]
	}
	return [4]bin{{a0, a1}, {a2, a3}, {a4, a5}, {a6, a7}}
}

// take judges a piece that is full, with the two before it.
func (d *Detector) take() {
	var energy float64
	{
		var e float32
		for _, s := range d.x {
			e += s * s
		}
		energy = float64(e)
	}
	whole := d.energy[1] + 2*d.energy[0] + energy
	d.energy[1], d.energy[0] = d.energy[0], energy
	low, top := measure(&d.x, &oscillators[0]), measure(&d.x, &oscillators[1])
	var window [8]bin
	var power [8]float64
	for i := range window {
		b := low[i&3]
		if i > 3 {
			b = top[i&3]
		}
		by := turn[int(hertz[i])*d.count%turns]
		b = bin{b.re*by.re - b.im*by.im, b.re*by.im + b.im*by.re}
		one, two := d.parts[0][i], d.parts[1][i]
		window[i] = bin{two.re + 2*one.re + b.re, two.im + 2*one.im + b.im}
		power[i] = window[i].power()
		d.parts[1][i], d.parts[0][i] = one, b
	}
	if d.count++; d.count == turns {
		d.count = 0
	}
	l, h, found := judge(&window, &d.before, &power, whole)
	d.before = window
	d.follow(l, h, found, &power)
}

// judge finds the key of a window, as the two frequencies' places; before is the window of the piece
// before.
func judge(window, before *[8]bin, power *[8]float64, whole float64) (low, top int, found bool) {
	low, top = 0, 4
	for i := 1; i < 4; i++ {
		if power[i] > power[low] {
			low = i
		}
		if power[4+i] > power[top] {
			top = 4 + i
		}
	}
	const least = weakest * weakest * unit * unit / 4
	if power[low] < least || power[top] < least {
		return low, top, false
	}
	// The power that a tone beside its frequency is missing is known once the frequency is.
	pl, okLow := straight(window[low], before[low], hertz[low], power[low])
	ph, okTop := straight(window[top], before[top], hertz[top], power[top])
	switch {
	case !okLow, !okTop:
	case pl+ph < purer*unit*whole:
	case min(pl, ph) < weakest*weakest*unit*unit:
	case pl > ph*forwardTimes, ph > pl*backwardTimes:
	case !alone(power[:4], low), !alone(power[4:], top-4):
	default:
		found = true
	}
	return low, top, found
}

var forwardTimes, backwardTimes = math.Pow(10, forward/10), math.Pow(10, backward/10)

// straight gives the power of a tone as it would be at its frequency; ok is false when the tone is too
// far from it.
func straight(now, before bin, hz, power float64) (corrected float64, ok bool) {
	re := float64(now.re)*float64(before.re) + float64(now.im)*float64(before.im)
	im := float64(now.im)*float64(before.re) - float64(now.re)*float64(before.im)
	turned := math.Atan2(im, re) // 2π·offset·5 ms
	if math.Abs(turned) > 2*math.Pi*hz*tolerance*step.Seconds() {
		return 0, false
	}
	x := turned / 2
	if math.Abs(x) < 1e-3 {
		return power, true
	}
	cos := math.Cos(x)
	gain := cos * cos * math.Sin(x) / x
	return power / (gain * gain), true
}

// alone reports whether no other of a group is near as strong.
func alone(group []float64, at int) bool {
	for i, p := range group {
		if i != at && p*dominance > group[at] {
			return false
		}
	}
	return true
}

// follow carries a key from its begin to its end.
func (d *Detector) follow(low, top int, found bool, power *[8]float64) {
	k := &d.key
	var name byte
	if found {
		name = "123A456B789C*0#D"[4*low+top-4]
	}
	if k.sounding != 0 {
		k.long++
		switch l, t := k.at(); {
		case found && name == k.sounding:
			k.last, k.silent, k.spoilt = k.long, 0, 0
			k.level = [2]float64{power[l], power[t]}
			k.good = 0
			return
		case power[l]*gone < k.level[0] && power[t]*gone < k.level[1]:
			k.silent++
		}
		if k.spoilt++; k.silent >= silent || k.spoilt >= spoilt {
			d.end()
		}
	}
	if !found {
		k.good = 0
		return
	}
	if k.good == 0 || name != k.maybe {
		k.maybe, k.good = name, 0
		k.low, k.top = [2]float64{power[low], power[low]}, [2]float64{power[top], power[top]}
	}
	k.low = [2]float64{min(k.low[0], power[low]), max(k.low[1], power[low])}
	k.top = [2]float64{min(k.top[0], power[top]), max(k.top[1], power[top])}
	if k.good++; k.good < begins || k.low[1] > k.low[0]*steady || k.top[1] > k.top[0]*steady {
		return
	}
	d.end()
	k.sounding, k.level = name, [2]float64{power[low], power[top]}
	k.long, k.last, k.good, k.silent, k.spoilt = k.good, k.good, 0, 0, 0
	if d.tell != nil {
		d.tell(Heard{Key: name, Long: time.Duration(k.long) * step})
	}
}

// at gives the places of the sounding key's two frequencies.
func (k *key) at() (low, top int) {
	for i, c := range []byte("123A456B789C*0#D") {
		if c == k.sounding {
			return i / 4, 4 + i%4
		}
	}
	return 0, 4
}

// end tells that the key is over, if one sounds.
func (d *Detector) end() {
	k := &d.key
	if k.sounding == 0 {
		return
	}
	h := Heard{Key: k.sounding, Long: time.Duration(k.last) * step, Over: true}
	k.sounding = 0
	if d.tell != nil {
		d.tell(h)
	}
}
