package journal

import (
	"context"
	"fmt"
	"time"

	"santral/store"
)

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
		left, err := j.status.Waiting, j.status.Error
		j.mu.Unlock()
		j.closeErr = fmt.Errorf("close journal %s: %d octets of records were never written: %w", j.dir, left, err)
	}
	if err := j.file.Close(); err != nil && j.closeErr == nil {
		j.closeErr = fmt.Errorf("close journal %s: %w", j.dir, err)
	}
	j.lock.Close()
}
