package ogg

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// run runs a tool of the machine, and gives what it says.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip(name + " is not installed")
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
	return string(out)
}

// theirs gives a file of Opus that ffmpeg made: two seconds, in packets of the given time.
func theirs(t *testing.T, ms string, more ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "theirs.opus")
	args := []string{"-v", "error", "-f", "lavfi", "-i", "sine=440:duration=2", "-c:a", "libopus", "-frame_duration", ms}
	run(t, "ffmpeg", append(append(args, more...), path)...)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// What ffmpeg writes is read to its last packet, and written again by us it is what ffmpeg and opusinfo read
// as the same two seconds.
func TestAgainstStrangers(t *testing.T) {
	for _, c := range []struct {
		ms   string
		more []string
		rate int
	}{{"20", nil, 48000}, {"2.5", nil, 48000}, {"60", []string{"-ac", "2"}, 48000}, {"20", []string{"-b:a", "256k", "-page_duration", "5000000"}, 48000}} {
		file := theirs(t, c.ms, c.more...)
		r := NewReader(bytes.NewReader(file))
		p, _, err := r.Next()
		if err != nil || !r.Begins() {
			t.Fatalf("the head: %v", err)
		}
		head, err := ParseOpusHead(p)
		if err != nil || head.Rate != c.rate || head.PreSkip < 120 {
			t.Fatalf("%+v, %v", head, err)
		}
		if p, _, err = r.Next(); err != nil {
			t.Fatal(err)
		}
		tags, err := ParseOpusTags(p)
		if err != nil || !strings.HasPrefix(tags.Vendor, "Lavf") {
			t.Fatalf("%+v, %v", tags, err)
		}
		path := filepath.Join(t.TempDir(), "ours.opus")
		out, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		w := NewWriter(out, 0x5a17a1)
		for _, h := range [][]byte{head.Append(nil), OpusTags{Vendor: "santral", Comments: []string{"TITLE=two seconds"}}.Append(nil)} {
			if err := w.WritePacket(h, 0, true); err != nil {
				t.Fatal(err)
			}
		}
		at, said := uint64(0), uint64(0)
		for n := 0; ; n++ {
			p, granule, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			at += uint64(Samples(p))
			if granule != NoGranule {
				if granule != at && !r.Last().Ended {
					t.Errorf("%s ms: %d samples, and the page says %d", c.ms, at, granule)
				}
				said = granule
			}
			if err := w.WritePacket(p, min(at, 2*OpusRate+uint64(head.PreSkip)), n%50 == 49 && at < 2*OpusRate); err != nil {
				t.Fatal(err)
			}
		}
		if want := uint64(2*OpusRate + head.PreSkip); said != want || r.Lost() != 0 || !r.Last().Ended {
			t.Errorf("%s ms: ends at %d, want %d; lost %d", c.ms, said, want, r.Lost())
		}
		if err := errors.Join(w.Close(), out.Close()); err != nil {
			t.Fatal(err)
		}
		if s := run(t, "ffprobe", "-v", "error", "-show_entries", "stream=sample_rate,channels,initial_padding:stream_tags=title", "-of", "csv=p=0", path); !strings.Contains(s, "two seconds") {
			t.Errorf("%s ms: ffprobe finds %s", c.ms, s)
		}
		if s := run(t, "opusinfo", path); !strings.Contains(s, "Playback length: 0m:02.000s") || !strings.Contains(s, "TITLE=two seconds") || strings.Contains(s, "WARNING") {
			t.Errorf("%s ms: opusinfo says\n%s", c.ms, s)
		}
		same := func(path string) string {
			return run(t, "ffmpeg", "-v", "error", "-xerror", "-i", path, "-f", "md5", "-")
		}
		original := filepath.Join(t.TempDir(), "original.opus")
		if err := os.WriteFile(original, file, 0o600); err != nil {
			t.Fatal(err)
		}
		if a, b := same(original), same(path); a != b {
			t.Errorf("%s ms: ffmpeg hears %s in ours, %s in its own", c.ms, b, a)
		}
	}
}

// A picture in the tags makes their packet longer than what is given of it; the sound behind it is read.
func TestPictureInTags(t *testing.T) {
	file := theirs(t, "20")
	r := NewReader(bytes.NewReader(file))
	var b bytes.Buffer
	w := NewWriter(&b, 1)
	n := 0
	for ; ; n++ {
		p, granule, err := r.Next()
		if err != nil {
			break
		}
		if n == 1 {
			p = OpusTags{Comments: []string{"METADATA_BLOCK_PICTURE=" + strings.Repeat("A", 3<<20), "TITLE=x"}}.Append(nil)
		}
		if err := w.WritePacket(p, granule, n < 2); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r = NewReader(&b)
	for i := range n {
		p, _, err := r.Next()
		if err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
		if i == 1 {
			if _, err := ParseOpusTags(p); err != nil || len(p) != MaxPacket {
				t.Errorf("tags of %d octets: %v", len(p), err)
			}
		}
	}
}
