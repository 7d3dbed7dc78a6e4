package sip

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var (
	genToken = rapid.StringMatching("[a-zA-Z0-9.!%*_+`'~-]{1,12}")
	genHost  = rapid.OneOf(rapid.StringMatching(`[a-z][a-z0-9-]{0,8}(\.[a-z]{2,5})?`), rapid.SampledFrom([]string{"192.0.2.1", "2001:db8::1", "::1"}))
	genPort  = rapid.OneOf(rapid.Just(uint16(0)), rapid.Uint16Range(1, 65535))
)

func genParams(t *rapid.T, label string) Params {
	var p Params
	for range rapid.IntRange(0, 4).Draw(t, label) {
		p = p.With(genToken.Draw(t, "name"), rapid.OneOf(rapid.Just(""), genToken, rapid.String()).Draw(t, "value"))
	}
	return p
}

func genURI(t *rapid.T) URI {
	u := URI{Scheme: rapid.SampledFrom([]string{"sip", "sips"}).Draw(t, "scheme"), Host: genHost.Draw(t, "host"), Port: genPort.Draw(t, "port")}
	if rapid.Bool().Draw(t, "has user") {
		u.User = EscapeUser(rapid.StringN(1, 20, 40).Draw(t, "user"))
	}
	for range rapid.IntRange(0, 3).Draw(t, "URI parameters") {
		u = u.WithParam(rapid.StringMatching("[a-z]{1,6}").Draw(t, "name"), rapid.String().Draw(t, "value"))
	}
	return u
}

func genAddress(t *rapid.T) Address {
	return Address{Display: rapid.String().Draw(t, "display"), URI: genURI(t), Params: genParams(t, "parameters")}
}

// Whatever is built of the words prints to a message that parses to the same words.
func TestPropertyBuildPrintParse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		method := Method(genToken.Draw(t, "method"))
		u, from, to := genURI(t), genAddress(t), genAddress(t)
		m := NewRequest(method, u.String())
		var vias []Via
		for range rapid.IntRange(1, 4).Draw(t, "vias") {
			v := Via{Transport: rapid.SampledFrom([]Transport{UDP, TCP, TLS, WS, WSS}).Draw(t, "transport"), Host: genHost.Draw(t, "host"), Port: genPort.Draw(t, "port"), Params: genParams(t, "parameters")}
			vias = append(vias, v)
			m.Add(ViaKind, v.String())
		}
		m.Add(From, from.String())
		m.Add(To, to.String())
		m.Add(CallID, genToken.Draw(t, "Call-ID"))
		seq := CSeq{rapid.Uint32().Draw(t, "seq"), method}
		m.Add(CSeqKind, seq.String())
		var contacts []string
		for range rapid.IntRange(0, 3).Draw(t, "contacts") {
			contacts = append(contacts, genAddress(t).String())
		}
		if len(contacts) > 0 {
			m.Add(Contact, strings.Join(contacts, " ,"))
		}
		subject := rapid.String().Draw(t, "subject")
		m.Add(Subject, subject)
		m.SetBody("text/plain", rapid.StringN(0, 100, 200).Draw(t, "body"))

		got, err := ParseMessage(m.String())
		if err != nil {
			t.Fatalf("%v\n%q", err, m)
		}
		plain := func(a Address) Address {
			a.Display = strings.ReplaceAll(clean(a.Display), "\t", " ")
			a.RawURI = a.URI.String()
			return a
		}
		check := func(what string, got, want any) {
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("%s: %s\n%q", what, d, m)
			}
		}
		gotURI, err := got.URI()
		check("URI", gotURI, u)
		check("error", err, nil)
		gotFrom, _ := got.From()
		check("From", gotFrom, plain(from))
		gotTo, _ := got.To()
		check("To", gotTo, plain(to))
		gotSeq, _ := got.CSeq()
		check("CSeq", gotSeq, seq)
		var gotVias []Via
		for v := range got.Vias() {
			gotVias = append(gotVias, v)
		}
		check("Via", gotVias, vias)
		var gotContacts []string
		for c, err := range got.Contacts() {
			check("Contact", err, nil)
			gotContacts = append(gotContacts, c.String())
		}
		check("Contact", gotContacts, contacts)
		check("Subject", got.Get(Subject), trim(clean(subject)))
		check("body", got.Body, m.Body)
		if got.String() != m.String() && trim(clean(subject)) == clean(subject) {
			t.Fatalf("%q\n%q", m, got)
		}
	})
}

// Folds, spaces, letter case and compact names change nothing of what a message says
// (RFC 3261 §7.3.1, §7.3.3).
func TestPropertySpelling(t *testing.T) {
	want, err := ParseMessage(everydayInvite)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		space := func() string {
			return rapid.SampledFrom([]string{"", " ", "\t ", "\r\n ", " \r\n\t  "}).Draw(t, "space")
		}
		var b strings.Builder
		b.WriteString("INVITE " + want.RequestURI + " SIP/2.0\r\n")
		for _, h := range want.Headers {
			name := h.Name
			if rapid.Bool().Draw(t, "compact") {
				for c, k := range compactKinds {
					if k == h.Kind && k != UnknownKind {
						name = string(rune('a' + c))
					}
				}
			}
			switch rapid.IntRange(0, 2).Draw(t, "case") {
			case 0:
				name = strings.ToUpper(name)
			case 1:
				name = strings.ToLower(name)
			}
			value := h.Value
			if h.Kind != UserAgent {
				// Spaces around separators of the header's own, never inside a URI.
				head, tail := value, ""
				if i := strings.LastIndexByte(value, '>'); i >= 0 {
					head, tail = value[:i+1], value[i+1:]
				} else if h.Kind == ViaKind {
					i = strings.IndexByte(value, ';')
					head, tail = value[:i], value[i:]
					head = strings.Replace(head, "/", space()+"/"+space(), 2)
				}
				for _, sep := range []string{";", "="} {
					tail = strings.ReplaceAll(tail, sep, space()+sep+space())
				}
				value = head + tail
			}
			b.WriteString(name + rapid.SampledFrom([]string{"", " ", "\t"}).Draw(t, "before colon") + ":" + space() + value + space() + "\r\n")
		}
		b.WriteString("\r\n" + want.Body)
		got, err := ParseMessage(b.String())
		if err != nil {
			t.Fatalf("%v\n%q", err, b.String())
		}
		views := func(m *Message) []any {
			v, _ := m.Via()
			from, _ := m.From()
			to, _ := m.To()
			seq, _ := m.CSeq()
			hops, _ := m.MaxForwards()
			out := []any{v.Transport, v.SentBy(), v.Branch(), v.Params.Has("rport"), from.Display, from.Tag(), from.URI, to.URI, seq, hops, m.CallID(), m.Get(UserAgent), m.MediaType(), m.Body, m.HasToken(Supported, "path")}
			for c := range m.Contacts() {
				out = append(out, c.URI)
			}
			return out
		}
		if d := cmp.Diff(views(want), views(got)); d != "" {
			t.Fatalf("%s\n%q", d, b.String())
		}
	})
}
