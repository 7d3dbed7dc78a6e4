package codec

import (
	"strings"
	"sync"
	"testing"
	"time"

	"santral/media"
)

// Every codec is found by its own format in any case, and by no other clock or number of channels.
func TestTable(t *testing.T) {
	for _, c := range All() {
		f := c.Format
		f.Name = strings.ToLower(f.Name)
		if got, ok := Lookup(f); !ok || got != c {
			t.Errorf("%+v is not found", f)
		}
		f.Name = strings.ToUpper(f.Name)
		if got, ok := Lookup(f); !ok || got != c {
			t.Errorf("%+v is not found", f)
		}
		f.Channels = c.Format.Channels + 2
		if _, ok := Lookup(f); ok {
			t.Errorf("%+v is found", f)
		}
		f.Channels, f.Rate = c.Format.Channels, 12345
		if _, ok := Lookup(f); ok {
			t.Errorf("%+v is found", f)
		}
		if c.Cost <= 0 || c.Rate <= 0 || c.NewDecoder == nil || c.NewEncoder == nil {
			t.Errorf("%s is not whole", f.Name)
		}
	}
	for _, f := range []media.Format{{}, {Name: "opus", Rate: 48000, Channels: 1}, {Name: "telephone-event", Rate: 8000}, {Name: "G722", Rate: 16000}, {Name: "PCM", Rate: 8000}} {
		if c, ok := Lookup(f); ok {
			t.Errorf("%+v is %s", f, c.Format.Name)
		}
	}
	if c, ok := Lookup(media.Format{Name: "pcma", Rate: 8000}); !ok || c.Format.Payload != 8 {
		t.Error("no PCMA without channels")
	}
	f := media.Format{Name: "l16", Rate: 8000, Channels: 1} // the last of the list
	if n := testing.AllocsPerRun(100, func() { Lookup(f) }); n != 0 {
		t.Errorf("a look-up allocates %v times", n)
	}
}

// A packet time that fits is what an encoder makes a packet of that a network carries whole, and that the
// decoder gives back whole.
func TestFit(t *testing.T) {
	ms := time.Millisecond
	for _, want := range []struct {
		name           string
		rate, channels int
		at, fits       time.Duration
	}{
		{"PCMA", 8000, 1, 0, 20 * ms}, {"PCMA", 8000, 1, 30 * ms, 30 * ms}, {"PCMU", 8000, 1, 500 * ms, 120 * ms}, {"PCMU", 8000, 1, 1, ms},
		{"G722", 8000, 1, 35*ms + 1, 35 * ms}, {"L16", 48000, 1, 20 * ms, 10 * ms}, {"L16", 44100, 1, 0, 10 * ms}, {"L16", 16000, 1, 60 * ms, 40 * ms},
		{"opus", 48000, 2, 30 * ms, 20 * ms}, {"opus", 48000, 2, 3 * ms, 10 * ms}, {"opus", 48000, 2, 60 * ms, 60 * ms}, {"opus", 48000, 2, 200 * ms, 120 * ms}, {"opus", 48000, 2, -1, 20 * ms},
	} {
		c, ok := Lookup(media.Format{Name: want.name, Rate: want.rate, Channels: want.channels})
		if !ok {
			continue // no library here
		}
		if got := c.Fit(want.at); got != want.fits {
			t.Errorf("%s at %v: %v, want %v", want.name, want.at, got, want.fits)
		}
	}
	for _, c := range All() {
		for at := ms; at <= 130*ms; at += 3 * ms {
			fits := c.Fit(at)
			e, d := pair(t, c, Options{})
			n := int(fits * time.Duration(c.Rate) / time.Second)
			p := e.Encode(nil, sine(440, 9000, c.Rate, n))
			room := make(media.Frame, c.Rate*int(media.MostSound/ms)/1000)
			if got, err := d.Decode(room, p); got != n || err != nil || len(p) > 1400 {
				t.Fatalf("%s/%d at %v: %d of %d samples in %d octets, %v", c.Format.Name, c.Rate, fits, got, n, len(p), err)
			}
		}
	}
}

// Sound goes through each codec and is still itself: how much of it is lost is what the codec is known for.
func TestEachCodec(t *testing.T) {
	least := map[string]float64{"PCMA": 33, "PCMU": 33, "G722": 20, "L16": 90, "G729": -3, "opus": 5}
	for _, c := range All() {
		e, d := pair(t, c, Options{Bitrate: 96000})
		size := int(c.Fit(0) * time.Duration(c.Rate) / time.Second)
		sound := speech(t, c.Rate)[:2*c.Rate]
		db, delay := snr(sound, heard(t, d, inPackets(e, sound, size), size), c.Rate/100)
		t.Logf("%s/%d: %.1f dB at a delay of %d", c.Format.Name, c.Rate, db, delay)
		if db < least[c.Format.Name] {
			t.Errorf("%s/%d: %.1f dB, want %.1f", c.Format.Name, c.Rate, db, least[c.Format.Name])
		}
		// Silence is silent, and what is too loud comes out loud and not upside down.
		e, d = pair(t, c, Options{})
		if p := power(heard(t, d, inPackets(e, make(media.Frame, 20*size), size), size)); p > -70 {
			t.Errorf("%s: silence at %.1f dB", c.Format.Name, p)
		}
		e, d = pair(t, c, Options{Bitrate: 96000})
		loud := sine(700, 60000, c.Rate, 20*size) // wraps, as a careless source would
		for i, s := range sine(700, 30000, c.Rate, 20*size) {
			loud[i] = int16(min(max(int(s)*2, -32768), 32767))
		}
		if p := power(heard(t, d, inPackets(e, loud, size), size)[4*size:]); p < -4 || p > 0 {
			t.Errorf("%s: the loudest comes out at %.1f dB", c.Format.Name, p)
		}
	}
}

// Many streams at once do not meet.
func TestManyAtOnce(t *testing.T) {
	for _, c := range All() {
		size := int(c.Fit(0) * time.Duration(c.Rate) / time.Second)
		sound := sine(440, 9000, c.Rate, 25*size)
		want := make(chan media.Frame, 8)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				e, err := c.NewEncoder(c.Format, Options{})
				if err != nil {
					t.Error(err)
					return
				}
				d, _ := c.NewDecoder(c.Format)
				room, all := make(media.Frame, 5760), media.Frame(nil)
				for i := 0; i < 25; i++ {
					if i%7 == 6 {
						d.Conceal(room[:size])
						all = append(all, room[:size]...)
					}
					n, _ := d.Decode(room, e.Encode(nil, sound[i*size:][:size]))
					all = append(all, room[:n]...)
				}
				want <- all
			})
		}
		wg.Wait()
		first := <-want
		for range 7 {
			if db, _ := snr(first, <-want, 0); db < 80 {
				t.Errorf("%s: two streams of the same sound differ, %.1f dB", c.Format.Name, db)
			}
		}
	}
}

// No payload makes a decoder panic or say more than it has room for, and it goes on after it.
func FuzzDecoders(f *testing.F) {
	for i, p := range [][]byte{nil, {0}, {0xff, 0xff, 0xff}, make([]byte, 160), []byte(strings.Repeat("\x7f\x03", 700)), {3, 0xff, 0xff, 0xff, 0}} {
		f.Add(p, uint16(i*100), uint8(i))
	}
	f.Fuzz(func(t *testing.T, payload []byte, room uint16, which uint8) {
		c := All()[int(which)%len(All())]
		d, err := c.NewDecoder(c.Format)
		if err != nil {
			t.Fatal(err)
		}
		whole := make(media.Frame, int(room)%5760+16)
		dst := whole[8 : len(whole)-8]
		for range 3 {
			n, err := d.Decode(dst, payload)
			if n < 0 || n > len(dst) || err != nil && n != 0 {
				t.Fatalf("%s: %d samples of %d, %v", c.Format.Name, n, len(dst), err)
			}
			if r, ok := d.(media.Recoverer); ok {
				r.Recover(dst, payload)
			}
			d.Conceal(dst)
			for _, s := range append(whole[:8:8], whole[len(whole)-8:]...) {
				if s != 0 {
					t.Fatalf("%s writes beyond its room", c.Format.Name)
				}
			}
		}
	})
}

func BenchmarkLookup(b *testing.B) {
	f := media.Format{Name: "PCMU", Rate: 8000, Channels: 1}
	b.ReportAllocs()
	for b.Loop() {
		Lookup(f)
	}
}

// BenchmarkLaw is G.711 as a leg does it: decoded with its memory for concealment, and coded.
func BenchmarkLaw(b *testing.B) {
	c, _ := Lookup(media.Format{Name: "PCMA", Rate: 8000, Channels: 1})
	e, d := pair(b, c, Options{})
	sound := speech(b, 8000)[8000:][:160]
	octets := e.Encode(nil, sound)
	room, bytes := make(media.Frame, 960), make([]byte, 0, 160)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			e.Encode(bytes, sound)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d.Decode(room, octets)
		}
	})
	b.Run("lost", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d.Conceal(room[:160])
			d.Decode(room, octets)
		}
	})
}
