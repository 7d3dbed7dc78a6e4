package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"santral/access"
	"santral/base/advertise"
	"santral/call"
	"santral/call/control"
	"santral/call/sipleg"
	"santral/config"
	"santral/media/codec"
	"santral/media/rtp"
	"santral/media/session"
	"santral/media/tone"
	"santral/observe/trace"
	"santral/service/registrar"
	"santral/sip"
	"santral/sip/digest"
	"santral/sip/endpoint"
	"santral/sip/event"
	"santral/sip/transaction"
	"santral/sip/transport"
)

// methods are those that somebody here serves.
var methods = []sip.Method{sip.INVITE, sip.ACK, sip.CANCEL, sip.BYE, sip.OPTIONS, sip.REGISTER, sip.INFO, sip.PRACK, sip.UPDATE, sip.REFER, sip.SUBSCRIBE, sip.PUBLISH, sip.MESSAGE}

// allow is methods as a header value.
var allow = func() string {
	names := make([]string, len(methods))
	for i, m := range methods {
		names[i] = string(m)
	}
	return strings.Join(names, ", ")
}()

// extensions are the option tags that somebody here understands.
var extensions = append(slices.Concat(registrar.Extensions, sipleg.Extensions, sipleg.HouseExtensions), event.EventList)

// supported is extensions as a header value.
var supported = strings.Join(extensions, ", ")

// trying is how long an INVITE waits for something better than a 100, which must be there after
// 200 ms (RFC 3261 §17.2.1), the way included.
const trying = 100 * time.Millisecond

// gather is how long SIP datagrams are gathered under load: short beside any phone's patience.
const gather = time.Millisecond

// overLimit is how long nothing is read of a connection that brings more than its source may ask: what would
// be thrown away costs us nothing then. At the guard's rate a source may ask for 50 more after it.
const overLimit = 250 * time.Millisecond

// serve opens the sockets: from here on the exchange answers.
func (s *server) serve(trust []netip.Prefix) error {
	trusted := func(a netip.Addr) bool {
		for _, p := range trust {
			if p.Contains(a.Unmap()) {
				return true
			}
		}
		return false
	}
	edge := within(s.boot.Edges)
	unbound := func(a netip.Addr) bool { return trusted(a) || edge != nil && edge(a) }
	algorithms, err := digest.ParseAlgorithms(strings.Join(s.boot.Digest, ","))
	if err != nil {
		return fmt.Errorf("digest: %w", err)
	}
	s.guard = access.NewGuard(access.DefaultLimits)
	if err := s.openAllowed(); err != nil {
		return err
	}
	s.door = access.NewDoor(access.DoorConfig{
		Urgent:  s.urgent,
		Current: s.current.Load, Guard: s.guard, Algorithms: algorithms, Trusted: trusted, Random: s.random, Edges: edge, Note: s.records.note,
		Certificate: func(f sip.Flow) []string { return s.wire.Certificate(f) }, Carriers: s.carriersAt,
	})
	var listeners []transport.Listener
	for _, l := range s.boot.Listen {
		policy, err := s.advertise(l.Address.Addr(), l.Advertise)
		if err != nil {
			return err
		}
		listeners = append(listeners, transport.Listener{Transport: sip.ParseTransport(l.Transport), Addr: l.Address, Advertise: policy})
		if l.Transport == "tls" {
			listeners[len(listeners)-1].Name = s.certs.name
		}
	}
	browsers, err := s.webListeners()
	if err != nil {
		return err
	}
	layer, err := transport.Start(transport.Config{
		Net: network, Listeners: append(listeners, browsers...), Handle: s.receive, Closed: s.closed, Limits: transport.Limits{Exempt: unbound},
		Gather: gather, Gate: s.admit, TLS: s.certs.sip, Unproved: s.unproved, Origins: s.boot.Origins,
	})
	if err != nil {
		return err
	}
	s.wire = layer
	s.later(layer.Close)
	if err := s.openEvents(); err != nil {
		return err
	}
	s.registry = registrar.New(registrar.Config{
		Journal: s.records.bindings, Current: s.current.Load, Alive: layer.Alive, Changed: s.registered,
		Edges: edge, SentBy: layer.SentBy, Secret: s.secret, Random: s.random, Port: s.boot.Listen[0].Address.Port(),
	}, s.records.saved)
	s.later(s.registry.Close)
	s.records.saved = nil

	media, err := s.media()
	if err != nil {
		return err
	}
	var e *endpoint.Endpoint
	shard := func(callID string) *endpoint.Shard { return e.Shard(callID) }
	names := s.names()
	s.openTrunks(shard, names.Resolve)
	s.openRoutes()
	agent := sipleg.New(sipleg.Config{
		Shard: shard, Media: media, Random: s.random,
		Door: s.door, Phones: s.registry, Host: s.host, Manners: s.manners, Trunk: s.legTrunk, UserAgent: s.product(),
		Session: s.boot.Session.Expires, MinSession: s.boot.Session.Min,
	})
	s.agent = agent
	s.channels = access.NewChannels(s.current.Load, s.nearlyFull)
	s.openMusic()
	speech := &speech{s.current.Load, s.prompts}
	s.control = control.New(control.Config{
		Router: s.plan, Contacts: s.registry, Trunks: s.trunks, Channels: s.channels, Ledger: toldLedger{tracedLedger{s.records, s.trace}, s},
		Dialer: agent, Stories: s.stories(speech), Board: s.events.house, Speech: speech, Music: s.music, Archive: s.tapes, Tones: s.tones, Random: s.random, Pickup: s.pickup, Log: s.log,
	})
	e = endpoint.New(endpoint.Config{
		Wire: wire{layer}, Resolver: names, Silent: s.boot.Silent, Random: s.random, User: &mux{s, agent}, Gate: s.gate,
		Trace: &tap{s}, Server: s.product(), Allow: methods, Extensions: extensions,
		Overload: endpoint.Overload{Delay: s.boot.Overload, Behind: layer.Behind, Full: s.full, Known: s.known(unbound), Urgent: func(in *sip.Inbound) bool { return s.urgent(in.Msg, in.Flow) }}, Limits: endpoint.Limits{Exempt: unbound}, Timers: transaction.Timers{Trying: trying}, State: s.before.endpoint(),
		Fault: func(value any, stack []byte) { s.log.Error("fault in a call", "fault", value, "stack", string(stack)) },
	})
	s.later(func() {
		ctx, stop := context.WithTimeout(context.Background(), time.Second)
		defer stop()
		e.Close(ctx)
	})
	s.openNotifier(e.Shard)
	if err := s.openMessages(); err != nil {
		return err
	}
	agent.Open(s.control)
	s.takeOver(tracedThawer{agent, s.trace})
	s.endpoint.Store(e)
	s.startTrunks()
	return nil
}

// media opens the pool of media ports.
func (s *server) media() (*session.Config, error) {
	m := s.boot.Media
	if m.G729 != "" {
		if err := codec.PlugG729(m.G729); err != nil {
			return nil, fmt.Errorf("media.g729: %w: install it, or leave the key out and let G.729 pass as it is", err)
		}
	}
	policy, err := s.advertise(m.Address, m.Advertise)
	if err != nil {
		return nil, err
	}
	bind := []netip.Addr{m.Address}
	if m.Address == netip.IPv4Unspecified() {
		bind = append(bind, netip.IPv6Unspecified())
	}
	s.pool, err = rtp.NewPool(rtp.Config{Net: network, Bind: bind, First: m.First, Last: m.Last, DSCP: m.DSCP})
	if err != nil {
		return nil, fmt.Errorf("open media ports %d-%d: %w", m.First, m.Last, err)
	}
	s.later(s.pool.Close)
	cfg := &session.Config{Pool: s.pool, Pictures: m.Pictures, Advertise: policy.For, DeadAfter: m.DeadAfter, Random: s.random, OnSample: s.heard.sample}
	return cfg, s.openBrowsers(cfg, bind, policy)
}

// advertise makes the policy of a listener's setting. A STUN server is asked before anything is told.
func (s *server) advertise(bound netip.Addr, a config.Advertise) (*advertise.Policy, error) {
	p, err := advertise.New(advertise.Config{Net: network, Bound: bound, Public: a.Public, Local: a.Local, STUN: a.STUN, Random: s.random})
	if err != nil {
		return nil, fmt.Errorf("advertised address of %s: %w", bound, err)
	}
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	if err := p.Learn(ctx); err != nil {
		s.log.Error("the STUN server does not tell our public address; it is asked again", "server", a.STUN, "error", err)
	}
	if a.STUN != "" {
		ctx, stop := context.WithCancel(context.Background())
		s.later(stop)
		go p.Run(ctx, func(told netip.Addr, err error) {
			s.log.Info("public address", "server", a.STUN, "address", told, "error", err)
		})
	}
	return p, nil
}

func (s *server) product() string { return "Santral" }

// host is the host of the identities that a tenant's parties present: its first domain. The default
// tenant's phones know us by our address, and that is what they can call back ("").
func (s *server) host(tenantID string) string {
	t := s.current.Load().Tenant(tenantID)
	if t == nil || t.Default || len(t.Domains) == 0 {
		return ""
	}
	return t.Domains[0]
}

// tones are those of a tenant's country.
func (s *server) tones(tenantID string) tone.Set {
	t := s.current.Load().Tenant(tenantID)
	if t == nil {
		return tone.Set{}
	}
	set, _ := tone.Country(t.Country)
	return set
}

// receive takes every message from the wire; banned sources are not heard, and nobody is before the
// endpoint stands or once calls are handed over.
func (s *server) receive(in sip.Inbound) {
	e := s.endpoint.Load()
	if e == nil || s.deaf.Load() {
		return
	}
	if !s.guard.Hear(s.door.Origin(in.Msg, in.Flow), time.Now()) {
		s.traffic.banned.Add(1)
		return
	}
	s.traffic.received(in)
	e.Receive(in)
}

// closed hears of connections that ended.
func (s *server) closed(f sip.Flow) {
	if s.endpoint.Load() != nil {
		s.registry.Closed(f)
		s.trunks.Closed(f)
	}
}

// gate judges new requests without credentials before any state is made for them.
func (s *server) gate(in sip.Inbound) endpoint.Verdict {
	drop, refusal := s.door.Gate(in.Msg, in.Flow, time.Now())
	if drop {
		if in.Flow.Transport.Stream() && s.door.Origin(in.Msg, in.Flow) == in.Flow.Remote { // not a proxy, which has others behind it
			s.wire.Hold(in.Flow, overLimit)
		}
		return endpoint.Verdict{Drop: true}
	}
	if refusal == nil {
		return endpoint.Verdict{}
	}
	if in.Msg.Method == sip.INVITE { // a challenge would only put off what it gets in the end
		if status, headers := sipleg.Unfit(in.Msg); status != 0 {
			return endpoint.Verdict{Status: status, Headers: headers}
		}
	}
	return endpoint.Verdict{Status: refusal.Status, Reason: refusal.Reason, Headers: refusal.Headers}
}

// mux hands new requests to the room that serves their method.
type mux struct {
	s     *server
	agent *sipleg.Agent
}

// Serve implements endpoint.User.
func (m *mux) Serve(shard *endpoint.Shard, tx *endpoint.ServerTx) {
	req := tx.Request()
	if req.Method == sip.OPTIONS { // RFC 3261 §11.2
		res := sip.NewResponse(req, 200, "")
		res.Set(sip.Accept, "application/sdp")
		res.Set(sip.AcceptEncoding, "identity")
		res.Set(sip.AcceptLanguage, "en")
		res.Set(sip.Allow, allow)
		res.Set(sip.AllowEvents, m.s.events.notifier.AllowEvents())
		res.Set(sip.Supported, supported)
		tx.Respond(res)
		return
	}
	if req.Has(sip.Route) && m.s.registry.Routed(req) {
		tx.Challenge(403, "Not Our Route")
		return
	}
	if wait := m.s.guard.Wait(m.s.door.Origin(req, tx.Flow()), time.Now()); wait > 0 && req.Has(sip.Authorization) {
		shard.After(wait, func() { m.hand(shard, tx) })
		return
	}
	m.hand(shard, tx)
}

func (m *mux) hand(shard *endpoint.Shard, tx *endpoint.ServerTx) {
	req := tx.Request()
	switch req.Method {
	case sip.INVITE, sip.REFER:
		m.agent.Serve(shard, tx)
	case sip.REGISTER:
		m.register(shard, tx)
	case sip.SUBSCRIBE:
		m.subscribe(shard, tx)
	case sip.PUBLISH:
		m.publish(shard, tx)
	case sip.MESSAGE:
		m.message(shard, tx)
	default: // within no dialog of ours
		tx.Refuse(481, "")
	}
}

func (m *mux) register(shard *endpoint.Shard, tx *endpoint.ServerTx) {
	req := tx.Request()
	who, refusal := m.s.door.Identify(req, tx.Flow())
	if refusal == nil {
		refusal = m.s.door.Owns(req, tx.Flow(), who)
	}
	if refusal != nil {
		tx.Respond(refusal)
		return
	}
	if k := m.s.current.Load().Trunk(who.Tenant, who.Trunk); k != nil {
		who.Account = k.User // bindings of a PBX stand under the name that it registers by
	}
	m.s.registry.Register(req, tx.Flow(), who, func(res *sip.Message) { // here, or on the journal's goroutine
		shard.Do(func() { tx.Respond(res) })
	})
}

// wire is the transport as the endpoint asks for it.
type wire struct{ *transport.Layer }

// Writer implements endpoint.Wire.
func (w wire) Writer() endpoint.Writer { return w.Layer.Writer() }

// tracedThawer keeps the ladders of legs that are taken over.
type tracedThawer struct {
	agent *sipleg.Agent
	book  *trace.Book
}

// Thaw implements call.Thawer.
func (d tracedThawer) Thaw(id call.ID, state json.RawMessage, inbox call.Inbox) (call.Leg, error) {
	leg, err := d.agent.Thaw(id, state, inbox)
	if err != nil {
		return nil, err
	}
	d.book.Keep(leg.Detail().SIPCallID, string(id))
	return leg, nil
}

// tracedLedger tells the trace what was decided about calls, and when legs begin and end: what is refused before
// there is a call to read it by is not kept.
type tracedLedger struct {
	*records
	book *trace.Book
}

// Append implements call.Ledger.
func (l tracedLedger) Append(e call.Event) {
	if words := decision(&e); words != "" {
		l.book.Decide(string(e.Call), e.At, words)
	}
	if d := e.Detail; d != nil && d.SIPCallID != "" {
		switch {
		case e.Kind == call.LegBegan:
			l.book.Keep(d.SIPCallID, string(e.Call))
		case e.Kind == call.LegEnded && e.Other == "": // it goes on in no other call
			l.book.Release(d.SIPCallID)
		}
	}
	l.records.Append(e)
}

// Commit implements call.Ledger.
func (l tracedLedger) Commit(e call.Event, done func()) {
	if words := decision(&e); words != "" {
		l.book.Decide(string(e.Call), e.At, words)
	}
	l.records.Commit(e, done)
}

// tap shows messages to the trace and counts answers.
type tap struct{ s *server }

// Received implements endpoint.Trace. An INVITE begins a trace.
func (t *tap) Received(in sip.Inbound, at time.Time) {
	if in.Msg == nil || in.Msg.Method != sip.INVITE && !t.s.trace.Wants(in.Msg.CallID()) {
		return
	}
	text := in.Text
	if text == "" {
		text = in.Msg.String()
	}
	t.s.trace.Add(trace.Entry{At: at, CallID: in.Msg.CallID(), Local: in.Flow.Local, Remote: in.Flow.Remote, Proto: in.Flow.Transport.String(), Text: text})
}

// Decided implements endpoint.Decider.
func (t *tap) Decided(callID, words string, at time.Time) {
	if t.s.trace.Wants(callID) {
		t.s.trace.Add(trace.Entry{At: at, CallID: callID, Decision: words})
	}
}

// Sent implements endpoint.Trace.
func (t *tap) Sent(f sip.Flow, callID string, text []byte, at time.Time) {
	t.s.traffic.sent(text)
	if !bytes.HasPrefix(text, []byte("INVITE ")) && !t.s.trace.Wants(callID) {
		return
	}
	t.s.trace.Add(trace.Entry{At: at, CallID: callID, Out: true, Local: f.Local, Remote: f.Remote, Proto: f.Transport.String(), Text: string(text)})
}
