package session_test

import (
	"math"
	"net/netip"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"santral/media"
	"santral/media/codec"
	"santral/media/mediatest"
	"santral/media/pcm"
	"santral/media/rtp"
	"santral/media/sdp"
	"santral/media/session"
)

// speaker is a phone that speaks one format: it says a tone, and hears what comes.
type speaker struct {
	t     *testing.T
	phone *mediatest.Phone
	codec *codec.Codec
	f     media.Format
	ptime time.Duration
	enc   media.Encoder
	hz    float64
	turn  float64
	to    netip.AddrPort
}

func newSpeaker(t *testing.T, p *mediatest.Phone, f media.Format, ptime int, hz float64) *speaker {
	t.Helper()
	c, ok := codec.Lookup(f)
	if !ok {
		t.Skipf("%s is not spoken here", f.Name)
	}
	return &speaker{t: t, phone: p, codec: c, f: f, ptime: time.Duration(ptime) * time.Millisecond, enc: got(c.NewEncoder(f, codec.Options{}))(t), hz: hz}
}

// offer is the phone's description.
func (s *speaker) offer(extra ...string) *sdp.Description {
	at := s.phone.Addr()
	pt := strconv.Itoa(int(s.f.Payload))
	text := "v=0\r\no=- 1 1 IN IP4 " + at.Addr().String() + "\r\ns=-\r\nc=IN IP4 " + at.Addr().String() + "\r\nt=0 0\r\n" +
		"m=audio " + strconv.Itoa(int(at.Port())) + " RTP/AVP " + pt + " 101\r\na=rtpmap:" + sdp.Rtpmap(s.f) + "\r\n" +
		"a=rtpmap:101 telephone-event/" + strconv.Itoa(s.f.Rate) + "\r\na=ptime:" + strconv.Itoa(int(s.ptime/time.Millisecond)) + "\r\n"
	for _, a := range extra {
		text += "a=" + a + "\r\n"
	}
	return mediatest.Parse(s.t, text)
}

// say sends the next packet.
func (s *speaker) say() {
	sound := make([]int16, s.codec.Rate*int(s.ptime/time.Millisecond)/1000)
	s.tone(sound)
	s.saySound(sound)
}

// tone fills a frame with the next of the phone's tone.
func (s *speaker) tone(f []int16) {
	for i := range f {
		f[i] = int16(8000 * math.Sin(s.turn))
		s.turn += 2 * math.Pi * s.hz / float64(s.codec.Rate)
	}
}

// saySound sends the next packet with a sound.
func (s *speaker) saySound(sound []int16) {
	p := rtp.AppendHeader(nil, rtp.Header{Payload: s.f.Payload, Seq: s.phone.Seq, Timestamp: s.phone.Stamp, SSRC: s.phone.SSRC})
	s.phone.Seq++
	s.phone.Stamp += uint32(s.f.Rate * int(s.ptime/time.Millisecond) / 1000)
	s.phone.Send(s.to, s.enc.Encode(p, sound))
}

// talk has speakers say their tones for a time, each at its own pace.
func talk(d time.Duration, speakers ...*speaker) {
	for at := time.Duration(0); at < d; at += 10 * time.Millisecond {
		for _, s := range speakers {
			if at%s.ptime == 0 {
				s.say()
			}
		}
		mediatest.Wait(10 * time.Millisecond)
	}
}

// hears checks what the phone has heard since it was last asked: one stream without a gap, in its own format and
// packet time, and in it the tone hz at its level.
func (s *speaker) hears(hz float64, d time.Duration) {
	s.t.Helper()
	dec := got(s.codec.NewDecoder(s.f))(s.t)
	step := uint32(s.f.Rate * int(s.ptime/time.Millisecond) / 1000)
	var sound []int16
	var last rtp.Header
	packets := s.phone.Heard()
	s.phone.Forget()
	for i, p := range packets {
		h := p.Header
		if h.Payload != s.f.Payload {
			s.t.Errorf("packet %d: payload %d", i, h.Payload)
			return
		}
		if i > 0 && (h.SSRC != last.SSRC || h.Seq != last.Seq+1 || h.Timestamp != last.Timestamp+step) {
			s.t.Errorf("packet %d: %+v after %+v", i, h, last)
			return
		}
		last = h
		f := make([]int16, s.codec.Rate*120/1000)
		n, err := dec.Decode(f, p.Data[h.Begin:h.End])
		check(s.t, err)
		sound = append(sound, f[:n]...)
	}
	if want := int(d/s.ptime) - 1; len(packets) < want || len(packets) > want+2 {
		s.t.Errorf("%d packets in %s", len(packets), d)
	}
	if len(sound) < s.codec.Rate/2 {
		s.t.Fatalf("%d samples", len(sound))
	}
	sound = sound[s.codec.Rate/4:] // the beginning is the buffer's
	if level, purity := toneOf(sound, hz, s.codec.Rate); level < 6500 || level > 9500 || purity < 0.94 {
		s.t.Errorf("%s hears %g Hz at %.0f, which is %.1f %% of the sound", s.f.Name, hz, level, 100*purity)
	}
}

// toneOf gives the amplitude of a tone in a sound, and its share of the power.
func toneOf(sound []int16, hz float64, rate int) (amplitude, share float64) {
	var re, im, all float64
	for i, v := range sound {
		w := 2 * math.Pi * hz * float64(i) / float64(rate)
		re += float64(v) * math.Cos(w)
		im += float64(v) * math.Sin(w)
		all += float64(v) * float64(v)
	}
	n := float64(len(sound))
	amplitude = 2 * math.Hypot(re, im) / n
	return amplitude, amplitude * amplitude / 2 * n / max(all, 1)
}

var (
	pcma   = media.Format{Name: "PCMA", Payload: 8, Rate: 8000, Channels: 1}
	pcmu   = media.Format{Name: "PCMU", Payload: 0, Rate: 8000, Channels: 1}
	g722   = media.Format{Name: "G722", Payload: 9, Rate: 8000, Channels: 1}
	l16    = media.Format{Name: "L16", Payload: 97, Rate: 16000, Channels: 1}
	keys8  = media.Format{Name: "telephone-event", Payload: 101, Rate: 8000, Channels: 1}
	keys16 = media.Format{Name: "telephone-event", Payload: 101, Rate: 16000, Channels: 1}
	keys48 = media.Format{Name: "telephone-event", Payload: 101, Rate: 48000, Channels: 1}
	opus   = media.Format{Name: "opus", Payload: 111, Rate: 48000, Channels: 2}
)

// unlike joins two phones that speak different things, each of which has agreed with its own leg alone.
func unlike(t *testing.T, fa, fb media.Format, pa, pb int) (c *call, a, b *speaker) {
	t.Helper()
	c = newCall(t)
	c.cfg.Formats = []media.Format{pcma, pcmu, g722, opus, l16, keys8, keys16, keys48}
	a, b = newSpeaker(t, c.a, fa, pa, 440), newSpeaker(t, c.b, fb, pb, 1000)
	for _, leg := range []struct {
		s *speaker
		m *session.Session
	}{{a, c.sa}, {b, c.sb}} {
		check(t, leg.m.SetRemote(leg.s.offer()))
		leg.s.to = mediatest.To(t, got(leg.m.AnswerLocal())(t))
	}
	c.sa.Join(c.sb)
	return c, a, b
}

// Every pair of phones that speak different things, or in packets of different lengths, hear each other.
func TestUnlikePairs(t *testing.T) {
	for _, p := range []struct {
		name   string
		a, b   media.Format
		pa, pb int
		want   session.Way
	}{
		{"A-law alone", pcma, pcma, 20, 20, session.Relayed},
		{"A-law and µ-law", pcma, pcmu, 20, 20, session.Transcoded},
		{"20 and 30 ms", pcma, pcmu, 20, 30, session.Transcoded},
		{"60 and 10 ms", pcma, pcmu, 60, 10, session.Transcoded},
		{"G.722 and A-law", g722, pcma, 20, 20, session.Transcoded},
		{"Opus and A-law", opus, pcma, 20, 20, session.Transcoded},
		{"Opus and G.722, 40 and 20 ms", opus, g722, 40, 20, session.Transcoded},
	} {
		t.Run(p.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, a, b := unlike(t, p.a, p.b, p.pa, p.pb)
				if w := c.sa.Way(); w != p.want || c.sb.Way() != w {
					t.Errorf("%s and %s", w, c.sb.Way())
				}
				talk(300*time.Millisecond, a, b)
				c.a.Forget()
				c.b.Forget()
				talk(1200*time.Millisecond, a, b)
				a.hears(1000, 1200*time.Millisecond)
				b.hears(440, 1200*time.Millisecond)
				c.sa.Part()
				talk(200*time.Millisecond, a, b)
				c.a.Forget()
				c.b.Forget()
				talk(200*time.Millisecond, a, b)
				if n := len(c.a.Heard()) + len(c.b.Heard()); n != 0 || c.sa.Way() != session.NoWay {
					t.Errorf("%d packets after the parting, which is %s", n, c.sa.Way())
				}
			})
		})
	}
}

// A stream of ours whose clock changes ends, and another begins (RFC 7160 §4.1): the peer goes from G.711 to a codec
// of 16 kHz and back, and hears the other all the time.
func TestAnotherClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a, b := unlike(t, pcma, pcmu, 20, 20)
		wide := newSpeaker(t, c.a, l16, 20, 440)
		ssrc := map[uint32]bool{}
		for i, s := range []*speaker{a, wide, a} {
			if i > 0 {
				check(t, c.sa.SetRemote(s.offer()))
				s.to = mediatest.To(t, got(c.sa.AnswerLocal())(t))
				synctest.Wait()
				if n := goodbyes(c.a); n != 1 {
					t.Errorf("%d goodbyes", n)
				}
				c.a.Forget()
				c.b.Forget()
			}
			talk(600*time.Millisecond, s, b)
			ssrc[c.a.Heard()[0].Header.SSRC] = true
			s.hears(1000, 600*time.Millisecond)
			b.hears(440, 600*time.Millisecond)
		}
		if len(ssrc) != 3 {
			t.Errorf("%d source numbers at three clocks", len(ssrc))
		}
	})
}

// goodbyes counts the streams that ended before a phone's ears.
func goodbyes(p *mediatest.Phone) (n int) {
	for _, p := range p.HeardControl() {
		for r, rest, ok := rtp.NextControl(p.Data); ok; r, rest, ok = rtp.NextControl(rest) {
			if r.Type == rtp.Goodbye {
				n++
			}
		}
	}
	return n
}

// Sound and keys are relayed under the numbers that each phone gave them; and a phone that goes over to a codec that
// the other has not is transcoded from then on, with hardly a gap.
func TestNumbersAreMapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fa, fb := opus, opus
		fb.Payload = 96
		c := newCall(t)
		c.cfg.Formats = []media.Format{opus, pcma, pcmu, keys48}
		a, b := newSpeaker(t, c.a, fa, 20, 440), newSpeaker(t, c.b, fb, 20, 1000)
		offerA, offerB := a.offer(), b.offer()
		offerB.Media[0].Formats[1] = "120"
		offerB.Media[0].Attrs[1].Value = "120 telephone-event/48000"
		var keys []session.Digit
		c.sa.OnDigit(func(d session.Digit) { keys = append(keys, d) })
		for _, leg := range []struct {
			s     *speaker
			m     *session.Session
			offer *sdp.Description
		}{{a, c.sa, offerA}, {b, c.sb, offerB}} {
			check(t, leg.m.SetRemote(leg.offer))
			leg.s.to = mediatest.To(t, got(leg.m.AnswerLocal())(t))
		}
		c.sa.Join(c.sb)
		if w := c.sa.Way(); w != session.Relayed {
			t.Errorf("%s", w)
		}
		talk(600*time.Millisecond, a, b)
		if c.b.HeardOf(c.a.SSRC) != 30 {
			t.Errorf("%d packets", c.b.HeardOf(c.a.SSRC))
		}
		a.hears(1000, 600*time.Millisecond)
		b.hears(440, 600*time.Millisecond)
		h := rtp.Header{Payload: 101, Marker: true, Seq: c.a.Seq, Timestamp: c.a.Stamp, SSRC: c.a.SSRC}
		c.a.Send(a.to, append(rtp.AppendHeader(nil, h), 5, 0x8a, 0x12, 0xc0))
		c.a.Seq++
		synctest.Wait()
		if p := c.b.Heard(); len(p) != 1 || p[0].Header.Payload != 120 || len(keys) != 1 || !keys[0].Passed || keys[0].Long != 100*time.Millisecond {
			t.Errorf("%d packets, keys %+v", len(p), keys)
		}
	})
}

// What is transcoded begins with its first packet: before it the other phone hears nothing, and no stream of ours comes
// before the peer's own where the two are relayed a moment later, as after a transfer.
func TestNothingIsSaidForWhoIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a, _ := unlike(t, pcma, pcmu, 20, 20)
		if w := c.sa.Way(); w != session.Transcoded {
			t.Fatalf("%s", w)
		}
		talk(200*time.Millisecond, a)
		if n := len(c.a.Heard()); n != 0 {
			t.Errorf("%d packets of b, who has said nothing", n)
		}
		if n := len(c.b.Heard()); n < 8 {
			t.Errorf("%d packets of a", n)
		}
	})
}

// A phone that goes over to another codec of those that were agreed on, which the other phone has not, is transcoded
// from then on, with hardly a gap.
func TestGoesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		a, over, b := newSpeaker(t, c.a, pcma, 20, 440), newSpeaker(t, c.a, pcmu, 20, 440), newSpeaker(t, c.b, pcma, 20, 1000)
		d := got(c.sa.OfferLocal())(t)
		a.to, over.to = mediatest.To(t, d), mediatest.To(t, d)
		check(t, c.sa.SetRemote(mediatest.Offer(t, aAddr))) // A-law, µ-law and keys
		check(t, c.sb.SetRemote(b.offer()))
		b.to = mediatest.To(t, got(c.sb.AnswerLocal())(t))
		c.sa.Join(c.sb)
		talk(600*time.Millisecond, a, b)
		if w := c.sa.Way(); w != session.Relayed {
			t.Errorf("%s", w)
		}
		a.hears(1000, 600*time.Millisecond)
		b.hears(440, 600*time.Millisecond)
		talk(60*time.Millisecond, over, b)
		if w := c.sa.Way(); w != session.Transcoded {
			t.Errorf("%s", w)
		}
		if n := len(c.b.Heard()); n < 2 || n > 4 {
			t.Errorf("%d packets in 60 ms", n)
		}
		c.a.Forget()
		c.b.Forget()
		talk(600*time.Millisecond, over, b)
		a.hears(1000, 600*time.Millisecond)
		b.hears(440, 600*time.Millisecond)
	})
}

// newNarrow gives a function that brings sound to 8 kHz, piece by piece.
func newNarrow(t *testing.T, rate int) func([]int16) []int16 {
	t.Helper()
	if rate == 8000 {
		return func(f []int16) []int16 { return f }
	}
	r := got(pcm.NewResampler(rate, 8000))(t)
	return func(f []int16) []int16 {
		out := make([]int16, r.Most(len(f)))
		return out[:r.Process(out, f)]
	}
}
