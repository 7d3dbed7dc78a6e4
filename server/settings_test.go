package server

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"santral/media"
	"santral/media/codec"
	"santral/media/session"
	"santral/phone"
	"santral/sip"
	"santral/sip/siptest"
)

// setting is what media: says of a peer, and what that peer is told because of it: in what it is offered, and in what it
// is answered. A text that begins with - must not be there; 488 as an answer refuses the peer's offer.
type setting struct {
	media         string
	offer, answer []string
	offers        session.Profile // how the peer itself offers
	passes        []string        // what the other side is offered when the peer calls
	alone         bool            // the phones of this test refuse what they are offered
}

var settings = []setting{
	{media: "{}", offer: []string{" RTP/AVP 8 0 101\r\n", "-crypto", "-ice-", "-fingerprint", "-red/", "-a=ptime:40", "-CN/"}, answer: []string{" RTP/AVP 8 101\r\n"}},
	{media: "{codecs: [pcmu]}", offer: []string{" RTP/AVP 0 101\r\n", "-PCMA"}, answer: []string{" RTP/AVP 0 101\r\n", "-PCMA"}},
	{media: "{ptime: 40}", offer: []string{"a=ptime:40\r\n"}, answer: []string{"a=ptime:40\r\n"}},
	{media: "{digits: info}", offer: []string{"-telephone-event"}, answer: []string{"-telephone-event"}},
	{media: "{digits: inband}", offer: []string{"-telephone-event"}, answer: []string{"-telephone-event"}},
	{media: "{srtp: required}", offer: []string{" RTP/SAVP ", "a=crypto:"}, answer: []string{" RTP/SAVP ", "a=crypto:"}, offers: session.Profile{Secure: session.SecureRequired}},
	{media: "{srtp: required, digits: events}", offer: []string{" RTP/SAVP "}, answer: []string{"488"}}, // to what is in the clear
	{media: "{srtp: off}", offer: []string{" RTP/AVP ", "-crypto"}, answer: []string{"488"}, offers: session.Profile{Secure: session.SecureRequired}, alone: true},
	{media: "{srtp: required, keys: dtls}", offer: []string{" UDP/TLS/RTP/SAVP ", "a=fingerprint:", "-crypto"}, alone: true},
	{media: "{ice: true}", offer: []string{"a=ice-ufrag:", "a=rtcp-mux\r\n", "a=candidate:"}, alone: true},
	{media: "{lossy: true}", offer: []string{"a=ptime:40\r\n", " red/"}, answer: []string{"a=ptime:40\r\n", " red/"}, offers: session.Profile{Red: true}},
	{media: "{lossy: true, redundancy: false}", offer: []string{"a=ptime:40\r\n", "-red/"}, answer: []string{"-red/"}, offers: session.Profile{Red: true}},
	{media: "{redundancy: true}", offer: []string{" red/8000"}, answer: []string{" red/8000"}, offers: session.Profile{Red: true}},
	{media: "{comfort-noise: true}", offer: []string{" 13"}, answer: []string{" 13"}, offers: session.Profile{Noise: true}},
}

// check fails the test unless a description says what it should.
func (c *setting) check(t *testing.T, what, text string, want []string) {
	t.Helper()
	for _, s := range want {
		if rest, not := strings.CutPrefix(s, "-"); not && strings.Contains(text, rest) || !not && !strings.Contains(text, s) {
			t.Errorf("%s: %s should have %q:\n%s", c.media, what, s, text)
		}
	}
}

// TestSettingsOfAPhone: each key of an account's media: changes what its phone is offered when it is called, what it is
// offered by another exchange that took the call over, and what it is answered when it calls.
func TestSettingsOfAPhone(t *testing.T) {
	document := strings.Replace(company, "channels: 9", "channels: 99", 1)
	for i, c := range settings {
		document += fmt.Sprintf("  - {number: %q, password: a long secret, channels: 9, media: %s}\n", number(i), c.media)
	}
	withTrunks(t, func(w *stage, _ *siptest.Stage) {
		a := w.extension("101", "192.0.2.11")
		phones, calls := make([]*party, len(settings)), make([]*phone.Call, len(settings))
		for i := range settings {
			c := &settings[i]
			w.media = c.offers
			p := w.extension(number(i), fmt.Sprintf("192.0.2.%d", 100+i))
			phones[i] = p
			call := w.calls(a, number(i))
			if c.alone {
				w.wait(time.Second)
				c.check(t, "the offer", p.described(w), c.offer)
				call.Hangup()
				w.ended(call)
				continue
			}
			_, err := p.Answer(w.ctx)
			if err != nil {
				t.Fatalf("%s: %v", c.media, err)
			}
			_, err = call.Wait(w.ctx, phone.Talks)
			w.must(err)
			c.check(t, "the offer", p.described(w), c.offer)
			calls[i] = call
		}
		w.wait(time.Second) // until the last ACK has come
		w.handOver()
		for i, call := range calls {
			c, p := &settings[i], phones[i]
			if call != nil {
				before := len(p.descriptions(w))
				w.must(call.Hold(w.ctx))
				if len(p.descriptions(w)) == before {
					t.Errorf("%s: nothing is offered after the hand-over", c.media)
				}
				c.check(t, "the offer after the hand-over", p.described(w), c.later())
				call.Hangup()
				w.ended(call)
			}
			if c.answer == nil {
				continue
			}
			back := w.calls(p, "101")
			if slices.Contains(c.answer, "488") {
				e, err := back.Wait(w.ctx, phone.Over)
				w.must(err)
				if e.Cause.SIP != 488 {
					t.Errorf("%s: it calls and gets %d", c.media, e.Cause.SIP)
				}
				continue
			}
			_, err := a.Answer(w.ctx)
			w.must(err)
			_, err = back.Wait(w.ctx, phone.Talks)
			w.must(err)
			c.check(t, "the answer", p.described(w), c.answer)
			back.Hangup()
			w.ended(back)
		}
		w.free()
	}, document)
}

// later is what stands in an offer of the same session: codecs may have become one.
func (c *setting) later() (list []string) {
	for _, s := range c.offer {
		if !strings.Contains(s, "RTP/AVP ") {
			list = append(list, s)
		}
	}
	return list
}

func number(i int) string { return fmt.Sprint(200 + i) }

// described is the last description that a phone was sent.
func (p *party) described(w *stage) string {
	w.Helper()
	list := p.descriptions(w)
	if len(list) == 0 {
		w.Fatalf("the phone at %s was told nothing", p.Addr())
	}
	return list[len(list)-1].body
}

// TestSettingsOfATrunk is the same of trunks, with a carrier that has everything.
func TestSettingsOfATrunk(t *testing.T) {
	list := append([]setting{
		{media: "{video: true}", passes: []string{"m=video ", "-m=video 0 "}},
		{media: "{video: false}", passes: []string{"-m=video 2"}, answer: []string{"m=video 0 "}},
		{media: "{codecs: [g722, pcma]}", offer: []string{" RTP/AVP 8 9 101\r\n"}, answer: []string{" 8 "}},
	}, settings...)
	if _, ok := codec.Lookup(media.Format{Name: "opus", Rate: 48000, Channels: 2}); ok {
		list = append(list, setting{media: "{lossy: true, digits: info}", offer: []string{" opus/48000/2\r\n"}, answer: []string{" opus/48000/2\r\n", "maxaveragebitrate"}})
	}
	document := company + "trunks:\n"
	routes := "routes:\n"
	for i, c := range list {
		document += fmt.Sprintf("  - {name: t%d, mode: static, to: 198.51.100.%d, addresses: [198.51.100.%d], numbers: [{number: \"02122000%03d\", to: \"101\"}], media: %s}\n", i, 10+i, 10+i, i, c.media)
		routes += fmt.Sprintf("  - {prefix: \"04%02d\", trunks: [t%d]}\n", i, i)
	}
	withTrunks(t, func(w *stage, st *siptest.Stage) {
		a := w.extension("101", "192.0.2.11")
		for i := range list {
			c := &list[i]
			carrier := st.Phone(fmt.Sprintf("t%d", i), fmt.Sprintf("198.51.100.%d:5060", 10+i))
			call := w.calls(a, fmt.Sprintf("04%02d5", i))
			in := carrier.Want("INVITE")
			c.check(t, "the offer", in.Body, c.offer)
			carrier.Reply(in, "486 Busy Here")
			carrier.Want("ACK")
			w.ended(call)
			if c.answer != nil || c.passes != nil {
				w.answered(c, carrier, a, fmt.Sprintf("02122000%03d", i))
			}
			carrier.Close()
		}
		w.free()
	}, document+routes)
}

// answered has a carrier call with all that it has, and looks at what it is answered.
func (w *stage) answered(c *setting, carrier *siptest.Phone, a *party, number string) {
	w.Helper()
	lines := everything(carrier.Addr().Addr(), c.offers.Secure == session.SecureRequired)
	invite := carrier.Request(sip.INVITE, "sip:"+number+"@192.0.2.1", 1, lines)
	carrier.Send(exchange, invite)
	if slices.Contains(c.answer, "488") {
		carrier.Send(exchange, carrier.Ack(invite, carrier.Skip("488", "100", "180")))
		return
	}
	call, err := a.Answer(w.ctx)
	w.must(err)
	c.check(w.T, "what passes", a.described(w), c.passes)
	ok := carrier.Skip("200", "100", "180")
	carrier.Send(exchange, carrier.Ack(invite, ok))
	c.check(w.T, "the answer", ok.Body, c.answer)
	carrier.Send(exchange, carrier.Within(invite, ok, sip.BYE, 2))
	carrier.Want("200")
	w.ended(call)
}

// everything is a description of whom nothing is wanting.
func everything(at netip.Addr, secure bool) string {
	proto, key := "RTP/AVP", ""
	if secure {
		proto, key = "RTP/SAVP", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\n"
	}
	return fmt.Sprintf("Content-Type: application/sdp\n\nv=0\no=- 1 1 IN IP4 %[1]s\ns=-\nc=IN IP4 %[1]s\nt=0 0\n"+
		"m=audio 40000 %[2]s 8 0 9 111 13 121 122 101\n%[3]sa=rtpmap:111 opus/48000/2\na=rtpmap:121 red/8000\na=fmtp:121 8/8\na=rtpmap:122 red/48000/2\na=fmtp:122 111/111\na=rtpmap:101 telephone-event/8000\n"+
		"m=video 40002 %[2]s 96\n%[3]sa=rtpmap:96 H264/90000\n", at, proto, key)
}
