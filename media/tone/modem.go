package tone

import (
	"math"
	"time"

	"santral/media"
)

// Modem hears the tones by which fax machines and modems announce themselves, in sound at 8 kHz: it is
// a media.Sink that tells each kind once. It belongs to one stream and allocates nothing.
type Modem struct {
	tell func(Announced)

	n      int
	energy float32
	sums   [2]complex128 // of the piece, at each frequency
	hear   [2]hearing
	told   uint8 // a bit for each kind
}

// Announced is what was heard.
type Announced uint8

// What announces itself.
const (
	NoAnnouncement Announced = iota
	FaxCalls                 // CNG: 1100 Hz for half a second (ITU-T T.30 §4.1)
	Answers                  // CED: 2100 Hz without a break, of a fax or a modem (ITU-T T.30 §4.2, V.25)
	ModemAnswers             // 2100 Hz with its phase reversed each 450 ms, or in waves of 15 Hz (ANSam, ITU-T V.8 §3): no fax of the usual kind, and echo cancellers are to be off
)

// String names it as the standards do.
func (a Announced) String() string {
	return [...]string{"none", "CNG", "CED", "ANS with phase reversals or ANSam"}[a]
}

var _ media.Sink = (*Modem)(nil)

// Pieces of 10 ms take CNG at its ±38 Hz and CED at its ±15 Hz, and part them from other tones.
const (
	modemPiece = 80
	modemStep  = 10 * time.Millisecond

	modemPure    = 0.5  // part of the energy that the tone must have: 0.6 of a pure one that is 38 Hz off
	modemWeakest = 400. // amplitude: about −35 dBm0; a fax sends −12 to −18 (ITU-T T.30 §5.1)

	cngLeast = 400 * time.Millisecond // 0.5 s ± 15 %, and what losses take
	cngMost  = 620 * time.Millisecond
	cedLeast = 600 * time.Millisecond // it lasts 2.6 s at least; long enough to hold a phase reversal
	lapses   = 2                      // pieces without the tone that are no end: a reversal, a lost packet
)

var modemHertz = [2]int{1100, 2100}

// modemWaves holds the oscillators of a piece.
var modemWaves = func() (t [modemPiece][4]float32) {
	for i := range t {
		for k, hz := range modemHertz {
			sin, cos := math.Sincos(2 * math.Pi * float64(hz) * float64(i) / Rate)
			t[i][2*k], t[i][2*k+1] = float32(cos), float32(-sin)
		}
	}
	return t
}()

// hearing is what is known of one of the tones.
type hearing struct {
	pieces  int // since it began, 0 for none
	missing int
	turned  int // phase reversals
	last    complex128
	settled float64    // how much the phase turns in a piece, as a tone beside its frequency does
	steps   [8]float64 // the last sizes, of which waves are seen
	waves   int        // pieces whose sizes were as waves have them
}

// NewModem makes the ear of a stream. tell is called by Write, once for each kind, and must not block.
func NewModem(tell func(Announced)) *Modem { return &Modem{tell: tell} }

// Write takes the next samples.
func (m *Modem) Write(f media.Frame) {
	for len(f) > 0 {
		k := min(modemPiece-m.n, len(f))
		var a, b, c, d, e float32
		waves := modemWaves[m.n : m.n+k]
		for i, s := range f[:k] {
			x, w := float32(s), &waves[i]
			a += x * w[0]
			b += x * w[1]
			c += x * w[2]
			d += x * w[3]
			e += x * x
		}
		m.sums[0] += complex(float64(a), float64(b))
		m.sums[1] += complex(float64(c), float64(d))
		m.energy += e
		f = f[k:]
		if m.n += k; m.n == modemPiece {
			m.take()
		}
	}
}

// Hears reports whether the last piece was one of the tones, so that it pays to listen to what follows.
func (m *Modem) Hears() bool {
	for i := range m.hear {
		if h := &m.hear[i]; h.pieces > 0 && h.missing == 0 {
			return true
		}
	}
	return false
}

// take judges a piece that is full. 1100 and 2100 Hz turn a whole number of times in it, so that phases of pieces
// can be compared as they are.
func (m *Modem) take() {
	energy := float64(m.energy)
	for i := range m.hear {
		s := m.sums[i]
		power := real(s)*real(s) + imag(s)*imag(s)
		// A pure tone of amplitude a has the power (a·80/2)² and the energy a²·80/2.
		pure := power >= modemWeakest*modemWeakest*modemPiece*modemPiece/4 && power >= modemPure*energy*modemPiece/2
		m.hear[i].take(s, math.Sqrt(power), pure)
	}
	cng, ced := &m.hear[0], &m.hear[1]
	if cng.missing > lapses {
		if long := time.Duration(cng.pieces-cng.missing) * modemStep; long >= cngLeast && long <= cngMost {
			m.say(FaxCalls)
		}
		*cng = hearing{}
	}
	if long := time.Duration(ced.pieces-ced.missing) * modemStep; long >= cedLeast && ced.missing == 0 {
		if ced.turned > 0 || ced.waves > int(cedLeast/modemStep)/2 {
			m.say(ModemAnswers)
		} else {
			m.say(Answers)
		}
	}
	if ced.missing > lapses {
		*ced = hearing{}
	}
	m.n, m.energy, m.sums = 0, 0, [2]complex128{}
}

// take follows a tone with the next piece, of this size.
func (h *hearing) take(s complex128, size float64, pure bool) {
	switch {
	case pure:
		h.follow(s, size)
		h.pieces++
		h.missing = 0
	case h.pieces > 0:
		h.pieces++
		h.missing++
	}
}

// follow looks for what parts a modem from a fax.
func (h *hearing) follow(s complex128, size float64) {
	if h.pieces > 3 {
		turn := math.Atan2(imag(s)*real(h.last)-real(s)*imag(h.last), real(s)*real(h.last)+imag(s)*imag(h.last))
		off := math.Abs(math.Remainder(turn-h.settled*float64(h.missing+1), 2*math.Pi))
		switch {
		case off > math.Pi*2/3:
			h.turned++
		case h.missing == 0:
			h.settled += (turn - h.settled) / 8
		}
	}
	h.last = s
	copy(h.steps[1:], h.steps[:])
	h.steps[0] = size
	// Waves of 15 Hz and a fifth up and down: in 70 ms a highest and a lowest are passed.
	if h.pieces >= len(h.steps) {
		least, most := h.steps[0], h.steps[0]
		for _, v := range h.steps {
			least, most = min(least, v), max(most, v)
		}
		if ratio := most / least; ratio > 1.25 && ratio < 1.9 {
			h.waves++
		}
	}
}

func (m *Modem) say(a Announced) {
	if bit := uint8(1) << a; m.told&bit == 0 {
		m.told |= bit
		m.tell(a)
	}
}
