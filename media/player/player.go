// Package player makes recorded sound into a media.Source: it reads WAV files whole, brings them to
// 8 kHz mono once, and plays them as often and to as many calls as wanted.
//
// A Sound is immutable and shared freely; a Source is one playing of it and belongs to the one media
// loop that reads it. Nothing is read from disk while a call plays. Which file a prompt's name means
// is somebody else's business.
package player

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"santral/media"
)

// Rate is the sample rate of all sounds, in Hz.
const Rate = 8000

// MaxSize is the largest file that is read, in octets.
const MaxSize = 64 << 20

// Sound is recorded sound, ready to play.
type Sound struct {
	samples []int16
}

// New makes a sound of samples at 8000 Hz, which it keeps.
func New(samples []int16) *Sound { return &Sound{samples: samples} }

// Load reads a WAV file.
func Load(path string) (*Sound, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load sound: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("load sound: %w", err)
	}
	s, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("load sound: %s: %w", path, err)
	}
	return s, nil
}

// Duration is how long it plays.
func (s *Sound) Duration() time.Duration {
	return time.Duration(len(s.samples)) * time.Second / Rate
}

// Samples are the sound itself at 8000 Hz; they must not be changed.
func (s *Sound) Samples() []int16 { return s.samples }

// Play begins a playing.
func (s *Sound) Play() *Source { return &Source{samples: s.samples} }

// Loop begins a playing that starts again at the end, until it is stopped.
func (s *Sound) Loop() *Source { return &Source{samples: s.samples, loop: true} }

// Source is a playing of a Sound.
type Source struct {
	samples []int16
	at      int
	loop    bool
}

var _ media.Source = (*Source)(nil)

// Read fills the frame, and gives io.EOF with the last samples.
func (s *Source) Read(f media.Frame) (int, error) {
	n := 0
	for {
		k := copy(f[n:], s.samples[s.at:])
		s.at += k
		n += k
		if s.at < len(s.samples) {
			return n, nil
		}
		if !s.loop || len(s.samples) == 0 {
			return n, io.EOF
		}
		s.at = 0
		if n == len(f) {
			return n, nil
		}
	}
}
