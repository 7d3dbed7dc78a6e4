package control_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"santral/call"
	"santral/call/calltest"
	"santral/call/control"
	"santral/media/sdp"
)

// step is one thing that happens: leg number Leg of call number Call says What, or time goes by.
type step struct {
	Call, Leg, What, Pause int
	Together               bool // before the call could do its part for what came before
}

// kinds are the events that say's words post.
var kinds = [...]call.LegEventKind{
	call.Progressed, call.Progressed, call.Progressed, call.Answered, call.Answered, call.Failed, call.Failed,
	call.Confirmed, call.Confirmed, call.Offered, call.Offered, call.Offered, call.Accepted, call.Accepted, call.Accepted,
	call.Refused, call.Informed, call.Pressed, call.Ended, call.Ended, call.MediaLost, call.Progressed,
}

// TestRandomCalls plays random words on the legs of several calls at once. Whatever they say, in the end
// nothing is left: no channel, no leg, no goroutine, and each call has exactly one last event. Legs
// that keep their promises are never told what does not fit their state.
func TestRandomCalls(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		polite := rapid.Bool().Draw(rt, "polite")
		late := rapid.Bool().Draw(rt, "late offers")
		prompt := rapid.Bool().Draw(rt, "provisional answers are acknowledged")
		steps := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) step {
			return step{
				Call:     rapid.IntRange(0, 2).Draw(rt, "call"),
				Leg:      rapid.IntRange(0, 2).Draw(rt, "leg"),
				What:     rapid.IntRange(0, len(kinds)-1).Draw(rt, "what"),
				Pause:    rapid.SampledFrom([]int{0, 0, 0, 0, 10, 1000, 70000}).Draw(rt, "pause"),
				Together: rapid.Bool().Draw(rt, "together"),
			}
		}), 0, 40).Draw(rt, "steps")
		var wrong string
		synctest.Test(t, func(t *testing.T) { wrong = play(t, steps, polite, late, prompt) })
		if wrong != "" {
			rt.Fatal(wrong)
		}
	})
}

// play returns what was wrong, "" for nothing.
func play(t *testing.T, steps []step, polite, late, prompt bool) string {
	s := newStage(t, told(echoes))
	s.Prompt, s.Late = prompt, prompt
	s.House.Settle = nil
	s.Service("*1", "story")
	numbers := []string{"103", "102", "*1", "101", "999", "104"}
	var first *sdp.Description
	if !late {
		first = offer
	}
	began := [3]int{}
	for i, st := range steps {
		id := call.ID(fmt.Sprint(st.Call, "-", began[st.Call]))
		a := s.Leg(id, "a")
		if a == nil || a.Over() {
			began[st.Call]++
			id = call.ID(fmt.Sprint(st.Call, "-", began[st.Call]))
			s.Invite(s.k, id, calltest.Party("10"+fmt.Sprint(1+st.Call)), numbers[(i+st.What)%len(numbers)], first, st.Pause+1)
		} else if l := s.Leg(id, call.LegID("abc"[st.Leg:st.Leg+1])); l != nil {
			say(l, st.What, polite)
		}
		for _, l := range s.k.Calls("") { // whoever looks sees something whole
			if len(l.Legs) == 0 || l.State == control.UnknownState && l.To != "" {
				return fmt.Sprintf("a call shows as %+v", l)
			}
		}
		if !st.Together {
			synctest.Wait()
		}
		time.Sleep(time.Duration(st.Pause) * time.Millisecond)
	}
	synctest.Wait()
	for _, l := range s.Legs() {
		if l.ID() == "a" && !l.Over() {
			l.Bye()
		}
	}
	synctest.Wait()
	wrong := s.Wrong()
	if !polite { // who says what no leg says is told what does not fit
		wrong = wrong[len(s.Faults()):]
	}
	if n := s.k.Stats(); n.Live != 0 || n.Open != 0 || n.Panics != 0 || n.Began != n.Ended {
		wrong = append(wrong, fmt.Sprintf("control is left with %+v", n))
	}
	if len(wrong) != 0 {
		return strings.Join(wrong, "\n") + "\n" + s.Ladder()
	}
	return ""
}

// say has a leg say one word: a polite one only what fits its state.
func say(l *calltest.Leg, what int, polite bool) {
	if polite && !l.May(kinds[what]) {
		return
	}
	switch what {
	case 0:
		l.Ring()
	case 1:
		l.Progressing(nil)
	case 2:
		l.Progressing(answer)
	case 3, 4:
		l.Pickup(answer)
	case 5:
		l.Fail(call.Busy)
	case 6:
		l.Fail(call.Declined)
	case 7, 8:
		l.Ack(answer)
	case 9, 10:
		l.Reinvite(hold)
	case 11:
		l.Reinvite(nil)
	case 12, 13:
		l.Agree(answer)
	case 14:
		l.AckAnswer(answer)
	case 15:
		l.Disagree(call.NotAcceptable)
	case 16:
		l.Info("text/plain", "hello")
	case 17:
		l.Press('1', time.Second, false)
	case 18:
		l.Bye()
	case 19:
		l.Vanish(call.LostDialog)
	case 20:
		l.Silent()
	case 21:
		l.Offering(offer)
	}
}
