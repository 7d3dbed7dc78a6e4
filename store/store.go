// Package store holds the words of what is kept: call records, bindings, places in the ledger, and
// the small interfaces through which the rest of the house reads and writes them. Its rooms are the
// machines: journal (framed files, group commit), ledger (the hash-chained truth about calls), bindings
// (the registrar's memory), seclog (what strangers tried), db (SQLite and PostgreSQL).
//
// Rows are plain values; whoever holds one owns it. Every row carries its tenant. Nothing on the path
// of a call reads a database.
package store

import (
	"context"
	"errors"
	"time"
)

// ErrNotFound is returned when a row that was asked for by its key does not exist.
var ErrNotFound = errors.New("not found")

// ErrBadCursor is returned when a cursor was not made by this kind of list.
var ErrBadCursor = errors.New("not a cursor of this list")

// Pos is a place in a ledger: octets since its very beginning, across all of its files. Only places
// that a ledger or a reader gave are good to read from; 0 is the beginning.
type Pos uint64

// Log is the writing side of a ledger. Records are opaque to it and copied before a call returns.
type Log interface {
	// Append adds a record and never waits: it is written within a few milliseconds.
	Append(rec []byte)
	// Commit adds a record and calls done when it and all before it are on disk, or when waiting longer
	// would hold up a call (an alarm is then up). done runs on a goroutine of the log's and must not block.
	Commit(rec []byte, done func())
	// Full reports that memory for records that wait for a sick disk is nearly used up, so that no new
	// work should begin.
	Full() bool
}

// LogReader gives a ledger group by group, in the order of writing. One goroutine may use it.
type LogReader interface {
	// Next gives the next group, waiting for it to be on disk until ctx ends. ok is false when wait is
	// false and nothing more is there. An error other than ctx's names a damaged part, which the following
	// call has passed.
	Next(ctx context.Context, wait bool) (g LogGroup, ok bool, err error)
	Close() error
}

// LogGroup is what was written at one time. Records share memory that the next call of Next uses again.
type LogGroup struct {
	At      Pos
	Next    Pos       // where reading goes on
	Time    time.Time // when it was written, to the microsecond
	Records [][]byte  // none in a sign of life
}
