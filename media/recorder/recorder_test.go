package recorder

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"santral/media"
	"santral/media/player"
	"santral/media/tone"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// record writes n frames of a tone and gives all samples.
func record(t *testing.T, r *Recorder, n int) []int16 {
	t.Helper()
	src := tone.Dial().Play()
	var all []int16
	f := make(media.Frame, 160)
	for range n {
		if _, err := src.Read(f); err != nil {
			t.Fatal(err)
		}
		r.Write(f)
		all = append(all, f...)
	}
	return all
}

func equal(a, b []int16) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestWhatWasWrittenIsPlayed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.wav")
	r, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	want := record(t, r, 175)
	if r.Duration() != 3500*time.Millisecond {
		t.Errorf("duration %v", r.Duration())
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); !errors.Is(err, ErrClosed) {
		t.Errorf("second close: %v", err)
	}
	r.Write(make(media.Frame, 160))
	if r.Dropped() != 160 {
		t.Errorf("%d samples dropped after the end", r.Dropped())
	}
	s, err := player.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !equal(s.Samples(), want) {
		t.Errorf("%d samples, want %d, or they differ", len(s.Samples()), len(want))
	}
	soxi, err := exec.LookPath("soxi")
	if err != nil {
		t.Skip("sox is not installed")
	}
	for flag, want := range map[string]string{"-s": "28000", "-r": "8000", "-c": "1", "-b": "16", "-e": "Signed Integer PCM", "-t": "wav"} {
		out, err := exec.Command(soxi, flag, path).CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("soxi %s: %v, %q, want %q", flag, err, out, want)
		}
	}
	sox := exec.Command("sox", path, "-t", "s16", "-")
	raw, err := sox.Output()
	if err != nil || len(raw) != 56000 {
		t.Errorf("sox: %v, %d octets", err, len(raw))
	}
}

// disk is a file in memory that can be looked at between two writes, be stuck and fail.
type disk struct {
	mu     sync.Mutex
	data   []byte
	look   func(data []byte)
	gate   chan struct{}
	fail   error
	synced bool
	closed bool
}

func (d *disk) WriteAt(b []byte, at int64) (int, error) {
	if d.gate != nil {
		<-d.gate
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return 0, d.fail
	}
	if need := int(at) + len(b); need > len(d.data) {
		d.data = append(d.data, make([]byte, need-len(d.data))...)
	}
	copy(d.data[at:], b)
	if d.look != nil {
		d.look(d.data)
	}
	return len(b), nil
}

func (d *disk) Sync() error  { d.synced = true; return nil }
func (d *disk) Close() error { d.closed = true; return nil }

// After every single write the file is a whole WAV file with a beginning of the sound, at most a
// second and a piece behind.
func TestACrashAtAnyMomentLeavesAWholeFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var writes int
		var all []int16
		var taken time.Duration
		d := &disk{look: func(data []byte) {
			writes++
			s, err := player.Parse(data)
			if err != nil {
				t.Errorf("after write %d: %v", writes, err)
				return
			}
			if got := s.Samples(); len(got) > len(all) || !equal(got, all[:len(got)]) {
				t.Errorf("after write %d: not a beginning of the sound", writes)
			}
		}}
		r, err := create(d)
		if err != nil {
			t.Fatal(err)
		}
		src := tone.Dial().Play()
		f := make(media.Frame, 160)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for range 500 {
			<-tick.C
			if _, err := src.Read(f); err != nil {
				t.Fatal(err)
			}
			d.mu.Lock()
			all = append(all, f...)
			d.mu.Unlock()
			r.Write(f)
			synctest.Wait()
			taken += 20 * time.Millisecond
			d.mu.Lock()
			s, err := player.Parse(d.data)
			d.mu.Unlock()
			if err != nil {
				t.Fatal(err)
			}
			if behind := taken - s.Duration(); behind > every+20*time.Millisecond {
				t.Fatalf("the file is %v behind", behind)
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if writes < 20 || !d.synced || !d.closed {
			t.Errorf("%d writes, synced %v, closed %v", writes, d.synced, d.closed)
		}
	})
}

func TestAStuckDiskNeverHoldsUpTheCall(t *testing.T) {
	d := &disk{}
	r, err := create(d)
	if err != nil {
		t.Fatal(err)
	}
	d.mu.Lock() // from here every write waits
	frames := 3 * waiting / 320
	want := record(t, r, frames)
	dropped := r.Dropped()
	if dropped == 0 || dropped > uint64(len(want)-waiting/2) {
		t.Errorf("%d of %d samples dropped", dropped, len(want))
	}
	d.mu.Unlock()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := player.Parse(d.data)
	if err != nil {
		t.Fatal(err)
	}
	if got := uint64(len(s.Samples())) + dropped; got != uint64(len(want)) {
		t.Errorf("%d samples recorded or dropped, want %d", got, len(want))
	}
}

func TestAFailingDiskIsTold(t *testing.T) {
	full := errors.New("no space")
	d := &disk{}
	r, err := create(d)
	if err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	d.fail = full
	d.mu.Unlock()
	record(t, r, 10)
	if err := r.Close(); !errors.Is(err, full) || !d.closed {
		t.Errorf("close: %v, closed %v", err, d.closed)
	}
	if r.Dropped() != 1600 {
		t.Errorf("%d dropped", r.Dropped())
	}
	if _, err := create(d); !errors.Is(err, full) {
		t.Errorf("create: %v", err)
	}
	if _, err := Create(filepath.Join(t.TempDir(), "no", "such", "folder.wav")); err == nil {
		t.Error("a recording without a folder was begun")
	}
}

func TestOverwrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.wav")
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); err != nil || len(data) != start {
		t.Errorf("%v, %d octets", err, len(data))
	}
}

func BenchmarkWrite(b *testing.B) {
	r, err := create(&disk{fail: nil})
	if err != nil {
		b.Fatal(err)
	}
	f := make(media.Frame, 160)
	b.ReportAllocs()
	for b.Loop() {
		r.Write(f)
	}
	b.StopTimer()
	if err := r.Close(); err != nil {
		b.Fatal(err)
	}
}
