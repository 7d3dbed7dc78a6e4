// Package metric is the exchange's page of figures for Prometheus. Rooms count in atomics of their
// own; what lives here is the registry, the names, and small helpers that read those counters when
// the page is asked for, so that counting costs nothing on the way.
package metric

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Registry holds the figures of one exchange. It is safe for concurrent use.
type Registry struct{ reg *prometheus.Registry }

// New makes a registry with the figures of the process itself and the build's version.
func New(version string) *Registry {
	r := &Registry{prometheus.NewRegistry()}
	r.reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "santral_build_info", Help: "1, labelled with the version that runs."}, []string{"version"})
	info.WithLabelValues(version).Set(1)
	r.reg.MustRegister(info)
	return r
}

// Handler serves the page.
func (r *Registry) Handler() http.Handler {
	return promhttp.HandlerFor(r.reg, promhttp.HandlerOpts{})
}

// Counter adds a figure that only grows and is read from f.
func (r *Registry) Counter(name, help string, f func() uint64) {
	r.reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(f()) }))
}

// Gauge adds a figure that rises and falls and is read from f.
func (r *Registry) Gauge(name, help string, f func() float64) {
	r.reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f))
}

// Labelled is a figure with label values, as a reader gives it.
type Labelled struct {
	Values []string
	Value  float64
}

// Counters adds a figure with labels that only grows; f gives all its values.
func (r *Registry) Counters(name, help string, labels []string, f func() []Labelled) {
	r.reg.MustRegister(&reader{prometheus.NewDesc(name, help, labels, nil), prometheus.CounterValue, f})
}

// Gauges adds a figure with labels that rises and falls; f gives all its values.
func (r *Registry) Gauges(name, help string, labels []string, f func() []Labelled) {
	r.reg.MustRegister(&reader{prometheus.NewDesc(name, help, labels, nil), prometheus.GaugeValue, f})
}

// Add adds a collector of Prometheus's own, such as a histogram that is observed as things happen.
func (r *Registry) Add(c prometheus.Collector) { r.reg.MustRegister(c) }

// reader is a collector over a function.
type reader struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func() []Labelled
}

// Describe implements prometheus.Collector.
func (r *reader) Describe(to chan<- *prometheus.Desc) { to <- r.desc }

// Collect implements prometheus.Collector.
func (r *reader) Collect(to chan<- prometheus.Metric) {
	for _, l := range r.read() {
		to <- prometheus.MustNewConstMetric(r.desc, r.kind, l.Value, l.Values...)
	}
}
