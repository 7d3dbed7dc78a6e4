package control_test

import (
	"math"
	"testing"
	"time"

	"santral/call/calltest"
	"santral/media"
	"santral/media/pcm"
	"santral/media/rtp"
)

// Voices are tones of one pitch each, so that who is heard can be told from who is not, whoever else speaks.
const (
	annas  = 440
	bens   = 620
	claras = 850
	musics = 1150
	prompt = 1500
)

// pitch is a tone without an end, as a source.
type pitch struct {
	hz float64
	at int
}

// Read fills the frame.
func (p *pitch) Read(f media.Frame) (int, error) {
	for i := range f {
		f[i] = int16(4000 * math.Sin(2*math.Pi*p.hz*float64(p.at)/8000))
		p.at++
	}
	return len(f), nil
}

// band is music for whoever waits.
type band struct{}

// Music is one pitch.
func (band) Music(string, string) media.Source { return &pitch{hz: musics} }

// voice is a phone that speaks at its pitch.
type voice struct {
	*ear
	leg *calltest.Leg
	hz  int
	at  pitch
}

func (e *ear) with(l *calltest.Leg, hz int) *voice {
	return &voice{ear: e, leg: l, hz: hz, at: pitch{hz: float64(hz)}}
}

// speak has phones talk at once for so long.
func speak(s *stage, long time.Duration, who ...*voice) {
	s.t.Helper()
	for range long / (20 * time.Millisecond) {
		for _, v := range who {
			to, ok := v.leg.Heard().Media[0].Addr(v.leg.Heard())
			if !ok {
				s.t.Fatal("the phone was told no address")
			}
			frame := make(media.Frame, 160)
			_, _ = v.at.Read(frame)
			p := rtp.AppendHeader(nil, rtp.Header{Payload: 8, Seq: v.seq, Timestamp: uint32(v.seq) * 160, SSRC: v.ssrc})
			v.seq++
			sound := make([]byte, 160)
			pcm.EncodeALaw(sound, frame)
			if err := v.sock.WriteTo(append(p, sound...), to); err != nil {
				s.t.Fatal(err)
			}
		}
		s.pass(20 * time.Millisecond)
	}
}

// hears compares whom a phone has heard in the last half second with whom it should: pitches of voices.
func (v *voice) hears(t *testing.T, when string, want ...int) {
	t.Helper()
	v.mu.Lock()
	said := v.said
	v.mu.Unlock()
	said = said[max(0, len(said)-4000):]
	for _, hz := range []int{annas, bens, claras, musics, prompt} {
		expected := false
		for _, w := range want {
			expected = expected || w == hz
		}
		var re, im float64
		for i, x := range said {
			a := 2 * math.Pi * float64(hz) * float64(i) / 8000
			re += float64(x) * math.Cos(a)
			im += float64(x) * math.Sin(a)
		}
		level := 2 * math.Hypot(re, im) / 4000 // of a tone that lasts the whole of it
		if heard := level > 1000; heard != expected || !expected && level > 80 {
			t.Errorf("%s: the phone of %d Hz hears %d Hz at %.0f of 4000", when, v.hz, hz, level)
		}
	}
}

// forget has a phone forget what it has heard.
func (v *voice) forget() {
	v.mu.Lock()
	v.said = nil
	v.mu.Unlock()
}

// hearsAnything tells whether a phone has heard any sound since it forgot what it heard before.
func (v *voice) hearsAnything(t *testing.T, want bool) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	loudest := 0
	for _, x := range v.said {
		loudest = max(loudest, int(x), -int(x))
	}
	if len(v.said) == 0 || want != (loudest > 1000) || !want && loudest > 40 { // a room says comfort noise
		t.Errorf("the phone of %d Hz hears up to %d in %d samples", v.hz, loudest, len(v.said))
	}
}
