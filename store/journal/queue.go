package journal

import (
	"encoding/binary"
	"io"
	"sync"
	"time"

	"santral/store"
)

// Journal is an open journal. Its methods are safe for concurrent use.
type Journal struct {
	// parameters
	o   Options
	dir string

	// the writer's state
	lock         io.Closer
	file         File
	base         store.Pos // of the open segment
	pos          store.Pos // where the next group goes
	chain        chain
	synced       store.Pos // everything before it is forced to the disk
	syncedChain  chain
	unsynced     []*batch  // written or to be written, after synced, kept until they are forced
	unsyncedSize int       // their octets
	written      int       // how many of them were handed to the file
	freed        []*batch  // forced, not yet recycled
	dirtySince   time.Time // when the first of them was written
	lastStart    time.Time // when the last group was begun
	lastCommits  int       // in that group
	lastWrite    time.Time

	// shared
	mu       sync.Mutex // a leaf
	segments []segment
	line     []*batch // closed batches in order; the first may be in the writer's hands
	open     *batch   // takes records; nil when there are none
	spare    []*batch
	idle     bool // the writer waits for wake
	closed   bool
	watching bool // the watch has a deadline before it
	orphans  []func()
	news     []alarmNews
	rotate   []chan store.Pos
	grown    chan struct{} // closed when readers may read on; nil when nobody waits
	status   Status

	wake, poke      chan struct{} // for the writer, for the watch; one place each
	closing, giveUp chan struct{}
	gone, watchGone chan struct{}
	closeOnce       sync.Once
	giveUpOnce      sync.Once
	closeErr        error
}

// batch is a group in the making: head room, then the records.
type batch struct {
	buf     []byte
	records int
	dones   []commit
	claimed int // so many of dones have been called or are about to be
}

type commit struct {
	at   time.Time
	done func()
}

func (j *Journal) begin() {
	j.status.Alarm, j.status.Since, j.status.End = Healthy, time.Now(), j.pos
	j.lastWrite = time.Now()
	j.wake, j.poke = make(chan struct{}, 1), make(chan struct{}, 1)
	j.closing, j.giveUp = make(chan struct{}), make(chan struct{})
	j.gone, j.watchGone = make(chan struct{}), make(chan struct{})
	go j.write()
	go j.watch()
}

// Append adds a record; it is written within a few milliseconds. It never waits and copies rec.
func (j *Journal) Append(rec []byte) { j.add(rec, nil) }

// Commit adds a record and calls done, on a goroutine of the journal's, when Options.Sync's promise
// holds for it and all before it, or after Patience. A nil done makes it an Append that is forced.
func (j *Journal) Commit(rec []byte, done func()) {
	if done == nil {
		done = func() {}
	}
	j.add(rec, done)
}

func (j *Journal) add(rec []byte, done func()) {
	var now time.Time
	if done != nil {
		now = time.Now()
	}
	j.mu.Lock()
	if j.closed || len(rec) > maxRecord || j.status.Waiting+len(rec) > j.o.Memory {
		j.status.Lost++
		if done != nil {
			j.orphans = append(j.orphans, done)
		}
		j.mu.Unlock()
		poke(j.poke)
		return
	}
	b := j.open
	if b == nil {
		b = j.freshLocked()
		j.open = b
	}
	before := len(b.buf)
	b.buf = binary.AppendUvarint(b.buf, uint64(len(rec)))
	b.buf = append(b.buf, rec...)
	b.records++
	j.status.Waiting += len(b.buf) - before
	watch := false
	if done != nil {
		b.dones = append(b.dones, commit{now, done})
		watch = !j.watching
		j.watching = true
	}
	if len(b.buf) >= batchSize {
		j.line = append(j.line, b)
		j.open = nil
	}
	wake := j.idle
	j.idle = false
	j.mu.Unlock()
	if wake {
		poke(j.wake)
	}
	if watch {
		poke(j.poke)
	}
}

func (j *Journal) freshLocked() *batch {
	if n := len(j.spare); n > 0 {
		b := j.spare[n-1]
		j.spare = j.spare[:n-1]
		return b
	}
	return &batch{buf: make([]byte, headRoom(j.o.Chained), 8<<10)}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Full reports that three quarters of the memory for waiting records are used.
func (j *Journal) Full() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.status.Waiting > j.o.Memory/4*3
}

// Status tells how the journal is doing.
func (j *Journal) Status() Status {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.status
	s.Segments = len(j.segments)
	return s
}

// take gives the next group to write, or how long to let it gather, or says that there will be none any
// more.
func (j *Journal) take() (b *batch, wait time.Duration, over bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.line) > 0 {
		return j.line[0], 0, false
	}
	if j.open == nil {
		j.idle = true
		return nil, 0, j.closed
	}
	pace := j.o.Pace
	if j.lastCommits >= busyCommits {
		pace *= busyPace
	}
	if wait := pace - time.Since(j.lastStart); wait > 0 && !j.closed {
		return nil, wait, false
	}
	j.line = append(j.line, j.open)
	j.open = nil
	return j.line[0], 0, false
}

// recycle gives back the memory of what is on the disk and keeps a few buffers for the next groups.
// The commits of these have been called.
func (j *Journal) recycle() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, b := range j.freed {
		j.status.Waiting -= len(b.buf) - headRoom(j.o.Chained)
		if len(j.spare) < maxSpare && cap(b.buf) <= 2*batchSize {
			clear(b.dones)
			*b = batch{buf: b.buf[:headRoom(j.o.Chained)], dones: b.dones[:0]}
			j.spare = append(j.spare, b)
		}
	}
	clear(j.freed)
	j.freed = j.freed[:0]
}
