package db_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"santral/store"
	"santral/store/storetest"
)

// Revisions are counted, their texts are given from the last whole one on, and the oldest go where too many are kept.
func TestRevisions(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		d := open(t, dsn)
		ctx := t.Context()
		at := time.Date(2026, 3, 21, 10, 0, 0, 0, time.UTC)
		most := store.RevisionLimits{Revisions: 40, Octets: 1 << 20}
		text := func(number uint64, whole bool) store.RevisionText {
			return store.RevisionText{Revision: number, Whole: whole, Octets: fmt.Appendf(nil, "text %d \x00\xff", number)}
		}
		if last, err := d.LastRevision(ctx); err != nil || last != 0 {
			t.Fatal(last, err)
		}
		if _, err := d.DocumentAt(ctx, "a", 5); !errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
		first := store.Revision{Number: 1, At: at, Who: "folder", Via: "folder", Why: "علت", Documents: []store.RevisedDocument{
			{Tenant: "a", Added: 2, Text: text(1, true)}, {Tenant: "b", Added: 1, Text: text(1, true)},
		}}
		if err := d.AddRevision(ctx, first, map[string]string{"a.yaml": "h1"}, most); err != nil {
			t.Fatal(err)
		}
		if err := d.AddRevision(ctx, first, nil, most); !errors.Is(err, store.ErrRevision) {
			t.Errorf("the same number again: %v", err)
		}
		second := store.Revision{Number: 2, At: at.Add(time.Second), Who: "sara", Undoes: 1, Documents: []store.RevisedDocument{{Tenant: "a", Former: 1, Edited: 1, Text: text(2, false)}, {Tenant: "b", Former: 1, Gone: true, Less: 1}}}
		if err := d.AddRevision(ctx, second, map[string]string{"a.yaml": "h2"}, most); err != nil {
			t.Fatal(err)
		}
		if err := d.AddRevision(ctx, store.Revision{}, map[string]string{"b.yaml": "h3"}, most); err != nil {
			t.Fatal(err)
		}
		if got, err := d.Imported(ctx); err != nil || cmp.Diff(map[string]string{"a.yaml": "h2", "b.yaml": "h3"}, got) != "" {
			t.Error(got, err)
		}
		documents, err := d.StoredDocuments(ctx)
		if want := []store.StoredDocument{{Tenant: "a", Revision: 2, At: at.Add(time.Second), Texts: []store.RevisionText{text(1, true), text(2, false)}}}; err != nil || cmp.Diff(want, documents) != "" {
			t.Error(err, cmp.Diff(want, documents))
		}
		if _, err := d.DocumentAt(ctx, "b", 2); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("one that is gone: %v", err)
		}
		if c, err := d.DocumentAt(ctx, "b", 1); err != nil || len(c.Texts) != 1 {
			t.Errorf("before it went: %+v %v", c, err)
		}
		heads := func(list []store.Revision) []store.Revision {
			for i := range list {
				for j := range list[i].Documents {
					list[i].Documents[j].Text = store.RevisionText{}
				}
			}
			return list
		}
		list, err := d.Revisions(ctx, "", 0, 10)
		if want := heads([]store.Revision{second, first}); err != nil || cmp.Diff(want, list) != "" {
			t.Error(err, cmp.Diff(want, list))
		}
		for number := uint64(3); number <= 96; number++ {
			c := store.RevisedDocument{Tenant: "c", Former: number - 1, Edited: 1, Text: text(number, number%20 == 3)}
			if number == 3 {
				c.Former = 0
			}
			if err := d.AddRevision(ctx, store.Revision{Number: number, At: at, Documents: []store.RevisedDocument{c}}, nil, most); err != nil {
				t.Fatal(err)
			}
		}
		if list, err = d.Revisions(ctx, "", 0, 1000); err != nil || len(list) != 40 || list[0].Number != 96 {
			t.Errorf("%d are kept, %v", len(list), err)
		}
		if list, err = d.Revisions(ctx, "c", 90, 3); err != nil || len(list) != 3 || list[0].Number != 89 {
			t.Errorf("%+v %v", list, err)
		}
		if c, err := d.DocumentAt(ctx, "a", 96); err != nil || len(c.Texts) != 2 {
			t.Errorf("what stands now is kept: %+v %v", c, err)
		}
		if c, err := d.DocumentAt(ctx, "c", 57); err != nil || len(c.Texts) != 15 || c.Texts[0].Revision != 43 {
			t.Errorf("the oldest: %+v %v", c, err)
		}
		if _, err := d.DocumentAt(ctx, "c", 30); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("what is kept no more: %v", err)
		}
		for number := uint64(97); number <= 128; number++ {
			c := store.RevisedDocument{Tenant: "c", Former: number - 1, Text: store.RevisionText{Whole: true, Octets: make([]byte, 100_000)}}
			if err := d.AddRevision(ctx, store.Revision{Number: number, At: at, Documents: []store.RevisedDocument{c}}, nil, most); err != nil {
				t.Fatal(err)
			}
		}
		if list, err = d.Revisions(ctx, "", 0, 1000); err != nil || len(list) < 8 || len(list) > 11 {
			t.Errorf("%d of 100,000 octets are kept, %v", len(list), err)
		}
	})
}
