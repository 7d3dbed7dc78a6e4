package control_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"santral/call"
	"santral/media/sdp"
)

// verbs tells a story that uses verbs in the order in which numbers name them.
func verbs(script []int) tale {
	return func(ctx context.Context, c call.Control) call.Cause {
		for _, verb := range script {
			short, cancel := context.WithTimeout(ctx, 4*time.Second)
			switch verb {
			case 0:
				_ = c.Answer(short)
			case 1:
				_, _ = c.Dial(short, call.Wish{To: []string{"102", "103"}})
			case 2:
				_, _ = c.Dial(short, call.Wish{To: []string{"104", "105", "0912"}, InTurn: true, Each: time.Second})
			case 3:
				_, _ = c.Dial(ctx, call.Wish{To: []string{"103", "105"}, Whole: 20 * time.Second, Confirm: &call.Confirm{Key: '1', Within: time.Second}})
			case 4, 5:
				_, _ = c.Join(short)
			case 6:
				_, _ = c.Join(ctx)
			case 7:
				_ = c.Hold(short)
			case 8:
				_ = c.Drop(short, call.NormalClearing)
			case 9:
				_ = c.Move(short, call.NormalClearing)
			case 10:
				_ = c.Transfer(ctx, "105")
			case 11:
				_ = c.Transfer(ctx, "*2")
			case 12:
				_ = c.Park(short, "")
			case 13:
				_ = c.Park(ctx, "")
			case 14:
				_ = c.Take(ctx, "1")
			case 15:
				_ = c.Take(ctx, "2")
			case 16:
				_, _ = c.Collect(short, call.Collecting{Most: 1})
			case 17:
				_ = c.Attend(short, "1", call.Attendance{Mode: call.AttendListen})
			}
			cancel()
			if ctx.Err() != nil {
				break
			}
		}
		return call.NormalClearing
	}
}

// TestRandomStories plays random verbs of stories against all that phones do meanwhile. In the end nothing is left: no
// channel, no leg, no goroutine, no story, and every call has one record in which every leg begins and ends once.
func TestRandomStories(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		late := rapid.Bool().Draw(rt, "late offers")
		script := rapid.SliceOfN(rapid.IntRange(0, 17), 1, 8)
		ready := rapid.Bool().Draw(rt, "ready")
		first, second := script.Draw(rt, "verbs"), script.Draw(rt, "others")
		if ready {
			first, second = append([]int{0, 1, 4}, first...), append([]int{0, 3, 6}, second...)
		}
		moves := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) move {
			return move{
				Leg:      rapid.IntRange(0, 11).Draw(rt, "leg"),
				Other:    rapid.IntRange(0, 11).Draw(rt, "other"),
				What:     rapid.IntRange(0, 35).Draw(rt, "what"),
				Pause:    rapid.SampledFrom([]int{0, 0, 0, 0, 0, 10, 1100, 4100}).Draw(rt, "pause"),
				Together: rapid.Bool().Draw(rt, "together"),
			}
		}), 3, 40).Draw(rt, "moves")
		var wrong string
		synctest.Test(t, func(t *testing.T) { wrong = scripted(t, first, second, moves, late, ready) })
		if wrong != "" {
			rt.Fatal(wrong)
		}
	})
}

func scripted(t *testing.T, first, second []int, moves []move, late, ready bool) string {
	s := newStage(t, map[string]call.Story{"one": verbs(first), "two": verbs(second)})
	s.House.Settle = nil
	s.Service("*1", "one")
	s.Service("*2", "two")
	s.Trunk("first", 1, "192.0.2.50", "192.0.2.51")
	s.Carried("0912", time.Second, "first")
	var with *sdp.Description
	if !late {
		with = offer
	}
	begun := 0
	call1 := func(from, to string) {
		begun++
		s.Call(s.k, call.ID(fmt.Sprint(begun)), from, to, with)
	}
	call1("101", "*1")
	call1("105", "*2")
	if ready { // the first two stories have come as far as phones can bring them
		for range 3 {
			synctest.Wait()
			for _, l := range s.Legs() {
				switch {
				case l.May(call.Confirmed):
					l.Ack(answer)
				case l.May(call.Answered):
					l.Pickup(answer)
				case l.Asked():
					l.Agree(answer)
				}
			}
		}
	}
	for _, mv := range moves {
		legs := s.Legs()
		l, other := legs[len(legs)-1-mv.Leg%len(legs)], legs[len(legs)-1-mv.Other%len(legs)]
		switch what := mv.What; {
		case what < len(kinds):
			say(l, what, true)
		case what <= 24:
			if l.May(call.Answered) {
				l.Pickup(answer)
			}
		case what <= 27:
			if l.May(call.Confirmed) {
				l.Ack(answer)
			}
		case what <= 29:
			if l.Asked() {
				l.Agree(answer)
			}
		case what == 30:
			l.Refer("105")
		case what == 31:
			l.ReferTo(other)
		case what == 32:
			begun++
			s.Replace(s.k, call.ID(fmt.Sprint(begun)), "103", other, with)
		case what == 33:
			l.Press('1', time.Second, false)
		default:
			call1([]string{"101", "102", "105"}[mv.Leg%3], []string{"*1", "*2"}[mv.Other%2])
		}
		if wrong := s.passed(mv); wrong != "" {
			return wrong
		}
	}
	return s.ended(4)
}
