package e2e

import (
	"bytes"
	"fmt"
	"image/jpeg"
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

// Phones see each other in the codec that they have, and a phone and a browser do.
func TestPhonesSeeEachOther(t *testing.T) {
	t.Parallel()
	const frames = 45 // three seconds of them
	says := phone.Speech(t, "en", "The quick brown fox jumps over the lazy dog", speech)
	start := func(t *testing.T, x *phone.Exchange, user, codec string) *phone.Baresip {
		account := x.Account(user, "udp")
		account.Pictures = codec
		return phone.StartBaresip(t, account, says)
	}
	for _, codec := range []string{"H264", "VP8"} {
		t.Run(codec, func(t *testing.T) {
			t.Parallel()
			x := phone.StartExchange(t, "--digest", "md5")
			a, b := start(t, x, "101", codec), start(t, x, "102", codec)
			a.Dial("102")
			b.Wait("CALL_INCOMING")
			b.Command("accept", "")
			a.Wait("CALL_ESTABLISHED")
			for who, p := range map[string]*phone.Baresip{"the caller": a, "the callee": b} {
				if n, width := p.Seen(frames); width != 320 {
					t.Errorf("%s sees pictures %d wide, want 320", who, width)
				} else {
					t.Logf("%s saw %d frames", who, n)
				}
			}
			a.Command("hangup", "")
			b.Wait("CALL_CLOSED")
		})
	}
	t.Run("H264 of a browser", func(t *testing.T) {
		t.Parallel()
		x := phone.StartExchange(t, "--digest", "md5")
		page, ali := page101(t, x, says), start(t, x, "102", "H264")
		page.Tell(fmt.Sprintf("call(%q, %q)", "sip:102@"+x.Realm, "H264"))
		ali.Wait("CALL_INCOMING")
		ali.Command("accept", "")
		page.Wait("talks")
		n, width := ali.Seen(frames)
		var s phone.Seen
		phone.Eventually(t, 20*time.Second, "the page sees ali", func() bool {
			s = page.Seen()
			return s.Frames >= frames
		})
		if s.Codec != "video/H264" || s.Width != 320 || width != 320 {
			t.Errorf("the page sees %+v, ali pictures %d wide", s, width)
		}
		t.Logf("the page saw %d frames, ali %d", s.Frames, n)
		page.Tell("window.session.terminate()")
		ali.Wait("CALL_CLOSED")
	})
}

// Linphone shows another one its still picture, in VP8.
func TestLinphoneShowsAPicture(t *testing.T) {
	t.Parallel()
	x := phone.StartExchange(t, "--digest", "md5")
	start := func(user string) *phone.Linphone {
		account := x.Account(user, "udp")
		account.Pictures = "VP8"
		return phone.StartLinphone(t, account)
	}
	a, b := start("101"), start("102")
	a.Dial("102")
	b.Wait("Receiving new incoming call")
	b.Command("answer")
	for who, p := range map[string]*phone.Linphone{"the caller": a, "the callee": b} {
		data := p.Snapshot()
		seen, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil || seen.Bounds().Dx() < 160 || len(data) < 5000 {
			t.Errorf("%s sees %d octets of a picture: %v", who, len(data), err)
			continue
		}
		t.Logf("%s sees a picture of %v, %d octets", who, seen.Bounds().Size(), len(data))
	}
	b.Command("terminate")
}
