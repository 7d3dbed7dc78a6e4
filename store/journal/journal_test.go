package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"santral/store"
	"santral/store/journal"
	"santral/store/storetest"
)

func TestMain(m *testing.M) {
	code := storetest.Main(m, map[string]func([]string){"write": childWrite})
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func open(t testing.TB, dir string, o journal.Options) *journal.Journal {
	t.Helper()
	j, _ := reopen(t, dir, o)
	return j
}

func reopen(t testing.TB, dir string, o journal.Options) (*journal.Journal, journal.Repair) {
	t.Helper()
	j, r, err := journal.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close(context.Background()) })
	return j, r
}

func closeJournal(t testing.TB, j *journal.Journal) {
	t.Helper()
	if err := j.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// commit appends and waits.
func commit(j *journal.Journal, rec string) {
	done := make(chan struct{})
	j.Commit([]byte(rec), func() { close(done) })
	<-done
}

// all reads everything that is on disk.
func all(t testing.TB, j *journal.Journal) (recs []string) {
	t.Helper()
	r := j.Read(0)
	defer r.Close()
	for {
		g, ok, err := r.Next(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return recs
		}
		for _, rec := range g.Records {
			recs = append(recs, string(rec))
		}
	}
}

func numbers(n int) (recs []string) {
	for i := range n {
		recs = append(recs, "record "+strconv.Itoa(i))
	}
	return recs
}

func same(t testing.TB, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("record %d is %q, want %q", i, got[i], want[i])
		}
	}
}

// segments gives the paths of a journal's files.
func segments(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestRecordsComeBackInOrder(t *testing.T) {
	for _, chained := range []bool{false, true} {
		o := journal.Options{Chained: chained, Segment: 4 << 10, Pace: time.Microsecond, Disk: new(storetest.Disk).NeverSync()}
		dir := t.TempDir()
		want := numbers(2000)
		for part := range 4 {
			j := open(t, dir, o)
			for i, rec := range want[part*500 : part*500+500] {
				if i%7 == 0 {
					commit(j, rec)
				} else {
					j.Append([]byte(rec))
				}
			}
			commit(j, want[part*500]+" again")
			closeJournal(t, j)
		}
		j := open(t, dir, o)
		var expect []string
		for part := range 4 {
			expect = append(append(expect, want[part*500:part*500+500]...), want[part*500]+" again")
		}
		same(t, all(t, j), expect)
		if n := j.Status().Segments; n < 5 {
			t.Errorf("%d segments, want several", n)
		}
		closeJournal(t, j)
		r, err := journal.Verify(journal.OS, dir, chained, 0)
		if err != nil || len(r.Damage) != 0 || r.Records != uint64(len(expect)) {
			t.Errorf("verify: %+v, %v", r, err)
		}
	}
}

func TestReaderFollowsTheWriter(t *testing.T) {
	j := open(t, t.TempDir(), journal.Options{Segment: 1 << 10})
	got := make(chan string)
	go func() {
		r := j.Read(0)
		defer r.Close()
		for {
			g, ok, err := r.Next(context.Background(), true)
			if !ok || err != nil {
				close(got)
				return
			}
			for _, rec := range g.Records {
				got <- string(rec)
			}
		}
	}()
	for _, rec := range numbers(200) {
		j.Commit([]byte(rec), nil)
		if g := <-got; g != rec {
			t.Fatalf("read %q, want %q", g, rec)
		}
	}
	closeJournal(t, j)
	if g, ok := <-got; ok {
		t.Errorf("read %q after the end", g)
	}
}

// pass lets virtual time pass.
func pass(d time.Duration) { <-time.After(d) }

// write makes a journal of some records, the last alone in its group.
func write(t *testing.T, dir string, chained bool) (before int64, size int64, path string) {
	t.Helper()
	j := open(t, dir, journal.Options{Chained: chained})
	for _, rec := range numbers(5) {
		commit(j, rec)
	}
	path = segments(t, dir)[0]
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	commit(j, "the last one")
	closeJournal(t, j)
	after, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size(), after.Size(), path
}

func TestTornTailIsRepairedAtEveryOctet(t *testing.T) {
	for _, chained := range []bool{false, true} {
		before, size, path := write(t, t.TempDir(), chained)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for cut := before; cut < size; cut++ {
			for name, rest := range map[string][]byte{"cut": nil, "zeros": make([]byte, size-cut), "junk": bytes.Repeat([]byte{0x0d, 0xf0, 0xa1, 0x47, 9}, 40)} {
				if name == "junk" && cut == before && chained {
					rest = bytes.Repeat([]byte{0xff}, 100)
				}
				dir := t.TempDir()
				if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), append(whole[:cut:cut], rest...), 0o600); err != nil {
					t.Fatal(err)
				}
				j, repair := reopen(t, dir, journal.Options{Chained: chained, Disk: new(storetest.Disk).NeverSync()})
				if int64(repair.At) != before || repair.Octets != cut-before+int64(len(rest)) {
					t.Fatalf("%s at %d: repair %+v, want at %d", name, cut, repair, before)
				}
				commit(j, "new")
				same(t, all(t, j), append(numbers(5), "new"))
				closeJournal(t, j)
				if r, err := journal.Verify(journal.OS, dir, chained, 0); err != nil || len(r.Damage) != 0 {
					t.Fatalf("%s at %d: verify %+v, %v", name, cut, r, err)
				}
			}
		}
	}
}

func TestSegmentThatWasHardlyBegun(t *testing.T) {
	dir := t.TempDir()
	_, size, path := write(t, dir, true)
	for n := range 73 {
		head, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		next := filepath.Join(dir, fmt.Sprintf("%020d.00.log", size))
		if err := os.WriteFile(next, make([]byte, n), 0o600); err != nil {
			t.Fatal(err)
		}
		if n < 72 { // as much of a true header as a crash may have left
			if err := os.WriteFile(next, head[:n], 0o600); err != nil {
				t.Fatal(err)
			}
		}
		j := open(t, dir, journal.Options{Chained: true})
		same(t, all(t, j), append(numbers(5), "the last one"))
		closeJournal(t, j)
	}
}

func TestEveryFlippedOctetIsFound(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, journal.Options{Chained: true, Segment: 400})
	for _, rec := range numbers(12) {
		commit(j, rec)
	}
	closeJournal(t, j)
	files := segments(t, dir)
	if len(files) < 2 {
		t.Fatalf("%d segments, want more", len(files))
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range data {
			data[i] ^= 1 << (i % 8)
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			r, err := journal.Verify(journal.OS, dir, true, 0)
			if err != nil || len(r.Damage) != 1 {
				t.Fatalf("%s octet %d: %+v, %v", filepath.Base(path), i, r, err)
			}
			data[i] ^= 1 << (i % 8)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// A group that is taken away whole, one that is exchanged for another of the same length.
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	group := (len(data) - 72) / 3
	if err := os.WriteFile(files[0], append(data[:72:72], append(append(append([]byte(nil), data[72+group:72+2*group]...), data[72:72+group]...), data[72+2*group:]...)...), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := journal.Verify(journal.OS, dir, true, 0); err != nil || len(r.Damage) == 0 {
		t.Errorf("exchanged groups were not found: %+v, %v", r, err)
	}
}

func TestHarmInTheMiddleHidesNothing(t *testing.T) {
	dir := t.TempDir()
	_, _, path := write(t, dir, true)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(data, []byte("record 2"))
	data[at] = 'R'
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	j := open(t, dir, journal.Options{Chained: true})
	commit(j, "new")
	r := j.Read(0)
	defer r.Close()
	var got []string
	var damage *journal.DamageError
	for {
		g, ok, err := r.Next(t.Context(), false)
		if errors.As(err, &damage) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		for _, rec := range g.Records {
			got = append(got, string(rec))
		}
	}
	same(t, got, []string{"record 0", "record 1", "record 3", "record 4", "the last one", "new"})
	if damage == nil || int(damage.From) > at || int(damage.To) < at {
		t.Errorf("damage %v, want around %d", damage, at)
	}
}

func TestSlowDiskHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var disk storetest.Disk
		alarms := make(chan journal.Alarm, 10)
		j := open(t, t.TempDir(), journal.Options{Disk: &disk, OnAlarm: func(a journal.Alarm, _ error) { alarms <- a }})
		commit(j, "quick")
		disk.Slow(3 * time.Second)
		began := time.Now()
		commit(j, "slow")
		if took := time.Since(began); took != 250*time.Millisecond {
			t.Errorf("done after %v", took)
		}
		if a := <-alarms; a != journal.Slow {
			t.Errorf("alarm %v", a)
		}
		began = time.Now()
		commit(j, "slow too")
		if took := time.Since(began); took > 260*time.Millisecond {
			t.Errorf("second done after %v", took)
		}
		disk.Heal()
		pass(20 * time.Second)
		commit(j, "quick again")
		if a := <-alarms; a != journal.Healthy {
			t.Errorf("alarm %v", a)
		}
		if s := j.Status(); s.Late != 2 || s.Lost != 0 || s.Alarm != journal.Healthy {
			t.Errorf("%+v", s)
		}
		same(t, all(t, j), []string{"quick", "slow", "slow too", "quick again"})
		closeJournal(t, j)
	})
}

func TestFullDiskThenRoom(t *testing.T) {
	for room := int64(0); room < 300; room += 3 {
		synctest.Test(t, func(t *testing.T) {
			var disk storetest.Disk
			var alarm atomic.Uint32
			dir := t.TempDir()
			j := open(t, dir, journal.Options{Disk: &disk, Chained: true, Memory: 4000, OnAlarm: func(a journal.Alarm, _ error) { alarm.Store(uint32(a)) }})
			commit(j, "before")
			disk.Room(room)
			began := time.Now()
			for _, rec := range numbers(20) {
				commit(j, rec)
			}
			if took := time.Since(began); took > 20*260*time.Millisecond {
				t.Errorf("20 commits took %v", took)
			}
			if a := journal.Alarm(alarm.Load()); a != journal.NoSpace {
				t.Errorf("room %d: alarm %v", room, a)
			}
			if j.Full() {
				t.Errorf("full with %d octets", j.Status().Waiting)
			}
			j.Append(make([]byte, 2900))
			if !j.Full() {
				t.Errorf("not full with %d octets", j.Status().Waiting)
			}
			j.Append(make([]byte, 2900))
			commit2 := make(chan struct{})
			j.Commit(make([]byte, 2900), func() { close(commit2) })
			<-commit2
			if s := j.Status(); s.Lost != 2 {
				t.Errorf("lost %d", s.Lost)
			}
			disk.Heal()
			commit(j, "after")
			synctest.Wait()
			pass(2 * time.Second)
			if a := journal.Alarm(alarm.Load()); a != journal.Healthy || j.Full() {
				t.Errorf("alarm %v, %+v", a, j.Status())
			}
			want := append(append([]string{"before"}, numbers(20)...), string(make([]byte, 2900)), "after")
			same(t, all(t, j), want)
			closeJournal(t, j)
			if r, err := journal.Verify(journal.OS, dir, true, 0); err != nil || len(r.Damage) != 0 || r.Records != 23 {
				t.Errorf("verify %+v, %v", r, err)
			}
		})
	}
}

func TestFailedSyncLosesNothing(t *testing.T) {
	for _, forget := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var disk storetest.Disk
			dir := t.TempDir()
			o := journal.Options{Disk: &disk, Chained: true, Segment: 2000}
			j := open(t, dir, o)
			want := numbers(300)
			for i, rec := range want {
				switch i % 30 {
				case 10:
					disk.FailSync(syscall.EIO, forget)
				case 13:
					disk.Fail(syscall.EIO)
				case 16:
					disk.Heal()
				}
				if i%3 == 0 {
					j.Append([]byte(rec))
				} else {
					commit(j, rec)
				}
			}
			pass(5 * time.Second)
			same(t, all(t, j), want)
			closeJournal(t, j)
			if r, err := journal.Verify(journal.OS, dir, true, 0); err != nil || len(r.Damage) != 0 {
				t.Errorf("verify %+v, %v", r, err)
			}
			j = open(t, dir, o)
			same(t, all(t, j), want)
			closeJournal(t, j)
		})
	}
}

func TestCloseGivesUpOnADeadDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var disk storetest.Disk
		j := open(t, t.TempDir(), journal.Options{Disk: &disk})
		disk.Fail(syscall.EIO)
		var called atomic.Int32
		for _, rec := range numbers(10) {
			j.Commit([]byte(rec), func() { called.Add(1) })
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := j.Close(ctx); err == nil || !strings.Contains(err.Error(), "never written") {
			t.Errorf("close: %v", err)
		}
		if n := called.Load(); n != 10 {
			t.Errorf("%d of 10 were told", n)
		}
		j.Append([]byte("after the end"))
		if s := j.Status(); s.Lost != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestHeartbeatTellsWhenItWasAlive(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		j := open(t, dir, journal.Options{Heartbeat: 5 * time.Second})
		commit(j, "one")
		pass(62 * time.Second)
		last := time.Now().Add(-2 * time.Second)
		closeJournal(t, j)
		j, r := reopen(t, dir, journal.Options{})
		if d := r.LastBeat.Sub(last).Abs(); d > time.Second {
			t.Errorf("last beat %v, want about %v", r.LastBeat, last)
		}
		same(t, all(t, j), []string{"one"})
		closeJournal(t, j)
	})
}

func TestPaceMakesLargerGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var disk storetest.Disk
		j := open(t, t.TempDir(), journal.Options{Disk: &disk})
		commit(j, "first")
		w0, s0 := disk.Counts()
		for range 1000 { // a millisecond between records
			j.Commit([]byte("x"), nil)
			pass(time.Millisecond)
		}
		closeJournal(t, j)
		w1, s1 := disk.Counts()
		if w1-w0 > 140 || s1-s0 > 150 || w1-w0 < 110 {
			t.Errorf("%d writes and %d syncs in a second", w1-w0, s1-s0)
		}
	})
}

func TestLazySyncIsForcedWithinItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var disk storetest.Disk
		j := open(t, t.TempDir(), journal.Options{Disk: &disk, Sync: journal.SyncLazily})
		_, s0 := disk.Counts()
		commit(j, "x")
		if _, s := disk.Counts(); s != s0 {
			t.Error("forced before done")
		}
		pass(1100 * time.Millisecond)
		if _, s := disk.Counts(); s != s0+1 {
			t.Errorf("%d syncs after a second", s-s0)
		}
		closeJournal(t, j)
	})
}

func TestRotateAndDrop(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, journal.Options{})
	commit(j, "old")
	base, err := j.Rotate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if again, err := j.Rotate(t.Context()); err != nil || again != base {
		t.Errorf("an empty segment was rotated: %v, %v", again, err)
	}
	commit(j, "new")
	if err := j.Drop(base); err != nil {
		t.Fatal(err)
	}
	if n := len(segments(t, dir)); n != 1 {
		t.Errorf("%d files", n)
	}
	same(t, all(t, j), []string{"new"})
	closeJournal(t, j)
	j = open(t, dir, journal.Options{})
	same(t, all(t, j), []string{"new"})
	closeJournal(t, j)
}

func TestOnlyOneMayOpenIt(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, journal.Options{})
	if _, _, err := journal.Open(dir, journal.Options{}); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("second open: %v", err)
	}
	closeJournal(t, j)
	closeJournal(t, open(t, dir, journal.Options{}))
}

func TestChainIsNotMixedWithNone(t *testing.T) {
	dir := t.TempDir()
	closeJournal(t, open(t, dir, journal.Options{}))
	if _, _, err := journal.Open(dir, journal.Options{Chained: true}); err == nil {
		t.Error("an unchained journal was opened as a chained one")
	}
}

// childWrite commits numbered records for ever and prints each number when it was told that it is safe.
func childWrite(args []string) {
	sync := journal.SyncCommits
	if args[1] == "lazily" {
		sync = journal.SyncLazily
	}
	j, _, err := journal.Open(args[0], journal.Options{Chained: true, Sync: sync, Segment: 64 << 10})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	n := 0
	r := j.Read(0)
	for {
		g, ok, err := r.Next(context.Background(), false)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if !ok {
			break
		}
		n += len(g.Records)
	}
	r.Close()
	slots := make(chan struct{}, 50)
	for {
		slots <- struct{}{}
		i := n
		n++
		j.Commit(fmt.Appendf(nil, "record %d", i), func() {
			os.Stdout.WriteString(strconv.Itoa(i) + "\n")
			<-slots
		})
	}
}

func TestKillWhileWriting(t *testing.T) {
	rounds := 5
	if testing.Short() {
		rounds = 2
	}
	for _, sync := range []string{"commits", "lazily"} {
		dir := t.TempDir()
		acked := -1
		for range rounds {
			c := storetest.Start(t, "write", dir, sync)
			after := 1 + rand.IntN(1000)
			for n := 0; c.Lines.Scan(); n++ {
				i, err := strconv.Atoi(c.Lines.Text())
				if err != nil {
					t.Fatal(err)
				}
				acked = max(acked, i)
				if n == after {
					c.KillNow()
				}
			}
			c.Kill()
			j := open(t, dir, journal.Options{Chained: true})
			got := all(t, j)
			closeJournal(t, j)
			if len(got) <= acked {
				t.Fatalf("%d records, but %d was told to be safe", len(got), acked)
			}
			for i, rec := range got {
				if rec != "record "+strconv.Itoa(i) {
					t.Fatalf("record %d is %q", i, rec)
				}
			}
			if r, err := journal.Verify(journal.OS, dir, true, 0); err != nil || len(r.Damage) != 0 {
				t.Fatalf("verify %+v, %v", r, err)
			}
		}
	}
}

// FuzzOpen gives a journal any octets as its last segment: it opens, takes new records, and gives them back.
func FuzzOpen(f *testing.F) {
	dir := f.TempDir()
	j, _, err := journal.Open(dir, journal.Options{Chained: true})
	if err != nil {
		f.Fatal(err)
	}
	commit(j, "one")
	commit(j, "two")
	j.Close(context.Background())
	files, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	data, err := os.ReadFile(files[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:100])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "00000000000000000000.00.log"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		j, _, err := journal.Open(dir, journal.Options{Chained: true, Disk: new(storetest.Disk).NeverSync()})
		if err != nil {
			return
		}
		defer j.Close(context.Background())
		commit(j, "new")
		r := j.Read(0)
		defer r.Close()
		last := ""
		var at store.Pos
		for {
			g, ok, err := r.Next(t.Context(), false)
			if err != nil {
				var damage *journal.DamageError
				if !errors.As(err, &damage) || damage.To <= damage.From {
					t.Fatal(err)
				}
				continue
			}
			if !ok {
				break
			}
			if g.Next <= at {
				t.Fatalf("reading went from %d to %d", at, g.Next)
			}
			at = g.Next
			for _, rec := range g.Records {
				last = string(rec)
			}
		}
		if last != "new" {
			t.Fatalf("the last record is %q", last)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	j := open(b, b.TempDir(), journal.Options{Chained: true, Memory: 1 << 30})
	rec := bytes.Repeat([]byte("x"), 300)
	b.ReportAllocs()
	b.SetBytes(300)
	for b.Loop() {
		j.Append(rec)
	}
}

// BenchmarkOpen is a start with a last segment of 16 MiB of small groups.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	o := journal.Options{Chained: true, Disk: new(storetest.Disk).NeverSync(), Pace: time.Nanosecond, Segment: 1 << 30}
	j := open(b, dir, o)
	for j.End() < 16<<20 {
		for range 5 {
			j.Append(bytes.Repeat([]byte("x"), 300))
		}
		commit(j, "x")
	}
	j.Close(context.Background())
	for b.Loop() {
		open(b, dir, o).Close(context.Background())
	}
}
