package conference

import (
	"io"
	"sync/atomic"
	"time"

	"santral/media"
	"santral/media/tone"
)

// note is a short and soft sound of a pitch.
func note(hz float64) tone.Part {
	return tone.Part{Hz: [2]float64{hz, hz * 1.5}, DBm0: [2]float64{-20, -26}, For: 110 * time.Millisecond}
}

// comes is heard when somebody comes, goes when somebody leaves, turned when something was made louder or softer.
func comes() media.Source  { return (tone.Tone{Parts: []tone.Part{note(523), note(784)}}).Play() }
func goes() media.Source   { return (tone.Tone{Parts: []tone.Part{note(784), note(523)}}).Play() }
func turned() media.Source { return (tone.Tone{Parts: []tone.Part{note(659)}}).Play() }

// lonely is music for one who is alone, until somebody comes.
type lonely struct {
	media.Source
	over atomic.Bool
}

var (
	_ media.Rated      = (*lonely)(nil)
	_ media.Adjustable = (*lonely)(nil)
)

// Rate is the music's (media.Rated).
func (l *lonely) Rate() int { return media.RateOf(l.Source) }

// SetRate has the music be read at another rate, where it can (media.Adjustable).
func (l *lonely) SetRate(rate int) bool {
	a, ok := l.Source.(media.Adjustable)
	return ok && a.SetRate(rate)
}

// Read reads the music.
func (l *lonely) Read(f media.Frame) (int, error) {
	if l.over.Load() {
		return 0, io.EOF
	}
	return l.Source.Read(f)
}
