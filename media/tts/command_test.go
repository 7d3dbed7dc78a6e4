package tts

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"santral/media/pcm"
	"santral/media/player"
)

// need leaves out what needs a program that isn't there, unless it must be.
func need(t testing.TB, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("SANTRAL_TEST_PEERS") == "require" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// loud is the mean of the magnitudes of a sound: speech has some.
func loud(s *player.Sound) float64 {
	sum := 0.
	for _, v := range s.Samples() {
		sum += max(float64(v), -float64(v))
	}
	return sum / float64(max(len(s.Samples()), 1))
}

// Real engines speak: the one that writes to its standard output, and the one that needs a file, each what the engine
// itself says of the text.
func TestEngines(t *testing.T) {
	for name, c := range map[string]Command{
		"espeak-ng": {"en": {"espeak-ng", "-v", "en", "--stdin", "--stdout"}, "fa": {"espeak-ng", "-v", "fa", "--stdin", "--stdout"}},
		"flite":     {"en": {"flite", "-voice", "slt", "-f", "/dev/stdin", "-o", WAVFile}},
	} {
		t.Run(name, func(t *testing.T) {
			need(t, name)
			for language := range c {
				text := map[string]string{"en": "Your parcel arrives on Monday; --help and $(reboot) are only words.", "fa": "بستهٔ شما روز دوشنبه می‌رسد."}[language]
				sound, err := c.Speak(t.Context(), language, text)
				if err != nil {
					t.Fatal(err)
				}
				if d := sound.Duration(); d < 1500*time.Millisecond || d > 15*time.Second || loud(sound) < 300 {
					t.Errorf("%s: %v of sound, magnitude %.0f", language, d, loud(sound))
				}
				again, err := c.Speak(t.Context(), language, text+" "+text)
				if err != nil || again.Duration() < sound.Duration()*3/2 {
					t.Errorf("twice the text: %v %v", again.Duration(), err)
				}
			}
			if _, err := c.Speak(t.Context(), "de", "hallo"); err != ErrLanguage {
				t.Errorf("German: %v", err)
			}
		})
	}
}

// What a program does wrong is a sentence, and nothing of it stays: no process, no file.
func TestAnEngineThatIsNone(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	for name, c := range map[string]struct {
		line []string
		want string
	}{
		"not there":      {[]string{"no-such-engine"}, "no-such-engine can't say it"},
		"fails":          {[]string{"sh", "-c", "echo no voice is here >&2; exit 3"}, "no voice is here"},
		"says nothing":   {[]string{"true"}, "no sound that can be read"},
		"no sound":       {[]string{"echo", "hello"}, "no sound that can be read"},
		"writes none":    {[]string{"true", WAVFile}, "has written no file"},
		"never ends":     {[]string{"sh", "-c", "exec yes"}, "said more than 16 MiB"},
		"leaves a child": {[]string{"sh", "-c", "yes & wait"}, "said more than 16 MiB"},
	} {
		_, err := Command{"en": c.line}.Speak(t.Context(), "en", "hello")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	begun := time.Now()
	if _, err := (Command{"en": {"sh", "-c", "sleep 60 & wait"}}).Speak(ctx, "en", "hello"); err == nil || time.Since(begun) > 5*time.Second {
		t.Errorf("a silent one: %v after %v", err, time.Since(begun))
	}
	if left, _ := filepath.Glob(filepath.Join(tmp, "*")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
	for _, text := range []string{"", " \n", strings.Repeat("a", MaxText+1), "a\x00b", "\xff"} {
		if _, err := (Command{"en": {"cat"}}).Speak(t.Context(), "en", text); err == nil || strings.Contains(err.Error(), "read") {
			t.Errorf("%q: %v", text[:min(len(text), 9)], err)
		}
	}
}

// beeper is an engine that counts, and says a beep as long as the text.
type beeper struct {
	asked func(text string)
	err   error
}

func (b *beeper) Voice(language string) string {
	return map[string]string{"en": "beep", "fa": "boop"}[language]
}

func (b *beeper) Speak(_ context.Context, _, text string) (*player.Sound, error) {
	if b.asked != nil {
		b.asked(text)
	}
	if b.err != nil {
		return nil, b.err
	}
	x := make([]int16, 160*len(text))
	for i := range x {
		x[i] = int16(8000 - 16000*(i/20%2))
	}
	return player.New(pcm.Resample(x, 8000, 16000), 16000), nil
}
