package endpoint

import (
	"strconv"

	"santral/sip"
)

// refuse answers a request without keeping any state. Copies of the request get the same answer with
// the same tag (RFC 3261 §8.2.7).
func (s *Shard) refuse(in *sip.Inbound, status int, reason string, headers ...sip.Header) {
	s.count.Refused.Add(1)
	text := s.e.appendAnswer(make([]byte, 0, 512), in.Msg, status, reason, s.e.statelessTag(in.Msg), "", headers)
	s.send(in.Flow, in.Msg.CallID(), text, nil)
}

// statelessTag gives a To tag that is always the same for the same request and nobody can guess.
func (e *Endpoint) statelessTag(m *sip.Message) string {
	key, _ := e.hash.Server(m, m.Method)
	return strconv.FormatUint(key.Hi, 36)
}

// appendAnswer prints a response without a body: the request's Vias, From, To, Call-ID and CSeq as
// they stand (RFC 3261 §8.2.6.2), tag added to a To that has none, a Session-ID that is not "", then
// headers.
func (e *Endpoint) appendAnswer(dst []byte, req *sip.Message, status int, reason, tag, sessionID string, headers []sip.Header) []byte {
	if reason == "" {
		reason = sip.ReasonText(status)
	}
	dst = append(dst, "SIP/2.0 "...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, ' ')
	dst = appendSafe(dst, reason)
	dst = append(dst, "\r\n"...)
	var from, to, callID, cseq bool // a refused request may have two of them
	for i := range req.Headers {
		h := &req.Headers[i]
		switch {
		case h.Kind == sip.ViaKind, status == 100 && h.Kind == sip.Timestamp:
		case h.Kind == sip.From && !from:
			from = true
		case h.Kind == sip.To && !to:
			to = true
		case h.Kind == sip.CallID && !callID:
			callID = true
		case h.Kind == sip.CSeqKind && !cseq:
			cseq = true
		default:
			continue
		}
		dst = append(dst, h.Kind.String()...)
		dst = append(dst, ": "...)
		dst = appendSafe(dst, h.Value)
		if h.Kind == sip.To && status > 100 && tag != "" && req.ToTag() == "" {
			dst = append(dst, ";tag="...)
			dst = append(dst, tag...)
		}
		dst = append(dst, "\r\n"...)
	}
	for i := range headers {
		h := &headers[i]
		switch h.Kind {
		case sip.ViaKind, sip.From, sip.To, sip.CallID, sip.CSeqKind, sip.ContentLength, sip.Server:
			continue // who gives a whole response's headers means the others
		}
		if h.Name != "" {
			dst = appendSafe(dst, h.Name)
		} else {
			dst = append(dst, h.Kind.String()...)
		}
		dst = append(dst, ": "...)
		dst = appendSafe(dst, h.Value)
		dst = append(dst, "\r\n"...)
	}
	if sessionID != "" {
		dst = append(dst, "Session-ID: "...)
		dst = appendSafe(dst, sessionID)
		dst = append(dst, "\r\n"...)
	}
	if e.cfg.Server != "" && status > 100 {
		dst = append(dst, "Server: "...)
		dst = appendSafe(dst, e.cfg.Server)
		dst = append(dst, "\r\n"...)
	}
	return append(dst, "Content-Length: 0\r\n\r\n"...)
}

// appendSafe appends text that must not end its line.
func appendSafe(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c == '\r' || c == '\n' || c == 0 {
			dst = append(dst, s[:i]...)
			for ; i < len(s); i++ {
				if c = s[i]; c == '\r' || c == '\n' || c == 0 {
					c = ' '
				}
				dst = append(dst, c)
			}
			return dst
		}
	}
	return append(dst, s...)
}
