package ice

import (
	"fmt"
	"net/netip"
	"time"
)

// AgentState is an agent written out: plain data, and secrets. With it the way in use goes on at another mux that has
// the same port.
type AgentState struct {
	Local       Credentials    `json:"local"`
	Remote      Credentials    `json:"remote"`
	Controlling bool           `json:"controlling"`
	Tie         uint64         `json:"tie"`
	Peer        netip.Addr     `json:"peer"` // where it signals from
	Source      netip.Addr     `json:"source"`
	To          netip.AddrPort `json:"to"` // where packets go; invalid while nowhere
	Priority    uint32         `json:"priority"`
	Selected    bool           `json:"selected"`
}

// Freeze writes the agent out without changing it. A restart under way is not part of it, nor are ways that are not in
// use; and by a relay of ours packets can't go on, since the relay ends with the process.
func (a *Agent) Freeze() AgentState {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.now
	if a.before != nil && a.now.selected == nil {
		g = a.before
	}
	st := AgentState{Local: g.local, Remote: g.remote, Controlling: a.controlling, Tie: a.tie, Peer: a.cfg.Peer, Selected: g.selected != nil}
	if w := a.way.Load(); w != nil {
		if _, relayed := w.socket.udp.(relaySocket); !relayed {
			st.Source, st.To = w.local, w.remote
		}
		if g.selected != nil {
			st.Priority = g.selected.priority
		}
	}
	return st
}

// Thaw makes the agent that Freeze wrote out. Its checks go on by the same credentials.
func (m *Mux) Thaw(st AgentState, h Handler) (*Agent, error) {
	if !st.Local.Valid() || len(st.Local.Ufrag) != ufragSize {
		return nil, fmt.Errorf("ice: thaw: not an agent of ours")
	}
	a := &Agent{mux: m, cfg: AgentConfig{Peer: st.Peer, Controlling: st.Controlling, Handler: h}, controlling: st.Controlling, tie: st.Tie}
	a.now = &generation{local: st.Local, remote: st.Remote}
	a.now.local.Lite = !m.cfg.Full
	m.mu.Lock()
	if m.closed || m.ufrags[st.Local.Ufrag] != nil {
		m.mu.Unlock()
		return nil, fmt.Errorf("ice: thaw: the port is closed, or has the agent already")
	}
	m.ufrags[st.Local.Ufrag] = a
	m.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := m.socketFor(st.To.Addr()); st.To.IsValid() && s != nil {
		p := &pair{way: way{socket: s, local: st.Source, remote: st.To}, priority: st.Priority, progress: succeeded}
		a.now.pairs = append(a.now.pairs, p)
		a.consentedLocked(p, m.now())
		if st.Selected {
			a.now.selected = p
		}
		w := p.way
		a.way.Store(&w)
		a.state = Found
		a.admitLocked(st.To)
	}
	a.heard.Store(m.now())
	a.sleepLocked(time.Second)
	return a, nil
}
