package ice

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/pion/stun/v4"
)

// request serves a check of the peer's, which r.in holds (RFC 8445 §7.3).
func (a *Agent) request(r *reader, ours, theirs string, from netip.AddrPort, local netip.Addr) {
	m := a.mux
	now := m.now()
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return
	}
	a.due = max(a.due, now-int64(requestBurst*requestEvery)) + int64(requestEvery)
	if a.due > now {
		a.due -= int64(requestEvery)
		a.mu.Unlock()
		m.stats.crowded.Add(1)
		return
	}
	g := a.now
	if a.before != nil && a.before.local.Ufrag == ours {
		g = a.before
	}
	pwd := g.local.Pwd
	if g.local.Ufrag != ours || g.remote.Ufrag != "" && g.remote.Ufrag != theirs || stun.NewShortTermIntegrity(pwd).Check(&r.in) != nil {
		a.mu.Unlock()
		m.stats.forged.Add(1)
		return
	}
	if unknown := unknownIn(&r.in); len(unknown) > 0 { // RFC 8489 §6.3.1
		a.mu.Unlock()
		r.socket.send(puzzled(&r.out, r.in.TransactionID, unknown, pwd), from, local)
		return
	}
	if !a.roleLocked(&r.in, g) { // RFC 8445 §7.3.1.1
		a.mu.Unlock()
		r.socket.send(refusal(&r.out, r.in.TransactionID, stun.CodeRoleConflict, pwd), from, local)
		return
	}
	a.heard.Store(now)
	a.admitLocked(from)
	p := g.find(from, r.socket, local, &r.in)
	told := a.checkedLocked(g, p, r.in.Contains(stun.AttrUseCandidate), now)
	a.mu.Unlock()
	r.socket.send(success(&r.out, r.in.TransactionID, from, pwd), from, local)
	a.tell(told)
}

// roleLocked settles who controls when both say that they do, or neither (RFC 8445 §7.3.1.1). It is false when the
// peer is the one that has to change.
func (a *Agent) roleLocked(in *stun.Message, g *generation) bool {
	if theirs, ok := number(in, stun.AttrICEControlling); ok && a.controlling {
		if a.tie >= theirs {
			return false
		}
		a.controlling = false
	}
	if theirs, ok := number(in, stun.AttrICEControlled); ok && !a.controlling {
		if g.local.Lite || a.tie < theirs {
			return false // one who is lite does not control
		}
		a.controlling = true
	}
	return true
}

// find gives the pair of an address that a check came from: a peer-reflexive one where the peer has not told of it
// (RFC 8445 §7.3.1.3). It is nil when the peer has shown too many.
func (g *generation) find(from netip.AddrPort, s *socket, local netip.Addr, in *stun.Message) *pair {
	for _, p := range g.pairs {
		if p.remote == from {
			p.socket, p.local = s, local
			return p
		}
	}
	told, _ := number(in, stun.AttrPriority)
	p := &pair{way: way{socket: s, local: local, remote: from}, priority: uint32(told)}
	if len(g.pairs) < maxCandidates {
		g.pairs = append(g.pairs, p)
		return p
	}
	worst := -1
	for i, old := range g.pairs { // what has not worked makes room for what was proved
		if old.progress != succeeded && old != g.selected && (worst < 0 || old.priority < g.pairs[worst].priority) {
			worst = i
		}
	}
	if worst >= 0 {
		g.pairs[worst] = p
		return p
	}
	return nil
}

// checkedLocked draws what follows from a check of the peer's on p. It reports what is to be told.
func (a *Agent) checkedLocked(g *generation, p *pair, use bool, now int64) (told bool) {
	if p == nil {
		return false
	}
	if g.local.Lite { // what came and is answered works (RFC 8445 §7.3.2)
		p.progress, p.consented = succeeded, now
		if use || g.selected == nil && a.way.Load() == nil {
			if told = a.selectLocked(g, p); !use {
				g.selected = nil // until the peer has chosen
			}
		} else if g.selected == p && a.state == Lost {
			told = a.selectLocked(g, p)
		}
		if told {
			a.wakeLocked()
		}
		return told
	}
	if use && !a.controlling {
		if p.progress == succeeded { // the last choice holds: a peer that changes its network may choose a lesser pair
			return a.selectLocked(g, p)
		}
		p.nominated = p.progress != succeeded
	}
	if p.progress != succeeded && !p.triggered {
		if p.progress == failed || p.progress == waiting {
			p.tried, p.progress = 0, waiting
			p.triggered = true
		}
		a.wakeLocked()
	}
	return false
}

// response serves the answer to a check of ours, which r.in holds (RFC 8445 §7.2.5).
func (a *Agent) response(r *reader, from netip.AddrPort, local netip.Addr) {
	m := a.mux
	now := m.now()
	a.mu.Lock()
	var g *generation
	var p *pair
	for _, h := range [...]*generation{a.now, a.before} {
		if h == nil {
			continue
		}
		for _, q := range h.pairs {
			if q.tried > 0 && q.tx == r.in.TransactionID {
				g, p = h, q
			}
		}
	}
	if a.closed || p == nil {
		a.mu.Unlock()
		m.stats.unknown.Add(1)
		return
	}
	if stun.NewShortTermIntegrity(g.remote.Pwd).Check(&r.in) != nil {
		a.mu.Unlock()
		m.stats.forged.Add(1)
		return
	}
	told := false
	var code stun.ErrorCodeAttribute
	switch {
	case p.remote != from: // RFC 8445 §7.2.5.2.1: the ways there and back differ
		p.fail()
	case r.in.Type.Class == stun.ClassErrorResponse:
		if code.GetFrom(&r.in) == nil && code.Code == stun.CodeRoleConflict {
			a.controlling = !p.asked // several checks may be answered so, of which the first has changed it already
			p.progress, p.tried, p.triggered = waiting, 0, true
			a.rollLocked(p)
		} else {
			p.fail()
		}
	default:
		a.heard.Store(now)
		told = a.succeededLocked(g, p, local, now)
	}
	a.wakeLocked()
	a.mu.Unlock()
	a.tell(told)
}

// fail ends a pair, with whatever was meant to be done with it: another is to be chosen.
func (p *pair) fail() {
	p.progress, p.triggered, p.nominated, p.use = failed, false, false, false
}

func (a *Agent) succeededLocked(g *generation, p *pair, local netip.Addr, now int64) (told bool) {
	p.progress = succeeded
	a.consentedLocked(p, now)
	if local.IsValid() {
		p.local = local
	}
	a.admitLocked(p.remote)
	if g.succeeded == 0 {
		g.succeeded = now
	}
	switch {
	case p.use && a.controlling, p.nominated && !a.controlling:
		p.use, p.nominated = false, false
		return a.selectLocked(g, p)
	case g.selected == p && a.state == Lost: // consent is back
		return a.selectLocked(g, p)
	case a.way.Load() == nil: // packets may flow before the choice (RFC 8445 §12.1)
		w := p.way
		a.way.Store(&w)
		a.state = Found
		return true
	}
	return false
}

// consentedLocked takes note that the peer wants our packets, and says when it is asked again: after 5 s, varied by
// a fifth (RFC 7675 §5.1).
func (a *Agent) consentedLocked(p *pair, now int64) {
	p.consented, p.tried = now, 0
	p.due = now + int64(consentEvery) + int64(a.mux.cfg.Random.Uint64()%uint64(consentVary))
}

// wakeLocked has the timer look at once.
func (a *Agent) wakeLocked() { a.sleepLocked(0) }

func (a *Agent) sleepLocked(d time.Duration) {
	if a.closed {
		return
	}
	if a.timer == nil {
		a.timer = time.AfterFunc(d, a.look)
	} else {
		a.timer.Reset(d)
	}
}

// look is the timer: it sends the check that is due, watches over consent, and sleeps until there is more.
func (a *Agent) look() {
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return
	}
	now := a.mux.now()
	wait, told := a.consentLocked(now)
	if !a.now.local.Lite && a.now.remote.Ufrag != "" {
		wait = min(wait, a.checksLocked(a.now, now))
	} else if a.now.local.Lite && a.now.remote.Lite && a.now.selected == nil {
		told = a.bothLiteLocked(a.now) || told
	}
	a.sleepLocked(max(wait, time.Millisecond))
	a.mu.Unlock()
	a.tell(told)
}

// bothLiteLocked takes the best candidate: nobody checks (RFC 8445 §6.1.1).
func (a *Agent) bothLiteLocked(g *generation) (told bool) {
	var best *pair
	for _, p := range g.pairs {
		if best == nil || p.priority > best.priority {
			best = p
		}
	}
	if best == nil {
		return false
	}
	best.progress = succeeded
	a.admitLocked(best.remote)
	return a.selectLocked(g, best)
}

// checksLocked sends the next check of a generation, and gives the time until there is another to think of.
func (a *Agent) checksLocked(g *generation, now int64) time.Duration {
	wait := consentEnds
	if g.next > now {
		return time.Duration(g.next - now)
	}
	a.nominateLocked(g, now)
	var best *pair
	ripe := false // one waits to be chosen
	for _, p := range g.pairs {
		ripe = ripe || p.progress == succeeded
		switch {
		case p.progress == checking && p.due > now:
			wait = min(wait, time.Duration(p.due-now))
			continue
		case p.progress == checking && p.tried >= tries:
			p.fail()
			continue
		case p.progress == failed, p.progress == succeeded && !(p.use && p.due <= now):
			if p.use {
				wait = min(wait, time.Duration(p.due-now))
			}
			continue
		case g.selected != nil && !p.triggered && !p.nominated && !p.use: // the search is over (RFC 8445 §8.1.2)
			continue
		}
		if best == nil || rankOf(p) > rankOf(best) {
			best = p
		}
	}
	if best == nil {
		if g.selected == nil && ripe && a.controlling {
			wait = min(wait, pace)
		}
		return wait
	}
	if best.progress == waiting || best.tried == 0 {
		a.rollLocked(best)
		best.tried = 0
	}
	if best.progress != succeeded {
		best.progress = checking
	}
	best.triggered = false
	best.tried++
	best.due = now + int64(min(firstWait<<(best.tried-1), longestWait))
	if best.tried > tries && best.use {
		best.fail()
	}
	g.next = now + int64(pace)
	a.sendLocked(g, best)
	return pace
}

// rankOf orders checks that are due: the triggered first, then by the peer's priority.
func rankOf(p *pair) uint64 {
	r := uint64(p.priority)
	if p.triggered || p.use {
		r |= 1 << 40
	}
	return r
}

// nominateLocked chooses a pair when we control and there is enough to choose from (RFC 8445 §8.1.1).
func (a *Agent) nominateLocked(g *generation, now int64) {
	if !a.controlling || g.selected != nil || g.succeeded == 0 {
		return
	}
	var best *pair
	better := false
	for _, p := range g.pairs {
		if p.use {
			return
		}
		if p.progress == succeeded && (best == nil || p.priority > best.priority) {
			best = p
		}
	}
	if best == nil {
		return
	}
	for _, p := range g.pairs {
		better = better || p.priority > best.priority && p.progress != failed
	}
	if better && now-g.succeeded < int64(patience) {
		return
	}
	best.use, best.tried, best.due = true, 0, 0
}

// rollLocked gives a pair's next check a transaction number of its own, which begins with the name by which answers
// find the agent.
func (a *Agent) rollLocked(p *pair) {
	copy(p.tx[:], a.now.local.Ufrag[:ufragSize])
	binary.BigEndian.PutUint32(p.tx[ufragSize:], uint32(a.mux.cfg.Random.Uint64()))
}

func (a *Agent) sendLocked(g *generation, p *pair) {
	c := check{
		tx: p.tx, to: g.remote, from: g.local, controlling: a.controlling, tie: a.tie, use: p.use,
		priority: priority(PeerReflexive, p.remote.Addr()),
	}
	p.asked = a.controlling
	p.socket.send(c.write(&a.out), p.remote, p.local)
}

// consentLocked asks the peer again and again whether it wants our packets, and stops them when it has not said so
// for too long (RFC 7675 §5.1). One who is lite asks nobody, and takes what it hears for the answer. wait is the time
// until there is more to do.
func (a *Agent) consentLocked(now int64) (wait time.Duration, told bool) {
	g := a.now
	if g.selected == nil && a.before != nil {
		g = a.before
	}
	p := g.selected
	if p == nil {
		return consentEnds, false
	}
	if g.local.Lite {
		last := a.heard.Load()
		if left := time.Duration(last + int64(consentEnds) - now); left > 0 {
			return left, false
		}
		if a.state == Found && !g.remote.Lite {
			a.state, told = Lost, true
		}
		return consentEnds, told
	}
	if a.state == Found && now-p.consented > int64(consentEnds) {
		a.state, told = Lost, true
		a.way.Store(nil)
	}
	if p.due > now {
		return time.Duration(p.due - now), told
	}
	a.rollLocked(p)
	p.tried, p.due = 1, now+int64(consentAgain)
	a.sendLocked(g, p)
	return time.Duration(p.due - now), told
}
