package invite

import (
	"errors"

	"santral/sip"
	"santral/sip/dialog"
	"santral/sip/endpoint"
)

// ErrLost is the end of a session whose peer no longer knows it or no longer answers
// (RFC 3261 §12.2.1.2, RFC 5057 §5.1).
var ErrLost = errors.New("invite: the peer no longer knows the session")

// Hangup ends the session from our side, whatever it is doing: a CANCEL while our INVITE has no final
// answer, a BYE as soon as the dialog allows one. An INVITE of the peer's without a final answer is
// refused by Reject instead. reason is the Reason value of the request, "" for none. Nothing is told
// any more; a late 2xx is acknowledged and ended.
func (s *Session) Hangup(reason string) {
	if s.leave {
		return
	}
	s.reason = reason
	switch s.state {
	case Calling:
		s.state = Cancelling
		s.abandon()
		s.detach()
		s.client.Cancel(reason)
	case Incoming:
		s.Reject(480, "")
	case Answered: // RFC 3261 §15: no BYE of the callee's before the ACK, or its time is over
		s.leave = true
		s.abandon()
		if s.invite != nil {
			s.RefuseChange(487, "")
		}
	case Unacked:
		s.Answer("")
		s.bid(reason)
	case Established:
		s.bid(reason)
	}
}

// bid sends the BYE.
func (s *Session) bid(reason string) {
	s.leave = true
	s.state = Ending
	s.quiet()
	s.terminateChange()
	s.sendBye(s.dialog, s.next(), reason, s.onBye)
}

// terminateChange answers a re-INVITE that the end of the session makes pointless (RFC 3261 §15.1.2).
func (s *Session) terminateChange() {
	if tx := s.invite; tx != nil {
		s.invite = nil
		tx.Refuse(487, "")
	}
	s.terminateAsked()
}

func (s *Session) sendBye(d *dialog.Dialog, to endpoint.Next, reason string, done func(endpoint.ClientEvent)) {
	req := d.Request(sip.BYE)
	if reason != "" {
		req.Set(sip.ReasonKind, reason)
	}
	s.send(d, req, to, done)
}

// onBye ends the session with whatever became of our BYE (RFC 3261 §15.1.1).
func (s *Session) onBye(ev endpoint.ClientEvent) {
	if ev.Response == nil || ev.Response.Status >= 200 {
		s.end()
	}
}

// serveBye takes the peer's BYE (RFC 3261 §15.1.2). The 200 waits for Finish.
func (s *Session) serveBye(tx *endpoint.ServerTx) {
	req := tx.Request()
	switch s.state {
	case Calling: // RFC 3261 §15 forbids it to a callee; what it means is plain
		s.forget(req.FromTag())
		ok(tx)
		if len(s.early) == 0 {
			s.Hangup("")
			s.tell(Failed, nil, ErrHungUp)
		}
	case Ending:
		ok(tx)
	default:
		told := s.leave
		s.terminateChange()
		s.end()
		s.bye = tx
		if told {
			s.Finish()
			return
		}
		s.tell(Gone, req, nil)
	}
}

// Finish answers the peer's BYE (Gone with a BYE) with 200.
func (s *Session) Finish() {
	if tx := s.bye; tx != nil {
		s.bye = nil
		ok(tx)
	}
}

func ok(tx *endpoint.ServerTx) { tx.Refuse(200, "") }

// lost judges a failed request of ours within the dialog and reports whether the session is over:
// 481, 408 and no answer at all end it (RFC 3261 §12.2.1.2). A peer that does not say itself that it
// knows nothing of the session gets a BYE. What could not be sent at all is as good as a 503 (RFC 3261
// §8.1.3.1), which changes nothing (RFC 3261 §14.1): a phone whose connection broke comes back.
func (s *Session) lost(res *sip.Message, err error) bool {
	switch {
	case s.leave || s.state == Ended:
		return true
	case errors.Is(err, endpoint.ErrTransport):
		return false
	case res == nil || res.Status == 408:
		s.bid("")
	case res.Status == 481:
		s.terminateChange()
		s.end()
	default:
		return false
	}
	if err == nil {
		err = ErrLost
	}
	s.tell(Gone, nil, err)
	return true
}
