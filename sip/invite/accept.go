package invite

import (
	"errors"
	"time"

	"santral/sip"
	"santral/sip/dialog"
	"santral/sip/endpoint"
)

// refresh is how often a provisional response is repeated, so that no proxy between gives up
// (RFC 3261 §13.3.1.1).
const refresh = time.Minute

// ErrExpired is the end of an INVITE that outlived its own Expires (RFC 3261 §13.3.1).
var ErrExpired = errors.New("invite: the invitation expired")

// Serve makes the session of an INVITE without To tag. contact is the Contact value that the peer
// gets from us. It answers nothing. It fails with a Refusal when the INVITE demands what we do not give, or
// lacks what we demand, and with another error when it can make no dialog (a 400).
func Serve(cfg *Config, tx *endpoint.ServerTx, contact string, h Handler) (*Session, error) {
	req := tx.Request()
	var can abilities
	can.learn(req)
	if err := cfg.demands(can); err != nil {
		return nil, err
	}
	if no := cfg.tooBrief(req); no != nil {
		return nil, no
	}
	d, err := dialog.FromRequest(req, tx.Tag())
	if err != nil {
		return nil, err
	}
	s := &Session{cfg: cfg, shard: tx.Shard(), handler: h, contact: contact, timers: tx.Shard().Timers(), state: Incoming, dialog: d, request: req, invite: tx, can: can}
	s.path.learn(req, tx.Flow())
	tx.OnCancel(s.onCancel)
	if after, ok := req.Expires(); ok && after > 0 {
		s.expiry = s.shard.After(time.Duration(after)*time.Second, s.onExpiry)
	}
	return s, nil
}

// Progress sends a provisional response (101–199) with a description for early media, or "". The headers
// are added to it. It waits while an earlier one is not acknowledged (RFC 3262 §3). A description is left
// out where the peer has one that it acknowledges already, and where it would be an offer that the peer
// can't acknowledge.
func (s *Session) Progress(status int, body string, headers ...sip.Header) {
	if s.state != Incoming || s.rel != nil && s.rel.accept != nil {
		return
	}
	if !s.keyed {
		s.attach(s.dialog.RemoteTag) // an early dialog exists from now on (RFC 3261 §12.1)
	}
	p := provisional{status, body, headers}
	if s.rel != nil && s.rel.wait != nil {
		s.rel.push(p)
		return
	}
	s.provide(p)
}

// provisional is a provisional answer of ours.
type provisional struct {
	status  int
	body    string
	headers []sip.Header
}

func (s *Session) provide(p provisional) {
	rely := s.reliably(p.body)
	if s.Described() != "" || !rely && s.request.Body == "" { // RFC 3261 §13.2.1
		p.body = ""
		rely = s.reliably("")
	}
	res := sip.NewResponse(s.request, p.status, "")
	res.Headers = append(res.Headers, p.headers...)
	s.give(res, p.body)
	dialog.CopyRecordRoute(res, s.request)
	stop(&s.repeat)
	s.repeat = s.shard.After(refresh, func() { s.remind(p) })
	if rely {
		s.rely(res, p.body)
		return
	}
	s.invite.Respond(res)
}

// Accept answers the INVITE with 200 and a description: the answer, or our offer when the INVITE
// made none. It is repeated until the ACK comes (Confirmed). The headers are added to it. It waits for the
// PRACK to a description of ours, and carries none after that (RFC 3262 §3).
func (s *Session) Accept(body string, headers ...sip.Header) {
	if s.state != Incoming || s.rel.holds(body, headers) {
		return
	}
	if !s.keyed {
		s.attach(s.dialog.RemoteTag)
	}
	if s.Described() != "" {
		body = ""
	}
	s.rel.cease()
	stop(&s.repeat)
	stop(&s.expiry)
	s.dialog.State = dialog.Confirmed
	s.state = Answered
	s.succeed(body, headers)
}

// Reject refuses the INVITE with a final response of 300 to 699 and ends the session; "" gives the
// status its usual reason phrase. The headers are added to the response.
func (s *Session) Reject(status int, phrase string, headers ...sip.Header) {
	if s.state != Incoming {
		return
	}
	tx := s.invite
	s.invite = nil
	s.end()
	tx.Refuse(status, phrase, headers...)
}

// onCancel is told of a CANCEL that found the INVITE without a final answer (RFC 3261 §9.2), or, with
// nil, of an INVITE that grew too old and was answered by the endpoint.
func (s *Session) onCancel(cancel *sip.Message) {
	if cancel == nil {
		s.onExpiry()
		return
	}
	if s.state != Incoming {
		return
	}
	s.Reject(487, "")
	s.tell(Gone, cancel, nil)
}

func (s *Session) onExpiry() {
	if s.state != Incoming {
		return
	}
	s.Reject(487, "")
	s.tell(Gone, nil, ErrExpired)
}
