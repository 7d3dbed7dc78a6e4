package calltest

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"santral/call"
	"santral/media"
)

// Tapes is a call.Archive in memory. What becomes of its tapes stands in the house's ladder. Its fields are set
// before the calls begin.
type Tapes struct {
	Want func(from, to call.Party) bool // nil: no call is recorded by policy
	Fail error                          // of Begin

	house *House
	mu    sync.Mutex
	list  []*Tape
}

var _ call.Archive = (*Tapes)(nil)

// Wants asks Want.
func (a *Tapes) Wants(from, to call.Party) bool { return a.Want != nil && a.Want(from, to) }

// whose names the account of a tape, with its tenant where that is another than the house's.
func whose(about call.About) string {
	if about.Tenant == Tenant {
		return about.Account
	}
	return about.Account + " of " + about.Tenant
}

// Begin opens a tape: "t1", then "t2" …
func (a *Tapes) Begin(about call.About) (call.Tape, error) {
	if a.Fail != nil {
		return nil, a.Fail
	}
	a.mu.Lock()
	t := &Tape{house: a.house, about: about, name: fmt.Sprint("t", len(a.list)+1), began: time.Now()}
	a.list = append(a.list, t)
	a.mu.Unlock()
	t.note("begins for %s, %s, %d channels", whose(about), about.Kind, about.Channels)
	return t, nil
}

// Play gives what a tape has heard on its left.
func (a *Tapes) Play(tenant, name string) (media.Source, error) {
	for _, t := range a.All() {
		if t.name == name && t.about.Tenant == tenant {
			return &memory{t.Heard(0)}, nil
		}
	}
	return nil, fmt.Errorf("there is no recording %q", name)
}

// All are the tapes that there were, in order.
func (a *Tapes) All() []*Tape {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.list)
}

// Tape is a tape of Tapes.
type Tape struct {
	house *House
	about call.About
	name  string
	began time.Time

	mu             sync.Mutex
	sound          [2][]int16
	segments       []call.Segment
	paused, masked bool
	trim           time.Duration
	closed         bool
}

var _ call.Tape = (*Tape)(nil)

func (t *Tape) note(format string, args ...any) {
	t.house.Note("     tape %s %s", t.name, fmt.Sprintf(format, args...))
}

// Name is the tape's.
func (t *Tape) Name() string { return t.name }

// Heard is what a channel has heard, at 8 kHz.
func (t *Tape) Heard(channel int) []int16 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.sound[channel])
}

// Segments are what was marked.
func (t *Tape) Segments() []call.Segment {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.segments)
}

// Closed reports that the tape is.
func (t *Tape) Closed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closed
}

type channel struct {
	t *Tape
	n int
}

// Write hears a frame.
func (c channel) Write(f media.Frame) {
	c.t.mu.Lock()
	defer c.t.mu.Unlock()
	switch {
	case c.t.closed || c.t.paused:
	case c.t.masked:
		c.t.sound[c.n] = append(c.t.sound[c.n], make([]int16, len(f))...)
	default:
		c.t.sound[c.n] = append(c.t.sound[c.n], f...)
	}
}

// Sink is a channel.
func (t *Tape) Sink(n int) media.Sink { return channel{t, n} }

// Mark is written down, unless it says nothing new.
func (t *Tape) Mark(s call.Segment) {
	t.mu.Lock()
	n := len(t.segments)
	s.At = time.Duration(max(len(t.sound[0]), len(t.sound[1]))) * time.Second / 8000
	if n > 0 {
		if last := t.segments[n-1]; last.What == s.What && last.Left == s.Left && last.Right == s.Right {
			t.mu.Unlock()
			return
		}
	}
	t.segments = append(t.segments, s)
	t.mu.Unlock()
	t.note("hears %s of %q and %q", s.What, s.Left, s.Right)
}

// Pause is written down.
func (t *Tape) Pause(on bool) {
	t.mu.Lock()
	t.paused = on
	t.mu.Unlock()
	t.note("paused: %v", on)
}

// Mask is written down.
func (t *Tape) Mask(on bool) {
	t.mu.Lock()
	t.masked = on
	t.mu.Unlock()
	t.note("masked: %v", on)
}

// Trim is written down.
func (t *Tape) Trim(d time.Duration) {
	t.mu.Lock()
	t.trim = d
	t.mu.Unlock()
	t.note("trimmed by %s", d)
}

// Close files the tape at once.
func (t *Tape) Close(filed func(call.Recorded, error)) {
	t.mu.Lock()
	again := t.closed
	t.closed = true
	for i, s := range t.sound {
		t.sound[i] = s[:max(len(s)-int(t.trim*8000/time.Second), 0)]
	}
	r := call.Recorded{Name: t.name, Kind: t.about.Kind, Began: t.began, Segments: t.segments,
		Long: time.Duration(max(len(t.sound[0]), len(t.sound[1]))) * time.Second / 8000}
	t.mu.Unlock()
	if again {
		t.note("FAULT: closed twice")
		return
	}
	t.note("closed after %s", r.Long)
	if filed == nil {
		return
	}
	if r.Long == 0 {
		go filed(call.Recorded{}, call.ErrEmpty)
		return
	}
	go filed(r, nil)
}

// memory plays samples.
type memory struct{ left []int16 }

// Read fills the frame.
func (m *memory) Read(f media.Frame) (int, error) {
	n := copy(f, m.left)
	if m.left = m.left[n:]; len(m.left) == 0 {
		return n, io.EOF
	}
	return n, nil
}
