package route

import (
	"strings"

	"santral/base/e164"
	"santral/call"
	"santral/tenant"
)

// class is a class of service with its prefixes understood.
type class struct {
	*tenant.Class
	prefixes map[e164.Number]tenant.Permit
	lengths  uint32 // of prefixes, a bit for each count of digits
}

func newClass(c *tenant.Class) *class {
	k := &class{Class: c, prefixes: map[e164.Number]tenant.Permit{}}
	add := func(list []string, p tenant.Permit) {
		for _, text := range list {
			if n := e164.Parse(text); n != 0 {
				k.prefixes[n] = p
				k.lengths |= 1 << n.Len()
			}
		}
	}
	add(c.Allowed, tenant.Allow)
	add(c.Denied, tenant.Deny) // what stands in both is denied
	return k
}

// prefix gives what the longest prefix says that a number begins with.
func (k *class) prefix(n e164.Number) tenant.Permit {
	for length := n.Len(); length > 0; length, n = length-1, n/10 {
		if k.lengths&(1<<length) != 0 {
			if p := k.prefixes[n]; p != tenant.PermitUnsaid {
				return p
			}
		}
	}
	return tenant.PermitUnsaid
}

// unsaid is what holds of a kind of calls of which nobody says anything: what costs more than a call is denied until it is
// allowed.
func unsaid(c tenant.Calls) tenant.Permit {
	if c == tenant.International || c == tenant.Premium {
		return tenant.Deny
	}
	return tenant.Allow
}

// class gives the class of service of who calls: its own, else its tenant's. nil for none.
func (q *question) class() *class {
	id := ""
	switch {
	case q.account != nil:
		id = q.account.Class
	case q.trunk != nil:
		id = q.trunk.Class
	}
	if id == "" {
		id = q.desk.Tenant.Class
	}
	if id == "" {
		return nil
	}
	return q.desk.classes[id]
}

// permit tells whether who calls may make a call of a kind.
func (q *question) permit(c tenant.Calls, n e164.Number) tenant.Permit {
	if c == tenant.UnknownCalls {
		c = tenant.Local // what no plan knows is of the neighbourhood
	}
	p, k := unsaid(c), q.class()
	name := ""
	if k != nil {
		name = k.ID
		if said := k.Permits[c]; said != tenant.PermitUnsaid {
			p = said
		}
		for i := range k.Locks {
			if l := &k.Locks[i]; l.Permits[c] != tenant.PermitUnsaid && q.open(q.desk, q.place, l.Schedule, l.Closed) {
				p = l.Permits[c]
				q.note(lockHolds, "class", k.ID, "schedule", l.Schedule)
			}
		}
		if n != 0 && k.lengths != 0 {
			if said := k.prefix(n); said != tenant.PermitUnsaid {
				p = said
				q.note(prefixSays, "class", k.ID)
			}
		}
	}
	if q.steps != nil {
		q.note(classSays, "class", name, "calls", c.String(), "permit", p.String())
	}
	return p
}

// may tells whether who calls may make a call with the outside; else d is what comes instead: the question for its PIN, or a
// refusal. Where a route (nil for none) tells its ways another number than was dialled, the dearer of both counts.
func (q *question) may(l *line) (d call.Destination, ok bool) {
	n, kind := q.public(), q.means.Calls
	if l != nil && !l.plus && (l.Strip > 0 || l.Prepend != "") {
		if u := q.told(l); u.Calls > kind && u.Calls != tenant.Emergency {
			kind = u.Calls
			if u.E164 != 0 {
				n = u.E164
			}
		}
	}
	q.means.Calls = kind
	return q.allowed(q.permit(kind, n), kind)
}

// told is what the ways of a route are told, as it is understood.
func (q *question) told(l *line) tenant.Understood {
	var told [64]byte
	rest := q.number[min(l.Strip, len(q.number)):]
	if len(l.Prepend)+len(rest) > len(told) {
		return tenant.Understood{}
	}
	n := copy(told[:], l.Prepend)
	n += copy(told[n:], rest)
	text := string(told[:n])
	u := q.place.Plan.UnderstandPeer(text, q.place.Area)
	if q.steps != nil {
		q.note(toldMeans, "number", strings.Clone(text), "e164", u.E164.String(), "calls", u.Calls.String())
	}
	return u
}

func (q *question) allowed(p tenant.Permit, kind tenant.Calls) (d call.Destination, ok bool) {
	switch {
	case p == tenant.Deny:
		return q.refuse(denied[kind]), false
	case p == tenant.AskPIN && q.from.Proved:
		q.note(pinProved)
	case p == tenant.AskPIN:
		if q.account == nil || q.account.PIN == "" {
			q.note(noPIN)
			return q.refuse(denied[kind]), false
		}
		q.note(asksPIN)
		return call.Destination{Kind: call.ToService, Tenant: q.desk.id, Service: PIN, Number: q.number, Public: q.public(), Calls: kind.String()}, false
	}
	return d, true
}

// denied are what callers are told who may not make calls of a kind, by tenant.Calls.
var denied = func() (list [tenant.Emergency + 1]call.Cause) {
	for c := range list {
		kind := tenant.Calls(c)
		if kind == tenant.UnknownCalls {
			kind = tenant.Local
		}
		list[c] = call.Cause{Q850: 57, SIP: 403, Text: kind.String() + " calls are not allowed"}
	}
	return list
}()
