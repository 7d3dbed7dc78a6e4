package session

import (
	"slices"

	"santral/media/rtp"
)

// heed has a line's stream tell of wrong keys and of floods as news.
func (s *Session) heed(l *line) {
	l.stream.OnAlarm(func(a rtp.Alarm) {
		n := News{Kind: Flood}
		if a == rtp.WrongKey {
			n.Kind = WrongKey
		}
		s.mu.Lock()
		n.Line = slices.Index(s.lines, l)
		s.mu.Unlock()
		if n.Line >= 0 {
			s.tell(n)
		}
	})
}
