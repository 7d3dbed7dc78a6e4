package sipleg

import (
	"strings"

	"santral/call"
	"santral/sip"
	"santral/sip/endpoint"
	"santral/sip/invite"
)

// HouseExtensions are the option tags that an exchange understands besides Extensions: its telephones are
// sent on by it, and never send anybody on themselves (RFC 3891 §6.2, RFC 4488 §5, RFC 4538 §8).
var HouseExtensions = []string{"replaces", "norefersub", "tdialog"}

// referral is a REFER as it was read: what the peer wants.
type referral struct {
	uri      sip.URI
	number   string
	replaces *sip.Replaces
}

// maxEmbedded bounds the header fields within a Refer-To URI that are looked at.
const maxEmbedded = 16

// readRefer reads whom a REFER refers to. Of the header fields that its URI carries only Replaces is
// taken (RFC 3515 §2.1, RFC 3261 §19.1.5): nothing else that a phone writes there becomes part of a request of
// ours.
func readRefer(req *sip.Message) (r referral, bad *refused) {
	to, several := "", false
	for v := range req.Values(sip.ReferTo) {
		several = to != ""
		to = v
	}
	addr, err := sip.ParseAddress(to)
	switch {
	case to == "" || several || err != nil: // RFC 3515 §2.4.2
		return r, &refused{400, "Bad Refer-To", nil}
	case !addr.URI.IsSIP() && !addr.URI.IsTel():
		return r, &refused{416, "", nil}
	}
	if method, ok := addr.URI.Params.Get("method"); ok && !strings.EqualFold(method, string(sip.INVITE)) {
		return r, &refused{501, "Only INVITE Can Be Referred To", nil}
	}
	var ok bool
	r.uri = addr.URI
	if r.number, ok = numberOf(addr.URI); !ok {
		return r, &refused{400, "Bad Refer-To", nil}
	}
	n := 0
	for field := range strings.SplitSeq(addr.URI.Headers, "&") {
		if n++; n > maxEmbedded {
			return r, &refused{400, "Bad Refer-To", nil}
		}
		name, value, _ := strings.Cut(field, "=")
		if !strings.EqualFold(sip.Unescape(name), "Replaces") {
			continue
		}
		d, err := sip.ParseReplaces(sip.Unescape(value))
		if err != nil || r.replaces != nil {
			return r, &refused{400, "Bad Replaces", nil}
		}
		r.replaces = &d
	}
	return r, nil
}

// onReferred is a REFER within the leg's dialog.
func (l *Leg) onReferred(req *sip.Message, r *invite.Referral) {
	if l.by != "" && (l.trunk == nil || !l.trunk.Refer) {
		r.Refuse(403, "")
		return
	}
	l.refer(req, r)
}

// refer tells the call what the peer wants of it, once it is known which leg is meant.
func (l *Leg) refer(req *sip.Message, r *invite.Referral) {
	wish, bad := readRefer(req)
	if bad != nil {
		r.Refuse(bad.status, bad.phrase, bad.headers...)
		return
	}
	number, device, gruu, ok := l.agent.meant(l.tenant, wish.uri)
	switch {
	case !ok:
		r.Refuse(404, "")
		return
	case gruu:
		wish.number = number
	}
	shard := r.Shard()
	e := call.LegEvent{Kind: call.Referred, Refer: &call.Referral{Number: wish.number, Device: device, Notify: func(c call.Cause) {
		shard.Do(func() { r.Notify(c.SIP, "") })
	}}}
	if wish.replaces == nil {
		l.tellReferred(e, r)
		return
	}
	e.Refer.Early = wish.replaces.Early
	l.agent.find(*wish.replaces, shard, func(other *Leg) {
		if other == nil || other == l || other.tenant != l.tenant {
			r.Notify(100, "")
			r.Notify(481, "") // as the target would have said
			return
		}
		e.Refer.Takes = other.inbox
		l.tellReferred(e, r)
	})
}

func (l *Leg) tellReferred(e call.LegEvent, r *invite.Referral) {
	if l.over.Load() || l.inbox == nil {
		r.Refuse(481, "")
		return
	}
	l.post(e)
}

// find looks for the leg of a dialog, as either of its two sides names it, and gives it to then on the
// shard back; nil when there is none.
func (a *Agent) find(d sip.Replaces, back *endpoint.Shard, then func(*Leg)) {
	at := a.cfg.Shard(d.CallID)
	at.Do(func() {
		var found *Leg
		for _, tags := range [...][2]string{{d.ToTag, d.FromTag}, {d.FromTag, d.ToTag}} {
			s, ok := at.Usage(endpoint.DialogID{CallID: d.CallID, LocalTag: tags[0], RemoteTag: tags[1]}).(*invite.Session)
			if !ok || !s.Is(tags[0], tags[1]) {
				continue
			}
			if l, ok := s.Handler().(*Leg); ok && l.inbox != nil && !l.over.Load() { // once it has one it keeps it, whoever reads it
				found = l
				break
			}
		}
		back.Do(func() { then(found) })
	})
}

// Refer takes a REFER outside of any dialog: one by which a phone means a call of its own (Target-Dialog,
// RFC 4538). Nobody is called for somebody who has no call.
func (a *Agent) Refer(tx *endpoint.ServerTx) {
	req, flow := tx.Request(), tx.Flow()
	from, refusal := a.identify(req, flow)
	if refusal != nil {
		turnAway(tx, refusal)
		return
	}
	if !req.Has(sip.TargetDialogKind) || from.Trunk != "" {
		tx.Refuse(403, "")
		return
	}
	d, err := sip.ParseTargetDialog(req.Get(sip.TargetDialogKind))
	if err != nil {
		tx.Refuse(400, "Bad Target-Dialog")
		return
	}
	a.find(sip.Replaces{CallID: d.CallID, ToTag: d.Remote, FromTag: d.Local}, tx.Shard(), func(l *Leg) {
		if l == nil || l.by != "" || l.tenant != from.Tenant || l.peer != from.Account && l.peer != from.Number {
			tx.Refuse(481, "") // whether there is such a dialog is nobody else's affair
			return
		}
		r, err := invite.Refer(tx, contact(tx.Shard(), flow, from.Number, secured(req.RequestURI)))
		if err != nil {
			tx.Refuse(400, "Missing or Bad Contact")
			return
		}
		l.refer(req, r)
	})
}

// replaced finds what an INVITE is to take the place of (RFC 3891 §3), and goes on with it. It reports false
// when what the INVITE says of that is malformed.
func (a *Agent) replaced(req *sip.Message, l *Leg, then func(*call.Replacement)) bool {
	n := 0
	for i := range req.Headers {
		if req.Headers[i].Kind == sip.ReplacesKind {
			n++
		}
	}
	d, err := sip.ParseReplaces(req.Get(sip.ReplacesKind))
	if err != nil || n > 1 {
		return false
	}
	if l.by != "" && (l.trunk == nil || !l.trunk.Refer) {
		l.reject(call.Forbidden)
		return true
	}
	a.find(d, l.shard, func(other *Leg) {
		switch {
		case l.over.Load(): // the caller gave up meanwhile
		case other == nil || other.tenant != l.tenant:
			l.reject(call.LostDialog)
		default:
			then(&call.Replacement{Leg: other.inbox, Early: d.Early})
		}
	})
	return true
}
