package invite

import (
	"errors"
	"slices"
	"time"

	"santral/sip"
	"santral/sip/dialog"
	"santral/sip/endpoint"
)

// ErrLostAck is the end of a session whose 2xx was never acknowledged (RFC 3261 §13.3.1.4).
var ErrLostAck = errors.New("invite: no ACK for our 2xx")

// noACK is what a peer hears that never acknowledged.
const noACK = `SIP;cause=408;text="ACK timeout"`

// unacked is a 2xx of ours that waits for its ACK. Over every transport it is sent again and again,
// because a proxy behind the next hop may use UDP (RFC 3261 §13.3.1.4).
type unacked struct {
	tx    *endpoint.ServerTx
	seq   uint32
	offer bool // the request made no offer, so that our 2xx does and its ACK must answer
	wait  time.Duration
	spent time.Duration
	timer *endpoint.Timer
}

// succeed sends a 200 to the INVITE that waits and begins to wait for the ACK.
func (s *Session) succeed(body string, headers []sip.Header) {
	tx := s.invite
	res := sip.NewResponse(tx.Request(), 200, "")
	res.Headers = append(res.Headers, headers...)
	s.give(res, body)
	s.answerLease(tx.Request(), res)
	if !s.changed {
		dialog.CopyRecordRoute(res, tx.Request())
	}
	seq, _ := tx.Request().CSeq()
	if body != "" {
		s.agree(body, tx.Request().Body)
	}
	s.invite = nil
	s.sent = &unacked{tx: tx, seq: seq.Seq, offer: tx.Request().Body == "" && body != "", wait: s.timers.T1}
	s.chase(tx, false)
	tx.Respond(res)
	s.sent.timer = s.shard.After(s.sent.wait, s.repeatSuccess)
}

// repeatSuccess runs T1, 2·T1, 4·T1 … T2 after the 2xx until 64·T1 have passed; then the dialog
// is there but nobody acknowledged it, and a BYE ends it.
func (s *Session) repeatSuccess() {
	u := s.sent
	if u == nil {
		return
	}
	u.spent += u.wait
	if limit := s.timers.Timeout(); u.spent >= limit {
		told := s.leave
		s.sent = nil
		s.bid(noACK)
		if !told {
			s.tell(Gone, nil, ErrLostAck)
		}
		return
	}
	s.chase(u.tx, true)
	u.tx.Repeat()
	u.wait = min(2*u.wait, s.timers.T2, s.timers.Timeout()-u.spent)
	u.timer = s.shard.After(u.wait, s.repeatSuccess)
}

// chase has a 2xx go to where the peer is now, when its connection has ended or, with again, when it seems to
// hear nothing and has moved: only so does it learn that its ACK is missing.
func (s *Session) chase(tx *endpoint.ServerTx, again bool) {
	from := tx.Flow()
	gone := from.Transport.Stream() && !s.shard.Alive(from)
	if !gone && !again {
		return
	}
	s.moved()
	if to := s.path.Flow; to != from && (gone || s.path.Moved) {
		tx.Follow(to)
	}
}

// Ack is told by the endpoint of an ACK within the dialog.
func (s *Session) Ack(req *sip.Message, flow sip.Flow) {
	u := s.sent
	seq, err := req.CSeq()
	if u == nil || err != nil || seq.Seq != u.seq {
		return // it came again, or it belongs to nothing that we sent
	}
	s.acknowledged(req)
}

// acknowledged ends the repetition of our 2xx. req is nil when the peer showed in another way that
// it has the 2xx.
func (s *Session) acknowledged(req *sip.Message) {
	first := s.state == Answered
	if s.sent.offer && req != nil {
		s.theirs = sumOf(req.Body)
	}
	stop(&s.sent.timer)
	s.sent.tx.Forget()
	s.sent = nil
	if s.leave {
		s.bid(s.reason)
		return
	}
	if first {
		s.state, s.request, s.settled = Established, nil, true
		s.tell(Confirmed, req, nil)
	} else {
		s.tell(Settled, req, nil)
	}
	s.resume()
}

// acked is a 2xx of the peer's and the ACK that answers it whenever it comes again
// (RFC 3261 §13.2.2.4).
type acked struct {
	tag string
	seq uint32
	ack *endpoint.Sent // nil until we know the answer that it must carry
}

func (s *Session) acknowledge(a *acked, d *dialog.Dialog, to endpoint.Next, body string) {
	req := d.Ack(a.seq)
	if s.cfg.UserAgent != "" {
		req.Set(sip.UserAgent, s.cfg.UserAgent)
	}
	s.auth.repeat(req)
	req.SetBody(ContentType, body)
	a.ack = s.shard.Send(req, to)
}

// again answers a repeated 2xx with the same ACK.
func (s *Session) again(a *acked) {
	if a.ack != nil {
		a.ack.Resend()
	}
}

// keep remembers a 2xx to a re-INVITE of ours, or to one that was sent before the session was handed
// over, for as long as it may come again.
func (s *Session) keep(a *acked) {
	s.kept = append(s.kept, a)
	s.shard.After(s.timers.Timeout(), func() {
		s.kept = slices.DeleteFunc(s.kept, func(k *acked) bool { return k == a })
	})
}

// Late is told of a 2xx that no transaction waits for: one to an INVITE that was sent before the session
// was handed over (endpoint.Latecomer).
func (s *Session) Late(res *sip.Message) {
	seq, err := res.CSeq()
	if err != nil {
		return
	}
	for _, a := range s.kept {
		if a.seq == seq.Seq {
			s.again(a)
		}
	}
}

// Answer answers the peer's offer in a provisional answer by the PRACK (Progressed), or in a 2xx by the
// ACK (Accepted, Changed) that it waits for.
func (s *Session) Answer(body string) {
	if n := len(s.owed); n > 0 {
		b := s.owed[n-1]
		s.owed = s.owed[:n-1]
		b.settled, b.ours = true, body
		s.prack(b, body)
		return
	}
	a := s.due
	if a == nil {
		return
	}
	s.due, s.change = nil, nil
	s.agree(body, "")
	s.acknowledge(a, s.dialog, s.next(), body)
	if s.state == Unacked {
		s.state, s.settled = Established, true
	}
	s.resume()
}
