package control

import (
	"sync"

	"santral/call"
)

// seat is where a leg posts what happens on it (call.Inbox), whichever call it is in now. A leg that is on
// its way from one call to another loses nothing, and nothing that it says overtakes anything else.
type seat struct {
	mu    sync.Mutex // a leaf: only an inbox is put into under it
	in    *ongoing   // nil while the leg is on its way
	of    *member    // what the leg is to that call
	older []call.LegEvent
	newer []call.LegEvent // said on the way; older was said before and not yet heard
}

// Post takes what happens on the leg (call.Inbox).
func (s *seat) Post(e call.LegEvent) {
	s.mu.Lock()
	c := s.in
	if c == nil {
		s.newer = append(s.newer, e)
		s.mu.Unlock()
		return
	}
	taken := c.inbox.Put(message{of: s.of, event: &e})
	s.mu.Unlock()
	if !taken {
		c.missed(&e)
	}
}

// hold keeps what the leg says from now on.
func (s *seat) hold() {
	s.mu.Lock()
	s.in = nil
	s.mu.Unlock()
}

// keep takes what the leg said before hold.
func (s *seat) keep(e *call.LegEvent) {
	s.mu.Lock()
	s.older = append(s.older, *e)
	s.mu.Unlock()
}

// sit gives the leg to a call, and the call all that was kept, in order.
func (s *seat) sit(c *ongoing, m *member) {
	s.mu.Lock()
	s.in, s.of = c, m
	var late []*call.LegEvent
	for _, list := range [...][]call.LegEvent{s.older, s.newer} {
		for i := range list {
			if !c.inbox.Put(message{of: m, event: &list[i]}) {
				late = append(late, &list[i])
			}
		}
	}
	s.older, s.newer = nil, nil
	s.mu.Unlock()
	for _, e := range late {
		c.missed(e)
	}
}

// missed is what a leg says after its call's end: a BYE is answered, a wish for a transfer refused.
func (c *ongoing) missed(e *call.LegEvent) {
	if e.Finish != nil {
		c.finish(e.Finish)
	}
	if e.Refer != nil {
		e.Refer.Notify(call.LostDialog)
	}
}

// passOn takes a leg out of its call: when all that it said here was heard, then is called in the call's
// loop, and has to find another seat for it. Until then the leg is still this call's. then is not called
// when the call, and with it the leg, ended before.
func (c *ongoing) passOn(m *member, then func(*ongoing)) {
	m.leaving = true
	m.seat.hold()
	c.post(func(c *ongoing) {
		m.leaving = false
		if c.state >= Frozen {
			m.seat.sit(c, m)
			return
		}
		then(c)
	})
}
