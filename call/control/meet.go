package control

import (
	"context"

	"santral/call"
	"santral/media/mixer"
)

// Meet seats the caller in a room. What a story plays meanwhile is for the caller alone.
func (s *story) Meet(r *mixer.Room, o mixer.Options) (*mixer.Member, error) {
	var m *mixer.Member
	err := s.ask(context.Background(), func(c *ongoing) (err error) {
		if m, err = r.Join(o); err == nil {
			if err = c.seatedIn(m, false); err != nil {
				m.Leave()
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Leave takes the caller out of its room.
func (s *story) Leave() {
	_ = s.ask(context.Background(), func(c *ongoing) error {
		if c.room() != nil {
			c.leaveRoom()
			return c.speak(nil)
		}
		return nil
	})
}

// seatedIn gives the caller a seat in a room, instead of the one that it had. What it is being played it hears on.
func (c *ongoing) seatedIn(m *mixer.Member, visits bool) error {
	a := c.caller()
	switch {
	case !a.answered:
		return &call.Refusal{Cause: call.RequestPending}
	case a.media() == nil:
		return errNoMedia
	}
	c.leaveRoom()
	c.story.company.room, c.story.company.visits = m, visits
	m.Hold(a.held) // what its phone plays while it holds us nobody wants to hear
	c.bridge.Serve(a.media(), m, m)
	c.mix(true)
	c.playsOn()
	return nil
}

// leaveRoom has the caller of a story be nowhere.
func (c *ongoing) leaveRoom() {
	if m := c.room(); m != nil {
		c.story.company.room, c.story.company.visits = nil, false
		m.Leave()
		c.mix(false)
	}
}

// mix notes, for lists, whether the sound of the call's legs goes through a room.
func (c *ongoing) mix(on bool) {
	c.mu.Lock()
	c.mixed = on
	c.mu.Unlock()
}
