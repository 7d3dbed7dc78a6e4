package sipleg

import (
	"strconv"
	"testing"
	"time"

	"santral/sip"
)

// knows has a scripted phone say what it can.
func knows(tags string) func(*sip.Message) {
	return func(m *sip.Message) {
		m.Set(sip.Supported, tags)
		m.Set(sip.Allow, "INVITE, ACK, CANCEL, BYE, INFO, PRACK, UPDATE")
	}
}

// rely answers the INVITE that rings provisionally and reliably.
func (p *phone) rely(status int, rseq int, body string) {
	p.reply(p.req, status, body, sip.Header{Kind: sip.Require, Value: "100rel"},
		sip.Header{Kind: sip.RSeq, Value: strconv.Itoa(rseq)}, sip.Header{Kind: sip.Allow, Value: "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE"})
}

// prack acknowledges a reliable answer, and makes the phone's dialog where there is none yet.
func (p *phone) prack(res *sip.Message, body string) {
	p.w.Helper()
	p.ringing(res)
	req := p.d.Request(sip.PRACK)
	req.Prepend(sip.ViaKind, p.via())
	n, ok := res.RSeq()
	if !ok {
		p.w.Fatalf("%s can't acknowledge\n%s", p.number, res)
	}
	seq, _ := res.CSeq()
	req.Set(sip.RAckKind, sip.RAck{RSeq: n, Seq: seq.Seq, Method: sip.INVITE}.String())
	req.SetBody("application/sdp", body)
	p.send(req)
}

// TestReliableEachLeg is RFC 3262 on either side of a call, each leg for itself: the callee's 183 is sent
// reliably, its PRACK is lost once, and the caller's own PRACK is what lets the 200 go.
func TestReliableEachLeg(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		a.invite("102", a.sdp, knows("100rel"))
		b.req = b.want(sip.INVITE)
		b.rely(183, 1, b.sdp)
		b.want(sip.PRACK) // lost
		ack := b.want(sip.PRACK)
		b.reply(ack, 200, "")
		early := a.status(183)
		b.rely(180, 2, "")
		b.reply(b.want(sip.PRACK), 200, "")
		b.reply(b.req, 200, "")
		b.want(sip.ACK)
		a.status(183) // repeated: the PRACK has not come, so the 200 waits
		a.prack(early, "")
		a.status(200)
		if ok := a.answered(""); ok.Body != "" {
			t.Errorf("the 200 describes anew:\n%s", ok)
		}
		a.none(time.Second)
		a.leaves(b)
		a.none(time.Minute)
		w.house.Check(t)
	})
}

// TestReliableOneLeg: a caller that does not know it gets plain answers; the callee's are acknowledged
// all the same.
func TestReliableOneLeg(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		a.invite("102", a.sdp)
		b.req = b.want(sip.INVITE)
		b.rely(183, 7, b.sdp)
		b.reply(b.want(sip.PRACK), 200, "")
		if early := a.status(183); early.Has(sip.RSeq) || early.Body == "" {
			t.Errorf("A got\n%s", early)
		}
		b.reply(b.req, 200, "")
		b.want(sip.ACK)
		if ok := a.answered(""); ok.Body == "" {
			t.Error("the 200 answers nothing")
		}
		b.none(time.Second)
		b.leaves(a)
		w.house.Check(t)
	})
}

// TestLateOfferEarly: a caller without an offer that knows 100rel gets the callee's offer in the 183, and its
// PRACK answers it end to end (RFC 3262 §5).
func TestLateOfferEarly(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		a.invite("102", "", knows("100rel"))
		b.req = b.want(sip.INVITE)
		if b.req.Get(sip.Supported) == "" {
			t.Errorf("B was asked by\n%s", b.req)
		}
		b.rely(183, 7, b.sdp)
		early := a.status(183)
		a.prack(early, a.sdp)
		a.status(200)
		ack := b.want(sip.PRACK)
		if ack.Body == "" {
			t.Error("the PRACK answers nothing")
		}
		b.reply(ack, 200, "")
		b.reply(b.req, 200, "")
		b.want(sip.ACK)
		a.answered("")
		a.none(time.Second)
		a.leaves(b)
		w.house.Check(t)
	})
}

// TestLateOfferNotEarly: where the caller can't answer before the 200, the callee is not told that it might offer.
func TestLateOfferNotEarly(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		a.invite("102", "")
		b.req = b.want(sip.INVITE)
		if b.req.HasToken(sip.Supported, "100rel") {
			t.Errorf("B was asked by\n%s", b.req)
		}
		b.rely(183, 7, b.sdp) // all the same
		ack := b.want(sip.PRACK)
		if ack.Body == "" {
			t.Error("the PRACK answers nothing")
		}
		b.reply(ack, 200, "")
		a.status(183)
		b.reply(b.req, 486, "")
		b.want(sip.ACK)
		a.refused(a.req, a.status(486))
		a.none(time.Minute)
		w.house.Check(t)
	})
}

// TestAnotherAnswers: the caller has acknowledged one device's description, and another device answers with
// another codec: the caller is told by a re-INVITE once it has our 200 (RFC 6337 §3.1.1).
func TestAnotherAnswers(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b, c := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "103"), w.phone("192.0.2.13", "103")
		a.invite("103", a.sdp, func(m *sip.Message) { m.Set(sip.Supported, "100rel") })
		b.req = b.want(sip.INVITE)
		c.rings()
		b.rely(183, 1, b.sdp)
		b.reply(b.want(sip.PRACK), 200, "")
		a.status(180)
		a.prack(a.status(183), "")
		a.status(200)
		c.sdp = ulaw("192.0.2.13", 4000)
		c.picksUp()
		b.cancelled()
		a.answered("")
		change := a.want(sip.INVITE)
		if d := brief(change); d == "" {
			t.Error("nothing is offered")
		}
		a.reply(change, 200, ulaw("192.0.2.11", 4000))
		a.want(sip.ACK)
		a.none(time.Second)
		c.none(time.Second)
		a.leaves(c)
		w.house.Check(t)
	})
}

// ulaw describes a phone that speaks PCMU alone.
func ulaw(addr string, port int) string {
	return "v=0\r\no=- 1 2 IN IP4 " + addr + "\r\ns=-\r\nc=IN IP4 " + addr + "\r\nt=0 0\r\nm=audio " + strconv.Itoa(port) + " RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
}

// TestQueued: 181 and 182 cross to the caller, once each; 199 does not.
func TestQueued(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		a.invite("102", a.sdp)
		b.req = b.want(sip.INVITE)
		for _, status := range []int{181, 182, 182, 199, 180} {
			b.reply(b.req, status, "")
		}
		for _, status := range []int{181, 182, 180} {
			a.status(status)
		}
		b.reply(b.req, 486, "")
		b.want(sip.ACK)
		a.refused(a.req, a.status(486))
		a.none(time.Minute)
	})
}

// TestDemands: what a caller may demand, and what not (RFC 3261 §8.2.2.3).
func TestDemands(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a := w.phone("192.0.2.11", "101")
		req := a.invite("999", a.sdp, func(m *sip.Message) { m.Set(sip.Require, "100rel") })
		a.refused(req, a.status(404))
		req = a.invite("102", a.sdp, func(m *sip.Message) { m.Set(sip.Require, "100rel, precondition") })
		res := a.status(420)
		a.refused(req, res)
		if res.Get(sip.Unsupported) != "precondition" {
			t.Errorf("Unsupported: %q", res.Get(sip.Unsupported))
		}
	})
}
