package recording

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/age"

	"santral/call"
	"santral/media"
	"santral/media/recorder"
)

// What is sealed lies so that nobody hears it, is opened by the identity alone, and is played and given out in parts where
// the exchange has that. Without it, it comes as it lies.
func TestSealed(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for name, format := range map[string]recorder.Format{"wav": recorder.WAV, "opus": recorder.Opus} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := newKit(t, func(c *Config) {
					c.Format, c.Rate, c.Seal, c.Identities = format, 16000, []age.Recipient{key.Recipient()}, []age.Identity{other, key}
					c.Blobs = &far{Blobs: c.Blobs}
				})
				defer func() { k.close() }()
				tape, err := k.a.Begin(call.About{Call: "c1", Tenant: "sample", Account: "101", Kind: call.TapeCall, Channels: 2})
				if err != nil {
					t.Skip(err) // there is no libopus
				}
				if r, ok := tape.Sink(0).(media.Rated); !ok || r.Rate() != 16000 {
					t.Error("its rate is another")
				}
				speak(tape, 5*time.Second) // 160 samples in 20 ms are half of them
				got, err := ended(tape)
				if err != nil || !got.Sealed || got.Media != name || !strings.HasSuffix(got.Name, "."+name+sealedEnd) {
					t.Fatalf("%+v %v", got, err)
				}
				k.idle()
				lies := k.filed(k.book.told()[0])
				if bytes.Contains(lies, []byte("RIFF")) || bytes.Contains(lies, []byte("OggS")) {
					t.Error("it can be read as it lies")
				}
				s, err := k.a.Sound(t.Context(), "sample", got.Name, false)
				if err != nil {
					t.Fatal(err)
				}
				plain, err := io.ReadAll(s)
				if err != nil || int64(len(plain)) != s.Size || !s.Plain || strings.HasSuffix(s.Name, sealedEnd) {
					t.Fatalf("%d octets of %d, %v", len(plain), s.Size, err)
				}
				if _, err := s.Seek(int64(len(plain)/2), io.SeekStart); err != nil {
					t.Fatal(err)
				}
				if rest, err := io.ReadAll(s); err != nil || !bytes.Equal(rest, plain[len(plain)/2:]) {
					t.Errorf("the second half has %d octets, %v", len(rest), err)
				}
				s.Close()
				playable(t, s.Name, s.Type, plain, 5*time.Second)
				source, err := k.a.Play("sample", got.Name)
				if err != nil {
					t.Fatal(err)
				}
				if n, err := source.Read(make(media.Frame, 160)); n != 160 || err != nil {
					t.Errorf("%d samples, %v", n, err)
				}

				k.close()
				k.c.Identities = nil
				k.open()
				if _, err := k.a.Sound(t.Context(), "sample", got.Name, false); !errors.Is(err, ErrSealed) {
					t.Errorf("without an identity: %v", err)
				}
				if _, err := k.a.Play("sample", got.Name); err == nil {
					t.Error("it is played without an identity")
				}
				if v, err := k.a.Verify(t.Context(), "sample", got.Name); err != nil || !v.Whole {
					t.Errorf("%+v %v", v, err)
				}
				k.close()
				k.c.Identities = []age.Identity{other}
				k.open()
				if _, err := k.a.Sound(t.Context(), "sample", got.Name, false); !errors.Is(err, ErrSealed) {
					t.Errorf("with another identity: %v", err)
				}
			})
		})
	}
}

// playable has ffmpeg read a file, where it is installed, and tell how long it is.
func playable(t *testing.T, name, kind string, text []byte, long time.Duration) {
	t.Helper()
	if want := map[string]string{".wav": "audio/wav", ".opus": "audio/ogg"}[filepath.Ext(name)]; kind != want {
		t.Errorf("%s is %s", name, kind)
	}
	probe, err := exec.LookPath("ffprobe")
	if err != nil {
		t.Log("not read by ffprobe: ", err)
		return
	}
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(probe, "-v", "error", "-show_entries", "stream=channels:format=duration", "-of", "csv=p=0", file).CombinedOutput()
	lines := strings.Fields(string(out))
	if err != nil || len(lines) != 2 || lines[0] != "2" {
		t.Fatalf("ffprobe: %v %s", err, out)
	}
	if d, err := time.ParseDuration(lines[1] + "s"); err != nil || d < long-50*time.Millisecond || d > long+50*time.Millisecond {
		t.Errorf("it is %s long, %v", lines[1], err)
	}
}
