package control

import (
	"time"

	"santral/call"
)

// admission is what a call has been given, until it gives it back.
type admission struct {
	release [2]func() // the channels of caller and callee
	outside func()    // what it counts for as a call with the outside
}

// take takes the channel of one party (0 the caller, 1 the callee), an account or a trunk, for as long as
// it is in the call. Limits do not apply to a trusted source, nor to whom it calls. waits reports that another call was told
// to end for this one, and does so now.
func (c *ongoing) take(party int, t call.Taking) (waits bool, refusal *call.Cause) {
	taken := c.ask(t)
	if taken.Refusal == nil {
		c.release[party] = taken.Release
	}
	return taken.Preempted != nil, taken.Refusal
}

// ask takes a channel for this call, and ends the call that an emergency takes it from.
func (c *ongoing) ask(t call.Taking) call.Taken {
	if c.from.Trusted {
		return call.Taken{}
	}
	t.Call, t.Emergency = c.id, t.Emergency || c.dest.Emergency != nil
	taken := c.house.channels.Take(t)
	if taken.Preempted != nil {
		c.house.preempt(taken.Preempted)
	}
	return taken
}

// goOutside counts the call for the tenants in it where it is with the outside. One that was counted already, for where it
// went before, has its place.
func (c *ongoing) goOutside(from call.Party, lives bool) *call.Cause {
	before := c.outside
	c.outside = nil
	if c.dest.Limited && !c.from.Trusted {
		taken := c.house.channels.TakeOutside(c.id, from, &c.dest, lives || before != nil)
		if c.outside = taken.Release; taken.Refusal != nil {
			return taken.Refusal
		}
	}
	if before != nil {
		before()
	}
	return nil
}

// preempt ends the call whose channel an emergency has got. The channel may have gone with its leg into another call than
// the one that it was taken for.
func (k *Control) preempt(t *call.Taking) {
	if c := k.find(t.Call); c != nil && c.uses(t) && c.post(func(c *ongoing) { c.stop(call.Preempted) }) {
		return
	}
	for _, c := range k.all() {
		if c.uses(t) && c.post(func(c *ongoing) { c.stop(call.Preempted) }) {
			return
		}
	}
}

// uses reports whether a leg of the call is what a channel was taken for.
func (c *ongoing) uses(t *call.Taking) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.members {
		if !m.over && m.counted == t.Call && m.tenant == t.Tenant && m.trunk == t.Trunk && (t.Trunk != "" || m.account == t.Account) {
			return true
		}
	}
	return false
}

// preemptTime is how long an emergency waits for the BYE of the call whose channel it has got to reach the trunk's other
// side, which counts too.
const preemptTime = 150 * time.Millisecond

// both makes one of two things that are given back.
func both(a, b func()) func() {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return func() {
		a()
		b()
	}
}

// giveBack releases what the call was given.
func (c *ongoing) giveBack() {
	if j := c.joining; j != nil && j.channel != nil {
		j.channel()
		j.channel = nil
	}
	for i := range c.release {
		c.giveBackOf(i)
	}
	c.leaveOutside()
}

// giveBackOf releases the channel of one party.
func (c *ongoing) giveBackOf(party int) {
	if release := c.release[party]; release != nil {
		c.release[party] = nil
		release()
	}
}

// leaveOutside ends that the call counts as one with the outside.
func (c *ongoing) leaveOutside() {
	if leave := c.outside; leave != nil {
		c.outside = nil
		leave()
	}
}
