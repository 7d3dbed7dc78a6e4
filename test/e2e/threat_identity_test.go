package e2e

import (
	"strings"
	"testing"
	"time"

	"santral/test/phone"
)

// The threats to who somebody is, by their numbers in the table of threats.

func TestHijackAndSpoofedIdentity(t *testing.T) { // 12 and 13
	x := phone.StartExchange(t, "--digest", "md5")
	over(t, "udp tls wss", func(t *testing.T, transport string) { hijack(t, x, transport) })
}

func hijack(t *testing.T, x *phone.Exchange, transport string) {
	b := device(t, x, transport, "102")
	a := x.Wire(t, transport, place(transport, 7)).Agent("101")
	for name, change := range map[string]func(*phone.Draft){
		"To 102":          func(d *phone.Draft) { d.Set("To", "<"+a.URI("102")+">") },
		"To and From 102": func(d *phone.Draft) { d.Set("To", "<"+a.URI("102")+">").Set("From", "<"+a.URI("102")+">;tag=1") },
		"remove 102":      func(d *phone.Draft) { d.Set("To", "<"+a.URI("102")+">").Set("Contact", "*").Set("Expires", "0") },
		"To %31%30%32":    func(d *phone.Draft) { d.Set("To", "<"+a.URI("%31%30%32")+">") },
	} {
		d := a.Request("REGISTER", a.URI(""))
		change(d)
		if m := a.Ask(d); m.Status() != 403 {
			t.Errorf("%s with 101's credentials: %.80q, want 403", name, m.Text)
		}
	}
	query := func() []string { return b.Ask(b.Request("REGISTER", b.URI("")).Del("Contact")).All("Contact") }
	if list := query(); len(list) != 1 || !strings.Contains(list[0], strings.Trim(b.Contact(), "<>")) {
		t.Errorf("102's bindings are %v", list)
	}

	call := a.Dial("102", phone.Offer("127.0.3.7:40000"), func(d *phone.Draft) {
		d.Set("From", `"Spoof Boss" <sip:spoof@evil.example>;tag=77`).Set("P-Asserted-Identity", `"Spoof" <sip:spoof@evil.example>`).
			Set("P-Preferred-Identity", "<sip:spoof@evil.example>").Set("Remote-Party-ID", "<sip:spoof@evil.example>;party=calling").
			Set("Diversion", "<sip:spoof@evil.example>").Set("History-Info", "<sip:spoof@evil.example>;index=1").Set("X-Spoof", "spoof").Set("Subject", "spoof")
	})
	ring := b.Ring()
	if text := ring.Incoming.Text; strings.Contains(strings.ToLower(text), "spoof") || strings.Contains(text, "evil") {
		t.Errorf("102 sees what the caller says of itself:\n%s", text)
	}
	if from := ring.Incoming.Get("From"); !strings.Contains(from, "sip:101@") {
		t.Errorf("102 sees From %s", from)
	}
	if pai := ring.Incoming.All("P-Asserted-Identity"); len(pai) != 1 || !strings.Contains(pai[0], "sip:101@") {
		t.Errorf("102 sees P-Asserted-Identity %v", pai)
	}
	if ring.Incoming.Get("Authorization") != "" {
		t.Error("102 sees the caller's credentials")
	}
	// The callee asks for credentials: nobody gives it any.
	ring.Send(ring.Reply(407, "Proxy Authentication Required", "").Add("Proxy-Authenticate", `Digest realm="santral.local", nonce="evil", algorithm=MD5, qop="auth"`).
		Add("WWW-Authenticate", `Digest realm="santral.local", nonce="evil", algorithm=MD5, qop="auth"`).String())
	refused := call.Want(5*time.Second, "refusal", phone.Responses(call.ID, call.Invite.Get("CSeq"), 300))
	if refused.Get("Proxy-Authenticate") != "" || refused.Get("WWW-Authenticate") != "" || refused.Status() == 401 || refused.Status() == 407 {
		t.Errorf("the callee's challenge reaches the caller:\n%s", refused.Text)
	}
	b.Quiet(700*time.Millisecond, "credentials at 102", func(m phone.Message) bool { return strings.Contains(m.Text, "uthorization") })
}

// forge has a request claim to be somebody else's in every way there is.
func forge(d *phone.Draft) *phone.Draft {
	_, tag, _ := strings.Cut(d.Get("From"), ";tag=")
	return d.Set("From", `"Spoof Boss" <sip:spoof@evil.example>;tag=`+tag).Set("P-Asserted-Identity", `"Spoof" <sip:spoof@evil.example>`).
		Set("P-Preferred-Identity", "<sip:spoof@evil.example>").Set("Remote-Party-ID", "<sip:spoof@evil.example>;party=calling").
		Set("Referred-By", "<sip:spoof@evil.example>").Set("Identity", "spoof")
}

func told(t *testing.T, what string, m phone.Message) {
	t.Helper()
	if text := strings.ToLower(m.Text); strings.Contains(text, "spoof") || strings.Contains(text, "evil") || m.Get("Authorization") != "" {
		t.Errorf("%s tells what its sender says of itself:\n%s", what, m.Text)
	}
}

// TestForgedIdentityInEveryMethod: an account speaks for itself alone, whatever it says it is, in and outside
// of dialogs.
func TestForgedIdentityInEveryMethod(t *testing.T) { // 12
	x := phone.StartExchange(t, "--digest", "md5")
	over(t, "udp tls wss", func(t *testing.T, transport string) { forgedIdentity(t, x, transport) })
}

func forgedIdentity(t *testing.T, x *phone.Exchange, transport string) {
	a, b := pair(t, x, transport, "101", "102")
	c3 := device(t, x, transport, "103")

	d := forge(a.Request("MESSAGE", a.URI("102"))).Set("Content-Type", "text/plain")
	d.Body = "hello"
	a.Send(d.String())
	refused := a.Want(soon, "401", phone.Responses(d.Get("Call-ID"), d.Get("CSeq"), 200))
	d = a.Authorize(d, refused)
	a.Send(d.String())
	m := b.Want(soon, "MESSAGE", phone.Requests("MESSAGE"))
	b.Send(m.Answer(200, "OK", "t").String())
	told(t, "MESSAGE", m)
	if !strings.Contains(m.Get("From"), "sip:101@") || m.Body() != "hello" {
		t.Errorf("MESSAGE arrives as\n%s", m.Text)
	}
	a.Want(soon, "200", phone.Responses(d.Get("Call-ID"), d.Get("CSeq"), 200))

	// What is another account's own to see and to say.
	for name, d := range map[string]*phone.Draft{
		"SUBSCRIBE to 102's registrations": a.Request("SUBSCRIBE", a.URI("102")).Set("Event", "reg"),
		"SUBSCRIBE to 102's messages":      a.Request("SUBSCRIBE", a.URI("102")).Set("Event", "message-summary"),
		"PUBLISH for 102":                  a.Request("PUBLISH", a.URI("102")).Set("Event", "presence").Set("Content-Type", "application/pidf+xml"),
	} {
		_, tag, _ := strings.Cut(d.Get("From"), ";tag=")
		d.Set("From", "<"+a.URI("102")+">;tag="+tag).Set("P-Asserted-Identity", "<"+a.URI("102")+">").Set("P-Preferred-Identity", "<"+a.URI("102")+">")
		if strings.HasPrefix(name, "PUBLISH") {
			d.Body = `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:102@x"><tuple id="a"><status><basic>closed</basic></status></tuple></presence>`
		}
		if m := a.Ask(d); m.Status() != 403 {
			t.Errorf("%s by 101 that says it is 102: %.80q, want 403", name, m.Text)
		}
	}

	// A subscriber is who it proved to be: what it watches does not tell it the forged name.
	d = forge(a.Request("SUBSCRIBE", a.URI("101")).Set("Event", "dialog").Set("Expires", "600"))
	if m := a.Ask(d); m.Status() != 200 {
		t.Errorf("SUBSCRIBE to what is one's own with a forged From: %.80q", m.Text)
	}
	n := a.Want(soon, "NOTIFY", phone.Requests("NOTIFY"))
	a.Send(n.Answer(200, "OK", "").String())
	defer func() { // and it ends
		over := d.Copy().Branch().Set("CSeq", "9 SUBSCRIBE").Set("Expires", "0").Del("Authorization")
		a.Transact(over.Set("To", over.Get("To")+";tag="+n.Tag("From")), soon)
	}()
	var list struct {
		Items []struct{ Account string }
	}
	if x.Get("/api/v1/subscriptions", &list); len(list.Items) != 1 || list.Items[0].Account != "101" {
		t.Errorf("the subscription is %+v", list)
	}

	// Within a call: another From by UPDATE and re-INVITE (RFC 4916), another Referred-By in REFER.
	c, r := phone.Talk(a, b, media, media)
	for _, method := range []string{"UPDATE", "INVITE"} {
		d := forge(c.Request(method)).Set("Supported", "from-change")
		if method == "INVITE" {
			d.SDP(changed)
		}
		c.Send(d.String())
		if method == "INVITE" {
			in := r.Expect("INVITE", soon)
			told(t, "a re-INVITE", in)
			r.Send(in.Answer(200, "OK", "").Add("Contact", r.Contact()).SDP(media).String())
			r.Expect("ACK", soon)
		}
		m := c.Want(soon, "answer to "+method, phone.Responses(c.ID, d.Get("CSeq"), 200))
		if method == "INVITE" && m.Status() == 200 {
			c.Send(c.Request("ACK").Set("CSeq", strings.Replace(d.Get("CSeq"), "INVITE", "ACK", 1)).String())
		}
		if m.Status() == 0 {
			t.Errorf("%s has no answer", method)
		}
	}
	r.Quiet(200*time.Millisecond, "a forged name", func(m phone.Message) bool {
		return m.Method() != "" && strings.Contains(strings.ToLower(m.Text), "spoof")
	})
	refer := forge(c.Request("REFER")).Set("Refer-To", "<"+a.URI("103")+"?Referred-By=%3Csip:spoof%40evil.example%3E&From=sip:spoof%40evil.example&P-Asserted-Identity=sip:spoof%40evil.example&Call-ID=spoof>")
	c.Send(refer.String())
	m = c.Want(soon, "answer to REFER", phone.Responses(c.ID, refer.Get("CSeq"), 200))
	if m.Status() != 202 {
		t.Errorf("REFER: %.80q", m.Text)
	}
	ring := c3.Ring()
	told(t, "an INVITE after a REFER", ring.Incoming)
	if by := ring.Incoming.Get("Referred-By"); by != "" && !strings.Contains(by, "sip:101@") {
		t.Errorf("Referred-By %s", by)
	}
	ring.Tell(486, "Busy Here", "")
	for { // the news of the REFER, to its end
		n := c.Expect("NOTIFY", soon)
		c.Agree(n)
		if strings.Contains(n.Get("Subscription-State"), "terminated") {
			break
		}
	}
	phone.End(c, r)
	var live string
	x.Get("/api/v1/cdrs", &live)
	if strings.Contains(strings.ToLower(live), "spoof") {
		t.Errorf("the records know the forged name:\n%s", live)
	}
}
