package invite

import (
	"errors"
	"strconv"
	"time"

	"santral/sip"
	"santral/sip/endpoint"
)

// ErrGlare is why a change of ours could not be tried: another one is under way (RFC 3261 §14.1).
var ErrGlare = errors.New("invite: another change of the session is under way")

const (
	maxGlares   = 5               // how often a change is tried that meets the peer's own
	changeGuard = 3 * time.Minute // for a final answer to a re-INVITE that the peer has begun to serve; as Timer C, RFC 3261 §16.6
)

// modification is a re-INVITE of ours, from Modify to its ACK.
type modification struct {
	body    string
	glares  int
	waiting bool            // for the time after a 491
	timer   *endpoint.Timer // back-off, or guard
	client  *endpoint.ClientTx
	heard   *acked
}

// Modify offers the peer a change of the session (RFC 3261 §14.1), or asks it for an offer when body
// is "". Changed or Refused follows, or Gone when the peer turns out to be lost. While a 2xx waits for
// its ACK the change waits too; while another change is under way it is Refused with ErrGlare.
func (s *Session) Modify(body string) {
	if s.leave || s.state != Established && s.state != Answered && s.state != Unacked {
		return
	}
	switch m := (&modification{body: body}); {
	case s.invite != nil || s.change != nil || s.queued != nil:
		s.tell(Refused, nil, ErrGlare)
	case s.sent != nil || s.due != nil:
		s.queued = m
	default:
		s.propose(m)
	}
}

// resume begins the change that waited for an ACK.
func (s *Session) resume() {
	if m := s.queued; m != nil && s.state == Established && s.sent == nil && s.due == nil {
		s.queued = nil
		s.propose(m)
	}
}

func (s *Session) propose(m *modification) {
	s.change, m.waiting = m, false
	req := s.dialog.Request(sip.INVITE)
	s.give(req, m.body)
	s.sign(req)
	s.offer(m, req)
}

func (s *Session) offer(m *modification, req *sip.Message) {
	stop(&m.timer)
	m.timer = s.shard.After(changeGuard, func() { s.onOverdue(m) })
	m.client = s.shard.Request(req, s.next(), func(ev endpoint.ClientEvent) { s.onChange(m, req, ev) })
}

// onOverdue gives up a re-INVITE that the peer serves without end.
func (s *Session) onOverdue(m *modification) {
	m.timer = nil
	if s.change == m && m.heard == nil {
		m.client.Cancel("")
	}
}

// onChange is told of everything that comes back to a re-INVITE of ours.
func (s *Session) onChange(m *modification, req *sip.Message, ev endpoint.ClientEvent) {
	res := ev.Response
	if s.change == m {
		s.hear(res)
	}
	switch {
	case res != nil && res.Status < 200:
	case res != nil && res.Status < 300:
		s.onChanged(m, req, res)
	case s.change != m:
		// the session ended meanwhile
	case res != nil && res.Status == 491 && m.glares < maxGlares:
		s.backOff(m)
	default:
		if again := s.authorize(s.dialog, req, res); again != nil {
			s.offer(m, again)
			return
		}
		if ev.Err != nil && s.moved() {
			s.offer(m, renew(s.dialog, req))
			return
		}
		stop(&m.timer)
		s.change = nil
		if s.lost(res, ev.Err) {
			return
		}
		s.tell(Refused, res, ev.Err)
	}
}

func (s *Session) onChanged(m *modification, req, res *sip.Message) {
	if m.heard != nil {
		s.again(m.heard)
		return
	}
	seq, _ := req.CSeq()
	m.heard = &acked{tag: s.dialog.RemoteTag, seq: seq.Seq}
	s.keep(m.heard)
	stop(&m.timer)
	s.dialog.Refresh(res)
	if s.change != m { // we are leaving: the 2xx gets its ACK all the same
		s.acknowledge(m.heard, s.dialog, s.next(), "")
		return
	}
	if m.body == "" {
		s.due = m.heard
	} else {
		s.change = nil
		s.acknowledge(m.heard, s.dialog, s.next(), "")
	}
	s.tell(Changed, res, nil)
}

// backOff waits after a 491 and tries again: 2.1 to 4 s for the owner of the Call-ID, up to 2 s for
// the other side (RFC 3261 §14.1).
func (s *Session) backOff(m *modification) {
	low, high := time.Duration(0), 2*time.Second
	if s.outbound {
		low, high = 2100*time.Millisecond, 4*time.Second
	}
	m.glares++
	m.waiting = true
	stop(&m.timer)
	m.timer = s.shard.After(s.between(low, high), func() {
		m.timer = nil
		if s.change == m && s.state == Established {
			s.propose(m)
		}
	})
}

// yield gives up a change of ours that has not been sent, for the peer's own.
func (s *Session) yield() {
	if s.queued == nil && (s.change == nil || !s.change.waiting) {
		return
	}
	if s.change != nil {
		stop(&s.change.timer)
	}
	s.queued, s.change = nil, nil
	s.tell(Refused, nil, ErrGlare)
}

// serveChange takes a re-INVITE of the peer's (RFC 3261 §14.2). A peer that changes the session has
// our 2xx, so that the ACK that seems to be missing is no reason to refuse (RFC 5407 §3.1.4), unless
// the ACK was to bring its answer.
func (s *Session) serveChange(tx *endpoint.ServerTx) {
	switch {
	case s.state == Calling || s.state == Incoming || s.invite != nil || s.asked != nil:
		after := strconv.FormatUint(s.shard.Random().Uint64()%11, 10)
		tx.Refuse(500, "", sip.Header{Kind: sip.RetryAfter, Value: after})
		return
	case s.change != nil && !s.change.waiting, s.due != nil, s.sent != nil && s.sent.offer:
		tx.Refuse(491, "")
		return
	}
	s.yield()
	if s.sent != nil {
		s.acknowledged(nil)
	}
	if s.state != Established {
		tx.Refuse(481, "")
		return
	}
	s.invite, s.changed = tx, true
	tx.OnCancel(s.onChangeCancelled)
	s.tell(Offered, tx.Request(), nil)
}

// onChangeCancelled is told of a CANCEL for a re-INVITE. It changes nothing: the handler is about to
// answer, perhaps with what a third party has already agreed to, and a final response that crosses the
// CANCEL is one that the peer must expect anyway (RFC 3261 §9.1). Without a CANCEL the re-INVITE grew too old
// and the endpoint has refused it.
func (s *Session) onChangeCancelled(cancel *sip.Message) {
	if cancel == nil && s.changed {
		s.invite = nil
	}
}

// AcceptChange answers the peer's wish for a change (Offered) with 200 and a description: the answer, or
// our offer when it made none. After a re-INVITE Settled follows.
func (s *Session) AcceptChange(body string) {
	if s.asked != nil {
		s.acceptAsked(body)
		return
	}
	if s.invite == nil || s.state != Established {
		return
	}
	s.dialog.Refresh(s.invite.Request())
	s.succeed(body, nil)
}

// RefuseChange refuses the peer's wish for a change; the session goes on as it was.
func (s *Session) RefuseChange(status int, phrase string, headers ...sip.Header) {
	if s.asked != nil {
		s.refuseAsked(status, phrase, headers)
		return
	}
	if s.invite == nil || s.state != Established {
		return
	}
	tx := s.invite
	s.invite = nil
	tx.Refuse(status, phrase, headers...)
}

// Free reports whether Modify would do something now: no change is under way, and nobody is leaving.
func (s *Session) Free() bool {
	return !s.leave && (s.state == Established || s.state == Answered || s.state == Unacked) &&
		s.invite == nil && s.change == nil && s.queued == nil
}

// Asked reports whether a change that the peer wants waits for AcceptChange or RefuseChange.
func (s *Session) Asked() bool {
	return s.asked != nil || s.changed && s.invite != nil && s.state == Established
}

// Due reports whether an answer of the peer's with an offer waits for Answer.
func (s *Session) Due() bool { return s.due != nil || len(s.owed) > 0 }
