package access

import (
	"sync"
	"time"

	"santral/call"
	"santral/tenant"
)

// Channels counts the calls of every account over all of its devices, of every trunk, of the pools that trunks share and of
// every tenant with the outside, and admits a call only while there is room: a SIP Phone line has exactly one channel. It
// implements call.Channels. An emergency is always admitted (decision 054).
type Channels struct {
	current func() *tenant.Snapshot
	nearly  func(Nearly)

	mu      sync.Mutex // a leaf
	lines   map[account]*line
	trunks  map[account]*group
	pools   map[account]*group
	tenants map[string]*outside
	refused [len(refusalNames)]uint64
	urgent  uint64
}

// account is a key within a tenant: the number of an account, the name of a trunk, of a pool.
type account struct{ tenant, number string }

// line is what goes on on an account. A call counts once however often the account is in it.
type line struct {
	uses []*use
	held int // of them, those that the account's phone holds
}

// use is one party's part in a call.
type use struct {
	of       call.Taking
	house    *Channels
	began    time.Time
	line     *line // of an account
	trunk    *group
	pool     *group // that the trunk shares
	away     bool   // of a trunk: the call goes away from the customer
	held     bool
	leaving  bool // it was told to end for an emergency
	released bool
}

// refusal is why a call was not admitted.
type refusal uint8

const (
	refusedLine refusal = iota
	refusedState
	refusedTrunk
	refusedTrunkIn
	refusedTrunkOut
	refusedReserved
	refusedTrunkRate
	refusedPool
	refusedTenant
	refusedTenantIn
	refusedTenantOut
	refusedTenantRate
)

var refusalNames = [...]string{
	"line", "state", "trunk", "trunk in", "trunk out", "reserved", "trunk rate", "pool", "tenant", "tenant in", "tenant out", "tenant rate",
}

// NewChannels counts by the snapshot that current gives. nearly is told when a trunk or a pool is nearly full and when
// it no longer is; nil for nobody. It must not wait, and is called without any lock.
func NewChannels(current func() *tenant.Snapshot, nearly func(Nearly)) *Channels {
	if nearly == nil {
		nearly = func(Nearly) {}
	}
	return &Channels{
		current: current, nearly: nearly, lines: map[account]*line{}, trunks: map[account]*group{}, pools: map[account]*group{}, tenants: map[string]*outside{},
	}
}

// Take takes a channel of an account or a trunk for a call (call.Channels).
func (c *Channels) Take(t call.Taking) call.Taken {
	if t.Trunk != "" {
		return c.takeTrunk(t)
	}
	return c.takeLine(t)
}

// takeLine takes a channel of an account. An account that calls itself is busy, as on a copper line.
func (c *Channels) takeLine(t call.Taking) call.Taken {
	a := c.current().Account(t.Tenant, t.Account)
	if a == nil && !t.Lives {
		return call.Taken{Refusal: &call.NotFound}
	}
	key := account{t.Tenant, t.Account}
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lines[key]
	if l == nil {
		l = &line{}
	}
	var taken call.Taken
	switch {
	case t.Lives:
	case !t.Emergency:
		if no := barred(a.State, t.Dir == call.In); no != nil {
			return c.refuseLocked(refusedState, no)
		}
		if l.of(t.Call) != nil || len(l.uses) >= l.most(a, t.Dir) {
			if t.Dir == call.In {
				return c.refuseLocked(refusedLine, &call.LineInUse)
			}
			return c.refuseLocked(refusedLine, &call.Busy)
		}
	case len(l.uses) >= a.Channels:
		taken.Preempted = preempt(l.uses, call.UnknownDirection)
	}
	u := &use{of: t, house: c, began: time.Now(), line: l}
	l.uses = append(l.uses, u)
	c.lines[key] = l
	c.admittedLocked(&t)
	taken.Release = u.release
	return taken
}

// most is how many calls an account may have when one more begins.
func (l *line) most(a *tenant.Account, dir call.Direction) int {
	if a.SharedConsultation && dir == call.In && l.held > 0 {
		return a.Channels + 1 // the consultation call, while the first is held
	}
	return a.Channels
}

// of finds a call.
func (l *line) of(id call.ID) *use {
	if l != nil {
		for _, u := range l.uses {
			if u.of.Call == id {
				return u
			}
		}
	}
	return nil
}

// barred is why a number in a state takes no part in a call: one that it makes, or one that it gets; nil when it may.
func barred(s tenant.NumberState, out bool) *call.Cause {
	switch s {
	case tenant.NumberActive, tenant.NumberPorting:
		return nil
	case tenant.NumberBarred, tenant.NumberSuspended:
		if out {
			return &call.Barred
		}
		if s == tenant.NumberBarred {
			return nil
		}
		return &call.OutOfService
	}
	if out {
		return &call.Barred
	}
	return &call.NotFound
}

// preempt chooses whose channel an emergency gets: of the calls that are none, the one that has gone on longest. dir
// bounds it to calls of a direction; unknown is both. nil when there are only emergencies, which then share what there is.
func preempt(uses []*use, dir call.Direction) *call.Taking {
	var victim *use
	for _, u := range uses {
		if u.of.Emergency || u.leaving || dir != call.UnknownDirection && u.of.Dir != dir {
			continue
		}
		if victim == nil || u.began.Before(victim.began) {
			victim = u
		}
	}
	if victim == nil {
		return nil
	}
	victim.leaving = true
	of := victim.of
	return &of
}

// release gives back what a use has taken. It may be called again.
func (u *use) release() {
	c := u.house
	c.mu.Lock()
	if u.released {
		c.mu.Unlock()
		return
	}
	u.released = true
	if l := u.line; l != nil {
		l.uses = without(l.uses, u)
		if u.held {
			l.held--
		}
		if len(l.uses) == 0 {
			delete(c.lines, account{u.of.Tenant, u.of.Account})
		}
		c.mu.Unlock()
		return
	}
	now := time.Now()
	trunk, pool := u.trunk.leave(u, now), Nearly{}
	if u.pool != nil {
		pool = u.pool.leave(u, now)
	}
	c.mu.Unlock()
	c.tell(trunk, pool)
}

// without takes one out of a list, whose order does not matter.
func without(list []*use, u *use) []*use {
	for i, o := range list {
		if o == u {
			last := len(list) - 1
			list[i], list[last] = list[last], nil
			return list[:last]
		}
	}
	return list
}

// Held notes that an account's phone holds a call, or no longer does (call.HoldWatcher). Calls that
// were not counted are not noted.
func (c *Channels) Held(id call.ID, tenantID, number string, held bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lines[account{tenantID, number}]
	u := l.of(id)
	if u == nil || u.held == held {
		return
	}
	if u.held = held; held {
		l.held++
	} else {
		l.held--
	}
}

// InUse gives how many channels of an account are taken.
func (c *Channels) InUse(tenantID, number string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.lines[account{tenantID, number}]; l != nil {
		return len(l.uses)
	}
	return 0
}

// refuseLocked counts a refusal.
func (c *Channels) refuseLocked(why refusal, cause *call.Cause) call.Taken {
	c.refused[why]++
	return call.Taken{Refusal: cause}
}

// admittedLocked counts emergencies, each where its caller's part begins.
func (c *Channels) admittedLocked(t *call.Taking) {
	if t.Emergency && t.Dir == call.In && !t.Lives {
		c.urgent++
	}
}

// Refused counts the calls that were not admitted, by reason.
func (c *Channels) Refused() map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := make(map[string]uint64, len(refusalNames))
	for i, name := range refusalNames {
		counts[name] = c.refused[i]
	}
	return counts
}

// Emergencies counts the emergency calls that were made.
func (c *Channels) Emergencies() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.urgent
}
