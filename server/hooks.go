package server

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	"santral/api"
	"santral/api/hook"
	"santral/observe/metric"
	"santral/service/alarm"
	"santral/store"
	"santral/tenant"
)

// openHooks begins to tell webhooks.
func (s *server) openHooks() error {
	h, err := hook.Open(hook.Config{
		Current: s.current.Load, Rows: s.records.db, Random: rand.Float64, Agent: s.product(), Own: s.ownAddress, Trouble: hookTrouble{s.alarms}, Log: s.log,
	})
	if err != nil {
		return fmt.Errorf("open the webhooks: %w", err)
	}
	s.hooks.Store(h)
	s.later(func() {
		s.hooks.Store(nil)
		h.Close()
	})
	s.bus.Look()
	return nil
}

// hooked reports that some webhook is to be told of what happens.
func (s *server) hooked() bool { return s.hooks.Load().Wanted() }

// forHooks gives an event to webhooks.
func (s *server) forHooks(e *api.Event) {
	if h := s.hooks.Load(); h != nil {
		h.Offer(e)
	}
}

// ownAddress reports whether an address is where this exchange answers HTTP: nothing that a tenant writes leads there.
func (s *server) ownAddress(a netip.AddrPort) bool {
	for i := range s.webs {
		if at := s.webs[i].addr(); at.Port() == a.Port() && (at.Addr().Unmap() == a.Addr() || at.Addr().IsUnspecified() && (a.Addr().IsLoopback() || a.Addr().IsPrivate())) {
			return true
		}
	}
	return false
}

// hookTrouble makes alarms of webhooks' trouble.
type hookTrouble struct{ book *alarm.Book }

// GivenUp implements hook.Trouble.
func (t hookTrouble) GivenUp(key store.HookKey, why string) {
	t.book.Raise(alarm.WebhookGivenUp, key.Tenant, key.Webhook, why)
}

// WellAgain implements hook.Trouble.
func (t hookTrouble) WellAgain(key store.HookKey) {
	t.book.Clear(alarm.WebhookGivenUp, key.Tenant, key.Webhook)
}

// SwitchedOff implements hook.Trouble.
func (t hookTrouble) SwitchedOff(key store.HookKey) {
	t.book.Raise(alarm.WebhookOff, key.Tenant, key.Webhook, "")
}

// SwitchedOn implements hook.Trouble.
func (t hookTrouble) SwitchedOn(key store.HookKey) {
	t.book.Clear(alarm.WebhookOff, key.Tenant, key.Webhook)
}

// Lost implements hook.Trouble.
func (t hookTrouble) Lost(why string) {
	t.book.Raise(alarm.WebhookBehind, tenant.OperatorID, "", why)
}

// hookMetrics adds the figures of webhooks.
func (s *server) hookMetrics(r *metric.Registry) {
	now := func() hook.Stats {
		if h := s.hooks.Load(); h != nil {
			return h.Stats()
		}
		return hook.Stats{}
	}
	r.Gauge("santral_webhook_deliveries_waiting", "Events that wait to be taken by webhooks.", func() float64 { return float64(now().Waiting) })
	r.Counters("santral_webhook_deliveries_total", "Events for webhooks, by what came of them.", []string{"result"}, func() []metric.Labelled {
		n := now()
		return []metric.Labelled{
			{Values: []string{"delivered"}, Value: float64(n.Delivered)}, {Values: []string{"failed attempt"}, Value: float64(n.Failed)},
			{Values: []string{"given up"}, Value: float64(n.GivenUp)}, {Values: []string{"lost"}, Value: float64(n.Lost)},
		}
	})
}
