package invite

import (
	"strconv"
	"strings"
	"time"

	"santral/sip"
	"santral/sip/dialog"
	"santral/sip/endpoint"
)

const (
	referTime    = 3 * time.Minute // that a subscription made by a REFER lives: longer than anything rings
	maxReferTime = time.Hour
	maxReferrals = 4 // subscriptions of one session at once
)

// fragment is the type of what a NOTIFY tells of a REFER (RFC 3420, RFC 3515 §2.4.5).
const fragment = "message/sipfrag;version=2.0"

// Referral is a REFER of the peer's, and the subscription that it makes: the peer is told how what it
// asked for goes, in order, one NOTIFY at a time (RFC 3515 §2.4.4). It belongs to the shard.
type Referral struct {
	// parameters
	session *Session // whose dialog it uses; nil for one of its own
	shard   *endpoint.Shard
	contact string
	id      uint32 // CSeq number of the REFER
	named   bool   // the id is told: it is not the dialog's first (RFC 3515 §2.4.6)
	silent  bool   // nobody wants to be told (RFC 4488)

	// of a dialog of its own
	dialog *dialog.Dialog
	path   path

	// state
	tx      *endpoint.ServerTx // the REFER, until it is answered
	status  int                // the last news
	phrase  string
	due     bool // and it was not told yet
	flying  bool // a NOTIFY has no answer yet
	over    bool
	reason  string // why the subscription ends, "" while it lives
	expires time.Time
	expiry  *endpoint.Timer
}

// serveRefer takes a REFER within the dialog.
func (s *Session) serveRefer(tx *endpoint.ServerTx) {
	req := tx.Request()
	switch {
	case !s.cfg.Refer:
		tx.Refuse(405, "", sip.Header{Kind: sip.Allow, Value: s.cfg.allow()})
		return
	case s.state == Calling || s.state == Incoming: // 481 would end the dialog that there is (RFC 5057 §5.1)
		tx.Refuse(491, "")
		return
	case s.leave || s.state != Established && s.state != Answered:
		tx.Refuse(481, "")
		return
	case len(s.refers) >= maxReferrals:
		tx.Refuse(503, "", sip.Header{Kind: sip.RetryAfter, Value: "10"})
		return
	}
	r := newReferral(tx, s.contact)
	r.session, r.named = s, s.referred
	s.referred = true
	s.refers = append(s.refers, r)
	s.handler.Handle(Event{Kind: Referred, Message: req, Refer: r})
}

// Refer makes the subscription of a REFER that has a dialog of its own, which its answer makes. contact is
// the Contact value that the peer gets from us. It fails when the REFER can make no dialog (a 400).
func Refer(tx *endpoint.ServerTx, contact string) (*Referral, error) {
	d, err := dialog.FromRequest(tx.Request(), tx.Tag())
	if err != nil {
		return nil, err
	}
	r := newReferral(tx, contact)
	r.dialog = d
	r.path.learn(tx.Request(), tx.Flow())
	return r, nil
}

func newReferral(tx *endpoint.ServerTx, contact string) *Referral {
	req := tx.Request()
	seq, _ := req.CSeq()
	return &Referral{
		shard: tx.Shard(), contact: contact, id: seq.Seq, tx: tx,
		silent: strings.EqualFold(strings.TrimSpace(req.Get(sip.ReferSub)), "false") || req.HasToken(sip.Require, "norefersub"),
	}
}

// Refuse answers the REFER with a final refusal; nothing follows. After Notify it does nothing.
func (r *Referral) Refuse(status int, phrase string, headers ...sip.Header) {
	if tx := r.tx; tx != nil {
		r.tx = nil
		tx.Refuse(status, phrase, headers...)
		r.close()
	}
}

// Notify tells the peer how it goes: the first call takes the REFER on, or refuses it with a status of 300 or
// more; one with a final status is the last.
func (r *Referral) Notify(status int, phrase string) {
	if r.over || r.reason != "" {
		return
	}
	if r.tx != nil {
		if status >= 300 {
			r.Refuse(status, phrase)
			return
		}
		r.accept()
	}
	r.status, r.phrase = status, phrase
	if status >= 200 {
		r.reason = "noresource"
	}
	r.tell()
}

// accept answers the REFER.
func (r *Referral) accept() {
	tx := r.tx
	r.tx = nil
	res := sip.NewResponse(tx.Request(), 202, "")
	if r.silent { // RFC 4488 §4
		res = sip.NewResponse(tx.Request(), 200, "")
		res.Set(sip.ReferSub, "false")
	}
	res.Set(sip.Contact, r.contact)
	if r.dialog != nil && !r.silent {
		dialog.CopyRecordRoute(res, tx.Request())
		r.dialog.State = dialog.Confirmed
		r.shard.Attach(r.key(), r)
	}
	tx.Respond(res)
	if !r.silent {
		r.extend(referTime)
	}
}

// Shard is the referral's owner.
func (r *Referral) Shard() *endpoint.Shard { return r.shard }

func (r *Referral) key() endpoint.DialogID {
	return endpoint.DialogID{CallID: r.dialog.CallID, LocalTag: r.dialog.LocalTag, RemoteTag: r.dialog.RemoteTag}
}

// extend has the subscription live for d from now on.
func (r *Referral) extend(d time.Duration) {
	stop(&r.expiry)
	r.expires = time.Now().Add(d)
	r.expiry = r.shard.After(d, func() {
		r.expiry = nil
		r.finish("timeout")
	})
}

// finish ends the subscription with a last NOTIFY of what is known.
func (r *Referral) finish(reason string) {
	if r.reason == "" {
		r.reason = reason
		r.tell()
	}
}

// tell sends the news, or has it wait for the answer to the last. Only the newest is told.
func (r *Referral) tell() {
	r.due = true
	if r.flying || r.over {
		return
	}
	if r.silent || r.session != nil && (r.session.state == Ended || r.session.bye != nil) {
		if r.reason != "" {
			r.close() // nobody is there to be told
		}
		return
	}
	r.due, r.flying = false, true
	d := r.dialog
	if r.session != nil {
		d = r.session.dialog
	}
	req := d.Request(sip.NOTIFY)
	event := "refer"
	if r.named {
		event += ";id=" + strconv.FormatUint(uint64(r.id), 10)
	}
	req.Set(sip.Event, event)
	state := "active;expires=" + strconv.Itoa(max(0, int(time.Until(r.expires).Round(time.Second)/time.Second)))
	if r.reason != "" {
		state = "terminated;reason=" + r.reason
	}
	req.Set(sip.SubscriptionState, state)
	req.Set(sip.Contact, r.contact)
	status := r.status
	if status == 0 {
		status = 100
	}
	phrase := r.phrase
	if phrase == "" {
		phrase = sip.ReasonText(status)
	}
	req.SetBody(fragment, "SIP/2.0 "+strconv.Itoa(status)+" "+phrase+"\r\n")
	last := r.reason != ""
	told := func(ev endpoint.ClientEvent) { r.told(ev, last) }
	if s := r.session; s != nil {
		s.send(d, req, s.next(), told)
		return
	}
	to := r.path.next(d)
	if uri, _ := r.path.Next(d); !r.path.Near(uri) { // a host that the peer only names has not asked
		to = endpoint.Next{Flow: r.path.Flow, HasFlow: true}
	}
	r.shard.Request(req, to, told)
}

// told is what became of a NOTIFY: a peer that does not take it any more has no subscription any more
// (RFC 6665 §4.2.2).
func (r *Referral) told(ev endpoint.ClientEvent, last bool) {
	if ev.Response != nil && ev.Response.Status < 200 {
		return
	}
	r.flying = false
	switch {
	case last || ev.Response == nil || ev.Response.Status >= 300:
		r.close()
	case r.due:
		r.tell()
	}
}

// close lets go of the subscription.
func (r *Referral) close() {
	if r.over {
		return
	}
	r.over = true
	stop(&r.expiry)
	if r.dialog != nil && r.dialog.State == dialog.Confirmed {
		r.shard.Detach(r.key())
	}
	if s := r.session; s != nil {
		for i, o := range s.refers {
			if o == r {
				s.refers = append(s.refers[:i], s.refers[i+1:]...)
				break
			}
		}
	}
}

// Serve takes requests within a dialog that a REFER made (endpoint.Usage).
func (r *Referral) Serve(tx *endpoint.ServerTx) {
	req := tx.Request()
	seq, err := req.CSeq()
	switch {
	case r.path.Strange(tx.Flow()):
		tx.Challenge(403, "")
	case err != nil || !r.dialog.Receive(seq.Seq):
		tx.Refuse(500, "") // RFC 3261 §12.2.2
	case req.Method == sip.SUBSCRIBE:
		r.path.follow(tx.Flow())
		serveReferSubscribe(tx, []*Referral{r})
	default:
		tx.Refuse(405, "", sip.Header{Kind: sip.Allow, Value: string(sip.SUBSCRIBE)})
	}
}

// Ack takes no ACK (endpoint.Usage).
func (r *Referral) Ack(*sip.Message, sip.Flow) {}

// serveReferSubscribe refreshes or ends a subscription that a REFER made (RFC 3515 §2.4.4). A new one it does
// not make.
func serveReferSubscribe(tx *endpoint.ServerTx, list []*Referral) {
	req := tx.Request()
	name, params, _ := strings.Cut(req.Get(sip.Event), ";")
	if !strings.EqualFold(strings.TrimSpace(name), "refer") {
		tx.Refuse(489, "", sip.Header{Kind: sip.AllowEvents, Value: "refer"})
		return
	}
	id, has := sip.Params(";" + params).Get("id")
	for _, r := range list {
		if r.over || r.reason != "" || r.tx != nil || has && id != strconv.FormatUint(uint64(r.id), 10) || !has && r.named {
			continue
		}
		d := referTime
		if after, ok := req.Expires(); ok {
			d = min(time.Duration(after)*time.Second, maxReferTime)
		}
		tx.Refuse(200, "", sip.Header{Kind: sip.Expires, Value: strconv.Itoa(int(d / time.Second))}, sip.Header{Kind: sip.Contact, Value: r.contact})
		if d == 0 {
			r.finish("timeout")
			return
		}
		r.extend(d)
		r.tell() // RFC 6665 §4.2.1.2
		return
	}
	tx.Refuse(481, "")
}
