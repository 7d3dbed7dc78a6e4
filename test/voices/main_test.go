package main

import (
	"math"
	"os/exec"
	"path/filepath"
	"testing"

	"santral/media/player"
	"santral/media/prompt"
)

// What the engines of this machine say today is what lies in the tree: as long to 20 ms, and alike.
func TestTheTreeHoldsWhatIsSpoken(t *testing.T) {
	for _, c := range []struct{ program, language, id string }{
		{"flite", "en", "number.7"}, {"flite", "en", "queue.next"}, {"espeak-ng", "fa", "number.20-and"}, {"espeak-ng", "fa", "queue.next"},
	} {
		if _, err := exec.LookPath(c.program); err != nil {
			t.Logf("%s is not installed", c.program)
			continue
		}
		data, err := speak(c.language, clip{id: c.id, text: prompt.Spoken(c.language, c.id), spoken: prompt.Spoken(c.language, c.id)})
		if err != nil {
			t.Errorf("%s %s: %v", c.language, c.id, err)
			continue
		}
		stored, err := player.Load(filepath.Join("../../media/prompt", c.language, c.id+".g722"))
		if err != nil {
			t.Fatal(err)
		}
		a, b := player.PackedG722(data).Samples(), stored.Samples()
		if d := len(a) - len(b); d > prompt.Rate/50 || -d > prompt.Rate/50 {
			t.Errorf("%s %s: %d samples, %d in the tree", c.language, c.id, len(a), len(b))
		}
		var ab, aa, bb float64
		for i := range min(len(a), len(b)) {
			x, y := float64(a[i]), float64(b[i])
			ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
		}
		if alike := ab / math.Sqrt(aa*bb); alike < 0.95 {
			t.Errorf("%s %s: likeness of %.3f to what is in the tree", c.language, c.id, alike)
		}
	}
}

func TestCut(t *testing.T) {
	s := make([]int16, prompt.Rate)
	for i := 4000; i < 12000; i++ {
		s[i] = int16(8000 - 16000*(i%2))
	}
	if got := cut(s); len(got) < 8000 || len(got) > 8000+2*window {
		t.Errorf("half a second was cut to %d samples", len(got))
	}
	if got := cut(make([]int16, 1000)); len(got) != 0 {
		t.Errorf("of silence %d samples are left", len(got))
	}
	if got := cut(nil); got != nil {
		t.Errorf("of nothing %d samples are left", len(got))
	}
	sentence, word := pad(make([]int16, 1001), "Please hold."), pad(make([]int16, 1001), "seven")
	if len(sentence) != 1002+2*1280 || len(word) != 1002+2*240 {
		t.Errorf("padded to %d and %d samples", len(sentence), len(word))
	}
}
