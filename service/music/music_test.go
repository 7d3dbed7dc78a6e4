package music

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"santral/call"
	"santral/media"
	"santral/tenant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// put writes a WAV file in which each sample says where it is: seconds of sound whose level is step.
func put(t *testing.T, path string, rate int, long time.Duration, level int16) {
	t.Helper()
	n := int(long * time.Duration(rate) / time.Second)
	b := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00")
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(2*rate))
	b = append(b, "\x02\x00\x10\x00data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(2*n))
	for i := range n {
		b = binary.LittleEndian.AppendUint16(b, uint16(level+int16(i%1000)))
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// house makes a service of one tenant with these tunes, and what it logs.
func house(tunes ...tenant.Tune) (*Service, *bytes.Buffer) {
	snapshot := tenant.NewSnapshot(1, []*tenant.Tenant{
		{ID: "acme", Music: tunes, Accounts: []tenant.Account{{Tenant: "acme", Number: "101"}, {Tenant: "acme", Number: "102", Music: "two"}, {Tenant: "acme", Number: "103", Music: "none"}}},
		{ID: "other"},
	})
	var log bytes.Buffer
	return New(Config{Snapshot: func() *tenant.Snapshot { return snapshot }, Log: slog.New(slog.NewTextHandler(&log, nil)), Seed: 7}), &log
}

// hear reads a source for a time, which passes.
func hear(t *testing.T, src media.Source, rate int, long time.Duration) []int16 {
	t.Helper()
	if src == nil {
		t.Fatal("there is no music")
	}
	if a := src.(media.Adjustable); !a.SetRate(rate) {
		t.Fatalf("no music at %d Hz", rate)
	}
	var all []int16
	f := make(media.Frame, rate/50)
	for range long / (20 * time.Millisecond) {
		if n, err := src.Read(f); n != len(f) || err != nil {
			t.Fatalf("%d samples, %v", n, err)
		}
		all = append(all, f...)
		time.Sleep(20 * time.Millisecond)
	}
	return all
}

// Everyone hears a stream where it is, whenever they come, and it goes on while nobody listens.
func TestEveryoneHearsItGoOn(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "a.wav"), 8000, 3*time.Second, 1000)
	put(t, filepath.Join(dir, "b.wav"), 8000, 2*time.Second, 4000)
	put(t, filepath.Join(dir, "c.wav"), 8000, 2*time.Second, 7000)
	for _, shuffle := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s, log := house(tenant.Tune{Name: "default", Play: dir, Shuffle: shuffle})
			s.Load(context.Background())
			if log.Len() > 0 {
				t.Errorf("logged: %s", log)
			}
			first := s.Music("acme", "")
			whole := hear(t, first, 8000, 40*time.Second) // over more than five rounds
			rise := 8000 * int(riseTime/time.Millisecond) / 1000
			if !shuffle {
				for i, v := range whole[rise:] {
					i += rise
					at := i % 56000
					want := 1000 + at%1000
					switch {
					case at >= 40000:
						want = 7000 + (at-40000)%1000
					case at >= 24000:
						want = 4000 + (at-24000)%1000
					}
					if int(v) != want {
						t.Fatalf("sample %d is %d, want %d", i, v, want)
					}
				}
			}
			time.Sleep(13 * time.Second)
			// The one who was away and one who comes new hear the same, of the place where it is now.
			a, b := s.Music("acme", ""), first
			both := [2]media.Frame{make(media.Frame, 160), make(media.Frame, 160)}
			a.(media.Adjustable).SetRate(8000)
			var orders []string
			for i := range 1000 {
				for k, src := range []media.Source{a, b} {
					if _, err := src.Read(both[k]); err != nil {
						t.Fatal(err)
					}
				}
				if !slices.Equal(both[0], both[1]) {
					t.Fatalf("frame %d: two hear unlike things: %v, %v", i, both[0][:5], both[1][:5])
				}
				if i > 2 {
					now := fmt.Sprint(both[0][0] / 1000 / 3)
					if n := len(orders); n == 0 || orders[n-1] != now {
						orders = append(orders, now)
					}
				}
				time.Sleep(20 * time.Millisecond)
			}
			if len(orders) < 8 {
				t.Errorf("in 20 s it went through %v", orders)
			}
		})
	}
}

// A listener who comes later is where the clock says, to a frame.
func TestPlaceByTheClock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.wav")
	put(t, path, 16000, 5*time.Second, 1000)
	synctest.Test(t, func(t *testing.T) {
		s, _ := house(tenant.Tune{Name: "default", Play: path})
		s.Load(context.Background())
		for _, after := range []time.Duration{0, 1234 * time.Millisecond, 5 * time.Second, time.Hour} {
			time.Sleep(after)
			at := int(time.Since(s.began) % (5 * time.Second) * 16000 / time.Second)
			got := hear(t, s.Music("acme", ""), 16000, 200*time.Millisecond)
			rise := 16000 * int(riseTime/time.Millisecond) / 1000
			for i, v := range got[rise:] {
				if want := 1000 + (at+rise+i)%80000%1000; int(v) != want {
					t.Fatalf("after %v sample %d is %d, want %d", time.Since(s.began), i, v, want)
				}
			}
			for i := range rise {
				if int(got[i]) > 2000*(i+1)/rise {
					t.Fatalf("it does not come up: sample %d is %d", i, got[i])
				}
			}
		}
	})
}

// Who hears what: a tune by its name, an account's, a tenant's, the built-in loop, silence.
func TestWhichMusic(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "one.wav"), 8000, 2*time.Second, 3000)
	put(t, filepath.Join(dir, "two.wav"), 8000, 2*time.Second, 6000)
	synctest.Test(t, func(t *testing.T) {
		s, _ := house(tenant.Tune{Name: "default", Play: filepath.Join(dir, "one.wav")}, tenant.Tune{Name: "two", Play: filepath.Join(dir, "two.wav")})
		kind := func(src media.Source) string {
			if src == nil {
				return "silence"
			}
			got := hear(t, src, 8000, 100*time.Millisecond)
			switch v := got[len(got)-1] / 1000; {
			case v == 3:
				return "one"
			case v == 6:
				return "two"
			}
			return "builtin"
		}
		if got := kind(s.Music("acme", "")); got != "builtin" {
			t.Errorf("before anything was read: %s", got)
		}
		s.Load(context.Background())
		for name, want := range map[string]string{"": "one", "two": "two", "absent": "one", "builtin": "builtin", "none": "silence"} {
			if got := kind(s.Music("acme", name)); got != want {
				t.Errorf("music %q is %s, want %s", name, got, want)
			}
		}
		if got := kind(s.Music("other", "")); got != "builtin" {
			t.Errorf("a tenant that says nothing has %s", got)
		}
		if got := kind(s.Music("absent", "")); got != "silence" {
			t.Errorf("a tenant that is not there has %s", got)
		}
		for _, c := range []struct {
			holder call.Party
			want   string
		}{
			{call.Party{Tenant: "acme", Account: "101"}, "one"}, {call.Party{Tenant: "acme", Account: "102"}, "two"}, {call.Party{Tenant: "acme", Account: "103"}, "silence"},
			{call.Party{Tenant: "acme", Trunk: "carrier"}, "silence"}, {call.Party{Tenant: "other", Account: "101"}, "builtin"},
		} {
			if got := kind(s.OnHold(c.holder)); got != c.want {
				t.Errorf("held by %s%s of %s one hears %s, want %s", c.holder.Account, c.holder.Trunk, c.holder.Tenant, got, c.want)
			}
		}
	})
}

// A reload reads what has changed and nothing else, and a stream goes on over it.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "a.wav"), 8000, 2*time.Second, 3000)
	s, log := house(tenant.Tune{Name: "default", Play: dir})
	s.Load(context.Background())
	was := (*s.streams.Load())[name{"acme", "default"}].tracks
	put(t, filepath.Join(dir, "b.wav"), 8000, 2*time.Second, 6000)
	if err := os.WriteFile(filepath.Join(dir, ".hidden"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.Load(context.Background())
	is := (*s.streams.Load())[name{"acme", "default"}].tracks
	if len(was) != 1 || len(is) != 2 || is[0].sound != was[0].sound || log.Len() > 0 {
		t.Errorf("%d tracks, then %d; logged: %s", len(was), len(is), log)
	}
	if err := os.Remove(filepath.Join(dir, "a.wav")); err != nil {
		t.Fatal(err)
	}
	s.Load(context.Background())
	if is = (*s.streams.Load())[name{"acme", "default"}].tracks; len(is) != 1 || len(s.shelf.files) != 1 {
		t.Errorf("%d tracks of %d files are kept", len(is), len(s.shelf.files))
	}
}

// What can't be read is named, and the rest is heard.
func TestBadFiles(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "good.wav"), 8000, 2*time.Second, 3000)
	put(t, filepath.Join(dir, "empty.wav"), 8000, 0, 0)
	for name, text := range map[string]string{"bad.wav": "RIFF no", "cover.jpg": "\xff\xd8\xff"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	short := filepath.Join(dir, "folder", "short.wav")
	put(t, short, 8000, time.Second/2, 0)
	tunes := []tenant.Tune{{Name: "default", Play: dir}, {Name: "absent", Play: filepath.Join(dir, "absent")}, {Name: "short", Play: short}, {Name: "a", Play: "builtin"}}
	s, log := house(tunes...)
	s.Load(context.Background())
	if tracks := (*s.streams.Load())[name{"acme", "default"}].tracks; len(tracks) != 1 {
		t.Errorf("%d tracks", len(tracks))
	}
	var said []string
	for _, f := range Check(context.Background(), []*tenant.Tenant{{ID: "acme", Music: tunes}}) {
		said = append(said, f.Error())
	}
	for _, want := range []string{"bad.wav", "cover.jpg", "empty.wav: no sound in it", "absent", "short.wav: shorter than a second"} {
		if !strings.Contains(log.String(), want) || !strings.Contains(strings.Join(said, "\n"), want) {
			t.Errorf("%s is not named in\n%s\nnor\n%s", want, log, strings.Join(said, "\n"))
		}
	}
	if len(said) != 5 {
		t.Errorf("%d faults: %s", len(said), strings.Join(said, "\n"))
	}
}

// Tunes take no more memory than they may.
func TestBounded(t *testing.T) {
	dir := t.TempDir()
	for i := range 5 {
		put(t, filepath.Join(dir, fmt.Sprint(i, ".wav")), 48000, 10*time.Second, 0)
	}
	s := newShelf(3 * (3 * mostRate * 10) * 11 / 10) // room for three at 16 kHz
	s.begin()
	tracks, faults := s.read(context.Background(), dir)
	if len(tracks) != 3 || len(faults) != 2 || !strings.Contains(faults[0].Error(), "minutes are the most") {
		t.Errorf("%d tracks, %v", len(tracks), faults)
	}
	for _, tr := range tracks {
		if tr.sound.Rate() != mostRate {
			t.Errorf("%s is kept at %d Hz", tr.path, tr.sound.Rate())
		}
	}
}

// MP3 files and their like are taken by ffmpeg.
func TestConverted(t *testing.T) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed")
	}
	path := filepath.Join(t.TempDir(), "x.mp3")
	if out, err := exec.Command(ffmpeg, "-v", "error", "-f", "lavfi", "-i", "sine=440:duration=2", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s, log := house(tenant.Tune{Name: "default", Play: path})
	s.Load(context.Background())
	if st := (*s.streams.Load())[name{"acme", "default"}]; st == nil || st.total < 2*time.Second || st.tracks[0].sound.Rate() != mostRate {
		t.Errorf("%+v; logged: %s", st, log)
	}
}

// The built-in loop is half a minute, quiet, never silent for long, without clicks, and has no seam.
func TestBuiltin(t *testing.T) {
	s := builtin()
	x := s.Samples()
	if s.Duration() < 25*time.Second || s.Duration() > 35*time.Second {
		t.Errorf("it plays %v", s.Duration())
	}
	var sum float64
	most, steepest := 0, 0
	for i, v := range x {
		sum += float64(v) * float64(v)
		most = max(most, int(v), -int(v))
		d := int(v) - int(x[(i+len(x)-1)%len(x)])
		steepest = max(steepest, d, -d)
	}
	level := 10 * math.Log10(sum/float64(len(x))/(32768*32768))
	if level < -40 || level > -28 || most > loudness+1 {
		t.Errorf("it is loud by %.1f dB, at most %d", level, most)
	}
	if d := int(x[0]) - int(x[len(x)-1]); steepest > 1200 || max(d, -d) > steepest/2 {
		t.Errorf("a step of %d; %d at the seam", steepest, d)
	}
	for at := 0; at+mostRate <= len(x); at += mostRate {
		sum = 0
		for _, v := range x[at : at+mostRate] {
			sum += float64(v) * float64(v)
		}
		if db := 10 * math.Log10(sum/mostRate/(32768*32768)); db < -55 {
			t.Errorf("second %d is silent: %.1f dB", at/mostRate, db)
		}
	}
	if again := builtin(); again != s {
		t.Error("it is made twice")
	}
}

// Listening costs next to nothing, and no memory but a place.
func TestListeningAllocatesNothing(t *testing.T) {
	s, _ := house()
	src := s.Music("acme", "").(*listener)
	src.SetRate(8000)
	f := make(media.Frame, 160)
	for range 10 {
		_, _ = src.Read(f)
	}
	if n := testing.AllocsPerRun(200, func() { _, _ = src.Read(f) }); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func BenchmarkListen(b *testing.B) {
	s, _ := house()
	src := s.Music("acme", "").(*listener)
	src.SetRate(8000)
	f := make(media.Frame, 160)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = src.Read(f)
	}
}
