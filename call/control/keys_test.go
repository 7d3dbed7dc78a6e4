package control_test

import (
	"testing"
	"time"
)

// A key crosses a call exactly once: with the media, or by the other leg in its own way; and one that a phone says in
// two ways, as telephone event and by INFO, is one key.
func TestKeysCross(t *testing.T) {
	const ms = time.Millisecond
	perform(t, "keys-cross", nil, func(s *stage) {
		a, b := s.talk()
		a.Press('1', 120*ms, true) // it is there already
		b.Press('2', 130*ms, false)
		b.PressByInfo('3', 250*ms)
		a.PressByInfo('!', 500*ms)
		s.pass(3 * time.Second)

		a.PressByInfo('5', 200*ms) // in both ways, either of them first
		a.Press('5', 200*ms, false)
		s.pass(3 * time.Second)
		a.Press('6', 200*ms, true)
		a.PressByInfo('6', 200*ms)
		s.pass(3 * time.Second)

		a.PressByInfo('7', 100*ms) // twice the same key is two keys
		a.PressByInfo('7', 100*ms)
		a.Press('7', 100*ms, false)
		a.Press('7', 100*ms, false)
		b.Press('8', 100*ms, false)
		b.Press('8', 100*ms, false)
		a.Bye()
	})
	perform(t, "keys-in-early-media", nil, func(s *stage) {
		a := s.dial("102")
		b := s.leg("b")
		a.Press('1', 100*ms, false) // nobody is there to hear it
		b.Progressing(answer)
		a.Press('2', 100*ms, false)
		a.PressByInfo('3', 100*ms)
		b.Pickup(answer)
		a.Ack(nil)
		a.Bye()
	})
}
