package tone

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"santral/media"
)

// announce makes n seconds of what f says of each moment, in dBm0 and phase, at hz, in noise.
func announce(seconds, hz, noise float64, f func(at float64) (amplitude, phase float64)) media.Frame {
	rnd := rand.New(rand.NewPCG(1, 1))
	out := make(media.Frame, int(seconds*Rate))
	for i := range out {
		at := float64(i) / Rate
		a, p := f(at)
		out[i] = int16(a*math.Sin(2*math.Pi*hz*at+p) + noise*rnd.NormFloat64())
	}
	return out
}

func heard(f media.Frame) string {
	s := ""
	m := NewModem(func(a Announced) { s += fmt.Sprint(a, " ") })
	for len(f) > 0 {
		n := min(160, len(f))
		m.Write(f[:n])
		f = f[n:]
	}
	return s
}

func TestModem(t *testing.T) {
	cng := func(level, on float64) func(float64) (float64, float64) {
		return func(at float64) (float64, float64) {
			if at = math.Mod(at+3, 3.5); at < on {
				return level, 0
			}
			return 0, 0
		}
	}
	steady := func(at float64) (float64, float64) { return 4000, 0 }
	const ced, modem, fax = "CED ", "ANS with phase reversals or ANSam ", "CNG "
	for _, c := range []struct {
		name      string
		hz, noise float64
		f         func(float64) (float64, float64)
		want      string
	}{
		{"CNG", 1100, 0, cng(4000, 0.5), fax},
		{"CNG, high and short", 1138, 0, cng(4000, 0.43), fax},
		{"CNG, low and long", 1062, 0, cng(4000, 0.57), fax},
		{"CNG, quiet, in noise", 1100, 80, cng(900, 0.5), fax},
		{"too short", 1100, 0, cng(4000, 0.3), ""},
		{"too long", 1100, 0, cng(4000, 0.9), ""},
		{"1 kHz", 1004, 0, steady, ""},
		{"busy", 425, 0, cng(4000, 0.5), ""},
		{"special information", 950, 0, cng(4000, 0.33), ""},
		{"a voice mail's beep", 1400, 0, cng(4000, 0.5), ""},
		{"1200", 1200, 0, cng(4000, 0.5), ""},
		{"CED", 2100, 0, steady, ced},
		{"CED, high, in noise", 2115, 300, steady, ced},
		{"CED, low", 2085, 0, steady, ced},
		{"a modem, by phase", 2100, 0, func(at float64) (float64, float64) { return 4000, math.Pi * math.Floor(at/0.45) }, modem},
		{"a modem off its frequency, by phase", 2114, 200, func(at float64) (float64, float64) { return 4000, math.Pi * math.Floor(at/0.45) }, modem},
		{"a modem, by waves", 2100, 0, func(at float64) (float64, float64) { return 4000 * (1 + 0.2*math.Sin(2*math.Pi*15*at)), 0 }, modem},
		{"a modem, by both", 2100, 100, func(at float64) (float64, float64) {
			return 4000 * (1 + 0.2*math.Sin(2*math.Pi*15*at)), math.Pi * math.Floor(at/0.45)
		}, modem},
		{"2225 of a Bell modem", 2225, 0, steady, ""},
		{"noise", 0, 4000, func(float64) (float64, float64) { return 0, 0 }, ""},
	} {
		if got := heard(announce(7, c.hz, c.noise, c.f)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	// A packet that is lost, and made up as silence, hides nothing.
	f := announce(7, 1100, 0, cng(4000, 0.5))
	clear(f[5600:5760])
	g := announce(3, 2100, 0, steady)
	clear(g[4000:4160])
	if a, b := heard(f), heard(g); a != fax || b != ced {
		t.Errorf("with losses %q and %q", a, b)
	}
	for name, tn := range map[string]Tone{"dial tone": Dial(), "ringback": Ringback(), "keys": Digits("0123456789*#ABCD", 100e6, 100e6)} {
		f := make(media.Frame, 5*Rate)
		_, _ = tn.Play().Read(f)
		if got := heard(f); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func BenchmarkModemFrame(b *testing.B) {
	f := announce(0.02, 1100, 0, func(float64) (float64, float64) { return 4000, 0 })
	m := NewModem(func(Announced) {})
	b.ReportAllocs()
	for b.Loop() {
		m.Write(f)
	}
}
