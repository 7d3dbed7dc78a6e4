package blob_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"santral/store"
	"santral/store/blob"
	"santral/store/storetest"
)

func TestMain(m *testing.M) {
	code := storetest.Main(m, map[string]func([]string){"putter": putter})
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func TestFiles(t *testing.T) {
	root := filepath.Join(t.TempDir(), "blobs")
	b, err := blob.OpenFiles(root)
	if err != nil {
		t.Fatal(err)
	}
	storetest.Blobs(t, b)
	left, _ := filepath.Glob(filepath.Join(root, ".*"))
	if len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestAFileIsMovedIn(t *testing.T) {
	dir := t.TempDir()
	b, err := blob.OpenFiles(filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	from := filepath.Join(dir, "x.wav")
	if err := os.WriteFile(from, []byte("sound"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.Move(t.Context(), "../x", from); !errors.Is(err, store.ErrBlobName) {
		t.Errorf("moved out: %v", err)
	}
	if err := b.Move(t.Context(), "a/b/c/x.wav", from); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(from); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still where it was: %v", err)
	}
	if err := b.Move(t.Context(), "a/b/c/x.wav", from); err == nil {
		t.Error("what is not there was moved")
	}
	r, err := b.Open(t.Context(), "a/b/c/x.wav", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); string(got) != "sound" || err != nil {
		t.Errorf("%q %v", got, err)
	}
}

// A link that somebody laid into the folder is no blob.
func TestALinkIsNoBlob(t *testing.T) {
	root := t.TempDir()
	b, err := blob.OpenFiles(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	page, err := b.List(t.Context(), "", "", 0)
	if err != nil || len(page) != 0 {
		t.Errorf("%+v %v", page, err)
	}
}

// putter puts blobs of one octet each repeated for ever, and prints the name of each when it is kept.
func putter(args []string) {
	b, err := blob.OpenFiles(args[0])
	if err != nil {
		panic(err)
	}
	for i := 0; ; i++ {
		name, text := "x/"+strconv.Itoa(i%50), strings.Repeat(string(rune('a'+i%26)), 100_000)
		if err := b.Put(context.Background(), name, strings.NewReader(text), 100_000); err != nil {
			panic(err)
		}
		fmt.Println(name)
	}
}

// What a killed process was putting is there whole or not at all, and what it had put is there.
func TestKilledWithinPut(t *testing.T) {
	for range 5 {
		root := t.TempDir()
		child := storetest.Start(t, "putter", root)
		kept := map[string]bool{}
		for n := 0; n < 40 && child.Lines.Scan(); n++ {
			kept[child.Lines.Text()] = true
		}
		child.KillNow()
		for child.Lines.Scan() {
			kept[child.Lines.Text()] = true
		}
		child.Kill()
		b, err := blob.OpenFiles(root)
		if err != nil {
			t.Fatal(err)
		}
		page, err := b.List(t.Context(), "", "", 0)
		if err != nil || len(page) < len(kept) || len(kept) < 40 {
			t.Fatalf("%d of %d are there, %v", len(page), len(kept), err)
		}
		for _, info := range page {
			text, err := os.ReadFile(filepath.Join(root, info.Name))
			if err != nil || len(text) != 100_000 || string(text) != strings.Repeat(string(text[:1]), 100_000) {
				t.Errorf("%s has %d octets, %v", info.Name, len(text), err)
			}
		}
		if left, _ := filepath.Glob(filepath.Join(root, ".*")); len(left) > 0 {
			t.Errorf("left over: %v", left)
		}
	}
}
