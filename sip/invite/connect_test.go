package invite

import (
	"testing"
	"time"

	"santral/sip"
)

// TestCall is RFC 3665 §3.1 seen from the caller.
func TestCall(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.call("offer")
		s.answer(req, 100, "", "")
		s.answer(req, 180, "peer", "")
		s.answer(req, 200, "peer", "answer")
		s.take(sip.ACK)
		s.we(func(x *Session) { x.Hangup("Q.850;cause=16") })
		s.answer(s.take(sip.BYE), 200, "", "")
		if s.state() != Ended {
			t.Errorf("the session is %s", s.state())
		}
	})
}

// TestLostAnswer has the ACK lost: the peer repeats its 200 and gets the same ACK again
// (RFC 3261 §13.2.2.4).
func TestLostAnswer(t *testing.T) {
	ladderTest(t, func(s *scene) {
		acks := 0
		s.drop = func(m *sip.Message) bool {
			if m.Method == sip.ACK {
				acks++
			}
			return m.Method == sip.ACK && acks == 1
		}
		req := s.call("offer")
		s.answer(req, 200, "peer", "answer")
		s.none(500 * time.Millisecond)
		s.answer(req, 200, "peer", "answer")
		s.take(sip.ACK)
	})
}

// TestForks has a proxy that forks behind the peer: two branches ring, one answers, the other answers too late
// and is acknowledged and ended (RFC 3261 §13.2.2.4).
func TestForks(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.call("offer")
		s.answer(req, 180, "b1", "")
		s.answer(req, 183, "b2", "early")
		s.answer(req, 200, "b2", "answer")
		if ack := s.take(sip.ACK); ack.ToTag() != "b2" {
			t.Errorf("ACK to %q", ack.ToTag())
		}
		s.answer(req, 200, "b1", "answer")
		if ack := s.take(sip.ACK); ack.ToTag() != "b1" {
			t.Errorf("ACK to %q", ack.ToTag())
		}
		bye := s.take(sip.BYE)
		if bye.ToTag() != "b1" {
			t.Errorf("BYE to %q", bye.ToTag())
		}
		s.answer(req, 200, "b1", "answer") // it comes again
		s.take(sip.ACK)
		s.answer(bye, 200, "", "")
		s.we(func(x *Session) {
			if x.State() != Established || x.Dialog().RemoteTag != "b2" {
				t.Errorf("%s with %s", x.State(), x.Dialog().RemoteTag)
			}
		})
	})
}

// TestCancel is RFC 3665 §3.8.
func TestCancel(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.call("offer")
		s.we(func(x *Session) { x.Hangup(`Q.850;cause=26`) })
		s.none(100 * time.Millisecond) // RFC 3261 §9.1: no CANCEL before a provisional
		s.answer(req, 180, "peer", "")
		s.answer(s.take(sip.CANCEL), 200, "", "")
		s.answer(req, 487, "peer", "")
		s.take(sip.ACK)
	})
}

// TestCancelCrossesAnswer has CANCEL and 200 pass each other: the 200 is acknowledged and the dialog
// ended (RFC 3261 §9.1, §15).
func TestCancelCrossesAnswer(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.call("offer")
		s.answer(req, 180, "peer", "")
		s.we(func(x *Session) { x.Hangup("Q.850;cause=16") })
		cancel := s.take(sip.CANCEL)
		s.answer(req, 200, "peer", "answer")
		s.answer(cancel, 481, "", "")
		s.take(sip.ACK)
		s.answer(s.take(sip.BYE), 200, "", "")
		s.answer(req, 200, "peer", "answer")
		s.take(sip.ACK)
	})
}

// TestLateOffer has no offer in the INVITE: the 200 makes it and the ACK answers (RFC 3261 §13.2.1).
func TestLateOffer(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.call("")
		s.answer(req, 200, "peer", "offer")
		s.answer(req, 200, "peer", "offer")
		s.none(time.Second)
		s.we(func(x *Session) { x.Answer("answer") })
		s.take(sip.ACK)
		s.answer(req, 200, "peer", "offer")
		s.take(sip.ACK)
	})
}

// TestLateOfferGivenUp has us hang up before we have an answer: ACK, then BYE.
func TestLateOfferGivenUp(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.call("")
		s.answer(req, 200, "peer", "offer")
		s.we(func(x *Session) { x.Hangup("Q.850;cause=16") })
		s.take(sip.ACK)
		s.answer(s.take(sip.BYE), 200, "", "")
	})
}

// TestRefusal is RFC 3665 §3.10: busy.
func TestRefusal(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.call("offer")
		s.answer(req, 486, "peer", "")
		s.take(sip.ACK)
	})
}

// TestNobodyThere has no answer at all: Timer B ends it after 64·T1.
func TestNobodyThere(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.call("offer")
		for range 6 {
			s.take(sip.INVITE)
		}
		s.none(time.Minute)
		if s.state() != Ended {
			t.Errorf("the session is %s", s.state())
		}
	})
}

// TestChallengeIsARefusal: an exchange answers no challenge of a phone that it rings.
func TestChallengeIsARefusal(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.call("offer")
		res := sip.NewResponse(req, 407, "")
		res.SetToTag("peer")
		res.Add(sip.ProxyAuthenticate, `Digest realm="trap", nonce="1", algorithm=MD5, qop="auth"`)
		s.put(res, ourFlow)
		if ack := s.take(sip.ACK); ack.Has(sip.ProxyAuthorization) || ack.Has(sip.Authorization) {
			t.Error("credentials were sent")
		}
		s.none(time.Minute)
	})
}

// TestRequestsBeforeTheAnswer come from a branch that rings.
func TestRequestsBeforeTheAnswer(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.call("offer")
		s.answer(req, 180, "peer", "")
		s.asks(sip.INFO, req, "")
		s.status(200)
		s.asks(sip.UPDATE, req, "x")
		s.status(491)
		again := s.asks(sip.INVITE, req, "x")
		s.ack(again, s.status(500), "")
		s.asks(sip.BYE, req, "") // RFC 3261 §15 forbids it
		s.status(200)
		s.answer(s.take(sip.CANCEL), 200, "", "")
		s.answer(req, 487, "peer", "")
		s.take(sip.ACK)
	})
}
