package server

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"santral/sip"
	"santral/sip/siptest"
)

// TestOptions: who asks is told everything that a conformant client may build on (RFC 3261 §11.2).
func TestOptions(t *testing.T) {
	scripted(t, "options", func(w *stage, s *siptest.Stage) {
		a := w.script(s, "A", "192.0.2.11:5060", ali, false)
		defer a.Close()
		_, got := a.ask(sip.OPTIONS, "sip:192.0.2.1", "able", "Accept: application/sdp")
		for name, want := range map[string]string{
			"Accept": "application/sdp", "Accept-Encoding": "identity", "Accept-Language": "en", "Allow": "PUBLISH",
			"Allow-Events": "message-summary", "Supported": "100rel, timer",
		} {
			if v := got.Get(sip.KindOf(name)); got.Status != 200 || !strings.Contains(v, want) {
				t.Errorf("%d, %s: %q", got.Status, name, v)
			}
		}
		for _, tag := range strings.Split(got.Get(sip.Supported), ", ") {
			if _, again := a.ask(sip.OPTIONS, "sip:192.0.2.1", tag, "Require: "+tag); again.Status != 200 {
				t.Errorf("%s is supported, and answered %d", tag, again.Status)
			}
		}
	})
}

// TestAnEdge: phones behind a proxy of ours register through it, each with its own password, and are called
// through it. One that guesses is banned alone, whatever it writes into its requests, and a Path from
// anybody else is refused.
func TestAnEdge(t *testing.T) {
	scripted(t, "an-edge", func(w *stage, s *siptest.Stage) {
		a := w.script(s, "A", "192.0.2.11:5060", ali, false)
		edge := w.script(s, "edge", "192.0.2.50:5060", sara, false)
		defer a.Close()
		defer edge.Close()
		// what a phone at an address says, as the proxy sends it on
		behind := func(addr string) string {
			return fmt.Sprintf("Via: SIP/2.0/UDP 10.0.0.5:5060;branch={branch};received=%s;rport=40000\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKforged;received=198.51.100.99;rport=5", addr)
		}
		path := "Path: <sip:192.0.2.50;lr;received=sip:203.0.113.7:40000>"
		contact := "Contact: <sip:" + sara + "@10.0.0.5>"

		s.Note("a phone registers")
		_, got := edge.ask(sip.REGISTER, "sip:192.0.2.1", "desk", behind("203.0.113.7"), path, contact, "Supported: path")
		if got.Status != 200 || "Path: "+got.Get(sip.Path) != path {
			t.Fatalf("answered %d, Path %q", got.Status, got.Get(sip.Path))
		}
		s.Note("and is called")
		go a.ask(sip.INVITE, "sip:"+sara+"@192.0.2.1", "call", offerLines)
		invite := edge.Want("INVITE")
		if invite.RequestURI != "sip:"+sara+"@10.0.0.5" || "Path: "+invite.Get(sip.Route) != path {
			t.Errorf("INVITE %s by %s", invite.RequestURI, invite.Get(sip.Route))
		}
		edge.Reply(invite, "486 Busy Here")
		edge.Want("ACK")
		w.wait(time.Second)

		s.Note("A writes a Path of its own")
		if _, got := a.ask(sip.REGISTER, "sip:192.0.2.1", "mine", path, "Contact: <sip:"+ali+"@192.0.2.11>"); got.Status != 403 {
			t.Errorf("answered %d", got.Status)
		}

		s.Note("another phone guesses")
		guess := "Authorization: Digest username=\"" + sara + "\", realm=\"sample\", nonce=\"x\", uri=\"sip:192.0.2.1\", response=\"" + strings.Repeat("0", 32) + "\""
		bans := func() string { return fmt.Sprint(w.x.guard.Bans(time.Now())) }
		for n := 0; bans() == "[]" && n < 100; n++ {
			edge.seq++
			edge.put(edge.Text(fmt.Sprintf("REGISTER sip:192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP {me};branch={branch};rport\n%s\nMax-Forwards: 70\nFrom: <sip:x@192.0.2.1>;tag=g\nTo: <sip:%s@192.0.2.1>\nCall-ID: guess\nCSeq: %d REGISTER\n%s\n\n",
				behind("203.0.113.66"), sara, edge.seq, guess)))
			edge.Next(3 * time.Second)
		}
		if !strings.Contains(bans(), "203.0.113.66:40000") || strings.Contains(bans(), "192.0.2.50") || strings.Contains(bans(), "198.51.100.99") {
			t.Errorf("bans %s", bans())
		}
		s.Note("its neighbour is heard all the same")
		if _, got := edge.ask(sip.REGISTER, "sip:192.0.2.1", "desk", behind("203.0.113.7"), path, contact, "Supported: path"); got.Status != 200 {
			t.Errorf("answered %d", got.Status)
		}
	})
}
