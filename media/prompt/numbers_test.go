package prompt

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"santral/media/player"
)

// Every clip has a number, which is its own, and which later clips don't change.
func TestNumbers(t *testing.T) {
	last := 1000
	for line := range strings.Lines(numbered) {
		if n := Number(strings.Fields(line)[1]); n != last+1 {
			t.Fatalf("%q does not have the number %d: add new clips at the end", line, last+1)
		}
		last++
	}
	for _, p := range Catalogue() {
		if n := Number(p.ID); n == 0 || Numbered(n) != p.ID {
			t.Errorf("%s has no number: `make prompts` writes %d for it at the end of numbers.txt", p.ID, last+1)
			last++
		}
	}
	for n, id := range map[int]string{1001: "general.hello", 1200: "agent.in", 0: "", 999999: ""} { // people know these by heart
		if Numbered(n) != id {
			t.Errorf("%d is %q, not %q", n, Numbered(n), id)
		}
	}
}

// Whose voice a clip is heard in is told, with its sound.
func TestHeard(t *testing.T) {
	dir := t.TempDir()
	x := make([]int16, 1600)
	for i := range x {
		x[i] = int16(i)
	}
	if err := os.Mkdir(filepath.Join(dir, "fa"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "fa", "general.hello.wav"), player.New(x, Rate).WAV(), 0o644); err != nil {
		t.Fatal(err)
	}
	s := load(t, Options{Folder: dir})
	for _, c := range []struct{ language, id, voice string }{
		{"fa", "general.hello", "folder"}, {"en", "general.hello", "ours"}, {"fa", "general.goodbye", "ours"}, {"fa", "time.at", ""}, {"en", "no.such", ""}, {"de", "general.hello", ""},
	} {
		parts, voice := s.Heard(c.language, c.id)
		if voice != c.voice || s.Voice(c.language, c.id) != c.voice || (voice == "") != (parts == nil) {
			t.Errorf("%s in %s is heard of %q", c.id, c.language, voice)
		}
	}
	parts, _ := s.Heard("fa", "general.hello")
	if got, _ := heard(t, player.Sequence(parts...)); !slices.Equal(got, x) {
		t.Error("its sound is another")
	}
}
