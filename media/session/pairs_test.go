package session_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"santral/media/mediatest"
	"santral/media/rtp"
	"santral/media/sdp"
	"santral/media/session"
	"santral/media/srtp"
)

// Each way of securing with each other one, and with itself: the caller's offer, what the callee is offered by its
// profile, its answer; and then both hear each other, whatever lies on either wire.
func TestUnlikeKeys(t *testing.T) {
	type kind struct {
		name    string
		proto   string // of the caller's offer
		keyed   bool   // the phone has a key in its descriptions
		profile session.Profile
		offered string // proto that a callee of that profile is offered
	}
	kinds := []kind{
		{"plain", "RTP/AVP", false, session.Profile{}, "RTP/AVP"},
		{"feedback", "RTP/AVPF", false, session.Profile{}, "RTP/AVP"},
		{"keys", "RTP/SAVP", true, session.Profile{Secure: session.SecureRequired}, "RTP/SAVP"},
		{"keys and feedback", "RTP/SAVPF", true, session.Profile{Secure: session.SecureRequired, Safe: true}, "RTP/SAVP"},
		{"keys beside plain", "RTP/AVP", true, session.Profile{Safe: true}, "RTP/AVP"},
		{"never keys", "RTP/AVP", false, session.Profile{Secure: session.SecureOff, Safe: true}, "RTP/AVP"},
	}
	for _, from := range kinds {
		for _, to := range kinds {
			t.Run(fmt.Sprintf("%s to %s", from.name, to.name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := newCall(t)
					c.sa, c.sb = session.New(c.cfg, aAddr.Addr(), from.profile), session.New(c.cfg, bAddr.Addr(), to.profile)
					a, b := newSecret(t, c.a, srtp.AES128CM80, 5), newSecret(t, c.b, srtp.AES128CM80, 3)
					said := func(s *secret, keyed bool) []string {
						if keyed {
							return []string{s.attr()}
						}
						return nil
					}
					offer := over(t, from.proto, aAddr, said(a, from.keyed)...)
					check(t, c.sa.SetRemote(offer))
					toB := got(c.sb.RelayLocal(offer, false))(t)
					if toB.Media[0].Proto != to.offered || strings.Contains(toB.String(), "a=crypto") != to.keyed || strings.Contains(toB.String(), a.attr()) {
						t.Fatalf("offered\n%s", toB)
					}
					answer := over(t, to.offered, bAddr, said(b, to.keyed)...)
					check(t, c.sb.SetAnswer(answer))
					toA := got(c.sa.RelayLocal(answer, true))(t)
					if err := sdp.CheckAnswer(offer, toA); err != nil {
						t.Fatal(err)
					}
					if strings.Contains(toA.String(), "a=crypto") != from.keyed || strings.Contains(toA.String(), b.attr()) {
						t.Fatalf("answered\n%s", toA)
					}
					c.toA, c.toB = mediatest.To(t, toA), mediatest.To(t, toB)
					c.sa.Join(c.sb)
					sayA, sayB := func() { c.a.Say(c.toA) }, func() { c.b.Say(c.toB) }
					if from.keyed {
						a.hears(toA)
						sayA = func() { a.say(c.toA) }
					}
					if to.keyed {
						b.hears(toB)
						sayB = func() { b.say(c.toB) }
					}
					heard := func(s *secret, keyed bool, of uint32) int {
						if keyed {
							return s.opened(of)
						}
						return s.HeardOf(of)
					}
					mediatest.Talk(10, sayA, sayB)
					if n, m := heard(a, from.keyed, b.SSRC), heard(b, to.keyed, a.SSRC); n != 10 || m != 10 {
						t.Errorf("the caller heard %d packets, the callee %d", n, m)
					}

					// A change of the session that the callee asks for says nothing new to the caller's leg, but who holds.
					held := over(t, to.offered, bAddr, append(said(b, to.keyed), "sendonly")...)
					check(t, c.sb.SetRemote(held))
					again := got(c.sa.RelayLocal(held, false))(t)
					if again.Media[0].Proto != from.proto || strings.Contains(again.String(), "a=crypto") != from.keyed || again.Media[0].Direction(again) != sdp.SendOnly {
						t.Errorf("held by\n%s", again)
					}
					c.sa.Close()
					c.sb.Close()
				})
			})
		}
	}
}

// An offer of ours that is refused changes nothing: formats, keys and what is heard stay.
func TestWithdraw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		a := newSecret(t, c.a, srtp.AES128CM80, 1)
		offer := over(t, "RTP/SAVP", aAddr, a.attr())
		toB, toA := c.agree(offer, mediatest.Offer(t, bAddr))
		a.hears(toA)
		c.toA, c.toB = mediatest.To(t, toA), mediatest.To(t, toB)
		c.sa.Join(c.sb)
		fax := mediatest.Parse(t, "v=0\r\no=- 1 2 IN IP4 192.0.2.20\r\ns=-\r\nc=IN IP4 192.0.2.20\r\nt=0 0\r\nm=image 6000 udptl t38\r\n")
		check(t, c.sb.SetRemote(fax))
		if d := got(c.sa.RelayLocal(fax, false))(t); d.Media[0].Kind != "image" {
			t.Errorf("offered\n%s", d)
		}
		c.sa.Withdraw()
		c.sb.Revert()
		mediatest.Talk(10, func() { a.say(c.toA) }, func() { c.b.Say(c.toB) })
		if n, m := a.opened(c.b.SSRC), c.b.HeardOf(a.SSRC); n != 10 || m != 10 {
			t.Errorf("a heard %d, b %d", n, m)
		}
		again := got(c.sa.RelayLocal(mediatest.Offer(t, bAddr), false))(t)
		if again.Media[0].Proto != "RTP/SAVP" || strings.Count(again.String(), "a=crypto:") != 1 {
			t.Errorf("the next offer is\n%s", again)
		}
		c.sa.Withdraw()
		c.sa.Withdraw()
	})
}

// RTP and RTCP share a port with a peer that offers that, and only with that one (RFC 5761 §5.1.1).
func TestOnePortAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		toB, toA := c.agree(mediatest.Offer(t, aAddr, "rtcp-mux"), mediatest.Offer(t, bAddr))
		if !toA.Media[0].Mux() || toB.Media[0].Mux() {
			t.Fatalf("a is told\n%s\nb is told\n%s", toA, toB)
		}
		c.toA, c.toB = mediatest.To(t, toA), mediatest.To(t, toB)
		c.sa.Join(c.sb)
		c.talk(5)
		c.a.Send(c.toA, rtp.AppendReport(nil, c.a.SSRC, &rtp.Sender{NTP: 1 << 40}))
		synctest.Wait()
		if n := len(c.b.HeardControl()); n != 1 {
			t.Errorf("b heard %d reports", n)
		}
	})
}

// A line that an answer leaves out is refused.
func TestLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		two := mediatest.Offer(t, aAddr)
		two.Media = append(two.Media, sdp.Media{Kind: "video", Port: 4002, Proto: "RTP/AVP", Formats: []string{"99"}, Attrs: []sdp.Attr{{Name: "rtpmap", Value: "99 H264/90000"}}})
		toB, toA := c.agree(two, mediatest.Offer(t, bAddr))
		if len(toB.Media) != 2 || toB.Media[1].Port == 0 || len(toA.Media) != 2 || toA.Media[1].Port != 0 {
			t.Errorf("b is told\n%s\na is told\n%s", toB, toA)
		}
		if st := c.cfg.Pool.Stats(); st.Used != 2 {
			t.Errorf("%d pairs are in use", st.Used)
		}
	})
}
