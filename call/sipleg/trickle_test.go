package sipleg

import (
	"testing"
	"time"

	"santral/media/ice"
	"santral/sip"
)

// TestTrickle: late candidates are a matter of one leg (RFC 8840 §10). Who lists their package is told that it may send
// them, the other side hears nothing of either, and other packages cross as ever.
func TestTrickle(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		a.invite("102", a.sdp, func(m *sip.Message) { m.Set(sip.RecvInfo, "trickle-ice, alpha") })
		req := b.rings()
		if req.Get(sip.RecvInfo) != "alpha" {
			t.Errorf("B was asked by\n%s", req)
		}
		a.status(180)
		b.reply(req, 200, b.sdp, sip.Header{Kind: sip.RecvInfo, Value: "alpha"})
		b.want(sip.ACK)
		if ok := a.answered(""); ok.Get(sip.RecvInfo) != "alpha, trickle-ice" {
			t.Errorf("A was answered by\n%s", ok)
		}
		for _, body := range []string{ice.Fragment{Mid: "0", End: true}.String(), "rubbish"} {
			info := a.d.Request(sip.INFO)
			info.Prepend(sip.ViaKind, a.via())
			info.Set(sip.InfoPackage, "trickle-ice")
			info.SetBody(ice.FragmentType, body)
			a.send(info)
			a.status(200)
		}
		b.none(time.Second)
		info := b.d.Request(sip.INFO) // who did not list it may not send it
		info.Prepend(sip.ViaKind, b.via())
		info.Set(sip.InfoPackage, "trickle-ice")
		b.send(info)
		b.status(469)
		a.none(time.Second)
		a.leaves(b)
	})
}
