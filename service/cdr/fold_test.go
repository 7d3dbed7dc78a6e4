package cdr_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"santral/call"
	"santral/service/cdr"
	"santral/store"
	"santral/store/db"
	"santral/store/ledger"
	"santral/store/storetest"
)

// TestExactlyOnce folds mixed traffic with a database that fails at random, before and after it has
// written, and a fold that is stopped and started at random, and compares with a fold that ran in peace.
func TestExactlyOnce(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 1))
		t.Logf("seed %d", seed)
		h := newHouse(t, dsn)
		h.halt()
		events := traffic(r, 300, "c")
		trouble := cdr.Options{Far: 5_000, Batch: 7, OnError: func(error) {}, Living: func(call.ID) bool { return true }}
		kept := 0
		for i := 0; i < len(events); {
			h.start(&shaky{FoldStore: h.db, rand: rand.New(rand.NewPCG(r.Uint64(), 2))}, trouble)
			n := min(len(events), i+1+r.IntN(400))
			for ; i < n; i++ {
				h.book.Append(events[i])
			}
			if r.IntN(3) == 0 {
				h.tell(call.Event{Call: "sync", Kind: "sync"})
			}
			h.halt()
			if r.IntN(3) == 0 { // and the whole house
				h.close()
				h.open(trouble)
				h.halt()
			}
			if _, open, err := h.db.Fold(t.Context()); err != nil {
				t.Fatal(err)
			} else {
				kept += len(open)
			}
		}
		h.start(h.db, trouble)
		h.tell(call.Event{Call: "sync", Kind: "sync"})
		got := h.records()
		if len(got) != 300 || h.fold.Stats().Open != 0 {
			t.Errorf("%d records, %+v", len(got), h.fold.Stats())
		}
		taped, erased := 0, 0
		for _, c := range got {
			for _, r := range c.Recordings {
				taped++
				if r.DeletedBy == "api" {
					erased++
				}
			}
		}
		if wantTaped, wantErased := told(events); taped != wantTaped || erased != wantErased || taped < 50 || erased == 0 {
			t.Errorf("%d recordings of %d, %d deleted of %d, %+v", taped, wantTaped, erased, wantErased, h.fold.Stats())
		}
		if kept == 0 {
			t.Error("no call was ever put down: the test does not test it")
		}
		if _, open, err := h.db.Fold(t.Context()); err != nil || len(open) != 0 {
			t.Errorf("%d calls are still put down, %v", len(open), err)
		}
		h.halt()
		if err := h.db.ResetCDRs(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.start(h.db, cdr.Options{})
		if err := h.fold.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(h.records(), got); d != "" {
			t.Errorf("made anew they differ:\n%s", d)
		}
	})
}

// told counts the recordings that events tell of.
func told(events []call.Event) (taped, erased int) {
	names, gone := map[string]bool{}, map[string]bool{}
	for _, e := range events {
		switch e.Kind {
		case call.Taped:
			names[e.Tape.Name] = true
		case call.Untaped:
			gone[e.Tape.Name] = true
		}
	}
	return len(names), len(gone)
}

func TestDatabaseThatIsAwayLosesNothing(t *testing.T) {
	h := newHouse(t, filepath.Join(t.TempDir(), "x.db"))
	h.halt()
	away := &gate{FoldStore: h.db}
	away.shut(true)
	h.start(away, cdr.Options{OnError: func(error) {}})
	var wg sync.WaitGroup
	for i := range 50 {
		for _, e := range answered(call.ID(fmt.Sprint("c", i)), i) {
			if e.Kind == call.EndedCall {
				wg.Add(1)
				h.book.Commit(e, wg.Done)
			} else {
				h.book.Append(e)
			}
		}
	}
	wg.Wait() // calls end all the same
	if n := len(h.records()); n != 0 {
		t.Errorf("%d records while the database is away", n)
	}
	away.shut(false)
	if err := h.fold.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(h.records()); n != 50 {
		t.Errorf("%d records", n)
	}
}

type gate struct {
	store.FoldStore
	mu     sync.Mutex
	closed bool
}

func (g *gate) shut(closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = closed
}

func (g *gate) AddCDRs(ctx context.Context, from, to store.Fold, made store.Folded) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return errShaky
	}
	return g.FoldStore.AddCDRs(ctx, from, to, made)
}

func TestSyncEndsWithItsContext(t *testing.T) {
	h := newHouse(t, filepath.Join(t.TempDir(), "x.db"))
	h.tell(answered("a", 0)...)
	h.halt()
	var wg sync.WaitGroup
	wg.Add(1)
	h.book.Commit(answered("b", 0)[0], wg.Done)
	wg.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := h.fold.Sync(ctx); err == nil {
		t.Error("sync of a fold that does not run")
	}
}

// childExchange makes calls for ever, prints "began ID" when the beginning is written down and "ended ID"
// when the end is on disk, as an exchange answers INVITE and BYE.
func childExchange(args []string) {
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	log, err := ledger.Open(filepath.Join(args[0], "ledger"), ledger.Options{Segment: 256 << 10})
	if err != nil {
		fail(err)
	}
	tables, err := db.Open(context.Background(), args[1])
	if err != nil {
		fail(err)
	}
	fold := cdr.New(log, tables, cdr.Options{Pace: 2 * time.Millisecond, Far: 50_000, OnError: func(err error) { fmt.Fprintln(os.Stderr, err) }})
	go fold.Run(context.Background())
	book := cdr.NewBook(log)
	// A disk slower than 250 ms lets calls go on with their events in memory only, by design: what
	// is said from then on is no promise.
	say := func(line string) {
		if log.Status().Late > 0 {
			line = "late\n" // whoever counts lines goes on
		}
		os.Stdout.WriteString(line)
	}
	slots := make(chan struct{}, 40)
	for n := 0; ; n++ {
		slots <- struct{}{}
		go func() {
			id := call.ID(fmt.Sprintf("%s-%d", args[2], n))
			events := answered(id, n)
			written := make(chan struct{})
			for i, e := range events[:len(events)-1] {
				if i == 6 { // its 200 was sent
					book.Commit(e, func() { close(written) })
					<-written
					say("began " + string(id) + "\n")
					continue
				}
				book.Append(e)
			}
			book.Commit(events[len(events)-1], func() {
				say("ended " + string(id) + "\n")
				<-slots
			})
		}()
	}
}

func TestKillDuringCalls(t *testing.T) {
	rounds := 5
	if testing.Short() {
		rounds = 2
	}
	storetest.Databases(t, func(t *testing.T, dsn string) {
		dir := t.TempDir()
		began, ended := map[string]bool{}, map[string]bool{}
		for round := range rounds {
			c := storetest.Start(t, "exchange", dir, dsn, fmt.Sprintf("r%d", round))
			after := 1 + rand.IntN(800)
			for n := 0; c.Lines.Scan(); n++ {
				what, id, ok := strings.Cut(c.Lines.Text(), " ")
				switch {
				case ok && what == "began":
					began[id] = true
				case ok && what == "ended":
					ended[id] = true
				}
				if n == after {
					c.KillNow()
				}
			}
			c.Kill()
		}
		h := &house{t: t, dir: filepath.Join(dir, "ledger"), dsn: dsn}
		h.open(cdr.Options{})
		h.tell(call.Event{Call: "sync", Kind: "sync"})
		for h.fold.Stats().Open > 0 { // those of the last round are being closed
			if err := h.fold.Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		got := h.records()
		for id := range ended {
			if c, ok := got[id]; !ok || c.State != store.Answered || c.TalkTime != 30000 || len(c.Legs) != 2 || len(c.Legs[1].Streams) != 1 {
				t.Fatalf("call %s ended and was acknowledged; its record: %v %+v", id, ok, c)
			}
		}
		interrupted := 0
		for id := range began {
			c, ok := got[id]
			if !ok {
				t.Fatalf("call %s was answered and has no record", id)
			}
			if c.State == store.Interrupted {
				interrupted++
				if ended[id] {
					t.Fatalf("call %s ended and is said to be interrupted", id)
				}
			}
		}
		t.Logf("%d calls ended, %d interrupted, %d records", len(ended), interrupted, len(got))
		h.halt()
		if err := h.db.ResetCDRs(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.start(h.db, cdr.Options{})
		if err := h.fold.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(got, h.records()); d != "" {
			t.Errorf("made anew they differ:\n%s", d)
		}
		if r, err := h.log.Verify(); err != nil || len(r.Damage) != 0 {
			t.Errorf("verify: %+v, %v", r, err)
		}
	})
}

func cpu(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkCall is everything that a call costs here: ten events written, hashed and forced to the
// disk, read, parsed and folded, three rows with their indexes. "paced" is 1,000 calls a second on an
// otherwise idle processor, which wakes up cold for each burst; "flat" is as many as can be, which is nearer
// to a busy exchange. Ids in order spare the index of calls what random ones cost it.
func BenchmarkCall(b *testing.B) {
	for _, pace := range []string{"flat", "paced"} {
		for _, ids := range []string{"ordered", "random"} {
			b.Run(pace+"/"+ids, func(b *testing.B) { benchmarkCall(b, pace == "paced", ids == "random") })
		}
	}
}

func benchmarkCall(b *testing.B, paced, random bool) {
	dir := b.TempDir()
	log, err := ledger.Open(filepath.Join(dir, "ledger"), ledger.Options{})
	if err != nil {
		b.Fatal(err)
	}
	tables, err := db.Open(context.Background(), filepath.Join(dir, "x.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer tables.Close()
	fold := cdr.New(log, tables, cdr.Options{OnError: func(err error) { b.Error(err) }})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- fold.Run(ctx) }()
	book := cdr.NewBook(log)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	const burst = 20
	events := answered("", 0)
	slots := make(chan struct{}, 10*burst)
	b.ReportAllocs()
	began, n := cpu(b), 0
	for b.Loop() { // 20 calls
		if paced {
			<-tick.C
		}
		for range burst {
			n++
			id := uint64(n)
			if random {
				id *= 0x9e3779b97f4a7c15
			}
			name := call.ID(fmt.Sprintf("%016x", id))
			slots <- struct{}{}
			for _, e := range events {
				e.Call = name
				e.At = e.At.Add(time.Duration(n) * time.Millisecond)
				if e.Kind == call.EndedCall {
					book.Commit(e, func() { <-slots })
				} else {
					book.Append(e)
				}
			}
		}
	}
	if err := fold.Sync(ctx); err != nil {
		b.Fatal(err)
	}
	stop()
	<-done
	log.Close(context.Background())
	b.ReportMetric(float64(cpu(b)-began)/float64(n)/1000, "cpu-µs/call")
	b.ReportMetric(float64(b.Elapsed())/float64(n)/1000, "µs/call")
}
