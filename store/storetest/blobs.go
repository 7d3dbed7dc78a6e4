package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"santral/store"
)

// Blobs holds a store of blobs, which is empty, to the promise of store.Blobs.
func Blobs(t *testing.T, b store.Blobs) {
	ctx := t.Context()
	t.Run("round trip", func(t *testing.T) {
		for _, size := range []int{0, 1, 1000, 200_000} {
			name, want := fmt.Sprintf("trip/of/%d.bin", size), noise(size)
			before := time.Now().Add(-2 * time.Second)
			put(t, b, name, want)
			if got := get(t, b, name, 0, -1); !bytes.Equal(got, want) {
				t.Errorf("%d octets came back as %d", size, len(got))
			}
			info, err := b.Stat(ctx, name)
			if err != nil || info.Name != name || info.Size != int64(size) || info.Modified.Before(before) || info.Modified.After(time.Now().Add(2*time.Second)) {
				t.Errorf("%+v %v", info, err)
			}
		}
		put(t, b, "trip/of/1000.bin", []byte("another"))
		if got := get(t, b, "trip/of/1000.bin", 0, -1); string(got) != "another" {
			t.Errorf("replaced, it is %q", got)
		}
	})
	t.Run("ranges", func(t *testing.T) {
		want := noise(10_000)
		put(t, b, "ranges.bin", want)
		for _, r := range [][3]int64{{0, 1, 1}, {0, 10_000, 10_000}, {9_999, 1, 1}, {5_000, -1, 5_000}, {5_000, 99_999, 5_000}, {10_000, -1, 0}, {10_000, 5, 0}, {17, 0, 0}, {1234, 4321, 4321}} {
			if got := get(t, b, "ranges.bin", r[0], r[1]); !bytes.Equal(got, want[r[0]:r[0]+r[2]]) {
				t.Errorf("%d octets from %d are %d", r[1], r[0], len(got))
			}
		}
		for _, offset := range []int64{-1, 10_001} {
			if r, err := b.Open(ctx, "ranges.bin", offset, -1); err == nil {
				r.Close()
				t.Errorf("opened at %d", offset)
			}
		}
	})
	t.Run("what is not there", func(t *testing.T) {
		for _, name := range []string{"none", "ranges.bin/below", "trip", "trip/of"} {
			if _, err := b.Stat(ctx, name); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("stat %s: %v", name, err)
			}
			if r, err := b.Open(ctx, name, 0, -1); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("open %s: %v", name, err)
				if err == nil {
					r.Close()
				}
			}
			if err := b.Delete(ctx, name); err != nil {
				t.Errorf("delete %s: %v", name, err)
			}
		}
		put(t, b, "gone/x", []byte("x"))
		if err := b.Delete(ctx, "gone/x"); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Stat(ctx, "gone/x"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("deleted: %v", err)
		}
		if got := get(t, b, "trip/of/1.bin", 0, -1); len(got) != 1 {
			t.Error("a folder's name deleted what is in it")
		}
	})
	t.Run("names", func(t *testing.T) { blobNames(t, b) })
	t.Run("lists", func(t *testing.T) { blobLists(t, b) })
	t.Run("whole or nothing", func(t *testing.T) { blobWhole(t, b) })
	t.Run("at once", func(t *testing.T) {
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				name, want := fmt.Sprintf("once/%d/x", i%4), bytes.Repeat([]byte{byte('a' + i)}, 5000)
				put(t, b, name, want)
				got := get(t, b, name, 0, -1)
				if len(got) != 5000 || !bytes.Equal(got, bytes.Repeat(got[:1], 5000)) {
					t.Errorf("%s is a mixture", name)
				}
			})
		}
		all.Wait()
	})
}

func blobNames(t *testing.T, b store.Blobs) {
	ctx := t.Context()
	for _, name := range []string{
		"", "/", "/etc/passwd", "..", "../x", "a/../../x", "a/..", "a/./b", ".hidden", "a/.hidden", "a//b", "a/", "a\\b", "a\x00b", "a b", "caf\u00e9", "a%2fb", "a?b", "a#b", "-/\n",
		strings.Repeat("x", store.MaxBlobPart+1), strings.Repeat("x/", store.MaxBlobName/2) + "xx",
	} {
		if err := b.Put(ctx, name, strings.NewReader("x"), 1); !errors.Is(err, store.ErrBlobName) {
			t.Errorf("put %q: %v", name, err)
		}
		if r, err := b.Open(ctx, name, 0, -1); !errors.Is(err, store.ErrBlobName) {
			t.Errorf("open %q: %v", name, err)
			if err == nil {
				r.Close()
			}
		}
		if _, err := b.Stat(ctx, name); !errors.Is(err, store.ErrBlobName) {
			t.Errorf("stat %q: %v", name, err)
		}
		if err := b.Delete(ctx, name); !errors.Is(err, store.ErrBlobName) {
			t.Errorf("delete %q: %v", name, err)
		}
	}
	for _, name := range []string{"-", "x..y", "A-b_c.9/z.", strings.Repeat("y", store.MaxBlobPart)} {
		put(t, b, name, []byte(name))
		if got := get(t, b, name, 0, -1); string(got) != name {
			t.Errorf("%q holds %q", name, got)
		}
	}
}

func blobLists(t *testing.T, b store.Blobs) {
	names := []string{"l/a-b", "l/a.b/c", "l/a/1", "l/a/2/x", "l/a/2/y", "l/a0", "l/b", "l/ba", "la"}
	for _, i := range rand.Perm(len(names)) {
		put(t, b, names[i], []byte(names[i]))
	}
	for _, c := range []struct {
		prefix, after string
		want          []string
	}{
		{"l", "", names}, {"l/", "", names[:8]}, {"l/a", "", names[:6]}, {"l/a/", "", names[2:5]}, {"l/a/2", "", names[3:5]}, {"l/b", "", names[6:8]}, {"l/c", "", nil}, {"none/x", "", nil},
		{"l/", "l/a/2/x", names[4:8]}, {"l/", "l/a/2", names[3:8]}, {"l/", "l/a", names[:8]}, {"l", "l/b", names[7:]}, {"l/", "l/zz", nil}, {"l/b", "l/a", names[6:8]},
	} {
		for _, limit := range []int{0, 1, 2, 5} {
			var got []string
			for after := c.after; ; {
				page, err := b.List(t.Context(), c.prefix, after, limit)
				if err != nil {
					t.Fatal(err)
				}
				if len(page) == 0 {
					break
				}
				if limit > 0 && len(page) > limit {
					t.Errorf("a page of %d has %d", limit, len(page))
				}
				for _, info := range page {
					got, after = append(got, info.Name), info.Name
					if info.Size != int64(len(info.Name)) || info.Modified.IsZero() {
						t.Errorf("%+v", info)
					}
				}
			}
			if strings.Join(got, " ") != strings.Join(c.want, " ") {
				t.Errorf("%q after %q by %d: %v, want %v", c.prefix, c.after, limit, got, c.want)
			}
		}
	}
}

var errTorn = errors.New("the source is torn")

func blobWhole(t *testing.T, b store.Blobs) {
	put(t, b, "whole/old", []byte("old"))
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		r    io.Reader
		size int64
	}{
		"short":     {t.Context(), strings.NewReader("ab"), 3},
		"long":      {t.Context(), strings.NewReader("abcd"), 3},
		"torn":      {t.Context(), io.MultiReader(strings.NewReader("ab"), torn{}), 3},
		"cancelled": {cancelled, strings.NewReader("abc"), 3},
		"negative":  {t.Context(), strings.NewReader("abc"), -1},
		"too large": {t.Context(), strings.NewReader("abc"), store.MaxBlob + 1},
	} {
		for _, at := range []string{"whole/old", "whole/new"} {
			if err := b.Put(c.ctx, at, c.r, c.size); err == nil {
				t.Errorf("%s: no error", name)
			}
		}
	}
	if got := get(t, b, "whole/old", 0, -1); string(got) != "old" {
		t.Errorf("what was there is %q", got)
	}
	page, err := b.List(t.Context(), "whole/", "", 0)
	if err != nil || len(page) != 1 {
		t.Errorf("%+v %v", page, err)
	}
}

type torn struct{}

// Read fails.
func (torn) Read([]byte) (int, error) { return 0, errTorn }

func noise(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}

func put(t testing.TB, b store.Blobs, name string, octets []byte) {
	t.Helper()
	if err := b.Put(t.Context(), name, bytes.NewReader(octets), int64(len(octets))); err != nil {
		t.Errorf("put: %v", err)
	}
}

func get(t testing.TB, b store.Blobs, name string, offset, length int64) []byte {
	t.Helper()
	r, err := b.Open(t.Context(), name, offset, length)
	if err != nil {
		t.Errorf("open %s: %v", name, err)
		return nil
	}
	octets, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		t.Errorf("read %s: %v", name, err)
	}
	return octets
}
