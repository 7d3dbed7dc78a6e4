package endpoint

import (
	"strings"

	"santral/sip"
	"santral/sip/transaction"
)

// begins reports whether a message may be shed when the shard is far behind: a request that would
// begin something new. What belongs to calls that are up is never shed here.
func begins(in sip.Inbound) bool {
	m := in.Msg
	switch {
	case in.Err != nil || m == nil:
		return true
	case !m.IsRequest() || m.Method == sip.ACK || m.Method == sip.CANCEL:
		return false
	}
	return m.ToTag() == ""
}

// receive takes one message from the wire.
func (s *Shard) receive(in *sip.Inbound) {
	s.load.handled++
	if s.load.watches() && s.tooMuch(in) {
		return
	}
	if s.e.cfg.Trace != nil {
		s.e.cfg.Trace.Received(*in, s.e.epoch.Add(s.now))
	}
	switch {
	case in.Err != nil:
		s.malformed(in)
	case in.Msg.IsRequest():
		s.count.Requests.Add(1)
		s.request(in)
	default:
		s.count.Responses.Add(1)
		s.response(in)
	}
}

// malformed answers what could not be parsed with the status that it deserves, keeping no state. A
// response, an ACK and what has no Via to answer to get nothing (RFC 3261 §8.1.3.3, RFC 3261 §17).
func (s *Shard) malformed(in *sip.Inbound) {
	s.count.Malformed.Add(1)
	status := sip.ParseStatusOf(in.Err)
	if status == 0 || in.Msg == nil || !in.Msg.IsRequest() || in.Msg.Method == sip.ACK || !in.Msg.Has(sip.ViaKind) {
		s.count.Dropped.Add(1)
		return
	}
	reason := ""
	if p, ok := in.Err.(*sip.ParseError); ok {
		reason = p.Text
	}
	s.refuse(in, status, reason)
}

// request finds what a well-formed request belongs to.
func (s *Shard) request(in *sip.Inbound) {
	m := in.Msg
	method := m.Method
	if method == sip.CANCEL || method == sip.ACK {
		method = sip.INVITE
	}
	key, marked := s.e.hash.Server(m, method)
	r := s.servers[key]
	switch {
	case m.Method == sip.ACK:
		s.ack(in, r, marked)
	case m.Method == sip.CANCEL:
		s.cancel(in, r)
	case r != nil:
		s.count.Copies.Add(1)
		r.step(transaction.Again)
	default:
		s.fresh(in, key)
	}
}

// ack takes an ACK: to a refusal it belongs to the transaction (RFC 3261 §17.2.1), to a 2xx it
// belongs to the dialog (RFC 3261 §13.3.1.4). It is never answered.
func (s *Shard) ack(in *sip.Inbound, r *served, marked bool) {
	m := in.Msg
	if r != nil && r.m.State != transaction.Accepted {
		if r.m.State == transaction.Completed && (marked || m.ToTag() == r.tag) {
			r.step(transaction.Ack)
		}
		return
	}
	if u := s.usage(m); u != nil {
		u.Ack(m, in.Flow)
		return
	}
	s.count.Stray.Add(1) // to a refusal that kept no state, or too late
}

// cancel answers a CANCEL and tells the user of its INVITE (RFC 3261 §9.2). It needs no transaction
// of its own: a copy finds the INVITE as it is and gets the same answer.
func (s *Shard) cancel(in *sip.Inbound, r *served) {
	if r == nil || sourceOf(in.Flow) != sourceOf(r.flow) {
		// A CANCEL comes from whom the INVITE came from; a stranger who has seen the branch is told
		// what one who guesses is told.
		s.count.Lost.Add(1)
		s.refuse(in, 481, "")
		return
	}
	text := s.e.appendAnswer(make([]byte, 0, 384), in.Msg, 200, "", r.tag, carried(r.tx), nil)
	s.send(in.Flow, in.Msg.CallID(), text, nil)
	tx := r.tx
	if tx == nil || tx.cancel != nil {
		return
	}
	tx.cancel = in.Msg
	if tx.onCancel != nil {
		tx.onCancel(in.Msg)
	} else {
		tx.Refuse(487, "")
	}
}

// fresh takes a request that is new to us, in the order of RFC 3261 §8.2. What is refused here costs
// no state.
func (s *Shard) fresh(in *sip.Inbound, key transaction.Key) {
	m := in.Msg
	cseq, err := m.CSeq()
	if err != nil || cseq.Method != m.Method {
		s.refuse(in, 400, "")
		return
	}
	tag := m.ToTag()
	inDialog := tag != "" && m.Method != sip.REGISTER
	if !s.inspect(in, inDialog) {
		return
	}
	if inDialog {
		u := s.usage(m)
		if u == nil {
			s.count.Lost.Add(1)
			s.refuse(in, 481, "")
			return
		}
		s.serving = s.serve(in, key, transaction.Key{})
		u.Serve(s.serving)
		s.serving = nil
		return
	}
	merge := s.e.hash.Merge(m, cseq)
	if s.merges[merge] != nil { // RFC 3261 §8.2.2.2
		s.count.Merged.Add(1)
		s.refuse(in, 482, "")
		return
	}
	if s.looped(in) {
		s.count.Looped.Add(1)
		s.refuse(in, 482, "")
		return
	}
	limits := &s.e.cfg.Limits
	if s.pending >= limits.Pending || s.sources[sourceOf(in.Flow)] >= int32(limits.PerSource) && !limits.Exempt(in.Flow.Remote.Addr()) {
		s.count.Shed.Add(1)
		s.refuse(in, 503, "", sip.Header{Kind: sip.RetryAfter, Value: "5"})
		return
	}
	if gate := s.e.cfg.Gate; gate != nil && !m.Has(sip.Authorization) && !m.Has(sip.ProxyAuthorization) {
		switch v := gate(*in); {
		case v.Drop:
			s.count.Dropped.Add(1)
			return
		case v.Status != 0:
			s.refuse(in, v.Status, v.Reason, v.Headers...)
			return
		}
	}
	s.serving = s.serve(in, key, merge)
	s.e.cfg.User.Serve(s, s.serving)
	s.serving = nil
}

// looped reports whether a request is one of our own that came back unchanged: one of its lower Vias
// is that of a client transaction of ours with the same Request-URI (RFC 3261 §16.3 item 4).
func (s *Shard) looped(in *sip.Inbound) bool {
	if len(s.clients) == 0 || !several(in.Msg) {
		return false
	}
	first := true
	for via := range in.Msg.Vias() {
		if first {
			first = false
			continue
		}
		if a := s.clients[s.e.hash.Client(via.Branch(), in.Msg.Method)]; a != nil && a.uri == in.Msg.RequestURI {
			return true
		}
	}
	return false
}

// response finds the client transaction of a response (RFC 3261 §17.1.3). One with more than one Via
// was not meant for us (RFC 3261 §8.1.3.3); one without a transaction is dropped (RFC 3261 §18.1.2),
// but for a 2xx to an INVITE that a dialog still knows.
func (s *Shard) response(in *sip.Inbound) {
	m := in.Msg
	cseq, err := m.CSeq()
	if err != nil || several(m) {
		s.count.Dropped.Add(1)
		return
	}
	_, branch := transaction.TopVia(m)
	a := s.clients[s.e.hash.Client(branch, cseq.Method)]
	late := (a == nil || a.tx == nil) && cseq.Method == sip.INVITE && m.Status >= 200 && m.Status < 300 && s.late(m)
	switch {
	case a != nil:
		a.respond(m)
	case !late:
		s.count.Stray.Add(1)
	}
}

// late gives a 2xx to an INVITE that nobody waits for any more to the usage of its dialog: its From tag is
// ours. It reports whether there is one that wants it.
func (s *Shard) late(m *sip.Message) bool {
	u, ok := s.usages[s.e.hash.Dialog(m.CallID(), m.FromTag(), m.ToTag())].(Latecomer)
	if ok {
		u.Late(m)
	}
	return ok
}

// several reports whether a message has more than one Via value. Only a comma needs a closer look.
func several(m *sip.Message) bool {
	lines := 0
	for i := range m.Headers {
		h := &m.Headers[i]
		if h.Kind != sip.ViaKind {
			continue
		}
		if lines++; strings.IndexByte(h.Value, ',') >= 0 {
			values := 0
			for range m.Vias() {
				values++
			}
			return values > 1
		}
	}
	return lines > 1
}
