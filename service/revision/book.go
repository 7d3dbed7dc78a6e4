package revision

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"santral/base/doc"
	"santral/store"
	"santral/tenant"
)

// Limits are how much history a book keeps, unless its Config says otherwise.
var Limits = store.RevisionLimits{Revisions: 10_000, Octets: 1 << 30}

// Config is what a Book is made of. Store, Keys and Current are required.
type Config struct {
	Store   store.Revisions
	Keys    *Keys                            // seal secrets, and open them
	Current *atomic.Pointer[tenant.Snapshot] // what the house reads: the book alone stores there
	Folder  string                           // which relative paths of documents are taken from

	// Leads tells which of a tenant's numbers lead elsewhere by another snapshot; nil for nobody who knows.
	Leads func(old, now *tenant.Snapshot, tenantID string) []Lead
	// InUse tells whether an account is registered or in calls; nil for never.
	InUse func(tenantID, account string) bool
	// Prepare is told of a snapshot before anybody sees it; nil for nobody.
	Prepare func(now *tenant.Snapshot)
	// Swapped is told of every revision after it is seen by all, one after another; nil for nobody.
	Swapped func(old, now *tenant.Snapshot, r Revision)

	Limits store.RevisionLimits // the zero value means Limits
	Now    func() time.Time     // nil for time.Now
	Log    *slog.Logger         // nil logs nothing
}

// Book holds all documents. It is safe for concurrent use: changes wait for each other, whoever reads waits for nobody.
type Book struct {
	cfg     Config
	writing sync.Mutex // held by the one change that goes on
	state   atomic.Pointer[state]
}

var _ Configuration = (*Book)(nil)

// state is the book after a revision. Nothing of it changes.
type state struct {
	last      Revision
	documents map[string]*document
	snapshot  *tenant.Snapshot
}

// document is one that was read. Nothing of it changes.
type document struct {
	Document

	opened *doc.Document
	noun   tenant.Document
	kept   kept
}

// Open reads the documents that stand in the store, and has the house see them. Documents that are wrong, by rules that are
// newer than they are, are a *Refused, unless replaced says that what is imported next takes their place.
func Open(ctx context.Context, cfg Config, replaced func(tenantID string) bool) (*Book, error) {
	cfg.Limits.Revisions, cfg.Limits.Octets = cmp.Or(cfg.Limits.Revisions, Limits.Revisions), cmp.Or(cfg.Limits.Octets, Limits.Octets)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	b := &Book{cfg: cfg}
	st := &state{documents: map[string]*document{}}
	heads, err := cfg.Store.Revisions(ctx, "", 0, 1)
	if err != nil {
		return nil, err
	}
	if len(heads) > 0 {
		st.last = revision(heads[0])
	}
	stored, err := cfg.Store.StoredDocuments(ctx)
	if err != nil {
		return nil, err
	}
	var problems doc.Problems
	for i := range stored {
		text, k, err := restore(stored[i].Texts)
		if err != nil {
			return nil, fmt.Errorf("read the document of %s: %w", stored[i].Tenant, err)
		}
		stored[i].Texts = nil
		var own doc.Problems
		d := b.read(stored[i].Tenant, part{text: text}, false, &own)
		if own.Err() != nil {
			if replaced != nil && replaced(stored[i].Tenant) {
				continue
			}
			for _, p := range own.List() {
				problems.Add(p)
			}
			continue
		}
		d.Revision, d.At, d.kept = stored[i].Revision, stored[i].At, k
		st.documents[stored[i].Tenant] = d
	}
	if err := problems.Err(); err != nil {
		return nil, fmt.Errorf("documents of the book are not as this version wants them (write them anew into the folder of tenants): %w", refused(&problems))
	}
	st.snapshot = st.index(nil, st.last.Number)
	if cfg.Prepare != nil {
		cfg.Prepare(st.snapshot)
	}
	b.state.Store(st)
	cfg.Current.Store(st.snapshot)
	return b, nil
}

// read reads a document; file names it in problems.
func (b *Book) read(file string, p part, strict bool, problems *doc.Problems) *document {
	d := &document{Document: Document{Text: p.text}}
	id := ""
	var own doc.Problems
	d.opened = doc.Open(file, p.text, doc.Reading{Strict: strict, Open: func(sealed string) (string, error) { return b.cfg.Keys.Open(sealed, id) }}, &own)
	if d.opened != nil {
		id = idOf(d.opened)
		d.noun = tenant.ReadDocument(d.opened.Root())
		d.Tenant = d.noun.ID()
		tenant.Within(b.cfg.Folder, d.noun)
	}
	for _, q := range own.List() {
		if q.Line > 0 {
			q.Line += p.after
		}
		problems.Add(q)
	}
	return d
}

// idOf is whose a document says that it is.
func idOf(d *doc.Document) string {
	if d.Has("operator") {
		return tenant.OperatorID
	}
	return d.Word("tenant")
}

// index makes the snapshot of a state.
func (st *state) index(old *tenant.Snapshot, number uint64) *tenant.Snapshot {
	var operator *tenant.Operator
	var tenants []*tenant.Tenant
	for _, id := range st.ids() {
		switch d := st.documents[id]; {
		case d.noun.Operator != nil:
			operator = d.noun.Operator
		default:
			tenants = append(tenants, d.noun.Tenant)
		}
	}
	s := tenant.Next(old, number, operator, tenants)
	for i, t := range s.Tenants {
		if t != tenants[i] { // it was copied, to be filled in anew: the next snapshot goes on from there
			d := *st.documents[t.ID]
			d.noun.Tenant = t
			st.documents[t.ID] = &d
		}
	}
	return s
}

// ids gives whose documents there are, the operator's first.
func (st *state) ids() []string {
	ids := make([]string, 0, len(st.documents))
	for id := range st.documents {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int {
		if (a == tenant.OperatorID) != (b == tenant.OperatorID) {
			if a == tenant.OperatorID {
				return -1
			}
			return 1
		}
		return cmp.Compare(a, b)
	})
	return ids
}

func refused(problems *doc.Problems) *Refused {
	r := &Refused{}
	for _, p := range problems.List() {
		if !p.Warning {
			r.Problems = append(r.Problems, PlacedProblem{File: p.File, Line: p.Line, Column: p.Column, Text: p.Text})
		}
	}
	return r
}

// Current is as Configuration says.
func (b *Book) Current() *tenant.Snapshot { return b.state.Load().snapshot }

// Last gives the last revision; its Number is 0 before the first.
func (b *Book) Last() Revision { return b.state.Load().last }

// Document is as Configuration says.
func (b *Book) Document(tenantID string) (Document, error) {
	if d := b.state.Load().documents[tenantID]; d != nil {
		return d.Document, nil
	}
	return Document{}, ErrNotFound
}

// Documents is as Configuration says.
func (b *Book) Documents() []Document {
	st := b.state.Load()
	list := make([]Document, 0, len(st.documents))
	for _, id := range st.ids() {
		list = append(list, st.documents[id].Document)
	}
	return list
}

// keyOf gives the key that tells entries of a list apart, and behind a bar the one that does so for an entry without it.
func keyOf(list string) (string, bool) {
	for _, c := range tenant.Collections {
		if c.List == list && c.Else != "" {
			return c.Key + "|" + c.Else, true
		}
		if c.List == list {
			return c.Key, true
		}
	}
	return "", list == ""
}

// Entry is as Configuration says.
func (b *Book) Entry(tenantID, list, key string) (Entry, error) {
	d := b.state.Load().documents[tenantID]
	by, ok := keyOf(list)
	if d == nil || !ok {
		return Entry{}, ErrNotFound
	}
	value, ok := d.opened.Entry(list, by, key)
	if !ok {
		return Entry{}, ErrNotFound
	}
	return Entry{tenantID, list, key, value, d.Revision}, nil
}

// Entries is as Configuration says.
func (b *Book) Entries(tenantID, list, after string, limit int, keep func(Entry) bool) (page []Entry, more bool, err error) {
	d := b.state.Load().documents[tenantID]
	by, ok := keyOf(list)
	if d == nil || !ok || list == "" {
		return nil, false, ErrNotFound
	}
	d.opened.Entries(list, by, after, func(key string, value json.RawMessage) bool {
		e := Entry{tenantID, list, key, value, d.Revision}
		if keep != nil && !keep(e) {
			return true
		}
		if len(page) == limit {
			more = true
			return false
		}
		page = append(page, e)
		return true
	})
	return page, more, nil
}

// Export is as Configuration says.
func (b *Book) Export(tenantID string) (string, error) {
	if tenantID == "" {
		return stream(b.Documents()), nil
	}
	d, err := b.Document(tenantID)
	return d.Text, err
}

// List is as Configuration says.
func (b *Book) List(ctx context.Context, tenantID string, before uint64, limit int) ([]Revision, error) {
	heads, err := b.cfg.Store.Revisions(ctx, tenantID, before, limit)
	if err != nil {
		return nil, err
	}
	list := make([]Revision, 0, len(heads))
	for _, h := range heads {
		list = append(list, revision(h))
	}
	return list, nil
}

// Get is as Configuration says.
func (b *Book) Get(ctx context.Context, number uint64) (Revision, error) {
	h, err := b.head(ctx, number)
	return revision(h), err
}

func (b *Book) head(ctx context.Context, number uint64) (store.Revision, error) {
	heads, err := b.cfg.Store.Revisions(ctx, "", number+1, 1)
	if err != nil {
		return store.Revision{}, err
	}
	if number == 0 || len(heads) == 0 || heads[0].Number != number {
		return store.Revision{}, ErrNotFound
	}
	return heads[0], nil
}

func revision(h store.Revision) Revision {
	r := Revision{Number: h.Number, At: h.At, Author: Author{Who: h.Who, Via: h.Via, Why: h.Why}, Undoes: h.Undoes}
	for _, d := range h.Documents {
		r.Documents = append(r.Documents, Changed{d.Tenant, d.Added, d.Edited, d.Less})
	}
	return r
}

// At is as Configuration says.
func (b *Book) At(ctx context.Context, number uint64, tenantID string) (Document, error) {
	stored, err := b.cfg.Store.DocumentAt(ctx, tenantID, number)
	if errors.Is(err, store.ErrNotFound) {
		return Document{}, ErrNotFound
	}
	if err != nil {
		return Document{}, err
	}
	text, _, err := restore(stored.Texts)
	return Document{tenantID, text, stored.Revision, stored.At}, err
}

// Diff is as Configuration says.
func (b *Book) Diff(ctx context.Context, number uint64, tenantID string) (string, error) {
	h, err := b.head(ctx, number)
	if err != nil {
		return "", err
	}
	for _, c := range h.Documents {
		if c.Tenant != tenantID {
			continue
		}
		var was, is Document
		if c.Former > 0 {
			if was, err = b.At(ctx, c.Former, tenantID); err != nil {
				return "", err
			}
		}
		if !c.Gone {
			if is, err = b.At(ctx, number, tenantID); err != nil {
				return "", err
			}
		}
		return unified(tenantID, was.Text, is.Text, c.Former, number), nil
	}
	return "", ErrNotFound
}
