package session

import (
	"time"

	"santral/media"
	"santral/media/pcm"
)

// rateChange brings one stream of sound from one rate to another, as much of it as is wanted. It belongs to
// whoever reads the stream.
type rateChange struct {
	from, to int
	filter   *pcm.Resampler // nil where there is none between the two: nothing is heard
	in, out  []int16
	at, have int // of out: what was not wanted yet
}

// newRateChange makes one.
func newRateChange(from, to int) *rateChange {
	c := &rateChange{from: from, to: to, in: make([]int16, samplesIn(from, 10*time.Millisecond))}
	if f, err := pcm.NewResampler(from, to); err == nil {
		c.filter, c.out = f, make([]int16, f.Most(len(c.in)))
	}
	return c
}

// fill fills f with the sound that read gives, 10 ms of it at a time.
func (c *rateChange) fill(f media.Frame, read func(media.Frame)) {
	if c.filter == nil {
		clear(f)
		return
	}
	for {
		n := copy(f, c.out[c.at:c.have])
		c.at += n
		if f = f[n:]; len(f) == 0 {
			return
		}
		read(c.in)
		c.at, c.have = 0, c.filter.Process(c.out, c.in)
	}
}

// ratedDecoder gives the sound of a decoder at another rate than its own.
type ratedDecoder struct {
	of       media.Decoder
	from, to int
	filter   *pcm.Resampler
	in, out  []int16
}

// rated makes a decoder of sound at to out of one of sound at from.
func rated(d media.Decoder, from, to int) (media.Decoder, error) {
	f, err := pcm.NewResampler(from, to)
	if err != nil {
		return nil, err
	}
	in := samplesIn(from, media.MostSound)
	r := &ratedDecoder{of: d, from: from, to: to, filter: f, in: make([]int16, in), out: make([]int16, f.Most(in))}
	if _, ok := d.(media.Recoverer); ok {
		return ratedRecoverer{r}, nil
	}
	return r, nil
}

// Decode decodes one payload.
func (d *ratedDecoder) Decode(dst media.Frame, payload []byte) (int, error) {
	n, err := d.of.Decode(d.in, payload)
	if err != nil {
		return 0, err
	}
	return copy(dst, d.out[:d.filter.Process(d.out, d.in[:n])]), nil
}

// Conceal fills dst with what may have been said.
func (d *ratedDecoder) Conceal(dst media.Frame) {
	d.made(dst, func(in media.Frame) bool { d.of.Conceal(in); return true })
}

// ratedRecoverer does so for one that finds what is lost; of others the buffer must not expect it.
type ratedRecoverer struct{ *ratedDecoder }

// Recover fills dst with what the next payload knows of it.
func (d ratedRecoverer) Recover(dst media.Frame, next []byte) bool {
	r, ok := d.of.(media.Recoverer)
	return ok && d.made(dst, func(in media.Frame) bool { return r.Recover(in, next) })
}

// made fills dst with sound that make gives at the decoder's own rate.
func (d *ratedDecoder) made(dst media.Frame, make func(media.Frame) bool) bool {
	in := d.in[:min(len(dst)*d.from/d.to, len(d.in))]
	if !make(in) {
		return false
	}
	clear(dst[copy(dst, d.out[:d.filter.Process(d.out, in)]):])
	return true
}
