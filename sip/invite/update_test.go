package invite

import (
	"testing"
	"time"

	"santral/sip"
)

var serves = sip.Header{Kind: sip.Allow, Value: "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE"}

// earlyServed is a session that the peer called, and whose descriptions both sides have reliably.
func (s *scene) earlyServed() (res *sip.Message) {
	s.Helper()
	s.calls("offer", can("100rel"), serves)
	s.we(func(x *Session) { x.Progress(183, "answer") })
	res = s.status(183)
	s.prack(res, "")
	s.status(200)
	return res
}

// earlyCalled is the same where we called.
func (s *scene) earlyCalled() (req *sip.Message) {
	s.Helper()
	req = s.call("offer")
	s.rings(req, 183, 1, "peer", "answer")
	s.answer(s.take(sip.PRACK), 200, "", "")
	return req
}

// TestRFC3311 is RFC 3311 §5 on an early dialog, both ways, from the callee's side.
func TestRFC3311(t *testing.T) {
	ladderTest(t, func(s *scene) {
		res := s.earlyServed()
		req := s.invite
		s.asks(sip.UPDATE, res, "hold")
		s.we(func(x *Session) { x.AcceptChange("held") })
		if ok := s.status(200); ok.Body != "held" || !ok.Has(sip.Contact) {
			t.Errorf("answered\n%s", ok)
		}
		s.we(func(x *Session) { x.Modify("resume") })
		up := s.take(sip.UPDATE)
		s.answer(up, 200, "", "resumed")
		s.we(func(x *Session) { x.Accept("answer") })
		ok := s.status(200)
		if ok.Body != "" {
			t.Errorf("the 200 carries %q", ok.Body)
		}
		s.ack(req, ok, "")
	})
}

// TestUpdateCaller is the same from the caller's side, with the first branch that can.
func TestUpdateCaller(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.earlyCalled()
		s.we(func(x *Session) { x.Modify("hold") })
		s.answer(s.take(sip.UPDATE), 200, "", "held")
		s.asks(sip.UPDATE, req, "theirs")
		s.we(func(x *Session) { x.AcceptChange("ours") })
		s.status(200)
		s.answer(req, 200, "peer", "")
		s.take(sip.ACK)
		s.asks(sip.UPDATE, req, "later")
		s.we(func(x *Session) { x.RefuseChange(488, "") })
		s.status(488)
	})
}

// TestUpdateTooEarly: before both sides have descriptions nothing can be changed. Whose offer is open
// decides between 491 and 500 with Retry-After (RFC 3311 §5.2).
func TestUpdateTooEarly(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.calls("offer", can("100rel"), serves)
		s.we(func(x *Session) {
			x.Progress(180, "")
			x.Modify("ours")
		})
		ringing := s.status(180)
		s.asks(sip.UPDATE, ringing, "theirs")
		if res := s.status(500); !res.Has(sip.RetryAfter) {
			t.Error("500 without Retry-After")
		}
		s.we(func(x *Session) { x.Progress(183, "answer") })
		res := s.status(183)
		s.asks(sip.UPDATE, ringing, "theirs")
		s.status(491)
		s.prack(res, "")
		s.status(200)
		s.asks(sip.UPDATE, ringing, "one")
		s.asks(sip.UPDATE, ringing, "two")
		if res := s.status(500); !res.Has(sip.RetryAfter) {
			t.Error("500 without Retry-After")
		}
		s.cancel(s.invite)
		s.status(200)
		s.status(487)
		s.status(487)
	})
}

// TestUpdateTarget: without a description it only moves the peer.
func TestUpdateTarget(t *testing.T) {
	ladderTest(t, func(s *scene) {
		ack := s.established()
		move := s.within(sip.UPDATE, ack, "")
		move.Set(sip.Contact, "<sip:bob@192.0.2.2:5099>")
		s.put(move, ourFlow)
		s.status(200)
		s.we(func(x *Session) { x.Hangup("") })
		s.none(time.Minute)
	})
}

// TestUpdateGlare: an UPDATE with an offer meets a change of ours, and the other way round (RFC 3311 §5.2,
// RFC 3261 §14.1); one that says nothing of media disturbs nobody.
func TestUpdateGlare(t *testing.T) {
	ladderTest(t, func(s *scene) {
		ack := s.established()
		s.we(func(x *Session) { x.Modify("ours") })
		req := s.take(sip.INVITE)
		s.asks(sip.UPDATE, ack, "theirs")
		s.status(491)
		s.asks(sip.UPDATE, ack, "")
		s.status(200)
		s.answer(req, 200, "", "answer")
		s.take(sip.ACK)
		change := s.asks(sip.INVITE, ack, "theirs")
		s.asks(sip.UPDATE, ack, "too early")
		s.status(500)
		s.we(func(x *Session) { x.AcceptChange("answer two") })
		s.ack(change, s.status(200), "")
		s.asks(sip.UPDATE, ack, "once more")
		s.we(func(x *Session) { x.Modify("ours") })
		change = s.asks(sip.INVITE, ack, "and this")
		s.ack(change, s.status(500), "")
		s.we(func(x *Session) { x.AcceptChange("answer three") })
		s.status(200)
	})
}

// TestUpdateRetried: our own that meets the peer's gets its 491 or 500 and is tried again (RFC 3311 §5.1).
func TestUpdateRetried(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.earlyServed()
		s.we(func(x *Session) { x.Modify("ours") })
		s.answer(s.take(sip.UPDATE), 491, "", "")
		up := s.take(sip.UPDATE)
		res := sip.NewResponse(up, 500, "")
		res.Set(sip.RetryAfter, "7")
		begun := time.Now()
		s.put(res, ourFlow)
		up = s.take(sip.UPDATE)
		if d := time.Since(begun); d < 7*time.Second || d > 7*time.Second+20*time.Millisecond {
			t.Errorf("tried again after %v", d)
		}
		s.answer(up, 504, "", "")
		s.we(func(x *Session) { x.Reject(480, "") })
		s.status(480)
	})
}

// TestUpdateOnLostBranch: what is under way on a branch that does not win comes to an end with it.
func TestUpdateOnLostBranch(t *testing.T) {
	ladderTest(t, func(s *scene) {
		req := s.call("offer")
		s.rings(req, 183, 1, "other", "answer")
		s.answer(s.take(sip.PRACK), 200, "", "")
		s.we(func(x *Session) { x.Modify("ours") })
		up := s.take(sip.UPDATE)
		s.answer(req, 200, "peer", "answer")
		s.take(sip.ACK)
		s.answer(up, 200, "", "too late")
		s.we(func(x *Session) { x.Modify("ours") })
		s.answer(s.take(sip.INVITE), 200, "", "answer")
		s.take(sip.ACK)
	})
}

// TestRefreshKnown: a re-INVITE, or an UPDATE, that offers what holds already is answered here; whose version
// alone is new too.
func TestRefreshKnown(t *testing.T) {
	ladderTest(t, func(s *scene) {
		one, two := "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\n", "v=0\r\no=- 1 2 IN IP4 192.0.2.2\r\ns=-\r\n"
		req := s.calls(one)
		s.we(func(x *Session) { x.Accept("answer") })
		ok := s.status(200)
		s.ack(req, ok, "")
		again := s.asks(sip.INVITE, ok, one)
		s.ack(again, s.status(200), "")
		s.asks(sip.UPDATE, ok, two)
		if ok := s.status(200); ok.Body != "answer" {
			t.Errorf("answered %q", ok.Body)
		}
		s.asks(sip.UPDATE, ok, two+"t=0 0\r\n")
		s.we(func(x *Session) { x.AcceptChange("another") })
		s.status(200)
	})
}

// TestHeadersOnly: what is only to be told goes by UPDATE where the peer serves that, and otherwise by a
// re-INVITE that offers the same; it waits for what is under way.
func TestHeadersOnly(t *testing.T) {
	ladderTest(t, func(s *scene) {
		ok := s.served()
		s.we(func(x *Session) { x.Refresh(sip.Header{Kind: sip.Subject, Value: "one"}) })
		req := s.take(sip.INVITE)
		if req.Body != "answer" || req.Get(sip.Subject) != "one" {
			t.Errorf("sent\n%s", req)
		}
		s.we(func(x *Session) { // while that is under way
			x.Refresh(sip.Header{Kind: sip.Subject, Value: "two"})
			x.Refresh(sip.Header{Kind: sip.Subject, Value: "three"})
			x.Modify("change")
		})
		s.answer(req, 200, "", "offer")
		s.take(sip.ACK)
		change := s.take(sip.INVITE)
		s.answer(change, 200, "", "answer")
		s.take(sip.ACK)
		req = s.take(sip.INVITE)
		if req.Body != "change" || req.Get(sip.Subject) != "three" {
			t.Errorf("sent\n%s", req)
		}
		res := sip.NewResponse(req, 200, "")
		res.Add(sip.Contact, "<sip:bob@192.0.2.2:5060>")
		res.Headers = append(res.Headers, serves)
		res.SetBody(ContentType, "answer")
		s.put(res, ourFlow)
		s.take(sip.ACK)
		s.we(func(x *Session) {
			x.Refresh(sip.Header{Kind: sip.From, Value: "<sip:carol@192.0.2.1>;tag=" + ok.ToTag()})
		})
		up := s.take(sip.UPDATE)
		if up.Body != "" || up.Get(sip.From) != "<sip:carol@192.0.2.1>;tag="+ok.ToTag() {
			t.Errorf("sent\n%s", up)
		}
		s.answer(up, 200, "", "")
		s.none(time.Minute)
	})
}
