package level

import (
	"math"
	"strconv"
	"testing"

	"santral/media"
	"santral/media/listen"
	"santral/media/mediatest"
)

// leveled passes sound at 8 kHz through an ear and a gain.
func leveled(sound []int16) []int16 {
	out := append([]int16(nil), sound...)
	ear, g := listen.New(8000), NewGain(Target)
	for i := 0; i+160 <= len(out); i += 160 {
		speaks, dBov := ear.Hear(out[i : i+160])
		g.Process(out[i:i+160], 8000, speaks, dBov)
	}
	return out
}

// at gives a voice whose speech is dBov loud, after a second and with a pause in the middle.
func at(t *testing.T, voice string, dBov float64) []int16 {
	t.Helper()
	speech := mediatest.Speech(t, voice, 8000)
	k := math.Pow(10, (dBov+90.309-dB(mediatest.ActivePower(speech, 8000)))/20)
	for i, v := range speech {
		speech[i] = int16(min(max(math.Round(float64(v)*k), -32768), 32767))
	}
	half := len(speech) / 2
	out := append(make([]int16, 8000), speech[:half]...)
	return append(append(append(out, make([]int16, 16000)...), speech[half:]...), make([]int16, 8000)...)
}

// spoken is how loud the second half of what at gives is, in dBov.
func spoken(sound []int16) float64 {
	return dB(mediatest.ActivePower(sound[len(sound)/2:], 8000)) - 90.309
}

// Voices that are 20 dB apart are within 6 dB of each other, in quiet and in noise, and none is distorted.
func TestGainBringsVoicesTogether(t *testing.T) {
	for name, snr := range map[string]float64{"quiet": 60, "noise": 20} {
		low, high := math.Inf(1), math.Inf(-1)
		for i, voice := range mediatest.Voices {
			for _, was := range []float64{-18, -38} {
				sound := at(t, voice, was)
				sound = mediatest.Mix(sound, mediatest.Noise(t, "white", len(sound), 8000, uint64(i)), 8000, snr)
				got := leveled(sound)
				is := spoken(got)
				t.Logf("%s, %s: %.0f dBov becomes %.1f", name, voice, was, is)
				low, high = min(low, is), max(high, is)
				if mos := mediatest.Opinion(sound, got, 8000); snr > 50 && mos < 3.8 {
					t.Errorf("%s at %.0f dBov: opinion %.2f", voice, was, mos)
				}
			}
		}
		if high-low > 6 {
			t.Errorf("%s: voices are from %.1f to %.1f dBov", name, low, high)
		}
		if low < Target-5 || high > Target+5 {
			t.Errorf("%s: voices are from %.1f to %.1f dBov, not near %v", name, low, high, Target)
		}
	}
}

// Noise in which nobody speaks is left as it is, also after somebody has spoken.
func TestGainLeavesNoise(t *testing.T) {
	speech := at(t, "slt", -30)
	sound := append(speech, make([]int16, 8000*20)...)
	sound = mediatest.Mix(sound, mediatest.Noise(t, "fan", len(sound), 8000, 1), 8000, 18)
	got := leveled(sound)
	early := dB(mediatest.ActivePower(got[len(speech):len(speech)+8000], 8000))
	late := dB(mediatest.ActivePower(got[len(got)-8000:], 8000))
	if math.Abs(early-late) > 1 {
		t.Errorf("noise goes from %.1f to %.1f dB", early-90.3, late-90.3)
	}
	alone := mediatest.Mix(make([]int16, 8000*10), mediatest.Noise(t, "white", 8000*10, 8000, 1), 8000, 0)
	for i := range alone {
		alone[i] = int16(int(mediatest.Noise(t, "white", 1, 8000, uint64(i))[0]) / 100)
	}
	got = leveled(alone)
	if a, b := dB(mediatest.ActivePower(alone[40000:], 8000)), dB(mediatest.ActivePower(got[40000:], 8000)); math.Abs(a-b) > 1 {
		t.Errorf("noise alone is raised by %.1f dB", b-a)
	}
}

// A soft speaker who begins to shout is held down at once, and nothing wraps or is cut off for long.
func TestGainLimits(t *testing.T) {
	soft, loud := at(t, "rms", -45), at(t, "rms", -12)
	got := leveled(append(append([]int16(nil), soft...), loud...))
	top, cut := 0, 0
	for _, v := range got {
		a := max(int(v), -int(v))
		if top = max(top, a); a > ceiling+1000 {
			cut++
		}
	}
	if top > ceiling+2000 || cut > 20 {
		t.Errorf("the loudest is %d, %d samples are over %v", top, cut, ceiling)
	}
	g := NewGain(Target)
	f := media.Frame{math.MinInt16, math.MaxInt16, 0, 1}
	g.Process(f, 8000, true, -3)
	g.Process(nil, 8000, true, -3)
	if f[0] > -28000 || f[1] < 28000 {
		t.Errorf("the largest samples become %v", f)
	}
}

func TestGainAllocatesNothing(t *testing.T) {
	g, f := NewGain(Target), make(media.Frame, 160)
	if n := testing.AllocsPerRun(100, func() { f[5] = 900; g.Process(f, 8000, true, -30) }); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func BenchmarkGain(b *testing.B) {
	for _, rate := range []int{8000, 16000, 48000} {
		b.Run(strconv.Itoa(rate), func(b *testing.B) {
			g, f := NewGain(Target), make(media.Frame, rate/50)
			b.ReportAllocs()
			for b.Loop() {
				for i := range f {
					f[i] = int16(i*7919) / 16
				}
				g.Process(f, rate, true, -35)
			}
		})
	}
}
