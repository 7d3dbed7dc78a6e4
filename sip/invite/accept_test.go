package invite

import (
	"testing"
	"time"

	"santral/sip"
	"santral/sip/endpoint"
)

// TestCalled is RFC 3665 §3.1 seen from the callee.
func TestCalled(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.calls("offer")
		s.we(func(x *Session) { x.Progress(180, "") })
		ringing := s.status(180)
		s.we(func(x *Session) { x.Progress(183, "early") })
		s.status(183)
		s.we(func(x *Session) { x.Accept("answer") })
		ok := s.status(200)
		s.ack(req, ok, "")
		if ringing.ToTag() == "" || ringing.ToTag() != ok.ToTag() {
			t.Errorf("tags %q and %q", ringing.ToTag(), ok.ToTag())
		}
		s.asks(sip.BYE, ok, "")
		s.none(time.Second) // the end is being written down
		s.we(func(x *Session) { x.Finish() })
		s.status(200)
	})
}

// TestRecordRoute: the proxies between find themselves again in every response and request.
func TestRecordRoute(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.calls("offer", sip.Header{Kind: sip.RecordRoute, Value: "<sip:192.0.2.2:5060;lr>"})
		s.we(func(x *Session) { x.Accept("answer") })
		ok := s.status(200)
		if ok.Get(sip.RecordRoute) != "<sip:192.0.2.2:5060;lr>" {
			t.Errorf("Record-Route %q", ok.Get(sip.RecordRoute))
		}
		s.ack(req, ok, "")
		s.we(func(x *Session) { x.Hangup("") })
		bye := s.take(sip.BYE)
		if bye.Get(sip.Route) != "<sip:192.0.2.2:5060;lr>" {
			t.Errorf("Route %q", bye.Get(sip.Route))
		}
		s.answer(bye, 200, "", "")
	})
}

// TestLostACK: the 200 is repeated at T1, 2·T1 … T2 for 64·T1, and then a BYE ends what nobody
// acknowledged (RFC 3261 §13.3.1.4).
func TestLostACK(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.calls("offer")
		s.we(func(x *Session) { x.Accept("answer") })
		for range 11 {
			s.status(200)
		}
		s.answer(s.take(sip.BYE), 200, "", "")
	})
}

// TestLostOK: two 200s are lost, the third arrives (RFC 3261 §13.3.1.4).
func TestLostOK(t *testing.T) {
	ladderTest(t, func(s *scene) {
		oks := 0
		s.drop = func(m *sip.Message) bool {
			if m.Status == 200 {
				oks++
			}
			return m.Status == 200 && oks <= 2
		}
		req := s.calls("offer")
		s.we(func(x *Session) { x.Accept("answer") })
		s.ack(req, s.status(200), "")
		s.none(time.Minute)
	})
}

// TestLateACK ends the repetition.
func TestLateACK(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.calls("offer")
		s.we(func(x *Session) { x.Accept("answer") })
		ok := s.status(200)
		s.status(200)
		s.status(200)
		s.ack(req, ok, "")
		s.ack(req, ok, "")
		s.none(time.Minute)
	})
}

// TestCallerGivesUp is RFC 3665 §3.8 seen from the callee.
func TestCallerGivesUp(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.calls("offer")
		s.we(func(x *Session) { x.Progress(180, "") })
		s.status(180)
		s.cancel(req, sip.Header{Kind: sip.ReasonKind, Value: `SIP;cause=200;text="Call completed elsewhere"`})
		s.status(200)
		s.ack(req, s.status(487), "")
		s.we(func(x *Session) { x.Accept("answer") }) // too late
		s.none(time.Minute)
	})
}

// TestCancelTooLate: the CANCEL meets our 200, which stands; the caller says goodbye by BYE.
func TestCancelTooLate(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.calls("offer")
		s.we(func(x *Session) { x.Accept("answer") })
		ok := s.status(200)
		s.cancel(req)
		s.status(200)
		s.ack(req, ok, "")
		s.asks(sip.BYE, ok, "")
		s.we(func(x *Session) { x.Finish() })
		s.status(200)
	})
}

// TestHangupBeforeACK: a callee must not send BYE before the ACK (RFC 3261 §15), so it waits.
func TestHangupBeforeACK(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.calls("offer")
		s.we(func(x *Session) {
			x.Accept("answer")
			x.Hangup("Q.850;cause=16")
		})
		ok := s.status(200)
		s.status(200)
		s.ack(req, ok, "")
		s.answer(s.take(sip.BYE), 200, "", "")
	})
}

// TestByeBeforeAnswer: the caller may end an early dialog by BYE; its INVITE gets 487 (RFC 3261 §15.1.2).
func TestByeBeforeAnswer(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.calls("offer")
		s.we(func(x *Session) { x.Progress(180, "") })
		ringing := s.status(180)
		s.asks(sip.BYE, ringing, "")
		s.ack(req, s.status(487), "")
		s.we(func(x *Session) { x.Finish() })
		s.status(200)
	})
}

// TestInvitationExpires after its own Expires (RFC 3261 §13.3.1).
func TestInvitationExpires(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.calls("offer", sip.Header{Kind: sip.Expires, Value: "120"})
		s.we(func(x *Session) { x.Progress(180, "") })
		s.status(180)
		s.status(180) // repeated each minute (RFC 3261 §13.3.1.1)
		s.ack(req, s.status(487), "")
	})
}

// TestWeOffer: the INVITE made no offer, so our 200 does, and the ACK brings the answer.
func TestWeOffer(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.calls("")
		s.we(func(x *Session) { x.Accept("offer") })
		ok := s.status(200)
		s.ack(req, ok, "answer")
	})
}

func TestRejected(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.offers = func(x *Session, tx *endpoint.ServerTx) {
			x.Reject(486, "", sip.Header{Kind: sip.ReasonKind, Value: "Q.850;cause=17"})
		}
		req := s.calls("offer")
		s.ack(req, s.status(486), "")
	})
}

// TestNoContact: an INVITE that can make no dialog.
func TestNoContact(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.calls("offer", sip.Header{Kind: sip.Contact, Value: "<sip:other@192.0.2.2>"})
		s.ack(req, s.status(400), "")
	})
}
