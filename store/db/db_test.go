package db_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"santral/store"
	"santral/store/db"
	"santral/store/storetest"
)

func TestMain(m *testing.M) {
	code := storetest.Main(m, nil)
	if code == 0 {
		if err := goleak.Find(goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func open(t testing.TB, dsn string) *db.DB {
	t.Helper()
	d, err := db.Open(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

var epoch = time.Date(2026, 3, 21, 10, 0, 0, 0, time.UTC)

// cdr makes a record with everything in it.
func cdr(seq int) store.CDR {
	began := epoch.Add(time.Duration(seq) * time.Second)
	leg := func(name, direction, account string) store.CDRLeg {
		return store.CDRLeg{
			Leg: name, Tenant: "sample", Sent: "009821", Shown: "021", Direction: direction, Account: account, Trunk: "carrier", Number: account, Target: "sip:" + account + "@192.0.2.7:5060",
			SIPCallID: fmt.Sprintf("%s-%d@phone", name, seq), SessionID: "47755a9de7794ba387653f2099600ef2;remote=ab30317f1a784dc48ff824d0d3715d86", Local: "127.0.0.1:5060", Remote: "192.0.2.7:5060", Transport: "UDP",
			UserAgent: "فون/1.0 \"x\" <script>", Media: "192.0.2.7:10000", Codec: "PCMA",
			Began: began, Ringing: began.Add(120 * time.Millisecond), Answered: began.Add(3 * time.Second), Ended: began.Add(33 * time.Second), Held: 1500,
			SIP: 200, Q850: 16, Cause: "normal call clearing", FromCall: "other", ToCall: "another",
			Streams: []store.Stream{
				{Format: "PCMA", Packets: 1500, Octets: 240000, Lost: 3, Late: 1, Sent: 1501, Jitter: 1250, RoundTrip: 30000, MOS: 4.321, Measured: store.Measured{
					Discarded: 2, Concealed: 40000, Delay: 35000, Listening: 4.4, Bursts: 1, BurstLost: 2, BurstSpan: 9, BurstRatio: 1.5, Course: store.Course{Samples: 6, Average: 4.3, Worst: 3.9, WorstLoss: .01, WorstJitter: 9},
					Heard: &store.Heard{Reports: 6, Packets: 1501, Lost: 1, Jitter: 900, MOS: 4.4, Said: 4.1, Course: store.Course{Samples: 5, Average: 4.4, Worst: 4.2}},
				}},
				{Format: "VP8", Packets: 10, Measured: store.Measured{Bursts: 3}},
			},
			Notices: []store.Notice{{At: began, What: "one way", Addr: "192.0.2.7:10000", Text: "nothing came from it"}, {At: began, What: "two way"}},
		}
	}
	c := store.CDR{
		ToTenant: "north", Number: "+982191000102", Said: "0101", Shown: "anonymous", Calls: "local", Because: "شب", Revision: 7, Site: "hq", Department: "sales", ToSite: "mill", ToDepartment: "desk", Story: "other",
		Seq: uint64(seq), Call: fmt.Sprintf("call-%05d", seq), Tenant: "sample", State: store.Answered,
		FromAccount: "101", FromNumber: "101", FromName: "Sara; DROP TABLE cdrs; --'", FromTrunk: "pbx", Source: "192.0.2.6:5060", Dialled: "102", To: "102", AnsweredBy: "102",
		Began: began, Ringing: began.Add(120 * time.Millisecond), Answered: began.Add(3 * time.Second), Ended: began.Add(33 * time.Second),
		PostDialDelay: 120, RingTime: 2880, TalkTime: 30000, EndedBy: "callee", SIP: 200, Q850: 16, Cause: "normal call clearing", Codec: "PCMA", MadeBy: "transfer", FromCall: "other", ToCall: "another",
		Legs: []store.CDRLeg{leg("a", "in", "101"), leg("b", "out", "102")},
	}
	c.Derive()
	return c
}

func add(t testing.TB, d *db.DB, rows ...store.CDR) {
	t.Helper()
	from, _, err := d.Fold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	to := from
	to.Done += store.Pos(100 * len(rows))
	to.Count += uint64(len(rows))
	if err := d.AddCDRs(t.Context(), from, to, store.Folded{CDRs: rows}); err != nil {
		t.Fatal(err)
	}
}

func TestRecordComesBackWhole(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		d := open(t, dsn)
		full := cdr(1)
		bare := store.CDR{Seq: 2, Call: "bare", Tenant: "other", State: store.Failed, Began: epoch, Ended: epoch, SIP: 404, Q850: 1}
		quiet := cdr(3)
		quiet.Legs[0].Streams = nil
		quiet.Legs[1].Streams = quiet.Legs[1].Streams[:1]
		quiet.Legs[1].Streams[0] = store.Stream{}
		quiet.Derive()
		bare.Derive()
		add(t, d, full, bare, quiet)
		for _, want := range []store.CDR{full, bare, quiet} {
			got, err := d.CDR(t.Context(), want.Tenant, want.Call)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s changed in the database:\n%s", want.Call, diff)
			}
		}
		if _, err := d.CDR(t.Context(), "other", full.Call); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another tenant's record: %v", err)
		}
		if got, err := d.CDR(t.Context(), "", full.Call); err != nil || got.Call != full.Call {
			t.Errorf("any tenant: %v, %v", got.Call, err)
		}
	})
}

func TestTextThatTheDatabaseCannotHold(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		d := open(t, dsn)
		c := cdr(1)
		c.FromName, c.Legs[0].UserAgent = "a\x00b", "\x00"
		add(t, d, c)
		got, err := d.CDR(t.Context(), "", c.Call)
		if err != nil || got.FromName != "a\ufffdb" || got.Legs[0].UserAgent != "\ufffd" {
			t.Errorf("%q, %q, %v", got.FromName, got.Legs[0].UserAgent, err)
		}
	})
}

func TestPagesAreNewestFirstAndWhole(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		d := open(t, dsn)
		var rows []store.CDR
		for i := range 107 {
			c := cdr(i + 1)
			c.ToTenant = ""
			c.Began = epoch.Add(time.Duration(rand.IntN(30)) * time.Second) // many at one time
			c.FromAccount = []string{"101", "103"}[i%2]
			c.To = []string{"102", "101", "104"}[i%3]
			c.State = []store.CDRState{store.Answered, store.Busy}[i%2]
			if i%10 == 0 {
				c.Tenant = "other"
			}
			rows = append(rows, c)
		}
		add(t, d, rows...)
		for name, c := range map[string]struct {
			filter store.CDRFilter
			keep   func(store.CDR) bool
		}{
			"all":       {store.CDRFilter{}, func(store.CDR) bool { return true }},
			"tenant":    {store.CDRFilter{Tenant: "sample"}, func(c store.CDR) bool { return c.Tenant == "sample" }},
			"account":   {store.CDRFilter{Tenant: "sample", Account: "101"}, func(c store.CDR) bool { return c.Tenant == "sample" && (c.FromAccount == "101" || c.To == "101") }},
			"state":     {store.CDRFilter{State: store.Busy}, func(c store.CDR) bool { return c.State == store.Busy }},
			"time":      {store.CDRFilter{From: epoch.Add(5 * time.Second), Until: epoch.Add(9 * time.Second)}, func(c store.CDR) bool { s := c.Began.Sub(epoch) / time.Second; return s >= 5 && s < 9 }},
			"call":      {store.CDRFilter{Call: "call-00042"}, func(c store.CDR) bool { return c.Seq == 42 }},
			"sip":       {store.CDRFilter{Call: "b-43@phone"}, func(c store.CDR) bool { return c.Seq == 43 }},
			"sip since": {store.CDRFilter{Call: "b-43@phone", From: epoch.Add(24 * time.Hour)}, func(c store.CDR) bool { return false }},
			"nothing":   {store.CDRFilter{Account: "999"}, func(c store.CDR) bool { return false }},
			"injection": {store.CDRFilter{Account: "' OR 1=1 --"}, func(c store.CDR) bool { return false }},
		} {
			var want []uint64
			sorted := append([]store.CDR(nil), rows...)
			sort.Slice(sorted, func(a, b int) bool {
				if !sorted[a].Began.Equal(sorted[b].Began) {
					return sorted[a].Began.After(sorted[b].Began)
				}
				return sorted[a].Seq > sorted[b].Seq
			})
			for _, r := range sorted {
				if c.keep(r) {
					want = append(want, r.Seq)
				}
			}
			for _, limit := range []int{1, 7, 0, 5000} {
				var got []uint64
				cursor := ""
				for {
					page, next, err := d.CDRs(t.Context(), c.filter, cursor, limit)
					if err != nil {
						t.Fatal(err)
					}
					for _, r := range page {
						if len(r.Legs) != 2 {
							t.Fatalf("%s: %d legs", r.Call, len(r.Legs))
						}
						got = append(got, r.Seq)
					}
					if cursor = next; next == "" {
						break
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s by %d:\n%s", name, limit, diff)
				}
			}
		}
		for _, cursor := range []string{"x", "1.", ".1", "1.2.3", "é.1", strings.Repeat("z", 40) + ".1"} {
			if _, _, err := d.CDRs(t.Context(), store.CDRFilter{}, cursor, 10); !errors.Is(err, store.ErrBadCursor) {
				t.Errorf("cursor %q: %v", cursor, err)
			}
		}
	})
}

func TestRowsAndPlaceMoveTogether(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		d := open(t, dsn)
		ctx := t.Context()
		zero, open0, err := d.Fold(ctx)
		if err != nil || zero != (store.Fold{}) || len(open0) != 0 {
			t.Fatalf("a new database is at %+v, %v, %v", zero, open0, err)
		}
		one := store.Fold{Done: 500, Low: 200, Count: 1}
		keep := []store.OpenCall{{Call: "long", Until: 300, State: []byte(`{"a":"é"}`)}, {Call: "longer", Until: 310, State: []byte(`{}`)}}
		if err := d.AddCDRs(ctx, zero, one, store.Folded{CDRs: []store.CDR{cdr(1)}, Keep: keep}); err != nil {
			t.Fatal(err)
		}
		if err := d.AddCDRs(ctx, zero, one, store.Folded{CDRs: []store.CDR{cdr(1)}, Keep: keep}); err != nil {
			t.Errorf("the same again: %v", err)
		}
		at, kept, err := d.Fold(ctx)
		if err != nil || at != one || !cmp.Equal(kept, keep) {
			t.Errorf("at %+v with %v, %v", at, kept, err)
		}
		if err := d.AddCDRs(ctx, zero, store.Fold{Done: 900, Count: 1}, store.Folded{CDRs: []store.CDR{cdr(2)}}); err == nil {
			t.Error("a second writer was let in")
		}
		// Everything or nothing: the last of many rows can't be written.
		rows := []store.CDR{}
		for i := range 40 {
			rows = append(rows, cdr(i+2))
		}
		rows[39].Seq = rows[0].Seq
		if err := d.AddCDRs(ctx, one, store.Fold{Done: 900, Count: 41}, store.Folded{CDRs: rows}); err == nil {
			t.Error("two records at one place")
		}
		if now, _, err := d.Fold(ctx); err != nil || now != one {
			t.Errorf("after a failure at %+v, %v", now, err)
		}
		two := store.Fold{Done: 900, Low: 900, Count: 1}
		if err := d.AddCDRs(ctx, one, two, store.Folded{Keep: []store.OpenCall{{Call: "long", Until: 800, State: []byte(`{"b":1}`)}}, Forget: []string{"longer", "unknown"}}); err != nil {
			t.Fatal(err)
		}
		if at, kept, err := d.Fold(ctx); err != nil || at != two || len(kept) != 1 || kept[0].Until != 800 || string(kept[0].State) != `{"b":1}` {
			t.Errorf("at %+v with %v, %v", at, kept, err)
		}
		if err := d.ResetCDRs(ctx); err != nil {
			t.Fatal(err)
		}
		if page, _, err := d.CDRs(ctx, store.CDRFilter{}, "", 0); err != nil || len(page) != 0 {
			t.Errorf("after reset %v, %v", page, err)
		}
		if at, kept, err := d.Fold(ctx); err != nil || at != zero || len(kept) != 0 {
			t.Errorf("after reset at %+v with %v, %v", at, kept, err)
		}
	})
}

func TestDatabaseIsOpenedAgain(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		d := open(t, dsn)
		add(t, d, cdr(1))
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		d = open(t, dsn)
		if _, err := d.CDR(t.Context(), "sample", "call-00001"); err != nil {
			t.Error(err)
		}
		if err := d.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestReadersDoNotWaitForTheWriter(t *testing.T) {
	d := open(t, t.TempDir()+"/x.db")
	stop := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			page, _, err := d.CDRs(context.Background(), store.CDRFilter{}, "", 100)
			if err != nil {
				done <- err
				return
			}
			for _, c := range page {
				if len(c.Legs) != 2 {
					done <- fmt.Errorf("%s with %d legs", c.Call, len(c.Legs))
					return
				}
			}
		}
	}()
	for i := range 30 {
		var rows []store.CDR
		for k := range 20 {
			rows = append(rows, cdr(i*20+k+1))
		}
		add(t, d, rows...)
	}
	close(stop)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWhatCannotBeOpened(t *testing.T) {
	for _, dsn := range []string{"", ":memory:", "/nowhere/at/all/x.db", "postgres://nobody@127.0.0.1:1/x?connect_timeout=1", "postgres://%zz"} {
		if d, err := db.Open(t.Context(), dsn); err == nil {
			d.Close()
			t.Errorf("%q was opened", dsn)
		}
	}
	odd := t.TempDir() + "/with space %41?#.db"
	open(t, odd)
	if _, err := os.Stat(odd); err != nil {
		t.Error(err)
	}
}

func cpu(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func benchmarkAdd(b *testing.B, dsn string, id func(int) string) {
	d := open(b, dsn)
	const batch = 100
	at, n := store.Fold{}, 0
	rows := make([]store.CDR, batch)
	for i := range rows {
		rows[i] = cdr(i)
		for k := range rows[i].Legs {
			rows[i].Legs[k].Streams = rows[i].Legs[k].Streams[:1]
		}
	}
	b.ReportAllocs()
	began := cpu(b)
	for b.Loop() {
		for i := range rows {
			n++
			rows[i].Seq, rows[i].Call, rows[i].Began = uint64(n), id(n), epoch.Add(time.Duration(n)*time.Millisecond)
		}
		to := store.Fold{Done: at.Done + 1, Low: at.Low + 1, Count: uint64(n)}
		if err := d.AddCDRs(context.Background(), at, to, store.Folded{CDRs: rows}); err != nil {
			b.Fatal(err)
		}
		at = to
	}
	b.ReportMetric(float64(cpu(b)-began)/float64(n)/1000, "cpu-µs/call")
	b.ReportMetric(float64(b.Elapsed())/float64(n)/1000, "µs/call")
}

func ordered(n int) string { return fmt.Sprintf("%08x", n) }
func random(n int) string  { return fmt.Sprintf("%016x", uint64(n)*0x9e3779b97f4a7c15) }

func BenchmarkAddSQLite(b *testing.B)       { benchmarkAdd(b, b.TempDir()+"/x.db", ordered) }
func BenchmarkAddSQLiteRandom(b *testing.B) { benchmarkAdd(b, b.TempDir()+"/x.db", random) }
func BenchmarkAddPostgres(b *testing.B)     { benchmarkAdd(b, storetest.Postgres(b), ordered) }

func BenchmarkPage(b *testing.B) {
	d := open(b, b.TempDir()+"/x.db")
	var rows []store.CDR
	for i := range 5000 {
		rows = append(rows, cdr(i+1))
	}
	if err := d.AddCDRs(context.Background(), store.Fold{}, store.Fold{Done: 1, Count: 5000}, store.Folded{CDRs: rows}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := d.CDRs(context.Background(), store.CDRFilter{Tenant: "sample", Account: "101"}, "", 50); err != nil {
			b.Fatal(err)
		}
	}
}
