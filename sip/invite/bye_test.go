package invite

import (
	"testing"
	"time"

	"santral/sip"
	"santral/sip/endpoint"
)

// TestByesCross: both hang up at once; each gets its 200.
func TestByesCross(t *testing.T) {
	ladderTest(t, func(s *scene) {
		ack := s.established()
		s.we(func(x *Session) { x.Hangup("Q.850;cause=16") })
		bye := s.take(sip.BYE)
		s.asks(sip.BYE, ack, "")
		s.status(200)
		s.answer(bye, 200, "", "")
		s.asks(sip.BYE, ack, "")
		s.status(481)
	})
}

// TestByeDuringChange: a re-INVITE that waits for its answer gets 487 (RFC 3261 §15.1.2), from
// whichever side the BYE comes.
func TestByeDuringChange(t *testing.T) {
	ladderTest(t, func(s *scene) {
		ack := s.established()
		change := s.asks(sip.INVITE, ack, "hold")
		s.asks(sip.BYE, ack, "")
		s.ack(change, s.status(487), "")
		s.we(func(x *Session) {
			x.AcceptChange("too late")
			x.Finish()
		})
		s.status(200)
	})
}

func TestHangupDuringChange(t *testing.T) {
	ladderTest(t, func(s *scene) {
		ack := s.established()
		change := s.asks(sip.INVITE, ack, "hold")
		s.we(func(x *Session) { x.Hangup("") })
		s.ack(change, s.status(487), "")
		s.answer(s.take(sip.BYE), 200, "", "")
	})
}

// TestHangupDuringOurChange: the 2xx that comes all the same gets its ACK.
func TestHangupDuringOurChange(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.established()
		s.we(func(x *Session) {
			x.Modify("hold")
			x.Hangup("")
		})
		change := s.take(sip.INVITE)
		bye := s.take(sip.BYE)
		s.answer(change, 200, "", "held")
		s.take(sip.ACK)
		s.answer(bye, 200, "", "")
	})
}

// TestInfo crosses both ways; a peer that serves none does not matter, one that knows nothing of us is lost.
func TestInfo(t *testing.T) {
	ladderTest(t, func(s *scene) {
		ack := s.established()
		s.asks(sip.INFO, ack, "digit")
		s.status(200)
		s.we(func(x *Session) { x.Inform("", "application/dtmf-relay", "Signal=5") })
		info := s.take(sip.INFO)
		if info.Get(sip.ContentType) != "application/dtmf-relay" {
			t.Errorf("Content-Type %q", info.Get(sip.ContentType))
		}
		s.answer(info, 415, "", "")
		s.we(func(x *Session) { x.Inform("", "", "") })
		s.answer(s.take(sip.INFO), 481, "", "")
	})
}

// TestOtherMethods within a dialog.
func TestOtherMethods(t *testing.T) {
	ladderTest(t, func(s *scene) {
		ack := s.established()
		s.asks(sip.OPTIONS, ack, "")
		if res := s.status(200); res.Get(sip.Allow) != Allow {
			t.Errorf("Allow %q", res.Get(sip.Allow))
		} else if !res.Has(sip.Supported) || res.Get(sip.Supported) != s.cfg.Supported {
			t.Errorf("Supported %q, want %q", res.Get(sip.Supported), s.cfg.Supported)
		}
		s.asks(sip.REFER, ack, "")
		s.status(405)
	})
}

// TestStranger: who has seen the dialog's identifiers but sends from elsewhere is asked who it is.
func TestStranger(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.cfg.Stranger = func(x *Session, tx *endpoint.ServerTx) bool {
			tx.Challenge(401, "", sip.Header{Kind: sip.WWWAuthenticate, Value: `Digest realm="r", nonce="n"`})
			return false
		}
		ack := s.established()
		forged := s.within(sip.BYE, ack, "")
		s.put(forged, otherFlow)
		s.none(time.Second)
		s.asks(sip.BYE, ack, "") // the real one has the same number
		s.we(func(x *Session) { x.Finish() })
		s.status(200)
	})
}

// TestEarlyStranger: before the answer, too, whoever knows the dialog's identifiers is not yet the peer.
func TestEarlyStranger(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.cfg.Stranger = func(x *Session, tx *endpoint.ServerTx) bool {
			tx.Challenge(403, "")
			return false
		}
		req := s.earlyCalled()
		forged := s.within(sip.UPDATE, req, "listen here")
		s.put(forged, otherFlow)
		s.put(s.within(sip.BYE, req, ""), otherFlow)
		s.none(time.Second)
		s.asks(sip.UPDATE, req, "the real one")
		s.we(func(x *Session) { x.RefuseChange(488, "") })
		s.status(488)
		s.answer(req, 486, "peer", "")
		s.take(sip.ACK)
	})
}
