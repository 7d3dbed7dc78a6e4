package mediatest

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"strconv"
	"testing"

	"santral/media"
	"santral/media/pcm"
)

// zeros loses frames of 20 ms at random and says nothing in their place.
func zeros(sound []int16, rate int, loss float64, seed uint64) []int16 {
	r := rand.New(rand.NewPCG(seed, 1))
	out := append([]int16(nil), sound...)
	n := rate / 50
	for at := 0; at+n <= len(out); at += n {
		if r.Float64() < loss {
			clear(out[at : at+n])
		}
	}
	return out
}

func coded(sound []int16, c pcm.Codec) []int16 {
	b := make([]byte, len(sound))
	out := make(media.Frame, len(sound))
	c.Encode(b, sound)
	c.Decode(out, b)
	return out
}

// mosOf is what ITU-T G.107 says of G.711 of which this share is lost at random and nothing repaired: an
// impairment of 95·p/(p+4.3) (G.113 appendix I) off a rating of 93.2.
func mosOf(loss float64) float64 {
	r := 93.2 - 95*loss*100/(loss*100+4.3)
	return 1 + 0.035*r + r*(r-60)*(100-r)*7e-6
}

// The measure proves itself before anything is measured by it: every voice, clean and coded, with more and
// more packets lost and nothing in their place.
func TestTheMeasure(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		t.Run(strconv.Itoa(rate), func(t *testing.T) {
			t.Parallel()
			losses := []float64{.01, .03, .05, .1}
			voices := Voices
			if rate > 8000 {
				voices = []string{"en", "slt"}
			}
			var means [4]float64
			for _, voice := range voices {
				speech := Speech(t, voice, rate)
				speech = speech[:min(len(speech), 8*rate)]
				if clean := Opinion(speech, speech, rate); clean < 4.45 {
					t.Errorf("%s: clean speech is %.2f", voice, clean)
				}
				for _, law := range []pcm.Codec{pcm.PCMA, pcm.PCMU} {
					if mos := Opinion(speech, coded(speech, law), rate); mos < 4.2 {
						t.Errorf("%s: %s is %.2f", voice, law.Name, mos)
					}
				}
				line := voice + ":"
				for i, loss := range losses {
					mos := 0.0
					for seed := range uint64(2) {
						mos += Opinion(speech, zeros(speech, rate, loss, seed), rate) / 2
					}
					line += fmt.Sprintf("  %.0f %%: %.2f", loss*100, mos)
					means[i] += mos / float64(len(voices))
				}
				t.Log(line)
			}
			for i, loss := range losses {
				if e := mosOf(loss); math.Abs(means[i]-e) > 0.45 {
					t.Errorf("%.0f %% lost: %.2f, the E-model says %.2f", loss*100, means[i], e)
				}
				if i > 0 && means[i] > means[i-1]-0.3 {
					t.Errorf("%.0f %% lost: %.2f, no worse than %.2f at %.0f %%", loss*100, means[i], means[i-1], losses[i-1]*100)
				}
			}
			if means[2] > 2.8 {
				t.Errorf("5 %% lost: %.2f", means[2])
			}
		})
	}
}

// A constant delay and another level change nothing, noise and other words do.
func TestTheMeasureIsFair(t *testing.T) {
	const rate = 8000
	speech := Speech(t, "awb", rate)[:5*rate]
	holed := zeros(speech, rate, .03, 1)
	with := func(f func(i int, s int16) float64) []int16 {
		out := make([]int16, len(holed))
		for i, s := range holed {
			out[i] = int16(min(max(f(i, s), -32768), 32767))
		}
		return out
	}
	want := Opinion(speech, holed, rate)
	for name, got := range map[string][]int16{
		"7 ms":     append(make([]int16, 7*rate/1000), holed...),
		"151 ms":   append(make([]int16, 151*rate/1000), holed...),
		"3 dB up":  with(func(_ int, s int16) float64 { return float64(s) * 1.4125 }),
		"3 dB off": with(func(_ int, s int16) float64 { return float64(s) * 0.708 }),
	} {
		if mos := Opinion(speech, got, rate); math.Abs(mos-want) > 0.1 {
			t.Errorf("%s: %.2f, want %.2f", name, mos, want)
		}
	}
	if d := Compare(speech, append(make([]int16, 151*rate/1000), holed...), rate).Delay; math.Abs(d-0.151) > 0.0026 {
		t.Errorf("151 ms are %v s", d)
	}
	r := rand.New(rand.NewPCG(1, 1))
	noisy := with(func(i int, _ int16) float64 { return float64(speech[i]) + 1500*r.NormFloat64() })
	for name, got := range map[string]struct {
		sound []int16
		most  float64
	}{
		"loud noise":  {noisy, 3},
		"silence":     {make([]int16, len(speech)), 1.1},
		"other words": {Speech(t, "kal", rate), 1.3},
		"nothing":     {nil, 1.1},
	} {
		if mos := Opinion(speech, got.sound, rate); mos > got.most {
			t.Errorf("%s: %.2f", name, mos)
		}
	}
}

func TestFFT(t *testing.T) {
	x := make([]complex128, 64)
	for i := range x {
		x[i] = complex(math.Cos(2*math.Pi*5*float64(i)/64), 0)
	}
	fft(x, twiddlesOf(len(x)))
	for k, v := range x {
		want := 0.0
		if k == 5 || k == 59 {
			want = 32
		}
		if cmplx.Abs(v-complex(want, 0)) > 1e-9 {
			t.Errorf("bin %d is %v", k, v)
		}
	}
}
