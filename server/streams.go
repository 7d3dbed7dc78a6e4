package server

import (
	"santral/media/rtp"
	"santral/observe/metric"
)

// streamMetrics adds the figures of media.
func (s *server) streamMetrics(r *metric.Registry) {
	r.Gauges("santral_rtp_ports", "Pairs of media ports, by what they do.", []string{"state"}, func() []metric.Labelled {
		p := s.pool.Stats()
		return []metric.Labelled{
			{Values: []string{"all"}, Value: float64(p.Pairs)},
			{Values: []string{"used"}, Value: float64(p.Used)},
			{Values: []string{"resting"}, Value: float64(p.Resting)},
		}
	})
	r.Counters("santral_rtp_packets_total", "Media packets, by what became of them.", []string{"result"}, func() []metric.Labelled {
		p := s.pool.Stats()
		list := []metric.Labelled{
			{Values: []string{"received"}, Value: float64(p.Packets)},
			{Values: []string{"sent"}, Value: float64(p.Sent)},
			{Values: []string{"unsent"}, Value: float64(p.Unsent)},
			{Values: []string{"stray"}, Value: float64(p.Strays)},
		}
		for verdict, n := range p.Dropped {
			if n > 0 {
				list = append(list, metric.Labelled{Values: []string{"dropped: " + rtp.Verdict(verdict).String()}, Value: float64(n)})
			}
		}
		return list
	})
}
