package fax

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Size of a page: A4 in the standard resolution of a fax (ITU-T T.4).
const (
	Width  = 1728
	height = 1143
)

// Page is the picture of one page, a bit for each dot, rows of Width/8 octets; black is 1.
type Page []byte

// Pages makes n pages that look like writing, each of them another.
func Pages(n int, seed uint64) (pages []Page) {
	rnd := rand.New(rand.NewPCG(seed, 20))
	for range n {
		p := make(Page, Width/8*height)
		for line := 60; line < height-60; line += 40 {
			for x := 20; x < Width/8-20; x++ {
				glyph := rnd.Uint64()
				if rnd.IntN(5) == 0 {
					continue
				}
				for y := range 16 { // strokes rather than noise: each row like the one before
					if y%4 == 0 {
						glyph = glyph>>8 | rnd.Uint64()<<56
					}
					p[(line+y)*Width/8+x] = byte(glyph) & 0x3c
				}
			}
		}
		pages = append(pages, p)
	}
	return pages
}

// WriteFile puts pages into a TIFF file as a fax machine would, by tiffcp.
func WriteFile(t testing.TB, pages []Page) string {
	t.Helper()
	plain, packed := filepath.Join(t.TempDir(), "plain.tif"), filepath.Join(t.TempDir(), "pages.tif")
	if err := os.WriteFile(plain, tiff(pages), 0o600); err != nil {
		t.Fatal(err)
	}
	tiffcp(t, "-c", "g4", plain, packed)
	return packed
}

func tiffcp(t testing.TB, args ...string) {
	t.Helper()
	if _, err := exec.LookPath("tiffcp"); err != nil {
		if os.Getenv("SANTRAL_TEST_PEERS") == "require" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	if out, err := exec.Command("tiffcp", args...).CombinedOutput(); err != nil {
		t.Fatalf("tiffcp %v: %v\n%s", args, err, out)
	}
}

// tiff writes pages without compression, one strip each.
func tiff(pages []Page) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32([]byte("II*\x00"), 0)
	link := 4
	for i, p := range pages {
		data := len(b)
		b = append(b, p...)
		grain := len(b)
		for _, v := range []uint32{204, 1, 98, 1} {
			b = le.AppendUint32(b, v)
		}
		le.PutUint32(b[link:], uint32(len(b)))
		tags := [][4]uint32{
			{254, 4, 1, 2}, {256, 4, 1, Width}, {257, 4, 1, height}, {258, 3, 1, 1}, {259, 3, 1, 1}, {262, 3, 1, 0}, {273, 4, 1, uint32(data)},
			{277, 3, 1, 1}, {278, 4, 1, height}, {279, 4, 1, uint32(len(p))}, {282, 5, 1, uint32(grain)}, {283, 5, 1, uint32(grain + 8)}, {296, 3, 1, 2},
			{297, 3, 2, uint32(i) | uint32(len(pages))<<16},
		}
		b = le.AppendUint16(b, uint16(len(tags)))
		for _, tag := range tags {
			b = le.AppendUint16(b, uint16(tag[0]))
			b = le.AppendUint16(b, uint16(tag[1]))
			b = le.AppendUint32(b, tag[2])
			b = le.AppendUint32(b, tag[3])
		}
		link = len(b)
		b = le.AppendUint32(b, 0)
	}
	return b
}

// ReadFile gives the pages of a TIFF file that a fax machine has written.
func ReadFile(t testing.TB, file string) (pages []Page) {
	t.Helper()
	plain := filepath.Join(t.TempDir(), "read.tif")
	tiffcp(t, "-c", "none", "-r", "100000", file, plain)
	b, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	pages, err = parse(b)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return pages
}

// parse reads pages without compression.
func parse(b []byte) (pages []Page, err error) {
	if !bytes.HasPrefix(b, []byte("II*\x00")) {
		return nil, fmt.Errorf("no TIFF of the small kind: %.4q", b)
	}
	le := binary.LittleEndian
	for at := le.Uint32(b[4:]); at != 0; {
		n := uint32(le.Uint16(b[at:]))
		tags := map[uint16]uint32{}
		for i := range n {
			e := b[at+2+12*i:]
			v := le.Uint32(e[8:])
			if le.Uint16(e[2:]) == 3 {
				v = uint32(le.Uint16(e[8:]))
			}
			if le.Uint32(e[4:]) > 1 && (le.Uint16(e) == 273 || le.Uint16(e) == 279) {
				return nil, fmt.Errorf("more than one strip")
			}
			tags[le.Uint16(e)] = v
		}
		if tags[256] != Width {
			return nil, fmt.Errorf("a page of %d dots", tags[256])
		}
		p := append(Page(nil), b[tags[273]:tags[273]+tags[279]]...)
		if tags[262] == 1 { // black is 0
			for i := range p {
				p[i] = ^p[i]
			}
		}
		if tags[266] == 2 { // the lowest bit first
			for i := range p {
				p[i] = reverse(p[i])
			}
		}
		pages = append(pages, p)
		at = le.Uint32(b[at+2+12*n:])
	}
	return pages, nil
}

func reverse(o byte) (r byte) {
	for range 8 {
		r = r<<1 | o&1
		o >>= 1
	}
	return r
}

// Compare fails the test unless all that was sent has arrived, dot for dot.
func Compare(t testing.TB, got, want []Page) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d pages of %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if !bytes.Equal(got[i], want[i]) {
			rows := 0
			for at := 0; at < min(len(got[i]), len(want[i])); at += Width / 8 {
				if !bytes.Equal(got[i][at:at+Width/8], want[i][at:at+Width/8]) {
					rows++
				}
			}
			t.Errorf("page %d: %d rows of %d, and %d differ", i+1, len(got[i])*8/Width, len(want[i])*8/Width, rows)
		}
	}
}
