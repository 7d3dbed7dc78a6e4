package recorder

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// say writes n frames of a tone at once and gives all samples.
func say(t *testing.T, to media.Sink, n int) []int16 {
	t.Helper()
	src := tone.Dial().Play()
	var all []int16
	f := make(media.Frame, 160)
	for range n {
		if _, err := src.Read(f); err != nil {
			t.Fatal(err)
		}
		to.Write(f)
		all = append(all, f...)
	}
	return all
}

// sounds gives the channels of a WAV file.
func sounds(t *testing.T, data []byte) (channels [2][]int16) {
	t.Helper()
	w, err := wavOf(data)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data[:start], w.mend(int64(len(data)))) {
		t.Fatalf("the head says another size than the %d octets that there are", len(data))
	}
	for i, b := 0, data[start:]; len(b) >= 2; i, b = i+1, b[2:] {
		c := &channels[i%w.channels]
		*c = append(*c, int16(uint16(b[0])|uint16(b[1])<<8))
	}
	return channels
}

// closed closes a recording and gives its summary.
func closed(t *testing.T, r *Recorder) Summary {
	t.Helper()
	sum, err := r.Close()
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func shaOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func TestWhatWasWrittenIsPlayed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.wav")
	r, err := Create(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Await(); err != nil {
		t.Fatal(err)
	}
	sink := r.Sink(0)
	want := say(t, sink, 175)
	sum := closed(t, r)
	if _, err := r.Close(); !errors.Is(err, ErrClosed) {
		t.Errorf("second close: %v", err)
	}
	sink.Write(make(media.Frame, 160))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Summary{Long: 3500 * time.Millisecond, Octets: 56044, SHA256: shaOf(data)}); sum != want {
		t.Errorf("summary %+v, want %+v", sum, want)
	}
	s, err := player.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Samples(), want) {
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
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	for _, o := range []Options{{Channels: 3}, {Channels: -1}, {Rate: 44100}, {Most: -1}} {
		if _, err := create(o, nil); err == nil {
			t.Errorf("%+v makes a recording", o)
		}
	}
}

// disk is a file in memory that can be looked at between two writes, be stuck and fail.
type disk struct {
	mu     sync.Mutex
	data   []byte
	look   func(data []byte)
	gate   chan struct{} // nil, or a write waits until it is closed
	fail   error
	synced int
	closed bool
}

func (d *disk) open() (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d, d.fail
}

func (d *disk) WriteAt(b []byte, at int64) (int, error) {
	d.mu.Lock()
	gate := d.gate
	d.mu.Unlock()
	if gate != nil {
		<-gate
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil { // a full disk takes some of it
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

func (d *disk) ReadAt(b []byte, at int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return bytes.NewReader(d.data).ReadAt(b, at)
}

func (d *disk) Truncate(size int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.data = append(d.data, make([]byte, max(int(size)-len(d.data), 0))...)[:size]
	return nil
}

func (d *disk) Sync() error  { d.synced++; return nil }
func (d *disk) Close() error { d.closed = true; return nil }

func (d *disk) break_(err error) {
	d.mu.Lock()
	d.fail = err
	d.mu.Unlock()
}

// on makes a recording on a disk.
func (d *disk) on(t testing.TB, o Options) *Recorder {
	t.Helper()
	r, err := create(o, d.open)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// After every single write the file is a whole WAV file with a beginning of the sound, at most a second behind.
func TestACrashAtAnyMomentLeavesAWholeFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var writes int
		var all []int16
		d := &disk{look: func(data []byte) {
			writes++
			if len(data) == start {
				return
			}
			s, err := player.Parse(data)
			if err != nil {
				t.Errorf("after write %d: %v", writes, err)
				return
			}
			if got := s.Samples(); len(got) > len(all) || !slices.Equal(got, all[:len(got)]) {
				t.Errorf("after write %d: not a beginning of the sound", writes)
			}
		}}
		r := d.on(t, Options{})
		sink := r.Sink(0)
		src := tone.Dial().Play()
		f := make(media.Frame, 160)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for i := range 500 {
			<-tick.C
			if _, err := src.Read(f); err != nil {
				t.Fatal(err)
			}
			d.mu.Lock()
			all = append(all, f...)
			d.mu.Unlock()
			sink.Write(f)
			synctest.Wait()
			d.mu.Lock()
			there := (len(d.data) - start) / 2
			d.mu.Unlock()
			if behind := (i+1)*160 - there; behind > 8000 {
				t.Fatalf("the file is %d samples behind", behind)
			}
		}
		closed(t, r)
		if writes < 20 || d.synced < 2 || d.synced > 4 || !d.closed {
			t.Errorf("%d writes, synced %d times, closed %v", writes, d.synced, d.closed)
		}
	})
}

// clocked writes frames to a sink every 20 ms, from after begin on, for so many frames. The value of all samples is v,
// growing by one with each frame.
func clocked(to media.Sink, begin time.Duration, v int16, frames int) {
	time.Sleep(begin)
	f := make(media.Frame, 160)
	for range frames {
		for i := range f {
			f[i] = v
		}
		to.Write(f)
		v++
		time.Sleep(20 * time.Millisecond)
	}
}

// at gives where the first sample of a value is, in milliseconds; -1 where it is not.
func at(samples []int16, v int16) float64 {
	i := slices.Index(samples, v)
	if i < 0 {
		return -1
	}
	return float64(i) / 8
}

func TestChannelsStayTogetherThroughGaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		r := d.on(t, Options{Channels: 2})
		var both sync.WaitGroup
		both.Go(func() { // the left one pauses, and goes on from another leg in another phase
			clocked(r.Sink(0), 0, 100, 100)                    // 0 to 2000
			clocked(r.Sink(0), 3005*time.Millisecond, 300, 50) // 5005 to 6005
			clocked(r.Sink(0), -0, 400, 50)                    // and at once the next leg
			clocked(r.Sink(0), 7*time.Second, 500, 50)         // 14005 to 15005
		})
		both.Go(func() {
			clocked(r.Sink(1), 1515*time.Millisecond, 1000, 500) // 1515 to 11515
			clocked(r.Sink(1), -0, 2000, 1)
			time.Sleep(-5 * time.Millisecond)
			clocked(r.Sink(1), 2485*time.Millisecond, 3000, 50) // 14020 to 15020
		})
		both.Wait()
		sum := closed(t, r)
		left, right := sounds(t, d.data)[0], sounds(t, d.data)[1]
		for _, x := range []struct {
			of   []int16
			v    int16
			want float64
		}{
			{left, 100, 0}, {left, 199, 1980}, {left, 300, 5005}, {left, 349, 5985}, {left, 400, 6005}, {left, 500, 14005},
			{right, 1000, 1515}, {right, 1499, 11495}, {right, 2000, 11515}, {right, 3000, 14020},
		} {
			if got := at(x.of, x.v); got != x.want {
				t.Errorf("%d is at %v ms, want %v", x.v, got, x.want)
			}
		}
		for _, v := range left[16000 : 5005*8] {
			if v != 0 {
				t.Fatalf("%d where nobody spoke", v)
			}
		}
		if sum.Long != 15020*time.Millisecond || sum.Lost != 0 || len(left) != len(right) || sum.Octets != int64(len(d.data)) || sum.SHA256 != shaOf(d.data) {
			t.Errorf("%+v, %d and %d samples", sum, len(left), len(right))
		}
	})
}

// A leg in an earlier phase takes the place of another: its beginning was said already.
func TestAHandOverToAnEarlierPhaseDoesNotDrift(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		r := d.on(t, Options{})
		sink := r.Sink(0)
		f := make(media.Frame, 160)
		began := time.Now()
		for i := range 1000 { // each 100 ms the phase is 15 ms earlier
			f[0], f[159] = int16(i), int16(i)
			sink.Write(f)
			if i%5 == 4 {
				time.Sleep(5 * time.Millisecond)
			} else {
				time.Sleep(20 * time.Millisecond)
			}
		}
		end := time.Since(began) // the first frame is of the time before
		closed(t, r)
		got := at(sounds(t, d.data)[0], 999) // its last sample, should its beginning be cut
		want := (end + 15*time.Millisecond).Seconds() * 1000
		if got < want-25 || got > want+5 {
			t.Errorf("the last frame is at %v ms, want it by %v", got, want)
		}
	})
}

// A loop that is held up brings frames late and then at once. Nothing of that is heard.
func TestAHeldUpLoopMakesNoGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		r := d.on(t, Options{})
		sink := r.Sink(0)
		f := make(media.Frame, 160)
		begin := time.Now()
		for i := range 500 {
			late := time.Duration(0)
			if i > 0 && i%50 < 5 { // five frames at once
				late = time.Duration(5-i%50) * 20 * time.Millisecond
			}
			time.Sleep(time.Until(begin.Add(time.Duration(i)*20*time.Millisecond + late)))
			for j := range f {
				f[j] = int16(i + 1)
			}
			sink.Write(f)
		}
		closed(t, r)
		got := sounds(t, d.data)[0]
		for i, v := range got {
			if int(v) != i/160+1 {
				t.Fatalf("sample %d is of frame %d", i, v)
			}
		}
		if len(got) != 80000 {
			t.Errorf("%d samples", len(got))
		}
	})
}

func TestPauseMaskAndTrim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		r := d.on(t, Options{Channels: 2})
		var both sync.WaitGroup
		both.Go(func() { clocked(r.Sink(0), 0, 1, 500) })
		both.Go(func() { clocked(r.Sink(1), 15*time.Millisecond, 1001, 500) })
		time.Sleep(2001 * time.Millisecond)
		r.Pause(true)
		time.Sleep(1007 * time.Millisecond)
		if p := r.Position(); p != 2021*time.Millisecond { // a frame is of the time before it came
			t.Errorf("paused at %v", p)
		}
		r.Pause(false)
		time.Sleep(2 * time.Second)
		r.Mask(true)
		time.Sleep(time.Second)
		r.Mask(false)
		both.Wait()
		r.Trim(500 * time.Millisecond)
		sum := closed(t, r)
		c := sounds(t, d.data)
		long := 10015*time.Millisecond - 1007*time.Millisecond - 500*time.Millisecond
		if d := sum.Long - long; d < -20*time.Millisecond || d > 20*time.Millisecond || r.Position() != sum.Long {
			t.Errorf("%v long, want %v; position %v", sum.Long, long, r.Position())
		}
		for ch, first := range []int16{1, 1001} {
			offset := float64(ch) * 15
			for _, x := range []struct {
				frame int16
				at    float64 // -1: not there
			}{
				{0, offset}, {100, -1}, {120, -1}, {149, -1}, {155, 3100 - 1007 + offset}, {200, 4000 - 1007 + offset},
				{250, 5000 - 1007 + offset}, {252, -1}, {299, -1}, {305, 6100 - 1007 + offset}, {470, 9400 - 1007 + offset}, {480, -1},
			} {
				got := at(c[ch], first+x.frame)
				if x.at < 0 && got >= 0 && x.frame != 100 || x.at >= 0 && (got < x.at-5 || got > x.at+5) {
					t.Errorf("channel %d: frame %d is at %v ms, want %v", ch, x.frame, got, x.at)
				}
			}
		}
		if sum.SHA256 != shaOf(d.data) || sum.Octets != int64(len(d.data)) {
			t.Errorf("%+v of %d octets", sum, len(d.data))
		}
	})
}

func TestNothingIsTakenAfterTheMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		r := d.on(t, Options{Most: 3 * time.Second})
		clocked(r.Sink(0), 0, 1, 500)
		if p := r.Position(); p != 3*time.Second {
			t.Errorf("position %v", p)
		}
		if sum := closed(t, r); sum.Long != 3*time.Second || sum.Lost != 0 {
			t.Errorf("%+v", sum)
		}
	})
}

func TestAStuckDiskDelaysNobodyAndIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []error
		d := &disk{}
		r := d.on(t, Options{Channels: 2, Fault: func(err error) { told = append(told, err) }})
		sinks := [2]media.Sink{r.Sink(0), r.Sink(1)}
		began := time.Now()
		f := make(media.Frame, 160)
		gate := make(chan struct{})
		for i := range 50 * 120 {
			switch i {
			case 50 * 10:
				d.mu.Lock()
				d.gate = gate
				d.mu.Unlock()
			case 50 * 80:
				d.mu.Lock()
				d.gate = nil
				d.mu.Unlock()
				close(gate)
			}
			for j := range f {
				f[j] = int16(i)
			}
			sinks[0].Write(f)
			sinks[1].Write(f)
			time.Sleep(20 * time.Millisecond)
		}
		if took := time.Since(began); took != 2*time.Minute {
			t.Errorf("it took %v", took)
		}
		sum := closed(t, r)
		if len(told) != 2 || !errors.Is(told[0], errStuck) || told[1] != nil {
			t.Errorf("told %v", told)
		}
		if sum.Lost < 38*time.Second || sum.Lost > 41*time.Second || sum.Long != 2*time.Minute {
			t.Errorf("%+v", sum)
		}
		for ch, samples := range sounds(t, d.data) {
			for _, frame := range []int16{1, 499, 500, 1900, 4100, 5999} {
				if got := at(samples, frame); got != float64(frame)*20 {
					t.Errorf("channel %d: frame %d is at %v ms", ch, frame, got)
				}
			}
			if v := samples[8000*60]; v != 0 {
				t.Errorf("channel %d: %d where nothing could be written", ch, v)
			}
		}
	})
}

func TestAFullDiskIsToldAndGoesOn(t *testing.T) {
	full := errors.New("no space")
	for _, format := range []Format{WAV} {
		t.Run(format.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told []error
				d := &disk{}
				r := d.on(t, Options{Format: format, Fault: func(err error) { told = append(told, err) }})
				clocked(r.Sink(0), 0, 1, 500)
				d.break_(full)
				clocked(r.Sink(0), 0, 501, 5000)
				d.break_(nil)
				clocked(r.Sink(0), 0, 5501, 500)
				sum := closed(t, r)
				if len(told) != 2 || !errors.Is(told[0], full) || told[1] != nil {
					t.Errorf("told %v", told)
				}
				if sum.Long != 2*time.Minute || sum.Lost < 68*time.Second || sum.Lost > 72*time.Second || sum.SHA256 != shaOf(d.data) {
					t.Errorf("%+v", sum)
				}
				samples := sounds(t, d.data)[0]
				for _, frame := range []int16{1, 500, 1990, 5600, 6000} {
					if got := at(samples, frame); got != float64(frame-1)*20 {
						t.Errorf("frame %d is at %v ms", frame, got)
					}
				}
			})
		})
	}
}

func TestADiskThatFailsToTheEndIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("no space")
		d := &disk{}
		r := d.on(t, Options{})
		clocked(r.Sink(0), 0, 1, 100)
		d.break_(full)
		clocked(r.Sink(0), 0, 101, 100)
		sum, err := r.Close()
		if !errors.Is(err, full) || !d.closed {
			t.Errorf("close: %v, closed %v", err, d.closed)
		}
		if sum.Long < time.Second || sum.Long > 2*time.Second || sum.Long+sum.Lost != 4*time.Second {
			t.Errorf("%+v", sum)
		}
	})
}

func TestAFileThatCantBeMadeIsTold(t *testing.T) {
	r, err := Create(Options{Path: filepath.Join(t.TempDir(), "no", "such", "folder.wav")})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Await(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("await: %v", err)
	}
	say(t, r.Sink(0), 10)
	if sum, err := r.Close(); !errors.Is(err, os.ErrNotExist) || sum.Long != 0 || sum.Lost != 200*time.Millisecond {
		t.Errorf("close: %+v, %v", sum, err)
	}
}

func TestOverwrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.wav")
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Create(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	closed(t, r)
	if data, err := os.ReadFile(path); err != nil || len(data) != start {
		t.Errorf("%v, %d octets", err, len(data))
	}
}

// A file whose head says less than there is, and that ends within a sample, is mended on the disk and for who opens it.
func TestATornFileIsFinished(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.wav")
	torn := append(header(2, 16000, 400), bytes.Repeat([]byte{1, 2, 3, 4}, 1000)...)
	torn = append(torn, 5, 6, 7)
	if err := os.WriteFile(path, torn, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Open(bytes.NewReader(torn), int64(len(torn)))
	if err != nil || !p.Torn() {
		t.Fatalf("%v, torn %v", err, p.Torn())
	}
	plain, err := io.ReadAll(p)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing to be done
		sum, err := Finish(path)
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(data, plain) || len(data) != start+4000 {
			t.Fatalf("%v, %d octets", err, len(data))
		}
		if want := (Summary{Long: 62500 * time.Microsecond, Octets: start + 4000, SHA256: shaOf(data)}); sum != want {
			t.Errorf("%+v, want %+v", sum, want)
		}
		sounds(t, data)
		if p, err := Open(bytes.NewReader(data), int64(len(data))); err != nil || p.Torn() {
			t.Errorf("%v, torn %v", err, p.Torn())
		}
	}
}
