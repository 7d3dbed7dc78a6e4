package revision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"santral/base/doc"
	"santral/store"
	"santral/tenant"
)

// how is what a change is besides what its author says.
type how struct {
	strict   bool // weak secrets are refused
	undoes   uint64
	exact    map[string]string // texts of the book's own past, by tenant
	imported map[string]string // hashes by name
}

// draft is a state that may follow the one that stands.
type draft struct {
	old, now *state
	changed  []string // ids of documents, in the order of their work
	was      map[string]string
	problems doc.Problems
	read     []readText // what was read anew
	made     *tenant.Snapshot
	diffs    map[string][]doc.Difference
}

// draft works a change out as far as it can be told without writing anything. What is wrong with documents is in its problems.
func (b *Book) draft(c *Change, h how) (*draft, error) {
	old := b.state.Load()
	w := &draft{old: old, now: &state{last: old.last, documents: map[string]*document{}}, diffs: map[string][]doc.Difference{}}
	for id, d := range old.documents {
		w.now.documents[id] = d
	}
	for id, seen := range c.If {
		var is uint64
		if d := old.documents[id]; d != nil {
			is = d.Revision
		}
		if is != seen {
			return nil, fmt.Errorf("%w (%s is of revision %d)", ErrChanged, id, is)
		}
	}
	touched := map[string]part{}
	files := map[string]string{}
	var order []string
	touch := func(id string, p part, file string) {
		if _, again := touched[id]; !again {
			order = append(order, id)
		}
		touched[id], files[id] = p, file
	}
	for id, text := range h.exact {
		touch(id, part{text: text}, id)
	}
	for _, t := range c.Texts {
		b.texts(w, t, touched, touch)
	}
	if err := b.edits(w, c.Edits, touched, touch); err != nil {
		return nil, err
	}
	for _, id := range c.Remove {
		if w.now.documents[id] == nil {
			return nil, fmt.Errorf("%w: no document of %s", ErrNotFound, id)
		}
		delete(w.now.documents, id)
		delete(touched, id)
		w.changed = append(w.changed, id)
	}
	for _, id := range order {
		p, ok := touched[id]
		if d := old.documents[id]; !ok || d != nil && d.Text == p.text {
			continue
		}
		d := b.read(files[id], p, h.strict, &w.problems)
		w.read = append(w.read, readText{files[id], id, p.after, d.opened})
		if d.opened == nil {
			continue
		}
		if d.Tenant != id {
			w.problems.Add(doc.Problem{File: files[id], Text: fmt.Sprintf("the document of %s says that it is of %q: an id never changes", id, d.Tenant)})
			continue
		}
		if b.seal(w, d, c.Edits); d.opened == nil || old.documents[id] != nil && old.documents[id].Text == d.Text {
			continue
		}
		w.now.documents[id] = d
		w.changed = append(w.changed, id)
	}
	if w.problems.Err() == nil {
		w.check()
	}
	if c.Judge != nil && w.problems.Err() == nil && len(w.changed) > 0 {
		if err := c.Judge(old.snapshot, w.snapshot(), w.changed); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// snapshot is what the house would read.
func (w *draft) snapshot() *tenant.Snapshot {
	if w.made == nil {
		w.made = w.now.index(w.old.snapshot, w.old.last.Number+1)
	}
	return w.made
}

// readText is a document that was read, as problems name it.
type readText struct {
	file   string
	tenant string
	after  int // lines of its stream before it
	opened *doc.Document
}

// refused tells what is wrong, and in which entries.
func (w *draft) refused(by *Author) *Refused {
	r := &Refused{}
	for _, p := range w.problems.List() {
		if p.Warning {
			continue
		}
		placed := PlacedProblem{File: p.File, Line: p.Line, Column: p.Column, Text: p.Text, alone: p.Alone, owner: p.File}
		var in *readText
		for i := range w.read {
			if t := &w.read[i]; t.file == p.File && p.Line > t.after && (in == nil || t.after > in.after) {
				in = t
			}
		}
		if in != nil && in.opened != nil {
			p.Line -= in.after
			placed.Tenant, placed.owner = in.tenant, in.tenant
			placed.List, placed.Key, placed.Pointer = entryOf(in.opened, in.opened.Pointer(p))
		}
		r.Problems = append(r.Problems, placed.For(by.Tenant))
	}
	return r
}

// entryOf tells which entry of a document a pointer leads into, and where in it.
func entryOf(d *doc.Document, pointer string) (list, key, rest string) {
	parts := strings.SplitN(pointer, "/", 4)
	if len(parts) < 3 {
		return "", "", pointer
	}
	by, known := keyOf(parts[1])
	at, err := strconv.Atoi(parts[2])
	if !known || err != nil {
		return "", "", pointer
	}
	if len(parts) == 4 {
		rest = "/" + parts[3]
	}
	return parts[1], d.Key(parts[1], by, at), rest
}

// check judges all documents together.
func (w *draft) check() {
	var operator *tenant.Operator
	var tenants []*tenant.Tenant
	for _, id := range w.now.ids() {
		if d := w.now.documents[id]; d.noun.Operator != nil {
			operator = d.noun.Operator
		} else {
			tenants = append(tenants, d.noun.Tenant)
		}
	}
	tenant.CheckAll(operator, tenants, &w.problems)
}

// texts takes documents in whole: one, or a stream of them.
func (b *Book) texts(w *draft, t Text, touched map[string]part, touch func(id string, p part, file string)) {
	parts := split(string(t.Text))
	if len(parts) == 0 {
		parts = []part{{}}
	}
	for _, p := range parts {
		var own doc.Problems
		d := doc.Open(t.File, p.text, doc.Reading{}, &own)
		if d == nil {
			for _, q := range own.List() {
				if q.Line > 0 {
					q.Line += p.after
				}
				w.problems.Add(q)
			}
			continue
		}
		id := idOf(d)
		if _, twice := touched[id]; twice {
			w.problems.Add(doc.Problem{File: t.File, Line: p.after + 1, Column: 1, Text: fmt.Sprintf("a second document of %q: one tenant has one", id)})
			continue
		}
		touch(id, p, t.File)
	}
}

// edits changes documents entry by entry.
func (b *Book) edits(w *draft, edits []Edit, touched map[string]part, touch func(id string, p part, file string)) error {
	for len(edits) > 0 {
		id := edits[0].Tenant
		var some []doc.Edit
		for len(edits) > 0 && edits[0].Tenant == id {
			e := edits[0]
			by, ok := keyOf(e.List)
			if !ok {
				return fmt.Errorf("%w: documents have no list %q", ErrNotFound, e.List)
			}
			some = append(some, doc.Edit{List: e.List, By: by, Key: e.Key, Do: doc.Deed(e.Do), Value: e.Value})
			edits = edits[1:]
		}
		var opened *doc.Document
		if p, ok := touched[id]; ok {
			var own doc.Problems
			if opened = doc.Open(id, p.text, doc.Reading{}, &own); opened == nil {
				return refused(&own)
			}
		} else if d := w.now.documents[id]; d != nil {
			opened = d.opened
		} else {
			return fmt.Errorf("%w: no document of %s", ErrNotFound, id)
		}
		text, err := opened.Edit(some)
		switch {
		case errors.Is(err, doc.ErrNoEntry):
			return fmt.Errorf("%w: %w", ErrNotFound, err)
		case errors.Is(err, doc.ErrEntryThere):
			return fmt.Errorf("%w: %w", ErrExists, err)
		case err != nil:
			return &Refused{[]PlacedProblem{{File: id, Text: err.Error()}}}
		}
		touch(id, part{text: text}, id)
	}
	return nil
}

// seal seals the plain secrets of a document that was read. One that stood sealed there before stays as it was.
func (b *Book) seal(w *draft, d *document, edits []Edit) {
	secrets := d.opened.Secrets()
	if len(secrets) == 0 {
		return
	}
	known := map[string][]string{}
	if old := w.old.documents[d.Tenant]; old != nil {
		if len(secrets) <= len(edits)*4 { // of edited entries alone
			for _, e := range edits {
				by, _ := keyOf(e.List)
				if value, ok := old.opened.Entry(e.List, by, e.Key); ok && e.Tenant == d.Tenant {
					b.cfg.Keys.sealedIn(string(value), d.Tenant, known)
				}
			}
		} else {
			b.cfg.Keys.sealedIn(old.Text, d.Tenant, known)
		}
	}
	d.opened = d.opened.Sealed(func(secret string) string {
		if same := known[secret]; len(same) > 0 {
			known[secret] = same[1:]
			return same[0]
		}
		return b.cfg.Keys.Seal(secret, d.Tenant)
	})
	if d.opened != nil {
		d.Text = d.opened.Text()
	}
}

// difference gives what a changed document says otherwise than before.
func (w *draft) difference(id string) []doc.Difference {
	if list, ok := w.diffs[id]; ok {
		return list
	}
	by := func(list string) string {
		key, _ := keyOf(list)
		return key
	}
	var list []doc.Difference
	old, now := w.old.documents[id], w.now.documents[id]
	switch {
	case now == nil:
		for _, d := range old.opened.Differences(nil, by) {
			list = append(list, doc.Difference{List: d.List, Key: d.Key, Do: doc.Delete})
		}
	case old == nil:
		list = now.opened.Differences(nil, by)
	default:
		list = now.opened.Differences(old.opened, by)
	}
	w.diffs[id] = list
	return list
}

// loses gives the accounts that would be gone though they are in use, "tenant number".
func (b *Book) loses(w *draft) (list []string) {
	if b.cfg.InUse == nil {
		return nil
	}
	for _, id := range w.changed {
		for _, d := range w.difference(id) {
			if d.Do != doc.Delete || d.List != "extensions" && d.List != "lines" {
				continue
			}
			if now := w.now.documents[id]; now != nil && slices.ContainsFunc(w.difference(id), func(e doc.Difference) bool {
				return e.Do == doc.Add && e.Key == d.Key && (e.List == "extensions" || e.List == "lines")
			}) {
				continue
			}
			if b.cfg.InUse(id, d.Key) {
				list = append(list, id+" "+d.Key)
			}
		}
	}
	return list
}

// Apply is as Configuration says.
func (b *Book) Apply(ctx context.Context, c Change) (Revision, error) {
	return b.apply(ctx, &c, how{strict: true})
}

func (b *Book) apply(ctx context.Context, c *Change, h how) (Revision, error) {
	b.writing.Lock()
	defer b.writing.Unlock()
	return b.applyLocked(ctx, c, h)
}

func (b *Book) applyLocked(ctx context.Context, c *Change, h how) (Revision, error) {
	w, err := b.draft(c, h)
	if err != nil {
		return Revision{}, err
	}
	if w.problems.Err() != nil {
		return Revision{}, w.refused(&c.Author)
	}
	if lost := b.loses(w); len(lost) > 0 && !c.Force {
		return Revision{}, fmt.Errorf("%w: %s", ErrInUse, strings.Join(lost[:min(len(lost), 20)], ", "))
	}
	if len(w.changed) == 0 {
		if len(h.imported) > 0 {
			err = b.cfg.Store.AddRevision(ctx, store.Revision{}, h.imported, b.cfg.Limits)
		}
		same := w.old.last
		same.Documents, same.Problems = nil, w.problems.List()
		return same, err
	}
	r := store.Revision{Number: w.old.last.Number + 1, At: b.cfg.Now().UTC().Truncate(1e6), Who: c.Author.Who, Via: c.Author.Via, Why: c.Author.Why, Undoes: h.undoes}
	slices.Sort(w.changed)
	for _, id := range w.changed {
		r.Documents = append(r.Documents, w.revised(id, r.Number))
		if d := w.now.documents[id]; d != nil {
			d.Revision, d.At = r.Number, r.At
		}
	}
	now := w.snapshot()
	if err := b.cfg.Store.AddRevision(ctx, r, h.imported, b.cfg.Limits); err != nil {
		if errors.Is(err, store.ErrRevision) {
			err = fmt.Errorf("%w (another program writes into the same database)", ErrChanged)
		}
		return Revision{}, err
	}
	if b.cfg.Prepare != nil {
		b.cfg.Prepare(now)
	}
	w.now.snapshot, w.now.last = now, revision(r)
	w.now.last.Problems = w.problems.List()
	b.state.Store(w.now)
	b.cfg.Current.Store(now)
	if b.cfg.Swapped != nil {
		b.cfg.Swapped(w.old.snapshot, now, w.now.last)
	}
	return w.now.last, nil
}

// revised is what is kept of a changed document.
func (w *draft) revised(id string, number uint64) store.RevisedDocument {
	c := store.RevisedDocument{Tenant: id}
	for _, d := range w.difference(id) {
		switch d.Do {
		case doc.Add:
			c.Added++
		case doc.Delete:
			c.Less++
		default:
			c.Edited++
		}
	}
	was := ""
	var k kept
	if old := w.old.documents[id]; old != nil {
		c.Former, was, k = old.Revision, old.Text, old.kept
	}
	d := w.now.documents[id]
	if d == nil {
		c.Gone = true
		return c
	}
	c.Text, d.kept = keep(was, d.Text, k)
	c.Text.Revision = number
	return c
}
