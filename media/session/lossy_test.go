package session_test

import (
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"santral/media"
	"santral/media/codec"
	"santral/media/mediatest"
	"santral/media/pcm"
	"santral/media/rtp"
	"santral/media/session"
)

// Speech that comes over a bad network goes out on the other leg repaired: the whole way through two sessions that
// transcode, judged against what was said (docs/quality.md).
func TestSpeechOverABadNetwork(t *testing.T) {
	opusRepair := media.Format{Name: "opus", Payload: 111, Rate: 48000, Channels: 2, Params: "useinbandfec=1"}
	for _, c := range []struct {
		name  string
		a, b  media.Format
		loss  float64
		least float64
	}{
		{"A-law to µ-law, all arrives at once", pcma, pcmu, 0, 4.3},
		{"A-law to µ-law, 5 % lost", pcma, pcmu, .05, 3.5},
		{"Opus to A-law, 10 % lost", opusRepair, pcma, .1, 3.5},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, ok := codec.Lookup(c.a); !ok {
				t.Skipf("%s is not spoken here", c.a.Name)
			}
			repaired, plain := 0.0, 0.0
			voices := mediatest.Voices[2:5]
			if os.Getenv("SANTRAL_SOAK") != "" {
				voices = slices.Repeat(mediatest.Voices, 4)
			}
			for i, voice := range voices {
				speech := mediatest.Speech(t, voice, 48000)
				speech = speech[:min(len(speech), 6*48000)]
				narrow := pcm.Resample(speech, 48000, 8000)
				r := rand.New(rand.NewPCG(uint64(i), 9))
				lost := make([]bool, len(narrow)/160)
				holed := slices.Clone(narrow)
				for k := range lost {
					if lost[k] = r.Float64() < c.loss; lost[k] {
						clear(holed[k*160 : (k+1)*160])
					}
				}
				var heard []int16
				synctest.Test(t, func(t *testing.T) { heard = carried(t, c.a, c.b, speech, lost, r, c.loss) })
				mos := mediatest.Opinion(narrow, heard, 8000)
				t.Logf("%s: %.2f", voice, mos)
				repaired += mos / float64(len(voices))
				plain += mediatest.Opinion(narrow, holed, 8000) / float64(len(voices))
			}
			t.Logf("%.2f; with nothing in the place of what is lost %.2f", repaired, plain)
			if repaired < c.least {
				t.Errorf("%.2f, want %.1f", repaired, c.least)
			}
		})
	}
}

// carried sends speech from one phone to the other, without the packets that are lost, and the others up to 30 ms
// late where any are. It gives what is heard, at 8 kHz.
func carried(t *testing.T, fa, fb media.Format, speech []int16, lost []bool, r *rand.Rand, loss float64) []int16 {
	c, a, b := unlike(t, fa, fb, 20, 20)
	if w := c.sa.Way(); w != session.Transcoded {
		t.Fatalf("the way is %s", w)
	}
	a.enc = got(a.codec.NewEncoder(fa, codec.Options{Bitrate: 40_000, FEC: true}))(t)
	if e, ok := a.enc.(media.Adaptive); ok {
		e.Expect(loss)
	}
	sound := pcm.Resample(speech, 48000, a.codec.Rate)
	n := a.codec.Rate / 50
	type packet struct {
		at time.Duration
		b  []byte
	}
	var list []packet
	for i, gone := range lost {
		h := rtp.Header{Payload: fa.Payload, Seq: a.phone.Seq + uint16(i), Timestamp: a.phone.Stamp + uint32(i*fa.Rate/50), SSRC: a.phone.SSRC}
		p := a.enc.Encode(rtp.AppendHeader(nil, h), sound[i*n:(i+1)*n])
		at := time.Duration(i) * 20 * time.Millisecond
		if loss > 0 {
			at += time.Duration(r.IntN(30)) * time.Millisecond
		}
		if !gone {
			list = append(list, packet{at, p})
		}
	}
	slices.SortStableFunc(list, func(x, y packet) int { return int(x.at - y.at) })
	begin := time.Now()
	for _, p := range list {
		if wait := time.Until(begin.Add(p.at)); wait > 0 {
			mediatest.Wait(wait)
		}
		a.phone.Send(a.to, p.b)
	}
	mediatest.Wait(300 * time.Millisecond)
	dec := got(b.codec.NewDecoder(fb))(t)
	var heard []int16
	f := make([]int16, b.codec.Rate*120/1000)
	for _, p := range c.b.Heard() {
		k, err := dec.Decode(f, p.Data[p.Header.Begin:p.Header.End])
		check(t, err)
		heard = append(heard, f[:k]...)
	}
	return pcm.Resample(heard, b.codec.Rate, 8000)
}
