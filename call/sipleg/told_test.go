package sipleg

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"santral/call"
	"santral/sip"
)

// TestSessionID: each side's half passes through both legs in every request and response, is made for a peer that
// has none, and joins the legs in the record (RFC 7989 §7, §9).
func TestSessionID(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		w.silence()
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		const mine, theirs = "ab30317f1a784dc48ff824d0d3715d86", "47755a9de7794ba387653f2099600ef2"
		want := func(m *sip.Message, value string) {
			t.Helper()
			if got := m.Get(sip.SessionID); got != value {
				t.Errorf("%s %d has Session-ID %q, want %q", m.Method, m.Status, got, value)
			}
		}
		a.invite("102", a.sdp, func(m *sip.Message) { m.Set(sip.SessionID, strings.ToUpper(mine)+";remote="+nilUUID) })
		want(b.rings(), mine+";remote="+nilUUID)
		first := a.status(180).Get(sip.SessionID) // one was made for B, which said none
		made, rest, _ := strings.Cut(first, ";")
		if readSessionID(made) == "" || rest != "remote="+mine || made == mine {
			t.Errorf("180 has Session-ID %q", first)
		}
		said := sip.Header{Kind: sip.SessionID, Value: theirs + ";remote=" + mine}
		b.reply(b.req, 200, b.sdp, said)
		want(b.want(sip.ACK), mine+";remote="+theirs)
		want(a.answered(""), theirs+";remote="+mine)
		a.none(time.Second)

		info := a.d.Request(sip.INFO) // RFC 7329: the half alone
		info.Prepend(sip.ViaKind, a.via())
		info.Set(sip.SessionID, mine)
		a.send(info)
		want(a.status(200), theirs+";remote="+mine)
		got := b.want(sip.INFO)
		want(got, mine+";remote="+theirs)
		b.reply(got, 200, "")

		const third = "0123456789abcdef0123456789abcdef" // B was transferred by its own exchange
		again := b.d.Request(sip.INVITE)
		again.Prepend(sip.ViaKind, b.via())
		again.Set(sip.Contact, b.contact())
		again.Set(sip.SessionID, third+";remote="+mine)
		again.SetBody("application/sdp", audio(b.addr, 4002, "sendrecv"))
		b.send(again)
		got = a.want(sip.INVITE)
		want(got, third+";remote="+mine)
		a.reply(got, 200, a.sdp)
		a.want(sip.ACK)
		want(b.status(200), mine+";remote="+third)
		seq, _ := again.CSeq()
		b.ack(seq.Seq, "")
		a.none(time.Second)
		ids := map[string]bool{}
		for _, e := range w.house.Events() {
			if e.Kind == call.LegBegan {
				ids[string(e.Leg)+" "+e.Detail.SessionID] = true
			}
		}
		if !ids["a "+nilUUID+";remote="+mine] || !ids["b "+mine+";remote="+nilUUID] {
			t.Errorf("the legs began with %v", ids)
		}
		bye := a.asks(sip.BYE, "")
		want(a.status(200), third+";remote="+mine)
		got = b.want(sip.BYE)
		want(got, mine+";remote="+third)
		b.reply(got, 200, "")
		_ = bye
		synctest.Wait()
		for _, e := range w.house.Events() {
			if e.Kind == call.LegEnded && e.Detail.SessionID != map[call.LegID]string{"a": third + ";remote=" + mine, "b": mine + ";remote=" + third}[e.Leg] {
				t.Errorf("leg %s ended with %q", e.Leg, e.Detail.SessionID)
			}
		}
	})
}

// TestSessionIDOfRefusals: CANCEL, the refusal, and the ACKs to refusals carry it as well.
func TestSessionIDOfRefusals(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		w.silence()
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		a.invite("102", a.sdp)
		b.req = b.want(sip.INVITE)
		b.reply(b.req, 486, "", sip.Header{Kind: sip.SessionID, Value: "47755a9de7794ba387653f2099600ef2"})
		if got := b.want(sip.ACK).Get(sip.SessionID); got != b.req.Get(sip.SessionID) {
			t.Errorf("ACK: %q", got)
		}
		res := a.status(486)
		a.refused(a.req, res)
		if readSessionID(res.Get(sip.SessionID)) == "" {
			t.Errorf("486: %q", res.Get(sip.SessionID))
		}
		a.invite("102", a.sdp)
		b.rings()
		a.status(180)
		cancel := b.want(sip.CANCEL)
		if got := cancel.Get(sip.SessionID); got != b.req.Get(sip.SessionID) {
			t.Errorf("CANCEL: %q", got)
		}
		b.reply(cancel, 200, "")
		b.reply(b.req, 487, "")
		b.want(sip.ACK)
		a.refused(a.req, a.status(480))
		a.none(time.Minute)
	})
}

// TestReadSessionID: what is none is read as none.
func TestReadSessionID(t *testing.T) {
	const id = "ab30317f1a784dc48ff824d0d3715d86"
	for value, want := range map[string]string{
		id: id, id + ";remote=" + nilUUID: id, strings.ToUpper(id): id, id + " ; remote=x": id,
		"": "", nilUUID: "", id[1:]: "", id + "0": "", "g" + id[1:]: "", "\"" + id[1:]: "",
	} {
		if got := readSessionID(value); got != want {
			t.Errorf("%q: %q", value, got)
		}
	}
}

// TestAlerts: every maker's words for "answer by yourself" are read, and written as its phones read them.
func TestAlerts(t *testing.T) {
	read := func(k sip.Kind, v string) call.Alert {
		m := sip.NewRequest(sip.INVITE, "sip:102@192.0.2.1")
		m.Add(k, v)
		return readAlert(m)
	}
	auto := func(d time.Duration) call.Alert { return call.Alert{Answer: call.AnswerAuto, After: d} }
	for _, c := range []struct {
		k    sip.Kind
		v    string
		want call.Alert
	}{
		{sip.AnswerMode, "Auto", auto(0)}, {sip.AnswerMode, "auto;require", auto(0)}, {sip.PrivAnswerMode, "Auto", auto(0)},
		{sip.AnswerMode, "Manual", call.Alert{Answer: call.AnswerManual}}, {sip.AnswerMode, "Maybe", call.Alert{}},
		{sip.CallInfo, "<sip:x.example>;answer-after=0", auto(0)}, {sip.CallInfo, "<sip:x>; Answer-After=5", auto(5 * time.Second)},
		{sip.CallInfo, "answer-after=0", auto(0)}, {sip.CallInfo, "<sip:x>;purpose=icon", call.Alert{}}, {sip.CallInfo, "<sip:x>;answer-after=99999999", auto(maxAfter)},
		{sip.AlertInfo, "info=alert-autoanswer", auto(0)}, {sip.AlertInfo, "<http://x.example>;info=alert-autoanswer;delay=3", auto(3 * time.Second)},
		{sip.AlertInfo, ";info=alert-autoanswer", auto(0)}, {sip.AlertInfo, "Auto Answer", auto(0)}, {sip.AlertInfo, "Ring Answer", auto(ringBefore)},
		{sip.AlertInfo, "<http://x.example>;info=Auto Answer", auto(0)}, {sip.AlertInfo, `<http://127.0.0.1>;info="Ring Answer"`, auto(ringBefore)},
		{sip.AlertInfo, "<urn:alert:source:external>", call.Alert{Info: "<urn:alert:source:external>"}},
		{sip.AlertInfo, "<urn:alert:priority:high>;appearance=2", call.Alert{Info: "<urn:alert:priority:high>"}},
		{sip.AlertInfo, "<http://evil.example/ring.wav>", call.Alert{}}, {sip.AlertInfo, "<urn:alert:x\" y>", call.Alert{}},
	} {
		if got := read(c.k, c.v); got != c.want {
			t.Errorf("%s: %s is %+v, want %+v", c.k, c.v, got, c.want)
		}
	}
	for agent, want := range map[string]string{
		"Yealink SIP-T54W 96.86.0.20":       "Call-Info: <sip:x.example>;answer-after=0",
		"PolycomVVX-VVX_411-UA/6.4.0":       "Alert-Info: Auto Answer",
		"Cisco-CP8851/12.0.1":               "Call-Info: <sip:x.example>;answer-after=0",
		"Grandstream GXP2170 1.0.11.6":      "Call-Info: <sip:x.example>;answer-after=0",
		"snomD785/10.1.64.14":               "Alert-Info: <http://x.example>;info=alert-autoanswer;delay=0",
		"Linphone/3.12.0 (belle-sip/1.6.3)": "Answer-Mode: Auto|Call-Info: <sip:x.example>;answer-after=0",
		"baresip v1.0.0 (x86_64/linux)":     "Answer-Mode: Auto|Call-Info: <sip:x.example>;answer-after=0",
		"":                                  "Answer-Mode: Auto|Call-Info: <sip:x.example>;answer-after=0",
	} {
		m := sip.NewRequest(sip.INVITE, "sip:102@192.0.2.12")
		var plain Manners
		plain.putAlert(m, &call.Alert{Answer: call.AnswerAuto}, agent, "x.example", true)
		var lines []string
		for _, h := range m.Headers {
			lines = append(lines, h.Name+": "+h.Value)
		}
		if got := strings.Join(lines, "|"); got != want {
			t.Errorf("%s is told %s, want %s", agent, got, want)
		}
	}
}

// TestIntercom: an account's wish for an answer without a person counts where the tenant lets it, a stranger's
// never.
func TestIntercom(t *testing.T) {
	trusting(t, func(w *world, x *exchange, h *trunked) {
		w.silence()
		a, b, stranger := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102"), w.phone("192.0.2.22", "stranger")
		for _, c := range []struct {
			from *phone
			m    Manners
			want string
			info string
		}{
			{a, Manners{}, "", ""}, {a, Manners{Intercom: true}, "Auto", ""}, {stranger, Manners{Intercom: true}, "", ""},
			{a, Manners{Source: true}, "", "<urn:alert:source:internal>"}, {stranger, Manners{Source: true}, "", "<urn:alert:source:external>"},
		} {
			h.manners[""] = c.m
			c.from.invite("102", c.from.sdp, func(m *sip.Message) {
				m.Add(sip.AlertInfo, "<http://evil.example/ring.wav>;info=alert-autoanswer")
			})
			got := b.rings()
			if got.Get(sip.AnswerMode) != c.want || got.Get(sip.AlertInfo) != c.info || strings.Contains(got.String(), "evil") {
				t.Errorf("%s, %+v:\n%s", c.from.number, c.m, got)
			}
			c.from.status(180)
			b.picksUp()
			c.from.answered("")
			c.from.leaves(b)
			b.d, c.from.d = nil, nil
		}
	})
}

// TestGateOfEarlyMedia: a trusted network's word decides whether its early media is heard, and ours is
// let through to one that asks (RFC 5009 §4.2).
func TestGateOfEarlyMedia(t *testing.T) {
	trusting(t, func(w *world, x *exchange, h *trunked) {
		w.silence()
		a, f, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.21", "221"), w.phone("192.0.2.12", "102")
		for gate, heard := range map[string]bool{"": true, "inactive": false, "recvonly": false, "sendrecv": true, "sendonly, gated": true} {
			a.invite("221", a.sdp)
			f.req = f.want(sip.INVITE)
			if f.req.Get(sip.PEarlyMedia) != "supported" {
				t.Errorf("a trusted trunk is told %q", f.req.Get(sip.PEarlyMedia))
			}
			var said []sip.Header
			if gate != "" {
				said = []sip.Header{{Kind: sip.PEarlyMedia, Value: gate}}
			}
			f.reply(f.req, 183, f.sdp, said...)
			if got := a.status(183); (got.Body != "") != heard || got.Has(sip.PEarlyMedia) {
				t.Errorf("%q:\n%s", gate, got)
			}
			f.reply(f.req, 200, f.sdp)
			f.want(sip.ACK)
			a.answered("")
			a.leaves(f)
			f.d, a.d = nil, nil
		}
		for _, asks := range []bool{true, false} {
			f.invite("102", f.sdp, func(m *sip.Message) {
				if asks {
					m.Add(sip.PEarlyMedia, "supported")
				}
			})
			b.req = b.want(sip.INVITE)
			if b.req.Has(sip.PEarlyMedia) {
				t.Errorf("a phone is told\n%s", b.req)
			}
			b.reply(b.req, 183, b.sdp, sip.Header{Kind: sip.PEarlyMedia, Value: "inactive"})
			if got := f.status(183); got.Body == "" || (got.Get(sip.PEarlyMedia) == "sendrecv") != asks {
				t.Errorf("the trunk hears\n%s", got)
			}
			b.picksUp()
			f.answered("")
			f.leaves(b)
			b.d, f.d = nil, nil
		}
	})
}

// TestTel: what a trusted trunk tells beside a number goes to a trusted trunk and nowhere else (RFC 4694 §4).
func TestTel(t *testing.T) {
	uri := func(s string) sip.URI {
		u, err := sip.ParseURI(s)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	for in, want := range map[string]string{
		"tel:+98-21-2200;npdi;rn=+982199":                                   "sip:1;rn=+982199;npdi@x.example;user=phone",
		"tel:2200;phone-context=+9821":                                      "sip:1;phone-context=+9821@x.example;user=phone",
		"tel:2200;phone-context=a.example;cic=+98-0912;rn=1;rn-context=+98": "sip:1;cic=+98-0912;rn=1;rn-context=+98;phone-context=a.example@x.example;user=phone",
		"sip:+9821;npdi@c.example;user=phone":                               "sip:1;npdi@x.example;user=phone",
		"sip:+9821@c.example":                                               "sip:1@x.example",
		"tel:2200;phone-context=%0d%0aEvil":                                 "sip:1@x.example",
	} {
		if got := withTel(uri("sip:1@x.example"), telOf(uri(in))).String(); got != want {
			t.Errorf("%s goes on as %s, want %s", in, got, want)
		}
	}
	trusting(t, func(w *world, x *exchange, h *trunked) {
		w.silence()
		f, b, s := w.phone("192.0.2.21", "221"), w.phone("192.0.2.12", "102"), w.phone("192.0.2.22", "222")
		for _, to := range []*phone{b, s} {
			req := f.invite(to.number, f.sdp, func(m *sip.Message) { m.RequestURI = "tel:" + to.number + ";npdi;rn=99" })
			to.req = to.want(sip.INVITE)
			if strings.Contains(to.req.RequestURI, "rn=") {
				t.Errorf("%s is called as %s", to.number, to.req.RequestURI)
			}
			to.reply(to.req, 486, "")
			to.want(sip.ACK)
			f.refused(req, f.status(486))
		}
		h.manners["stranger"] = Manners{Trusted: true}
		req := f.invite("222", f.sdp, func(m *sip.Message) { m.RequestURI = "tel:222;npdi;rn=99" })
		s.req = s.want(sip.INVITE)
		if s.req.RequestURI != "sip:222;rn=99;npdi@192.0.2.22:5060;user=phone" {
			t.Errorf("a trusted trunk is called as %s", s.req.RequestURI)
		}
		s.reply(s.req, 486, "")
		s.want(sip.ACK)
		f.refused(req, f.status(486))
	})
}

// TestBreadth: a fork shares out what branches the call may have, and one that is too wide is refused
// (RFC 5393 §5.3.3).
func TestBreadth(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		w.silence()
		a, b, c := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "103"), w.phone("192.0.2.13", "103")
		for said, want := range map[string]string{"": "30", "5": "2", "2": "1", "600": "30", "many": "30"} {
			a.invite("103", a.sdp, func(m *sip.Message) {
				if said != "" {
					m.Set(sip.MaxBreadth, said)
				}
			})
			for _, p := range []*phone{b, c} {
				p.req = p.want(sip.INVITE)
				if got := p.req.Get(sip.MaxBreadth); got != want {
					t.Errorf("Max-Breadth %q went on as %q, want %q", said, got, want)
				}
				p.reply(p.req, 486, "")
				p.want(sip.ACK)
			}
			a.refused(a.req, a.status(486))
		}
		for _, said := range []string{"0", "1"} {
			a.invite("103", a.sdp, func(m *sip.Message) { m.Set(sip.MaxBreadth, said) })
			a.refused(a.req, a.status(440))
		}
		b.none(time.Minute)
	})
}

// TestFieldsByAgreement: a field crosses between sides that both name it, once, bounded; any other does not.
func TestFieldsByAgreement(t *testing.T) {
	trusting(t, func(w *world, x *exchange, h *trunked) {
		w.silence()
		a, f := w.phone("192.0.2.11", "101"), w.phone("192.0.2.21", "221")
		for _, c := range []struct {
			ours, theirs []string
			want         string
		}{{nil, []string{"X-Customer"}, ""}, {[]string{"X-Customer"}, nil, ""}, {[]string{"x-customer", "Subject"}, []string{"X-Customer"}, "17"}} {
			h.manners[""], h.manners["friend"] = Manners{Pass: c.ours}, Manners{Trusted: true, Pass: c.theirs}
			a.invite("221", a.sdp, func(m *sip.Message) {
				m.AddName("X-Customer", "17")
				m.AddName("X-Other", "18")
				m.Add(sip.Subject, "money")
			})
			f.req = f.want(sip.INVITE)
			if got := f.req.GetName("X-Customer"); got != c.want || f.req.GetName("X-Other") != "" || f.req.Has(sip.Subject) {
				t.Errorf("%v to %v:\n%s", c.ours, c.theirs, f.req)
			}
			f.reply(f.req, 486, "")
			f.want(sip.ACK)
			a.refused(a.req, a.status(486))
		}
	})
}

// TestOverlap: digits that are not enough get 484, and the same Call-ID with more of them and a new tag is a new
// call, while nothing is left of the old one (RFC 3578 §2).
func TestOverlap(t *testing.T) {
	trusting(t, func(w *world, x *exchange, h *trunked) {
		w.silence()
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		h.short = map[string]bool{"1": true, "10": true}
		for i, digits := range []string{"1", "10", "102"} {
			a.invite(digits, a.sdp, func(m *sip.Message) {
				m.Set(sip.CallID, "overlap@192.0.2.11")
				m.Set(sip.CSeqKind, strconv.Itoa(i+1)+" INVITE")
			})
			if digits == "102" {
				break
			}
			res := a.status(484)
			a.refused(a.req, res)
			if got := res.Get(sip.ReasonKind); !strings.HasPrefix(got, "Q.850;cause=28") {
				t.Errorf("Reason %q", got)
			}
		}
		b.rings()
		a.status(180)
		b.picksUp()
		a.answered("")
		if n := len(x.control.Calls("")); n != 1 {
			t.Errorf("%d calls", n)
		}
		a.leaves(b)
		a.none(time.Minute)
		if n := x.ep.Stats(); n.Servers != 0 || n.Usages != 0 {
			t.Errorf("left behind: %+v", n)
		}
		w.house.Check(t)
	})
}

// TestSelfForking: an address whose two phones are the exchange itself doubles with every round, until its
// branches are used up (RFC 5393 §3).
func TestSelfForking(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		w.silence()
		a := w.phone("192.0.2.11", "101")
		w.house.Account("105", 0, "sip:105@192.0.2.1:5060", "sip:105@192.0.2.1:5060;x=1")
		a.invite("105", a.sdp)
		a.refused(a.req, a.status(440))
		began := 0
		for _, e := range w.house.Events() {
			if e.Kind == call.LegBegan && e.Detail.Direction == call.Out {
				began++
			}
		}
		if began > 2*call.DefaultBreadth || began < 2 {
			t.Errorf("one call rang %d times", began)
		}
		a.none(time.Minute)
		if n := len(x.control.Calls("")); n != 0 {
			t.Errorf("%d calls are left", n)
		}
	})
}
