package control_test

import (
	"testing"
	"time"

	"santral/call"
	"santral/call/calltest"
	"santral/media/session"
)

// carriers gives 0123 two trunks: one with two places, and another.
func (s *stage) carriers() {
	s.Trunk("one", 1, "a.example", "b.example")
	s.Trunk("two", 0, "c.example")
	s.Carried("0123", 12*time.Second, "one", "two")
}

// A call tries the places of its trunks one after another, until one takes it or has a reason that no other
// would change.
func TestTrunks(t *testing.T) {
	t.Parallel()
	perform(t, "trunk-answers", nil, func(s *stage) {
		s.carriers()
		a := s.dial("0123")
		b := s.leg("b")
		b.Ring()
		b.Pickup(answer)
		a.Ack(nil)
		a.Bye()
	})
	perform(t, "trunk-fails-over", nil, func(s *stage) {
		s.carriers()
		a := s.dial("0123")
		s.leg("b").Fail(call.FromStatus(503))
		s.leg("c").Fail(call.NoResponse)
		d := s.leg("d")
		d.Ring()
		d.Pickup(answer)
		a.Ack(nil)
		d.Bye()
	})
	perform(t, "trunk-callee-busy", nil, func(s *stage) {
		s.carriers()
		s.dial("0123")
		s.leg("b").Fail(call.Busy)
	})
	perform(t, "trunk-all-fail", nil, func(s *stage) {
		s.carriers()
		s.dial("0123")
		s.leg("b").Fail(call.FromStatus(503))
		s.leg("c").Fail(call.FromStatus(404))
	})
	perform(t, "trunk-is-impatient", nil, func(s *stage) { // neither of the first two rings
		s.carriers()
		s.dial("0123")
		s.pass(13 * time.Second)
		s.pass(12 * time.Second)
		s.leg("d").Fail(call.NotFound)
	})
	perform(t, "trunk-chosen-causes", nil, func(s *stage) { // the route goes on after busy and declined, not after not found
		s.carriers()
		s.Leads("0123", call.Destination{Kind: call.ToTrunks, Tenant: calltest.Tenant, Number: "0123", Causes: []int{486, 603},
			Ways: []call.Way{{Tenant: calltest.Tenant, Trunk: "one"}, {Tenant: calltest.Tenant, Trunk: "gone"}, {Tenant: calltest.Tenant, Trunk: "two"}, {Tenant: calltest.Tenant, Trunk: "one"}, {Tenant: calltest.Tenant, Trunk: "three"}}})
		s.Trunk("three", 0, "d.example")
		s.dial("0123")
		s.leg("c").Fail(call.Busy)
		s.leg("d").Fail(call.Declined)
		s.leg("e").Fail(call.NotFound)
	})
	perform(t, "trunk-media-is-dead", nil, func(s *stage) {
		s.carriers()
		a := s.dial("0123")
		b := s.leg("b")
		b.Pickup(answer)
		a.Ack(nil)
		b.Say("nothing comes", call.LegEvent{Kind: call.Noticed, News: session.News{Kind: session.OneWay}})
		b.Say("it comes", call.LegEvent{Kind: call.Noticed, News: session.News{Kind: session.TwoWay}})
		b.Silent()
		s.pass(10 * time.Second)
	})
	perform(t, "trunk-rings-long", nil, func(s *stage) { // whoever rings has all the time there is
		s.carriers()
		s.dial("0123")
		s.pass(10 * time.Second)
		s.leg("b").Ring()
		s.pass(time.Minute)
	})
	perform(t, "trunk-fails-after-early-media", nil, func(s *stage) {
		s.carriers()
		a := s.dial("0123")
		s.leg("b").Progressing(answer)
		s.leg("b").Fail(call.FromStatus(500))
		c := s.leg("c")
		c.Progressing(answer)
		c.Pickup(answer)
		a.Ack(nil)
		a.Bye()
	})
	perform(t, "trunk-caller-gives-up", nil, func(s *stage) {
		s.carriers()
		a := s.dial("0123")
		s.leg("b").Fail(call.FromStatus(503))
		s.pass(time.Second)
		a.Cancel()
	})
	together(t, "trunk-is-full", nil, func(s *stage) {
		s.carriers()
		first := s.dial("0123")
		b := s.leg("b")
		b.Pickup(answer)
		first.Ack(nil)
		second := s.Call(s.k, "2", "103", "0123", offer)
		c := s.Leg("2", "c") // the two places of the first trunk are passed over as one
		c.Pickup(answer)
		second.Ack(nil)
		second.Bye()
		first.Bye()
	})
	perform(t, "trunk-is-down", nil, func(s *stage) {
		s.Trunk("one", 0)
		s.Carried("0123", 0, "one")
		s.dial("0123")
	})
}
