package recording

import (
	"sync"
	"time"

	"santral/call"
	"santral/media"
	"santral/media/recorder"
)

// note is what is known of a recording beside its sound. It lies in the spool next to it, so that a crash leaves nothing
// of which nobody knows whose it is.
type note struct {
	call.Recorded
	Tenant  string  `json:"tenant"`
	Account string  `json:"account,omitempty"`
	Call    call.ID `json:"call"`
	Whole   bool    `json:"whole,omitempty"` // the file is finished, and Recorded is what the ledger is told
}

// tape is a recording under way.
type tape struct {
	a   *Archive
	rec *recorder.Recorder

	writing sync.Mutex // held while the note is written to the disk

	mu     sync.Mutex // under it, the recorder alone is asked
	note   note
	talk   call.Segment // what goes on, whether it is recorded or not
	paused bool
	masked bool
	closed bool
}

var _ call.Tape = (*tape)(nil)

// Name is as call.Tape says.
func (t *tape) Name() string { return t.note.Name }

// Sink is as call.Tape says.
func (t *tape) Sink(channel int) media.Sink { return t.rec.Sink(channel) }

// Mark is as call.Tape says. What can't be heard because it is paused or masked is not marked.
func (t *tape) Mark(s call.Segment) {
	t.mu.Lock()
	t.talk = s
	t.segmentLocked()
	t.mu.Unlock()
	t.a.clerk.write(t)
}

// segmentLocked has the segment that goes on begin now.
func (t *tape) segmentLocked() {
	s := t.talk
	switch {
	case t.paused:
		s.What = "paused"
	case t.masked:
		s.What = "masked"
	case s.What == "":
		return // nobody has said what goes on
	}
	s.At = t.rec.Position()
	list := t.note.Segments
	if n := len(list); n > 0 {
		last := list[n-1]
		last.At = s.At
		if last == s || n >= mostSegments {
			return
		}
	}
	t.note.Segments = append(list[:len(list):len(list)], s) // whoever writes the note down reads the old list
}

// Pause is as call.Tape says.
func (t *tape) Pause(on bool) { t.silence(&t.paused, on, t.rec.Pause) }

// Mask is as call.Tape says.
func (t *tape) Mask(on bool) { t.silence(&t.masked, on, t.rec.Mask) }

func (t *tape) silence(state *bool, on bool, apply func(bool)) {
	t.mu.Lock()
	changed := *state != on
	if changed {
		*state = on
		apply(on)
		t.segmentLocked()
	}
	t.mu.Unlock()
	if changed {
		t.a.clerk.write(t)
	}
}

// Trim is as call.Tape says.
func (t *tape) Trim(d time.Duration) { t.rec.Trim(d) }

// Close is as call.Tape says.
func (t *tape) Close(filed func(call.Recorded, error)) {
	t.mu.Lock()
	again := t.closed
	t.closed = true
	t.mu.Unlock()
	if again {
		return
	}
	a := t.a
	a.mu.Lock()
	delete(a.open, t)
	a.beside++
	a.mu.Unlock()
	if !a.jobs.later(func() { a.finish(t, filed) }) {
		go t.rec.Close() // the next start files it
	}
}

// known gives the note as it is now.
func (t *tape) known() (n note, closed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.note, t.closed
}
