package server

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"santral/access"
	"santral/api/rest"
	"santral/call"
	"santral/observe/metric"
	"santral/service/presence"
	"santral/service/quality"
	"santral/sip"
	"santral/sip/endpoint"
	"santral/sip/event"
	"santral/store"
)

// events is what tells others how things stand: who subscribes, to what.
type events struct {
	house    *presence.House
	notifier *event.Notifier
	pace     *access.Pace
	reports  *quality.House
}

// openEvents makes the house of what can be watched, with the mailboxes that were saved.
func (s *server) openEvents() error {
	boxes, err := s.records.db.Mailboxes(context.Background())
	if err != nil {
		return fmt.Errorf("read the mailboxes: %w", err)
	}
	s.events.pace = access.Patient()
	s.events.house = presence.New(presence.Config{
		Current:   s.current.Load,
		Bindings:  func(tenant, account string) []store.Binding { return s.registry.Bindings(tenant, account) },
		Mailboxes: s.records.db,
		GRUU:      func(b *store.Binding, host string) string { return s.registry.PublicGRUU(b, host) },
		Random:    s.random,
		Push:      func(req *sip.Message, to call.Target) { s.page(req, to, func(int) {}) },
		Phones:    s.phones,
	}, boxes)
	s.later(s.events.house.Close)
	s.events.reports = quality.New(quality.Config{Reports: s.records.db, Random: s.random, OnError: func(err error) { s.log.Error("phones' quality reports", "error", err) }})
	s.later(s.events.reports.Close)
	s.records.told.Store(s.events.reports)
	return nil
}

// phones are those of an account, each with the host of our identities as it is told there.
func (s *server) phones(tenant, account string) (list []presence.Phone) {
	targets, _ := s.registry.Contacts(tenant, account)
	for _, t := range targets {
		list = append(list, presence.Phone{Target: t, Host: s.hostFor(tenant, t)})
	}
	return list
}

// openNotifier serves subscriptions on an endpoint.
func (s *server) openNotifier(shard func(callID string) *endpoint.Shard) {
	s.events.notifier = event.NewNotifier(event.Config{Packages: s.events.house.Packages(), Shard: shard, Stranger: s.strangeSubscriber, Phones: s.registry, Edges: within(s.boot.Edges)})
}

// slowDown is how long one waits that asks too often, before it is told so: a phone that repeats itself
// without pause does so once a second then, whatever it thinks of the answer.
const slowDown = time.Second

// account tells which account sends a request outside of dialogs, and within its allowance. Otherwise the
// request is answered, now or later.
func (m *mux) account(shard *endpoint.Shard, tx *endpoint.ServerTx) (who call.Party, ok bool) {
	who, refusal := m.s.door.Identify(tx.Request(), tx.Flow())
	switch {
	case refusal != nil:
		tx.Respond(refusal)
	case who.Account == "": // a trunk's calls are let in, and nothing else of it
		tx.Refuse(403, "")
	case !m.s.events.pace.Take(who, time.Now()):
		shard.After(slowDown, func() {
			tx.Challenge(503, "", sip.Header{Kind: sip.RetryAfter, Value: strconv.Itoa(10 + int(shard.Random().Uint64()%20))})
		})
	default:
		return who, true
	}
	return who, false
}

func subscriber(who call.Party) event.Subscriber {
	return event.Subscriber{Tenant: who.Tenant, Account: who.Account}
}

func (m *mux) subscribe(shard *endpoint.Shard, tx *endpoint.ServerTx) {
	if who, ok := m.account(shard, tx); ok {
		m.s.events.notifier.Serve(tx, subscriber(who))
	}
}

func (m *mux) publish(shard *endpoint.Shard, tx *endpoint.ServerTx) {
	who, ok := m.account(shard, tx)
	switch {
	case !ok:
	case quality.Mine(tx.Request()):
		tx.Respond(m.s.events.reports.Publish(tx.Request(), who))
	default:
		res := m.s.events.house.Publish(tx.Request(), subscriber(who))
		if res.Status == 489 {
			res.Set(sip.AllowEvents, res.Get(sip.AllowEvents)+", "+quality.Package)
		}
		tx.Respond(res)
	}
}

// strangeSubscriber is asked about a request within a subscription from elsewhere than before: a phone that
// has moved proves itself as it would for a new subscription.
func (s *server) strangeSubscriber(sub *event.Subscription, tx *endpoint.ServerTx) bool {
	who, refusal := s.door.Identify(tx.Request(), tx.Flow())
	switch {
	case refusal != nil:
		tx.Respond(refusal)
		return false
	case subscriber(who) != sub.Request().Who:
		tx.Challenge(403, "")
		return false
	}
	return true
}

// subscriptions is what the API shows of them.
func (s *server) subscriptions(tenant, account string) []rest.Subscription {
	list := []rest.Subscription{}
	for _, l := range s.events.notifier.Subscriptions(tenant, account) {
		list = append(list, rest.Subscription{
			Tenant: l.Who.Tenant, Account: l.Who.Account, Event: l.Event, URI: l.URI, CallID: l.CallID, Flow: l.Flow,
			List: l.List, Began: l.Began, Expires: l.Expires, Failing: l.Failing,
		})
	}
	return list
}

// eventMetrics adds the figures of subscriptions and publications.
func (s *server) eventMetrics(r *metric.Registry) {
	r.Gauges("santral_subscriptions", "Subscriptions now, by event package.", []string{"event"}, func() []metric.Labelled {
		var list []metric.Labelled
		for name, n := range s.events.notifier.Stats().Live {
			list = append(list, metric.Labelled{Values: []string{name}, Value: float64(n)})
		}
		return list
	})
	r.Gauge("santral_publications", "Presence documents that phones have published and that hold now.", func() float64 { return float64(s.events.house.Stats().Publications) })
	r.Counters("santral_notifications_total", "Notifications to subscribers, by what came of them.", []string{"result"}, func() []metric.Labelled {
		n := s.events.notifier.Stats()
		return []metric.Labelled{{Values: []string{"taken"}, Value: float64(n.Notified)}, {Values: []string{"unanswered"}, Value: float64(n.Unanswered)}}
	})
	r.Counters("santral_subscriptions_ended_total", "Subscriptions that were refused or have ended, by how.", []string{"how"}, func() []metric.Labelled {
		n := s.events.notifier.Stats()
		return []metric.Labelled{
			{Values: []string{"refused"}, Value: float64(n.Refused)},
			{Values: []string{"lost"}, Value: float64(n.Lost)},
			{Values: []string{"ended"}, Value: float64(n.Ended - n.Lost)},
		}
	})
}
