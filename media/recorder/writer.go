package recorder

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// When the file's goroutine does something.
const (
	every     = 500 * time.Millisecond // sound is written
	again     = time.Second            // after a failure
	syncEvery = 5 * time.Second        // what is written is brought to the disk
)

// file is what a recording is written to.
type file interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
	Sync() error
	Close() error
}

// writer is the goroutine that owns the file.
type writer struct {
	r    *Recorder
	open func() (file, error)
	form form
	seal *sealer // nil: in the clear
	line *line

	out     file
	begun   bool   // the octets before all sound are in wait
	plain   []byte // a piece on its way to be sealed
	wait    []byte // octets that are not in the file yet
	size    int64  // octets that are
	there   int64  // samples of each channel that are
	head    int64  // size when what is at the beginning was mended last
	body    digest // of what was appended
	synced  time.Time
	dirty   bool
	swapped [2]queue // exchanged with those of the recording
}

// disks keeps stuck disks from taking all threads that the program may have.
var disks = make(chan struct{}, diskMost)

func (w *writer) run() {
	r := w.r
	defer close(r.done)
	tick := time.NewTimer(0)
	defer tick.Stop()
	first := true
	for {
		closing := false
		select {
		case <-tick.C:
		case <-r.wake:
			closing = true
		}
		r.fault.watch()
		disks <- struct{}{}
		err := w.turn(closing)
		<-disks
		r.fault.rest()
		if first {
			first = false
			r.mu.Lock()
			r.opening = err
			r.mu.Unlock()
			close(r.ready)
		}
		r.fault.set(err)
		if closing {
			r.fault.end()
			return
		}
		if err == nil {
			tick.Reset(every)
		} else {
			tick.Reset(again)
		}
	}
}

// turn writes what has come.
func (w *writer) turn(closing bool) (err error) {
	if w.out == nil {
		if w.out, err = w.open(); err != nil {
			w.out = nil
		}
	}
	if err == nil {
		err = w.write(closing)
	}
	if closing {
		w.finish(err)
	}
	return err
}

// write takes the sound that waits, and writes it. While a disk fails nothing is taken.
func (w *writer) write(closing bool) error {
	if !w.begun {
		w.begun, w.synced = true, time.Now()
		if w.seal != nil {
			w.wait = append(w.wait, w.seal.head...)
		}
		w.add(w.form.begin(w.room()), 0)
	}
	if err := w.flush(); err != nil {
		return err
	}
	now, trim := w.take()
	for {
		piece := w.line.next(now, closing)
		if piece == nil {
			break
		}
		w.add(w.form.sound(w.room(), piece), len(piece)/w.r.o.Channels)
		if err := w.flush(); err != nil {
			return err
		}
	}
	if closing {
		if err := w.last(trim); err != nil {
			return err
		}
	}
	if err := w.mend(); err != nil {
		return err
	}
	if closing || w.dirty && time.Since(w.synced) >= syncEvery {
		w.dirty, w.synced = false, time.Now()
		return w.out.Sync()
	}
	return nil
}

// room is where the octets of a piece go first.
func (w *writer) room() []byte {
	if w.seal == nil {
		return w.wait
	}
	return w.plain[:0]
}

// add takes what room has become with the octets of so many samples of each channel.
func (w *writer) add(b []byte, samples int) {
	if w.seal == nil {
		w.wait = b
		return
	}
	w.plain = b
	w.wait = w.seal.block(w.wait, kindSound, b, samples)
}

// last ends the sound, without the last so many samples.
func (w *writer) last(trim int64) error {
	if trim > 0 {
		if err := w.cut(max(w.line.done-trim, 0)); err != nil {
			return err
		}
	} else {
		w.add(w.form.end(w.room()), 0)
	}
	if w.seal != nil {
		w.wait = w.seal.end(w.wait)
	}
	return w.flush()
}

// cut has the file end after so many samples of each channel.
func (w *writer) cut(end int64) error {
	if w.seal == nil {
		stay, more, err := w.form.cut(w.wait[:0], w.out, w.size, end)
		if err != nil {
			return err
		}
		w.size, w.wait = stay, more
	} else {
		p := w.seal.plain(w.out)
		stay, more, err := w.form.cut(w.plain[:0], p, p.size(), end)
		if err != nil {
			return err
		}
		size, kept, samples, err := w.seal.cut(p, stay, end)
		if err != nil {
			return err
		}
		w.size, w.wait = size, w.seal.block(w.wait[:0], kindCut, append(kept, more...), samples)
	}
	w.body, w.line.done, w.there = digest{spoilt: true}, end, min(w.there, end)
	return w.out.Truncate(w.size)
}

// take exchanges the queues, and puts what was in them on the time line. It gives the time line's moment, in samples.
func (w *writer) take() (now, trim int64) {
	r := w.r
	held := w.line.held() >= r.samples(waiting) // a disk that fails every other time
	r.mu.Lock()
	for i := range w.line.tracks {
		if held {
			w.swapped[i] = w.swapped[i].empty(&w.swapped[i])
			continue
		}
		r.tracks[i], w.swapped[i] = w.swapped[i].empty(&r.tracks[i]), r.tracks[i]
	}
	at := time.Now()
	r.gaps.forget(at.Sub(r.birth), r.zero, gapsMost)
	now = int64(r.samples(r.positionLocked(at)))
	if r.dated {
		w.line.lag = lagMost
	}
	trim = int64(r.samples(r.trim))
	r.mu.Unlock()
	for i := range w.line.tracks {
		t := &w.line.tracks[i]
		t.samples = append(t.samples, w.swapped[i].samples...)
		t.marks = append(t.marks, w.swapped[i].marks...)
	}
	return now, trim
}

// empty gives q with its room and nothing in it, and with the counts of what it takes the place of.
func (q *queue) empty(of *queue) queue {
	return queue{samples: q.samples[:0], marks: q.marks[:0], pauses: of.pauses, lost: of.lost}
}

// flush appends what waits to the file.
func (w *writer) flush() error {
	if len(w.wait) == 0 {
		return nil
	}
	if _, err := w.out.WriteAt(w.wait, w.size); err != nil {
		return err
	}
	w.body.add(w.wait)
	w.size += int64(len(w.wait))
	w.wait = w.wait[:0]
	w.there = w.line.done
	w.dirty = true
	return nil
}

// mend brings what is at the beginning up to date. The sound is there before it counts: a reader never sees a size that
// is larger than it.
func (w *writer) mend() error {
	if w.head == w.size {
		return nil
	}
	if b := w.form.mend(w.size); b != nil {
		if _, err := w.out.WriteAt(b, 0); err != nil {
			return err
		}
		w.body.spoilt = true
	}
	w.head = w.size
	return nil
}

// finish closes the file and says what it has become.
func (w *writer) finish(err error) {
	r := w.r
	var sum Summary
	if w.out != nil {
		if err != nil { // what could be written is to be whole
			_ = w.out.Truncate(w.size)
			_ = w.mend()
		}
		var bad error
		if sum.SHA256, bad = w.body.sum(w.out, w.size); bad != nil {
			err = errors.Join(err, bad)
		}
		err = errors.Join(err, w.out.Close(), syncFolder(w.r.o.Path))
		sum.Octets = w.size
	}
	sum.Long = r.duration(w.there)
	r.mu.Lock()
	defer r.mu.Unlock()
	lost := int64(0)
	for i := range r.tracks {
		n := r.tracks[i].lost
		if err != nil { // what waits has nowhere to go
			n += int64(len(r.tracks[i].samples)) + max(w.line.whole()-w.there, 0)
		}
		lost = max(lost, n)
	}
	sum.Lost = r.duration(lost)
	r.sum, r.err = sum, err
}

// syncFolder brings a file's name to the disk.
func syncFolder(path string) error {
	if path == "" {
		return nil
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// trouble tells of a disk that fails, once, and when it is over. A disk that does not answer is told of by a timer.
type trouble struct {
	tell func(error)

	mu    sync.Mutex // held while somebody is told
	bad   bool
	over  bool
	timer *time.Timer
}

// watch has trouble be told unless rest is called soon.
func (t *trouble) watch() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tell == nil {
		return
	}
	if t.timer == nil {
		t.timer = time.AfterFunc(stuck, func() { t.set(errStuck) })
	} else {
		t.timer.Reset(stuck)
	}
}

func (t *trouble) rest() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.timer != nil {
		t.timer.Stop()
	}
}

func (t *trouble) set(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tell == nil || t.over || t.bad == (err != nil) {
		return
	}
	t.bad = err != nil
	t.tell(err)
}

// end has nobody be told any more.
func (t *trouble) end() {
	t.mu.Lock()
	t.over = true
	t.mu.Unlock()
}
