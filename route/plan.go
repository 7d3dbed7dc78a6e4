// Package route answers where a call goes. It is pure: a look-up on an immutable snapshot, with no
// state, no clock and no database of its own.
package route

import (
	"strings"
	"sync/atomic"
	"time"

	"santral/call"
	"santral/tenant"
)

// Features maps a code that people dial to the service that answers it.
var Features = map[string]string{
	"*43": "echo",
	"*44": "time",
	"*45": "playback",
	"*46": "line",
	"*60": "readback",
	"*77": "prompts",
}

// Plan routes calls by the snapshot that is current when each begins.
type Plan struct {
	current *atomic.Pointer[tenant.Snapshot]
}

// NewPlan makes a plan over the current snapshot, which whoever owns configuration swaps.
func NewPlan(current *atomic.Pointer[tenant.Snapshot]) *Plan { return &Plan{current} }

// Route gives the destination of what a party of a tenant dialled. Numbers of other tenants are
// unknown here. A call that came by a carrier reaches the numbers of that trunk and nothing else: it
// never leaves again by another, so that nobody telephones at the tenant's expense.
func (p *Plan) Route(from call.Party, dialled string, _ time.Time) call.Destination {
	number := Digits(dialled)
	snapshot := p.current.Load()
	if from.Trunk != "" {
		if t := snapshot.Trunk(from.Tenant, from.Trunk); t == nil || !t.PBX {
			return inbound(snapshot, t, from.Tenant, dialled, number)
		}
	}
	if service, ok := Features[number]; ok {
		return call.Destination{Kind: call.ToService, Tenant: from.Tenant, Service: service, Number: number}
	}
	if number == "" {
		return nameless(from.Tenant, dialled)
	}
	if a := snapshot.Account(from.Tenant, number); a != nil {
		return call.Destination{Kind: call.ToAccount, Tenant: from.Tenant, Account: number, Number: number, Name: a.Name}
	}
	if d, ok := onward(snapshot, from, number); ok {
		return d
	}
	if isRoom(snapshot, from.Tenant, number) {
		return meet(from.Tenant, number)
	}
	return unknown(snapshot, from.Tenant, number)
}

// unknown refuses a number that leads nowhere: with 484 when more digits may still make one that does, so
// that who dials digit by digit goes on (RFC 3578 §2).
func unknown(s *tenant.Snapshot, tenantID, number string) call.Destination {
	if t := s.Tenant(tenantID); s.Begins(tenantID, number) || t != nil && t.Rooms.Begins(number) {
		return refuse(tenantID, number, call.BadNumber)
	}
	return refuse(tenantID, number, call.NotFound)
}

// nameless refuses what is no number: nothing at all is incomplete, and a word is nobody's, whatever may
// follow it (RFC 3261 §21.4.5).
func nameless(tenantID, dialled string) call.Destination {
	if dialled == "" {
		return refuse(tenantID, "", call.BadNumber)
	}
	return refuse(tenantID, dialled, call.NotFound)
}

// inbound is where a call goes that a carrier brings: to the account that the number rings, or that has
// the same number.
func inbound(s *tenant.Snapshot, t *tenant.Trunk, tenantID, dialled, number string) call.Destination {
	if number == "" {
		return nameless(tenantID, dialled)
	}
	if t == nil {
		return refuse(tenantID, number, call.NotFound)
	}
	if n := t.Has(number); n != nil {
		return ring(s, tenantID, n, number)
	}
	return refuse(tenantID, number, call.NotFound)
}

// isRoom reports whether a number is one of a tenant's conference rooms.
func isRoom(s *tenant.Snapshot, tenantID, number string) bool {
	t := s.Tenant(tenantID)
	return t != nil && t.Rooms.Has(number)
}

// meet is a conference room.
func meet(tenantID, number string) call.Destination {
	return call.Destination{Kind: call.ToService, Tenant: tenantID, Service: "conference", Number: number}
}

// ring is the account that a row of numbers means, the room that it names, or the PBX that the number belongs to.
func ring(s *tenant.Snapshot, tenantID string, n *tenant.Numbers, number string) call.Destination {
	account := n.To
	if account == "" {
		account = number
	}
	if a := s.Account(tenantID, account); a != nil {
		return call.Destination{Kind: call.ToAccount, Tenant: tenantID, Account: account, Number: number, Name: a.Name}
	}
	if n.To != "" && isRoom(s, tenantID, n.To) {
		return meet(tenantID, n.To)
	}
	if pbx := s.PBXOf(tenantID, number); pbx != nil {
		return call.Destination{Kind: call.ToTrunks, Tenant: tenantID, Ways: []call.Way{{Tenant: tenantID, Trunk: pbx.Name}}, Number: number}
	}
	return refuse(tenantID, number, call.NotFound)
}

// onward is where a number goes that is no account's: to the PBX that it belongs to, to the account that it
// rings when it comes from outside, or out by the tenant's routes: of a room's number by one that is for numbers that
// begin so, and not by one for all. A trunk's own call never goes back to it.
func onward(s *tenant.Snapshot, from call.Party, number string) (call.Destination, bool) {
	if pbx := s.PBXOf(from.Tenant, number); pbx != nil && pbx.Name != from.Trunk {
		return call.Destination{Kind: call.ToTrunks, Tenant: from.Tenant, Ways: []call.Way{{Tenant: from.Tenant, Trunk: pbx.Name}}, Number: number}, true
	}
	if t := s.Tenant(from.Tenant); t != nil {
		for i := range t.Trunks {
			if n := t.Trunks[i].Has(number); n != nil && n.To != "" {
				return ring(s, from.Tenant, n, number), true
			}
		}
	}
	var r *tenant.Route
	if t := s.Tenant(from.Tenant); t != nil {
		r = longest(t, number)
	}
	if r == nil || r.Prefix == "" && isRoom(s, from.Tenant, number) {
		return call.Destination{}, false
	}
	ways := make([]call.Way, 0, len(r.Ways))
	for i := range r.Ways {
		if r.Ways[i].Trunk != from.Trunk {
			ways = append(ways, call.Way{Tenant: from.Tenant, Trunk: r.Ways[i].Trunk, Strip: r.Strip, Prepend: r.Prepend, Patience: r.Patience})
		}
	}
	if len(ways) == 0 {
		return call.Destination{}, false
	}
	return call.Destination{Kind: call.ToTrunks, Tenant: from.Tenant, Ways: ways, Number: number, Because: r.Name}, true
}

// longest gives the route whose prefix is the longest that fits, or nil.
func longest(t *tenant.Tenant, number string) (best *tenant.Route) {
	for i := range t.Routes {
		if r := &t.Routes[i]; strings.HasPrefix(number, r.Prefix) && (best == nil || len(r.Prefix) > len(best.Prefix)) {
			best = r
		}
	}
	return best
}

func refuse(tenantID, number string, why call.Cause) call.Destination {
	return call.Destination{Kind: call.ToRefusal, Tenant: tenantID, Number: number, Refuse: why}
}

// Digits gives what was dialled without visual separators and with ASCII digits (tenant.Dialled).
func Digits(dialled string) string { return tenant.Dialled(dialled) }
