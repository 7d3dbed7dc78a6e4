package control

import (
	"context"
	"time"

	"santral/call"
	"santral/media"
)

// Move has the story go on with the other as its caller.
func (s *story) Move(ctx context.Context, cause call.Cause) error {
	return s.ask(ctx, func(c *ongoing) error {
		old, m := c.caller(), c.callee
		if m == nil {
			return errNobody
		}
		c.leaveRoom()
		c.bridge.Part()
		if !old.confirmed {
			c.story.confirmed() // the new one was asked by us, and has answered
		}
		c.giveBackOf(0)
		c.release[0], c.release[1] = c.release[1], nil
		c.moved = true
		privacy, who := c.privacy(m), m.party()
		c.mu.Lock()
		c.lead, c.callee, c.from = m, nil, who
		if c.answered.IsZero() {
			c.answered = c.stamp(time.Time{})
		}
		c.mu.Unlock()
		c.event(call.Event{Kind: call.LegLeads, Leg: m.id}, time.Time{})
		c.hangup(old, cause)
		c.setPrivacy(privacy)
		c.offer = m.willing()
		c.story.hold(m.held)
		c.reappear(m)
		_ = c.speak(nil)
		return nil
	})
}

// Transfer has the call go on as if the caller had dialled another number. One that is answered already stands as a
// caller that waits for its answer, as one does that a phone has sent on.
func (s *story) Transfer(ctx context.Context, to string) error {
	if to == "" {
		return &call.Refusal{Cause: call.BadNumber}
	}
	return s.leave(ctx, func(c *ongoing) {
		c.mu.Lock()
		c.dialled = to
		c.mu.Unlock()
		c.lookUp()
	})
}

// Go has the call go on to a place that the story knows. It stays what it was: with the outside, and routed by the same
// revision.
func (s *story) Go(ctx context.Context, to call.Destination) error {
	return s.leave(ctx, func(c *ongoing) {
		was := &c.dest
		to.Limited, to.Revision = to.Limited || was.Limited, was.Revision
		if to.Calls == "" {
			to.Calls = was.Calls
		}
		c.mu.Lock()
		c.dest = to
		c.mu.Unlock()
	})
}

// Proceed has the call go on to what the caller dialled, now that it has proved itself. Who was sent here by somebody else
// has proved nothing for that one.
func (s *story) Proceed(ctx context.Context) error {
	return s.leave(ctx, func(c *ongoing) {
		c.mu.Lock()
		c.from.Proved = true
		c.mu.Unlock()
		if c.lookUp(); c.dest.Kind == call.ToService && c.by != nil {
			c.mu.Lock()
			c.dest = call.Destination{Kind: call.ToRefusal, Tenant: c.dest.Tenant, Refuse: call.Forbidden}
			c.mu.Unlock()
		}
	})
}

// leave ends the story, and has the call go on where find finds out that it goes.
func (s *story) leave(ctx context.Context, find func(*ongoing)) error {
	err := s.ask(ctx, func(c *ongoing) error {
		switch a := c.caller(); {
		case c.hops <= 1 || len(c.members) >= mostLegs:
			return &call.Refusal{Cause: call.TooManyHops}
		case c.house.closed():
			return &call.Refusal{Cause: call.ShuttingDown}
		case a.guest != nil && a.guest.asked || a.answered && !a.confirmed:
			return &call.Refusal{Cause: call.RequestPending}
		}
		c.whenCalm(func(c *ongoing) {
			if c.story == s && c.state == Serving {
				c.goesOn(find)
			}
		})
		return nil
	})
	if err != nil {
		return err
	}
	<-s.ctx.Done()
	return call.ErrEnded
}

// goesOn has the caller go on without its story, where find finds out.
func (c *ongoing) goesOn(find func(*ongoing)) {
	s, a := c.story, c.caller()
	if c.callee != nil {
		c.drop(call.NormalClearing)
	}
	c.disperse(call.Cancelled)
	c.bridge.Part()
	c.story = nil
	s.stop()
	c.hops--
	c.setState(Routing, "its story has sent it on")
	c.best, c.early, c.ways, c.way, c.withheld, c.reached, c.introduced = call.Cause{}, nil, nil, nil, 0, call.Party{}, false
	c.device, c.agreed, c.ready = "", nil, false
	if a.answered {
		c.offer = a.willing()
		c.rang, c.progress = false, false
		c.host(a, nil, nil)
	}
	find(c)
	c.set()
}

// Park has the caller wait aside.
func (s *story) Park(ctx context.Context, name string) error {
	err := s.ask(ctx, func(c *ongoing) error {
		if !c.caller().confirmed {
			return &call.Refusal{Cause: call.RequestPending} // it can't be given to anybody yet
		}
		c.leaveRoom()
		c.story.company.aside = true
		var src media.Source
		if m := c.house.music; m != nil {
			src = m.Music(c.dest.Tenant, name)
		}
		_ = c.speak(src)
		return nil
	})
	if err != nil {
		return err
	}
	var was struct{}
	s.resumes("park", &was)
	s.begin("park", func() any { return was })
	if err = s.await(ctx, nil); err == call.ErrEnded {
		return err
	}
	if ended := s.finally(func(c *ongoing) {
		c.story.company.aside = false
		_ = c.speak(nil)
	}); ended != nil {
		return ended
	}
	return err
}

// Take connects the caller with one that is parked.
func (s *story) Take(ctx context.Context, id call.ID) error {
	if err := s.Answer(ctx); err != nil {
		return err
	}
	if err := s.ask(ctx, func(c *ongoing) error {
		if c.callee != nil || c.outward() != nil {
			return &call.Refusal{Cause: call.RequestPending} // it has an other already
		}
		return nil
	}); err != nil {
		return err
	}
	from := s.c.house.find(id)
	if from == nil || from == s.c {
		return &call.Refusal{Cause: call.NotFound}
	}
	tenant := s.Tenant()
	reply := make(chan error, 1)
	if !from.post(func(c *ongoing) { c.giveParked(tenant, s, reply) }) {
		return &call.Refusal{Cause: call.NotFound}
	}
	select { // whatever the context says: when it is on its way it comes
	case err := <-reply:
		return err
	case <-s.ctx.Done():
		return call.ErrEnded
	}
}

// giveParked gives the parked caller of this call to the call of another story.
func (c *ongoing) giveParked(tenant string, to *story, reply chan<- error) {
	a := c.caller()
	if c.state != Serving || !c.story.company.aside || a.leaving || c.dest.Tenant != tenant {
		reply <- &call.Refusal{Cause: call.NotFound}
		return
	}
	c.whenCalm(func(c *ongoing) {
		if c.state != Serving || !c.story.company.aside || a.leaving || a.over || a != c.caller() {
			reply <- &call.Refusal{Cause: call.NotFound}
			return
		}
		c.story.company.aside = false
		if c.callee != nil {
			c.drop(call.NormalClearing)
		}
		c.bridge.Part()
		gone := false
		c.passOn(a, func(c *ongoing) {
			gone = true
			c.takeAway(a, to, reply)
		})
		c.post(func(*ongoing) {
			if !gone { // the call has ended meanwhile
				reply <- &call.Refusal{Cause: call.NotFound}
			}
		})
	})
}

// takeAway has the parked caller go to the other call, and ends this one with its story.
func (c *ongoing) takeAway(a *member, to *story, reply chan<- error) {
	c.bridge.Part() // its story may have said something meanwhile
	p, hops := c.pack(a), c.hops
	if !to.c.post(func(o *ongoing) { o.takes(p, to, hops, reply) }) {
		c.release[0] = p.channel
		a.seat.sit(c, a)
		c.story.company.aside = true
		_ = c.speak(c.waits())
		reply <- call.ErrEnded
		return
	}
	c.depart(a, to.c.id)
	c.story.stop()
	c.end(exchange, call.Transferred)
}

// takes has somebody who was parked be the other of this call's caller.
func (c *ongoing) takes(p *parcel, s *story, hops int, reply chan<- error) {
	a := c.caller()
	if c.state != Serving || c.story != s || a.over || c.callee != nil {
		c.house.strand(c, p)
		reply <- call.ErrEnded
		return
	}
	c.disperse(call.Cancelled)
	m := c.seatIn(p)
	c.release[1], c.moved = p.channel, true
	c.mu.Lock()
	c.callee = m
	c.mu.Unlock()
	c.hops = min(c.hops, hops)
	c.story = nil
	s.stop()
	c.arrive(m, p.source)
	c.event(call.Event{Kind: call.LegAnswered, Leg: m.id, Codec: m.codec}, time.Time{})
	c.setState(Talking, "it has taken who was parked")
	m.seat.sit(c, m)
	c.connect()
	c.appear(m, call.Talk)
	c.reappear(a)
	c.introduce(a, m, call.Party{}, call.Traits{})
	c.whenCalm(func(c *ongoing) {
		if c.state == Talking && c.caller() == a && c.callee == m {
			c.meet(m, a)
		}
	})
	reply <- call.ErrEnded
}
