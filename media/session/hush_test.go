package session_test

import (
	"testing"
	"testing/synctest"
	"time"

	"santral/media"
	"santral/media/codec"
	"santral/media/mediatest"
	"santral/media/sdp"
	"santral/media/session"
)

// withNoise is the offer of a phone that takes comfort noise.
func withNoise(t *testing.T, formats string) *sdp.Description {
	t.Helper()
	return mediatest.Parse(t, "v=0\r\no=- 1 1 IN IP4 "+aAddr.Addr().String()+"\r\ns=-\r\nc=IN IP4 "+aAddr.Addr().String()+"\r\nt=0 0\r\nm=audio "+
		"4000 RTP/AVP "+formats+"\r\n")
}

// A phone that takes comfort noise gets a description of silence and then nothing for a while, and speech at once
// and whole, marked as the beginning of a spurt. One that does not, or whose line has it off, gets every packet.
func TestSilenceIsDescribed(t *testing.T) {
	for _, c := range []struct {
		formats string
		profile session.Profile
		noise   int // octets of a description; 0 for none
	}{
		{"8 13", session.Profile{Noise: true}, 1},
		{"9 13", session.Profile{Noise: true, Codecs: []string{"G722"}}, 1},
		{"8", session.Profile{Noise: true}, 0},
		{"8 13", session.Profile{}, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			call := newCall(t)
			call.cfg.Formats = []media.Format{{Name: "G722", Payload: 9, Rate: 8000, Channels: 1}, {Name: "PCMA", Payload: 8, Rate: 8000, Channels: 1}}
			call.sa = session.New(call.cfg, aAddr.Addr(), c.profile)
			defer call.sa.Close()
			offer := withNoise(t, c.formats)
			answered(t, call, offer)
			sound := make([]int16, 16000+8000) // two seconds of silence, one of a tone, and silence
			for i := range sound[16000:] {
				sound[16000+i] = int16(i*37%8000) - 4000
			}
			call.sa.Attach(&mediatest.Sound{Samples: sound}, nil)
			mediatest.Wait(5*time.Second - 5*time.Millisecond)
			said, described, spurts := 0, 0, 0
			heard := call.a.Heard()
			for i, p := range heard {
				if p.Header.Seq != heard[0].Header.Seq+uint16(i) {
					t.Fatalf("packet %d has number %d", i, p.Header.Seq)
				}
				if p.Header.Marker {
					spurts++
				}
				if p.Header.Payload != codec.NoisePayload {
					said++
					continue
				}
				described++
				if n := p.Header.End - p.Header.Begin; n != c.noise || p.Header.Marker {
					t.Errorf("a description of %d octets, marker %v", n, p.Header.Marker)
				}
			}
			switch {
			case c.noise == 0 && (described > 0 || said < 249):
				t.Errorf("%s: %d packets of sound and %d descriptions", c.formats, said, described)
			case c.noise > 0 && (said < 50 || said > 75 || described < 6 || described > 12 || spurts != 2):
				t.Errorf("%s: %d packets of sound, %d descriptions, %d spurts", c.formats, said, described, spurts)
			}
		})
	}
}

// A phone's comfort noise is heard: the level that it says, between its words.
func TestDescribedSilenceIsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		c.sa = session.New(c.cfg, aAddr.Addr(), session.Profile{Noise: true})
		defer c.sa.Close()
		answered(t, c, withNoise(t, "8 13"))
		ear := &mediatest.Ear{}
		c.sa.Attach(nil, ear)
		c.a.Talk(c.toA, 25)
		quiet := append(c.a.Next()[:12:12], 30) // -30 dB
		quiet[1] = codec.NoisePayload
		c.a.Send(c.toA, quiet)
		mediatest.Wait(time.Second)
		heard := ear.Samples()
		var loud float64
		for _, v := range heard[len(heard)-4000:] {
			loud += float64(v) * float64(v) / 4000
		}
		if want := 32768.0 * 32768 / 1000; loud < want*0.7 || loud > want*1.4 {
			t.Errorf("noise of power %.0f, want %.0f", loud, want)
		}
	})
}
