package pcm

import (
	"bytes"
	"math"
	"os"
	"os/exec"
	"testing"

	"santral/media"
)

// decisions gives the decision values and the quantised values of one polarity, as ITU-T G.711
// table 1a (A-law, on a scale that ends at 4096) and table 2a (µ-law, ends at 8159) build them up:
// segments of equal steps, each step twice the one before.
func decisions(first []int, segments int) (edges, values []int) {
	edges = []int{0}
	add := func(step, n int) {
		for range n {
			edges = append(edges, edges[len(edges)-1]+step)
		}
	}
	for i := 0; i+1 < len(first); i += 2 {
		add(first[i], first[i+1])
	}
	step := first[len(first)-2]
	for range segments {
		step *= 2
		add(step, 16)
	}
	for i := 1; i < len(edges); i++ {
		values = append(values, (edges[i-1]+edges[i])/2)
	}
	return edges, values
}

// Every decision value and every quantised value of the Recommendation, on both sides.
func TestG711Tables(t *testing.T) {
	for _, c := range []struct {
		codec  Codec
		first  []int
		segs   int
		scale  int // 16-bit units in one of the table's
		last   int // the virtual decision value at the end
		invert byte
	}{
		{PCMA, []int{2, 32}, 6, 8, 4096, 0x55},
		{PCMU, []int{1, 1, 2, 15}, 7, 4, 8159, 0xff},
	} {
		edges, values := decisions(c.first, c.segs)
		if edges[len(edges)-1] != c.last || len(values) != 128 {
			t.Fatalf("%s: the table ends at %d with %d values", c.codec.Name, edges[len(edges)-1], len(values))
		}
		if c.codec.Name == "PCMU" {
			values[0] = 0 // table 2a: the first value is 0 although its interval goes from 0 to 1
		}
		for n := range values {
			positive := byte(n) | 0x80 // character signals before inversion: 1 is positive in both laws
			negative := byte(n)
			if c.codec.Name == "PCMU" {
				positive, negative = byte(n), byte(n)|0x80 // inversion of all bits includes the sign
			}
			for _, side := range []struct {
				code byte
				sign int
			}{{positive ^ c.invert, 1}, {negative ^ c.invert, -1}} {
				want := side.sign * values[n] * c.scale
				got := make(media.Frame, 1)
				c.codec.Decode(got, []byte{side.code})
				if int(got[0]) != want {
					t.Errorf("%s: octet %#02x is %d, want %d", c.codec.Name, side.code, got[0], want)
				}
				low, high := edges[n]*c.scale, edges[n+1]*c.scale-1
				for _, v := range []int{low, (low + high) / 2, high} {
					if v > 32767 {
						continue
					}
					in := int16(v)
					if side.sign < 0 {
						in = int16(-v - 1)
					}
					out := make([]byte, 1)
					c.codec.Encode(out, media.Frame{in})
					if out[0] != side.code {
						t.Errorf("%s: sample %d is octet %#02x, want %#02x", c.codec.Name, in, out[0], side.code)
					}
				}
			}
		}
	}
}

// What is over the top is the largest value, and what was expanded compresses to itself.
func TestG711Ends(t *testing.T) {
	for _, c := range []Codec{PCMA, PCMU} {
		out := make([]byte, 2)
		c.Encode(out, media.Frame{32767, -32768})
		max := make(media.Frame, 2)
		c.Decode(max, out)
		if max[0] < 32000 || max[1] != -max[0] {
			t.Errorf("%s: the ends are %v", c.Name, max)
		}
		for b := range 256 {
			if c.Name == "PCMU" && b == 0x7f {
				continue // negative zero
			}
			one, back := make(media.Frame, 1), make([]byte, 1)
			c.Decode(one, []byte{byte(b)})
			if c.Encode(back, one); back[0] != byte(b) {
				t.Errorf("%s: octet %#02x comes back as %#02x", c.Name, b, back[0])
			}
		}
		c.Encode(out, media.Frame{0, 0})
		if out[0] != c.Silence {
			t.Errorf("%s: silence is %#02x", c.Name, out[0])
		}
	}
}

// The 1 kHz reference of ITU-T G.711 tables 5 and 6: these eight octets, played over and over, are
// a sine of 0 dBm0.
func TestG711Reference(t *testing.T) {
	for _, c := range []struct {
		codec Codec
		code  []byte
		top   float64 // dBm0 of the largest sine, G.711 §4
	}{
		{PCMA, []byte{0x34, 0x21, 0x21, 0x34, 0xb4, 0xa1, 0xa1, 0xb4}, 3.14},
		{PCMU, []byte{0x1e, 0x0b, 0x0b, 0x1e, 0x9e, 0x8b, 0x8b, 0x9e}, 3.17},
	} {
		got := make(media.Frame, 8)
		c.codec.Decode(got, c.code)
		power := 0.0
		for i, s := range got {
			power += float64(s) * float64(s)
			if got[(i+4)%8] != -s {
				t.Errorf("%s: %v is not symmetric", c.codec.Name, got)
				break
			}
		}
		full := 32768.0
		if c.codec.Name == "PCMU" {
			full = 8159 * 4
		}
		db := 10*math.Log10(power/8/(full*full/2)) + c.top
		if math.Abs(db) > 0.05 {
			t.Errorf("%s: the reference is %.3f dBm0", c.codec.Name, db)
		}
	}
}

func TestLookup(t *testing.T) {
	if c, ok := Lookup("pcma"); !ok || c.Payload != 8 {
		t.Errorf("pcma is %+v", c.Name)
	}
	if c, ok := Lookup("PCMU"); !ok || c.Payload != 0 {
		t.Errorf("PCMU is %+v", c.Name)
	}
	if _, ok := Lookup("G729"); ok {
		t.Error("G729 was found")
	}
}

// A stranger expands all octets to the same samples.
func TestG711AgainstSox(t *testing.T) {
	sox, err := exec.LookPath("sox")
	if err != nil && os.Getenv("SANTRAL_TEST_PEERS") == "require" {
		t.Fatal("sox is not installed")
	} else if err != nil {
		t.Skip("sox is not installed")
	}
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, c := range []struct {
		codec Codec
		kind  string
	}{{PCMA, "al"}, {PCMU, "ul"}} {
		cmd := exec.Command(sox, "-t", c.kind, "-r", "8000", "-c", "1", "-", "-t", "s16", "-L", "-")
		cmd.Stdin = bytes.NewReader(all)
		out, err := cmd.Output()
		if err != nil || len(out) != 512 {
			t.Fatalf("sox: %v, %d octets", err, len(out))
		}
		ours := make(media.Frame, 256)
		c.codec.Decode(ours, all)
		for i, s := range ours {
			if theirs := int16(uint16(out[2*i]) | uint16(out[2*i+1])<<8); theirs != s {
				t.Errorf("%s: octet %#02x is %d there and %d here", c.codec.Name, i, theirs, s)
			}
		}
	}
}

func sine(hz float64, rate, n int) []int16 {
	s := make([]int16, n)
	for i := range s {
		s[i] = int16(math.Round(12000 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate))))
	}
	return s
}

// error in decibels of b against a, away from the ends.
func residue(a, b []int16) float64 {
	var signal, noise float64
	for i := len(a) / 8; i < len(a)*7/8; i++ {
		signal += float64(a[i]) * float64(a[i])
		d := float64(a[i]) - float64(b[i])
		noise += d * d
	}
	return 10 * math.Log10((noise+1e-9)/(signal+1e-9))
}

func TestResample(t *testing.T) {
	for _, c := range []struct{ from, to int }{{16000, 8000}, {8000, 16000}, {48000, 8000}, {44100, 8000}, {11025, 8000}, {22050, 8000}, {8000, 48000}} {
		for _, hz := range []float64{50, 1000, 3300} {
			in := sine(hz, c.from, c.from/2)
			out := Resample(in, c.from, c.to)
			want := sine(hz, c.to, c.to/2)
			if len(out) != len(want) {
				t.Fatalf("%d to %d: %d samples, want %d", c.from, c.to, len(out), len(want))
			}
			if db := residue(want, out); db > -55 {
				t.Errorf("%d to %d: %v Hz with an error of %.1f dB", c.from, c.to, hz, db)
			}
		}
		if c.from > c.to { // what the lower rate cannot carry must vanish, not fold
			out := Resample(sine(4700, c.from, c.from/2), c.from, c.to)
			power := 0.0
			for _, s := range out[len(out)/8 : len(out)*7/8] {
				power += float64(s) * float64(s)
			}
			if db := 10 * math.Log10((power+1e-9)/float64(len(out)*3/4)/(12000*12000/2)); db > -55 {
				t.Errorf("%d to %d: 4700 Hz leaves %.1f dB", c.from, c.to, db)
			}
		}
	}
	if got := Resample([]int16{1, 2, 3}, 8000, 8000); len(got) != 3 || got[2] != 3 {
		t.Errorf("the same rate gave %v", got)
	}
	if got := Resample(nil, 8000, 16000); len(got) != 0 {
		t.Errorf("nothing gave %v", got)
	}
	loud := make([]int16, 1000) // a step at full scale overshoots, and is cut off instead of wrapping
	for i := range loud {
		loud[i] = 32767
		if i >= 500 {
			loud[i] = -32768
		}
	}
	for i, s := range Resample(loud, 16000, 8000)[100:400] {
		if math.Abs(float64(i)-150) > 8 && (s < 0) != (i >= 150) || math.Abs(float64(i)-150) > 8 && math.Abs(float64(s)) < 30000 {
			t.Fatalf("sample %d is %d", i, s)
		}
	}
}

func BenchmarkG711(b *testing.B) {
	frame := media.Frame(sine(1000, 8000, 160))
	octets := make([]byte, 160)
	for _, c := range []Codec{PCMA, PCMU} {
		b.Run("encode "+c.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Encode(octets, frame)
			}
		})
		b.Run("decode "+c.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Decode(frame, octets)
			}
		})
	}
}

func BenchmarkResample16to8(b *testing.B) {
	second := sine(1000, 16000, 16000)
	b.ReportAllocs()
	for b.Loop() {
		Resample(second, 16000, 8000)
	}
}
