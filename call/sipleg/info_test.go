package sipleg

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"santral/media/dtmf"
	"santral/media/mediatest"
	"santral/media/rtp"
	"santral/media/session"
	"santral/sip"
)

// TestInfoPackages: an INFO of a package crosses to a peer that listed it (RFC 6086 §5), and gets 469 otherwise;
// the old kind crosses as ever.
func TestInfoPackages(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		info := func(p *phone, pkg, body string) {
			req := p.d.Request(sip.INFO)
			req.Prepend(sip.ViaKind, p.via())
			if pkg != "" {
				req.Set(sip.InfoPackage, pkg)
			}
			req.SetBody("text/plain", body)
			p.send(req)
		}
		a.invite("102", a.sdp, func(m *sip.Message) { m.Set(sip.RecvInfo, "conf, alpha;x=1") })
		req := b.rings()
		if req.Get(sip.RecvInfo) != "conf, alpha" {
			t.Errorf("B was asked by\n%s", req)
		}
		a.status(180)
		b.reply(req, 200, b.sdp, sip.Header{Kind: sip.RecvInfo, Value: "alpha"})
		b.want(sip.ACK)
		if ok := a.answered(""); ok.Get(sip.RecvInfo) != "alpha" {
			t.Errorf("A was answered by\n%s", ok)
		}
		a.none(time.Second)
		info(a, "Alpha;p=2", "hello")
		a.status(200)
		got := b.want(sip.INFO)
		if got.Get(sip.InfoPackage) != "Alpha;p=2" || got.Body != "hello" || got.Get(sip.ContentDisposition) != "Info-Package" {
			t.Errorf("B got\n%s", got)
		}
		b.reply(got, 200, "")
		info(a, "conf", "B does not take it")
		if res := a.status(469); res.Get(sip.RecvInfo) != "alpha" {
			t.Errorf("A got\n%s", res)
		}
		info(b, "conf", "but A does")
		b.status(200)
		a.reply(a.want(sip.INFO), 200, "")
		info(a, "", "of the old kind")
		a.status(200)
		b.reply(b.want(sip.INFO), 200, "")
		a.leaves(b)
	})
}

// TestAWholePictureIsAskedFor: who asks in signalling for a whole picture has the other side's phone asked, in signalling
// too where it takes nothing else, and a flood of such wishes is one.
func TestAWholePictureIsAskedFor(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		a.sdp += "m=video 4002 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n"
		b.sdp += "m=video 4002 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n"
		talking(w, a, b)
		for range 5 {
			req := a.d.Request(sip.INFO)
			req.Prepend(sip.ViaKind, a.via())
			req.SetBody(mediaControl, "<media_control><vc_primitive><to_encoder><picture_fast_update></picture_fast_update></to_encoder></vc_primitive></media_control>")
			a.send(req)
			a.status(200)
		}
		got := b.want(sip.INFO)
		if !strings.Contains(got.Body, "picture_fast_update") || got.MediaType() != mediaControl {
			t.Errorf("B got\n%s", got)
		}
		b.reply(got, 200, "")
		b.none(time.Second)
		a.leaves(b)
	})
}

// TestNoInfoPackages: who lists none is sent none, and told so.
func TestNoInfoPackages(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		talking(w, a, b)
		req := a.d.Request(sip.INFO)
		req.Prepend(sip.ViaKind, a.via())
		req.Set(sip.InfoPackage, "alpha")
		a.send(req)
		if res := a.status(469); !res.Has(sip.RecvInfo) || res.Get(sip.RecvInfo) != "" {
			t.Errorf("A got\n%s", res)
		}
		b.none(time.Second)
	})
}

// TestPreconditions: who demands them is refused (RFC 3312 §9), and who only offers them gets a call without:
// their lines speak of one leg's reservations and do not cross.
func TestPreconditions(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		lines := "a=curr:qos e2e none\r\na=des:qos optional e2e sendrecv\r\na=conf:qos e2e recv\r\n"
		req := a.invite("102", a.sdp+lines, func(m *sip.Message) { m.Set(sip.Require, "precondition") })
		res := a.status(420)
		if res.Get(sip.Unsupported) != "precondition" {
			t.Errorf("refused by\n%s", res)
		}
		a.refused(req, res)
		a.invite("102", a.sdp+lines, func(m *sip.Message) { m.Set(sip.Supported, "precondition, 100rel") })
		got := b.rings()
		a.status(180)
		b.sdp += lines
		b.picksUp()
		ok := a.answered("")
		for _, m := range []*sip.Message{got, ok} {
			for _, line := range []string{"curr:", "des:", "conf:", "precondition"} {
				if strings.Contains(m.String(), line) {
					t.Errorf("%q crossed:\n%s", line, m)
				}
			}
		}
	})
}

// TestKeysByINFO: a key by INFO, in any of its spellings, reaches a peer that takes keys by INFO as one INFO with
// its duration; a hook-flash too, and nothing is said twice.
func TestKeysByINFO(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		x.agent.cfg.Manners = func(Peer) Manners { return Manners{Media: session.Profile{Digits: session.DigitsInfo}} }
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		talking(w, a, b)
		for _, c := range []struct{ kind, body, want string }{
			{"application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "Signal=5\r\nDuration=160\r\n"},
			{"application/dtmf-relay", "Signal= 11\r\nDuration= 250", "Signal=#\r\nDuration=250\r\n"},
			{"application/dtmf", "A", "Signal=A\r\nDuration=160\r\n"},
			{"application/hook-flash", "signal=hf", "Signal=16\r\nDuration=160\r\n"},
		} {
			info := a.d.Request(sip.INFO)
			info.Prepend(sip.ViaKind, a.via())
			info.SetBody(c.kind, c.body)
			a.send(info)
			a.status(200)
			got := b.want(sip.INFO)
			b.reply(got, 200, "")
			if got.Get(sip.ContentType) != "application/dtmf-relay" || got.Body != c.want {
				t.Errorf("B got\n%s", got)
			}
			b.none(2 * time.Second)
		}
		a.leaves(b)
	})
}

// TestKeysThroughACall: a key by INFO reaches a phone that takes telephone events as one event in its media, as long as it
// was, and one that it presses itself passes with the media and is not sent again.
func TestKeysThroughACall(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		talking(w, a, b)
		ears := map[*phone]*mediatest.Phone{}
		for _, p := range []*phone{a, b} {
			ears[p] = mediatest.NewPhone(w.T, w.host(p.addr), netip.AddrPortFrom(netip.MustParseAddr(p.addr), 4000))
			defer ears[p].Close()
		}
		heard := func(p *phone) (keys []dtmf.Heard) {
			var h dtmf.Hearing
			for _, m := range ears[p].Heard() {
				if m.Header.Payload == 101 {
					keys = h.Hear(keys, m.Header.Timestamp, 8000, m.Data[m.Header.Begin:m.Header.End])
				}
			}
			ears[p].Forget()
			return h.Lapse(keys)
		}
		info := a.d.Request(sip.INFO)
		info.Prepend(sip.ViaKind, a.via())
		info.SetBody("application/dtmf-relay", "Signal=5\r\nDuration=200\r\n")
		a.send(info)
		a.status(200)
		b.none(2 * time.Second)
		var to netip.AddrPort // where B hears A from
		for _, m := range ears[b].Heard() {
			to = m.From
		}
		if keys := heard(b); len(keys) != 1 || keys[0].Key != '5' || keys[0].Long != 200*time.Millisecond {
			t.Errorf("B heard %+v", keys)
		}
		press, _ := dtmf.NewPress('7', 100*time.Millisecond, 8000)
		for at := ears[b].Stamp; ; {
			p, ok := press.Next(160)
			if !ok {
				break
			}
			h := rtp.Header{Payload: 101, Marker: p.Marker, Seq: ears[b].Seq, Timestamp: at, SSRC: ears[b].SSRC}
			ears[b].Seq++
			ears[b].Send(to, append(rtp.AppendHeader(nil, h), p.Payload[:]...))
			mediatest.Wait(20 * time.Millisecond)
		}
		a.none(2 * time.Second)
		if keys := heard(a); len(keys) != 1 || keys[0].Key != '7' || keys[0].Long != 100*time.Millisecond {
			t.Errorf("A heard %+v", keys)
		}
		a.leaves(b)
	})
}
