package cdr

import (
	"sort"
	"time"

	"santral/call"
)

// closeInterrupted ends, in the ledger itself, the calls that an earlier process began and nobody
// goes on with. They end when that process was last known to be alive, and each of their legs with them.
// The records then follow from the ledger like all others.
//
// It does so once, when everything that earlier processes wrote has been applied.
func (f *Fold) closeInterrupted() {
	if f.closed {
		return
	}
	f.closed = true
	var left []*record
	for id, r := range f.open {
		if !f.o.Living(call.ID(id)) {
			left = append(left, r)
		}
	}
	sort.Slice(left, func(a, b int) bool { return left[a].CDR.Call < left[b].CDR.Call })
	book := NewBook(f.log)
	alive := f.log.LastAlive()
	for _, r := range left {
		at := alive
		if at.Before(r.Last) {
			at = r.Last
		}
		r.interrupt(book, at)
	}
	f.mu.Lock()
	f.stats.Interrupted += uint64(len(left))
	f.mu.Unlock()
}

func (r *record) interrupt(book *Book, at time.Time) {
	why := call.Interrupted
	for i := range r.Legs {
		if l := &r.Legs[i]; !l.Over {
			book.Append(call.Event{Call: call.ID(r.CDR.Call), Leg: call.LegID(l.Leg), Kind: call.LegEnded, At: at, Cause: &why})
		}
	}
	book.Commit(call.Event{Call: call.ID(r.CDR.Call), Kind: call.EndedCall, At: at, Cause: &why, By: "exchange"}, nil)
}
