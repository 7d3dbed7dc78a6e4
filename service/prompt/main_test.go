package prompt

import (
	"context"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"santral/base/id"
	"santral/media"
	"santral/media/player"
	"santral/media/prompt"
	"santral/media/tts"
	"santral/store"
	"santral/store/blob"
	"santral/store/db"
	"santral/tenant"
)

// house is a service on a database and a folder of its own.
type house struct {
	*Service
	folder string
	rows   *db.DB
	blobs  *blob.Files
	set    *prompt.Set
	faults []string
}

func newHouse(t *testing.T, engine tts.Engine) *house {
	t.Helper()
	h := &house{folder: t.TempDir()}
	var err error
	if h.rows, err = db.Open(t.Context(), filepath.Join(h.folder, "rows.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.rows.Close() })
	if h.blobs, err = blob.OpenFiles(filepath.Join(h.folder, "blobs")); err != nil {
		t.Fatal(err)
	}
	if h.set, err = prompt.Load(prompt.Options{}); err != nil {
		t.Fatal(err)
	}
	h.start(t, engine)
	return h
}

// start begins the service on what is there.
func (h *house) start(t *testing.T, engine tts.Engine) {
	t.Helper()
	snapshot := tenant.NewSnapshot(1, []*tenant.Tenant{{ID: "sample", PromptsPIN: "4711"}, {ID: "other"}})
	var err error
	if h.Service, err = New(t.Context(), Config{
		Rows: h.rows, Blobs: h.blobs, Set: h.set, Speech: engine, Random: id.New([32]byte{1}), Current: func() *tenant.Snapshot { return snapshot },
		Fault: func(what string, err error) { h.faults = append(h.faults, what+": "+err.Error()) },
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Service.Close)
}

// tool runs a program of the machine.
func tool(t testing.TB, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(args[0]); err != nil {
		if os.Getenv("SANTRAL_TEST_PEERS") == "require" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}

// loudness is that of a WAV file by ffmpeg's meter, in LUFS.
func loudness(t testing.TB, wav []byte) float64 {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x.wav")
	if err := os.WriteFile(file, wav, 0o600); err != nil {
		t.Fatal(err)
	}
	said := tool(t, "ffmpeg", "-hide_banner", "-nostats", "-i", file, "-filter_complex", "ebur128", "-f", "null", "-")
	all := regexp.MustCompile(`I:\s+(-?[0-9.]+) LUFS`).FindAllStringSubmatch(said, -1)
	if len(all) == 0 {
		t.Fatal(said)
	}
	v, err := strconv.ParseFloat(all[len(all)-1][1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// hum is sound that is told from another by its pitch: seconds of it, as loud as wanted.
func hum(hz, seconds, size float64) *player.Sound {
	x := make([]int16, int(seconds*16000))
	for i := range x {
		swell := 0.6 + 0.4*math.Sin(2*math.Pi*3*float64(i)/16000)
		x[i] = int16(size * swell * math.Sin(2*math.Pi*hz*float64(i)/16000))
	}
	return player.New(x, 16000)
}

// alike is how much two sounds are the same, up to their loudness: 1 for the same.
func alike(a, b []int16) float64 {
	n := min(len(a), len(b))
	if n == 0 || max(len(a), len(b))-n > 400 {
		return 0
	}
	dot, aa, bb := 0., 0., 0.
	for i := range n {
		x, y := float64(a[i]), float64(b[i])
		dot, aa, bb = dot+x*y, aa+x*x, bb+y*y
	}
	return dot / math.Sqrt(aa*bb+1)
}

// hears is what a caller of a tenant hears of phrases.
func (h *house) hears(t testing.TB, tenant, language string, what ...media.Phrase) []int16 {
	t.Helper()
	source, err := h.Say(tenant, language, what...)
	if err != nil {
		t.Fatal(err)
	}
	samples, err := whole(source, source.(media.Rated).Rate(), 600)
	if err != nil {
		t.Fatal(err)
	}
	return samples
}

func samples(t testing.TB, wav []byte) []int16 {
	t.Helper()
	s, err := player.Parse(wav)
	if err != nil {
		t.Fatal(err)
	}
	if s.Rate() != 16000 {
		t.Errorf("%d samples a second", s.Rate())
	}
	return s.Samples()
}

// files are those that lie there now.
func (h *house) files(t testing.TB) []string {
	t.Helper()
	list, err := h.blobs.List(t.Context(), "", "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, b := range list {
		names = append(names, b.Name)
	}
	slices.Sort(names)
	return names
}

// engine hums as long as the text.
type engine struct{ asked []string }

func (*engine) Voice(language string) string { return "hum " + language }

func (e *engine) Speak(_ context.Context, language, text string) (*player.Sound, error) {
	e.asked = append(e.asked, language+" "+text)
	return Finish(hum(700, float64(len(text))/10, 3000)), nil
}

var hello = store.PromptKey{Tenant: "sample", Language: "en", ID: "general.hello"}
