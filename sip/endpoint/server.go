package endpoint

import (
	"net/netip"
	"time"

	"santral/sip"
	"santral/sip/transaction"
)

// served is a server transaction in the shard's tables. It outlives the user's handle: once the
// final answer is given it holds no more than what absorbs copies of the request.
type served struct {
	shard  *Shard
	tx     *ServerTx // nil once the final answer is given
	key    transaction.Key
	merge  transaction.Key
	m      transaction.Machine
	flow   sip.Flow // the way that the request came; the transport finds the response's from it
	callID string
	tag    string // the To tag of our responses
	last   []byte // the last response, for copies of the request
	node   node
	armed  time.Duration // what node is set to
	source netip.Addr    // counted as pending while valid
	merged bool          // it stands in merges

	list         *fifo
	older, newer *served
}

// ServerTx is the user's handle of a request that wants an answer. It belongs to the shard.
type ServerTx struct {
	rec      *served
	req      *sip.Message
	onCancel func(*sip.Message)
	cancel   *sip.Message // the CANCEL that came
	carry    string       // Session-ID of what is answered from now on, "" for none
}

// Shard is where the transaction lives.
func (tx *ServerTx) Shard() *Shard { return tx.rec.shard }

// Request is the request; nobody changes it.
func (tx *ServerTx) Request() *sip.Message { return tx.req }

// Replace puts a request in the place of the one that came: a copy of it with other header fields, but the
// same Via, From, To, Call-ID and CSeq.
func (tx *ServerTx) Replace(req *sip.Message) { tx.req = req }

// Flow is the way that the request came.
func (tx *ServerTx) Flow() sip.Flow { return tx.rec.flow }

// Tag is the To tag that every response of this transaction carries: the request's own where it has
// one, else one that was made for it (RFC 3261 §8.2.6.2). It is the local tag of a dialog begun here.
func (tx *ServerTx) Tag() string { return tx.rec.tag }

// Answered reports whether a final answer was given, so that Respond does no more than repeat a 2xx.
func (tx *ServerTx) Answered() bool { return tx.rec.tx == nil }

// Respond sends a response that NewResponse of sip began. The endpoint adds the To tag and the
// Server header where they are missing, and repeats the response as the transaction demands; a 2xx
// to an INVITE is the user's to repeat, with Respond or Repeat, and a 401 or 407 is sent once and the
// transaction forgotten, as by Challenge. What else comes after a final answer is ignored, and
// so is what RFC 4320 forbids: 1xx and 408 to anything but an INVITE.
func (tx *ServerTx) Respond(res *sip.Message) {
	r := tx.rec
	in := transaction.ResponseInput(res.Status)
	again := r.m.State == transaction.Accepted && in == transaction.Success
	if r.tx == nil && !again || in == transaction.UnknownInput {
		return
	}
	if r.m.Kind == transaction.Server {
		if in == transaction.Provisional {
			return // RFC 4320 §4.1
		}
		if res.Status == 408 {
			r.step(transaction.Expired) // RFC 4320 §4.2
			return
		}
	}
	if tag := res.ToTag(); tag != "" {
		r.tag = tag // the user chose one, and what we answer by ourselves follows
	} else if res.Status > 100 {
		res.SetToTag(r.tag)
	}
	if server := r.shard.e.cfg.Server; server != "" && !res.Has(sip.Server) && !res.Has(sip.UserAgent) {
		res.Add(sip.Server, server)
	}
	if tx.carry != "" {
		res.Set(sip.SessionID, tx.carry)
	}
	r.answer(res.Status, printed(res))
}

// Refuse sends a response without a body; reason "" takes the RFC's phrase.
func (tx *ServerTx) Refuse(status int, reason string, headers ...sip.Header) {
	r := tx.rec
	in := transaction.ResponseInput(status)
	switch {
	case r.tx == nil || in == transaction.UnknownInput:
	case r.m.Kind == transaction.Server && in == transaction.Provisional:
	case r.m.Kind == transaction.Server && status == 408:
		r.step(transaction.Expired)
	default:
		r.answer(status, r.shard.e.appendAnswer(make([]byte, 0, 512), tx.req, status, reason, r.tag, tx.carry, headers))
	}
}

// Challenge sends a final response without a body and forgets the transaction at once: for what
// strangers may cause at will, so that it costs no memory (RFC 3261 §26.3.2.4). A copy of the request
// is then a new request, and an ACK to the response is absorbed.
func (tx *ServerTx) Challenge(status int, reason string, headers ...sip.Header) {
	r := tx.rec
	if r.tx == nil || status < 200 {
		return
	}
	r.once(r.shard.e.appendAnswer(make([]byte, 0, 512), tx.req, status, reason, r.tag, tx.carry, headers))
}

// once sends a final response and forgets the transaction.
func (r *served) once(text []byte) {
	r.shard.send(r.flow, r.callID, text, nil)
	r.shard.drop(r)
}

// carried is the Session-ID of a transaction that waits for its final answer.
func carried(tx *ServerTx) string {
	if tx == nil {
		return ""
	}
	return tx.carry
}

// Repeat sends the 2xx to an INVITE again, the same bytes, while the transaction remembers it: 64·T1.
// The user does so until the ACK comes (RFC 3261 §13.3.1.4). It reports false when there is none.
func (tx *ServerTx) Repeat() bool {
	r := tx.rec
	if r.m.State != transaction.Accepted || r.last == nil {
		return false
	}
	r.shard.send(r.flow, r.callID, r.last, nil)
	return true
}

// Follow has what is sent from now on go by another flow: the peer is there now, and the way that the request
// came may be gone (RFC 3261 §18.2.2 knows only where the peer said that it listens).
func (tx *ServerTx) Follow(flow sip.Flow) { tx.rec.flow = flow }

// Forget lets go of the 2xx that Repeat sends: the ACK has come.
func (tx *ServerTx) Forget() {
	if tx.rec.m.State == transaction.Accepted {
		tx.rec.last = nil
	}
}

// Carry has every response from now on carry a Session-ID, those too that the endpoint gives by itself
// (RFC 7989 §5).
func (tx *ServerTx) Carry(sessionID string) { tx.carry = sessionID }

// OnCancel sets what is called, once, when a CANCEL for the request comes before its final answer,
// at once when it already came. The endpoint has answered the CANCEL; the function answers the
// request with 487 (RFC 3261 §9.2). Without a function the endpoint does that too. cancel is nil when
// the INVITE has grown too old (Limits.Age) and was answered 408.
func (tx *ServerTx) OnCancel(f func(cancel *sip.Message)) {
	tx.onCancel = f
	if tx.cancel != nil && f != nil {
		f(tx.cancel)
	}
}

// serve begins the transaction of a request that has passed every check.
func (s *Shard) serve(in *sip.Inbound, key, merge transaction.Key) *ServerTx {
	r := &served{shard: s, key: key, merge: merge, flow: in.Flow, callID: in.Msg.CallID()}
	r.node.owner = r
	tx := &ServerTx{rec: r, req: in.Msg}
	r.tx = tx
	if r.tag = in.Msg.ToTag(); r.tag == "" {
		r.tag = s.random.Token(13)
		s.merges[merge] = r
		r.merged = true
	}
	if in.Msg.Method == sip.INVITE {
		r.m = transaction.NewInviteServer(&s.e.cfg.Timers, in.Flow.Transport.Stream(), s.now)
		// No half-open INVITE lives for ever, whatever its user forgets.
		r.m.Until = s.now + s.e.cfg.Limits.Age
	} else {
		r.m = transaction.NewServer(&s.e.cfg.Timers, in.Flow.Transport.Stream(), s.now)
	}
	s.servers[key] = r
	s.count.Servers.Add(1)
	s.pending++
	r.source = sourceOf(in.Flow)
	s.sources[r.source]++
	r.arm()
	return tx
}

// sourceOf is whom a request counts for: an address, or an IPv6 subscriber's /64.
func sourceOf(f sip.Flow) netip.Addr {
	a := f.Remote.Addr().Unmap().WithZone("")
	if a.Is6() {
		p, _ := a.Prefix(64)
		return p.Addr()
	}
	return a
}

// answer gives the machine a response of the user's, printed in text. A challenge keeps no state,
// whoever makes it (RFC 3261 §26.3.2.4).
func (r *served) answer(status int, text []byte) {
	if status == 401 || status == 407 {
		r.once(text)
		return
	}
	r.last = text
	r.step(transaction.ResponseInput(status))
}

// step moves the machine and does what it says.
func (r *served) step(in transaction.Input) {
	s := r.shard
	was := r.m.State
	m, act := r.m.Step(&s.e.cfg.Timers, in, s.now)
	r.m = m
	if act.Has(transaction.SendTrying) {
		r.last = s.e.appendAnswer(make([]byte, 0, 384), r.tx.req, 100, "", "", r.tx.carry, nil)
		act |= transaction.SendResponse
	}
	if act.Has(transaction.SendResponse) && r.last != nil {
		s.send(r.flow, r.callID, r.last, r.failure())
	}
	if act.Has(transaction.FailTimeout) {
		s.count.Timeouts.Add(1)
	}
	if m.State == was && m.State != transaction.Terminated {
		r.arm()
		return
	}
	r.settle()
}

// failure is what the writer calls when a response could not be sent. A datagram's failure tells
// nothing that a timer would not.
func (r *served) failure() func(error) {
	if !r.flow.Transport.Stream() {
		return nil
	}
	return func(error) {
		r.shard.Do(func() {
			r.shard.count.Unsent.Add(1)
			if r.m.State != transaction.Terminated {
				r.step(transaction.Unsent)
			}
		})
	}
}

// settle follows a change of state: an answered transaction stops being pending, lets go of its
// request and takes its place among those that may be forgotten early.
func (r *served) settle() {
	s := r.shard
	switch r.m.State {
	case transaction.Proceeding:
		r.arm()
	case transaction.Terminated:
		s.drop(r)
	default:
		r.release()
		if r.list != nil {
			r.list.remove(r)
		}
		list, limit := &s.settled, s.e.cfg.Limits.Answered
		if r.m.State == transaction.Completed && r.m.Kind == transaction.InviteServer {
			list, limit = &s.unacked, s.e.cfg.Limits.Unacked
		}
		if r.m.State == transaction.Confirmed {
			r.last = nil
		}
		list.push(r)
		r.arm()
		if list.n > limit {
			s.count.Evicted.Add(1)
			s.drop(list.first)
		}
	}
}

// release ends the pending part: the user's handle stays valid, but the table lets go of it.
func (r *served) release() {
	if r.tx == nil {
		return
	}
	s := r.shard
	r.tx = nil
	own := r.callID + r.tag // so that the request's text is not held on to
	r.callID, r.tag = own[:len(r.callID)], own[len(r.callID):]
	s.pending--
	if s.sources[r.source]--; s.sources[r.source] <= 0 {
		delete(s.sources, r.source)
	}
}

// drop forgets a transaction.
func (s *Shard) drop(r *served) {
	r.release()
	r.m.State = transaction.Terminated
	s.wheel.remove(&r.node)
	if r.list != nil {
		r.list.remove(r)
	}
	if s.servers[r.key] == r {
		delete(s.servers, r.key)
		s.count.Servers.Add(-1)
	}
	if r.merged && s.merges[r.merge] == r {
		delete(s.merges, r.merge)
	}
	r.last = nil
}

// arm sets the one timer to what the machine waits for.
func (r *served) arm() {
	if at, ok := r.m.Next(); ok {
		if at != r.armed || !r.node.set() {
			r.armed = at
			r.shard.set(&r.node, at)
		}
	} else {
		r.shard.wheel.remove(&r.node)
	}
}

func (r *served) expire() {
	s := r.shard
	if tx := r.tx; tx != nil && r.m.Kind == transaction.InviteServer && s.now >= r.m.Until {
		s.count.Timeouts.Add(1)
		tx.Refuse(408, "")
		if tx.onCancel != nil {
			tx.onCancel(nil)
		}
		return
	}
	r.step(transaction.Due)
}

// fifo is a list of server transactions, oldest first. A transaction is in one at most.
type fifo struct {
	first, last *served
	n           int
}

func (l *fifo) push(r *served) {
	r.list, r.older = l, l.last
	if l.last != nil {
		l.last.newer = r
	} else {
		l.first = r
	}
	l.last = r
	l.n++
}

func (l *fifo) remove(r *served) {
	if r.older != nil {
		r.older.newer = r.newer
	} else {
		l.first = r.newer
	}
	if r.newer != nil {
		r.newer.older = r.older
	} else {
		l.last = r.older
	}
	r.list, r.older, r.newer = nil, nil, nil
	l.n--
}
