package ledger_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"santral/store/journal"
	"santral/store/ledger"
	"santral/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, dir string, o ledger.Options) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(context.Background()) })
	return l
}

func records(t testing.TB, l *ledger.Ledger) (n int) {
	t.Helper()
	r := l.Read(0)
	defer r.Close()
	for {
		g, ok, err := r.Next(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return n
		}
		n += len(g.Records)
	}
}

func TestLedgerNamesTheFlippedOctet(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, ledger.Options{})
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Add(1)
		l.Commit(fmt.Appendf(nil, "event %d", i), wg.Done)
		if i%10 == 0 {
			wg.Wait()
		}
	}
	wg.Wait()
	if r, err := l.Verify(); err != nil || len(r.Damage) != 0 || r.Records != 100 {
		t.Fatalf("%+v, %v", r, err)
	}
	path := filepath.Join(dir, "00000000000000000000.00.log")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(data, []byte("event 42"))
	data[at] ^= 0x20
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := l.Verify()
	if err != nil || len(r.Damage) != 1 || int(r.Damage[0].From) > at || int(r.Damage[0].To) <= at {
		t.Errorf("%+v, %v; want damage at %d", r, err, at)
	}
}

func TestLedgerUnderASickDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := new(storetest.Disk).NeverSync()
		var alarm atomic.Value
		l := open(t, t.TempDir(), ledger.Options{Disk: disk, Memory: 100_000, OnAlarm: func(a journal.Alarm, _ error) { alarm.Store(a) }})
		began := l.Begin()
		rec := make([]byte, 300)
		disk.Fail(syscall.EIO)
		n := 0
		for ; !l.Full(); n++ {
			waited := time.Now()
			done := make(chan struct{})
			l.Commit(rec, func() { close(done) })
			<-done
			if took := time.Since(waited); took > 251*time.Millisecond {
				t.Fatalf("a call waited %v for a dead disk", took)
			}
		}
		if n < 200 || n > 300 {
			t.Errorf("full after %d events", n)
		}
		for range 50 { // what is going on goes on
			l.Append(rec)
		}
		if s := l.Status(); s.Lost != 0 || alarm.Load() != journal.Failing || l.End() != began {
			t.Errorf("%+v, alarm %v", s, alarm.Load())
		}
		disk.Heal()
		<-time.After(3 * time.Second)
		if s := l.Status(); s.Alarm != journal.Healthy || s.Lost != 0 || l.Full() {
			t.Errorf("%+v", s)
		}
		if got := records(t, l); got != n+50 {
			t.Errorf("%d events on disk, want %d", got, n+50)
		}
		l.Close(t.Context())
	})
}

func TestLastSignOfLife(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := open(t, dir, ledger.Options{})
		if !l.LastAlive().IsZero() {
			t.Errorf("a new ledger was alive at %v", l.LastAlive())
		}
		l.Append([]byte("x"))
		<-time.After(time.Minute)
		l.Close(t.Context())
		end := time.Now()
		l = open(t, dir, ledger.Options{})
		if d := end.Sub(l.LastAlive()); d < 0 || d > 5*time.Second {
			t.Errorf("last alive %v before its end", d)
		}
		l.Close(t.Context())
	})
}

// cpu is the process's time, user and system.
func cpu(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func BenchmarkAppend(b *testing.B) {
	l := open(b, b.TempDir(), ledger.Options{Memory: 1 << 30})
	rec := bytes.Repeat([]byte("x"), 250)
	b.ReportAllocs()
	began := cpu(b)
	for b.Loop() {
		l.Append(rec)
	}
	l.Close(context.Background())
	b.ReportMetric(float64(cpu(b)-began)/float64(b.N), "cpu-ns/op")
}

// BenchmarkCommitAtLoad commits 1,000 ends of calls a second, each after ten appended events.
func BenchmarkCommitAtLoad(b *testing.B) {
	l := open(b, b.TempDir(), ledger.Options{})
	rec := bytes.Repeat([]byte("x"), 250)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	var wg sync.WaitGroup
	var worst, sum atomic.Int64
	b.ReportAllocs()
	began := cpu(b)
	for b.Loop() {
		<-tick.C
		for range 10 {
			l.Append(rec)
		}
		wg.Add(1)
		at := time.Now()
		l.Commit(rec, func() {
			took := int64(time.Since(at))
			sum.Add(took)
			for old := worst.Load(); took > old && !worst.CompareAndSwap(old, took); old = worst.Load() {
			}
			wg.Done()
		})
	}
	wg.Wait()
	b.ReportMetric(float64(cpu(b)-began)/float64(b.N)/1000, "cpu-µs/call")
	b.ReportMetric(float64(sum.Load())/float64(b.N)/1e6, "ms-mean")
	b.ReportMetric(float64(worst.Load())/1e6, "ms-worst")
}
