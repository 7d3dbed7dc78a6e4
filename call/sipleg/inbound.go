package sipleg

import (
	"errors"
	"strconv"
	"time"

	"santral/call"
	"santral/sip"
	"santral/sip/endpoint"
	"santral/sip/invite"
)

// callLength makes 50 random bits beside the millisecond, enough for a name in URLs and files.
const callLength = 10

// defaultHops is what a request without Max-Forwards is taken to have (RFC 3261 §16.3).
const defaultHops = 70

// receive makes a leg out of an INVITE: who, whereto, with which description; then it is the call's.
func (a *Agent) receive(in call.Incoming, tx *endpoint.ServerTx) {
	req, flow := tx.Request(), tx.Flow()
	from, refusal := a.identify(req, flow)
	if refusal != nil {
		turnAway(tx, refusal)
		return
	}
	hops, ok := req.MaxForwards()
	if !ok {
		hops = defaultHops
	}
	if hops == 0 {
		tx.Refuse(483, "")
		return
	}
	k := a.trunk(from.Tenant, from.Trunk)
	if k != nil && k.In != nil {
		req = k.In(req)
		tx.Replace(req)
		if k.Caller != nil {
			from = k.Caller(req, flow)
		}
	}
	dialled, tel, ok := dialledNumber(req)
	if ok && k != nil && k.Called != nil {
		dialled = k.Called(req)
		ok = clean(dialled) == dialled
	}
	if !ok {
		tx.Refuse(400, "Bad Request-URI")
		return
	}
	uri, _ := req.URI()
	number, device, gruu, ok := a.meant(from.Tenant, uri)
	if !ok {
		tx.Refuse(404, "")
		return
	}
	if gruu {
		dialled = number
	}
	breadth, ok := maxBreadth(req)
	if !ok {
		tx.Refuse(440, "") // RFC 5393 §5.3.3
		return
	}
	manners := a.mannersOf(Peer{from.Tenant, from.Account, from.Trunk})
	from, privacy, ok := manners.caller(req, from)
	if !ok {
		tx.Refuse(500, "Privacy Cannot Be Given") // RFC 3323 §5
		return
	}
	offer, bad := readOffer(req)
	if bad != nil {
		tx.Refuse(bad.status, bad.phrase, bad.headers...)
		return
	}
	l := &Leg{
		agent:   a,
		id:      "a",
		dir:     call.In,
		tenant:  from.Tenant,
		peer:    from.Account,
		by:      from.Trunk,
		manners: manners,
		trunk:   k,
		shard:   tx.Shard(),
		callID:  req.CallID(),
		offer:   offer,
		late:    offer == nil,
		detail: call.LegDetail{
			Direction: call.In,
			Tenant:    from.Tenant,
			Account:   from.Account,
			Trunk:     from.Trunk,
			Number:    from.Number,
			Target:    req.RequestURI,
			SIPCallID: req.CallID(),
			UserAgent: clean(req.Get(sip.UserAgent)),
		},
	}
	l.noteFlow(flow)
	if p := a.cfg.Phones; p != nil && from.Account != "" {
		l.settle(from.Account, p.Phone(from.Tenant, from.Account, flow), flow)
	}
	var at sip.Address
	for at = range req.Contacts() {
		break
	}
	a.media(l, flow.Remote.Addr(), flow.Transport, at.URI, l.detail.UserAgent)
	s, err := invite.Serve(l.settings(), tx, contact(l.shard, flow, dialled, secured(req.RequestURI)), l)
	if err != nil {
		l.close()
		if no := (*invite.Refusal)(nil); errors.As(err, &no) {
			tx.Refuse(no.Status, "", no.Headers...)
			return
		}
		tx.Refuse(400, "Missing or Bad Contact")
		return
	}
	l.session = s
	l.claim = claim{from.Name, from.Number, privacy}
	l.hearSession(req)
	l.noteDialog(tx.Tag(), req.FromTag())
	if offer != nil {
		fax := l.media.RefusesFax(offer)
		l.media.Restrict(offer)
		if err := l.media.SetRemote(offer); err != nil || fax {
			l.refuseMedia()
			return
		}
	}
	l.hearPackages(req)
	arrival := call.Arrival{
		Call: call.ID(a.cfg.Random.Timed(time.Now(), callLength)), From: from, Dialled: dialled, Device: device, Offer: offer, Hops: hops, Breadth: breadth,
		Traits: l.traits(req, privacy, tel),
		Early:  offer == nil && s.Reliable(),
	}
	arrival.Traits.Packages = l.packages
	if a.cfg.Door == nil || !req.Has(sip.ReplacesKind) {
		l.inbox = in.Incoming(l, arrival)
		return
	}
	l.replace(in, req, arrival)
}

// replace hands the leg in as one that takes the place of another (RFC 3891).
func (l *Leg) replace(in call.Incoming, req *sip.Message, arrival call.Arrival) {
	if !l.agent.replaced(req, l, func(r *call.Replacement) {
		arrival.Replaces = r
		l.inbox = in.Incoming(l, arrival)
	}) {
		l.over.Store(true)
		l.session.Reject(400, "Bad Replaces")
		l.close()
	}
}

// refuseMedia answers an offer that nobody here can serve, before there is a call.
func (l *Leg) refuseMedia() {
	l.over.Store(true)
	status, headers := l.refusal(call.NotAcceptable)
	l.session.Reject(status, "", headers...)
	l.close()
}

// traits are what the caller says of the call, as far as its manners let it.
func (l *Leg) traits(req *sip.Message, privacy call.Privacy, tel call.Tel) call.Traits {
	m := &l.manners
	t := call.Traits{Secure: secured(req.RequestURI), Privacy: privacy, Session: l.ids.peer, Fields: m.readFields(req)}
	if m.Trusted {
		t.Diversions, t.Tel = readDiversions(req), tel
		l.gated = l.by != "" && req.HasToken(sip.PEarlyMedia, "supported")
	}
	if m.Trusted || m.Intercom {
		t.Alert = readAlert(req)
	}
	return t
}

// maxBreadth reads Max-Breadth; ok is false when it leaves room for no branch at all (RFC 5393 §5.3.3).
func maxBreadth(req *sip.Message) (breadth int, ok bool) {
	text := req.Get(sip.MaxBreadth)
	if text == "" {
		return call.DefaultBreadth, true
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return call.DefaultBreadth, true
	}
	return min(int(n), call.DefaultBreadth), n > 0
}

// dialledNumber is what the caller dialled: the user part of the Request-URI, or the number of a tel URI
// without its visual separators, and what was told beside it. Control characters are in no number; ok is
// false then.
func dialledNumber(req *sip.Message) (number string, tel call.Tel, ok bool) {
	uri, err := req.URI()
	if err != nil {
		return "", tel, false
	}
	number, ok = numberOf(uri)
	return number, telOf(uri), ok
}
