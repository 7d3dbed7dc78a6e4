package invite

import (
	"strconv"
	"testing"
	"time"

	"santral/sip"
)

// can is what the scripted peer says that it knows.
func can(tags string) sip.Header { return sip.Header{Kind: sip.Supported, Value: tags} }

// prack acknowledges a reliable answer of ours.
func (s *scene) prack(res *sip.Message, body string) *sip.Message {
	s.Helper()
	req := s.within(sip.PRACK, res, body)
	n, ok := res.RSeq()
	if !ok {
		s.Fatalf("the answer has no RSeq:\n%s", res)
	}
	seq, _ := res.CSeq()
	req.Set(sip.RAckKind, sip.RAck{RSeq: n, Seq: seq.Seq, Method: sip.INVITE}.String())
	s.put(req, ourFlow)
	return req
}

// rings answers an INVITE of ours provisionally and reliably.
func (s *scene) rings(req *sip.Message, status int, rseq uint32, tag, body string) {
	s.Helper()
	res := sip.NewResponse(req, status, "")
	res.SetToTag(tag)
	res.Add(sip.Contact, "<sip:bob@192.0.2.2:5060>")
	res.Add(sip.Require, "100rel")
	res.Add(sip.RSeq, strconv.FormatUint(uint64(rseq), 10))
	res.Add(sip.Allow, "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE")
	res.SetBody(ContentType, body)
	s.put(res, ourFlow)
}

// TestRFC3262 is RFC 3262 §3 from the callee's side: the description goes reliably, is repeated until the
// PRACK comes, and the 200 has none any more. What only rings is not worth it.
func TestRFC3262(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.calls("offer", can("100rel"))
		s.we(func(x *Session) { x.Progress(180, "") })
		s.status(180)
		s.we(func(x *Session) { x.Progress(183, "answer") })
		res := s.status(183)
		s.status(183)
		s.status(183)
		s.prack(res, "")
		s.status(200)
		s.none(10 * time.Second)
		s.we(func(x *Session) { x.Accept("answer") })
		ok := s.status(200)
		if ok.Body != "" {
			t.Errorf("the 200 repeats the answer: %q", ok.Body)
		}
		s.ack(req, ok, "")
	})
}

// TestReliableDemanded: with Require: 100rel all but 100 is sent so, one after the other.
func TestReliableDemanded(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.calls("offer", sip.Header{Kind: sip.Require, Value: "100rel"})
		s.we(func(x *Session) {
			x.Progress(181, "")
			x.Progress(180, "")
			x.Progress(183, "answer")
		})
		s.prack(s.status(181), "")
		s.status(200)
		s.prack(s.status(180), "")
		s.status(200)
		last := s.status(183)
		s.we(func(x *Session) { x.Accept("answer") })
		s.status(183) // the 200 is held back
		s.prack(last, "")
		s.status(200)
		s.ack(req, s.status(200), "")
		s.none(time.Minute)
	})
}

// TestAcceptBeforePRACK: a 200 does not wait for the PRACK to what describes nothing, and the PRACK is still
// answered (RFC 3262 §3).
func TestAcceptBeforePRACK(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.calls("offer", sip.Header{Kind: sip.Require, Value: "100rel"})
		s.we(func(x *Session) { x.Progress(180, "") })
		ringing := s.status(180)
		s.we(func(x *Session) { x.Accept("answer") })
		ok := s.status(200)
		s.prack(ringing, "")
		s.status(200)
		s.ack(req, ok, "")
		s.none(time.Minute)
	})
}

// TestLostPRACK: after 64·T1 the call fails by 504.
func TestLostPRACK(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.calls("offer", can("100rel"))
		s.we(func(x *Session) { x.Progress(183, "answer") })
		for range 7 {
			s.status(183)
		}
		s.ack(req, s.status(504), "")
	})
}

// TestStrangePRACK: one that acknowledges nothing of ours gets 481, and a copy its answer again.
func TestStrangePRACK(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.calls("offer", can("100rel"))
		s.we(func(x *Session) { x.Progress(183, "answer") })
		res := s.status(183)
		n, _ := res.RSeq()
		for _, rack := range []string{"", "1", strconv.Itoa(int(n)+1) + " 101 INVITE", strconv.Itoa(int(n)) + " 100 INVITE", strconv.Itoa(int(n)) + " 101 UPDATE"} {
			req := s.within(sip.PRACK, res, "")
			req.Set(sip.RAckKind, rack)
			s.put(req, ourFlow)
			s.status(481)
		}
		ack := s.prack(res, "")
		s.status(200)
		s.put(ack, ourFlow)
		s.status(200)
		s.prack(res, "") // acknowledged already
		s.status(481)
		s.cancel(s.invite)
		s.status(200)
		s.status(487)
	})
}

// TestOfferInProvisional: the INVITE makes no offer, the reliable answer does, the PRACK answers it
// (RFC 3262 §5, RFC 6337 §2.2), and INVITE, 200 and ACK carry nothing.
func TestOfferInProvisional(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.calls("", can("100rel"))
		s.we(func(x *Session) { x.Progress(183, "offer") })
		s.prack(s.status(183), "answer")
		s.status(200)
		s.we(func(x *Session) { x.Accept("offer") })
		s.ack(req, s.status(200), "")
		s.none(time.Minute)
	})
}

// TestNoOfferUnacknowledged: without 100rel a provisional answer makes no offer (RFC 3261 §13.2.1).
func TestNoOfferUnacknowledged(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.calls("")
		s.we(func(x *Session) { x.Progress(183, "offer") })
		if res := s.status(183); res.Body != "" {
			t.Errorf("it offers %q", res.Body)
		}
		s.we(func(x *Session) { x.Reject(480, "") })
		s.status(480)
	})
}

// TestOfferInPRACK is answered in its 200 (RFC 3262 §5); refusing leaves the answer out.
func TestOfferInPRACK(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.calls("offer", sip.Header{Kind: sip.Require, Value: "100rel"})
		s.we(func(x *Session) { x.Progress(183, "answer") })
		s.prack(s.status(183), "another offer")
		s.we(func(x *Session) { x.AcceptChange("another answer") })
		if ok := s.status(200); ok.Body != "another answer" {
			t.Errorf("answered %q", ok.Body)
		}
		s.we(func(x *Session) { x.Progress(180, "") })
		s.prack(s.status(180), "a third")
		s.we(func(x *Session) { x.RefuseChange(488, "") })
		if ok := s.status(200); ok.Body != "" {
			t.Errorf("answered %q", ok.Body)
		}
		s.we(func(x *Session) { x.Reject(486, "") })
		s.status(486)
	})
}

// TestReminded: every minute a proxy hears that the call still rings, each time with a new RSeq where it
// must be acknowledged (RFC 3261 §13.3.1.1).
func TestReminded(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.calls("offer", can("100rel"))
		s.we(func(x *Session) { x.Progress(183, "answer") })
		s.prack(s.status(183), "")
		s.status(200)
		res := s.status(183)
		if res.Has(sip.RSeq) || res.Body != "" {
			t.Errorf("reminded by\n%s", res)
		}
		s.we(func(x *Session) { x.Reject(480, "") })
		s.status(480)
	})
}

// TestExtensions: who demands what we do not give, or does not know what we demand (RFC 3261 §8.2.2.3).
func TestExtensions(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.cfg.Reliable = ReliableOff
		s.calls("offer", sip.Header{Kind: sip.Require, Value: "100rel"})
		if res := s.status(420); res.Get(sip.Unsupported) != "100rel" {
			t.Errorf("Unsupported: %q", res.Get(sip.Unsupported))
		}
		s.cfg.Reliable = ReliableRequired
		s.calls("offer", can("timer"))
		if res := s.status(421); res.Get(sip.Require) != "100rel" {
			t.Errorf("Require: %q", res.Get(sip.Require))
		}
	})
}

// TestPRACK is RFC 3262 §4 from the caller's side: each in its turn, copies and gaps are nothing.
func TestPRACK(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.cfg.Supported = "100rel"
		req := s.call("offer")
		if req.Get(sip.Supported) != "100rel" {
			t.Errorf("Supported: %q", req.Get(sip.Supported))
		}
		s.rings(req, 183, 4711, "peer", "answer")
		ack := s.take(sip.PRACK)
		s.answer(ack, 200, "", "")
		s.rings(req, 183, 4711, "peer", "answer") // our PRACK was late
		s.rings(req, 180, 4713, "peer", "")       // one before it was lost
		s.none(time.Second)
		s.rings(req, 181, 4712, "peer", "")
		s.answer(s.take(sip.PRACK), 200, "", "")
		s.rings(req, 180, 4713, "peer", "")
		s.answer(s.take(sip.PRACK), 200, "", "")
		s.answer(req, 200, "peer", "")
		ok := s.take(sip.ACK)
		if seq, _ := ok.CSeq(); seq.Seq != 1 {
			t.Errorf("the ACK is numbered %d", seq.Seq)
		}
		s.none(time.Minute)
		s.we(func(x *Session) { x.Hangup("") })
		bye := s.take(sip.BYE)
		if seq, _ := bye.CSeq(); seq.Seq != 5 {
			t.Errorf("the BYE is numbered %d", seq.Seq)
		}
		s.answer(bye, 200, "", "")
	})
}

// TestPRACKOvertaken: one that the peer takes for disordered is sent anew when its answer comes again.
func TestPRACKOvertaken(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.call("offer")
		s.rings(req, 183, 1, "peer", "answer")
		s.answer(s.take(sip.PRACK), 500, "", "")
		s.rings(req, 183, 1, "peer", "answer")
		s.answer(s.take(sip.PRACK), 200, "", "")
		s.answer(req, 486, "peer", "")
		s.take(sip.ACK)
	})
}

// TestForkedPRACK: each branch counts for itself, and the one that loses gets a BYE that comes after its PRACK.
func TestForkedPRACK(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.call("offer")
		s.rings(req, 183, 100, "peer", "answer")
		s.answer(s.take(sip.PRACK), 200, "", "")
		s.rings(req, 183, 7, "other", "answer too")
		other := s.take(sip.PRACK)
		if other.ToTag() != "other" {
			t.Errorf("the PRACK is for %q", other.ToTag())
		}
		s.answer(other, 200, "", "")
		s.rings(req, 180, 101, "peer", "")
		s.answer(s.take(sip.PRACK), 200, "", "")
		s.answer(req, 200, "peer", "")
		s.take(sip.ACK)
		s.answer(req, 200, "other", "")
		s.take(sip.ACK)
		bye := s.take(sip.BYE)
		if seq, _ := bye.CSeq(); seq.Seq != 3 {
			t.Errorf("the BYE is numbered %d", seq.Seq)
		}
		s.answer(bye, 200, "", "")
		s.none(time.Minute)
	})
}

// TestAnswerInPRACK: we asked for an offer, it comes reliably, and the PRACK waits for our answer.
func TestAnswerInPRACK(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.cfg.Supported = "100rel, timer"
		req := s.call("")
		if req.Get(sip.Supported) != "timer" {
			t.Errorf("an INVITE without an offer asks for one at once: %q", req.Get(sip.Supported))
		}
		s.rings(req, 183, 9, "peer", "offer")
		s.none(time.Second)
		s.we(func(x *Session) {
			if !x.Due() {
				t.Error("no answer is due")
			}
			x.Answer("answer")
		})
		ack := s.take(sip.PRACK)
		if ack.Body != "answer" {
			t.Errorf("the PRACK carries %q", ack.Body)
		}
		s.answer(ack, 200, "", "")
		s.answer(req, 200, "peer", "")
		s.take(sip.ACK)
		if s.state() != Established {
			t.Errorf("the session is %s", s.state())
		}
	})
}

// TestBranchIsOver: a 199 ends one early dialog, and what comes for it is nobody's (RFC 6228 §4).
func TestBranchIsOver(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.call("offer")
		s.answer(req, 180, "peer", "")
		s.answer(req, 199, "peer", "")
		s.asks(sip.INFO, req, "")
		s.status(481)
		s.answer(req, 486, "peer", "")
		s.take(sip.ACK)
	})
}
