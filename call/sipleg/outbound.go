package sipleg

import (
	"context"
	"net/netip"
	"strconv"
	"strings"

	"santral/call"
	"santral/sip"
	"santral/sip/endpoint"
	"santral/sip/invite"
)

// tagLength makes 65 random bits, more than RFC 3261 §19.3 asks for.
const tagLength = 13

// unreachable is the cause of a target to which nothing could be sent.
var unreachable = call.Cause{Q850: 27, SIP: 480, Text: "destination out of order", Retry: true}

// dial begins a leg outwards. It runs on the caller's goroutine as far as nobody else can see the
// leg, and goes on upon the shard.
func (l *Leg) dial(ctx context.Context, d call.Dial) {
	l.joinSession(d.Traits.Session) // where there is none the call is the exchange's own, or a telephone's
	from := d.From
	l.other, l.withheld = &from, d.Traits.Privacy
	l.manners = l.agent.mannersOf(Peer{l.tenant, l.peer, d.Target.Trunk})
	uri, to, err := way(d.Target, l.onward(&d))
	safe := !d.Traits.Secure || secure(&uri, &to)
	at, _ := sip.ParseURI(d.Target.URI)
	l.agent.media(l, l.agent.peerOf(to), to.Flow.Transport, at, d.Target.Agent)
	switch {
	case d.Hops < 0: // 0 ends at the phone, which sends nothing on (RFC 3261 §16.6 item 3)
		l.fail(call.TooManyHops)
		return
	case err != nil:
		l.fail(unreachable)
		return
	case !safe:
		l.fail(call.Insecure)
		return
	}
	body := ""
	if l.offered = d.Offer != nil || d.Own; l.offered {
		local, err := l.ours(d.Offer, false)
		if err != nil {
			l.fail(mediaCause(err))
			return
		}
		body = describe(local)
	}
	if to.HasFlow {
		l.noteFlow(to.Flow)
	}
	l.settle(d.Target.Account, d.Target.Phone, to.Flow)
	if ctx.Done() != nil {
		l.unwatch = context.AfterFunc(ctx, func() { l.Hangup(call.Cancelled) })
	}
	if !l.shard.Do(func() { l.connect(&d, uri, to, body) }) {
		l.fail(call.ShuttingDown)
	}
}

// fail ends a leg that never reached the wire.
func (l *Leg) fail(c call.Cause) {
	l.finish(call.Failed, c, nil)
}

// onward is what the dialled number was told with, as far as the peer is to know it: a trusted trunk alone,
// which routes by it.
func (l *Leg) onward(d *call.Dial) call.Tel {
	if l.by == "" || !l.manners.Trusted {
		return call.Tel{}
	}
	return d.Traits.Tel
}

// way reads where a target is: its URI, and the flow of its binding or the first hop of its path.
func way(t call.Target, tel call.Tel) (uri string, to endpoint.Next, err error) {
	u, err := sip.ParseURI(t.URI)
	if err != nil {
		return "", to, err
	}
	u.Headers, u.Params = "", u.Params.Without("method") // RFC 3261 §19.1.5
	uri = withTel(u, tel).String()
	if t.Flow != "" {
		to.Flow, err = sip.ParseFlow(t.Flow)
		to.HasFlow = err == nil
		return uri, to, err
	}
	to.URI = u
	if len(t.Path) > 0 {
		first, err := sip.ParseAddress(t.Path[0])
		to.URI = first.URI
		return uri, to, err
	}
	return uri, to, nil
}

// outside stands for peers whose address is not known yet: what is told to them is what the world
// beyond our own networks is told. Nothing is sent there (RFC 5737 §3, RFC 3849 §4).
var outside = [...]netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}

// peerOf is the address that a way leads to, as far as it is known without asking anybody. A name will be
// looked up when the description is written already, so that it stands for somebody outside.
func (a *Agent) peerOf(to endpoint.Next) netip.Addr {
	if to.HasFlow {
		return to.Flow.Remote.Addr()
	}
	if addr, ok := to.URI.HostPort().Addr(); ok {
		return addr
	}
	if strings.EqualFold(to.URI.Host, "localhost") { // RFC 6761 §6.3
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	for _, addr := range outside {
		if _, ok := a.cfg.Media.Pool.Local(addr); ok {
			return addr
		}
	}
	return netip.Addr{}
}

// connect sends the INVITE. Identity comes from the party that was authenticated, never from what it
// said of itself (RFC 3325 §5).
func (l *Leg) connect(d *call.Dial, uri string, to endpoint.Next, body string) {
	if l.over.Load() {
		return
	}
	a := l.agent
	k := l.trunk
	req := sip.NewRequest(sip.INVITE, uri)
	for _, p := range d.Target.Path { // RFC 3327 §5.3
		req.Add(sip.Route, p)
	}
	req.Set(sip.MaxForwards, strconv.Itoa(d.Hops))
	if d.Breadth > 0 && d.Breadth < call.DefaultBreadth {
		req.Set(sip.MaxBreadth, strconv.Itoa(d.Breadth))
	}
	host, known := "", true
	if a.cfg.Host != nil {
		host = a.cfg.Host(l.tenant) // where the callee is at home: it can call back there
	}
	if k != nil && k.Host != "" {
		host = k.Host
	}
	if host == "" {
		known, host = false, "invalid" // until the way is known
	}
	who := identity{told: telling(d.From, d.Traits.Privacy), leg: l, dial: d, tag: l.shard.Random().Token(tagLength), to: sip.EscapeUser(d.To)}
	if k != nil { // the number as it is called there, at the host that it is called at
		who.to = ""
		if k.Calling != nil {
			who.number = sip.EscapeUser(k.Calling(sip.Unescape(who.number)))
		}
	}
	if who.to == "" {
		req.Set(sip.To, addressed(uri))
	}
	shown := sip.Unescape(who.number)
	if who.hidden {
		shown = ""
	}
	if l.by != "" {
		l.noteShown(req.RequestURI, shown)
	}
	if k != nil && k.Contact != "" {
		shown = k.Contact
	}
	who.put(req, host)
	req.Set(sip.CallID, l.callID)
	req.Set(sip.CSeqKind, "1 INVITE")
	req.Set(sip.SessionID, l.ids.value)
	if l.by != "" && l.manners.Trusted {
		req.Add(earlySupported.Kind, earlySupported.Value)
	}
	if len(d.Traits.Packages) > 0 {
		req.Set(sip.RecvInfo, strings.Join(d.Traits.Packages, ", "))
	}
	if body != "" {
		req.SetBody(invite.ContentType, body)
	} else if d.Early {
		req.Set(sip.Supported, a.invite.Supported)
	}
	var help *placed
	if d.Emergency != nil && l.by != "" {
		help = &placed{location: d.Emergency.Location, id: l.callID + "@" + host}
		help.put(req)
	}
	ruled := k == nil || k.Out == nil
	l.session = invite.Connect(l.settings(), l.shard, req, to, func(req *sip.Message, flow sip.Flow) string {
		l.noteFlow(flow)
		if !known {
			who.put(req, l.shard.SentBy(flow).Host)
		}
		if !ruled { // once: what is tried again carries the change already
			ruled = true
			k.Out(req)
			l.noteTold(req)
		}
		if help != nil {
			help.carry(req)
		}
		return contact(l.shard, flow, shown, secured(uri))
	}, l)
	if d.Silence > 0 {
		l.quiet = l.shard.After(d.Silence, func() { l.onSilence(d.Silence) })
	}
	if d.Timeout > 0 {
		l.limit = l.shard.After(d.Timeout, l.onLimit)
	}
}

// noteShown keeps for the record which numbers a trunk's peer is told: the called one, and the calling one, "" for none.
func (l *Leg) noteShown(uri, calling string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.detail.Shown = clean(calling)
	if u, err := sip.ParseURI(uri); err == nil {
		l.detail.Sent = clean(u.Number())
	}
}

// noteTold does so after the trunk's own rules, which may say another number.
func (l *Leg) noteTold(req *sip.Message) {
	calling := ""
	if from, err := req.From(); err == nil && !strings.EqualFold(from.URI.Host, anonymousHost) {
		calling = from.URI.Number()
	}
	l.noteShown(req.RequestURI, calling)
}

// addressed is a To value for a URI: without what concerns only the way there (RFC 3261 §8.1.1.2).
func addressed(uri string) string {
	u, err := sip.ParseURI(uri)
	if err != nil {
		return "<" + uri + ">"
	}
	u.Params = u.Params.Without("transport").Without("lr")
	return "<" + u.String() + ">"
}

// identity is who calls whom, as the callee is told.
type identity struct {
	told
	leg  *Leg
	dial *call.Dial
	tag  string
	to   string // "" leaves To as it is
	done bool   // it was written with another host
}

// houseFields are what put adds besides From and To.
var houseFields = [...]sip.Kind{sip.PAssertedIdentity, sip.RemotePartyID, sip.Privacy, sip.Diversion, sip.HistoryInfo, sip.CallInfo, sip.AlertInfo, sip.AnswerMode}

// put writes the identity's header fields, and the others that name a host, with that host.
func (i *identity) put(req *sip.Message, host string) {
	m, trunk, t := &i.leg.manners, i.leg.by != "", &i.dial.Traits
	from := i.from(m, trunk, host)
	plain := from
	if i.hidden {
		plain = ""
	}
	req.Set(sip.From, from+";tag="+i.tag)
	if i.to != "" {
		req.Set(sip.To, sip.Address{URI: sip.URI{Scheme: "sip", User: i.to, Host: host}}.String())
	}
	if i.done {
		for _, k := range houseFields {
			req.Del(k)
		}
	}
	i.done = true
	if i.leg.agent.cfg.Door == nil {
		return // a telephone asserts nothing of itself
	}
	for _, h := range i.assert(m, trunk, true, host, plain) {
		req.Add(h.Kind, h.Value)
	}
	m.putDiversions(req, t.Diversions, i.dial.To, host, t.Privacy.Has(call.PrivateHistory))
	if !trunk {
		m.putAlert(req, &t.Alert, i.dial.Target.Agent, host, i.dial.From.Trunk == "" && i.dial.From.Tenant == i.leg.tenant)
	}
	m.putFields(req, t.Fields)
	if t.Referrer != "" && !trunk { // RFC 3892 §2.1: who it was is known, so nothing needs to be signed
		req.Set(sip.ReferredBy, sip.Address{URI: sip.URI{Scheme: "sip", User: sip.EscapeUser(t.Referrer), Host: host}}.String())
	}
}

// onLimit ends an attempt that took longer than the call wants to wait.
func (l *Leg) onLimit() {
	c := call.NoResponse
	if l.rang {
		c = call.NoAnswer
	}
	l.hangup(c)
}

// contact is our Contact value for a peer: what it can reach (RFC 3261 §8.1.1.8), with the user that
// it knows us by.
func contact(s *endpoint.Shard, flow sip.Flow, user string, secure bool) string {
	at := s.SentBy(flow)
	uri := sip.URI{Scheme: "sip", User: sip.EscapeUser(user), Host: at.Host, Port: at.Port, Params: flow.Transport.Param()}
	if secure { // RFC 3261 §8.1.1.8, §12.1.1
		uri.Scheme = "sips"
		if flow.Transport == sip.TLS {
			uri.Params = "" // RFC 3261 §26.2.2: the scheme says it
		}
	}
	return "<" + uri.String() + ">"
}
