package tone

import (
	"errors"
	"io"
	"math"
	"testing"
	"time"

	"santral/media"
)

// play reads n samples in frames of 20 ms.
func play(t *testing.T, s media.Source, n int) []int16 {
	t.Helper()
	var all []int16
	f := make(media.Frame, 160)
	for len(all) < n {
		k, err := s.Read(f)
		all = append(all, f[:k]...)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || k != len(f) {
			t.Fatalf("read %d, %v", k, err)
		}
	}
	return all[:min(n, len(all))]
}

// runs gives the lengths of sound and silence, beginning with sound. A sine rests at zero for one
// or two samples now and then, which is no silence.
func runs(samples []int16) []int {
	var out []int
	sound := true
	begin := 0
	for i := 0; i < len(samples); {
		if samples[i] != 0 {
			if !sound {
				out = append(out, i-begin)
				begin, sound = i, true
			}
			i++
			continue
		}
		j := i
		for j < len(samples) && samples[j] == 0 {
			j++
		}
		if j-i > 8 && sound {
			out = append(out, i-begin)
			begin, sound = i, false
		}
		i = j
	}
	return append(out, len(samples)-begin)
}

// The cadences of ITU-T E.180 Supplement 2, to the sample (one sample at each edge is a zero of the
// sine itself).
func TestCadences(t *testing.T) {
	for name, c := range map[string]struct {
		tone Tone
		want []int // samples of sound and silence
	}{
		"dial":       {Dial(), []int{32000}},
		"ringback":   {Ringback(), []int{8000, 32000, 8000, 32000}},
		"busy":       {Busy(), []int{4000, 4000, 4000, 4000, 4000, 4000}},
		"congestion": {Congestion(), []int{2000, 2000, 2000, 2000}},
		"two keys":   {Digits("1#", 100*time.Millisecond, 60*time.Millisecond), []int{800, 480, 800, 480}},
	} {
		total := 0
		for _, n := range c.want {
			total += n
		}
		got := runs(play(t, c.tone.Play(), total))
		if len(got) != len(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
			continue
		}
		for i := range got {
			if d := got[i] - c.want[i]; d < -2 || d > 2 {
				t.Errorf("%s: run %d is %d samples, want %d", name, i, got[i], c.want[i])
			}
		}
	}
}

// power of one frequency in dBm0, by Goertzel's way over whole seconds.
func power(samples []int16, hz float64) float64 {
	var re, im float64
	for i, s := range samples {
		x := 2 * math.Pi * hz * float64(i) / Rate
		re += float64(s) * math.Cos(x)
		im += float64(s) * math.Sin(x)
	}
	top := 2 * math.Hypot(re, im) / float64(len(samples))
	return 20*math.Log10(top/32768+1e-12) + 3.14
}

func TestFrequencyAndLevel(t *testing.T) {
	s := play(t, Dial().Play(), 8000)
	if db := power(s, 425); math.Abs(db+10) > 0.1 {
		t.Errorf("425 Hz at %.2f dBm0", db)
	}
	var all, rest float64
	for i, v := range s {
		want := float64(Amplitude(-10)) * math.Sin(2*math.Pi*425*float64(i)/Rate)
		all += want * want
		rest += (float64(v) - want) * (float64(v) - want)
	}
	if db := 10 * math.Log10(rest/all); db > -75 {
		t.Errorf("distortion of %.1f dB", db)
	}
	if db := power(play(t, Milliwatt().Play(), 8000), 1004); math.Abs(db) > 0.05 {
		t.Errorf("the milliwatt is %.2f dBm0", db)
	}
	loud := play(t, Tone{Parts: []Part{{Hz: [2]float64{697, 1209}, DBm0: [2]float64{6, 6}, For: time.Second}}}.Play(), 8000)
	for i, v := range loud { // both at full scale: cut off, never wrapped
		x := 2 * math.Pi * float64(i) / Rate
		want := min(max(32767*(math.Sin(697*x)+math.Sin(1209*x)), -32768), 32767)
		if math.Abs(want-float64(v)) > 8 {
			t.Fatalf("sample %d is %d, want %.0f", i, v, want)
		}
	}
}

func TestKeys(t *testing.T) {
	for _, key := range []byte("0123456789*#ABCD") {
		low, high, ok := Frequencies(key)
		if !ok {
			t.Fatalf("%c has no frequencies", key)
		}
		s := play(t, Digits(string(key), time.Second, 0).Play(), 8000)
		if l, h := power(s, low), power(s, high); math.Abs(l+9) > 0.1 || math.Abs(h+7) > 0.1 {
			t.Errorf("%c: %.2f and %.2f dBm0", key, l, h)
		}
	}
	if low, high, _ := Frequencies('6'); low != 770 || high != 1477 {
		t.Errorf("6 is %v and %v Hz", low, high)
	}
	if _, _, ok := Frequencies('x'); ok {
		t.Error("x is a key")
	}
}

func TestEnds(t *testing.T) {
	s := Digits("1x2", 100*time.Millisecond, 50*time.Millisecond).Play()
	if got := play(t, s, 1<<20); len(got) != 3*1200 {
		t.Errorf("%d samples, want %d", len(got), 3*1200)
	}
	f := make(media.Frame, 160)
	for range 2 {
		if n, err := s.Read(f); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("after the end: %d, %v", n, err)
		}
	}
	for name, tone := range map[string]Tone{
		"nothing":            {},
		"nothing, repeated":  {Repeat: true},
		"no time, repeated":  {Parts: []Part{{Hz: [2]float64{425}}}, Repeat: true},
		"less than a sample": {Parts: []Part{{Hz: [2]float64{425}, For: time.Nanosecond}}, Repeat: true},
	} {
		if n, err := tone.Play().Read(f); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
	if n, err := (Tone{Parts: []Part{{Hz: [2]float64{5000}, For: time.Second}}}).Play().Read(f); n != 160 || err != nil || f[80] != 0 {
		t.Errorf("what cannot be sampled is not silent: %d, %v", n, err)
	}
	if got := (Busy()).Duration(); got != time.Second {
		t.Errorf("busy lasts %v", got)
	}
}

func TestPlayAllocatesNothing(t *testing.T) {
	s := Ringback().Play()
	f := make(media.Frame, 160)
	if n := testing.AllocsPerRun(1000, func() { _, _ = s.Read(f) }); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func BenchmarkFrame(b *testing.B) {
	for name, t := range map[string]Tone{"one": Dial(), "two": {Parts: Digits("5", time.Second, 0).Parts, Repeat: true}, "silence": {Parts: []Part{{For: time.Second}}, Repeat: true}} {
		b.Run(name, func(b *testing.B) {
			s := t.Play()
			f := make(media.Frame, 160)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Read(f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
