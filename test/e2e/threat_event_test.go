package e2e

import (
	"fmt"
	"strings"
	"testing"

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
