package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"santral/service/trunk"
	"santral/tenant"
)

// Trunk is a way to another exchange as it stands now.
type Trunk struct {
	Tenant       string             `json:"tenant"`
	Trunk        string             `json:"trunk"`
	Mode         string             `json:"mode" doc:"register, registered, static"`
	State        string             `json:"state" doc:"unproven, up, degraded, returning, down, not registered, registering, auth-failed, refused, unknown-domain, network-dead, overloaded"`
	Up           bool               `json:"up" doc:"calls to it are tried"`
	Registration *TrunkRegistration `json:"registration,omitempty"`
	Places       []TrunkPlace       `json:"places,omitempty"`
	CallsIn      int                `json:"calls_in"`
	CallsOut     int                `json:"calls_out"`
	Channels     int                `json:"channels"`
	Failures     uint64             `json:"failures" doc:"attempts of calls that failed for the carrier's sake, since the start"`
	Lately       TrunkScore         `json:"lately" doc:"calls out by it in the last 15 minutes"`
}

// TrunkScore is how the calls out by a trunk went in the last 15 minutes.
type TrunkScore struct {
	Attempts int     `json:"attempts" doc:"those that were answered or are over"`
	Answered int     `json:"answered"`
	ASR      float64 `json:"asr" doc:"answer-seizure ratio, 0 to 1; 1 without attempts"`
	MOS      float64 `json:"mos,omitempty" doc:"mean of what came from it, 1 to 4.5; left out when nothing was measured"`
}

// TrunkRegistration is how we are registered at a carrier.
type TrunkRegistration struct {
	State   string    `json:"state"`
	Fault   string    `json:"fault,omitempty"`
	Status  int       `json:"status,omitempty" doc:"of the last final answer"`
	Reason  string    `json:"reason,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	Until   time.Time `json:"until,omitzero" doc:"the carrier keeps us so long"`
	Next    time.Time `json:"next,omitzero" doc:"when we register again"`
	Remote  string    `json:"remote,omitempty"`
	Routes  []string  `json:"service_route,omitempty"`
	Path    []string  `json:"path,omitempty"`
	Failed  int       `json:"failed,omitempty" doc:"attempts that failed in a row"`
	Contact string    `json:"contact,omitempty"`
}

// TrunkPlace is one address of a trunk.
type TrunkPlace struct {
	URI    string    `json:"uri"`
	Health string    `json:"health"`
	Since  time.Time `json:"since"`
	Reason string    `json:"reason,omitempty"`
	Share  float64   `json:"share" doc:"of new calls that it may get"`
	Status int       `json:"status,omitempty" doc:"last answer to OPTIONS"`
	RTTMS  float64   `json:"rtt_ms,omitempty" doc:"of that answer"`
}

// TrunkClause is one clause of a certification.
type TrunkClause struct {
	Clause  string `json:"clause"`
	Asks    string `json:"asks"`
	Verdict string `json:"verdict" doc:"passed, failed, not applicable"`
	Seen    string `json:"seen"`
}

func (c Config) trunk(s *trunk.Status) Trunk {
	k := s.Noun
	t := Trunk{Tenant: k.Tenant, Trunk: k.Name, Mode: k.Mode.String(), State: s.State, Up: s.Up, Channels: k.Channels, Failures: s.Failures}
	t.Lately = TrunkScore{s.Score.Attempts, s.Score.Answered, s.Score.ASR(), s.Score.MOS}
	if c.TrunkCalls != nil {
		t.CallsIn, t.CallsOut = c.TrunkCalls(k.Tenant, k.Name)
	}
	if k.Mode == tenant.Registers {
		r := s.Registration
		t.Registration = &TrunkRegistration{
			State: r.State.String(), Fault: r.Fault.String(), Status: r.Status, Reason: r.Reason, Since: r.Since, Until: r.Until, Next: r.Next,
			Remote: r.Remote, Routes: r.Routes, Path: r.Path, Failed: r.Failed, Contact: r.Contact,
		}
	}
	for _, p := range s.Places {
		t.Places = append(t.Places, TrunkPlace{
			URI: p.URI, Health: p.Health.String(), Since: p.Since, Reason: p.Reason, Share: p.Share, Status: p.Status,
			RTTMS: float64(p.RTT.Microseconds()) / 1000,
		})
	}
	return t
}

func (c Config) trunks(api huma.API) {
	huma.Register(api, op("list-trunks", http.MethodGet, "/api/v1/trunks", "Trunks, and how they stand", reads("trunks", tenant.RoleReporter)),
		func(ctx context.Context, in *struct {
			Tenant string `query:"tenant" maxLength:"40" doc:"whose; your own, or all, when left out"`
		}) (*body[Page[Trunk]], error) {
			tenantID, err := tenantOf(ctx, in.Tenant)
			if err != nil {
				return nil, err
			}
			page := Page[Trunk]{Items: []Trunk{}}
			if c.Trunks != nil {
				for _, s := range c.Trunks() {
					if (tenantID == "" || s.Noun.Tenant == tenantID) && c.sees(ctx, s.Noun.Tenant, "") {
						page.Items = append(page.Items, c.trunk(&s))
					}
				}
			}
			return &body[Page[Trunk]]{page}, nil
		})
	huma.Register(api, op("certify-trunk", http.MethodPost, "/api/v1/trunks/{tenant}/{trunk}/certification", "Test a trunk by the clauses of SIPconnect", writes("trunks", tenant.RoleAdmin)),
		func(ctx context.Context, in *struct {
			Tenant string `path:"tenant" maxLength:"64"`
			Trunk  string `path:"trunk" maxLength:"64"`
			Number string `query:"number" maxLength:"32" pattern:"^[0-9+*#]*$" doc:"a number to call; without one no call is made"`
		}) (*body[Page[TrunkClause]], error) {
			if c.Certify == nil || !c.changes(ctx, in.Tenant, "") {
				return nil, huma.Error404NotFound("there is no such trunk")
			}
			list, ok := c.Certify(ctx, in.Tenant, in.Trunk, in.Number)
			if !ok {
				return nil, huma.Error404NotFound("there is no such trunk")
			}
			page := Page[TrunkClause]{Items: []TrunkClause{}}
			for _, l := range list {
				page.Items = append(page.Items, TrunkClause{Clause: l.Name, Asks: l.Asks, Verdict: l.Verdict.String(), Seen: l.Seen})
			}
			return &body[Page[TrunkClause]]{page}, nil
		})
}
