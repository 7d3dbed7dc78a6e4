package route

import (
	"santral/base/e164"
	"santral/call"
	"santral/tenant"
)

// arrive is where a call goes that a carrier brings, a tenant's own (from.Trunk of from.Tenant) or the operator's: it reaches
// numbers that come that way and nothing else, and it never leaves by a carrier.
func (q *question) arrive() call.Destination {
	k := q.desk.Trunk(q.from.Trunk)
	if k == nil { // it is not there any more
		q.note(noTrunk, "trunk", q.from.Trunk)
		return q.refuse(call.NotFound)
	}
	if q.number == "" {
		return q.nameless()
	}
	home := q.desk.Place(k.Site)
	q.means = home.Plan.UnderstandPeer(q.number, home.Area)
	if q.steps != nil {
		q.note(byCarrier, "trunk", k.Name, "tenant", q.desk.id, "number", q.number, "e164", q.means.E164.String())
	}
	caller := home.Plan.UnderstandPeer(q.caller(), home.Area).E164
	x := q.desk
	if x == q.house.operator {
		if x = q.owner(true); x == nil {
			q.note(nobodysNumber)
			return q.refuse(call.NotFound)
		}
		q.note(ownedBy, "tenant", x.id)
	} else if o, _ := x.Owned(q.number, q.public()); k.HasPublic(q.number, q.public()) == nil && (o == nil || o.Trunk != k.Name) {
		q.note(notByThis, "trunk", k.Name)
		return q.refuse(call.NotFound)
	}
	return q.fromOutside(x, caller)
}

// caller is the number that a caller outside says, or that is believed of it; "" when it withholds it.
func (q *question) caller() string {
	if q.from.Said != "" {
		return q.from.Said
	}
	return q.from.Number
}

// owner gives the tenant that a number belongs to, or nil. Short numbers of PBXs are for calls from the public network
// alone: tenants may have the same inside.
func (q *question) owner(carrier bool) *desk {
	if n := q.public(); n != 0 {
		if x := q.house.of.Owner(n); x != nil {
			return q.house.desks[x.Tenant.ID]
		}
		return nil
	}
	if x := q.house.of.ShortOwner(q.number, carrier); x != nil {
		return q.house.desks[x.Tenant.ID]
	}
	return nil
}

// fromOutside is where a number of a tenant leads for somebody who is not of that tenant.
func (q *question) fromOutside(x *desk, caller e164.Number) call.Destination {
	d, ok := q.ruled(x, x.inbound, caller)
	if !ok {
		d = q.led(x, caller)
	}
	d.Limited = d.Kind != call.ToRefusal
	if home := &x.Places[0]; d.Limited && d.Presents == "" && caller != 0 && !q.house.assumes(x, home) {
		if shown := home.Plan.ShownAs(caller, q.from.Number); shown != q.from.Number {
			d.Presents = shown
		}
	}
	return d
}

// led is where a number leads by its own row: its rules, its target, or whoever has it.
func (q *question) led(x *desk, caller e164.Number) call.Destination {
	n := q.public()
	if o, at := x.Owned(q.number, n); o != nil {
		if why, ok := reached(o.State); !ok {
			q.note(numberState, "state", o.State.String())
			return q.refuse(why)
		}
		if x.numbers != nil {
			if d, ok := q.ruled(x, x.numbers[at], caller); ok {
				return d
			}
		}
		return q.owned(x, o, at, true)
	}
	return q.holder(x)
}

// owned is the target of a row of a tenant's numbers. What is called from inside has no rules for calls from outside, but
// those of its time.
func (q *question) owned(x *desk, o *tenant.Owned, at int, outside bool) call.Destination {
	if !outside {
		if why, ok := reached(o.State); !ok {
			q.note(numberState, "state", o.State.String())
			return q.refuse(why)
		}
		if x.numbers != nil {
			for i := range x.numbers[at] {
				if r := &x.numbers[at][i]; !r.Hidden && len(r.Callers) == 0 && q.open(x, &x.Places[0], r.Schedule, r.Closed) {
					q.note(ruleHolds, "rule", o.Name, "target", r.Target.String())
					return q.target(x, r.Target)
				}
			}
		}
	}
	if o.Target.Kind != tenant.NoTarget {
		q.note(numberLeads, "target", o.Target.String(), "name", o.Name)
		return q.target(x, o.Target)
	}
	return q.holder(x)
}

// holder is the account, the group or the PBX that has a number.
func (q *question) holder(x *desk) call.Destination {
	n := q.public()
	if row := x.Rings(q.number, n); row != nil {
		if d, ok := q.row(x, row); ok {
			return d
		}
		return q.refuse(call.NotFound)
	}
	if a := x.Line(n); a != nil {
		return q.ring(x, a)
	}
	if a := x.Account(q.number); a != nil {
		return q.ring(x, a)
	}
	if g := x.Rung(q.number); g != nil {
		return q.gather(x, g)
	}
	if k := x.PBX(q.number, n); k != nil && (k != q.trunk || x != q.desk) {
		return q.branch(x, k)
	}
	q.note(numberUnknown)
	return q.refuse(call.NotFound)
}

// ruled is the target of the first rule that holds.
func (q *question) ruled(x *desk, rules []rule, caller e164.Number) (d call.Destination, ok bool) {
	for i := range rules {
		r := &rules[i]
		if r.by(q.caller(), caller, q.from.Withheld) && q.open(x, &x.Places[0], r.Schedule, r.Closed) {
			q.note(ruleHolds, "rule", r.Schedule, "target", r.Target.String())
			return q.target(x, r.Target), true
		}
	}
	return d, false
}

// target is where a document sends a call.
func (q *question) target(x *desk, t tenant.Target) call.Destination {
	switch t.Kind {
	case tenant.ToAccount:
		if a := x.Account(t.Name); a != nil {
			return q.ring(x, a)
		}
	case tenant.ToRoom:
		return q.meet(x, t.Name)
	case tenant.ToGroup:
		if g := x.Group(t.Name); g != nil {
			return q.gather(x, g)
		}
	case tenant.ToTrunk:
		if k := x.Trunk(t.Name); k != nil && k.PBX && k != q.trunk {
			return q.branch(x, k)
		}
	case tenant.ToRefusalFor:
		q.note(refuses, "word", t.Name)
		switch t.Name {
		case "busy":
			return q.refuse(call.Busy)
		case "declined":
			return q.refuse(call.Declined)
		}
	}
	return q.refuse(call.NotFound)
}
