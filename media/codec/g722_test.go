package codec

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"santral/media"
)

// hard is sound of every kind that a coder may stumble on: speech, noise at full scale, clipping, silence,
// a step, tones at both bands' edges.
func hard(t testing.TB) media.Frame {
	f := append(media.Frame(nil), speech(t, 16000)...)
	chance := rand.New(rand.NewPCG(7, 22))
	for range 16000 {
		f = append(f, int16(chance.Uint32()))
	}
	f = append(f, make(media.Frame, 8000)...)
	for i := range 8000 {
		v := int16(32767)
		if i/40%2 == 1 {
			v = -32768
		}
		f = append(f, v)
	}
	for _, hz := range []float64{50, 1000, 3990, 4010, 7000, 7900} {
		f = append(f, sine(hz, 32767, 16000, 4000)...)
	}
	return f[:len(f)/320*320]
}

// ffmpeg's coder, which is another one, understands ours and is understood, as well as it does itself.
func TestG722AgainstFFmpeg(t *testing.T) {
	sound := speech(t, 16000)
	sound = sound[:len(sound)/320*320]
	ours := bytes.Join(inPackets(newG722Encoder(), sound, 320), nil)
	theirs := run(t, octets(sound), "ffmpeg", "-v", "error", "-f", "s16le", "-ar", "16000", "-ac", "1", "-i", "-", "-c:a", "g722", "-f", "g722", "-")
	decode := func(b []byte) media.Frame {
		return samples(run(t, b, "ffmpeg", "-v", "error", "-f", "g722", "-i", "-", "-f", "s16le", "-"))
	}
	here := func(b []byte) media.Frame {
		f, d := media.Frame(nil), newG722Decoder()
		room := make(media.Frame, 320)
		for ; len(b) >= 160; b = b[160:] {
			n, _ := d.Decode(room, b[:160])
			f = append(f, room[:n]...)
		}
		return f
	}
	both, delay := snr(sound, decode(theirs), 40)
	t.Logf("ffmpeg alone %.2f dB, delay %d", both, delay)
	for name, f := range map[string]media.Frame{"ours to theirs": decode(ours), "theirs to ours": here(theirs), "ours": here(ours)} {
		db, delay := snr(sound, f, 40)
		t.Logf("%s: %.2f dB, delay %d", name, db, delay)
		if db < both-0.5 || db < 15 {
			t.Errorf("%s: %.2f dB, ffmpeg alone has %.2f", name, db, both)
		}
	}
}

func BenchmarkG722(b *testing.B) {
	sound := speech(b, 16000)[16000:][:320*64]
	e, d := newG722Encoder(), newG722Decoder()
	octets := e.Encode(nil, sound)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		room := make([]byte, 0, 160)
		for i := 0; b.Loop(); i++ {
			e.Encode(room, sound[i&63*320:][:320])
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		room := make(media.Frame, 320)
		for i := 0; b.Loop(); i++ {
			d.Decode(room, octets[i&63*160:][:160])
		}
	})
}
