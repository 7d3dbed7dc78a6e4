package sipleg

import (
	"slices"

	"santral/call"
	"santral/media/sdp"
	"santral/sip"
	"santral/sip/invite"
)

// Handle is told by the session what the peer does, and tells the call (invite.Handler).
func (l *Leg) Handle(e invite.Event) {
	if l.over.Load() {
		switch e.Kind {
		case invite.Gone:
			l.session.Finish()
		case invite.Referred:
			e.Refer.Refuse(481, "")
		}
		return
	}
	switch e.Kind {
	case invite.Progressed:
		l.onProgressed(e.Message)
	case invite.Accepted:
		l.onAccepted(e.Message)
	case invite.Failed:
		l.finish(call.Failed, l.refused(failure(e)), nil)
	case invite.Confirmed:
		l.onConfirmed(e.Message, call.Confirmed)
	case invite.Settled:
		l.onConfirmed(e.Message, call.Accepted)
	case invite.Offered:
		l.onOffered(e.Message)
	case invite.Changed:
		l.onChanged(e.Message)
	case invite.Refused:
		l.media.Withdraw()
		if !l.amended(nil) {
			l.post(call.LegEvent{Kind: call.Refused, Cause: failure(e)})
		}
	case invite.Refreshed:
		if d := l.read(e.Message); d != nil { // the same, but it may be heard from elsewhere now
			_ = l.media.SetRemote(d) // what does not fit leaves the stream where it was
		}
		l.heard = heard{}
	case invite.Acknowledged:
		l.onAcknowledged(e.Message)
	case invite.Informed:
		if e.Message.Method == sip.MESSAGE {
			l.post(call.LegEvent{Kind: call.Informed, Info: call.Info{Text: true, ContentType: e.Message.Get(sip.ContentType), Content: e.Message.Body}})
			return
		}
		if l.trickled(e.Message) {
			return
		}
		i := call.Info{Package: clean(e.Message.Get(sip.InfoPackage)), ContentType: e.Message.Get(sip.ContentType), Content: e.Message.Body}
		key, long := keyOf(e.Message)
		l.informs = l.informs || key != 0
		l.post(call.LegEvent{Kind: call.Informed, Info: i, Digit: key, Long: long})
	case invite.Referred:
		l.onReferred(e.Message, e.Refer)
	case invite.Gone:
		l.onGone(e)
	}
}

// onProgressed is a provisional answer. A description in it previews the answer, so that early media
// is heard (RFC 6337 §3.1.1).
func (l *Leg) onProgressed(res *sip.Message) {
	if res.Status == 180 || res.Status == 183 {
		l.rang = true
	}
	if tag := res.ToTag(); tag != "" {
		l.noteDialog(res.FromTag(), tag)
	}
	e := call.LegEvent{Kind: call.Progressed, Status: res.Status, Session: l.ids.peer}
	e.Who, e.Privacy = l.claimed(res)
	e.Conceal = l.manners.Conceal
	if l.offered {
		switch d := l.read(res); {
		case d == nil:
		case l.shut(res):
			l.preview(res.ToTag(), d) // its 200 may mean it
		case l.media.SetAnswer(d) == nil:
			e.Desc = d
			l.preview(res.ToTag(), d)
		}
	} else if l.session.Due() {
		e.Desc, e.Due = l.onEarlyOffer(res)
	}
	if res.Status == 199 { // RFC 6228 §4: of no interest to the caller, whose dialog is ours
		l.early = slices.DeleteFunc(l.early, func(p preview) bool { return p.tag == res.ToTag() })
		return
	}
	l.post(e)
}

// maxPreviews bounds the branches whose early descriptions are kept.
const maxPreviews = 16

func (l *Leg) preview(tag string, d *sdp.Description) {
	for i := range l.early {
		if l.early[i].tag == tag {
			l.early[i].desc = d
			return
		}
	}
	if len(l.early) < maxPreviews {
		l.early = append(l.early, preview{tag, d})
	}
}

// onAccepted is the 200 to our INVITE: with the answer to our offer, or with the peer's offer.
func (l *Leg) onAccepted(res *sip.Message) {
	if l.limit != nil {
		l.limit.Stop()
		l.limit = nil
	}
	l.noteAgent(res)
	l.noteFlow(l.session.Flow())
	l.noteDialog(res.FromTag(), res.ToTag())
	d := l.read(res)
	if !l.offered {
		l.onLateAnswer(res, d)
		return
	}
	if d == nil { // some say it in the 183 alone
		for _, p := range l.early {
			if p.tag == res.ToTag() {
				d = p.desc
			}
		}
	}
	l.early, l.heard = nil, heard{}
	if d == nil || l.media.SetAnswer(d) != nil {
		l.hangup(call.NotAcceptable)
		return
	}
	l.watch()
	l.answered(res, d, false)
}

func (l *Leg) answered(res *sip.Message, d *sdp.Description, due bool) {
	e := call.LegEvent{Kind: call.Answered, Desc: d, Due: due, Session: l.ids.peer}
	l.hearPackages(res)
	e.Packages = l.packages
	if e.Who, e.Privacy = l.claimed(res); e.Who != nil {
		l.claim = claim{e.Who.Name, e.Who.Number, e.Privacy}
	}
	e.Conceal = l.manners.Conceal
	l.post(e)
}

// onConfirmed is the ACK to our 200, as the first or to a re-INVITE. req is nil when the ACK was lost
// and the peer showed otherwise that it has the 200.
func (l *Leg) onConfirmed(req *sip.Message, kind call.LegEventKind) {
	var d *sdp.Description
	if l.owed {
		l.owed = false
		if req != nil {
			d = l.read(req)
		}
		if d == nil || l.media.SetAnswer(d) != nil { // an offer without an answer: RFC 3261 §13.3.1.4 leaves only the BYE
			l.hangup(call.NotAcceptable)
			return
		}
	} else if kind == call.Accepted {
		return // the peer's own offer was answered in our 200: nothing new
	}
	if kind == call.Confirmed {
		l.watch()
		l.amends.void = false
		l.amend()
	}
	l.post(call.LegEvent{Kind: kind, Desc: d})
}

// onOffered is a re-INVITE of the peer's. What it offers is taken into our media once it is accepted.
func (l *Leg) onOffered(req *sip.Message) {
	d, bad := readOffer(req)
	if bad != nil {
		l.session.RefuseChange(bad.status, bad.phrase, bad.headers...)
		return
	}
	if d == nil && req.Method != sip.INVITE {
		l.session.AcceptChange("") // it offers nothing, whatever it carries
		return
	}
	if l.media.RefusesFax(d) { // it goes on as sound
		l.offer = nil
		status, headers := l.refusal(call.NotAcceptable)
		l.session.RefuseChange(status, "", headers...)
		l.media.CarryFax()
		return
	}
	if d != nil {
		l.media.Restrict(d)
	}
	l.offer, l.branch = d, req.FromTag()
	l.post(call.LegEvent{Kind: call.Offered, Desc: d})
}

// onChanged is the 200 to our re-INVITE: with the answer, or with the peer's offer.
func (l *Leg) onChanged(res *sip.Message) {
	d := l.read(res)
	switch {
	case l.amended(d):
		return
	case !l.offered && d == nil:
		l.session.Answer("")
		l.post(call.LegEvent{Kind: call.Refused, Cause: call.NotAcceptable})
		return
	case !l.offered:
		l.offer = d
	case d != nil && l.media.SetAnswer(d) != nil:
		l.post(call.LegEvent{Kind: call.Refused, Cause: call.NotAcceptable})
		return
	}
	l.changedEarly(res.ToTag(), d, l.amends.made)
	l.post(call.LegEvent{Kind: call.Accepted, Desc: d})
}

// onGone is the end by the peer. The answer to its BYE waits until the call's end is on disk.
func (l *Leg) onGone(e invite.Event) {
	c := departure(e)
	if e.Message == nil || e.Message.Method != sip.BYE {
		l.finish(call.Ended, c, nil)
		return
	}
	s, shard := l.session, l.shard
	l.finish(call.Ended, c, func() { shard.Do(s.Finish) })
}
