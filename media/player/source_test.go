package player

import (
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"santral/media"
	"santral/media/codec"
	"santral/media/pcm"
)

// tone is a sine of half the full level.
func tone(hz float64, rate int, long time.Duration) []int16 {
	x := make([]int16, samplesIn(long, rate))
	for i := range x {
		x[i] = int16(math.Round(16000 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate))))
	}
	return x
}

// heard reads a source to its end, or for at most long, at a rate and in frames of 20 ms.
func heard(t testing.TB, src *Source, rate int, long time.Duration) []int16 {
	t.Helper()
	if !src.SetRate(rate) {
		t.Fatalf("no sound at %d Hz", rate)
	}
	var all []int16
	f := make(media.Frame, rate/50)
	for most := samplesIn(long, rate); len(all) < most; {
		n, err := src.Read(f)
		all = append(all, f[:n]...)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			break
		}
		if n != len(f) {
			t.Fatalf("%d of %d samples, and no end", n, len(f))
		}
	}
	return all
}

// off is how far what was heard is from what was wanted, in dB of that.
func off(got, want []int16) float64 {
	var signal, noise float64
	for i, v := range want {
		d := float64(v)
		if i < len(got) {
			d -= float64(got[i])
		}
		signal += float64(v) * float64(v)
		noise += d * d
	}
	return 10 * math.Log10(noise/signal+1e-12)
}

// frequency is what a sound's pitch is, by its zero crossings upwards.
func frequency(x []int16, rate int) float64 {
	first, last, n := -1.0, 0.0, 0
	for i := 1; i < len(x); i++ {
		if x[i-1] < 0 && x[i] >= 0 {
			at := float64(i) - float64(x[i])/float64(int(x[i])-int(x[i-1]))
			if first < 0 {
				first = at
			}
			last = at
			n++
		}
	}
	return float64(n-1) / (last - first) * float64(rate)
}

// steepest is the largest step from one sample to the next.
func steepest(x []int16) (most, at int) {
	for i := 1; i < len(x); i++ {
		if d := int(x[i]) - int(x[i-1]); max(d, -d) > most {
			most, at = max(d, -d), i
		}
	}
	return most, at
}

// At its own rate a sound is its samples; at every other it is what a resampler of the whole makes of it, whichever
// part is asked for first.
func TestRates(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, own := range []int{8000, 11025, 16000, 22050, 44100, 48000} {
		samples := make([]int16, own*2+77)
		for i := range samples {
			samples[i] = int16(rnd.IntN(20000) - 10000)
		}
		s := New(samples, own)
		if got := heard(t, s.Play(), own, time.Minute); !slices.Equal(got, samples) {
			t.Errorf("%d Hz: played at its own rate it is another sound", own)
		}
		for _, rate := range voiceRates {
			want := samples
			if rate != own {
				want = pcm.Resample(samples, own, rate)
			}
			p := s.Play()
			p.SetRate(rate)
			p.Seek(1500 * time.Millisecond)
			if got := heard(t, p, rate, time.Minute); !slices.Equal(got, want[rate*3/2:]) {
				t.Errorf("%d Hz at %d: the last half second is another sound", own, rate)
			}
			if got := heard(t, s.Play(), rate, time.Minute); !slices.Equal(got, want) {
				t.Errorf("%d Hz at %d: another sound", own, rate)
			}
			if got := s.At(rate); got.Rate() != rate || !slices.Equal(got.Samples(), want) {
				t.Errorf("%d Hz brought to %d: another sound", own, rate)
			}
		}
		if p := s.Play(); p.SetRate(12345) || p.Rate() != own {
			t.Errorf("%d Hz: there is sound at 12345", own)
		}
	}
}

// A rate that changes while it plays changes nothing else.
func TestRateChanges(t *testing.T) {
	p := New(tone(500, 48000, 2*time.Second), 48000).Play()
	x := heard(t, p, 8000, 500*time.Millisecond)
	y := heard(t, p, 16000, 500*time.Millisecond)
	z := heard(t, p, 48000, 10*time.Second)
	if at := p.Position(); at != 2*time.Second {
		t.Errorf("ends at %v", at)
	}
	for rate, pair := range map[int][2][]int16{8000: {x, tone(500, 8000, 500*time.Millisecond)}, 16000: {y, tone(500, 16000, time.Second)[8000:]}, 48000: {z, tone(500, 48000, 2*time.Second)[48000:]}} {
		got, want := pair[0], pair[1]
		n := len(want) - rate/100
		if len(got) != len(want) || off(got[rate/100:n], want[rate/100:n]) > -50 {
			t.Errorf("%d Hz: %d samples of %d, off by %.1f dB", rate, len(got), len(want), off(got, want))
		}
	}
}

// Sounds follow each other without a gap, a lost or a doubled sample, or a click: a tone that was cut into pieces is the
// tone again, at the rate of the pieces and at every other.
func TestSequence(t *testing.T) {
	for _, rates := range [][3]int{{8000, 8000, 8000}, {16000, 16000, 16000}, {48000, 48000, 48000}, {8000, 16000, 48000}, {48000, 8000, 16000}, {16000, 44100, 8000}} {
		cuts := []time.Duration{0, 330 * time.Millisecond, 710 * time.Millisecond, time.Second}
		var parts []Part
		for i, rate := range rates {
			whole := tone(441, rate, time.Second)
			parts = append(parts, New(whole[samplesIn(cuts[i], rate):samplesIn(cuts[i+1], rate)], rate))
		}
		for _, rate := range voiceRates {
			want := tone(441, rate, time.Second)
			got := heard(t, Sequence(parts...), rate, time.Minute)
			if len(got) != len(want) {
				t.Errorf("%v at %d: %d samples, want %d", rates, rate, len(got), len(want))
				continue
			}
			edge := rate / 100
			if db := off(got[edge:len(got)-edge], want[edge:len(want)-edge]); db > -45 {
				t.Errorf("%v at %d: off by %.1f dB", rates, rate, db)
			}
			w, _ := steepest(want)
			if g, at := steepest(got[edge : len(got)-edge]); g > w*13/10 {
				t.Errorf("%v at %d: a step of %d at %d, the tone's are up to %d", rates, rate, g, at+edge, w)
			}
			if rates[0] == rate && rates[1] == rate && rates[2] == rate && !slices.Equal(got, want) {
				t.Errorf("%v at %d: not the same samples", rates, rate)
			}
		}
	}
	p := Sequence(New([]int16{1, 2, 3}, 8000), Silence(250*time.Microsecond), New(nil, 8000), New([]int16{4, 5}, 8000))
	if got := heard(t, p, 8000, time.Minute); !slices.Equal(got, []int16{1, 2, 3, 0, 0, 4, 5}) {
		t.Errorf("with a silence between: %v", got)
	}
	if p.Duration() != 875*time.Microsecond || p.Position() != p.Duration() {
		t.Errorf("plays %v, ends at %v", p.Duration(), p.Position())
	}
	for name, p := range map[string]*Source{"nothing": Sequence(), "nothing, looped": Playlist{Loop: true}.Play(), "empty, looped": Playlist{Parts: []Part{Silence(0), New(nil, 16000)}, Loop: true}.Play()} {
		if n, err := p.Read(make(media.Frame, 160)); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
}

// A loop goes on without a click, at any rate.
func TestLoop(t *testing.T) {
	period := New(tone(400, 16000, 300*time.Millisecond), 16000)
	for _, rate := range voiceRates {
		p := period.Loop()
		got := heard(t, p, rate, 2*time.Second)
		want := tone(400, rate, 2*time.Second)
		if db := off(got[rate/100:], want[rate/100:]); len(got) != len(want) || db > -45 {
			t.Errorf("%d Hz: %d samples, off by %.1f dB", rate, len(got), db)
		}
		if at := p.Position(); at != 200*time.Millisecond {
			t.Errorf("%d Hz: at %v", rate, at)
		}
	}
}

type chance struct{ *rand.Rand }

// A shuffled list plays all of it in each round, in orders that differ.
func TestShuffle(t *testing.T) {
	var parts []Part
	for i := range 20 {
		parts = append(parts, New([]int16{int16(i), int16(i)}, 8000))
	}
	p := Playlist{Parts: parts, Loop: true, Shuffle: chance{rand.New(rand.NewPCG(1, 1))}}.Play()
	var rounds [3][]int16
	f := make(media.Frame, 40)
	for i := range rounds {
		if n, err := p.Read(f); n != 40 || err != nil {
			t.Fatal(n, err)
		}
		for j := 0; j < 40; j += 2 {
			if f[j] != f[j+1] {
				t.Fatalf("round %d: a sound is cut: %v", i, f)
			}
			rounds[i] = append(rounds[i], f[j])
		}
		if sorted := slices.Sorted(slices.Values(rounds[i])); sorted[0] != 0 || len(slices.Compact(sorted)) != 20 {
			t.Errorf("round %d: %v", i, rounds[i])
		}
	}
	if slices.Equal(rounds[0], rounds[1]) || slices.Equal(rounds[1], rounds[2]) {
		t.Errorf("rounds alike: %v", rounds)
	}
}

// What is heard after Seek is what is there, to the sample, once the sound before has faded away.
func TestSeek(t *testing.T) {
	samples := tone(333, 16000, 3*time.Second)
	fade := samplesIn(fadeTime, 16000)
	for _, to := range []time.Duration{0, 1, 100 * time.Millisecond, 1234567 * time.Microsecond, 2999 * time.Millisecond} {
		for _, pieces := range []int{1, 3} {
			var parts []Part
			for i := range pieces {
				parts = append(parts, New(samples[i*len(samples)/pieces:(i+1)*len(samples)/pieces], 16000))
			}
			p := Sequence(parts...)
			heard(t, p, 16000, 400*time.Millisecond)
			p.Seek(to)
			at := samplesIn(to, 16000)
			if d := p.Position() - lasts(at, 16000); d != 0 {
				t.Errorf("sought %v: off by %v", to, d)
			}
			got := heard(t, p, 16000, time.Minute)
			if want := samples[at:]; len(want) > fade && (len(got) != len(want) || !slices.Equal(got[fade:], want[fade:])) {
				t.Errorf("sought %v in %d pieces: another sound", to, pieces)
			}
			if g, _ := steepest(got); g > 4200 {
				t.Errorf("sought %v: a click of %d", to, g)
			}
		}
	}
	p := New(samples, 16000).Play()
	p.Seek(time.Second)
	if got := heard(t, p, 16000, time.Minute); !slices.Equal(got, samples[16000:]) {
		t.Error("sought before it began: another sound")
	}
	p.Seek(time.Hour)
	if n, err := p.Read(make(media.Frame, 320)); n > fade || !errors.Is(err, io.EOF) {
		t.Errorf("sought behind the end: %d, %v", n, err)
	}
	p.Seek(2 * time.Second)
	if got := heard(t, p, 16000, time.Minute); len(got) != 16000 {
		t.Errorf("sought back from the end: %d samples", len(got))
	}
	l := New(samples, 16000).Loop()
	l.Seek(time.Hour)
	if got := heard(t, l, 16000, time.Second); !slices.Equal(got, samples[:16000]) {
		t.Error("a loop that was sought behind its end does not begin again")
	}
}

func TestSkip(t *testing.T) {
	p := Sequence(New(tone(300, 8000, time.Second), 8000), Silence(time.Second), New(tone(500, 8000, time.Second), 8000))
	heard(t, p, 8000, 100*time.Millisecond)
	for _, c := range []struct {
		by int
		at time.Duration
	}{{1, time.Second}, {1, 2 * time.Second}, {-2, 0}, {0, 0}, {-5, 0}, {2, 2 * time.Second}, {0, 2 * time.Second}, {1, 3 * time.Second}} {
		if p.Skip(c.by); p.Position() != c.at {
			t.Errorf("skipped by %d: at %v, want %v", c.by, p.Position(), c.at)
		}
	}
}

// A pause is silence, and what comes after it is what would have come.
func TestPause(t *testing.T) {
	samples := tone(333, 8000, time.Second)
	p := New(samples, 8000).Play()
	before := heard(t, p, 8000, 200*time.Millisecond)
	p.Pause(true)
	in := heard(t, p, 8000, 200*time.Millisecond)
	at := p.Position()
	p.Pause(false)
	after := heard(t, p, 8000, time.Minute)
	fade := samplesIn(fadeTime, 8000)
	if at != 200*time.Millisecond || !slices.Equal(before, samples[:1600]) || !slices.Equal(after[fade:], samples[1600+fade:]) {
		t.Errorf("paused at %v", at)
	}
	if slices.ContainsFunc(in[fade:], func(v int16) bool { return v != 0 }) {
		t.Error("a pause is heard")
	}
	all := slices.Concat(before, in, after)
	if g, at := steepest(all); g > 4400 {
		t.Errorf("a click of %d at %d", g, at)
	}
	q := New(samples, 8000).Play()
	q.Pause(true)
	q.Pause(false)
	if got := heard(t, q, 8000, time.Minute); !slices.Equal(got, samples) {
		t.Error("a pause of nothing changes the sound")
	}
}

// At another speed the pitch stays, the time is what it should be, and there are no clicks.
func TestSpeed(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		for _, hz := range []float64{200, 440, 997} {
			s := New(tone(hz, rate, 4*time.Second), rate)
			for _, speed := range []float64{0.5, 0.75, 1.25, 1.5, 2} {
				p := s.Play()
				p.Speed(speed)
				got := heard(t, p, rate, time.Minute)
				long := 4 * time.Second / time.Duration(1000*speed) * 1000
				if d := lasts(len(got), rate) - long; d.Abs() > 40*time.Millisecond {
					t.Errorf("%d Hz, %v Hz, speed %v: %v, want %v", rate, hz, speed, lasts(len(got), rate), long)
				}
				if f := frequency(got[rate/20:len(got)-rate/20], rate); math.Abs(f-hz) > hz/100 {
					t.Errorf("%d Hz, %v Hz, speed %v: a pitch of %.1f Hz", rate, hz, speed, f)
				}
				usual, _ := steepest(s.Samples())
				if g, at := steepest(got); g > usual*13/10 {
					t.Errorf("%d Hz, %v Hz, speed %v: a step of %d at %d, the tone's are up to %d", rate, hz, speed, g, at, usual)
				}
				if p.Position() != 4*time.Second {
					t.Errorf("speed %v ends at %v", speed, p.Position())
				}
			}
		}
	}
}

// The place goes on with the speed, and a speed that changes leaves no gap; back at its own the sound is its samples.
func TestSpeedChanges(t *testing.T) {
	samples := tone(250, 8000, 10*time.Second)
	p := New(samples, 8000).Play()
	var all []int16
	at := time.Duration(0)
	for _, speed := range []float64{1, 2, 0.5, 1, 1.5, 1} {
		p.Speed(speed)
		all = append(all, heard(t, p, 8000, time.Second)...)
		at += time.Duration(float64(time.Second) * speed)
		if d := (p.Position() - at).Abs(); d > 40*time.Millisecond {
			t.Errorf("after a second at speed %v: at %v, want about %v", speed, p.Position(), at)
		}
	}
	if g, at := steepest(all); g > 4000 {
		t.Errorf("a click of %d at %d", g, at)
	}
	p.Speed(2)
	p.Seek(9 * time.Second)
	p.Speed(1)
	heard(t, p, 8000, 100*time.Millisecond)
	from := samplesIn(p.Position(), 8000)
	if got := heard(t, p, 8000, time.Minute); !slices.Equal(got, samples[from:]) {
		t.Error("back at its own speed it is another sound")
	}
}

// Commands come from anywhere while a loop reads.
func TestCommandsWhileItPlays(t *testing.T) {
	s := PackedG722(make([]byte, 80000))
	p := Playlist{Parts: []Part{s, Silence(time.Second), s}, Loop: true}.Play()
	var group sync.WaitGroup
	done := make(chan struct{})
	for i := range 4 {
		group.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), 0))
			for {
				select {
				case <-done:
					return
				default:
				}
				switch rnd.IntN(6) {
				case 0:
					p.Seek(time.Duration(rnd.IntN(25)) * time.Second)
				case 1:
					p.Pause(rnd.IntN(4) == 0)
				case 2:
					p.Speed([]float64{0.5, 1, 1, 1.7, 2}[rnd.IntN(5)])
				case 3:
					p.Skip(rnd.IntN(3) - 1)
				case 4:
					if at := p.Position(); at < 0 || at > p.Duration() {
						t.Errorf("at %v", at)
					}
				case 5:
					p.Duration()
				}
			}
		})
	}
	for i := range 2000 {
		rate := voiceRates[i/100%2]
		if !p.SetRate(rate) {
			t.Error("no rate")
		}
		if n, err := p.Read(make(media.Frame, rate/50)); n != rate/50 || err != nil {
			t.Fatal(n, err)
		}
	}
	close(done)
	group.Wait()
}

// What is G.722 in a file is what the codec makes of it.
func TestPackedG722(t *testing.T) {
	c, _ := codec.Lookup(media.Format{Name: "G722", Rate: 8000})
	e, err := c.NewEncoder(c.Format, codec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sound := tone(700, 16000, 1100*time.Millisecond)
	s := PackedG722(e.Encode(nil, sound))
	if s.Duration() != 1100*time.Millisecond || s.Size() > 8800+256 {
		t.Errorf("packed it plays %v and takes %d octets", s.Duration(), s.Size())
	}
	got := heard(t, s.Play(), 16000, time.Minute)
	if db := off(got[1022:], sound[1000:len(sound)-22]); len(got) != len(sound) || db > -25 { // the filters are 22 samples late
		t.Errorf("%d samples, off by %.1f dB", len(got), db)
	}
	if &s.Samples()[0] != &s.Samples()[0] || s.Size() < int64(len(sound)*2) {
		t.Error("it is decoded again")
	}
}

// Nothing is allocated for a frame, at whatever speed.
func TestNoAllocations(t *testing.T) {
	s := New(tone(440, 16000, time.Second), 16000)
	for _, speed := range []float64{1, 1.3} {
		p := s.Loop()
		p.Speed(speed)
		f := make(media.Frame, 160)
		heard(t, p, 8000, 2*time.Second)
		if n := testing.AllocsPerRun(500, func() { _, _ = p.Read(f) }); n != 0 {
			t.Errorf("speed %v: %v allocations a frame", speed, n)
		}
	}
}

func BenchmarkFrameAtAnotherRate(b *testing.B) {
	p := New(make([]int16, 160000), 16000).Loop()
	p.SetRate(8000)
	f := make(media.Frame, 160)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Read(f); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFrameAtAnotherSpeed(b *testing.B) {
	p := New(tone(300, 8000, 10*time.Second), 8000).Loop()
	p.Speed(1.5)
	f := make(media.Frame, 160)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Read(f); err != nil {
			b.Fatal(err)
		}
	}
}
