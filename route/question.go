package route

import (
	"strings"
	"time"

	"santral/base/e164"
	"santral/call"
	"santral/tenant"
)

// question is one call that asks where it goes.
type question struct {
	house   *house
	quality Quality
	from    call.Party
	dialled string
	at      time.Time
	steps   *recorder // nil on a call's path
	always  always    // schedules are not asked

	number  string // what was dialled, in ASCII digits, without codes before
	hidden  call.Hidden
	desk    *desk // whose rights hold
	place   *tenant.Place
	account *tenant.Account // who calls; nil for a trunk
	trunk   *tenant.Trunk   // likewise
	means   tenant.Understood
}

// answer decides.
func (q *question) answer() call.Destination {
	d := q.decide()
	d.Revision, d.Hidden = q.house.of.Revision, max(d.Hidden, q.hidden)
	if q.steps != nil {
		q.steps.result(&d)
	}
	return d
}

func (q *question) decide() call.Destination {
	q.number = tenant.Dialled(q.dialled)
	q.desk = q.house.desks[q.from.Tenant]
	if q.desk == nil {
		return q.refuse(call.NotFound)
	}
	if q.from.Trunk != "" {
		q.trunk = q.desk.Trunk(q.from.Trunk)
		if q.trunk == nil || !q.trunk.PBX {
			return q.arrive()
		}
	}
	q.who()
	q.codes()
	q.means = q.place.Plan.Understand(q.number, q.place.Area)
	if d, ok := q.help(); ok {
		return d
	}
	if !q.serves() {
		return q.refuse(call.Barred)
	}
	if service, ok := feature(q.number); ok {
		q.note(featureCode, "code", q.number, "service", service)
		return call.Destination{Kind: call.ToService, Tenant: q.desk.id, Service: service, Number: q.number, Calls: internal}
	}
	if q.number == "" {
		return q.nameless()
	}
	q.understood()
	if d, ok := q.inside(); ok {
		return d
	}
	return q.out()
}

// internal is the word of calls within a tenant.
var internal = tenant.Internal.String()

// who finds out who calls, and from where.
func (q *question) who() {
	site := q.from.Site
	if q.from.Account != "" {
		q.account = q.desk.Account(q.from.Account)
	}
	if site == "" {
		switch {
		case q.account != nil:
			site = q.account.Site
		case q.trunk != nil:
			site = q.trunk.Site
		}
	}
	q.place = q.desk.Place(site)
	if q.steps != nil {
		q.note(callerInside, "tenant", q.desk.id, "account", q.from.Account, "trunk", q.from.Trunk, "site", q.place.Key())
	}
}

// feature gives the service that a code means.
func feature(code string) (service string, ok bool) {
	if code == "" || code[0] != '*' {
		return "", false
	}
	service, ok = Features[code]
	return service, ok
}

// codes takes those off that stand before a number.
func (q *question) codes() {
	if q.number == "" || q.number[0] >= '0' {
		return
	}
	if rest, ok := strings.CutPrefix(q.number, HideCode); ok && rest != "" {
		q.number, q.hidden = rest, call.Hide
		q.note(codeHides)
	} else if rest, ok := strings.CutPrefix(q.number, ShowCode); ok && rest != "" {
		q.number, q.hidden = rest, call.Show
		q.note(codeShows)
	}
}

func (q *question) understood() {
	if q.steps != nil {
		q.note(numberMeans, "number", q.number, "e164", q.means.E164.String(), "calls", q.means.Calls.String(), "country", q.place.Plan.Country, "area", q.place.Area)
	}
}

// serves reports whether who calls may call at all.
func (q *question) serves() bool {
	state := tenant.NumberActive
	switch {
	case q.account != nil:
		state = q.account.State
	case q.trunk != nil:
		state = q.trunk.State
	}
	if state == tenant.NumberActive || state == tenant.NumberPorting {
		return true
	}
	q.note(callerState, "state", state.String())
	return false
}

// nameless refuses what is no number: nothing at all is incomplete, and a word is nobody's, whatever may
// follow it (RFC 3261 §21.4.5).
func (q *question) nameless() call.Destination {
	q.note(noNumber, "dialled", q.dialled)
	if q.dialled == "" {
		return q.refuse(call.BadNumber)
	}
	q.number = q.dialled
	return q.refuse(call.NotFound)
}

// unknown refuses a number that leads nowhere: with 484 when more digits may still make one that does, so
// that who dials digit by digit goes on (RFC 3578 §2).
func (q *question) unknown() call.Destination {
	if q.desk.Begins(q.number) || q.desk.Tenant.Rooms.Begins(q.number) {
		q.note(numberBegins)
		return q.refuse(call.BadNumber)
	}
	q.note(numberUnknown)
	return q.refuse(call.NotFound)
}

func (q *question) refuse(why call.Cause) call.Destination {
	return call.Destination{Kind: call.ToRefusal, Tenant: q.from.Tenant, Number: q.number, Public: q.means.E164, Refuse: why}
}

// open reports whether a rule's time is now: while its schedule is open, or closed. "" is always.
func (q *question) open(d *desk, p *tenant.Place, schedule string, closed bool) bool {
	if schedule == "" {
		return true
	}
	if q.always != asTheyAre {
		return (q.always == alwaysOpen) != closed
	}
	state := q.house.of.Hours(d.id, schedule, p).Look(q.at)
	if q.steps != nil {
		q.note(scheduleIs, "schedule", schedule, "open", word(state.Open), "holiday", state.Holiday)
	}
	return state.Open != closed
}

func word(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// public is the number in E.164 of what was dialled.
func (q *question) public() e164.Number { return q.means.E164 }
