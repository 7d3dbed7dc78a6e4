//go:build !static && linux

package codec

import (
	"bytes"
	"runtime"
	"testing"

	"santral/media"
)

func plugged(t testing.TB) *Codec {
	t.Helper()
	c, err := g729("libbcg729.so.0")
	need(t, err == nil, "libbcg729")
	return c
}

// Our packets are understood by ffmpeg's decoder, which is another one, as by the plug-in's own.
func TestG729AgainstFFmpeg(t *testing.T) {
	c := plugged(t)
	e, d := pair(t, c, Options{})
	sound := speech(t, 8000)
	packets := inPackets(e, sound, 160)
	for _, p := range packets {
		if len(p) != 20 {
			t.Fatalf("%d octets in 20 ms", len(p))
		}
	}
	ours := heard(t, d, packets, 160)
	theirs := samples(run(t, bytes.Join(packets, nil), "ffmpeg", "-v", "error", "-f", "g729", "-i", "-", "-f", "s16le", "-"))
	for who, f := range map[string]media.Frame{"ffmpeg": theirs, "we": ours} {
		if r, delay := alike(sound, f, 400); r < 0.6 {
			t.Errorf("%s: alike %.3f at a delay of %d", who, r, delay)
		} else {
			t.Logf("%s: alike %.3f at a delay of %d", who, r, delay)
		}
	}
}

// Frames of any number, silence described, garbage and gaps.
func TestG729Payloads(t *testing.T) {
	e, d := pair(t, plugged(t), Options{})
	room := make(media.Frame, 960)
	frames := e.Encode(nil, voiceOf(960))
	for n := 1; n <= 12; n++ {
		if got, err := d.Decode(room, frames[:10*n]); got != 80*n || err != nil {
			t.Errorf("%d frames: %d samples, %v", n, got, err)
		}
	}
	if n, err := d.Decode(room, append(append([]byte(nil), frames[:20]...), 0x12, 0x34)); n != 160 || err != nil {
		t.Errorf("speech and silence: %d, %v", n, err)
	}
	if n, err := d.Decode(room, []byte{0x12, 0x34}); n != 0 || err != nil {
		t.Errorf("silence alone: %d, %v", n, err)
	}
	d.Conceal(room[:33])
	d.Conceal(room)
	for _, n := range []int{0, 1, 3, 9, 11, 13, 21} {
		if got, err := d.Decode(room, make([]byte, n)); got != 0 || err == nil {
			t.Errorf("%d octets: %d samples, %v", n, got, err)
		}
	}
	if n, err := d.Decode(room, make([]byte, 1400)); n != 960 || err != nil {
		t.Errorf("a long packet: %d, %v", n, err)
	}
}

func voiceOf(n int) media.Frame {
	f := sine(150, 6000, 8000, n)
	for i, v := range sine(450, 3000, 8000, n) {
		f[i] += v
	}
	return f
}

// The library's memory is given back.
func TestG729Memory(t *testing.T) {
	c := plugged(t)
	turn := func(n int) int {
		for range n {
			e, d := pair(t, c, Options{})
			if _, err := d.Decode(make(media.Frame, 960), e.Encode(nil, voiceOf(160))); err != nil {
				t.Fatal(err)
			}
		}
		for range 4 { // cleanups run after a collection
			runtime.GC()
			runtime.Gosched()
		}
		return resident(t)
	}
	before := turn(500)
	for range 8 {
		turn(500)
	}
	if after := turn(500); after > before+8<<20 {
		t.Errorf("%d KiB before, %d KiB after", before>>10, after>>10)
	}
}

// A plug-in is taken into the table where its library is one, and refused otherwise.
func TestPlugG729(t *testing.T) {
	All() // the table is made
	was := table.Load()
	defer table.Store(was)
	if err := PlugG729("libnothing.so"); err == nil {
		t.Error("a library that is not there is taken")
	}
	if err := PlugG729("libc.so.6"); err == nil {
		t.Error("a library of something else is taken")
	}
	plugged(t)
	f := media.Format{Name: "g729", Rate: 8000}
	if _, ok := Lookup(f); ok {
		t.Error("G.729 is spoken unasked")
	}
	if err := PlugG729("libbcg729.so.0"); err != nil {
		t.Fatal(err)
	}
	if c, ok := Lookup(f); !ok || c.Format.Payload != 18 {
		t.Error("G.729 is not in the table")
	}
	if len(All()) != len(*was)+1 {
		t.Errorf("%d codecs", len(All()))
	}
}

func BenchmarkG729(b *testing.B) {
	e, d := pair(b, plugged(b), Options{})
	sound := speech(b, 8000)[8000:][:160*64]
	packets := inPackets(e, sound, 160)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		room := make([]byte, 0, 160)
		for i := 0; b.Loop(); i++ {
			e.Encode(room, sound[i&63*160:][:160])
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		room := make(media.Frame, 960)
		for i := 0; b.Loop(); i++ {
			if _, err := d.Decode(room, packets[i&63]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkCall is what a call of a library costs by itself.
func BenchmarkCall(b *testing.B) {
	var f uintptr
	need(b, load("libc.so.6", map[string]*uintptr{"toupper": &f}), "libc")
	b.ReportAllocs()
	for b.Loop() {
		call(f, 'a')
	}
}
