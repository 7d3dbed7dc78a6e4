package sip

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// torture reads the messages of RFC 4475 and RFC 5118 with what each deserves.
func torture(t testing.TB) (list []tortureCase) {
	t.Helper()
	table, err := os.ReadFile("testdata/torture/verdicts.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		if len(f) != 5 {
			t.Fatalf("verdicts.txt: %q", line)
		}
		text, err := os.ReadFile("testdata/torture/" + f[0] + ".dat")
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, tortureCase{f[0], f[3], string(text)})
	}
	return list
}

type tortureCase struct{ name, parse, text string }

func TestTortureVerdicts(t *testing.T) {
	list := torture(t)
	if len(list) != 49+12 {
		t.Errorf("%d messages, want 49 of RFC 4475 and 12 of RFC 5118", len(list))
	}
	files, _ := filepath.Glob("testdata/torture/*.dat")
	if len(files) != len(list) {
		t.Errorf("%d files for %d rows", len(files), len(list))
	}
	for _, c := range list {
		t.Run(c.name, func(t *testing.T) {
			m, err := ParseMessage(c.text)
			got := "ok"
			if err != nil {
				got = "drop"
				if s := ParseStatusOf(err); s != 0 {
					got = strconv.Itoa(s)
				}
			}
			if got != c.parse {
				t.Fatalf("%s (%v), want %s", got, err, c.parse)
			}
			if err == nil {
				roundTrip(t, m)
				return
			}
			if got == "drop" {
				return
			}
			// What deserves an answer can be given one.
			r := NewResponse(m, ParseStatusOf(err), err.(*ParseError).Text)
			if _, err := r.CSeq(); err != nil && c.name != "scalar02" {
				t.Errorf("answer without CSeq: %v\n%s", err, r)
			}
			if !strings.Contains(c.text, m.CallID()) || m.CallID() == "" && c.name != "insuf" {
				t.Errorf("answer without Call-ID: %s", r)
			}
			if !r.Has(ViaKind) {
				t.Errorf("answer without Via: %s", r)
			}
		})
	}
}

// roundTrip asserts that what was printed parses to the same message again, Content-Length aside,
// which printing makes true.
func roundTrip(t testing.TB, m *Message) {
	t.Helper()
	text := m.String()
	again, err := ParseMessage(text)
	if err != nil {
		t.Fatalf("printed message does not parse: %v\n%q", err, text)
	}
	if d := cmp.Diff(comparable(m), comparable(again), cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("parse, print, parse differ:\n%s\n%q", d, text)
	}
	if s := again.String(); s != text {
		t.Fatalf("printed twice:\n%q\n%q", text, s)
	}
}

type flatMessage struct {
	Method          Method
	URI             string
	Status          int
	Reason          string
	Headers         []Header
	Body            string
	ContentLengthAt int
}

func comparable(m *Message) flatMessage {
	f := flatMessage{m.Method, m.RequestURI, m.Status, m.Reason, nil, m.Body, -1}
	for i, h := range m.Headers {
		if h.Kind == ContentLength {
			if f.ContentLengthAt = i; i == len(m.Headers)-1 {
				f.ContentLengthAt = -1 // where printing would have put it
			}
			continue
		}
		f.Headers = append(f.Headers, h)
	}
	return f
}

// What RFC 4475 and RFC 5118 say is in the messages.
func TestTortureMeaning(t *testing.T) {
	get := func(name string) *Message {
		for _, c := range torture(t) {
			if c.name == name {
				m, err := ParseMessage(c.text)
				if err != nil {
					t.Fatal(err)
				}
				return m
			}
		}
		t.Fatal(name)
		return nil
	}
	check := func(what string, got, want any) {
		t.Helper()
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", what, d)
		}
	}

	m := get("wsinv")
	check("tag", m.ToTag(), "1918181833n")
	from, _ := m.From()
	check("display", from.Display, `J Rosenberg \"`)
	check("from tag", from.Tag(), "98asjd8")
	hops, _ := m.MaxForwards()
	check("hops", hops, 68)
	cseq, _ := m.CSeq()
	check("cseq", cseq, CSeq{9, INVITE})
	var vias []string
	for v := range m.Vias() {
		vias = append(vias, v.Transport.String()+" "+v.Host+" "+v.Branch())
	}
	check("vias", vias, []string{"UDP 192.0.2.2 390skdjuw", "TCP spindle.example.com z9hG4bK9ikj8", "UDP 192.168.255.111 z9hG4bK30239"})
	check("subject", m.Has(Subject) && m.Get(Subject) == "", true)
	check("unknown", m.GetName("unknownheaderwithunusualvalue"), ";;,,;;,;")
	check("folded", m.GetName("NewFangledHeader"), "newfangled value continued newfangled value")
	for c, err := range m.Contacts() {
		q, _ := c.Params.Get("Q")
		n, _ := c.Params.Get("newparam")
		check("contact", []any{err, c.Display, q, n, c.Params.Has("secondparam")}, []any{nil, `Quoted string ""`, "0.33", "newvalue", true})
	}

	m = get("intmeth")
	to, _ := m.To()
	check("to display", to.Display, "BEL:\a NUL:\x00 DEL:\x7f")
	from, _ = m.From()
	p, _ := from.Params.Get("fromParam''~+*_!.-%")
	check("from", []string{from.Display, p, from.Tag()}, []string{"token1~` token2'+_ token3*%!.-", "работающий", "_token~1'+`*%!-."})

	m = get("esc01")
	u, _ := m.URI()
	check("user", []string{u.User, u.Username(), u.Host}, []string{"sips%3Auser%40example.com", "sips:user@example.com", "example.net"})
	to, _ = m.To()
	check("aor", to.URI.AOR(), "sip:user@example.com")
	for c := range m.Contacts() {
		// Escaped lr is no lr to a grammar, but is one to RFC 3261 §19.1.4's comparison; we do not route by it.
		check("contact", c.URI.Username(), "caller")
	}
	to, _ = get("escnull").To()
	check("null", to.URI.AOR(), "sip:null-%00-null@example.com")
	check("method", get("esc02").Method, Method("RE%47IST%45R"))
	from, _ = get("esc02").From()
	check("percent display", from.Display, "%Z%45")
	n := 0
	for range get("esc02").Contacts() {
		n++
	}
	check("contacts", n, 2)
	n = 0
	for range get("longreq").Vias() {
		n++
	}
	check("long vias", n, 34)
	check("second message left out", get("dblreq").Body, "")
	u, _ = get("semiuri").URI()
	check("semicolons", []string{u.User, u.Host, string(u.Params)}, []string{"user;par=u%40example.net", "example.com", ""})
	var names []string
	for v := range get("transports").Vias() {
		names = append(names, v.Transport.String()+v.Other)
	}
	check("transports", names, []string{"UDP", "SCTP", "TLS", "UNKNOWN", "TCP"})
	check("binary body", len(get("mpart01").Body), 553)
	check("reason", get("unreason").Reason, "= 2**3 * 5**2 но сто девяносто девять - простое")
	check("no reason", get("noreason").Reason, "")
	u, _ = get("novelsc").URI()
	check("scheme", []string{u.Scheme, u.Opaque}, []string{"soap.beep", "//192.0.2.103:3002"})
	for c := range get("cparam01").Contacts() {
		check("header parameter", []bool{c.Params.Has("unknownparam"), c.URI.Params.Has("unknownparam")}, []bool{true, false})
	}
	for c := range get("cparam02").Contacts() {
		check("URI parameter", []bool{c.Params.Has("unknownparam"), c.URI.Params.Has("unknownparam")}, []bool{false, true})
	}
	for c := range get("regescrt").Contacts() {
		check("URI header", c.URI.Headers, "Route=%3Csip:sip.example.com%3E")
	}
	check("RFC 2543 body", len(get("inv2543").Body), 105)

	u, _ = get("port-ambiguous").URI()
	check("ambiguous", u.HostPort(), HostPort{"2001:db8::10:5070", 0})
	u, _ = get("port-unambiguous").URI()
	check("unambiguous", u.HostPort(), HostPort{"2001:db8::10", 5070})
	for _, name := range []string{"via-received-param-with-delim", "via-received-param-no-delim"} {
		v, _ := get(name).Via()
		a, ok := v.Received()
		check(name, a.String()+strconv.FormatBool(ok), "2001:db8::9:255true")
	}
	u, _ = get("ipv6-bug-abnf-3-colons").URI()
	w, _ := get("ipv6-correct-abnf-2-colons").URI()
	check("three colons", u, w)
}
