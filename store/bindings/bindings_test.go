package bindings_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"santral/store"
	"santral/store/bindings"
	"santral/store/journal"
	"santral/store/storetest"
)

func TestMain(m *testing.M) {
	code := storetest.Main(m, map[string]func([]string){"register": childRegister})
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

var later = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

func binding(account, contact int) store.Binding {
	a := strconv.Itoa(account)
	return store.Binding{
		Tenant: "sample", Account: a, Contact: fmt.Sprintf("sip:%s@192.0.2.%d:5060;transport=udp;ob", a, contact),
		Flow: "UDP 198.51.100.1:5060 192.0.2.1:5060 0", CallID: a + "-abcdefgh@192.0.2.1", CSeq: uint32(account),
		InstanceID: "<urn:uuid:00000000-0000-1000-8000-" + a + ">", UserAgent: "Linphone/5.1.65 (belle-sip/5.1.65)",
		Q: 1000, Expires: later, Registered: later.Add(-time.Hour),
	}
}

func open(t testing.TB, dir string, o bindings.Options) *bindings.Store {
	t.Helper()
	if o.OnError == nil {
		o.OnError = func(err error) { t.Error(err) }
	}
	s, err := bindings.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(context.Background()) })
	return s
}

func load(t testing.TB, s *bindings.Store) (map[store.BindingKey]store.Binding, bindings.Loaded) {
	t.Helper()
	all := map[store.BindingKey]store.Binding{}
	l, err := s.Load(func(b store.Binding) {
		if _, twice := all[b.Key()]; twice {
			t.Errorf("%v was given twice", b.Key())
		}
		all[b.Key()] = b
	})
	if err != nil {
		t.Fatal(err)
	}
	if l.Bindings != len(all) {
		t.Errorf("%+v, but %d were given", l, len(all))
	}
	return all, l
}

func closeStore(t testing.TB, s *bindings.Store) {
	t.Helper()
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// settle waits until everything was written.
func settle(s *bindings.Store) {
	done := make(chan struct{})
	s.Delete(store.BindingKey{Account: "nobody"}, func() { close(done) })
	<-done
}

func TestLastWordHolds(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, bindings.Options{})
	if all, _ := load(t, s); len(all) != 0 {
		t.Errorf("a new store holds %v", all)
	}
	one, two, three := binding(101, 1), binding(101, 2), binding(102, 1)
	one.Path = []string{"<sip:edge1.example;lr>", "<sip:edge2.example;lr>"}
	s.Put(&one, nil)
	s.Put(&two, nil)
	s.Put(&three, nil)
	changed := two
	changed.CSeq, changed.UserAgent, changed.InstanceID, changed.Flow = 7, "", "", ""
	s.Put(&changed, nil)
	s.Delete(three.Key(), nil)
	s.Delete(store.BindingKey{Tenant: "sample", Account: "101"}, nil) // a key that never was
	closeStore(t, s)
	s = open(t, dir, bindings.Options{})
	all, _ := load(t, s)
	if d := cmp.Diff(map[store.BindingKey]store.Binding{one.Key(): one, two.Key(): changed}, all); d != "" {
		t.Error(d)
	}
}

func TestExpiredFallAway(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, bindings.Options{})
	old, good := binding(101, 1), binding(102, 1)
	old.Expires = time.Now().Add(-time.Second)
	s.Put(&old, nil)
	s.Put(&good, nil)
	closeStore(t, s)
	all, l := load(t, open(t, dir, bindings.Options{}))
	if len(all) != 1 || l.Expired != 1 {
		t.Errorf("%v, %+v", all, l)
	}
}

// TestCompaction compares a store that is compacted all the time, and now and then opened again, with a
// plain map.
func TestCompaction(t *testing.T) {
	dir := t.TempDir()
	o := bindings.Options{Disk: new(storetest.Disk).NeverSync(), Compact: 20_000}
	want := map[store.BindingKey]store.Binding{}
	compactions := uint64(0)
	for round := range 6 {
		s := open(t, dir, o)
		got, l := load(t, s)
		if d := cmp.Diff(want, got); d != "" || l.Damaged != 0 {
			t.Fatalf("round %d: %+v\n%s", round, l, d)
		}
		for i := range 3000 {
			b := binding(rand.IntN(200), rand.IntN(3))
			b.CSeq = rand.Uint32()
			if rand.IntN(4) == 0 {
				s.Delete(b.Key(), nil)
				delete(want, b.Key())
			} else {
				s.Put(&b, nil)
				want[b.Key()] = b
			}
			if i%100 == 0 {
				settle(s)
			}
		}
		compactions += s.Status().Compactions
		closeStore(t, s)
	}
	if compactions < 6 {
		t.Errorf("%d compactions", compactions)
	}
	size := int64(0)
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, path := range files {
		if info, err := os.Stat(path); err == nil {
			size += info.Size()
		}
		if strings.HasSuffix(path, ".tmp") {
			t.Errorf("%s was left", path)
		}
	}
	if size > 2_000_000 {
		t.Errorf("%d octets on disk for %d bindings", size, len(want))
	}
}

// noRoomForSets is a disk on which a compaction finds no room.
type noRoomForSets struct {
	*storetest.Disk
	full atomic.Bool
}

func (d *noRoomForSets) Create(path string) (journal.File, error) {
	if d.full.Load() && strings.HasSuffix(path, ".tmp") {
		return nil, syscall.ENOSPC
	}
	return d.Disk.Create(path)
}

func TestCompactionThatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &noRoomForSets{Disk: new(storetest.Disk).NeverSync()}
		failed := make(chan error, 100)
		s := open(t, t.TempDir(), bindings.Options{Disk: disk, Compact: 10_000, OnError: func(err error) { failed <- err }})
		fill := func() {
			for i := range 100 {
				b := binding(i, 1)
				s.Put(&b, nil)
			}
			settle(s)
		}
		disk.full.Store(true)
		fill()
		if err := <-failed; !errors.Is(err, syscall.ENOSPC) {
			t.Error(err)
		}
		disk.full.Store(false)
		<-time.After(time.Minute)
		fill()
		<-time.After(time.Second)
		if st := s.Status(); st.Compactions == 0 || st.Journal.Lost != 0 {
			t.Errorf("%+v", st)
		}
		closeStore(t, s)
	})
}

func TestSickDiskHoldsNoPhoneUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := new(storetest.Disk).NeverSync()
		dir := t.TempDir()
		s := open(t, dir, bindings.Options{Disk: disk})
		disk.Fail(syscall.EIO)
		b := binding(101, 1)
		done := make(chan struct{})
		began := time.Now()
		s.Put(&b, func() { close(done) })
		<-done
		if took := time.Since(began); took != 250*time.Millisecond {
			t.Errorf("a phone waited %v", took)
		}
		disk.Heal()
		<-time.After(2 * time.Second)
		closeStore(t, s)
		s = open(t, dir, bindings.Options{})
		if all, _ := load(t, s); len(all) != 1 {
			t.Errorf("%v", all)
		}
		closeStore(t, s)
	})
}

func TestDamagedPartCostsOnlyItself(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, bindings.Options{})
	for i := range 10 {
		b := binding(100+i, 1)
		s.Put(&b, nil)
		settle(s)
	}
	closeStore(t, s)
	files, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	data[strings.Index(string(data), "105-abc")]++
	if err := os.WriteFile(files[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	all, l := load(t, open(t, dir, bindings.Options{}))
	if len(all) != 9 || l.Damaged != 1 {
		t.Errorf("%d bindings, %+v", len(all), l)
	}
}

// childRegister registers for ever and prints each registration when a phone would be told.
func childRegister(args []string) {
	s, err := bindings.Open(args[0], bindings.Options{Compact: 100_000, OnError: func(err error) { fmt.Fprintln(os.Stderr, err) }})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if _, err := s.Load(func(store.Binding) {}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	first, _ := strconv.Atoi(args[1])
	slots := make(chan struct{}, 30)
	for n := first; ; n++ {
		slots <- struct{}{}
		b := binding(n%50, 1)
		b.CSeq = uint32(n)
		s.Put(&b, func() {
			os.Stdout.WriteString(strconv.Itoa(n) + "\n")
			<-slots
		})
	}
}

func TestKillWhileRegistering(t *testing.T) {
	rounds := 5
	if testing.Short() {
		rounds = 2
	}
	dir := t.TempDir()
	told := map[int]uint32{} // account → CSeq of the last that was told
	next := 1
	for range rounds {
		c := storetest.Start(t, "register", dir, strconv.Itoa(next))
		after := 1 + rand.IntN(2000)
		for i := 0; c.Lines.Scan(); i++ {
			n, err := strconv.Atoi(c.Lines.Text())
			if err != nil {
				t.Fatal(err)
			}
			told[n%50] = max(told[n%50], uint32(n))
			next = max(next, n+1)
			if i == after {
				c.KillNow()
			}
		}
		c.Kill()
		s := open(t, dir, bindings.Options{})
		all, l := load(t, s)
		if l.Damaged != 0 {
			t.Errorf("%+v", l)
		}
		for account, cseq := range told {
			b := binding(account, 1)
			if got := all[b.Key()]; got.CSeq < cseq {
				t.Fatalf("account %d: CSeq %d was told, %d is there", account, cseq, got.CSeq)
			} else {
				next = max(next, int(got.CSeq)+1)
			}
		}
		closeStore(t, s)
	}
}

// fill makes a store of n bindings and closes it.
func fill(t testing.TB, dir string, o bindings.Options, n int) {
	t.Helper()
	s := open(t, dir, o)
	var wg sync.WaitGroup
	for i := range n {
		b := binding(i, 1)
		if i%20_000 == 0 { // phones wait for their answers
			wg.Add(1)
			s.Put(&b, wg.Done)
			wg.Wait()
			continue
		}
		s.Put(&b, nil)
	}
	closeStore(t, s)
	if st := s.Status(); st.Journal.Lost != 0 {
		t.Fatalf("%+v", st)
	}
}

func TestManyBindings(t *testing.T) {
	const n = 60_000
	dir := t.TempDir()
	o := bindings.Options{Disk: new(storetest.Disk).NeverSync(), Compact: 5 << 20}
	fill(t, dir, o, n)
	s := open(t, dir, o)
	if l, err := s.Load(func(store.Binding) {}); err != nil || l.Bindings != n || l.Damaged != 0 {
		t.Errorf("%+v, %v", l, err)
	}
}

// BenchmarkLoadMillion is a start with 1,000,000 bindings.
func BenchmarkLoadMillion(b *testing.B) {
	const n = 1_000_000
	dir := b.TempDir()
	o := bindings.Options{Disk: new(storetest.Disk).NeverSync(), Compact: 1 << 30}
	fill(b, dir, o, n)
	for b.Loop() {
		s := open(b, dir, o)
		if l, err := s.Load(func(store.Binding) {}); err != nil || l.Bindings != n {
			b.Errorf("%+v, %v", l, err)
		}
		closeStore(b, s)
	}
}

func BenchmarkPut(b *testing.B) {
	s := open(b, b.TempDir(), bindings.Options{})
	v := binding(101, 1)
	slots := make(chan struct{}, 1000)
	done := func() { <-slots }
	b.ReportAllocs()
	var before, after syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	for b.Loop() {
		slots <- struct{}{}
		s.Put(&v, done)
	}
	syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	b.ReportMetric(float64(after.Utime.Nano()+after.Stime.Nano()-before.Utime.Nano()-before.Stime.Nano())/float64(b.N), "cpu-ns/op")
}

// BenchmarkPutWhileCompacting tells how long a phone waits while a large set is being compacted.
func BenchmarkPutWhileCompacting(b *testing.B) {
	s := open(b, b.TempDir(), bindings.Options{Compact: 4 << 20})
	var worst time.Duration
	i := 0
	for b.Loop() {
		var wg sync.WaitGroup
		began := time.Now()
		for k := range 100 {
			v := binding(i%50_000, 1)
			i++
			if k == 99 {
				wg.Add(1)
				s.Put(&v, wg.Done)
			} else {
				s.Put(&v, nil)
			}
		}
		wg.Wait()
		worst = max(worst, time.Since(began))
	}
	b.ReportMetric(float64(worst)/1e6, "ms-worst")
	b.ReportMetric(float64(s.Status().Compactions), "compactions")
}
