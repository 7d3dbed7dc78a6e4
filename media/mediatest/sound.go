package mediatest

import (
	"io"
	"sync"

	"santral/media"
)

// Sound is a media.Source of given samples, which ends by io.EOF after the last one.
type Sound struct{ Samples []int16 }

// Read fills the frame.
func (s *Sound) Read(f media.Frame) (int, error) {
	n := copy(f, s.Samples)
	s.Samples = s.Samples[n:]
	clear(f[n:])
	if len(s.Samples) == 0 {
		return n, io.EOF
	}
	return n, nil
}

// Ear is a media.Sink that keeps what it hears.
type Ear struct {
	mu      sync.Mutex
	samples []int16
}

// Write keeps a frame.
func (e *Ear) Write(f media.Frame) {
	e.mu.Lock()
	e.samples = append(e.samples, f...)
	e.mu.Unlock()
}

// Samples is all that was heard so far.
func (e *Ear) Samples() []int16 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]int16(nil), e.samples...)
}
