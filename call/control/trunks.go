package control

import (
	"slices"
	"strings"
	"time"

	"santral/call"
)

// trunkSilence is how long a place of a trunk may say nothing at all while there are others to try: a call
// must come through within three seconds though its first carrier is dead. A living one says 100 within
// 200 ms (RFC 3261 §17.2.1).
const trunkSilence = 2 * time.Second

// maxPlaces bounds the places that one call tries.
const maxPlaces = 32

// seek tries the places of the call's trunks one after another, until one takes the call or has a reason
// that no other would change.
func (c *ongoing) seek() {
	if c.hops <= 0 { // RFC 3261 §16.3
		c.end(exchange, call.TooManyHops)
		return
	}
	var down []call.Target
	c.ways, down = c.house.places(&c.dest)
	for _, t := range down {
		c.passOver(t, call.NoTrunk)
	}
	if len(c.ways) == 0 {
		c.end(exchange, call.NoTrunk)
		return
	}
	c.setState(Ringing, "dialling")
	c.patience = time.Now().Add(c.house.ringTime)
	if !c.tryNext() {
		c.end(exchange, c.best)
	}
}

// places gives what a destination's ways lead to, no place twice, and the ways that lead nowhere now.
func (k *Control) places(d *call.Destination) (list, down []call.Target) {
	if k.trunks != nil {
		list = k.trunks.Targets(d.Ways, d.Told())
	}
	for i := 1; i < len(list); i++ {
		if slices.ContainsFunc(list[:i], func(o call.Target) bool { return sameTrunk(&o, &list[i]) && o.URI == list[i].URI }) {
			list = slices.Delete(list, i, i+1)
			i--
		}
	}
	list = list[:min(len(list), maxPlaces)]
	for i := range d.Ways[:min(len(d.Ways), maxPlaces)] {
		w := &d.Ways[i]
		t := call.Target{Tenant: w.Tenant, Trunk: w.Trunk, Number: w.Sent(d.Told())}
		same := func(o call.Target) bool { return sameTrunk(&o, &t) }
		if !slices.ContainsFunc(list, same) && !slices.ContainsFunc(down, same) {
			down = append(down, t)
		}
	}
	return list, down
}

// tryNext dials the next place; false when none is left. A trunk without a free channel is passed over,
// which the record shows as an attempt that ended at once.
func (c *ongoing) tryNext() bool {
	for len(c.ways) > 0 {
		t := c.ways[0]
		c.ways = c.ways[1:]
		waits := false
		if c.way == nil || !sameTrunk(&t, c.way) || c.release[1] == nil {
			c.giveBackOf(1)
			var refusal *call.Cause
			if waits, refusal = c.take(1, call.Taking{Tenant: t.Tenant, Trunk: t.Trunk, Dir: call.Out}); refusal != nil {
				c.ways = slices.DeleteFunc(slices.Clone(c.ways), func(o call.Target) bool { return sameTrunk(&o, &t) })
				c.passOver(t, *refusal)
				continue
			}
		}
		c.way, c.placeless = &t, false
		if waits {
			c.inTime(preemptTime, func(c *ongoing) {
				if c.state == Ringing {
					c.tryPlace(t)
				}
			})
		} else {
			c.tryPlace(t)
		}
		return true
	}
	return false
}

// tryPlace dials a place.
func (c *ongoing) tryPlace(t call.Target) {
	silence := trunkSilence
	if len(c.ways) == 0 {
		silence = 0 // there is nothing better to do than to wait
	}
	if len(t.Else) > 0 {
		silence = flowSilence
	}
	m := c.dial(t, silence, c.breadth)
	m.ways, m.breadth = t.Else, c.breadth
	if d := t.Patience; d > 0 && len(c.ways) > 0 && time.Until(c.patience) > d {
		c.inTime(d, (*ongoing).attemptTooLong)
	} else {
		c.inTime(time.Until(c.patience), (*ongoing).ringTimeOver)
	}
}

// passOver writes down a place that was not tried.
func (c *ongoing) passOver(t call.Target, why call.Cause) {
	if c.best.SIP == 0 || rank(why) < rank(c.best) {
		c.best = why
	}
	c.passedOver(t, why)
}

// passedOver is the leg of a place that was not tried, in the record alone.
func (c *ongoing) passedOver(t call.Target, why call.Cause) {
	if len(c.members) >= mostLegs {
		return
	}
	m := &member{id: c.nextID(), dir: call.Out, tenant: t.Tenant, trunk: t.Trunk, number: t.Number, target: t.URI}
	m.leg = departed{m.id}
	c.add(m)
	c.event(call.Event{Kind: call.LegBegan, Leg: m.id, Detail: m.detail(call.LegDetail{})}, time.Time{})
	c.gone(m, why, &call.LegDetail{}, time.Time{})
}

// tryAnother goes on to the next place after one has refused, where that may help.
func (c *ongoing) tryAnother(cause call.Cause) bool {
	if c.dest.Kind != call.ToTrunks || c.state != Ringing {
		return false
	}
	left, ok := mayGoOn(&c.dest, c.way, c.ways, cause)
	if c.ways = left; !ok {
		return false
	}
	c.silence()
	return c.tryNext()
}

// mayGoOn reports whether other places are tried after a refusal, and which: those that are left after a carrier's trouble,
// and after a refusal that the route names those of other trunks.
func mayGoOn(d *call.Destination, at *call.Target, left []call.Target, c call.Cause) ([]call.Target, bool) {
	switch {
	case another(c):
		return left, true
	case !slices.Contains(d.Causes, c.SIP):
		return left, false
	case at == nil:
		return left, true
	}
	return slices.DeleteFunc(slices.Clone(left), func(o call.Target) bool { return sameTrunk(&o, at) }), true
}

// another reports whether a refusal is the carrier's trouble, not the callee's answer: no response, a
// server's failure, no way, no channel, credentials that it does not take. A 480 is a person who is not there, wherever it is asked for.
func another(c call.Cause) bool {
	switch c.Q850 {
	case 3, 27, 34, 38, 41, 42, 44, 47: // no route, out of order, no circuit, network, temporary, congestion, resource
		return c.SIP < 600
	}
	return c.SIP == 401 || c.SIP == 407 || c.Retry && (c.SIP == 408 || c.SIP >= 500 && c.SIP < 600)
}

// attemptTooLong gives up a place that has taken the call but does not ring: the next one's turn.
func (c *ongoing) attemptTooLong() {
	if c.state != Ringing {
		return
	}
	for m := range c.rung {
		if !m.over {
			c.hangup(m, call.NoResponse)
			why := call.NoResponse
			c.tried(m, &why)
		}
	}
	c.lost(call.NoResponse)
}

// trunkRings gives a trunk's leg that rings the whole of the time that is left for ringing.
func (c *ongoing) trunkRings(m *member) {
	if m.trunk == "" {
		return
	}
	c.tried(m, nil)
	c.inTime(time.Until(c.patience), (*ongoing).ringTimeOver)
}

// tried tells how an attempt by a trunk came out, nil for well.
func (c *ongoing) tried(m *member, refusal *call.Cause) {
	if m.trunk != "" && c.way != nil && (refusal != nil || !m.well) {
		m.well = refusal == nil
		c.house.trunks.Tried(*c.way, refusal)
	}
}

// sameTrunk reports whether two places are of one trunk.
func sameTrunk(a, b *call.Target) bool { return a.Trunk == b.Trunk && a.Tenant == b.Tenant }

// trunkNames names the trunks of ways for the record.
func trunkNames(ways []call.Way) string {
	names := make([]string, 0, len(ways))
	for i := range ways {
		names = append(names, ways[i].Trunk)
	}
	return strings.Join(names, ", ")
}
