package listen

import (
	"math"
	"strconv"
	"testing"

	"santral/media"
	"santral/media/mediatest"
	"santral/media/pcm"
	"santral/media/tone"
)

// talk is what the voices say, one after another with pauses, at rate.
func talk(t testing.TB, rate int, voices ...string) []int16 {
	t.Helper()
	out := make([]int16, 2*rate)
	for _, v := range voices {
		speech := mediatest.Speech(t, v, rate)
		for i := range speech {
			speech[i] /= 2
		}
		out = append(append(out, speech[:len(speech)/3]...), make([]int16, rate*3/2)...)
		out = append(append(out, speech[len(speech)/3:]...), make([]int16, rate*5/2)...)
	}
	return out
}

// law passes sound through A-law.
func law(sound []int16) []int16 {
	octets, out := make([]byte, len(sound)), make(media.Frame, len(sound))
	pcm.EncodeALaw(octets, sound)
	pcm.DecodeALaw(out, octets)
	return out
}

// judged is how often an ear was right, in shares of the frames.
type judged struct{ hits, alarms float64 }

// judge has an ear hear sound whose clean speech is known. What follows speech within the time that the ear holds on is
// not counted, nor the first second.
func judge(clean, sound []int16, rate int) judged {
	active := mediatest.Active(clean, rate)
	s, n := New(rate), rate/50
	var hits, spoken, alarms, hushed, since float64
	for i, yes := range active {
		got, _ := s.Hear(sound[i*n : (i+1)*n])
		since++
		if yes {
			since = 0
		}
		switch {
		case i < 50:
		case yes:
			spoken++
			if got {
				hits++
			}
		case since > 12:
			hushed++
			if got {
				alarms++
			}
		}
	}
	return judged{hits / spoken, alarms / hushed}
}

// Speech is heard in noise, and noise is not taken for it. Babble at 5 dB is what no loudness tells from speech.
func TestSpeechInNoise(t *testing.T) {
	least := map[float64]float64{30: .97, 20: .96, 15: .95, 10: .92, 5: .85}
	for _, rate := range []int{8000, 16000, 48000} {
		voices := mediatest.Voices
		if rate > 8000 {
			voices = voices[:2]
		}
		clean := talk(t, rate, voices...)
		if g := judge(clean, clean, rate); g.hits < .98 || g.alarms > .02 {
			t.Errorf("%d Hz, clean: %.1f %% of speech is heard, %.1f %% false alarms", rate, 100*g.hits, 100*g.alarms)
		}
		for _, kind := range mediatest.Noises {
			noise := mediatest.Noise(t, kind, len(clean), rate, 1)
			most := .02
			if kind == "babble" {
				most = .15
			}
			for _, snr := range []float64{30, 20, 15, 10, 5} {
				sound := mediatest.Mix(clean, noise, rate, snr)
				if rate == 8000 {
					sound = law(sound)
				}
				g := judge(clean, sound, rate)
				t.Logf("%5d Hz, %-6s at %2.0f dB: %5.1f %% of speech is heard, %5.1f %% false alarms", rate, kind, snr, 100*g.hits, 100*g.alarms)
				if g.hits < least[snr] && (kind != "babble" || snr > 5) || g.alarms > most {
					t.Errorf("at least %.0f %% and at most %.0f %% are wanted", 100*least[snr], 100*most)
				}
			}
		}
	}
}

// share has an ear hear sound, and gives the share of frames from..to in which somebody speaks.
func share(s *Speech, sound []int16, from, to int) float64 {
	n := 0
	for i := 0; i < to && (i+1)*160 <= len(sound); i++ {
		if speaks, _ := s.Hear(sound[i*160 : (i+1)*160]); speaks && i >= from {
			n++
		}
	}
	return float64(n) / float64(to-from)
}

// Noise that becomes 20 dB louder, or sets in, is speech for a second at most; speech in it is heard as before.
func TestSpeechWhereTheNoiseChanges(t *testing.T) {
	clean := talk(t, 8000, "slt", "rms", "fa")
	clean = append(append(clean, make([]int16, 8000*8-len(clean)%160)...), clean...)
	for _, kind := range []string{"white", "fan"} {
		noise := mediatest.Noise(t, kind, len(clean), 8000, 3)
		loud, soft := mediatest.Mix(clean, noise, 8000, 15), mediatest.Mix(clean, noise, 8000, 35)
		s := New(8000)
		half := len(clean) / 2 / 160 * 160
		share(s, soft[:half], 0, half/160)
		if late := share(s, loud[len(loud)-8000*2:], 50, 100); late > .02 {
			t.Errorf("%s that became louder is speech for long: %.0f %%", kind, 100*late)
		}
		if late := share(s, soft[len(soft)-8000*2:], 15, 100); late > .05 {
			t.Errorf("%s that became softer is speech: %.0f %%", kind, 100*late)
		}
		if first := share(s, loud[2*8000:], 0, 100); first < .5 {
			t.Errorf("speech in louder %s is not heard", kind)
		}
	}
}

// What nobody says is no speech: silence, a click, the tones of a line once they are known, silence of A-law.
func TestNoSpeech(t *testing.T) {
	play := func(x tone.Tone) []int16 {
		f := make(media.Frame, 8000*8)
		_, _ = x.Play().Read(f)
		return f
	}
	click := make([]int16, 8000*4)
	for i := range 4 {
		click[8000*i+400] = 20000
	}
	low := make([]int16, 8000*4)
	for i := range low {
		low[i] = 8 - 16*int16(i/7%2)
	}
	for name, c := range map[string]struct {
		sound []int16
		from  int
		most  float64
	}{
		"silence":         {make([]int16, 8000*4), 0, 0},
		"A-law's silence": {low, 0, 0},
		"clicks":          {click, 0, .06},
		"dial tone":       {play(tone.Dial()), 75, 0},
		"milliwatt":       {play(tone.Milliwatt()), 75, 0},
	} {
		frames := len(c.sound) / 160
		if got := share(New(8000), c.sound, c.from, frames); got > c.most {
			t.Errorf("%s is speech for %.1f %%", name, 100*got)
		}
	}
}

// A call that begins with a word is heard at once, within 40 ms of it.
func TestSpeechAtOnce(t *testing.T) {
	for _, voice := range mediatest.Voices {
		speech := mediatest.Speech(t, voice, 8000)
		active, s := mediatest.Active(speech, 8000), New(8000)
		began := -1
		for i, yes := range active {
			if yes && began < 0 {
				began = i
			}
			if speaks, _ := s.Hear(speech[i*160 : (i+1)*160]); speaks {
				if began < 0 || i > began+2 {
					t.Errorf("%s: began in frame %d, heard in frame %d", voice, began, i)
				}
				break
			}
		}
	}
}

// Frames of any length say the same.
func TestSpeechInPieces(t *testing.T) {
	for _, rate := range []int{8000, 16000, 44100, 48000} {
		sound := mediatest.Speech(t, "kal", rate)[:2*rate]
		a, b := New(rate), New(rate)
		for len(sound) > 0 {
			n := min(rate/50, len(sound))
			want, _ := a.Hear(sound[:n])
			got := false
			for x := sound[:n]; len(x) > 0; x = x[min(77, len(x)):] {
				got, _ = b.Hear(x[:min(77, len(x))])
			}
			if got != want {
				t.Fatalf("%d Hz: %v in pieces, %v whole", rate, got, want)
			}
			sound = sound[n:]
		}
	}
}

func TestLevel(t *testing.T) {
	f := make(media.Frame, 960)
	for i := range f {
		f[i] = int16(math.Round(16384 * math.Sin(2*math.Pi*440*float64(i)/48000)))
	}
	for _, rate := range []int{8000, 48000} {
		if _, dB := New(rate).Hear(f); math.Abs(dB+9.03) > 0.1 { // half of full scale, a sine
			t.Errorf("%d Hz: %.2f dBov", rate, dB)
		}
	}
	if _, dB := New(8000).Hear(make(media.Frame, 160)); dB != -127 {
		t.Errorf("silence is %v dBov", dB)
	}
	if _, dB := New(8000).Hear(nil); dB != -127 {
		t.Errorf("nothing is %v dBov", dB)
	}
}

func TestSpeechAllocatesNothing(t *testing.T) {
	for _, rate := range []int{8000, 48000} {
		s, f := New(rate), make(media.Frame, rate/50)
		if n := testing.AllocsPerRun(1000, func() { s.Hear(f) }); n != 0 {
			t.Errorf("%v allocations a frame", n)
		}
	}
}

func BenchmarkSpeech(b *testing.B) {
	for _, rate := range []int{8000, 16000, 48000} {
		b.Run(strconv.Itoa(rate), func(b *testing.B) {
			s, f := New(rate), make(media.Frame, rate/50)
			for i := range f {
				f[i] = int16(i * 7919)
			}
			b.ReportAllocs()
			for b.Loop() {
				s.Hear(f)
			}
		})
	}
}
