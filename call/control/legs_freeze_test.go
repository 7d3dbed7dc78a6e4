package control_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"santral/base/id"
	"santral/call"
	"santral/call/control"
)

// TestStoriesOfTwoTakenOver has stories go on in a second instance: within Join, while the other is held, while the
// caller is parked.
func TestStoriesOfTwoTakenOver(t *testing.T) {
	t.Parallel()
	joins := tale(func(ctx context.Context, c call.Control) call.Cause {
		_ = c.Answer(ctx)
		if _, err := c.Dial(ctx, rings("102")); err != nil {
			return call.Failure
		}
		left, err := c.Join(ctx)
		if errors.Is(err, call.ErrEnded) {
			return call.NormalClearing
		}
		if !left || err != nil {
			t.Error(left, err)
		}
		got, err := c.Collect(ctx, call.Collecting{Most: 1, First: time.Minute})
		if got.Digits != "3" || err != nil {
			t.Error(got, err)
		}
		return call.Declined
	})
	perform(t, "story-taken-over-while-two-talk", told(joins), func(s *stage) {
		s.Service("*1", "story")
		a := s.dial("*1")
		a.Ack(nil)
		s.leg("b").Pickup(answer)
		a.Agree(answer)
		s.takenOver(told(joins))
		a, b := s.leg("a"), s.leg("b")
		a.Reinvite(hold)
		b.Agree(onHold)
		a.Reinvite(offer)
		b.Agree(answer)
		b.Bye()
		s.pass(time.Second)
		a.Press('3', 100*time.Millisecond, false)
	})
	perform(t, "story-taken-over-and-the-other-goes", told(joins), func(s *stage) {
		s.Service("*1", "story")
		a := s.dial("*1")
		a.Ack(nil)
		s.leg("b").Pickup(answer)
		a.Agree(answer)
		s.takenOver(told(joins))
		s.leg("a").Bye()
	})
	holds := tale(func(ctx context.Context, c call.Control) call.Cause {
		var at string
		if !c.Saved(&at) {
			_ = c.Answer(ctx)
			_, _ = c.Dial(ctx, rings("102"))
			_ = c.Hold(ctx)
			c.Save("held")
		}
		if got, err := c.Collect(ctx, call.Collecting{Most: 1, First: time.Minute}); errors.Is(err, call.ErrEnded) || got.Digits != "3" {
			return call.NormalClearing
		}
		_, _ = c.Join(ctx)
		return call.NormalClearing
	})
	perform(t, "story-taken-over-while-one-is-held", told(holds), func(s *stage) {
		s.Service("*1", "story")
		a := s.dial("*1")
		a.Ack(nil)
		s.leg("b").Pickup(answer)
		s.takenOver(told(holds))
		a, b := s.leg("a"), s.leg("b")
		a.Press('3', 100*time.Millisecond, false)
		a.Agree(answer)
		b.Agree(answer)
		s.pass(time.Second)
		b.Bye()
	})
	parks := tale(func(ctx context.Context, c call.Control) call.Cause {
		_ = c.Answer(ctx)
		_ = c.Park(ctx, "")
		return call.NormalClearing
	})
	both := map[string]call.Story{"story": parks, "take": tale(func(ctx context.Context, c call.Control) call.Cause {
		if err := c.Take(ctx, "1"); !errors.Is(err, call.ErrEnded) {
			t.Error(err)
		}
		return call.Failure
	})}
	together(t, "story-taken-over-while-parked", both, func(s *stage) {
		s.Service("*1", "story")
		s.Service("*2", "take")
		s.dial("*1").Ack(nil)
		k := s.takenOver(both)
		taker := s.Call(k, "2", "105", "*2", offer)
		taker.Ack(nil)
		taker.Agree(answer)
		a := s.leg("a")
		a.Agree(answer)
		s.pass(time.Second)
		taker.Bye()
	})
	perform(t, "story-not-taken-over-while-it-dials", told(joins), func(s *stage) {
		s.Service("*1", "story")
		a := s.dial("*1")
		a.Ack(nil)
		if _, err := s.k.Freeze(s.t.Context(), "1", s); !errors.Is(err, control.ErrNotQuiet) {
			s.t.Errorf("a story that dials was written out: %v", err)
		}
		a.Bye()
	})
}

// takenOver moves call 1 with its story into another control, through the text that would lie between two processes.
func (s *stage) takenOver(stories map[string]call.Story) *control.Control {
	s.t.Helper()
	synctest.Wait()
	again := s.onPaper()
	k := control.New(control.Config{Router: s, Contacts: s, Channels: s, Ledger: s, Dialer: s, Music: band{}, Stories: stories, Random: id.New([32]byte{2})})
	if err := k.Thaw(again, s.House); err != nil {
		s.t.Fatal(err)
	}
	synctest.Wait()
	s.k = k
	return k
}
