package e2e

import (
	"testing"
	"time"

	"santral/test/phone"
)

// nap is how long the page sleeps: longer than the exchange waits before it asks whether a browser is there.
const nap = 45 * time.Second

// TestABrowserKeepsItsFlow: JsSIP in a real Chromium registers over WSS, its page sleeps, and it is reached
// on the same connection when it wakes up.
func TestABrowserKeepsItsFlow(t *testing.T) {
	t.Parallel()
	x := phone.StartExchange(t)
	b := phone.StartBrowser(t)
	b.Register(x.WSS, x.Realm, x.Account("101", "wss"))
	b.Wait("registered")
	b.Nap(nap)
	ali := x.UDP(t, "").Agent("102").Register()
	c := ali.Dial("101", phone.Offer("127.0.0.1:40000"))
	if h := b.Wait("rings"); h.Detail != "102" {
		t.Errorf("the page is called by %q", h.Detail)
	}
	c.Response(180, 5*time.Second)
	c.Cancel()
	b.Wait("failed")
	b.Tell(`say("sip:102@" + ` + "`" + x.Realm + "`" + `, "salaam")`)
	m := ali.Want(5*time.Second, "the page's message", phone.Requests("MESSAGE"))
	if m.Body() != "salaam" {
		t.Errorf("the page says %q", m.Body())
	}
	ali.Send(m.Answer(200, "OK", "t").String())
	b.Wait("said")
	for _, h := range b.Happened() {
		if h.Kind == "disconnected" {
			t.Errorf("the page lost its connection: %v", b.Happened())
		}
	}
}
