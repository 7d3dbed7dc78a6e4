package cdr

import (
	"context"
	"fmt"
	"time"

	"santral/store"
)

// Sync waits until every call that ended before has its record in the tables.
func (f *Fold) Sync(ctx context.Context) error {
	end := f.log.End()
	for {
		f.mu.Lock()
		settled, moved := f.settled, f.moved
		f.mu.Unlock()
		if settled >= end {
			return nil
		}
		select {
		case f.hurry <- struct{}{}:
		default:
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("wait for call records: %w", ctx.Err())
		}
	}
}

// SyncSums waits until the sums in the tables hold every record that was made before.
func (f *Fold) SyncSums(ctx context.Context) error {
	if err := f.Sync(ctx); err != nil {
		return err
	}
	f.mu.Lock()
	want := f.stats.Records
	f.mu.Unlock()
	for {
		f.mu.Lock()
		summed, moved := f.summed, f.moved
		f.mu.Unlock()
		if summed >= want {
			return nil
		}
		f.sums.wanted.Store(true)
		select {
		case f.hurry <- struct{}{}:
		default:
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("wait for the sums of call records: %w", ctx.Err())
		}
	}
}

// wait waits for the next group, and for the time at which sums are to be written.
func (f *Fold) wait(ctx context.Context) {
	if len(f.sums.rolls) == 0 {
		_, _ = f.read(ctx, true)
		return
	}
	ctx, stop := context.WithTimeout(ctx, max(0, f.o.Sum-time.Since(f.sums.since)))
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-f.hurry:
			stop()
		case <-ctx.Done():
		}
	}()
	_, _ = f.read(ctx, true)
	stop()
	<-done
}

// catchUp adds to the sums what records are in the tables that they do not hold: those since they were last
// written before an end of this process, or all that are older than sums.
func (f *Fold) catchUp(ctx context.Context) error {
	var rolled uint64
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		var err error
		if rolled, err = f.db.Rolled(ctx); err == nil {
			break
		}
		if ctx.Err() != nil {
			return err
		}
		f.o.OnError(err)
		f.pause(ctx, wait)
	}
	f.sums.rolled = rolled
	for at := rolled; at < f.saved.Count; {
		rows, err := f.db.After(ctx, at, 1000)
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			f.o.OnError(err)
			f.pause(ctx, time.Second)
			continue
		}
		for i := range rows {
			f.sums.record(&rows[i], 1)
		}
		if len(rows) == 0 { // retention took the rest
			at = f.saved.Count
		} else {
			at = rows[len(rows)-1].Seq
		}
		if len(f.sums.rolls) > mostSums && at < f.saved.Count {
			if !f.roll(ctx, at) {
				return ctx.Err()
			}
		}
	}
	if f.saved.Count > rolled && !f.roll(ctx, f.saved.Count) {
		return ctx.Err()
	}
	f.settle()
	return nil
}

// roll writes the sums up to a record that is in the tables.
func (f *Fold) roll(ctx context.Context, to uint64) bool {
	made := f.made
	f.made = store.Folded{RolledFrom: f.sums.rolled, Rolled: to, Rolls: f.sums.list()}
	defer func() { f.made = made }()
	for wait := f.o.Pace; ; wait = min(2*wait, 10*time.Second) {
		err := f.db.AddCDRs(ctx, f.saved, f.saved, f.made)
		if err == nil {
			f.sums.clear(to)
			return true
		}
		if ctx.Err() == nil {
			f.o.OnError(err)
		}
		if !f.pause(ctx, wait) {
			return false
		}
	}
}
