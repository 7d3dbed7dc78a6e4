// Package listen hears what sound is: whether somebody speaks, whether a greeting is a person's or a machine's,
// whether there was a beep.
//
// What lives here judges and keeps no sound; what follows from a judgment is decided elsewhere. Each ear belongs to
// one stream, is used by one goroutine at a time and allocates nothing while it hears.
package listen

import (
	"math"

	"santral/media"
)

// Speech tells whether somebody speaks (voice activity). It learns how loud a line is when nobody does, so that
// noise is no speech, however loud, once it has been the same for a while. Steady tones are no speech either.
//
// Two loudnesses are looked at, each against its own floor: that of the sound as it is, and that of its steps from
// sample to sample, in which hissing consonants stand out from rumble.
type Speech struct {
	narrow decimator
	long   int // samples of it in 10 ms

	have          int // samples in the piece
	last          int64
	sum, sq, rise int64

	bands [2]band
	votes uint8 // the last pieces, a bit each: above the floor
	burst int   // pieces that were, since it began
	hang  int   // pieces for which what follows speech counts as it
}

// What counts is in steps of 10 ms, and in powers of two: 1 is 3 dB.
const (
	faintest = 9.3 // what nobody takes for speech: −62 dBov

	hangMost  = 20 // a word's end may be quiet, and words have gaps
	hangShort = 6  // after what may have been a click
	burstLong = 5
)

// New makes the ear of a stream of sound at rate, in Hz.
func New(rate int) *Speech {
	s := &Speech{narrow: newDecimator(rate)}
	s.long = max(rate/s.narrow.group/100, 1)
	s.bands = [2]band{newBand(13), newBand(10)} // −51 dBov until the line is known
	return s
}

// Hear takes the next frame, of any length, and tells whether somebody speaks at its end, and how loud the frame is
// below 4 kHz, in dB of full scale (dBov), −127 at the least. Speech goes on for a fifth of a second
// after its last sound.
func (s *Speech) Hear(f media.Frame) (speaks bool, dBov float64) {
	total, n := int64(0), 0
	for len(f) > 0 {
		var few [160]int16
		x := s.narrow.take(few[:], &f)
		n += len(x)
		for len(x) > 0 {
			k := min(s.long-s.have, len(x))
			total += s.add(x[:k])
			x = x[k:]
		}
	}
	if total == 0 {
		return s.hang > 0, -127
	}
	return s.hang > 0, max(10*math.Log10(float64(total)/float64(n)/(1<<30)), -127)
}

// add counts samples, which are of one piece, judges the piece where they fill it, and gives their energy.
func (s *Speech) add(f media.Frame) int64 {
	sum, sq, rise, last := int64(0), int64(0), int64(0), s.last
	for _, v := range f {
		x := int64(v)
		d := x - last
		sum += x
		sq += x * x
		rise += d * d
		last = x
	}
	s.sum += sum
	s.sq += sq
	s.rise += rise
	s.last = last
	if s.have += len(f); s.have == s.long {
		s.judge()
	}
	return sq
}

// judge takes a piece that is full.
func (s *Speech) judge() {
	mean := float64(s.sum) / float64(s.long)
	power := (float64(s.sq) - mean*float64(s.sum)) / float64(s.long) // without what is constant
	step := float64(s.rise) / float64(s.long)
	s.have, s.sum, s.sq, s.rise = 0, 0, 0, 0

	quiet := s.hang == 0
	up := s.bands[0].hear(math.Log2(power+1), quiet)
	up = s.bands[1].hear(math.Log2(step+1), quiet) || up
	s.votes <<= 1
	if up {
		s.votes |= 1
	}
	switch s.votes & 7 {
	case 3, 5, 6, 7: // two of three
		if s.burst++; s.burst >= burstLong {
			s.hang = hangMost
		} else {
			s.hang = max(s.hang, hangShort)
		}
	default:
		s.burst = 0
		s.hang = max(s.hang-1, 0)
	}
}
