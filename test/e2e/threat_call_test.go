package e2e

import (
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"santral/test/phone"
)

// The threats to calls and their records, by their numbers in the table of threats.

func TestSpoofedRequestsWithinACall(t *testing.T) { // 17
	x := phone.StartExchange(t, "--digest", "md5")
	over(t, "udp tls wss", func(t *testing.T, transport string) { spoofed(t, x, transport) })
}

func spoofed(t *testing.T, x *phone.Exchange, transport string) {
	a, b := pair(t, x, transport, "101", "102")
	c, r := phone.Talk(a, b, media, media)
	sources := map[string]*phone.Agent{"another host": x.UDP(t, "127.0.11.1").Agent("101"), "another account": x.UDP(t, "127.0.11.2").Agent("105")}
	for _, other := range []string{"tcp", "tls", "ws", "wss"} {
		sources[strings.ToUpper(other)] = x.Wire(t, other, "127.0.11.3").Agent("101")
	}
	if transport == "udp" { // over connections a party may open a new one, from its own host
		sources["another port"] = x.UDP(t, "").Agent("101")
	}
	for where, third := range sources {
		for _, method := range []string{"BYE", "CANCEL", "REFER", "INVITE", "UPDATE", "INFO", "PRACK", "NOTIFY", "SUBSCRIBE", "MESSAGE"} {
			for what, bend := range map[string]func(*phone.Draft){
				"no tags":        func(d *phone.Draft) { d.Set("To", "<"+c.URI("102")+">") },
				"a wrong To tag": func(d *phone.Draft) { d.Set("To", "<"+c.URI("102")+">;tag=guess") },
				"a wrong From tag": func(d *phone.Draft) {
					d.Set("From", "<"+c.URI("101")+">;tag=guess").Set("To", c.Remote)
				},
				"tags swapped": func(d *phone.Draft) { d.Set("From", c.Remote).Set("To", c.Local) },
				"all it needs": func(d *phone.Draft) { d.Set("From", c.Local).Set("To", c.Remote) },
				"all of the other leg": func(d *phone.Draft) {
					d.Set("From", r.Local).Set("To", r.Remote).Set("Call-ID", r.ID)
				},
			} {
				d := third.Request(method, c.Target).Set("Call-ID", c.ID).Set("CSeq", "50 "+method).Set("Refer-To", "<sip:105@127.0.0.1>")
				switch method {
				case "INVITE", "UPDATE":
					d.SDP(phone.Offer("127.0.11.1:40000"))
				case "PRACK":
					d.Set("RAck", "1 1 INVITE")
				case "NOTIFY", "SUBSCRIBE":
					d.Set("Event", "refer").Set("Subscription-State", "active")
				}
				bend(d)
				m := third.Transact(d, soon)
				if m.Status() < 400 || m.Status() > 499 {
					t.Errorf("%s with %s from %s: %.60q", method, what, where, m.Text)
				}
			}
		}
		d := third.Request("ACK", c.Target).Set("Call-ID", c.ID).Set("From", c.Local).Set("To", c.Remote).Set("CSeq", "2 ACK").SDP(phone.Offer("127.0.11.1:40000"))
		third.Send(d.String())
	}
	// An account that proves itself is still not the party of this call.
	for _, where := range []string{"udp", "tls", "wss"} {
		other := x.Wire(t, where, "127.0.11.4").Agent("105")
		for i, method := range []string{"BYE", "REFER", "INVITE", "UPDATE", "INFO", "MESSAGE"} {
			d := other.Request(method, c.Target).Set("Call-ID", c.ID).Set("From", c.Local).Set("To", c.Remote).Set("CSeq", fmt.Sprint(60+2*i, " ", method)).Set("Refer-To", "<sip:105@127.0.0.1>")
			if m := other.Ask(d); m.Status() < 400 || m.Status() > 499 {
				t.Errorf("%s with another account's credentials over %s: %.60q", method, where, m.Text)
			}
		}
	}
	for _, party := range []*phone.Dialog{c, r} {
		party.Quiet(200*time.Millisecond, "something at "+party.User, func(m phone.Message) bool { return m.Method() != "" })
	}
	phone.End(c, r)

	// An INVITE that rings cannot be cancelled by a stranger, even one who has seen it.
	c = a.Dial("102", media)
	r = b.Ring()
	r.Tell(180, "Ringing", "")
	c.Response(180, soon)
	for _, where := range []string{"another host", "TLS", "WSS"} {
		third := sources[where]
		cancel := c.Invite.Copy().SDP("").Del("Authorization").Set("CSeq", strings.Replace(c.Invite.Get("CSeq"), "INVITE", "CANCEL", 1))
		cancel.Line = strings.Replace(cancel.Line, "INVITE", "CANCEL", 1)
		third.Send(cancel.String())
	}
	r.Quiet(500*time.Millisecond, "a CANCEL", phone.Requests("CANCEL"))
	r.Tell(200, "OK", media)
	c.Response(200, soon)
	c.Ack("")
	r.Expect("ACK", soon)
	phone.End(c, r)
}

// TestAPhoneThatMovesProvesItself is the other side of threat 17: the party itself may come from a
// new address.
func TestAPhoneThatMovesProvesItself(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	over(t, "udp tls wss", func(t *testing.T, transport string) {
		a, b := pair(t, x, transport, "101", "102")
		c, r := phone.Talk(a, b, media, media)
		moved := *c
		moved.Agent = x.Wire(t, transport, "127.0.11.4").Agent("101")
		if m := moved.Ask(moved.Request("BYE")); m.Status() != 200 {
			go r.Agree(r.Expect("BYE", soon))
			t.Errorf("BYE from a new address with credentials: %.80q", m.Text)
		}
		r.Agree(r.Expect("BYE", soon))
	})
}

// page reads a path of the API as it comes.
func page(t *testing.T, x *phone.Exchange, path string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequest("GET", x.HTTP+path, nil)
	if err != nil {
		return 400, err.Error()
	}
	req.Header.Set("Authorization", "Bearer "+x.Token)
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(body)
}

func TestInjection(t *testing.T) { // 14
	x := phone.StartExchange(t, "--digest", "md5")
	over(t, "udp tls wss", func(t *testing.T, transport string) { injected(t, x, transport) })
}

func injected(t *testing.T, x *phone.Exchange, transport string) {
	b := device(t, x, transport, "102")
	evil := []string{
		"\"a\\\r\\\nX-Evil: 1\"", "\"a\rX-Evil: 1\"", "\"a\nX-Evil: 1\"", "\"a%0d%0aX-Evil: 1\"", "\"a\x00b\"", "\"\x1b[31mred\"",
		`"<script>alert(1)</script>"`, `"=cmd|'/c calc'!A1"`, `"'; DROP TABLE cdrs; --"`, "\"a\r\n X-Evil: 1\"", "\"\xff\xfe\xc0\x80\"", `"\"><img src=x>"`,
	}
	clean := func(m phone.Message) {
		t.Helper()
		for _, name := range m.Names() {
			if strings.HasPrefix(name, "X-") {
				t.Errorf("a new header arrives:\n%s", m.Text)
			}
		}
		head, _, _ := strings.Cut(m.Text, "\r\n\r\n")
		bad := "\r\n\x00\x1b"
		if m.Status() != 0 { // a response gives back what its own request said
			bad = "\r\n\x00"
		}
		if rest := strings.ReplaceAll(head, "\r\n", ""); strings.ContainsAny(rest, bad) {
			t.Errorf("control characters arrive:\n%q", m.Text)
		}
	}
	for _, name := range evil {
		a := x.Wire(t, transport, "").Agent("101") // a stream may end with what is no message
		d := a.Request("INVITE", a.URI("102")).SDP(media).Set("From", name+" <"+a.URI("101")+">;tag=evil").
			Set("User-Agent", strings.Trim(name, `"`)).Set("Subject", name).Set("Organization", name).Set("Call-Info", "<http://x/"+name+">;purpose=icon").
			Set("Diversion", name+" <sip:102@x>;reason="+name).Set("Referred-By", name+" <sip:105@x>").Set("Reason", "Q.850;cause=16;text="+name).
			Set("History-Info", "<sip:105@x?Reason="+strings.Trim(name, `"`)+">;index=1").Set("Session-ID", strings.Trim(name, `"`)).Set("Alert-Info", "<urn:"+strings.Trim(name, `"`)+">")
		m := a.Transact(d, soon)
		if m.Status() == 401 {
			d = a.Authorize(d, m)
			a.Send(d.String())
			m, _ = a.Take(soon, func(m phone.Message) bool {
				return m.Get("CSeq") == d.Get("CSeq") && m.Get("Call-ID") == d.Get("Call-ID")
			})
		}
		if m.Status() >= 500 || m.Status() == 0 && !a.Closed() {
			t.Errorf("%q: %.60q", name, m.Text)
		}
		if in, ok := b.Take(300*time.Millisecond, phone.Requests("INVITE")); ok {
			clean(in)
			if strings.ContainsAny(name, "\r\n\x00") {
				name = "x" // a malformed response is not heard at all
			}
			b.Send(in.Answer(486, "Busy\tHere", "t").Set("Reason", "Q.850;cause=17;text="+name).Set("Server", name).Set("Warning", "399 x "+name).String())
			if m, ok := a.Take(soon, phone.Responses(d.Get("Call-ID"), d.Get("CSeq"), 300)); ok {
				clean(m)
				a.Send((&phone.Dialog{Agent: a, ID: d.Get("Call-ID"), Target: a.URI("102"), Local: d.Get("From"), Remote: m.Get("To"), CSeq: 2}).
					Request("ACK").Set("Via", d.Get("Via")).String())
			}
			b.Drop()
		}
		// What names another call, or a place in one.
		for _, d := range []*phone.Draft{
			a.Request("INVITE", a.URI("102")).SDP(media).Set("Replaces", "x"+name+"@y;to-tag=1"+name+";from-tag=2"),
			a.Request("REFER", a.URI("102")).Set("Refer-To", name+" <sip:103@x?Replaces="+strings.Trim(name, `"`)+"&Subject=%0d%0aX-Evil:%201>").Set("Target-Dialog", "x"+name+";local-tag=1;remote-tag=2"),
			a.Request("SUBSCRIBE", a.URI("102")).Set("Event", "dialog;id="+strings.Trim(name, `"`)).Set("Accept", name),
		} {
			if a.Closed() {
				a = x.Wire(t, transport, "").Agent("101")
			}
			m := a.Transact(d, 2*time.Second)
			if m.Status() == 401 {
				m = a.Transact(a.Authorize(d, m), 2*time.Second)
			}
			if m.Status() >= 500 || m.Status() == 0 && !a.Closed() {
				t.Errorf("%s %q: %.60q", strings.Fields(d.Line)[0], name, m.Text)
			}
			if m.Status() != 0 {
				clean(m)
			}
		}
		a.Close()
	}
	a := x.Wire(t, transport, "").Agent("101")
	for _, dialled := range []string{
		"102%0d%0aX-Evil:%201", "%3Cscript%3Ealert(1)%3C/script%3E", "=1+1", "'%20OR%201=1", "%00", "102%00", "%1b%5b31m", "@SUM(1)", "+1%0a2", "-2+3",
	} {
		d := a.Request("INVITE", "sip:"+dialled+"@"+x.SIP).SDP(media)
		m := a.Transact(d, soon)
		if m.Status() == 401 {
			m = a.Transact(a.Authorize(d, m), 2*time.Second)
		}
		if m.Status() >= 500 {
			t.Errorf("dialled %q: %s", dialled, m.Line())
		}
		clean(m)
	}
	b.Collect(300*time.Millisecond, func(m phone.Message) bool { clean(m); return m.Method() == "INVITE" })
	// What a party says at the end and within a call.
	c, r := phone.Talk(a, b, media, media)
	d := c.Request("BYE").Set("Reason", `Q.850;cause=16;text="<script>%0d%0aX-Evil: 1"`)
	c.Send(d.String())
	bye := r.Expect("BYE", soon)
	clean(bye)
	r.Agree(bye)
	c.Want(soon, "200", phone.Responses(c.ID, d.Get("CSeq"), 200))
	// A Call-ID of whatever octets: its call has a record like any other, and so have those after it.
	echoes := func() (n int) {
		for _, c := range x.CDRs() {
			if c.Dialled == "*43" {
				n++
			}
		}
		return n
	}
	before := echoes()
	strange := []string{"\xff\xfe\xc0\x80@x", "a'b\"c\\d%s?", "<script>", "\xf0\x9f\x93\x9e"}
	for _, id := range strange {
		c := a.Dial("*43", media, func(d *phone.Draft) { d.Set("Call-ID", id).Set("User-Agent", id) })
		c.Response(200, soon)
		c.Ack("")
		c.Bye()
	}
	phone.Eventually(t, soon, "a record of each call", func() bool { return echoes() == before+len(strange) })
	notes(t, x, transport, evil)
	x.Run("cdrs")
	for _, path := range []string{"/api/v1/cdrs?limit=200", "/api/v1/registrations", "/metrics", "/api/v1/calls", "/api/v1/subscriptions", "/api/v1/bans"} {
		status, text := page(t, x, path)
		if status != 200 {
			t.Errorf("GET %s: %d", path, status)
		}
		if strings.Contains(text, "<script>") || strings.ContainsAny(text, "\x1b\x00\r") || strings.Contains(text, "\nX-Evil") {
			t.Errorf("GET %s hands out what strangers wrote as it came", path)
		}
	}
	for _, command := range []string{"cdrs", "registrations"} {
		text := x.Run(command)
		if strings.ContainsAny(text, "\x1b\x00\r") || strings.Contains(text, "\nX-Evil") {
			t.Errorf("santral %s prints control characters:\n%q", command, text)
		}
	}
	if text := x.Out.String(); strings.ContainsAny(text, "\x1b\x00\r") || strings.Contains(text, "\nX-Evil") {
		t.Errorf("the log has control characters:\n%q", text)
	}
	records := x.CDRs()
	for i := range 10 {
		rec := records[i*(len(records)-1)/9]
		for _, format := range []string{"json", "text", "pcapng"} {
			status, text := page(t, x, "/api/v1/calls/"+rec.Call+"/trace?format="+format)
			if status != 200 {
				t.Errorf("the trace as %s: %d", format, status)
			}
			if format == "pcapng" {
				blocks(t, text)
			} else if strings.ContainsAny(text, "\x1b\x00\r") || strings.Contains(text, "\nX-Evil") {
				t.Errorf("the trace as %s has control characters:\n%q", format, text)
			}
		}
		if i > 2 {
			continue
		}
		text := x.Run("trace", rec.Call)
		if strings.ContainsAny(text, "\x1b\x00\r") || strings.Contains(text, "\nX-Evil") {
			t.Errorf("santral trace prints control characters:\n%q", text)
			break
		}
	}
}

// blocks fails the test unless a capture is whole: every block has its length at both ends.
func blocks(t *testing.T, capture string) {
	t.Helper()
	b := []byte(capture)
	for len(b) > 0 {
		n := 0
		if len(b) >= 12 {
			n = int(binary.LittleEndian.Uint32(b[4:]))
		}
		if n < 12 || n > len(b) || n%4 != 0 || int(binary.LittleEndian.Uint32(b[n-4:])) != n {
			t.Errorf("a capture has a bad block of %d octets, %d are left", n, len(b))
			return
		}
		b = b[n:]
	}
}

// notes publishes presence with evil notes, and sends evil texts; what a watcher and the other phone get is
// whole and without control characters.
func notes(t *testing.T, x *phone.Exchange, transport string, evil []string) {
	w := subscribe(t, x.Wire(t, transport, "").Agent("103"), "sip:101@"+x.Realm, "presence")
	w.next("<presence")
	a := x.Wire(t, transport, "").Agent("101")
	far := device(t, x, transport, "104")
	for i, name := range evil {
		d := a.Request("PUBLISH", a.URI("101")).Set("Event", "presence").Set("Expires", "60").Set("Content-Type", "application/pidf+xml")
		d.Body = `<?xml version="1.0" encoding="UTF-8"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:101@x"><tuple id="t` + fmt.Sprint(i) + `"><status><basic>open</basic></status><note><![CDATA[` + name + `]]>&#13;&#10;X-Evil: 1</note></tuple><note>` + name + `</note></presence>`
		if m := a.Ask(d); m.Status() >= 500 || m.Status() == 0 {
			t.Errorf("PUBLISH of %q: %.80q", name, m.Text)
		} else if m.Status() == 200 {
			d = a.Request("PUBLISH", a.URI("101")).Set("Event", "presence").Set("Expires", "0").Set("SIP-If-Match", m.Get("SIP-ETag"))
			a.Ask(d)
		}
		d = a.Request("MESSAGE", a.URI("104")).Set("Content-Type", "text/plain;x="+strings.Trim(strings.Map(printable, name), `"`)).Set("Subject", strings.Map(printable, name))
		d.Body = name + "\r\n\r\nMESSAGE sip:x SIP/2.0\r\n\r\n"
		go func() {
			if in, ok := far.Take(time.Second, phone.Requests("MESSAGE")); ok {
				if in.Body() != d.Body || len(in.All("X-Evil")) > 0 {
					t.Errorf("the text of a message arrives as\n%q", in.Text)
				}
				far.Send(in.Answer(200, "OK", "t").String())
			}
		}()
		if m := a.Ask(d); m.Status() >= 500 || m.Status() == 0 {
			t.Errorf("MESSAGE of %q: %.80q", name, m.Text)
		}
	}
	for _, m := range w.Collect(300*time.Millisecond, phone.Requests("NOTIFY")) {
		w.Send(m.Answer(200, "OK", "").String())
		head, _, _ := strings.Cut(m.Text, "\r\n\r\n")
		if len(m.All("X-Evil")) > 0 || strings.ContainsAny(strings.ReplaceAll(head, "\r\n", ""), "\r\n\x00\x1b") || strings.ContainsAny(m.Body(), "\x00\x1b") || strings.Contains(m.Body(), "<script>") {
			t.Errorf("a watcher is told\n%q", m.Text)
		}
		if err := xml.Unmarshal([]byte(m.Body()), new(struct{ XMLName xml.Name })); err != nil {
			t.Errorf("a watcher gets what is no XML: %v\n%s", err, m.Body())
		}
	}
	w.again("0")
}

// printable leaves control characters out.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return -1
	}
	return r
}

func TestPathsAreNoNumbers(t *testing.T) { // 15
	x := phone.StartExchange(t, "--digest", "md5")
	over(t, "udp tls wss", func(t *testing.T, transport string) { noNumbers(t, x, transport) })
	noPaths(t, x)
}

func noNumbers(t *testing.T, x *phone.Exchange, transport string) {
	a := x.Wire(t, transport, "").Agent("101")
	for _, dialled := range []string{
		"../../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e", "`id`", "$(id)", "%7Cid", "102;id", "%24%7Bjndi:ldap:%2F%2Fx%7D", "C:%5Cwindows", "*43/../x",
	} {
		d := a.Request("INVITE", "sip:"+dialled+"@"+x.SIP).SDP(media)
		m := a.Transact(d, soon)
		if m.Status() == 401 {
			if m = a.Transact(a.Authorize(d, m), soon); dialled == "102;id" && m.Status() == 480 {
				continue // a parameter of the number, which is ignored
			}
		}
		if m.Status() < 400 || m.Status() > 499 {
			t.Errorf("%s: %.80q", dialled, m.Text)
		}
	}
}

func noPaths(t *testing.T, x *phone.Exchange) {
	for _, path := range []string{
		"/../../etc/passwd", "/api/v1/calls/..%2f..%2f..%2fetc%2fpasswd/trace", "/api/v1/cdrs/..%2f..%2fapi.token", "/api/v1/cdrs/..%2f..%2fapi.token/trace",
		"/api/v1/cdrs/%00", "/%2e%2e/%2e%2e/etc/passwd", "/api/v1/cdrs?cursor=..%2f..%2f", "/api/v1/cdrs?limit=-1", "/api/v1/cdrs?limit=99999999999",
	} {
		status, text := page(t, x, path)
		if status < 300 || status > 499 || strings.Contains(text, "root:") || strings.Contains(text, x.Token) {
			t.Errorf("GET %s: %d %.100s", path, status, text)
		}
	}
	for _, auth := range []string{"", "Bearer ", "Bearer wrong", "Basic " + x.Token, x.Token} {
		for _, path := range []string{"/api/v1/calls", "/api/v1/cdrs", "/api/v1/registrations", "/metrics"} {
			req, _ := http.NewRequest("GET", x.HTTP+path, nil)
			if auth != "" {
				req.Header.Set("Authorization", auth)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != 401 && path != "/metrics" {
				t.Errorf("GET %s with %q: %s, want 401", path, auth, res.Status)
			}
		}
	}
}
