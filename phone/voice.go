package phone

import (
	"errors"
	"io"
	"sync"

	"santral/media"
	"santral/media/dtmf"
)

// voice is the phone's mouth and ear in one call: it always has a frame to say, be it silence, so
// that what is played can change at any time and packets keep flowing.
type voice struct {
	ear *dtmf.Detector

	mu    sync.Mutex // a leaf, held for one frame
	src   media.Source
	over  chan struct{} // closed when src ends
	keys  media.Source  // tones of keys, instead of src while they last
	still bool          // say silence, and let src wait
	sink  media.Sink
}

var (
	_ media.Source = (*voice)(nil)
	_ media.Sink   = (*voice)(nil)
)

// play begins a source in the place of the one before; the channel is closed at its end, or when
// something else takes its place.
func (v *voice) play(src media.Source) <-chan struct{} {
	over := make(chan struct{})
	v.mu.Lock()
	defer v.mu.Unlock()
	v.finishLocked()
	if src == nil {
		close(over)
		return over
	}
	v.src, v.over = src, over
	return over
}

func (v *voice) finishLocked() {
	if v.over != nil {
		close(v.over)
	}
	v.src, v.over = nil, nil
}

// press says keys as tones.
func (v *voice) press(keys media.Source) {
	v.mu.Lock()
	v.keys = keys
	v.mu.Unlock()
}

// hush makes the voice wait, or go on.
func (v *voice) hush(still bool) {
	v.mu.Lock()
	v.still = still
	v.mu.Unlock()
}

// record gives what is heard to a sink; nil ends it.
func (v *voice) record(sink media.Sink) {
	v.mu.Lock()
	v.sink = sink
	v.mu.Unlock()
}

// stop ends what is played and recorded.
func (v *voice) stop() {
	v.mu.Lock()
	v.finishLocked()
	v.keys, v.sink = nil, nil
	v.mu.Unlock()
}

// Read says the next frame.
func (v *voice) Read(f media.Frame) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := 0
	switch {
	case v.still:
	case v.keys != nil:
		var err error
		if n, err = v.keys.Read(f); errors.Is(err, io.EOF) {
			v.keys = nil
		}
	case v.src != nil:
		var err error
		if n, err = v.src.Read(f); err != nil {
			v.finishLocked()
		}
	}
	clear(f[n:])
	return len(f), nil
}

// Write hears a frame.
func (v *voice) Write(f media.Frame) {
	v.mu.Lock()
	if v.sink != nil {
		v.sink.Write(f)
	}
	v.mu.Unlock()
	v.ear.Write(f)
}
