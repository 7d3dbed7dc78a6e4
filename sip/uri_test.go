package sip

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseURI(t *testing.T) {
	for _, c := range []struct {
		in   string
		want URI
	}{
		{"sip:alice@atlanta.com", URI{Scheme: "sip", User: "alice", Host: "atlanta.com"}},
		{"sip:alice:secretword@atlanta.com;transport=tcp", URI{Scheme: "sip", User: "alice", Password: "secretword", Host: "atlanta.com", Params: ";transport=tcp"}},
		{"sips:alice@atlanta.com?subject=project%20x&priority=urgent", URI{Scheme: "sips", User: "alice", Host: "atlanta.com", Headers: "subject=project%20x&priority=urgent"}},
		{"sip:+1-212-555-1212:1234@gateway.com;user=phone", URI{Scheme: "sip", User: "+1-212-555-1212", Password: "1234", Host: "gateway.com", Params: ";user=phone"}},
		{"sips:1212@gateway.com", URI{Scheme: "sips", User: "1212", Host: "gateway.com"}},
		{"sip:alice@192.0.2.4", URI{Scheme: "sip", User: "alice", Host: "192.0.2.4"}},
		{"sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com", URI{Scheme: "sip", Host: "atlanta.com", Params: ";method=REGISTER", Headers: "to=alice%40atlanta.com"}},
		{"sip:alice;day=tuesday@atlanta.com", URI{Scheme: "sip", User: "alice;day=tuesday", Host: "atlanta.com"}},
		{"SIP:*43#@Example.COM:5061", URI{Scheme: "SIP", User: "*43#", Host: "Example.COM", Port: 5061}},
		{"sip:[::1]:5060;lr", URI{Scheme: "sip", Host: "::1", Port: 5060, Params: ";lr"}},
		{"sip:a@h;x=[1]:/&+$%41", URI{Scheme: "sip", User: "a", Host: "h", Params: ";x=[1]:/&+$%41"}},
		{"sip:h;x=%41;y", URI{Scheme: "sip", Host: "h", Params: ";x=%41;y"}},
		{"tel:+1-201-555-0123", URI{Scheme: "tel", User: "+1-201-555-0123"}},
		{"tel:7042;phone-context=example.com", URI{Scheme: "tel", User: "7042", Params: ";phone-context=example.com"}},
		{"urn:service:sos", URI{Scheme: "urn", Opaque: "service:sos"}},
	} {
		u, err := ParseURI(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if d := cmp.Diff(c.want, u); d != "" {
			t.Errorf("%s: %s", c.in, d)
		}
		if s := u.String(); s != c.in {
			t.Errorf("%s printed as %s", c.in, s)
		}
	}
	for _, in := range []string{
		"", "sip", "sip:", ":x", "1sip:a@b", "sip:@host", "sip:a@", "sip:a b@host", "sip:a@h ost", "sip:a@b@c",
		"sip:a@host:", "sip:a@host:port", "sip:a@host:65536", "sip:a@host:99999999999999999999", "sip:a%4@host", "sip:a%zz@host",
		"sip:a@[::1", "sip:a@[1.2.3.4]", "sip:a@[fe80::1%25eth0]", "sip:a@2001:db8::10", "sip:a@host;", "sip:a@host;;lr",
		"sip:a@host;=b", "sip:a@host;a=%4", "sip:a@host?", "sip:a@host? x", "sip:a<b>@host", "sip:a@host>", "sip:a@host;a=\"b\"",
		"sip:a\r\nX: y@host", "sip:a@[2001:db8:::10]", "sip:a@[2001:db8::::192.0.2.1]", "tel:", "tel:+", "tel:abcxyz", "mailto:", "http://a b",
	} {
		if u, err := ParseURI(in); err == nil {
			t.Errorf("%q accepted as %+v", in, u)
		}
	}
}

// The examples of RFC 3261 §19.1.4.
func TestURIEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5", true},
		{"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com", "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true},
		{"sip:alice@atlanta.com?subject=project%20x&priority=urgent", "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true},
		{"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false},
		{"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false},
		{"sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false},
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false},
		{"sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0::1]", true},
		{"sip:a@h", "sips:a@h", false},
		{"tel:+1-201-555-0123", "tel:+12015550123", true},
		{"tel:7042;phone-context=example.com", "tel:7042", false},
		{"urn:a:b", "urn:a:b", true},
		{"sip:a%3Ab@h", "sip:a:b@h", false},
	} {
		a, err := ParseURI(c.a)
		if err != nil {
			t.Fatal(err)
		}
		b, err := ParseURI(c.b)
		if err != nil {
			t.Fatal(err)
		}
		if a.Equal(b) != c.want || b.Equal(a) != c.want {
			t.Errorf("%s and %s: want equal %v", c.a, c.b, c.want)
		}
	}
}

func TestAOR(t *testing.T) {
	for in, want := range map[string]string{
		"sip:Alice@Example.COM:5062;transport=tcp": "sip:Alice@example.com",
		"sips:%61lice:pw@example.com?x=y":          "sip:alice@example.com",
		"sip:%2a43%23@h":                           "sip:*43%23@h",
		"sip:*43#@h":                               "sip:*43%23@h",
		"sip:example.com":                          "sip:example.com",
		"sip:a@[2001:DB8::1]":                      "sip:a@[2001:db8::1]",
		"tel:+1-201-555-0123;x=y":                  "tel:+12015550123",
		"URN:a:B":                                  "urn:a:B",
	} {
		u, err := ParseURI(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := u.AOR(); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestEscapes(t *testing.T) {
	if s := EscapeUser("a b:c@d/é\r\n<>"); s != "a%20b%3Ac%40d/%C3%A9%0D%0A%3C%3E" {
		t.Error(s)
	}
	if s := Unescape("a%20b%zz%4"); s != "a b%zz%4" {
		t.Error(s)
	}
	u := URI{Scheme: "sip", Host: "h"}
	u = u.WithParam("x", "a b;c").WithParam("X", "é").WithParam("bad name", "1")
	if s := u.String(); s != "sip:h;X=%C3%A9" {
		t.Error(s)
	}
}

func TestHostPort(t *testing.T) {
	for want, h := range map[string]HostPort{"h": {"h", 0}, "192.0.2.1:5060": {"192.0.2.1", 5060}, "[::1]": {"::1", 0}, "[::1]:5": {"::1", 5}} {
		if h.String() != want {
			t.Errorf("%s, want %s", h, want)
		}
	}
	if a, ok := (HostPort{Host: "2001:db8::1"}).Addr(); !ok || a != netip.MustParseAddr("2001:db8::1") {
		t.Error(a, ok)
	}
	for _, name := range []string{"", "example.com", "a", "face", "1.2.3", "1.2.3.4.5", "x1"} {
		if a, ok := (HostPort{Host: name}).Addr(); ok {
			t.Errorf("%s is %s", name, a)
		}
	}
}

func TestTransportParam(t *testing.T) {
	u, _ := ParseURI("sip:a@b;transport=TcP")
	if u.Transport() != TCP {
		t.Error(u.Transport())
	}
}

func TestNumber(t *testing.T) {
	for text, want := range map[string]string{
		"sip:101@example.com":                           "101",
		"sip:%2B98;phone-context=x@example.com":         "+98",
		"sip:+982122000001;rn=+98211@example.com":       "+982122000001",
		"tel:+98-21-2200-0001;npdi":                     "+982122000001",
		"tel:110;phone-context=+98":                     "110",
		"sip:example.com":                               "",
		"sip:%D8%B3%D8%A7%D8%B1%D8%A7@example.com:5060": "سارا",
	} {
		u, err := ParseURI(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := u.Number(); got != want {
			t.Errorf("%s names %q, want %q", text, got, want)
		}
	}
}
