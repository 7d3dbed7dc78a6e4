package access

import (
	"sync"

	"santral/call"
	"santral/tenant"
)

// Channels counts the calls of every account over all of its devices and of every trunk, and admits a
// call only while there is a channel left: a SIP Phone line has exactly one. It implements
// call.Channels.
type Channels struct {
	current func() *tenant.Snapshot

	mu     sync.Mutex
	used   map[account]map[call.ID]int  // calls of an account; a call counts once however often the account is in it
	held   map[account]map[call.ID]bool // of these, the ones that the account's phone holds
	trunks map[account]*trunkUse        // by tenant and name
}

type account struct{ tenant, number string }

// NewChannels counts by the snapshot that current gives.
func NewChannels(current func() *tenant.Snapshot) *Channels {
	return &Channels{
		current: current, used: map[account]map[call.ID]int{}, held: map[account]map[call.ID]bool{}, trunks: map[account]*trunkUse{},
	}
}

// Take takes a channel of an account for a call. The channel is free again once every release of
// the call has been called. An account that calls itself is busy, as on a copper line.
func (c *Channels) Take(id call.ID, tenantID, number string, dir call.Direction) (release func(), refusal *call.Cause) {
	a := c.current().Account(tenantID, number)
	if a == nil {
		return nil, &call.NotFound
	}
	key := account{tenantID, number}
	c.mu.Lock()
	defer c.mu.Unlock()
	calls := c.used[key]
	limit := a.Channels
	if a.SharedConsultation && dir == call.In && len(c.held[key]) > 0 {
		limit++ // the consultation call, while the first is held
	}
	if _, again := calls[id]; again || len(calls) >= limit {
		if dir == call.In {
			return nil, &call.LineInUse
		}
		return nil, &call.Busy
	}
	if calls == nil {
		calls = map[call.ID]int{}
		c.used[key] = calls
	}
	calls[id]++
	var once sync.Once
	return func() { once.Do(func() { c.release(key, id) }) }, nil
}

func (c *Channels) release(key account, id call.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	calls := c.used[key]
	if calls[id]--; calls[id] <= 0 {
		delete(calls, id)
		c.resume(key, id)
	}
	if len(calls) == 0 {
		delete(c.used, key)
	}
}

// Held notes that an account's phone holds a call, or no longer does (call.HoldWatcher). Calls that
// were not counted are not noted.
func (c *Channels) Held(id call.ID, tenantID, number string, held bool) {
	key := account{tenantID, number}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !held:
		c.resume(key, id)
	case c.used[key][id] > 0:
		if c.held[key] == nil {
			c.held[key] = map[call.ID]bool{}
		}
		c.held[key][id] = true
	}
}

// resume forgets that a call is held; mu is held.
func (c *Channels) resume(key account, id call.ID) {
	delete(c.held[key], id)
	if len(c.held[key]) == 0 {
		delete(c.held, key)
	}
}

// InUse gives how many channels of an account are taken.
func (c *Channels) InUse(tenantID, number string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.used[account{tenantID, number}])
}
