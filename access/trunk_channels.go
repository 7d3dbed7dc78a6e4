package access

import (
	"time"

	"santral/call"
	"santral/tenant"
)

// Shares of its channels at which a trunk or a pool is nearly full, and is no longer. Between them nothing is said.
const (
	nearlyFull = 0.8
	roomAgain  = 0.7
)

// Nearly is told of a trunk or a pool that is nearly full, and when it no longer is.
type Nearly struct {
	Tenant string // whose it is
	Trunk  string
	Pool   string // Trunk is "" then
	Full   bool   // four fifths of the channels are taken; false: fewer than seven tenths are again
	Used   int
	Limit  int
}

// group is what goes on on a trunk, or on a pool.
type group struct {
	key    account
	pool   bool
	uses   []*use
	counts [call.Out + 1]int // by direction
	away   int               // of them, those that go away from the customer
	limit  int               // as it was known last
	nearly bool
	pace   pace
}

// takeTrunk takes a channel of a trunk, and of its pool, in the direction that the call has seen from here.
func (c *Channels) takeTrunk(t call.Taking) call.Taken {
	s := c.current()
	k := s.Trunk(t.Tenant, t.Trunk)
	switch {
	case t.Dir != call.In && t.Dir != call.Out, k == nil && !t.Lives:
		return call.Taken{Refusal: &call.NotFound}
	case k == nil: // it is no longer configured, and its calls go on
		k = &tenant.Trunk{Channels: 1 << 30}
	}
	u := &use{of: t, house: c, began: time.Now(), away: (t.Dir == call.In) == k.PBX}
	pool := poolOf(s, k)
	c.mu.Lock()
	taken := c.joinLocked(u, k, pool)
	trunk, shared := u.trunk.judge(), u.pool.judge()
	c.mu.Unlock()
	c.tell(trunk, shared)
	return taken
}

// joinLocked admits a use to its trunk and its pool, or refuses it at both.
func (c *Channels) joinLocked(u *use, k *tenant.Trunk, pool *tenant.Pool) (taken call.Taken) {
	t := &u.of
	g := groupOf(c.trunks, account{t.Tenant, t.Trunk}, k.Channels, false)
	var p *group
	if pool != nil {
		p = groupOf(c.pools, account{t.Tenant, pool.ID}, pool.Channels, true)
	}
	own := k.ChannelsIn
	if t.Dir == call.Out {
		own = k.ChannelsOut
	}
	switch {
	case t.Lives:
	case t.Emergency:
		switch {
		case own > 0 && g.counts[t.Dir] >= own:
			taken.Preempted = preempt(g.uses, t.Dir)
		case len(g.uses) >= k.Channels:
			taken.Preempted = preempt(g.uses, call.UnknownDirection)
		case p != nil && len(p.uses) >= pool.Channels:
			taken.Preempted = preempt(p.uses, call.UnknownDirection)
		}
	default:
		if k.PBX {
			if no := barred(k.State, t.Dir == call.In); no != nil {
				return c.refuseLocked(refusedState, no)
			}
		}
		if why, full := g.full(u, k, own, p, pool); full {
			return c.refuseLocked(why, &call.NoChannel)
		}
		if !g.pace.mayBegin(k.Rate, u.began) {
			return c.refuseLocked(refusedTrunkRate, &call.TooFast)
		}
	}
	g.enter(u)
	u.trunk = g
	if p != nil {
		p.enter(u)
		u.pool = p
	}
	c.admittedLocked(t)
	taken.Release = u.release
	return taken
}

// full reports that a trunk or its pool has no room for a use, and why.
func (g *group) full(u *use, k *tenant.Trunk, own int, p *group, pool *tenant.Pool) (why refusal, full bool) {
	switch {
	case len(g.uses) >= k.Channels:
		return refusedTrunk, true
	case own > 0 && g.counts[u.of.Dir] >= own:
		if u.of.Dir == call.In {
			return refusedTrunkIn, true
		}
		return refusedTrunkOut, true
	case u.away && k.Reserved > 0 && g.away >= k.Channels-k.Reserved:
		return refusedReserved, true
	case p == nil:
		return 0, false
	case len(p.uses) >= pool.Channels:
		return refusedPool, true
	case u.away && pool.Reserved > 0 && p.away >= pool.Channels-pool.Reserved:
		return refusedReserved, true
	}
	return 0, false
}

// groupOf finds a group, or makes it.
func groupOf(groups map[account]*group, key account, limit int, pool bool) *group {
	g := groups[key]
	if g == nil {
		g = &group{key: key, pool: pool}
		groups[key] = g
	}
	g.limit = limit
	return g
}

// enter counts a use.
func (g *group) enter(u *use) {
	g.uses = append(g.uses, u)
	g.counts[u.of.Dir]++
	if u.away {
		g.away++
	}
}

// leave counts one off. It gives what is to be told.
func (g *group) leave(u *use, _ time.Time) Nearly {
	g.uses = without(g.uses, u)
	g.counts[u.of.Dir]--
	if u.away {
		g.away--
	}
	return g.judge()
}

// judge tells when the group has become nearly full, or no longer is; Limit 0 is nothing to tell.
func (g *group) judge() Nearly {
	if g == nil {
		return Nearly{}
	}
	used, limit := float64(len(g.uses)), float64(g.limit)
	switch {
	case !g.nearly && used >= nearlyFull*limit:
		g.nearly = true
	case g.nearly && used < roomAgain*limit:
		g.nearly = false
	default:
		return Nearly{}
	}
	n := Nearly{Tenant: g.key.tenant, Trunk: g.key.number, Full: g.nearly, Used: len(g.uses), Limit: g.limit}
	if g.pool {
		n.Trunk, n.Pool = "", g.key.number
	}
	return n
}

// tell says what there is to say of groups. No lock is held.
func (c *Channels) tell(list ...Nearly) {
	for _, n := range list {
		if n.Limit > 0 {
			c.nearly(n)
		}
	}
}

// poolOf is the pool that a trunk shares, nil for none.
func poolOf(s *tenant.Snapshot, k *tenant.Trunk) *tenant.Pool {
	if k.Pool == "" {
		return nil
	}
	pools := s.Operator().Pools
	if t := s.Tenant(k.Tenant); t != nil {
		pools = t.Pools
	}
	for i := range pools {
		if pools[i].ID == k.Pool {
			return &pools[i]
		}
	}
	return nil
}

// pace bounds how many calls begin within any one second.
type pace struct {
	began []time.Time // of the last calls, as many as may begin in a second; the oldest is at next
	next  int
}

// mayBegin notes a call that begins, unless rate calls have begun within the second before it. A rate of 0 is no bound.
func (p *pace) mayBegin(rate int, now time.Time) bool {
	if rate == 0 {
		return true
	}
	if len(p.began) != rate {
		p.resize(rate)
	}
	if oldest := p.began[p.next]; !oldest.IsZero() && now.Sub(oldest) < time.Second {
		return false
	}
	p.began[p.next] = now
	p.next = (p.next + 1) % rate
	return true
}

// resize follows a rate that was changed: the latest calls still count.
func (p *pace) resize(rate int) {
	old := make([]time.Time, 0, len(p.began))
	for i := range p.began { // the oldest first
		old = append(old, p.began[(p.next+i)%len(p.began)])
	}
	p.began, p.next = make([]time.Time, rate), 0
	copy(p.began[max(rate-len(old), 0):], old[max(len(old)-rate, 0):])
}

// Use is how far the channels of a trunk are taken.
type Use struct {
	Tenant, Trunk string
	In, Out       int // calls now
	Limit         int // calls that there may be at once
	Nearly        bool
}

// TrunkUses gives the use of all trunks that are configured.
func (c *Channels) TrunkUses() (list []Use) {
	for k := range c.current().Trunks() {
		list = append(list, Use{Tenant: k.Tenant, Trunk: k.Name, Limit: k.Channels})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range list {
		u := &list[i]
		if g := c.trunks[account{u.Tenant, u.Trunk}]; g != nil {
			u.In, u.Out = g.inUse()
			u.Nearly = g.nearly
		}
	}
	return list
}

// TrunkInUse gives how many channels of a trunk are taken by calls in and out.
func (c *Channels) TrunkInUse(tenantID, name string) (in, out int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trunks[account{tenantID, name}].inUse()
}

// PoolInUse gives how many channels of a pool are taken by calls in and out of its trunks.
func (c *Channels) PoolInUse(tenantID, id string) (in, out int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pools[account{tenantID, id}].inUse()
}

func (g *group) inUse() (in, out int) {
	if g == nil {
		return 0, 0
	}
	return g.counts[call.In], g.counts[call.Out]
}
