// Package recorder writes what is said to files: one channel or two, WAV or Ogg/Opus, in the clear or sealed.
//
// A recording has a time line. Frames come on the media clock, each channel in its own phase; they may begin late,
// stop, and go on from another leg. They are laid on the time line by when they were said, so that both channels stay
// together and nothing drifts, and what nobody said is silence (decisions 33 and 47). A file can be read at every moment: a
// crash costs its last second.
//
// The media loop only copies samples; one goroutine for each recording owns the file, arranges the sound and writes it.
// A disk that is full or stuck delays nobody: what can't be written is counted, its place on the time line is silence,
// and the recording goes on when there is room again. Where recordings are kept, for how long and for whom, is decided
// elsewhere.
package recorder

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"filippo.io/age"

	"santral/media"
)

// Format is how sound lies in a file.
type Format uint8

// Formats.
const (
	WAV  Format = iota // 16-bit PCM
	Opus               // in Ogg (RFC 7845)
)

// String names the format as file names end.
func (f Format) String() string { return [...]string{"wav", "opus"}[f&1] }

// Options are how a recording is made.
type Options struct {
	Path     string          // a file of that name is overwritten
	Channels int             // 1 or 2; 0 for 1
	Rate     int             // samples a second of each channel: 8000, 16000 or 48000 Hz; 0 for 8000
	Format   Format          // how it lies there
	Seal     []age.Recipient // who can open it; nil for everyone who can read the file
	Most     time.Duration   // it takes no more than this; 0 for no limit but the format's

	// Fault is told of a disk that fails or is stuck, once, and with nil when it writes again. It is called on a
	// goroutine of the recording's and must not wait for the recording; nil for nobody.
	Fault func(error)
}

// Limits.
const (
	waiting  = 30 * time.Second // of sound that waits for the disk; what comes then is lost
	stuck    = 5 * time.Second  // a disk that takes longer than this is said to be
	most     = 1<<32 - 1<<16    // octets of sound that a WAV file can hold
	diskMost = 256              // files that are written at the same time: each takes a thread while its disk is stuck
)

// ErrClosed is what a second Close gives.
var ErrClosed = errors.New("recorder: closed already")

// errStuck is told of a disk that does not answer.
var errStuck = errors.New("the disk does not answer")

// Recorder is one recording. It is safe for concurrent use, and ended by Close.
type Recorder struct {
	o     Options
	birth time.Time
	wake  chan struct{} // the recording ends
	ready chan struct{} // closed when the file is there, or can't be
	done  chan struct{} // closed when the file is
	fault trouble
	w     writer // of its goroutine

	mu      sync.Mutex // a leaf
	tracks  [2]queue
	begun   bool
	zero    time.Duration // where the time line begins, after birth
	gaps    gaps
	dated   bool // some of the sound comes late
	trim    time.Duration
	closed  bool
	opening error // why there is no file, at first
	sum     Summary
	err     error
}

// Summary is what a recording has become.
type Summary struct {
	Long   time.Duration // of the time line that is in the file
	Octets int64         // of the file
	SHA256 string        // of the file as it lies, in hexadecimal
	Lost   time.Duration // of sound that could not be written
}

// Create begins a recording. It waits for no disk: the file is made meanwhile, and Fault is told when it can't be. The
// error is of options that make no sense.
func Create(o Options) (*Recorder, error) {
	return create(o, func() (file, error) { return os.OpenFile(o.Path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o640) })
}

func create(o Options, open func() (file, error)) (*Recorder, error) {
	if o.Channels == 0 {
		o.Channels = 1
	}
	if o.Rate == 0 {
		o.Rate = 8000
	}
	switch {
	case o.Channels < 1 || o.Channels > 2:
		return nil, fmt.Errorf("record: %d channels, 1 and 2 are possible", o.Channels)
	case o.Rate != 8000 && o.Rate != 16000 && o.Rate != 48000:
		return nil, fmt.Errorf("record: %d samples a second; 8000, 16000 and 48000 are possible", o.Rate)
	case o.Most < 0:
		return nil, errors.New("record: a limit below nothing")
	}
	form, err := formOf(o)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	var seal *sealer
	if o.Seal != nil {
		if seal, err = newSealer(o); err != nil {
			return nil, fmt.Errorf("seal recording: %w", err)
		}
	}
	if o.Format == WAV {
		longest := time.Duration(most/(2*o.Channels*o.Rate)) * time.Second
		o.Most = min(cmp.Or(o.Most, longest), longest)
	}
	r := &Recorder{
		o: o, birth: time.Now(), wake: make(chan struct{}, 1), ready: make(chan struct{}), done: make(chan struct{}),
		fault: trouble{tell: o.Fault},
	}
	r.w = writer{r: r, open: open, form: form, seal: seal, line: newLine(o.Channels, o.Rate)}
	for i := range r.tracks {
		r.tracks[i].samples = make([]int16, 0, o.Rate*3/4)
		r.tracks[i].marks = make([]mark, 0, 48)
	}
	go r.w.run()
	return r, nil
}

// Await waits until the file is there, and gives the reason when it can't be made; the recording tries again then,
// unless it is closed.
func (r *Recorder) Await() error {
	<-r.ready
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.opening != nil {
		return fmt.Errorf("create recording: %w", r.opening)
	}
	return nil
}

// Sink gives what takes the sound of a channel: 0 is the left or the only one, 1 the right. It is media.Rated. Its
// frames come on the media clock, from one leg after the other; sound of two at the same time is heard in pieces.
// Before the first frame of either channel the time line does not begin. After Close, frames are dropped.
func (r *Recorder) Sink(channel int) media.Sink {
	return &sink{r, &r.tracks[min(max(channel, 0), r.o.Channels-1)]}
}

// sink is a channel as media knows it.
type sink struct {
	r *Recorder
	q *queue
}

var (
	_ media.Rated = (*sink)(nil)
	_ media.Dated = (*sink)(nil)
)

// Rate is the recording's (media.Rated).
func (s *sink) Rate() int { return s.r.o.Rate }

// Write takes samples of which the last was said just now.
func (s *sink) Write(f media.Frame) { s.r.write(s.q, f, time.Now(), false) }

// WriteSaid takes samples that were said earlier (media.Dated).
func (s *sink) WriteSaid(f media.Frame, end time.Time) { s.r.write(s.q, f, end, true) }

// queue is the sound of one channel that waits for the file's goroutine.
type queue struct {
	samples []int16
	marks   []mark
	pauses  int   // that were over before the last of it
	lost    int64 // samples that found no room
}

// mark says when a frame came.
type mark struct {
	at   int64 // its end on the time line, in samples
	n    int   // samples
	seam bool  // the time line stood still before it
}

// write takes a piece whose last sample was said at end. What is paused and masked goes by when it was said.
func (r *Recorder) write(q *queue, f media.Frame, end time.Time, dated bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || len(f) == 0 {
		return
	}
	r.dated = r.dated || dated
	at := end.Sub(r.birth)
	if !r.gaps.any() {
		r.addLocked(q, f, at, false)
		return
	}
	for len(f) > 0 {
		begin := at - r.duration(int64(len(f)))
		n, what := r.gaps.holds(begin, len(f), r.o.Rate)
		if what != pausedGap {
			r.addLocked(q, f[:n], at-r.duration(int64(len(f)-n)), what == maskedGap)
		}
		f = f[n:]
	}
}

// addLocked puts sound on the time line, or silence in its place.
func (r *Recorder) addLocked(q *queue, f media.Frame, end time.Duration, masked bool) {
	begin := end - r.duration(int64(len(f)))
	if !r.begun {
		r.begun, r.zero = true, begin
	}
	at := r.gaps.line(r.zero, end)
	if r.o.Most > 0 && at > r.o.Most {
		return
	}
	if len(q.samples)+len(f) > r.samples(waiting) {
		q.lost += int64(len(f))
		return
	}
	pauses := r.gaps.pauses(begin)
	q.marks = append(q.marks, mark{at: int64(r.samples(at)), n: len(f), seam: pauses != q.pauses})
	q.pauses = pauses
	if masked {
		for range f {
			q.samples = append(q.samples, 0)
		}
		return
	}
	q.samples = append(q.samples, f...)
}

func (r *Recorder) duration(samples int64) time.Duration { return lasting(samples, r.o.Rate) }

func (r *Recorder) samples(d time.Duration) int {
	return int((int64(d)/1000*int64(r.o.Rate) + 500_000) / 1_000_000)
}

// positionLocked gives the place on the time line at a moment.
func (r *Recorder) positionLocked(now time.Time) time.Duration {
	if !r.begun {
		return 0
	}
	at := max(r.gaps.line(r.zero, now.Sub(r.birth)), 0)
	if r.o.Most > 0 {
		at = min(at, r.o.Most)
	}
	return at
}

// Position is how long the recording is by now. Before the first frame it is 0, and after Close it is what the
// Summary says.
func (r *Recorder) Position() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return r.sum.Long
	}
	return r.positionLocked(time.Now())
}

// Pause has nothing be recorded of what is said from now on, and the time line stand still, until it is called with
// false. What was said before and is still to come is recorded.
func (r *Recorder) Pause(on bool) { r.gap(pausedGap, on) }

// Mask has silence be recorded in place of what is said from now on, until it is called with false. What was said before
// and is still to come is recorded.
func (r *Recorder) Mask(on bool) { r.gap(maskedGap, on) }

func (r *Recorder) gap(what gapKind, on bool) {
	r.mu.Lock()
	r.gaps.set(what, on, time.Since(r.birth), r.zero)
	r.mu.Unlock()
}

// Trim has Close cut off so much of the end, in place of what an earlier Trim said.
func (r *Recorder) Trim(d time.Duration) {
	r.mu.Lock()
	r.trim = max(d, 0)
	r.mu.Unlock()
}

// Close writes what waits, brings it to the disk and closes the file. It waits for that, however long it takes. The
// error says why something, or all, is not there; the Summary is of what is.
func (r *Recorder) Close() (Summary, error) {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return Summary{}, ErrClosed
	}
	r.closed = true
	r.mu.Unlock()
	r.wake <- struct{}{}
	<-r.done
	if r.err != nil {
		return r.sum, fmt.Errorf("record: %w", r.err)
	}
	return r.sum, nil
}
