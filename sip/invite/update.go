package invite

import (
	"strconv"
	"strings"
	"time"

	"santral/sip"
	"santral/sip/dialog"
	"santral/sip/endpoint"
)

// changeable gives the early dialog in which an UPDATE may make an offer: the peer serves it, and each side
// has the other's description reliably (RFC 3311 §5.1). nil is for none. Of several branches it is
// the one that was heard of last.
func (s *Session) changeable() *dialog.Dialog {
	switch s.state {
	case Incoming:
		if s.settled && s.can.update && s.rel.wait == nil && s.rel.accept == nil {
			return s.dialog
		}
	case Calling:
		for i := len(s.early) - 1; i >= 0; i-- {
			if b := s.early[i]; b.settled && b.can.update {
				return b.dialog
			}
		}
	}
	return nil
}

// serveUpdate takes the peer's UPDATE in d (RFC 3311 §5.2). Without a description it is answered here:
// it tells where the peer is, and that it lives.
func (s *Session) serveUpdate(d *dialog.Dialog, tx *endpoint.ServerTx) {
	req := tx.Request()
	switch {
	case s.leave || s.state == Ending || s.state == Cancelling:
		tx.Refuse(481, "")
		return
	case s.asked != nil:
		tx.Refuse(500, "", s.soon())
		return
	}
	if no := s.cfg.tooBrief(req); no != nil {
		tx.Refuse(no.Status, "", no.Headers...)
		return
	}
	switch {
	case req.Body == "":
		s.acceptUpdate(d, tx, "")
		s.tell(Refreshed, req, nil)
		return
	case s.theyWait(d):
		tx.Refuse(500, "", s.soon())
		return
	case s.weWait(d):
		tx.Refuse(491, "")
		return
	}
	s.yield()
	if s.sent != nil && s.state == Established {
		s.acknowledged(nil) // a re-INVITE whose ACK was lost
	}
	if s.refreshes(req) && d == s.dialog {
		s.acceptUpdate(d, tx, s.ours)
		s.tell(Refreshed, req, nil)
		return
	}
	s.asked, s.askedIn = tx, d
	s.tell(Offered, req, nil)
}

// theyWait reports whether the peer of d has an offer out that we have not answered.
func (s *Session) theyWait(d *dialog.Dialog) bool {
	switch s.state {
	case Incoming:
		return !s.settled && s.request.Body != "" && (s.rel == nil || s.rel.wait == nil || !s.rel.wait.body)
	case Calling:
		for _, b := range s.owed {
			if b.dialog == d {
				return true
			}
		}
	}
	return s.due != nil || s.changed && s.invite != nil
}

// weWait reports whether an offer of ours is out that the peer of d has not answered.
func (s *Session) weWait(d *dialog.Dialog) bool {
	if m := s.change; m != nil && !m.waiting && m.offers() && m.dialog == d {
		return true
	}
	switch s.state {
	case Incoming:
		return !s.settled
	case Calling:
		b := s.find(d.RemoteTag)
		return b == nil || !b.settled
	}
	return s.sent != nil && s.sent.offer
}

// acceptUpdate answers an UPDATE.
func (s *Session) acceptUpdate(d *dialog.Dialog, tx *endpoint.ServerTx, body string) {
	s.relearn(d, tx.Request())
	res := sip.NewResponse(tx.Request(), 200, "")
	s.give(res, body)
	if s.state == Established || s.state == Answered || s.state == Unacked {
		s.answerLease(tx.Request(), res)
	}
	if body != "" {
		s.settle(d, body, tx.Request().Body)
	}
	tx.Respond(res)
}

// acceptAsked answers the offer in an UPDATE or a PRACK.
func (s *Session) acceptAsked(body string) {
	tx, d := s.asked, s.askedIn
	s.asked, s.askedIn = nil, nil
	s.acceptUpdate(d, tx, body)
	s.resume()
}

// refuseAsked refuses it. A PRACK itself can't be refused, so that its 200 leaves the answer out
// (RFC 3262 §3, RFC 6337 §2.2).
func (s *Session) refuseAsked(status int, phrase string, headers []sip.Header) {
	tx := s.asked
	s.asked, s.askedIn = nil, nil
	if tx.Request().Method == sip.PRACK {
		ok(tx)
	} else {
		tx.Refuse(status, phrase, headers...)
	}
	s.resume()
}

// terminateAsked answers what the end of the session makes pointless.
func (s *Session) terminateAsked() {
	if tx := s.asked; tx != nil {
		s.asked, s.askedIn = nil, nil
		tx.Refuse(487, "")
	}
}

// elsewhere ends what is under way in other dialogs than that which was established.
func (s *Session) elsewhere(d *dialog.Dialog) {
	if s.asked != nil && s.askedIn != d {
		s.asked.Refuse(481, "")
		s.asked, s.askedIn = nil, nil
	}
	if m := s.change; m != nil && m.dialog != d {
		stop(&m.timer)
		s.change = nil
		s.tell(Refused, nil, ErrGlare)
	}
}

// onUpdated is the 2xx to an UPDATE of ours.
func (s *Session) onUpdated(m *modification, res *sip.Message) {
	if s.change != m {
		return
	}
	stop(&m.timer)
	s.change = nil
	s.relearn(m.dialog, res)
	if s.state == Established || s.state == Answered {
		s.takeLease(res)
	}
	if m.body != "" && res.Body != "" {
		s.settle(m.dialog, m.body, res.Body)
	}
	if !m.quiet {
		s.tell(Changed, res, nil)
	}
	s.resume()
}

// waitAsTold tries an UPDATE again that met the peer in the middle of something (RFC 3311 §5.1).
func (s *Session) waitAsTold(m *modification, res *sip.Message) {
	v, _, _ := strings.Cut(res.Get(sip.RetryAfter), " ")
	v, _, _ = strings.Cut(v, ";")
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > 10 {
		n = 10
	}
	s.tryAfter(m, time.Duration(n)*time.Second)
}

// Refresh tells the peer header fields without changing the session: by an UPDATE that says nothing else
// where the peer serves that, otherwise by a re-INVITE that offers what holds already. A From among them
// stands in the place of ours. It waits until the session is established and nothing is under way; what
// waits is told in its latest form. Nothing is told of its success; Gone follows when the peer is lost.
func (s *Session) Refresh(headers ...sip.Header) {
	switch s.state {
	case Ending, Ended, Cancelling:
		return
	case Incoming:
		if s.changeable() != nil && s.change == nil && s.asked == nil {
			s.propose(&modification{headers: headers, update: true, quiet: true, dialog: s.dialog})
			return
		}
	}
	s.news = headers
	s.resume()
}

// Renames reports whether the peer understands a From in Refresh that is another one than before
// (RFC 4916 §4.4.1).
func (s *Session) Renames() bool { return s.can.renames }

// touch sends a request that changes nothing. It reports false when there is none that would do.
func (s *Session) touch(headers []sip.Header) bool {
	s.news = nil
	m := &modification{headers: headers, update: s.can.update, quiet: true, dialog: s.dialog}
	if !m.update {
		if m.body = s.ours; m.body == "" {
			return false
		}
	}
	s.propose(m)
	return true
}

// relearn takes from a target refresh request, or the 2xx to one, where its sender is and what it can.
func (s *Session) relearn(d *dialog.Dialog, m *sip.Message) {
	d.Refresh(m)
	if m.IsRequest() && m.FromTag() == d.RemoteTag {
		d.Remote = m.Get(sip.From) // RFC 4916 §4.4.2
	}
	if d == s.dialog {
		s.can.learn(m)
	} else if b := s.find(d.RemoteTag); b != nil {
		b.can.learn(m)
	}
}

// settle notes the descriptions of d that hold from now on.
func (s *Session) settle(d *dialog.Dialog, ours, theirs string) {
	if d == s.dialog {
		s.agree(ours, theirs)
	} else if b := s.find(d.RemoteTag); b != nil {
		b.ours, b.theirs = ours, sumOf(theirs)
	}
}

// agree notes the session's descriptions; "" leaves one as it was.
func (s *Session) agree(ours, theirs string) {
	if ours != "" {
		s.ours = ours
	}
	if theirs != "" {
		s.theirs = sumOf(theirs)
	}
}

// refreshes reports whether a request offers what holds already: some phones keep a session alive so
// (RFC 4028 §7.4), and it is nobody's affair but ours.
func (s *Session) refreshes(req *sip.Message) bool {
	return req.Body != "" && s.ours != "" && s.theirs != 0 && sumOf(req.Body) == s.theirs
}

// sumOf tells descriptions apart, all but their origin lines, whose version some raise for nothing. It
// is 64-bit FNV-1a, 0 for no description.
func sumOf(body string) uint64 {
	if body == "" {
		return 0
	}
	h := uint64(14695981039346656037)
	if i := strings.Index(body, "\no="); i >= 0 {
		_, rest, _ := strings.Cut(body[i+1:], "\n")
		h = mix(h, body[:i])
		body = rest
	}
	if h = mix(h, body); h == 0 {
		h = 1
	}
	return h
}

func mix(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
