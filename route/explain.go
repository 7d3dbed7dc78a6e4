package route

import (
	"strconv"
	"time"

	"santral/base/e164"
	"santral/call"
	"santral/tenant"
)

// Step is one step of the reasoning by which a call goes where it goes: what was found, and with which values. Say puts it
// into words.
type Step struct {
	What string            `json:"step" doc:"What was found, such as route.taken"`
	With map[string]string `json:"with,omitempty" doc:"Its values by name, such as route: abroad"`
}

// recorder keeps steps.
type recorder struct{ steps []Step }

// note keeps a step on an explained call, and costs nothing on a call's path. with are names and values in turn.
func (q *question) note(what string, with ...string) {
	if q.steps == nil {
		return
	}
	q.steps.add(what, with...)
}

func (r *recorder) add(what string, with ...string) {
	s := Step{What: what}
	for i := 0; i+1 < len(with); i += 2 {
		if with[i+1] != "" {
			if s.With == nil {
				s.With = map[string]string{}
			}
			s.With[with[i]] = with[i+1]
		}
	}
	r.steps = append(r.steps, s)
}

// result keeps what it comes to.
func (r *recorder) result(d *call.Destination) {
	switch d.Kind {
	case call.ToAccount:
		r.add(goesAccount, "account", d.Account, "tenant", d.Tenant, "name", d.Name, "presents", d.Presents)
	case call.ToService:
		r.add(goesService, "service", d.Service, "number", d.Number, "tenant", d.Tenant)
	case call.ToTrunks:
		told := d.Told()
		for i := range d.Ways {
			w := &d.Ways[i]
			r.add(goesTrunk, "place", strconv.Itoa(i+1), "trunk", w.Trunk, "tenant", w.Tenant, "number", w.Sent(told), "presents", d.Presents)
		}
	default:
		r.add(goesNowhere, "cause", d.Refuse.Text, "status", strconv.Itoa(d.Refuse.SIP), "q850", strconv.Itoa(d.Refuse.Q850))
	}
}

// Explain is Route with its reasoning, by the snapshot that is current: the very same decision, step by step.
func (p *Plan) Explain(from call.Party, dialled string, at time.Time) (call.Destination, []Step) {
	return p.ExplainIn(p.current.Load(), from, dialled, at)
}

// ExplainIn is Explain by another snapshot, such as one that is planned.
func (p *Plan) ExplainIn(s *tenant.Snapshot, from call.Party, dialled string, at time.Time) (call.Destination, []Step) {
	r := &recorder{}
	q := question{house: p.of(s), quality: p.quality, from: from, dialled: dialled, at: at, steps: r}
	return q.answer(), r.steps
}

// of gives what is ready of a snapshot that need not be the current one: the last such is kept until another is asked for, or
// becomes current.
func (p *Plan) of(s *tenant.Snapshot) *house {
	now := p.made.Load()
	if now != nil && now.of == s {
		return now
	}
	if h := p.planned.Load(); h != nil && h.of == s {
		return h
	}
	h := newHouse(s, now)
	p.planned.Store(h)
	return h
}

// CallerIn is who a number would be that calls a tenant, or that dials from it: an account of it by whatever spelling of its
// number, another tenant's line, or somebody outside whose call comes by a carrier. carrier names that, one of the
// tenant's own or of the operator's; "" takes the one that brings the called number. ok is false where no carrier could
// bring the call.
func CallerIn(s *tenant.Snapshot, tenantID, caller, called, carrier string) (p call.Party, ok bool) {
	x := s.Index(tenantID)
	if x == nil {
		return p, false
	}
	place := &x.Places[0]
	number := tenant.Dialled(caller)
	means := place.Plan.UnderstandPeer(number, place.Area)
	if carrier == "" {
		if a := x.Account(number); a != nil {
			return inner(a), true
		}
		if a := x.Line(means.E164); a != nil {
			return inner(a), true
		}
		if other := s.Owner(means.E164); other != nil && !s.Operator().Apart {
			if a := other.Line(means.E164); a != nil {
				return inner(a), true
			}
		}
	}
	p = call.Party{Number: number}
	p.Tenant, p.Trunk = bringer(s, x, tenant.Dialled(called), carrier)
	return p, p.Trunk != ""
}

func inner(a *tenant.Account) call.Party {
	return call.Party{Tenant: a.Tenant, Account: a.Number, Name: a.Name, Number: a.Number, Site: a.Site, Department: a.Department}
}

// bringer gives the carrier that brings calls for a number of a tenant, by name or by what it has.
func bringer(s *tenant.Snapshot, x *tenant.Index, called, carrier string) (owner, name string) {
	place := &x.Places[0]
	var n e164.Number
	if u := place.Plan.UnderstandPeer(called, place.Area); u.E164 != 0 {
		n = u.E164
	}
	row, _ := x.Owned(called, n)
	first := ""
	for i := range x.Tenant.Trunks {
		k := &x.Tenant.Trunks[i]
		if k.PBX && carrier != k.Name {
			continue
		}
		if carrier == k.Name || carrier == "" && (k.HasPublic(called, n) != nil || row != nil && row.Trunk == k.Name) {
			return x.Tenant.ID, k.Name
		}
		if first == "" {
			first = k.Name
		}
	}
	up := s.Index(tenant.OperatorID)
	for i := range up.Tenant.Trunks {
		if k := &up.Tenant.Trunks[i]; carrier == "" || carrier == k.Name {
			return tenant.OperatorID, k.Name
		}
	}
	if carrier != "" {
		return "", ""
	}
	return x.Tenant.ID, first
}

func percent(share float64) string { return strconv.Itoa(int(share*100+0.5)) + " %" }

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }
