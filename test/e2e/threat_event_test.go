package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"santral/test/phone"
)

// The threats by what tells others of something: fan-out, amplification, and who asks without pause.

func TestFanOut(t *testing.T) { // 21
	x := phone.StartExchange(t, "--digest", "md5")
	a := x.UDP(t, "").Agent("101")
	var contacts []string
	for i := range 64 {
		contacts = append(contacts, fmt.Sprintf("<sip:%d@127.0.6.1:%d>", i, 20000+i))
	}
	one := a.Request("REGISTER", a.URI("")).Set("Contact", strings.Join(contacts, ", "))
	m := a.Ask(one)
	several := a.Request("REGISTER", a.URI("")).Del("Contact").Set("CSeq", "10 REGISTER")
	for _, c := range contacts {
		several.Add("Contact", c)
	}
	m2 := a.Ask(several)
	left := a.Ask(a.Request("REGISTER", a.URI("")).Del("Contact").Set("CSeq", "20 REGISTER"))
	bindings := strings.Count(strings.Join(left.All("Contact"), ","), "<sip:")
	t.Logf("64 contacts in one field: %s, in fields of their own: %s; %d bindings", m.Line(), m2.Line(), bindings)
	if left.Status() != 200 || bindings > 20 {
		t.Errorf("%s, %d bindings, want at most 20", left.Line(), bindings)
	}
	if m := a.Ask(a.Request("REFER", a.URI("102")).Set("Refer-To", "<sip:102@127.0.0.1>")); m.Status() != 403 {
		t.Errorf("REFER of nobody's call: %.300q", m.Text) // nobody is called for somebody who has no call
	}
	if m := a.Ask(a.Request("SUBSCRIBE", a.URI("102")).Set("Event", "refer")); m.Status() != 489 || m.Get("Allow-Events") == "" {
		t.Errorf("SUBSCRIBE: %.300q", m.Text)
	}
}

// TestNobodyElseIsNotified: a subscriber may name any Contact and any route; what it asked for goes to where it
// asked from, in about the measure in which it asked.
func TestNobodyElseIsNotified(t *testing.T) { // 5 and 21
	x := phone.StartExchange(t, "--digest", "md5")
	third := x.UDP(t, "127.0.16.9")
	at := third.Addr()
	b := device(t, x, "udp", "102")
	over(t, "udp tls wss", func(t *testing.T, transport string) {
		a := x.Wire(t, transport, place(transport, 16)).Agent("101")
		var tags []string
		for name, change := range map[string]func(*phone.Draft){
			"another Contact":  func(d *phone.Draft) { d.Set("Contact", "<sip:101@"+at+">") },
			"another by UDP":   func(d *phone.Draft) { d.Set("Contact", "<sip:101@"+at+";transport=udp>") },
			"another by TCP":   func(d *phone.Draft) { d.Set("Contact", "<sip:101@"+at+";transport=tcp>") },
			"another by maddr": func(d *phone.Draft) { d.Set("Contact", "<sip:101@127.0.0.1:9;maddr=127.0.16.9>") },
			"a route":          func(d *phone.Draft) { d.Set("Record-Route", "<sip:"+at+";lr>") },
			"sixty routes": func(d *phone.Draft) {
				d.Set("Record-Route", strings.TrimSuffix(strings.Repeat("<sip:"+at+";lr>, ", 60), ", "))
			},
			"a long Contact": func(d *phone.Draft) { d.Set("Contact", "<sip:"+strings.Repeat("1", 8000)+"@"+at+">") },
			"a name for the way": func(d *phone.Draft) {
				d.Set("Contact", "<sip:101@localhost:"+at[strings.LastIndexByte(at, ':')+1:]+">")
			},
			"a Via of somebody": func(d *phone.Draft) { d.Set("Via", strings.Replace(d.Get("Via"), a.Addr(), at, 1)) },
		} {
			d := a.Request("SUBSCRIBE", a.URI("102")).Set("Event", "dialog").Set("Expires", "600")
			change(d)
			before := a.Total()
			m := a.Ask(d)
			if m.Status() < 200 || m.Status() >= 500 {
				t.Errorf("%s: %.80q", name, m.Text)
			}
			if m.Status() == 200 {
				n := a.Want(soon, "NOTIFY after "+name, func(n phone.Message) bool { return n.Method() == "NOTIFY" && n.Get("Call-ID") == d.Get("Call-ID") })
				a.Send(n.Answer(200, "OK", "").String())
				tags = append(tags, n.Tag("From"))
				if got := len(n.Text) + len(m.Text); got > 4*len(d.String())+2000 {
					t.Errorf("%s: %d octets for %d", name, got, len(d.String()))
				}
			}
			if n := a.Total() - before; n > 4 {
				t.Errorf("%s: %d messages for a SUBSCRIBE", name, n)
			}
		}
		if len(tags) < 3 {
			t.Errorf("only %d subscriptions were made", len(tags))
		}
		a.Close() // and what happens next finds a connection gone
		caller := x.UDP(t, "").Agent("103")
		c := caller.Dial("102", media)
		r := b.Ring()
		r.Tell(180, "Ringing", "")
		c.Response(180, soon)
		r.Tell(486, "Busy Here", "")
		c.Response(486, soon)
		r.Expect("ACK", soon)
	})
	third.Quiet(3*time.Second, "something that nobody there has asked for", phone.Anything)
	healthy(t, x, 3*time.Second)
}

// TestForgedTokens: flow tokens, temporary GRUUs and Path are nobody's to invent, over connections either.
func TestForgedTokens(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	over(t, "tls wss", func(t *testing.T, transport string) {
		b := x.Wire(t, transport, "").Agent("102")
		m := b.Ask(b.Request("REGISTER", b.URI("")).Set("Expires", "600").Set("Supported", "outbound, path, gruu").
			Set("Contact", b.Contact()+`;reg-id=1;+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"`))
		route := strings.Trim(m.Get("Service-Route"), "<>")
		_, rest, ok := strings.Cut(m.Get("Contact"), `temp-gruu="`)
		gruu, _, _ := strings.Cut(rest, `"`)
		if m.Status() != 200 || route == "" || !ok {
			t.Fatalf("REGISTER with outbound and GRUU:\n%s", m.Text)
		}
		user, host, _ := strings.Cut(route, "@")
		a := x.Wire(t, transport, place(transport, 17)).Agent("101")
		for name, forged := range map[string]string{
			"altered": flip(user) + "@" + host, "cut": user[:len(user)-4] + "@" + host, "invented": "sip:flow.AAAA@" + host, "somebody's": "sip:127.0.16.9:5060;lr", "of another phone": route,
		} {
			d := a.Request("INVITE", a.URI("103")).SDP(media).Set("Route", "<"+forged+">")
			if m := a.Ask(d); m.Status() < 400 || m.Status() > 499 || strings.Contains(forged, "flow.") && name != "of another phone" && m.Status() != 403 {
				t.Errorf("a Route that is %s: %.80q, want 403", name, m.Text)
			}
		}
		user, host, _ = strings.Cut(gruu, "@")
		for name, forged := range map[string]string{"altered": flip(user) + "@" + host, "cut": user[:len(user)-4] + "@" + host, "invented": "sip:tgruu.AAAA@" + host} {
			if m := a.Ask(a.Request("INVITE", forged).SDP(media)); m.Status() != 404 {
				t.Errorf("a temporary GRUU that is %s: %.80q, want 404", name, m.Text)
			}
		}
		for _, path := range []string{"<sip:127.0.16.9:5060;lr>", "<sip:127.0.16.9:5060;lr;ob>, <sip:127.0.0.1;lr>"} {
			if m := a.Ask(a.Request("REGISTER", a.URI("")).Set("Supported", "path, outbound").Set("Path", path)); m.Status() != 403 {
				t.Errorf("a Path of nobody's proxy: %.80q, want 403", m.Text)
			}
		}
		b.Quiet(100*time.Millisecond, "something at 102", func(m phone.Message) bool { return m.Method() != "" })
		c := a.Dial("102", media, func(d *phone.Draft) { d.Line = "INVITE " + gruu + " SIP/2.0" }) // the true one rings
		ring := b.Want(soon, "INVITE to 102", phone.Requests("INVITE"))
		b.Send(ring.Answer(486, "Busy Here", "t").String())
		c.Response(486, soon)
		b.Ask(b.Request("REGISTER", b.URI("")).Set("Contact", "*").Set("Expires", "0"))
		b.Close()

		// Room for no branch at all (RFC 5393 §5.3.3).
		d := a.Request("INVITE", a.URI("103")).SDP(media).Set("Max-Breadth", "0")
		if m := a.Ask(d); m.Status() != 440 {
			t.Errorf("Max-Breadth: 0 gets %.80q, want 440", m.Text)
		}
	})
}
