package session_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"santral/media/mediatest"
	"santral/media/rtp"
	"santral/media/sdp"
	"santral/media/session"
	"santral/media/srtp"
)

// secret is a phone whose packets are protected by keys of descriptions (RFC 4568).
type secret struct {
	*mediatest.Phone
	t   *testing.T
	key srtp.Key
	in  *srtp.Opener
	out *srtp.Sealer
}

func newSecret(t *testing.T, p *mediatest.Phone, suite srtp.Suite, tag int) *secret {
	s := &secret{Phone: p, t: t}
	s.rekey(suite, tag)
	return s
}

func (s *secret) rekey(suite srtp.Suite, tag int) {
	s.key = got(srtp.NewKey(suite, tag, rand.Reader))(s.t)
	s.out = got(srtp.NewSealer(s.key))(s.t)
}

// attr is the phone's key as its description has it.
func (s *secret) attr() string { return "crypto:" + s.key.Crypto() }

// hears takes the key of what the phone is told.
func (s *secret) hears(d *sdp.Description) srtp.Key {
	s.t.Helper()
	for _, a := range d.Media[0].Attrs {
		if a.Name != "crypto" {
			continue
		}
		k := got(srtp.ParseCrypto(a.Value))(s.t)
		if k.Suite == s.key.Suite && k.Tag == s.key.Tag {
			s.in = got(srtp.NewOpener(k))(s.t)
			return k
		}
	}
	s.t.Fatalf("no key for the phone in\n%s", d)
	return srtp.Key{}
}

// say sends the phone's next packet, sealed.
func (s *secret) say(to netip.AddrPort) { s.Send(to, got(s.out.Seal(nil, s.Next()))(s.t)) }

// opened counts what the phone has heard of another and could open.
func (s *secret) opened(ssrc uint32) (n int) {
	for _, p := range s.Heard() {
		b, err := s.in.Open(append([]byte(nil), p.Data...))
		if err != nil {
			s.t.Errorf("a packet does not open: %v", err)
			continue
		}
		if h, ok := rtp.Parse(b); ok && h.SSRC == ssrc {
			n++
		}
	}
	s.Forget()
	return n
}

// over writes an everyday description with another protocol.
func over(t *testing.T, proto string, at netip.AddrPort, attrs ...string) *sdp.Description {
	d := mediatest.Offer(t, at, attrs...)
	d.Media[0].Proto = proto
	return d
}

// A phone with keys speaks with one without: each leg has its own, and neither hears of the other's.
func TestKeysToPlain(t *testing.T) {
	for _, suite := range srtp.Offered() {
		synctest.Test(t, func(t *testing.T) {
			c := newCall(t)
			a := newSecret(t, c.a, suite, 3)
			toB, toA := c.agree(over(t, "RTP/SAVP", aAddr, "crypto:1 UNHEARD_OF inline:AAAA", a.attr()), mediatest.Offer(t, bAddr))
			if text := toB.String(); strings.Contains(text, "crypto") || strings.Contains(text, "SAVP") {
				t.Errorf("b is told\n%s", text)
			}
			a.hears(toA)
			c.toA, c.toB = mediatest.To(t, toA), mediatest.To(t, toB)
			c.sa.Join(c.sb)
			mediatest.Talk(20, func() { a.say(c.toA) }, func() { c.b.Say(c.toB) })
			if n, m := a.opened(c.b.SSRC), c.b.HeardOf(a.SSRC); n != 20 || m != 20 {
				t.Errorf("%s: a heard %d, b %d", suite, n, m)
			}
			c.a.Say(c.toA) // in the clear
			synctest.Wait()
			if m := c.b.HeardOf(a.SSRC); m != 20 {
				t.Errorf("%s: a packet in the clear has passed", suite)
			}
		})
	}
}

// A peer that must be secure is offered keys and nothing else.
func TestKeysRequired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		c.sb = session.New(c.cfg, bAddr.Addr(), session.Profile{Secure: session.SecureRequired})
		check(t, c.sa.SetRemote(mediatest.Offer(t, aAddr)))
		toB := got(c.sb.RelayLocal(mediatest.Offer(t, aAddr), false))(t)
		if toB.Media[0].Proto != "RTP/SAVP" || strings.Count(toB.String(), "a=crypto:") != len(srtp.Offered()) {
			t.Fatalf("b is offered\n%s", toB)
		}
		again := got(c.sb.RelayLocal(mediatest.Offer(t, aAddr), false))(t)
		if again.String() != toB.String() {
			t.Errorf("the same offer again has become\n%s", again)
		}
		if err := c.sb.SetAnswer(over(t, "RTP/SAVP", bAddr)); err == nil {
			t.Error("an answer without a key was taken")
		}
		b := newSecret(t, c.b, srtp.AES128CM80, 3)
		if err := c.sb.SetAnswer(over(t, "RTP/AVP", bAddr, b.attr())); err == nil {
			t.Error("an answer over a plain profile was taken")
		}
		check(t, c.sb.SetAnswer(over(t, "RTP/SAVP", bAddr, b.attr())))
		ours := b.hears(toB)
		toA := got(c.sa.RelayLocal(over(t, "RTP/SAVP", bAddr, b.attr()), true))(t)
		if text := toA.String(); strings.Contains(text, "crypto") || toA.Media[0].Proto != "RTP/AVP" {
			t.Errorf("a is told\n%s", text)
		}
		c.toA, c.toB = mediatest.To(t, toA), mediatest.To(t, toB)
		c.sa.Join(c.sb)
		mediatest.Talk(20, func() { b.say(c.toB) }, func() { c.a.Say(c.toA) })
		if n, m := b.opened(c.a.SSRC), c.a.HeardOf(b.SSRC); n != 20 || m != 20 {
			t.Errorf("b heard %d, a %d", n, m)
		}

		// A change of the session keeps the key, and names it alone.
		held := got(c.sb.RelayLocal(mediatest.Offer(t, aAddr, "sendonly"), false))(t)
		if held.Media[0].Proto != "RTP/SAVP" || strings.Count(held.String(), "a=crypto:") != 1 || b.hears(held).Crypto() != ours.Crypto() {
			t.Errorf("on hold b is offered\n%s", held)
		}

		// A plain offer of such a peer is refused.
		if err := c.sb.SetRemote(mediatest.Offer(t, bAddr)); !errors.Is(err, sdp.ErrNoMatch) {
			t.Errorf("a plain offer was taken: %v", err)
		}
		b.Forget()
		mediatest.Talk(5, func() { c.a.Say(c.toA) })
		if n := b.opened(c.a.SSRC); n != 5 {
			t.Errorf("b heard %d after that", n)
		}
	})
}

// Keys beside a plain profile (RFC 8643): whoever knows them is secure, whoever does not is plain.
func TestKeysBesidePlain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		safe := session.Profile{Safe: true}
		c.sb = session.New(c.cfg, bAddr.Addr(), safe)
		check(t, c.sa.SetRemote(mediatest.Offer(t, aAddr)))
		toB := got(c.sb.RelayLocal(mediatest.Offer(t, aAddr), false))(t)
		if toB.Media[0].Proto != "RTP/AVP" || strings.Count(toB.String(), "a=crypto:") != len(srtp.Offered()) {
			t.Fatalf("b is offered\n%s", toB)
		}
		b := newSecret(t, c.b, srtp.AES128GCM, 1)
		check(t, c.sb.SetAnswer(over(t, "RTP/AVP", bAddr, b.attr())))
		b.hears(toB)
		toA := got(c.sa.RelayLocal(mediatest.Offer(t, bAddr), true))(t)
		c.toA, c.toB = mediatest.To(t, toA), mediatest.To(t, toB)
		c.sa.Join(c.sb)
		mediatest.Talk(10, func() { b.say(c.toB) }, func() { c.a.Say(c.toA) })
		if n, m := b.opened(c.a.SSRC), c.a.HeardOf(b.SSRC); n != 10 || m != 10 {
			t.Errorf("b heard %d, a %d", n, m)
		}
		check(t, c.sb.SetAnswer(mediatest.Offer(t, bAddr)))
		c.b.Forget()
		c.a.Forget()
		mediatest.Talk(10, func() { c.b.Say(c.toB) }, func() { c.a.Say(c.toA) })
		if n, m := c.b.HeardOf(c.a.SSRC), c.a.HeardOf(c.b.SSRC); n != 10 || m != 10 {
			t.Errorf("in the clear b heard %d, a %d", n, m)
		}

		// The same from a peer.
		d := newSecret(t, c.b, srtp.AES128CM80, 7)
		check(t, c.sb.SetRemote(over(t, "RTP/AVP", bAddr, d.attr())))
		back := got(c.sb.RelayLocal(mediatest.Offer(t, aAddr), true))(t)
		d.hears(back)
		if back.Media[0].Proto != "RTP/AVP" {
			t.Errorf("answered by\n%s", back)
		}
	})
}

// Nothing secure passes where it is off.
func TestKeysOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		s := session.New(c.cfg, aAddr.Addr(), session.Profile{Secure: session.SecureOff, Safe: true})
		a := newSecret(t, c.a, srtp.AES128CM80, 1)
		if err := s.SetRemote(over(t, "RTP/SAVP", aAddr, a.attr())); !errors.Is(err, sdp.ErrNoMatch) {
			t.Errorf("a secure offer was taken: %v", err)
		}
		check(t, s.SetRemote(over(t, "RTP/AVP", aAddr, a.attr())))
		if d := got(s.RelayLocal(mediatest.Offer(t, bAddr), true))(t); strings.Contains(d.String(), "crypto") {
			t.Errorf("answered by\n%s", d)
		}
		if d := got(s.RelayLocal(mediatest.Offer(t, bAddr), false))(t); strings.Contains(d.String(), "crypto") {
			t.Errorf("offered\n%s", d)
		}
		s.Close()
	})
}

// Our key stays while the peer's does, and changes with it or with its address (RFC 4568 §7.1.4).
func TestRekey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		a := newSecret(t, c.a, srtp.AES128CM80, 1)
		offer := func(at netip.AddrPort) srtp.Key {
			check(t, c.sa.SetRemote(over(t, "RTP/SAVPF", at, a.attr())))
			d := got(c.sa.RelayLocal(mediatest.Offer(t, bAddr), true))(t)
			if d.Media[0].Proto != "RTP/SAVPF" {
				t.Errorf("answered over %s", d.Media[0].Proto)
			}
			return a.hears(d)
		}
		first := offer(aAddr)
		if offer(aAddr).Crypto() != first.Crypto() {
			t.Error("the key changed without a reason")
		}
		a.rekey(srtp.AES128CM80, 1)
		second := offer(aAddr)
		if second.Crypto() == first.Crypto() {
			t.Error("the peer's new key was met with the old one")
		}
		moved := netip.AddrPortFrom(aAddr.Addr(), 4400)
		if offer(moved).Crypto() == second.Crypto() {
			t.Error("the key stayed at another address")
		}
	})
}

// Media that ends here is as secure as the peer wants it.
func TestKeysHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		a := newSecret(t, c.a, srtp.AES128GCM, 2)
		check(t, c.sa.SetRemote(over(t, "RTP/SAVP", aAddr, a.attr())))
		answer := got(c.sa.AnswerLocal())(t)
		a.hears(answer)
		c.sa.Echo()
		to := mediatest.To(t, answer)
		mediatest.Talk(10, func() { a.say(to) })
		heard := a.Heard()
		if len(heard) != 10 {
			t.Fatalf("%d packets came back", len(heard))
		}
		for _, p := range heard {
			if _, err := a.in.Open(append([]byte(nil), p.Data...)); err != nil {
				t.Error(err)
			}
		}
		s := session.New(c.cfg, bAddr.Addr(), session.Profile{Secure: session.SecureRequired})
		offer := got(s.OfferLocal())(t)
		if offer.Media[0].Proto != "RTP/SAVP" || !strings.Contains(offer.String(), "AES_CM_128_HMAC_SHA1_80") {
			t.Errorf("offered\n%s", offer)
		}
		s.Close()
	})
}

// A call with keys goes over into a second instance: packets go on under the same keys, and the next offer names them.
func TestKeysOverAHandover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		a := newSecret(t, c.a, srtp.AES128CM80, 1)
		_, toA := c.agree(over(t, "RTP/SAVP", aAddr, a.attr()), mediatest.Offer(t, bAddr))
		ours := a.hears(toA)
		c.toA = mediatest.To(t, toA)
		c.sa.Echo()
		mediatest.Talk(5, func() { a.say(c.toA) })
		if n := len(a.Heard()); n != 5 {
			t.Errorf("%d packets came back", n)
		}
		a.Forget()
		text := got(json.Marshal(c.sa.Freeze()))(t)
		c.cfg.Pool.Close()
		c.cfg = config(t, c.host)
		var st session.State
		check(t, json.Unmarshal(text, &st))
		c.sa = got(session.Thaw(c.cfg, st))(t)
		c.sa.Echo()
		mediatest.Talk(5, func() { a.say(c.toA) })
		heard := a.Heard()
		if len(heard) != 5 {
			t.Fatalf("%d packets came back", len(heard))
		}
		for _, p := range heard {
			if _, err := a.in.Open(append([]byte(nil), p.Data...)); err != nil {
				t.Error(err)
			}
		}
		next := got(c.sa.RelayLocal(mediatest.Offer(t, bAddr, "sendonly"), false))(t)
		if next.Media[0].Proto != "RTP/SAVP" || a.hears(next).Crypto() != ours.Crypto() {
			t.Errorf("the next offer is\n%s", next)
		}
		c.sa.Close()
	})
}
