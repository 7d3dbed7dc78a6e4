package calltest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"santral/call"
)

// Slow has the ledger take so long to commit; a negative time stops it until it is set again, and what
// waited is then lost to the test: use it only to see that nothing else waits.
func (h *House) Slow(d time.Duration) {
	h.mu.Lock()
	h.slow = d
	h.mu.Unlock()
}

// Fill says whether the ledger's memory is used up.
func (h *House) Fill(full bool) {
	h.mu.Lock()
	h.full = full
	h.mu.Unlock()
}

// Append keeps an event (call.Ledger).
func (h *House) Append(e call.Event) {
	h.mu.Lock()
	h.keepLocked(e)
	h.mu.Unlock()
}

// Commit keeps an event and calls done when it is on disk (call.Ledger).
func (h *House) Commit(e call.Event, done func()) {
	h.mu.Lock()
	h.keepLocked(e)
	slow := h.slow
	h.mu.Unlock()
	onDisk := func() {
		h.mu.Lock()
		h.committed++
		h.mu.Unlock()
		done()
	}
	if slow > 0 {
		time.AfterFunc(slow, onDisk)
		return
	}
	go onDisk()
}

// Full reports what Fill said (call.Ledger).
func (h *House) Full() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.full
}

func (h *House) keepLocked(e call.Event) {
	if h.mute {
		return
	}
	h.events = append(h.events, e)
	h.writeLocked("%s    %s", e.Call, Line(e))
}

// Events are what the ledger holds, in order.
func (h *House) Events() []call.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.events)
}

// Committed is how many last events are on disk.
func (h *House) Committed() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.committed
}

// Line prints an event for a ladder.
func Line(e call.Event) string {
	var b strings.Builder
	b.WriteString("| ")
	b.WriteString(string(e.Kind))
	if e.Leg != "" {
		b.WriteString(" " + string(e.Leg))
	}
	if e.From != nil {
		fmt.Fprintf(&b, ", %s dialled %s", e.From.Number, e.Dialled)
	}
	if e.To != "" {
		b.WriteString(" to " + e.To)
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, ", %d", e.Status)
	}
	if e.Codec != "" {
		b.WriteString(", " + e.Codec)
	}
	if e.Cause != nil {
		b.WriteString(", " + cause(*e.Cause))
	}
	if e.By != "" {
		b.WriteString(", by " + e.By)
	}
	if e.Other != "" {
		b.WriteString(", call " + string(e.Other))
	}
	return b.String()
}

func cause(c call.Cause) string {
	return fmt.Sprintf("%d %s (Q.850 %d)", c.SIP, c.Text, c.Q850)
}

// wrongRecords holds the ledger against the rules that stand with the events of a call.
func (h *House) wrongRecords() (wrong []string) {
	type record struct {
		began, ended, last int
		legs               map[call.LegID]int
		at                 time.Time
	}
	records, ids := map[call.ID]*record{}, []call.ID{}
	complain := func(id call.ID, format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf("record of call %s: ", id)+fmt.Sprintf(format, args...))
	}
	for i, e := range h.Events() {
		r := records[e.Call]
		if r == nil {
			r = &record{legs: map[call.LegID]int{}}
			records[e.Call] = r
			ids = append(ids, e.Call)
			if e.Kind != call.Began {
				complain(e.Call, "starts with %q", e.Kind)
			}
		}
		if e.At.Before(r.at) {
			complain(e.Call, "%q is older than what stands before it", e.Kind)
		}
		r.at, r.last = e.At, i
		switch e.Kind {
		case call.Began:
			r.began++
		case call.LegBegan:
			r.legs[e.Leg]++
			if e.Detail == nil {
				complain(e.Call, "leg %s began without detail", e.Leg)
			}
		case call.LegEnded:
			r.legs[e.Leg] -= 1
			if r.legs[e.Leg] != 0 {
				complain(e.Call, "leg %s ended more often than it began", e.Leg)
			}
			if e.Detail == nil || e.Cause == nil {
				complain(e.Call, "leg %s ended without detail or cause", e.Leg)
			}
		case call.EndedCall:
			r.ended++
			if e.Cause == nil || e.By == "" {
				complain(e.Call, "ended without cause or by nobody")
			}
			for leg, n := range r.legs {
				if n != 0 {
					complain(e.Call, "ended before leg %s", leg)
				}
			}
		}
		if r.ended > 0 && e.Kind != call.EndedCall {
			complain(e.Call, "%q stands after the end", e.Kind)
		}
	}
	for _, id := range ids {
		if r := records[id]; r.began != 1 || r.ended != 1 {
			complain(id, "began %d times and ended %d times", r.began, r.ended)
		}
	}
	return wrong
}
