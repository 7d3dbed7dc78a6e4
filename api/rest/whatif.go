package rest

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"santral/api"
	"santral/base/jalali"
	"santral/call"
	"santral/route"
	"santral/tenant"
)

// WhatIf asks what would happen to a call.
type WhatIf struct {
	Tenant  string `json:"tenant" maxLength:"40" doc:"who calls, or is called from outside" example:"sample"`
	From    string `json:"from" minLength:"1" maxLength:"40" doc:"who calls: a number of the tenant's in any spelling, or any other number" example:"101"`
	Trunk   string `json:"trunk,omitempty" maxLength:"40" doc:"by which it would come from outside; where left out, the one that brings the dialled number"`
	Dialled string `json:"dialled" minLength:"1" maxLength:"64" doc:"what is dialled" example:"02122000100"`
	At      string `json:"at,omitempty" maxLength:"60" doc:"when: RFC 3339, 2026-04-02 18:05, Jalali 1405-01-13 18:05 or 13 farvardin 18:05, or 18:05 for today, by the clock where the caller is; now when left out" example:"1405-01-13 18:05"`
}

// WouldBe is what would happen, and why.
type WouldBe struct {
	At       time.Time   `json:"at" doc:"the moment that was meant"`
	Jalali   string      `json:"jalali" doc:"its day and time where the caller is, by the Jalali calendar" example:"1405-01-13 18:05"`
	Revision uint64      `json:"revision" doc:"of the configuration that decides"`
	Goes     WouldGo     `json:"goes"`
	Steps    []WouldStep `json:"steps" doc:"the reasoning, in its order"`
}

// WouldGo is where a call would go.
type WouldGo struct {
	To        string     `json:"to" enum:"account,service,trunks,refused"`
	Tenant    string     `json:"tenant,omitempty" doc:"whose the account or the service is; left out where it is another customer's, of whom nothing else is told either"`
	Account   string     `json:"account,omitempty"`
	Name      string     `json:"name,omitempty"`
	Service   string     `json:"service,omitempty"`
	Number    string     `json:"number,omitempty" doc:"as it is understood"`
	E164      string     `json:"e164,omitempty" doc:"likewise, where it is a public number"`
	Kind      string     `json:"kind,omitempty" doc:"of the call: internal, local, national, mobile, international, premium, emergency"`
	Ways      []WouldWay `json:"ways,omitempty" doc:"trunks, in the order in which they are tried"`
	Presents  string     `json:"presents,omitempty" doc:"what is shown as the caller's number"`
	Because   string     `json:"because,omitempty" doc:"name of the route or rule that decides"`
	Emergency bool       `json:"emergency,omitempty"`
	SIP       int        `json:"sip,omitempty" doc:"refused: the SIP status"`
	Q850      int        `json:"q850,omitempty" doc:"refused: the cause by ITU-T Q.850"`
	Cause     string     `json:"cause,omitempty" doc:"refused: in words"`
}

// WouldWay is a trunk that would be tried.
type WouldWay struct {
	Tenant string `json:"tenant" doc:"whose it is; operator for a carrier"`
	Trunk  string `json:"trunk"`
	Number string `json:"number" doc:"that it is told"`
}

// WouldStep is one step of the reasoning.
type WouldStep struct {
	Step string            `json:"step" doc:"what was found" example:"route.taken"`
	With map[string]string `json:"with,omitempty" doc:"its values"`
	En   string            `json:"en" doc:"in English"`
	Fa   string            `json:"fa" doc:"in Persian"`
}

// Explain tells where a call would go by a snapshot, and why, by the very function that routes.
type Explain func(s *tenant.Snapshot, from call.Party, dialled string, at time.Time) (call.Destination, []route.Step)

func (c Config) whatIf(a huma.API) {
	o := op("what-if", http.MethodPost, "/api/v1/what-if", "Ask what would happen to a call, and why", right{Resource: "routes", Role: tenant.RoleReporter})
	o.Tags = []string{"Routing"}
	o.Description = "Nothing is called: the function that routes every call is asked, with the configuration as it stands. " + o.Description
	huma.Register(a, o, func(ctx context.Context, in *struct{ Body WhatIf }) (*body[WouldBe], error) {
		q := &in.Body
		if _, err := c.theTenant(ctx, q.Tenant); err != nil {
			return nil, err
		}
		if partly(ctx) && !c.sees(ctx, q.Tenant, q.From) {
			return nil, huma.Error403Forbidden("you may ask only for accounts that you see: you are bound to a part of the tenant")
		}
		s := c.Book.Current()
		from, ok := route.CallerIn(s, q.Tenant, q.From, q.Dialled, q.Trunk)
		if !ok {
			return nil, huma.Error422UnprocessableEntity("no trunk could bring a call from "+strconv.Quote(q.From)+": name an account of the tenant's, or a trunk that there is",
				&huma.ErrorDetail{Message: "is no account, and no trunk brings it", Location: "/from"})
		}
		zone := zoneOf(s, q.Tenant, from.Site)
		at, err := moment(q.At, time.Now().In(zone))
		if err != nil {
			return nil, huma.Error422UnprocessableEntity(err.Error(), &huma.ErrorDetail{Message: err.Error(), Location: "/at"})
		}
		d, steps := c.Explain(s, from, q.Dialled, at)
		answer := WouldBe{At: at, Revision: s.Revision, Goes: wouldGo(&d), Steps: []WouldStep{}}
		if day, ok := jalali.Of(at); ok {
			answer.Jalali = day.String() + at.Format(" 15:04")
		}
		for _, step := range steps {
			answer.Steps = append(answer.Steps, WouldStep{step.What, step.With, step.Say("en"), step.Say("fa")})
		}
		answer.veil(api.From(ctx).Tenant, from.Tenant)
		return &body[WouldBe]{answer}, nil
	})
}

// veil takes out what whoever is bound to a tenant may not know: how another one's house leads a call, or what it lets its own
// people call. That the number is there, and what is told to whoever calls it, stays.
func (w *WouldBe) veil(mine, caller string) {
	foreign := func(id string) bool { return id != "" && id != mine && id != tenant.OperatorID }
	if mine == "" {
		return
	}
	kept, inside := []WouldStep{}, foreign(caller)
	for _, s := range w.Steps {
		owner := s.With["tenant"]
		switch {
		case foreign(owner) || owner == "" && inside && s.Step == "caller.inside":
			inside = true
			kept = append(kept, WouldStep{Step: s.Step, En: "This is another customer's of the exchange: the call stays here, and what happens there is theirs to know.",
				Fa: "این از آنِ مشترک دیگری در همین مرکز است: تماس همین‌جا می‌ماند، و آنچه آنجا می‌شود فقط برای همان مشترک دیدنی است."})
			continue
		case owner != "":
			inside = false
		}
		if !inside || !foreign(caller) && strings.HasPrefix(s.Step, "class.") {
			kept = append(kept, s)
		}
	}
	w.Steps = kept
	if g := &w.Goes; foreign(g.Tenant) || inside && !foreign(caller) {
		if g.To != "refused" {
			g.To = "account"
		}
		g.Tenant, g.Account, g.Name, g.Service, g.Ways, g.Because = "", "", "", "", nil, ""
	}
}

// zoneOf is the zone of a site of a tenant; that of its first, or its own, where the site is unknown.
func zoneOf(s *tenant.Snapshot, id, site string) *time.Location {
	if x := s.Index(id); x != nil && x.Place(site) != nil && x.Place(site).Zone != nil {
		return x.Place(site).Zone
	}
	return time.Local
}

func wouldGo(d *call.Destination) WouldGo {
	g := WouldGo{Tenant: d.Tenant, Account: d.Account, Name: d.Name, Service: d.Service, Number: d.Number, Kind: d.Calls, Presents: d.Presents, Because: d.Because, Emergency: d.Emergency != nil}
	if d.Public != 0 {
		g.E164 = d.Public.String()
	}
	switch d.Kind {
	case call.ToAccount:
		g.To = "account"
	case call.ToService:
		g.To = "service"
	case call.ToTrunks:
		g.To = "trunks"
		for i := range d.Ways {
			w := &d.Ways[i]
			g.Ways = append(g.Ways, WouldWay{w.Tenant, w.Trunk, w.Sent(d.Told())})
		}
	default:
		g.To, g.SIP, g.Q850, g.Cause = "refused", d.Refuse.SIP, d.Refuse.Q850, d.Refuse.Text
	}
	return g
}

// moment reads a time as people write it, by the clock of now's place; "" is now.
func moment(text string, now time.Time) (time.Time, error) {
	text = strings.TrimSpace(jalali.ASCII(text))
	if text == "" {
		return now, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.In(now.Location()), nil
	}
	const forms = "write a time such as 2026-04-02 18:05, 1405-01-13 18:05, 13 farvardin 18:05, 18:05, or RFC 3339"
	day, clock := "", text
	if i := strings.LastIndexAny(text, " T"); i >= 0 {
		day, clock = strings.TrimSpace(text[:i]), text[i+1:]
	}
	at, err := time.Parse("15:04", clock)
	if err != nil {
		if at, err = time.Parse("15:04:05", clock); err != nil {
			return now, fmt.Errorf("%q has no time of day: %s", text, forms)
		}
	}
	year, month, date := now.Date()
	if day != "" {
		d, wrong := tenant.ParseDate(day)
		if wrong != "" {
			return now, fmt.Errorf("%q names no day: %s", text, forms)
		}
		if d.Year == 0 { // of this year
			d.Year = year
			if today, ok := jalali.Of(now); ok && d.Jalali {
				d.Year = today.Year
			}
		}
		year, month, date = d.Year, time.Month(d.Month), d.Day
		if d.Jalali {
			j := jalali.Date{Year: d.Year, Month: d.Month, Day: d.Day}
			if !j.Valid() {
				return now, fmt.Errorf("%q is no day of that year", text)
			}
			year, month, date = j.Gregorian()
		}
	}
	return time.Date(year, month, date, at.Hour(), at.Minute(), at.Second(), 0, now.Location()), nil
}
