package endpoint

import (
	"context"
	"time"

	"santral/sip"
	"santral/sip/resolve"
	"santral/sip/transaction"
)

// ClientTx is the user's handle of a request of ours. It may be several transactions in turn, one
// for each hop. It belongs to the shard.
type ClientTx struct {
	shard   *Shard
	req     *sip.Message
	to      Next
	h       func(ClientEvent)
	hops    []sip.Hop // still to be tried
	hop     sip.Hop   // the one that is being tried; zero for a flow
	several bool      // there was more than one
	silence *Timer    // the current hop has until then to say something; nil when no other is left
	current *attempt  // nil before the first and after the last
	flow    sip.Flow
	over    bool          // nothing more will be told
	heard   bool          // the peer of this attempt has answered something
	since   time.Duration // when this attempt began
	giveUp  bool          // Cancel was called
	reason  string
}

// Request sends a request and calls h on the shard with what comes of it, never before Request has
// returned. req is the endpoint's from now on: it puts Via on top and adds Max-Forwards where it is
// missing. It must be called on the shard of the request's Call-ID.
func (s *Shard) Request(req *sip.Message, to Next, h func(ClientEvent)) *ClientTx {
	tx := &ClientTx{shard: s, req: req, to: to, h: h}
	if !req.Has(sip.MaxForwards) {
		req.Add(sip.MaxForwards, "70")
	}
	if len(s.clients)-s.lingering >= s.e.cfg.Limits.Clients {
		s.count.Shed.Add(1)
		s.Do(func() { tx.finish(ErrTransport) })
		return tx
	}
	if !to.HasFlow || !tx.begin(to.Flow) {
		tx.search()
	}
	return tx
}

// search goes where the request may go besides its flow: its hops, or those of its URI. It tells of a
// failure later, never at once.
func (tx *ClientTx) search() {
	s, to := tx.shard, tx.to
	tx.to.HasFlow, tx.to.Hops, tx.to.URI = false, nil, sip.URI{} // each is tried once
	switch {
	case len(to.Hops) > 0:
		if !tx.try(to.Hops) {
			s.Do(func() { tx.finish(ErrTransport) })
		}
	case !to.URI.IsZero():
		s.resolve(to.URI, func(hops []sip.Hop) {
			if !tx.over && !tx.try(hops) {
				tx.finish(ErrTransport)
			}
		})
	default:
		s.Do(func() { tx.finish(ErrTransport) })
	}
}

// Request is the request as it was last sent.
func (tx *ClientTx) Request() *sip.Message { return tx.req }

// Flow is the way that the request takes; the zero Flow while its URI is being resolved. When a
// request is sent over TCP for its size alone, it is still the UDP flow.
func (tx *ClientTx) Flow() sip.Flow { return tx.flow }

// Silent reports whether nobody has said anything to the request yet, not even 100, and for how long the
// last place that it can go to has been asked: 0 while there are others that it still goes on to by itself.
func (tx *ClientTx) Silent() (last time.Duration, silent bool) {
	if tx.heard || tx.over {
		return 0, false
	}
	if tx.current == nil || len(tx.hops) > 0 {
		return 0, true
	}
	return tx.shard.now - tx.since, true
}

// Forget ends the telling: h is not called again and let go of. What is on the wire runs its course,
// and copies of responses are absorbed.
func (tx *ClientTx) Forget() {
	tx.over, tx.h = true, nil
	tx.hush()
	if a := tx.current; a != nil {
		a.tx, tx.current = nil, nil
		if a.m.State == transaction.Proceeding && a.m.Kind == transaction.InviteClient {
			a.step(transaction.Cancelled, nil) // nobody waits: it need not live longer than 64·T1
		}
	}
	tx.hops, tx.to = nil, Next{}
}

// Cancel gives an INVITE up: a CANCEL goes out once a provisional response has come (RFC 3261 §9.1).
// What comes of the INVITE is told as always: its 487, or a 2xx that was quicker, or ErrTimeout when
// neither comes within 64·T1. reason is the CANCEL's Reason header, "" for none. Once a final response
// has come, and for other methods, Cancel does nothing.
func (tx *ClientTx) Cancel(reason string) {
	if tx.over || tx.giveUp || tx.req.Method != sip.INVITE {
		return
	}
	tx.giveUp, tx.reason = true, reason
	tx.hops = nil
	tx.hush()
	switch a := tx.current; {
	case a == nil:
		tx.shard.Do(func() { tx.finish(ErrCancelled) })
	case a.m.State == transaction.Proceeding:
		a.sendCancel(reason)
	}
}

// try begins with the first of several hops, those last that did not serve of late.
func (tx *ClientTx) try(hops []sip.Hop) bool {
	s := tx.shard
	ranked, wanted := s.e.suspects.rank(hops, s.now)
	for _, h := range wanted {
		s.probe(h)
	}
	tx.hops, tx.several = ranked, len(hops) > 1
	return tx.next()
}

// next tries the hops in turn until one can be sent to; false when none is left.
func (tx *ClientTx) next() bool {
	for len(tx.hops) > 0 && !tx.giveUp {
		hop := tx.hops[0]
		tx.hops = tx.hops[1:]
		if flow, err := tx.shard.e.cfg.Wire.Way(hop); err == nil && tx.begin(flow) {
			tx.hop = hop
			tx.listen()
			return true
		}
	}
	return false
}

// listen gives the current hop its time to say something, where another one waits (RFC 3263 §4.3: a
// time-out of the transaction would be 64·T1, and nobody holds a phone to the ear so long).
func (tx *ClientTx) listen() {
	tx.hush()
	if d := tx.shard.e.cfg.Silent; d > 0 && len(tx.hops) > 0 {
		tx.silence = tx.shard.After(d, tx.onSilence)
	}
}

func (tx *ClientTx) hush() {
	tx.silence.Stop()
	tx.silence = nil
}

// onSilence leaves a hop that said nothing for the next one. What it says later is for attempt.late.
func (tx *ClientTx) onSilence() {
	a, hop := tx.current, tx.hop
	if a == nil || tx.over || tx.heard {
		return
	}
	a.req = a.req.Clone() // the next attempt changes tx.req
	if tx.moveOn() {
		tx.shard.dead(hop)
		a.leave()
		tx.decided(hop, "says nothing")
	}
}

// begin starts a transaction on a flow.
func (tx *ClientTx) begin(flow sip.Flow) bool {
	s := tx.shard
	if flow.Transport == sip.UnknownTransport {
		return false
	}
	if tx.to.Prepare != nil {
		tx.to.Prepare(tx.req, flow)
	}
	tx.flow, tx.heard, tx.since = flow, false, s.now
	a := s.newAttempt(tx.req, s.newBranch(), flow)
	a.tx, tx.current = tx, a
	a.print()
	if !a.widen() {
		a.start()
	}
	return true
}

// deliver tells the user of a response to the current attempt, or goes on to the next hop when it is
// a 503 and there is one (RFC 3263 §4.3).
func (tx *ClientTx) deliver(m *sip.Message) {
	final := m.Status >= 200
	if tx.several {
		tx.hush()
		if m.Status == 503 {
			tx.shard.crowded(tx.hop, m)
		} else {
			tx.shard.e.suspects.clear(tx.hop)
		}
	}
	if hop := tx.hop; m.Status == 503 && tx.moveOn() {
		tx.decided(hop, "answers 503")
		return
	}
	tx.heard = true
	h := tx.h
	if final && (m.Status >= 300 || tx.req.Method != sip.INVITE) {
		tx.close()
	}
	if h != nil {
		h(ClientEvent{Response: m})
	}
	if !final && tx.giveUp && tx.current != nil {
		tx.current.sendCancel(tx.reason)
	}
}

// fail ends the current attempt without a final response: the next hop's turn, or the end. A flow
// that is gone gives way to what else Next knows.
func (tx *ClientTx) fail(err error) {
	if tx.several && !tx.heard && !tx.giveUp {
		tx.shard.dead(tx.hop)
	}
	if hop := tx.hop; !tx.heard && tx.moveOn() {
		tx.decided(hop, err.Error())
		return
	}
	if err == ErrTransport && tx.to.HasFlow && !tx.heard && !tx.giveUp {
		tx.current.tx, tx.current = nil, nil
		tx.search()
		return
	}
	tx.finish(err)
}

// decided tells the trace that a hop gave way to the one that is being tried now.
func (tx *ClientTx) decided(left sip.Hop, why string) {
	s := tx.shard
	if d, ok := s.e.cfg.Trace.(Decider); ok {
		d.Decided(tx.req.CallID(), left.Addr.String()+" over "+left.Transport.String()+" "+why+": "+tx.hop.Addr.String()+" over "+tx.hop.Transport.String()+" is next", s.e.epoch.Add(s.now))
	}
}

// moveOn goes on to the next hop that can be sent to.
func (tx *ClientTx) moveOn() bool {
	old := tx.current
	if len(tx.hops) == 0 || tx.giveUp || !tx.next() {
		return false
	}
	old.tx = nil
	return true
}

// finish tells the user that there will be no response.
func (tx *ClientTx) finish(err error) {
	if tx.over {
		return
	}
	h := tx.h
	tx.close()
	if h != nil {
		h(ClientEvent{Err: err})
	}
}

// close lets go of everything that telling needed.
func (tx *ClientTx) close() {
	tx.over, tx.h = true, nil
	tx.hush()
	if tx.current != nil {
		tx.current.tx, tx.current = nil, nil
	}
	tx.hops = nil
}

func (s *Shard) newBranch() string {
	return string(s.random.AppendToken(append(make([]byte, 0, 32), transaction.Cookie...), 16))
}

// resolve finds the hops of a URI and gives them to then on the shard: at once, but never before
// resolve has returned, for an address; by the resolver otherwise. No hops mean that it failed.
func (s *Shard) resolve(uri sip.URI, then func([]sip.Hop)) {
	if hop, ok := resolve.Numeric(uri); ok {
		s.Do(func() { then([]sip.Hop{hop}) })
		return
	}
	if s.e.cfg.Resolver == nil || s.resolving >= s.e.cfg.Limits.Resolving {
		s.Do(func() { then(nil) })
		return
	}
	s.resolving++
	go func() {
		ctx, cancel := context.WithTimeout(s.e.ctx, s.e.cfg.Timers.Timeout())
		defer cancel()
		hops, err := s.e.cfg.Resolver.Resolve(ctx, uri)
		if err != nil {
			hops = nil
		}
		s.Do(func() {
			s.resolving--
			then(hops)
		})
	}()
}
