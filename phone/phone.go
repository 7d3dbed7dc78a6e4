// Package phone is a telephone: an account, calls, a WAV file in, a WAV file out. It is the product's
// own software phone (the phone command calls [Run]) and the hands of tests, which use a [Phone] over
// the kernel's network or over a virtual one in virtual time.
//
// It is made of the same wings as the exchange: transport and endpoint for SIP, call/sipleg for the
// legs, media/session for the sound. What lives here is what a telephone adds to them: it registers,
// rings, answers, holds, plays and records. A [Phone] owns its sockets and its calls; what happens in
// a [Call] is told by its events. All methods are safe for concurrent use, and those that wait take a
// context.
package phone

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"santral/base/id"
	"santral/base/vnet"
	"santral/call"
	"santral/call/sipleg"
	"santral/media"
	"santral/media/rtp"
	"santral/media/session"
	"santral/sip"
	"santral/sip/endpoint"
	"santral/sip/invite"
	"santral/sip/resolve"
	"santral/sip/transaction"
	"santral/sip/transport"
)

// What the methods of a phone and of its calls fail with, besides a context's error.
var (
	ErrClosed  = errors.New("the phone is switched off")
	ErrEnded   = errors.New("the call has ended")
	ErrNobody  = errors.New("no server and no address to call")
	ErrRefused = errors.New("refused")

	// ErrUnregistered is what a run fails with that could not register.
	ErrUnregistered = errors.New("not registered")
)

// Config is what a phone is made of. Nothing is required for a phone that only calls and answers
// addresses; Server and User make it a phone of an exchange.
type Config struct {
	Net       vnet.Net         // nil: the kernel's
	Server    string           // the exchange, "host" or "host:port"; a host without a port is found by SRV too (RFC 3263)
	DNS       []netip.AddrPort // name servers; none: the machine's
	Transport sip.Transport    // UDP (also when unknown), TCP or TLS
	TLS       *tls.Config      // whom to trust over TLS (RootCAs); nil: the system's authorities
	Listen    netip.AddrPort   // where we listen; without an address the one that the route to Server leaves from, without a port a free one

	User     string // account and number
	Password string
	Name     string // display name
	Domain   string // of our identity; "" is Server's host

	FirstPort, LastPort uint16          // media ports; zeros: from anywhere above 30000 to 32766
	Formats             []media.Format  // that it speaks, best first; nil is G.711 and keys
	Media               session.Profile // how media is negotiated, keys and all; the zero value is an everyday phone's
	DeadAfter           time.Duration   // silence after which MediaLost is told; 0: never

	LateOffer bool // our INVITEs make no offer, the ACK answers the other side's (RFC 3261 §13.2.1)

	Calls     int // calls at once, others are told that we are busy; 0: no limit
	UserAgent string
	Instance  string // instance id to register with, "urn:uuid:…"; "" for none

	Random *id.Source         // nil: really random
	Timers transaction.Timers // zeros: the RFC's
	Trace  endpoint.Trace     // sees every message; nil for none
}

// Phone is a telephone that is switched on.
type Phone struct {
	// parameters
	cfg    Config
	local  netip.AddrPort
	server sip.Hop // zero: none
	domain string

	names    *resolve.Resolver
	layer    *transport.Layer
	endpoint *endpoint.Endpoint
	agent    *sipleg.Agent
	pool     *rtp.Pool
	errands  *errands
	reg      *registration
	unproved atomic.Pointer[error] // why the last peer over TLS was not the one that we wanted

	// inbox
	calling  mailbox[*Call] // calls to us that nobody has taken yet
	statuses mailbox[Registration]

	// state
	mu     sync.Mutex // a leaf
	calls  map[*Call]struct{}
	closed bool
}

// New switches a phone on: it listens, and answers calls with ringing from now on. ctx bounds the
// look-up of the server's name.
func New(ctx context.Context, cfg Config) (*Phone, error) {
	if cfg.Net == nil {
		cfg.Net = vnet.Real()
	}
	if cfg.Random == nil {
		cfg.Random = id.Random()
	}
	if cfg.Transport != sip.TCP && cfg.Transport != sip.TLS {
		cfg.Transport = sip.UDP
	}
	if cfg.TLS == nil {
		cfg.TLS = &tls.Config{}
	}
	if cfg.FirstPort == 0 {
		cfg.FirstPort, cfg.LastPort = 30000+2*uint16(cfg.Random.Uint64()%1200), 32766 // beside other phones of this machine
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "Santral phone"
	}
	p := &Phone{cfg: cfg, domain: cfg.Domain, calls: make(map[*Call]struct{})}
	p.calling.init()
	p.statuses.init()
	names := resolve.Config{Net: cfg.Net, Servers: cfg.DNS, Random: cfg.Random}
	if cfg.Net == vnet.Real() {
		names.Conf, names.Hosts = "/etc/resolv.conf", "/etc/hosts"
	}
	p.names = resolve.New(names)
	err := p.locate(ctx)
	if err == nil {
		err = p.assemble()
	}
	if err != nil {
		p.names.Close()
		return nil, fmt.Errorf("start phone: %w", err)
	}
	return p, nil
}

// locate finds the server and our own address towards it.
func (p *Phone) locate(ctx context.Context) error {
	bind := p.cfg.Listen.Addr()
	if p.cfg.Server != "" {
		u, err := sip.ParseURI("sip:" + p.cfg.Server)
		if err != nil {
			return fmt.Errorf("server %q: %w", p.cfg.Server, err)
		}
		hop, err := p.find(ctx, u)
		if err != nil {
			return err
		}
		p.server = hop
		if p.domain == "" {
			p.domain = u.Host
		}
		if !bind.IsValid() {
			if bind, err = p.cfg.Net.RouteTo(hop.Addr.Addr()); err != nil {
				return err
			}
		}
	}
	if !bind.IsValid() {
		return errors.New("neither a server nor an address to listen at")
	}
	p.local = netip.AddrPortFrom(bind.Unmap(), p.cfg.Listen.Port())
	return nil
}

// find gives the first place of a URI that we can reach (RFC 3263). The transport is its parameter's or ours.
func (p *Phone) find(ctx context.Context, u sip.URI) (sip.Hop, error) {
	if !u.Params.Has("transport") {
		u = u.WithParam("transport", strings.ToLower(p.cfg.Transport.String()))
	} else if t := u.Transport(); t != sip.UDP && t != sip.TCP && t != sip.TLS {
		return sip.Hop{}, fmt.Errorf("%s: this phone speaks UDP, TCP and TLS", u)
	}
	hops, err := p.names.Resolve(ctx, u)
	if err != nil {
		return sip.Hop{}, err
	}
	for _, hop := range hops { // of our own family
		if !p.local.IsValid() || hop.Addr.Addr().Is4() == p.local.Addr().Is4() {
			return hop, nil
		}
	}
	return sip.Hop{}, fmt.Errorf("%s: no address", u.Host)
}

// assemble joins the wings.
func (p *Phone) assemble() error {
	var receiver atomic.Pointer[endpoint.Endpoint]
	receive := func(in sip.Inbound) {
		if e := receiver.Load(); e != nil {
			e.Receive(in)
		}
	}
	pool, err := rtp.NewPool(rtp.Config{Net: p.cfg.Net, Bind: []netip.Addr{p.local.Addr()}, First: p.cfg.FirstPort, Last: p.cfg.LastPort, Loops: 1})
	if err != nil {
		return err
	}
	p.pool = pool
	if p.layer, err = p.listen(receive); err != nil {
		pool.Close()
		return err
	}
	if p.cfg.Formats == nil {
		p.cfg.Formats = session.Telephony()
	}
	sound := &session.Config{Pool: pool, Random: p.cfg.Random, Formats: p.cfg.Formats, DeadAfter: p.cfg.DeadAfter}
	settings := sipleg.Config{
		Shard:     func(callID string) *endpoint.Shard { return p.endpoint.Shard(callID) },
		Media:     sound,
		Random:    p.cfg.Random,
		Host:      func(string) string { return p.domain },
		UserAgent: p.cfg.UserAgent,
	}
	profile := p.cfg.Media
	if profile.Digits == session.DigitsAuto {
		profile.Digits = session.DigitsEvents // the phone has an ear of its own for tones, and tells the two apart
	}
	settings.Manners = func(sipleg.Peer) sipleg.Manners { // it trusts its exchange
		return sipleg.Manners{Trusted: true, From: true, Media: profile}
	}
	if p.cfg.Password != "" {
		settings.Account = &invite.Account{User: p.cfg.User, Password: p.cfg.Password}
	}
	p.errands = newErrands(p.cfg.Trace)
	p.agent = sipleg.New(settings)
	p.agent.Open(door{p})
	p.endpoint = endpoint.New(endpoint.Config{
		Wire:       wire{p.layer},
		Resolver:   resolver{p},
		Shards:     1,
		Timers:     p.cfg.Timers,
		Overload:   endpoint.Overload{Delay: -1}, // whoever calls a telephone hears it ring, however late
		Random:     p.cfg.Random,
		User:       user{p},
		Trace:      p.errands,
		Server:     p.cfg.UserAgent,
		Allow:      []sip.Method{sip.INVITE, sip.ACK, sip.CANCEL, sip.BYE, sip.OPTIONS, sip.INFO, sip.PRACK, sip.UPDATE},
		Extensions: sipleg.Extensions,
	})
	p.reg = newRegistration(p)
	receiver.Store(p.endpoint)
	return nil
}

// listen opens the same port for UDP and for TCP (RFC 3261 §18): a free one unless one was asked for.
func (p *Phone) listen(receive func(sip.Inbound)) (*transport.Layer, error) {
	const tries = 20
	for n := 1; ; n++ {
		at := p.local
		if at.Port() == 0 {
			at = netip.AddrPortFrom(at.Addr(), uint16(49152+p.cfg.Random.Uint64()%16000))
		}
		layer, err := transport.Start(transport.Config{
			Net:       p.cfg.Net,
			Listeners: []transport.Listener{{Transport: sip.UDP, Addr: at}, {Transport: sip.TCP, Addr: at}, {Transport: sip.TLS, Addr: at}},
			TLS:       p.cfg.TLS, // it has no certificate, so that nobody connects to us over TLS
			Unproved:  func(_ sip.Hop, err error) { p.unproved.Store(&err) },
			Handle:    receive,
			Closed:    p.lostConnection,
			Readers:   1,
		})
		if err == nil {
			p.local = at
			return layer, nil
		}
		if p.local.Port() != 0 || n == tries {
			return nil, err
		}
	}
}

func (p *Phone) lostConnection(f sip.Flow) {
	if p.endpoint != nil && f.Remote == p.server.Addr {
		p.reg.lost()
	}
}

// Addr is where the phone listens.
func (p *Phone) Addr() netip.AddrPort { return p.local }

// Call calls a number at the server, or a SIP URI wherever it is. It returns at once; the call's
// events tell what comes of it. ctx bounds the whole call: when it ends, the call is hung up.
func (p *Phone) Call(ctx context.Context, target string) (*Call, error) {
	d := call.Dial{Call: call.ID(p.cfg.Random.Token(16)), Leg: "a", From: call.Party{Number: p.cfg.User, Name: p.cfg.Name}, Own: !p.cfg.LateOffer, Hops: 70}
	u, err := sip.ParseURI(target)
	hop := p.server
	switch {
	case err == nil && u.IsSIP():
		if p.server.Addr.IsValid() && u.Host == p.domain {
			break // our own exchange
		}
		if hop, err = p.find(ctx, u); err != nil {
			return nil, fmt.Errorf("call %s: %w", target, err)
		}
	case !p.server.Addr.IsValid():
		return nil, fmt.Errorf("call %s: %w", target, ErrNobody)
	default:
		u = p.address(target)
		d.To = target
	}
	flow, err := p.layer.Way(hop)
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", target, err)
	}
	d.Target = call.Target{URI: u.String(), Flow: flow.String()}
	c := newCall(p, call.Out, target)
	if err := p.add(c); err != nil {
		return nil, err
	}
	c.begin(p.agent.Dial(ctx, d, c))
	return c, nil
}

// address is the URI of a number at the server.
func (p *Phone) address(number string) sip.URI {
	u := sip.URI{Scheme: "sip", User: sip.EscapeUser(number), Host: p.domain, Port: p.server.Addr.Port()}
	u.Params = p.cfg.Transport.Param()
	return u
}

// Ringing waits for the next call to us; the caller hears ringing since it came. Calls that are over
// by now are left out.
func (p *Phone) Ringing(ctx context.Context) (*Call, error) {
	for {
		c, err := p.calling.take(ctx)
		if err != nil || c.State() != Ended {
			return c, err
		}
	}
}

// Answer waits for the next call and answers it; it returns when the caller has acknowledged.
func (p *Phone) Answer(ctx context.Context) (*Call, error) {
	c, err := p.Ringing(ctx)
	if err != nil {
		return nil, err
	}
	c.Answer()
	_, err = c.Wait(ctx, Talks)
	return c, err
}

func (p *Phone) add(c *Call) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	p.calls[c] = struct{}{}
	return nil
}

func (p *Phone) remove(c *Call) {
	p.mu.Lock()
	delete(p.calls, c)
	p.mu.Unlock()
}

// Close hangs all calls up, waits for their ends as long as ctx allows, and switches the phone off. It
// does not unregister.
func (p *Phone) Close(ctx context.Context) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	list := make([]*Call, 0, len(p.calls))
	for c := range p.calls {
		list = append(list, c)
	}
	p.mu.Unlock()
	p.reg.stop()
	for _, c := range list {
		c.Hangup()
	}
	for _, c := range list {
		select {
		case <-c.Done():
		case <-ctx.Done():
		}
	}
	p.calling.close(ErrClosed)
	p.statuses.close(ErrClosed)
	p.linger(ctx)
	err := p.endpoint.Close(ctx)
	p.names.Close()
	p.layer.Close()
	p.pool.Close()
	if err != nil {
		return fmt.Errorf("close phone: %w", err)
	}
	return nil
}

// linger waits until our BYEs and cancelled INVITEs are answered, or lost for good after a few
// repetitions.
func (p *Phone) linger(ctx context.Context) {
	timers := p.cfg.Timers.Fill()
	deadline := time.NewTimer(8 * timers.T1)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for p.errands.left() > 0 {
		select {
		case <-tick.C:
		case <-deadline.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// door takes calls to us (call.Incoming).
type door struct{ *Phone }

// Incoming rings.
func (p door) Incoming(leg call.Leg, in call.Arrival) call.Inbox {
	c := newCall(p.Phone, call.In, in.From.Number)
	c.name, c.dialled = in.From.Name, in.Dialled
	busy := p.add(c) != nil
	if p.cfg.Calls > 0 {
		p.mu.Lock()
		busy = busy || len(p.calls) > p.cfg.Calls
		p.mu.Unlock()
	}
	c.begin(leg)
	if busy {
		leg.Reject(call.Busy)
		return c
	}
	leg.Progress(call.Progress{Status: 180})
	p.calling.put(c)
	return c
}

// user takes new requests (endpoint.User).
type user struct{ *Phone }

// Serve hands INVITEs to the agent and tells who asks that we are here (RFC 3261 §11.2).
func (p user) Serve(s *endpoint.Shard, tx *endpoint.ServerTx) {
	switch tx.Request().Method {
	case sip.INVITE:
		p.agent.Serve(s, tx)
	case sip.OPTIONS:
		tx.Refuse(200, "", sip.Header{Kind: sip.Allow, Value: s.Allow()}, sip.Header{Kind: sip.Accept, Value: invite.ContentType})
	default:
		tx.Refuse(405, "", sip.Header{Kind: sip.Allow, Value: s.Allow()})
	}
}

// wire is the transport as the endpoint wants it.
type wire struct{ *transport.Layer }

// Writer gives a shard's writer.
func (w wire) Writer() endpoint.Writer { return w.Layer.Writer() }

// resolver finds the hosts of Contacts that are names.
type resolver struct{ *Phone }

// Resolve gives the one hop of a URI.
func (r resolver) Resolve(ctx context.Context, u sip.URI) ([]sip.Hop, error) {
	hop, err := r.find(ctx, u)
	if err != nil {
		return nil, err
	}
	return []sip.Hop{hop}, nil
}
