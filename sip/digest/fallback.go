package digest

import (
	"hash/maphash"
	"sync"
	"time"

	"santral/sip"
)

// A client that cannot read two challenges, or not the first of them, comes back without an answer:
// SIPp and JsSIP look at the first challenge alone, baresip 1.0 gives up when SHA-256 is among them.
// Such a client is offered MD5 alone the next time, where the realm offers it (RFC 8760 §2.4 leaves
// room for that). A client is an address, a User-Agent and the user that it claims to be; users that
// do not exist are treated alike. Once a client has answered MD5 alone, its address and User-Agent
// are remembered for all of its requests, unless they have answered two challenges as well.

// patience is how long an unanswered challenge is held against a client. baresip tries again after
// half a minute to a minute at first.
const patience = 5 * time.Minute

// clients is the bounded memory of that. It is filled by strangers, so an old generation is simply
// forgotten: what that costs is one more attempt of a weak client.
type clients struct {
	mu   sync.Mutex
	seed maphash.Seed
	met  generations[meeting] // by address, User-Agent and claimed user
	kind generations[habit]   // by address and User-Agent; only right answers get in
}

// meeting is a challenge with more than MD5 that is not answered yet.
type meeting struct {
	at      int64  // when, seconds
	request uint64 // which request: a retransmission gets the same challenge
	onlyMD5 bool   // it came back without an answer
}

// habit is what a client has been able to answer.
type habit uint8

const (
	answersMD5  habit = 1 << iota // MD5 alone
	answersMany                   // one of several
)

type generations[V any] struct {
	limit    int
	cur, old map[uint64]V
}

func (g *generations[V]) get(k uint64) (v V, ok bool) {
	if v, ok = g.cur[k]; !ok {
		v, ok = g.old[k]
	}
	return v, ok
}

func (g *generations[V]) put(k uint64, v V) {
	if _, here := g.cur[k]; !here && len(g.cur) >= g.limit || g.cur == nil {
		g.old, g.cur = g.cur, make(map[uint64]V)
	}
	g.cur[k] = v
}

func (g *generations[V]) del(k uint64) {
	delete(g.cur, k)
	delete(g.old, k)
}

func newClients(limit int) *clients {
	return &clients{seed: maphash.MakeSeed(), met: generations[meeting]{limit: limit}, kind: generations[habit]{limit: limit}}
}

// who are the keys of a request's sender.
type who struct {
	device, claim, request uint64
}

func (c *clients) who(req *sip.Message, flow sip.Flow) who {
	var h maphash.Hash
	h.SetSeed(c.seed)
	addr := flow.Remote.Addr().As16()
	h.Write(addr[:])
	if !flow.Transport.Stream() { // each connection has a port of its own
		h.WriteByte(byte(flow.Remote.Port() >> 8))
		h.WriteByte(byte(flow.Remote.Port()))
	}
	h.WriteString(req.Get(sip.UserAgent))
	device := h.Sum64()
	from, _ := req.From()
	h.WriteByte(0)
	h.WriteString(from.URI.User)
	h.WriteByte('@')
	h.WriteString(from.URI.Host)
	claim := h.Sum64()
	h.Reset()
	h.WriteString(req.CallID())
	h.WriteByte(0)
	h.WriteString(req.Get(sip.CSeqKind))
	return who{device, claim, h.Sum64()}
}

// challenged notes that a request without credentials is about to be challenged, and tells whether
// to offer MD5 alone.
func (c *clients) challenged(w who) (onlyMD5 bool) {
	now := time.Now().Unix()
	c.mu.Lock()
	defer c.mu.Unlock()
	if h, _ := c.kind.get(w.device); h == answersMD5 {
		return true
	}
	m, ok := c.met.get(w.claim)
	switch {
	case !ok || now-m.at > int64(patience/time.Second):
		m = meeting{at: now, request: w.request}
	case m.request != w.request:
		m = meeting{at: now, request: w.request, onlyMD5: true}
	}
	c.met.put(w.claim, m)
	return m.onlyMD5
}

// again tells whether to offer MD5 alone to a client whose credentials were not accepted.
func (c *clients) again(w who) (onlyMD5 bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h, _ := c.kind.get(w.device); h == answersMD5 {
		return true
	}
	m, _ := c.met.get(w.claim)
	return m.onlyMD5
}

// accepted notes right credentials.
func (c *clients) accepted(w who) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, ok := c.met.get(w.claim)
	if !ok {
		return
	}
	c.met.del(w.claim)
	h, _ := c.kind.get(w.device)
	now := h | answersMany
	if m.onlyMD5 {
		now = h | answersMD5
	}
	if now != h {
		c.kind.put(w.device, now)
	}
}

// size tells how many clients are remembered.
func (c *clients) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.met.cur) + len(c.met.old) + len(c.kind.cur) + len(c.kind.old)
}

// Authenticate judges a request by those of its credentials that name this realm; field is
// sip.Authorization or sip.ProxyAuthorization. Where the verdict wants a challenge, challenges are
// its values: MD5 alone for a client that has shown that it cannot read more.
func (s *Server) Authenticate(req *sip.Message, field sip.Kind, flow sip.Flow, lookup Lookup) (user string, r Result, challenges []string) {
	source := flow.Remote.Addr()
	r = Missing
	for value := range req.Values(field) {
		u, v := s.Check(req.Method, req.RequestURI, value, source, lookup)
		if v == Missing {
			continue // for another realm, or another scheme
		}
		user, r = u, v
		break
	}
	choice := len(s.offered) > 1 && s.offers(MD5)
	switch {
	case r == Malformed:
		return user, r, nil
	case r == Accepted:
		if choice {
			s.clients.accepted(s.clients.who(req, flow))
		}
		return user, r, nil
	}
	onlyMD5 := false
	if choice {
		w := s.clients.who(req, flow)
		if r == Missing {
			onlyMD5 = s.clients.challenged(w)
		} else {
			onlyMD5 = s.clients.again(w)
		}
	}
	return user, r, s.Challenge(source, onlyMD5, r == Stale)
}
