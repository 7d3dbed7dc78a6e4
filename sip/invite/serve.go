package invite

import (
	"santral/sip"
	"santral/sip/dialog"
	"santral/sip/endpoint"
)

// Serve is told by the endpoint of a request within the dialog.
func (s *Session) Serve(tx *endpoint.ServerTx) {
	req, flow := tx.Request(), tx.Flow()
	d := s.dialog
	if d == nil {
		if b := s.find(req.FromTag()); b != nil {
			d = b.dialog
		}
	}
	if d == nil || s.state == Ended {
		tx.Refuse(481, "")
		return
	}
	if s.cfg.Stranger != nil && s.strange(flow) && !s.cfg.Stranger(s, tx) {
		return
	}
	if !s.inOrder(d, req) {
		tx.Refuse(500, "") // RFC 3261 §12.2.2
		return
	}
	if s.dialog != nil {
		s.path.follow(flow)
	}
	s.hear(req)
	tx.Carry(s.mark)
	switch req.Method {
	case sip.BYE:
		s.serveBye(tx)
	case sip.INVITE:
		s.serveChange(tx)
	case sip.INFO:
		s.serveInfo(tx)
	case sip.OPTIONS: // RFC 3261 §11.2
		tx.Refuse(200, "", sip.Header{Kind: sip.Allow, Value: s.cfg.allow()}, sip.Header{Kind: sip.Accept, Value: ContentType},
			sip.Header{Kind: sip.Supported, Value: s.cfg.Supported})
	case sip.PRACK:
		s.servePRACK(tx)
	case sip.UPDATE:
		s.serveUpdate(d, tx)
	case sip.CANCEL, sip.ACK: // the endpoint's own
	case sip.REFER:
		s.serveRefer(tx)
	case sip.SUBSCRIBE:
		if !s.cfg.Refer {
			tx.Refuse(405, "", sip.Header{Kind: sip.Allow, Value: s.cfg.allow()})
			return
		}
		serveReferSubscribe(tx, s.refers)
	case sip.MESSAGE:
		s.serveText(tx)
	case sip.NOTIFY, sip.REGISTER, sip.PUBLISH:
		tx.Refuse(405, "", sip.Header{Kind: sip.Allow, Value: s.cfg.allow()})
	default:
		tx.Refuse(501, "", sip.Header{Kind: sip.Allow, Value: s.cfg.allow()})
	}
}

// strange reports whether a request by flow came from somewhere else than what the peer sent before. Who
// rings is to be where we rang: what it says now changes what the caller hears.
func (s *Session) strange(flow sip.Flow) bool {
	if s.dialog != nil {
		return s.path.Strange(flow)
	}
	p := s.ahead()
	return p.Strange(flow)
}

func (s *Session) inOrder(d *dialog.Dialog, req *sip.Message) bool {
	seq, err := req.CSeq()
	return err == nil && d.Receive(seq.Seq)
}
