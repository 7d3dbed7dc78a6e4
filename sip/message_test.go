package sip

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// lines makes a message of lines: the head, an empty line, and the body.
func lines(body string, head ...string) string {
	return strings.Join(head, "\r\n") + "\r\n\r\n" + body
}

var options = []string{
	"OPTIONS sip:a@b SIP/2.0", "Via: SIP/2.0/UDP h:1;branch=z9hG4bK1", "From: <sip:a@b>;tag=1", "To: <sip:a@b>",
	"Call-ID: 1", "CSeq: 1 OPTIONS", "Max-Forwards: 70",
}

func with(extra ...string) []string { return append(slices.Clone(options), extra...) }

func TestParseRefuses(t *testing.T) {
	replace := func(i int, line string) string {
		l := slices.Clone(options)
		l[i] = line
		return lines("", l...)
	}
	without := func(i int) string { return lines("", slices.Delete(slices.Clone(options), i, i+1)...) }
	for _, c := range []struct {
		name   string
		text   string
		status int
	}{
		{"empty", "", 0},
		{"keep-alive", "\r\n\r\n", 0},
		{"junk", "\x00\x01\x02", 0},
		{"junk line", "hello world\r\n\r\n", 0},
		{"HTTP", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0},
		{"no version", "OPTIONS sip:a@b\r\n\r\n", 0},
		{"no URI", "OPTIONS SIP/2.0\r\n\r\n", 0},
		{"start line without URI", replace(0, "OPTIONS SIP/2.0"), 400},
		{"start line without version", replace(0, "OPTIONS sip:a@b"), 400},
		{"start line of one word", replace(0, "OPTIONS"), 400},
		{"start line of HTTP", replace(0, "OPTIONS sip:a@b HTTP/1.1"), 400},
		{"start line SIP/2", replace(0, "OPTIONS sip:a@b SIP/2"), 400},
		{"ACK", strings.ReplaceAll(replace(6, "Max-Forwards: x"), "OPTIONS", "ACK"), 0},
		{"version 3.1", replace(0, "OPTIONS sip:a@b SIP/3.1"), 505},
		{"bad method", replace(0, "OPT(ONS sip:a@b SIP/2.0"), 0},
		{"quote in URI", replace(0, `OPTIONS sip:"a"@b SIP/2.0`), 400},
		{"no Via", without(1), 400},
		{"no From", without(2), 400},
		{"no To", without(3), 400},
		{"no Call-ID", without(4), 400},
		{"no CSeq", without(5), 400},
		{"empty Call-ID", replace(4, "Call-ID:"), 400},
		{"spaced Call-ID", replace(4, "Call-ID: a b"), 400},
		{"CSeq without number", replace(5, "CSeq: OPTIONS"), 400},
		{"CSeq without method", replace(5, "CSeq: 1"), 400},
		{"CSeq 2^32", replace(5, "CSeq: 4294967296 OPTIONS"), 400},
		{"CSeq glued", replace(5, "CSeq: 1OPTIONS"), 400},
		{"CSeq long method", replace(5, "CSeq: 1 "+strings.Repeat("A", 6000)), 400},
		{"CSeq case", replace(5, "CSeq: 1 options"), 400},
		{"hops 256", replace(6, "Max-Forwards: 256"), 400},
		{"hops -1", replace(6, "Max-Forwards: -1"), 400},
		{"hops empty", replace(6, "Max-Forwards:"), 400},
		{"Via list with a hole", replace(1, "Via: SIP/2.0/UDP h, , SIP/2.0/UDP g"), 400},
		{"Via list with an end", replace(1, "Via: SIP/2.0/UDP h,"), 400},
		{"Contact unbalanced", lines("", with("Contact: \"a <sip:a@b>")...), 400},
		{"Route bad", lines("", with("Route: <sip:a@b")...), 400},
		{"line without colon", lines("", with("Subject")...), 400},
		{"name with a space", lines("", with("Sub ject: a")...), 400},
		{"no name", lines("", with(": a")...), 400},
		{"folded first line", "OPTIONS sip:a@b SIP/2.0\r\n Via: x\r\n" + lines("", options[1:]...), 400},
		{"bare LF", lines("", with("Subject: a\nX-Evil: b")...), 400},
		{"all LF", strings.ReplaceAll(lines("", options...), "\r\n", "\n"), 400},
		{"bare CR", lines("", with("Subject: a\rb")...), 400},
		{"CR CR LF", lines("", with("Subject: a\r")...), 400},
		{"no end", strings.TrimSuffix(lines("", options...), "\r\n\r\n"), 400},
		{"length beyond", lines("abc", with("Content-Length: 4")...), 400},
		{"length empty", lines("", with("Content-Length:")...), 400},
		{"length hex", lines("", with("Content-Length: 0x0")...), 400},
		{"length plus", lines("", with("Content-Length: +0")...), 400},
		{"length list", lines("", with("Content-Length: 0, 0")...), 400},
		{"length huge", lines("", with("Content-Length: 99999999999999999999")...), 400},
		{"two lengths", lines("", with("Content-Length: 0", "l: 0")...), 400},
		{"long URI", replace(0, "OPTIONS sip:a@"+strings.Repeat("b", 5000)+" SIP/2.0"), 414},
		{"long line", lines("", with("Subject: "+strings.Repeat("b", 9000))...), 513},
		{"long fold", lines("", with("Subject: a"+strings.Repeat("\r\n "+strings.Repeat("b", 100), 100))...), 513},
		{"many lines", lines("", with(slices.Repeat([]string{"X: y"}, 300)...)...), 513},
		{"too large", lines(strings.Repeat("x", 70000), options...), 513},
		{"response without Via", "SIP/2.0 200 OK\r\n\r\n", 0},
		{"response 99", "SIP/2.0 99 OK\r\n" + lines("", options[1:]...), 0},
		{"response 700", "SIP/2.0 700 OK\r\n" + lines("", options[1:]...), 0},
		{"response 3.0", "SIP/3.0 200 OK\r\n" + lines("", options[1:]...), 0},
	} {
		m, err := ParseMessage(c.text)
		var p *ParseError
		if !errors.As(err, &p) {
			t.Errorf("%s: accepted: %v", c.name, m)
			continue
		}
		if p.Status != c.status || ParseStatusOf(err) != c.status {
			t.Errorf("%s: %d %s, want %d", c.name, p.Status, p.Text, c.status)
		}
		if strings.ContainsAny(p.Text, "\r\n") || p.Text == "" {
			t.Errorf("%s: text %q", c.name, p.Text)
		}
		if p.Status == 0 {
			continue
		}
		// The answer holds nothing that ends a line.
		r := NewResponse(m, p.Status, p.Text).String()
		if n := strings.Count(r, "\n"); n != strings.Count(r, "\r\n") || n != strings.Count(r, "\r") || strings.Contains(r, "\r\nX-Evil") {
			t.Errorf("%s: answer %q", c.name, r)
		}
	}
}

func TestParseAccepts(t *testing.T) {
	for name, text := range map[string]string{
		"empty lines first":   "\r\n\r\n" + lines("", options...),
		"no empty line last":  strings.TrimSuffix(lines("", options...), "\r\n"),
		"lower case version":  strings.Replace(lines("", options...), "SIP/2.0\r", "sip/2.0\r", 1),
		"more than a body":    lines("abcdef", with("Content-Length: 3")...),
		"no Max-Forwards":     lines("", options[:6]...),
		"CSeq 2^32-1":         lines("", append(slices.Clone(options[:5]), "CSeq: 4294967295 OPTIONS")...),
		"unknown field":       lines("", with("X-Any: <<<,,,;;;\"", "X-Empty:")...),
		"star":                lines("", with("Contact: *")...),
		"UTF-8":               lines("", with("Subject: سلام")...),
		"bad Expires":         lines("", with("Expires: soon")...),
		"Contact in quotes":   lines("", with(`Contact: "a, \"b\" <c>" <sip:a@b>, <sip:c@d;x=1>;q=0.5`)...),
		"response with words": "SIP/2.0 486 Busy  Here \r\n" + lines("", options[1:]...),
		"response no reason":  "SIP/2.0 200\r\n" + lines("", options[1:]...),
	} {
		m, err := ParseMessage(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		roundTrip(t, m)
	}
	m, _ := ParseMessage(lines("abcdef", with("Content-Length: 3")...))
	if m.Body != "abc" {
		t.Errorf("body %q", m.Body)
	}
	m, _ = ParseMessage(lines("abcdef", options...))
	if m.Body != "abcdef" {
		t.Errorf("body %q", m.Body)
	}
}

func TestParseHead(t *testing.T) {
	for text, want := range map[string]int{
		lines("", with("Content-Length: 1234")...):           1234,
		lines("", with("l: 0")...):                           0,
		lines("", options...):                                -1,
		lines("", with("l: 1", "Content-Length: 1")...):      -1,
		lines("", with("l: -1")...):                          -1,
		lines("", with("Content-Length: 1e1")...):            -1,
		lines("", with("Content-Length: 70000")...):          -1,
		lines("", with("Content-Length : 5", "Subject:")...): 5,
	} {
		var m Message
		n, err := ParseHead(text, &m, &DefaultLimits)
		if want < 0 && err == nil || want >= 0 && (err != nil || n != want) {
			t.Errorf("%q: %d, %v", text, n, err)
		}
		if m.CallID() != "1" {
			t.Errorf("%q: not to be answered", text)
		}
	}
}

func TestHeaderFields(t *testing.T) {
	m := NewRequest("INVITE", "sip:a@b")
	m.Add(Route, "<sip:1>, <sip:2>")
	m.Prepend(ViaKind, "SIP/2.0/UDP b")
	m.Prepend(ViaKind, "SIP/2.0/UDP a")
	m.Add(Supported, "timer, 100rel")
	m.Add(Supported, " , replaces;x=1")
	m.Set(Subject, "one")
	m.Set(Subject, "two")
	m.Add(UnknownKind, "x")
	if !m.AddName("X-Thing", "1") || m.AddName("X Thing", "1") || m.AddName("", "1") || m.AddName("X\r\nY", "1") {
		t.Error("AddName")
	}
	m.AddName("sUBJECT", "three")
	want := "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nVia: SIP/2.0/UDP b\r\nRoute: <sip:1>, <sip:2>\r\nSupported: timer, 100rel\r\n" +
		"Supported:  , replaces;x=1\r\nSubject: two\r\nX-Thing: 1\r\nsUBJECT: three\r\nContent-Length: 0\r\n\r\n"
	if s := m.String(); s != want {
		t.Errorf("%s\nwant %s", s, want)
	}
	if got := slices.Collect(m.Values(Supported)); !slices.Equal(got, []string{"timer", "100rel", "replaces;x=1"}) {
		t.Error(got)
	}
	if got := slices.Collect(m.Values(Subject)); !slices.Equal(got, []string{"two", "three"}) {
		t.Error(got)
	}
	for token, want := range map[string]bool{"TIMER": true, "replaces": true, "100": false, "": false} {
		if m.HasToken(Supported, token) != want {
			t.Error(token)
		}
	}
	if m.GetName("x-thing") != "1" || m.GetName("k") != "timer, 100rel" || m.GetName("none") != "" {
		t.Error("GetName")
	}
	c := m.Clone()
	c.Set(Subject, "clone")
	c.DropTop(Route)
	c.DropTop(ViaKind)
	c.DelName("x-THING")
	c.Del(Supported)
	c.DelName("nothing")
	c.DropTop(Contact)
	want = "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP b\r\nRoute: <sip:2>\r\nSubject: clone\r\nContent-Length: 0\r\n\r\n"
	if s := c.String(); s != want {
		t.Errorf("%s\nwant %s", s, want)
	}
	if m.Get(Subject) != "two" || m.Get(Route) != "<sip:1>, <sip:2>" {
		t.Error("a change of the clone showed in the original")
	}
	c.DropTop(Route)
	if c.Has(Route) {
		t.Error("empty Route left")
	}
	c.SetBody("text/plain", "hi")
	if !strings.HasSuffix(c.String(), "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi") || c.MediaType() != "text/plain" {
		t.Error(c)
	}
	c.SetBody("", "")
	if c.Has(ContentType) {
		t.Error("Content-Type left")
	}
	c.Set(ContentType, "Application/SDP ; charset=x")
	if c.MediaType() != "application/sdp" {
		t.Error(c.MediaType())
	}
	// More lines than the message has room for itself.
	for range 100 {
		c.AddName("X", "y")
		c.Prepend(Path, "<sip:a>")
	}
	if n := len(slices.Collect(c.Values(Path))); n != 100 {
		t.Error(n)
	}
}

// Threat: header injection. Whatever is put into a message, no line ends but where the printer ends
// it.
func TestNothingInjects(t *testing.T) {
	for _, evil := range []string{"a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rX-Evil: 1", "a\x00b", "\r\n\r\nbody", "a\r\n X-Evil: folded", "\x0b\x0c\x1b[31m\x7f"} {
		m := NewRequest("INVITE", "sip:"+evil+"@b")
		m.Method = Method("INV" + evil)
		m.Add(Subject, evil)
		m.Set(UserAgent, evil)
		m.Prepend(ViaKind, evil)
		m.AddName("X-Any", evil)
		m.AddName(evil, "x")
		m.Headers = append(m.Headers, Header{Name: "X" + evil, Value: evil})
		m.SetBody(evil, "body")
		m.SetTopVia(Via{Transport: UDP, Host: evil})
		m.SetToTag(evil)
		r := NewResponse(m, 200, evil)
		r.Add(WarningKind, Warning{399, evil, evil}.String())
		r.Add(ReasonKind, Reason{"SIP", 200, evil}.String())
		r.Add(Contact, Address{Display: evil, RawURI: "sip:" + evil}.String())
		for _, s := range []string{m.String(), r.String()} {
			head, _, _ := strings.Cut(s, "\r\n\r\n")
			for _, line := range strings.Split(head, "\r\n") {
				if strings.ContainsAny(line, "\r\n") || strings.HasPrefix(line, "X-Evil: 1") || strings.HasPrefix(line, " ") {
					t.Errorf("%q: %q", evil, s)
				}
			}
			if strings.Count(s, "\r\n\r\n") > 1 {
				t.Errorf("%q: %q", evil, s)
			}
		}
	}
}

func TestNewResponse(t *testing.T) {
	m, err := ParseMessage(lines("", with("v: SIP/2.0/UDP g, SIP/2.0/UDP f", "Timestamp: 54", "Record-Route: <sip:r;lr>")...))
	if err != nil {
		t.Fatal(err)
	}
	r := NewResponse(m, 100, "")
	r.SetToTag("x y")
	want := "SIP/2.0 100 Trying\r\nVia: SIP/2.0/UDP h:1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n" +
		"Via: SIP/2.0/UDP g, SIP/2.0/UDP f\r\nTimestamp: 54\r\nContent-Length: 0\r\n\r\n"
	if s := r.String(); s != want {
		t.Errorf("%s\nwant %s", s, want)
	}
	r = NewResponse(m, 486, "")
	r.SetToTag("t1")
	r.SetToTag("t2")
	if r.ToTag() != "t1" || r.Reason != "Busy Here" || r.Has(Timestamp) {
		t.Error(r)
	}
	for status, want := range map[int]string{200: "OK", 299: "OK", 499: "Bad Request", 599: "Server Internal Error", 150: "Session Progress", 399: "Multiple Choices", 699: "Busy Everywhere", 42: "", 999: ""} {
		if got := ReasonText(status); got != want {
			t.Errorf("%d: %q", status, got)
		}
	}
}

func TestStampReceived(t *testing.T) {
	for _, c := range []struct{ via, src, want string }{
		{"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1", "192.0.2.1:5060", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1"},
		{"SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1", "192.0.2.1:40000", "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1;received=192.0.2.1"},
		{"SIP/2.0/UDP 10.0.0.1;rport;branch=z9hG4bK1", "192.0.2.1:40000", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1;received=192.0.2.1;rport=40000"},
		{"SIP/2.0/UDP 192.0.2.1;rport;branch=z9hG4bK1", "192.0.2.1:5060", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;received=192.0.2.1;rport=5060"},
		{"SIP/2.0/TCP pc.example.com;x;branch=z9hG4bK1", "[2001:db8::1]:7", "SIP/2.0/TCP pc.example.com;x;branch=z9hG4bK1;received=2001:db8::1"},
		{"SIP/2.0/UDP h;received=6.6.6.6;rport=1;branch=z9hG4bK1", "[::ffff:192.0.2.1]:7", "SIP/2.0/UDP h;branch=z9hG4bK1;received=192.0.2.1;rport=7"},
		{"SIP/2.0/UDP 192.0.2.1;received=6.6.6.6", "192.0.2.1:7", "SIP/2.0/UDP 192.0.2.1;received=192.0.2.1"},
		{"SIP/2.0/UDP h;branch=z9hG4bK1, SIP/2.0/UDP g", "192.0.2.1:7", "SIP/2.0/UDP h;branch=z9hG4bK1;received=192.0.2.1, SIP/2.0/UDP g"},
		{"SIP/7.0/UDP h", "192.0.2.1:7", "SIP/7.0/UDP h"},
		{"SIP/2.0/UDP [2001:db8::1];branch=z9hG4bK1", "[2001:db8:0::1]:7", "SIP/2.0/UDP [2001:db8::1];branch=z9hG4bK1"},
	} {
		m := NewRequest("OPTIONS", "sip:a@b")
		m.Add(ViaKind, c.via)
		m.StampReceived(netip.MustParseAddrPort(c.src))
		if got := m.Get(ViaKind); got != c.want {
			t.Errorf("%s from %s: %s", c.via, c.src, got)
		}
		again := m.Get(ViaKind)
		m.StampReceived(netip.MustParseAddrPort(c.src))
		if m.Get(ViaKind) != again {
			t.Errorf("stamped twice: %s", m.Get(ViaKind))
		}
	}
}

func TestKinds(t *testing.T) {
	for k := UnknownKind + 1; k < kinds; k++ {
		name := k.String()
		if name == "" {
			t.Errorf("kind %d has no name", k)
			continue
		}
		for _, s := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
			if KindOf(s) != k {
				t.Errorf("%s: %v", s, KindOf(s))
			}
		}
		if c := commonKind(name); c != UnknownKind && c != k {
			t.Errorf("%s: commonKind %v", name, c)
		}
	}
	for s, k := range map[string]Kind{"v": ViaKind, "V": ViaKind, "i": CallID, "z": UnknownKind, "": UnknownKind, "1": UnknownKind, "X-Any": UnknownKind, "Vi": UnknownKind, "@": UnknownKind, "[": UnknownKind, "x": SessionExpiresKind} {
		if KindOf(s) != k {
			t.Errorf("%s: %v", s, KindOf(s))
		}
	}
	if kinds.String() != "" || kinds.List() || !ViaKind.List() || From.List() {
		t.Error("bounds")
	}
}

func TestNumbersAndWords(t *testing.T) {
	m := NewRequest("REGISTER", "sip:a")
	if _, ok := m.Expires(); ok {
		t.Error("Expires of nothing")
	}
	for in, want := range map[string]int{"0": 0, "3600": 3600, "4294967295": 1<<32 - 1, "99999999999999999999999": 1<<32 - 1, "": -1, "-1": -1, "1 2": -1} {
		m.Set(Expires, in)
		if n, ok := m.Expires(); ok != (want >= 0) || ok && n != want {
			t.Errorf("%q: %d %v", in, n, ok)
		}
	}
	a, _ := ParseAddress("<sip:a@b>;expires=77;tag=x")
	if n, ok := a.Expires(); n != 77 || !ok || a.Tag() != "x" {
		t.Error(n, ok)
	}
	for in, want := range map[string]Reason{
		`Q.850 ;cause=16 ;text="Terminated"`: {"Q.850", 16, "Terminated"},
		`SIP;cause=200;text="a \"b\""`:       {"SIP", 200, `a "b"`},
		`Preemption`:                         {"Preemption", 0, ""},
	} {
		r, err := ParseReason(in)
		if err != nil || r != want {
			t.Errorf("%s: %+v %v", in, r, err)
		}
		if again, err := ParseReason(r.String()); err != nil || again != r {
			t.Errorf("%s: %+v %v", r, again, err)
		}
	}
	w, err := ParseWarning(`305 isi.edu:5060 "Incompatible \"media\""`)
	if err != nil || w != (Warning{305, "isi.edu:5060", `Incompatible "media"`}) || w.String() != `305 isi.edu:5060 "Incompatible \"media\""` {
		t.Error(w, err)
	}
	for _, in := range []string{"", "305", "305 a", "abc a \"b\"", "305 a b", `305 a "b" c`} {
		if w, err := ParseWarning(in); err == nil {
			t.Errorf("%q: %+v", in, w)
		}
	}
	for _, in := range []string{"", ";cause=1", "SIP;cause=x", "SIP;"} {
		if r, err := ParseReason(in); err == nil {
			t.Errorf("%q: %+v", in, r)
		}
	}
}

func TestHasControl(t *testing.T) {
	for c := range 256 {
		for n := range 20 {
			s := strings.Repeat("a", n) + string([]byte{byte(c)}) + "zz"
			if got, want := hasControl(s), c < ' ' || c == 0x7F; got != want {
				t.Fatalf("%q: %v", s, got)
			}
		}
	}
}

func TestFlow(t *testing.T) {
	f := Flow{TCP, netip.MustParseAddrPort("127.0.0.1:5060"), netip.MustParseAddrPort("[::1]:7"), 9}
	g, err := ParseFlow(f.String())
	if err != nil || g != f {
		t.Error(g, err)
	}
	for _, s := range []string{"", "UDP", "UDP a b c", "UDP 1.2.3.4:5 1.2.3.4:5 x", "NO 1.2.3.4:5 1.2.3.4:5 0"} {
		if g, err := ParseFlow(s); err == nil && s[0] != 'N' {
			t.Errorf("%q: %v", s, g)
		}
	}
}
