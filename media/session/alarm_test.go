package session_test

import (
	"testing"
	"testing/synctest"

	"santral/media/mediatest"
	"santral/media/rtp"
	"santral/media/session"
	"santral/media/srtp"
	"santral/media/udptl"
)

// A flood is told once, with the line that it comes by, and the other direction is as good as before.
func TestFloodIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		c.begin()
		var news []session.News
		c.sa.OnNews(func(n session.News) { news = append(news, n) })
		c.talk(50)
		if len(news) != 0 {
			t.Errorf("%+v of an everyday call", news)
		}
		c.a.Forget()
		mediatest.Talk(100, func() {
			for range 30 {
				c.a.Say(c.toA)
			}
		}, func() { c.b.Say(c.toB) })
		if len(news) != 1 || news[0].Kind != session.Flood || news[0].Line != 0 {
			t.Errorf("told: %+v", news)
		}
		if n := c.a.HeardOf(c.b.SSRC); n != 100 {
			t.Errorf("the other direction has %d packets of 100", n)
		}
	})
}

// A peer whose packets don't open by the key that it named is told of once; packets that it sends in the clear are
// such too. A change of keys under way does not silence the call.
func TestWrongKeyIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		a := newSecret(t, c.a, srtp.AES128GCM, 1)
		_, toA := c.agree(over(t, "RTP/SAVP", aAddr, a.attr()), mediatest.Offer(t, bAddr))
		a.hears(toA)
		c.toA = mediatest.To(t, toA)
		c.sa.Join(c.sb)
		var news []session.News
		c.sa.OnNews(func(n session.News) {
			if n.Kind == session.WrongKey {
				news = append(news, n)
			}
		})
		mediatest.Talk(100, func() { a.say(c.toA) })
		if n := c.b.HeardOf(a.SSRC); len(news) != 0 || n != 100 {
			t.Errorf("told of %+v, and %d packets were heard", news, n)
		}
		mediatest.Talk(200, func() { c.a.Say(c.toA) })
		if len(news) != 1 || news[0].Line != 0 {
			t.Errorf("of packets in the clear was told: %+v", news)
		}

		c.b.Forget()
		old := *a
		a.rekey(srtp.AES128CM80, 7)
		check(t, c.sa.SetRemote(over(t, "RTP/SAVP", aAddr, a.attr()))) // not answered yet
		mediatest.Talk(10, func() { old.say(c.toA) })
		if n := c.b.HeardOf(a.SSRC); n != 10 {
			t.Errorf("%d packets of 10 were heard while the keys change", n)
		}
		a.hears(got(c.sa.RelayLocal(mediatest.Offer(t, bAddr), true))(t))
		mediatest.Talk(10, func() { a.say(c.toA) })
		if n := c.b.HeardOf(a.SSRC); n != 20 {
			t.Errorf("%d packets of 20 were heard after the change", n)
		}
	})
}

// Sound with keys gives way to a fax in the clear on the same ports, and comes back with the same keys.
func TestFaxBesideKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		a := newSecret(t, c.a, srtp.AES128GCM, 1)
		sound := func() {
			t.Helper()
			_, toA := c.agree(over(t, "RTP/SAVP", aAddr, a.attr()), mediatest.Offer(t, bAddr))
			a.hears(toA)
			c.toA = mediatest.To(t, toA)
			c.a.Forget()
			c.b.Forget()
			mediatest.Talk(20, func() { a.say(c.toA) }, func() { c.b.Say(c.toB) })
			if n := c.b.HeardOf(a.SSRC); n != 20 {
				t.Errorf("%d packets of 20 were heard", n)
			}
			if n := a.opened(c.b.SSRC); n != 20 {
				t.Errorf("the phone with keys heard %d of 20", n)
			}
		}
		toB, _ := c.agree(over(t, "RTP/SAVP", aAddr, a.attr()), mediatest.Offer(t, bAddr))
		c.toB = mediatest.To(t, toB)
		c.sa.Join(c.sb)
		sound()
		c.agree(image(t, aAddr), image(t, bAddr))
		c.b.Forget()
		var s udptl.Sender
		for seq := range uint16(5) {
			c.a.Send(c.toA, s.Append(nil, seq, []byte{byte('0' + seq)}))
			mediatest.Wait(rtp.FrameTime)
		}
		if names, _ := pages(c.b.Heard()); len(names) != 5 {
			t.Errorf("of the fax came %q", names)
		}
		sound()
	})
}
