package control

import (
	"santral/call"
	"santral/media"
	"santral/media/sdp"
)

// Music on hold. A phone that holds says so in a description (a=sendonly, a=inactive); the other side is told, and
// hears from us what the holder's line or tenant has for those who wait, in place of whatever the holder's phone would
// play. The holder hears nothing. Where there is no music the two stay joined, as if nothing were to be heard.

// connect has the two that talk hear each other, as far as none of them holds the other with music.
func (c *ongoing) connect() {
	a, b := c.caller(), c.callee
	x, y := a.media(), b.media()
	c.tune(a)
	c.tune(b)
	if a.aside().tune == nil && b.aside().tune == nil && !a.aside().steered && !b.aside().steered {
		c.bridge.Join(x, y)
		return
	}
	forA, forB := b.aside().tune, a.aside().tune
	if a.held { // who holds hears nothing, and who is held as well
		forA = nil
	}
	if b.held {
		forB = nil
	}
	c.bridge.Wait(x, y, forA, forB)
}

// musicOf is what whom a leg's peer holds is to hear; nil for nothing of ours.
func (c *ongoing) musicOf(m *member) media.Source {
	music := c.house.music
	if music == nil {
		return nil
	}
	who := m.party()
	if h, ok := music.(call.HoldMusic); ok {
		return h.OnHold(who)
	}
	return music.Music(who.Tenant, "")
}

// waits is what somebody hears who waits for a story, or for whoever takes it; nil for silence.
func (c *ongoing) waits() media.Source {
	if c.house.music == nil {
		return nil
	}
	return c.house.music.Music(c.dest.Tenant, "")
}

// tune sees that there is music for whom a leg's peer holds. A fax is not held.
func (c *ongoing) tune(m *member) {
	switch {
	case !m.held:
		if m.beside != nil {
			m.beside.tune = nil
		}
	case m.aside().tune == nil && c.house.music != nil && sounds(m.said):
		m.besides().tune = c.musicOf(m)
	}
}

// hearable is what is passed on of a description of a leg that holds: the other side is offered to hear us though the
// leg's peer says that nothing flows (RFC 3264 §8.4 leaves it to who holds). Only the first line of sound is meant, and
// the answer that comes back is cut down to what the holder has offered (RFC 3264 §6.1) where it is written for it.
func (c *ongoing) hearable(m *member, d *sdp.Description) *sdp.Description {
	if c.house.music == nil || !holds(d) {
		return d
	}
	i := soundLine(d)
	if i < 0 || d.Media[i].Direction(d) != sdp.Inactive || c.musicOf(m) == nil {
		return d
	}
	d = d.Clone()
	d.Media[i].SetDirection(sdp.SendOnly)
	return d
}

// sounds reports whether a description has a living line of sound.
func sounds(d *sdp.Description) bool { return d != nil && soundLine(d) >= 0 }

// soundLine is the first living line of sound over RTP, -1 for none.
func soundLine(d *sdp.Description) int {
	for i := range d.Media {
		if l := &d.Media[i]; l.Kind == "audio" && l.RTP() && !l.Rejected() {
			return i
		}
	}
	return -1
}
