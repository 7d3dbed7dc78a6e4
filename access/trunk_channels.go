package access

import (
	"sync"
	"time"

	"santral/call"
)

// trunkUse is what is going on on a trunk.
type trunkUse struct {
	calls [call.Out + 1]int // by direction
	began []time.Time       // of the last calls, as many as may begin in a second; the oldest is at next
	next  int
}

// TakeTrunk takes a channel of a trunk for a call, in the direction that the call has seen from here. No
// more calls than its rate begin within any one second.
func (c *Channels) TakeTrunk(_ call.ID, tenantID, name string, dir call.Direction) (release func(), refusal *call.Cause) {
	t := c.current().Trunk(tenantID, name)
	if t == nil || dir != call.In && dir != call.Out {
		return nil, &call.NotFound
	}
	key := account{tenantID, name}
	c.mu.Lock()
	defer c.mu.Unlock()
	use := c.trunks[key]
	if use == nil {
		use = &trunkUse{}
		c.trunks[key] = use
	}
	own := t.ChannelsIn
	if dir == call.Out {
		own = t.ChannelsOut
	}
	if use.calls[call.In]+use.calls[call.Out] >= t.Channels || own > 0 && use.calls[dir] >= own {
		return nil, &call.NoChannel
	}
	if !use.mayBegin(t.Rate, time.Now()) {
		return nil, &call.TooFast
	}
	use.calls[dir]++
	var once sync.Once
	return func() {
		once.Do(func() {
			c.mu.Lock()
			use.calls[dir]--
			c.mu.Unlock()
		})
	}, nil
}

// mayBegin notes a call that begins, unless rate calls have begun within the second before it.
func (u *trunkUse) mayBegin(rate int, now time.Time) bool {
	if rate == 0 {
		return true
	}
	if len(u.began) != rate {
		u.began, u.next = make([]time.Time, rate), 0
	}
	if oldest := u.began[u.next]; !oldest.IsZero() && now.Sub(oldest) < time.Second {
		return false
	}
	u.began[u.next] = now
	u.next = (u.next + 1) % rate
	return true
}

// TrunkInUse gives how many channels of a trunk are taken by calls in and out.
func (c *Channels) TrunkInUse(tenantID, name string) (in, out int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if use := c.trunks[account{tenantID, name}]; use != nil {
		return use.calls[call.In], use.calls[call.Out]
	}
	return 0, 0
}
