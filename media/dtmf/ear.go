package dtmf

import (
	"math"

	"santral/media"
)

// Ear hears keys as tones in sound at 8000 Hz (ITU-T Q.24): it is a media.Sink that tells every key
// once. Set Tell before the first frame; it runs on the goroutine that writes frames and must not
// block. An Ear belongs to one stream.
type Ear struct {
	Tell func(key byte)

	n       int           // samples in the block
	energy  float64       // of the block
	state   [8][2]float64 // of the eight filters
	last    byte          // what the last block held, 0 for no key
	told    byte          // the key that sounds and was told, 0 for none
	missing int           // blocks without it since
}

var _ media.Sink = (*Ear)(nil)

// The block is short enough that a key of 40 ms fills two of them wherever it begins, and long
// enough to part the frequencies of a group.
const block = 102

// Limits of ITU-T Q.24, with room.
const (
	quiet   = 2e4  // mean square of the block that counts as sound: about −40 dBm0
	purity  = 0.70 // part of the energy that the two tones must have
	above   = 6.3  // times stronger than any other of its group: 8 dB
	twist   = 6.3  // the upper group may be 8 dB stronger
	reverse = 4.0  // and 6 dB weaker
	release = 2    // blocks without the key that end it
)

var coefficients = func() (c [8]float64) {
	for i, hz := range [8]float64{697, 770, 852, 941, 1209, 1336, 1477, 1633} {
		c[i] = 2 * math.Cos(2*math.Pi*hz/8000)
	}
	return c
}()

// Write takes the next samples.
func (e *Ear) Write(f media.Frame) {
	for len(f) > 0 {
		k := min(block-e.n, len(f))
		part := f[:k]
		for _, s := range part {
			e.energy += float64(s) * float64(s)
		}
		for i := range e.state {
			c, s1, s2 := coefficients[i], e.state[i][0], e.state[i][1]
			for _, s := range part {
				s1, s2 = float64(s)+c*s1-s2, s1
			}
			e.state[i] = [2]float64{s1, s2}
		}
		f = f[k:]
		if e.n += k; e.n == block {
			e.take(e.key())
			e.n, e.energy, e.state = 0, 0, [8][2]float64{}
		}
	}
}

// key is what the block holds, 0 for no key.
func (e *Ear) key() byte {
	if e.energy < quiet*block {
		return 0
	}
	var power [8]float64
	for i, s := range e.state {
		power[i] = s[0]*s[0] + s[1]*s[1] - coefficients[i]*s[0]*s[1]
	}
	low, okLow := strongest(power[:4])
	high, okHigh := strongest(power[4:])
	l, h := power[low], power[4+high]
	if !okLow || !okHigh || h > l*twist || l > h*reverse || l+h < purity*e.energy*block/2 {
		return 0
	}
	return "123A456B789C*0#D"[4*low+high]
}

func strongest(group []float64) (at int, clear bool) {
	for i, p := range group {
		if p > group[at] {
			at = i
		}
	}
	for i, p := range group {
		if i != at && p*above > group[at] {
			return at, false
		}
	}
	return at, true
}

// take follows the blocks: two in a row with one key begin it, two without it end it.
func (e *Ear) take(key byte) {
	switch {
	case e.told != 0 && key == e.told:
		e.missing = 0
	case e.told != 0:
		if e.missing++; e.missing >= release {
			e.told = 0
		}
	}
	if key != 0 && key == e.last && key != e.told {
		e.told, e.missing = key, 0
		if e.Tell != nil {
			e.Tell(key)
		}
	}
	e.last = key
}
