package sip

import (
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	for _, c := range []struct{ in, display, uri, params, printed string }{
		{`"A. G. Bell" <sip:agb@bell-telephone.com> ;tag=a48s`, "A. G. Bell", "sip:agb@bell-telephone.com", ";tag=a48s", `"A. G. Bell" <sip:agb@bell-telephone.com>;tag=a48s`},
		{`sip:+12125551212@server.phone2net.com;tag=887s`, "", "sip:+12125551212@server.phone2net.com", ";tag=887s", `<sip:+12125551212@server.phone2net.com>;tag=887s`},
		{`Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=hyh8`, "Anonymous", "sip:c8oqz84zk7z@privacy.org", ";tag=hyh8", `"Anonymous" <sip:c8oqz84zk7z@privacy.org>;tag=hyh8`},
		{`<sip:a@b;lr>`, "", "sip:a@b;lr", "", "<sip:a@b;lr>"},
		{`"say \"hi\" \\ <x>" <sip:a@b>`, `say "hi" \ <x>`, "sip:a@b", "", `"say \"hi\" \\ <x>" <sip:a@b>`},
		{`"" <sip:a@b>`, "", "sip:a@b", "", "<sip:a@b>"},
		{"علی رضایی <sip:a@b>", "علی رضایی", "sip:a@b", "", `"علی رضایی" <sip:a@b>`},
		{`*`, "", "*", "", "*"},
		{`<sip:a@b>;+sip.instance="<urn:uuid:1;2>";expires=60`, "", "sip:a@b", `;+sip.instance="<urn:uuid:1;2>";expires=60`, `<sip:a@b>;+sip.instance="<urn:uuid:1;2>";expires=60`},
		{`<tel:+12015550123>`, "", "tel:+12015550123", "", `<tel:+12015550123>`},
		{`O'Brien (Bob) <sip:a@b>`, "O'Brien (Bob)", "sip:a@b", "", `"O'Brien (Bob)" <sip:a@b>`},
	} {
		a, err := ParseAddress(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if a.Display != c.display || a.RawURI != c.uri || string(a.Params) != c.params {
			t.Errorf("%s: %+v", c.in, a)
		}
		if s := a.String(); s != c.printed {
			t.Errorf("%s printed as %s", c.in, s)
		}
	}
	for _, in := range []string{
		"", " ", "<", "<>", "<sip:a@b", "sip:a@b>", `"a <sip:a@b>`, `"a" sip:a@b`, `"a"`, `a, b <sip:a@b>`, "sip:a@b?x=y", "sip:a,b@c",
		"<sip:a@b>x", "<sip:a@b>;", "<sip:a@b>;=x", "<sip:a@b>;a=b c", `<sip:a@b>;a="b`, "< sip:a@b>", "<sip:a@b >", "a\r\nb <sip:a@b>", `\a <sip:a@b>`, "* ;x",
	} {
		if a, err := ParseAddress(in); err == nil && !a.IsStar() {
			t.Errorf("%q accepted as %+v", in, a)
		}
	}
}

// A tag is found without parsing the address, and is the address's.
func TestTags(t *testing.T) {
	for _, s := range []string{
		`sip:a@b;tag=1`, `<sip:a@b>;tag=1`, `<sip:a;tag=2@b;tag=3>;tag=1`, `"x>;tag=2" <sip:a@b>;tag=1`, `"x\";tag=2" <sip:a@b> ; tag = 1`,
		`sip:a@b;x="<>";tag=1`, `sip:a@b;x=">";tag=1`, `x y <sip:a@b;tag=2>;TAG=1`, `<sip:a@b>;x="<y>;tag=2";tag=1`, `<sip:a@b>`, `sip:a@b`,
	} {
		a, err := ParseAddress(s)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		want := ""
		if strings.Contains(s, "1") {
			want = "1"
		}
		if got := addressTag(s); got != want || a.Tag() != want {
			t.Errorf("%s: %q and %q", s, got, a.Tag())
		}
	}
}

// Nothing that a name can hold gets out of its quotes.
func TestDisplayCannotInject(t *testing.T) {
	for _, name := range []string{
		"a\r\nX-Injected: 1", "a\"\r\nEvil: x", `a" <sip:evil@x>, "b`, "a\x00b", `back\`, `\" <sip:x@y>`, "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "a\x7fb", "تست\nب",
	} {
		a := Address{Display: name, URI: URI{Scheme: "sip", User: "a", Host: "b"}}
		s := a.String()
		if strings.ContainsAny(s, "\r\n\x00") {
			t.Errorf("%q printed as %q", name, s)
		}
		back, err := ParseAddress(s)
		if err != nil || back.RawURI != "sip:a@b" {
			t.Errorf("%q: %+v, %v", s, back, err)
		}
		if want := clean(strings.ReplaceAll(name, "\t", " ")); back.Display != want {
			t.Errorf("%q came back as %q", want, back.Display)
		}
	}
}

func TestParams(t *testing.T) {
	p := Params(` ; a = b ;c;D="x;y\"z" ; e=`)
	for _, c := range []struct {
		name, value string
		ok          bool
	}{{"A", "b", true}, {"c", "", true}, {"d", `x;y"z`, true}, {"e", "", true}, {"f", "", false}} {
		if v, ok := p.Get(c.name); v != c.value || ok != c.ok {
			t.Errorf("%s: %q %v", c.name, v, ok)
		}
	}
	var names []string
	for n := range p.All() {
		names = append(names, n)
	}
	if s := strings.Join(names, " "); s != "a c D e" {
		t.Error(s)
	}
	p = ";a=b;c"
	for _, c := range []struct{ got, want Params }{
		{p.With("x", "1"), ";a=b;c;x=1"},
		{p.With("A", "2"), ";a=2;c"},
		{p.With("c", ""), ";a=b;c"},
		{p.With("c", "q w"), `;a=b;c="q w"`},
		{p.With("c", "a\r\nb;x"), `;a=b;c="a  b;x"`},
		{p.With("bad name", "1"), p},
		{p.With("", "1"), p},
		{p.With("h", "[::1]:5"), ";a=b;c;h=[::1]:5"},
		{p.Without("A"), ";c"},
		{p.Without("z"), p},
		{Params("").With("lr", ""), ";lr"},
		{Params(";a=1;a=2").With("a", "3"), ";a=3"},
		{Params(";a=1;b;a=2").Without("a"), ";b"},
	} {
		if c.got != c.want {
			t.Errorf("%s, want %s", c.got, c.want)
		}
	}
}

func TestVia(t *testing.T) {
	for in, want := range map[string]string{
		"SIP/2.0/UDP host":                                   "SIP/2.0/UDP host",
		"sip/2.0/tcp  [::1]:5060 ;branch=z9hG4bK1":           "SIP/2.0/TCP [::1]:5060;branch=z9hG4bK1",
		"SIP / 2.0 / TLS host : 5061;received=1.2.3.4;rport": "SIP/2.0/TLS host:5061;received=1.2.3.4;rport",
		"SIP/2.0/SCTP h;x":                                   "SIP/2.0/SCTP h;x",
		"SIP/2.0/UDP [2001:db8::1] : 7":                      "SIP/2.0/UDP [2001:db8::1]:7",
		"SIP/2.0/UDP h: 7;a":                                 "SIP/2.0/UDP h:7;a",
	} {
		v, err := ParseVia(in)
		if err != nil {
			t.Errorf("%q: %v", in, err)
		}
		if v.String() != want {
			t.Errorf("%q printed as %q", in, v)
		}
		if w, err := ParseVia(want); err != nil || w != v {
			t.Errorf("%q: %+v and %+v", in, v, w)
		}
	}
	for _, in := range []string{"", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/1.0/UDP h", "HTTP/2.0/UDP h", "SIP/2.0 h", "SIP/2.0/UDP h:", "SIP/2.0/UDP h:x",
		"SIP/2.0/UDP h:70000", "SIP/2.0/UDP h;", "SIP/2.0/UDP h;;a", "SIP/2.0/UDP h x", "SIP/2.0/UDP h: ", "SIP/2.0/UDP h:5 :6", "SIP/2.0/UDP [::1", "SIP/2.0/UDP h;a=b,c", "SIP/2.0/UDP ;branch=x"} {
		if v, err := ParseVia(in); err == nil {
			t.Errorf("%q accepted as %+v", in, v)
		}
	}
	v, _ := ParseVia("SIP/2.0/UDP h;rport=99;received=::ffff:1.2.3.4")
	if p, ok := v.RPort(); p != 99 || !ok {
		t.Error(p, ok)
	}
}
