package invite

import (
	"santral/sip"
	"santral/sip/endpoint"
)

// maxText bounds the body of a MESSAGE within the dialog, in octets.
const maxText = 16 << 10

// serveText takes the peer's MESSAGE (RFC 3428 §7). 202 says that it is passed on, which is all that is known.
func (s *Session) serveText(tx *endpoint.ServerTx) {
	req := tx.Request()
	switch {
	case len(req.Body) > maxText:
		tx.Refuse(413, "")
		return
	case req.Body != "" && req.Get(sip.ContentType) == "":
		tx.Refuse(400, "Missing Content-Type")
		return
	}
	tx.Refuse(202, "")
	if !s.leave {
		s.tell(Informed, req, nil)
	}
}

// Text sends a MESSAGE within the dialog. A peer that does not take it does not matter; one that no longer knows
// the dialog is Gone.
func (s *Session) Text(contentType, content string) {
	if s.leave || s.state != Established && s.state != Answered {
		return
	}
	req := s.dialog.Request(sip.MESSAGE)
	req.SetBody(contentType, content)
	known := s.state == Established // before the ACK the peer may not have our 2xx
	s.send(s.dialog, req, s.next(), func(ev endpoint.ClientEvent) {
		if res := ev.Response; res != nil && res.Status == 481 && known {
			s.lost(res, nil)
		}
	})
}
