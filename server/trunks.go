package server

import (
	"context"
	"net/netip"
	"time"

	"santral/access"
	"santral/call"
	"santral/call/sipleg"
	"santral/observe/metric"
	"santral/service/trunk"
	"santral/sip"
	"santral/sip/endpoint"
	"santral/sip/invite"
	"santral/tenant"
)

// leaveTime is how long carriers have to take our registrations back when the exchange ends.
const leaveTime = 2 * time.Second

// openTrunks makes the trunks; nothing is sent before they start.
func (s *server) openTrunks(shard func(callID string) *endpoint.Shard, resolve func(context.Context, sip.URI) ([]sip.Hop, error)) {
	s.trunks = trunk.New(trunk.Config{
		Current: s.current.Load, Shard: shard, Contacts: s.registry, Resolve: resolve,
		Random: s.random, UserAgent: s.product(), Allow: allow, Log: s.log,
	})
}

// startTrunks begins to register, once the exchange is heard; what the registrar of a carrier knows of us is
// taken back before the endpoint ends.
func (s *server) startTrunks() {
	s.trunks.Start()
	s.later(func() {
		ctx, stop := context.WithTimeout(context.Background(), leaveTime)
		defer stop()
		if !s.deaf.Load() { // whoever takes over goes on with the registrations
			s.trunks.Stop(ctx)
		}
	})
}

// carriersAt tells the door which trunks are registered at an address.
func (s *server) carriersAt(a netip.Addr) []access.Carrier {
	if s.trunks == nil {
		return nil
	}
	return s.trunks.At(a)
}

// legTrunk is what legs of a trunk need.
func (s *server) legTrunk(tenantID, name string) *sipleg.Trunk {
	k := s.current.Load().Trunk(tenantID, name)
	if k == nil {
		return nil
	}
	contact := s.trunks.Contact(tenantID, name)
	t := &sipleg.Trunk{
		Host:    k.Domain,
		Contact: contact,
		Refer:   k.Refer,
		Called: func(req *sip.Message) string {
			return tenant.RewriteNumber(k.In.Called, access.Called(k, req, contact))
		},
	}
	if k.Mode != tenant.Registered && k.Proves() {
		if realm := s.trunks.Realm(tenantID, name); realm != "" {
			t.Account = &invite.Account{User: k.DigestUser(), Password: k.Credential.Password, Realm: realm}
			if k.Credential.Password == "" {
				t.Account.HA1 = k.Credential.HA1
			}
		}
	}
	if len(k.In.Headers) > 0 {
		t.In = func(req *sip.Message) *sip.Message { return trunk.Apply(k.In.Headers, req) }
		t.Caller = func(req *sip.Message, flow sip.Flow) call.Party { return access.Caller(s.current.Load(), k, req, flow) }
	}
	if len(k.Out.Headers) > 0 {
		t.Out = func(req *sip.Message) { trunk.Change(k.Out.Headers, req) }
	}
	if len(k.Out.Calling) > 0 {
		t.Calling = func(number string) string { return tenant.RewriteNumber(k.Out.Calling, number) }
	}
	if len(k.In.Causes) > 0 {
		t.CauseIn = func(c call.Cause) call.Cause { return trunk.Cause(k.In.Causes, c) }
	}
	if len(k.Out.Causes) > 0 {
		t.CauseOut = func(c call.Cause) call.Cause { return trunk.Cause(k.Out.Causes, c) }
	}
	return t
}

// trunkMetrics adds the figures of trunks.
func (s *server) trunkMetrics(r *metric.Registry) {
	each := func(value func(trunk.Status) float64) func() []metric.Labelled {
		return func() (list []metric.Labelled) {
			for _, k := range s.trunks.List() {
				list = append(list, metric.Labelled{Values: []string{k.Noun.Tenant, k.Noun.Name}, Value: value(k)})
			}
			return list
		}
	}
	r.Gauges("santral_trunk_up", "1 while calls are tried by the trunk.", []string{"tenant", "trunk"}, each(func(k trunk.Status) float64 {
		if k.Up {
			return 1
		}
		return 0
	}))
	r.Gauges("santral_trunk_calls", "Calls on the trunk now.", []string{"tenant", "trunk"}, each(func(k trunk.Status) float64 {
		in, out := s.channels.TrunkInUse(k.Noun.Tenant, k.Noun.Name)
		return float64(in + out)
	}))
	r.Counters("santral_trunk_failures_total", "Attempts of calls that failed for the carrier's sake.", []string{"tenant", "trunk"}, each(func(k trunk.Status) float64 {
		return float64(k.Failures)
	}))
}
