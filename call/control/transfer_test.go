package control_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"santral/call"
	"santral/call/calltest"
	"santral/call/control"
)

// rung is the leg that a call which no phone began rang first, or the n-th of them.
func (s *stage) rung(n int) *calltest.Leg {
	s.t.Helper()
	for _, l := range s.Legs() {
		if l.Call() != "1" && l.Call() != "2" && l.Call() != "3" {
			if n--; n < 0 {
				return l
			}
		}
	}
	s.t.Fatalf("nothing was rung:\n%s", s.Ladder())
	return nil
}

// settle answers what the exchange offers two legs that it has joined, until it asks no more.
func (s *stage) settle(legs ...*calltest.Leg) {
	for range 8 {
		asked := false
		for _, l := range legs {
			if l.Asked() {
				asked = true
				l.Agree(answer)
			}
		}
		if !asked {
			return
		}
	}
	s.t.Errorf("the exchange never stops asking:\n%s", s.Ladder())
}

// TestBlindTransfers are RFC 5589 §6 as a control lives it.
func TestBlindTransfers(t *testing.T) {
	together(t, "transfer-blind", nil, func(s *stage) { // §6.1
		a, b := s.talk()
		b.Reinvite(hold)
		a.Agree(onHold)
		b.Refer("103")
		c := s.rung(0)
		c.Ring()
		c.Pickup(answer)
		s.settle(a, c)
		b.Bye()
		s.pass(10 * time.Second)
		a.Bye()
	})
	together(t, "transfer-by-caller", nil, func(s *stage) {
		a, b := s.talk()
		a.Refer("103")
		c := s.rung(0)
		c.Pickup(answer)
		s.settle(b, c)
		s.pass(10 * time.Second) // the transferor does not hang up
		b.Bye()
	})
	together(t, "transfer-busy", nil, func(s *stage) { // §6.2: the call is given back
		a, b := s.talk()
		b.Refer("103")
		s.rung(0).Fail(call.Busy)
		s.rung(1).Fail(call.Busy)
		b.Reinvite(offer)
		a.Agree(answer)
		b.Refer("999")
		b.Refer("104")
		a.Bye()
	})
	early := func(leave func(s *stage, b *calltest.Leg)) func(s *stage) { // the transferor goes with its REFER
		return func(s *stage) {
			a, b := s.talk()
			leave(s, b)
			c := s.rung(0)
			c.Ring()
			c.Pickup(answer)
			s.settle(a, c)
			a.Bye()
		}
	}
	together(t, "transfer-left-early", nil, early(func(s *stage, b *calltest.Leg) {
		b.Refer("103")
		b.Bye()
	}))
	performed(t, "transfer-left-at-once", nil, early(func(s *stage, b *calltest.Leg) {
		s.Together(func() { b.Refer("103") }, b.Bye)
	}), nil)
	together(t, "transfer-recall", nil, func(s *stage) { // and is rung when nobody answers
		a, b := s.talk()
		b.Refer("103")
		b.Bye()
		s.pass(61 * time.Second)
		b = s.rung(2)
		b.Ring()
		b.Pickup(answer)
		s.settle(a, b)
		b.Bye()
	})
	together(t, "transfer-recall-fails", nil, func(s *stage) {
		_, b := s.talk()
		b.Refer("999")
		b.Bye()
		s.pass(time.Second)
		s.Call(s.k, "2", "103", "102", offer).Cancel()
		s.pass(10 * time.Second)
	})
	together(t, "transfer-recall-busy", nil, func(s *stage) {
		_, b := s.talk()
		b.Refer("103")
		c, d := s.rung(0), s.rung(1)
		b.Bye()
		c.Fail(call.Busy)
		d.Fail(call.Busy)
		s.pass(time.Minute)
		s.pass(10 * time.Second)
	})
	performed(t, "transfer-recall-at-once", nil, func(s *stage) { // whether the refusal or the BYE is first is a matter of chance
		_, b := s.talk()
		s.Together(func() { b.Refer("104") }, b.Bye)
		s.pass(10 * time.Second)
	}, nil)
	together(t, "transfer-busy-hasty", nil, func(s *stage) { // a phone that hangs up whatever became of its transfer
		a, b := s.talk()
		b.Refer("104")
		b.Bye()
		b = s.rung(0)
		b.Pickup(answer)
		s.settle(a, b)
		a.Bye()
	})
	together(t, "transferee-leaves", nil, func(s *stage) {
		a, b := s.talk()
		b.Refer("103")
		s.rung(0).Ring()
		a.Bye()
		_ = b
	})
	together(t, "transferee-leaves-at-once", nil, func(s *stage) {
		a, b := s.talk()
		s.Together(func() { b.Refer("103") }, a.Bye)
	})
	together(t, "transfer-during-hold", nil, func(s *stage) { // the REFER overtakes the end of the hold
		a, b := s.talk()
		b.Reinvite(hold)
		b.Refer("103")
		a.Agree(onHold)
		c := s.rung(0)
		c.Pickup(answer)
		s.settle(a, c)
		a.Bye()
	})
	together(t, "transfer-twice", nil, func(s *stage) { // one at a time; and then on and on
		a, b := s.talk()
		b.Refer("103")
		b.Refer("104")
		a.Refer("104")
		c := s.rung(0)
		c.Pickup(answer)
		s.settle(a, c)
		b.Bye()
		c.Refer("102")
		d := s.rung(2)
		d.Pickup(answer)
		s.settle(a, d)
		c.Bye()
		a.Refer("103")
		e := s.rung(3)
		e.Pickup(answer)
		s.settle(d, e)
		a.Bye()
		e.Bye()
	})
	together(t, "transfer-to-service", told(echoes), func(s *stage) {
		s.Service("*1", "story")
		a, b := s.talk()
		b.Refer("*1")
		a.Agree(offer)
		b.Bye()
		a.Refer("103") // nobody is there to be sent on
		s.pass(time.Minute)
		a.Bye()
	})
	together(t, "transfer-glare", nil, func(s *stage) { // the transferee changes its session while it is asked to
		a, b := s.talk()
		b.Refer("103")
		c := s.rung(0)
		s.Together(func() { a.Reinvite(offer) }, func() { c.Pickup(answer) })
		s.pass(time.Second)
		s.settle(a, c)
		b.Bye()
		a.Bye()
	})
	together(t, "transfer-formats", nil, func(s *stage) { // the transferee chooses less than the target
		a, b := s.talk()
		b.Refer("103")
		c := s.rung(0)
		c.Pickup(offer)
		a.Agree(other)
		c.Agree(other)
		b.Bye()
		a.Bye()
	})
	together(t, "transfer-no-formats", nil, func(s *stage) {
		a, b := s.talk()
		b.Refer("103")
		c := s.rung(0)
		c.Pickup(answer)
		a.Disagree(call.NotAcceptable)
		_ = b
	})
	together(t, "transfer-ended-by-operator", nil, func(s *stage) {
		_, b := s.talk()
		b.Refer("103")
		s.rung(0).Ring()
		s.k.Hangup(s.rung(0).Call(), call.NormalClearing)
	})
}

// consult brings 101 and 102 into a conversation, and 102 with 103 into another one.
func (s *stage) consult(answered bool) (a, b, b2, c *calltest.Leg) {
	s.Account("102", 2, "sip:102@192.0.2.2")
	a, b = s.talk()
	b.Reinvite(hold)
	a.Agree(onHold)
	b2 = s.Call(s.k, "2", "102", "103", offer)
	c = s.Leg("2", "b")
	c.Ring()
	if answered {
		c.Pickup(answer)
		b2.Ack(nil)
	}
	return a, b, b2, c
}

// TestAttendedTransfers are RFC 5589 §7 as a control lives it.
func TestAttendedTransfers(t *testing.T) {
	together(t, "transfer-attended", nil, func(s *stage) { // §7.3
		a, b, b2, c := s.consult(true)
		b.ReferTo(b2)
		s.settle(a, c)
		b2.Bye() // crosses our own
		b.Bye()
		s.pass(time.Minute)
		c.Bye()
	})
	together(t, "transfer-attended-to-caller", nil, func(s *stage) { // both were called by others
		s.Account("102", 2, "sip:102@192.0.2.2")
		a, b := s.talk()
		c := s.Call(s.k, "2", "103", "102", offer)
		b2 := s.Leg("2", "b")
		b2.Pickup(answer)
		c.Ack(nil)
		b.ReferTo(b2)
		s.settle(a, c)
		b.Bye()
		a.Bye()
	})
	together(t, "transfer-semi-attended", nil, func(s *stage) { // §7.6
		a, b, b2, c := s.consult(false)
		b.ReferTo(b2)
		c.Pickup(answer)
		s.settle(a, c)
		b.Bye()
		a.Bye()
	})
	together(t, "transfer-semi-attended-busy", nil, func(s *stage) {
		a, b, b2, c := s.consult(false)
		b.ReferTo(b2)
		c.Fail(call.Busy)
		s.Leg("2", "c").Fail(call.Busy)
		b.Reinvite(offer)
		a.Agree(answer)
		b.Bye()
	})
	performed(t, "transfer-attended-target-left", nil, func(s *stage) {
		a, b, b2, c := s.consult(true)
		s.Together(func() { b.ReferTo(b2) }, c.Bye)
		s.pass(time.Minute)
		a.Bye()
	}, nil)
	performed(t, "transfer-attended-crossing", nil, func(s *stage) { // each of the two is sent into the other's call
		a, b, b2, c := s.consult(true)
		s.Together(func() { b.ReferTo(b2) }, func() { b2.ReferTo(b) })
		s.settle(a, c)
		s.pass(time.Minute)
		a.Bye()
		c.Bye()
	}, nil)
	together(t, "transfer-attended-on", nil, func(s *stage) { // what was transferred can be transferred
		a, b, b2, c := s.consult(true)
		b.ReferTo(b2)
		s.settle(a, c)
		b.Bye()
		c.Refer("102")
		d := s.rung(0)
		d.Pickup(answer)
		s.settle(a, d)
		c.Bye()
		d.Bye()
	})
}

// TestReplaces is RFC 3891 as a control lives it.
func TestReplaces(t *testing.T) {
	together(t, "replaces", nil, func(s *stage) { // the same account goes on with another phone
		a, b := s.talk()
		n := s.Replace(s.k, "2", "102", b, offer)
		n.Ack(nil)
		s.settle(a, n)
		a.Bye()
	})
	together(t, "replaces-caller", nil, func(s *stage) {
		a, b := s.talk()
		n := s.Replace(s.k, "2", "101", a, offer)
		n.Ack(nil)
		s.settle(b, n)
		b.Reinvite(hold)
		n.Agree(onHold)
		n.Bye()
	})
	together(t, "replaces-transferred", nil, func(s *stage) { // its channel was taken for the first call, and is held as that
		a, b, b2, c := s.consult(true)
		b.ReferTo(b2)
		s.settle(a, c)
		b.Bye()
		n := s.Replace(s.k, "3", "101", a, offer)
		n.Ack(nil)
		s.settle(n, c)
		n.Reinvite(hold)
		c.Agree(onHold)
		n.Bye()
	})
	together(t, "replaces-refused", nil, func(s *stage) {
		a, b := s.talk()
		s.Replace(s.k, "2", "103", b, offer) // another account
		a.Bye()
		s.Replace(s.k, "3", "102", b, offer) // over
	})
	together(t, "replaces-pickup", nil, func(s *stage) { // RFC 5359 §2.14
		s.k = newControlWith(s.House, func(who call.Party, account string) bool { return who.Account == "103" && account == "102" })
		a := s.dial("102")
		b := s.leg("b")
		b.Ring()
		n := s.Replace(s.k, "2", "103", b, offer)
		n.Ack(nil)
		n.Agree(answer)
		a.Ack(nil)
		n.Bye()
	})
	together(t, "replaces-pickup-too-late", nil, func(s *stage) {
		s.k = newControlWith(s.House, func(call.Party, string) bool { return true })
		a := s.dial("102")
		b := s.leg("b")
		n := s.Replace(s.k, "2", "103", b, offer)
		b.Pickup(answer)
		n.Ack(nil)
		a.Ack(nil)
		a.Bye()
	})
	together(t, "replaces-pickup-of-what-is-answered", nil, func(s *stage) {
		s.k = newControlWith(s.House, func(call.Party, string) bool { return true })
		a, b := s.talk()
		s.Replace(s.k, "2", "103", b, offer)
		a.Bye()
	})
	together(t, "replaces-pickup-refused", nil, func(s *stage) { // the phone that rang refuses once another has the call
		s.k = newControlWith(s.House, func(call.Party, string) bool { return true })
		a := s.dial("102")
		b := s.leg("b")
		b.Ring()
		n := s.Replace(s.k, "2", "103", b, offer)
		n.Ack(nil)
		b.Fail(call.Busy)
		n.Agree(answer)
		a.Ack(nil)
		n.Bye()
	})
	together(t, "replaces-pickup-refused-and-left", nil, func(s *stage) {
		s.k = newControlWith(s.House, func(call.Party, string) bool { return true })
		s.dial("102")
		b := s.leg("b")
		n := s.Replace(s.k, "2", "103", b, offer)
		b.Fail(call.Busy)
		n.Ack(nil)
		n.Bye()
	})
	together(t, "replaces-pickup-given-up", nil, func(s *stage) {
		s.k = newControlWith(s.House, func(call.Party, string) bool { return true })
		a := s.dial("102")
		n := s.Replace(s.k, "2", "103", s.leg("b"), offer)
		n.Ack(nil)
		a.Cancel()
	})
}

// TestBoardThroughTransfers: lamps and lists show who speaks with whom now.
func TestBoardThroughTransfers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, b := watched(t, nil)
		a, t1, t2, c := s.consult(true)
		b.mu.Lock()
		b.lines = nil
		b.mu.Unlock()
		t1.ReferTo(t2)
		s.settle(a, c)
		t1.Bye()
		b.mu.Lock()
		last := map[string]string{}
		for _, l := range b.lines {
			last[l[:5]] = l // leg and account
		}
		b.mu.Unlock()
		for leg, want := range map[string]string{
			"d 101": "d 101 in confirmed 103 account 103", "b 103": "b 103 out confirmed 101 account 101",
			"a 102": "a 102 in terminated 103 account 103",
		} {
			if last[leg] != want {
				t.Errorf("leg %s is shown as %q, want %q; all: %q", leg, last[leg], want, last)
			}
		}
		a.Bye()
		s.Check(t)
	})
}

// TestATransferredCallIsHandedOver: who stands in whose place is written out too, and it can be transferred
// again afterwards.
func TestATransferredCallIsHandedOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		a, t1, t2, c := s.consult(true)
		t1.ReferTo(t2)
		if _, err := s.k.Freeze(t.Context(), "2", s); err == nil {
			t.Error("a call whose legs do not agree yet is written out")
		}
		s.settle(a, c)
		t1.Bye()
		h, err := s.k.Freeze(t.Context(), "2", s)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		var again control.Handover
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatal(err)
		}
		s.k = newControl(s.House, nil)
		if err := s.k.Thaw(&again, s); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		a, c = s.Leg("2", "a"), s.Leg("2", "b") // the leg of 101 keeps its own name
		if live := s.k.Calls(""); len(live) != 1 || live[0].State != control.Talking || s.InUse() != 2 {
			t.Fatalf("after the hand-over: %+v, %d channels", live, s.InUse())
		}
		c.Refer("102")
		d := s.rung(0)
		d.Pickup(answer)
		s.settle(a, c, d)
		c.Bye()
		d.Bye()
		s.pass(time.Minute)
		if n := s.k.Stats(); n.Live != 0 || n.Open != 0 || n.Panics != 0 {
			t.Errorf("control is left with %+v", n)
		}
		if n := s.InUse(); n != 0 {
			t.Errorf("%d channels are left\n%s", n, s.Settled())
		}
	})
}
