package control_test

import (
	"testing"
	"testing/synctest"

	"santral/call"
	"santral/call/calltest"
)

// phones gives 105 two phones: the desk phone has three ways, the other one.
func (s *stage) phones() {
	s.Phones("105",
		call.Target{URI: "sip:desk@one", Device: "desk", Else: []call.Target{{URI: "sip:desk@two", Device: "desk"}, {URI: "sip:desk@three", Device: "desk"}}},
		call.Target{URI: "sip:mobile@one", Device: "mobile"},
	)
}

// RFC 5626 §5.3: the ways to one phone are tried one after another while they are dead, phones beside each
// other; a phone never rings by two ways.
func TestAnotherWayToAPhone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		s.phones()
		s.dial("105")
		desk, mobile := s.leg("b"), s.leg("c")
		if s.Leg("1", "d") != nil {
			t.Fatal("the desk phone rings by two ways at once")
		}
		mobile.Ring()
		desk.Fail(call.FromStatus(430))
		second := s.leg("d")
		second.Fail(call.NoResponse)
		third := s.leg("e")
		third.Ring()
		third.Pickup(answer)
		third.Bye()
		s.Check(t)
		want := []string{"sip:desk@one", "sip:mobile@one", "sip:desk@two", "sip:desk@three"}
		for i, id := range []call.LegID{"b", "c", "d", "e"} {
			if got := s.leg(id).Detail().Target; got != want[i] {
				t.Errorf("leg %s goes to %s, want %s", id, got, want[i])
			}
		}
	})
}

// What a phone says itself is its answer; a dead last way is the end of it.
func TestNoOtherWay(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		first call.Cause
		rings bool
		more  bool // the next way is tried
		sip   int
	}{
		"busy":             {first: call.Busy, sip: 486},
		"not acceptable":   {first: call.NotAcceptable, sip: 488},
		"rang, and silent": {first: call.NoResponse, rings: true, sip: 408},
		"unreachable":      {first: call.Cause{SIP: 480, Q850: 27}, more: true, sip: 480},
		"flow failed":      {first: call.FromStatus(430), more: true, sip: 480},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, nil)
				s.Phones("105", call.Target{URI: "sip:desk@one", Else: []call.Target{{URI: "sip:desk@two"}}})
				s.dial("105")
				b := s.leg("b")
				if test.rings {
					b.Ring()
				}
				b.Fail(test.first)
				if got := s.Leg("1", "c") != nil; got != test.more {
					t.Fatalf("the next way is tried: %v", got)
				}
				if test.more {
					s.leg("c").Fail(call.Cause{SIP: 480, Q850: 27, Text: "destination out of order"})
				}
				s.Check(t)
				events := s.Events()
				if end := events[len(events)-1]; end.Kind != call.EndedCall || end.Cause.SIP != test.sip {
					t.Errorf("the call ended with %s", calltest.Line(end))
				}
			})
		})
	}
}

// A GRUU rings the one phone that it names, or nobody (RFC 5627 §6.1).
func TestOnePhoneIsMeant(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		s.phones()
		s.Device = "mobile"
		s.dial("105")
		if to := s.leg("b").Detail().Target; to != "sip:mobile@one" || s.Leg("1", "c") != nil {
			t.Errorf("rings %s, and perhaps more", to)
		}
		s.leg("b").Fail(call.Busy)
		s.Device = "tablet"
		s.Call(s.k, "2", "103", "105", offer)
		s.Check(t)
		events := s.Events()
		if end := events[len(events)-1]; end.Kind != call.EndedCall || end.Cause.SIP != 480 {
			t.Errorf("the call ended with %s", calltest.Line(end))
		}
	})
}

// A transfer to a GRUU rings that one phone (RFC 5627 §4.4).
func TestTransferToOnePhone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		s.phones()
		a, b := s.talk()
		s.Device = "mobile"
		b.Refer("105")
		c := s.rung(0)
		if to := c.Detail().Target; to != "sip:mobile@one" {
			t.Errorf("rings %s", to)
		}
		c.Ring()
		c.Pickup(answer)
		s.settle(a, c)
		b.Bye()
		a.Bye()
		s.Check(t)
	})
}
