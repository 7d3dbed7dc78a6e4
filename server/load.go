package server

import (
	"net/netip"
	"time"

	"santral/observe/metric"
	"santral/sip"
)

// spare is the share of media ports that is kept for what calls that go on may still need.
const spare = 50

// full reports that no further call can be served: there are as many as the boot file allows, the media ports
// are all but used up, or the ledger can't take any more. It is asked twenty times a second by each shard.
func (s *server) full() bool {
	if s.boot.Calls > 0 && s.control.Stats().Live >= s.boot.Calls {
		return true
	}
	p := s.pool.Stats()
	return p.Pairs-p.Used-p.Resting < max(4, p.Pairs/spare) && p.Used > p.Pairs/2 || s.records.Full()
}

// known tells the house's own from strangers: phones that have proved themselves within the hour, trunks by
// their address, and whom no limit holds for.
func (s *server) known(unbound func(netip.Addr) bool) func(sip.Flow) bool {
	return func(f sip.Flow) bool {
		a := f.Remote.Addr()
		return unbound(a) || s.guard.Proved(f.Remote, time.Now()) || s.current.Load().TrunkAt(a.Unmap()) != nil
	}
}

// loadMetrics adds the figures of overload.
func (s *server) loadMetrics(r *metric.Registry) {
	r.Counter("santral_overload_refused_total", "New work refused with 503 because the exchange was late or full.", func() uint64 { return s.endpoint.Load().Stats().Overload })
	r.Gauge("santral_overload_share", "Share of new calls that is refused now, 0 to 1.", func() float64 { return s.endpoint.Load().Stats().Shedding })
	r.Gauge("santral_sip_backlog", "SIP messages that wait to be handled.", func() float64 { return float64(s.endpoint.Load().Stats().Backlog) })
}
