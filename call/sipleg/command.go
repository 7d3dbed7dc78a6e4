package sipleg

import (
	"errors"
	"strconv"

	"santral/call"
	"santral/media/sdp"
	"santral/sip"
	"santral/sip/invite"
)

// Progress answers an inbound INVITE provisionally, with early media when the caller made an offer.
func (l *Leg) Progress(p call.Progress) {
	l.do(func() {
		if p.Status <= 100 || p.Status > 199 {
			return
		}
		if l.manners.Media.NoEarly && p.Early != nil { // it rings by itself then (RFC 3960 §3.2)
			p = call.Progress{Status: 180}
		}
		body := ""
		if p.Early != nil && (!l.late || l.session.Reliable()) {
			if d, err := l.media.RelayLocal(p.Early, !l.late); err == nil {
				body = describe(d)
			}
		}
		if body != "" {
			l.owed = l.owed || l.late && l.session.Described() == ""
			l.amends.want = body
		}
		l.joinSession("")
		headers := l.answering()
		if body != "" && l.gated {
			headers = append(headers[:len(headers):len(headers)], earlyOpen)
		}
		l.session.Progress(p.Status, body, headers...)
		l.amend()
	})
}

// Answer accepts an inbound INVITE: with the answer to its offer, or with our offer when it made none.
func (l *Leg) Answer(d *sdp.Description) {
	l.do(func() {
		if l.session.State() != invite.Incoming {
			return
		}
		local, err := l.ours(d, !l.late)
		if err != nil {
			l.reject(mediaCause(err))
			return
		}
		l.joinSession("")
		if l.session.Described() == "" {
			l.owed = l.late
		}
		if !l.session.Asked() {
			l.offer = nil
		}
		l.amends.want = describe(local)
		l.session.Accept(l.amends.want, l.answering()...)
	})
}

// Reject refuses an inbound INVITE.
func (l *Leg) Reject(c call.Cause) {
	l.do(func() {
		if l.session.State() == invite.Incoming {
			l.reject(c)
		}
	})
}

func (l *Leg) reject(c call.Cause) {
	l.joinSession("")
	status, headers := l.refusal(c)
	l.session.Reject(status, "", headers...)
	l.finish(call.Ended, c, nil)
}

// refusal turns a cause into a final response: its status, as far as it can be told to a peer, and
// the header fields that explain it (RFC 6432 §3: Reason in a response).
func (l *Leg) refusal(c call.Cause) (status int, headers []sip.Header) {
	if l.trunk != nil && l.trunk.CauseOut != nil {
		c = l.trunk.CauseOut(c)
	}
	status = c.SIP
	switch {
	case status < 300 || status > 699:
		status = call.NoAnswer.SIP
	case status == 401 || status == 407:
		status = call.Forbidden.SIP // a challenge that is not ours is nobody's to answer
	}
	headers = make([]sip.Header, 0, 3)
	if c == call.Insecure {
		headers = append(headers, insecure(l.shard, l.session.Flow()))
	}
	if reason := reasonOf(c); reason != "" {
		headers = append(headers, sip.Header{Kind: sip.ReasonKind, Value: reason})
	}
	switch status {
	case 405:
		headers = append(headers, allow)
	case 415:
		headers = append(headers, acceptSDP)
	case 488, 606:
		headers = append(headers, warning(l.shard, l.session.Flow()))
	}
	if c.After > 0 {
		headers = append(headers, retryAfter(c.After))
	}
	return status, headers
}

// Offer asks the peer for a change of the session, by a re-INVITE or, before the answer, by an UPDATE; nil
// asks it to make an offer.
func (l *Leg) Offer(d *sdp.Description) {
	l.do(func() {
		if !l.session.Free() {
			l.session.Modify("") // refused as glare, or ignored
			return
		}
		body := ""
		if d != nil {
			local, err := l.media.RelayLocal(d, false)
			if err != nil {
				l.post(call.LegEvent{Kind: call.Refused, Cause: mediaCause(err)})
				return
			}
			body = describe(local)
		}
		l.offered = d != nil
		l.amends.made = body
		l.session.Modify(body, l.takeNews()...)
	})
}

// Accept answers the peer's wish for a change, or the offer that it made in its 200.
func (l *Leg) Accept(d *sdp.Description) {
	l.do(func() {
		changing, due := l.session.Asked(), l.session.Due()
		if !changing && !due {
			return
		}
		early := due && l.session.State() == invite.Calling
		peers := l.offer
		if peers != nil {
			if err := l.media.SetRemote(peers); err != nil {
				l.unusable(changing, err)
				return
			}
		}
		local, err := l.ours(d, peers != nil)
		if err != nil {
			l.media.Revert()
			l.unusable(changing, err)
			return
		}
		l.offer = nil
		if due {
			l.session.Answer(describe(local))
			if early {
				l.agreed = peers
			}
			return
		}
		l.owed = peers == nil
		body := describe(local)
		l.changedEarly(l.branch, peers, body)
		l.session.AcceptChange(body)
	})
}

// unusable gives up a change whose descriptions do not fit: the peer's wish is refused, and an offer in
// a 200, which cannot be refused any more, ends the leg (RFC 3261 §13.2.2.4).
func (l *Leg) unusable(changing bool, err error) {
	if changing {
		l.refuse(mediaCause(err))
		return
	}
	l.hangup(mediaCause(err))
}

// mediaCause is why no description of ours could be made: nothing in common, or no port free.
func mediaCause(err error) call.Cause {
	if errors.Is(err, sdp.ErrNoMatch) {
		return call.NotAcceptable
	}
	return call.Unavailable
}

// Refuse refuses the peer's wish for a change; the session goes on as it was.
func (l *Leg) Refuse(c call.Cause) {
	l.do(func() { l.refuse(c) })
}

func (l *Leg) refuse(c call.Cause) {
	if !l.session.Asked() {
		if l.session.Due() && l.session.State() == invite.Calling {
			l.decline()
		}
		return
	}
	l.offer = nil
	status, headers := l.refusal(c)
	l.session.RefuseChange(status, "", headers...)
}

// Hangup ends the leg, whatever it is doing.
func (l *Leg) Hangup(c call.Cause) {
	l.shard.Do(func() { l.hangup(c) })
}

func (l *Leg) hangup(c call.Cause) {
	if l.over.Load() {
		return
	}
	kind := call.Ended
	switch s := l.session; {
	case s == nil: // never sent
		kind = call.Failed
	case s.State() == invite.Incoming:
		l.reject(c)
		return
	default:
		if s.Due() {
			s.Answer(describe(l.none(l.offer)))
		}
		if s.State() == invite.Calling {
			kind = call.Failed
		}
		s.Hangup(reasonOf(c))
	}
	l.finish(kind, c, nil)
}

// none is the answer to an offer that we do not want any more: every line refused (RFC 3264 §6).
func (l *Leg) none(offer *sdp.Description) *sdp.Description {
	if offer == nil {
		return nil
	}
	local := l.flow.Local.Addr() // ours alone to write, upon the shard
	none := offer.Clone()
	none.Origin = sdp.NewOrigin(l.shard.Random().Uint64()>>2, 1, local)
	none.Conn = sdp.NewConn(local)
	for i := range none.Media {
		none.Media[i].Reject()
	}
	return none
}

// Connected keeps whom the peer speaks with, and tells it when the leg is established.
func (l *Leg) Connected(who call.Party, t call.Traits) {
	session, privacy := t.Session, t.Privacy
	l.do(func() {
		if session != "" {
			l.joinSession(session)
		}
		if who != (call.Party{}) && (l.other == nil || telling(*l.other, l.withheld) != telling(who, privacy)) {
			l.other, l.withheld, l.answers = &who, privacy, nil
			l.rename()
		}
	})
}

// Inform sends an INFO, or a MESSAGE, within the dialog.
func (l *Leg) Inform(i call.Info) {
	l.do(func() {
		if i.Text {
			l.session.Text(i.ContentType, i.Content)
		} else if asksPicture(&i) {
			l.media.AskPicture()
		} else if i.Package == "" || takes(l.packages, i.Package) {
			l.session.Inform(i.Package, i.ContentType, i.Content)
		}
	})
}

func retryAfter(seconds int) sip.Header {
	return sip.Header{Kind: sip.RetryAfter, Value: strconv.Itoa(seconds)}
}
