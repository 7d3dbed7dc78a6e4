package sipleg

import (
	"strings"

	"santral/call"
	"santral/media/sdp"
	"santral/sip"
	"santral/sip/invite"
)

// amends is what an inbound leg's peer is to know of the other side, beside the description that it has
// acknowledged in a provisional answer: another device may be the one that answers.
type amends struct {
	want string // the last description that was to be told
	told string // the last one that the peer has, once it has acknowledged one before our 200
	made string // what Offer last offered
	busy string // what is being told now, "" for nothing
	void bool   // the peer did not want it; it is not asked again before it is established
}

// amend tells the peer by a change of the session what our answers to its INVITE can't tell it any more
// (RFC 6337 §3.1.1).
func (l *Leg) amend() {
	a := &l.amends
	if a.told == "" || a.busy != "" || a.void || same(a.want, a.told) || !l.session.Free() || l.session.Asked() {
		return
	}
	a.busy = a.want
	l.offered = true
	l.session.Modify(a.busy)
}

// amended is the end of that, with the peer's answer or nil. It reports whether there was anything of it.
func (l *Leg) amended(d *sdp.Description) bool {
	a := &l.amends
	if a.busy == "" {
		return false
	}
	if a.void = d == nil || l.media.SetAnswer(d) != nil; !a.void {
		a.told = a.busy
	}
	a.busy = ""
	l.amend()
	return true
}

// changedEarly notes the descriptions that hold after a change before the answer: whose 200 describes
// nothing means the last one.
func (l *Leg) changedEarly(branch string, theirs *sdp.Description, ours string) {
	switch l.session.State() {
	case invite.Calling:
		if theirs != nil {
			l.preview(branch, theirs)
		}
	case invite.Incoming:
		l.amends.want, l.amends.told = ours, ours
	}
}

// same reports whether two descriptions differ in nothing but their origin.
func same(a, b string) bool { return a == b || withoutOrigin(a) == withoutOrigin(b) }

func withoutOrigin(text string) string {
	before, rest, ok := strings.Cut(text, "\r\no=")
	if !ok {
		return text
	}
	_, after, _ := strings.Cut(rest, "\r\n")
	return before + "\r\n" + after
}

// onAcknowledged is the PRACK to our description, with the answer when that was an offer.
func (l *Leg) onAcknowledged(req *sip.Message) {
	l.amends.told = l.session.Described()
	l.offer = nil
	if l.owed {
		l.owed = false
		d := l.read(req)
		if d == nil || l.media.SetAnswer(d) != nil {
			l.hangup(call.NotAcceptable)
			return
		}
		l.post(call.LegEvent{Kind: call.Accepted, Desc: d})
	}
	l.amend()
}

// onEarlyOffer takes the offer in a provisional answer, which the PRACK answers. The first is the
// call's; that of another branch is declined, as there is one caller who could answer.
func (l *Leg) onEarlyOffer(res *sip.Message) (d *sdp.Description, due bool) {
	d = l.read(res)
	if d == nil || l.offer != nil || l.agreed != nil {
		l.preview(res.ToTag(), nil)
		l.session.Answer(describe(l.none(d)))
		return nil, false
	}
	l.offer = d
	l.preview(res.ToTag(), d)
	return d, true
}

// decline answers the offer in a provisional answer by refusing all of it: the call has no use for it.
func (l *Leg) decline() {
	for i := range l.early {
		if l.early[i].desc == l.offer {
			l.early[i].desc = nil
		}
	}
	d := l.offer
	l.offer = nil
	l.session.Answer(describe(l.none(d)))
}

// onLateAnswer is the 200 to an INVITE of ours without an offer. It makes one, which Accept answers,
// unless that was done before (RFC 3262 §5).
func (l *Leg) onLateAnswer(res *sip.Message, d *sdp.Description) {
	due := l.session.Due()
	if d == nil && due {
		d = l.offer // it could not wait for our PRACK
	}
	if !due {
		d = nil
		for _, p := range l.early {
			if p.tag == res.ToTag() {
				d = p.desc
			}
		}
	}
	l.early, l.heard = nil, heard{}
	if d == nil {
		l.hangup(call.NotAcceptable)
		return
	}
	if l.offer = nil; due {
		l.offer = d
	}
	l.watch()
	l.answered(res, d, due)
}
