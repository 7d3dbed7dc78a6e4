package server

import (
	"fmt"
	"time"

	"santral/access"
	"santral/api"
	"santral/call"
	"santral/observe/metric"
	"santral/service/alarm"
	"santral/sip"
	"santral/store/seclog"
	"santral/tenant"
)

// nearlyFull is told when a trunk or a pool is nearly full, and when it no longer is.
func (s *server) nearlyFull(n access.Nearly) {
	words := "a trunk is nearly full"
	switch {
	case n.Pool != "" && n.Full:
		words = "a pool of channels is nearly full"
	case n.Pool != "":
		words = "a pool of channels has room again"
	case !n.Full:
		words = "a trunk has room again"
	}
	owner, about := n.Tenant, n.Trunk
	if owner == "" {
		owner = tenant.OperatorID
	}
	if about == "" {
		about = n.Pool
	}
	if n.Full {
		s.alarms.Raise(alarm.TrunkFull, owner, about, fmt.Sprintf("%d / %d", n.Used, n.Limit))
		s.tellTenant(api.TrunkNearlyFull, owner, api.TrunkEvent{Trunk: about, Used: n.Used, Channels: n.Limit})
	} else {
		s.alarms.Clear(alarm.TrunkFull, owner, about)
	}
	s.log.Warn(words, "tenant", n.Tenant, "trunk", n.Trunk, "pool", n.Pool, "used", n.Used, "channels", n.Limit)
}

// admissionMetrics adds the figures of what calls may do.
func (s *server) admissionMetrics(r *metric.Registry) {
	each := func(value func(access.Use) int) func() []metric.Labelled {
		return func() (list []metric.Labelled) {
			for _, u := range s.channels.TrunkUses() {
				list = append(list, metric.Labelled{Values: []string{u.Tenant, u.Trunk}, Value: float64(value(u))})
			}
			return list
		}
	}
	r.Gauges("santral_trunk_channels_used", "Channels of a trunk that are taken now.", []string{"tenant", "trunk"}, each(func(u access.Use) int { return u.In + u.Out }))
	r.Gauges("santral_trunk_channels_limit", "Channels that a trunk has.", []string{"tenant", "trunk"}, each(func(u access.Use) int { return u.Limit }))
	r.Counters("santral_admission_refused_total", "Calls that were not admitted, by whose limit or state stood against them.", []string{"reason"}, func() (list []metric.Labelled) {
		for reason, n := range s.channels.Refused() {
			list = append(list, metric.Labelled{Values: []string{reason}, Value: float64(n)})
		}
		return list
	})
	r.Counter("santral_emergency_calls_total", "Calls to emergency services.", s.channels.Emergencies)
}

// longestUrgent bounds the digits of an emergency number.
const longestUrgent = 8

// urgent reports whether a request, of whomever, calls an emergency service: by the numbers of the tenant that its address
// or its domain means.
func (s *server) urgent(req *sip.Message, flow sip.Flow) bool {
	if req.Method != sip.INVITE {
		return false
	}
	u, err := req.URI()
	if err != nil || len(u.Number()) > longestUrgent {
		return false
	}
	now := s.current.Load()
	id := ""
	if k := now.TrunkAt(flow.Remote.Addr()); k != nil {
		id = k.Tenant
	} else if t := now.Domain(u.Host); t != nil {
		id = t.ID
	} else if t := now.Default(); t != nil {
		id = t.ID
	}
	return s.plan.Route(call.Party{Tenant: id}, u.Number(), time.Now()).Emergency != nil
}

// guessed keeps who has pressed a wrong PIN.
func (s *server) guessed(what string, who call.Party, dialled string) {
	s.records.strangers.Note(seclog.Entry{At: time.Now(), What: what, Source: who.Source, Who: who.Account, To: dialled})
	s.log.Warn(what, "tenant", who.Tenant, "account", who.Account, "dialled", dialled)
}
