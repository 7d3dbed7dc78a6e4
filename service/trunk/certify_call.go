package trunk

import (
	"fmt"
	"strings"
	"time"

	"santral/sip"
)

// testCall is what was seen of the test call, sorted.
type testCall struct {
	o       *Observed
	invite  *Seen // the one that was answered, or the last
	first   *Seen // what came back to it first
	final   *Seen // its final answer
	early   *Seen // the first 183 with a description
	settled *Seen // the first reliable provisional answer with one: it may be all that the callee says
	changes []exchange
	bye     *exchange
	pracks  []exchange
}

// exchange is a request of ours within the call, and its final answer.
type exchange struct{ req, res *Seen }

func newTestCall(o *Observed) *testCall {
	c := &testCall{o: o}
	for i := range o.Call {
		s := &o.Call[i]
		m := s.Msg
		seq, _ := m.CSeq()
		switch {
		case m.IsRequest() && s.Out:
			c.sent(s)
		case m.IsRequest() || s.Out:
		case seq.Method == sip.INVITE:
			c.answered(s, seq.Seq)
		case seq.Method == sip.BYE && c.bye != nil && m.Status >= 200:
			c.bye.res = s
		case seq.Method == sip.PRACK && m.Status >= 200:
			for j := range c.pracks {
				if p, _ := c.pracks[j].req.Msg.CSeq(); p.Seq == seq.Seq {
					c.pracks[j].res = s
				}
			}
		}
	}
	return c
}

func (c *testCall) sent(s *Seen) {
	switch m := s.Msg; {
	case m.Method == sip.INVITE && m.ToTag() == "":
		c.invite, c.first, c.final, c.settled = s, nil, nil, nil // anew with credentials
	case m.Method == sip.INVITE:
		if n := len(c.changes); n > 0 && c.changes[n-1].req.Msg.Get(sip.CSeqKind) == m.Get(sip.CSeqKind) {
			return // a copy
		}
		c.changes = append(c.changes, exchange{req: s})
	case m.Method == sip.BYE:
		c.bye = &exchange{req: s}
	case m.Method == sip.PRACK:
		c.pracks = append(c.pracks, exchange{req: s})
	}
}

func (c *testCall) answered(s *Seen, seq uint32) {
	for i := range c.changes {
		if n, _ := c.changes[i].req.Msg.CSeq(); n.Seq == seq {
			if s.Msg.Status >= 200 {
				c.changes[i].res = s
			}
			return
		}
	}
	if c.invite == nil {
		return
	}
	if c.first == nil {
		c.first = s
	}
	if c.early == nil && s.Msg.Status == 183 && s.Msg.Body != "" {
		c.early = s
	}
	if c.settled == nil && s.Msg.Status < 200 && s.Msg.Body != "" && s.Msg.HasToken(sip.Require, "100rel") {
		c.settled = s
	}
	if s.Msg.Status >= 200 && c.final == nil {
		c.final = s
	}
}

// talked reports whether the call was answered; what needs that is not applicable otherwise.
func (c *testCall) talked() bool { return c.final != nil && c.final.Msg.Status < 300 }

// agreed is the description that answered ours: that of the 2xx, or one that was reliable before (RFC 3262 §5).
func (c *testCall) agreed() string {
	if c.final.Msg.Body == "" && c.settled != nil {
		return c.settled.Msg.Body
	}
	return c.final.Msg.Body
}

var unanswered = Clause{Verdict: NotApplicable, Seen: "the test call was not answered"}

func judged(ok bool, format string, args ...any) Clause {
	return clause("", "", ok, fmt.Sprintf(format, args...))
}

func without(format string, args ...any) Clause {
	return Clause{Verdict: NotApplicable, Seen: fmt.Sprintf(format, args...)}
}

func (c *testCall) trying() Clause {
	if c.first == nil {
		return judged(false, "nothing came back")
	}
	took := c.first.At.Sub(c.invite.At)
	return judged(took <= 500*time.Millisecond, "%d %s after %v", c.first.Msg.Status, c.first.Msg.Reason, took.Round(time.Millisecond))
}

func (c *testCall) answer() Clause {
	if c.final == nil {
		return judged(false, "no final answer came")
	}
	return judged(c.talked(), "%d %s", c.final.Msg.Status, c.final.Msg.Reason)
}

func (c *testCall) e164() Clause {
	uri, err := c.invite.Msg.URI()
	from, bad := c.invite.Msg.From()
	if err != nil || bad != nil {
		return judged(false, "our INVITE can't be read")
	}
	called, calling := uri.Username(), from.URI.Username()
	ok := strings.HasPrefix(called, "+") && strings.HasPrefix(calling, "+")
	return judged(ok, "we called %s as %s", called, calling)
}

func (c *testCall) identity() Clause {
	if v := c.invite.Msg.Get(sip.PAssertedIdentity); v != "" {
		return judged(true, "%s", v)
	}
	if !c.o.Trunk.Noun.Trust {
		return without("trust: is not set for this trunk, so that it is told no asserted identity")
	}
	return judged(false, "our INVITE has none")
}

func (c *testCall) codec() Clause {
	if !c.talked() {
		return unanswered
	}
	_, media, _ := strings.Cut(c.agreed(), "m=audio ")
	line, _, _ := strings.Cut(media, "\r\n")
	for _, f := range strings.Fields(line)[min(2, len(strings.Fields(line))):] {
		if f == "0" || f == "8" {
			return judged(true, "m=audio %s", line)
		}
	}
	return judged(false, "m=audio %s", line)
}

func (c *testCall) preview() Clause {
	if c.early == nil {
		return without("the number that was called has no early media")
	}
	return judged(true, "183 with a description after %v", c.early.At.Sub(c.invite.At).Round(time.Millisecond))
}

func (c *testCall) reliable() Clause {
	if len(c.pracks) == 0 {
		return without("no provisional answer asked to be acknowledged")
	}
	for _, p := range c.pracks {
		if p.res == nil || p.res.Msg.Status >= 300 {
			return judged(false, "a PRACK was not answered 200")
		}
	}
	return judged(true, "%d PRACK answered", len(c.pracks))
}

func (c *testCall) timer() Clause {
	if !c.talked() {
		return unanswered
	}
	if v := c.final.Msg.GetName("Session-Expires"); v != "" {
		return judged(true, "Session-Expires: %s", v)
	}
	return without("the answer has no Session-Expires: the other side does not keep sessions")
}

func (c *testCall) change(n int, word string) Clause {
	if !c.talked() {
		return unanswered
	}
	if len(c.changes) <= n {
		return without("no re-INVITE to %s was sent", word)
	}
	x := c.changes[n]
	if x.res == nil {
		return judged(false, "the re-INVITE was not answered")
	}
	return judged(x.res.Msg.Status < 300, "%d %s, %s", x.res.Msg.Status, x.res.Msg.Reason, direction(x.res.Msg.Body))
}

func (c *testCall) hold() Clause {
	v := c.change(0, "hold")
	if v.Verdict == Passed && !strings.Contains(v.Seen, "recvonly") && !strings.Contains(v.Seen, "inactive") {
		v.Verdict = Failed // RFC 3264 §8.4: sendonly is answered with recvonly or inactive
	}
	return v
}

func (c *testCall) resume() Clause { return c.change(1, "resume") }

// direction is the direction of a description's first line that says one.
func direction(body string) string {
	for _, d := range []string{"sendonly", "recvonly", "inactive", "sendrecv"} {
		if strings.Contains(body, "a="+d) {
			return d
		}
	}
	return "no direction, which is sendrecv"
}

func (c *testCall) dtmf() Clause {
	switch {
	case !c.talked():
		return unanswered
	case !strings.Contains(c.agreed(), "telephone-event/8000"):
		return judged(false, "the answer has no telephone-event")
	case !c.o.Digit:
		return judged(false, "it is agreed on, and the digit could not be sent")
	}
	return judged(true, "telephone-event is agreed on, and the digit 1 was sent; what the other side made of it can't be seen")
}

func (c *testCall) farewell() Clause {
	switch {
	case !c.talked():
		return unanswered
	case c.bye == nil:
		return without("the other side ended the call")
	case c.bye.res == nil:
		return judged(false, "it was not answered")
	}
	return judged(c.bye.res.Msg.Status == 200, "%d %s", c.bye.res.Msg.Status, c.bye.res.Msg.Reason)
}

func (c *testCall) tls() Clause {
	if c.invite.Transport == "TLS" {
		return judged(true, "the INVITE went over TLS")
	}
	return without("to: of the trunk is over %s, and nothing else was tried", c.invite.Transport)
}
