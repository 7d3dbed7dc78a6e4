package sipleg

import (
	"strings"
	"testing"
	"time"

	"santral/base/vnet"
	"santral/media/session"
	"santral/sip"
)

// TestCall is RFC 3665 §3.1 through our own legs: two dialogs, no header field of one in the other.
func TestCall(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		a.invite("102", a.sdp, func(m *sip.Message) {
			m.Set(sip.From, `"The Bank" <sip:1000@bank.example>;tag=lie`)
			m.Add(sip.PAssertedIdentity, "<sip:1000@bank.example>")
			m.Add(sip.PPreferredIdentity, "<sip:1000@bank.example>")
			m.Add(sip.RemotePartyID, "<sip:1000@bank.example>;party=calling")
			m.Add(sip.Authorization, `Digest username="101", response="0"`)
			m.Set(sip.MaxForwards, "9")
		})
		rang := b.rings()
		text := rang.String()
		for _, secret := range []string{"bank.example", "The Bank", "Authorization", "lie", "192.0.2.11", "Phone 101\r\n"} {
			if strings.Contains(text, secret) {
				t.Errorf("B was told %q:\n%s", secret, text)
			}
		}
		if hops, _ := rang.MaxForwards(); hops >= 9 {
			t.Errorf("Max-Forwards %d", hops)
		}
		a.status(180)
		b.picksUp()
		a.answered("")
		a.none(time.Second)
		a.leaves(b)
		a.none(time.Minute)
		w.house.Check(t)
	})
}

// TestCalleeHangsUp with a Reason of its own.
func TestCalleeHangsUp(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		talking(w, a, b)
		bye := b.d.Request(sip.BYE)
		bye.Prepend(sip.ViaKind, b.via())
		bye.Set(sip.ReasonKind, `Q.850;cause=31;text="normal, unspecified"`)
		b.send(bye)
		a.reply(a.want(sip.BYE), 200, "")
		b.status(200)
		a.none(time.Minute)
	})
}

// TestForkAnsweredElsewhere: two devices ring, one answers, the other is told that it was answered
// elsewhere (RFC 3326 §3) and keeps no missed call.
func TestForkAnsweredElsewhere(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b, c := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "103"), w.phone("192.0.2.13", "103")
		a.invite("103", a.sdp)
		b.rings()
		c.rings()
		a.status(180)
		b.picksUp()
		cancel := c.want(sip.CANCEL)
		c.reply(cancel, 200, "")
		c.reply(c.req, 487, "")
		c.want(sip.ACK)
		if !strings.Contains(cancel.Get(sip.ReasonKind), `SIP;cause=200`) {
			t.Errorf("Reason %q", cancel.Get(sip.ReasonKind))
		}
		a.answered("")
		b.none(time.Second)
		b.leaves(a)
	})
}

// TestForkBothAnswer: the second 200 crosses our CANCEL and is acknowledged and ended.
func TestForkBothAnswer(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b, c := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "103"), w.phone("192.0.2.13", "103")
		a.invite("103", a.sdp)
		b.rings()
		c.rings()
		a.status(180)
		w.net.SetOneWay(w.host("192.0.2.13"), w.host("192.0.2.1"), vnet.Link{Latency: 3 * time.Millisecond})
		b.reply(b.req, 200, b.sdp)
		c.reply(c.req, 200, c.sdp)
		b.want(sip.ACK)
		a.answered("")
		c.reply(c.want(sip.CANCEL), 481, "")
		c.want(sip.ACK)
		c.reply(c.want(sip.BYE), 200, "")
		a.leaves(b)
		c.none(time.Minute)
	})
}

// TestGivenUp is RFC 3665 §3.8 through our own legs.
func TestGivenUp(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		req := a.invite("102", a.sdp)
		b.rings()
		a.status(180)
		cancel := sip.NewRequest(sip.CANCEL, req.RequestURI)
		for _, k := range []sip.Kind{sip.ViaKind, sip.MaxForwards, sip.From, sip.To, sip.CallID} {
			cancel.Set(k, req.Get(k))
		}
		cancel.Set(sip.CSeqKind, "10 CANCEL")
		a.send(cancel)
		a.status(200)
		a.refused(req, a.status(487))
		b.cancelled()
		b.none(time.Minute)
	})
}

// TestRefusals: what the callee says, as far as it concerns the caller, with its Q.850 code (RFC 3398 §8.2.6.1,
// RFC 6432); its challenges do not.
func TestRefusals(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		for _, c := range []struct {
			says, told int
			q850       string
		}{{486, 486, "Q.850;cause=17"}, {603, 603, "Q.850;cause=21"}, {404, 404, "Q.850;cause=1"}, {407, 403, "Q.850;cause=21"}, {401, 403, "Q.850;cause=21"}} {
			req := a.invite("102", a.sdp)
			b.req = b.want(sip.INVITE)
			b.reply(b.req, c.says, "", sip.Header{Kind: sip.ProxyAuthenticate, Value: `Digest realm="trap", nonce="1"`},
				sip.Header{Kind: sip.WWWAuthenticate, Value: `Digest realm="trap", nonce="1"`})
			if ack := b.want(sip.ACK); ack.Has(sip.ProxyAuthorization) || ack.Has(sip.Authorization) {
				t.Errorf("credentials in\n%s", ack)
			}
			res := a.status(c.told)
			a.refused(req, res)
			if res.Has(sip.ProxyAuthenticate) || res.Has(sip.WWWAuthenticate) || !strings.HasPrefix(res.Get(sip.ReasonKind), c.q850) {
				t.Errorf("%d became\n%s", c.says, res)
			}
		}
		b.none(time.Minute)
	})
}

// TestNoAnswer: nobody picks up.
func TestNoAnswer(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		req := a.invite("102", a.sdp)
		b.rings()
		a.status(180)
		b.cancelled()
		a.refused(req, a.status(480))
		a.none(time.Minute)
	})
}

// TestEarlyMedia: the callee speaks before it answers, and its 200 brings no description of its own.
func TestEarlyMedia(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		a.invite("102", a.sdp)
		b.req = b.want(sip.INVITE)
		b.reply(b.req, 183, b.sdp)
		if a.status(183).Body == "" {
			t.Error("183 without early media")
		}
		b.reply(b.req, 200, "")
		b.want(sip.ACK)
		a.answered("")
		a.leaves(b)
	})
}

// TestNoEarlyMedia: where early media is off on either side the caller's phone rings by itself, and what the callee
// described early still counts once it answers.
func TestNoEarlyMedia(t *testing.T) {
	for _, quiet := range []string{"101", "102"} {
		t.Run(quiet, func(t *testing.T) {
			play(t, func(w *world, x *exchange) {
				x.agent.cfg.Manners = func(p Peer) Manners {
					return Manners{Media: session.Profile{NoEarly: p.Account == quiet}}
				}
				a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
				listener, talker := w.ear("192.0.2.11"), w.ear("192.0.2.12")
				defer listener.close()
				defer talker.close()
				a.invite("102", a.sdp)
				b.req = b.want(sip.INVITE)
				b.reply(b.req, 183, b.sdp)
				if quiet == "101" {
					a.status(180)
				} else if res := a.status(183); res.Body != "" {
					t.Errorf("183 with %s", res.Body)
				}
				talker.talk(10000, 50)
				if n := listener.heard(); n != 0 {
					t.Errorf("%d packets before the answer", n)
				}
				b.reply(b.req, 200, "")
				b.want(sip.ACK)
				if res := a.answered(""); !strings.Contains(res.Body, "m=audio") {
					t.Errorf("200 without an answer:\n%s", res.Body)
				}
				a.leaves(b)
			})
		})
	}
}

// TestHold is RFC 3665 §3.7's change of a session as phones use it: hold and resume pass through.
func TestHold(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		talking(w, a, b)
		for _, dir := range [][2]string{{"sendonly", "recvonly"}, {"sendrecv", "sendrecv"}} {
			hold := a.asks(sip.INVITE, audio(a.addr, 4000, dir[0]))
			b.reply(b.want(sip.INVITE), 200, audio(b.addr, 4000, dir[1]))
			b.want(sip.ACK)
			if res := a.status(200); !strings.Contains(res.Body, "a="+dir[1]) {
				t.Errorf("%s was answered\n%s", dir[0], res.Body)
			}
			seq, _ := hold.CSeq()
			a.ack(seq.Seq, "")
		}
		b.leaves(a)
		w.house.Check(t)
	})
}

// TestLateOffer: neither the call nor a later re-INVITE makes an offer; the callee's passes to the
// caller in the 200, and the answer comes back in the ACKs (RFC 3261 §13.2.1).
func TestLateOffer(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		a.invite("102", "")
		if rang := b.rings(); rang.Body != "" {
			t.Errorf("B got an offer\n%s", rang)
		}
		a.status(180)
		b.reply(b.req, 200, b.sdp)
		if ok := a.answered(a.sdp); ok.Body == "" {
			t.Error("200 without offer")
		}
		if ack := b.want(sip.ACK); ack.Body == "" {
			t.Error("ACK without answer")
		}
		a.none(time.Second)
		again := a.asks(sip.INVITE, "")
		b.reply(b.want(sip.INVITE), 200, b.sdp)
		if ok := a.status(200); ok.Body == "" {
			t.Error("200 without offer")
		}
		seq, _ := again.CSeq()
		a.ack(seq.Seq, a.sdp)
		if ack := b.want(sip.ACK); ack.Body == "" {
			t.Error("ACK without answer")
		}
		a.leaves(b)
		w.house.Check(t)
	})
}

// TestLateOfferWithoutAnswer: the ACK brings no answer, which leaves nothing to talk with.
func TestLateOfferWithoutAnswer(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		a.invite("102", "")
		b.rings()
		a.status(180)
		b.reply(b.req, 200, b.sdp)
		a.answered("")
		a.reply(a.want(sip.BYE), 200, "")
		b.want(sip.ACK)
		b.reply(b.want(sip.BYE), 200, "")
		b.none(time.Minute)
	})
}

// TestGlare: both phones change the session at once, so that the changes pass each other between us and
// B. Each side of that leg refuses the other's; we own the leg's Call-ID and wait 2.1 to 4 s
// (RFC 3261 §14.1), and then A's change goes through.
func TestGlare(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		talking(w, a, b)
		hold := a.asks(sip.INVITE, audio(a.addr, 4000, "sendonly"))
		b.none(1500 * time.Microsecond) // the exchange's INVITE is on its way
		theirs := b.asks(sip.INVITE, audio(b.addr, 4000, "inactive"))
		b.reply(b.want(sip.INVITE), 491, "")
		for range 2 {
			if m := b.get(); m.Status == 491 {
				b.refused(theirs, m)
			} else if m.Method != sip.ACK {
				t.Errorf("B got\n%s", m)
			}
		}
		b.none(2 * time.Second)
		b.reply(b.want(sip.INVITE), 200, audio(b.addr, 4000, "recvonly"))
		b.want(sip.ACK)
		a.status(200)
		seq, _ := hold.CSeq()
		a.ack(seq.Seq, "")
		a.none(10 * time.Second)
		a.leaves(b)
		w.house.Check(t)
	})
}

// TestInfo crosses the call with its content, whatever it is but a key.
func TestInfo(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		talking(w, a, b)
		info := a.d.Request(sip.INFO)
		info.Prepend(sip.ViaKind, a.via())
		info.SetBody("application/media_control+xml", "<media_control/>")
		a.send(info)
		a.status(200)
		got := b.want(sip.INFO)
		b.reply(got, 200, "")
		if got.Get(sip.ContentType) != "application/media_control+xml" || got.Body != info.Body {
			t.Errorf("B got\n%s", got)
		}
	})
}

// TestText: a text message crosses a call in both directions, and is not taken for keys (RFC 3428 §7).
func TestText(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		talking(w, a, b)
		for _, side := range [][2]*phone{{a, b}, {b, a}} {
			from, to := side[0], side[1]
			text := from.d.Request(sip.MESSAGE)
			text.Prepend(sip.ViaKind, from.via())
			text.SetBody("text/plain;charset=UTF-8", "درود\r\nSignal=5")
			from.send(text)
			from.status(202)
			got := to.want(sip.MESSAGE)
			to.reply(got, 200, "")
			if got.Get(sip.ContentType) != "text/plain;charset=UTF-8" || got.Body != text.Body {
				t.Errorf("the other side got\n%s", got)
			}
		}
		text := a.d.Request(sip.MESSAGE)
		text.Prepend(sip.ViaKind, a.via())
		text.Body = "of no type"
		a.send(text)
		a.status(400)
	})
}

// TestLostACK: the caller never acknowledges; both sides get a BYE after 64·T1 (RFC 3261 §13.3.1.4).
func TestLostACK(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		a.invite("102", a.sdp)
		b.rings()
		a.status(180)
		b.picksUp()
		copies := 0
		for m := a.get(); ; m = a.get() {
			if m.Method == sip.BYE {
				a.reply(m, 200, "")
				break
			}
			copies++
		}
		if copies != 11 {
			t.Errorf("%d copies of the 200", copies)
		}
		b.reply(b.want(sip.BYE), 200, "")
		w.house.Check(t)
	})
}

// TestNoHops: a call that has been passed on too often.
func TestNoHops(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		req := a.invite("102", a.sdp, func(m *sip.Message) { m.Set(sip.MaxForwards, "0") })
		res := a.get()
		a.refused(req, res)
		if res.Status != 483 {
			t.Errorf("Max-Forwards 0: %d", res.Status)
		}
		w.silence()
		req = a.invite("102", a.sdp, func(m *sip.Message) { m.Set(sip.MaxForwards, "1") })
		if rang := b.rings(); rang.Get(sip.MaxForwards) != "0" {
			t.Errorf("Max-Forwards 1 became %q", rang.Get(sip.MaxForwards))
		}
		a.status(180)
		b.reply(b.req, 486, "")
		b.want(sip.ACK)
		a.refused(req, a.status(486))
	})
}
