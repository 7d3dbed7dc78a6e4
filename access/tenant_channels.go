package access

import (
	"time"

	"santral/call"
	"santral/tenant"
)

// outside is what goes on between a tenant and the outside.
type outside struct {
	in, out int
	both    int // of these, calls that count in both directions, each of which is one call
	pace    pace
}

// stay is a call with the outside, as it counts for the tenants in it.
type stay struct {
	house    *Channels
	from, to string // tenants that it goes out of and in to; "" for the outside itself
	released bool
}

// TakeOutside counts a call with the outside for the tenant that it goes out of and for the one that it comes in to, which
// a call between two tenants of this exchange has both of (call.Channels). An emergency counts and is never refused.
func (c *Channels) TakeOutside(_ call.ID, from call.Party, d *call.Destination, lives bool) call.Taken {
	s := c.current()
	u := &stay{house: c}
	u.from, u.to = sides(s, from, d)
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !lives && d.Emergency == nil {
		if why, full := c.fullLocked(s, u.from, true, now); full {
			return c.refuseLocked(why, outsideCause(why, true))
		}
		if u.to != u.from {
			if why, full := c.fullLocked(s, u.to, false, now); full {
				return c.refuseLocked(why, outsideCause(why, false))
			}
		}
		c.beganLocked(s, u.from, now)
		if u.to != u.from {
			c.beganLocked(s, u.to, now)
		}
	}
	c.countLocked(u, 1)
	return call.Taken{Release: u.release}
}

// sides says which tenant a call goes out of, and in to which; "" where that side is outside.
func sides(s *tenant.Snapshot, from call.Party, d *call.Destination) (out, in string) {
	if k := s.Trunk(from.Tenant, from.Trunk); from.Trunk == "" || k != nil && k.PBX {
		out = from.Tenant
	}
	in = d.Tenant
	if d.Kind == call.ToTrunks {
		if len(d.Ways) == 0 {
			return out, ""
		}
		w := &d.Ways[0]
		if k := s.Trunk(w.Tenant, w.Trunk); k == nil || !k.PBX {
			return out, ""
		}
		in = w.Tenant
	}
	return out, in
}

// fullLocked reports that a tenant may have no further call with the outside in a direction, and why.
func (c *Channels) fullLocked(s *tenant.Snapshot, id string, out bool, now time.Time) (why refusal, full bool) {
	t := s.Tenant(id)
	if t == nil {
		return 0, false
	}
	o := c.tenants[id]
	if o == nil {
		o = &outside{}
	}
	switch l := &t.Limits; {
	case l.Channels > 0 && o.in+o.out-o.both >= l.Channels:
		return refusedTenant, true
	case out && l.Out > 0 && o.out >= l.Out:
		return refusedTenantOut, true
	case !out && l.In > 0 && o.in >= l.In:
		return refusedTenantIn, true
	case !o.pace.has(l.Rate, now):
		return refusedTenantRate, true
	}
	return 0, false
}

// has reports whether a call may begin, without noting it.
func (p *pace) has(rate int, now time.Time) bool {
	if rate == 0 || len(p.began) == 0 {
		return true
	}
	if len(p.began) != rate {
		p.resize(rate)
	}
	oldest := p.began[p.next]
	return oldest.IsZero() || now.Sub(oldest) >= time.Second
}

// beganLocked notes that a call of a tenant begins.
func (c *Channels) beganLocked(s *tenant.Snapshot, id string, now time.Time) {
	if t := s.Tenant(id); t != nil && t.Limits.Rate > 0 {
		c.tenantLocked(id).pace.mayBegin(t.Limits.Rate, now)
	}
}

func (c *Channels) tenantLocked(id string) *outside {
	o := c.tenants[id]
	if o == nil {
		o = &outside{}
		c.tenants[id] = o
	}
	return o
}

// countLocked counts a call on, or off.
func (c *Channels) countLocked(u *stay, n int) {
	if u.from != "" {
		c.tenantLocked(u.from).out += n
	}
	if u.to != "" {
		c.tenantLocked(u.to).in += n
	}
	if u.from == u.to && u.from != "" {
		c.tenantLocked(u.from).both += n
	}
}

func (u *stay) release() {
	c := u.house
	c.mu.Lock()
	defer c.mu.Unlock()
	if !u.released {
		u.released = true
		c.countLocked(u, -1)
	}
}

// outsideCause is what a call is refused with for a tenant's limit. Whoever calls in finds it busy; a caller of its own is
// told that no channel is there, so that its phone does not try again by itself (decision 010).
func outsideCause(why refusal, out bool) *call.Cause {
	switch {
	case why == refusedTenantRate:
		return &call.TenantTooFast
	case out:
		return &call.TenantFull
	}
	return &call.Busy
}

// OutsideInUse gives how many calls a tenant has with the outside, in to it and out of it.
func (c *Channels) OutsideInUse(tenantID string) (in, out int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o := c.tenants[tenantID]; o != nil {
		return o.in, o.out
	}
	return 0, 0
}
