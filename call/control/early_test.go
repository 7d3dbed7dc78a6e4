package control_test

import (
	"testing"

	"santral/call"
	"santral/call/calltest"
)

// TestEarlyChanges: what is changed and offered before the answer (RFC 3262 §5, RFC 3311).
func TestEarlyChanges(t *testing.T) {
	t.Parallel()
	ringing := func(s *stage) (a, b *calltest.Leg) {
		a = s.dial("102")
		b = s.leg("b")
		a.Early()
		b.Early()
		b.Progressing(answer)
		return a, b
	}
	perform(t, "early-change-by-caller", nil, func(s *stage) {
		a, b := ringing(s)
		a.Update(hold)
		b.Agree(onHold)
		b.Pickup(nil)
		a.Ack(nil)
		a.Bye()
	})
	perform(t, "early-change-by-callee", nil, func(s *stage) {
		a, b := ringing(s)
		b.Update(other)
		a.Agree(other)
		b.Pickup(nil)
		a.Ack(nil)
		b.Bye()
	})
	perform(t, "early-change-refused", nil, func(s *stage) {
		a, b := ringing(s)
		a.Update(hold)
		b.Disagree(call.RequestPending)
		b.Fail(call.Busy)
	})
	perform(t, "early-change-crosses-the-answer", nil, func(s *stage) {
		a, b := ringing(s)
		a.Update(hold)
		b.Pickup(nil)
		b.Agree(onHold)
		a.Ack(nil)
		a.Bye()
	})
	perform(t, "early-change-and-another-answers", nil, func(s *stage) {
		a := s.dial("103")
		a.Early()
		s.leg("b").Early()
		s.leg("b").Progressing(answer)
		a.Update(hold)
		s.leg("c").Pickup(other)
		a.Ack(nil)
		a.Bye()
	})
	perform(t, "early-change-and-the-leg-fails", nil, func(s *stage) {
		a := s.dial("103")
		a.Early()
		s.leg("b").Early()
		s.leg("b").Progressing(answer)
		a.Update(hold)
		s.leg("b").Fail(call.Busy)
		a.Update(hold) // nobody is heard now
		s.leg("c").Pickup(answer)
		a.Ack(nil)
		a.Bye()
	})
	perform(t, "offer-before-the-answer", nil, func(s *stage) {
		s.Late = true
		a := s.dialLate()
		s.leg("b").Offering(offer)
		a.Prack(answer)
		s.leg("b").Pickup(nil)
		a.Ack(nil)
		a.Bye()
	})
	perform(t, "offer-before-the-answer-declined", nil, func(s *stage) {
		s.dialLate()
		s.leg("b").Offering(offer)
		s.leg("b").Fail(call.Busy)
	})
	perform(t, "offer-before-the-answer-unanswered", nil, func(s *stage) {
		s.Late = true
		a := s.dialLate()
		s.leg("b").Offering(offer)
		s.leg("b").PickupDue(offer) // it did not wait for the PRACK
		a.Prack(answer)
		a.Ack(nil)
		a.Bye()
	})
	perform(t, "forwarded-and-queued", nil, func(s *stage) {
		s.dial("102")
		b := s.leg("b")
		for _, status := range []int{181, 182, 181, 182, 199} {
			b.Says(status)
		}
		b.Fail(call.Busy)
	})
}

// dialLate is dial without an offer.
func (s *stage) dialLate() *calltest.Leg { return s.Call(s.k, "1", "101", "102", nil) }
