// Package cdr makes call records: a fold over the events of the ledger into rows of a database, each
// call exactly once, whatever crashes in between. It also writes the events down in the first place, as
// the book that calls are given.
//
// What lives here is what a record is and how it comes about. How events are kept is store/ledger's
// business, how rows are kept store/db's. One goroutine, the one that runs Fold.Run, owns every open
// record. Records can be thrown away and made again from the ledger; they come out the same.
package cdr

import (
	"sync"
	"time"

	"santral/call"
	"santral/store"
)

// Log is the ledger as the records need it. store/ledger's Ledger is one.
type Log interface {
	store.Log
	Read(from store.Pos) store.LogReader
	Begin() store.Pos     // where this process began to write
	End() store.Pos       // how far may be read
	LastAlive() time.Time // when the process before this one last wrote
}

// Book writes the events of calls into a log as JSON, a record each. It is what calls know as their
// ledger, and safe for concurrent use.
type Book struct {
	log  store.Log
	bufs sync.Pool
}

var _ call.Ledger = (*Book)(nil)

// NewBook gives the book of a log.
func NewBook(log store.Log) *Book {
	return &Book{log: log, bufs: sync.Pool{New: func() any { return new([]byte) }}}
}

// Append adds an event; it never blocks.
func (b *Book) Append(e call.Event) {
	buf := b.text(&e)
	b.log.Append(*buf)
	b.bufs.Put(buf)
}

// Commit adds an event and calls done when it is on disk, or when waiting longer would hold up the call.
func (b *Book) Commit(e call.Event, done func()) {
	buf := b.text(&e)
	b.log.Commit(*buf, done)
	b.bufs.Put(buf)
}

// Full reports that new calls should be refused.
func (b *Book) Full() bool { return b.log.Full() }

func (b *Book) text(e *call.Event) *[]byte {
	buf := b.bufs.Get().(*[]byte)
	*buf = e.AppendJSON((*buf)[:0])
	return buf
}
