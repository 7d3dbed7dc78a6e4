package backup

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// folder makes a data folder of texts.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	for name, text := range files {
		at := filepath.Join(data, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return data
}

// holds reads a data folder back.
func holds(t *testing.T, data string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(data, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(data, path)
		got[name] = string(text)
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return got
}

func archived(t *testing.T, data string, recordings bool) []byte {
	t.Helper()
	var b bytes.Buffer
	err := Write(t.Context(), &b, Source{Head: Head{Santral: "1", Made: time.Unix(1000, 0).UTC(), Recordings: recordings}, Data: data, Dump: func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, "rows\n")
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var everything = map[string]string{
	"ledger/0001.seg": "events", "bindings/a.log": "bindings", "secrets.key": "key", "recordings/filed/x.wav": "sound",
	"recordings/spool/y.wav": "spool", "trace/t": "trace", "lock": "", "api.json": "{}", "santral.db": "tables", "santral.db-wal": "tables", "speech/a": "speech",
}

// TestWhatAnArchiveHolds: all that must be kept, and nothing that is made anew; restored, it is there again.
func TestWhatAnArchiveHolds(t *testing.T) {
	data := folder(t, everything)
	for recordings, want := range map[bool][]string{
		false: {"bindings/a.log", "ledger/0001.seg", "secrets.key"},
		true:  {"bindings/a.log", "ledger/0001.seg", "recordings/filed/x.wav", "secrets.key"},
	} {
		into, dump := filepath.Join(t.TempDir(), "new"), ""
		head, err := Restore(bytes.NewReader(archived(t, data, recordings)), into, func(r io.Reader) error {
			text, err := io.ReadAll(r)
			dump = string(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		got := holds(t, into)
		if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, want) {
			t.Errorf("with recordings %t: %q, want %q", recordings, names, want)
		}
		for name, text := range got {
			if text != everything[name] {
				t.Errorf("%s holds %q", name, text)
			}
		}
		if dump != "rows\n" || head.Recordings != recordings || head.Made.Unix() != 1000 {
			t.Errorf("dump %q, head %+v", dump, head)
		}
		if left := holds(t, data); len(left) != len(everything) {
			t.Errorf("the backup left something behind: %q", slices.Sorted(maps.Keys(left)))
		}
	}
}

// TestATornArchiveIsNotTaken: cut off anywhere, or with an octet changed, an archive makes nothing.
func TestATornArchiveIsNotTaken(t *testing.T) {
	whole := archived(t, folder(t, everything), true)
	take := func(octets []byte) (string, error) {
		into := filepath.Join(t.TempDir(), "new")
		_, err := Restore(bytes.NewReader(octets), into, func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err })
		return into, err
	}
	for cut := 0; cut < len(whole)-8; cut += max(1, len(whole)/50) { // the last eight are gzip's own sum, which no tar needs
		if into, err := take(whole[:cut]); err == nil || len(holds(t, into)) > 0 {
			t.Errorf("cut at %d of %d: %v, and holds %q", cut, len(whole), err, holds(t, into))
		}
	}
	plain := gunzip(t, whole)
	changed := bytes.Replace(plain, []byte("events"), []byte("evenst"), 1)
	if into, err := take(gz(t, changed)); !errors.Is(err, ErrTorn) || len(holds(t, into)) > 0 {
		t.Errorf("a changed octet: %v", err)
	}
}

// TestAnArchiveOfSomebodyElse: what leads out of the folder, what is no file, and what nobody knows are refused.
func TestAnArchiveOfSomebodyElse(t *testing.T) {
	head := tar.Header{Typeflag: tar.TypeReg, Name: headName, Mode: 0o600}
	for name, entry := range map[string]tar.Header{
		"out of the folder": {Typeflag: tar.TypeReg, Name: "data/../../evil"},
		"an absolute path":  {Typeflag: tar.TypeReg, Name: "data//etc/evil"},
		"a link":            {Typeflag: tar.TypeSymlink, Name: "data/a", Linkname: "/etc/passwd"},
		"unknown":           {Typeflag: tar.TypeReg, Name: "other"},
	} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		text := []byte(`{"format":1}`)
		head.Size = int64(len(text))
		if err := errors.Join(w.WriteHeader(&head), second(w.Write(text)), w.WriteHeader(&entry), w.Close()); err != nil {
			t.Fatal(err)
		}
		into := filepath.Join(t.TempDir(), "new")
		if _, err := Restore(bytes.NewReader(gz(t, b.Bytes())), into, nil); !errors.Is(err, ErrTorn) || len(holds(t, into)) > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	used := folder(t, map[string]string{"a": "b"})
	if _, err := Restore(bytes.NewReader(archived(t, used, false)), used, nil); err == nil || !strings.Contains(err.Error(), "name an empty one") || len(holds(t, used)) != 1 {
		t.Errorf("a folder that is in use: %v", err)
	}
}

func second(_ int, err error) error { return err }

func gz(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if err := errors.Join(second(w.Write(b)), w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func gunzip(t *testing.T, b []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}
