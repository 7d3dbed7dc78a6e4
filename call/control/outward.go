package control

import (
	"context"
	"slices"
	"time"

	"santral/call"
	"santral/media/sdp"
)

// outward is a story's Dial under way: numbers that are rung for its caller, each on a branch of its own. It works as
// hunt and trunks do for a call that nobody tells a story in, but for what follows: the caller's own leg has no part in
// it, so early media does not pass, and what a branch comes to ends no call.
type outward struct {
	wish   call.Wish
	from   call.Party
	offer  *sdp.Description // what they are offered; nil: our own media
	next   int              // of the numbers, the one that is rung next
	given  int              // of the branches that the call may have, how many those have that ring at once
	rings  []*branch        // that are under way, or were
	best   call.Cause
	whole  *time.Timer
	result chan outcome // has room for one
}

// outcome is what a Dial comes to.
type outcome struct {
	who call.Party
	no  *call.Cause
}

// Dial rings others for the caller.
func (s *story) Dial(ctx context.Context, w call.Wish) (call.Party, error) {
	if who, ok := s.reachedBefore(); ok {
		return who, s.alive(ctx)
	}
	if len(w.Members) > 0 {
		w.To = make([]string, len(w.Members))
		for i := range w.Members {
			w.To[i] = w.Members[i].Account
		}
	}
	o := &outward{wish: w, result: make(chan outcome, 1)}
	err := s.ask(ctx, func(c *ongoing) error {
		p := &c.story.company
		if c.callee != nil || p.outward != nil {
			return &call.Refusal{Cause: call.RequestPending}
		}
		p.outward, p.left = o, false
		c.beginOutward(o)
		return nil
	})
	if err != nil {
		return call.Party{}, err
	}
	s.begin("dial", nil)
	select {
	case got := <-o.result:
		if got.no != nil {
			return call.Party{}, &call.Refusal{Cause: *got.no}
		}
		return got.who, s.alive(ctx)
	case <-s.ctx.Done():
		return call.Party{}, call.ErrEnded
	case <-ctx.Done():
	}
	err = s.finally(func(c *ongoing) {
		if c.story.company.outward == o {
			c.cancelOutward(call.Cancelled)
			_ = c.speak(nil)
		} else if len(o.result) > 0 && (<-o.result).no == nil && c.callee != nil { // it came too late for the story
			c.drop(call.NormalClearing)
		}
	})
	if err != nil {
		return call.Party{}, err
	}
	return call.Party{}, s.alive(ctx)
}

// beginOutward rings the first number, or all of them, and has the caller hear that.
func (c *ongoing) beginOutward(o *outward) {
	a := c.caller()
	if o.from = c.from; o.wish.From != nil {
		o.from = *o.wish.From
	}
	o.offer = a.willing()
	if a.held {
		o.offer = nil
	}
	if !a.answered {
		if !c.rang {
			c.rang = true
			a.leg.Progress(call.Progress{Status: 180})
		}
	} else if o.wish.Hears != nil {
		_ = c.speak(o.wish.Hears)
	} else {
		_ = c.speak(c.tones(a).Ringback().Play())
	}
	if o.wish.Whole > 0 {
		o.whole = time.AfterFunc(o.wish.Whole, func() {
			c.post(func(c *ongoing) {
				if c.outward() == o {
					c.outwardLost(o, call.NoAnswer)
				}
			})
		})
	}
	for o.next < len(o.wish.To) {
		c.ringNext(o)
		if c.outward() != o || o.wish.InTurn && o.living() {
			return
		}
	}
	if !o.living() {
		c.outwardLost(o, call.NotFound)
	}
}

// outward is the Dial that is under way, nil for none.
func (c *ongoing) outward() *outward {
	if c.story == nil {
		return nil
	}
	return c.story.company.outward
}

func (o *outward) living() bool {
	return slices.ContainsFunc(o.rings, func(b *branch) bool { return !b.over })
}

// mostNumbers bounds the numbers that one Dial rings.
const mostNumbers = 32

// ringNext rings the next number of a wish.
func (c *ongoing) ringNext(o *outward) {
	number := o.wish.To[o.next]
	b := &branch{of: o}
	if len(o.wish.Members) > 0 {
		b.member = &o.wish.Members[o.next]
	}
	o.next++
	o.rings = append(o.rings, b)
	if no := c.ringBranch(b, number); no != nil {
		c.branchLost(b, *no)
	}
}

// share is how many of the call's branches a number gets that needs so many at least, 0 when too few are left
// (RFC 5393 §5.3.3). Numbers that ring at once share them.
func (c *ongoing) share(o *outward, need int) int {
	left, behind := c.breadth-o.given, len(o.wish.To)-o.next
	if o.wish.InTurn {
		left, behind = c.breadth, 0
	}
	share := max(left/(behind+1), need)
	if share > left {
		return 0
	}
	o.given += share
	return share
}

// each is how long a number rings.
func (c *ongoing) each(o *outward) time.Duration {
	if o.wish.Each > 0 {
		return o.wish.Each
	}
	return c.house.ringTime
}

// reachedOther makes a leg that has answered the other of the call. All others of its Dial are ended.
func (c *ongoing) reachedOther(m *member, at time.Time) {
	b := m.aside().branch
	o := b.of
	c.event(call.Event{Kind: call.LegAnswered, Leg: m.id, Codec: m.codec}, at)
	m.besides().branch = nil
	c.mu.Lock()
	c.callee = m
	c.mu.Unlock()
	c.release[1], b.channel, b.outside = both(b.channel, b.outside), nil, nil
	c.endOutward(o, call.AnsweredElsewhere)
	_ = c.speak(nil)
	o.result <- outcome{who: m.party()}
}

// endOutward ends all branches of a Dial.
func (c *ongoing) endOutward(o *outward, cause call.Cause) {
	c.story.company.outward = nil
	if o.whole != nil {
		o.whole.Stop()
	}
	for _, b := range o.rings {
		c.endBranch(b, cause)
	}
}

// outwardLost ends a Dial that has reached nobody.
func (c *ongoing) outwardLost(o *outward, cause call.Cause) {
	if o.best.SIP != 0 {
		cause = o.best
	}
	c.endOutward(o, call.NoAnswer)
	_ = c.speak(nil)
	no := forCaller(cause)
	o.result <- outcome{no: &no}
}

// cancelOutward ends the Dial that is under way, whose caller has gone or whose story wants it no more.
func (c *ongoing) cancelOutward(cause call.Cause) {
	if o := c.outward(); o != nil {
		c.endOutward(o, cause)
	}
}
