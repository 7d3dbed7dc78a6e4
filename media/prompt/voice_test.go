package prompt

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"santral/media/level"
)

// tool gives a program of others, or skips the test.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("SANTRAL_TEST_PEERS") == "require" {
			t.Fatalf("%s is not installed", name)
		}
		t.Skipf("%s is not installed", name)
	}
	return path
}

// All clips are of one loudness, none is clipped, and each begins and ends in silence, so that joining them makes no click.
func TestClipsAreAlike(t *testing.T) {
	for _, language := range Languages() {
		for _, p := range Catalogue() {
			if p.Texts[language] == "" {
				continue
			}
			s := own(t, language, p.ID)
			if len(s) < Rate/10 || len(s) > 15*Rate {
				t.Errorf("%s %s lasts %d ms", language, p.ID, len(s)*1000/Rate)
			}
			peak := 0
			for i, v := range s {
				loud := max(int(v), -int(v))
				peak = max(peak, loud)
				if edge := min(i, len(s)-1-i); edge < Rate/200 && loud > 250 {
					t.Errorf("%s %s: sample %d of %d is %d", language, p.ID, i, len(s), v)
					break
				}
			}
			if peak > 32700 {
				t.Errorf("%s %s reaches full scale", language, p.ID)
			}
			core := s[:len(s)-Rate/100] // said over and over, so that words have blocks of 400 ms too
			m := level.NewMeter(Rate)
			m.Write(slices.Repeat(core, 1+Rate/len(core)))
			if l := m.Integrated(); l < level.Prompts-1.5 || l > level.Prompts+1 {
				t.Errorf("%s %s is at %.1f LUFS", language, p.ID, l)
			}
		}
	}
}

// ffmpeg reads the clips, and measures what we do.
func TestLoudnessByFFmpeg(t *testing.T) {
	ffmpeg := tool(t, "ffmpeg")
	for _, name := range []string{"en/conference.menu", "en/queue.all-busy", "fa/conference.menu", "fa/queue.all-busy"} {
		out, err := exec.Command(ffmpeg, "-hide_banner", "-nostats", "-f", "g722", "-i", name+".g722", "-af", "ebur128", "-f", "null", "-").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		m := regexp.MustCompile(`I: +(-[0-9.]+) LUFS`).FindAllStringSubmatch(string(out), -1)
		var lufs float64
		if _, err := fmt.Sscan(m[len(m)-1][1], &lufs); err != nil || lufs < -17 || lufs > -15 {
			t.Errorf("%s: %v LUFS", name, lufs)
		}
	}
}

// How the engine reads what is written: the o that joins numbers, ezafe, and the words that it reads wrongly as they stand.
func TestPhonemes(t *testing.T) {
	espeak := tool(t, "espeak-ng")
	phonemes := func(text string) string {
		out, err := exec.Command(espeak, "-v", "fa", "-x", "-q", "--", text).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(strings.NewReplacer("'", "", ",", "", ":", "", "_", "").Replace(string(out))), " ")
	}
	for id, want := range map[string]string{
		"number.9":                   "noh",
		"number.20-and":              "bisto",
		"number.9-and":               "noho",
		"number.3-and":               "seo",
		"number.200-and":             "devisto",
		"number.thousand-and":        "hezARo",
		"time.minute-and":            "daq1iq1eo",
		"money.usd-and":              "dolARo",
		"money.usd-part":             "sent",
		"ordinal.30":                 "siom",
		"ordinal.60":                 "Sastom",
		"day.6":                      "SeSome",
		"month.azar":                 "AzaRe",
		"month.dey":                  "deje",
		"clock.3":                    "seje",
		"clock.minutes":              "daq1iq1eje",
		"queue.you-are-number":       "SomA nafaRe",
		"conference.removed":         "SomA az konfeRAns xARedZ Sodid",
		"pin.enter":                  "lotfan Ramze xod RA vARed konid va sepas kelide moRabba? RA bezanid",
		"general.thanks-for-calling": "az tamAse SomA sepAsgozARim",
		"error.not-in-service":       "SomAReje moRede nazaR daR Sabake modZud nist",
		"menu.press-9":               "kelide noh RA bezanid",
		"queue.all-busy":             "hameje kARSenAsAne mA maSq1ule pAsoxgui hastand be tamAse SomA be nobat pAsox dAde miSavad",
	} {
		if got := phonemes(Spoken("fa", id)); got != want {
			t.Errorf("%s, %q: %s, want %s", id, Spoken("fa", id), got, want)
		}
	}
}
