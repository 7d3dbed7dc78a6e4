package session_test

import (
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"santral/media"
	"santral/media/mediatest"
	"santral/media/mixer"
	"santral/media/pcm"
	"santral/media/rtp"
	"santral/media/session"
	"santral/media/srtp"
)

// tapEar keeps what a tap hears, and can be asked for the last of it.
type tapEar struct {
	wideEar
	begin time.Time
}

func newTapEar(rate int) *tapEar { return &tapEar{wideEar: wideEar{rate: rate}, begin: time.Now()} }

// hears checks that the last half second was a tone, or, with 0 Hz, silence.
func (e *tapEar) hears(t *testing.T, what string, hz float64) {
	t.Helper()
	all := e.Samples()
	if gone := time.Since(e.begin) - session.TapDelay; len(all) < int((gone-40*time.Millisecond).Seconds()*float64(e.rate)) || len(all) > int((gone+40*time.Millisecond).Seconds()*float64(e.rate)) {
		t.Errorf("%s: %d samples in %v", what, len(all), gone)
	}
	last := all[max(len(all)-e.rate/2, 0):]
	if hz == 0 {
		for _, v := range last {
			if v > 20 || v < -20 {
				t.Errorf("%s: the tap hears something", what)
				return
			}
		}
		return
	}
	if level, share := toneOf(last, hz, e.rate); level < 7000 || level > 9000 || share < .97 {
		t.Errorf("%s: the tap hears %g Hz at %.0f, which is %.1f %% of the sound", what, hz, level, 100*share)
	}
}

const tapped = 800 * time.Millisecond // long enough for the delay and half a second; what fades away takes more

// Relayed calls stay relayed, whoever taps them, and nobody notices: neither the phones nor what is known of the streams.
func TestATapDoesNotChangeARelayedCall(t *testing.T) {
	var quality [2]string
	for i := range quality {
		synctest.Test(t, func(t *testing.T) {
			c, a, b, _, _ := cross(t, pcma, pcma, session.Profile{}, session.Profile{}, nil, nil)
			var ears []*tapEar
			var stop []func()
			if i == 1 {
				for _, x := range []struct {
					s    *session.Session
					rate int
				}{{c.sa, 8000}, {c.sa, 16000}, {c.sb, 48000}} {
					e := newTapEar(x.rate)
					ears, stop = append(ears, e), append(stop, x.s.Tap(e))
				}
				said := newTapEar(8000)
				ears, stop = append(ears, said), append(stop, c.sa.TapSaid(said))
			}
			talk(time.Second, a, b)
			c.a.Forget()
			c.b.Forget()
			talk(time.Second, a, b)
			a.hears(1000, time.Second)
			b.hears(440, time.Second)
			if w := c.sa.Way(); w != session.Relayed {
				t.Errorf("the way is %s", w)
			}
			quality[i] = fmt.Sprintf("%+v %+v", c.sa.Quality(), c.sb.Quality())
			if i == 0 {
				return
			}
			for k, hz := range []float64{440, 440, 1000, 0} {
				ears[k].hears(t, fmt.Sprint("tap ", k), hz)
			}
			stop[0]()
			stop[0]()
			before := len(ears[0].Samples())
			talk(tapped, a, b)
			if n := len(ears[0].Samples()); n != before {
				t.Errorf("%d samples after its end", n-before)
			}
			ears[1].hears(t, "the other tap", 440)
			c.sa.Close()
			before = len(ears[1].Samples())
			talk(tapped, b)
			if n := len(ears[1].Samples()); n != before {
				t.Errorf("%d samples after the end of the session", n-before)
			}
			c.sa.Tap(newTapEar(8000))()
			c.sa.TapSaid(newTapEar(8000))()
			ears[2].hears(t, "the one who is still there", 1000)
		})
	}
	if quality[0] != quality[1] {
		t.Errorf("without taps\n%s\nwith them\n%s", quality[0], quality[1])
	}
}

// A tap hears the peer whatever is done with its packets.
func TestATapGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a, b := unlike(t, pcma, g722, 20, 20)
		ear, said := newTapEar(16000), newTapEar(8000)
		c.sa.Tap(ear)
		c.sa.TapSaid(said)
		step := func(what string, peer, ours float64) {
			t.Helper()
			talk(tapped, a, b)
			ear.hears(t, what, peer)
			said.hears(t, what+", said", ours)
		}
		step("transcoded", 440, 0)
		c.sa.Part()
		step("parted", 440, 0)
		c.sa.Attach(&mediatest.Sound{Samples: toneAt(700, 8000, 80000)}, nil)
		step("attached", 440, 700)
		c.sa.Attach(&wideSound{mediatest.Sound{Samples: toneAt(600, 16000, 160000)}}, &mediatest.Ear{})
		step("attached to wider sound", 440, 600)
		c.sa.Echo()
		step("echo", 440, 0)
		c.sa.Join(c.sb)
		step("transcoded again", 440, 0)
		a.f, a.codec, a.enc = pcmu, newSpeaker(t, c.a, pcmu, 20, 440).codec, newSpeaker(t, c.a, pcmu, 20, 440).enc
		check(t, c.sa.SetRemote(a.offer()))
		got(c.sa.AnswerLocal())(t)
		step("another codec", 440, 0)
		talk(tapped+200*time.Millisecond, b)
		ear.hears(t, "a phone that is silent", 0)
	})
}

type wideSound struct{ mediatest.Sound }

func (*wideSound) Rate() int { return 16000 }

// A relayed call is held and resumed by new descriptions: the tap hears silence, and goes on.
func TestATapHearsAHoldAsSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a, b, _, _ := cross(t, pcma, pcma, session.Profile{}, session.Profile{}, nil, nil)
		ear := newTapEar(8000)
		c.sa.Tap(ear)
		talk(tapped, a, b)
		ear.hears(t, "at first", 440)
		c.agree(a.offer("sendonly"), b.offer("recvonly"))
		c.sa.Join(c.sb)
		talk(tapped + 200*time.Millisecond)
		ear.hears(t, "held", 0)
		c.agree(a.offer(), b.offer())
		c.sa.Join(c.sb)
		talk(tapped, a, b)
		ear.hears(t, "resumed", 440)
		if w := c.sa.Way(); w != session.Relayed {
			t.Errorf("the way is %s", w)
		}
	})
}

// What is sealed is tapped in the clear, from a leg with keys and from one without.
func TestATapHearsWhatIsSealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		a := newSecret(t, c.a, srtp.AES128CM80, 3)
		_, toA := c.agree(over(t, "RTP/SAVP", aAddr, a.attr()), mediatest.Offer(t, bAddr))
		a.hears(toA)
		c.toA, c.toB = mediatest.To(t, toA), mediatest.To(t, mediatest.Offer(t, aAddr))
		c.sa.Join(c.sb)
		ear := newTapEar(8000)
		c.sa.Tap(ear)
		tone, at := toneAt(440, 8000, 8000), 0
		mediatest.Talk(40, func() {
			p := rtp.AppendHeader(nil, rtp.Header{Payload: 8, Seq: a.Seq, Timestamp: a.Stamp, SSRC: a.SSRC})
			code := make([]byte, 160)
			pcm.EncodeALaw(code, tone[at:at+160])
			at += 160
			a.Seq++
			a.Stamp += 160
			a.Send(c.toA, got(a.out.Seal(nil, append(p, code...)))(t))
		})
		ear.hears(t, "sealed", 440)
		if w := c.sa.Way(); w != session.Relayed || c.b.HeardOf(a.SSRC) != 40 {
			t.Errorf("the way is %s", w)
		}
	})
}

// What is said to the peer and what it says at the same time is heard at the same time.
func TestBothSidesAreHeardTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		answered(t, c, mediatest.Offer(t, aAddr))
		heard, said := &mediatest.Ear{}, &mediatest.Ear{}
		type instant struct{ began, first time.Time }
		stamp := func(e *mediatest.Ear) (media.Sink, *instant) {
			i := &instant{}
			return sinkFunc(func(f media.Frame) {
				for k, v := range f {
					if v > 4000 && i.first.IsZero() {
						i.first = time.Now().Add(time.Duration(k) * 125 * time.Microsecond)
					}
				}
				e.Write(f)
			}), i
		}
		h, hi := stamp(heard)
		s, si := stamp(said)
		c.sa.Tap(h)
		mediatest.Wait(7 * time.Millisecond)
		c.sa.TapSaid(s)
		mediatest.Wait(500 * time.Millisecond)
		click := make([]int16, 1600)
		for k := range 16 {
			click[800+k] = 12000
		}
		sound := &clickSource{click: click}
		c.sa.Attach(sound, nil)
		// The phone's packet goes out when its last sample was said, and so does ours.
		var spoke time.Time
		for n := range 100 {
			code := make([]byte, 160)
			var f [160]int16
			if n == 50 {
				spoke = time.Now().Add(-20 * time.Millisecond)
				for k := range 16 {
					f[k] = 12000
				}
			}
			pcm.EncodeALaw(code, f[:])
			p := rtp.AppendHeader(nil, rtp.Header{Payload: 8, Seq: c.a.Seq, Timestamp: c.a.Stamp, SSRC: c.a.SSRC})
			c.a.Seq++
			c.a.Stamp += 160
			c.a.Send(c.toA, append(p, code...))
			mediatest.Wait(20 * time.Millisecond)
		}
		a, b := hi.first.Sub(spoke), si.first.Sub(sound.spoke)
		if math.Abs((a-b).Seconds()) > .002 || a < 230*time.Millisecond || a > 270*time.Millisecond {
			t.Errorf("the peer is heard after %v, we after %v", a, b)
		}
	})
}

// clickSource says silence, and a click in its 21st frame.
type clickSource struct {
	click []int16
	n     int
	spoke time.Time
}

func (c *clickSource) Read(f media.Frame) (int, error) {
	clear(f)
	if c.n++; c.n == 21 {
		c.spoke = time.Now().Add(-20 * time.Millisecond)
		copy(f, c.click[800:816])
	}
	return len(f), nil
}

type sinkFunc func(media.Frame)

func (f sinkFunc) Write(x media.Frame) { f(x) }

// What a room says to a phone is tapped as what is played to it, and so are the phone's own words.
func TestATapInARoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, mixer.Config{Rate: 16000})
		a, b := h.seat(pcma, 20, 440), h.seat(g722, 20, 1000)
		heard, said := newTapEar(8000), newTapEar(8000)
		a.s.Tap(heard)
		stop := a.s.TapSaid(said)
		h.talk(tapped+200*time.Millisecond, a, b)
		heard.hears(t, "the phone", 440)
		said.hears(t, "the room", 1000)
		h.talk(tapped+200*time.Millisecond, a)
		heard.hears(t, "the phone alone", 440)
		all := said.Samples()
		if level, _ := toneOf(all[len(all)-4000:], 1000, 8000); level > 200 { // rooms have a noise of their own
			t.Errorf("the room still says what nobody says, at %.0f", level)
		}
		stop()
	})
}
