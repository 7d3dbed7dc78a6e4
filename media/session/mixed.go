package session

import "santral/media/rtp"

// Pool is where the session's ports come from: its clock is the one for rooms that the session is seated in.
func (s *Session) Pool() *rtp.Pool { return s.cfg.Pool }

// SoundRate is the rate in Hz of the sound that is spoken with the peer as both have said it now: 8000, 16000 or
// 48000. It is 0 where nothing is agreed on that we speak ourselves: then the peer can be relayed, and neither
// played nor mixed.
func (s *Session) SoundRate() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	sp, ok := s.speechLocked()
	if !ok {
		return 0
	}
	return sp.codec.Rate
}
