package journal

import (
	"context"
	"encoding/binary"
	"fmt"
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

// write is the writer's loop: take what waits, write it as a group, force it when somebody waits for
// that, tell them. Under load it begins no group sooner than Pace after the last one.
func (j *Journal) write() {
	defer close(j.gone)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		j.housekeeping()
		b, wait, over := j.take()
		switch {
		case b != nil:
			j.put(b)
			continue
		case over:
			j.end()
			return
		case wait == 0:
			wait = j.nap()
		}
		timer.Reset(wait)
		select {
		case <-j.wake:
		case <-timer.C:
		case <-j.closing:
		}
	}
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

// put writes the first batch of the line, whatever it takes, and calls its commits.
func (j *Journal) put(b *batch) {
	j.lastStart, j.lastCommits = time.Now(), len(b.dones)
	j.unsynced = append(j.unsynced, b)
	j.unsyncedSize += len(b.buf)
	force := j.unsyncedSize > maxUnsynced || j.written > 0 && j.lastStart.Sub(j.dirtySince) >= j.o.SyncEvery ||
		j.o.Sync == SyncCommits && len(b.dones) > 0 // complete: a batch in the line takes no more
	ok := j.store(force)
	j.mu.Lock()
	j.line = j.line[1:]
	if len(j.line) == 0 {
		j.line = nil
	}
	dones := b.dones[b.claimed:]
	b.claimed = len(b.dones)
	if ok {
		j.status.Groups++
		j.status.Records += uint64(b.records)
	}
	j.mu.Unlock()
	for _, c := range dones {
		c.done()
	}
	j.recycle()
}

// store brings everything that is unsynced into the file, and forces it when force says so. It tries
// until it succeeds; false means that Close gave up.
func (j *Journal) store(force bool) bool {
	wait := 50 * time.Millisecond
	for {
		began := time.Now()
		err := j.advance(force)
		if err == nil {
			if took := time.Since(began); took > j.o.Patience {
				j.setAlarm(Slow, fmt.Errorf("a write took %v", took.Round(time.Millisecond)))
			} else {
				j.setAlarm(Healthy, nil)
			}
			j.publish()
			return true
		}
		if isFull(err) {
			j.setAlarm(NoSpace, err)
		} else {
			j.setAlarm(Failing, err)
		}
		retry := time.NewTimer(wait)
		select {
		case <-retry.C:
		case <-j.giveUp:
			retry.Stop()
			return false
		}
		wait = min(2*wait, time.Second)
		j.retreat(err)
	}
}

func (j *Journal) advance(force bool) error {
	if int64(j.pos-j.base) >= j.o.Segment {
		if err := j.roll(); err != nil {
			return err
		}
	}
	for j.written < len(j.unsynced) {
		b := j.unsynced[j.written]
		now := time.Now()
		next := sealGroup(b.buf, b.records, j.pos, now, j.o.Chained, j.chain)
		if _, err := j.file.WriteAt(b.buf, int64(j.pos-j.base)); err != nil {
			return err
		}
		if j.written == 0 {
			j.dirtySince = now
		}
		j.written++
		j.pos += store.Pos(len(b.buf))
		j.chain = next
		j.lastWrite = now
	}
	if force {
		return j.force()
	}
	return nil
}

// force makes everything written safe from loss of power.
func (j *Journal) force() error {
	if err := j.file.Sync(); err != nil {
		return err
	}
	j.synced, j.syncedChain = j.pos, j.chain
	j.freed = append(j.freed, j.unsynced[:j.written]...)
	j.unsynced = append(j.unsynced[:0], j.unsynced[j.written:]...)
	j.written = 0
	j.unsyncedSize = 0
	for _, b := range j.unsynced {
		j.unsyncedSize += len(b.buf)
	}
	return nil
}

// roll seals the segment and begins the next.
func (j *Journal) roll() error {
	if err := j.force(); err != nil {
		return err
	}
	return j.newSegment(j.pos)
}

// retreat goes back to what is known to be on the disk, so that everything after it is written again:
// after a failed sync nobody knows what of it is there. A full disk keeps its segment; on any other
// failure the rest goes into a new file, and the old one ends where that begins.
func (j *Journal) retreat(err error) {
	j.pos, j.chain, j.written = j.synced, j.syncedChain, 0
	if isFull(err) {
		if j.file.Truncate(int64(j.synced-j.base)) == nil {
			return
		}
	}
	if err := j.newSegment(j.synced); err == nil {
		j.pos, j.chain = j.synced, j.syncedChain
	}
}

// publish lets readers read on.
func (j *Journal) publish() {
	end := j.synced
	if j.o.Sync == SyncLazily {
		end = j.pos
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if end > j.status.End {
		j.status.End = end
		if j.grown != nil {
			close(j.grown)
			j.grown = nil
		}
	}
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

// housekeeping does what is due while nothing waits: forcing, signs of life, a new segment on demand.
func (j *Journal) housekeeping() {
	now := time.Now()
	if j.o.Heartbeat > 0 && now.Sub(j.lastWrite) >= j.o.Heartbeat {
		j.unsynced = append(j.unsynced, &batch{buf: make([]byte, headRoom(j.o.Chained))})
		j.store(false)
	}
	if j.written > 0 && now.Sub(j.dirtySince) >= j.o.SyncEvery {
		j.store(true)
		j.recycle()
	}
	j.mu.Lock()
	asked := j.rotate
	j.rotate = nil
	j.mu.Unlock()
	if len(asked) == 0 {
		return
	}
	if j.pos > j.base+fileHeader {
		if err := j.roll(); err != nil {
			j.setAlarm(Failing, err)
			j.mu.Lock()
			j.rotate = append(asked, j.rotate...)
			j.mu.Unlock()
			return
		}
		j.publish()
	}
	for _, c := range asked {
		c <- j.base
	}
}

// nap is how long the writer may sleep when nothing comes.
func (j *Journal) nap() time.Duration {
	nap := time.Hour
	if j.written > 0 {
		nap = min(nap, j.o.SyncEvery-time.Since(j.dirtySince))
	}
	if j.o.Heartbeat > 0 {
		nap = min(nap, j.o.Heartbeat-time.Since(j.lastWrite))
	}
	j.mu.Lock()
	if len(j.rotate) > 0 {
		nap = min(nap, 100*time.Millisecond)
	}
	j.mu.Unlock()
	return max(nap, time.Millisecond)
}

// Rotate seals the open segment and gives the base of the next: everything that was appended before the
// call and has been written stands before it.
func (j *Journal) Rotate(ctx context.Context) (store.Pos, error) {
	base := make(chan store.Pos, 1)
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return 0, errClosed
	}
	j.rotate = append(j.rotate, base)
	j.mu.Unlock()
	poke(j.wake)
	select {
	case pos := <-base:
		return pos, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-j.gone:
		return 0, errClosed
	}
}

// Close writes what waits and closes the files. When ctx ends first it gives up: the error then says how
// much was never written.
func (j *Journal) Close(ctx context.Context) error {
	j.closeOnce.Do(func() {
		j.mu.Lock()
		j.closed = true
		j.mu.Unlock()
		close(j.closing)
	})
	select {
	case <-j.gone:
	case <-ctx.Done():
		j.giveUpOnce.Do(func() { close(j.giveUp) })
		select {
		case <-j.gone:
		case <-time.After(j.o.Patience): // the writer is stuck in a call of the kernel's
			return fmt.Errorf("close journal %s: the disk does not answer: %w", j.dir, ctx.Err())
		}
	}
	<-j.watchGone
	return j.closeErr
}

// end is the writer's last act.
func (j *Journal) end() {
	if !j.store(true) {
		j.mu.Lock()
		left := j.status.Waiting
		j.mu.Unlock()
		j.closeErr = fmt.Errorf("close journal %s: %d octets of records were never written: %w", j.dir, left, j.status.Error)
	}
	if err := j.file.Close(); err != nil && j.closeErr == nil {
		j.closeErr = fmt.Errorf("close journal %s: %w", j.dir, err)
	}
	j.lock.Close()
}
