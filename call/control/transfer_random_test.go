package control_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"santral/call"
	"santral/media/sdp"
)

// move is one thing that happens among calls that are transferred: a leg says something.
type move struct {
	Leg, Other, What, Pause int
	Together                bool
}

// TestRandomTransfers plays random transfers, replacements and all that phones do meanwhile. In the end
// nothing is left: no channel, no leg, no REFER without its last news, no leg that only one side believes
// in, and every call has one record in which every leg begins and ends once.
func TestRandomTransfers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		late := rapid.Bool().Draw(rt, "late offers")
		ringing := rapid.Bool().Draw(rt, "ringing")
		moves := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) move {
			return move{
				Leg:      rapid.IntRange(0, 11).Draw(rt, "leg"),
				Other:    rapid.IntRange(0, 11).Draw(rt, "other"),
				What:     rapid.IntRange(0, 29).Draw(rt, "what"),
				Pause:    rapid.SampledFrom([]int{0, 0, 0, 0, 0, 10, 3100, 61000}).Draw(rt, "pause"),
				Together: rapid.Bool().Draw(rt, "together"),
			}
		}), 3, 40).Draw(rt, "moves")
		var wrong string
		synctest.Test(t, func(t *testing.T) { wrong = transfers(t, moves, late, ringing) })
		if wrong != "" {
			rt.Fatal(wrong)
		}
	})
}

func transfers(t *testing.T, moves []move, late, ringing bool) string {
	s := newStage(t, told(echoes))
	s.k = newControlWith(s.House, func(who call.Party, _ string) bool { return who.Account == "103" })
	s.House.Settle = nil
	numbers := []string{"103", "102", "105", "101", "999", "104"}
	var first *sdp.Description
	if !late {
		first = offer
	}
	begun := 0
	call1 := func(from, to string) {
		begun++
		s.Call(s.k, call.ID(fmt.Sprint(begun)), from, to, first)
	}
	call1("101", "102")
	call1("105", "103")
	synctest.Wait()
	for _, id := range []call.ID{"1", "2"} {
		if a, b := s.Leg(id, "a"), s.Leg(id, "b"); id == "1" || !ringing {
			b.Pickup(answer)
			synctest.Wait()
			a.Ack(answer)
			synctest.Wait()
		}
	}
	for _, mv := range moves {
		legs := s.Legs()
		l, other := legs[len(legs)-1-mv.Leg%len(legs)], legs[len(legs)-1-mv.Other%len(legs)]
		switch what := mv.What; {
		case what < len(kinds):
			say(l, what, true)
		case what <= 23:
			l.Refer(numbers[mv.Other%len(numbers)])
		case what <= 26:
			l.ReferTo(other)
		case what == 27:
			begun++
			s.Replace(s.k, call.ID(fmt.Sprint(begun)), numbers[mv.Leg%4], other, first)
		default:
			call1("105", numbers[mv.Other%len(numbers)])
		}
		if wrong := s.passed(mv); wrong != "" {
			return wrong
		}
	}
	return s.ended(3)
}

// passed lets the time of a move pass, and tells what shows wrongly after it, "" for nothing.
func (s *stage) passed(mv move) string {
	for _, l := range s.k.Calls("") {
		if len(l.Legs) == 0 {
			return fmt.Sprintf("a call shows as %+v", l)
		}
	}
	if !mv.Together {
		synctest.Wait()
	}
	time.Sleep(time.Duration(mv.Pause) * time.Millisecond)
	return ""
}

// ended has all who are left hang up, over and over, as somebody may be rung because of it; it tells what is left of
// the calls or wrong with their records, "" for nothing.
func (s *stage) ended(rounds int) string {
	synctest.Wait()
	for range rounds {
		for _, l := range s.Legs() {
			if l.May(call.Ended) {
				l.Bye()
			}
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
	}
	wrong := s.Wrong()
	if n := s.k.Stats(); n.Live != 0 || n.Open != 0 || n.Panics != 0 || n.Began != n.Ended {
		wrong = append(wrong, fmt.Sprintf("control is left with %+v", n))
	}
	if len(wrong) != 0 {
		return strings.Join(wrong, "\n") + "\n" + s.Settled()
	}
	return ""
}
