package server

import (
	"time"

	"santral/observe/metric"
	"santral/sip"
)

// metrics makes the page of figures.
func (s *server) metrics() *metric.Registry {
	r := metric.New(s.version)
	r.Gauges("santral_calls_active", "Calls that are going on.", []string{"state"}, func() []metric.Labelled {
		count := map[string]float64{}
		for _, l := range s.control.Calls("") {
			count[l.State.String()]++
		}
		var list []metric.Labelled
		for state, n := range count {
			list = append(list, metric.Labelled{Values: []string{state}, Value: n})
		}
		return list
	})
	r.Counters("santral_calls_total", "Calls that have ended, by how.", []string{"result"}, s.records.results)
	r.Counters("santral_sip_requests_total", "SIP requests received, copies included.", []string{"method"}, s.traffic.byMethod)
	r.Counters("santral_sip_responses_total", "SIP responses sent, copies included.", []string{"code"}, s.traffic.byStatus)
	r.Gauges("santral_registrations", "Bindings of accounts.", []string{"transport"}, func() []metric.Labelled {
		var list []metric.Labelled
		count := s.registry.Count()
		for _, t := range []sip.Transport{sip.UDP, sip.TCP, sip.TLS, sip.WS, sip.WSS} {
			list = append(list, metric.Labelled{Values: []string{t.String()}, Value: float64(count[t])})
		}
		return list
	})
	r.Counters("santral_auth_failures_total", "Credentials that were refused, by reason.", []string{"reason"}, func() []metric.Labelled {
		var list []metric.Labelled
		for reason, n := range s.door.Failures() {
			list = append(list, metric.Labelled{Values: []string{reason}, Value: float64(n)})
		}
		return list
	})
	r.Gauge("santral_blocked_ips", "Sources that are not heard now.", func() float64 { return float64(len(s.guard.Bans(time.Now()))) })
	r.Counter("santral_blocked_messages_total", "Messages of banned sources.", s.traffic.banned.Load)
	r.Counter("santral_trace_dropped_total", "Messages that were not traced because the disk was slow.", s.trace.Dropped)

	r.Counters("santral_sip_refused_total", "Messages that the endpoint refused or dropped by itself, by reason.", []string{"reason"}, func() []metric.Labelled {
		e, w := s.endpoint.Load().Stats(), s.wire.Stats()
		return []metric.Labelled{
			{Values: []string{"malformed"}, Value: float64(e.Malformed)},
			{Values: []string{"refused"}, Value: float64(e.Refused)},
			{Values: []string{"dropped"}, Value: float64(e.Dropped)},
			{Values: []string{"stray"}, Value: float64(e.Stray)},
			{Values: []string{"merged"}, Value: float64(e.Merged)},
			{Values: []string{"looped"}, Value: float64(e.Looped)},
			{Values: []string{"no dialog"}, Value: float64(e.Lost)},
			{Values: []string{"shed"}, Value: float64(e.Shed)},
			{Values: []string{"overload"}, Value: float64(e.Overload)},
			{Values: []string{"evicted"}, Value: float64(e.Evicted)},
			{Values: []string{"junk"}, Value: float64(w.Junk)},
			{Values: []string{"foreign response"}, Value: float64(w.Foreign)},
			{Values: []string{"connection over a limit"}, Value: float64(w.Refused)},
			{Values: []string{"connection too late"}, Value: float64(w.Late)},
			{Values: []string{"connection too slow"}, Value: float64(w.Slow)},
			{Values: []string{"framing lost"}, Value: float64(w.Broken)},
			{Values: []string{"HTTP connection over a limit"}, Value: float64(s.crowd.refused.Load())},
			{Values: []string{"handshake failed"}, Value: float64(w.Shakes)},
			{Values: []string{"client certificate unproved"}, Value: float64(w.Unproved)},
			{Values: []string{"origin or subprotocol"}, Value: float64(w.Origins)},
		}
	})
	r.Gauges("santral_sip_transactions", "SIP transactions now.", []string{"side"}, func() []metric.Labelled {
		e := s.endpoint.Load().Stats()
		return []metric.Labelled{{Values: []string{"server"}, Value: float64(e.Servers)}, {Values: []string{"client"}, Value: float64(e.Clients)}}
	})
	r.Gauge("santral_sip_connections", "SIP connections that are open.", func() float64 { return float64(s.wire.Stats().Open) })
	s.hopMetrics(r)
	s.loadMetrics(r)
	s.eventMetrics(r)
	s.messageMetrics(r)
	s.streamMetrics(r)
	s.roomMetrics(r)
	s.qualityMetrics(r)
	s.browserMetrics(r)
	s.trunkMetrics(r)
	s.scoreMetrics(r)
	s.admissionMetrics(r)
	s.recordingMetrics(r)
	s.promptMetrics(r)
	s.alarmMetrics(r)
	s.hookMetrics(r)
	s.rightMetrics(r)
	s.records.metrics(r)
	return r
}
