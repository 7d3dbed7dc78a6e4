package server

import (
	"context"
	"fmt"

	"santral/call"
	"santral/call/sipleg"
	"santral/observe/metric"
	"santral/route"
	"santral/service/message"
	"santral/sip"
	"santral/sip/endpoint"
)

// openMessages makes the service of text messages, with those that still wait.
func (s *server) openMessages() error {
	recipients, err := s.records.db.Recipients(context.Background())
	if err != nil {
		return fmt.Errorf("read messages: %w", err)
	}
	m := message.New(message.Config{
		Current: s.current.Load, Contacts: s.registry, Store: s.records.db, Random: s.random, Send: s.page, Meant: s.meant, Host: s.hostFor,
		Failed: func(what string, err error) { s.log.Error(what, "error", err) },
	}, recipients)
	s.messages.Store(m)
	s.later(m.Close)
	return nil
}

// registered tells who wants to know that the bindings of an account have changed.
func (s *server) registered(tenant, account string) {
	s.events.house.Registered(tenant, account)
	s.tellPhones(tenant, account)
	if m := s.messages.Load(); m != nil {
		m.Registered(tenant, account)
	}
}

// meant is whom a Request-URI names within a tenant, by the same reading as a call's: a GRUU one device, a
// number whatever digits and separators it is written with.
func (s *server) meant(tenant string, uri sip.URI) (account, device string, ok bool) {
	if uri.Params.Has("gr") && uri.IsSIP() {
		return s.registry.GRUU(tenant, uri)
	}
	account = uri.Number()
	if number := route.Digits(account); number != "" {
		account = number
	}
	return account, "", true
}

// hostFor is the host of a tenant's identities, as they are told to one phone.
func (s *server) hostFor(tenant string, to call.Target) string {
	if host := s.host(tenant); host != "" {
		return host
	}
	if flow, err := sip.ParseFlow(to.Flow); err == nil {
		return s.wire.SentBy(flow).Host
	}
	return s.boot.Listen[0].Address.Addr().String()
}

// page sends a request outside of dialogs to a phone, by each of its ways in turn until one answers.
func (s *server) page(req *sip.Message, to call.Target, done func(status int)) {
	e := s.endpoint.Load()
	if e == nil { // not yet: the phone registers again
		done(0)
		return
	}
	shard := e.Shard(req.CallID())
	if !shard.Do(func() { s.pageOn(shard, req, to, done) }) {
		done(0)
	}
}

func (s *server) pageOn(shard *endpoint.Shard, template *sip.Message, to call.Target, done func(status int)) {
	uri, next, err := sipleg.Way(to)
	if err != nil {
		done(0)
		return
	}
	req := template.Clone()
	req.RequestURI = uri
	for _, p := range to.Path { // RFC 3327 §5.3
		req.Add(sip.Route, p)
	}
	req.Set(sip.UserAgent, s.product())
	shard.Request(req, next, func(ev endpoint.ClientEvent) {
		switch {
		case ev.Response != nil && ev.Response.Status < 200:
		case ev.Response != nil:
			done(ev.Response.Status)
		case len(to.Else) > 0 && ev.Err != endpoint.ErrClosed:
			other := to.Else[0]
			other.Else = to.Else[1:]
			s.pageOn(shard, template, other, done)
		default:
			done(0)
		}
	})
}

func (m *mux) message(shard *endpoint.Shard, tx *endpoint.ServerTx) {
	who, ok := m.account(shard, tx)
	if !ok {
		return
	}
	m.s.messages.Load().Serve(tx.Request(), who, func(res *sip.Message) { // here, on another shard, or on the store's goroutine
		shard.Do(func() { tx.Respond(res) })
	})
}

// messageMetrics adds the figures of text messages.
func (s *server) messageMetrics(r *metric.Registry) {
	r.Counters("santral_messages_total", "Text messages, by what became of them.", []string{"result"}, func() []metric.Labelled {
		n := s.messages.Load().Stats()
		return []metric.Labelled{
			{Values: []string{"delivered"}, Value: float64(n.Delivered)},
			{Values: []string{"kept"}, Value: float64(n.Kept)},
			{Values: []string{"refused"}, Value: float64(n.Refused)},
			{Values: []string{"expired"}, Value: float64(n.Expired)},
		}
	})
	r.Gauge("santral_message_recipients_waiting", "Accounts for whom text messages wait.", func() float64 { return float64(s.messages.Load().Stats().Waiting) })
}
