package cdr

import (
	"santral/call"
	"santral/store"
)

// tape folds what became of a recording. It belongs to no open call: recordings are filed, and deleted, after the
// end of theirs (decision 034).
func (f *Fold) tape(e *call.Event) {
	if e.Tape == nil || e.Tape.Name == "" {
		return
	}
	if e.Kind == call.Untaped {
		f.made.Erasures = append(f.made.Erasures, store.Erasure{Name: e.Tape.Name, At: ms(e.At), By: e.By})
		return
	}
	t := e.Tape
	r := store.Recording{
		Name: t.Name, Call: string(e.Call), Kind: string(t.Kind), Began: ms(t.Began), Long: store.Millis(t.Long.Milliseconds()), Octets: t.Octets,
		SHA256: t.SHA256, Media: t.Media, Sealed: t.Sealed, Torn: t.Torn, Lost: store.Millis(t.Lost.Milliseconds()), After: t.After,
	}
	if e.From != nil {
		r.Tenant, r.Account = e.From.Tenant, e.From.Account
	}
	for _, s := range t.Segments {
		r.Segments = append(r.Segments, store.Segment{At: store.Millis(s.At.Milliseconds()), What: s.What, Left: s.Left, Right: s.Right})
	}
	f.made.Recordings = append(f.made.Recordings, r)
}
