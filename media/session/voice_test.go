package session_test

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"santral/media"
	"santral/media/mediatest"
	"santral/media/pcm"
	"santral/media/rtp"
	"santral/media/sdp"
	"santral/media/session"
)

// answered is one phone that the house itself has answered.
func answered(t *testing.T, c *call, offer *sdp.Description) *sdp.Description {
	t.Helper()
	check(t, c.sa.SetRemote(offer))
	d := got(c.sa.AnswerLocal())(t)
	check(t, sdp.CheckAnswer(offer, d))
	c.toA = mediatest.To(t, d)
	return d
}

// ramp is sound that tells its own place.
func ramp(n int) []int16 {
	s := make([]int16, n)
	for i := range s {
		s[i] = int16(i*37%20000 - 10000)
	}
	return s
}

// coded is what is left of sound after the A-law.
func coded(s []int16) []int16 {
	b, out := make([]byte, len(s)), make([]int16, len(s))
	pcm.EncodeALaw(b, s)
	pcm.DecodeALaw(out, b)
	return out
}

func equal(a, b []int16) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestPlayToAPhone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		d := answered(t, c, mediatest.Offer(t, aAddr))
		if len(d.Media[0].Formats) != 2 || d.Media[0].Formats[0] != "8" {
			t.Errorf("%s", d)
		}
		sound := ramp(1000)
		c.sa.Attach(&mediatest.Sound{Samples: sound}, nil)
		mediatest.Wait(time.Second - 5*time.Millisecond)
		heard := c.a.Heard()
		if len(heard) < 49 || len(heard) > 50 {
			t.Fatalf("%d packets in a second", len(heard))
		}
		var all []int16
		for i, p := range heard {
			h, first := p.Header, heard[0]
			if h.Seq != first.Header.Seq+uint16(i) || h.Timestamp != first.Header.Timestamp+uint32(160*i) || h.Payload != 8 || h.SSRC != first.Header.SSRC || h.Marker != (i == 0) {
				t.Fatalf("packet %d: %+v", i, h)
			}
			if i > 0 && p.At.Sub(heard[i-1].At) != rtp.FrameTime {
				t.Errorf("packet %d after %v", i, p.At.Sub(heard[i-1].At))
			}
			f := make([]int16, 160)
			pcm.DecodeALaw(f, p.Data[h.Begin:])
			all = append(all, f...)
		}
		if want := append(coded(sound), coded(make([]int16, len(all)-1000))...); !equal(all, want) {
			t.Error("the sound was not what was played, and silence after it")
		}
		if sr := c.a.HeardControl(); len(sr) != 1 || !rtp.ValidControl(sr[0].Data) {
			t.Errorf("%d reports", len(sr))
		}
		c.sa.Part()
		c.a.Forget()
		mediatest.Wait(time.Second)
		if n := len(c.a.Heard()); n != 0 {
			t.Errorf("%d packets after the parting", n)
		}
		c.sa.Attach(nil, nil) // the stream goes on under the same numbers
		mediatest.Wait(100 * time.Millisecond)
		if p := c.a.Heard(); len(p) == 0 || p[0].Header.SSRC != heard[0].Header.SSRC || p[0].Header.Seq != heard[len(heard)-1].Header.Seq+1 {
			t.Errorf("%d packets", len(p))
		}
	})
}

// What a phone says arrives in order and in time: as much is heard as time goes by, and what was said stands in
// it in one piece, though packets overtook each other and came twice.
func TestListenToAPhone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		answered(t, c, mediatest.Offer(t, aAddr))
		ear := &mediatest.Ear{}
		begin := time.Now()
		c.sa.Attach(nil, ear)
		sound := ramp(160 * 100)
		packet := func(i int) []byte {
			b := rtp.AppendHeader(nil, rtp.Header{Payload: 8, Seq: uint16(65530 + i), Timestamp: uint32(4294967000 + 160*i), SSRC: 3})
			out := make([]byte, 160)
			pcm.EncodeALaw(out, sound[160*i:][:160])
			return append(b, out...)
		}
		mediatest.Wait(333 * time.Millisecond) // whatever comes or not, time is heard
		if n, want := len(ear.Samples()), int(time.Since(begin)/rtp.FrameTime)*160; n < want-160 || n > want+160 {
			t.Errorf("%d samples of silence, want %d", n, want)
		}
		i := 0
		mediatest.Talk(100, func() { c.a.Send(c.toA, packet(i)); i++ })
		mediatest.Wait(500 * time.Millisecond)
		c.sa.Part()
		heard := ear.Samples()
		if n, want := len(heard), int(time.Since(begin)/rtp.FrameTime)*160; n < want-160 || n > want+160 {
			t.Errorf("%d samples in %s", n, time.Since(begin))
		}
		if at := find(heard, coded(sound)[160:]); at < 0 || at > 380*8 { // the first of it fades in
			t.Errorf("what was said stands at %d", at)
		}
		mediatest.Wait(time.Second)
		if n := len(ear.Samples()); n != len(heard) {
			t.Error("written to after the parting")
		}
		if q := c.sa.Quality()[0]; q.Lost != 0 || q.Packets != 100 {
			t.Errorf("%+v", q)
		}
	})
}

// find gives where a piece of sound stands in another, -1 for nowhere.
func find(heard, sound []int16) int {
	for i := 0; i+len(sound) <= len(heard); i++ {
		if equal(heard[i:i+len(sound)], sound) {
			return i
		}
	}
	return -1
}

func TestEcho(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		answered(t, c, mediatest.Offer(t, aAddr))
		c.sa.Echo()
		c.a.Talk(c.toA, 50)
		heard := c.a.Heard()
		if len(heard) != 50 {
			t.Fatalf("%d packets came back", len(heard))
		}
		for i, p := range heard {
			if p.Header.SSRC == c.a.SSRC || p.Header.Seq != 1000+uint16(i) || p.Header.Payload != 8 {
				t.Fatalf("packet %d: %+v", i, p.Header)
			}
		}
	})
}

// What is echoed goes on with the numbers of what was said before, and what is said afterwards with its.
func TestEchoBetweenWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		answered(t, c, mediatest.Offer(t, aAddr))
		c.sa.Attach(nil, nil)
		mediatest.Wait(493 * time.Millisecond)
		c.sa.Echo()
		c.a.Talk(c.toA, 50)
		c.sa.Attach(nil, nil)
		mediatest.Wait(493 * time.Millisecond)
		c.sa.Part()
		heard := c.a.Heard()
		if len(heard) < 98 {
			t.Fatalf("%d packets came", len(heard))
		}
		for i := 1; i < len(heard); i++ {
			was, is := heard[i-1].Header, heard[i].Header
			if is.SSRC != was.SSRC || is.Seq != was.Seq+1 || int32(is.Timestamp-was.Timestamp) < 160 {
				t.Errorf("packet %d is %+v after %+v", i, is, was)
			}
		}
	})
}

// Two sessions that end media themselves talk to each other as two phones do, keys too.
func TestTwoVoices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		cfg := *c.cfg
		cfg.Formats = session.Telephony()
		a, b := session.New(&cfg, home, session.Profile{}), session.New(&cfg, home, session.Profile{})
		defer a.Close()
		defer b.Close()
		offer := got(a.OfferLocal())(t)
		check(t, b.SetRemote(mediatest.Parse(t, offer.String())))
		answer := got(b.AnswerLocal())(t)
		check(t, a.SetRemote(mediatest.Parse(t, answer.String())))
		ear := &mediatest.Ear{}
		sound := ramp(8000)
		a.Attach(&mediatest.Sound{Samples: sound}, nil)
		keys := make(chan byte, 10)
		b.OnDigit(func(d session.Digit) { keys <- d.Key })
		b.Attach(nil, ear)
		mediatest.Wait(1200 * time.Millisecond)
		for _, d := range []byte("1#D1") {
			check(t, a.SendDigit(d, 100))
		}
		for _, want := range []byte("1#D1") {
			if d := <-keys; d != want {
				t.Errorf("heard %c, want %c", d, want)
			}
		}
		if err := a.SendDigit('x', 100); !errors.Is(err, session.ErrNoDigits) {
			t.Errorf("x is a digit: %v", err)
		}
		mediatest.Wait(10 * time.Second)
		heard := ear.Samples()
		if at := find(heard, coded(sound)[4000:]); at < 4000 || at > 4000+100*8 { // the two clocks may find their order first
			t.Errorf("%d samples heard, the sound at %d", len(heard), at)
		}
		qa, qb := a.Quality()[0], b.Quality()[0]
		if qa.Lost+qb.Lost != 0 || qb.Packets < 500 || qa.Packets < 500 || qa.RoundTrip == 0 || qb.RoundTrip == 0 || len(keys) != 0 {
			t.Errorf("a %+v\nb %+v, %d keys too many", qa, qb, len(keys))
		}
		if a.Codec() != "PCMA" || b.Codec() != "PCMA" {
			t.Errorf("codecs %q and %q", a.Codec(), b.Codec())
		}

		// a holds b: b falls silent, a goes on.
		a.Hold(true)
		check(t, b.SetRemote(got(a.OfferLocal())(t)))
		check(t, a.SetRemote(got(b.AnswerLocal())(t)))
		before := b.Quality()[0]
		mediatest.Wait(time.Second)
		after := b.Quality()[0]
		if !b.Held() || after.Sent > before.Sent+1 || after.Packets < before.Packets+49 {
			t.Errorf("held %v: %+v then %+v", b.Held(), before, after)
		}
	})
}

// A relayed call's keys are heard by who asks, and reach the other phone all the same.
func TestKeysOfARelayedCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		c.begin()
		keys := make(chan byte, 10)
		c.sa.OnDigit(func(d session.Digit) {
			if !d.Passed || d.Long != 120*time.Millisecond {
				t.Errorf("%+v", d)
			}
			keys <- d.Key
		})
		event := func(end bool, duration uint16) []byte {
			b := rtp.AppendHeader(nil, rtp.Header{Payload: 101, Seq: c.a.Seq, Timestamp: c.a.Stamp, SSRC: c.a.SSRC})
			c.a.Seq++
			flags := byte(10)
			if end {
				flags |= 0x80
			}
			return append(b, 5, flags, byte(duration>>8), byte(duration))
		}
		c.talk(2)
		for i := range 5 {
			c.a.Send(c.toA, event(false, uint16(160+160*i)))
		}
		for range 3 {
			c.a.Send(c.toA, event(true, 960))
		}
		synctest.Wait()
		if len(keys) != 1 || <-keys != '5' {
			t.Errorf("%d keys", len(keys))
		}
		c.hear(2, 10)
		c.sa.OnDigit(nil)
		c.a.Stamp += 16000
		c.a.Send(c.toA, event(true, 960))
		synctest.Wait()
		if len(keys) != 0 {
			t.Error("told after the end")
		}

		// A key of ours can't be put into a relayed stream: it is transcoded from then on.
		if c.sa.Way() != session.Relayed {
			t.Errorf("the way is %s", c.sa.Way())
		}
		c.a.Forget()
		check(t, c.sa.SendDigit('1', 100))
		c.talk(50)
		events := 0
		for _, p := range c.a.Heard() {
			if p.Header.Payload == 101 {
				events++
			}
		}
		if c.sa.Way() != session.Transcoded || events != 7 || len(c.a.Heard()) < 49 || c.a.HeardOf(c.b.SSRC) != 0 {
			t.Errorf("%s, %d packets, of the key %d, of b's own numbers %d", c.sa.Way(), len(c.a.Heard()), events, c.a.HeardOf(c.b.SSRC))
		}
	})
}

func TestNoCommonFormat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		if _, err := c.sa.AnswerLocal(); err == nil {
			t.Error("an answer to nothing")
		}
		check(t, c.sa.SetRemote(mediatest.Parse(t, "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 4000 RTP/AVP 18\r\n")))
		if _, err := c.sa.AnswerLocal(); !errors.Is(err, sdp.ErrNoMatch) {
			t.Errorf("G.729 alone: %v", err)
		}
		if got := c.sa.Quality(); len(got) != 1 || got[0] != (media.Quality{}) {
			t.Errorf("%+v", got)
		}
	})
}

// An offer of ours keeps the places of lines that were there before (RFC 3264 §8).
func TestOwnOfferAfterRelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		two := mediatest.Parse(t, "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=video 4010 RTP/AVP 99\r\na=rtpmap:99 VP8/90000\r\nm=audio 4000 RTP/AVP 0 8\r\n")
		d := answered0(t, c, two)
		if d.Media[0].Port != 0 || d.Media[1].Port == 0 {
			t.Errorf("%s", d)
		}
		offer := got(c.sa.OfferLocal())(t)
		if len(offer.Media) != 2 || offer.Media[0].Port != 0 || offer.Media[0].Kind != "video" || offer.Media[1].Port != d.Media[1].Port {
			t.Errorf("%s", offer)
		}
		c.sa.Attach(nil, nil)
		mediatest.Wait(100 * time.Millisecond)
		if p := c.a.Heard(); len(p) == 0 || p[0].Header.Payload != 0 {
			t.Errorf("%d packets", len(p))
		}
	})
}

func answered0(t *testing.T, c *call, offer *sdp.Description) *sdp.Description {
	t.Helper()
	check(t, c.sa.SetRemote(offer))
	return got(c.sa.AnswerLocal())(t)
}

func TestFamilies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		six := session.New(c.cfg, netip.MustParseAddr("2001:db8::5"), session.Profile{})
		defer six.Close()
		if _, err := six.RelayLocal(mediatest.Offer(t, aAddr), false); err == nil {
			t.Error("ports of a family that the pool has not")
		}
		mixed := session.New(c.cfg, netip.MustParseAddr("2001:db8::5"), session.Profile{})
		defer mixed.Close()
		check(t, mixed.SetRemote(mediatest.Offer(t, aAddr)))
		if d := got(mixed.AnswerLocal())(t); d.Conn.Type != "IP4" {
			t.Errorf("%s", d)
		}
	})
}
