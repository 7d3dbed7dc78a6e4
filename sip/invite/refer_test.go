package invite

import (
	"strings"
	"testing"
	"time"

	"santral/sip"
)

// referring is a session that takes REFERs, and the one that came.
func (s *scene) refers(m *sip.Message) *Referral {
	s.Helper()
	var got *Referral
	s.handler = func(e Event) {
		if e.Kind == Referred {
			got = e.Refer
		}
	}
	s.put(s.within(sip.REFER, m, ""), ourFlow)
	if got == nil {
		s.Fatalf("no REFER came\n%s", s.ladder.String())
	}
	return got
}

// TestReferTooEarly: nobody can be sent on before the answer, and the call that rings goes on.
func TestReferTooEarly(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.cfg.Refer = true
		req := s.earlyCalled()
		s.put(s.within(sip.REFER, req, ""), ourFlow)
		s.status(491)
		s.answer(req, 200, "peer", "")
		s.take(sip.ACK)
	})
}

// news waits for a NOTIFY and checks what it tells.
func (s *scene) news(status, state string) *sip.Message {
	s.Helper()
	m := s.take(sip.NOTIFY)
	if !strings.HasPrefix(m.Body, "SIP/2.0 "+status) || !strings.HasPrefix(m.Get(sip.SubscriptionState), state) {
		s.Fatalf("the peer is told %q, %s; want %s, %s", m.Body, m.Get(sip.SubscriptionState), status, state)
	}
	return m
}

// TestReferNews: one NOTIFY at a time, and only the newest of what came meanwhile (RFC 3515 §2.4.4).
func TestReferNews(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.cfg.Refer = true
		ack := s.established()
		r := s.refers(ack)
		s.we(func(*Session) { r.Notify(100, "") })
		s.status(202)
		first := s.news("100", "active")
		s.we(func(*Session) {
			r.Notify(180, "")
			r.Notify(183, "")
			r.Notify(486, "")
			r.Notify(200, "") // too late
		})
		s.none(400 * time.Millisecond)
		s.answer(first, 200, "", "")
		last := s.news("486", "terminated;reason=noresource")
		s.answer(last, 200, "", "")
		s.none(time.Minute)
		if n := len(s.session.refers); n != 0 {
			t.Errorf("%d subscriptions are left", n)
		}
	})
}

// TestReferNobodyListens: a peer that knows no subscription hears no more, and the session goes on.
func TestReferNobodyListens(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.cfg.Refer = true
		ack := s.established()
		r := s.refers(ack)
		s.we(func(*Session) { r.Notify(100, "") })
		s.status(202)
		s.answer(s.news("100", "active"), 481, "", "")
		s.we(func(*Session) { r.Notify(200, "") })
		s.none(time.Minute)
		if st := s.state(); st != Established {
			t.Errorf("the session is %s", st)
		}
	})
}

// TestReferExpires: a transfer that nobody ends is told so, and a session with a subscription is not quiet.
func TestReferExpires(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.cfg.Refer = true
		ack := s.established()
		r := s.refers(ack)
		s.we(func(*Session) { r.Notify(100, "") })
		s.status(202)
		s.answer(s.news("100", "active"), 200, "", "")
		s.we(func(x *Session) {
			if _, err := x.Freeze(); err != ErrBusy {
				t.Errorf("it is written out: %v", err)
			}
		})
		s.answer(s.news("100", "terminated;reason=timeout"), 200, "", "")
		s.none(time.Minute)
	})
}

// TestReferRefused: without the ability, without sense, and too often.
func TestReferRefused(t *testing.T) {
	ladderTest(t, func(s *scene) {
		ack := s.established()
		s.put(s.within(sip.REFER, ack, ""), ourFlow)
		s.status(405)
		s.cfg.Refer = true
		for range maxReferrals {
			r := s.refers(ack)
			s.we(func(*Session) { r.Notify(100, "") })
			s.status(202)
			s.answer(s.news("100", "active"), 200, "", "")
		}
		s.put(s.within(sip.REFER, ack, ""), ourFlow)
		s.status(503)
	})
}
