package codec

import (
	"math"
	"math/rand/v2"
	"testing"

	"santral/media"
)

// coloured is noise at a level in dB, through one pole: near 1 it is deep, near -1 it hisses.
func coloured(pole, db float64, n int) media.Frame {
	chance := rand.New(rand.NewPCG(33, 89))
	f := make(media.Frame, n)
	v, scale := 0.0, 32768*math.Pow(10, db/20)*math.Sqrt(1-pole*pole)
	for i := range f {
		v = pole*v + chance.NormFloat64()
		f[i] = int16(min(max(v*scale, -32768), 32767))
	}
	return f
}

func noiseOf(t *testing.T, payload []byte, n int) media.Frame {
	t.Helper()
	c, ok := Lookup(media.Format{Name: "cn", Rate: 8000})
	if !ok {
		t.Fatal("no comfort noise")
	}
	d, err := c.NewDecoder(c.Format)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := d.Decode(nil, payload); n != 0 || err != nil {
		t.Fatalf("%d samples, %v", n, err)
	}
	f := make(media.Frame, n)
	d.Conceal(f)
	return f
}

// slope is the correlation of neighbours: 1 for the deepest noise, 0 for white.
func slope(f media.Frame) float64 {
	var a, b float64
	for i := 1; i < len(f); i++ {
		a += float64(f[i]) * float64(f[i-1])
		b += float64(f[i]) * float64(f[i])
	}
	return a / b
}

// Noise is as loud as it was described, with every spectrum, and silence is silent.
func TestNoiseLevel(t *testing.T) {
	for _, level := range []int{20, 45, 60} {
		for _, shape := range [][]byte{nil, {60}, {200}, {30, 180, 100, 140}, {127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 0, 0, 255}} {
			f := noiseOf(t, append([]byte{byte(level)}, shape...), 32000)
			if p := power(f[800:]); math.Abs(p+float64(level)) > 1.2 {
				t.Errorf("-%d dB with %v comes at %.1f dB", level, shape, p)
			}
		}
	}
	if p := power(noiseOf(t, []byte{127}, 8000)); p > -110 {
		t.Errorf("silence is at %.1f dB", p)
	}
	c, _ := Lookup(media.Format{Name: "CN", Rate: 8000})
	d, _ := c.NewDecoder(c.Format)
	if _, err := d.Decode(nil, nil); err == nil {
		t.Error("nothing describes noise")
	}
	room := make(media.Frame, 160)
	if d.Conceal(room); power(room) > -110 {
		t.Error("noise without a description")
	}
}

// What is described sounds as what was heard: its level, and whether it is deep or hisses.
func TestHushDescribes(t *testing.T) {
	for _, pole := range []float64{0.9, 0.5, 0, -0.7} {
		sound := coloured(pole, -50, 16000)
		h := NewHush(8000)
		var sid []byte
		for at := 0; at < len(sound); at += 160 {
			if h.Hear(sound[at:at+160]) == Described {
				sid = h.Append(sid[:0])
			}
		}
		if len(sid) != 9 {
			t.Fatalf("a description of %d octets", len(sid))
		}
		f := noiseOf(t, sid, 32000)
		if p := power(f); math.Abs(p-power(sound)) > 2 {
			t.Errorf("pole %v: noise at %.1f dB of one at %.1f", pole, p, power(sound))
		}
		if s := slope(f); math.Abs(s-pole) > 0.15 {
			t.Errorf("pole %v: neighbours are alike by %.2f", pole, s)
		}
	}
}

// ffmpeg's description of noise makes noise here of that level and spectrum.
func TestNoiseOfFFmpeg(t *testing.T) {
	for _, pole := range []float64{0.8, -0.6} {
		sound := coloured(pole, -40, 16000)
		b := run(t, octets(sound), "ffmpeg", "-v", "error", "-f", "s16le", "-ar", "8000", "-ac", "1", "-i", "-", "-map", "0:a", "-c:a", "comfortnoise", "-f", "data", "-")
		if len(b) < 11 || len(b)%11 != 0 {
			t.Fatalf("%d octets of descriptions", len(b))
		}
		f := noiseOf(t, b[len(b)-22:len(b)-11], 32000)
		if p, s := power(f), slope(f); math.Abs(p-power(sound)) > 3 || math.Abs(s-pole) > 0.2 {
			t.Errorf("pole %v: %.1f dB for %.1f, neighbours alike by %.2f", pole, p, power(sound), s)
		}
	}
}

// Speech in noise is sent whole and its pauses are not; music and tones are never silence; digital silence
// at once is.
func TestHushHears(t *testing.T) {
	count := func(f media.Frame) (speech, described, silent int) {
		h := NewHush(8000)
		for ; len(f) >= 160; f = f[160:] {
			switch h.Hear(f[:160]) {
			case Speech:
				speech++
			case Described:
				described++
			default:
				silent++
			}
		}
		return
	}
	words := speech(t, 8000)
	background := coloured(0.6, -58, 4*8000+len(words)+5*8000)
	for i, v := range words {
		background[4*8000+i] += v
	}
	h := NewHush(8000)
	cut, kept, saved, told := 0, 0, 0, 0
	for at := 0; at+160 <= len(background); at += 160 {
		v := h.Hear(background[at : at+160])
		word := media.Frame(nil)
		if at >= 4*8000 && at+160 <= 4*8000+len(words) {
			word = words[at-4*8000:][:160]
		}
		switch {
		case word != nil && power(word) > -45 && v != Speech:
			cut++
		case word != nil && power(word) > -45:
			kept++
		case word == nil && v != Speech:
			saved++
		}
		if v == Described {
			told++
		}
	}
	if cut > kept/100 || saved < 300 {
		t.Errorf("%d packets of speech are cut and %d sent, %d of 450 of noise are not sent", cut, kept, saved)
	}
	if told < 10 || told > 60 {
		t.Errorf("%d descriptions in ten seconds of silence", told)
	}
	if s, d, q := count(sine(425, 3000, 8000, 8*8000)); d+q > 0 {
		t.Errorf("a steady tone: %d %d %d", s, d, q)
	}
	if s, d, q := count(coloured(0.3, -25, 8*8000)); d+q > 0 {
		t.Errorf("loud noise: %d %d %d", s, d, q)
	}
	if s, d, q := count(make(media.Frame, 8*8000)); s > 11 || d < 10 || d > 20 || q < 300 {
		t.Errorf("digital silence: %d %d %d", s, d, q)
	}
	h = NewHush(8000)
	for range 100 {
		h.Hear(make(media.Frame, 160))
	}
	if b := h.Append(nil); len(b) != 1 || b[0] != 127 {
		t.Errorf("digital silence is %v", b)
	}
	if h.Hear(nil) == Speech {
		t.Error("nothing is speech")
	}
	f := coloured(0.5, -50, 160)
	room := make([]byte, 0, 20)
	if n := testing.AllocsPerRun(100, func() { h.Hear(f); h.Append(room) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkNoise(b *testing.B) {
	c, _ := Lookup(media.Format{Name: "CN", Rate: 8000})
	d, _ := c.NewDecoder(c.Format)
	if _, err := d.Decode(nil, []byte{50, 60, 100, 120, 130, 140, 127, 127, 127}); err != nil {
		b.Fatal(err)
	}
	room := make(media.Frame, 160)
	b.Run("make", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d.Conceal(room)
		}
	})
	h, f := NewHush(8000), coloured(0.5, -50, 160)
	b.Run("hear", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			h.Hear(f)
		}
	})
}
