package prompt

import (
	"errors"
	"io"
	"time"

	"santral/media"
	"santral/media/pcm"
)

// part is one of what is heard after another: samples, a silence, or a source.
type part struct {
	samples []int16
	silence int // samples
	source  media.Source
}

// joined plays parts without a gap. It belongs to the loop that reads it.
type joined struct {
	parts []part
	at    int // in the first of them
}

// Rate is that of all parts, in Hz.
func (j *joined) Rate() int { return Rate }

// Read fills the frame, over the ends of parts.
func (j *joined) Read(f media.Frame) (n int, err error) {
	for n < len(f) && len(j.parts) > 0 {
		p := &j.parts[0]
		over := false
		switch {
		case p.source != nil:
			var k int
			k, err = p.source.Read(f[n:])
			n += k
			if err != nil && !errors.Is(err, io.EOF) {
				return n, err
			}
			over = err != nil
		case p.silence > 0:
			k := min(len(f)-n, p.silence-j.at)
			clear(f[n : n+k])
			n += k
			j.at += k
			over = j.at == p.silence
		default:
			k := copy(f[n:], p.samples[j.at:])
			n += k
			j.at += k
			over = j.at == len(p.samples)
		}
		if over {
			j.parts, j.at = j.parts[1:], 0
		}
	}
	if len(j.parts) == 0 {
		return n, io.EOF
	}
	return n, nil
}

func samples(d time.Duration) int { return int(d * Rate / time.Second) }

// atRate is a source of another rate, brought to ours piece by piece.
type atRate struct {
	source   media.Source
	change   *pcm.Resampler
	in, room media.Frame
	out      media.Frame // what is left of the last piece
	over     bool
}

// sourceAt gives a source at our rate.
func sourceAt(s media.Source) (media.Source, error) {
	from := 8000
	if r, ok := s.(media.Rated); ok {
		from = r.Rate()
	}
	if from == Rate {
		return s, nil
	}
	r, err := pcm.NewResampler(from, Rate)
	if err != nil {
		return nil, err
	}
	n := from / 50
	return &atRate{source: s, change: r, in: make(media.Frame, n), room: make(media.Frame, r.Most(n))}, nil
}

// Read fills the frame.
func (a *atRate) Read(f media.Frame) (n int, err error) {
	for {
		k := copy(f[n:], a.out)
		a.out = a.out[k:]
		if n += k; n == len(f) {
			return n, nil
		}
		if a.over {
			return n, io.EOF
		}
		got, err := a.source.Read(a.in)
		if err != nil && !errors.Is(err, io.EOF) {
			return n, err
		}
		a.over = err != nil
		if a.over { // what is still in the filter comes out behind a silence
			clear(a.in[got:])
			got = len(a.in)
		}
		a.out = a.room[:a.change.Process(a.room, a.in[:got])]
	}
}
