package session_test

import (
	"testing"
	"testing/synctest"

	"santral/media/mediatest"
	"santral/media/session"
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
