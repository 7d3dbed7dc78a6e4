package control_test

import (
	"testing"
	"time"

	"santral/call"
	"santral/call/calltest"
	"santral/call/control"
)

// emergency has 112 lead to an emergency service by a trunk with one channel.
func (s *stage) emergency() {
	s.Trunk("one", 1, "a.example")
	s.Carried("0123", 0, "one")
	s.Leads("112", call.Destination{Kind: call.ToTrunks, Tenant: calltest.Tenant, Number: "112", Ways: []call.Way{{Tenant: calltest.Tenant, Trunk: "one"}},
		Emergency: &call.Emergency{}, Limited: true})
}

// An emergency is called from a busy line by a busy trunk: both calls that are in its way end, and it waits a moment until
// the trunk's other side has heard of that.
func TestEmergencies(t *testing.T) {
	t.Parallel()
	together(t, "emergency-takes-channels", nil, func(s *stage) {
		s.emergency()
		s.talk()
		other := s.Call(s.k, "call2", "105", "0123", offer)
		s.Leg("call2", "b").Pickup(answer)
		other.Ack(nil)
		a := s.Call(s.k, "call3", "101", "112", offer)
		if s.Peak("101") != 2 {
			s.t.Errorf("%d calls on the line, want the emergency beside the one that ends", s.Peak("101"))
		}
		s.pass(200 * time.Millisecond)
		b := s.Leg("call3", "b")
		b.Pickup(answer)
		a.Ack(nil)
		b.Bye()
	})
	together(t, "emergency-of-a-line-that-rings", nil, func(s *stage) { // nobody has answered the line yet
		s.emergency()
		s.Call(s.k, "call1", "105", "101", offer)
		s.Leg("call1", "b").Ring()
		a := s.Call(s.k, "call2", "101", "112", offer)
		b := s.Leg("call2", "b")
		b.Pickup(answer)
		a.Ack(nil)
		a.Bye()
	})
	together(t, "emergency-finds-a-call-that-was-sent-on", nil, func(s *stage) { // the channel of 101 went with its leg
		s.emergency()
		a, b := s.talk()
		b.Refer("105")
		c := s.rung(0)
		c.Pickup(answer)
		s.settle(a, c)
		b.Bye()
		s.pass(10 * time.Second)
		e := s.Call(s.k, "call9", "101", "112", offer)
		s.Leg("call9", "b").Pickup(answer)
		e.Ack(nil)
		e.Bye()
	})
	together(t, "emergency-passes-what-is-full", nil, func(s *stage) {
		s.k = control.New(control.Config{Router: s, Contacts: s, Trunks: s, Channels: s, Ledger: s, Dialer: s, Most: 1})
		s.emergency()
		s.Call(s.k, "call1", "105", "102", offer)
		s.Call(s.k, "call2", "103", "102", offer)
		a := s.Call(s.k, "call3", "101", "112", offer)
		s.Leg("call3", "b").Pickup(answer)
		a.Ack(nil)
		a.Bye()
	})
}
