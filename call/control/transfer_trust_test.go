package control_test

import (
	"testing"
	"time"

	"santral/call"
	"santral/call/calltest"
)

// TestTransfersIntoOthersCalls: lamps tell how the dialogs of others are called, and that is no right to send
// anybody there.
func TestTransfersIntoOthersCalls(t *testing.T) {
	together(t, "transfer-into-a-strangers-call", nil, func(s *stage) {
		a, b := s.talk()
		c := s.Call(s.k, "2", "103", "105", offer)
		s.Leg("2", "b").Pickup(answer)
		c.Ack(nil)
		b.ReferTo(c) // 102 has no business with 103's leg
		s.pass(10 * time.Second)
		b.Reinvite(offer)
		a.Agree(answer)
		a.Bye()
		c.Bye()
	})
}

// private is a caller that wants to be withheld.
func (s *stage) private(id call.ID, from, to string) *calltest.Leg {
	return s.Arrive(s.k, call.Arrival{Call: id, From: calltest.Party(from), Dialled: to, Offer: offer, Hops: 70, Traits: call.Traits{Privacy: call.PrivateID}})
}

// TestPrivacyThroughTransfers: who wants to be withheld stays so wherever it is sent, and of the transferor
// nothing is told either (RFC 3323 §4).
func TestPrivacyThroughTransfers(t *testing.T) {
	together(t, "transfer-private", nil, func(s *stage) {
		s.Account("102", 2, "sip:102@192.0.2.2")
		a := s.private("1", "101", "102")
		b := s.leg("b")
		b.Pickup(answer)
		a.Ack(nil)
		b.Reinvite(hold)
		a.Agree(onHold)
		b2 := s.Call(s.k, "2", "102", "103", offer)
		c := s.Leg("2", "b")
		c.Pickup(answer)
		b2.Ack(nil)
		b.ReferTo(b2)
		s.settle(a, c)
		b.Bye()
		c.Refer("102") // and on
		d := s.rung(0)
		d.Pickup(answer)
		s.settle(a, d)
		c.Bye()
		d.Bye()
	})
	together(t, "transfer-by-private-caller", nil, func(s *stage) {
		a := s.private("1", "101", "102")
		b := s.leg("b")
		b.Pickup(answer)
		a.Ack(nil)
		a.Refer("103")
		c := s.rung(0)
		c.Pickup(answer)
		s.settle(b, c)
		a.Bye()
		c.Bye()
	})
	together(t, "replaces-private", nil, func(s *stage) {
		a, b := s.talk()
		n := s.Arrive(s.k, call.Arrival{Call: "2", From: calltest.Party("102"), Dialled: "102", Offer: offer, Hops: 70,
			Traits: call.Traits{Privacy: call.PrivateID}, Replaces: s.InPlaceOf(b)})
		n.Ack(nil)
		s.settle(a, n)
		a.Bye()
	})
}
