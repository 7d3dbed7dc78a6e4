package jitter

import (
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"santral/media"
	"santral/media/pcm"
)

// After two seconds in which packets take up to 250 ms the delay is small again within 10 s, and not a sample
// was thrown away for it.
func TestShrinks(t *testing.T) {
	for seed := range uint64(3) {
		w := newWorld(t, Config{Rate: 8000})
		in := sine(220, 30*time.Second)
		r := rand.New(rand.NewPCG(seed, 3))
		w.send(0, in, 20*ms, 1, 1, func(i int) time.Duration {
			if i >= 500 && i < 600 {
				return time.Duration(r.Float64() * 250 * float64(ms))
			}
			return 0
		})
		most, small := time.Duration(0), time.Duration(0)
		w.each = func() {
			d := w.b.Stats().Delay
			if w.now < 12*time.Second {
				most = max(most, d)
			} else if small == 0 && d <= 40*ms {
				small = w.now
			}
		}
		w.run(29*time.Second, 20*ms)
		s := w.b.Stats()
		if most < 150*ms || small == 0 || small > 22*time.Second || s.Delay > 40*ms || s.Resyncs > 0 {
			t.Errorf("seed %d: up to %v, small at %v, at last %+v", seed, most, small, s)
		}
		if l := leap(w.out); l > leap(in)*3/2 {
			t.Errorf("seed %d: a sample leaps by %d", seed, l)
		}
	}
}

// A clock that goes wrong by 500 ppm, for a quarter of an hour (two hours in `make soak`): the delay stays, and nothing is thrown away or made up.
func TestSkew(t *testing.T) {
	long := 15 * time.Minute
	if os.Getenv("SANTRAL_SOAK") != "" {
		long = 2 * time.Hour
	}
	for _, ppm := range []float64{-500, -50, 500} {
		w := newWorld(t, Config{Rate: 8000})
		code := make([]byte, 160)
		in := sine(300, 20*ms)
		pcm.EncodeALaw(code, in)
		r := rand.New(rand.NewPCG(1, 3))
		f := make(media.Frame, 160)
		i, most, last := 0, time.Duration(0), int16(0)
		for ; w.now < long; w.now += 20 * ms {
			for {
				at := time.Duration(float64(i) * 20e6 * (1 + ppm/1e6)) // + is a slow sender
				if at > w.now {
					break
				}
				w.b.Put(Packet{Payload: 8, Seq: uint16(i), Timestamp: uint32(i * 160), SSRC: 1, Sound: code, At: at + time.Duration(r.IntN(3))*ms})
				i++
			}
			w.b.Read(f)
			for _, s := range f {
				if d := int(s) - int(last); w.now > time.Second && (d > 3000 || d < -3000) {
					t.Fatalf("%v ppm, %v: a leap of %d", ppm, w.now, d)
				}
				last = s
			}
			if w.now > 2*time.Second {
				most = max(most, w.b.Stats().Delay)
			}
		}
		s := w.b.Stats()
		if most > 70*ms || s.Resyncs > 0 || s.Restarts > 0 || s.Late > 0 || s.Concealed > uint64(long/time.Hour+1)*8000 {
			t.Errorf("%v ppm: delay up to %v, %+v", ppm, most, s)
		}
		moved := float64(int64(s.Stretched)+int64(s.Concealed)-int64(s.Shortened)) / float64(s.Played) * 1e6
		if math.Abs(moved-ppm) > 20+200/long.Minutes() {
			t.Errorf("%v ppm: time was moved by %.0f ppm: %+v", ppm, moved, s)
		}
	}
}

// What comes in another order, twice or much too late.
func TestOrder(t *testing.T) {
	w := newWorld(t, Config{Rate: 8000, Least: 60 * ms})
	in := sine(300, 4*time.Second)
	w.send(0, in, 20*ms, 65400, 1<<32-8000, func(i int) time.Duration { return time.Duration(i%3) * 25 * ms })
	for _, p := range w.sent[50:100] { // again, and again after their time
		w.sent = append(w.sent, p)
		p.At += 700 * ms
		w.sent = append(w.sent, p)
	}
	slices.SortStableFunc(w.sent, func(a, b Packet) int { return int(a.At - b.At) })
	w.run(4*time.Second, 20*ms)
	s := w.b.Stats()
	if s.Duplicates != 100 || s.Concealed > 160*2 || s.Restarts > 0 || s.Late > 0 {
		t.Errorf("%+v", s)
	}
	if l := leap(w.out[16000:]); l > leap(in)*3/2 {
		t.Errorf("a sample leaps by %d", l)
	}
	// One packet comes 400 ms after the others: it is late, and no more.
	w = newWorld(t, Config{Rate: 8000})
	w.send(0, in, 20*ms, 1, 1, func(i int) time.Duration {
		if i == 100 {
			return 400 * ms
		}
		return 0
	})
	w.run(4*time.Second, 20*ms)
	if s := w.b.Stats(); s.Late != 1 || s.Concealed > 400 || s.Delay > 60*ms {
		t.Errorf("one late packet: %+v", s)
	}
}

// A stream that begins anew goes on within 100 ms, whatever it changes, and one stray packet changes nothing.
func TestBeginsAnew(t *testing.T) {
	for name, change := range map[string]func(*Packet){
		"another SSRC":           func(p *Packet) { p.SSRC, p.Seq, p.Timestamp = 99, p.Seq+30000, p.Timestamp+12345678 },
		"another SSRC only":      func(p *Packet) { p.SSRC = 99 },
		"another sequence":       func(p *Packet) { p.Seq += 20000 },
		"a sequence from before": func(p *Packet) { p.Seq -= 500 },
		"other timestamps":       func(p *Packet) { p.Timestamp += 1 << 30 },
		"timestamps of long ago": func(p *Packet) { p.Timestamp -= 1 << 20 },
		"all of it":              func(p *Packet) { p.Seq, p.Timestamp = p.Seq+9000, p.Timestamp-1<<30 },
		"nothing":                func(*Packet) {},
	} {
		for _, gap := range []time.Duration{0, 3 * time.Second} {
			w := newWorld(t, Config{Rate: 8000})
			in := sine(300, 2*time.Second)
			w.send(0, in, 20*ms, 1000, 5000, steady)
			n := len(w.sent)
			w.send(2*time.Second+gap, in, 20*ms, 1100, 5000+16000+uint32(gap.Milliseconds()*8), steady)
			for i := range w.sent[n:] {
				change(&w.sent[n+i])
			}
			w.run(4*time.Second+gap, 20*ms)
			s := w.b.Stats()
			// From 100 ms after the change on all is there: the sine has its loudness.
			from := int((2*time.Second + gap + 100*ms).Milliseconds()) * 8
			for at := from; at+400 < len(w.out)-800; at += 400 {
				if e := power(w.out[at : at+400]); e < 8000*8000/2*0.8 || e > 8000*8000/2*1.2 {
					t.Errorf("%s after %v: power %.0f at %d ms: %+v", name, gap, e, at/8, s)
					break
				}
			}
			if s.Delay > 60*ms || (s.Restarts > 0) != (name != "nothing") && gap == 0 {
				t.Errorf("%s after %v: %+v", name, gap, s)
			}
		}
	}
	// Strays: another SSRC in between, now and then.
	w := newWorld(t, Config{Rate: 8000})
	in := sine(300, 4*time.Second)
	w.send(0, in, 20*ms, 1000, 5000, steady)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range 100 {
		w.sent = append(w.sent, Packet{Payload: 8, SSRC: r.Uint32(), Seq: uint16(r.Uint32()), Timestamp: r.Uint32(), Sound: make([]byte, 160), At: time.Duration(i)*40*ms + 5*ms})
	}
	slices.SortStableFunc(w.sent, func(a, b Packet) int { return int(a.At - b.At) })
	w.run(4*time.Second, 20*ms)
	if s := w.b.Stats(); s.Restarts > 0 || s.Concealed > 320 {
		t.Errorf("strays: %+v", s)
	}
}

// Packets and frames of all lengths, and packets that change theirs in mid stream.
func TestLengths(t *testing.T) {
	all := []time.Duration{10 * ms, 20 * ms, 30 * ms, 40 * ms, 60 * ms}
	in := sine(300, 4*time.Second)
	mixed := func(w *world) {
		seq, at := uint16(1), time.Duration(0)
		r := rand.New(rand.NewPCG(1, 1))
		for {
			per := all[r.IntN(len(all))]
			from, n := int(at.Milliseconds())*8, int(per.Milliseconds())*8
			if from+n > len(in) {
				return
			}
			code := make([]byte, n)
			pcm.EncodeALaw(code, in[from:from+n])
			at += per // a packet leaves when its last sample was said
			w.sent = append(w.sent, Packet{Payload: 8, Seq: seq, Timestamp: uint32(from), SSRC: 7, Sound: code, At: at})
			seq++
		}
	}
	for _, frame := range all {
		for _, per := range append(all, 0) {
			w := newWorld(t, Config{Rate: 8000})
			if per > 0 {
				w.send(0, in, per, 1, 1, steady)
			} else {
				mixed(w)
			}
			w.run(4*time.Second, frame)
			s := w.b.Stats()
			limit := max(frame, 20*ms)
			if per == 0 {
				limit += 60 * ms // long packets make the short ones wait
			}
			w.b.mu.Lock()
			wait := w.b.duration(w.b.delay.now)
			w.b.mu.Unlock()
			if s.Concealed > 1200 || s.Late > 0 || s.Resyncs > 0 || wait > limit+5*ms {
				t.Errorf("packets of %v, frames of %v: %+v", per, frame, s)
			}
			if l := leap(w.out[4000 : len(w.out)-1000]); l > leap(in)*3/2 {
				t.Errorf("packets of %v, frames of %v: a sample leaps by %d", per, frame, l)
			}
		}
	}
}

// uLaw and a codec of another clock, besides A-law.
type other struct {
	law pcm.Codec
	up  int
}

func (d other) Decode(dst media.Frame, p []byte) (int, error) {
	d.law.Decode(dst, p)
	return len(p), nil
}
func (other) Conceal(dst media.Frame) { clear(dst) }

// The sender goes over to another payload number, of another clock too, and back.
func TestPayloadChanges(t *testing.T) {
	decoders := func(payload uint8) (media.Decoder, int, bool) {
		switch payload {
		case 0:
			return other{law: pcm.PCMU}, 8000, true
		case 8:
			return law{}, 8000, true
		case 96:
			return other{law: pcm.PCMU}, 48000, true // of a clock that counts six for each sample of ours
		}
		return nil, 0, false
	}
	for _, to := range []uint8{0, 96} {
		w := newWorld(t, Config{Rate: 8000, Decoder: decoders})
		in := sine(300, 6*time.Second)
		w.send(0, in, 20*ms, 1, 1, steady)
		for i := range w.sent {
			if p := &w.sent[i]; i >= 100 && i < 200 {
				p.Payload = to
				pcm.EncodeULaw(p.Sound, in[i*160:(i+1)*160])
				if to == 96 {
					p.Timestamp *= 6
				}
			}
		}
		w.run(6*time.Second, 20*ms)
		s := w.b.Stats()
		if s.Concealed > 160 || s.Late+s.Resyncs > 0 {
			t.Errorf("to %d: %+v", to, s)
		}
		if l := leap(w.out); l > leap(in)*3/2 {
			t.Errorf("to %d: a sample leaps by %d", to, l)
		}
	}
}

// noise is comfort noise: a payload of one octet, its level.
type noise struct{ level int16 }

func (d *noise) Decode(_ media.Frame, p []byte) (int, error) {
	d.level = int16(p[0])
	return 0, nil
}

func (d *noise) Conceal(dst media.Frame) {
	for i := range dst {
		dst[i] = d.level * int16(1-i%2*2)
	}
}

// Silence that is not sent, with comfort noise and without: what is heard is not made up of speech, the delay
// doesn't grow by it, and the next word comes whole.
func TestSilence(t *testing.T) {
	for _, cn := range []bool{true, false} {
		w := newWorld(t, Config{Rate: 8000, Decoder: func(payload uint8) (media.Decoder, int, bool) {
			if payload == 13 {
				return &noise{}, 8000, true
			}
			return aLaw(payload)
		}})
		in := sine(300, time.Second)
		for i := range 6 { // a second of speech, one and a half of silence
			from := time.Duration(i) * 2500 * ms
			stamp := uint32(i * 20000)
			w.send(from, in, 20*ms, uint16(1+i*50), stamp, steady)
			if cn {
				w.sent[len(w.sent)-1] = Packet{Payload: 13, Seq: uint16(50 + i*50), Timestamp: stamp + 49*160, SSRC: 7, Sound: []byte{40}, At: from + 980*ms}
			}
		}
		w.run(15*time.Second, 20*ms)
		s := w.b.Stats()
		if want := uint64(6 * 1500 * 8); s.Comfort+s.Concealed < want-2000 || s.Concealed > 6*1200 || s.Delay > 20*ms || s.Restarts+s.Resyncs+s.Late > 0 || s.Shortened+s.Stretched > 400 {
			t.Errorf("comfort noise %v: %+v", cn, s)
		}
		for i := range 6 {
			pause := w.out[(i*2500+1400)*8 : (i*2500+2400)*8]
			if e := power(pause); cn && (e < 1500 || e > 1700) || !cn && e > 5000 {
				t.Errorf("comfort noise %v: a pause of power %.0f", cn, e)
			}
			word := w.out[(i*2500+40)*8 : (i*2500+900)*8]
			if e := power(word); e < 8000*8000/2*0.98 {
				t.Errorf("comfort noise %v: a word of power %.0f", cn, e)
			}
		}
	}
}

// Telephone events between packets of sound are a pause, and no loss.
func TestEventsBetween(t *testing.T) {
	w := newWorld(t, Config{Rate: 8000})
	in := sine(300, 3*time.Second)
	w.send(0, in, 20*ms, 1, 1, steady)
	for i := 50; i < 65; i++ {
		w.sent[i].Payload, w.sent[i].Sound, w.sent[i].Timestamp = 101, []byte{1, 10, 0, 160}, w.sent[50].Timestamp
	}
	w.run(3*time.Second, 20*ms)
	if s := w.b.Stats(); s.Concealed > 160 || s.Comfort > 16*160 || s.Late+s.Resyncs+s.Restarts > 0 || s.Delay > 40*ms {
		t.Errorf("%+v", s)
	}
}

// A fixed buffer is for modems: what comes in time goes out sample for sample, at one delay, whatever the jitter.
func TestFixed(t *testing.T) {
	w := newWorld(t, Config{Rate: 8000, Fixed: 100 * ms})
	fixed(t, w, 800)
}

func fixed(t *testing.T, w *world, from int) {
	t.Helper()
	in := sine(300, 10*time.Second)
	r := rand.New(rand.NewPCG(1, 1))
	lost := 0
	w.send(0, in, 20*ms, 1, 1, func(i int) time.Duration {
		if i > 100 && r.Float64() < .03 {
			lost++
			return -1
		}
		return time.Duration(r.IntN(90)) * ms * time.Duration(min(i, 1))
	})
	w.run(10*time.Second, 20*ms)
	s := w.b.Stats()
	if from == 800 && s.Shortened+s.Stretched+s.Late > 0 || s.Resyncs > 0 || s.Target != 100*ms {
		t.Errorf("%+v", s)
	}
	code := make([]byte, len(in))
	pcm.EncodeALaw(code, in)
	want := make(media.Frame, len(in))
	pcm.DecodeALaw(want, code)
	least := len(in)
	for shift := 800; shift <= 960; shift++ { // one frame more where it begins in the middle of one
		differ := 0
		for i := from; i < len(w.out); i++ {
			if i >= shift && w.out[i] != want[i-shift] {
				differ++
			}
		}
		least = min(least, differ)
		if from == 800 {
			break
		}
	}
	if least > lost*(160+80) || lost == 0 {
		t.Errorf("%d samples differ, %d packets were lost: %+v", least, lost, s)
	}
}

// The way becomes longer by much, at once, and shorter again: little is made up, and nothing goes wrong until the
// buffer has forgotten the old way.
func TestAnotherWay(t *testing.T) {
	for _, longer := range []time.Duration{150 * ms, 700 * ms, 1500 * ms} {
		w := newWorld(t, Config{Rate: 8000})
		in := sine(300, 30*time.Second)
		r := rand.New(rand.NewPCG(1, 1))
		w.send(0, in, 20*ms, 1, 1, func(i int) time.Duration {
			d := time.Duration(r.IntN(20)) * ms
			if i >= 200 && i < 1000 {
				d += longer
			}
			return d
		})
		w.run(29*time.Second, 20*ms)
		s := w.b.Stats()
		if made := w.b.duration(int64(s.Concealed + s.Comfort)); made > longer+400*ms || s.Resyncs > 2 || s.Delay > 80*ms || s.Late > 0 && longer < 200*ms {
			t.Errorf("longer by %v: %v made up, %+v", longer, made, s)
		}
		if l := leap(w.out); l > leap(in)*3/2 {
			t.Errorf("longer by %v: a sample leaps by %d", longer, l)
		}
	}
}

// Nobody reads for a while: then the sound is of now, not of long ago.
func TestNobodyReads(t *testing.T) {
	w := newWorld(t, Config{Rate: 8000})
	w.send(0, sine(300, 20*time.Second), 20*ms, 1, 1, steady)
	w.run(2*time.Second, 20*ms)
	for ; w.now < 8*time.Second; w.now += 20 * ms {
		for len(w.sent) > 0 && w.sent[0].At <= w.now {
			w.b.Put(w.sent[0])
			w.sent = w.sent[1:]
		}
	}
	w.run(12*time.Second, 20*ms)
	if s := w.b.Stats(); s.Delay > 60*ms || s.Concealed > 400 {
		t.Errorf("%+v", s)
	}
}

// A reader and a listener at the same time, on the system's clock.
func TestAtOnce(t *testing.T) {
	b := New(Config{Rate: 8000, Decoder: aLaw})
	var both sync.WaitGroup
	both.Go(func() {
		for i := range 2000 {
			b.Put(Packet{Payload: 8, Seq: uint16(i), Timestamp: uint32(i * 160), SSRC: 1, Sound: make([]byte, 160), At: time.Duration(i) * 20 * ms})
		}
	})
	both.Go(func() {
		f := make(media.Frame, 160)
		for range 2000 {
			if n, err := b.Read(f); n != 160 || err != nil {
				t.Errorf("%d, %v", n, err)
			}
			b.Stats()
		}
	})
	both.Go(func() {
		for range 100 {
			b.Learn(aLaw)
		}
	})
	both.Wait()
}

// Whatever comes, a frame is a frame, and what is held is bounded and given back.
func TestAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var now time.Duration
		cfg := Config{
			Rate:    rapid.SampledFrom([]int{8000, 16000, 48000}).Draw(t, "rate"),
			Fixed:   time.Duration(rapid.SampledFrom([]int{0, 0, 0, 60}).Draw(t, "fixed")) * ms,
			Decoder: aLaw, Clock: func() time.Duration { return now },
		}
		b := New(cfg)
		seq, stamp, ssrc := uint16(rapid.Uint32().Draw(t, "seq")), rapid.Uint32().Draw(t, "stamp"), uint32(1)
		played := uint64(0)
		for range rapid.IntRange(1, 120).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				seq += uint16(rapid.Uint32().Draw(t, "leap"))
			case 1:
				stamp += rapid.Uint32().Draw(t, "leap")
			case 2:
				ssrc = uint32(rapid.IntRange(1, 3).Draw(t, "ssrc"))
			case 3:
				now += time.Duration(rapid.IntRange(-10, 2000).Draw(t, "while")) * ms
			case 4, 5, 6:
				n := rapid.SampledFrom([]int{0, 1, 80, 160, 160, 160, 480, 960, 5000}).Draw(t, "long")
				b.Put(Packet{Payload: rapid.SampledFrom([]uint8{8, 8, 8, 13, 101}).Draw(t, "payload"), Seq: seq, Timestamp: stamp, SSRC: ssrc, Sound: make([]byte, n),
					Spare: rapid.IntRange(0, 9).Draw(t, "spare") == 0, At: now})
				seq++
				stamp += uint32(n)
			default:
				f := make(media.Frame, cfg.Rate/1000*rapid.SampledFrom([]int{10, 20, 30, 40, 60, 200}).Draw(t, "frame"))
				if n, err := b.Read(f); n != len(f) || err != nil {
					t.Fatalf("%d of %d: %v", n, len(f), err)
				}
				played += uint64(len(f))
				now += 20 * ms
			}
			if len(b.queue.slots) > mostPackets || b.held > mostHeld || b.held < 0 {
				t.Fatalf("%d packets of %d octets wait", len(b.queue.slots), b.held)
			}
			if !slices.IsSortedFunc(b.queue.slots, func(x, y slot) int { return int(x.seq - y.seq) }) {
				t.Fatal("the packets are out of order")
			}
			if len(b.play.buf) > cfg.Rate {
				t.Fatalf("%d samples are held", len(b.play.buf))
			}
		}
		for range 200 { // what waits is played or thrown away
			f := make(media.Frame, cfg.Rate/50)
			b.Read(f)
			now += 20 * ms
		}
		if len(b.queue.slots) > 0 || b.held != 0 {
			t.Fatalf("%d packets of %d octets wait for ever", len(b.queue.slots), b.held)
		}
	})
}

func FuzzPut(f *testing.F) {
	f.Add([]byte{0, 1, 0, 1, 0, 160, 1, 0, 8})
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, steady := range []time.Duration{0, 240 * ms} {
			fuzzed(t, data, steady)
		}
	})
}

func fuzzed(t *testing.T, data []byte, steady time.Duration) {
	var now time.Duration
	b := New(Config{Rate: 8000, Steady: steady, Clock: func() time.Duration { return now }, Decoder: func(p uint8) (media.Decoder, int, bool) {
		if p == 13 {
			return &noise{}, 8000, true
		}
		return law{}, 8000 << (p & 1), p < 100
	}})
	frame := make(media.Frame, 160)
	for ; len(data) >= 9; data = data[9:] {
		p := Packet{Payload: data[8], Seq: uint16(data[0])<<8 | uint16(data[1]), Timestamp: uint32(data[2])<<24 | uint32(data[3])<<16 | uint32(data[4])<<8 | uint32(data[5]),
			SSRC: uint32(data[6] & 3), Marker: data[6]&4 != 0, Spare: data[6]&8 != 0, Sound: make([]byte, 1+int(data[7])*2), At: now}
		b.Put(p)
		if data[6]&16 != 0 {
			b.Read(frame)
			now += 20 * ms
		}
	}
	for range 10 {
		if n, err := b.Read(frame); n != 160 || err != nil {
			t.Fatal(n, err)
		}
		now += 20 * ms
	}
	if len(b.play.buf) > 8000 || len(b.queue.slots) > mostPackets {
		t.Fatal("too much is held")
	}
}

// A packet in and a frame out need no memory; a leg of narrowband keeps less than 12 KB.
func TestMemory(t *testing.T) {
	var now time.Duration
	next, frame := 0, make(media.Frame, 160)
	code := make([]byte, 160)
	r := rand.New(rand.NewPCG(1, 1))
	make1 := func() *Buffer {
		return New(Config{Rate: 8000, Clock: func() time.Duration { return now }, Decoder: aLaw})
	}
	turn := func(b *Buffer) {
		if r.IntN(20) > 0 {
			b.Put(Packet{Payload: 8, Seq: uint16(next), Timestamp: uint32(next * 160), SSRC: 1, Sound: code, At: now - time.Duration(r.IntN(40))*ms})
		}
		next++
		b.Read(frame)
		now += 20 * ms
	}
	b := make1()
	for range 500 {
		turn(b)
	}
	if n := testing.AllocsPerRun(1000, func() { turn(b) }); n > 0 && !underRace {
		t.Errorf("%v allocations", n)
	}
	const legs = 200
	list := make([]*Buffer, legs)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range list {
		list[i] = make1()
		for range 200 {
			turn(list[i])
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / legs
	t.Logf("%d octets a leg", each)
	if each > 12<<10 {
		t.Errorf("a leg keeps %d octets", each)
	}
	runtime.KeepAlive(list)
}

func BenchmarkG711(b *testing.B) {
	for _, c := range []struct {
		name   string
		loss   float64
		jitter int
	}{{"steady", 0, 1}, {"jitter", 0, 40}, {"loss", 0.05, 40}} {
		b.Run(c.name, func(b *testing.B) {
			var now time.Duration
			r := rand.New(rand.NewPCG(1, 1))
			j := New(Config{Rate: 8000, Clock: func() time.Duration { return now }, Decoder: aLaw})
			speech, code, frame := sine(220, 20*ms), make([]byte, 160), make(media.Frame, 160)
			pcm.EncodeALaw(code, speech)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if r.Float64() >= c.loss {
					j.Put(Packet{Payload: 8, Seq: uint16(i), Timestamp: uint32(i * 160), SSRC: 1, Sound: code, At: now - time.Duration(r.IntN(c.jitter))*ms})
				}
				j.Read(frame)
				now += 20 * ms
			}
		})
	}
}
