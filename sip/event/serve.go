package event

import (
	"strconv"
	"strings"
	"time"

	"santral/sip"
	"santral/sip/dialog"
	"santral/sip/endpoint"
)

// Subscription is one subscription of one subscriber, from the notifier's side.
type Subscription struct {
	// parameters
	n       *Notifier
	shard   *endpoint.Shard
	pkg     *Package
	req     Request
	contact string // our Contact value
	demand  string // the option tag that our answers Require, "" for none
	source  Source

	// state
	dialog   *dialog.Dialog
	path     dialog.Path
	phone    string   // the subscriber's, as Phones names it, "" for none that is known
	home     sip.Flow // by which that was registered when it was last looked at
	state    state
	version  uint64    // of the next body that has one
	expires  time.Time // when it ends unless it is refreshed
	expiry   *endpoint.Timer
	interval time.Duration // between two notifications
	wished   bool          // the subscriber asked for that interval (RFC 6446 §5.1)
	pace     pace          // of the subscriber's requests within the dialog

	// notification
	due      bool // the state has changed since the last one
	full     bool // the next one must tell everything
	waiting  bool // for the answer to the last one
	failures int  // notifications without an answer, one after the other
	last     time.Time
	repeat   *endpoint.Timer // the next attempt, or the end of the interval
	reason   Reason          // Ending: why
	after    time.Duration   // Ending: when to come back, 0 for nothing said
}

// state is where a subscription stands.
type state uint8

const (
	unknownState state = iota
	active
	ending // the last notification waits to be sent or answered
	over
)

// String names the state for logs.
func (s state) String() string { return [...]string{"unknown", "active", "ending", "over"}[s] }

// Request is what the subscriber asked for.
func (s *Subscription) Request() Request { return s.req }

// Shard is the subscription's owner.
func (s *Subscription) Shard() *endpoint.Shard { return s.shard }

// secured reports whether a SUBSCRIBE begins a dialog that a sips URI asks for: the Request-URI, or what its
// peer is reached by next (RFC 3261 §12.1.1).
func secured(req *sip.Message, d *dialog.Dialog) bool {
	peer := d.Target
	if len(d.Routes) > 0 {
		peer = strings.TrimPrefix(d.Routes[0], "<")
	}
	for _, uri := range []string{req.RequestURI, peer} {
		if len(uri) > 5 && strings.EqualFold(uri[:5], "sips:") {
			return true
		}
	}
	return false
}

// Demand has every answer to this subscription's SUBSCRIBE requests Require an option tag: for a [Package]'s Open.
func (s *Subscription) Demand(tag string) { s.demand = tag }

// Serve takes a SUBSCRIBE outside of any dialog, of a subscriber that has proved who it is.
func (n *Notifier) Serve(tx *endpoint.ServerTx, who Subscriber) {
	if refusal := n.serve(tx, who); refusal != nil {
		n.refuse(tx, refusal)
	}
}

func (n *Notifier) refuse(tx *endpoint.ServerTx, r *Refusal) {
	n.refused.Add(1)
	tx.Refuse(r.Status, r.Reason, r.Headers...)
}

func (n *Notifier) serve(tx *endpoint.ServerTx, who Subscriber) *Refusal {
	req, now := tx.Request(), time.Now()
	name, id, interval := parseEvent(req.Get(sip.Event))
	pkg := n.packages[strings.ToLower(name)]
	if pkg == nil { // RFC 6665 §4.2.1.1: so is one without an Event header field
		return &Refusal{Status: 489, Headers: []sip.Header{{Kind: sip.AllowEvents, Value: n.allow}}}
	}
	seconds, refusal := pkg.duration(req)
	if refusal != nil {
		return refusal
	}
	mediaType := chooseType(req, pkg.Types)
	if mediaType == "" {
		return &Refusal{Status: 406, Headers: []sip.Header{{Kind: sip.Accept, Value: strings.Join(pkg.Types, ", ")}}}
	}
	d, err := dialog.FromRequest(req, tx.Tag())
	if err != nil {
		return &Refusal{Status: 400, Reason: "Missing or Bad Contact"}
	}
	d.State = dialog.Confirmed
	s := &Subscription{
		n: n, shard: tx.Shard(), pkg: pkg, dialog: d, state: active,
		req:     Request{Who: who, URI: req.RequestURI, Event: pkg.Name, ID: id, Type: mediaType, List: takesList(req)},
		expires: now.Add(time.Duration(seconds) * time.Second),
	}
	s.path.Learn(req, tx.Flow())
	s.settle(tx.Flow())
	s.contact = dialog.Contact(s.shard.SentBy(tx.Flow()), tx.Flow().Transport, userOf(req), secured(req, d))
	s.wish(interval)
	if refusal := n.book.enter(s, &n.cfg.Limits, now); refusal != nil {
		return refusal
	}
	if s.source, refusal = pkg.Open(s); refusal != nil {
		n.book.leave(s)
		return refusal
	}
	s.shard.Attach(s.key(), s)
	s.accept(tx, seconds)
	return nil
}

// settle notes which phone subscribes by a flow, and by which flow of its own it is registered.
func (s *Subscription) settle(f sip.Flow) {
	s.phone = ""
	p := s.n.cfg.Phones
	if p == nil {
		return
	}
	who := s.req.Who
	name := p.Phone(who.Tenant, who.Account, f)
	if home, ok := p.Home(who.Tenant, who.Account, name, f); ok {
		s.phone, s.home = name, home
	}
}

// userOf is the user part of a request's URI, by which the subscriber knows us.
func userOf(req *sip.Message) string {
	uri, err := req.URI()
	if err != nil {
		return ""
	}
	return uri.User
}

// duration reads how long a SUBSCRIBE is to hold, in seconds (RFC 6665 §4.2.1.1). 0 asks once.
func (p *Package) duration(req *sip.Message) (int, *Refusal) {
	seconds, ok := req.Expires()
	switch {
	case !ok && req.Has(sip.Expires):
		return 0, &Refusal{Status: 400, Reason: "Bad Expires"}
	case !ok:
		return p.Expires, nil
	case seconds > 0 && seconds < p.Min:
		return 0, &Refusal{Status: 423, Headers: []sip.Header{{Kind: sip.MinExpires, Value: strconv.Itoa(p.Min)}}}
	}
	return min(seconds, p.Max), nil
}

// wish takes the interval that the subscriber asks for, where the package's own is shorter.
func (s *Subscription) wish(interval time.Duration) {
	s.interval, s.wished = max(interval, s.pkg.Interval), interval > s.pkg.Interval
}

// accept answers a SUBSCRIBE with 200 and tells the state (RFC 6665 §4.2.1.2). With 0 seconds that is the
// last time.
func (s *Subscription) accept(tx *endpoint.ServerTx, seconds int) {
	req := tx.Request()
	res := sip.NewResponse(req, 200, "")
	dialog.CopyRecordRoute(res, req)
	res.Set(sip.Contact, s.contact)
	res.Set(sip.Expires, strconv.Itoa(seconds))
	res.Set(sip.AllowEvents, s.n.allow)
	if s.demand != "" {
		res.Set(sip.Require, s.demand)
	}
	tx.Respond(res)
	s.full = true
	if seconds == 0 {
		s.End(Timeout, 0)
		return
	}
	s.expiry.Stop()
	s.expiry = s.shard.After(time.Duration(seconds)*time.Second, func() { s.End(Timeout, 0) })
	s.n.book.note(s)
	s.now()
}

func (s *Subscription) key() endpoint.DialogID {
	return endpoint.DialogID{CallID: s.dialog.CallID, LocalTag: s.dialog.LocalTag, RemoteTag: s.dialog.RemoteTag}
}

// Serve is told by the endpoint of a request within the dialog.
func (s *Subscription) Serve(tx *endpoint.ServerTx) {
	req, flow := tx.Request(), tx.Flow()
	if s.state == over || s.state == ending {
		tx.Refuse(481, "")
		return
	}
	if s.path.Strange(flow) && s.n.cfg.Stranger != nil && !s.n.cfg.Stranger(s, tx) {
		return
	}
	if seq, err := req.CSeq(); err != nil || !s.dialog.Receive(seq.Seq) {
		tx.Refuse(500, "") // RFC 3261 §12.2.2
		return
	}
	switch req.Method {
	case sip.SUBSCRIBE:
		if refusal := s.refresh(tx); refusal != nil {
			s.n.refuse(tx, refusal)
		}
	default:
		tx.Refuse(405, "", sip.Header{Kind: sip.Allow, Value: string(sip.SUBSCRIBE)})
	}
}

// refresh takes a SUBSCRIBE within the dialog: it goes on, or with Expires 0 it ends.
func (s *Subscription) refresh(tx *endpoint.ServerTx) *Refusal {
	req, now := tx.Request(), time.Now()
	name, id, interval := parseEvent(req.Get(sip.Event))
	if !strings.EqualFold(name, s.pkg.Name) || id != s.req.ID {
		return &Refusal{Status: 403, Reason: "One Subscription In A Dialog"} // RFC 6665 §4.5.1: dialogs are not shared any more
	}
	if !s.pace.take(now) {
		return &Refusal{Status: 503, Headers: []sip.Header{{Kind: sip.RetryAfter, Value: "10"}}}
	}
	seconds, refusal := s.pkg.duration(req)
	if refusal != nil {
		return refusal
	}
	s.dialog.Refresh(req)
	s.path.Learn(req, tx.Flow())
	s.settle(tx.Flow())
	s.wish(interval)
	s.failures = 0
	s.expires = now.Add(time.Duration(seconds) * time.Second)
	s.accept(tx, seconds)
	return nil
}

// Ack is of no interest: nothing here is an INVITE (endpoint.Usage).
func (s *Subscription) Ack(*sip.Message, sip.Flow) {}

// pace bounds how often a subscriber may refresh one subscription: ten at once, then one a second.
type pace struct {
	used float64
	at   time.Time
}

func (p *pace) take(now time.Time) bool {
	p.used = max(0, p.used-now.Sub(p.at).Seconds())
	p.at = now
	if p.used >= 10 {
		return false
	}
	p.used++
	return true
}
