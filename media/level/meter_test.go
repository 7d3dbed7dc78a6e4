package level

import (
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"santral/media"
	"santral/media/mediatest"
)

// ebur128 asks ffmpeg how loud sound is, in LUFS, and how high its true peak is, in dB of full scale.
func ebur128(t *testing.T, sound []int16, rate int) (loud, top float64) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		if os.Getenv("SANTRAL_TEST_PEERS") == "require" {
			t.Fatal("ffmpeg is required and not installed")
		}
		t.Skip("ffmpeg is not installed")
	}
	file := filepath.Join(t.TempDir(), "sound.raw")
	octets := make([]byte, 0, 2*len(sound))
	for _, v := range sound {
		octets = binary.LittleEndian.AppendUint16(octets, uint16(v))
	}
	if err := os.WriteFile(file, octets, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ffmpeg", "-hide_banner", "-nostats", "-f", "s16le", "-ar", strconv.Itoa(rate), "-ac", "1", "-i", file,
		"-filter_complex", "ebur128=peak=true", "-f", "null", "-").CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	number := func(name string) float64 {
		all := regexp.MustCompile(name+`:\s+(-?[0-9.]+|-inf) `).FindAllSubmatch(out, -1)
		if len(all) == 0 {
			t.Fatalf("no %s in\n%s", name, out)
		}
		v, _ := strconv.ParseFloat(string(all[len(all)-1][1]), 64)
		return v
	}
	return number("I"), number("Peak")
}

// music is chords of a few notes with overtones, that come and go.
func music(rate, seconds int) []int16 {
	out := make([]int16, rate*seconds)
	for i := range out {
		at := float64(i) / float64(rate)
		notes := [][3]float64{{262, 330, 392}, {220, 262, 330}, {175, 220, 262}, {196, 247, 294}}[int(at*1.5)%4]
		fade := math.Exp(-2 * math.Mod(at*3, 1))
		for _, hz := range notes {
			for k := 1.; k <= 5 && hz*k < float64(rate)/2.2; k++ {
				out[i] += int16(5000 * fade / k / k * math.Sin(2*math.Pi*hz*k*at))
			}
		}
	}
	return out
}

func TestMeterAgreesWithFFmpeg(t *testing.T) {
	check := func(name string, sound []int16, rate int) {
		want, _ := ebur128(t, sound, rate)
		got := measure(sound, rate)
		t.Logf("%s at %d Hz: %.2f LUFS, ffmpeg says %.1f", name, rate, got, want)
		if math.Abs(got-want) > .5 {
			t.Errorf("%s at %d Hz: %.2f LUFS, ffmpeg says %.1f", name, rate, got, want)
		}
	}
	for _, rate := range []int{8000, 16000, 48000} {
		for _, voice := range []string{"fa", "slt", "rms"} {
			speech := mediatest.Speech(t, voice, rate)
			check(voice, speech, rate)
			gaps := append(append(append([]int16(nil), speech...), make([]int16, 20*rate)...), speech[:2*rate]...)
			for i := range gaps[len(speech):] {
				gaps[len(speech)+i] /= 20
			}
			check(voice+" and softer", gaps, rate)
		}
		check("music", music(rate, 10), rate)
		check("white noise", mediatest.Noise(t, "white", 5*rate, rate, 1), rate)
		check("fan", mediatest.Noise(t, "fan", 5*rate, rate, 1), rate)
	}
}

// The standard's own points: a sine of 997 Hz at full scale in one channel is −3.01 LUFS (ITU-R BS.1770-4 annex 1);
// sines of EBU Tech 3341, with one channel in place of two.
func TestMeter(t *testing.T) {
	sine := func(m *Meter, seconds, dBFS float64) {
		f := make(media.Frame, int(seconds*48000))
		for i := range f {
			f[i] = int16(math.Round(32767 * math.Pow(10, dBFS/20) * math.Sin(2*math.Pi*997*float64(i)/48000)))
		}
		m.Write(f)
	}
	for name, c := range map[string]struct {
		parts [][2]float64 // seconds, dBFS
		want  float64
	}{
		"full scale":    {[][2]float64{{5, 0}}, -3.01},
		"test case 1":   {[][2]float64{{20, -20}}, -23.01},
		"test case 3":   {[][2]float64{{10, -33}, {60, -20}, {10, -33}}, -23.01},
		"test case 4":   {[][2]float64{{10, -69}, {10, -33}, {60, -20}, {10, -33}, {10, -69}}, -23.01},
		"a short piece": {[][2]float64{{0.25, -20}}, -23.01},
	} {
		m := NewMeter(48000)
		for _, p := range c.parts {
			sine(m, p[0], p[1])
		}
		if got := m.Integrated(); math.Abs(got-c.want) > .1 {
			t.Errorf("%s: %.2f LUFS, want %.2f", name, got, c.want)
		}
	}
	m := NewMeter(48000)
	for _, m := range []*Meter{NewMeter(8000), NewMeter(48000)} {
		if m.Integrated() != Unmeasured {
			t.Error("nothing is loud")
		}
		m.Write(make(media.Frame, m.Rate()))
		if m.Integrated() != Unmeasured {
			t.Errorf("silence is %.1f", m.Integrated())
		}
	}
	if n := testing.AllocsPerRun(10, func() { m.Write(make(media.Frame, 960)[:960:960]) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

// Prompts come to −16 LUFS by ffmpeg's measure, with no peak over full scale.
func TestNormalize(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		all := map[string][]int16{"music": music(rate, 8)}
		for _, voice := range mediatest.Voices {
			all[voice] = mediatest.Speech(t, voice, rate)
		}
		all["a word"] = mediatest.Speech(t, "slt", rate)[:rate*6/10]
		quiet := append([]int16(nil), all["rms"]...)
		for i := range quiet {
			quiet[i] /= 60
		}
		all["quiet"] = quiet
		for name, sound := range all {
			got := Normalize(sound, rate, Prompts)
			loud, top := ebur128(t, got, rate)
			t.Logf("%s at %d Hz: %.1f LUFS, peak %.1f dB", name, rate, loud, top)
			if math.Abs(loud-Prompts) > 1 || top > 0 {
				t.Errorf("%s at %d Hz: %.1f LUFS, peak %.1f dB", name, rate, loud, top)
			}
			if len(got) != len(sound) {
				t.Errorf("%d samples are %d", len(sound), len(got))
			}
		}
		if mos := mediatest.Opinion(all["slt"], Normalize(all["slt"], rate, Prompts), rate); rate < 48000 && mos < 4 {
			t.Errorf("at %d Hz speech is %.2f after it", rate, mos)
		}
	}
	if got := Normalize(make([]int16, 8000), 8000, Prompts); measure(got, 8000) != Unmeasured {
		t.Error("silence is made loud")
	}
	if got := Normalize(nil, 8000, Prompts); len(got) != 0 {
		t.Error("nothing is made something")
	}
}

func BenchmarkMeter(b *testing.B) {
	m, f := NewMeter(8000), make(media.Frame, 160)
	for b.Loop() {
		m.Write(f)
	}
}
