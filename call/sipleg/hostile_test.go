package sipleg

import (
	"strings"
	"testing"
	"time"

	"santral/sip"
)

// TestUnknownCaller: nobody calls without credentials, whatever it says in From.
func TestUnknownCaller(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		b, thief := w.phone("192.0.2.12", "102"), w.phone("203.0.113.66", "101")
		defer b.close()
		defer thief.close()
		req := thief.invite("102", thief.sdp)
		res := thief.status(401)
		if !res.Has(sip.WWWAuthenticate) || res.ToTag() == "" {
			t.Errorf("no challenge in\n%s", res)
		}
		thief.refused(req, res)
		thief.none(time.Minute)
		b.none(time.Minute)
	})
}

// TestForgedRequests: a third party ends, changes or moves no call. Who guesses tags meets no dialog;
// who has seen them is asked who it is, and the call goes on.
func TestForgedRequests(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b, thief := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102"), w.phone("203.0.113.66", "101")
		defer a.close()
		defer b.close()
		defer thief.close()
		talking(w, a, b)
		seen, guessed := *a.d, *a.d
		guessed.LocalTag = "guess"
		guessed.Local = "<sip:101@192.0.2.1>;tag=guess"
		for _, method := range []sip.Method{sip.BYE, sip.INFO, sip.INVITE} {
			thief.d = &guessed
			req := thief.asks(method, "")
			res := thief.status(481)
			if method == sip.INVITE {
				thief.refused(req, res)
			}
			thief.d = &seen
			req = thief.asks(method, "")
			res = thief.status(401)
			if method == sip.INVITE {
				thief.refused(req, res)
			}
		}
		cancel := a.req.Clone()
		cancel.Method = sip.CANCEL
		cancel.Set(sip.CSeqKind, "10 CANCEL")
		cancel.SetBody("", "")
		thief.send(cancel)
		a.none(time.Second)
		b.none(time.Second)
		a.asks(sip.BYE, "")
		a.status(200)
		b.reply(b.want(sip.BYE), 200, "")
	})
}

// TestInjection: names and numbers that try to begin a header line, or to end a quoted string, arrive as
// text or not at all.
func TestInjection(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		defer a.close()
		defer b.close()
		w.silence()
		for _, evil := range []string{
			`"x\" <sip:evil@evil.example>;tag=t, \"" <sip:101@192.0.2.1>;tag=f1`,
			`"a%0d%0aX-Evil: 1" <sip:101%0d%0aX-Evil:1@192.0.2.1>;tag=f2`,
			`"<script>alert(1)</script>" <sip:101@192.0.2.1>;tag=f3`,
			`"=cmd|' /C calc'!A0" <sip:101@192.0.2.1>;tag=f4`,
		} {
			a.invite("102", a.sdp, func(m *sip.Message) {
				m.Set(sip.From, evil)
				m.Set(sip.UserAgent, "x\x01\x1b[2J"+strings.Repeat("A", 500))
			})
			rang := b.rings()
			if text := rang.String(); strings.Contains(text, "evil") || strings.Contains(text, "X-Evil") || strings.Contains(text, "script") {
				t.Errorf("B got\n%s", text)
			}
			a.status(180)
			b.picksUp()
			a.answered("")
			for _, live := range x.control.Calls("") {
				if ua := live.Legs[0].Detail.UserAgent; strings.ContainsAny(ua, "\x01\x1b") || len(ua) > maxText {
					t.Errorf("user agent %q", ua)
				}
			}
			a.asks(sip.BYE, "")
			a.status(200)
			b.reply(b.want(sip.BYE), 200, "")
			a.d, b.d = nil, nil
		}
		for _, number := range []string{"102%0d%0aX-Evil:1", "%00102", "102%1b"} {
			req := a.invite("102", a.sdp, func(m *sip.Message) { m.RequestURI = "sip:" + number + "@192.0.2.1" })
			a.refused(req, a.status(400))
		}
		for _, number := range []string{"..%2f..%2fetc%2fpasswd", "%60id%60", "102;phone-context=x", "102%40evil"} {
			req := a.invite("102", a.sdp, func(m *sip.Message) { m.RequestURI = "sip:" + number + "@192.0.2.1" })
			switch m := a.get(); {
			case m.Status >= 400:
				a.refused(req, m)
			case m.Status == 180:
				t.Errorf("%s rang", number)
			}
		}
	})
}

// TestBodies: what an INVITE may carry (RFC 3261 §8.2.3, RFC 5621).
func TestBodies(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		defer a.close()
		defer b.close()
		w.silence()
		mixed := "--b1\r\nContent-Type: application/isup;version=itu-t92+\r\n\r\n\x01\x02\r\n--b1\r\nContent-Type: application/sdp\r\n\r\n" + a.sdp + "--b1--\r\n"
		for _, c := range []struct {
			name   string
			status int
			change func(*sip.Message)
		}{
			{"text", 415, func(m *sip.Message) { m.SetBody("text/plain", "hello") }},
			{"compressed", 415, func(m *sip.Message) { m.Set(sip.ContentEncoding, "gzip") }},
			{"a session that is none", 400, func(m *sip.Message) { m.SetBody("application/sdp", "hello") }},
			{"an answer we cannot give", 406, func(m *sip.Message) { m.Set(sip.Accept, "text/plain") }},
			{"parts without a session", 415, func(m *sip.Message) { m.SetBody("multipart/mixed;boundary=b1", "--b1\r\n\r\nx\r\n--b1--\r\n") }},
			{"any answer", 180, func(m *sip.Message) { m.Set(sip.Accept, "text/plain, application/*;q=0.5") }},
			{"a picture that may be ignored", 180, func(m *sip.Message) {
				m.SetBody("image/png", "x")
				m.Set(sip.ContentDisposition, "icon;handling=optional")
			}},
			{"two parts", 180, func(m *sip.Message) { m.SetBody(`multipart/mixed; boundary="b1"`, mixed) }},
			{"upper case", 180, func(m *sip.Message) { m.Set(sip.ContentType, "Application/SDP; charset=utf-8") }},
		} {
			req := a.invite("102", a.sdp, c.change)
			if c.status >= 300 {
				res := a.get()
				if res.Status != c.status {
					t.Errorf("%s: %d, want %d", c.name, res.Status, c.status)
				}
				if res.Status == 415 && !res.Has(sip.Accept) && !res.Has(sip.AcceptEncoding) {
					t.Errorf("%s: 415 does not say what would do", c.name)
				}
				a.refused(req, res)
				continue
			}
			rang := b.rings()
			if want := c.name != "a picture that may be ignored"; (rang.Body != "") != want {
				t.Errorf("%s: B got\n%s", c.name, rang)
			}
			a.status(180)
			b.reply(b.req, 486, "")
			b.want(sip.ACK)
			a.refused(req, a.status(486))
		}
		b.none(time.Minute)
	})
}

// TestNothingInCommon: a description that no session can be made of.
func TestNothingInCommon(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		defer a.close()
		defer b.close()
		talking(w, a, b)
		req := a.asks(sip.INVITE, strings.Replace(a.sdp, "RTP/AVP 8 0 101", "RTP/AVP 96", 1))
		b.reply(b.want(sip.INVITE), 488, "")
		b.want(sip.ACK)
		res := a.status(488)
		if !res.Has(sip.WarningKind) {
			t.Errorf("no Warning in\n%s", res)
		}
		a.refused(req, res)
		a.asks(sip.BYE, "") // the call goes on as it was
		a.status(200)
		b.reply(b.want(sip.BYE), 200, "")
	})
}
