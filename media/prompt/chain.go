package prompt

import (
	"errors"
	"fmt"
	"io"

	"santral/media"
	"santral/media/pcm"
)

// chained plays sources one after another without a gap, at Rate. It belongs to the loop that reads it.
type chained struct{ rest []media.Source }

// chain brings sources to one rate.
func chain(sources []media.Source) (*chained, error) {
	c := &chained{}
	for _, s := range sources {
		at, err := atRate(s)
		if err != nil {
			return nil, fmt.Errorf("say: recorded sound: %w", err)
		}
		c.rest = append(c.rest, at)
	}
	return c, nil
}

// Rate is that of all of them, in Hz (media.Rated).
func (c *chained) Rate() int { return Rate }

// Read fills the frame, over the ends of sources.
func (c *chained) Read(f media.Frame) (n int, err error) {
	for len(c.rest) > 0 && n < len(f) {
		k, err := c.rest[0].Read(f[n:])
		n += k
		switch {
		case errors.Is(err, io.EOF):
			c.rest = c.rest[1:]
		case err != nil:
			return n, err
		case k == 0: // it has nothing now
			return n, nil
		}
	}
	if len(c.rest) == 0 {
		return n, io.EOF
	}
	return n, nil
}

// atRate gives a source that reads at Rate.
func atRate(s media.Source) (media.Source, error) {
	from := media.RateOf(s)
	a, ok := s.(media.Adjustable)
	if ok && a.SetRate(Rate) || !ok && from == Rate {
		return s, nil
	}
	if ok {
		a.SetRate(from) // whoever has read it before
	}
	r, err := pcm.NewResampler(from, Rate)
	if err != nil {
		return nil, err
	}
	n := from / 50
	return &changed{source: s, change: r, in: make(media.Frame, n), room: make(media.Frame, r.Most(n))}, nil
}

// changed is a source of another rate, brought to ours piece by piece.
type changed struct {
	source   media.Source
	change   *pcm.Resampler
	in, room media.Frame
	out      media.Frame // what is left of the last piece
	over     bool
}

// Read fills the frame.
func (c *changed) Read(f media.Frame) (n int, err error) {
	for {
		k := copy(f[n:], c.out)
		c.out = c.out[k:]
		if n += k; n == len(f) {
			return n, nil
		}
		if c.over {
			return n, io.EOF
		}
		got, err := c.source.Read(c.in)
		if err != nil && !errors.Is(err, io.EOF) {
			return n, err
		}
		if c.over = err != nil; c.over { // what is still in the filter comes out behind a silence
			clear(c.in[got:])
			got = len(c.in)
		}
		c.out = c.room[:c.change.Process(c.room, c.in[:got])]
	}
}
