package invite

import (
	"errors"
	"strconv"
	"time"

	"santral/sip"
	"santral/sip/endpoint"
)

// ErrLostPRACK is the end of a session whose provisional answer was never acknowledged (RFC 3262 §3).
var ErrLostPRACK = errors.New("invite: no PRACK for our provisional answer")

// maxProvisionals bounds the provisional answers that wait for the PRACK to an earlier one.
const maxProvisionals = 8

// reliable is our half of provisional answers that are acknowledged.
type reliable struct {
	seq       uint32     // RSeq of the last one
	wait      *unpracked // not acknowledged yet
	queue     []provisional
	accept    *provisional // our 200, which waits too
	described string       // the description that one of them carried
}

// unpracked is a provisional answer of ours that waits for its PRACK.
type unpracked struct {
	res   *sip.Message
	body  bool
	wait  time.Duration
	spent time.Duration
	timer *endpoint.Timer
}

// reliably decides whether a provisional answer is to be acknowledged: where the peer demands it, and
// where it can and the answer describes a session, as only that is worth the way.
func (s *Session) reliably(body string) bool {
	switch {
	case s.can.demands:
		return true
	case !s.can.reliable || s.cfg.Reliable == ReliableOff:
		return false
	}
	return body != "" || s.cfg.Reliable == ReliableRequired
}

// Reliable reports whether the peer, which called us, acknowledges provisional answers: one of them may
// then make an offer.
func (s *Session) Reliable() bool { return s.can.reliable && s.cfg.Reliable != ReliableOff }

// Described gives the description of ours that the peer acknowledges, "" for none. No other answer to its
// INVITE carries one then (RFC 6337 §3.1.1): what changes is told by Modify.
func (s *Session) Described() string {
	if s.rel == nil {
		return ""
	}
	return s.rel.described
}

// push keeps a provisional answer for later. One more than can be kept says nothing that is worth it.
func (r *reliable) push(p provisional) {
	if len(r.queue) < maxProvisionals {
		r.queue = append(r.queue, p)
	}
}

// rely sends a provisional answer until its PRACK comes.
func (s *Session) rely(res *sip.Message, body string) {
	if s.rel == nil {
		s.rel = &reliable{seq: uint32(s.shard.Random().Uint64() % (1<<31 - 1))} // RFC 3262 §3
	}
	r := s.rel
	r.seq++
	if body != "" {
		r.described = body
		s.agree(body, s.request.Body)
	}
	res.Add(sip.Require, reliably)
	res.Set(sip.RSeq, strconv.FormatUint(uint64(r.seq), 10))
	r.wait = &unpracked{res: res, body: body != "", wait: s.timers.T1}
	s.invite.Respond(res)
	r.wait.timer = s.shard.After(r.wait.wait, s.repeatReliable)
}

// repeatReliable runs T1, 2·T1, 4·T1 … after a reliable answer until 64·T1 have passed; then the call
// fails (RFC 3262 §3).
func (s *Session) repeatReliable() {
	if s.rel == nil || s.rel.wait == nil || s.state != Incoming {
		return
	}
	u := s.rel.wait
	u.spent += u.wait
	if u.spent >= s.timers.Timeout() {
		s.Reject(504, "")
		s.tell(Gone, nil, ErrLostPRACK)
		return
	}
	s.invite.Respond(u.res)
	u.wait = min(2*u.wait, s.timers.Timeout()-u.spent)
	u.timer = s.shard.After(u.wait, s.repeatReliable)
}

// remind repeats a provisional answer after a minute. One that was acknowledged is said again as a new
// one, without its description.
func (s *Session) remind(p provisional) {
	if s.state != Incoming {
		return
	}
	if s.rel != nil && s.rel.wait != nil {
		s.repeat = s.shard.After(refresh, func() { s.remind(p) })
		return
	}
	s.provide(p)
}

// holds keeps a 200 back while a description of ours is not acknowledged (RFC 3262 §3). What else
// waits to be said before it is void.
func (r *reliable) holds(body string, headers []sip.Header) bool {
	if r == nil {
		return false
	}
	r.queue = nil
	if r.accept != nil {
		return true
	}
	if r.wait == nil || !r.wait.body {
		return false
	}
	r.accept = &provisional{200, body, headers}
	return true
}

// cease ends the repetition of what a final answer overtakes. Its PRACK may still come.
func (r *reliable) cease() {
	if r != nil && r.wait != nil {
		stop(&r.wait.timer)
	}
}

// hush gives up all that was to be said before the end.
func (s *Session) hush() {
	if s.rel != nil {
		s.rel.cease()
		s.rel.queue, s.rel.accept = nil, nil
	}
}

// servePRACK takes the peer's PRACK (RFC 3262 §3). One that brings an offer waits for AcceptChange.
func (s *Session) servePRACK(tx *endpoint.ServerTx) {
	req := tx.Request()
	ack, err := sip.ParseRAck(req.Get(sip.RAckKind))
	r := s.rel
	if err != nil || r == nil || r.wait == nil || ack.RSeq != r.seq || ack.Method != sip.INVITE || !s.answers(r.wait.res, ack.Seq) {
		tx.Refuse(481, "")
		return
	}
	u := r.wait
	stop(&u.timer)
	r.wait = nil
	first := u.body && !s.settled
	answer := first && s.request.Body == "" // to the offer that we made
	s.settled = s.settled || first
	if req.Body != "" && !answer && s.settled && s.change == nil && s.asked == nil && s.sent == nil && !s.leave {
		s.asked, s.askedIn = tx, s.dialog // RFC 3262 §5: an offer
	} else {
		ok(tx)
	}
	if answer {
		s.theirs = sumOf(req.Body)
	}
	if first {
		s.tell(Acknowledged, req, nil)
	}
	if s.asked == tx {
		s.tell(Offered, req, nil)
	}
	s.unqueue()
}

// answers reports whether a response of ours answers the request of that number.
func (s *Session) answers(res *sip.Message, number uint32) bool {
	seq, err := res.CSeq()
	return err == nil && seq.Seq == number
}

// unqueue says what waited for a PRACK.
func (s *Session) unqueue() {
	r := s.rel
	if s.state != Incoming || r.wait != nil {
		return
	}
	if a := r.accept; a != nil {
		r.accept = nil
		s.Accept(a.body, a.headers...)
		return
	}
	for len(r.queue) > 0 && r.wait == nil {
		p := r.queue[0]
		r.queue = r.queue[1:]
		s.provide(p)
	}
}
