package control_test

import (
	"testing"
	"time"

	"santral/call"
	"santral/call/calltest"
	"santral/call/control"
)

// ask has a program ask for a call of an account.
func (s *stage) ask(from, to string) {
	s.t.Helper()
	id, refusal := s.k.Dial(control.Request{From: calltest.Party(from), To: to})
	if refusal != nil || id == "" {
		s.t.Errorf("no call from %s to %s: %v", from, to, refusal)
	}
	s.Together() // the phones ring before anything else happens
}

// TestClickToDial is third-party call control as RFC 3725 §4 tells it, for a program that has an account called
// and connected.
func TestClickToDial(t *testing.T) {
	together(t, "dial", nil, func(s *stage) {
		s.ask("103", "102")
		s.rung(0).Ring()
		a := s.rung(1) // the second phone answers
		a.Pickup(answer)
		b := s.rung(2)
		b.Ring()
		b.Pickup(answer)
		s.settle(a, b)
		b.Reinvite(hold)
		a.Agree(onHold)
		a.Bye()
	})
	together(t, "dial-nobody", nil, func(s *stage) {
		s.ask("101", "102")
		s.rung(0).Fail(call.Declined)
		s.ask("101", "102")
		s.pass(61 * time.Second)
	})
	together(t, "dial-busy", nil, func(s *stage) { // who was rung hears why there is nobody
		s.ask("101", "102")
		s.rung(0).Pickup(answer)
		s.rung(1).Fail(call.Busy)
		s.pass(4 * time.Second)
	})
	together(t, "dial-given-up", nil, func(s *stage) {
		s.ask("101", "102")
		a := s.rung(0)
		a.Pickup(answer)
		s.rung(1).Ring()
		a.Bye()
	})
	together(t, "dial-service", told(echoes), func(s *stage) {
		s.Service("*1", "story")
		s.ask("101", "*1")
		a := s.rung(0)
		a.Pickup(answer)
		a.Agree(offer)
		s.pass(time.Minute)
		a.Bye()
	})
	together(t, "dial-transferred", nil, func(s *stage) { // a call like any other
		s.ask("101", "102")
		a := s.rung(0)
		a.Pickup(answer)
		b := s.rung(1)
		b.Pickup(answer)
		s.settle(a, b)
		a.Refer("103")
		c := s.rung(2)
		c.Pickup(answer)
		s.settle(b, c)
		a.Bye()
		c.Bye()
	})
	together(t, "dial-refused", nil, func(s *stage) {
		for _, r := range [][3]string{{"101", "999", "404"}, {"104", "101", "480"}, {"777", "101", "404"}} {
			_, refusal := s.k.Dial(control.Request{From: calltest.Party(r[0]), To: r[1]})
			if refusal == nil {
				s.t.Fatalf("a call from %s to %s", r[0], r[1])
			}
			s.Note("%s may not call %s: %d", r[0], r[1], refusal.SIP)
		}
	})
}
