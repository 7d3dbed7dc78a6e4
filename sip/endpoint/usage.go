package endpoint

import "santral/sip"

// Attach gives what comes for a dialog to u, replacing whoever had it. It belongs to the shard of the
// dialog's Call-ID.
func (s *Shard) Attach(d DialogID, u Usage) {
	s.usages[s.e.hash.Dialog(d.CallID, d.LocalTag, d.RemoteTag)] = u
	s.count.Usages.Store(int64(len(s.usages)))
}

// Detach ends Attach: requests for the dialog are then answered 481.
func (s *Shard) Detach(d DialogID) {
	delete(s.usages, s.e.hash.Dialog(d.CallID, d.LocalTag, d.RemoteTag))
	s.count.Usages.Store(int64(len(s.usages)))
}

// Usage gives who has a dialog, or takes what is for our half of it; nil when nobody does.
func (s *Shard) Usage(d DialogID) Usage {
	if u := s.usages[s.e.hash.Dialog(d.CallID, d.LocalTag, d.RemoteTag)]; u != nil {
		return u
	}
	return s.usages[s.e.hash.Dialog(d.CallID, d.LocalTag, "")]
}

// usage finds who has the dialog of an inbound request (RFC 3261 §12.2.2): its To tag is ours, its
// From tag the peer's. A full match goes before one by our tag alone.
func (s *Shard) usage(m *sip.Message) Usage {
	local := m.ToTag()
	if local == "" {
		return nil
	}
	callID := m.CallID()
	if u := s.usages[s.e.hash.Dialog(callID, local, m.FromTag())]; u != nil {
		return u
	}
	return s.usages[s.e.hash.Dialog(callID, local, "")]
}
