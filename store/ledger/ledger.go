// Package ledger is the append-only truth about calls: every event of every call, in segments that are
// checksummed and hash-chained. Call records, statistics and bills are folds over it and can be made
// from it anew, byte for byte.
//
// What lives here is the ledger's promise; files and groups are store/journal's. What an event means
// is the folds' business: here it is octets. The journal's writer owns the files.
//
// The promise: what was appended is handed to the kernel within a few milliseconds, so that kill -9
// does not lose it; what was committed is forced to the disk before done is called, so that loss of power
// does not either. A disk that is slow (250 ms), full or failing never stops a call: done is called all
// the same, an alarm is up, events wait in bounded memory until the disk is well, and Full reports when
// three quarters of that are used, so that new calls are refused while there is room for the rest of those
// that are going on.
package ledger

import (
	"context"
	"fmt"
	"time"

	"santral/store"
	"santral/store/journal"
)

// Options are the ledger's parameters; zero values take the defaults of journal.Options.
type Options struct {
	Disk      journal.Disk
	Segment   int64
	Pace      time.Duration
	Heartbeat time.Duration // 5 s; the clock of interrupted calls is as exact as this
	Memory    int
	OnAlarm   func(journal.Alarm, error) // told every change of the disk's state, must not block
}

// Ledger is an open ledger. It is safe for concurrent use.
type Ledger struct {
	j      *journal.Journal
	o      Options
	dir    string
	repair journal.Repair
}

var _ store.Log = (*Ledger)(nil)

// Open opens the ledger in dir, or begins one, and repairs what a crash left.
func Open(dir string, o Options) (*Ledger, error) {
	if o.Disk == nil {
		o.Disk = journal.OS
	}
	if o.Heartbeat <= 0 {
		o.Heartbeat = 5 * time.Second
	}
	j, repair, err := journal.Open(dir, journal.Options{
		Disk: o.Disk, Chained: true, Sync: journal.SyncCommits,
		Segment: o.Segment, Pace: o.Pace, Heartbeat: o.Heartbeat, Memory: o.Memory, OnAlarm: o.OnAlarm,
	})
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	return &Ledger{j: j, o: o, dir: dir, repair: repair}, nil
}

// Append adds a record; it never waits and copies rec.
func (l *Ledger) Append(rec []byte) { l.j.Append(rec) }

// Commit adds a record and calls done when it and all before it are on disk, or after 250 ms.
func (l *Ledger) Commit(rec []byte, done func()) { l.j.Commit(rec, done) }

// Full reports that new calls should be refused.
func (l *Ledger) Full() bool { return l.j.Full() }

// Status tells how the ledger is doing.
func (l *Ledger) Status() journal.Status { return l.j.Status() }

// Repair tells what Open found and cut off.
func (l *Ledger) Repair() journal.Repair { return l.repair }

// LastAlive is when the process that had the ledger before gave its last sign of life, to within the
// heartbeat; zero for a new ledger.
func (l *Ledger) LastAlive() time.Time { return l.repair.LastBeat }

// Begin is where this process began to write: everything before it is of earlier ones.
func (l *Ledger) Begin() store.Pos { return l.repair.At }

// End is how far readers may read.
func (l *Ledger) End() store.Pos { return l.j.End() }

// Read gives a reader from a place that a reader gave; 0 is the beginning.
func (l *Ledger) Read(from store.Pos) store.LogReader { return l.j.Read(from) }

// Verify reads everything that is on disk and checks its sums and its chain. It may run while the ledger
// is written.
func (l *Ledger) Verify() (journal.Report, error) {
	return journal.Verify(l.o.Disk, l.dir, true, l.j.End())
}

// Drop removes the segments that end at or before a place: retention. Nothing is ever dropped by itself.
func (l *Ledger) Drop(before store.Pos) error { return l.j.Drop(before) }

// Close writes what waits and closes. When ctx ends first the error says what was never written.
func (l *Ledger) Close(ctx context.Context) error { return l.j.Close(ctx) }
