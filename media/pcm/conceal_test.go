package pcm

import (
	"math"
	"math/rand/v2"
	"testing"

	"santral/media"
)

// voice is a tone of a pitch with harmonics that get weaker, as a vowel has them.
func voice(pitch float64, rate, n int) media.Frame {
	f := make(media.Frame, n)
	for i := range f {
		at := 2 * math.Pi * pitch * float64(i) / float64(rate)
		v := 0.0
		for h := 1.0; h*pitch < 3000; h++ {
			v += math.Sin(h*at+h*h) / h
		}
		f[i] = int16(5000 * v)
	}
	return f
}

func steepest(f media.Frame) (most int) {
	for i := 1; i < len(f); i++ {
		d := int(f[i]) - int(f[i-1])
		most = max(most, d, -d)
	}
	return most
}

// A vowel with 10 ms missing sounds as if nothing were, at every rate and pitch; longer gaps fade, have no
// click at either end, and are silent after 60 ms.
func TestConcealVowel(t *testing.T) {
	for _, rate := range []int{8000, 16000, 44100, 48000} {
		for _, pitch := range []float64{70, 95, 133, 190, 240, 390} {
			packet := rate / 100
			sound := voice(pitch, rate, 40*packet)
			steep := steepest(sound)
			for _, lost := range []int{1, 2, 4, 10} {
				c := NewConcealer(rate)
				got := append(media.Frame(nil), sound...)
				for i := 0; i < 40; i++ {
					piece := got[i*packet:][:packet]
					if i >= 20 && i < 20+lost {
						c.Fill(piece)
					} else {
						c.Good(piece)
					}
				}
				first := 20 * packet
				if db := residue(sound[first-packet*4:first+packet*4], append(append(media.Frame(nil), sound[first-packet*4:first]...), append(append(media.Frame(nil), got[first:first+packet]...), sound[first+packet:first+packet*4]...)...)); db > -15 {
					t.Errorf("%d Hz, pitch %v: the first 10 ms of a gap are at %.1f dB of what was lost", rate, pitch, db)
				}
				if s := steepest(got); s > steep*3/2 {
					t.Errorf("%d Hz, pitch %v, %d0 ms: a step of %d in sound of at most %d", rate, pitch, lost, s, steep)
				}
				if lost == 10 {
					for i, v := range got[first+6*packet+1 : first+10*packet] {
						if v != 0 {
							t.Fatalf("%d Hz: sample %d after 60 ms is %d", rate, i, v)
						}
					}
				}
				for i, v := range got[(21+lost)*packet:] {
					if v != sound[(21+lost)*packet+i] {
						t.Fatalf("%d Hz: good sound is changed later than 10 ms after a gap", rate)
					}
				}
			}
		}
	}
}

// The fade is a fifth in 10 ms, from 10 ms on.
func TestConcealFades(t *testing.T) {
	c := NewConcealer(8000)
	c.Good(voice(100, 8000, 800))
	gap := make(media.Frame, 560)
	c.Fill(gap)
	top := func(f media.Frame) (v float64) {
		for _, s := range f {
			v += float64(s) * float64(s)
		}
		return math.Sqrt(v / float64(len(f)))
	}
	whole := top(gap[:80])
	for i := 1; i < 6; i++ {
		want := 1 - 0.2*(float64(i)-0.5)
		if got := top(gap[80*i:][:80]) / whole; math.Abs(got-want) > 0.06 {
			t.Errorf("%d0 ms: %.2f of the beginning, want %.2f", i, got, want)
		}
	}
}

// Noise goes on as loud as it was, without humming: no period of it comes back at once for long.
func TestConcealNoise(t *testing.T) {
	chance := rand.New(rand.NewPCG(3, 1))
	sound := make(media.Frame, 1600)
	for i := range sound {
		sound[i] = int16(chance.NormFloat64() * 3000)
	}
	c := NewConcealer(8000)
	c.Good(sound)
	gap := make(media.Frame, 160)
	c.Fill(gap)
	var a, b float64
	for i, v := range gap[:80] {
		a += float64(v) * float64(v)
		b += float64(sound[1520+i]) * float64(sound[1520+i])
	}
	if db := 10 * math.Log10(a/b); math.Abs(db) > 2.5 {
		t.Errorf("noise goes on at %.1f dB", db)
	}
}

// A gap filled bit by bit is the gap filled at once; one before any sound is silent; a second gap soon
// after the first has the invention in its past.
func TestConcealPieces(t *testing.T) {
	sound := voice(120, 8000, 1600)
	whole, parts := NewConcealer(8000), NewConcealer(8000)
	a, b := make(media.Frame, 560), make(media.Frame, 560)
	whole.Fill(a[:100])
	for _, v := range a {
		if v != 0 {
			t.Fatal("something is invented before anything was heard")
		}
	}
	whole.Good(append(media.Frame(nil), sound...))
	parts.Good(append(media.Frame(nil), sound...))
	whole.Good(nil)
	whole.Fill(nil)
	whole.Fill(a)
	for at, n := 0, 1; at < len(b); at, n = at+n, n+7 {
		n = min(n, len(b)-at)
		parts.Fill(b[at : at+n])
	}
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("sample %d is %d at once and %d in pieces", i, a[i], b[i])
		}
	}
	chance := rand.New(rand.NewPCG(5, 5))
	for range 2000 { // any order and any size
		f := append(media.Frame(nil), sound[:chance.IntN(400)]...)
		if chance.IntN(3) == 0 {
			whole.Fill(f)
		} else {
			whole.Good(f)
		}
	}
	if n := testing.AllocsPerRun(50, func() { whole.Fill(a[:160]); whole.Good(b[:160]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The loudest sound does not wrap.
func TestConcealLoud(t *testing.T) {
	sound := make(media.Frame, 1600)
	for i := range sound {
		sound[i] = 32767
		if i/40%2 == 1 {
			sound[i] = -32768
		}
	}
	for at := 1500; at < 1600; at++ {
		c := NewConcealer(8000)
		c.Good(append(media.Frame(nil), sound[:at]...))
		gap := make(media.Frame, 80)
		c.Fill(gap)
		turns := 0
		for i := 1; i < len(gap); i++ {
			if (gap[i] < 0) != (gap[i-1] < 0) {
				turns++
			}
		}
		if turns > 3 {
			t.Fatalf("%d samples heard: the sign turns %d times in 10 ms of 100 Hz", at, turns)
		}
	}
}

func BenchmarkConceal(b *testing.B) {
	for _, rate := range []int{8000, 16000, 48000} {
		c := NewConcealer(rate)
		sound := voice(120, rate, rate)
		b.Run(map[int]string{8000: "8", 16000: "16", 48000: "48"}[rate]+" kHz good", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Good(sound[:rate/50])
			}
		})
		b.Run(map[int]string{8000: "8", 16000: "16", 48000: "48"}[rate]+" kHz lost", func(b *testing.B) {
			b.ReportAllocs()
			room := make(media.Frame, rate/50)
			for b.Loop() {
				c.Fill(room)
				c.Good(sound[:rate/50])
			}
		})
	}
}
