package session_test

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"santral/media"
	"santral/media/codec"
	"santral/media/dtmf"
	"santral/media/jitter"
	"santral/media/mediatest"
	"santral/media/rtp"
	"santral/media/sdp"
	"santral/media/session"
)

// cross joins two phones whose descriptions cross as in a call: a offers, and b answers what its leg made of that.
func cross(t *testing.T, fa, fb media.Format, pa, pb session.Profile, offered, answered []string) (c *call, a, b *speaker, toB, toA *sdp.Description) {
	t.Helper()
	c = newCall(t)
	a, b = newSpeaker(t, c.a, fa, 20, 440), newSpeaker(t, c.b, fb, 20, 1000)
	c.sa.Close()
	c.sb.Close()
	c.sa, c.sb = session.New(c.cfg, aAddr.Addr(), pa), session.New(c.cfg, bAddr.Addr(), pb)
	toB, toA = c.agree(a.offer(offered...), b.offer(answered...))
	a.to, b.to = mediatest.To(t, toA), mediatest.To(t, toB)
	c.sa.Join(c.sb)
	return c, a, b, toB, toA
}

// steady has both talk until their buffers have found their delay, and forgets what they heard.
func (c *call) steady(a, b *speaker) {
	talk(300*time.Millisecond, a, b)
	c.a.Forget()
	c.b.Forget()
}

// An offer of Opus alone reaches a phone that speaks G.711 alone, with G.711 besides, and the other way round: both hear
// each other, through a hold and after it too.
func TestUnlikeCall(t *testing.T) {
	for _, p := range [][2]media.Format{{opus, pcma}, {pcma, opus}, {g722, pcmu}, {pcmu, g722}, {pcma, pcma}} {
		t.Run(p[0].Name+" calls "+p[1].Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, a, b, toB, toA := cross(t, p[0], p[1], session.Profile{Codecs: []string{"opus", "G722", "PCMA", "PCMU"}}, session.Profile{Codecs: []string{"opus", "G722", "PCMA", "PCMU"}}, nil, nil)
				want := session.Transcoded
				if p[0] == p[1] {
					want = session.Relayed
				}
				if w := c.sa.Way(); w != want {
					t.Errorf("%s of\n%s\n%s", w, toB, toA)
				}
				c.steady(a, b)
				talk(time.Second, a, b)
				a.hears(1000, time.Second)
				b.hears(440, time.Second)

				c.agree(a.offer("sendonly"), b.offer("recvonly")) // a holds
				c.a.Forget()
				talk(time.Second, b)
				c.a.Stamp += uint32(a.f.Rate) // time goes by for a stream that pauses
				if n := len(c.a.Heard()); want == session.Transcoded && n > 1 {
					t.Errorf("%d packets for a phone that holds", n)
				}
				c.agree(a.offer(), b.offer())
				if w := c.sb.Way(); w != want {
					t.Errorf("%s after the hold", w)
				}
				c.steady(a, b)
				talk(time.Second, a, b)
				a.hears(1000, time.Second)
				b.hears(440, time.Second)
			})
		})
	}
}

// A transcoded call goes over into a second instance on the same ports: the streams of ours go on under their numbers.
func TestThawedTranscoding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a, b := unlike(t, g722, pcma, 20, 30)
		c.steady(a, b)
		talk(600*time.Millisecond, a, b)
		last := c.a.Heard()[len(c.a.Heard())-1].Header
		text := got(json.Marshal([]session.State{c.sa.Freeze(), c.sb.Freeze()}))(t)
		c.cfg.Pool.Close()
		formats := c.cfg.Formats
		c.cfg = config(t, c.host)
		c.cfg.Formats = formats
		var states []session.State
		check(t, json.Unmarshal(text, &states))
		c.sa, c.sb = got(session.Thaw(c.cfg, states[0]))(t), got(session.Thaw(c.cfg, states[1]))(t)
		defer c.sa.Close()
		defer c.sb.Close()
		c.a.Forget()
		c.b.Forget()
		c.sa.Join(c.sb)
		if w := c.sa.Way(); w != session.Transcoded {
			t.Errorf("%s", w)
		}
		talk(900*time.Millisecond, a, b)
		first := c.a.Heard()[0].Header
		if first.SSRC != last.SSRC || first.Seq-last.Seq > 3 || first.Timestamp-last.Timestamp > 160*4 {
			t.Errorf("%+v follows %+v", first, last)
		}
		a.hears(1000, 900*time.Millisecond)
		b.hears(440, 900*time.Millisecond)
	})
}

// Silence is described where the peer takes comfort noise and its leg is set for it, and what a peer describes is heard
// by one that takes none.
func TestComfortNoise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		noisy := func(s *speaker) *sdp.Description {
			d := s.offer()
			d.Media[0].Formats = append(d.Media[0].Formats, "13")
			return d
		}
		c := newCall(t)
		c.cfg.Formats = []media.Format{pcma, pcmu, {Name: "CN", Payload: 13, Rate: 8000, Channels: 1}, keys8}
		a, b := newSpeaker(t, c.a, pcma, 20, 440), newSpeaker(t, c.b, pcmu, 20, 1000)
		c.sb.Close()
		c.sb = session.New(c.cfg, bAddr.Addr(), session.Profile{Noise: true})
		c.agree(a.offer(), noisy(b))
		c.agree(a.offer(), noisy(b)) // b is heard to take it
		a.to, b.to = mediatest.To(t, got(c.sa.RelayLocal(b.offer(), true))(t)), mediatest.To(t, got(c.sb.RelayLocal(a.offer(), false))(t))
		c.sa.Join(c.sb)
		c.steady(a, b)
		talk(600*time.Millisecond, a)
		c.b.Forget()
		for range 100 {
			a.saySound(make([]int16, 160))
			mediatest.Wait(20 * time.Millisecond)
		}
		speech, noise := 0, 0
		for _, p := range c.b.Heard() {
			switch p.Header.Payload {
			case 13:
				noise++
			default:
				speech++
			}
		}
		if c.sa.Way() != session.Transcoded || noise < 2 || noise > 8 || speech > 25 {
			t.Errorf("%s: %d packets of noise, %d of speech in two seconds of silence", c.sa.Way(), noise, speech)
		}
		c.b.Forget()
		talk(200*time.Millisecond, a)
		marks := 0
		for _, p := range c.b.Heard() {
			if p.Header.Marker {
				marks++
			}
		}
		if marks != 1 {
			t.Errorf("%d marks at a talk spurt", marks)
		}
	})
}

// Sound is said twice to a peer that takes redundancy, and heard of one that says it so: a packet in four is lost, and
// nothing is missed.
func TestRedundantSound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		red := media.Format{Name: "red", Payload: 121, Rate: 8000, Channels: 1, Params: "8/8"}
		c.cfg.Formats = []media.Format{red, pcma, pcmu, keys8}
		a, b := newSpeaker(t, c.a, pcma, 20, 440), newSpeaker(t, c.b, pcmu, 20, 1000)
		d := a.offer()
		d.Media[0].Formats = append([]string{"121"}, d.Media[0].Formats...)
		d.Media[0].Attrs = append(d.Media[0].Attrs, sdp.Attr{Name: "rtpmap", Value: "121 red/8000"}, sdp.Attr{Name: "fmtp", Value: "121 8/8"})
		c.sa.Close()
		c.sa = session.New(c.cfg, aAddr.Addr(), session.Profile{Red: true})
		_ = got(c.sa.OfferLocal())(t) // with all of ours
		check(t, c.sa.SetRemote(d))
		check(t, c.sb.SetRemote(b.offer()))
		a.to, b.to = mediatest.To(t, got(c.sa.OfferLocal())(t)), mediatest.To(t, got(c.sb.AnswerLocal())(t))
		c.sa.Join(c.sb)
		var pack jitter.Redundancy
		lose := 0
		say := func() {
			sound := got(pcmaCodec(t).NewEncoder(pcma, codec.Options{}))(t)
			f := make([]int16, 160)
			a.tone(f)
			h := rtp.Header{Payload: 121, Seq: c.a.Seq, Timestamp: c.a.Stamp, SSRC: c.a.SSRC}
			c.a.Seq++
			c.a.Stamp += 160
			p := pack.Pack(rtp.AppendHeader(nil, h), 8, h.Timestamp, sound.Encode(nil, f))
			if lose++; lose%4 != 0 {
				c.a.Send(a.to, p)
			}
		}
		for i := range 100 {
			if i == 50 {
				c.a.Forget()
				c.b.Forget()
			}
			say()
			b.say()
			mediatest.Wait(20 * time.Millisecond)
		}
		b.hears(440, time.Second)
		blocks := 0
		heard := c.a.Heard() // once: another packet may come in the same instant
		for _, p := range heard {
			list, err := jitter.Unpack(nil, jitter.Packet{Payload: p.Header.Payload, Sound: p.Data[p.Header.Begin:]})
			if err != nil || p.Header.Payload != 121 || list[0].Payload != 8 {
				t.Fatalf("%v: %+v", err, p.Header)
			}
			blocks += len(list)
		}
		if n := len(heard); n < 49 || blocks != 2*n {
			t.Errorf("%d packets with %d pieces of sound", n, blocks)
		}
	})
}

func pcmaCodec(t *testing.T) *codec.Codec {
	t.Helper()
	c, ok := codec.Lookup(pcma)
	if !ok {
		t.Fatal("no A-law")
	}
	return c
}

// A leg over a bad link speaks Opus in packets of 40 ms with what mends it, and few bits.
func TestBadLink(t *testing.T) {
	for ptime, c := range map[int]struct {
		step uint32
		bits int // a second, at most; with headers of RTP left out
	}{0: {1920, 26000}, 20: {960, 28000}} { // what is set for it counts before what a bad link has by itself
		synctest.Test(t, func(t *testing.T) { badLink(t, ptime, c.step, c.bits) })
	}
}

func badLink(t *testing.T, ptime int, step uint32, most int) {
	c, a, b, _, toA := cross(t, opus, pcma, session.Profile{Lossy: true, Ptime: ptime}, session.Profile{}, nil, nil)
	if want := "ptime:" + strconv.Itoa(int(step/48)); !strings.Contains(toA.String(), want) {
		t.Errorf("a is told\n%s", toA)
	}
	c.steady(a, b)
	talk(2*time.Second, a, b)
	octets, steps := 0, map[uint32]int{}
	var last rtp.Header
	for _, p := range c.a.Heard() {
		octets += len(p.Data) - rtp.HeaderSize
		steps[p.Header.Timestamp-last.Timestamp]++
		last = p.Header
	}
	if steps[step] < 45 || octets*4 > most || octets*4 < 8000 {
		t.Errorf("steps %v, %d bit/s", steps, octets*4)
	}
	if w := c.sa.Way(); w != session.Transcoded {
		t.Errorf("%s", w)
	}
}

// A phone that speaks Opus alone hears its own echo, what is played to it, and is recorded at the rate that the
// recorder asks for.
func TestWideHouse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		a := newSpeaker(t, c.a, opus, 20, 440)
		offer := a.offer()
		check(t, c.sa.SetRemote(offer))
		d := got(c.sa.AnswerLocal())(t)
		check(t, sdp.CheckAnswer(offer, d))
		a.to = mediatest.To(t, d)
		c.sa.Echo()
		talk(600*time.Millisecond, a)
		a.hears(440, 600*time.Millisecond)

		ear := &wideEar{rate: 16000}
		c.sa.Attach(&mediatest.Sound{Samples: toneAt(1000, 8000, 8000)}, ear)
		talk(300*time.Millisecond, a)
		c.a.Forget()
		talk(600*time.Millisecond, a)
		a.hears(1000, 600*time.Millisecond)
		heard := ear.Samples()
		if n := len(heard); n < 16000*85/100 || n > 16000*95/100 {
			t.Errorf("%d samples in 900 ms", n)
		}
		if level, share := toneOf(heard[8000:], 440, 16000); level < 7000 || share < 0.97 {
			t.Errorf("heard the phone at %.0f, %.2f of the sound", level, share)
		}
	})
}

// wideEar is an ear for sound at another rate than 8 kHz.
type wideEar struct {
	mediatest.Ear
	rate int
}

func (e *wideEar) Rate() int { return e.rate }

// toneAt is n samples of a tone.
func toneAt(hz float64, rate, n int) []int16 {
	f := make([]int16, n)
	for i := range f {
		f[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
	}
	return f
}

// Keys that wait to be sent go over into another instance with their session; one that has begun was heard.
func TestThawedKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		answered(t, c, mediatest.Offer(t, aAddr))
		c.sa.Attach(nil, nil)
		for _, k := range []byte("51#") {
			check(t, c.sa.SendDigit(k, 100))
		}
		mediatest.Wait(30 * time.Millisecond)
		text := got(json.Marshal(c.sa.Freeze()))(t)
		c.cfg.Pool.Close()
		c.cfg = config(t, c.host)
		synctest.Wait()
		c.a.Forget()
		var st session.State
		check(t, json.Unmarshal(text, &st))
		c.sa = got(session.Thaw(c.cfg, st))(t)
		defer c.sa.Close()
		mediatest.Wait(time.Second)
		var h dtmf.Hearing
		var keys []dtmf.Heard
		for _, p := range c.a.Heard() {
			if p.Header.Payload == 101 {
				keys = h.Hear(keys, p.Header.Timestamp, 8000, p.Data[p.Header.Begin:])
			}
		}
		if len(keys) != 2 || keys[0].Key != '1' || keys[1].Key != '#' || keys[1].Long != 100*time.Millisecond {
			t.Errorf("%+v", keys)
		}
	})
}
