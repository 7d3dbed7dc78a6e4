package endpoint

import (
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"santral/sip"
)

// How a shard knows that it has too much to do, and how fast it sheds and takes up again.
const (
	overWindow = 50 * time.Millisecond // what is judged at once
	overStep   = 0.1                   // share of new calls shed more after a window that was too slow
	overLeap   = 0.5                   // the same after one that was far too slow
	overBack   = 0.02                  // part of the share that is shed less after a window that was quick
	overRest   = 0.01                  // and so much at least
	overSlow   = 2                     // windows in a row that must be too slow
	overBusy   = 10                    // messages in a window that is judged
	overFew    = 10                    // times as much new work of the known: there are no strangers to speak of
	overFar    = 5                     // times Overload.Delay: now other new work is shed too
	overExempt = 20                    // emergencies in one window that no overload touches: the mark can be forged
	retryFirst = 5                     // seconds of a Retry-After, and how many more by chance, so that
	retryMore  = 11                    // those who were shed do not come back all together
)

// Overload says when new work is shed with 503 and Retry-After, before what is accepted suffers.
type Overload struct {
	// Delay is how long what arrives may wait for its shard, and what a shard hands on for a processor, all the
	// while, before that (default 10 ms; negative: never): the shortest wait of a twentieth of a second counts,
	// and two such in a row, so that no hiccup is taken for load.
	Delay time.Duration
	// Behind tells how late whoever reads for Endpoint.Receive is, as the transport's Layer.Behind does; half
	// of it counts as a wait. It is asked twenty times a second; nil for never.
	Behind func() time.Duration
	// Full reports that no further call can be served whatever a shard thinks, for want of ports or of
	// room for calls. It is asked twenty times a second; nil for never.
	Full func() bool
	// Urgent reports whether a request calls an emergency service by its number; marks are known without it. It is asked
	// about new work that would be shed, a bounded number of which passes; nil for no number.
	Urgent func(*sip.Inbound) bool
	// Known reports whether a source is one of the house's: strangers are shed before it. It is asked about
	// new work while something is shed; nil takes everybody for known.
	Known func(sip.Flow) bool
}

// overload is a shard's judgement of its own load. The share of new work that is shed grows by tenths and
// falls by a fiftieth of itself, and in between nothing moves, so that load near the limit does not swing.
// Strangers' work goes first, as long as there is any, and calls before anything else. A request is shed or not
// by its Call-ID: its copies, and its second try with credentials, meet the same verdict.
type overload struct {
	limit   time.Duration
	end     time.Duration // of the window that is being judged
	least   time.Duration // shortest wait in it
	seen    bool          // something was handled in it
	handled int           // messages that were
	fresh   [2]int        // of these, new work of strangers and of those who are known, while it is watched
	slow    int           // windows in a row that were too slow
	wait    time.Duration // the latest
	calls   [2]float64    // share of new calls that is shed, of strangers and of those who are known
	others  [2]float64    // share of other new work that is shed
	full    bool          // no call at all can be served
	urgent  int           // emergencies let through in this window
	backlog int           // messages waiting above which no window is needed
	line    *line
	clock   func() time.Duration // the endpoint's, for line
}

// line measures how long work that a shard hands to others waits for a processor. Calls have goroutines of
// their own, and a shard may be quick while they stand in line: so does a goroutine that does nothing, of
// which there is one in each window.
type line struct {
	sent atomic.Int64 // when the one that is out was begun, 0 for none
	took atomic.Int64 // how long the last one waited
}

// ask gives how long whoever stands in line waits, and sends another to stand there.
func (l *line) ask(clock func() time.Duration) time.Duration {
	now := clock()
	if sent := time.Duration(l.sent.Load()); sent != 0 {
		return now - sent
	}
	l.sent.Store(int64(now) | 1)
	go func() {
		l.took.Store(int64(clock() - now))
		l.sent.Store(0)
	}()
	go func() {}() // what was begun last runs first; behind it the other one takes its place in line
	return time.Duration(l.took.Load())
}

// Whose work a share is of.
const (
	strangers = iota
	members
)

// observe is told how long the oldest message of a batch has waited, and how many wait now.
func (o *overload) observe(wait, now time.Duration, waiting int, cfg *Overload) {
	if o.limit < 0 {
		return
	}
	if !o.seen || wait < o.least {
		o.least, o.seen = wait, true
	}
	o.wait = wait
	if waiting >= o.backlog { // a flood fills the inbox within one window
		o.calls[strangers] = max(o.calls[strangers], 0.5)
	}
	if now >= o.end {
		if cfg.Behind != nil {
			o.least = max(o.least, cfg.Behind()/2)
		}
		if o.line != nil && o.handled >= overBusy {
			o.least = max(o.least, o.line.ask(o.clock))
		}
		o.judge(now, cfg.Full != nil && cfg.Full())
	}
}

// judge ends a window. One that ended long ago was followed by windows without work. Whoever has little to do
// and is late was held up by something else, which shedding would not help.
func (o *overload) judge(now time.Duration, full bool) {
	idle := 0.0
	if late := now - o.end; o.end > 0 && late > overWindow {
		idle = float64(late / overWindow)
	}
	if o.slow++; o.least < o.limit || o.handled < overBusy {
		o.slow = 0
	}
	far := o.least >= overFar*o.limit
	// Whose turn it is: strangers', until nothing of theirs is left that could be shed.
	who := strangers
	if o.calls[strangers] == 1 || o.fresh[strangers]*overFew < o.fresh[members] {
		who = members
	}
	switch {
	case o.slow >= overSlow && far:
		o.calls[who], o.others[who] = min(o.calls[who]+overLeap, 1), min(o.others[who]+overStep, 1)
	case o.slow >= overSlow:
		o.calls[who] = min(o.calls[who]+overStep, 1)
	case o.least < o.limit/2 || o.handled < overBusy:
		for i, share := range o.calls {
			o.calls[i] = max(share-max(overBack*share, overRest)*(1+idle), 0)
		}
	}
	if !far {
		for i, share := range o.others {
			o.others[i] = max(share-overStep*(1+idle), 0)
		}
	}
	o.end, o.seen, o.handled, o.fresh, o.urgent, o.full = now+overWindow, false, 0, [2]int{}, 0, full
}

// watches reports whether new work is to be looked at: something is shed, or soon may be.
func (o *overload) watches() bool { return o.slow > 0 || o.late() }

// late reports whether anything is shed now.
func (o *overload) late() bool {
	return o.full || o.calls[strangers] > 0 || o.calls[members] > 0 || o.others[strangers] > 0 || o.others[members] > 0
}

// rested judges anew what was said of load so long ago that nothing can be left of it.
func (o *overload) rested(now time.Duration, cfg *Overload) {
	if now-o.end > overWindow {
		o.least, o.wait, o.handled = 0, 0, 0
		o.judge(now, cfg.Full != nil && cfg.Full())
	}
}

// sheds reports whether a request that begins something new is shed now. who sends it, and draw is a number
// that belongs to its Call-ID; urgent tells whether it is an emergency.
func (o *overload) sheds(m *sip.Message, who int, draw uint64, urgent func() bool) bool {
	o.fresh[who]++
	share := o.others[who]
	switch {
	case m.Method == sip.INVITE && (o.full || o.calls[who] > 0 && o.wait >= overFar*o.limit):
		share = 1 // it has waited for so long already that it would be no good call
	case m.Method == sip.INVITE:
		share = o.calls[who]
	}
	if float64(draw>>32)/(1<<32) >= share {
		return false
	}
	if o.urgent < overExempt && urgent() {
		o.urgent++
		return false
	}
	return true
}

// urgent reports whether a request is marked as an emergency (RFC 3261 §20.26, RFC 4412 §10, RFC 5031).
func urgent(m *sip.Message) bool {
	if strings.EqualFold(m.Get(sip.Priority), "emergency") || len(m.RequestURI) > 15 && strings.EqualFold(m.RequestURI[:15], "urn:service:sos") {
		return true
	}
	for v := range m.Values(sip.ResourcePriority) {
		if len(v) > 6 && strings.EqualFold(v[:6], "esnet.") {
			return true
		}
	}
	return false
}

// tooMuch refuses a request that begins something new when there is no time for it, before anything else
// is done about it: nothing is kept, and it is not traced. A copy of what was taken is not new.
func (s *Shard) tooMuch(in *sip.Inbound) bool {
	m := in.Msg
	s.load.rested(s.now, &s.e.cfg.Overload)
	if in.Err != nil || !begins(*in) {
		return false
	}
	who := members
	if ours := s.e.cfg.Overload.Known; ours != nil && !ours(in.Flow) {
		who = strangers
	}
	if !s.load.sheds(m, who, s.e.hash.Call(m.CallID()), func() bool { f := s.e.cfg.Overload.Urgent; return urgent(m) || f != nil && f(in) }) {
		return false
	}
	if key, _ := s.e.hash.Server(m, m.Method); s.servers[key] != nil {
		return false
	}
	s.count.Requests.Add(1)
	s.count.Overload.Add(1)
	s.count.Sent.Add(1)
	after := [1]sip.Header{{Kind: sip.RetryAfter, Value: strconv.FormatUint(retryFirst+s.random.Uint64()%retryMore, 10)}}
	s.writer.Send(in.Flow, s.e.appendAnswer(make([]byte, 0, 512), m, 503, "", s.e.statelessTag(m), "", after[:]), nil)
	return true
}
