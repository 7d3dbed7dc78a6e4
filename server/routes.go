package server

import (
	"sync"

	"santral/call"
	"santral/observe/metric"
	"santral/service/trunk"
)

// openRoutes has the plan of where calls go ask how trunks do.
func (s *server) openRoutes() {
	s.plan.Judge(s.trunks)
	s.plan.Prepare(s.current.Load())
}

// attempts are the legs to trunks that are not over: of what is written down of calls, what a trunk is judged by.
type attempts struct {
	mu   sync.Mutex // a leaf
	legs map[attempt]*attempted
}

type attempt struct {
	call call.ID
	leg  call.LegID
}

type attempted struct {
	tenant, trunk string
	answered      bool
}

// see looks at an event of a call. Legs that were taken over are not counted again.
func (a *attempts) see(e *call.Event, trunks *trunk.Trunks) {
	switch e.Kind {
	case call.LegBegan:
		if d := e.Detail; d == nil || d.Trunk == "" || d.Direction != call.Out || d.SIPCallID == "" { // without one it was passed over
			return
		}
		a.mu.Lock()
		if a.legs == nil {
			a.legs = map[attempt]*attempted{}
		}
		a.legs[attempt{e.Call, e.Leg}] = &attempted{tenant: e.Detail.Tenant, trunk: e.Detail.Trunk}
		a.mu.Unlock()
	case call.LegAnswered:
		a.mu.Lock()
		l := a.legs[attempt{e.Call, e.Leg}]
		first := l != nil && !l.answered
		if first {
			l.answered = true
		}
		a.mu.Unlock()
		if first {
			trunks.Attempted(l.tenant, l.trunk, true)
		}
	case call.LegEnded:
		key := attempt{e.Call, e.Leg}
		a.mu.Lock()
		l := a.legs[key]
		delete(a.legs, key)
		a.mu.Unlock()
		if l == nil {
			return
		}
		if !l.answered {
			trunks.Attempted(l.tenant, l.trunk, false)
			return
		}
		if e.Detail == nil {
			return
		}
		for i := range e.Detail.Quality {
			if q := &e.Detail.Quality[i]; q.MOS > 0 {
				trunks.Measured(l.tenant, l.trunk, q.MOS)
				break // the first line is what is said
			}
		}
	}
}

// scoreMetrics adds how trunks did in the last fifteen minutes.
func (s *server) scoreMetrics(r *metric.Registry) {
	each := func(value func(trunk.Score) (float64, bool)) func() []metric.Labelled {
		return func() (list []metric.Labelled) {
			for _, k := range s.trunks.List() {
				if v, ok := value(s.trunks.Score(k.Noun.Tenant, k.Noun.Name)); ok {
					list = append(list, metric.Labelled{Values: []string{k.Noun.Tenant, k.Noun.Name}, Value: v})
				}
			}
			return list
		}
	}
	labels := []string{"tenant", "trunk"}
	r.Gauges("santral_trunk_asr", "Share of the calls out by the trunk that were answered in the last 15 minutes, 0 to 1.", labels, each(func(k trunk.Score) (float64, bool) { return k.ASR(), k.Attempts > 0 }))
	r.Gauges("santral_trunk_mos", "Mean MOS of what came from the trunk in calls out that ended in the last 15 minutes.", labels, each(func(k trunk.Score) (float64, bool) { return k.MOS, k.Measured > 0 }))
	r.Gauges("santral_trunk_attempts", "Calls out by the trunk in the last 15 minutes that were answered or are over.", labels, each(func(k trunk.Score) (float64, bool) { return float64(k.Attempts), true }))
}
