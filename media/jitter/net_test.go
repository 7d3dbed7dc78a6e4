package jitter

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"santral/media"
	"santral/media/pcm"
)

const ms = time.Millisecond

// law is a decoder of G.711 that conceals with nothing.
type law struct{}

func (law) Decode(dst media.Frame, p []byte) (int, error) {
	pcm.DecodeALaw(dst, p)
	return len(p), nil
}
func (law) Conceal(dst media.Frame) { clear(dst) }

func aLaw(payload uint8) (media.Decoder, int, bool) { return law{}, 8000, payload == 8 }

// world is a sender, a network and a listener in virtual time.
type world struct {
	t    testing.TB
	b    *Buffer
	now  time.Duration
	sent []Packet // with their arrival, not yet arrived
	out  []int16
	each func() // after each read
}

func newWorld(t testing.TB, cfg Config) *world {
	w := &world{t: t}
	cfg.Clock = func() time.Duration { return w.now }
	if cfg.Decoder == nil {
		cfg.Decoder = aLaw
	}
	w.b = New(cfg)
	return w
}

// send lays packets of sound on the network: one every per, delayed by what delay says, or lost below 0.
func (w *world) send(from time.Duration, sound []int16, per time.Duration, seq uint16, stamp uint32, delay func(i int) time.Duration) {
	n := int(per.Milliseconds()) * 8
	for i := 0; (i+1)*n <= len(sound); i++ {
		d := delay(i)
		if d < 0 {
			continue
		}
		code := make([]byte, n)
		pcm.EncodeALaw(code, sound[i*n:(i+1)*n])
		w.sent = append(w.sent, Packet{Payload: 8, Seq: seq + uint16(i), Timestamp: stamp + uint32(i*n), SSRC: 7, Sound: code, At: from + time.Duration(i)*per + d})
	}
	slices.SortStableFunc(w.sent, func(a, b Packet) int { return int(a.At - b.At) })
}

// run lets time pass, with a read of frame each frame.
func (w *world) run(until, frame time.Duration) {
	f := make(media.Frame, int(frame)*w.b.Rate()/int(time.Second))
	for ; w.now < until; w.now += frame {
		for len(w.sent) > 0 && w.sent[0].At <= w.now {
			w.b.Put(w.sent[0])
			w.sent = w.sent[1:]
		}
		n, err := w.b.Read(f)
		if n != len(f) || err != nil {
			w.t.Fatalf("read %d of %d: %v", n, len(f), err)
		}
		w.out = append(w.out, f...)
		if w.each != nil {
			w.each()
		}
	}
}

func sine(hz float64, long time.Duration) []int16 {
	s := make([]int16, int(long.Milliseconds())*8)
	for i := range s {
		s[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(i)/8000))
	}
	return s
}

// leap is the greatest difference of neighbouring samples.
func leap(s []int16) (most int) {
	for i := 1; i < len(s); i++ {
		most = max(most, int(math.Abs(float64(s[i])-float64(s[i-1]))))
	}
	return most
}

func steady(int) time.Duration { return 0 }

func TestNothingWrong(t *testing.T) {
	for _, phase := range []time.Duration{0, 1 * ms, 10 * ms, 19 * ms} {
		w := newWorld(t, Config{Rate: 8000})
		in := sine(300, 4*time.Second)
		w.send(phase, in, 20*ms, 65500, 1<<32-4000, steady)
		w.run(4*time.Second, 20*ms)
		s := w.b.Stats()
		if s.Concealed > 0 || s.Stretched > 0 || s.Shortened > 0 || s.Late > 0 || s.Restarts > 0 {
			t.Errorf("phase %v: something was repaired: %+v", phase, s)
		}
		if s.Delay > 20*ms {
			t.Errorf("phase %v: the delay is %v", phase, s.Delay)
		}
		// The whole way: the hundredth packet's sound is heard at most 20 ms after it came.
		const k = 100 * 160
		code, want := make([]byte, 800), make(media.Frame, 800)
		pcm.EncodeALaw(code, in[k:k+800])
		pcm.DecodeALaw(want, code)
		late := -1
		for d := 0; d <= 800 && late < 0; d++ {
			if at := k + d + int(phase.Milliseconds())*8; slices.Equal(w.out[at:at+800], want) {
				late = d
			}
		}
		if late < 0 || late > 160 {
			t.Errorf("phase %v: the sound is %d samples late", phase, late)
		}
		if l := leap(w.out[8000:]); l > leap(in)+200 {
			t.Errorf("phase %v: a sample leaps by %d", phase, l)
		}
	}
}

// Jitter and loss leave no click, and little is said that nobody said.
func TestJitter(t *testing.T) {
	for _, c := range []struct {
		jitter, loss float64
		most         time.Duration // concealed in 20 s, beside what was lost
	}{{0, .05, 100 * ms}, {30, 0, 100 * ms}, {30, .05, 150 * ms}, {80, .01, 250 * ms}, {80, .05, 250 * ms}, {200, 0, 500 * ms}} {
		for seed := range uint64(3) {
			w := newWorld(t, Config{Rate: 8000})
			in := sine(220, 20*time.Second)
			r := rand.New(rand.NewPCG(seed, 2))
			lost := 0
			w.send(0, in, 20*ms, 1, 1, func(i int) time.Duration {
				if r.Float64() < c.loss && i < 990 {
					lost++
					return -1
				}
				return time.Duration(r.Float64() * c.jitter * float64(ms))
			})
			w.run(20*time.Second, 20*ms)
			s := w.b.Stats()
			if l := leap(w.out); l > leap(in)*3/2 {
				t.Errorf("%+v, seed %d: a sample leaps by %d, by %d in what was sent", c, seed, l, leap(in))
			}
			if extra := w.b.duration(int64(s.Concealed)) - time.Duration(lost)*20*ms; extra > c.most {
				t.Errorf("%+v, seed %d: %v were made up beside what was lost: %+v", c, seed, extra, s)
			}
			if s.Target > time.Duration(c.jitter)*ms+25*ms || s.Delay > time.Duration(c.jitter)*ms+60*ms {
				t.Errorf("%+v, seed %d: %+v", c, seed, s)
			}
		}
	}
}
