package prompt

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"santral/media"
	"santral/media/player"
)

// heard reads a source to its end, in frames of 20 ms.
func heard(t testing.TB, s media.Source) (all []int16, rate int) {
	t.Helper()
	rate = s.(media.Rated).Rate()
	f := make(media.Frame, rate/50)
	for range 5000 {
		n, err := s.Read(f)
		all = append(all, f[:n]...)
		if errors.Is(err, io.EOF) {
			return all, rate
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("it never ends")
	return nil, 0
}

func say(t testing.TB, s *Set, language string, o Overlay, what ...media.Phrase) []int16 {
	t.Helper()
	source, err := s.Say(language, o, what...)
	if err != nil {
		t.Fatal(err)
	}
	all, _ := heard(t, source)
	return all
}

func load(t testing.TB, o Options) *Set {
	t.Helper()
	s, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// own gives the samples of a clip of ours, read from its file.
func own(t testing.TB, language, id string) []int16 {
	t.Helper()
	s, err := player.Load(filepath.Join(language, id+".g722"))
	if err != nil {
		t.Fatal(err)
	}
	return s.Samples()
}

// What is heard is the clips, sample by sample, one after another, with nothing between them but what is asked for.
func TestNoGaps(t *testing.T) {
	s := load(t, Options{})
	want := slices.Concat(own(t, "fa", "queue.wait"), own(t, "fa", "number.20-and"), own(t, "fa", "number.1"), own(t, "fa", "time.minute"), make([]int16, Rate/2), own(t, "fa", "general.goodbye"))
	got := say(t, s, "fa", Overlay{}, media.Clip("queue.wait"), media.Lasting(21*time.Minute), media.Silence(500*time.Millisecond), media.Clip("general.goodbye"))
	if !slices.Equal(got, want) {
		t.Errorf("%d samples that are not the %d of the clips", len(got), len(want))
	}
	if got := say(t, s, "fa", Overlay{}, media.Clip("time.at")); len(got) != 0 {
		t.Errorf("what is nothing in Persian has %d samples", len(got))
	}
	if got := say(t, s, "fa", Overlay{}); len(got) != 0 {
		t.Errorf("nothing has %d samples", len(got))
	}
	// Sound that is there already, of another rate, between clips.
	tone := make([]int16, 4000)
	for i := range tone {
		tone[i] = int16(1000 * (i%2*2 - 1) * (i / 2 % 2))
	}
	source := player.New(tone, 8000)
	all := say(t, s, "en", Overlay{}, media.Number(7), media.Recorded{Source: foreign{source.Play()}}, media.Number(8))
	seven, eight := own(t, "en", "number.7"), own(t, "en", "number.8")
	if !slices.Equal(all[:len(seven)], seven) || !slices.Equal(all[len(all)-len(eight):], eight) {
		t.Error("the clips around a recorded sound are not whole")
	}
	if between := len(all) - len(seven) - len(eight); between < 8000 || between > 8000+Rate/50 {
		t.Errorf("half a second of sound has become %d samples", between)
	}
}

// foreign is a source that knows one rate.
type foreign struct{ media.Source }

// A sentence is of one voice: what a tenant or a folder has of its own is heard only where it has all of a sentence.
func TestOneVoiceInASentence(t *testing.T) {
	beep := func(n int) []int16 { return slices.Repeat([]int16{100, -100}, n) }
	dir := t.TempDir()
	write := func(name string, samples []int16) {
		var data []byte
		for _, v := range samples {
			data = append(data, byte(v), byte(v>>8))
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("en/number.20.sln16", beep(10))
	write("en/number.1.sln16", beep(11))
	write("en/number.1.ulaw", beep(5)) // the better of two
	write("en/general.goodbye.sln16", beep(12))
	write("en/general.hello.sln16", beep(13))
	write("en/house.welcome.sln16", beep(14))
	write("en/notes.txt", nil)
	write("en/general.welcome.wav", beep(3)) // no WAV file
	var faults []string
	s := load(t, Options{Folder: dir, Fault: func(file string, err error) { faults = append(faults, fmt.Sprintf("%s: %v", file, err)) }})
	tenant := player.New(beep(20), Rate)
	overlay := Overlay{Clip: func(language, id string) *player.Sound {
		if language == "en" && (id == "general.hello" || id == "number.20") {
			return tenant
		}
		return nil
	}}
	for _, c := range []struct {
		name string
		what []media.Phrase
		want []int16
	}{
		{"the folder has it all", []media.Phrase{media.Number(21)}, append(beep(10), beep(11)...)},
		{"the folder lacks a word", []media.Phrase{media.Number(22)}, slices.Concat(own(t, "en", "number.20"), own(t, "en", "number.2"))},
		{"the tenant's alone", []media.Phrase{media.Number(20)}, beep(20)},
		{"of the house alone", []media.Phrase{media.Clip("house.welcome")}, beep(14)},
		{"sentences are chosen each for itself", []media.Phrase{media.Clip("general.hello"), media.Clip("general.goodbye"), media.Clip("general.thank-you"), media.Number(20), media.Silence(0), media.Number(1)},
			slices.Concat(beep(20), beep(12), own(t, "en", "general.thank-you"), beep(20), beep(11))},
		{"a sentence ends where its last piece does", []media.Phrase{media.Place(21), media.Number(21)},
			slices.Concat(own(t, "en", "queue.you-are-number"), own(t, "en", "number.20"), own(t, "en", "number.1"), own(t, "en", "queue.in-line"), beep(10), beep(11))},
		{"a broken file", []media.Phrase{media.Clip("general.welcome"), media.Clip("general.welcome")}, slices.Concat(own(t, "en", "general.welcome"), own(t, "en", "general.welcome"))},
	} {
		if got := say(t, s, "en", overlay, c.what...); !slices.Equal(got, c.want) {
			t.Errorf("%s: %d samples, want %d", c.name, len(got), len(c.want))
		}
	}
	if len(faults) != 1 || !strings.HasPrefix(faults[0], "general.welcome.wav: ") {
		t.Errorf("faults: %v", faults)
	}
	if _, err := s.Say("en", overlay, media.Clip("house.farewell")); err == nil || !strings.Contains(err.Error(), `"house.farewell"`) {
		t.Errorf("a clip that nobody has: %v", err)
	}
	if _, err := s.Say("en", overlay, media.Text("hello")); err == nil || !strings.Contains(err.Error(), "engine") {
		t.Errorf("text without an engine: %v", err)
	}
	overlay.Text = func(language, text string) (*player.Sound, error) { return player.New(beep(len(text)), Rate), nil }
	if got := say(t, s, "en", overlay, media.Text("hello")); !slices.Equal(got, beep(5)) {
		t.Errorf("text: %d samples", len(got))
	}
	for _, o := range []Options{{Folder: filepath.Join(dir, "absent")}, {Asterisk: map[string]string{"en": filepath.Join(dir, "absent")}}} {
		if _, err := Load(o); err == nil {
			t.Errorf("%+v was opened", o)
		}
	}
}

// A set with Asterisk's names gives numbers, letters, menus and what else it has words for.
func TestAsteriskNames(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, length int) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, length), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file("digits/20.g722", 320)
	file("digits/1.g722", 160)
	file("digits/h-1.g722", 480)
	file("digits/day-5.g722", 160)
	file("digits/mon-10.alaw", 80)
	file("letters/a.g722", 160)
	file("vm-press.ulaw", 80)
	file("vm-youhave.g722", 320)
	s := load(t, Options{Asterisk: map[string]string{"en": dir}})
	for _, c := range []struct {
		what media.Phrase
		want time.Duration
	}{
		{media.Number(21), 60 * time.Millisecond},
		{media.Ordinal(21), 100 * time.Millisecond},
		{media.Spelled("a1"), 40 * time.Millisecond},
		{media.Clip("weekday.friday"), 20 * time.Millisecond},
		{media.Clip("month.november"), 10 * time.Millisecond},
		{media.Clip("menu.press-1"), 30 * time.Millisecond},
		{media.Clip("menu.press-2"), time.Duration(len(own(t, "en", "menu.press-2"))) * time.Second / Rate}, // no "two"
	} {
		source, err := s.Say("en", Overlay{}, c.what)
		if err != nil {
			t.Fatal(err)
		}
		all, rate := heard(t, source)
		if got := time.Duration(len(all)) * time.Second / time.Duration(rate); got != c.want {
			t.Errorf("%T %v: %v, want %v", c.what, c.what, got, c.want)
		}
	}
}

// The set that Debian has says all numbers, and what stands in our table is in it.
func TestTheSetOfDebian(t *testing.T) {
	dir := "/usr/share/asterisk/sounds/en_US_f_Allison"
	if other := os.Getenv("SANTRAL_TEST_SOUNDS"); other != "" {
		dir = other
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skip("asterisk-core-sounds-en-g722 is not installed")
	}
	for id, files := range asterisk() {
		for _, name := range files {
			if _, err := os.Stat(filepath.Join(dir, name+".g722")); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
	}
	s := load(t, Options{Asterisk: map[string]string{"en": dir}})
	number, err := player.Load(filepath.Join(dir, "digits/7.g722"))
	if err != nil {
		t.Fatal(err)
	}
	if got := say(t, s, "en", Overlay{}, media.Number(7)); !slices.Equal(got, number.Samples()) {
		t.Error("seven is not the set's")
	}
}

// Many say things at once: what is decoded is decoded once and shared.
func TestSharing(t *testing.T) {
	s := load(t, Options{})
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for n := range 50 {
				if _, err := s.Say([]string{"en", "fa"}[i%2], Overlay{}, media.Number(n*1000+i), media.Clip("general.goodbye")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	a, b := s.voices["en"][0].sounds("number.1"), s.voices["en"][0].sounds("number.1")
	if len(a) != 1 || a[0] != b[0] {
		t.Error("a sound is not shared")
	}
}

func BenchmarkSay(b *testing.B) {
	s := load(b, Options{})
	for _, language := range Languages() {
		b.Run(language, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Say(language, Overlay{}, media.Number(123456)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFrame(b *testing.B) {
	s := load(b, Options{})
	for _, rate := range []int{8000, 16000} {
		b.Run(fmt.Sprint(rate), func(b *testing.B) {
			f := make(media.Frame, rate/50)
			var source media.Source
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				if n--; n < 0 {
					var err error
					if source, err = s.Say("fa", Overlay{}, media.Clip("conference.menu"), media.Number(123456)); err != nil {
						b.Fatal(err)
					}
					if !source.(media.Adjustable).SetRate(rate) {
						b.Fatal("it has one rate")
					}
					n = 600
				}
				if _, err := source.Read(f); err != nil {
					n = 0
				}
			}
		})
	}
}
