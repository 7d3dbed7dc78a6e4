package session

import (
	"santral/media"
	"santral/media/sdp"
)

// offered is what an offer of ours changes before the peer has agreed: when it refuses, the session goes on as it
// was (RFC 3264 §8).
type offered struct {
	local, other *sdp.Description
	lines        []offeredLine
}

type offeredLine struct {
	kind, proto, spoken, mid string
	local                    []media.Format
	localMux                 bool
	ptime                    uint16
	keys                     *secrets
	wire                     wire
	had                      bool // a stream
}

// noteLocked keeps what holds before an offer of ours to a peer that has agreed to something.
func (s *Session) noteLocked() {
	if s.remote == nil || s.offered != nil {
		return
	}
	o := &offered{local: s.local, other: s.other}
	for _, l := range s.lines {
		o.lines = append(o.lines, offeredLine{l.kind, l.proto, l.spoken, l.mid, l.local, l.localMux, l.ptime, l.keys.clone(), l.wire, l.stream != nil})
	}
	s.offered = o
}

// Withdraw takes our last offer back, which the peer has refused. Without one that waits for its answer it does nothing.
func (s *Session) Withdraw() {
	s.mu.Lock()
	s.withdrawLocked()
	j := s.joint
	s.mu.Unlock()
	j.route()
}

func (s *Session) withdrawLocked() {
	o := s.offered
	if s.closed || o == nil {
		return
	}
	s.offered = nil
	s.local, s.other = o.local, o.other
	for i, l := range s.lines {
		if i >= len(o.lines) {
			s.dropLocked(l)
			l.kind, l.proto, l.local = "", "", nil
			continue
		}
		b := &o.lines[i]
		l.kind, l.proto, l.spoken, l.mid, l.local, l.localMux, l.ptime, l.keys = b.kind, b.proto, b.spoken, b.mid, b.local, b.localMux, b.ptime, b.keys
		if !b.had {
			s.dropLocked(l)
		}
		if l.stream != nil {
			l.wire = b.wire
			s.negotiateLocked(l)
		}
	}
	if n := len(o.lines); n < len(s.lines) { // those of the offer alone: no description has them now
		s.lines = s.lines[:n]
	}
	s.applyModeLocked()
}
