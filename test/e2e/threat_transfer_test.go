package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"santral/test/phone"
)

// replacing names a dialog as an INVITE that is to replace its exchange's side would.
func replacing(c *phone.Dialog) string {
	tag := func(v string) string { _, t, _ := strings.Cut(v, "tag="); return t }
	return c.ID + ";to-tag=" + tag(c.Remote) + ";from-tag=" + tag(c.Local)
}

// TestTransfersOfStrangers: nobody moves a call, or makes the exchange call somebody, who has no part in
// it (threats 6, 17 and 21).
func TestTransfersOfStrangers(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5", "--channels", "10")
	over(t, "udp tls wss", func(t *testing.T, transport string) { strangersTransfer(t, x, transport) })
}

func strangersTransfer(t *testing.T, x *phone.Exchange, transport string) {
	a, b := pair(t, x, transport, "101", "102")
	victim := device(t, x, transport, "103")
	other := device(t, x, transport, "105")
	c, r := phone.Talk(a, b, media, media)

	refer := func(from *phone.Agent) *phone.Draft {
		return from.Request("REFER", from.URI("102")).Set("Refer-To", "<"+from.URI("103")+">")
	}
	tag := func(v string) string { _, t, _ := strings.Cut(v, "tag="); return t }
	target := c.ID + ";local-tag=" + tag(c.Local) + ";remote-tag=" + tag(c.Remote)
	if m := other.Transact(refer(other), soon); m.Status() != 401 {
		t.Errorf("a REFER without credentials: %.80q", m.Text)
	}
	if m := other.Ask(refer(other)); m.Status() != 403 {
		t.Errorf("a REFER that names no call: %.80q", m.Text)
	}
	if m := other.Ask(refer(other).Set("Target-Dialog", target)); m.Status() != 481 {
		t.Errorf("a REFER that names another's call: %.80q", m.Text)
	}
	for what, value := range map[string]string{"of another's call": replacing(c), "of its other leg": replacing(r), "that is guessed": c.ID + ";to-tag=1;from-tag=2"} {
		d := other.Dial("102", media, func(d *phone.Draft) { d.Set("Replaces", value) })
		m := other.Want(soon, "a refusal", func(m phone.Message) bool {
			return m.Get("Call-ID") == d.ID && m.Status() >= 200 && m.Status() != 401
		})
		if m.Status() != 403 && m.Status() != 481 {
			t.Errorf("an INVITE with a Replaces %s: %.80q", what, m.Text)
		}
	}
	for _, party := range []*phone.Agent{victim, c.Agent, r.Agent} {
		party.Quiet(200*time.Millisecond, "something at "+party.User, func(m phone.Message) bool { return m.Method() != "" })
	}

	// A party that refers without end makes one call at a time, and hears a final answer to each.
	callIDs := map[string]bool{}
	for i := range 60 {
		d := c.Request("REFER").Set("Contact", c.Contact()).Set("Refer-To", fmt.Sprintf("<sip:103@%s>, <sip:%d@%s>", x.SIP, 100+i, x.SIP))
		if i%2 == 0 {
			d.Set("Refer-To", "<sip:103@"+x.SIP+">")
		}
		if m := c.Transact(d, soon); m.Status() == 0 {
			t.Fatalf("REFER %d has no answer", i)
		}
	}
	for _, m := range victim.Collect(500*time.Millisecond, phone.Requests("INVITE")) {
		callIDs[m.Get("Call-ID")] = true
	}
	if len(callIDs) != 1 {
		t.Errorf("60 REFERs rang the victim by %d calls", len(callIDs))
	}
	c.Bye()
}

// TestTenantsDoNotMeet: an account of another tenant, with its own good credentials, takes no place in a call of
// ours, sends nobody on, and looks at nobody.
func TestTenantsDoNotMeet(t *testing.T) { // 6, 17 and 21
	const document = `tenant: %s
domains: [%s.example]
default: %v
extensions: [{number: "101", password: correct-horse}, {number: "%s", password: correct-horse}]
`
	x := phone.StartServe(t, "home.example", fmt.Sprintf(document, "home", "home", true, "102"), fmt.Sprintf(document, "other", "other", false, "201"))
	over(t, "udp tcp", func(t *testing.T, transport string) {
		a, b := pair(t, x, transport, "101", "102")
		c, r := phone.Talk(a, b, media, media)
		other := x.Wire(t, transport, place(transport, 18)).Agent("201")
		ask := func(method, uri string, change func(*phone.Draft)) phone.Message {
			d := other.Request(method, uri).Set("From", "<sip:201@other.example>;tag=o").Set("Refer-To", "<sip:201@other.example>").Set("Event", "dialog")
			if method == "REGISTER" {
				d.Set("To", "<sip:201@other.example>")
			}
			if change != nil {
				change(d)
			}
			return other.Ask(d)
		}
		if m := ask("REGISTER", "sip:other.example", nil); m.Status() != 200 {
			t.Fatalf("the other tenant's account does not register: %.300q", m.Text)
		}
		tag := func(v string) string { _, t, _ := strings.Cut(v, "tag="); return t }
		for _, d := range []*phone.Dialog{c, r} {
			if m := ask("INVITE", "sip:102@other.example", func(i *phone.Draft) { i.SDP(media).Set("Replaces", replacing(d)) }); m.Status() != 481 && m.Status() != 403 {
				t.Errorf("an INVITE that replaces another tenant's dialog: %.80q", m.Text)
			}
			if m := ask("REFER", "sip:102@other.example", func(i *phone.Draft) {
				i.Set("Target-Dialog", d.ID+";local-tag="+tag(d.Local)+";remote-tag="+tag(d.Remote))
			}); m.Status() != 481 {
				t.Errorf("a REFER of another tenant's dialog: %.80q", m.Text)
			}
			if m := ask("BYE", d.Target, func(i *phone.Draft) {
				i.Set("Call-ID", d.ID).Set("From", d.Local).Set("To", d.Remote).Set("CSeq", "70 BYE")
			}); m.Status() < 400 || m.Status() > 499 {
				t.Errorf("a BYE within another tenant's dialog: %.80q", m.Text)
			}
		}
		for _, method := range []string{"INVITE", "SUBSCRIBE", "MESSAGE", "PUBLISH", "REGISTER"} {
			m := ask(method, "sip:101@home.example", func(d *phone.Draft) {
				switch method {
				case "INVITE":
					d.SDP(media)
				case "REGISTER":
					d.Line = "REGISTER sip:home.example SIP/2.0"
					d.Set("To", "<sip:101@home.example>")
				}
			})
			if m.Status() < 400 || m.Status() > 499 {
				t.Errorf("%s to another tenant's 101: %.80q", method, m.Text)
			}
		}
		for _, party := range []*phone.Agent{a, b} {
			party.Quiet(200*time.Millisecond, "something at "+party.User, func(m phone.Message) bool { return m.Method() != "" })
		}
		phone.End(c, r)
	})
}
