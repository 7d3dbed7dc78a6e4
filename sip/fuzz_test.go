package sip

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// FuzzMessage asserts, for any octets: no panic; what is accepted has the views that Parse
// promises and prints to what parses to the same; what is refused can be answered by a message that
// parses; and a stream's reader sees the same message.
func FuzzMessage(f *testing.F) {
	for _, c := range torture(f) {
		f.Add(c.text)
	}
	f.Add(everydayInvite)
	f.Add(everydayRegister)
	src := netip.MustParseAddrPort("192.0.2.1:5060")
	var reused Message
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseMessage(text)
		if err2 := Parse(text, &reused); (err == nil) != (err2 == nil) || reused.String() != m.String() {
			t.Fatalf("a reused message differs: %v, %v\n%q", err, err2, text)
		}
		if err != nil {
			if status := ParseStatusOf(err); status != 0 {
				if !m.IsRequest() {
					t.Fatalf("%d for a response", status)
				}
				m.StampReceived(src)
				r := NewResponse(m, status, err.(*ParseError).Text)
				r.SetToTag("t")
				oneLineEach(t, r)
			}
			return
		}
		roundTrip(t, m)
		if _, err := m.From(); err != nil {
			t.Fatal(err)
		}
		if to, err := m.To(); err != nil || to.Tag() != m.ToTag() {
			t.Fatalf("%v, tag %q and %q of %q", err, to.Tag(), m.ToTag(), m.Get(To))
		}
		if from, err := m.From(); err != nil || from.Tag() != m.FromTag() {
			t.Fatalf("%v, tag %q and %q of %q", err, from.Tag(), m.FromTag(), m.Get(From))
		}
		if c, err := m.CSeq(); err != nil || m.IsRequest() && c.Method != m.Method {
			t.Fatal(c, err)
		}
		if _, err := m.Via(); err != nil {
			t.Fatal(err)
		}
		for _, err := range m.Contacts() {
			if err != nil {
				t.Fatal(err)
			}
		}
		for range m.Vias() {
		}
		if m.IsRequest() {
			if _, err := m.URI(); err != nil {
				t.Fatal(err)
			}
			r := NewResponse(m, 200, "")
			r.SetToTag("t")
			oneLineEach(t, r)
			if _, err := ParseMessage(r.String()); err != nil {
				t.Fatalf("answer does not parse: %v\n%q", err, r)
			}
		}
		printed := m.String()
		head, body, _ := strings.Cut(printed, "\r\n\r\n")
		var h Message
		if n, err := ParseHead(head+"\r\n\r\n", &h, &DefaultLimits); err != nil || n != len(body) {
			t.Fatalf("head: %d, %v, body %d\n%q", n, err, len(body), printed)
		}
		m.StampReceived(src)
		if v, err := m.Via(); err != nil {
			t.Fatalf("stamped: %v %v", v, err)
		}
		if _, err := ParseMessage(m.String()); err != nil {
			t.Fatalf("stamped message does not parse: %v\n%q", err, m)
		}
	})
}

// oneLineEach asserts that nothing but the printer ended a line.
func oneLineEach(t *testing.T, m *Message) {
	t.Helper()
	head, _, _ := strings.Cut(m.String(), "\r\n\r\n")
	if n := strings.Count(head, "\n"); n != strings.Count(head, "\r") || n != strings.Count(head, "\r\n") || n > len(m.Headers)+1 {
		t.Fatalf("line ends: %q", head)
	}
}

func FuzzURI(f *testing.F) {
	for _, s := range []string{"sip:alice:pw@atlanta.com:5060;transport=tcp?a=b&c=d", "sips:[::1]", "tel:+1-201;phone-context=x", "urn:service:sos", "sip:*43#@h", "sip:%61@b;x=%41", "sip:user@[2001:db8:::192.0.2.1]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ParseURI(s)
		if err != nil {
			return
		}
		printed := u.String()
		v, err := ParseURI(printed)
		if err != nil || v != u {
			t.Fatalf("%q: %+v, printed %q: %+v, %v", s, u, printed, v, err)
		}
		if !u.Equal(v) {
			t.Fatalf("%q does not equal itself", s)
		}
		aor := u.AOR()
		w, err := ParseURI(aor)
		if err != nil || w.AOR() != aor {
			t.Fatalf("%q: AOR %q gives %q, %v", s, aor, w.AOR(), err)
		}
		if strings.ContainsAny(printed, " \r\n\t<>\"") {
			t.Fatalf("%q", printed)
		}
		_ = u.Username()
	})
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{`"A. \"G\" Bell" <sip:agb@bell.com;x> ;tag=a48s`, "sip:a@b;tag=x", "*", "Name <tel:1>", `<sip:a@b>;+sip.instance="<urn:uuid:1>";expires=1`, "علی <sip:a@b>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		printed := a.String()
		b, err := ParseAddress(printed)
		if err != nil {
			t.Fatalf("%q printed %q: %v", s, printed, err)
		}
		if want := strings.ReplaceAll(clean(a.Display), "\t", " "); b.Display != want || b.URI != a.URI || b.Params != a.Params {
			t.Fatalf("%q: %+v and %+v", s, a, b)
		}
		if tag := addressTag(trim(s)); tag != a.Tag() {
			t.Fatalf("%q: tag %q and %q", s, tag, a.Tag())
		}
		if again := b.String(); again != printed && !strings.Contains(printed, "\t") {
			t.Fatalf("%q and %q", printed, again)
		}
	})
}

func FuzzVia(f *testing.F) {
	for _, s := range []string{"SIP/2.0/UDP h:5060;branch=z9hG4bK1;rport", "SIP / 2.0 / TLS [::1] : 5061 ; received=[::2]", "SIP/2.0/SCTP h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseVia(s)
		if err != nil {
			return
		}
		w, err := ParseVia(v.String())
		if err != nil || w != v {
			t.Fatalf("%q: %+v, printed %q: %+v, %v", s, v, v, w, err)
		}
		v.Received()
		v.RPort()
		v.Branch()
	})
}

// FuzzHeaders takes any text as the value of every kind of field.
func FuzzHeaders(f *testing.F) {
	for _, s := range []string{"a, \"b,c\" , <d,e>;f", `Q.850;cause=16;text="x"`, `399 h "t"`, "1 INVITE", "776656 1 INVITE", "1800;refresher=uac", ";a=b;c=\"d;e\"", ",,", "\"", "<"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m := NewRequest(OPTIONS, "sip:a@b")
		for k := UnknownKind + 1; k < kinds; k++ {
			m.Add(k, s)
		}
		m.Set(Subject, s)
		m.AddName(s, s)
		oneLineEach(t, m)
		parts := slices.Collect(m.Values(Contact))
		again := slices.Collect(splitValues(strings.Join(parts, ", ")))
		if !slices.Equal(parts, again) {
			// An element that never ends swallows what follows it; only the last may be one.
			if last := parts[len(parts)-1]; !strings.ContainsAny(last, "\"<") {
				t.Fatalf("%q: %q and %q", s, parts, again)
			}
		}
		m.HasToken(Supported, s)
		m.DropTop(Contact)
		m.Expires()
		m.MaxForwards()
		m.MediaType()
		if r, err := ParseReason(s); err == nil {
			if again, err := ParseReason(r.String()); err != nil || again.Cause != r.Cause || again.Protocol != r.Protocol {
				t.Fatalf("%q: %+v, %+v, %v", s, r, again, err)
			}
		}
		if w, err := ParseWarning(clean(s)); err == nil {
			if again, err := ParseWarning(w.String()); err != nil || again.Code != w.Code || again.Agent != w.Agent {
				t.Fatalf("%q: %+v, %+v, %v", s, w, again, err)
			}
		}
		if c, err := ParseCSeq(s); err == nil {
			if again, err := ParseCSeq(c.String()); err != nil || again != c {
				t.Fatalf("%q: %+v, %+v, %v", s, c, again, err)
			}
		}
		if a, err := ParseRAck(s); err == nil {
			if again, err := ParseRAck(a.String()); err != nil || again != a {
				t.Fatalf("%q: %+v, %+v, %v", s, a, again, err)
			}
		}
		if e, err := ParseSessionExpires(s); err == nil {
			if again, err := ParseSessionExpires(e.String()); err != nil || again != e {
				t.Fatalf("%q: %+v, %+v, %v", s, e, again, err)
			}
		}
		m.RSeq()
		m.MinSE()
		p := Params(s)
		if p.wellFormed() {
			q := p.With("zz", s)
			if v, ok := q.Get("ZZ"); !ok || v != strings.ReplaceAll(clean(s), "\t", " ") {
				t.Fatalf("%q: %q holds %q", s, q, v)
			}
			if !q.wellFormed() || q.Without("zz").Has("zz") {
				t.Fatalf("%q: %q", s, q)
			}
		}
	})
}
