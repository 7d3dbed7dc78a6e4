package tts

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"santral/media/player"
)

func cache(t *testing.T, e Engine, folder string, disk int64) *Cache {
	t.Helper()
	c, err := NewCache(e, Options{Folder: folder, Disk: disk, Memory: 1 << 20, Finish: func(s *player.Sound) *player.Sound { return s.At(8000) }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A text is spoken once, however many want it, in another life of the cache too; by another voice it is another sound.
func TestSpokenOnce(t *testing.T) {
	folder := t.TempDir()
	var asked atomic.Int64
	begun := make(chan struct{})
	e := &beeper{asked: func(string) { asked.Add(1); <-begun }}
	c := cache(t, e, folder, 1<<20)
	var wait sync.WaitGroup
	sounds := make([]*player.Sound, 20)
	for i := range sounds {
		wait.Go(func() {
			var err error
			if sounds[i], err = c.Speak(t.Context(), "en", "hello"); err != nil {
				t.Error(err)
			}
		})
	}
	for asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	close(begun)
	wait.Wait()
	want := sounds[0].Samples()
	for _, s := range sounds {
		if s.Rate() != 8000 || !slices.Equal(s.Samples(), want) {
			t.Fatal("they hear unlike sounds")
		}
	}
	if asked.Load() != 1 || len(want) != 800 {
		t.Errorf("asked %d times for %d samples", asked.Load(), len(want))
	}
	c = cache(t, e, folder, 1<<20)
	if s, err := c.Speak(t.Context(), "en", "hello"); err != nil || !slices.Equal(s.Samples(), want) || asked.Load() != 1 {
		t.Errorf("after a start: %v, asked %d times", err, asked.Load())
	}
	if _, err := c.Speak(t.Context(), "fa", "hello"); err != nil || asked.Load() != 2 {
		t.Errorf("in Persian: %v, asked %d times", err, asked.Load())
	}
	if _, err := c.Speak(t.Context(), "de", "hello"); err != ErrLanguage {
		t.Errorf("in German: %v", err)
	}
	files, _ := filepath.Glob(filepath.Join(folder, "*"))
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	c = cache(t, e, folder, 1<<20)
	c.files["x"] = &kept{} // as if it had been there
	if s, err := c.Speak(t.Context(), "en", "hello"); err != nil || !slices.Equal(s.Samples(), want) || asked.Load() != 3 {
		t.Errorf("with its files taken away: %v, asked %d times", err, asked.Load())
	}
	e.err = errors.New("no voice")
	for range 2 {
		if _, err := c.Speak(t.Context(), "en", "other"); err == nil || err.Error() != "no voice" {
			t.Errorf("a fault: %v", err)
		}
	}
	if got := c.Stats(); got.Failed != 2 {
		t.Errorf("%+v", got)
	}
}

// The folder keeps to its size: what was not wanted for longest goes.
func TestTheFolderIsBounded(t *testing.T) {
	folder := t.TempDir()
	e := &beeper{}
	c := cache(t, e, folder, 40_000)
	text := func(i int) string { return fmt.Sprintf("%020d", i) } // 6,444 octets each
	for i := range 30 {
		if _, err := c.Speak(t.Context(), "en", text(i)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Speak(t.Context(), "en", text(0)); err != nil { // the favourite
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond) // so that they are not of one time
	}
	total := int64(0)
	files, _ := filepath.Glob(filepath.Join(folder, "*"))
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	if s := c.Stats(); total > 40_000 || total != s.Size || s.Asked != 30 {
		t.Errorf("%d octets in %d files, %+v", total, len(files), s)
	}
	if err := os.WriteFile(filepath.Join(folder, "new-1"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if c = cache(t, e, folder, 10_000); c.Stats().Size > 10_000 {
		t.Errorf("a smaller one holds %d", c.Stats().Size)
	}
	if files, _ = filepath.Glob(filepath.Join(folder, "*")); len(files) > 1 || strings.Contains(strings.Join(files, " "), "new-") {
		t.Errorf("left: %v", files)
	}
}
