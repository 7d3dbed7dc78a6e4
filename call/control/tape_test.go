package control_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"santral/call"
	"santral/call/calltest"
	"santral/media/mixer"
)

// all has every call recorded of which an account is one of the parties.
func all(account string) func(*stage) {
	return func(s *stage) {
		s.Tapes.Want = func(from, to call.Party) bool { return from.Account == account || to.Account == account }
	}
}

// A recording follows its call: what it hears stands in the ladder.
func TestTapes(t *testing.T) {
	t.Parallel()
	perform(t, "taped-held-and-paused", nil, func(s *stage) {
		all("102")(s)
		a, b := s.talk()
		s.pass(time.Second)
		a.Reinvite(hold)
		b.Agree(onHold)
		s.pass(time.Second)
		a.Reinvite(offer)
		b.Agree(answer)
		for _, action := range []string{"start", "pause", "resume", "mask", "unmask", "stop", "stop", "start", "erase", "stop"} {
			err := s.k.Record("1", action)
			live, _ := s.k.Call("1")
			s.Note("     %s: %v, recorded: %s", action, err, live.Recording)
		}
		s.Note("     of nobody: %v", s.k.Record("7", "start"))
		b.Bye()
		s.Note("     after the end: %v", s.k.Record("1", "start"))
	})
	together(t, "taped-transfer", nil, func(s *stage) {
		a, b := s.talk()
		s.Note("     start: %v", s.k.Record("1", "start"))
		b.Refer("105") // whoever speaks with 101 is recorded from now on
		c := s.rung(0)
		c.Pickup(answer)
		s.settle(a, c)
		s.pass(time.Second)
		b.Bye()
		s.pass(time.Second)
		a.Bye()
	})
	together(t, "taped-by-policy-masked-transfer", nil, func(s *stage) {
		all("101")(s)
		a, b := s.talk()
		s.pass(time.Second)
		s.Note("     mask: %v", s.k.Record("1", "mask"))
		b.Refer("105") // what is said is none of a recording's business there either
		c := s.rung(0)
		c.Pickup(answer)
		s.settle(a, c)
		s.pass(time.Second)
		b.Bye()
		a.Bye()
	})
	together(t, "taped-parked", map[string]call.Story{
		"park": tale(func(ctx context.Context, c call.Control) call.Cause {
			_ = c.Answer(ctx)
			_ = c.Park(ctx, "")
			return call.NormalClearing
		}),
		"take": tale(func(ctx context.Context, c call.Control) call.Cause {
			_ = c.Take(ctx, "1")
			return call.NormalClearing
		}),
	}, func(s *stage) { // and so is whoever takes it
		s.Service("*1", "park")
		s.Service("*2", "take")
		a := s.dial("*1")
		a.Ack(nil)
		s.Note("     start: %v", s.k.Record("1", "start"))
		s.Note("     mask: %v", s.k.Record("1", "mask"))
		s.pass(time.Second)
		taker := s.Call(s.k, "2", "105", "*2", offer)
		taker.Ack(nil)
		taker.Agree(answer)
		a.Agree(answer)
		s.pass(time.Second)
		s.Note("     unmask: %v", s.k.Record("2", "unmask"))
		a.Bye()
	})
	perform(t, "taped-on-demand", nil, func(s *stage) {
		a := s.dial("102")
		s.Note("     before the answer: %v", s.k.Record("1", "start"))
		b := s.leg("b")
		b.Pickup(answer)
		a.Ack(nil)
		s.Note("     not recorded: %v", s.k.Record("1", "mask"))
		s.Note("     start: %v", s.k.Record("1", "start"))
		s.Note("     mask: %v", s.k.Record("1", "mask"))
		s.k = s.handOver(func() {})
		s.Note("     unmask: %v", s.k.Record("1", "unmask"))
		s.Note("     stop: %v", s.k.Record("1", "stop"))
		s.k = s.handOver(func() {})
		s.leg("b").Bye()
	})
	perform(t, "taped-in-vain", nil, func(s *stage) {
		all("102")(s)
		s.Tapes.Fail = errors.New("no room is left")
		_, b := s.talk()
		s.Note("     start: %v", s.k.Record("1", "start"))
		b.Bye()
	})
	perform(t, "taped-by-trunk", nil, func(s *stage) {
		s.Tapes.Want = func(from, to call.Party) bool { return to.Trunk == "carrier" }
		s.Trunk("carrier", 0, "192.0.2.60")
		s.Carried("0211", 0, "carrier")
		a := s.dial("0211")
		s.leg("b").Pickup(answer)
		a.Ack(nil)
		a.Bye()
	})
}

// The sound is that of both, on their own sides; a story is heard on the right.
func TestTapesHear(t *testing.T) {
	t.Parallel()
	var room *mixer.Room
	sounding(t, told(func(ctx context.Context, c call.Control) call.Cause {
		_ = c.Answer(ctx)
		if _, err := c.Meet(room, mixer.Options{Name: "101"}); err != nil {
			t.Error(err)
		}
		time.Sleep(500 * ms)
		c.Leave()
		_, _ = c.Play(ctx, tones("12345"), "")
		return call.NormalClearing
	}), func(s *stage, phone func(byte) *ear) {
		anna, ben := phone(1), phone(2)
		all("101")(s)
		room = mixer.New(mixer.Config{Clock: s.Media.Pool, Rate: 8000})
		defer room.Close()
		s.Service("*1", "story")
		a := s.Call(s.k, "1", "101", "102", calltest.DescribeAt(anna.at, "", "PCMA"))
		b := s.leg("b")
		b.Pickup(calltest.DescribeAt(ben.at, "", "PCMA"))
		a.Ack(nil)
		anna.say(s, a, syllables(8000))
		ben.talk(s, b, 5)
		anna.say(s, a, syllables(8000))
		a.Bye()
		tape := s.Tapes.All()[0]
		if left, right := loud(tape.Heard(0)), loud(tape.Heard(1)); left < 7000 || right != 0 || !tape.Closed() {
			t.Errorf("heard %d loud samples of the caller and %d of the callee, closed: %v", left, right, tape.Closed())
		}
		a = s.Call(s.k, "2", "101", "*1", calltest.DescribeAt(anna.at, "", "PCMA"))
		a.Ack(nil)
		s.pass(3 * time.Second)
		tape = s.Tapes.All()[1]
		if left, right := loud(tape.Heard(0)), loud(tape.Heard(1)); left != 0 || right < 4000 || !tape.Closed() {
			t.Errorf("heard %d loud samples of the caller and %d of the service, closed: %v", left, right, tape.Closed())
		}
		want := []call.Segment{{What: "service", Left: "101", Right: "story"}, {What: "conference", Left: "101", Right: "*1"}, {What: "service", Left: "101", Right: "story"}}
		for i, seg := range tape.Segments() {
			if seg.At = 0; i >= len(want) || seg != want[i] {
				t.Errorf("segment %d is %+v", i, seg)
			}
		}
	})
}

// loud counts samples that are.
func loud(sound []int16) (n int) {
	for _, v := range sound {
		if v > 1000 || v < -1000 {
			n++
		}
	}
	return n
}
