package ice

import (
	"errors"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v4"
)

// State is how an agent stands.
type State uint8

// The states of an agent.
const (
	Searching State = iota
	Found           // packets flow
	Lost            // the peer's consent has run out (RFC 7675 §5.1), or nothing is heard any more
)

// String names the state.
func (s State) String() string { return [...]string{"searching", "found", "lost"}[s] }

// Handler is a leg as its agent sees it. Both methods are called on readers and timers and must not block.
type Handler interface {
	// Packet takes media or DTLS from an address that a check was proved from. p may be changed, but not kept.
	Packet(p []byte, from netip.AddrPort)
	// State tells that packets flow, by a first or another way, or no longer. It is called without a lock.
	State(State)
}

// AgentConfig is what an Agent needs to begin.
type AgentConfig struct {
	Peer        netip.Addr // where the peer signals from, which says what addresses of ours it may be told
	Controlling bool       // we made the offer (RFC 8445 §6.1.1)
	Handler     Handler
}

// Times and limits of an agent.
const (
	pace         = 50 * time.Millisecond  // between checks (RFC 8445 §14.2)
	firstWait    = 500 * time.Millisecond // for an answer, the double of it next (RFC 8445 §14.3)
	longestWait  = 2 * time.Second
	tries        = 7                      // of one pair (RFC 8489 §6.2.1)
	patience     = 250 * time.Millisecond // that better pairs have after the first success, before one is nominated
	consentEvery = 4 * time.Second        // RFC 7675 §5.1: each 5 s, varied by a fifth
	consentVary  = 2 * time.Second
	consentAgain = time.Second          // without an answer
	consentEnds  = 30 * time.Second     // RFC 7675 §5.1
	talking      = 5 * time.Second      // after a peer was heard its address is its own
	requestEvery = 5 * time.Millisecond // a peer may send so many checks
	requestBurst = 400
	ufragSize    = 8
	pwdSize      = 26
)

// Agent finds and keeps the way of one leg's packets. It is safe for concurrent use.
type Agent struct {
	mux *Mux
	cfg AgentConfig

	way   atomic.Pointer[way] // where packets go; nil while nowhere
	heard atomic.Int64        // when the peer was last heard, on the mux's clock

	mu          sync.Mutex // a leaf, but for the mux's own
	closed      bool
	state       State
	controlling bool
	tie         uint64
	now, before *generation      // before: of what a restart replaces, until another way is found
	places      []netip.AddrPort // proved addresses, oldest first
	due         int64            // of the bucket of requests
	timer       *time.Timer
	out         stun.Message // for checks that the timer sends
}

// way is where packets go. It is immutable.
type way struct {
	socket *socket
	local  netip.Addr // of ours; invalid where the socket has only one
	remote netip.AddrPort
}

// generation is what belongs to one pair of credentials: a restart begins another (RFC 8445 §9).
type generation struct {
	local, remote Credentials
	pairs         []*pair
	ended         bool // the peer has no more candidates
	selected      *pair
	succeeded     int64 // when the first pair did
	next          int64 // when another check may be sent
}

// pair is a way that may work: from our port to an address of the peer's.
type pair struct {
	way
	priority  uint32 // of the peer's candidate
	progress  progress
	triggered bool // the peer's check came: ours is next (RFC 8445 §7.3.1.4)
	nominated bool // by the peer
	use       bool // we nominate it
	asked     bool // the last check said that we control
	tx        txid
	tried     int
	due       int64 // when the answer is late
	consented int64 // last answer
}

// progress is a pair's state (RFC 8445 §6.1.2.6); none is frozen, because each leg has one component.
type progress uint8

const (
	waiting progress = iota
	checking
	succeeded
	failed
)

var errMuxClosed = errors.New("ice: the port is closed")

// Open makes an agent, whose credentials and candidates are there at once.
func (m *Mux) Open(cfg AgentConfig) (*Agent, error) {
	a := &Agent{mux: m, cfg: cfg, controlling: cfg.Controlling, tie: m.cfg.Random.Uint64()}
	a.now = a.generationLocked()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errMuxClosed
	}
	m.ufrags[a.now.local.Ufrag] = a
	return a, nil
}

func (a *Agent) generationLocked() *generation {
	r := a.mux.cfg.Random
	return &generation{local: Credentials{Ufrag: r.Token(ufragSize), Pwd: r.Token(pwdSize), Lite: !a.mux.cfg.Full}}
}

// Local gives our credentials, which change at a restart.
func (a *Agent) Local() Credentials {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now.local
}

// Candidates gives ours, best first: the port at each address that this peer may be told.
func (a *Agent) Candidates() []Candidate {
	var list []Candidate
	for _, v6 := range [...]bool{true, false} {
		var s *socket
		for _, t := range a.mux.sockets {
			if t.v6 == v6 {
				s = t
				break
			}
		}
		if s == nil {
			continue
		}
		addr := a.mux.cfg.Advertise(a.cfg.Peer, v6)
		if !addr.IsValid() || addr.IsUnspecified() {
			continue
		}
		foundation := "1"
		if v6 {
			foundation = "2"
		}
		list = append(list, Candidate{
			Foundation: foundation, Component: 1, Transport: "udp", Priority: priority(Host, addr),
			Addr: netip.AddrPortFrom(addr, s.port), Kind: Host,
		})
	}
	return list
}

// Restart begins another generation, which our next offer has the credentials of (RFC 8445 §9). Packets flow on as
// they do until it has found a way. A second restart before that replaces the first.
func (a *Agent) Restart() Credentials {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.closed {
		a.restartLocked()
	}
	return a.now.local
}

func (a *Agent) restartLocked() {
	if a.before == nil || a.now.selected != nil {
		a.retireLocked(a.before)
		a.before = a.now
	} else {
		a.retireLocked(a.now)
	}
	a.now = a.generationLocked()
	a.mux.mu.Lock()
	a.mux.ufrags[a.now.local.Ufrag] = a
	a.mux.mu.Unlock()
}

// retireLocked forgets a generation's name.
func (a *Agent) retireLocked(g *generation) {
	if g == nil {
		return
	}
	a.mux.mu.Lock()
	delete(a.mux.ufrags, g.local.Ufrag)
	a.mux.mu.Unlock()
}

// SetRemote takes the peer's credentials. New ones where others held are the peer's restart, and begin a generation
// of ours too (RFC 8839 §4.4.1): restarted is true, and Local gives what to answer with. Those of before a restart
// take it back.
func (a *Agent) SetRemote(c Credentials) (restarted bool) {
	if !c.Valid() {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.now
	switch {
	case a.closed || g.remote == c:
		return false
	case a.before != nil && a.before.remote == c && g.selected == nil:
		a.retireLocked(g)
		a.now, a.before = a.before, nil
		return false
	case g.remote.Ufrag != "":
		a.restartLocked()
		g, restarted = a.now, true
	}
	g.remote = c
	if c.Lite { // who is lite never controls one who is not (RFC 8445 §6.1.1)
		a.controlling = a.mux.cfg.Full || a.cfg.Controlling
	} else if !a.mux.cfg.Full {
		a.controlling = false
	}
	a.wakeLocked()
	return restarted
}

// SetAnswer takes the credentials of a peer that answers our offer. Where others held, and no restart of ours is under
// way, another device has answered the same offer: the search begins again with the credentials that it was told.
func (a *Agent) SetAnswer(c Credentials) {
	a.mu.Lock()
	g := a.now
	if !a.closed && c.Valid() && g.remote.Ufrag != "" && g.remote != c && (a.before == nil || a.before.remote != c) {
		g.remote, g.pairs, g.selected, g.succeeded, g.ended = Credentials{}, nil, nil, 0, false
	}
	a.mu.Unlock()
	a.SetRemote(c)
}

// Direct is told that the peer has no ICE, and is at an address of its description: packets go there, and are taken
// from there, without a proof (RFC 8445 §7.2.2 asks for one only of who has ICE). It does nothing once there is a way, draws
// no packets away from another leg, and the handler is not told: it knows.
func (a *Agent) Direct(to netip.AddrPort) {
	m := a.mux
	a.mu.Lock()
	m.mu.RLock()
	other := m.places[to]
	m.mu.RUnlock()
	s := m.socketFor(to.Addr())
	if a.closed || s == nil || to.Port() == 0 || other != nil && other != a || a.now.remote.Ufrag != "" || a.way.Load() != nil {
		a.mu.Unlock()
		return
	}
	g := a.now
	g.remote.Lite = true // it sends no checks and answers none: there is no consent to wait for
	p := &pair{way: way{socket: s, remote: to}, progress: succeeded}
	g.pairs = []*pair{p}
	a.admitLocked(to)
	a.selectLocked(g, p)
	a.mu.Unlock()
}

// AddRemote takes a candidate of the peer's, at any time (RFC 8838 §11). Those of another generation, those that no
// check can go to and those above the limit are passed over.
func (a *Agent) AddRemote(c Candidate) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.now
	if a.closed || !c.Usable() || c.Ufrag != "" && g.remote.Ufrag != "" && c.Ufrag != g.remote.Ufrag {
		return
	}
	s := a.mux.socketFor(c.Addr.Addr())
	if s == nil {
		return
	}
	for _, p := range g.pairs {
		if p.remote == c.Addr {
			p.priority = max(p.priority, c.Priority)
			return
		}
	}
	if len(g.pairs) >= maxCandidates {
		return
	}
	g.pairs = append(g.pairs, &pair{way: way{socket: s, remote: c.Addr}, priority: c.Priority})
	a.wakeLocked()
}

// EndOfCandidates says that the peer has told all of its candidates (RFC 8838 §13).
func (a *Agent) EndOfCandidates() {
	a.mu.Lock()
	a.now.ended = true
	a.mu.Unlock()
}

// Send sends a packet to the peer by the way that was found. It reports whether there is one and the system took the
// packet.
func (a *Agent) Send(p []byte) bool {
	w := a.way.Load()
	return w != nil && w.socket.send(p, w.remote, w.local)
}

// Remote is where packets go; invalid while nowhere.
func (a *Agent) Remote() netip.AddrPort {
	if w := a.way.Load(); w != nil {
		return w.remote
	}
	return netip.AddrPort{}
}

// State is how the agent stands.
func (a *Agent) State() State {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state
}

// Close gives the agent's share of the port back. It may be called again.
func (a *Agent) Close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return
	}
	a.closed = true
	a.way.Store(nil)
	if a.timer != nil {
		a.timer.Stop()
	}
	a.retireLocked(a.now)
	a.retireLocked(a.before)
	a.mux.mu.Lock()
	for _, p := range a.places {
		if a.mux.places[p] == a {
			delete(a.mux.places, p)
		}
	}
	a.mux.mu.Unlock()
	a.places = nil
}

// admitLocked has packets from an address reach the leg: a check was proved from there. The source of a check is easily
// forged by one who may make calls, so an address at which another leg's peer talks stays that one's.
func (a *Agent) admitLocked(from netip.AddrPort) {
	m := a.mux
	m.mu.RLock()
	other := m.places[from]
	m.mu.RUnlock()
	if other == a || other.talks(from) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	a.places = append(slices.DeleteFunc(a.places, func(p netip.AddrPort) bool { return p == from }), from)
	m.places[from] = a
	if len(a.places) <= maxPlaces {
		return
	}
	w := a.way.Load()
	for i, p := range a.places { // the oldest goes, but never the one in use
		if w != nil && p == w.remote {
			continue
		}
		if m.places[p] == a {
			delete(m.places, p)
		}
		a.places = slices.Delete(a.places, i, i+1)
		return
	}
}

// talks reports whether the peer of a leg has just been heard at an address by which its packets go. Nobody does not.
func (a *Agent) talks(at netip.AddrPort) bool {
	return a != nil && a.Remote() == at && a.mux.now()-a.heard.Load() < int64(talking)
}

// selectLocked has packets go by p from now on. It reports what is to be told.
func (a *Agent) selectLocked(g *generation, p *pair) (told bool) {
	old := a.way.Load()
	g.selected = p
	if g == a.now && a.before != nil {
		a.retireLocked(a.before)
		a.before = nil
	}
	a.consentedLocked(p, a.mux.now())
	if old != nil && *old == p.way && a.state == Found {
		return false
	}
	w := p.way
	a.way.Store(&w)
	a.state = Found
	return true
}

// tell tells the leg how the agent stands. The agent's lock is not held.
func (a *Agent) tell(told bool) {
	if told {
		a.cfg.Handler.State(a.State())
	}
}
