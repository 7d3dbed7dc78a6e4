package control

import (
	"context"
	"errors"
	"time"

	"santral/call"
	"santral/media"
	"santral/media/mixer"
)

// A story's call has at most one other leg besides the caller's. It is the call's callee from the moment in which Dial
// has it: while the two are joined the call is one of two who talk, like any other, and everything that such legs say is
// heard as in any other; while they are not, each of them is with the house.

// company is what is beside the caller of a story.
type company struct {
	outward *outward      // whom it has rung; nil for nobody
	apart   chan struct{} // Join waits: closed when the other has gone
	left    bool          // the other has gone since it was dialled
	kept    bool          // the other was there before a take-over, and nobody was dialled since
	aside   bool          // the caller is parked, and may be taken
	room    *mixer.Member // where the caller is seated; nil for nowhere
	visits  bool          // it is seated with a call of others
}

// errNobody is why a story can't do something with the other: there is none.
var errNobody = errors.New("there is no other leg")

// served reports that a story speaks with the caller now: the media of every leg ends here.
func (c *ongoing) served() bool {
	return c.story != nil && c.state != Talking && c.state != Transferring
}

// engaged reports that a story has something under way with other legs or with other calls.
func (c *ongoing) engaged() bool {
	return c.visit != nil || c.story != nil && (c.story.company.outward != nil || c.story.company.visits)
}

// room is where the caller of a story is seated, nil for nowhere.
func (c *ongoing) room() *mixer.Member {
	if c.story == nil {
		return nil
	}
	return c.story.company.room
}

// finally has a deed done in the loop whatever the verb's context says, and waits for that: what a verb has begun is
// ended when it returns.
func (s *story) finally(deed func(*ongoing)) error {
	done := make(chan error, 1)
	if !s.c.post(func(c *ongoing) {
		if c.story != s || c.state >= Frozen {
			done <- call.ErrEnded
			return
		}
		deed(c)
		done <- nil
	}) {
		return call.ErrEnded
	}
	select {
	case err := <-done:
		return err
	case <-s.ctx.Done(): // by a fault in the deed perhaps
		return call.ErrEnded
	}
}

// Join has the caller and the other talk as two who called each other.
func (s *story) Join(ctx context.Context) (otherLeft bool, err error) {
	apart := make(chan struct{})
	join := func(c *ongoing) error { return c.together(apart) }
	var was struct{}
	if s.resumes("join", &was) {
		err = s.rejoin(ctx, apart)
	} else {
		err = s.ask(ctx, join)
	}
	switch {
	case errors.Is(err, errLeft):
		return true, nil
	case err != nil:
		return false, err
	}
	s.begin("join", func() any { return was })
	select {
	case <-apart:
		return true, nil
	case <-s.ctx.Done():
		return false, call.ErrEnded
	case <-ctx.Done():
		left := false
		err := s.finally(func(c *ongoing) {
			if c.story.company.apart == apart {
				c.sunder()
			}
			left = c.callee == nil
		})
		if err == nil && left {
			return true, nil
		}
		return false, errors.Join(err, s.alive(ctx))
	}
}

// errLeft is what a story finds that joins somebody who has just gone.
var errLeft = errors.New("the other has gone")

// rejoin is Join of two who talk already, since before their call was taken over.
func (s *story) rejoin(ctx context.Context, apart chan struct{}) error {
	if err := s.alive(ctx); err != nil {
		return err
	}
	reply := make(chan error, 1)
	if !s.c.post(func(c *ongoing) {
		switch {
		case c.story != s:
			reply <- call.ErrEnded
		case c.state == Talking || c.state == Transferring:
			c.story.company.apart = apart
			reply <- nil
		default:
			reply <- c.together(apart)
		}
	}) {
		return call.ErrEnded
	}
	select {
	case err := <-reply:
		return err
	case <-s.ctx.Done():
		return call.ErrEnded
	}
}

// together joins the two. A caller that is not answered yet is answered as the other has answered.
func (c *ongoing) together(apart chan struct{}) error {
	p := &c.story.company
	a, b := c.caller(), c.callee
	switch {
	case b == nil && p.left:
		p.left = false
		return errLeft
	case b == nil:
		return errNobody
	}
	c.leaveRoom()
	p.apart = apart
	c.setState(Talking, "joined by its story")
	c.introduce(a, b, call.Party{}, call.Traits{})
	if !a.answered {
		if c.offer != nil && b.aside().knows == a {
			c.speaks(codecOf(b.said), a)
			a.leg.Answer(b.said)
			a.besides().knows = b
		} else {
			a.leg.Answer(nil)
		}
		c.callerAnswered()
	}
	c.connect()
	c.reappear(a)
	c.reappear(b)
	c.whenCalm(func(c *ongoing) {
		if c.state == Talking && c.caller() == a && c.callee == b {
			c.acquaint(a, b)
		}
	})
	return nil
}

// callerAnswered writes down that the caller got its answer.
func (c *ongoing) callerAnswered() {
	a := c.caller()
	c.event(call.Event{Kind: call.LegAnswered, Leg: a.id, Codec: a.codec}, time.Time{})
	c.mu.Lock()
	a.answered, c.answered = true, c.last
	c.mu.Unlock()
	c.appear(a, call.Talk)
	c.house.answered.Add(1)
}

// acquaint has the sessions of two that are joined be made of each other's, as far as they are not.
func (c *ongoing) acquaint(a, b *member) {
	knowsA, knowsB := b.aside().knows == a, a.aside().knows == b
	a.besides().knows, b.besides().knows = b, a
	switch {
	case knowsA && knowsB:
	case knowsA && b.said != nil:
		c.propose(b, a, b.willing())
	case knowsB && a.said != nil:
		c.propose(a, b, a.willing())
	default:
		c.meet(b, a)
	}
}

// sunder ends a Join whose story has something else in mind: the other waits with music.
func (c *ongoing) sunder() {
	if c.state != Talking || c.story == nil {
		return
	}
	c.bridge.Part()
	c.story.company.apart = nil
	h := c.change
	c.change = change{}
	if h.from != nil {
		c.caller().besides().knows, c.callee.besides().knows = nil, nil
	}
	c.setState(Serving, "its story goes on")
	c.settle(h, c.caller())
	c.settle(h, c.callee)
	c.puts(c.callee, c.waits())
	_ = c.speak(nil)
}

// puts has the other, who is not joined, hear a source; nil is silence.
func (c *ongoing) puts(m *member, src media.Source) {
	if s := m.media(); s != nil {
		s.Attach(src, nil)
	}
}

// storysOther reports that a leg is the other of a story whose caller is still there.
func (c *ongoing) storysOther(m *member) bool {
	if c.story == nil || m != c.callee || c.state != Talking && c.state != Serving {
		return false
	}
	a := c.caller()
	return !a.over && (a.guest == nil || c.state == Serving)
}

// storyGoesOn is the other's end in the call of a story, which goes on with the caller. It reports whether that is so.
func (c *ongoing) storyGoesOn(m *member) bool {
	if !c.storysOther(m) {
		return false
	}
	p, a := &c.story.company, c.caller()
	h := c.change
	c.change, a.besides().knows = change{}, nil
	ours := c.settle(h, a)
	joined := c.state == Talking
	if joined {
		c.bridge.Part()
		c.setState(Serving, "the other has gone")
	}
	c.giveBackOf(1)
	p.left = true
	c.mu.Lock()
	c.callee = nil
	c.mu.Unlock()
	if c.refer != nil {
		c.refer.wish.Notify(call.LostDialog)
		c.refer = nil
	}
	if !ours && (m.held || a.media() != nil && a.media().SoundRate() == 0) { // what it was told last leaves us nothing to say
		c.askOwn(a)
	}
	if joined { // otherwise it hears what its story says
		_ = c.speak(nil)
	}
	c.reappear(a)
	if p.apart != nil {
		p.left = false
		close(p.apart)
		p.apart = nil
	}
	return true
}

// Hold has the other wait with music.
func (s *story) Hold(ctx context.Context) error {
	return s.ask(ctx, func(c *ongoing) error {
		if c.callee == nil {
			return errNobody
		}
		c.puts(c.callee, c.waits())
		return nil
	})
}

// Drop ends the other's leg.
func (s *story) Drop(ctx context.Context, cause call.Cause) error {
	return s.ask(ctx, func(c *ongoing) error {
		c.story.company.left = false
		if c.callee != nil {
			c.drop(cause)
		}
		return nil
	})
}

// drop ends the other's leg while the caller is with the house.
func (c *ongoing) drop(cause call.Cause) {
	b := c.callee
	c.giveBackOf(1)
	c.hangup(b, cause)
	c.mu.Lock()
	c.callee = nil
	c.mu.Unlock()
}

// disperse ends all that is beside the two of a call, when the call is over or its story is.
func (c *ongoing) disperse(cause call.Cause) {
	if c.pulls != nil {
		c.pulls.timer.Stop()
	}
	if c.story != nil {
		c.story.company.aside = false
		c.cancelOutward(cause)
		c.leaveRoom()
	}
	for c.visit != nil {
		c.visitOver(c.visit)
	}
}

// goOn has the caller and the other hear again what they did, after a take-over or the attempt of one.
func (c *ongoing) goOn() {
	if c.state == Talking {
		c.connect()
		return
	}
	if c.callee != nil {
		c.puts(c.callee, c.waits())
	}
	if seat := c.room(); seat != nil {
		c.bridge.Serve(c.caller().media(), seat, seat)
	}
	c.playsOn()
}

// playsOn has the caller of a story hear what it was being played.
func (c *ongoing) playsOn() {
	s := c.story
	s.mu.Lock()
	p := s.playing
	s.mu.Unlock()
	if p == nil {
		_ = c.speak(nil)
	} else {
		_ = c.speak(p)
	}
}

// reachedBefore is whom a story that is told on had reached when its call was taken over: the Dial that it begins with
// has done its work.
func (s *story) reachedBefore() (who call.Party, ok bool) {
	if !s.again {
		return call.Party{}, false
	}
	done := make(chan struct{})
	if !s.c.post(func(c *ongoing) {
		if p := &s.company; c.story == s && p.kept && c.callee != nil {
			who, ok = c.callee.party(), true
			p.kept = false
		}
		close(done)
	}) {
		return call.Party{}, false
	}
	<-done
	return who, ok
}
