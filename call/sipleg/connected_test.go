package sipleg

import (
	"strings"
	"testing"
	"time"

	"santral/sip"
)

// says sends a request within a phone's dialog with further header fields.
func (p *phone) says(method sip.Method, headers ...sip.Header) *sip.Message {
	req := p.d.Request(method)
	req.Prepend(sip.ViaKind, p.via())
	if method == sip.INVITE || method == sip.UPDATE {
		req.Set(sip.Contact, p.contact())
	}
	for _, h := range headers {
		req.Set(h.Kind, h.Value)
	}
	p.send(req)
	return req
}

// TestConnectedIdentity: behind a trusted trunk somebody else takes the call, and the phone on the other side is told: by
// UPDATE where it serves that, by a re-INVITE of the same description where it does not, and by From where it
// understands one that changes (RFC 4916 §4.4).
func TestConnectedIdentity(t *testing.T) {
	trusting(t, func(w *world, x *exchange, h *trunked) {
		a, f := w.phone("192.0.2.11", "101"), w.phone("192.0.2.21", "221")
		for _, c := range []struct {
			allow, supported string
			method           sip.Method
		}{{"INVITE, ACK, BYE, CANCEL, UPDATE", "from-change", sip.UPDATE}, {"INVITE, ACK, BYE, CANCEL, UPDATE", "", sip.UPDATE}, {"INVITE, ACK, BYE, CANCEL", "", sip.INVITE}} {
			a.invite("221", a.sdp, func(m *sip.Message) {
				m.Set(sip.Allow, c.allow)
				m.Set(sip.Supported, c.supported)
			})
			f.rings()
			a.status(180)
			f.picksUp()
			before := a.answered("")
			if !before.HasToken(sip.Supported, "from-change") {
				t.Errorf("our Supported is %q", before.Get(sip.Supported))
			}
			a.none(time.Second)
			f.says(sip.UPDATE, sip.Header{Kind: sip.PAssertedIdentity, Value: `"Ali" <sip:+98912@carrier.example>`})
			f.status(200)
			got := a.want(c.method)
			if got.Get(sip.PAssertedIdentity) != `"Ali" <sip:+98912@192.0.2.1>` {
				t.Errorf("A is told\n%s", got)
			}
			from, _, _ := strings.Cut(got.Get(sip.From), ";tag=")
			if changed := from == `"Ali" <sip:+98912@192.0.2.1>`; changed != (c.supported != "") {
				t.Errorf("From is %s", from)
			}
			if c.method == sip.INVITE {
				if got.Body != before.Body {
					t.Errorf("the session changes from\n%s\nto\n%s", before.Body, got.Body)
				}
				a.reply(got, 200, a.sdp)
				a.want(sip.ACK)
			} else {
				a.reply(got, 200, "")
			}
			f.says(sip.UPDATE, sip.Header{Kind: sip.PAssertedIdentity, Value: `"Ali" <sip:+98912@carrier.example>`}) // nothing new
			f.status(200)
			a.none(time.Second)
			f.none(time.Second)
			f.says(sip.BYE)
			bye := a.want(sip.BYE)
			if tag := bye.FromTag(); tag != got.FromTag() || (c.supported != "") != strings.HasPrefix(bye.Get(sip.From), `"Ali"`) {
				t.Errorf("the BYE is from %s", bye.Get(sip.From))
			}
			a.reply(bye, 200, "")
			f.status(200)
			a.d, f.d = nil, nil
		}
	})
}

// TestConnectedByFrom: a trusted trunk changes its From; an account that does is not believed.
func TestConnectedByFrom(t *testing.T) {
	trusting(t, func(w *world, x *exchange, h *trunked) {
		w.silence()
		a, b, f := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102"), w.phone("192.0.2.21", "221")
		for _, callee := range []*phone{f, b} {
			a.invite(callee.number, a.sdp, func(m *sip.Message) { m.Set(sip.Allow, "INVITE, ACK, BYE, CANCEL, UPDATE") })
			callee.rings()
			a.status(180)
			callee.picksUp()
			a.answered("")
			a.none(time.Second)
			callee.d.Local = `"Bank" <sip:1000@bank.example>;tag=` + callee.d.LocalTag
			callee.says(sip.UPDATE, sip.Header{Kind: sip.PAssertedIdentity, Value: map[bool]string{true: "<sip:1000@bank.example>"}[callee == b]})
			callee.status(200)
			if callee == b {
				a.none(time.Second)
			} else {
				got := a.want(sip.UPDATE)
				if got.Get(sip.PAssertedIdentity) != `"Bank" <sip:1000@192.0.2.1>` {
					t.Errorf("A is told\n%s", got)
				}
				a.reply(got, 200, "")
			}
			a.asks(sip.BYE, "")
			a.status(200)
			bye := callee.want(sip.BYE)
			if to := bye.Get(sip.To); !strings.HasPrefix(to, `"Bank"`) { // RFC 4916 §4.4.2
				t.Errorf("the BYE is to %s", to)
			}
			callee.reply(bye, 200, "")
			a.d, callee.d = nil, nil
		}
	})
}

// TestConnectedWithheld: who is withheld now takes the place of whom the phone showed before, and a stranger's
// trunk is told nothing.
func TestConnectedWithheld(t *testing.T) {
	trusting(t, func(w *world, x *exchange, h *trunked) {
		w.silence()
		a, s, f := w.phone("192.0.2.11", "101"), w.phone("192.0.2.22", "stranger"), w.phone("192.0.2.21", "221")
		for _, caller := range []*phone{a, s} {
			caller.invite("221", caller.sdp, func(m *sip.Message) { m.Set(sip.Allow, "INVITE, ACK, BYE, CANCEL, UPDATE") })
			f.rings()
			caller.status(180)
			f.picksUp()
			caller.answered("")
			caller.none(time.Second)
			f.says(sip.UPDATE, sip.Header{Kind: sip.PAssertedIdentity, Value: `"Ali" <sip:+98912@carrier.example>`}, sip.Header{Kind: sip.Privacy, Value: "id"})
			f.status(200)
			if caller == s {
				caller.none(time.Second)
			} else {
				got := caller.want(sip.UPDATE)
				if got.Get(sip.PAssertedIdentity) != `"Anonymous" <sip:anonymous@anonymous.invalid>` || strings.Contains(got.String(), "98912") {
					t.Errorf("A is told\n%s", got)
				}
				caller.reply(got, 200, "")
			}
			caller.leaves(f)
			caller.d, f.d = nil, nil
		}
	})
}

// TestWithheldCalleeIsSentOn: an account that is withheld from whom it calls is so when it is sent on, too; who
// called it knows it.
func TestWithheldCalleeIsSentOn(t *testing.T) {
	trusting(t, func(w *world, x *exchange, h *trunked) {
		w.silence()
		h.manners[""] = Manners{Withhold: true}
		a, b, c := cast(w)
		a.refer("<sip:104@192.0.2.1>")
		a.status(202)
		a.news("100")
		if rang := c.rings(); !strings.Contains(rang.Get(sip.From), "anonymous@") || strings.Contains(rang.String(), "102@192.0.2.1") || strings.Contains(rang.String(), "101@192.0.2.1") {
			t.Errorf("104 is told who was sent to it, or by whom\n%s", rang)
		}
		a.news("180")
		c.picksUp()
		b.changes()
		a.news("200")
		a.asks(sip.BYE, "")
		a.status(200)
		b.leaves(c)
		w.house.Check(t)
	})
}
