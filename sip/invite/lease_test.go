package invite

import (
	"io"
	"strconv"
	"testing"
	"time"

	"santral/sip"
)

// within a ladder of leases the peer's answers carry one.
func (s *scene) grants(req *sip.Message, value, body string, headers ...sip.Header) {
	s.Helper()
	res := sip.NewResponse(req, 200, "")
	if res.ToTag() == "" {
		res.SetToTag("peer")
	}
	res.Add(sip.Contact, "<sip:bob@192.0.2.2:5060>")
	if value != "" {
		res.Add(sip.Require, "timer")
		res.Add(sip.SessionExpiresKind, value)
	}
	res.Headers = append(res.Headers, headers...)
	res.SetBody(ContentType, body)
	s.put(res, ourFlow)
}

func lasting(value string) sip.Header { return sip.Header{Kind: sip.SessionExpiresKind, Value: value} }

// TestRFC4028 is RFC 4028 §7 from the caller's side: we refresh at half time by UPDATE, again and again, and
// a peer that is gone is given up.
func TestRFC4028(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.cfg.Session = 30 * time.Minute
		req := s.call("offer")
		if req.Get(sip.SessionExpiresKind) != "1800" || req.Has(sip.MinSE) {
			t.Errorf("asked by\n%s", req)
		}
		s.grants(req, "1800;refresher=uac", "answer", serves)
		s.take(sip.ACK)
		s.none(899 * time.Second)
		up := s.take(sip.UPDATE)
		if up.Body != "" || up.Get(sip.SessionExpiresKind) != "1800;refresher=uac" {
			t.Errorf("refreshed by\n%s", up)
		}
		s.grants(up, "600;refresher=uac", "")
		s.none(299 * time.Second)
		s.grants(s.take(sip.UPDATE), "600;refresher=uac", "")
		s.take(sip.UPDATE)
		for {
			if m := s.take(""); m.Method == sip.BYE {
				s.answer(m, 200, "", "")
				break
			}
		}
		s.none(time.Hour)
	})
}

// TestTheyRefresh: it is the peer's to refresh, it does so once, and then no more (RFC 4028 §10).
func TestTheyRefresh(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.cfg.Session = 30 * time.Minute
		req := s.calls("offer", can("timer"), lasting("1800;refresher=uac"), serves)
		s.we(func(x *Session) { x.Accept("answer") })
		ok := s.status(200)
		if ok.Get(sip.SessionExpiresKind) != "1800;refresher=uac" || ok.Get(sip.Require) != "timer" {
			t.Errorf("answered by\n%s", ok)
		}
		s.ack(req, ok, "")
		s.none(15 * time.Minute)
		up := s.within(sip.UPDATE, ok, "")
		up.Add(sip.Supported, "timer")
		up.Headers = append(up.Headers, lasting("1800;refresher=uac"))
		s.put(up, ourFlow)
		s.status(200)
		s.none(1767 * time.Second)
		s.answer(s.take(sip.BYE), 200, "", "")
	})
}

// TestTooBrief: a session that is too short is refused with what we take (RFC 4028 §9), as a call and within one.
func TestTooBrief(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.cfg.Session, s.cfg.MinSession = 30*time.Minute, 2*time.Minute
		s.calls("offer", can("timer"), lasting("90"))
		if res := s.status(422); res.Get(sip.MinSE) != "120" {
			t.Errorf("refused by\n%s", res)
		}
		req := s.calls("offer", can("timer"), lasting("300"), sip.Header{Kind: sip.MinSE, Value: "200"})
		s.we(func(x *Session) { x.Accept("answer") })
		ok := s.status(200)
		if ok.Get(sip.SessionExpiresKind) != "300;refresher=uas" {
			t.Errorf("answered by\n%s", ok)
		}
		s.ack(req, ok, "")
		for _, method := range []sip.Method{sip.UPDATE, sip.INVITE} {
			brief := s.within(method, ok, "")
			brief.Add(sip.Supported, "timer")
			brief.Headers = append(brief.Headers, lasting("60"))
			s.put(brief, ourFlow)
			s.status(422)
		}
	})
}

// TestLonger: our own wish is too short for a hop: the call is tried again as the same call, its next number, with
// what the hop wants (RFC 4028 §7.3).
func TestLonger(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.cfg.Session = 30 * time.Minute
		req := s.call("offer")
		for _, least := range []string{"3600", "7200"} {
			res := sip.NewResponse(req, 422, "")
			res.SetToTag("hop")
			res.Set(sip.MinSE, least)
			s.put(res, ourFlow)
			s.take(sip.ACK)
			again := s.take(sip.INVITE)
			if again.CallID() != req.CallID() || again.FromTag() != req.FromTag() || again.ToTag() != "" ||
				again.Get(sip.SessionExpiresKind) != least || again.Get(sip.MinSE) != least || again.Body != "offer" {
				t.Errorf("tried again by\n%s", again)
			}
			req = again
		}
		res := sip.NewResponse(req, 422, "")
		res.SetToTag("hop")
		s.put(res, ourFlow) // it wants nothing that could be given
		s.take(sip.ACK)
	})
}

// TestNoTimerThere: a peer without timers and without UPDATE is asked by a re-INVITE that changes nothing. That
// it refuses shows that it lives.
func TestNoTimerThere(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.cfg.Session = 30 * time.Minute
		req := s.calls("offer")
		s.we(func(x *Session) { x.Accept("answer") })
		ok := s.status(200)
		if ok.Has(sip.Require) || ok.Get(sip.SessionExpiresKind) != "1800;refresher=uas" {
			t.Errorf("answered by\n%s", ok)
		}
		s.ack(req, ok, "")
		s.none(899 * time.Second)
		again := s.take(sip.INVITE)
		if again.Body != "answer" {
			t.Errorf("asked by\n%s", again)
		}
		s.answer(again, 200, "", "offer")
		s.take(sip.ACK)
		s.none(899 * time.Second)
		again = s.take(sip.INVITE)
		s.answer(again, 488, "", "")
		s.take(sip.ACK)
		s.none(899 * time.Second)
		again = s.take(sip.INVITE)
		s.answer(again, 481, "", "")
		s.take(sip.ACK)
		s.none(time.Hour)
	})
}

// TestNobodyToRefresh: the peer has no connection when it would be time. It is asked again and again, and given up
// when the session's time is over, whether it knows of leases or not.
func TestNobodyToRefresh(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.cfg.Session = 30 * time.Minute
		req := s.calls("offer")
		s.we(func(x *Session) { x.Accept("answer") })
		s.ack(req, s.status(200), "")
		s.we(func(*Session) { s.unsent = io.ErrClosedPipe })
		s.none(1767 * time.Second)
		if s.state() != Established {
			t.Errorf("the session is %s", s.state())
		}
		s.none(2 * time.Second)
		if s.state() != Ended {
			t.Errorf("the session is %s", s.state())
		}
	})
}

// TestRefreshWaits: a change is under way when it would be time, and refreshes the session itself.
func TestRefreshWaits(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.cfg.Session = 30 * time.Minute
		req := s.call("offer")
		s.grants(req, "1800;refresher=uac", "answer", serves)
		ack := s.take(sip.ACK)
		s.none(899 * time.Second)
		change := s.asks(sip.INVITE, ack, "change")
		s.status(100)
		s.none(5 * time.Second)
		s.we(func(x *Session) { x.AcceptChange("answer") })
		s.ack(change, s.status(200), "")
		s.none(899 * time.Second)
		s.grants(s.take(sip.UPDATE), "", "")
	})
}

// TestRefreshRefused: a peer that knows timers and refuses a refresh is asked again before it is given up.
func TestRefreshRefused(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.cfg.Session = 5 * time.Minute
		req := s.call("offer")
		s.grants(req, "300;refresher=uac", "answer", serves)
		s.take(sip.ACK)
		s.answer(s.take(sip.UPDATE), 500, "", "")
		s.answer(s.take(sip.UPDATE), 500, "", "")
		for {
			m := s.take("")
			if m.Method == sip.BYE {
				s.answer(m, 200, "", "")
				break
			}
			s.answer(m, 500, "", "")
		}
	})
}

// TestRefreshNotServed: a peer that promises UPDATE and does not serve it is asked by a re-INVITE at once.
func TestRefreshNotServed(t *testing.T) {
	for _, status := range []int{405, 501} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			ladderTest(t, func(s *scene) {
				s.cfg.Session = 5 * time.Minute
				req := s.call("offer")
				s.grants(req, "300;refresher=uac", "answer", serves)
				s.take(sip.ACK)
				s.answer(s.take(sip.UPDATE), status, "", "")
				again := s.take(sip.INVITE)
				if again.Body != "offer" || again.Get(sip.SessionExpiresKind) != "300;refresher=uac" {
					t.Errorf("asked by\n%s", again)
				}
				s.grants(again, "300;refresher=uac", "answer")
				s.take(sip.ACK)
				s.grants(s.take(sip.INVITE), "300;refresher=uac", "answer")
				s.take(sip.ACK)
			})
		})
	}
}

// TestFrozenLease: a session that is handed over is refreshed as if nothing had happened.
func TestFrozenLease(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.cfg.Session = 30 * time.Minute
		req := s.call("offer")
		s.grants(req, "1800;refresher=uac", "answer")
		s.take(sip.ACK)
		s.none(10 * time.Minute)
		s.we(s.handsOver)
		s.none(299 * time.Second)
		again := s.take(sip.INVITE)
		if again.Body != "offer" {
			t.Errorf("refreshed by\n%s", again)
		}
		s.grants(again, "1800;refresher=uac", "answer")
		s.take(sip.ACK)
	})
}
