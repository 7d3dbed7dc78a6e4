package endpoint

import (
	"errors"
	"time"

	"santral/base/vnet"
	"santral/sip"
	"santral/sip/transaction"
)

// The size above which a request over UDP goes over TCP (RFC 3261 §18.1.1). A peer whose TCP does not
// answer is not tried again for a while, so that not every call waits for the second that the writer
// gives it.
const (
	wide    = 1300
	deafFor = 5 * time.Minute
	maxDeaf = 1024
)

// attempt is a client transaction in the shard's tables: one request on one way. Like served it
// outlives its user.
type attempt struct {
	shard  *Shard
	tx     *ClientTx // nil when nobody listens
	key    transaction.Key
	m      transaction.Machine
	method sip.Method
	branch string
	callID string
	uri    string
	flow   sip.Flow
	req    *sip.Message // until the final response
	text   []byte       // the request, for repetitions
	ack    []byte       // the ACK to a refusal, for repetitions
	node   node
	armed  time.Duration // what node is set to
	serial int           // counts the ways that were taken, so that an old way's failure does not count
	failed func(error)   // what the writer calls for the current serial

	narrow    sip.Flow // the UDP flow that the request left for its size; zero when there is no way back
	cancelled bool
	lingers   bool  // answered, and here only to absorb copies
	left      *left // it was silent, and another hop has its place; nil otherwise
}

func (s *Shard) newAttempt(req *sip.Message, branch string, flow sip.Flow) *attempt {
	a := &attempt{shard: s, req: req, method: req.Method, branch: branch, callID: req.CallID(), uri: req.RequestURI, flow: flow}
	a.node.owner = a
	a.key = s.e.hash.Client(branch, req.Method)
	s.clients[a.key] = a
	s.count.Clients.Add(1)
	return a
}

// via is the value of the topmost Via for this way (RFC 3261 §18.1.1, RFC 3581 §3).
func (a *attempt) via() string { return a.shard.via(a.flow, a.branch) }

func (s *Shard) via(flow sip.Flow, branch string) string {
	b := append(make([]byte, 0, 96), "SIP/2.0/"...)
	b = append(b, flow.Transport.String()...)
	b = append(b, ' ')
	b = s.e.cfg.Wire.SentBy(flow).Append(b)
	b = append(b, ";branch="...)
	b = append(b, branch...)
	if flow.Transport == sip.UDP {
		b = append(b, ";rport"...)
	}
	return string(b)
}

// print puts our Via on top of the request and prints it.
func (a *attempt) print() {
	putVia(a.req, a.via())
	a.text = printed(a.req)
}

func putVia(req *sip.Message, via string) {
	if len(req.Headers) > 0 && req.Headers[0].Kind == sip.ViaKind {
		req.Headers[0].Value = via
		return
	}
	req.Prepend(sip.ViaKind, via)
}

func printed(m *sip.Message) []byte {
	n := 128 + len(m.RequestURI) + len(m.Body)
	for i := range m.Headers {
		n += len(m.Headers[i].Name) + len(m.Headers[i].Value) + 4
	}
	return m.Append(make([]byte, 0, n))
}

// start begins the machine and sends the request.
func (a *attempt) start() {
	begin := transaction.NewClient
	if a.method == sip.INVITE {
		begin = transaction.NewInviteClient
	}
	a.m, _ = begin(&a.shard.e.cfg.Timers, a.flow.Transport.Stream(), a.shard.now)
	a.send(a.text)
	a.arm()
}

func (a *attempt) send(text []byte) {
	if a.failed == nil {
		s, serial := a.shard, a.serial
		a.failed = func(err error) {
			if errors.Is(err, vnet.ErrFull) {
				return // a lost datagram like any other
			}
			s.Do(func() { a.unsent(serial) })
		}
	}
	a.shard.send(a.flow, a.callID, text, a.failed)
}

// unsent takes the writer's word that a message could not be sent.
func (a *attempt) unsent(serial int) {
	if serial != a.serial || a.m.State == transaction.Terminated {
		return
	}
	a.shard.count.Unsent.Add(1)
	if a.narrow != (sip.Flow{}) && a.left == nil {
		a.fallBack()
		return
	}
	a.step(transaction.Unsent, nil)
}

// widen moves a request that is too large for UDP to TCP, when the peer can be asked there, and
// starts it. The transaction stays the same: only the Via's transport changes.
func (a *attempt) widen() bool {
	s := a.shard
	if a.flow.Transport != sip.UDP || len(a.text) <= wide {
		return false
	}
	if until, ok := s.deaf[a.flow.Remote]; ok {
		if s.now < until {
			return false
		}
		delete(s.deaf, a.flow.Remote)
	}
	flow, err := s.e.cfg.Wire.Way(sip.Hop{Transport: sip.TCP, Addr: a.flow.Remote})
	if err != nil {
		return false
	}
	a.narrow, a.flow = a.flow, flow
	a.print()
	a.start()
	return true
}

// fallBack goes on over UDP after TCP did not connect.
func (a *attempt) fallBack() {
	s := a.shard
	if len(s.deaf) >= maxDeaf {
		clear(s.deaf)
	}
	s.deaf[a.narrow.Remote] = s.now + deafFor
	a.flow, a.narrow = a.narrow, sip.Flow{}
	a.serial++
	a.failed = nil
	a.print()
	a.start()
	if a.tx != nil {
		a.tx.since = s.now
	}
	if a.tx != nil && a.tx.silence != nil {
		a.tx.listen() // the hop itself has not been asked until now
	}
}

// respond gives the machine a response.
func (a *attempt) respond(m *sip.Message) {
	if a.narrow != (sip.Flow{}) {
		a.narrow = sip.Flow{} // whatever carries the answer is good
	}
	a.step(transaction.ResponseInput(m.Status), m)
}

// step moves the machine and does what it says; m is the response where in is one.
func (a *attempt) step(in transaction.Input, m *sip.Message) {
	s := a.shard
	next, act := a.m.Step(&s.e.cfg.Timers, in, s.now)
	a.m = next
	if a.left != nil && act.Has(transaction.Deliver) {
		a.late(m)
		next = a.m
	}
	if next.State == transaction.Proceeding && next.Kind == transaction.InviteClient && next.Until == 0 {
		a.m.Until = s.now + s.e.cfg.Limits.Age // however long it rings, not for ever
	}
	if act.Has(transaction.SendRequest) {
		a.send(a.text)
	}
	if act.Has(transaction.SendAck) {
		if a.ack == nil && a.req != nil {
			a.ack = a.acknowledge(m)
		}
		if a.ack != nil {
			a.send(a.ack)
		}
	}
	switch next.State {
	case transaction.Terminated:
		s.forget(a)
	case transaction.Completed, transaction.Accepted:
		a.text, a.req = nil, nil
		a.linger()
	default:
		a.arm()
	}
	tx := a.tx
	switch {
	case tx == nil:
	case act.Has(transaction.Deliver):
		tx.deliver(m)
	case act.Has(transaction.FailTransport):
		tx.fail(ErrTransport)
	case act.Has(transaction.FailTimeout):
		s.count.Timeouts.Add(1)
		tx.fail(ErrTimeout)
	case next.State == transaction.Terminated:
		tx.close() // an answered INVITE's time is over
	}
}

// linger keeps an answered attempt for the copies of its response, as long as there are not too many.
func (a *attempt) linger() {
	s := a.shard
	if !a.lingers {
		if s.lingering >= s.e.cfg.Limits.Answered {
			s.count.Evicted.Add(1)
			s.forget(a)
			return
		}
		a.lingers = true
		s.lingering++
	}
	a.arm()
}

func (a *attempt) expire() { a.step(transaction.Due, nil) }

func (a *attempt) arm() {
	if at, ok := a.m.Next(); ok {
		if at != a.armed || !a.node.set() {
			a.armed = at
			a.shard.set(&a.node, at)
		}
	} else {
		a.shard.wheel.remove(&a.node)
	}
}

// forget takes an attempt out of the tables.
func (s *Shard) forget(a *attempt) {
	a.m.State = transaction.Terminated
	s.wheel.remove(&a.node)
	if s.clients[a.key] == a {
		delete(s.clients, a.key)
		s.count.Clients.Add(-1)
		if a.lingers {
			s.lingering--
		}
	}
	a.text, a.ack = nil, nil
}

// acknowledge builds the ACK to a refusal (RFC 3261 §17.1.1.3): it goes where the INVITE went, with
// the INVITE's branch and Routes and the response's To.
func (a *attempt) acknowledge(res *sip.Message) []byte {
	ack := a.companion(sip.ACK)
	ack.Set(sip.To, res.Get(sip.To))
	return printed(ack)
}

// companion begins the ACK or CANCEL of an INVITE.
func (a *attempt) companion(method sip.Method) *sip.Message {
	m := sip.NewRequest(method, a.uri)
	m.Add(sip.ViaKind, a.via())
	for i := range a.req.Headers {
		switch h := a.req.Headers[i]; h.Kind {
		case sip.From, sip.To, sip.CallID, sip.Route, sip.SessionID:
			m.Add(h.Kind, h.Value)
		case sip.CSeqKind:
			cseq, _ := sip.ParseCSeq(h.Value)
			cseq.Method = method
			m.Add(sip.CSeqKind, cseq.String())
		}
	}
	m.Add(sip.MaxForwards, "70")
	return m
}

// sendCancel sends the CANCEL of an INVITE as a transaction of its own (RFC 3261 §9.1).
func (a *attempt) sendCancel(reason string) {
	if a.cancelled || a.m.State != transaction.Proceeding {
		return
	}
	a.cancelled = true
	m := a.companion(sip.CANCEL)
	if reason != "" {
		m.Add(sip.ReasonKind, reason) // RFC 3326 §2
	}
	c := a.shard.newAttempt(m, a.branch, a.flow)
	c.text = printed(m)
	c.start()
	a.step(transaction.Cancelled, nil)
}
