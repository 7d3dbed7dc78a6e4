package sip

import (
	"strconv"
	"strings"
)

// Append prints the message. Content-Length always tells the true length of Body: it stands where
// the message has it, else last, and only once. Nothing that a field holds can end its line: CR and
// LF are printed as spaces, and those of a Request-URI as escapes.
func (m *Message) Append(dst []byte) []byte {
	if m.IsRequest() {
		dst = appendWord(dst, string(m.Method))
		dst = append(dst, ' ')
		dst = appendWord(dst, m.RequestURI)
		dst = append(dst, " SIP/2.0\r\n"...)
	} else {
		dst = append(dst, "SIP/2.0 "...)
		dst = strconv.AppendInt(dst, int64(m.Status), 10)
		dst = append(dst, ' ')
		dst = appendLine(dst, m.Reason)
		dst = append(dst, "\r\n"...)
	}
	length := false
	for i := range m.Headers {
		h := &m.Headers[i]
		if h.Kind == ContentLength {
			if length {
				continue
			}
			length = true
			dst = appendLine(dst, h.Name)
			dst = append(dst, ": "...)
			dst = strconv.AppendInt(dst, int64(len(m.Body)), 10)
			dst = append(dst, "\r\n"...)
			continue
		}
		if h.Name == "" { // a field of ours that was given by its kind
			dst = append(dst, h.Kind.String()...)
		} else {
			dst = appendLine(dst, h.Name)
		}
		dst = append(dst, ": "...)
		dst = appendLine(dst, h.Value)
		dst = append(dst, "\r\n"...)
	}
	if !length {
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, int64(len(m.Body)), 10)
		dst = append(dst, "\r\n"...)
	}
	dst = append(dst, "\r\n"...)
	return append(dst, m.Body...)
}

// String prints the message.
func (m *Message) String() string {
	n := 256 + len(m.Body)
	for i := range m.Headers {
		n += len(m.Headers[i].Name) + len(m.Headers[i].Value) + 4
	}
	return string(m.Append(make([]byte, 0, n)))
}

// appendLine appends text with CR and LF as spaces.
func appendLine(dst []byte, s string) []byte {
	if strings.IndexByte(s, '\r') < 0 && strings.IndexByte(s, '\n') < 0 {
		return append(dst, s...)
	}
	for i := 0; i < len(s); i++ {
		if s[i] == '\r' || s[i] == '\n' {
			dst = append(dst, ' ')
		} else {
			dst = append(dst, s[i])
		}
	}
	return dst
}

// appendWord appends text that may hold neither space nor control character, those escaped.
func appendWord(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c == 0x7F {
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}

// NewRequest begins a request with no header fields.
func NewRequest(method Method, uri string) *Message {
	m := &Message{Method: method, RequestURI: uri}
	m.Headers = m.inline[:0]
	return m
}

// NewResponse begins the response to a request: all Via values, From, To, Call-ID and CSeq are the
// request's (RFC 3261 §8.2.6.2), Timestamp too for a 100 (RFC 3261 §8.2.6.1). The To tag and
// Record-Route are the caller's to add. An empty reason gives the registry's.
func NewResponse(req *Message, status int, reason string) *Message {
	if reason == "" {
		reason = ReasonText(status)
	}
	m := &Message{Status: status, Reason: clean(reason)}
	m.Headers = m.inline[:0]
	var seen [MaxForwards]bool
	for i := range req.Headers {
		switch h := req.Headers[i]; h.Kind {
		case ViaKind:
			m.Headers = append(m.Headers, Header{h.Kind, kindNames[h.Kind], h.Value})
		case From, To, CallID, CSeqKind:
			if !seen[h.Kind] { // a refused request may have two
				seen[h.Kind] = true
				m.Headers = append(m.Headers, Header{h.Kind, kindNames[h.Kind], h.Value})
			}
		case Timestamp:
			if status == 100 {
				m.Headers = append(m.Headers, h)
			}
		}
	}
	return m
}
