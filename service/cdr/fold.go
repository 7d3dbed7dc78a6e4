package cdr

import (
	"context"
	"fmt"
	"sync"
	"time"

	"santral/call"
	"santral/store"
)

// Options are the fold's parameters. Zero values take the defaults that stand beside them.
type Options struct {
	Pace  time.Duration // the least time between two writings of records, unless somebody asks; 250 ms
	Batch int           // the most records in one; 500
	Sum   time.Duration // how long sums may lag behind records, unless somebody asks; 10 s
	Far   store.Pos     // octets of ledger behind the newest at which an open call is put down; 32 MiB

	// Living tells whether a call of an earlier process goes on in this one, handed over. Calls that don't
	// are closed as interrupted. Nil means that none does.
	Living func(call.ID) bool
	// OnError is told what went wrong with the database or the ledger; the fold itself goes on and tries
	// again. It must not block.
	OnError func(error)
	// OnRecord is told every record as it is made, before it is in the tables, on the goroutine of Run. It
	// must not block, nor keep the record.
	OnRecord func(*store.CDR)
}

// Fold makes records of the ledger's events.
type Fold struct {
	// parameters
	log Log
	db  store.FoldStore
	o   Options

	// the runner's state
	saved  store.Fold // as the tables say
	pos    store.Pos  // everything before it has been applied
	count  uint64
	open   map[string]*record
	made   store.Folded   // to be written; what is put down is asked for only then
	late   map[string]int // place in made.CDRs of calls
	sums   *sums
	reader store.LogReader
	torn   bool // it ended within a group: what has been gathered is not to be written
	closed bool // calls of earlier processes have been looked after

	// shared
	mu      sync.Mutex // a leaf
	settled store.Pos  // every record of a call that ended before it is in the tables
	summed  uint64     // the sums hold every record up to this one
	moved   chan struct{}
	stats   Stats
	hurry   chan struct{}
}

// Stats is how the fold is doing.
type Stats struct {
	Records     uint64    // in the tables
	Open        int       // calls that are going on, as far as the fold has read
	Interrupted uint64    // calls of earlier processes that this one closed
	Strays      uint64    // events that belong to no call that is open: never seen in a sound ledger
	Unreadable  uint64    // records that are no events, and damaged parts
	Settled     store.Pos // every record of a call that ended before this place is in the tables
}

// New makes a fold of a ledger into tables; Run runs it.
func New(log Log, db store.FoldStore, o Options) *Fold {
	if o.Pace <= 0 {
		o.Pace = 250 * time.Millisecond
	}
	if o.Batch <= 0 {
		o.Batch = 500
	}
	if o.Sum <= 0 {
		o.Sum = 10 * time.Second
	}
	if o.Far == 0 {
		o.Far = 32 << 20
	}
	if o.Living == nil {
		o.Living = func(call.ID) bool { return false }
	}
	if o.OnError == nil {
		o.OnError = func(error) {}
	}
	if o.OnRecord == nil {
		o.OnRecord = func(*store.CDR) {}
	}
	return &Fold{log: log, db: db, o: o, open: map[string]*record{}, late: map[string]int{}, sums: newSums(), moved: make(chan struct{}), hurry: make(chan struct{}, 1)}
}

// Run folds until ctx ends, and then once more to the ledger's end, for which it takes at most five
// seconds. It begins where the tables are, closes the calls that an earlier process left open, and
// returns an error only when the tables could not be read at all. It is run once.
func (f *Fold) Run(ctx context.Context) error {
	if err := f.load(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("fold call records: %w", err)
	}
	f.reader = f.log.Read(f.saved.Low)
	defer f.reader.Close()
	if err := f.catchUp(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("sum up call records: %w", err)
	}
	for ctx.Err() == nil {
		more, err := f.read(ctx, false)
		if err != nil {
			f.pause(ctx, time.Second)
			continue
		}
		if more && f.pending() < f.o.Batch {
			continue
		}
		if f.pending() > 0 || f.pos > f.saved.Done+f.o.Far/4 || f.sums.due(f.o.Sum) {
			if f.save(ctx) && !more {
				f.pause(ctx, f.o.Pace)
			}
			f.settle()
			continue
		}
		f.settle()
		f.wait(ctx)
	}
	f.last()
	return nil
}

// load begins where the tables are.
func (f *Fold) load(ctx context.Context) error {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		at, kept, err := f.db.Fold(ctx)
		if err == nil {
			f.saved, f.count, f.pos = at, at.Count, at.Low
			for _, o := range kept {
				r, err := restore(o)
				if err != nil {
					return fmt.Errorf("what was put down of call %s: %w", o.Call, err)
				}
				f.open[o.Call] = r
			}
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		f.o.OnError(err)
		f.pause(ctx, wait)
	}
}

// read applies one group. more is false when nothing is there to be read (and wait is false).
func (f *Fold) read(ctx context.Context, wait bool) (more bool, err error) {
	end := f.log.End()
	g, ok, err := f.reader.Next(ctx, wait)
	switch {
	case err != nil:
		if ctx.Err() == nil {
			f.o.OnError(err)
			f.mu.Lock()
			f.stats.Unreadable++
			f.mu.Unlock()
		}
		return false, err
	case !ok:
		f.pos = max(f.pos, end)
		f.closeInterrupted()
		return false, nil
	}
	if g.At >= f.log.Begin() {
		f.closeInterrupted()
	}
	for _, rec := range g.Records {
		if !f.event(ctx, g.At, string(rec)) {
			f.torn = true
			return false, ctx.Err()
		}
	}
	f.pos = g.Next
	return true, nil
}

// event applies one event of the group at a place. It reports whether it could.
func (f *Fold) event(ctx context.Context, at store.Pos, text string) bool {
	e, err := call.ParseEvent(text)
	if err != nil {
		f.o.OnError(fmt.Errorf("fold at %d: %w", at, err))
		f.mu.Lock()
		f.stats.Unreadable++
		f.mu.Unlock()
		return true
	}
	if e.Kind == call.Taped || e.Kind == call.Untaped {
		if at >= f.saved.Done { // before it, everything is in the tables
			f.tape(&e)
		}
		return true
	}
	r := f.open[string(e.Call)]
	switch {
	case r == nil && e.Kind == call.Began:
		r = &record{}
		r.CDR.Call = string(e.Call)
		f.open[r.CDR.Call] = r
	case r == nil:
		if at >= f.saved.Done { // before it, calls that have their record are read again in part
			f.mu.Lock()
			f.stats.Strays++
			f.mu.Unlock()
		}
		return true
	case at < r.until:
		return true
	}
	if e.Other != "" && !f.relate(ctx, r, string(e.Other)) {
		return false
	}
	if !r.unread {
		r.since, r.unread = at, true
	}
	if !r.apply(&e) {
		return true
	}
	delete(f.open, r.CDR.Call)
	if at < f.saved.Done {
		return true // it has its record
	}
	f.count++
	r.CDR.Seq = f.count
	f.late[r.CDR.Call] = len(f.made.CDRs)
	f.sums.record(&r.CDR, 1)
	f.made.CDRs = append(f.made.CDRs, r.CDR)
	f.o.OnRecord(&r.CDR)
	if r.kept {
		f.made.Forget = append(f.made.Forget, r.CDR.Call)
	}
	return true
}

// save writes what has been gathered, with the place up to which that is everything. It reports whether
// it succeeded; otherwise everything stays as it is and is tried again.
func (f *Fold) save(ctx context.Context) bool {
	to := store.Fold{Done: max(f.pos, f.saved.Done), Low: f.pos, Count: f.count}
	far := store.Pos(0)
	if to.Done > f.o.Far/2 {
		far = to.Done - f.o.Far/2
	}
	var keep []store.OpenCall
	low := func() {
		to.Low = f.pos
		for _, r := range f.open {
			if r.unread {
				to.Low = min(to.Low, r.since)
			}
		}
	}
	if low(); to.Done-to.Low > f.o.Far {
		for _, r := range f.open {
			if !r.unread || r.since >= far {
				continue
			}
			o, err := r.keep(f.pos)
			if err != nil {
				f.o.OnError(fmt.Errorf("put down call %s: %w", r.CDR.Call, err))
				continue
			}
			keep = append(keep, o)
		}
		low()
	}
	f.made.Keep = keep
	f.made.RolledFrom = f.sums.rolled
	if len(f.made.Joins) > 0 || f.sums.due(f.o.Sum) {
		f.made.Rolls, f.made.Rolled = f.sums.list(), f.count
	}
	for wait := f.o.Pace; ; wait = min(2*wait, 10*time.Second) {
		err := f.db.AddCDRs(ctx, f.saved, to, f.made)
		if err == nil {
			break
		}
		if ctx.Err() == nil {
			f.o.OnError(err)
		}
		if !f.pause(ctx, wait) {
			f.unkeep(keep)
			return false
		}
	}
	f.saved = to
	if f.made.Rolled != 0 {
		f.sums.clear(f.made.Rolled)
	}
	clear(f.made.CDRs)
	clear(f.late)
	f.made = store.Folded{CDRs: f.made.CDRs[:0]}
	return true
}

// unkeep makes calls be put down again next time: the tables did not take them.
func (f *Fold) unkeep(keep []store.OpenCall) {
	for _, o := range keep {
		if r := f.open[o.Call]; r != nil && !r.unread {
			r.since, r.unread = f.saved.Low, true
		}
	}
}

// pending is how much waits to be written.
func (f *Fold) pending() int {
	return len(f.made.CDRs) + len(f.made.Recordings) + len(f.made.Erasures) + len(f.made.Joins)
}

// settle tells how far the tables hold everything.
func (f *Fold) settle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stats.Open, f.stats.Records = len(f.open), f.count-uint64(len(f.made.CDRs))
	all := max(f.pos, f.saved.Done)
	if f.pending() != 0 {
		all = f.settled
	}
	if all > f.settled || f.sums.rolled > f.summed {
		f.settled, f.summed = max(all, f.settled), f.sums.rolled
		close(f.moved)
		f.moved = make(chan struct{})
	}
}

// pause waits, and reports false when ctx has ended. Sync shortens it.
func (f *Fold) pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-f.hurry:
	case <-ctx.Done():
		return false
	}
	return true
}

// last brings the tables to the ledger's end, as far as five seconds reach.
func (f *Fold) last() {
	if f.torn {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for failed := 0; ctx.Err() == nil && failed < 100; {
		more, err := f.read(ctx, false)
		if err != nil {
			failed++ // a damaged part is passed by the next reading, a dead disk is not
		} else if !more {
			break
		}
	}
	f.sums.hurry = true
	if f.torn {
		return
	}
	if f.pending() > 0 || f.pos > f.saved.Done || f.sums.due(f.o.Sum) {
		f.save(ctx)
	}
	f.settle()
}

// Stats tells how the fold is doing.
func (f *Fold) Stats() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.stats
	s.Settled = f.settled
	return s
}
