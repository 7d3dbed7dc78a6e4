package control

import (
	"context"
	"errors"

	"santral/call"
	"santral/call/bridge"
)

// visit is somebody who is with the two of another call: a listener, who whispers, who barges in. The visitor's leg stays
// in its own call and with its own story, and is seated in the room that the bridge of the two becomes.
type visit struct {
	seat  *bridge.Visitor
	heard int // by whom of the two
	next  *visit
	over  chan struct{} // closed when the two have gone
}

// Attend has the caller be with a call of the same tenant.
func (s *story) Attend(ctx context.Context, id call.ID, how call.Attendance) error {
	if err := s.Answer(ctx); err != nil {
		return err
	}
	of := s.c.house.find(id)
	if of == nil || of == s.c {
		return &call.Refusal{Cause: call.NotFound}
	}
	who := s.Caller()
	who.Tenant = s.Tenant()
	v := &visit{over: make(chan struct{})}
	reply := make(chan error, 1)
	if !of.post(func(c *ongoing) { reply <- c.admit(v, who, how) }) {
		return &call.Refusal{Cause: call.NotFound}
	}
	if err := <-reply; err != nil { // a loop never waits
		return err
	}
	defer of.post(func(c *ongoing) { c.visitOver(v) })
	if err := s.ask(ctx, func(c *ongoing) error { return c.seatedIn(v.seat.Member, true) }); err != nil {
		return err
	}
	s.begin("attend", nil)
	err := s.await(ctx, v.over)
	if err == call.ErrEnded {
		return err
	}
	if ended := s.finally(func(c *ongoing) {
		if c.room() == v.seat.Member {
			c.leaveRoom()
			_ = c.speak(nil)
		}
	}); ended != nil {
		return ended
	}
	return err
}

// admit lets somebody in with the two that talk here.
func (c *ongoing) admit(v *visit, who call.Party, how call.Attendance) error {
	switch {
	case c.caller().tenant != who.Tenant && (c.callee == nil || c.callee.tenant != who.Tenant):
		return &call.Refusal{Cause: call.NotFound}
	case c.state != Talking || c.other(c.caller()) == nil || c.caller().guest != nil:
		return &call.Refusal{Cause: call.RequestPending}
	case c.visitors() >= mostVisits:
		return &call.Refusal{Cause: call.Busy}
	}
	heard := bridge.Nobody
	switch how.Mode {
	case call.AttendBarge:
		heard = bridge.Everyone
	case call.AttendWhisper:
		switch {
		case (how.To == "" || how.To == c.callee.account) && c.callee.tenant == who.Tenant:
			heard = bridge.Second
		case (how.To == "" || how.To == c.caller().account) && c.caller().tenant == who.Tenant:
			heard = bridge.First
		default:
			return &call.Refusal{Cause: call.NotFound}
		}
	}
	seat, err := c.bridge.Visit(who.Number, heard)
	if errors.Is(err, bridge.ErrNoSound) {
		return &call.Refusal{Cause: call.NotAcceptable}
	}
	if err != nil {
		return err
	}
	v.seat, v.heard = seat, heard
	v.next, c.visit = c.visit, v
	c.mix(true)
	return nil
}

// mostVisits bounds how many may be with the two of one call.
const mostVisits = 8

// visitOver ends a visit, whoever wants it; it may be called again. With the last one the two are joined as before.
func (c *ongoing) visitOver(v *visit) {
	at := &c.visit
	for *at != v {
		if *at == nil {
			return
		}
		at = &(*at).next
	}
	*at = v.next
	close(v.over)
	c.bridge.Gone(v.seat)
	c.mix(c.visit != nil)
}

// barged reports whether visitors speak with both of the two, and none with the caller alone.
func (c *ongoing) barged() (any bool) {
	for v := c.visit; v != nil; v = v.next {
		switch v.heard {
		case bridge.First:
			return false
		case bridge.Everyone:
			any = true
		}
	}
	return any
}

// visitors is how many visit the two.
func (c *ongoing) visitors() (n int) {
	for v := c.visit; v != nil; v = v.next {
		n++
	}
	return n
}
