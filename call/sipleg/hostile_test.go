package sipleg

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"santral/sip"
)

// TestUnknownCaller: nobody calls without credentials, whatever it says in From.
func TestUnknownCaller(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		b, thief := w.phone("192.0.2.12", "102"), w.phone("203.0.113.66", "101")
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
		a.leaves(b)
	})
}

// TestInjection: names and numbers that try to begin a header line, or to end a quoted string, arrive as
// text or not at all.
func TestInjection(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
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
			a.leaves(b)
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
			{"a part that must be understood", 415, func(m *sip.Message) {
				must := strings.Replace(mixed, "itu-t92+\r\n", "itu-t92+\r\nContent-Disposition: signal; handling=required\r\n", 1)
				m.SetBody(`multipart/mixed; boundary="b1"`, must)
			}},
			{"a part that must be understood, after the session", 415, func(m *sip.Message) {
				m.SetBody("multipart/mixed;boundary=b1", "--b1\r\nContent-Type: application/sdp\r\n\r\n"+a.sdp+"\r\n--b1\r\nContent-Type: application/pidf+xml\r\nContent-Disposition: by-reference;handling=\"Required\"\r\n\r\nx\r\n--b1--\r\n")
			}},
			{"a part that may be ignored", 180, func(m *sip.Message) {
				m.SetBody(`multipart/mixed; boundary="b1"`, strings.Replace(mixed, "itu-t92+\r\n", "itu-t92+\r\nContent-Disposition: signal; handling=optional\r\n", 1))
			}},
			{"a session that is to be rendered", 415, func(m *sip.Message) { m.Set(sip.ContentDisposition, "render;handling=required") }},
			{"a session that is one", 180, func(m *sip.Message) { m.Set(sip.ContentDisposition, "Session;handling=required") }},
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
		talking(w, a, b)
		req := a.asks(sip.INVITE, strings.Replace(a.sdp, "RTP/AVP 8 0 101", "RTP/AVP 96", 1)+"a=rtpmap:96 SPEEX/16000\r\n")
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

// TestInjectionByTheTrusted: what a trusted trunk says is believed, and still no control character of it reaches a
// header field, an event or a detail; names that are code stay text.
func TestInjectionByTheTrusted(t *testing.T) {
	trusting(t, func(w *world, x *exchange, h *trunked) {
		w.silence()
		h.manners[""] = Manners{Pass: []string{"X-Note"}}
		h.manners["friend"] = Manners{Trusted: true, From: true, Pass: []string{"X-Note"}}
		f, b := w.phone("192.0.2.21", "221"), w.phone("192.0.2.12", "102")
		const bad = "x\x01\x1b[2J\tX-Evil: 1\x7f"
		evil := []sip.Header{
			{Kind: sip.PAssertedIdentity, Value: `"` + bad + `" <sip:0912@c.example>`},
			{Kind: sip.PAssertedIdentity, Value: `<sip:0912%0d%0aX-Evil:1@c.example>`},
			{Kind: sip.RemotePartyID, Value: `"` + bad + `" <sip:0912%00@c.example>;party=calling`},
			{Kind: sip.Diversion, Value: `"` + bad + `" <sip:777%0aX-Evil@c.example>;reason="user-busy%0d%0aX-Evil: 1";counter=1`},
			{Kind: sip.Diversion, Value: `"` + bad + `" <sip:777@c.example>;reason=user-busy`},
			{Kind: sip.HistoryInfo, Value: `<sip:777@c.example?Reason=SIP%3Bcause%3D486%3Btext%3D%22%0d%0aX-Evil%22&Privacy=%0d%0a>;index=1%0d%0a, <sip:1%0d%0aX-Evil@c.example;cause=302>;index=1.1`},
			{Kind: sip.AlertInfo, Value: `<urn:alert:x%0d%0aX-Evil>`},
			{Kind: sip.SessionID, Value: "ab30317f1a784dc48ff824d0d3715d8\x01;remote=1"},
			{Name: "X-Note", Value: bad},
			{Kind: sip.Subject, Value: bad},
		}
		raw := func(m *sip.Message) { // as a parser that lets much pass would hand it on
			m.Headers = append(m.Headers, evil...)
		}
		told := func(m *sip.Message) {
			t.Helper()
			for _, h := range m.Headers {
				if strings.ContainsFunc(h.Value, func(r rune) bool { return r < ' ' || r == 0x7f }) || strings.Contains(h.Name, "Evil") ||
					strings.Contains(strings.ToLower(h.Value), "%0a") || strings.Contains(strings.ToLower(h.Value), "%0d") {
					t.Errorf("%s: %q", h.Name, h.Value)
				}
			}
		}
		f.invite("102", f.sdp, raw)
		got := b.rings()
		told(got)
		if !got.Has(sip.Diversion) || got.GetName("X-Note") == "" {
			t.Errorf("B got\n%s", got)
		}
		told(f.status(180))
		b.picksUp()
		told(f.answered(""))
		bye := f.d.Request(sip.BYE)
		bye.Prepend(sip.ViaKind, f.via())
		bye.Headers = append(bye.Headers, sip.Header{Kind: sip.ReasonKind, Name: "Reason", Value: `Q.850;cause=31;text="` + bad + `"`})
		f.send(bye)
		told(f.status(200))
		last := b.want(sip.BYE)
		told(last)
		b.reply(last, 200, "")

		a := w.phone("192.0.2.11", "101") // and what a callee says of itself
		for _, status := range []int{200, 486} {
			a.invite("221", a.sdp)
			f.req = f.want(sip.INVITE)
			f.reply(f.req, 180, "", evil[:3]...)
			told(a.status(180))
			f.reply(f.req, status, map[bool]string{true: f.sdp}[status == 200], append(evil[:3:3], sip.Header{Kind: sip.ReasonKind, Value: `Q.850;cause=17;text="` + bad + `"`})...)
			f.want(sip.ACK)
			if status == 200 {
				told(a.answered(""))
				a.leaves(f)
				a.d, f.d = nil, nil
				continue
			}
			res := a.status(status)
			told(res)
			a.refused(a.req, res)
		}
		synctest.Wait()
		for _, e := range w.house.Events() {
			text := string(e.AppendJSON(nil))
			if strings.Contains(text, `\u00`) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("event %s", text)
			}
		}
	})
}
