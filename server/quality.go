package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"santral/media"
	"santral/observe/metric"
)

// heard is the figures of streams while they last: five seconds at a time, of both directions.
type heard struct {
	mos, loss [2]prometheus.Observer
	vectors   []prometheus.Collector
}

// newHeard makes them.
func newHeard() *heard {
	h := &heard{}
	vector := func(to *[2]prometheus.Observer, name, help string, buckets ...float64) {
		v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, []string{"direction"})
		to[0], to[1] = v.WithLabelValues("from peer"), v.WithLabelValues("to peer")
		h.vectors = append(h.vectors, v)
	}
	vector(&h.mos, "santral_stream_mos", "Estimated MOS of five seconds of a stream: as it came from the peer, and as the peer says that it got ours.", 1, 2, 2.5, 3, 3.5, 3.8, 4, 4.2, 4.4)
	vector(&h.loss, "santral_stream_loss_ratio", "Share of packets lost in five seconds of a stream, in both directions.", 0, .002, .005, .01, .02, .05, .1, .2, .5)
	return h
}

// sample takes five seconds of a stream (session.Config.OnSample).
func (h *heard) sample(toPeer bool, s media.Sample) {
	i := 0
	if toPeer {
		i = 1
	}
	h.mos[i].Observe(s.MOS)
	h.loss[i].Observe(s.Loss)
}

// qualityMetrics adds the figures of streams, and of what was noticed of them.
func (s *server) qualityMetrics(r *metric.Registry) {
	for _, v := range s.heard.vectors {
		r.Add(v)
	}
	r.Counters("santral_phone_reports_total", "Quality reports that phones have published, by what became of them.", []string{"result"}, func() []metric.Labelled {
		n := s.events.reports.Stats()
		return []metric.Labelled{
			{Values: []string{"kept"}, Value: float64(n.Kept)},
			{Values: []string{"refused"}, Value: float64(n.Refused)},
			{Values: []string{"no such call"}, Value: float64(n.Unknown)},
			{Values: []string{"lost"}, Value: float64(n.Lost)},
		}
	})
	r.Counters("santral_media_noticed_total", "What was noticed of the media of legs, by kind: one-way audio, dead media, a wrong key, a flood.", []string{"kind"}, func() []metric.Labelled {
		var list []metric.Labelled
		for kind, n := range s.control.Noticed() {
			list = append(list, metric.Labelled{Values: []string{kind}, Value: float64(n)})
		}
		return list
	})
}
