package prompt

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"santral/media"
	"santral/media/player"
	"santral/store"
)

// What a tenant uploads is heard by its own next sentence, at the loudness of prompts; it is rolled back, deleted, found after
// a start, and nobody else hears any of it.
func TestVersions(t *testing.T) {
	h := newHouse(t, nil)
	ctx := t.Context()
	ours := h.hears(t, "sample", "en", media.Clip("general.hello"))
	first, second := hum(440, 1.5, 900), hum(900, 2, 28000)
	for i, s := range []*player.Sound{first, second} {
		v, err := h.Put(ctx, hello, "x", bytes.NewReader(s.WAV()), "tester")
		if err != nil || v.Version != i+1 || !v.Current || v.By != "tester" || v.Origin != Upload || v.Long != store.Millis(s.Duration().Milliseconds()) {
			t.Fatalf("%+v %v", v, err)
		}
		if math.Abs(v.Loudness+16) > 1 {
			t.Errorf("version %d has %v LUFS", v.Version, v.Loudness)
		}
		if got := h.hears(t, "sample", "en", media.Clip("general.hello")); alike(got, s.Samples()) < 0.99 {
			t.Errorf("version %d is not heard: %.3f", v.Version, alike(got, s.Samples()))
		}
	}
	wav, err := h.Sound(ctx, hello, 0)
	if err != nil || alike(samples(t, wav), second.Samples()) < 0.99 {
		t.Errorf("what is heard is given out as another: %v", err)
	}
	for version := range 3 {
		if wav, err = h.Sound(ctx, hello, version); err != nil {
			t.Fatal(err)
		}
		if l := loudness(t, wav); math.Abs(l+16) > 1 {
			t.Errorf("version %d has %.1f LUFS by ffmpeg", version, l)
		}
	}
	// Sentences of more than it, of other languages and of other tenants are ours.
	foreign := hello
	foreign.Tenant = "other"
	persian := hello
	persian.Language = "fa"
	if got := h.hears(t, "other", "en", media.Clip("general.hello")); !slices.Equal(got, ours) {
		t.Error("another tenant hears it")
	}
	if list, err := h.Versions(ctx, foreign); err != nil || list != nil {
		t.Errorf("another tenant sees %v %v", list, err)
	}
	if _, err := h.Sound(ctx, foreign, 1); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another tenant gets a version: %v", err)
	}
	if err := h.Hear(ctx, foreign, 1); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another tenant rolls back: %v", err)
	}
	if err := h.Delete(ctx, foreign, 0); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another tenant deletes: %v", err)
	}
	list, err := h.List(ctx, "sample", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list {
		switch {
		case i.ID == "general.hello" && i.Language == "en":
			if i.Heard != "own" || i.Version == nil || i.Version.Version != 2 || i.Number != 1001 || i.Missing || i.Text != "Hello." {
				t.Errorf("%+v", i)
			}
		case i.ID == "general.hello":
			if i.Heard != "ours" || !i.Missing || i.Version != nil {
				t.Errorf("%+v", i)
			}
		case i.Missing || i.Heard != "ours" || i.Number == 0:
			t.Errorf("%+v", i)
		}
	}
	if err := h.Hear(ctx, hello, 1); err != nil {
		t.Fatal(err)
	}
	if err := h.Delete(ctx, hello, 1); !errors.Is(err, store.ErrHeard) {
		t.Errorf("the one that is heard: %v", err)
	}
	h.Service.Close()
	h.start(t, nil) // another life, from rows and files
	if got := h.hears(t, "sample", "en", media.Clip("general.hello")); alike(got, first.Samples()) < 0.99 {
		t.Error("the first is not heard after the roll-back and a start")
	}
	if err := h.Hear(ctx, hello, 0); err != nil {
		t.Fatal(err)
	}
	if got := h.hears(t, "sample", "en", media.Clip("general.hello")); !slices.Equal(got, ours) {
		t.Error("our own voice is not heard")
	}
	if err := h.Delete(ctx, hello, 1); err != nil || len(h.files(t)) != 1 {
		t.Errorf("%v, files %v", err, h.files(t))
	}
	if err := h.Delete(ctx, hello, 0); err != nil || len(h.files(t)) != 0 {
		t.Errorf("%v, files %v", err, h.files(t))
	}
	for _, key := range []store.PromptKey{hello, persian} {
		if err := h.Hear(ctx, key, 1); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%v: %v", key, err)
		}
	}
	if len(h.faults) > 0 {
		t.Error(h.faults)
	}
}

// Files of every kind are taken, and foreign ones by ffmpeg; what is none is refused with its reason.
func TestUploads(t *testing.T) {
	h := newHouse(t, nil)
	ctx := t.Context()
	said := hum(440, 2, 9000)
	dir := t.TempDir()
	plain := filepath.Join(dir, "x.wav")
	if err := os.WriteFile(plain, said.WAV(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, kind := range [][]string{{"mp3"}, {"flac"}, {"m4a"}, {"ogg", "-c:a", "libopus"}, {"g722", "-ar", "16000"}, {"48.wav", "-ar", "48000", "-ac", "2"}, {"alaw", "-ar", "8000", "-f", "alaw"}} {
		file := filepath.Join(dir, "y."+kind[0])
		tool(t, slices.Concat([]string{"ffmpeg", "-v", "error", "-y", "-i", plain}, kind[1:], []string{file})...)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		v, err := h.Put(ctx, hello, file, bytes.NewReader(data), "tester")
		if err != nil {
			t.Errorf("%s: %v", kind[0], err)
			continue
		}
		if long := v.Long.Duration() - 2*time.Second; long < -100*time.Millisecond || long > 120*time.Millisecond || math.Abs(v.Loudness+16) > 1 {
			t.Errorf("%s: %v at %v LUFS", kind[0], v.Long.Duration(), v.Loudness)
		}
		wav, err := h.Sound(ctx, hello, 0)
		if err != nil || math.Abs(loudness(t, wav)+16) > 1 {
			t.Errorf("%s: %v LUFS by ffmpeg, %v", kind[0], loudness(t, wav), err)
		}
	}
	before := len(h.files(t))
	for name, c := range map[string]struct {
		file string
		data []byte
		want string
	}{
		"nothing":         {"x.wav", nil, "empty"},
		"too large":       {"x.wav", make([]byte, MaxUpload+1), "larger than 20 MiB"},
		"too long":        {"x.alaw", make([]byte, 8000*601), "longer than 10m0s"},
		"too short":       {"x.wav", hum(440, 0.05, 9000).WAV(), "shorter than"},
		"silence":         {"x.wav", player.New(make([]int16, 16000), 16000).WAV(), "nothing to be heard"},
		"a text":          {"x.mp3", []byte("hello, this is no sound at all"), "can't be taken"},
		"a torn header":   {"x.wav", said.WAV()[:30], "can't be taken"},
		"a playlist":      {"x.m3u8", []byte("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"), "can't be taken"},
		"a list of files": {"x.ffconcat", []byte("ffconcat version 1.0\nfile /etc/passwd\n"), "can't be taken"},
		"a page":          {"x.svg", []byte("<svg><image href='http://127.0.0.1/'/></svg>"), "can't be taken"},
		"a bomb of Ogg":   {"x.ogg", append([]byte("OggS"), make([]byte, 4096)...), "can't be taken"},
	} {
		_, err := h.Put(ctx, hello, c.file, bytes.NewReader(c.data), "tester")
		var bad *Bad
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if len(h.files(t)) != before {
		t.Errorf("files: %v", h.files(t))
	}
	for _, key := range []store.PromptKey{
		{Tenant: "none", Language: "en", ID: "general.hello"}, {Tenant: "../sample", Language: "en", ID: "general.hello"}, {Tenant: "sample", Language: "de", ID: "general.hello"},
		{Tenant: "sample", Language: "en", ID: "no.such"}, {Tenant: "sample", Language: "en", ID: "own."}, {Tenant: "sample", Language: "en", ID: "own.a/../../b"},
		{Tenant: "sample", Language: "en", ID: "own.A"}, {Tenant: "sample", Language: "en", ID: "own.\x00"}, {Tenant: "sample", Language: "fa", ID: "time.at"}, {Tenant: "sample", Language: "../en", ID: "general.hello"},
		{Tenant: "sample", Language: "en", ID: "own." + strings.Repeat("a", 80)}, {},
	} {
		if _, err := h.Put(ctx, key, "x.wav", bytes.NewReader(said.WAV()), "tester"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%q: %v", key, err)
		}
		if _, err := h.Sound(ctx, key, 0); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%q: %v", key, err)
		}
	}
	// The oldest go, with their files.
	for range MaxVersions + 2 {
		if _, err := h.Put(ctx, hello, "x.wav", bytes.NewReader(said.WAV()), "tester"); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := h.Versions(ctx, hello); err != nil || len(list) != MaxVersions || len(h.files(t)) != MaxVersions {
		t.Errorf("%d versions, %d files, %v", len(list), len(h.files(t)), err)
	}
}

// A file that has gone, or has changed, is not heard: the voice behind it is, and somebody is told.
func TestAFileThatIsGone(t *testing.T) {
	h := newHouse(t, nil)
	ours := h.hears(t, "sample", "en", media.Clip("general.hello"))
	if _, err := h.Put(t.Context(), hello, "x.wav", bytes.NewReader(hum(440, 1, 9000).WAV()), "tester"); err != nil {
		t.Fatal(err)
	}
	name := h.files(t)[0]
	other := hum(500, 1, 9000).WAV()
	if err := h.blobs.Put(t.Context(), name, bytes.NewReader(other), int64(len(other))); err != nil {
		t.Fatal(err)
	}
	h.Service.Close()
	h.start(t, nil)
	if got := h.hears(t, "sample", "en", media.Clip("general.hello")); !slices.Equal(got, ours) {
		t.Error("a changed file is heard")
	}
	if len(h.faults) != 1 || !strings.Contains(h.faults[0], errChanged.Error()) {
		t.Error(h.faults)
	}
}

// Sounds in memory are bounded.
func TestTheShelfIsBounded(t *testing.T) {
	h := newHouse(t, nil)
	h.shelf.most = 300_000
	for i := range 20 {
		key := store.PromptKey{Tenant: "sample", Language: "en", ID: fmt.Sprint("own.p", i)}
		if _, err := h.Put(t.Context(), key, "x.wav", bytes.NewReader(hum(300+10*float64(i), 1, 9000).WAV()), "tester"); err != nil {
			t.Fatal(err)
		}
	}
	total := int64(0)
	for at := h.shelf.recent.Front(); at != nil; at = at.Next() {
		total += at.Value.(*held).sound.Size()
	}
	if total > 300_000 || len(h.shelf.all) != h.shelf.recent.Len() || len(h.shelf.all) < 5 {
		t.Errorf("%d octets of %d sounds", total, len(h.shelf.all))
	}
	if got := h.hears(t, "sample", "en", media.Clip("own.p3")); alike(got, hum(330, 1, 9000).Samples()) < 0.99 {
		t.Error("one that was forgotten is not read again")
	}
	own, err := h.List(t.Context(), "sample", "fa")
	if err != nil || own[len(own)-1].ID == "" || !own[len(own)-1].Missing || own[len(own)-1].Number < OwnNumber {
		t.Errorf("%+v %v", own[len(own)-1], err)
	}
}

// Text is put into speech where there is an engine: for a sentence, as a preview, and to stay as a version.
func TestSpeech(t *testing.T) {
	h := newHouse(t, nil)
	ctx := t.Context()
	if _, err := h.Say("sample", "en", media.Text("hello")); err == nil {
		t.Error("speech without an engine")
	}
	if _, err := h.Preview(ctx, "sample", "en", "hello"); !errors.Is(err, ErrNoEngine) {
		t.Error(err)
	}
	e := &engine{}
	h.start(t, e)
	if got := h.hears(t, "sample", "fa", media.Text("hello")); alike(got, hum(700, .5, 3000).Samples()) < 0.99 {
		t.Error("a text is heard as another sound")
	}
	wav, err := h.Preview(ctx, "sample", "en", "hello there")
	if err != nil || alike(samples(t, wav), hum(700, 1.1, 3000).Samples()) < 0.99 {
		t.Error("the preview is another sound", err)
	}
	if _, err := h.Preview(ctx, "none", "en", "hello"); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	v, err := h.Speak(ctx, hello, "good morning", "tester")
	if err != nil || v.Origin != Speech || v.Text != "good morning" || math.Abs(v.Loudness+16) > 1 {
		t.Fatalf("%+v %v", v, err)
	}
	if got := h.hears(t, "sample", "en", media.Clip("general.hello")); alike(got, hum(700, 1.2, 3000).Samples()) < 0.99 {
		t.Error("it is not heard")
	}
	if !slices.Equal(e.asked, []string{"fa hello", "en hello there", "en good morning"}) {
		t.Errorf("asked %q", e.asked)
	}
	var bad *Bad
	if _, err := h.Speak(ctx, hello, "", "tester"); !errors.As(err, &bad) {
		t.Error(err)
	}
}

// Whoever speaks while versions change hears whole sentences of one version, and nobody waits.
func TestChangesWhileSpeaking(t *testing.T) {
	h := newHouse(t, nil)
	low, high := hum(300, .3, 9000), hum(1200, .3, 9000)
	for _, s := range []*player.Sound{low, high} {
		if _, err := h.Put(t.Context(), hello, "x.wav", bytes.NewReader(s.WAV()), "tester"); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error, 1)
	go func() {
		for i := range 100 {
			if err := h.Hear(t.Context(), hello, 1+i%2); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for range 300 {
		got := h.hears(t, "sample", "en", media.Clip("general.hello"), media.Clip("general.hello"))
		half := got[:len(got)/2]
		if !slices.Equal(half, got[len(got)/2:]) || max(alike(half, low.Samples()), alike(half, high.Samples())) < 0.99 {
			t.Fatal("a sentence is of two versions, or of none")
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
