package sipleg

import (
	"strings"
	"testing"
	"time"

	"santral/sip"
)

// The flows of RFC 3665 §3 and RFC 3666 §2 and §3 as a back-to-back user agent lives them: two dialogs where
// a proxy would have one. The number in a test's name is the section.

// flow is a phone that calls, and one that is called.
func flow(t *testing.T, f func(w *world, a, b *phone)) {
	t.Helper()
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		f(w, a, b)
		a.none(40 * time.Second)
		b.none(time.Second)
		w.house.Check(t)
	})
}

// TestRFC3665Section31: a session is set up and ended.
func TestRFC3665Section31(t *testing.T) {
	flow(t, func(w *world, a, b *phone) {
		talking(w, a, b)
		b.leaves(a)
	})
}

// TestRFC3665Section32: the same behind two proxies that stay in the path, which each side finds in its own
// dialog and the other never sees.
func TestRFC3665Section32(t *testing.T) {
	flow(t, func(w *world, a, b *phone) {
		a.invite("102", a.sdp, func(m *sip.Message) {
			m.Add(sip.RecordRoute, "<sip:192.0.2.11;lr;ss1>")
		})
		req := b.rings()
		if strings.Contains(req.String(), "ss1") {
			t.Errorf("a route of A's reaches B:\n%s", req)
		}
		a.status(180)
		b.reply(req, 200, b.sdp, sip.Header{Kind: sip.RecordRoute, Value: "<sip:192.0.2.12;lr;ss2>"})
		if ack := b.want(sip.ACK); ack.Get(sip.Route) != "<sip:192.0.2.12;lr;ss2>" {
			t.Errorf("the ACK has Route %q", ack.Get(sip.Route))
		}
		if ok := a.answered(""); ok.Get(sip.RecordRoute) != "<sip:192.0.2.11;lr;ss1>" {
			t.Errorf("A is answered with %q", ok.Get(sip.RecordRoute))
		}
		a.none(time.Second)
		b.asks(sip.BYE, "")
		bye := a.want(sip.BYE)
		if bye.Get(sip.Route) != "<sip:192.0.2.11;lr;ss1>" {
			t.Errorf("the BYE has Route %q", bye.Get(sip.Route))
		}
		a.reply(bye, 200, "")
		b.status(200)
	})
}

// TestRFC3665Section36: the offer comes in the 200 and its answer in the ACK. The redirection before it is
// not followed by us (see TestRFC3665Redirected).
func TestRFC3665Section36(t *testing.T) {
	flow(t, func(w *world, a, b *phone) {
		a.invite("102", "")
		b.rings()
		a.status(180)
		b.reply(b.req, 200, b.sdp)
		a.answered(a.sdp)
		if ack := b.want(sip.ACK); ack.Body == "" {
			t.Error("the ACK answers nothing")
		}
		a.none(time.Second)
		a.leaves(b)
	})
}

// TestRFC3665Redirected: a callee that sends callers elsewhere is not believed: the caller hears that nobody is
// there, and no contact of the 302.
func TestRFC3665Redirected(t *testing.T) {
	flow(t, func(w *world, a, b *phone) {
		a.invite("102", a.sdp)
		b.req = b.want(sip.INVITE)
		b.reply(b.req, 302, "", sip.Header{Kind: sip.Contact, Value: "<sip:premium@203.0.113.99>"})
		b.want(sip.ACK)
		res := a.status(480)
		a.refused(a.req, res)
		if strings.Contains(res.String(), "203.0.113.99") {
			t.Errorf("A is told\n%s", res)
		}
	})
}

// TestRFC3665Section37: a phone moves to another address by a re-INVITE.
func TestRFC3665Section37(t *testing.T) {
	flow(t, func(w *world, a, b *phone) {
		talking(w, a, b)
		change := a.asks(sip.INVITE, audio("192.0.2.111", 4000, "sendrecv"))
		b.reply(b.want(sip.INVITE), 200, b.sdp)
		b.want(sip.ACK)
		a.status(200)
		seq, _ := change.CSeq()
		a.ack(seq.Seq, "")
		a.none(time.Second)
		a.leaves(b)
	})
}

// TestRFC3665Section38: nobody answers, and the caller gives up.
func TestRFC3665Section38(t *testing.T) {
	flow(t, func(w *world, a, b *phone) {
		a.invite("102", a.sdp)
		b.rings()
		a.status(180)
		a.cancels()
		b.cancelled()
	})
}

// TestRFC3665Section39: the callee is busy.
func TestRFC3665Section39(t *testing.T) {
	flow(t, func(w *world, a, b *phone) {
		a.invite("102", a.sdp)
		b.req = b.want(sip.INVITE)
		b.reply(b.req, 486, "")
		b.want(sip.ACK)
		a.refused(a.req, a.status(486))
	})
}

// TestRFC3665Section310: the callee's phone says nothing at all.
func TestRFC3665Section310(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a := w.phone("192.0.2.11", "101")
		w.phone("192.0.2.12", "102")
		a.invite("102", a.sdp)
		res := a.get()
		if res.Status != 408 && res.Status != 480 {
			t.Errorf("A got\n%s", res)
		}
		a.refused(a.req, res)
		a.none(time.Second)
		w.house.Check(t)
	})
}

// TestRFC3665Section311: the callee is temporarily unavailable, and says when it will be back.
func TestRFC3665Section311(t *testing.T) {
	flow(t, func(w *world, a, b *phone) {
		a.invite("102", a.sdp)
		b.rings()
		a.status(180)
		b.reply(b.req, 480, "", sip.Header{Kind: sip.RetryAfter, Value: "3600"})
		b.want(sip.ACK)
		a.refused(a.req, a.status(480))
	})
}

// TestRFC3666Section21: a gateway lets the caller hear the far exchange before the answer.
func TestRFC3666Section21(t *testing.T) {
	flow(t, func(w *world, a, b *phone) {
		a.invite("102", a.sdp)
		b.req = b.want(sip.INVITE)
		b.reply(b.req, 183, b.sdp)
		if early := a.status(183); early.Body == "" {
			t.Error("nothing is to be heard")
		}
		b.reply(b.req, 200, b.sdp)
		b.want(sip.ACK)
		a.answered("")
		a.none(time.Second)
		a.leaves(b)
	})
}

// TestRFC3666Section24: an announcement instead of an answer; the caller hangs up on it.
func TestRFC3666Section24(t *testing.T) {
	flow(t, func(w *world, a, b *phone) {
		a.invite("102", a.sdp)
		b.req = b.want(sip.INVITE)
		b.reply(b.req, 183, b.sdp)
		a.status(183)
		a.cancels()
		b.cancelled()
	})
}

// TestRFC3666Section25: the telephone network releases the call, and its cause reaches the caller
// (RFC 3398 §7.2.4.1, RFC 6432).
func TestRFC3666Section25(t *testing.T) {
	flow(t, func(w *world, a, b *phone) {
		a.invite("102", a.sdp)
		b.req = b.want(sip.INVITE)
		b.reply(b.req, 404, "", sip.Header{Kind: sip.ReasonKind, Value: `Q.850;cause=1;text="Unallocated number"`})
		b.want(sip.ACK)
		res := a.status(404)
		a.refused(a.req, res)
		if !strings.Contains(res.Get(sip.ReasonKind), "Q.850;cause=1") {
			t.Errorf("Reason %q", res.Get(sip.ReasonKind))
		}
	})
}

// TestRFC3666Section26: the far end rings until we have waited long enough.
func TestRFC3666Section26(t *testing.T) {
	flow(t, func(w *world, a, b *phone) {
		a.invite("102", a.sdp)
		b.req = b.want(sip.INVITE)
		b.reply(b.req, 183, b.sdp)
		a.status(183)
		a.refused(a.req, a.status(480))
		b.cancelled()
	})
}

// TestRFC3666Section31: a gateway calls a phone, with what it needs of 100rel (RFC 3262), and releases the call.
func TestRFC3666Section31(t *testing.T) {
	flow(t, func(w *world, a, b *phone) {
		a.invite("102", a.sdp, knows("100rel"))
		b.rings()
		a.status(180)
		b.picksUp()
		a.answered("")
		a.none(time.Second)
		bye := a.d.Request(sip.BYE)
		bye.Prepend(sip.ViaKind, a.via())
		bye.Set(sip.ReasonKind, `Q.850;cause=16;text="Normal call clearing"`)
		a.send(bye)
		b.reply(b.want(sip.BYE), 200, "")
		a.status(200)
	})
}
