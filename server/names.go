package server

import (
	"santral/base/vnet"
	"santral/observe/metric"
	"santral/sip"
	"santral/sip/resolve"
)

// names makes the resolver: the boot file's name servers, else the machine's own. Only what our listeners
// send by is asked for.
func (s *server) names() *resolve.Resolver {
	type way struct {
		transport sip.Transport
		ipv6      bool
	}
	ours := map[way]bool{}
	for _, l := range s.boot.Listen {
		if t := sip.ParseTransport(l.Transport); t != sip.WS && t != sip.WSS { // nobody is called over those
			ours[way{t, l.Address.Addr().Is6()}] = true
		}
	}
	cfg := resolve.Config{
		Net: network, Servers: s.boot.DNS, Random: s.random,
		Have: func(t sip.Transport, ipv6 bool) bool { return ours[way{t, ipv6}] },
	}
	if network == vnet.Real() {
		cfg.Conf, cfg.Hosts = "/etc/resolv.conf", "/etc/hosts"
	}
	s.resolver = resolve.New(cfg)
	s.later(s.resolver.Close)
	return s.resolver
}

// hopMetrics adds the figures of names and next hops, and of the copies that a capture server gets.
func (s *server) hopMetrics(r *metric.Registry) {
	if s.hep != nil {
		r.Counter("santral_hep_sent_total", "Messages and decisions sent to the capture server.", s.hep.Sent)
		r.Counter("santral_hep_dropped_total", "Messages and decisions that the capture server did not take in time.", s.hep.Dropped)
	}
	r.Counters("santral_dns_questions_total", "Questions about names, by how they were answered.", []string{"result"}, func() []metric.Labelled {
		n := s.resolver.Stats()
		return []metric.Labelled{
			{Values: []string{"asked"}, Value: float64(n.Asked)},
			{Values: []string{"cached"}, Value: float64(n.Hits)},
			{Values: []string{"shared"}, Value: float64(n.Shared)},
			{Values: []string{"renewed"}, Value: float64(n.Renewed)},
			{Values: []string{"failed"}, Value: float64(n.Failed)},
		}
	})
	r.Counters("santral_sip_hops_left_total", "Next hops that did not serve though there was another, by why, and the probes that brought them back.", []string{"reason"}, func() []metric.Labelled {
		e := s.endpoint.Load().Stats()
		return []metric.Labelled{
			{Values: []string{"silent"}, Value: float64(e.Silent)},
			{Values: []string{"503"}, Value: float64(e.Crowded)},
			{Values: []string{"probe"}, Value: float64(e.Probes)},
		}
	})
	r.Gauge("santral_sip_hops_dead", "Next hops that are tried last now.", func() float64 { return float64(s.endpoint.Load().Stats().Dead) })
}
