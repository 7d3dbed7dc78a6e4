package sipleg

import (
	"testing"
	"time"

	"santral/sip"
)

// update sends an UPDATE of a phone's, which is a target refresh.
func (p *phone) update(body string) *sip.Message {
	req := p.d.Request(sip.UPDATE)
	req.Prepend(sip.ViaKind, p.via())
	req.Set(sip.Contact, p.contact())
	req.SetBody("application/sdp", body)
	p.send(req)
	return req
}

// TestUpdateEarly: both legs ring, both have descriptions, and what either changes passes through by UPDATE
// (RFC 3311 §5). The 200 says nothing of media any more, and nothing is amended after it.
func TestUpdateEarly(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		a.invite("102", a.sdp, knows("100rel"))
		b.req = b.want(sip.INVITE)
		b.rely(183, 1, b.sdp)
		b.reply(b.want(sip.PRACK), 200, "")
		a.prack(a.status(183), "")
		a.status(200)
		a.update(audio(a.addr, 4000, "sendonly"))
		up := b.want(sip.UPDATE)
		b.reply(up, 200, audio(b.addr, 4000, "recvonly"))
		if held := a.status(200); held.Body == "" {
			t.Error("the UPDATE was not answered")
		}
		b.begins()
		b.update(ulaw(b.addr, 4000))
		up = a.want(sip.UPDATE)
		a.reply(up, 200, ulaw(a.addr, 4000))
		b.status(200)
		b.reply(b.req, 200, "")
		b.want(sip.ACK)
		a.answered("")
		a.none(time.Second)
		b.none(time.Second)
		a.update("") // nobody else's affair
		a.status(200)
		a.update(a.sdp)
		change := b.want(sip.INVITE) // after the answer a change is a re-INVITE
		b.reply(change, 200, b.sdp)
		b.want(sip.ACK)
		a.status(200)
		a.leaves(b)
		a.none(time.Minute)
		w.house.Check(t)
	})
}

// TestUpdateNotYet: the caller can't be asked before our 200, so the callee is told to try again.
func TestUpdateNotYet(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		a.invite("102", a.sdp)
		b.req = b.want(sip.INVITE)
		b.rely(183, 1, b.sdp)
		b.reply(b.want(sip.PRACK), 200, "")
		a.status(183)
		b.begins()
		b.update(ulaw(b.addr, 4000))
		b.status(491)
		b.reply(b.req, 200, "")
		b.want(sip.ACK)
		a.answered("")
		a.none(time.Second)
		b.update(ulaw(b.addr, 4000))
		change := a.want(sip.INVITE)
		a.reply(change, 200, ulaw(a.addr, 4000))
		a.want(sip.ACK)
		b.status(200)
		a.leaves(b)
		w.house.Check(t)
	})
}

// TestKeptAlive: a re-INVITE that offers what holds already is answered at once and goes no further.
func TestKeptAlive(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		talking(w, a, b)
		again := a.asks(sip.INVITE, a.sdp)
		ok := a.status(200)
		seq, _ := again.CSeq()
		a.ack(seq.Seq, "")
		if ok.Body == "" {
			t.Error("answered without a description")
		}
		b.none(time.Minute)
		b.leaves(a)
	})
}

// TestAnotherAnswersEarly: while it still rings, the caller is told by UPDATE that another device's media is
// heard now.
func TestAnotherAnswersEarly(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b, c := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "103"), w.phone("192.0.2.13", "103")
		a.invite("103", a.sdp, knows("100rel"))
		b.req, c.req = b.want(sip.INVITE), c.want(sip.INVITE)
		b.reply(b.req, 183, b.sdp)
		a.prack(a.status(183), "")
		a.status(200)
		c.sdp = ulaw(c.addr, 4000)
		c.reply(c.req, 183, c.sdp)
		b.reply(b.req, 486, "")
		b.want(sip.ACK)
		a.status(183)
		up := a.want(sip.UPDATE)
		a.reply(up, 200, ulaw(a.addr, 4000))
		c.picksUp()
		a.answered("")
		a.none(time.Second)
		a.leaves(c)
		w.house.Check(t)
	})
}
