package listen

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"santral/media"
	"santral/media/mediatest"
	"santral/media/tone"
)

// beep is one that an answering machine may have.
type beep struct {
	from, to, besides float64 // Hz
	long              time.Duration
	dBov              float64
}

func (b beep) String() string {
	return fmt.Sprintf("%.0f to %.0f Hz and %.0f for %v at %.0f dBov", b.from, b.to, b.besides, b.long, b.dBov)
}

func (b beep) sound(rate int) []int16 {
	out := make([]int16, int(b.long)*rate/int(time.Second))
	top := 32768 * math.Pow(10, b.dBov/20) * math.Sqrt2
	a, c := 0., 0.
	for i := range out {
		part := float64(i) / float64(len(out))
		v := math.Sin(a)
		if b.besides > 0 {
			v = 0.7*v + 0.5*math.Sin(c)
		}
		edge := min(1, float64(min(i, len(out)-1-i))/float64(rate)*200) // 5 ms
		out[i] = int16(top * edge * v)
		a += 2 * math.Pi * (b.from + (b.to-b.from)*part) / float64(rate)
		c += 2 * math.Pi * b.besides / float64(rate)
	}
	return out
}

func beeps() (list []beep) {
	for _, hz := range []float64{350, 425, 440, 500, 620, 800, 941, 1000, 1100, 1400, 1633, 1800, 2000} {
		for _, long := range []time.Duration{100, 150, 250, 500, 1000, 2000} {
			list = append(list, beep{hz, hz, 0, long * time.Millisecond, []float64{-12, -20, -30}[len(list)%3]})
		}
	}
	for _, pair := range [][2]float64{{400, 1000}, {440, 880}, {600, 1400}, {800, 1200}, {1000, 1500}} {
		for _, long := range []time.Duration{150, 400, 1000} {
			list = append(list, beep{pair[0], pair[0], pair[1], long * time.Millisecond, -18})
		}
	}
	for _, sweep := range [][2]float64{{600, 1200}, {1200, 700}, {900, 1300}, {1800, 1400}} {
		for _, long := range []time.Duration{400, 700, 1200} {
			list = append(list, beep{sweep[0], sweep[1], 0, long * time.Millisecond, -18})
		}
	}
	return list
}

// count gives when beeps are heard.
func count(sound []int16, rate int) (at []time.Duration) {
	b, n := NewBeep(rate), rate/50
	for i := 0; (i+1)*n <= len(sound); i++ {
		if b.Hear(sound[i*n : (i+1)*n]) {
			at = append(at, time.Duration(i+1)*20*time.Millisecond)
		}
	}
	return at
}

// Beeps of all kinds are heard after a greeting, with noise of the line and through A-law, each once and within 150 ms of
// its end.
func TestBeeps(t *testing.T) {
	greeting := mediatest.Say(t, "slt", "Please leave a message after the tone.", 1, 8000)
	missed, all := 0, beeps()
	for i, b := range all {
		sound := append(slices.Clone(greeting), make([]int16, 8000*4/10)...)
		begin := len(sound)
		sound = append(append(sound, b.sound(8000)...), make([]int16, 8000)...)
		noise := mediatest.Noise(t, []string{"white", "fan"}[i%2], len(sound), 8000, uint64(i))
		sound = law(mediatest.Mix(sound, noise, 8000, []float64{20, 30, 40}[i%3]))
		end := time.Duration(begin)*time.Second/8000 + b.long
		got := count(sound, 8000)
		if len(got) != 1 || got[0] < end-20*time.Millisecond || got[0] > end+150*time.Millisecond {
			missed++
			t.Logf("%v that ends at %v is heard at %v", b, end, got)
		}
	}
	t.Logf("%d of %d beeps are heard", len(all)-missed, len(all))
	if missed*20 > len(all) {
		t.Error("too few")
	}
	b := beep{1000, 1000, 0, 300 * time.Millisecond, -20}
	for _, rate := range []int{16000, 48000} {
		if got := count(append(append(make([]int16, rate), b.sound(rate)...), make([]int16, rate)...), rate); len(got) != 1 {
			t.Errorf("at %d Hz a beep is heard at %v", rate, got)
		}
	}
}

// tune is a melody of notes with overtones that fade, or, plain, of sines that don't.
func tune(seconds int, plain bool, seed uint64) []int16 {
	r := rand.New(rand.NewPCG(seed, 3))
	out := make([]int16, 8000*seconds)
	for at := 0; at < len(out); {
		hz := 220 * math.Pow(2, float64(r.IntN(30))/12)
		n := min(8000*(1+r.IntN(4))/8, len(out)-at)
		for i := range n {
			x := 2 * math.Pi * hz * float64(i) / 8000
			v := math.Sin(x)
			if !plain {
				v = math.Exp(-4*float64(i)/8000) * (v + 0.5*math.Sin(2*x) + 0.3*math.Sin(3*x))
			}
			out[at+i] = int16(6000 * v)
		}
		at += n
	}
	return out
}

// Speech is no beep, nor are music and keys: at most one false alarm in ten minutes of speech.
func TestNoBeeps(t *testing.T) {
	words := strings.Fields("hello yes no thank you please who is calling one moment seven eight nine zero we he she feel wheel cool fool moon room hmm mum noon oh you do home phone tomorrow mother meaning morning")
	persian := strings.Fields("سلام بله خیر ممنون لطفا شما کی هستید یک لحظه صبر کنید دو سه چهار پنج شش هفت هشت نه صفر چرا کجا امروز مادر نان آب خوب بود نوروز من تو او ما موم")
	r := rand.New(rand.NewPCG(5, 5))
	var spoken time.Duration
	alarms := 0
	for i, voice := range []string{"kal", "awb", "rms", "slt", "en-us", "en-us+f3", "en-gb+m3", "fa", "fa+f2", "fa+m5"} {
		list := words
		if strings.HasPrefix(voice, "fa") {
			list = persian
		}
		var text strings.Builder
		for k := range 180 {
			text.WriteString(list[r.IntN(len(list))])
			text.WriteString([]string{" ", " ", ", ", ". "}[k%4])
		}
		sound := mediatest.Say(t, voice, text.String(), 1, 8000)
		if i%2 == 1 {
			sound = mediatest.Mix(sound, mediatest.Noise(t, "white", len(sound), 8000, 1), 8000, 25)
		}
		spoken += time.Duration(len(sound)) * time.Second / 8000
		got := count(law(sound), 8000)
		alarms += len(got)
		if len(got) > 0 {
			t.Logf("%s: beeps at %v", voice, got)
		}
	}
	t.Logf("%d false alarms in %v of speech", alarms, spoken)
	if alarms > int(spoken/(10*time.Minute))+1 {
		t.Error("too many")
	}
	for name, sound := range map[string][]int16{"a melody": tune(60, false, 1), "a plain melody": tune(60, true, 2)} {
		if got := count(sound, 8000); len(got) > 1 { // the last note of a plain one is none the less
			t.Errorf("%s has beeps at %v", name, got)
		}
	}
	keys := make(media.Frame, 8000*20)
	_, _ = tone.Digits("0123456789*#ABCD0123456789*#ABCD", 120*time.Millisecond, 300*time.Millisecond).Play().Read(keys)
	if got := count(keys, 8000); len(got) > 0 {
		t.Errorf("keys are beeps at %v", got)
	}
	for _, kind := range mediatest.Noises[:2] {
		if got := count(mediatest.Noise(t, kind, 8000*60, 8000, 1), 8000); len(got) > 0 {
			t.Errorf("%s has beeps at %v", kind, got)
		}
	}
}

func TestBeepAllocatesNothing(t *testing.T) {
	b, f := NewBeep(8000), media.Frame(beep{1000, 1000, 0, 20 * time.Millisecond, -20}.sound(8000))
	if n := testing.AllocsPerRun(100, func() { b.Hear(f) }); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func BenchmarkBeep(b *testing.B) {
	e, f := NewBeep(8000), media.Frame(beep{1000, 1000, 0, 20 * time.Millisecond, -20}.sound(8000))
	b.ReportAllocs()
	for b.Loop() {
		e.Hear(f)
	}
}
