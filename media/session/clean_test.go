package session_test

import (
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"santral/media"
	"santral/media/level"
	"santral/media/mediatest"
	"santral/media/rtp"
	"santral/media/tone"

	"santral/media/session"
)

// washed has phone A, of a profile, say something, and gives what phone B hears of it, and the way.
func washed(t *testing.T, p session.Profile, sound []int16, during func(c *call, at int)) (heard []int16, way session.Way) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		c.sa = session.New(c.cfg, aAddr.Addr(), p)
		t.Cleanup(c.sa.Close)
		a, b := newSpeaker(t, c.a, pcma, 20, 0), newSpeaker(t, c.b, pcma, 20, 0)
		toB, toA := c.agree(a.offer(), b.offer())
		a.to, b.to = mediatest.To(t, toA), mediatest.To(t, toB)
		c.sa.Join(c.sb)
		for i := 0; i+160 <= len(sound); i += 160 {
			if during != nil {
				during(c, i/160)
			}
			a.saySound(sound[i : i+160])
			mediatest.Wait(20 * time.Millisecond)
		}
		way = c.sa.Way()
		mediatest.Wait(300 * time.Millisecond)
		dec := got(b.codec.NewDecoder(pcma))(t)
		f := make([]int16, 160)
		for _, h := range c.b.Heard() {
			n, err := dec.Decode(f, h.Data[h.Header.Begin:h.Header.End])
			check(t, err)
			heard = append(heard, f[:n]...)
		}
	})
	return heard, way
}

func loud(sound []int16) float64 {
	return 10*math.Log10(mediatest.ActivePower(sound, 8000)+1e-9) - 90.309
}

// A soft voice is as loud as others to whom it speaks with, where its profile says so; otherwise it is relayed.
func TestGainOfALeg(t *testing.T) {
	speech := mediatest.Speech(t, "slt", 8000)
	for i := range speech {
		speech[i] /= 10
	}
	plain, way := washed(t, session.Profile{}, speech, nil)
	if way != session.Relayed || math.Abs(loud(plain)-loud(speech)) > 1 {
		t.Errorf("without gain the way is %s, %.1f dBov become %.1f", way, loud(speech), loud(plain))
	}
	got, way := washed(t, session.Profile{Gain: true}, speech, nil)
	is := loud(got[len(got)/2:])
	t.Logf("%.1f dBov become %.1f", loud(speech), is)
	if way != session.Transcoded || math.Abs(is-level.Target) > 4 {
		t.Errorf("with gain the way is %s, %.1f dBov become %.1f", way, loud(speech), is)
	}
}

// Noise is lowered in what a leg's peer says, where its profile says so, and a library can do it in our place.
func TestDenoiseOfALeg(t *testing.T) {
	noise := mediatest.Noise(t, "white", 8000*5, 8000, 1)
	for i := range noise {
		noise[i] /= 10
	}
	got, way := washed(t, session.Profile{Denoise: true}, noise, nil)
	if less := loud(noise) - loud(got[3*8000:4*8000]); way != session.Transcoded || less < 6 {
		t.Errorf("the way is %s, noise is lowered by %.1f dB", way, less)
	}
	library := func(c *call, at int) {
		if at == 0 {
			c.cfg.Denoise = func(int) level.Suppressor { return mute{} }
			c.sa.Part()
			c.sa.Join(c.sb)
		}
	}
	if got, _ := washed(t, session.Profile{Denoise: true}, noise, library); slices.ContainsFunc(got[8000:], func(v int16) bool { return v > 8 || v < -8 }) {
		t.Error("the library that was plugged in was not asked")
	}
}

// mute is a library that takes everything for noise.
type mute struct{}

func (mute) Process(f media.Frame) { clear(f) }
func (mute) Delay() time.Duration  { return 0 }

// A fax is left alone: its call is relayed again, whatever the profile says.
func TestFaxIsNotCleaned(t *testing.T) {
	tones := mediatest.Noise(t, "white", 8000*2, 8000, 1)
	_, way := washed(t, session.Profile{Denoise: true, Gain: true}, tones, func(c *call, at int) {
		if at == 50 {
			if w := c.sa.Way(); w != session.Transcoded {
				t.Errorf("before the fax the way is %s", w)
			}
			c.sa.CarryFax()
		}
	})
	if way != session.Relayed {
		t.Errorf("a fax goes by %s", way)
	}
}

// Keys that come as tones are heard through it, with noise around them.
func TestKeysOfACleanedLeg(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		s := session.New(c.cfg, aAddr.Addr(), session.Profile{Digits: session.DigitsInband, Gain: true, Denoise: true})
		t.Cleanup(s.Close)
		a := newSpeaker(t, c.a, pcma, 20, 0)
		check(t, s.SetRemote(a.offer()))
		a.to = mediatest.To(t, got(s.AnswerLocal())(t))
		var keys []byte
		s.OnDigit(func(d session.Digit) { keys = append(keys, d.Key) })
		s.Attach(nil, &mediatest.Ear{})
		noise := mediatest.Noise(t, "white", 8000*4, 8000, 1)
		f := make([]int16, 160)
		for i := range 150 {
			clear(f)
			if i >= 50 && i%10 < 5 {
				low, high, _ := tone.Frequencies("123456789*"[(i-50)/10])
				for k := range f {
					at := 2 * math.Pi * float64(i*160+k) / 8000
					f[k] = int16(3000*math.Sin(low*at) + 3500*math.Sin(high*at))
				}
			}
			for k := range f {
				f[k] += noise[i*160+k] / 30
			}
			a.saySound(f)
			mediatest.Wait(rtp.FrameTime)
		}
		mediatest.Wait(200 * time.Millisecond)
		if string(keys) != "123456789*" {
			t.Errorf("keys %q are heard", keys)
		}
	})

}
