package sipleg

import (
	"testing"
	"time"

	"santral/sip"
)

// lasts has the exchange's calls live for half an hour without a refresh.
func (x *exchange) lasts() { x.agent.invite.Session = 30 * time.Minute }

// TestSessionTimers: each leg is refreshed for itself and nothing of it reaches the other (RFC 4028): the callee
// knows timers and UPDATE, the caller neither, and on the one that falls silent the call ends.
func TestSessionTimers(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		x.lasts()
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		a.invite("102", a.sdp)
		req := b.rings()
		if req.Get(sip.SessionExpiresKind) != "1800" || !req.HasToken(sip.Supported, "timer") {
			t.Errorf("B was asked by\n%s", req)
		}
		a.status(180)
		timer := []sip.Header{{Kind: sip.SessionExpiresKind, Value: "1800;refresher=uac"}, {Kind: sip.Require, Value: "timer"}, {Kind: sip.Allow, Value: "INVITE, ACK, BYE, CANCEL, UPDATE"}}
		b.reply(req, 200, b.sdp, timer...)
		b.want(sip.ACK)
		if ok := a.answered(""); ok.Get(sip.SessionExpiresKind) != "1800;refresher=uas" || ok.Has(sip.Require) {
			t.Errorf("A was answered by\n%s", ok)
		}
		a.none(899 * time.Second)
		b.reply(b.want(sip.UPDATE), 200, "", timer...)
		again := a.want(sip.INVITE)
		a.reply(again, 200, a.sdp)
		a.want(sip.ACK)
		a.none(899 * time.Second)
		b.want(sip.UPDATE) // B is gone
		a.reply(a.want(sip.INVITE), 200, a.sdp)
		a.want(sip.ACK)
		a.none(30 * time.Second)
		a.reply(a.want(sip.BYE), 200, "")
		w.house.Check(t)
	})
}

// TestTimerDemands: Require: timer is no reason to refuse, and a session that is too short is (RFC 4028 §9).
func TestTimerDemands(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		x.lasts()
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		brief := func(m *sip.Message) {
			m.Set(sip.Require, "timer")
			m.Set(sip.SessionExpiresKind, "30")
		}
		req := a.invite("102", a.sdp, brief)
		res := a.status(422)
		a.refused(req, res)
		if res.Get(sip.MinSE) != "90" {
			t.Errorf("refused by\n%s", res)
		}
		a.invite("102", a.sdp, func(m *sip.Message) {
			m.Set(sip.Require, "timer")
			m.Set(sip.SessionExpiresKind, "120;refresher=uac")
		})
		req = b.want(sip.INVITE)
		res = sip.NewResponse(req, 422, "")
		res.SetToTag("tag102")
		res.Set(sip.MinSE, "3600")
		b.send(res)
		b.want(sip.ACK)
		req = b.rings()
		if req.Get(sip.SessionExpiresKind) != "3600" || req.Get(sip.MinSE) != "3600" {
			t.Errorf("B was asked again by\n%s", req)
		}
		a.status(180)
		b.picksUp()
		if ok := a.answered(""); ok.Get(sip.SessionExpiresKind) != "120;refresher=uac" || ok.Get(sip.Require) != "timer" {
			t.Errorf("A was answered by\n%s", ok)
		}
		b.none(80 * time.Second)
		b.reply(b.want(sip.BYE), 200, "") // A has not refreshed
		a.reply(a.want(sip.BYE), 200, "")
		w.house.Check(t)
	})
}
