package cdr_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"santral/call"
	"santral/service/cdr"
	"santral/store"
	"santral/store/blob"
	"santral/store/storetest"
)

// lively has many calls between all kinds of parties, with transfers and recordings.
func lively(r *rand.Rand, h *house, calls int) {
	var list [][]call.Event
	for i := range calls {
		list = append(list, anything(r, call.ID(fmt.Sprintf("c%05d", i)), r.IntN(40_000_000)))
	}
	slices.SortFunc(list, func(a, b []call.Event) int { return a[0].At.Compare(b[0].At) })
	joined(r, list)
	var events []call.Event
	for _, c := range list {
		events = append(events, c...)
		if r.IntN(3) == 0 {
			events = append(events, tapes(r, c[len(c)-1])...)
		}
	}
	slices.SortStableFunc(events, func(a, b call.Event) int { return a.At.Compare(b.At) })
	h.tell(events...)
}

func prove(t *testing.T, h *house) *cdr.Proof {
	t.Helper()
	p := cdr.Prover{Log: h.log, Tables: h.db, Settle: h.fold.SyncSums, Pace: time.Microsecond, Verify: func() (string, error) {
		_, err := h.log.Verify()
		return "", err
	}}
	proof, err := p.Prove(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

func TestProof(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		h := newHouse(t, dsn)
		lively(rand.New(rand.NewPCG(seed, 1)), h, 250)
		p := prove(t, h)
		if !p.Good() || p.Records != 250 || p.Sums < 300 {
			t.Fatalf("%+v", p)
		}
		if dsn[0] != '/' {
			return
		}
		x, err := sql.Open("sqlite", dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		for what, words := range map[string]string{
			"UPDATE cdrs SET talk_time = talk_time + 1 WHERE seq = 5": "record 5 of call",
			"UPDATE cdrs SET story = 'nobody' WHERE seq = 7":          "of the story",
			"DELETE FROM cdrs WHERE seq = 100":                        "record 100 of call",
			"UPDATE cdr_sums SET calls = calls + 1 WHERE tenant = '*' AND summed_by = 1 AND what = 'in' AND slot = (SELECT MIN(slot) FROM cdr_sums)":                                                              "the sum of *",
			"UPDATE recordings SET octets = 1 WHERE name = (SELECT MIN(name) FROM recordings)":                                                                                                                    "the recording",
			"INSERT INTO cdrs (seq, call, tenant, state, began, ended, post_dial_delay, ring_time, talk_time, sip, q850) SELECT 5000, 'forged', 'sample', 1, began, ended, 0, 0, 0, 0, 0 FROM cdrs WHERE seq = 1": "",
		} {
			if _, err := x.Exec(what); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if words == "" {
				continue
			}
			if p := prove(t, h); p.Good() || !slices.ContainsFunc(p.Differences, func(d string) bool { return strings.Contains(d, words) }) {
				t.Errorf("%s: %+v", what, p)
			}
		}
	})
}

// TestArchives takes old records out of the tables into files, and proves that nothing was lost.
func TestArchives(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		h := newHouse(t, dsn)
		lively(rand.New(rand.NewPCG(seed, 1)), h, 500)
		if err := h.fold.SyncSums(t.Context()); err != nil {
			t.Fatal(err)
		}
		before := h.records()
		all, err := h.db.Sum(t.Context(), store.CDRFilter{})
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.Join(t.TempDir(), "blobs")
		blobs, err := blob.OpenFiles(folder)
		if err != nil {
			t.Fatal(err)
		}
		a := cdr.Archivist{Tables: h.db, Blobs: blobs, Now: func() time.Time { return epoch.AddDate(0, 0, 10) }, Keep: func() []cdr.Keep {
			return []cdr.Keep{{Tenant: "sample", Days: 5}, {Tenant: "north"}, {Tenant: "south", Days: 10}, {Tenant: "nobody", Days: 1}}
		}}
		n, err := a.Round(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if again, err := a.Round(t.Context()); err != nil || again != 0 {
			t.Errorf("a second round archived %d, %v", again, err)
		}
		files, err := h.db.Archives(t.Context(), "sample")
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		got := map[string]store.CDR{}
		for _, f := range files {
			r, err := blobs.Open(context.Background(), f.Name, 0, -1)
			if err != nil {
				t.Fatal(err)
			}
			h := sha256.New()
			zip, err := gzip.NewReader(io.TeeReader(r, h))
			if err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(zip)
			lines.Buffer(nil, 1<<20)
			for lines.Scan() {
				var c store.CDR
				if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
					t.Fatal(err)
				}
				got[c.Call] = c
			}
			io.Copy(io.Discard, r)
			r.Close()
			if sum := hex.EncodeToString(h.Sum(nil)); sum != f.SHA256 {
				t.Errorf("%s is %s, not %s", f.Name, sum, f.SHA256)
			}
		}
		left := h.records()
		if int(n)+len(left) != len(before) {
			t.Errorf("%d archived, %d left of %d", n, len(left), len(before))
		}
		for id, c := range before {
			_, there := left[id]
			if c.Tenant == "sample" {
				if there || got[id].Seq != c.Seq || got[id].TalkTime != c.TalkTime || len(got[id].Legs) != len(c.Legs) {
					t.Errorf("%s: in the tables %v, in the file %+v", id, there, got[id])
				}
			} else if c.Tenant != "south" && !there {
				t.Errorf("%s of %s is gone", id, c.Tenant)
			}
		}
		if now, err := h.db.Sum(t.Context(), store.CDRFilter{}); err != nil || now != all {
			t.Errorf("the sums are %+v, and were %+v, %v", now, all, err)
		}
		if p := prove(t, h); !p.Good() || p.Archived != uint64(n) {
			t.Errorf("%+v", p)
		}
		if page, _, err := h.db.CDRs(t.Context(), store.CDRFilter{Tenant: "sample", Number: "101"}, "", 100); err != nil || slices.ContainsFunc(page, func(c store.CDR) bool { return c.Tenant == "sample" }) {
			t.Errorf("%d found by number, %v", len(page), err)
		}
	})
}
