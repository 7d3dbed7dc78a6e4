package control_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"santral/call"
)

// told is a house in which *1 leads to one story.
func told(f tale) map[string]call.Story { return map[string]call.Story{"story": f} }

func TestStories(t *testing.T) {
	t.Parallel()
	perform(t, "service-answers-and-hangs-up", told(func(ctx context.Context, c call.Control) call.Cause {
		if c.Dialled() != "*1" || c.Caller().Number != "101" || c.ID() != "1" {
			t.Errorf("the story sees %q by %v in %q", c.Dialled(), c.Caller(), c.ID())
		}
		if err := errors.Join(c.Ringing(ctx), c.Ringing(ctx), c.Answer(ctx), c.Answer(ctx), c.Ringing(ctx)); err != nil {
			t.Error(err)
		}
		return call.NormalClearing
	}), func(s *stage) {
		s.Service("*1", "story")
		a := s.dial("*1")
		s.pass(time.Second)
		a.Ack(nil)
	})
	perform(t, "service-refuses", told(func(context.Context, call.Control) call.Cause {
		return call.Forbidden
	}), func(s *stage) {
		s.Service("*1", "story")
		s.dial("*1")
	})
	perform(t, "service-ends-without-answering", told(func(context.Context, call.Control) call.Cause {
		return call.NormalClearing
	}), func(s *stage) {
		s.Service("*1", "story")
		s.dial("*1")
	})
	perform(t, "service-collects", told(func(ctx context.Context, c call.Control) call.Cause {
		if err := c.Answer(ctx); err != nil {
			t.Error(err)
		}
		for _, want := range []string{"12#", "3", ""} {
			said, err := c.Collect(ctx, call.Collecting{Most: 3, First: 5 * time.Second, Between: 2 * time.Second})
			if got := said.Digits; got != want || err != nil {
				t.Errorf("collected %q, %v instead of %q", got, err, want)
			}
		}
		c.Hangup(call.Declined)
		return call.NormalClearing
	}), func(s *stage) {
		s.Service("*1", "story")
		a := s.dial("*1")
		a.Ack(nil)
		a.Press('1', 100*time.Millisecond, false)
		s.pass(time.Second)
		a.Press('2', 100*time.Millisecond, false)
		a.Say("INFO digit #", call.LegEvent{Kind: call.Informed, Digit: '#'})
		a.Press('!', 500*time.Millisecond, false)
		a.Press('3', 100*time.Millisecond, false)
	})
	perform(t, "service-is-held-and-resumed", told(func(ctx context.Context, c call.Control) call.Cause {
		if err := c.Answer(ctx); err != nil {
			t.Error(err)
		}
		if got, err := c.Collect(ctx, call.Collecting{Most: 1, First: time.Hour}); got.Digits != "" || err != call.ErrEnded {
			t.Errorf("collected %q, %v from a caller that hung up", got, err)
		}
		_, played := c.Play(ctx, nil, "")
		if err := errors.Join(played, c.Echo(ctx), c.Tones(ctx, "1"), c.Ringing(ctx), c.Answer(ctx)); !errors.Is(err, call.ErrEnded) {
			t.Errorf("verbs after the end: %v", err)
		}
		return call.NormalClearing
	}), func(s *stage) {
		s.Service("*1", "story")
		a := s.dial("*1")
		a.Reinvite(hold) // before the ACK
		a.Ack(nil)
		a.Reinvite(hold)
		a.Reinvite(nil)
		a.AckAnswer(answer)
		a.Reinvite(offer)
		a.Bye()
	})
	perform(t, "service-stops-waiting-by-its-own-clock", told(func(ctx context.Context, c call.Control) call.Cause {
		if err := c.Answer(ctx); err != nil {
			t.Error(err)
		}
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if _, err := c.Collect(short, call.Collecting{Most: 1, First: time.Hour}); err != context.DeadlineExceeded {
			t.Errorf("collect in a second: %v", err)
		}
		if err := c.Ringing(short); err != context.DeadlineExceeded {
			t.Errorf("ringing after a second: %v", err)
		}
		if _, err := c.Play(ctx, nil, ""); err == nil {
			t.Error("a leg without media played")
		}
		if err := c.Echo(ctx); err == nil {
			t.Error("a leg without media echoed")
		}
		return call.NormalClearing
	}), func(s *stage) {
		s.Service("*1", "story")
		s.dial("*1").Ack(nil)
	})
	perform(t, "service-caller-gives-up", told(func(ctx context.Context, c call.Control) call.Cause {
		<-ctx.Done()
		if err := c.Answer(ctx); err != call.ErrEnded {
			t.Errorf("answer after the end: %v", err)
		}
		return call.NormalClearing
	}), func(s *stage) {
		s.Service("*1", "story")
		a := s.dial("*1")
		s.pass(time.Second)
		a.Cancel()
	})
	perform(t, "service-is-unknown", nil, func(s *stage) {
		s.Service("*1", "story")
		s.dial("*1")
	})
	perform(t, "service-caller-is-dead", told(func(ctx context.Context, c call.Control) call.Cause {
		if err := c.Answer(ctx); err != call.ErrEnded {
			t.Errorf("answer without an ACK: %v", err)
		}
		return call.NormalClearing
	}), func(s *stage) {
		s.Service("*1", "story")
		s.dial("*1").Silent()
	})
	perform(t, "service-caller-falls-silent", told(echoes), func(s *stage) {
		s.Service("*1", "story")
		a := s.dial("*1")
		a.Ack(nil)
		s.pass(30 * time.Second)
		a.Silent()
		a.Agree(offer)
		s.pass(7 * time.Second)
	})
	perform(t, "service-caller-falls-silent-and-refuses", told(echoes), func(s *stage) {
		s.Service("*1", "story")
		a := s.dial("*1")
		a.Ack(nil)
		a.Silent()
		a.Disagree(call.NotAcceptable)
	})
}

// echoes is a service that stays until its caller has gone.
func echoes(ctx context.Context, c call.Control) call.Cause {
	if c.Answer(ctx) == nil {
		_, _ = c.Collect(ctx, call.Collecting{Most: 1, First: 24 * time.Hour})
	}
	return call.NormalClearing
}
