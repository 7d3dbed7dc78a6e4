package sipleg

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"santral/call"
	"santral/media/session"
	"santral/sip"
	"santral/sip/dialog"
)

// refer asks within the phone's dialog that the other side calls somebody.
func (p *phone) refer(to string, more ...func(*sip.Message)) *sip.Message {
	req := p.d.Request(sip.REFER)
	req.Prepend(sip.ViaKind, p.via())
	req.Set(sip.Contact, p.contact())
	req.Set(sip.ReferTo, to)
	for _, f := range more {
		f(req)
	}
	p.send(req)
	return req
}

// news waits for a NOTIFY that tells of a status, and takes it.
func (p *phone) news(status string) *sip.Message {
	p.w.Helper()
	m := p.want(sip.NOTIFY)
	if !strings.HasPrefix(m.Body, "SIP/2.0 "+status) {
		p.w.Fatalf("%s is told %q, want %s\n%s", p.number, m.Body, status, p.w.ladder.String())
	}
	p.reply(m, 200, "")
	return m
}

// changes answers a re-INVITE and waits for its ACK.
func (p *phone) changes() *sip.Message {
	p.w.Helper()
	req := p.want(sip.INVITE)
	p.reply(req, 200, p.sdp)
	p.want(sip.ACK)
	return req
}

// cast is A, B and C, of whom A and B talk; 104 is C's number.
func cast(w *world) (a, b, c *phone) {
	w.Helper()
	w.house.Account("104", 0, "sip:104@192.0.2.13:5060")
	a, b, c = w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102"), w.phone("192.0.2.13", "104")
	talking(w, a, b)
	return a, b, c
}

// TestRFC5589Blind is RFC 5589 §6.1: a basic transfer, as the exchange between all three lives it. The target
// is told who the transferee is and by whom it was sent; the transferor hears how it goes.
func TestRFC5589Blind(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b, c := cast(w)
		b.asks(sip.INVITE, audio(b.addr, 4000, "sendonly"))
		hold := a.want(sip.INVITE)
		a.reply(hold, 200, audio(a.addr, 4000, "recvonly"))
		a.want(sip.ACK)
		b.ack(b.d.LocalSeq, "")
		b.status(200)
		b.refer("<sip:104@192.0.2.1>", func(m *sip.Message) {
			m.Set(sip.ReferredBy, "<sip:1000@bank.example>;cid=1@bank.example") // what it says of itself goes no further
		})
		b.status(202)
		b.news("100")
		rang := c.rings()
		if by := rang.Get(sip.ReferredBy); !strings.Contains(by, "102@") || strings.Contains(rang.String(), "bank.example") {
			t.Errorf("the target is told\n%s", rang)
		}
		b.news("180")
		c.picksUp()
		a.changes()
		last := b.news("200")
		if state := last.Get(sip.SubscriptionState); state != "terminated;reason=noresource" {
			t.Errorf("Subscription-State %q", state)
		}
		b.asks(sip.BYE, "")
		b.status(200)
		a.none(time.Minute)
		a.leaves(c)
		b.none(time.Minute)
		w.house.Check(t)
	})
}

// TestRFC5589Refused is RFC 5589 §6.2: the target is busy, and the call is given back.
func TestRFC5589Refused(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b, c := cast(w)
		b.asks(sip.INVITE, audio(b.addr, 4000, "sendonly"))
		a.reply(a.want(sip.INVITE), 200, audio(a.addr, 4000, "recvonly"))
		a.want(sip.ACK)
		b.ack(b.d.LocalSeq, "")
		b.status(200)
		b.refer("<sip:104@192.0.2.1>")
		b.status(202)
		b.news("100")
		c.reply(c.want(sip.INVITE), 486, "")
		c.want(sip.ACK)
		b.news("486")
		b.asks(sip.INVITE, b.sdp) // it takes the call back
		a.changes()
		b.ack(b.d.LocalSeq, "")
		b.status(200)
		b.refer("<sip:999@192.0.2.1>")
		b.status(202)
		if event := b.news("100").Get(sip.Event); !strings.HasPrefix(event, "refer;id=") {
			t.Errorf("the second REFER's Event is %q", event) // RFC 3515 §2.4.6
		}
		b.news("404")
		b.none(2 * time.Second) // who hangs up at once is rung again
		b.leaves(a)
		c.none(time.Minute)
		w.house.Check(t)
	})
}

// TestTransferorLeavesAtOnce: a phone that hangs up with its REFER is rung again when nobody takes the call.
func TestTransferorLeavesAtOnce(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b, c := cast(w)
		b.refer("<sip:104@192.0.2.1>")
		b.status(202)
		b.news("100")
		b.asks(sip.BYE, "")
		b.status(200) // it is told nothing any more
		c.reply(c.want(sip.INVITE), 603, "")
		c.want(sip.ACK)
		b.d = nil
		b.rings()
		b.picksUp()
		a.changes()
		a.none(time.Second)
		b.leaves(a)
		w.house.Check(t)
	})
}

// consult has B hold A and call C; it gives both dialogs of B.
func consult(w *world, a, b, c *phone, answered bool) (first, second *dialog.Dialog) {
	w.Helper()
	first, b.d = b.d, nil
	b.invite("104", b.sdp)
	c.rings()
	ringing := b.status(180)
	if !answered {
		d, err := dialog.FromResponse(b.req, ringing)
		w.must(err)
		second, b.d = d, first
		return first, second
	}
	c.picksUp()
	b.answered("")
	second, b.d = b.d, first
	return first, second
}

// inPlaceOf is a Refer-To that names a dialog of the phone's own.
func inPlaceOf(d *dialog.Dialog, number string) string {
	r := sip.Replaces{CallID: d.CallID, ToTag: d.RemoteTag, FromTag: d.LocalTag}.String()
	return "<sip:" + number + "@192.0.2.1?Replaces=" + strings.NewReplacer("@", "%40", ";", "%3B", "=", "%3D").Replace(r) + "&Require=replaces>"
}

// TestRFC5589Attended is RFC 5589 §7.3: the transferee takes the transferor's place in its other call.
func TestRFC5589Attended(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b, c := cast(w)
		_, second := consult(w, a, b, c, true)
		b.none(time.Second)
		b.refer(inPlaceOf(second, "104"))
		b.status(202)
		bye := false
		for range 3 { // two NOTIFYs and the BYE of the call that was taken over
			m := b.get()
			bye = bye || m.Method == sip.BYE && m.CallID() == second.CallID
			b.reply(m, 200, "")
		}
		if !bye {
			t.Errorf("the replaced call got no BYE\n%s", w.ladder.String())
		}
		a.changes()
		c.changes()
		b.asks(sip.BYE, "")
		b.status(200)
		a.none(time.Minute)
		c.leaves(a)
		w.house.Check(t)
	})
}

// TestRFC5589SemiAttended is RFC 5589 §7.6: the target still rings.
func TestRFC5589SemiAttended(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b, c := cast(w)
		_, second := consult(w, a, b, c, false)
		ring := b.req
		b.refer(inPlaceOf(second, "104"))
		b.status(202)
		for range 3 { // 100, 180 and the end of the call that it had begun
			if m := b.get(); m.Method == sip.NOTIFY {
				b.reply(m, 200, "")
			} else {
				b.refused(ring, m)
			}
		}
		a.none(time.Second)
		c.picksUp()
		a.changes()
		b.news("200")
		b.asks(sip.BYE, "")
		b.status(200)
		a.leaves(c)
		w.house.Check(t)
	})
}

// TestNoReferSub is RFC 4488: nobody wants to be told.
func TestNoReferSub(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b, c := cast(w)
		b.refer("<sip:104@192.0.2.1>", func(m *sip.Message) { m.Set(sip.ReferSub, "false") })
		if res := b.status(200); res.Get(sip.ReferSub) != "false" {
			t.Errorf("Refer-Sub %q", res.Get(sip.ReferSub))
		}
		c.rings()
		c.picksUp()
		a.changes()
		b.reply(b.want(sip.BYE), 200, "") // it did not hang up
		a.leaves(c)
		w.house.Check(t)
	})
}

// TestReferSubscription: the subscription that a REFER made is refreshed, and ended, by SUBSCRIBE.
func TestReferSubscription(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b, c := cast(w)
		b.refer("<sip:104@192.0.2.1>")
		b.status(202)
		b.news("100")
		c.rings()
		b.news("180")
		subscribe := func(event, expires string) {
			req := b.d.Request(sip.SUBSCRIBE)
			req.Prepend(sip.ViaKind, b.via())
			req.Set(sip.Contact, b.contact())
			req.Set(sip.Event, event)
			req.Set(sip.Expires, expires)
			b.send(req)
		}
		subscribe("presence", "60")
		b.status(489)
		subscribe("refer;id=77", "60")
		b.status(481)
		subscribe("refer", "60")
		b.status(200)
		if state := b.news("180").Get(sip.SubscriptionState); state != "active;expires=60" {
			t.Errorf("Subscription-State %q", state)
		}
		subscribe("refer", "0")
		b.status(200)
		if state := b.news("180").Get(sip.SubscriptionState); state != "terminated;reason=timeout" {
			t.Errorf("Subscription-State %q", state)
		}
		c.picksUp()
		a.changes()
		b.reply(b.want(sip.BYE), 200, "")
		a.leaves(c)
		w.house.Check(t)
	})
}

// TestReferRefusals: what is no REFER that could be served.
func TestReferRefusals(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b, c := cast(w)
		for _, r := range []struct {
			to     string
			status int
		}{
			{"", 400}, {"<sip:104@192.0.2.1>, <sip:102@192.0.2.1>", 400}, {"not a URI", 400}, {"<http://www.example.com/>", 416}, {"<mailto:a@b>", 416},
			{"<sip:104@192.0.2.1;method=BYE>", 501}, {"<sip:104@192.0.2.1?Replaces=x>", 400},
			{"<sip:104@192.0.2.1?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2&Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2>", 400},
			{"<sip:104@192.0.2.1?" + strings.Repeat("a=b&", 20) + "a=b>", 400}, {"<sip:@192.0.2.1>", 400},
		} {
			b.refer(r.to)
			b.status(r.status)
		}
		b.refer("<sip:104@192.0.2.1?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2>") // a dialog of nobody
		b.status(202)
		b.news("100")
		b.news("481")
		b.leaves(a)
		c.none(time.Minute)
		w.house.Check(t)
	})
}

// outside sends a REFER in a dialog of its own that means one of the phone's calls, nil for none.
func (p *phone) outside(d *dialog.Dialog) {
	req := sip.NewRequest(sip.REFER, "sip:102@192.0.2.1")
	req.Set(sip.ViaKind, p.via())
	req.Set(sip.MaxForwards, "70")
	req.Set(sip.From, "<sip:"+p.number+"@192.0.2.1>;tag=refer"+strconv.Itoa(p.branch))
	req.Set(sip.To, "<sip:102@192.0.2.1>")
	req.Set(sip.CallID, "refer"+p.number+strconv.Itoa(p.branch))
	req.Set(sip.CSeqKind, "1 REFER")
	req.Set(sip.Contact, p.contact())
	req.Set(sip.ReferTo, "<sip:104@192.0.2.1>")
	if d != nil {
		req.Set(sip.TargetDialogKind, sip.TargetDialog{CallID: d.CallID, Local: d.LocalTag, Remote: d.RemoteTag}.String())
	}
	p.send(req)
}

// TestTargetDialog is RFC 4538 §8: a REFER in a dialog of its own, by which a phone means its call.
func TestTargetDialog(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b, c := cast(w)
		b.outside(nil)
		b.status(403)
		c.outside(b.d) // another account's call
		c.status(481)
		b.outside(b.d)
		b.status(202)
		if state := b.news("100").Get(sip.SubscriptionState); !strings.HasPrefix(state, "active") {
			t.Errorf("Subscription-State %q", state)
		}
		c.rings()
		b.news("180")
		c.picksUp()
		a.changes()
		b.news("200")
		b.reply(b.want(sip.BYE), 200, "")
		a.leaves(c)
		b.none(time.Second)
		w.house.Check(t)
		if n := x.ep.Stats().Usages; n != 0 {
			t.Errorf("%d dialogs are left", n)
		}
	})
}

// TestANumberThatRingsAnAccount: whom a number from outside rings is the account all the same, whose call it is.
func TestANumberThatRingsAnAccount(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		w.house.Phones("102", call.Target{URI: "sip:102@192.0.2.12:5060", Account: "102"})
		w.house.Number("9822000102", "102")
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		a.invite("9822000102", a.sdp)
		b.rings()
		a.status(180)
		b.picksUp()
		a.answered("")
		a.none(time.Second)
		b.outside(b.d)
		b.status(202)
		b.news("100")
		b.news("404") // 104 is not there
		a.leaves(b)
		w.house.Check(t)
	})
}

// TestRFC5359PickUp is RFC 5359 §2.14 (call pick-up): C takes a call that rings at B.
func TestRFC5359PickUp(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b, c := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102"), w.phone("192.0.2.13", "103")
		a.invite("102", a.sdp)
		rang := b.rings()
		a.status(180)
		of := sip.Replaces{CallID: rang.CallID(), ToTag: rang.FromTag(), FromTag: "tag102", Early: true}
		c.invite("102", c.sdp, func(m *sip.Message) {
			m.Set(sip.ReplacesKind, of.String())
			m.Set(sip.Require, "replaces")
		})
		c.answered("")
		c.changes()
		b.cancelled()
		if who := a.answered("").Get(sip.PAssertedIdentity); !strings.Contains(who, "103@") {
			t.Errorf("A is told that it has reached %q", who)
		}
		a.none(time.Second)
		c.leaves(a)
		b.none(time.Minute)
		w.house.Check(t)
	})
}

// TestReplacesRefusals: who may not, and what is not there (RFC 3891 §3).
func TestReplacesRefusals(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b, c := cast(w)
		c.number = "103"
		ask := func(value string, status int) {
			c.invite("102", c.sdp, func(m *sip.Message) { m.Set(sip.ReplacesKind, value) })
			res := c.status(status)
			c.refused(c.req, res)
		}
		of := sip.Replaces{CallID: a.d.CallID, ToTag: a.d.RemoteTag, FromTag: a.d.LocalTag}
		ask(of.String(), 403) // A's leg, and C has no right to it
		ask(of.CallID, 400)
		ask("nobody;to-tag=1;from-tag=2", 481)
		of = sip.Replaces{CallID: b.d.CallID, ToTag: b.d.RemoteTag, FromTag: b.d.LocalTag, Early: true}
		ask(of.String(), 486) // it may pick up B's, but that is answered
		b.leaves(a)
		w.house.Check(t)
	})
}

// TestProfilesAfterATransfer: who is sent on is still spoken with as is set for it, and so is whom it is sent to, whoever
// is on the other side now.
func TestProfilesAfterATransfer(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		x.agent.cfg.Manners = func(p Peer) Manners {
			return Manners{Media: map[string]session.Profile{
				"101": {Codecs: []string{"PCMU"}, Digits: session.DigitsInfo}, "104": {Codecs: []string{"PCMA"}, Ptime: 40},
			}[p.Account]}
		}
		a, b, c := cast(w)
		a.sdp = strings.NewReplacer(" 8 0 101", " 0", "a=rtpmap:8 PCMA/8000\r\n", "").Replace(a.sdp)
		b.refer("<sip:104@192.0.2.1>")
		b.status(202)
		b.news("100")
		rang := c.rings()
		b.news("180")
		c.picksUp()
		changed := a.changes()
		b.news("200")
		for _, told := range []struct{ who, body, want string }{{"A", changed.Body, " RTP/AVP 0\r\n"}, {"C", rang.Body, " RTP/AVP 8 101\r\n"}, {"C", rang.Body, "a=ptime:40\r\n"}} {
			if !strings.Contains(told.body, told.want) {
				t.Errorf("%s is told no %q:\n%s", told.who, told.want, told.body)
			}
		}
		b.asks(sip.BYE, "")
		b.status(200)
		a.leaves(c)
		w.house.Check(t)
	})
}
