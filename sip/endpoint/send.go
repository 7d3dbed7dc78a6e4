package endpoint

import (
	"santral/sip"
)

// Sent is a request that was sent without a transaction: the ACK to a 2xx (RFC 3261 §13.2.2.4).
type Sent struct {
	shard  *Shard
	req    *sip.Message
	branch string
	callID string
	flow   sip.Flow
	text   []byte
}

// Send sends a request that nobody answers, once; Resend sends it again. req is the endpoint's from
// now on: it puts Via on top and adds Max-Forwards where it is missing. It must be called on the
// shard of the request's Call-ID. Of several hops the first that can be sent to is taken.
func (s *Shard) Send(req *sip.Message, to Next) *Sent {
	if !req.Has(sip.MaxForwards) {
		req.Add(sip.MaxForwards, "70")
	}
	t := &Sent{shard: s, req: req, branch: s.newBranch(), callID: req.CallID()}
	switch {
	case to.HasFlow:
		t.take(to.Flow)
	case len(to.Hops) > 0:
		t.choose(to.Hops)
	default:
		s.resolve(to.URI, t.choose)
	}
	return t
}

// Resend sends the same bytes on the same way. Before the way is known it does nothing.
func (t *Sent) Resend() {
	if t.text != nil {
		t.shard.send(t.flow, t.callID, t.text, t.failure())
	}
}

func (t *Sent) choose(hops []sip.Hop) {
	ranked, _ := t.shard.e.suspects.rank(hops, t.shard.now)
	for _, hop := range ranked {
		if flow, err := t.shard.e.cfg.Wire.Way(hop); err == nil {
			t.take(flow)
			return
		}
	}
	t.shard.count.Unsent.Add(1)
}

// take prints the request for a way and sends it. One too large for UDP goes over TCP where the peer
// takes it, else over UDP after all (RFC 3261 §18.1.1).
func (t *Sent) take(flow sip.Flow) {
	s := t.shard
	t.print(flow)
	if flow.Transport == sip.UDP && len(t.text) > wide && s.now >= s.deaf[flow.Remote] {
		if wider, err := s.e.cfg.Wire.Way(sip.Hop{Transport: sip.TCP, Addr: flow.Remote}); err == nil {
			t.print(wider)
			s.send(wider, t.callID, t.text, func(error) {
				s.Do(func() {
					t.print(flow)
					t.Resend()
				})
			})
			return
		}
	}
	t.req = nil // its text is enough from now on
	t.Resend()
}

func (t *Sent) print(flow sip.Flow) {
	t.flow = flow
	putVia(t.req, t.shard.via(flow, t.branch))
	t.text = printed(t.req)
}

func (t *Sent) failure() func(error) {
	if !t.flow.Transport.Stream() {
		return nil
	}
	s := t.shard
	return func(error) { s.Do(func() { s.count.Unsent.Add(1) }) }
}
