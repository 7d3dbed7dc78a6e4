package control

import (
	"strings"
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
	if c.served() {
		if m == c.caller() {
			c.story.pressed(e)
		}
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

// typeAhead is how many keys of a caller wait for a story that does not ask for them yet.
const typeAhead = 64

// keyPress is a key that waits for a story.
type keyPress struct {
	key   byte
	began time.Time // when it went down, zero when that is not known any more
}

// pressed keeps a caller's key for the story. A hook-flash is none: what it asks for, a story has not. When nobody
// asks for keys and more were pressed than anybody will ask for, the last are lost.
func (s *story) pressed(e *call.LegEvent) {
	if e.Digit == dtmf.Flash {
		return
	}
	s.mu.Lock()
	if len(s.keys) < typeAhead {
		s.keys = append(s.keys, keyPress{e.Digit, e.At.Add(-e.Long)})
	}
	s.mu.Unlock()
	s.tell()
}

// tell has a verb that waits look around.
func (s *story) tell() {
	select {
	case s.news <- struct{}{}:
	default: // it will
	}
}

// hold tells the story that the caller's phone holds us, or no longer does.
func (s *story) hold(held bool) {
	s.mu.Lock()
	s.held = held
	if s.playing != nil {
		s.playing.still.Store(held)
	}
	mic := s.mic
	s.mu.Unlock()
	if mic != nil {
		mic.hold(held)
	}
	s.tell()
}

func (s *story) isHeld() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}

// nextLocked takes the oldest key that waits.
func (s *story) nextLocked() (key byte, ok bool) {
	if len(s.keys) == 0 {
		return 0, false
	}
	key = s.keys[0].key
	s.keys = s.keys[1:]
	return key, true
}

// pick takes the oldest key that is one of keys, and leaves the others; 0 when there is none.
func (s *story) pick(keys string) byte {
	k, _ := s.pickPress(keys)
	return k.key
}

func (s *story) pickPress(keys string) (keyPress, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, k := range s.keys {
		if strings.IndexByte(keys, k.key) >= 0 {
			s.keys = append(s.keys[:i:i], s.keys[i+1:]...)
			return k, true
		}
	}
	return keyPress{}, false
}

// forget drops the keys that wait.
func (s *story) forget() {
	s.mu.Lock()
	s.keys = nil
	s.mu.Unlock()
}

// waiting gives keys in the order in which they were pressed.
func waiting(list []keyPress) string {
	keys := make([]byte, len(list))
	for i := range list {
		keys[i] = list[i].key
	}
	return string(keys)
}
