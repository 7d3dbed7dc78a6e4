package session

import (
	"fmt"
	"net/netip"
	"strings"

	"santral/media/dtls"
	"santral/media/ice"
	"santral/media/rtp"
	"santral/media/srtp"
)

// PathState is a line's path written out: what ICE found goes on by the same credentials on the same port, and the keys
// that a handshake agreed on are the stream's. A handshake under way is not part of it.
type PathState struct {
	Index  int             `json:"index"` // of the line that has it; the other fields are that line's
	Agent  *ice.AgentState `json:"agent,omitempty"`
	DTLS   bool            `json:"dtls,omitempty"`
	Prints string          `json:"prints,omitempty"` // of the peer, as they were said
	Ours   string          `json:"ours,omitempty"`   // our own, which the keys were agreed on with
	Client bool            `json:"client,omitempty"`
	Agreed bool            `json:"agreed,omitempty"`
	From   netip.AddrPort  `json:"from"`
}

// freezePathLocked writes the path of line i out, nil for none.
func (s *Session) freezePathLocked(i int) *PathState {
	p := s.lines[i].path
	switch {
	case p == nil:
		return nil
	case p.index != i:
		return &PathState{Index: p.index}
	}
	st := &PathState{Index: i, DTLS: p.gate != nil, Prints: p.prints, Client: p.client, Agreed: p.agreed}
	if p.gate != nil {
		st.Ours = p.gate.Identity.Fingerprint()
	}
	if p.agent != nil {
		a := p.agent.Freeze()
		st.Agent = &a
	}
	p.mu.Lock()
	st.From = p.from
	p.mu.Unlock()
	return st
}

// thawStream makes the stream and the path of line l again. Lines before it are there already.
func (s *Session) thawStream(l *line, index int, stream rtp.StreamState, st *PathState) (err error) {
	s.mu.Lock() // packets may come before the session is whole
	defer s.mu.Unlock()
	if st == nil {
		l.stream, err = s.cfg.Pool.Thaw(stream, srtp.Machines{})
		return err
	}
	if st.Index != index {
		if st.Index >= index || s.lines[st.Index].path == nil {
			return fmt.Errorf("line %d shares the path of line %d, which has none", index, st.Index)
		}
		with := s.lines[st.Index]
		l.stream, l.path = with.stream.ThawBeside(stream), with.path
		l.path.users++
		return nil
	}
	p := &path{s: s, index: index, users: 1, client: st.Client, prints: st.Prints, from: st.From}
	if st.DTLS {
		if p.gate = s.cfg.DTLS; p.gate == nil {
			return fmt.Errorf("line %d has a handshake, and there are none here", index)
		}
		p.agreed = st.Agreed && st.Ours == p.gate.Identity.Fingerprint() // with another certificate there is another handshake
		for _, text := range strings.Split(st.Prints, "\n") {
			if f, err := dtls.ParseFingerprint(text); err == nil {
				p.peer = append(p.peer, f)
			}
		}
		p.ready = p.peer != nil
	}
	if st.Agent == nil {
		if l.stream, err = s.cfg.Pool.Thaw(stream, srtp.Machines{}); err != nil {
			return err
		}
		p.stream = l.stream
	} else {
		if s.cfg.ICE == nil {
			return fmt.Errorf("line %d has ICE, and there is no port for it here", index)
		}
		if l.stream, err = s.cfg.Pool.ThawOver(p, stream, srtp.Machines{}); err != nil {
			return err
		}
		p.stream = l.stream
		if p.agent, err = s.cfg.ICE.Thaw(*st.Agent, p); err != nil {
			return err
		}
	}
	l.path = p
	if p.gate != nil && p.agent == nil {
		l.stream.Other(p.foreign)
	}
	return nil
}
