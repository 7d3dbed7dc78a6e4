package db_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"santral/store"
	"santral/store/storetest"
)

func recording(n int) store.Recording {
	return store.Recording{
		Name: fmt.Sprintf("n%03d.wav", n), Tenant: "sample", Call: fmt.Sprint("c", n), Account: fmt.Sprint(101 + n%2), Kind: "call",
		Began: time.Date(2026, 3, 21, 10, 0, n/2, 0, time.UTC), // two in each second
		Long:  store.Millis(1000 * n), Octets: 44, SHA256: "ab", Media: "wav", Sealed: n%2 == 0, Torn: n%3 == 0, Lost: store.Millis(n % 2),
	}
}

func TestRecordings(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		d := open(t, dsn)
		ctx := t.Context()
		var rows []store.Recording
		for i := range 10 {
			rows = append(rows, recording(i))
		}
		rows[3].Segments = []store.Segment{{What: "talk", Left: "101", Right: "102\x00"}, {At: 1500, What: "hold"}}
		rows[3].After = []string{rows[1].Name, rows[2].Name}
		other := recording(10)
		other.Tenant = "other"
		one := store.Fold{Done: 10}
		if err := d.AddCDRs(ctx, store.Fold{}, one, store.Folded{Recordings: append(slices.Clone(rows), other)}); err != nil {
			t.Fatal(err)
		}
		again := recording(2)
		again.Octets = 9
		gone := time.Date(2026, 3, 22, 0, 0, 0, 0, time.UTC)
		two := store.Fold{Done: 20}
		if err := d.AddCDRs(ctx, one, two, store.Folded{ // told twice after a crash; deleted twice
			Recordings: []store.Recording{again},
			Erasures:   []store.Erasure{{Name: rows[4].Name, At: gone, By: "api"}, {Name: rows[4].Name, At: gone.Add(time.Hour), By: "another"}, {Name: "unknown.wav", At: gone}},
		}); err != nil {
			t.Fatal(err)
		}
		rows[4].Deleted, rows[4].DeletedBy = gone, "api"

		for _, want := range rows {
			if got, err := d.Recording(ctx, "sample", want.Name); err != nil || cmp.Diff(want, got) != "" {
				t.Errorf("%v %s", err, cmp.Diff(want, got))
			}
		}
		for _, key := range [][2]string{{"sample", other.Name}, {"", "none"}, {"", "n\x00"}} {
			if _, err := d.Recording(ctx, key[0], key[1]); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%q: %v", key, err)
			}
		}
		for name, c := range map[string]struct {
			filter store.RecordingFilter
			want   []int
		}{
			"all of a tenant": {store.RecordingFilter{Tenant: "sample"}, []int{9, 8, 7, 6, 5, 3, 2, 1, 0}},
			"deleted too":     {store.RecordingFilter{Tenant: "sample", Deleted: true}, []int{9, 8, 7, 6, 5, 4, 3, 2, 1, 0}},
			"every tenant":    {store.RecordingFilter{From: rows[8].Began}, []int{10, 9, 8}},
			"an account":      {store.RecordingFilter{Tenant: "sample", Account: "102"}, []int{9, 7, 5, 3, 1}},
			"a call":          {store.RecordingFilter{Call: "c7"}, []int{7}},
			"a time":          {store.RecordingFilter{Tenant: "sample", From: rows[2].Began, Until: rows[6].Began}, []int{5, 3, 2}},
			"no text":         {store.RecordingFilter{Call: "\x00"}, nil},
		} {
			for _, limit := range []int{0, 1, 2, 3} {
				var got []int
				for cursor := ""; ; {
					page, next, err := d.Recordings(ctx, c.filter, cursor, limit)
					if err != nil {
						t.Fatal(name, err)
					}
					for _, r := range page {
						var n int
						fmt.Sscanf(r.Name, "n%d.wav", &n)
						got = append(got, n)
					}
					if cursor = next; next == "" {
						break
					}
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("%s by %d: %v, want %v", name, limit, got, c.want)
				}
			}
		}
		for _, cursor := range []string{"x", "!.n", "."} {
			if _, _, err := d.Recordings(ctx, store.RecordingFilter{}, cursor, 1); !errors.Is(err, store.ErrBadCursor) {
				t.Errorf("cursor %q: %v", cursor, err)
			}
		}
	})
}

// A call's record shows its recordings, those of another tenant never.
func TestARecordShowsItsRecordings(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		d := open(t, dsn)
		row := cdr(1)
		first, second, foreign := recording(1), recording(4), recording(5)
		for _, r := range []*store.Recording{&first, &second, &foreign} {
			r.Call, r.Tenant = row.Call, row.Tenant
		}
		foreign.Tenant = "foreign"
		if err := d.AddCDRs(t.Context(), store.Fold{}, store.Fold{Done: 1, Count: 1}, store.Folded{CDRs: []store.CDR{row}, Recordings: []store.Recording{second, foreign, first}}); err != nil {
			t.Fatal(err)
		}
		got, err := d.CDR(t.Context(), row.Tenant, row.Call)
		if err != nil || cmp.Diff([]store.Recording{first, second}, got.Recordings) != "" {
			t.Errorf("%v %s", err, cmp.Diff([]store.Recording{first, second}, got.Recordings))
		}
	})
}
