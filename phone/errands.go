package phone

import (
	"bytes"
	"strings"
	"sync"
	"time"

	"santral/sip"
	"santral/sip/endpoint"
)

// errands knows which of our INVITEs and BYEs still wait for a final answer, so that the phone is not
// switched off before the other side knows that we are gone. It sees what a trace sees, and passes it
// on (endpoint.Trace).
type errands struct {
	trace endpoint.Trace // nil for nobody

	mu   sync.Mutex // a leaf
	open map[errand]struct{}
}

// errand is one request under way; a call has one of each at a time.
type errand struct {
	callID string
	method sip.Method
}

func newErrands(t endpoint.Trace) *errands {
	return &errands{trace: t, open: make(map[errand]struct{})}
}

// left is how many errands are open.
func (e *errands) left() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.open)
}

// Received closes the errand that a final response answers.
func (e *errands) Received(in sip.Inbound, at time.Time) {
	if in.Msg != nil && in.Msg.Status >= 200 {
		if seq, err := in.Msg.CSeq(); err == nil {
			e.mu.Lock()
			delete(e.open, errand{in.Msg.CallID(), seq.Method})
			e.mu.Unlock()
		}
	}
	if e.trace != nil {
		e.trace.Received(in, at)
	}
}

// Sent opens an errand.
func (e *errands) Sent(f sip.Flow, callID string, text []byte, at time.Time) {
	for _, m := range [...]sip.Method{sip.INVITE, sip.BYE} {
		if len(text) > len(m) && text[len(m)] == ' ' && bytes.HasPrefix(text, []byte(m)) {
			e.mu.Lock()
			e.open[errand{strings.Clone(callID), m}] = struct{}{}
			e.mu.Unlock()
		}
	}
	if e.trace != nil {
		e.trace.Sent(f, callID, text, at)
	}
}
