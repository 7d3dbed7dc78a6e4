package recording

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"santral/call"
	"santral/media/recorder"
	"santral/store"
)

// mover is a store of blobs into which a file of this machine can be moved without a copy.
type mover interface {
	Move(ctx context.Context, name, file string) error
}

// finish brings a recording that has ended to the disk, whole, says so, and has it filed.
func (a *Archive) finish(t *tape, filed func(call.Recorded, error)) {
	sum, err := t.rec.Close() // however long it takes
	t.writing.Lock()
	n, _ := t.known()
	whole, kept := a.whole(&n, sum, err)
	t.writing.Unlock()
	a.mu.Lock()
	a.beside--
	a.stats.Lost += n.Lost
	a.mu.Unlock()
	if filed != nil {
		filed(n.Recorded, whole)
	}
	if kept {
		a.file(n, firstPause)
	}
}

// whole notes that a recording is finished. kept is false when there is nothing to be filed.
func (a *Archive) whole(n *note, sum recorder.Summary, err error) (whole error, kept bool) {
	n.Long, n.Octets, n.SHA256, n.Lost, n.Whole = sum.Long, sum.Octets, sum.SHA256, sum.Lost, true
	switch {
	case sum.SHA256 == "" && err != nil:
		a.fail("finish a recording", &n.Recorded, err) // the spool keeps what there may be of it, and its note
		return err, false
	case sum.Long == 0:
		a.forget(n)
		if err == nil {
			err = call.ErrEmpty
		}
		return err, false
	case err != nil:
		a.fail("finish a recording; the rest of it is kept", &n.Recorded, err)
	}
	if err := a.keep(n); err != nil { // it is filed all the same; only a crash before that would lose what the note says
		a.alarm(BadDisk, err)
	}
	return nil, true
}

// takeUp finishes what an earlier process left.
func (a *Archive) takeUp(n note) {
	if !n.Whole {
		sum, err := recorder.Finish(a.spool(n.Tenant, n.Name))
		if errors.Is(err, fs.ErrNotExist) {
			a.forget(&n) // the crash came before its first sound
			return
		}
		n.Torn = true
		if _, kept := a.whole(&n, sum, err); !kept {
			return
		}
	}
	a.file(n, firstPause)
}

// file brings a whole recording to where it stays, and tells the ledger; when that fails, again after a pause.
func (a *Archive) file(n note, pause time.Duration) {
	err := a.put(&n)
	if errors.Is(err, store.ErrNotFound) { // it was deleted just before a crash, or taken away by hand
		a.fail("file a recording that is nowhere", &n.Recorded, err)
		a.forget(&n)
		a.waitsNoLonger(pause)
		return
	}
	if err != nil {
		if a.ctx.Err() == nil {
			if pause == firstPause {
				a.mu.Lock()
				a.late++
				a.mu.Unlock()
			}
			a.alarm(NotTook, err)
			a.after(&a.jobs, pause, func() { a.file(n, min(2*pause, longestPause)) })
		}
		return
	}
	a.waitsNoLonger(pause)
	a.mu.Lock()
	a.stats.Filed++
	a.stats.Octets += uint64(n.Octets)
	if n.Torn {
		a.stats.Torn++
	}
	a.mu.Unlock()
	a.tell(n, firstPause)
}

// waitsNoLonger ends the alarm with the last of those that had to wait to be filed, which one whose pause has grown had.
func (a *Archive) waitsNoLonger(pause time.Duration) {
	if pause == firstPause {
		return
	}
	a.mu.Lock()
	a.late--
	over := a.late == 0
	a.mu.Unlock()
	if over {
		a.alarm(NotTook, nil)
	}
}

// tell has the ledger know of a recording that is filed. The spool keeps its note until the row is there: the ledger
// answers, too, while its disk is stuck, and then it may have lost what it was told.
func (a *Archive) tell(n note, pause time.Duration) {
	e := call.Event{Call: n.Call, Kind: call.Taped, At: time.Now().UTC().Truncate(time.Microsecond), From: &call.Party{Tenant: n.Tenant, Account: n.Account}, Tape: &n.Recorded}
	a.asks.begin()
	a.c.Ledger.Commit(e, func() { // its goroutine must not wait for the database
		a.asks.later(func() { a.told(n, pause) })
		a.asks.done()
	})
}

// told clears the spool of a recording that has its row. One that has none a pause later is told of again, which makes
// no second row.
func (a *Archive) told(n note, pause time.Duration) {
	ctx, stop := context.WithTimeout(a.ctx, rowTime)
	defer stop()
	switch _, err := a.c.Rows.Recording(ctx, n.Tenant, n.Name); {
	case err == nil:
		a.forget(&n)
	case errors.Is(err, store.ErrNotFound):
		a.after(&a.asks, pause, func() { a.tell(n, min(2*pause, longestPause)) })
	default: // the database is away
		a.after(&a.asks, pause, func() { a.told(n, min(2*pause, longestPause)) })
	}
}

// put brings the file into the store, where it may be already: a crash came before the ledger knew.
func (a *Archive) put(n *note) error {
	key, err := keyOf(n.Tenant, n.Name)
	if err != nil {
		return err
	}
	file := a.spool(n.Tenant, n.Name)
	if m, ok := a.c.Blobs.(mover); ok {
		if err = m.Move(a.ctx, key, file); err == nil {
			return nil
		}
	}
	f, open := os.Open(file)
	if errors.Is(open, fs.ErrNotExist) {
		info, err := a.c.Blobs.Stat(a.ctx, key)
		if err == nil && info.Size != n.Octets {
			err = fmt.Errorf("%d octets lie there, not %d", info.Size, n.Octets)
		}
		return err
	}
	if open != nil {
		return open
	}
	defer f.Close()
	return a.c.Blobs.Put(a.ctx, key, f, n.Octets)
}
