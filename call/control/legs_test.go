package control_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"santral/base/id"
	"santral/call"
	"santral/call/calltest"
	"santral/call/control"
	"santral/media"
)

// refused gives the cause of a refusal, the zero Cause for any other error.
func refused(err error) call.Cause {
	var r *call.Refusal
	if errors.As(err, &r) {
		return r.Cause
	}
	return call.Cause{}
}

// rings is a wish for numbers at once.
func rings(to ...string) call.Wish { return call.Wish{To: to} }

func TestDialOfStories(t *testing.T) {
	t.Parallel()
	perform(t, "story-dials-and-joins", told(func(ctx context.Context, c call.Control) call.Cause {
		who, err := c.Dial(ctx, rings("102"))
		if err != nil || who.Account != "102" {
			t.Errorf("reached %+v, %v", who, err)
		}
		if left, err := c.Join(ctx); left || !errors.Is(err, call.ErrEnded) {
			t.Errorf("joined until %v, %v", left, err)
		}
		return call.NormalClearing
	}), func(s *stage) { // the caller is answered as the other has answered
		s.Service("*1", "story")
		a := s.dial("*1")
		b := s.leg("b")
		b.Ring()
		s.pass(time.Second)
		b.Pickup(answer)
		a.Ack(nil)
		a.Info("text/plain", "hello")
		a.Press('7', 100*time.Millisecond, false)
		a.Reinvite(hold)
		b.Agree(onHold)
		a.Reinvite(offer)
		b.Agree(answer)
		s.pass(time.Second)
		a.Bye()
	})
	perform(t, "story-answers-dials-and-joins", told(func(ctx context.Context, c call.Control) call.Cause {
		_ = c.Answer(ctx)
		if _, err := c.Dial(ctx, rings("102", "103")); err != nil {
			t.Error(err)
		}
		if left, err := c.Join(ctx); !left || err != nil {
			t.Errorf("joined until %v, %v", left, err)
		}
		if got, err := c.Collect(ctx, call.Collecting{Most: 1, First: time.Hour}); got.Digits != "4" || err != nil {
			t.Errorf("afterwards %q, %v", got.Digits, err)
		}
		return call.Declined
	}), func(s *stage) { // one of two numbers takes it; when it has gone the story goes on
		s.Service("*1", "story")
		a := s.dial("*1")
		a.Ack(nil)
		s.leg("c").Ring()
		s.leg("b").Fail(call.Busy)
		s.leg("d").Pickup(answer)
		a.Agree(answer)
		s.pass(time.Second)
		s.leg("d").Bye()
		a.Press('4', 100*time.Millisecond, false)
	})
	perform(t, "story-dials-in-turn", told(func(ctx context.Context, c call.Control) call.Cause {
		_ = c.Answer(ctx)
		_, err := c.Dial(ctx, call.Wish{To: []string{"999", "104", "102", "105"}, InTurn: true, Each: 10 * time.Second})
		if no := refused(err); no.SIP != 486 {
			t.Errorf("nobody took it: %v", err)
		}
		return call.NormalClearing
	}), func(s *stage) {
		s.Service("*1", "story")
		a := s.dial("*1")
		a.Ack(nil)
		s.leg("b").Ring()
		s.pass(10 * time.Second)
		s.leg("c").Fail(call.Busy)
	})
	perform(t, "story-dials-by-trunks", told(func(ctx context.Context, c call.Control) call.Cause {
		if _, err := c.Dial(ctx, rings("0912")); err != nil {
			t.Error(err)
		}
		_, err := c.Join(ctx)
		if !errors.Is(err, call.ErrEnded) {
			t.Error(err)
		}
		return call.NormalClearing
	}), func(s *stage) {
		s.Service("*1", "story")
		s.Trunk("first", 1, "192.0.2.50")
		s.Trunk("second", 1, "192.0.2.60")
		s.Carried("0912", 0, "first", "second")
		a := s.dial("*1")
		s.leg("b").Fail(again(503))
		s.leg("c").Ring()
		s.leg("c").Pickup(answer)
		a.Ack(nil)
		a.Bye()
	})
	perform(t, "story-dial-is-confirmed", told(func(ctx context.Context, c call.Control) call.Cause {
		_ = c.Answer(ctx)
		w := rings("102", "103", "105")
		w.Confirm = &call.Confirm{Key: '1', Within: 5 * time.Second, Prompt: []media.Phrase{}}
		if who, err := c.Dial(ctx, w); who.Account != "105" || err != nil {
			t.Errorf("reached %+v, %v", who, err)
		}
		_ = c.Drop(ctx, call.NormalClearing)
		return call.NormalClearing
	}), func(s *stage) { // a mailbox, somebody who declines, somebody who rings, somebody who takes it
		s.Service("*1", "story")
		a := s.dial("*1")
		a.Ack(nil)
		s.leg("b").Pickup(answer)
		s.pass(time.Second)
		s.leg("c").Pickup(answer)
		s.leg("c").Press('2', 100*time.Millisecond, false)
		s.pass(5 * time.Second)
		s.leg("e").Pickup(answer)
		s.leg("e").Press('1', 100*time.Millisecond, false)
	})
	perform(t, "story-dials-and-caller-goes", told(func(ctx context.Context, c call.Control) call.Cause {
		if _, err := c.Dial(ctx, rings("102", "103")); !errors.Is(err, call.ErrEnded) {
			t.Error(err)
		}
		return call.NormalClearing
	}), func(s *stage) {
		s.Service("*1", "story")
		a := s.dial("*1")
		s.leg("b").Ring()
		a.Cancel()
	})
	perform(t, "story-dials-within-its-own-time", told(func(ctx context.Context, c call.Control) call.Cause {
		_ = c.Answer(ctx)
		short, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		if _, err := c.Dial(short, rings("102")); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		w := rings("102")
		w.Whole = 2 * time.Second
		if _, err := c.Dial(ctx, w); refused(err).Q850 != call.NoAnswer.Q850 {
			t.Error(err)
		}
		if _, err := c.Dial(ctx, rings("999")); refused(err).SIP != 404 {
			t.Error(err)
		}
		return call.NormalClearing
	}), func(s *stage) {
		s.Service("*1", "story")
		s.dial("*1").Ack(nil)
		s.pass(10 * time.Second)
	})
}

func TestTwoOfStories(t *testing.T) {
	t.Parallel()
	perform(t, "story-holds-joins-again-and-drops", told(func(ctx context.Context, c call.Control) call.Cause {
		_ = c.Answer(ctx)
		_, _ = c.Dial(ctx, rings("102"))
		short, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		if left, err := c.Join(short); left || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("joined until %v, %v", left, err)
		}
		if _, err := c.Dial(ctx, rings("103")); refused(err).SIP != 491 {
			t.Errorf("a third one: %v", err)
		}
		short2, cancel2 := context.WithTimeout(ctx, 5*time.Second)
		defer cancel2()
		_, err := c.Join(short2)
		if err := errors.Join(c.Hold(ctx), c.Hold(ctx), c.Drop(ctx, call.NormalClearing), c.Drop(ctx, call.NormalClearing)); err != nil {
			t.Error(err)
		}
		if c.Hold(ctx) == nil || !errors.Is(err, context.DeadlineExceeded) {
			t.Error("nobody is held")
		}
		return call.NormalClearing
	}), func(s *stage) {
		s.Service("*1", "story")
		a := s.dial("*1")
		a.Ack(nil)
		s.leg("b").Pickup(answer)
		a.Agree(answer)
		s.pass(12 * time.Second)
	})
	perform(t, "story-goes-on-within-a-change", told(func(ctx context.Context, c call.Control) call.Cause {
		_ = c.Answer(ctx)
		_, _ = c.Dial(ctx, rings("102"))
		short, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		_, _ = c.Join(short)
		left, err := c.Join(ctx)
		if !left || err != nil {
			t.Error(left, err)
		}
		_, _ = c.Collect(ctx, call.Collecting{Most: 1, First: time.Hour})
		return call.NormalClearing
	}), func(s *stage) { // of the other's, then of the caller's when the other has gone
		s.Service("*1", "story")
		a := s.dial("*1")
		a.Ack(nil)
		b := s.leg("b")
		b.Pickup(answer)
		a.Agree(answer)
		b.Reinvite(hold)
		s.pass(6 * time.Second) // the caller does not answer that before the story goes on
		a.Agree(onHold)
		a.Agree(answer)
		b.Agree(answer)
		a.Reinvite(nil)
		b.Bye()
		a.AckAnswer(answer)
		s.pass(time.Second)
		a.Agree(answer)
		a.Bye()
	})
	together(t, "story-other-transfers-the-caller", told(func(ctx context.Context, c call.Control) call.Cause {
		_, _ = c.Dial(ctx, rings("102"))
		if left, err := c.Join(ctx); left || !errors.Is(err, call.ErrEnded) {
			t.Errorf("joined until %v, %v", left, err)
		}
		return call.NormalClearing
	}), func(s *stage) {
		s.Service("*1", "story")
		a := s.dial("*1")
		b := s.leg("b")
		b.Pickup(answer)
		a.Ack(nil)
		b.Refer("105")
		s.rung(0).Fail(call.Busy) // it is back, and still joined by the story
		s.pass(2 * time.Second)
		b.Refer("105")
		c := s.rung(1)
		c.Pickup(answer)
		a.Agree(answer)
		b.Bye()
		s.pass(time.Second)
		c.Bye()
	})
	perform(t, "story-moves-to-the-other", told(func(ctx context.Context, c call.Control) call.Cause {
		_ = c.Answer(ctx)
		_, _ = c.Dial(ctx, rings("102"))
		if err := c.Move(ctx, call.NormalClearing); err != nil || c.Caller().Account != "102" {
			t.Errorf("the story goes on with %+v, %v", c.Caller(), err)
		}
		got, err := c.Collect(ctx, call.Collecting{Most: 1, First: time.Hour})
		if got.Digits != "8" || err != nil {
			t.Errorf("%q, %v", got.Digits, err)
		}
		if _, err := c.Dial(ctx, rings("105")); err != nil {
			t.Error(err)
		}
		_, err = c.Join(ctx)
		if !errors.Is(err, call.ErrEnded) {
			t.Error(err)
		}
		return call.NormalClearing
	}), func(s *stage) {
		s.Service("*1", "story")
		s.dial("*1").Ack(nil)
		b := s.leg("b")
		b.Pickup(answer)
		b.Press('8', 100*time.Millisecond, false)
		s.leg("c").Pickup(answer)
		b.Agree(answer)
		s.pass(time.Second)
		b.Bye()
	})
	for _, to := range []string{"102", "0912", "*2", "999"} {
		perform(t, "story-sends-the-caller-to-"+map[string]string{"102": "an-account", "0912": "a-trunk", "*2": "a-service", "999": "nobody"}[to], map[string]call.Story{
			"story": tale(func(ctx context.Context, c call.Control) call.Cause {
				_ = c.Answer(ctx)
				if err := c.Transfer(ctx, to); !errors.Is(err, call.ErrEnded) || ctx.Err() == nil {
					t.Error(err)
				}
				return call.Failure // of no matter: it is not its call any more
			}),
			"other": tale(echoes),
		}, func(s *stage) {
			s.Service("*1", "story")
			s.Service("*2", "other")
			s.Trunk("first", 1, "192.0.2.50")
			s.Carried("0912", 0, "first")
			a := s.dial("*1")
			a.Ack(nil)
			switch to {
			case "*2":
				a.Agree(offer)
			case "999":
				s.pass(4 * time.Second)
				return
			default:
				b := s.leg("b")
				b.Ring()
				b.Pickup(answer)
				a.Agree(answer)
			}
			s.pass(time.Second)
			a.Bye()
		})
	}
	perform(t, "story-sends-a-caller-on-unanswered", told(func(ctx context.Context, c call.Control) call.Cause {
		_ = c.Ringing(ctx)
		if err := c.Transfer(ctx, "102"); !errors.Is(err, call.ErrEnded) {
			t.Error(err)
		}
		return call.Failure
	}), func(s *stage) {
		s.Service("*1", "story")
		a := s.dial("*1")
		b := s.leg("b")
		b.Ring()
		b.Pickup(answer)
		a.Ack(nil)
		b.Bye()
	})
}

func TestTwoOfStoriesInTrouble(t *testing.T) {
	t.Parallel()
	joins := func(ctx context.Context, c call.Control) call.Cause {
		_ = c.Answer(ctx)
		_, _ = c.Dial(ctx, rings("102"))
		if left, err := c.Join(ctx); !left || err != nil {
			t.Error(left, err)
		}
		_, _ = c.Collect(ctx, call.Collecting{Most: 1, First: time.Hour})
		return call.NormalClearing
	}
	perform(t, "story-joins-and-a-phone-refuses-to-change", told(joins), func(s *stage) { // they are joined all the same
		s.Service("*1", "story")
		a := s.dial("*1")
		a.Ack(nil)
		b := s.leg("b")
		b.Pickup(answer)
		a.Disagree(call.NotAcceptable)
		b.Info("text/plain", "hello")
		s.pass(time.Second)
		b.Bye()
		a.Bye()
	})
	perform(t, "story-joins-and-the-other-falls-silent", told(joins), func(s *stage) { // its leg ends, and the story goes on
		s.Service("*1", "story")
		a := s.dial("*1")
		a.Ack(nil)
		b := s.leg("b")
		b.Pickup(answer)
		a.Agree(answer)
		b.Silent()
		b.Agree(answer)
		s.pass(9 * time.Second)
		a.Bye()
	})
}

func TestParking(t *testing.T) {
	t.Parallel()
	parks := tale(func(ctx context.Context, c call.Control) call.Cause {
		_ = c.Answer(ctx)
		short, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		switch err := c.Park(short, ""); {
		case errors.Is(err, call.ErrEnded):
		case errors.Is(err, context.DeadlineExceeded): // who parked it is rung again
			if _, err := c.Dial(ctx, rings("105")); err == nil {
				_, _ = c.Join(ctx)
			}
		default:
			t.Error(err)
		}
		return call.NormalClearing
	})
	takes := tale(func(ctx context.Context, c call.Control) call.Cause {
		if err := c.Take(ctx, "9"); refused(err).SIP != 404 {
			t.Errorf("nobody is parked there: %v", err)
		}
		if err := c.Take(ctx, "1"); !errors.Is(err, call.ErrEnded) && refused(err).SIP != 404 {
			t.Error(err)
		}
		return call.Failure
	})
	stories := map[string]call.Story{"park": parks, "take": takes}
	together(t, "story-parks-and-another-takes", stories, func(s *stage) {
		s.Service("*1", "park")
		s.Service("*2", "take")
		s.dial("*1").Ack(nil)
		s.pass(30 * time.Second)
		taker := s.Call(s.k, "2", "105", "*2", offer)
		taker.Ack(nil)
		a := s.leg("a")
		taker.Agree(answer)
		a.Agree(answer)
		s.pass(time.Second)
		a.Bye()
	})
	perform(t, "story-parks-and-nobody-takes", stories, func(s *stage) {
		s.Service("*1", "park")
		a := s.dial("*1")
		a.Ack(nil)
		s.pass(time.Minute)
		b := s.leg("b")
		b.Pickup(answer)
		a.Agree(answer)
		b.Bye()
	})
	together(t, "story-takes-whom-hangs-up", stories, func(s *stage) {
		s.Service("*1", "park")
		s.Service("*2", "take")
		a := s.dial("*1")
		a.Ack(nil)
		taker := s.Call(s.k, "2", "105", "*2", offer)
		s.Together(func() { taker.Ack(nil) }, a.Bye)
	})
}

// again is a refusal of a place of a trunk that another place may not have.
func again(status int) call.Cause {
	c := call.FromStatus(status)
	c.Retry = true
	return c
}

// dialled is a Dialer that counts the branches which the legs that it opens may have.
type dialled struct {
	*calltest.House
	breadth atomic.Int64
}

// Dial counts.
func (d *dialled) Dial(ctx context.Context, leg call.Dial, inbox call.Inbox) call.Leg {
	d.breadth.Add(int64(leg.Breadth))
	return d.House.Dial(ctx, leg, inbox)
}

// RFC 5393 §5.3.3: the branches of numbers that ring at once are together no more than the call may have.
func TestBreadthOfStories(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		may    int
		has    int64
		inTurn bool
	}{{60, 60, false}, {4, 4, false}, {2, 2, false}, {60, 60, true}} {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, nil)
			d := &dialled{House: s.House}
			story := told(func(ctx context.Context, c call.Control) call.Cause {
				_, _ = c.Dial(ctx, call.Wish{To: []string{"102", "103", "105"}, InTurn: test.inTurn, Each: time.Second, Whole: time.Second})
				return call.NormalClearing
			})
			s.k = control.New(control.Config{Router: s, Contacts: s, Channels: s, Ledger: s, Dialer: d, Stories: story, Random: id.New([32]byte{1})})
			s.Service("*1", "story")
			s.Arrive(s.k, call.Arrival{Call: "1", From: calltest.Party("101"), Dialled: "*1", Offer: offer, Hops: 70, Breadth: test.may})
			synctest.Wait()
			if got := d.breadth.Load(); got != test.has {
				t.Errorf("of %d branches they have %d, not %d", test.may, got, test.has)
			}
			s.pass(time.Minute)
			s.Check(t)
		})
	}
}

// Who has somebody waiting can't take another one, who stays parked.
func TestTakingASecond(t *testing.T) {
	t.Parallel()
	stories := map[string]call.Story{
		"park": tale(func(ctx context.Context, c call.Control) call.Cause {
			_ = c.Answer(ctx)
			if err := c.Park(ctx, ""); !errors.Is(err, call.ErrEnded) {
				t.Error(err)
			}
			return call.NormalClearing
		}),
		"take": tale(func(ctx context.Context, c call.Control) call.Cause {
			_ = c.Answer(ctx)
			if _, err := c.Dial(ctx, rings("102")); err != nil {
				t.Error(err)
			}
			if err := c.Take(ctx, "1"); refused(err).SIP != call.RequestPending.SIP {
				t.Errorf("a second one: %v", err)
			}
			if err := c.Drop(ctx, call.NormalClearing); err != nil {
				t.Error(err)
			}
			if err := c.Take(ctx, "1"); !errors.Is(err, call.ErrEnded) {
				t.Error(err)
			}
			return call.NormalClearing
		}),
	}
	together(t, "story-takes-no-second", stories, func(s *stage) {
		s.Service("*1", "park")
		s.Service("*2", "take")
		a := s.dial("*1")
		a.Ack(nil)
		taker := s.Call(s.k, "2", "105", "*2", offer)
		taker.Ack(nil)
		s.Leg("2", "b").Pickup(answer)
		taker.Agree(answer)
		s.leg("a").Agree(answer)
		s.pass(time.Second)
		taker.Bye()
	})
}
