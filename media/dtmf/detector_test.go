package dtmf

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"santral/media"
	"santral/media/pcm"
)

// pair is a key of two tones as a careless phone sends it.
type pair struct {
	key       byte
	on, off   time.Duration
	low, top  float64 // dBm0
	lowOff    float64 // part of its frequency
	topOff    float64
	lead      int // samples of silence before it, so that it begins anywhere in a piece
	rate      int
	noise     float64 // dBm0 of white noise, 0 for none
	dial      float64 // dBm0 of a dial tone, 0 for none
	companded bool    // through A-law and back
	broken    time.Duration
}

func everyday(key byte) pair {
	return pair{key: key, on: 50 * time.Millisecond, off: 50 * time.Millisecond, low: -10, top: -10, rate: 8000}
}

// amplitude of a tone: a tone of the largest amplitude has 3.14 dBm0 (ITU-T G.711).
func amplitude(dBm0 float64) float64 { return 32767 * math.Pow(10, (dBm0-3.14)/20) }

// sound makes the key n times.
func (p pair) sound(n int) media.Frame {
	at := strings.IndexByte("123A456B789C*0#D", p.key)
	low, top := hertz[at/4]*(1+p.lowOff), hertz[4+at%4]*(1+p.topOff)
	rnd := rand.New(rand.NewPCG(7, uint64(p.key)))
	samples := func(d time.Duration) int { return int(d.Seconds() * float64(p.rate)) }
	var f media.Frame
	add := func(n int, on func(i int) bool) {
		for i := range n {
			at := 2 * math.Pi * float64(len(f)) / float64(p.rate)
			v := 0.0
			if on(i) {
				v = amplitude(p.low)*math.Sin(at*low) + amplitude(p.top)*math.Sin(at*top)
			}
			if p.noise != 0 {
				v += rnd.NormFloat64() * amplitude(p.noise) / math.Sqrt2
			}
			if p.dial != 0 {
				v += amplitude(p.dial)*math.Sin(at*350) + amplitude(p.dial)*math.Sin(at*440)
			}
			s := int16(max(-32768, min(32767, math.Round(v))))
			if p.companded {
				code := make([]byte, 1)
				pcm.EncodeALaw(code, media.Frame{s})
				one := make(media.Frame, 1)
				pcm.DecodeALaw(one, code)
				s = one[0]
			}
			f = append(f, s)
		}
	}
	add(p.lead, func(int) bool { return false })
	for range n {
		whole, gap := samples(p.on), samples(p.broken)
		add(whole, func(i int) bool { return gap == 0 || i < whole/2-gap/2 || i >= whole/2-gap/2+gap })
		add(samples(p.off), func(int) bool { return false })
	}
	add(samples(100*time.Millisecond), func(int) bool { return false })
	return f
}

// detect gives what is heard of sound that comes in frames of 20 ms.
func detect(f media.Frame, rate int) (heard []Heard) {
	d := NewDetector(rate, func(h Heard) { heard = append(heard, h) })
	for n := rate / 50; len(f) > 0; f = f[min(n, len(f)):] {
		d.Write(f[:min(n, len(f))])
	}
	return heard
}

// keysOf gives the keys that ended, each of which must have begun.
func keysOf(t *testing.T, heard []Heard) string {
	t.Helper()
	var keys []byte
	var open byte
	for _, h := range heard {
		switch {
		case !h.Over && open == 0:
			open = h.Key
		case h.Over && open == h.Key:
			keys, open = append(keys, h.Key), 0
		default:
			t.Errorf("%c, over %v, while %q sounds", h.Key, h.Over, open)
		}
	}
	if open != 0 {
		t.Errorf("%c never ended", open)
	}
	return string(keys)
}

// The limits of ITU-T Q.24, at every key and every place within a piece.
func TestDetectorLimits(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name   string
		change func(*pair)
		want   int // of 3
	}{
		{"everyday", func(*pair) {}, 3},
		{"40 ms and a pause of 40 ms", func(p *pair) { p.on, p.off = 40*ms, 40*ms }, 3},
		{"23 ms", func(p *pair) { p.on = 23 * ms }, 0},
		{"long", func(p *pair) { p.on = 700 * ms }, 3},
		{"0 dBm0 each", func(p *pair) { p.low, p.top = 0, 0 }, 3},
		{"-29 dBm0 each", func(p *pair) { p.low, p.top = -29, -29 }, 3},
		{"-29 dBm0 each, 40 ms", func(p *pair) { p.low, p.top, p.on, p.off = -29, -29, 40*ms, 40*ms }, 3},
		{"-38 dBm0 each", func(p *pair) { p.low, p.top = -38, -38 }, 0},
		{"8 dB of forward twist", func(p *pair) { p.low, p.top = -8, -16 }, 3},
		{"11 dB of forward twist", func(p *pair) { p.low, p.top = -8, -19 }, 0},
		{"4 dB of reverse twist", func(p *pair) { p.low, p.top = -12, -8 }, 3},
		{"7 dB of reverse twist", func(p *pair) { p.low, p.top = -15, -8 }, 0},
		{"1.5 % high", func(p *pair) { p.lowOff, p.topOff = .015, .015 }, 3},
		{"1.5 % low", func(p *pair) { p.lowOff, p.topOff = -.015, -.015 }, 3},
		{"1.5 % apart", func(p *pair) { p.lowOff, p.topOff = -.015, .015 }, 3},
		{"1.5 % off, 40 ms, noise, twist", func(p *pair) {
			p.lowOff, p.topOff, p.on, p.off, p.low, p.top, p.noise = .015, -.015, 40*ms, 40*ms, -8, -12, -32
		}, 3},
		{"3.5 % high in the low group", func(p *pair) { p.lowOff = .035 }, 0},
		{"3.5 % low in the low group", func(p *pair) { p.lowOff = -.035 }, 0},
		{"3.5 % high in the high group", func(p *pair) { p.topOff = .035 }, 0},
		{"3.5 % low in the high group", func(p *pair) { p.topOff = -.035 }, 0},
		{"noise 20 dB below", func(p *pair) { p.noise = -27 }, 3},
		{"noise 20 dB below, 40 ms", func(p *pair) { p.noise, p.on, p.off = -27, 40*ms, 40*ms }, 3},
		{"a dial tone 20 dB below", func(p *pair) { p.dial = -30 }, 3},
		{"a dial tone 20 dB below, 40 ms", func(p *pair) { p.dial, p.on, p.off = -30, 40*ms, 40*ms }, 3},
		{"A-law", func(p *pair) { p.companded = true }, 3},
		{"A-law, 40 ms, quiet", func(p *pair) { p.companded, p.on, p.off, p.low, p.top = true, 40*ms, 40*ms, -28, -28 }, 3},
		{"10 ms missing", func(p *pair) { p.on, p.broken = 100*ms, 10*ms }, 3},
		{"a packet missing", func(p *pair) { p.on, p.broken = 140*ms, 20*ms }, 3},
		{"16 kHz", func(p *pair) { p.rate = 16000 }, 3},
		{"16 kHz, 40 ms, 1.5 % off", func(p *pair) { p.rate, p.on, p.off, p.topOff = 16000, 40*ms, 40*ms, .015 }, 3},
		{"16 kHz, 23 ms", func(p *pair) { p.rate, p.on = 16000, 23*ms }, 0},
	} {
		missed := 0
		for i := range len(Keys) {
			for lead := 0; lead < 40; lead += 11 {
				p := everyday(Keys[i])
				c.change(&p)
				p.lead = 800 + lead*p.rate/8000
				got := keysOf(t, detect(p.sound(3), p.rate))
				if want := strings.Repeat(string(p.key), c.want); got != want {
					if missed++; missed < 4 {
						t.Errorf("%s, lead of %d: %q, want %q", c.name, lead, got, want)
					}
				}
			}
		}
		if missed > 0 {
			t.Errorf("%s: %d of %d failed", c.name, missed, len(Keys)*4)
		}
	}
}

// A key's length is told to a piece or so, and when it begins it is told how long it has sounded.
func TestDetectorDuration(t *testing.T) {
	for _, long := range []time.Duration{40, 60, 85, 100, 250, 1000, 12_000} {
		p := everyday('7')
		p.on, p.lead = long*time.Millisecond, 813
		heard := detect(p.sound(1), p.rate)
		if len(heard) != 2 || heard[0].Over || !heard[1].Over {
			t.Fatalf("%v: %v", p.on, heard)
		}
		if off := (heard[1].Long - p.on).Abs(); off > 10*time.Millisecond {
			t.Errorf("a key of %v was %v long", p.on, heard[1].Long)
		}
		if begin := heard[0].Long; begin < 25*time.Millisecond || begin > 40*time.Millisecond {
			t.Errorf("the begin was told after %v", begin)
		}
	}
}

// Any tones that are no key are none.
func TestDetectorOtherTones(t *testing.T) {
	tones := func(hz ...float64) media.Frame {
		f := make(media.Frame, 16000)
		for i := range f {
			v := 0.0
			for _, h := range hz {
				v += amplitude(-10) * math.Sin(2*math.Pi*h*float64(i)/8000)
			}
			f[i] = int16(v)
		}
		return f
	}
	for _, hz := range [][]float64{
		{697}, {1209}, {425}, {350, 440}, {480, 620}, {440, 480}, {1100}, {2100}, {950, 1400}, {1400, 1800}, {697, 770}, {1209, 1336},
		{697, 1209, 1477}, {697, 852, 1209}, {770, 1336, 2672}, {733, 1270}, {200, 400, 600, 800, 1000, 1200, 1400}, {697, 1394, 2091, 2788},
	} {
		if heard := detect(tones(hz...), 8000); len(heard) > 0 {
			t.Errorf("%v: %c", hz, heard[0].Key)
		}
	}
	rnd := rand.New(rand.NewPCG(5, 6))
	noise := make(media.Frame, 60*8000)
	for i := range noise {
		noise[i] = int16(rnd.NormFloat64() * 5000)
	}
	if heard := detect(noise, 8000); len(heard) > 0 {
		t.Errorf("in noise: %v", heard)
	}
}

// The same sound gives the same keys however it is cut into frames.
func TestDetectorFrames(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		p := everyday('#')
		p.rate = rate
		f := p.sound(6)
		want := fmt.Sprint(detect(f, rate))
		rnd := rand.New(rand.NewPCG(9, 9))
		var heard []Heard
		d := NewDetector(rate, func(h Heard) { heard = append(heard, h) })
		for rest := f; len(rest) > 0; {
			n := min(rnd.IntN(400), len(rest))
			d.Write(rest[:n])
			rest = rest[n:]
		}
		if got := fmt.Sprint(heard); got != want || len(heard) != 12 {
			t.Errorf("%d Hz: %s, want %s", rate, got, want)
		}
	}
}

func BenchmarkDetectorFrame(b *testing.B) {
	for name, f := range map[string]media.Frame{"key": everyday('5').sound(1)[:160], "speech-like": make(media.Frame, 160)} {
		b.Run(name, func(b *testing.B) {
			d := NewDetector(8000, func(Heard) {})
			b.ReportAllocs()
			for b.Loop() {
				d.Write(f)
			}
		})
	}
}
