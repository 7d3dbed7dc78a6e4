package codec

import (
	"runtime"
	"testing"

	"santral/media"
)

const opusPacket = opusRate / 50

// alike is how alike two sounds are, 1 for the same and 0 for nothing in common, at the best delay. Opus
// keeps the form of speech and not its samples, so that it is judged by this and not by the error.
func alike(want, got media.Frame, most int) (best float64, delay int) {
	for lag := 0; lag <= most; lag++ {
		var cross, a, b float64
		for i := 0; i+lag < len(got) && i < len(want); i += 1 + i%3 { // most samples will do
			x, y := float64(want[i]), float64(got[i+lag])
			cross, a, b = cross+x*y, a+x*x, b+y*y
		}
		if v := cross * cross / (a*b + 1); v > best {
			best, delay = v, lag
		}
	}
	return best, delay
}

// What we code, ffmpeg's own decoder hears, which is not libopus; what its own encoder codes, we hear.
func TestOpusAgainstFFmpeg(t *testing.T) {
	c := made(t, "opus", opusRate, 2)
	e, d := pair(t, c, Options{Bitrate: 64000})
	sound := speech(t, opusRate)
	packets := inPackets(e, sound, opusPacket)
	theirs := samples(run(t, ogg(packets, opusPacket), "ffmpeg", "-v", "error", "-c:a", "opus", "-f", "ogg", "-i", "-", "-f", "s16le", "-ar", "48000", "-ac", "1", "-"))
	ours := heard(t, d, packets, opusPacket)
	for who, f := range map[string]media.Frame{"ffmpeg": theirs, "we": ours} {
		if r, delay := alike(sound, f, 480); r < 0.9 {
			t.Errorf("%s: alike %.3f at a delay of %d", who, r, delay)
		} else {
			t.Logf("%s: alike %.3f at a delay of %d", who, r, delay)
		}
	}
	coded := fromOgg(run(t, octets(sound), "ffmpeg", "-v", "error", "-f", "s16le", "-ar", "48000", "-ac", "1", "-i", "-",
		"-c:a", "opus", "-strict", "-2", "-b:a", "96k", "-f", "ogg", "-"))
	_, d = pair(t, c, Options{})
	if r, delay := alike(sound, heard(t, d, coded, opusPacket), 1200); r < 0.9 {
		t.Errorf("theirs to ours: alike %.3f at a delay of %d, %d packets", r, delay, len(coded))
	}
}

// Every packet time that the encoder knows makes a packet of that time, and others make none.
func TestOpusPacketTimes(t *testing.T) {
	c := made(t, "opus", opusRate, 2)
	room := make(media.Frame, opusLongest)
	for _, size := range []int{120, 240, 480, 960, 1920, 2880, 3840, 4800, 5760} {
		e, d := pair(t, c, Options{})
		p := e.Encode([]byte{1, 2}, sine(440, 8000, opusRate, size))
		if n, err := d.Decode(room, p[2:]); n != size || err != nil || p[0] != 1 || p[1] != 2 {
			t.Errorf("%d samples: %d, %v", size, n, err)
		}
	}
	e, _ := pair(t, c, Options{})
	for _, size := range []int{0, 1, 479, 481, 1440, 6000} {
		if p := e.Encode(nil, make(media.Frame, size)); len(p) > 0 {
			t.Errorf("%d samples made %d octets", size, len(p))
		}
	}
}

// The peer's parameters are obeyed: its bit rate, its band, its wish for silence and for equal packets.
func TestOpusWishes(t *testing.T) {
	c := made(t, "opus", opusRate, 2)
	sound := speech(t, opusRate)
	rate := func(params string, o Options) (bits float64, sizes map[int]bool, band byte) {
		f := c.Format
		f.Params = params
		e, err := c.NewEncoder(f, o)
		if err != nil {
			t.Fatal(err)
		}
		total := 0
		sizes = map[int]bool{}
		packets := inPackets(e, sound, opusPacket)
		for i, p := range packets {
			total += len(p)
			sizes[len(p)] = true
			if i > 10 && len(p) > 1 {
				band = max(band, bandOf(p))
			}
		}
		return float64(total) * 8 / (float64(len(packets)) / 50), sizes, band
	}
	for _, w := range []struct {
		params string
		o      Options
		least  float64
		most   float64
		band   byte // the widest
	}{
		{"", Options{}, 15000, 36000, 4},
		{"maxaveragebitrate=16000", Options{}, 9000, 18000, 4},
		{"maxaveragebitrate=16000", Options{Bitrate: 64000}, 9000, 18000, 4},
		{"maxplaybackrate=8000", Options{}, 6000, 14000, 0},
		{"maxplaybackrate=16000; stereo=0", Options{}, 9000, 23000, 2},
		{"", Options{Bitrate: 12000}, 6000, 14000, 4},
	} {
		bits, _, band := rate(w.params, w.o)
		if bits < w.least || bits > w.most || band > w.band {
			t.Errorf("%q %+v: %.0f bit/s, band %d", w.params, w.o, bits, band)
		}
	}
	if _, sizes, _ := rate("cbr=1", Options{}); len(sizes) != 1 {
		t.Errorf("constant bit rate has packets of %d sizes", len(sizes))
	}
	if _, sizes, _ := rate("cbr=0", Options{}); len(sizes) < 5 {
		t.Errorf("variable bit rate has packets of %d sizes", len(sizes))
	}
}

// bandOf is the band of a packet by its configuration (RFC 6716 §3.1, table 2).
func bandOf(p []byte) byte {
	config := p[0] >> 3
	switch {
	case config < 12:
		return config / 4
	case config < 16:
		return 3 + (config-12)/2
	}
	return [...]byte{0, 2, 3, 4}[(config-16)/4]
}

func TestOpusParameters(t *testing.T) {
	for params, want := range map[string]wishes{
		"":                           {},
		"minptime=10;useinbandfec=1": {fec: true},
		"maxplaybackrate=16000; sprop-maxcapturerate=16000; maxaveragebitrate=20000; stereo=1; useinbandfec=1; usedtx=0": {highest: 16000, most: 20000, fec: true},
		" MaxPlaybackRate = 8000 ;UseDTX=1;cbr=1;":              {highest: 8000, dtx: true, cbr: true},
		"maxaveragebitrate=1;maxplaybackrate=-5;useinbandfec=2": {},
		"maxaveragebitrate=99999999999999999999999;usedtx=;cbr": {},
		"maxaveragebitrate=4000000000":                          {most: 510000},
	} {
		if got := wishesOf(params); got != want {
			t.Errorf("%q is %+v, want %+v", params, got, want)
		}
	}
}

// In silence nothing is sent but a sign of life now and then, and speech is not cut.
func TestOpusSilence(t *testing.T) {
	c := made(t, "opus", opusRate, 2)
	for _, dtx := range []bool{true, false} {
		e, _ := pair(t, c, Options{DTX: dtx})
		count := func(f media.Frame) (n int) {
			for _, p := range inPackets(e, f, opusPacket) {
				if len(p) > 0 {
					n++
				}
			}
			return n
		}
		if n := count(speech(t, opusRate)[:opusRate]); n < 45 {
			t.Errorf("DTX %v: %d packets of 50 of speech", dtx, n)
		}
		n := count(make(media.Frame, 4*opusRate))
		if dtx && (n > 60 || n < 5) || !dtx && n != 200 {
			t.Errorf("DTX %v: %d packets of 200 of silence", dtx, n)
		}
	}
}

// A tenth of the packets is lost. With forward error correction the sound is more like the original than
// with concealment alone, and that more than with nothing; repair comes only when loss is told of.
func TestOpusLoss(t *testing.T) {
	c := made(t, "opus", opusRate, 2)
	sound := speech(t, opusRate)
	listen := func(fec, conceal bool) (float64, int) {
		e, d := pair(t, c, Options{Bitrate: 24000})
		if fec {
			e.(media.Adaptive).Expect(0.1)
		}
		packets := inPackets(e, sound, opusPacket)
		room, got, repaired := make(media.Frame, opusLongest), media.Frame(nil), 0
		for i, p := range packets {
			if i%10 == 5 {
				piece := room[:opusPacket]
				if d.(media.Recoverer).Recover(piece, packets[i+1]) {
					repaired++
				} else if conceal {
					d.Conceal(piece)
				} else {
					clear(piece)
				}
				got = append(got, piece...)
				continue
			}
			n, err := d.Decode(room, p)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, room[:n]...)
			if i+2 >= len(packets) {
				break
			}
		}
		r, _ := alike(sound, got, 600)
		return r, repaired
	}
	zeros, none := listen(false, false)
	concealed, none2 := listen(false, true)
	repaired, many := listen(true, true)
	t.Logf("zeros %.3f, concealed %.3f, repaired %.3f (%d packets)", zeros, concealed, repaired, many)
	if none != 0 || none2 != 0 || many < 20 {
		t.Errorf("%d and %d packets were repaired without repair, %d with", none, none2, many)
	}
	if repaired < concealed+0.01 {
		t.Errorf("zeros %.3f, concealed %.3f, repaired %.3f", zeros, concealed, repaired)
	}
}

// Repair is found in packets of every time, which are made in each of the ways that packets are.
func TestOpusRepairInLongPackets(t *testing.T) {
	c := made(t, "opus", opusRate, 2)
	ways := map[byte]bool{}
	for _, size := range []int{480, 960, 1920, 2880, 3840, 5760} {
		for _, cbr := range []bool{false, true} {
			f := c.Format
			if cbr {
				f.Params += ";cbr=1"
			}
			e, err := c.NewEncoder(f, Options{Bitrate: 18000 + 480*18000/size, FEC: true})
			if err != nil {
				t.Fatal(err)
			}
			d, _ := c.NewDecoder(f)
			e.(media.Adaptive).Expect(0.2)
			packets, found := inPackets(e, speech(t, opusRate)[:4*opusRate], size), 0
			room := make(media.Frame, opusLongest)
			for i, p := range packets[:len(packets)-1] {
				ways[p[0]&3] = true
				if i%4 == 3 && d.(media.Recoverer).Recover(room[:size], packets[i+1]) {
					found++
					continue
				}
				if n, err := d.Decode(room, p); n != size || err != nil {
					t.Fatalf("%d samples: %d, %v", size, n, err)
				}
			}
			if found < len(packets)/4/4 {
				t.Errorf("%d samples, cbr %v: %d of %d lost packets are found in the next one", size, cbr, found, len(packets)/4)
			}
		}
	}
	if len(ways) < 3 { // one frame, two, many (RFC 6716 §3.2)
		t.Errorf("packets were made in the ways %v alone", ways)
	}
}

// Expect does nothing for a peer that can't use it.
func TestOpusRepairUnwanted(t *testing.T) {
	c := made(t, "opus", opusRate, 2)
	f := c.Format
	f.Params = ""
	e, err := c.NewEncoder(f, Options{FEC: true, Bitrate: 24000})
	if err != nil {
		t.Fatal(err)
	}
	e.(media.Adaptive).Expect(0.2)
	for i, p := range inPackets(e, speech(t, opusRate), opusPacket) {
		if hasRepair(p) {
			t.Fatalf("packet %d has repair", i)
		}
	}
}

// Concealment of any length is whole, at once and bit by bit, before anything was heard too.
func TestOpusConcealedPieces(t *testing.T) {
	c := made(t, "opus", opusRate, 2)
	e, d := pair(t, c, Options{})
	room := make(media.Frame, opusLongest)
	d.Conceal(room[:7])
	for _, p := range inPackets(e, sine(300, 8000, opusRate, opusRate/2), opusPacket) {
		if _, err := d.Decode(room, p); err != nil {
			t.Fatal(err)
		}
	}
	var gap media.Frame
	for _, n := range []int{1, 119, 100, 300, 440} {
		d.Conceal(room[:n])
		gap = append(gap, room[:n]...)
	}
	if p := power(gap[:480]); p < -20 {
		t.Errorf("the gap begins at %.1f dB", p)
	}
	for i := 1; i < 480; i++ { // a sine of 300 Hz moves by less than this between samples
		if d := int(gap[i]) - int(gap[i-1]); d > 1500 || d < -1500 {
			t.Errorf("a step of %d at %d", d, i)
		}
	}
	d.Conceal(make(media.Frame, 3*opusLongest))
	d.Conceal(nil)
}

// Encoders and decoders are memory of Go's alone: thousands of them leave nothing behind.
func TestOpusMemory(t *testing.T) {
	c := made(t, "opus", opusRate, 2)
	sound := sine(440, 8000, opusRate, opusPacket)
	room := make(media.Frame, opusLongest)
	turn := func(n int) int {
		for range n {
			e, d := pair(t, c, Options{})
			for range 3 {
				if _, err := d.Decode(room, e.Encode(nil, sound)); err != nil {
					t.Fatal(err)
				}
			}
		}
		runtime.GC()
		return resident(t)
	}
	before := turn(50)
	if after := turn(600); after > before+8<<20 {
		t.Errorf("%d KiB before, %d KiB after", before>>10, after>>10)
	}
}

func BenchmarkOpus(b *testing.B) {
	c := made(b, "opus", opusRate, 2)
	sound := speech(b, opusRate)[opusRate:][:opusPacket*64]
	e, d := pair(b, c, Options{})
	packets := inPackets(e, sound, opusPacket)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		room := make([]byte, 0, 1500)
		for i := 0; b.Loop(); i++ {
			e.Encode(room, sound[i&63*opusPacket:][:opusPacket])
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		room := make(media.Frame, opusLongest)
		for i := 0; b.Loop(); i++ {
			if _, err := d.Decode(room, packets[i&63]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("conceal", func(b *testing.B) {
		b.ReportAllocs()
		room := make(media.Frame, opusPacket)
		for i := 0; b.Loop(); i++ {
			if _, err := d.Decode(room, packets[i&63]); err != nil {
				b.Fatal(err)
			}
			d.Conceal(room)
		}
	})
}

// Parameters of any make give an encoder something that it can do.
func FuzzWishes(f *testing.F) {
	f.Add("maxplaybackrate=16000;maxaveragebitrate=20000;useinbandfec=1;usedtx=1;cbr=1", 0)
	f.Add("maxaveragebitrate=-1;=;;", -5)
	f.Fuzz(func(t *testing.T, params string, asked int) {
		w := wishesOf(params)
		if b := w.bitrate(asked); b < 6000 || b > 510000 {
			t.Errorf("%d bits a second", b)
		}
		if b := w.band(); b < 0 || b > 4 {
			t.Errorf("band %d", b)
		}
	})
}
