package control_test

import (
	"testing"
	"testing/synctest"
	"time"

	"santral/call"
	"santral/call/calltest"
	"santral/call/control"
)

// steered has a program do something with a call, which must be taken on.
func (s *stage) steered(what string, no *call.Cause) {
	s.t.Helper()
	if no != nil {
		s.t.Errorf("%s: %+v\n%s", what, *no, s.Ladder())
	}
	s.Note("a program: %s", what)
	synctest.Wait()
}

// refused has a program want what can't be.
func (s *stage) refused(what string, want call.Cause, no *call.Cause) {
	s.t.Helper()
	if no == nil || no.SIP != want.SIP {
		s.t.Errorf("%s: %+v, want %+v", what, no, want)
	}
}

// TestTransfersByPrograms go as those by REFER do: blind, refused and given back, attended.
func TestTransfersByPrograms(t *testing.T) {
	together(t, "steer-transfer", nil, func(s *stage) {
		a, b := s.talk()
		s.steered("sends 101 on to 103", s.k.Transfer("1", "b", "103"))
		c := s.rung(0)
		c.Ring()
		c.Pickup(answer)
		if !b.Over() { // its phone does not know that it may go
			t.Error("the transferor is still there")
		}
		s.settle(a, c)
		a.Bye()
	})
	together(t, "steer-transfer-busy", nil, func(s *stage) {
		a, b := s.talk()
		s.steered("sends 101 on to 103", s.k.Transfer("1", "b", "103"))
		s.rung(0).Fail(call.Busy)
		s.rung(1).Fail(call.Busy)
		s.steered("sends 102 on to 105", s.k.Transfer("1", "c", "105"))
		c := s.rung(2)
		c.Pickup(answer)
		s.settle(b, c)
		if !a.Over() {
			t.Error("the transferor is still there")
		}
		b.Bye()
	})
	together(t, "steer-transfer-attended", nil, func(s *stage) {
		s.Account("102", 2, "desk")
		a, b := s.talk()
		b.Reinvite(hold)
		a.Agree(onHold)
		b2 := s.Call(s.k, "2", "102", "103", offer)
		c := s.Leg("2", "b")
		c.Pickup(answer)
		b2.Ack(nil)
		s.refused("into a call in which it has no leg", control.NoSuchLeg, s.k.TransferInto("1", "a", "2"))
		s.steered("sends 101 into call 2", s.k.TransferInto("1", "b", "2"))
		s.settle(a, c)
		if !b.Over() || !b2.Over() {
			t.Error("the transferor is still there")
		}
		a.Bye()
	})
	together(t, "steer-refused", nil, func(s *stage) {
		a, b := s.talk()
		s.refused("no such call", call.NotFound, s.k.Transfer("9", "b", "103"))
		s.refused("no such leg", control.NoSuchLeg, s.k.Transfer("1", "z", "103"))
		s.refused("no number", call.BadNumber, s.k.Transfer("1", "b", ""))
		s.refused("into itself", call.NotFound, s.k.TransferInto("1", "b", "1"))
		a.Bye()
		s.refused("a call that is over", call.NotFound, s.k.Hold("1", "b", true))
		_ = b
	})
}

// TestHeldByPrograms: the other is held, what the phone says of its session without a hold changes nothing, what it holds itself
// is its own.
func TestHeldByPrograms(t *testing.T) {
	together(t, "steer-hold", nil, func(s *stage) {
		s.withMusic()
		a, b := s.talk()
		held := func(want bool) {
			t.Helper()
			l, _ := s.k.Call("1")
			if l.Legs[1].Held != want || l.Legs[0].Held {
				t.Errorf("held: %v, %v", l.Legs[0].Held, l.Legs[1].Held)
			}
		}
		s.steered("holds for 102", s.k.Hold("1", "b", true))
		s.steered("holds for 102 once more", s.k.Hold("1", "b", true))
		held(true)
		b.Reinvite(offer) // a refresh
		a.Agree(answer)
		held(true)
		s.steered("takes 101 back", s.k.Hold("1", "b", false))
		held(false)
		s.steered("holds for 102", s.k.Hold("1", "b", true))
		b.Reinvite(hold)
		a.Agree(onHold)
		held(true)
		s.refused("takes back what the phone holds", call.Declined, s.k.Hold("1", "b", false))
		b.Reinvite(offer)
		a.Agree(answer)
		held(false)
		a.Bye()
	})
}

// TestKeysByPrograms go to the other side, one after the other.
func TestKeysByPrograms(t *testing.T) {
	together(t, "steer-keys", nil, func(s *stage) {
		a, _ := s.talk()
		s.steered("presses 1 2# for 101", s.k.Press("1", "a", "1 2#"))
		s.refused("presses more meanwhile", call.RequestPending, s.k.Press("1", "a", "3"))
		s.pass(3 * time.Second)
		s.steered("presses 9 for 102", s.k.Press("1", "b", "9"))
		s.steered("presses 4 for 101", s.k.Press("1", "a", "44"))
		a.Bye()
	})
}

// TestPulledByPrograms: another phone of the account rings while the two talk, and takes the place of the first.
func TestPulledByPrograms(t *testing.T) {
	phones := func(s *stage) (a, b *calltest.Leg) {
		s.Account("102", 1, "one", "two")
		a = s.dial("102")
		b = s.leg("b")
		b.Pickup(answer)
		a.Ack(nil)
		return a, b
	}
	together(t, "steer-pull", nil, func(s *stage) {
		a, b := phones(s)
		s.steered("pulls", s.k.Pull("1", "b", ""))
		d := s.leg("d")
		d.Ring()
		s.refused("sends on meanwhile", call.RequestPending, s.k.Transfer("1", "b", "103"))
		s.refused("pulls once more", call.RequestPending, s.k.Pull("1", "b", ""))
		d.Pickup(answer)
		s.settle(a, d)
		if !b.Over() || a.Over() || d.Over() || s.InUse() != 2 {
			t.Errorf("in use %d\n%s", s.InUse(), s.Ladder())
		}
		a.Bye()
	})
	together(t, "steer-pull-in-vain", nil, func(s *stage) {
		a, b := phones(s)
		s.steered("pulls", s.k.Pull("1", "b", ""))
		s.leg("d").Fail(call.Busy)
		s.steered("pulls", s.k.Pull("1", "b", ""))
		s.pass(61 * time.Second)
		s.refused("a device that is not there", call.NotRegistered, s.k.Pull("1", "b", "nine"))
		s.steered("pulls", s.k.Pull("1", "b", "two"))
		b.Bye() // while it rings
		if !a.Over() || s.InUse() != 0 {
			t.Errorf("in use %d\n%s", s.InUse(), s.Ladder())
		}
	})
}
