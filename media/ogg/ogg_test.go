package ogg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

type packet struct {
	data    []byte
	granule uint64
	flush   bool
}

// made writes packets as one stream.
func made(t testing.TB, serial uint32, packets ...packet) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b, serial)
	for _, p := range packets {
		if err := w.WritePacket(p.data, p.granule, p.flush); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// all reads what is there: each packet as its length, its first octet and its position.
func all(t testing.TB, file []byte) (list []string, r *Reader) {
	t.Helper()
	r = NewReader(bytes.NewReader(file))
	for {
		p, granule, err := r.Next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			return list, r
		}
		first := byte(0)
		if len(p) > 0 {
			first = p[0]
			if !bytes.Equal(p, bytes.Repeat(p[:1], len(p))) {
				t.Errorf("a packet of %d octets is not what was written", len(p))
			}
		}
		s := fmt.Sprintf("%d×%c", len(p), first)
		if r.Begins() {
			s = "new " + s
		}
		if granule != NoGranule {
			s += fmt.Sprintf("@%d", granule)
		}
		list = append(list, s)
	}
}

func of(n int, c byte) []byte { return bytes.Repeat([]byte{c}, n) }

func TestPackets(t *testing.T) {
	for name, c := range map[string]struct {
		packets []packet
		pages   int
		want    string
	}{
		"nothing":            {nil, 1, ""},
		"one":                {[]packet{{of(10, 'a'), 5, false}}, 1, "new 10×a@5"},
		"empty":              {[]packet{{nil, 5, false}, {of(1, 'b'), 6, false}}, 1, "new 0×\x00, 1×b@6"},
		"254, 255, 256":      {[]packet{{of(254, 'a'), 1, false}, {of(255, 'b'), 2, false}, {of(256, 'c'), 3, false}}, 1, "new 254×a, 255×b, 256×c@3"},
		"510 and no more":    {[]packet{{of(510, 'a'), 1, false}}, 1, "new 510×a@1"},
		"each its page":      {[]packet{{of(3, 'a'), 0, true}, {of(3, 'b'), 0, true}, {of(3, 'c'), 960, false}}, 3, "new 3×a@0, 3×b@0, 3×c@960"},
		"flushed to the end": {[]packet{{of(3, 'a'), 0, true}, {of(3, 'b'), 7, true}}, 3, "new 3×a@0, 3×b@7"},
		"a page full":        {[]packet{{of(254*255+254, 'a'), 9, false}}, 1, "new 65024×a@9"},
		"one octet too many": {[]packet{{of(255*255, 'a'), 9, false}}, 2, "new 65025×a@9"},
		"over three pages":   {[]packet{{of(3, 'a'), 0, true}, {of(2*255*255+77, 'b'), 9, false}, {of(4, 'c'), 10, false}}, 4, "new 3×a@0, 130127×b, 4×c@10"},
		"many small":         {slices.Repeat([]packet{{of(2, 'a'), 9, false}}, 256), 2, "new 2×a" + strings.Repeat(", 2×a", 253) + ", 2×a@9, 2×a@9"},
	} {
		file := made(t, 7, c.packets...)
		list, r := all(t, file)
		if got := strings.Join(list, ", "); got != c.want {
			t.Errorf("%s: %s\nwant %s", name, got, c.want)
		}
		last := r.Last()
		if int(last.Number) != c.pages-1 || last.End != int64(len(file)) || last.Serial != 7 || !last.Ended || r.Lost() != 0 {
			t.Errorf("%s: %+v of %d octets, lost %d", name, last, len(file), r.Lost())
		}
	}
}

// One octet at a time from the reader is the same.
func TestSlowReader(t *testing.T) {
	file := made(t, 1, packet{of(70000, 'a'), 1, false}, packet{of(5, 'b'), 2, false})
	r := NewReader(iotest.OneByteReader(bytes.NewReader(file)))
	for _, want := range []int{70000, 5} {
		if p, _, err := r.Next(); err != nil || len(p) != want {
			t.Fatalf("%d octets, %v", len(p), err)
		}
	}
	broken := errors.New("broken")
	r = NewReader(io.MultiReader(bytes.NewReader(file[:40]), iotest.ErrReader(broken)))
	if _, _, err := r.Next(); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

func TestStreams(t *testing.T) {
	a := made(t, 1, packet{of(5, 'a'), 0, true}, packet{of(6, 'b'), 5, false})
	b := made(t, 2, packet{of(7, 'c'), 0, true}, packet{of(8, 'd'), 5, false})
	c := made(t, 3, packet{of(5, 'e'), 0, true}, packet{of(6, 'f'), 5, true}, packet{of(6, 'g'), 6, false})
	second := 27 + 1 + 5 // where a's second page begins
	other := 27 + 1 + 7
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"chained":              {slices.Concat(a, b), "new 5×a@0, 6×b@5, new 7×c@0, 8×d@5"},
		"chained, same serial": {slices.Concat(a, a), "new 5×a@0, 6×b@5, new 5×a@0, 6×b@5"},
		"chained to one cut":   {slices.Concat(c[:len(c)-4], b), "new 5×e@0, 6×f@5, new 7×c@0, 8×d@5"},
		"beside each other":    {slices.Concat(a[:second], b[:other], b[other:], a[second:]), "new 5×a@0, 6×b@5"},
		"junk before":          {slices.Concat([]byte("ID3 Ogg OggS junk OggS\x00\x00"), a), "new 5×a@0, 6×b@5"},
		"junk between":         {slices.Concat(a[:second], of(100000, 'O'), a[second:]), "new 5×a@0, 6×b@5"},
	} {
		list, _ := all(t, c.file)
		if got := strings.Join(list, ", "); got != c.want {
			t.Errorf("%s: %s\nwant %s", name, got, c.want)
		}
	}
}

// What is damaged is left out, and what is not is read.
func TestDamage(t *testing.T) {
	file := made(t, 1, packet{of(5, 'a'), 0, true}, packet{of(300, 'b'), 1, true}, packet{of(66000, 'c'), 2, true}, packet{of(9, 'd'), 3, false})
	starts := []int{0}
	for i := 1; i < len(file); i++ {
		if bytes.HasPrefix(file[i:], []byte(capture)) {
			starts = append(starts, i)
		}
	}
	if len(starts) != 5 {
		t.Fatalf("%d pages", len(starts))
	}
	for page, want := range []string{1: "new 5×a@0, 66000×c@2, 9×d@3", 2: "new 5×a@0, 300×b@1, 9×d@3", 3: "new 5×a@0, 300×b@1, 9×d@3", 4: "new 5×a@0, 300×b@1, 66000×c@2"} {
		if page == 0 {
			continue
		}
		end := len(file)
		if page+1 < len(starts) {
			end = starts[page+1]
		}
		for _, at := range []int{starts[page] + 6, starts[page] + 23, end - 1} {
			bad := slices.Clone(file)
			bad[at] ^= 1
			list, r := all(t, bad)
			if got := strings.Join(list, ", "); got != want {
				t.Errorf("page %d wrong at %d: %s\nwant %s", page, at, got, want)
			}
			if page < 4 && r.Lost() == 0 {
				t.Errorf("page %d wrong at %d: nothing counts as lost", page, at)
			}
		}
		cut, r := all(t, file[:starts[page]+20])
		if last := r.Last(); last.End != int64(starts[page]) || last.Ended {
			t.Errorf("cut within page %d: %+v, %v", page, last, cut)
		}
	}
	for name, bad := range map[string][]byte{"empty": nil, "text": []byte("no Ogg in here"), "header alone": file[:27], "no first page": file[starts[1]:]} {
		if _, _, err := NewReader(bytes.NewReader(bad)).Next(); !errors.Is(err, ErrNoOgg) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := NewReader(bytes.NewReader(bytes.Repeat(append([]byte("OggS\x00\x00"), of(25, 1)...), 5000))).Next(); !errors.Is(err, errDamaged) {
		t.Errorf("nothing but beginnings of pages: %v", err)
	}
}

// A stream that was cut off goes on behind its last whole page, and reads as one that was never cut.
func TestContinue(t *testing.T) {
	var whole bytes.Buffer
	w := NewWriter(&whole, 3)
	for i := range 50 {
		if err := w.WritePacket(of(100, 'a'), uint64(960*(i+1)), i%10 == 9); err != nil {
			t.Fatal(err)
		}
	}
	cut := whole.Bytes()[:whole.Len()-30]
	_, r := all(t, cut)
	place := r.Last()
	if place.Number != 3 || place.Granule != 40*960 || place.Ended {
		t.Fatalf("the last whole page is %+v", place)
	}
	mended := bytes.NewBuffer(slices.Clone(cut[:place.End]))
	w = Continue(mended, place)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	list, r := all(t, mended.Bytes())
	if last := r.Last(); len(list) != 40 || r.Lost() != 0 || !last.Ended || last.Granule != 40*960 || last.Number != 4 {
		t.Errorf("mended: %d packets, lost %d, %+v", len(list), r.Lost(), last)
	}
	if err := w.WritePacket(nil, 0, false); err == nil {
		t.Error("a stream that has ended takes packets")
	}
}

type failing struct{ after int }

func (f *failing) Write(p []byte) (int, error) {
	if f.after--; f.after < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

func TestWriterFails(t *testing.T) {
	w := NewWriter(&failing{1}, 1)
	if err := w.WritePacket(of(5, 'a'), 0, true); err != nil {
		t.Fatal(err)
	}
	if err := w.WritePacket(of(5, 'a'), 0, true); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("%v", err)
	}
	if err := w.WritePacket(of(200000, 'a'), 0, false); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("%v", err)
	}
	if err := w.Close(); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("%v", err)
	}
}

// Whatever packets are written are read.
func TestAnyPackets(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var packets []packet
		for i := range rnd.IntN(40) {
			n := rnd.IntN(600)
			if rnd.IntN(10) == 0 {
				n = rnd.IntN(200000)
			}
			packets = append(packets, packet{of(n, byte('a'+i%26)), uint64(i), rnd.IntN(5) == 0})
		}
		file := made(t, rnd.Uint32(), packets...)
		list, r := all(t, file)
		if len(list) != len(packets) || r.Lost() != 0 {
			t.Fatalf("%d of %d packets", len(list), len(packets))
		}
		for i, p := range packets {
			if !strings.HasPrefix(strings.TrimPrefix(list[i], "new "), fmt.Sprintf("%d×", len(p.data))) {
				t.Fatalf("packet %d of %d octets is %s", i, len(p.data), list[i])
			}
		}
	}
}

func TestOpusHead(t *testing.T) {
	for _, h := range []OpusHead{{Channels: 1, PreSkip: 312, Rate: 8000, Streams: 1}, {Channels: 2, PreSkip: 65535, Rate: 48000, Gain: -256, Streams: 1, Coupled: 1}} {
		got, err := ParseOpusHead(h.Append(nil))
		if err != nil || got != h {
			t.Errorf("%+v, %v, want %+v", got, err, h)
		}
	}
	head := OpusHead{Channels: 1}.Append(nil)
	with := func(at int, b ...byte) []byte {
		p := slices.Clone(head)
		return append(p[:at], append(b, p[min(at+len(b), len(p)):]...)...)
	}
	six := append(with(18, 1), 4, 2, 0, 4, 1, 2, 3, 255)
	six[9] = 6
	for name, c := range map[string]struct {
		p    []byte
		want string // of the error, or of the head
	}{
		"plain":              {head, "1 channels, 1 streams"},
		"later, compatible":  {append(with(8, 15), 1, 2, 3), "1 channels, 1 streams"},
		"incompatible":       {with(8, 16), "version 16"},
		"cut off":            {head[:18], "cut off"},
		"of Vorbis":          {[]byte("\x01vorbis0123456789012"), "not a stream of Opus"},
		"empty":              {nil, "not a stream of Opus"},
		"no channels":        {with(9, 0), "0 channels"},
		"three channels":     {with(9, 3), "3 channels"},
		"six, mapped":        {six, "6 channels, 4 streams"},
		"six, mapping short": {six[:26], "not described"},
		"six, no streams":    {append(slices.Clone(six[:19]), 0, 0, 0, 0, 0, 0, 0, 0), "0 streams"},
		"six, too stereo":    {append(slices.Clone(six[:19]), 1, 2, 0, 0, 0, 0, 0, 0), "2 of them stereo"},
		"six, channel 9":     {append(slices.Clone(six[:19]), 4, 2, 0, 0, 0, 0, 0, 9), "channel 9"},
	} {
		h, err := ParseOpusHead(c.p)
		got := fmt.Sprintf("%d channels, %d streams", h.Channels, h.Streams)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestOpusTags(t *testing.T) {
	tags := OpusTags{Vendor: "us", Comments: []string{"TITLE=x", ""}}
	p := tags.Append(nil)
	got, err := ParseOpusTags(p)
	if err != nil || got.Vendor != "us" || !slices.Equal(got.Comments, tags.Comments) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = ParseOpusTags(p[:len(p)-5]); err != nil || len(got.Comments) != 0 {
		t.Errorf("cut in the first comment: %+v, %v", got, err)
	}
	huge := OpusTags{}.Append(nil)
	binary.LittleEndian.PutUint32(huge[12:], 1<<31)
	if got, err = ParseOpusTags(huge); err != nil || len(got.Comments) != 0 {
		t.Errorf("two billion comments: %v", err)
	}
	for _, p := range [][]byte{nil, []byte("OpusHead"), []byte("OpusTags"), []byte("OpusTags\xff\xff\xff\xffabc"), []byte("OpusTags\x01\x00\x00\x00a")} {
		if _, err := ParseOpusTags(p); err == nil {
			t.Errorf("%q was read", p)
		}
	}
}

func TestSamples(t *testing.T) {
	for _, c := range []struct {
		p    []byte
		want int
	}{
		{nil, 0}, {[]byte{0 << 3}, 480}, {[]byte{3 << 3}, 2880}, {[]byte{11<<3 | 1}, 5760}, {[]byte{12 << 3}, 480}, {[]byte{15<<3 | 2}, 1920},
		{[]byte{16 << 3}, 120}, {[]byte{31 << 3}, 960}, {[]byte{31<<3 | 3, 6}, 5760}, {[]byte{31<<3 | 3, 7}, 0}, {[]byte{31<<3 | 3}, 0}, {[]byte{31<<3 | 3, 0}, 0},
	} {
		if got := Samples(c.p); got != c.want {
			t.Errorf("% x: %d samples, want %d", c.p, got, c.want)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add(made(f, 1, packet{of(5, 'a'), 0, true}, packet{of(300, 'b'), 1, false}))
	f.Add(made(f, 1, packet{of(66000, 'a'), 0, false}))
	f.Add(slices.Concat(made(f, 1, packet{of(5, 'a'), 0, true}), made(f, 2, packet{of(5, 'a'), 0, true})))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := NewReader(bytes.NewReader(data))
		total := 0
		var again bytes.Buffer
		w := NewWriter(&again, 1)
		var packets []string
		for {
			p, granule, err := r.Next()
			if err != nil {
				break
			}
			total += len(p)
			packets = append(packets, string(p))
			if err := w.WritePacket(p, granule, false); err != nil {
				t.Fatal(err)
			}
		}
		if total > len(data) {
			t.Fatalf("%d octets of packets in a file of %d", total, len(data))
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r = NewReader(&again)
		for i, want := range packets {
			if p, _, err := r.Next(); err != nil || string(p) != want {
				t.Fatalf("packet %d written again is %d octets, was %d: %v", i, len(p), len(want), err)
			}
		}
	})
}

func FuzzOpus(f *testing.F) {
	f.Add(OpusHead{Channels: 2}.Append(nil))
	f.Add(OpusTags{Vendor: "x", Comments: []string{"A=b"}}.Append(nil))
	f.Fuzz(func(t *testing.T, p []byte) {
		if h, err := ParseOpusHead(p); err == nil && h.Family == 0 {
			if again, err := ParseOpusHead(h.Append(nil)); err != nil || again != h {
				t.Fatalf("%+v is %+v, %v", h, again, err)
			}
		}
		if tags, err := ParseOpusTags(p); err == nil {
			again, err := ParseOpusTags(tags.Append(nil))
			if err != nil || again.Vendor != tags.Vendor || !slices.Equal(again.Comments, tags.Comments) {
				t.Fatalf("%+v is %+v, %v", tags, again, err)
			}
		}
		if n := Samples(p); n < 0 || n > 5760 {
			t.Fatalf("%d samples", n)
		}
	})
}

func BenchmarkWritePacket(b *testing.B) {
	w := NewWriter(io.Discard, 1)
	p := of(80, 'a')
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := w.WritePacket(p, uint64(i)*960, i%50 == 49); err != nil {
			b.Fatal(err)
		}
	}
}
