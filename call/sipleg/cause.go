package sipleg

import (
	"errors"
	"strconv"
	"unicode/utf8"

	"santral/call"
	"santral/sip"
	"santral/sip/endpoint"
	"santral/sip/invite"
)

// maxText bounds a text that a peer wrote and a record keeps.
const maxText = 128

// failure is the cause of an attempt, or of a change, that the peer refused or that nobody answered.
func failure(e invite.Event) call.Cause {
	if res := e.Message; res != nil {
		c := call.FromStatus(res.Status)
		explain(&c, res)
		c.After = seconds(res.Get(sip.RetryAfter))
		return c
	}
	switch {
	case errors.Is(e.Err, endpoint.ErrTimeout):
		return call.NoResponse
	case errors.Is(e.Err, invite.ErrGlare):
		return call.RequestPending
	case errors.Is(e.Err, invite.ErrHungUp):
		return call.Declined
	case errors.Is(e.Err, endpoint.ErrClosed):
		return call.ShuttingDown
	}
	return unreachable
}

// departure is the cause of an end by the peer.
func departure(e invite.Event) call.Cause {
	if req := e.Message; req != nil {
		c := call.NormalClearing
		if req.Method == sip.CANCEL {
			c = call.Cancelled
		}
		explain(&c, req)
		return c
	}
	switch {
	case errors.Is(e.Err, invite.ErrLostAck):
		return call.LostAck
	case errors.Is(e.Err, invite.ErrLapsed):
		return call.Lapsed
	case errors.Is(e.Err, invite.ErrLostPRACK):
		return call.LostPRACK
	case errors.Is(e.Err, invite.ErrExpired):
		return call.Cancelled
	case errors.Is(e.Err, endpoint.ErrTimeout):
		return call.NoResponse
	}
	return call.LostDialog
}

// explain takes the Q.850 code and the text of a Reason (RFC 3326 §2; in responses RFC 6432 §3). A SIP
// reason of 200 in a CANCEL is how "answered elsewhere" is said.
func explain(c *call.Cause, m *sip.Message) {
	for v := range m.Values(sip.ReasonKind) {
		r, err := sip.ParseReason(v)
		switch {
		case err != nil || r.Cause <= 0:
		case r.Protocol == "Q.850" && r.Cause <= 127:
			c.Q850 = r.Cause
			if text := plain(r.Text); text != "" {
				c.Text = text
			}
		case r.Protocol == "SIP" && r.Cause == 200 && m.Method == sip.CANCEL:
			c.Q850, c.Text = call.AnsweredElsewhere.Q850, call.AnsweredElsewhere.Text
		}
	}
}

// reasonOf is the Reason value for a cause. That a call was answered elsewhere, or that it had to end for an emergency, is
// said in both languages: phones that keep no missed call for it look for the SIP one.
func reasonOf(c call.Cause) string {
	if c.Q850 == 0 {
		return ""
	}
	q := sip.Reason{Protocol: "Q.850", Cause: c.Q850, Text: plain(c.Text)}.String()
	if c.Q850 == call.Preempted.Q850 { // RFC 4411 §5: we are a user agent of both sides, and end this call for another
		return sip.Reason{Protocol: "preemption", Cause: 1, Text: "UA Preemption"}.String() + ", " + q
	}
	if c.Q850 == call.AnsweredElsewhere.Q850 {
		return sip.Reason{Protocol: "SIP", Cause: 200, Text: call.AnsweredElsewhere.Text}.String() + ", " + q
	}
	return q
}

// warning says why a description was not acceptable (RFC 3261 §20.43, 305: no format in common).
func warning(s *endpoint.Shard, flow sip.Flow) sip.Header {
	w := sip.Warning{Code: 305, Agent: s.SentBy(flow).Host, Text: "Incompatible media format"}
	return sip.Header{Kind: sip.WarningKind, Value: w.String()}
}

// insecure is the Warning of a callee that has no phone which TLS reaches (RFC 5630 §7.2).
func insecure(s *endpoint.Shard, flow sip.Flow) sip.Header {
	w := sip.Warning{Code: 380, Agent: s.SentBy(flow).Host, Text: "SIPS Not Allowed"}
	return sip.Header{Kind: sip.WarningKind, Value: w.String()}
}

// seconds reads the number at the start of a Retry-After; 0 when there is none.
func seconds(value string) int {
	end := 0
	for end < len(value) && end < 5 && value[end] >= '0' && value[end] <= '9' {
		end++
	}
	n, _ := strconv.Atoi(value[:end])
	return n
}

// clean makes text of a peer's fit for records and for other peers: control characters and broken
// UTF-8 go, and so does what is beyond any honest length.
func clean(s string) string {
	bad := len(s) > maxText
	for i := 0; i < len(s) && !bad; i++ {
		bad = s[i] < ' ' || s[i] >= 0x7F
	}
	if !bad {
		return s
	}
	b := make([]byte, 0, min(len(s), maxText))
	for _, r := range s {
		if r < ' ' || r >= 0x7F && r < 0xA0 || r == utf8.RuneError {
			continue
		}
		if len(b)+utf8.RuneLen(r) > maxText {
			break
		}
		b = utf8.AppendRune(b, r)
	}
	return string(b)
}

// plain keeps the printable ASCII of a text, as a Reason and a Cause want it.
func plain(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] >= 0x7F {
			b := make([]byte, 0, len(s))
			for j := 0; j < len(s); j++ {
				if s[j] >= ' ' && s[j] < 0x7F {
					b = append(b, s[j])
				}
			}
			s = string(b)
			break
		}
	}
	return s[:min(len(s), maxText)]
}
