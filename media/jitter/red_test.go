package jitter

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"santral/media"
	"santral/media/pcm"
)

func TestRedundancy(t *testing.T) {
	r := Redundancy{Depth: 2}
	for i := range 5 {
		p := r.Pack(nil, 8, uint32(i*160)-200, fmt.Appendf(nil, "sound %d", i))
		got, err := Unpack(nil, Packet{Payload: 121, Seq: uint16(i), Timestamp: uint32(i*160) - 200, Marker: true, Sound: p})
		if err != nil || len(got) != min(i, 2)+1 {
			t.Fatalf("packet %d: %d blocks, %v", i, len(got), err)
		}
		for k, b := range got {
			of := i // the packet itself comes first
			if k > 0 {
				of = i - len(got) + k
			}
			if string(b.Sound) != fmt.Sprint("sound ", of) || b.Seq != uint16(of) || b.Timestamp != uint32(of*160)-200 || b.Payload != 8 || b.Spare != (k > 0) || b.Marker != (k == 0) {
				t.Errorf("packet %d: block %d is %+v", i, k, b)
			}
		}
	}
	// The example of RFC 2198 §5: a block of 14 octets, the primary of another payload number.
	p := append([]byte{0x80 | 5, 160 << 2 >> 8, 160 << 2 & 0xff, 14, 7}, "fourteen chars"...)
	p = append(p, "primary"...)
	got, err := Unpack(nil, Packet{Sound: p, Seq: 3, Timestamp: 1000})
	if err != nil || len(got) != 2 || got[0].Payload != 7 || string(got[0].Sound) != "primary" || got[1].Payload != 5 || got[1].Timestamp != 840 || string(got[1].Sound) != "fourteen chars" {
		t.Errorf("%+v %v", got, err)
	}
}

// What is too old, too long or too much is not copied.
func TestRedundancyIsBounded(t *testing.T) {
	var r Redundancy
	one := r.Pack(nil, 8, 0, make([]byte, 160))
	if two := r.Pack(nil, 8, 20000, make([]byte, 160)); len(two) != len(one) {
		t.Error("a copy of long ago was sent")
	}
	if long := r.Pack(nil, 8, 20160, make([]byte, 1100)); len(long) != 1101 {
		t.Errorf("%d octets with a copy", len(long))
	}
	if after := r.Pack(nil, 8, 20320, make([]byte, 160)); len(after) != 161 {
		t.Error("a copy longer than can be said was sent")
	}
	for _, bad := range [][]byte{nil, {0x88}, {0x88, 0, 0}, {0x88, 0, 4, 10, 8, 1, 2}, bytes.Repeat([]byte{0x88, 0, 4, 0}, 20)} {
		if got, err := Unpack(nil, Packet{Sound: bad}); err == nil || got != nil {
			t.Errorf("% x was taken", bad)
		}
	}
}

// One packet in four is lost, no two in a row: with a copy in each nothing is missing, whether the sender
// copies the packet before or the one before that.
func TestRedundancyRecovers(t *testing.T) {
	for far := 1; far <= 2; far++ {
		w := newWorld(t, Config{Rate: 8000})
		in := sine(300, 6*time.Second)
		var copies [][]byte
		for i := range len(in) / 160 {
			code := make([]byte, 160)
			pcm.EncodeALaw(code, in[i*160:(i+1)*160])
			copies = append(copies, code)
			p := []byte{8}
			if i >= far {
				p = append([]byte{0x88, byte(far * 160 << 2 >> 8), byte(far * 160 << 2 & 0xff), 160, 8}, copies[i-far]...)
			}
			got, err := Unpack(nil, Packet{Seq: uint16(i), Timestamp: uint32(i * 160), Sound: append(p, code...), At: time.Duration(i) * 20 * ms})
			if err != nil {
				t.Fatal(err)
			}
			if i%4 != 3 {
				w.sent = append(w.sent, got...)
			}
		}
		w.run(6*time.Second, 20*ms)
		s := w.b.Stats()
		if s.Recovered < 68 || s.Concealed > 800 {
			t.Errorf("copy of %d before: %+v", far, s)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	var r Redundancy
	r.Pack(nil, 8, 0, []byte("one"))
	f.Add(r.Pack(nil, 8, 160, []byte("two")))
	f.Add([]byte{0x88, 0, 4, 10, 8, 1, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := Unpack(nil, Packet{Sound: b, Timestamp: 1 << 20, Seq: 100})
		if err != nil && len(got) > 0 {
			t.Fatal("blocks of what is none")
		}
		total := 0
		for _, p := range got {
			total += len(p.Sound)
			if len(p.Sound) == 0 || p.Spare != (p.Timestamp != 1<<20) {
				t.Fatalf("%+v", p)
			}
		}
		if total > len(b) || len(got) > mostBlocks+1 {
			t.Fatalf("%d octets in %d blocks out of %d", total, len(got), len(b))
		}
	})
}

func BenchmarkPack(b *testing.B) {
	r := Redundancy{Depth: 2}
	sound, out := make([]byte, 60), make([]byte, 0, 1500)
	var list []Packet
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		out = r.Pack(out[:0], 111, uint32(i*960), sound)
		list, _ = Unpack(list[:0], Packet{Timestamp: uint32(i * 960), Seq: uint16(i), Sound: out})
	}
}

var _ media.Source = (*Buffer)(nil)
var _ media.Rated = (*Buffer)(nil)
