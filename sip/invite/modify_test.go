package invite

import (
	"io"
	"testing"
	"time"

	"santral/sip"
)

// TestReinvite is RFC 3665 §3.7 from both sides: first the peer changes the session, then we do.
func TestReinvite(t *testing.T) {
	ladderTest(t, func(s *scene) {
		ok := s.served()
		again := s.asks(sip.INVITE, ok, "hold")
		s.we(func(x *Session) { x.AcceptChange("held") })
		s.ack(again, s.status(200), "")
		s.we(func(x *Session) { x.Modify("resume") })
		req := s.take(sip.INVITE)
		s.answer(req, 200, "", "resumed")
		s.take(sip.ACK)
		s.answer(req, 200, "", "resumed") // the ACK was late
		s.take(sip.ACK)
	})
}

// TestReinviteWithoutOffer, from both sides: the 200 offers and the ACK answers.
func TestReinviteWithoutOffer(t *testing.T) {
	ladderTest(t, func(s *scene) {
		ack := s.established()
		again := s.asks(sip.INVITE, ack, "")
		s.we(func(x *Session) { x.AcceptChange("offer") })
		s.ack(again, s.status(200), "answer")
		s.we(func(x *Session) { x.Modify("") })
		s.answer(s.take(sip.INVITE), 200, "", "offer")
		s.none(time.Second)
		s.we(func(x *Session) { x.Answer("answer") })
		s.take(sip.ACK)
	})
}

// TestChangeRefused leaves the session as it was (RFC 3261 §14.1).
func TestChangeRefused(t *testing.T) {
	ladderTest(t, func(s *scene) {
		ack := s.established()
		s.we(func(x *Session) { x.Modify("video") })
		req := s.take(sip.INVITE)
		s.answer(req, 488, "", "")
		s.take(sip.ACK)
		again := s.asks(sip.INVITE, ack, "video")
		s.we(func(x *Session) { x.RefuseChange(488, "") })
		s.ack(again, s.status(488), "")
		if s.state() != Established {
			t.Errorf("the session is %s", s.state())
		}
	})
}

// TestGlareCaller: both change the session at once. Each refuses the other's by 491; we own the
// Call-ID, so we wait 2.1 to 4 s and the peer is first (RFC 3261 §14.1).
func TestGlareCaller(t *testing.T) {
	ladderTest(t, func(s *scene) {
		ack := s.established()
		s.we(func(x *Session) { x.Modify("ours") })
		req := s.take(sip.INVITE)
		theirs := s.asks(sip.INVITE, ack, "theirs")
		s.ack(theirs, s.status(491), "")
		s.answer(req, 491, "", "")
		s.take(sip.ACK)
		s.none(2090 * time.Millisecond)
		req = s.take(sip.INVITE)
		s.answer(req, 200, "", "answer")
		s.take(sip.ACK)
	})
}

// TestGlareCallee: the same where the peer owns the Call-ID: we try again within 2 s.
func TestGlareCallee(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.served()
		s.we(func(x *Session) { x.Modify("ours") })
		s.answer(s.take(sip.INVITE), 491, "", "")
		s.take(sip.ACK)
		begun := time.Now()
		s.answer(s.take(sip.INVITE), 200, "", "answer")
		s.take(sip.ACK)
		if wait := time.Since(begun); wait > 2*time.Second {
			t.Errorf("tried again after %v", wait)
		}
	})
}

// TestGlareYields: while we wait after a 491 the peer's change comes, and ours is given up.
func TestGlareYields(t *testing.T) {
	ladderTest(t, func(s *scene) {
		ack := s.established()
		s.we(func(x *Session) { x.Modify("ours") })
		s.answer(s.take(sip.INVITE), 491, "", "")
		s.take(sip.ACK)
		theirs := s.asks(sip.INVITE, ack, "theirs")
		s.we(func(x *Session) { x.AcceptChange("answer") })
		s.ack(theirs, s.status(200), "")
		s.none(time.Minute)
	})
}

// TestGlareForEver is given up in the end.
func TestGlareForEver(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.established()
		s.we(func(x *Session) { x.Modify("ours") })
		for range maxGlares + 1 {
			s.answer(s.take(sip.INVITE), 491, "", "")
			s.take(sip.ACK)
		}
		s.none(time.Minute)
	})
}

// TestChangeDuringChange: a second re-INVITE before the first is answered gets 500 with Retry-After
// (RFC 3261 §14.2), and our own change is refused on the spot.
func TestChangeDuringChange(t *testing.T) {
	ladderTest(t, func(s *scene) {
		ack := s.established()
		first := s.asks(sip.INVITE, ack, "one")
		second := s.asks(sip.INVITE, ack, "two")
		res := s.status(500)
		if !res.Has(sip.RetryAfter) {
			t.Error("500 without Retry-After")
		}
		s.ack(second, res, "")
		s.we(func(x *Session) { x.Modify("ours") })
		s.we(func(x *Session) { x.AcceptChange("answer") })
		s.ack(first, s.status(200), "")
	})
}

// TestChangeBeforeACK: our change waits for the ACK to our 200; the peer's own change shows that it has the
// 200, whose ACK was lost (RFC 5407 §3.1.4).
func TestChangeBeforeACK(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.calls("offer")
		s.we(func(x *Session) {
			x.Accept("answer")
			x.Modify("ours")
		})
		ok := s.status(200)
		s.ack(req, ok, "")
		s.answer(s.take(sip.INVITE), 200, "", "answer")
		s.take(sip.ACK)
		one := s.asks(sip.INVITE, ok, "one")
		s.we(func(x *Session) { x.AcceptChange("answer one") })
		s.status(200) // whose ACK is lost
		two := s.asks(sip.INVITE, ok, "two")
		s.we(func(x *Session) { x.AcceptChange("answer two") })
		_ = one
		s.ack(two, s.status(200), "")
		s.none(time.Minute)
	})
}

// TestOldCSeq: a request older than the last is refused by 500 (RFC 3261 §12.2.2).
func TestOldCSeq(t *testing.T) {
	ladderTest(t, func(s *scene) {
		ack := s.established()
		s.asks(sip.INFO, ack, "")
		s.status(200)
		s.seq -= 2
		s.asks(sip.INFO, ack, "")
		s.status(500)
		s.seq -= 3
		old := s.asks(sip.INVITE, ack, "x")
		s.ack(old, s.status(500), "")
	})
}

// TestOtherDialog: a stranger guesses; without both tags there is no dialog, whatever the Call-ID
// (RFC 3261 §12.2.2).
func TestOtherDialog(t *testing.T) {
	ladderTest(t, func(s *scene) {
		ack := s.established()
		s.tag = "guess"
		for _, method := range []sip.Method{sip.BYE, sip.INFO, sip.INVITE} {
			forged := s.within(method, ack, "")
			forged.Set(sip.From, "<sip:bob@192.0.2.2>;tag=guess")
			s.put(forged, ourFlow)
			s.status(481)
		}
		if s.state() != Established {
			t.Errorf("the session is %s", s.state())
		}
	})
}

// TestPeerLost: a peer that answers a change by 481, or not at all, is gone (RFC 3261 §12.2.1.2).
func TestPeerLost(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.established()
		s.we(func(x *Session) { x.Modify("ours") })
		s.answer(s.take(sip.INVITE), 481, "", "")
		s.take(sip.ACK)
		if s.state() != Ended {
			t.Errorf("the session is %s", s.state())
		}
	})
}

func TestPeerSilent(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.established()
		s.we(func(x *Session) { x.Modify("ours") })
		for s.take("").Method != sip.BYE {
		}
		s.none(10 * time.Millisecond)
		if s.state() != Ending {
			t.Errorf("the session is %s", s.state())
		}
		s.we(func(*Session) { s.drop = func(*sip.Message) bool { return true } })
		s.none(time.Minute)
	})
}

// TestTargetRefresh: a re-INVITE moves the peer; what we send goes to its new Contact.
func TestTargetRefresh(t *testing.T) {
	ladderTest(t, func(s *scene) {
		ack := s.established()
		move := s.within(sip.INVITE, ack, "moved")
		move.Set(sip.Contact, "<sip:bob@192.0.2.2:5099>")
		s.put(move, ourFlow)
		s.we(func(x *Session) { x.AcceptChange("answer") })
		s.ack(move, s.status(200), "")
		s.we(func(x *Session) { x.Hangup("") })
		s.none(time.Minute)
	})
}

// TestChangeCancelled: a CANCEL does not undo what a third party may have agreed to already; the
// final answer crosses it.
func TestChangeCancelled(t *testing.T) {
	ladderTest(t, func(s *scene) {
		ack := s.established()
		change := s.asks(sip.INVITE, ack, "hold")
		s.cancel(change)
		s.status(200)
		s.we(func(x *Session) { x.AcceptChange("held") })
		s.ack(change, s.status(200), "")
		s.none(time.Minute)
	})
}

// TestChangeUnsent: the peer's connection is gone for the moment. The change comes to nothing, and the session
// goes on as it was (RFC 3261 §8.1.3.1, §14.1); a BYE that can't be sent ends it (RFC 3261 §15.1.1).
func TestChangeUnsent(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.established()
		s.unsent = io.ErrClosedPipe
		s.we(func(x *Session) { x.Modify("hold") })
		if s.state() != Established {
			t.Fatalf("the session is %s", s.state())
		}
		s.unsent = nil
		s.we(func(x *Session) { x.Modify("hold") })
		s.answer(s.take(sip.INVITE), 200, s.tag, "held")
		s.take(sip.ACK)
		s.unsent = io.ErrClosedPipe
		s.we(func(x *Session) { x.Hangup("") })
		if s.state() != Ended {
			t.Fatalf("the session is %s", s.state())
		}
	})
}
