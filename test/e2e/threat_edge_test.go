package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"santral/test/phone"
)

// What no table of threats names and a patient stranger tries all the same.

// idle fails the test unless no call is left.
func idle(t *testing.T, x *phone.Exchange) {
	t.Helper()
	phone.Eventually(t, soon, "no call is left", func() bool {
		var page struct{ Items []any }
		x.Get("/api/v1/calls", &page)
		return len(page.Items) == 0
	})
}

// TestCancelWhileASourceIsSlowed: a source that guessed wrong waits; what it gives up meanwhile must
// not ring anybody.
func TestCancelWhileASourceIsSlowed(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	b := x.UDP(t, "").Agent("102").Register()
	a := x.UDP(t, "127.0.13.1").Agent("101")
	for range 7 {
		d := a.Request("REGISTER", a.URI(""))
		auth := a.Answer(phone.Challenge{"algorithm": "MD5", "realm": x.Realm, "nonce": "guessed"}, "REGISTER", a.URI(""), 1)
		auth.Password = "wrong"
		a.Send(d.Set("Authorization", auth.String()).String())
	}
	a.Collect(1500*time.Millisecond, phone.Anything)
	c := a.Dial("102", media)
	if m := c.Cancel(); m.Status() != 200 {
		t.Errorf("CANCEL: %.80q", m.Text)
	}
	c.Response(487, soon)
	b.Quiet(1500*time.Millisecond, "a call that was given up", phone.Requests("INVITE"))
	idle(t, x)
	c = a.Dial("102", media) // it is slow, and it works
	r := b.Ring()
	r.Tell(486, "Busy Here", "")
	c.Response(486, soon)
}

func TestNumbersInEveryShape(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	a, b := pair(t, x, "udp", "101", "102")
	for uri, want := range map[string]int{
		"tel:102":                             486,
		"tel:1-0-2":                           486,
		"tel:102;phone-context=santral.local": 486,
		"sip:102@santral.local":               486,
		"sip:102@SANTRAL.local":               486,
		"sip:%31%30%32@" + x.SIP:              486,
		"sip:102@" + x.SIP + ";user=phone":    486,
		"sip:102:secret@" + x.SIP:             486,
		"sip:102@" + x.SIP + ";transport=udp": 486,
		"sip:102@elsewhere.example":           404,
		"sip:" + x.SIP:                        404,
		"sip:102@" + x.SIP + "?Subject=x":     400, // RFC 3261 §19.1.1: no header fields there
		"sip:Alice@" + x.SIP:                  404,
		"sip:101@" + x.SIP:                    480, // oneself, with no other device
		"sip:۱۰۲@" + x.SIP:                    486, // not escaped, and plain enough
		"sip:%DB%B1%DB%B0%DB%B2@" + x.SIP:     486, // 102 in Persian digits
	} {
		d := a.Request("INVITE", uri).SDP(media)
		m := a.Transact(d, soon)
		if m.Status() == 401 {
			d = a.Authorize(d, m)
			a.Send(d.String())
			if in, ok := b.Take(300*time.Millisecond, phone.Requests("INVITE")); ok {
				b.Send(in.Answer(486, "Busy Here", "t").String())
			}
			m, _ = a.Take(soon, phone.Responses(d.Get("Call-ID"), d.Get("CSeq"), 200))
			a.Send((&phone.Dialog{Agent: a, ID: d.Get("Call-ID"), Target: uri, Local: d.Get("From"), Remote: m.Get("To"), CSeq: 2}).Request("ACK").Set("Via", d.Get("Via")).String())
		}
		if m.Status() != want && !(want == 404 && m.Status() == 484) {
			t.Errorf("%s: %s, want %d", uri, m.Line(), want)
		}
	}
	idle(t, x)
}

func TestDescriptionsInEveryShape(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	a, b := pair(t, x, "udp", "101", "102")
	head := "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
	for name, sdp := range map[string]string{
		"port 0":                  head + "m=audio 0 RTP/AVP 8\r\n",
		"port 99999":              head + "m=audio 99999 RTP/AVP 8\r\n",
		"port -1":                 head + "m=audio -1 RTP/AVP 8\r\n",
		"no formats":              head + "m=audio 9 RTP/AVP\r\n",
		"no media":                head,
		"no address":              "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n",
		"a name for an address":   strings.Replace(head, "c=IN IP4 127.0.0.1", "c=IN IP4 phone.example", 1) + "m=audio 9 RTP/AVP 8\r\n",
		"multicast":               strings.Replace(head, "c=IN IP4 127.0.0.1", "c=IN IP4 224.2.1.1/127", 1) + "m=audio 9 RTP/AVP 8\r\n",
		"broadcast":               strings.Replace(head, "c=IN IP4 127.0.0.1", "c=IN IP4 255.255.255.255", 1) + "m=audio 9 RTP/AVP 8\r\n",
		"the exchange itself":     strings.Replace(phone.Offer(x.SIP), "RTP/AVP 8", "RTP/AVP 8", 1),
		"another version":         strings.Replace(head, "v=0", "v=9", 1) + "m=audio 9 RTP/AVP 8\r\n",
		"bare line feeds":         strings.ReplaceAll(head+"m=audio 9 RTP/AVP 8\r\n", "\r\n", "\n"),
		"huge numbers":            strings.Replace(head, "o=- 1 1", "o=- 99999999999999999999999 99999999999999999999999", 1) + "m=audio 9 RTP/AVP 8\r\n",
		"nothing known":           head + "m=audio 9 RTP/AVP 99\r\na=rtpmap:99 NONSENSE/8000\r\n",
		"another protocol":        head + "m=audio 9 TCP/RTP/AVP 8\r\n",
		"audio, video, and data":  head + "m=audio 9 RTP/AVP 8\r\nm=video 11 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\nm=application 13 UDP/TLS/x *\r\n",
		"sixty streams":           head + strings.Repeat("m=audio 9 RTP/AVP 8\r\n", 60),
		"encrypted":               head + "m=audio 9 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n",
		"nothing but whitespace":  "   \r\n\r\n",
		"injected second session": head + "m=audio 9 RTP/AVP 8\r\nv=0\r\no=evil 1 1 IN IP4 6.6.6.6\r\n",
	} {
		c := a.Dial("102", sdp)
		if in, ok := b.Take(300*time.Millisecond, phone.Requests("INVITE")); ok {
			for line := range strings.SplitSeq(in.Body(), "\r\n") {
				if strings.ContainsAny(line, "\r\n\x00") {
					t.Errorf("%s: a line arrives with control characters: %q", name, line)
				}
			}
			b.Send(in.Answer(200, "OK", "t").Add("Contact", b.Contact()).SDP(media).String())
		}
		m := c.Want(soon, "final answer", phone.Responses(c.ID, c.Invite.Get("CSeq"), 200))
		c.Remote = m.Get("To")
		switch {
		case m.Status() == 200:
			c.Target = m.Contact()
			c.Ack("")
			d := c.Request("BYE")
			c.Send(d.String())
			if bye, ok := b.Take(soon, phone.Requests("BYE")); ok {
				b.Send(bye.Answer(200, "OK", "").String())
			}
			c.Want(soon, "200 to BYE", phone.Responses(c.ID, d.Get("CSeq"), 200))
		case m.Status() >= 500:
			t.Errorf("%s: %s", name, m.Line())
			fallthrough
		default:
			c.Send(c.Request("ACK").Set("Via", c.Invite.Get("Via")).String())
			if bye, ok := b.Take(100*time.Millisecond, phone.Requests("BYE")); ok {
				b.Send(bye.Answer(200, "OK", "").String())
			}
		}
		t.Logf("%s: %s", name, m.Line())
		b.Drop()
	}
	idle(t, x)
	healthy(t, x, 3*time.Second)
}

// TestACalleeThatBranches answers one INVITE as many phones would, some of them late.
func TestACalleeThatBranches(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	a, b := pair(t, x, "udp", "101", "102")
	before := x.Resident()
	c := a.Dial("102", media)
	r := b.Ring()
	for i := range 1000 { // early dialogs without end
		b.Send(r.Incoming.Answer(183, "Session Progress", fmt.Sprint("early", i)).Add("Contact", r.Contact()).SDP(media).String())
	}
	r.Tell(200, "OK", media)
	c.Response(200, soon)
	c.Ack("")
	r.Expect("ACK", soon)
	for i := range 20 { // and answers of other branches: each is acknowledged and ended
		b.Send(r.Incoming.Answer(200, "OK", fmt.Sprint("late", i)).Add("Contact", r.Contact()).SDP(media).String())
	}
	acked, ended := map[string]bool{}, map[string]bool{}
	for _, m := range b.Collect(time.Second, func(m phone.Message) bool { return strings.HasPrefix(m.Tag("To"), "late") }) {
		switch m.Method() {
		case "ACK":
			acked[m.Tag("To")] = true
		case "BYE":
			ended[m.Tag("To")] = true
			b.Send(m.Answer(200, "OK", "").String())
		}
	}
	if len(acked) < 10 || len(ended) != len(acked) { // there is a bound on what one callee may cost
		t.Errorf("%d of 20 second answers acknowledged, %d ended", len(acked), len(ended))
	}
	c.Quiet(100*time.Millisecond, "an end", phone.Requests("BYE"))
	phone.End(c, r)
	idle(t, x)
	settles(t, x, before, 32<<20, 10*time.Second)
}

// TestEndsThatCross: BYE against a pending re-INVITE, BYE against BYE, and connections that break.
func TestEndsThatCross(t *testing.T) {
	t.Parallel() // it waits for 64·T1
	x := phone.StartExchange(t, "--digest", "md5", "--extensions", "20", "--rtp-ports", "62400-62599")
	t.Run("", func(t *testing.T) { crossing(t, x) })
	idle(t, x)
}

func crossing(t *testing.T, x *phone.Exchange) {
	t.Run("BYE and a pending re-INVITE", func(t *testing.T) {
		a, b := pair(t, x, "udp", "101", "102")
		c, r := phone.Talk(a, b, media, media)
		d := c.Request("INVITE").SDP(changed)
		c.Send(d.String())
		in := r.Expect("INVITE", soon)
		bye := c.Request("BYE")
		c.Send(bye.String())
		c.Want(soon, "200 to BYE", phone.Responses(c.ID, bye.Get("CSeq"), 200))
		if m := c.Want(soon, "487 to re-INVITE (RFC 3261 §15.1.2)", phone.Responses(c.ID, d.Get("CSeq"), 200)); m.Status() != 487 {
			t.Errorf("the pending re-INVITE: %s", m.Line())
		}
		r.Agree(r.Expect("BYE", soon))
		r.Send(in.Answer(487, "Request Terminated", "").String())
		r.Expect("ACK", soon)
	})
	t.Run("BYE and BYE", func(t *testing.T) {
		a, b := pair(t, x, "udp", "103", "104")
		c, r := phone.Talk(a, b, media, media)
		d1, d2 := c.Request("BYE"), r.Request("BYE")
		c.Send(d1.String())
		r.Send(d2.String())
		for _, p := range []struct {
			*phone.Dialog
			d *phone.Draft
		}{{c, d1}, {r, d2}} {
			if in, ok := p.Take(time.Second, phone.Requests("BYE")); ok {
				p.Agree(in)
			}
			if m := p.Want(soon, "answer to BYE", phone.Responses(p.ID, p.d.Get("CSeq"), 200)); m.Status() != 200 && m.Status() != 481 {
				t.Errorf("BYE of %s: %s", p.User, m.Line())
			}
		}
	})
	t.Run("the caller's connection breaks while it rings", func(t *testing.T) {
		a := x.TCP(t, "").Agent("105")
		b := device(t, x, "udp", "106")
		a.Dial("106", media)
		r := b.Ring()
		r.Tell(180, "Ringing", "")
		a.Close()
		time.Sleep(100 * time.Millisecond) // the exchange has seen it
		r.Tell(200, "OK", media)
		r.Expect("ACK", soon) // the caller can't be told: whatever happens, both sides end
		if bye, ok := r.Take(40*time.Second, phone.Requests("BYE")); ok {
			r.Agree(bye)
		} else {
			r.Bye()
		}
	})
	t.Run("the callee's connection breaks within a call", func(t *testing.T) {
		a := x.UDP(t, "").Agent("107")
		b := x.TCP(t, "").Agent("108").Register()
		c, r := phone.Talk(a, b, media, media)
		r.Close()
		time.Sleep(100 * time.Millisecond) // the exchange has seen it
		c.Bye()
	})
}

// TestRoutesOfStrangers: a caller with an account still can't send the exchange anywhere.
func TestRoutesOfStrangers(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	a, b := pair(t, x, "udp", "101", "102")
	third := x.UDP(t, "127.0.14.1")
	c := a.Dial("102", media, func(d *phone.Draft) {
		d.Set("Route", "<sip:"+third.Addr()+";lr>").Set("P-Asserted-Service", "x").Set("Path", "<sip:"+third.Addr()+";lr>")
	})
	if in, ok := b.Take(2*time.Second, phone.Requests("INVITE")); ok {
		b.Send(in.Answer(486, "Busy Here", "t").String())
	}
	m := c.Want(soon, "final answer", phone.Responses(c.ID, c.Invite.Get("CSeq"), 200))
	t.Logf("an INVITE with a Route of its own: %s", m.Line())
	if m.Status() < 400 {
		t.Errorf("%s", m.Line())
	}
	if third.Total() > 0 {
		t.Error("the exchange follows a caller's Route")
	}
	idle(t, x)
}

func TestChannelsOfAnExtension(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5", "--channels", "2")
	a := x.UDP(t, "").Agent("101")
	var up []*phone.Dialog
	for range 2 {
		c := a.Dial("*43", media)
		c.Response(200, soon)
		c.Ack("")
		up = append(up, c)
	}
	if m := a.Dial("*43", media).Response(403, soon); m.Get("Reason") == "" {
		t.Errorf("a third call is not told why:\n%s", m.Text)
	}
	up[0].Bye()
	c := a.Dial("*43", media)
	c.Response(200, soon)
	c.Ack("")
	c.Bye()
	up[1].Bye()
	idle(t, x)
}

// TestFloodsOnStreams is threat 3 over TCP, TLS and WebSocket: messages without proof, as fast as connections
// carry them, while a good caller calls over UDP and another over WSS.
func TestFloodsOnStreams(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	good, browser := phone.NewRaw(t, x, ""), x.Wire(t, "wss", "").Agent("109").Register()
	goodCalls(t, good, 1)
	before := x.Resident()
	for _, method := range []string{"REGISTER", "INVITE", "MESSAGE", "SUBSCRIBE", "PUBLISH", "REFER", "NOTIFY", "OPTIONS", "BYE", "NONSENSE"} {
		var floods sync.WaitGroup
		for i, transport := range []string{"tcp", "tls", "tls", "wss", "wss"} {
			w := x.Wire(t, transport, fmt.Sprintf("127.0.15.%d", i+1))
			floods.Go(func() {
				defer w.Close()
				a := w.Agent("101")
				var texts []string
				for range 20 {
					texts = append(texts, a.Request(method, a.URI("102")).Set("Event", "presence").String())
				}
				if transport != "wss" { // where a frame holds one message
					texts = []string{strings.Join(texts, "")}
				}
				for range 50 {
					for _, text := range texts {
						w.Send(text)
					}
				}
			})
		}
		for range 3 {
			goodCalls(t, good, 1)
			began := time.Now()
			c := browser.Dial("*43", media)
			c.Response(200, soon)
			c.Ack("")
			c.Bye()
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("a good call over WSS took %v in a flood of %s", took, method)
			}
		}
		floods.Wait()
	}
	healthy(t, x, 3*time.Second)
	settles(t, x, before, 64<<20, 35*time.Second)
}
