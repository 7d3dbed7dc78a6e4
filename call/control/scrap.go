package control

import (
	"io"
	"slices"
	"sync"
	"time"

	"santral/call"
	"santral/media"
)

// Of a scrap: how much it holds at most, and at which rate. It needs two megabytes then.
const (
	scrapMost = time.Minute
	scrapRate = 16000
)

// scrap is a tape in memory, for what is heard back at once and kept nowhere.
type scrap struct {
	mu     sync.Mutex
	sound  []int16
	paused bool
	trim   time.Duration
}

var (
	_ call.Tape   = (*scrap)(nil)
	_ media.Rated = (*scrap)(nil)
)

// Name is none.
func (t *scrap) Name() string { return "" }

// Sink is the tape itself.
func (t *scrap) Sink(int) media.Sink { return t }

// Rate is 16 kHz (media.Rated).
func (t *scrap) Rate() int { return scrapRate }

// Write hears a frame.
func (t *scrap) Write(f media.Frame) {
	t.mu.Lock()
	if !t.paused && len(t.sound) < int(samples(scrapMost, scrapRate)) {
		t.sound = append(t.sound, f...)
	}
	t.mu.Unlock()
}

// Mark does nothing.
func (t *scrap) Mark(call.Segment) {}

// Pause has the time line stand still.
func (t *scrap) Pause(on bool) {
	t.mu.Lock()
	t.paused = on
	t.mu.Unlock()
}

// Mask does nothing: nobody asks for it.
func (t *scrap) Mask(bool) {}

// Trim cuts off the end.
func (t *scrap) Trim(d time.Duration) {
	t.mu.Lock()
	t.trim = d
	t.mu.Unlock()
}

// Close gives what was heard.
func (t *scrap) Close(filed func(call.Recorded, error)) {
	t.mu.Lock()
	sound := t.sound
	if cut := samples(t.trim, scrapRate); cut > 0 {
		sound = sound[:max(int64(len(sound))-cut, 0)]
	}
	t.sound = nil
	t.mu.Unlock()
	switch {
	case filed == nil:
	case len(sound) == 0:
		filed(call.Recorded{}, call.ErrEmpty)
	default:
		filed(call.Recorded{Kind: call.TapeScrap, Long: time.Duration(len(sound)) * time.Second / scrapRate, Sound: &back{left: slices.Clip(sound)}}, nil)
	}
}

// back plays a scrap.
type back struct{ left []int16 }

// Rate is the scrap's (media.Rated).
func (*back) Rate() int { return scrapRate }

// Read fills the frame.
func (b *back) Read(f media.Frame) (int, error) {
	n := copy(f, b.left)
	if b.left = b.left[n:]; len(b.left) == 0 {
		return n, io.EOF
	}
	return n, nil
}
