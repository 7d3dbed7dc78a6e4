package e2e

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"santral/test/phone"
)

// site is a tenant with accounts, each with settings of media.
func site(accounts ...[2]string) string {
	text := "tenant: site\ndomains: [site.example]\ndefault: true\nextensions:\n"
	for _, a := range accounts {
		text += "  - {number: " + a[0] + ", password: " + phone.Password + ", media: {" + a[1] + "}}\n"
	}
	return text
}

// page101 is a browser that has registered as 101.
func page101(t *testing.T, x *phone.Exchange, says string) *phone.Browser {
	t.Helper()
	b := phone.StartTalker(t, phone.Rated(t, says, 48000, 1))
	at := x.WSS
	if at == "" {
		at = x.WS
	}
	b.Register(at, x.Realm, x.Account("101", "ws"))
	b.Wait("registered")
	return b
}

// A browser that may speak one old codec alone talks with a phone that has another one, and the keys of each reach the
// other: as events, as INFO to a browser that is told so, and as tones to a phone that is told so.
func TestABrowserOfOneCodec(t *testing.T) {
	t.Parallel()
	for codec, c := range map[string]struct{ phone, digits, pageDigits, by string }{
		"G722": {"PCMA", "inband", "events", "RFC2833"},
		"PCMU": {"G722/16000/1", "events", "info", "INFO"},
	} {
		t.Run(codec, func(t *testing.T) {
			t.Parallel()
			theirs, _, _ := strings.Cut(c.phone, "/")
			x := phone.StartServe(t, "site.example", site(
				[2]string{"101", "digits: " + c.pageDigits + ", codecs: [" + codec + "]"}, [2]string{"102", "digits: " + c.digits + ", codecs: [" + theirs + "]"}))
			pageSays, aliSays := phone.Speech(t, "en", pageText, speech), phone.Speech(t, "fa", aliText, speech)
			b := page101(t, x, pageSays)
			account := x.Account("102", "udp")
			account.Codec = c.phone
			ali := phone.StartBaresip(t, account, aliSays)
			b.Call("102", x.Realm)
			ali.Wait("CALL_INCOMING")
			ali.Command("accept", "")
			b.Wait("talks")
			ali.Wait("CALL_ESTABLISHED")
			time.Sleep(talk)
			heard, voices := b.Heard(), b.Voices()
			if c.pageDigits == "info" { // a script learns nothing of events
				ali.Command("sndcode", "7")
				time.Sleep(300 * time.Millisecond)
				ali.Command("sndcode", "") // the key is let go
				if k := b.Wait("key"); k.Detail != "7" {
					t.Errorf("the page was told the key %q, want 7", k.Detail)
				}
			}
			b.Tell(fmt.Sprintf("window.session.sendDTMF(%q, {transportType: %q, duration: 160})", "3", c.by))
			if c.digits == "events" {
				ali.Wait("CALL_DTMF_START")
			}
			time.Sleep(time.Second)
			b.Tell("window.session.terminate()")
			ali.Wait("CALL_CLOSED")
			if want := "audio/" + codec + " audio/" + codec; voices != want {
				t.Errorf("the page hears and says %s, want %s", voices, want)
			}
			understood(t, "the phone", phone.Beginning(t, ali.Heard(), 7), pageSays) // then there are keys
			understood(t, "the page", heard, aliSays)
			if keys := phone.Keys(t, ali.Heard()); c.digits == "inband" && keys != "3" {
				t.Errorf("the phone heard the tones of %q, want 3", keys)
			}
		})
	}
}

// A browser hears its own echo in Opus, is silent while it holds, and hears itself again.
func TestABrowserHoldsItsEcho(t *testing.T) {
	t.Parallel()
	x := phone.StartExchange(t, "--digest", "md5")
	says := phone.Speech(t, "en", pageText, speech)
	b := page101(t, x, says)
	b.Call("*43", x.Realm)
	b.Wait("talks")
	itself(t, "the page", b, says)
	if v := b.Voices(); v != "audio/opus audio/opus" {
		t.Errorf("the page hears and says %s, want Opus", v)
	}
	b.Tell("window.session.hold()")
	time.Sleep(2 * time.Second)
	b.Heard()
	b.Tell("window.session.unhold()")
	itself(t, "the page after the hold", b, says)
	b.Tell("window.session.terminate()")
	if c := record(t, x, "101", "*43"); c.State != "answered" || c.EndedBy != "caller" {
		t.Errorf("record %+v", c)
	}
}

// itself waits until a page understands its own echo, at most three times seven seconds: an echo suffers twice from a
// machine that is too busy for browsers.
func itself(t *testing.T, who string, b *phone.Browser, says string) {
	t.Helper()
	var scores []float64
	for range 3 {
		b.Heard()
		time.Sleep(7 * time.Second)
		scores = append(scores, phone.Opinion(t, b.Heard(), says))
		if scores[len(scores)-1] >= 3.5 {
			t.Logf("%s heard speech of %.2f out of 4.5", who, scores)
			return
		}
	}
	t.Errorf("%s heard speech of %.2f out of 4.5, want 3.5 once", who, scores)
}

// A phone sends a browser on to another phone, and the two hear each other.
func TestAPhoneTransfersABrowser(t *testing.T) {
	t.Parallel()
	x := phone.StartExchange(t, "--digest", "md5")
	pageSays, caraSays := phone.Speech(t, "en", pageText, speech), phone.Speech(t, "fa", aliText, speech)
	b := page101(t, x, pageSays)
	ali := phone.StartBaresip(t, x.Account("102", "udp"), phone.Speech(t, "en", "please hold the line", speech))
	cara := phone.StartBaresip(t, x.Account("103", "udp"), caraSays)
	b.Call("102", x.Realm)
	ali.Wait("CALL_INCOMING")
	ali.Command("accept", "")
	b.Wait("talks")
	time.Sleep(time.Second)
	ali.Command("transfer", "sip:103@"+x.SIP)
	cara.Wait("CALL_INCOMING")
	cara.Command("accept", "")
	cara.Wait("CALL_ESTABLISHED")
	ali.Wait("CALL_CLOSED")
	b.Heard()
	time.Sleep(talk)
	heard := b.Heard()
	cara.Command("hangup", "")
	cara.Wait("CALL_CLOSED")
	b.Wait("ended")
	understood(t, "the target", cara.Heard(), pageSays)
	understood(t, "the page", heard, caraSays)
	moved(t, x, "101", "102", "103")
}

// The connection of a browser's signalling is cut in the middle of its call: sound goes on, the page connects anew, and
// hears of the other side's hanging up on its new connection.
func TestABrowsersCallOutlivesItsConnection(t *testing.T) {
	t.Parallel()
	x := phone.StartExchange(t, "--digest", "md5")
	pageSays, aliSays := phone.Speech(t, "en", pageText, speech), phone.Speech(t, "fa", aliText, speech)
	wire := newCutter(t, phone.At(strings.TrimSuffix(strings.TrimPrefix(x.WSS, "wss://"), "/ws")))
	x.WSS = "wss://localhost:" + wire.port() + "/ws"
	b := page101(t, x, pageSays)
	ali := phone.StartBaresip(t, x.Account("102", "udp"), aliSays)
	b.Call("102", x.Realm)
	ali.Wait("CALL_INCOMING")
	ali.Command("accept", "")
	b.Wait("talks")
	time.Sleep(time.Second)
	wire.cut()
	b.Wait("disconnected")
	b.Wait("registered")
	b.Heard()
	time.Sleep(talk)
	heard := b.Heard()
	ali.Command("hangup", "")
	b.Wait("ended")
	ali.Wait("CALL_CLOSED")
	c := record(t, x, "101", "102")
	if c.State != "answered" || c.EndedBy != "callee" || c.Q850 != 16 {
		t.Errorf("record %+v", c)
	}
	understood(t, "the page", heard, aliSays)
	understood(t, "the phone", ali.Heard(), pageSays)
}

// cutter is a wire to a TCP port that can be cut.
type cutter struct {
	l     net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func newCutter(t *testing.T, to string) *cutter {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{l: l}
	t.Cleanup(func() { l.Close(); c.cut() })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				near.Close()
				continue
			}
			c.mu.Lock()
			c.conns = append(c.conns, near, far)
			c.mu.Unlock()
			go io.Copy(near, far)
			go io.Copy(far, near)
		}
	}()
	return c
}

func (c *cutter) port() string {
	_, port, _ := net.SplitHostPort(c.l.Addr().String())
	return port
}

// cut ends every connection there is; new ones are made.
func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		conn.Close()
	}
	c.conns = nil
}
