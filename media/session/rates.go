package session

import "santral/media"

// rateChange brings one stream of sound from one rate to another, frame by frame. nil has no rates yet.
type rateChange struct{ from, to int }

func (c *rateChange) between(from, to int) *rateChange {
	if c != nil && c.from == from && c.to == to {
		return c
	}
	return &rateChange{from, to}
}

// run fills dst with the sound of src, which lasts as long.
func (c *rateChange) run(dst, src media.Frame) {
	for i := range dst {
		dst[i] = src[i*c.from/c.to]
	}
}

// ratedDecoder gives the sound of a decoder at another rate than its own.
type ratedDecoder struct {
	media.Decoder
	change *rateChange
	sound  []int16
}

func newRated(d media.Decoder, from, to int) media.Decoder {
	return &ratedDecoder{Decoder: d, change: (*rateChange)(nil).between(from, to), sound: make([]int16, samplesIn(from, media.MostSound))}
}

// Decode decodes one payload.
func (d *ratedDecoder) Decode(dst media.Frame, payload []byte) (int, error) {
	n, err := d.Decoder.Decode(d.sound, payload)
	if err != nil {
		return 0, err
	}
	out := min(n*d.change.to/d.change.from, len(dst))
	d.change.run(dst[:out], d.sound[:n])
	return out, nil
}

// Conceal fills dst with what may have been said.
func (d *ratedDecoder) Conceal(dst media.Frame) {
	n := min(len(dst)*d.change.from/d.change.to, len(d.sound))
	d.Decoder.Conceal(d.sound[:n])
	d.change.run(dst, d.sound[:n])
}
