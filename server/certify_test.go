package server

import (
	"strings"
	"testing"

	"santral/service/trunk"
	"santral/sip"
	"santral/sip/siptest"
)

// A carrier is tested clause by clause: what it did well passes, what it did badly fails with what was seen,
// and what nobody saw is neither.
func TestATrunkIsCertified(t *testing.T) {
	withTrunks(t, func(w *stage, st *siptest.Stage) {
		carrier := st.Phone("one", "198.51.100.1:5060")
		defer carrier.Close()
		var list []trunk.Clause
		done := make(chan bool)
		go func() {
			var ok bool
			list, ok = w.x.certify(w.ctx, "acme", "one", "+982133445566")
			done <- ok
		}()
		carrier.Reply(carrier.Want("OPTIONS"), "200 OK", "Allow: INVITE, ACK, CANCEL")
		in := carrier.Want("INVITE")
		carrier.Reply(in, "100 Trying")
		carrier.Reply(in, "183 Session Progress", voice(carrier))
		answers(carrier, in)
		hold := carrier.Want("INVITE")
		if !strings.Contains(hold.Body, "a=sendonly") {
			t.Errorf("the hold is\n%s", hold.Text)
		}
		carrier.Reply(hold, "200 OK", voice(carrier)) // does not stop sending
		carrier.Want("ACK")
		carrier.Reply(carrier.Want("INVITE"), "200 OK", voice(carrier))
		carrier.Want("ACK")
		gone(carrier)
		if !<-done {
			t.Fatal("there is no such trunk")
		}
		var b strings.Builder
		for _, c := range list {
			b.WriteString(c.Name + ": " + c.Verdict.String() + "\n")
		}
		want := `registration/digest: not applicable
registration/expires: not applicable
registration/gin: not applicable
registration/service-route: not applicable
options/answer: passed
options/methods: failed
options/accept: not applicable
call/trying: passed
call/answer: passed
call/e164: failed
call/identity: passed
call/codec: passed
call/early-media: passed
call/100rel: not applicable
call/session-timer: not applicable
call/hold: failed
call/resume: passed
call/dtmf: passed
call/bye: passed
call/tls: not applicable
`
		if b.String() != want {
			t.Errorf("the verdicts are\n%swant\n%s", b.String(), want)
			for _, c := range list {
				t.Log(c.Name, c.Verdict, c.Seen)
			}
		}
		if in, out := w.x.channels.TrunkInUse("acme", "one"); in+out != 0 {
			t.Error("the test call keeps its channel")
		}
		w.free()
	}, twoCarriers)
}

// A carrier that says nothing fails what it was asked, and nothing else is judged.
func TestASilentTrunkIsNotCertified(t *testing.T) {
	withTrunks(t, func(w *stage, st *siptest.Stage) {
		carrier := st.Phone("one", "198.51.100.1:5060")
		defer carrier.Close()
		list, ok := w.x.certify(w.ctx, "acme", "one", "")
		if !ok {
			t.Fatal("there is no such trunk")
		}
		for _, c := range list {
			if c.Verdict == trunk.Passed || (c.Verdict == trunk.Failed) != (c.Name == "options/answer") || c.Seen == "" {
				t.Errorf("%s: %s, %s", c.Name, c.Verdict, c.Seen)
			}
		}
		if _, ok := w.x.certify(w.ctx, "acme", "nobody", ""); ok {
			t.Error("a trunk that is not there is tested")
		}
		carrier.Count(40*1e9, string(sip.OPTIONS))
	}, twoCarriers)
}
