package invite

import (
	"fmt"
	"strings"

	"santral/sip"
)

// reliably is the option tag of provisional answers that are acknowledged (RFC 3262 §8.1).
const reliably = "100rel"

// fromChange is the option tag of a From that changes within a dialog (RFC 4916 §4.4.1).
const fromChange = "from-change"

// abilities are what a peer says that it can.
type abilities struct {
	reliable bool // it acknowledges provisional answers
	demands  bool // and wants them all to be sent so
	update   bool // it serves UPDATE
	renames  bool // it understands a From that changes
}

// learn takes what a message of the peer's says of it. What it does not say is as it was.
func (a *abilities) learn(m *sip.Message) {
	for i := range m.Headers {
		switch h := &m.Headers[i]; h.Kind {
		case sip.Require:
			if m.IsRequest() && m.HasToken(sip.Require, reliably) {
				a.reliable, a.demands = true, true
			}
		case sip.Supported:
			a.reliable = a.demands || m.HasToken(sip.Supported, reliably)
			a.renames = m.HasToken(sip.Supported, fromChange)
		case sip.Allow:
			a.update = m.HasToken(sip.Allow, string(sip.UPDATE))
		}
	}
}

// Refusal is why an INVITE makes no session: the response that it gets.
type Refusal struct {
	Status  int
	Headers []sip.Header
}

// Error names the response.
func (r *Refusal) Error() string {
	return fmt.Sprintf("invite: refused by %d %s", r.Status, sip.ReasonText(r.Status))
}

// demands judges what a caller can against what we want of it: 420 for what it demands and we do not
// give, 421 for what we demand (RFC 3261 §8.2.2.3, RFC 3262 §3).
func (c *Config) demands(can abilities) error {
	switch {
	case c.Reliable == ReliableOff && can.demands:
		return &Refusal{420, []sip.Header{{Kind: sip.Unsupported, Value: reliably}}}
	case c.Reliable == ReliableRequired && !can.reliable:
		return &Refusal{421, []sip.Header{{Kind: sip.Require, Value: reliably}}}
	}
	return nil
}

// supports gives the option tags of an INVITE. Without an offer in it a reliable answer would bring the
// peer's, and want ours at once.
func (c *Config) supports(offers bool) string {
	if offers {
		return c.Supported
	}
	return without(c.Supported, reliably)
}

// without takes a tag out of a list.
func without(list, tag string) string {
	var kept []string
	for t := range strings.SplitSeq(list, ",") {
		if t = strings.TrimSpace(t); t != "" && !strings.EqualFold(t, tag) {
			kept = append(kept, t)
		}
	}
	return strings.Join(kept, ", ")
}
