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

// A browser and a plain phone call each other over WSS and UDP, and each hears what the other says.
func TestABrowserTalks(t *testing.T) {
	t.Parallel()
	x := phone.StartExchange(t, "--digest", "md5")
	pageSays := phone.Speech(t, "en", pageText, speech)
	aliSays := phone.Speech(t, "fa", aliText, speech)
	b := phone.StartTalker(t, phone.Rated(t, pageSays, 48000, 1))
	b.Register(x.WSS, x.Realm, x.Account("101", "wss"))
	b.Wait("registered")
	ali := phone.StartBaresip(t, x.Account("102", "udp"), aliSays)
	talked := func(who string) {
		b.Wait("talks")
		ali.Wait("CALL_ESTABLISHED")
		time.Sleep(talk)
		heard := b.Heard()
		b.Tell("window.session.terminate()")
		ali.Wait("CALL_CLOSED")
		judge(t, "ali, when "+who+" calls", ali.Heard(), pageSays, 0.9)
		judge(t, "the page, when "+who+" calls", heard, aliSays, 0.9)
	}
	b.Tell(`call("sip:102@" + ` + "`" + x.Realm + "`" + `)`)
	ali.Wait("CALL_INCOMING")
	ali.Command("accept", "")
	talked("the page")
	ali.Anew()
	ali.Dial("101")
	b.Wait("rings")
	b.Tell("answer()")
	talked("ali")
}

// Plain phones that shake hands, and have ICE, talk with one that does neither: the gateway's side of what browsers do.
func TestHandshakesAndICEOfPhones(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]phone.Account{
		"dtls":         {Encryption: "dtls_srtp"},
		"ice":          {ICE: true, More: ";rtcp_mux=yes"},
		"dtls and ice": {Encryption: "dtls_srtp", ICE: true, More: ";rtcp_mux=yes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := phone.StartExchange(t, "--digest", "md5")
			saraSays := phone.Speech(t, "en", pageText, speech)
			aliSays := phone.Speech(t, "fa", aliText, speech)
			account := x.Account("101", "udp")
			account.Encryption, account.ICE, account.More = a.Encryption, a.ICE, a.More
			sara := phone.StartBaresip(t, account, saraSays)
			ali := phone.StartBaresip(t, x.Account("102", "udp"), aliSays)
			sara.Dial("102")
			ali.Wait("CALL_INCOMING")
			ali.Command("accept", "")
			sara.Wait("CALL_ESTABLISHED")
			ali.Wait("CALL_ESTABLISHED")
			time.Sleep(talk)
			sara.Command("hangup", "")
			ali.Wait("CALL_CLOSED")
			judge(t, "ali", ali.Heard(), saraSays, 0.95)
			judge(t, "sara", sara.Heard(), aliSays, 0.95)
			if want := a.Encryption == "dtls_srtp"; want != (x.Metric("santral_dtls_handshakes_total", "result", "agreed") == 1) {
				var m string
				x.Get("/metrics", &m)
				t.Errorf("%v handshakes are counted\n%s\n%s", x.Metric("santral_dtls_handshakes_total", "agreed"), m, sara.Out)
			}
			if a.ICE && x.Metric("santral_ice_packets_total", "result", "media") == 0 {
				t.Errorf("no media came to the port of browsers; sara says\n%s", sara.Out)
			}
		})
	}
}
