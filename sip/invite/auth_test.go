package invite

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"santral/sip"
)

// challenge has the peer refuse a request until it is told who we are.
func (s *scene) challenge(req *sip.Message, status int, nonce, more string) {
	s.Helper()
	res := sip.NewResponse(req, status, "")
	res.SetToTag("peer")
	kind := sip.WWWAuthenticate
	if status == 407 {
		kind = sip.ProxyAuthenticate
	}
	res.Add(kind, `Digest realm="office", nonce="`+nonce+`", algorithm=MD5, qop="auth"`+more)
	s.put(res, ourFlow)
}

func credential(t *testing.T, m *sip.Message, kind sip.Kind, has ...string) {
	t.Helper()
	for _, part := range has {
		if !strings.Contains(m.Get(kind), part) {
			t.Errorf("%s lacks %s:\n%s", kind, part, m)
		}
	}
}

// TestChallenged is RFC 3665 §3.3 for a telephone: its INVITE is challenged, the ACK carries the same
// credentials (RFC 3261 §22.1), and so does the BYE before it is asked, with the next count; a nonce that grew
// stale meanwhile is answered anew.
func TestChallenged(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.cfg.Account = &Account{User: "alice", Password: "secret"}
		first := s.call("offer")
		s.challenge(first, 407, "n1", "")
		s.take(sip.ACK)
		again := s.take(sip.INVITE)
		credential(t, again, sip.ProxyAuthorization, `username="alice"`, `realm="office"`, `nonce="n1"`, "nc=00000001", `uri="sip:bob@192.0.2.2:5060"`)
		if again.CallID() != first.CallID() || again.FromTag() != first.FromTag() || again.Get(sip.CSeqKind) != "2 INVITE" {
			t.Errorf("the second INVITE is\n%s", again)
		}
		s.answer(again, 200, "peer", "answer")
		credential(t, s.take(sip.ACK), sip.ProxyAuthorization, `nonce="n1"`, "nc=00000001")
		s.we(func(x *Session) { x.Hangup("") })
		bye := s.take(sip.BYE)
		credential(t, bye, sip.ProxyAuthorization, `nonce="n1"`, "nc=00000002")
		s.challenge(bye, 407, "n2", ", stale=true")
		bye = s.take(sip.BYE)
		credential(t, bye, sip.ProxyAuthorization, `nonce="n2"`, "nc=00000001")
		s.answer(bye, 200, "", "")
		if s.state() != Ended {
			t.Errorf("the session is %s", s.state())
		}
	})
}

// TestChangeChallenged: a re-INVITE is challenged for the first time in the session, and refused again.
func TestChangeChallenged(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.cfg.Account = &Account{User: "alice", Password: "secret"}
		s.established()
		s.we(func(x *Session) { x.Modify("hold") })
		s.challenge(s.take(sip.INVITE), 401, "n1", "")
		s.take(sip.ACK)
		again := s.take(sip.INVITE)
		credential(t, again, sip.Authorization, `nonce="n1"`)
		s.challenge(again, 401, "n2", "") // the password is wrong
		s.take(sip.ACK)
		s.we(func(x *Session) { x.Modify("hold") })
		change := s.take(sip.INVITE)
		s.answer(change, 200, "", "held")
		s.take(sip.ACK)
	})
}

// TestFrozen writes a session out and reads it back: it goes on with its numbers, and hears its peer.
func TestFrozen(t *testing.T) {
	ladderTest(t, func(s *scene) {
		ack := s.established()
		s.asks(sip.INFO, ack, "")
		s.status(200)
		s.we(func(x *Session) { x.Modify("hold") })
		change := s.take(sip.INVITE)
		s.we(func(x *Session) {
			if _, err := x.Freeze(); !errors.Is(err, ErrBusy) {
				t.Errorf("frozen in the middle of a change: %v", err)
			}
		})
		s.answer(change, 200, "", "held")
		s.take(sip.ACK)
		s.we(func(x *Session) {
			st, err := x.Freeze()
			if err != nil {
				t.Fatal(err)
			}
			if x.Hangup(""); x.State() != Ended {
				t.Errorf("frozen, it is %s", x.State())
			}
			text, err := json.Marshal(st)
			if err != nil {
				t.Fatal(err)
			}
			var back Frozen
			if err := json.Unmarshal(text, &back); err != nil {
				t.Fatal(err)
			}
			if s.session, err = Thaw(&s.cfg, x.Shard(), back, s); err != nil {
				t.Fatal(err)
			}
		})
		s.seq--
		s.asks(sip.INFO, ack, "") // older than what the first one has seen
		s.status(500)
		s.asks(sip.INFO, ack, "")
		s.status(200)
		s.we(func(x *Session) { x.Modify("resume") })
		s.answer(s.take(sip.INVITE), 491, "", "")
		s.take(sip.ACK)
		s.none(2 * time.Second) // the Call-ID is still ours
		s.answer(s.take(sip.INVITE), 200, "", "resumed")
		s.take(sip.ACK)
		s.asks(sip.BYE, ack, "")
		s.we(func(x *Session) { x.Finish() })
		s.status(200)
	})
}
