package jitter

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"santral/media"
	"santral/media/pcm"
)

// Clicks that were said at known times are heard so long after, over an hour, from senders whose clocks go wrong and whose
// packets take up to 60 ms more than the fastest; some between the clicks are lost, and there are pauses.
func TestSteady(t *testing.T) {
	for _, c := range []struct {
		ppm   float64
		ptime int // milliseconds
		pause bool
	}{{-50, 20, false}, {50, 20, true}, {50, 60, false}, {0, 10, true}} {
		const steady = 240 * ms
		w := newWorld(t, Config{Rate: 8000, Steady: steady})
		r := rand.New(rand.NewPCG(1, 3))
		n := 8 * c.ptime
		sound, code := make(media.Frame, n), make([]byte, n)
		said := func(sample int) time.Duration { return time.Duration(float64(sample) * 125e3 * (1 + c.ppm/1e6)) }
		type packet struct {
			at time.Duration
			p  Packet
		}
		var wire []packet
		i, last, worst, heard := 0, time.Duration(0), time.Duration(0), 0
		f := make(media.Frame, 160)
		for ; w.now < time.Hour; w.now += 20 * ms {
			for said((i+1)*n) <= w.now {
				if !c.pause || i/100%10 != 9 {
					clear(sound)
					for k := range sound {
						if s := i*n + k; s%4000 < 16 { // twice a second
							sound[k] = 12000
						}
					}
					pcm.EncodeALaw(code, sound)
					if place := i * n % 4000; place < 1000 || place > 3000 || r.Float64() > .02 { // what is made up for a click is another
						at := said((i+1)*n) + time.Duration(r.IntN(61))*ms
						wire = append(wire, packet{at, Packet{Payload: 8, Seq: uint16(i), Timestamp: uint32(i * n), SSRC: 1, Sound: append([]byte(nil), code...), At: at}})
					}
				}
				i++
			}
			rest := wire[:0]
			for _, p := range wire {
				if p.at <= w.now {
					w.b.Put(p.p)
				} else {
					rest = append(rest, p)
				}
			}
			wire = rest
			w.b.Read(f)
			for k, v := range f {
				at := w.now + time.Duration(k)*125*time.Microsecond
				if v < 6000 || at-last < 300*ms || at < 10*time.Second {
					if v >= 6000 {
						last = at
					}
					continue
				}
				last = at
				click := math.Round(float64(at-steady) / 1e6 / 500 / (1 + c.ppm/1e6))
				off := at - steady - said(int(click)*4000)
				if off < 0 {
					off = -off
				}
				worst = max(worst, off)
				heard++
			}
		}
		s := w.b.Stats()
		t.Logf("%v: %d heard, at most %v off; %+v", c, heard, worst, s)
		if limit := time.Duration(c.ptime)*75*time.Microsecond + ms/2; worst > limit || // fewer packets know less of the fastest
			heard < 6000 || s.Resyncs+s.Restarts > 0 || s.Late > 20 {
			t.Errorf("%v: %d heard, at most %v off; %+v", c, heard, worst, s)
		}
	}
}

// What goes a little faster or slower sounds as before.
func TestAChangeOfPaceIsSmooth(t *testing.T) {
	for _, ppm := range []float64{-500, 500} {
		w := newWorld(t, Config{Rate: 8000, Steady: 240 * ms})
		in := sine(300, 30*time.Second)
		w.send(0, in, 20*ms, 1, 1, func(i int) time.Duration { return 50*ms + time.Duration(float64(i)*20e6*ppm/1e6) })
		w.run(29*time.Second, 20*ms)
		if l := leap(w.out[8000:]); l > leap(in)*11/10 {
			t.Errorf("%v ppm: a sample leaps by %d, in the original by %d", ppm, l, leap(in))
		}
		if s := w.b.Stats(); s.Shortened+s.Stretched < 50 || s.Concealed > 0 {
			t.Errorf("%+v", s)
		}
	}
}

// A phone that was on hold goes on with the timestamps that it had: it is heard after the same time as before.
func TestSteadyAfterTimestampsStoodStill(t *testing.T) {
	w := newWorld(t, Config{Rate: 8000, Steady: 240 * ms})
	in := sine(300, 4*time.Second)
	for i := range in {
		if i%1600 >= 16 {
			in[i] = 0
		} else {
			in[i] = 12000
		}
	}
	const hold = 777 * ms
	w.send(0, in, 20*ms, 1, 1, func(i int) time.Duration {
		if i >= 100 {
			return hold
		}
		return 0
	})
	w.run(5*time.Second, 20*ms)
	last, heard := -1600, 0
	for i, v := range w.out {
		if v < 6000 || i-last < 800 {
			continue
		}
		last = i
		at := time.Duration(i)*125*time.Microsecond - 240*ms + 20*ms // a packet is sent here when it begins
		if at > 2*time.Second {
			at -= hold
		}
		if off := (at + ms/2) % (200 * ms); off > ms {
			t.Errorf("a click at %v", at)
		}
		heard++
	}
	if heard < 18 {
		t.Errorf("%d clicks heard", heard)
	}
}
