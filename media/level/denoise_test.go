package level

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"testing"
	"time"

	"santral/media"
	"santral/media/mediatest"
)

func dB(ratio float64) float64 { return 10 * math.Log10(ratio+1e-12) }

// pause is the mean square of sound where nobody speaks in clean, from the fourth second on.
func pause(clean, sound []int16, rate, delay int) float64 {
	sum, n, since := 0., 0, 0
	for i, yes := range mediatest.Active(clean, rate) {
		since++
		if yes {
			since = 0
		}
		at := i*rate/50 + delay
		if since < 12 || i < 150 || at+rate/50 > len(sound) {
			continue
		}
		for _, v := range sound[at : at+rate/50] {
			sum += float64(v) * float64(v)
			n++
		}
	}
	return sum / float64(max(n, 1))
}

func denoised(sound []int16, rate int) []int16 {
	d := NewDenoiser(rate)
	out := append([]int16(nil), sound...)
	for i := 0; i < len(out); i += rate / 50 {
		d.Process(out[i:min(i+rate/50, len(out))])
	}
	return out
}

// Noise is lowered by 6 dB at least where nobody speaks, and speech is no worse for it than it was in the noise. With
// SANTRAL_TEST_TABLES it is done for all voices, also with less noise and at other rates.
func TestDenoise(t *testing.T) {
	rates, voices, ratios := []int{8000}, []string{"fa", "awb", "slt"}, []float64{10, 20}
	if os.Getenv("SANTRAL_TEST_TABLES") != "" {
		rates, voices, ratios = []int{8000, 16000, 48000}, mediatest.Voices, []float64{10, 15, 20, 30}
	}
	for _, rate := range rates {
		for _, kind := range mediatest.Noises {
			for _, snr := range ratios {
				t.Run(fmt.Sprintf("%d Hz, %s at %.0f dB", rate, kind, snr), func(t *testing.T) {
					t.Parallel()
					var less, worse, better, was, is float64
					n := float64(len(voices))
					noise := mediatest.Noise(t, kind, 10*rate, rate, 1)
					for _, voice := range voices {
						clean := append(make([]int16, 3*rate), mediatest.Speech(t, voice, rate)...)
						clean = append(clean[:min(len(clean), 8*rate)], make([]int16, 2*rate)...)
						noisy := mediatest.Mix(clean, noise, rate, snr)
						got := denoised(noisy, rate)
						delay := int(NewDenoiser(rate).Delay() * time.Duration(rate) / time.Second)
						less += dB(pause(clean, noisy, rate, 0)/pause(clean, got, rate, delay)) / n
						before, after := mediatest.Compare(clean, noisy, rate), mediatest.Compare(clean, got, rate)
						worse, better = worse+before.Disturbance/n, better+after.Disturbance/n
						was, is = was+before.MOS/n, is+after.MOS/n
					}
					t.Logf("%.1f dB less, disturbance %.3f → %.3f, opinion %.2f → %.2f", less, worse, better, was, is)
					if less < 6 {
						t.Errorf("noise is lowered by %.1f dB", less)
					}
					if better > worse || is < was-.02 {
						t.Error("speech is worse for it")
					}
				})
			}
		}
	}
}

// Speech without noise passes as it is, later by the delay that is promised, whatever the frames are.
func TestDenoiseWithoutNoise(t *testing.T) {
	for _, rate := range []int{8000, 16000, 44100, 48000} {
		clean := mediatest.Speech(t, "slt", rate)
		clean = clean[:min(len(clean), 4*rate)]
		d := NewDenoiser(rate)
		got := append([]int16(nil), clean...)
		for rest := got; len(rest) > 0; {
			n := min(len(rest), 77)
			d.Process(rest[:n])
			rest = rest[n:]
		}
		c := mediatest.Compare(clean, got, rate)
		t.Logf("%d Hz: %.2f, %.1f ms", rate, c.MOS, c.Delay*1000)
		if c.MOS < 4.1 || math.Abs(c.Delay-d.Delay().Seconds()) > .003 {
			t.Errorf("%d Hz: opinion %.2f, %.1f ms late", rate, c.MOS, c.Delay*1000)
		}
		for range 10 {
			d.Process(make(media.Frame, rate/50))
		}
		f := make(media.Frame, rate/50)
		for d.Process(f); len(f) > 0; f = f[1:] {
			if f[0] != 0 {
				t.Fatalf("%d Hz: silence is %d", rate, f[0])
			}
		}
	}
}

// Noise that sets in, or becomes louder, is lowered after three seconds.
func TestDenoiseLearns(t *testing.T) {
	for _, kind := range []string{"white", "fan"} {
		sound := append(make([]int16, 16000), mediatest.Noise(t, kind, 8000*14, 8000, 1)...)
		for i, v := range sound[16000 : 16000+8000*7] {
			sound[16000+i] = v / 10
		}
		got := denoised(sound, 8000)
		for _, second := range []int{5, 7, 12, 14} {
			a, b := power(sound[second*8000:(second+1)*8000]), power(got[second*8000:(second+1)*8000])
			if less := dB(a / b); less < 9 {
				t.Errorf("%s is lowered by %.1f dB in second %d", kind, less, second)
			}
		}
	}
}

func power(sound []int16) (sum float64) {
	for _, v := range sound {
		sum += float64(v) * float64(v) / float64(len(sound))
	}
	return sum
}

func TestDenoiseAllocatesNothing(t *testing.T) {
	d, f := NewDenoiser(8000), make(media.Frame, 160)
	if n := testing.AllocsPerRun(100, func() { f[5] = 900; d.Process(f) }); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func BenchmarkDenoise(b *testing.B) {
	for _, rate := range []int{8000, 16000, 48000} {
		b.Run(strconv.Itoa(rate), func(b *testing.B) {
			noise := mediatest.Noise(b, "white", rate, rate, 1)
			d, f := NewDenoiser(rate), make(media.Frame, rate/50)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				copy(f, noise[i%50*len(f):])
				d.Process(f)
			}
		})
	}
}
