package control

import (
	"time"

	"santral/call"
	"santral/media/dtmf"
)

// keyTold is the last key of a leg's that was told, so that one which a phone says in two ways counts once.
type keyTold struct {
	key    byte
	inInfo bool // it was said by an INFO, otherwise in the media
	times  int  // so often, not said in the other way yet
	at     time.Time
	long   time.Duration
}

// twice is how far apart the two ways of one key may be told, beyond the key's own length: an INFO may be sent
// when the key goes down, and is repeated where it is lost, and media tells of a key when it is over.
const twice = 700 * time.Millisecond

// doubled reports that a key has been told already, in the other way. Phones may be set to say keys both as
// telephone events and by INFO.
func (m *member) doubled(key byte, long time.Duration, inInfo bool, at time.Time) bool {
	last := m.key
	m.key = keyTold{key, inInfo, 1, at, long}
	if last.key != key || at.Sub(last.at) >= twice+max(long, last.long) {
		return false
	}
	if last.inInfo == inInfo {
		m.key.times += last.times
		return false
	}
	if last.times == 0 {
		return false
	}
	m.key = last
	m.key.times--
	return true
}

// pressed is a key of a leg's: for the story that it speaks with, or for the other side, which gets it in
// its own way unless it came there with the media. at is when it was told.
func (c *ongoing) pressed(m *member, e *call.LegEvent) {
	if m.doubled(e.Digit, e.Long, e.Kind == call.Informed, e.At) {
		return
	}
	if c.story != nil {
		c.collected(e.Digit)
		return
	}
	if e.Passed {
		return
	}
	to := c.other(m)
	switch {
	case c.state == Ringing && e.Kind == call.Pressed: // somebody asks for keys before the answer
		to = c.otherEarly(m)
	case c.state != Talking:
		return
	}
	if to != nil && !to.over {
		to.leg.SendKey(e.Digit, e.Long)
	}
}

// collected keeps a caller's digit for the story. A hook-flash is none: what it asks for, a story has not.
func (c *ongoing) collected(d byte) {
	if d == dtmf.Flash {
		return
	}
	select {
	case c.story.digits <- d:
	default: // nobody collects, and more were pressed than anybody will ask for
	}
}
