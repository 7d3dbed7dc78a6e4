package e2e

import (
	"fmt"
	"testing"
	"time"

	"santral/test/phone"
)

// Two browsers see each other, with each codec that both have; pictures go on after a hold, and the sender learns how
// its packets arrive from the exchange.
func TestBrowsersSeeEachOther(t *testing.T) {
	t.Parallel()
	x := phone.StartExchange(t, "--digest", "md5")
	says := phone.Rated(t, phone.Speech(t, "en", "The quick brown fox jumps over the lazy dog", speech), 48000, 1)
	a, b := phone.StartTalker(t, says), phone.StartTalker(t, says)
	a.Register(x.WSS, x.Realm, x.Account("101", "wss"))
	b.Register(x.WSS, x.Realm, x.Account("102", "wss"))
	a.Wait("registered")
	b.Wait("registered")
	for _, codec := range []string{"VP8", "H264"} {
		a.Tell(fmt.Sprintf("call(%q, %q)", "sip:102@"+x.Realm, codec))
		b.Wait("rings")
		b.Tell("answer(true)")
		a.Wait("talks")
		b.Wait("talks")
		sees := func(who string, p *phone.Browser, frames int) (s phone.Seen) {
			phone.Eventually(t, 20*time.Second, who+" sees "+codec, func() bool {
				s = p.Seen()
				return s.Frames >= frames
			})
			if s.Codec != "video/"+codec || s.Width == 0 {
				t.Errorf("%s sees %+v, want %s", who, s, codec)
			}
			return s
		}
		sees("a", a, 30)
		before := sees("b", b, 30)
		if s := a.Seen(); s.Rate == 0 {
			t.Errorf("a does not know how its packets arrive: %+v", s)
		}
		asked := b.Seen().Asked
		a.Tell("window.session.hold()")
		time.Sleep(2 * time.Second)
		a.Tell("window.session.unhold()")
		after := sees("b, after a hold,", b, before.Frames+45)
		if now := b.Seen().Asked; now <= asked { // whose pictures nobody saw meanwhile
			t.Errorf("%s: b was asked for no whole picture after the hold (%d, %d before)", codec, now, asked)
		}
		t.Logf("%s: b saw %d frames before the hold and %d after", codec, before.Frames, after.Frames)
		a.Tell("window.session.terminate()")
		b.Wait("ended")
	}
}
