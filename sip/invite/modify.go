package invite

import (
	"errors"
	"strconv"
	"time"

	"santral/sip"
	"santral/sip/dialog"
	"santral/sip/endpoint"
)

// ErrGlare is why a change of ours could not be tried: another one is under way (RFC 3261 §14.1).
var ErrGlare = errors.New("invite: another change of the session is under way")

const (
	maxGlares   = 5               // how often a change is tried that meets the peer's own
	changeGuard = 3 * time.Minute // for a final answer to a re-INVITE that the peer has begun to serve; as Timer C, RFC 3261 §16.6
)

// modification is a re-INVITE of ours, from Modify to its ACK, or an UPDATE, from Modify to its answer.
type modification struct {
	body    string
	headers []sip.Header
	update  bool           // by UPDATE
	quiet   bool           // it changes nothing, and the handler does not know of it
	dialog  *dialog.Dialog // the session's, or an early one
	glares  int
	waiting bool            // for the time after a 491
	timer   *endpoint.Timer // back-off, or guard
	client  *endpoint.ClientTx
	heard   *acked
}

// offers reports whether it makes or wants an offer: only an UPDATE may say nothing of the session.
func (m *modification) offers() bool { return !m.update || m.body != "" }

// Modify offers the peer a change of the session by a re-INVITE (RFC 3261 §14.1), or asks it for an offer
// when body is "". Changed or Refused follows, or Gone when the peer turns out to be lost. While a 2xx waits
// for its ACK the change waits too; while another change is under way it is Refused with ErrGlare. Before
// the session is established it is an UPDATE, where the peer serves that and both have the
// other's description reliably (RFC 3311 §5.1); otherwise it is Refused with ErrGlare too. The headers are
// added to the request, as those of Refresh are.
func (s *Session) Modify(body string, headers ...sip.Header) {
	m := &modification{body: body, headers: headers, dialog: s.dialog}
	switch s.state {
	case Established, Answered, Unacked:
	case Incoming, Calling:
		m.dialog, m.update = s.changeable(), true
	default:
		return
	}
	switch {
	case s.leave:
	case s.asked != nil || s.changed && s.invite != nil || s.change != nil && (!s.change.quiet || m.update) || s.queued != nil:
		s.tell(Refused, nil, ErrGlare)
	case m.update && (m.dialog == nil || body == ""):
		s.tell(Refused, nil, ErrGlare)
	case s.sent != nil || s.due != nil || s.change != nil:
		s.queued = m
	default:
		s.propose(m)
	}
}

// resume begins what waited for an ACK, or for the end of what was under way.
func (s *Session) resume() {
	if s.leave || s.state != Established || s.sent != nil || s.due != nil || s.change != nil || s.invite != nil || s.asked != nil {
		return
	}
	if m := s.queued; m != nil {
		s.queued = nil
		s.propose(m)
	} else if h := s.news; h != nil {
		s.touch(h)
	}
}

func (s *Session) propose(m *modification) {
	s.change, m.waiting = m, false
	method := sip.INVITE
	if m.update {
		method = sip.UPDATE
	}
	req := m.dialog.Request(method)
	s.give(req, m.body)
	if s.cfg.Supported != "" && !m.update { // no early answers here
		req.Set(sip.Supported, s.cfg.supports(false))
	}
	if s.state != Incoming && s.state != Calling {
		s.askLease(req)
	}
	for _, h := range m.headers {
		if h.Kind == sip.From || h.Kind == sip.To {
			req.Set(h.Kind, h.Value) // RFC 4916 §4.4: who we are may be said anew
			if h.Kind == sip.From {
				m.dialog.Local = h.Value
			}
			continue
		}
		req.Headers = append(req.Headers, h)
	}
	s.sign(req)
	s.offer(m, req)
}

func (s *Session) offer(m *modification, req *sip.Message) {
	stop(&m.timer)
	if !m.update {
		m.timer = s.shard.After(changeGuard, func() { s.onOverdue(m) })
	}
	m.client = s.shard.Request(req, s.toward(m.dialog), func(ev endpoint.ClientEvent) { s.onChange(m, req, ev) })
}

// onOverdue gives up a re-INVITE that the peer serves without end.
func (s *Session) onOverdue(m *modification) {
	m.timer = nil
	if s.change == m && m.heard == nil {
		m.client.Cancel("")
	}
}

// onChange is told of everything that comes back to a re-INVITE or UPDATE of ours.
func (s *Session) onChange(m *modification, req *sip.Message, ev endpoint.ClientEvent) {
	res := ev.Response
	if s.change == m {
		s.hear(res)
	}
	switch {
	case res != nil && res.Status < 200:
	case res != nil && res.Status < 300 && m.update:
		s.onUpdated(m, res)
	case res != nil && res.Status < 300:
		s.onChanged(m, req, res)
	case s.change != m:
		// the session ended meanwhile
	case res != nil && res.Status == 491 && m.glares < maxGlares:
		s.backOff(m)
	case res != nil && res.Status == 500 && m.update && m.glares < maxGlares && res.Has(sip.RetryAfter):
		s.waitAsTold(m, res)
	default:
		again := s.authorize(m.dialog, req, res)
		if again == nil {
			again = s.longer(m.dialog, req, res)
		}
		if again != nil {
			s.offer(m, again)
			return
		}
		if ev.Err != nil && s.moved() {
			s.offer(m, renew(s.dialog, req))
			return
		}
		stop(&m.timer)
		s.change = nil
		if s.state != Calling && s.state != Incoming && s.lost(res, ev.Err) {
			return
		}
		switch {
		case m.quiet && s.unserved(m, res):
			return
		case m.quiet:
			s.unrefreshed(res != nil)
		default:
			s.tell(Refused, res, ev.Err)
		}
		s.resume()
	}
}

// unserved asks by a re-INVITE what an UPDATE should have told a peer whose Allow had promised to serve it: one
// that answers 405 or 501 all the same is as alive as any (RFC 4028 §7.4).
func (s *Session) unserved(m *modification, res *sip.Message) bool {
	if !m.update || res == nil || res.Status != 405 && res.Status != 501 || s.state != Established {
		return false
	}
	s.can.update = false
	return s.touch(m.headers)
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
	s.can.learn(res)
	if !s.leave {
		s.takeLease(res)
	}
	if s.change != m { // we are leaving: the 2xx gets its ACK all the same
		s.acknowledge(m.heard, s.dialog, s.next(), "")
		return
	}
	if m.body == "" {
		s.due, s.theirs = m.heard, sumOf(res.Body)
	} else {
		s.change = nil
		s.agree(m.body, res.Body)
		s.acknowledge(m.heard, s.dialog, s.next(), "")
	}
	if m.quiet {
		s.tell(Refreshed, res, nil)
	} else {
		s.tell(Changed, res, nil)
	}
	s.resume()
}

// backOff waits after a 491 and tries again: 2.1 to 4 s for the owner of the Call-ID, up to 2 s for
// the other side (RFC 3261 §14.1).
func (s *Session) backOff(m *modification) {
	low, high := time.Duration(0), 2*time.Second
	if s.outbound {
		low, high = 2100*time.Millisecond, 4*time.Second
	}
	s.tryAfter(m, s.between(low, high))
}

// tryAfter tries a change once more after a while.
func (s *Session) tryAfter(m *modification, d time.Duration) {
	m.glares++
	m.waiting = true
	stop(&m.timer)
	m.timer = s.shard.After(d, func() {
		m.timer = nil
		if s.change == m && (s.state == Established || s.state == Answered || m.update && s.changeable() == m.dialog) {
			s.propose(m)
		}
	})
}

// yield gives up a change of ours that has not been sent, for the peer's own.
func (s *Session) yield() {
	told := s.queued != nil
	if m := s.change; m != nil && m.waiting {
		stop(&m.timer)
		s.change = nil
		if told = told || !m.quiet; m.quiet {
			s.unrefreshed(true)
		}
	}
	s.queued = nil
	if told {
		s.tell(Refused, nil, ErrGlare)
	}
}

// serveChange takes a re-INVITE of the peer's (RFC 3261 §14.2). A peer that changes the session has
// our 2xx, so that the ACK that seems to be missing is no reason to refuse (RFC 5407 §3.1.4), unless
// the ACK was to bring its answer.
func (s *Session) serveChange(tx *endpoint.ServerTx) {
	switch {
	case s.state == Calling || s.state == Incoming || s.invite != nil || s.asked != nil:
		tx.Refuse(500, "", s.soon())
		return
	case s.change != nil && !s.change.waiting && s.change.offers(), s.due != nil, s.sent != nil && s.sent.offer:
		tx.Refuse(491, "")
		return
	}
	if no := s.cfg.tooBrief(tx.Request()); no != nil {
		tx.Refuse(no.Status, "", no.Headers...)
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
	if s.refreshes(tx.Request()) {
		s.AcceptChange(s.ours)
		s.tell(Refreshed, tx.Request(), nil)
		return
	}
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
	s.relearn(s.dialog, s.invite.Request())
	s.succeed(body, nil)
}

// soon is when a request may be tried again that came too early (RFC 3261 §14.2, RFC 3311 §5.2).
func (s *Session) soon() sip.Header {
	return sip.Header{Kind: sip.RetryAfter, Value: strconv.FormatUint(s.shard.Random().Uint64()%11, 10)}
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
	s.resume()
}

// Free reports whether Modify would do something now: no change is under way, and nobody is leaving.
func (s *Session) Free() bool {
	if s.leave || s.queued != nil || s.asked != nil || s.change != nil && !s.change.quiet {
		return false
	}
	switch s.state {
	case Established, Answered, Unacked:
		return s.invite == nil
	case Incoming, Calling:
		return s.change == nil && s.changeable() != nil
	}
	return false
}

// Asked reports whether a change that the peer wants waits for AcceptChange or RefuseChange.
func (s *Session) Asked() bool {
	return s.asked != nil || s.changed && s.invite != nil && s.state == Established
}

// Due reports whether an answer of the peer's with an offer waits for Answer.
func (s *Session) Due() bool { return s.due != nil || len(s.owed) > 0 }
