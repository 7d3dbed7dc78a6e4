package tone

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"
	"testing"
	"time"
)

// spectral finds up to two frequencies in a stretch, to a hundredth of a hertz: where the power of a window is
// greatest, the stronger one first.
func spectral(sound []int16) (hz, dBm0 []float64) {
	sound = sound[:min(len(sound), Rate/2)]
	rest, window, sum := make([]float64, len(sound)), make([]float64, len(sound)), 0.
	for i, v := range sound {
		rest[i] = float64(v)
		window[i] = 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/float64(len(sound)))
		sum += window[i]
	}
	at := func(f float64) complex128 { // by a phasor that turns
		z, turn, total := complex(1, 0), cmplx.Rect(1, -2*math.Pi*f/Rate), complex(0, 0)
		for i, v := range rest {
			total += complex(window[i]*v, 0) * z
			z *= turn
		}
		return total
	}
	for range 2 {
		best, top := 0., 0.
		for f := 300.; f <= 2000; f += 3 {
			if a := cmplx.Abs(at(f)); a > top {
				best, top = f, a
			}
		}
		for step := 2.; step > 0.02; step /= 2 {
			for _, f := range []float64{best - step, best + step} {
				if a := cmplx.Abs(at(f)); a > top {
					best, top = f, a
				}
			}
		}
		z := at(best) * complex(2/sum, 0)
		top = cmplx.Abs(z)
		power := 20*math.Log10(top/32768+1e-12) + 3.14
		if power < -45 || len(hz) > 0 && power < dBm0[0]-15 {
			break
		}
		hz, dBm0 = append(hz, best), append(dBm0, power)
		for i := range rest {
			rest[i] -= real(z * cmplx.Rect(1, 2*math.Pi*best*float64(i)/Rate))
		}
	}
	return hz, dBm0
}

// ms writes a cadence down as the table does.
func ms(runs []int) (s string) {
	for _, n := range runs {
		s += fmt.Sprintf("%d ", int(math.Round(float64(n)/8)))
	}
	return s
}

// Every tone of the countries that are asked for, as samples have it: cadences within a millisecond, frequencies within
// half a hertz, levels within half a decibel.
func TestCountries(t *testing.T) {
	type want struct {
		hz    []float64
		dBm0  float64 // of each
		times []int   // ms
	}
	r := func(list ...int) []int { return list }
	f := func(list ...float64) []float64 { return list }
	for code, all := range map[string]map[string]want{
		"itu": {
			"dial": {f(425), -10, r(1000)}, "ringback": {f(425), -10, r(1000, 4000, 1000, 4000)}, "busy": {f(425), -10, r(500, 500, 500, 500)},
			"congestion": {f(425), -10, r(250, 250, 250, 250)}, "waiting": {f(425), -10, r(200, 600, 200, 3000)}, "confirmation": {f(425), -10, r(100, 100, 100, 100, 100, 100)},
		},
		"ir": {
			"dial": {f(425), -10, r(1000)}, "ringback": {f(425), -10, r(1000, 4000, 1000, 4000)}, "busy": {f(425), -10, r(500, 500, 500, 500)},
			"congestion": {f(425), -10, r(250, 250, 250, 250)}, "waiting": {f(425), -10, r(200, 200, 200, 10000)}, "confirmation": {f(425), -10, r(100, 100, 100, 100, 100, 100)},
		},
		"us": {
			"dial": {f(350, 440), -13, r(1000)}, "ringback": {f(440, 480), -19, r(2000, 4000, 2000, 4000)}, "busy": {f(480, 620), -24, r(500, 500, 500, 500)},
			"congestion": {f(480, 620), -24, r(250, 250, 250, 250)}, "waiting": {f(440), -13, r(300, 10000, 300)}, "confirmation": {f(350, 440), -13, r(100, 100, 100, 100, 300)},
		},
		"uk": {
			"dial": {f(350, 440), -13, r(1000)}, "ringback": {f(400, 450), -13, r(400, 200, 400, 2000, 400)}, "busy": {f(400), -10, r(375, 375, 375, 375)},
			"congestion": {f(400), -10, r(400, 350, 225, 525, 400)}, "waiting": {f(400), -10, r(100, 4000)}, "confirmation": {f(425), -10, r(100, 100, 100, 100, 100, 100)},
		},
		"de": {"ringback": {f(425), -10, r(1000, 4000)}, "busy": {f(425), -10, r(480, 480)}, "congestion": {f(425), -10, r(240, 240)}, "waiting": {f(425), -10, r(200, 200, 200, 5000)}},
		"fr": {"dial": {f(440), -10, r(1000)}, "ringback": {f(440), -10, r(1500, 3500)}, "busy": {f(440), -10, r(500, 500)}, "waiting": {f(440), -10, r(300, 10000)}},
		"tr": {"dial": {f(450), -10, r(1000)}, "ringback": {f(450), -10, r(2000, 4000)}, "busy": {f(450), -10, r(500, 500)}, "congestion": {f(450), -10, r(200, 200, 200, 200, 200, 200, 600, 200)}, "waiting": {f(450), -10, r(200, 600, 200, 8000)}},
		"ae": {"dial": {f(350, 440), -13, r(1000)}, "ringback": {f(400, 450), -13, r(400, 200, 400, 2000)}, "busy": {f(400), -10, r(375, 375)}, "congestion": {f(400), -10, r(400, 350, 225, 525)}},
		"es": {"ringback": {f(425), -10, r(1500, 3000)}, "busy": {f(425), -10, r(200, 200)}, "congestion": {f(425), -10, r(200, 200, 200, 200, 200, 600)}},
		"cn": {"dial": {f(450), -10, r(1000)}, "busy": {f(450), -10, r(350, 350)}, "congestion": {f(450), -10, r(700, 700)}, "waiting": {f(450), -10, r(400, 4000)}},
	} {
		set, ok := Country(code)
		if !ok || set.Code() != code {
			t.Errorf("%s is %s, %v", code, set.Code(), ok)
		}
		for name, w := range all {
			tone := tonesOf(set)[name]
			total := 0
			for _, n := range w.times {
				total += n * 8
			}
			sound := play(t, tone.Play(), total)
			got := runs(sound)
			if len(got) != len(w.times) {
				t.Errorf("%s of %s is %s, want %v", name, code, ms(got), w.times)
				continue
			}
			at := 0
			for i, n := range got {
				if d := n - w.times[i]*8; d < -8 || d > 8 {
					t.Errorf("%s of %s is %s, want %v", name, code, ms(got), w.times)
				}
				if i%2 == 0 && n >= 8*200 {
					hz, dBm0 := spectral(sound[at : at+n])
					sorted := slices.Clone(hz)
					slices.Sort(sorted)
					if len(sorted) != len(w.hz) {
						t.Errorf("%s of %s is of %.2f Hz, want %v", name, code, sorted, w.hz)
						break
					}
					for k, f := range sorted {
						if math.Abs(f-w.hz[k]) > .5 && n >= 8*1000 || math.Abs(f-w.hz[k]) > 2 {
							t.Errorf("%s of %s has %.2f Hz, want %v", name, code, f, w.hz[k])
						}
						if math.Abs(dBm0[k]-w.dBm0) > .5 {
							t.Errorf("%s of %s is %.2f dBm0, want %v", name, code, dBm0[k], w.dBm0)
						}
					}
				}
				at += n
			}
		}
	}
}

// tonesOf names a set's tones.
func tonesOf(s Set) map[string]Tone {
	return map[string]Tone{
		"dial": s.Dial(), "ringback": s.Ringback(), "busy": s.Busy(), "congestion": s.Congestion(), "special": s.Special(), "waiting": s.Waiting(), "confirmation": s.Confirmation(),
	}
}

// Frequencies are those of the table to half a hertz however short the tones are: each is held for a second and measured.
func TestFrequenciesOfCountries(t *testing.T) {
	for _, code := range Countries() {
		set, _ := Country(code)
		for name, tone := range tonesOf(set) {
			for i, p := range tone.Parts {
				if p.Hz == [2]float64{} || i > 0 && p.Hz == tone.Parts[0].Hz {
					continue
				}
				p.For = time.Second
				hz, _ := spectral(play(t, Tone{Parts: []Part{p}}.Play(), Rate))
				slices.Sort(hz)
				want := p.Hz[:1]
				if p.Hz[1] != 0 {
					want = p.Hz[:]
				}
				if len(hz) != len(want) {
					t.Errorf("%s of %s: %.2f Hz, want %v", name, code, hz, want)
					continue
				}
				for k := range hz {
					if math.Abs(hz[k]-want[k]) > .5 {
						t.Errorf("%s of %s: %.2f Hz, want %v", name, code, hz[k], want[k])
					}
				}
			}
		}
	}
}

// The special information tone is three tones of 330 ms and a second of silence (ITU-T E.180 §5).
func TestSpecial(t *testing.T) {
	for _, code := range Countries() {
		set, _ := Country(code)
		sound := play(t, set.Special().Play(), 3*2640+8000)
		for i, want := range []float64{950, 1400, 1800} {
			hz, dBm0 := spectral(sound[i*2640 : (i+1)*2640])
			if len(hz) != 1 || math.Abs(hz[0]-want) > .5 || math.Abs(dBm0[0]+10) > .5 {
				t.Errorf("%s: %.2f Hz at %.2f dBm0, want %v", code, hz, dBm0, want)
			}
		}
		if got := runs(sound); len(got) != 2 || got[1] != 8000 {
			t.Errorf("%s: %v", code, got)
		}
	}
}

func TestCodes(t *testing.T) {
	for _, code := range []string{"ir", "IR", "itu", "us", "ca", "uk", "gb", "GB", ""} {
		if _, ok := Country(code); !ok {
			t.Errorf("%q is unknown", code)
		}
	}
	if s, ok := Country("xx"); ok || s.Code() != "itu" || len(s.Busy().Parts) != 2 {
		t.Errorf("a country that is not there has the tones of %s", s.Code())
	}
	if c := Countries(); !slices.IsSorted(c) || len(slices.Compact(c)) != len(countries) {
		t.Errorf("countries are %v", c)
	}
	for _, code := range Countries() {
		set, _ := Country(code)
		for name, tone := range tonesOf(set) {
			if len(tone.Parts) == 0 || tone.Repeat == (name == "confirmation") {
				t.Errorf("%s of %s: %v", name, code, tone)
			}
		}
	}
}
