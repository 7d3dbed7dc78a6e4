package event

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"santral/sip"
	"santral/sip/dialog"
	"santral/sip/endpoint"
)

// WatchConfig is what a subscriber asks for and how. Shard, URI, From, Event and Handle are required.
type WatchConfig struct {
	Shard     func(callID string) *endpoint.Shard
	URI       string // Request-URI and To
	From      string // From value, without a tag
	Event     string
	Accept    string // "" takes the package's default
	Expires   int    // seconds, 3600 for 0
	Next      endpoint.Next
	Contact   func(flow sip.Flow) string // our Contact value on a way
	Account   *Account                   // answers challenges; nil: one is a refusal
	UserAgent string                     // "" for none
	Handle    func(Told)                 // on the shard; it must not wait
}

// Told is what a subscriber hears. Exactly one of Message and Err is set. After an Err with Over nothing
// follows.
type Told struct {
	Branch  string       // the notifier's tag: a SUBSCRIBE that was forked has several
	Message *sip.Message // a NOTIFY, already answered
	Ended   bool         // with Message: this branch has ended; with Err: it will be tried again, unless Over
	Err     error
	Over    bool // nothing more will come
}

// Why a subscription failed.
var (
	ErrRefused  = errors.New("event: refused")                   // with a final response, or by the reason of its end
	ErrSilent   = errors.New("event: nothing came in time")      // Timer N, or no answer (RFC 6665 §4.1.2.4)
	ErrNotKnown = errors.New("event: the notifier forgot about") // 481 to a refresh
)

// maxBranches bounds the notifiers that one SUBSCRIBE may have been forked to.
const maxBranches = 8

// mostExpires bounds what a notifier may want a subscription to last at least, in seconds.
const mostExpires = 24 * 3600

// pauses are those before a subscription that failed is tried again.
var pauses = [...]time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute}

// Watch is one subscription from the subscriber's side (RFC 6665 §4.1.2, figure 1): it is refreshed, and made
// again where the standard allows it, until Stop. It is owned by the shard of its present Call-ID.
type Watch struct {
	cfg     WatchConfig
	shard   *endpoint.Shard
	callID  string
	tag     string
	seq     uint32 // of the SUBSCRIBE that began it
	expires int
	auth    auth

	branches []*branch
	stopped  bool
	over     bool
	failed   int             // times in a row
	timer    *endpoint.Timer // Timer N while nothing was heard, then the next attempt
}

// branch is one notifier that answered.
type branch struct {
	w      *Watch
	dialog *dialog.Dialog
	path   dialog.Path
	timer  *endpoint.Timer // the next refresh, or Timer N after one
}

// Subscribe begins a subscription. It returns at once.
func Subscribe(cfg WatchConfig, callID string) *Watch {
	if cfg.Expires <= 0 {
		cfg.Expires = 3600
	}
	w := &Watch{cfg: cfg, callID: callID, expires: cfg.Expires, shard: cfg.Shard(callID)}
	w.shard.Do(w.subscribe)
	return w
}

// Stop ends the subscription; the last NOTIFY of each branch is still told.
func (w *Watch) Stop() { w.shard.Do(w.stop) }

func (w *Watch) stop() {
	if w.stopped {
		return
	}
	w.stopped = true
	if len(w.branches) == 0 {
		w.finish(nil)
		return
	}
	for _, b := range slices.Clone(w.branches) {
		b.refresh(0)
	}
}

// subscribe sends a SUBSCRIBE outside of dialogs. Attempts after the first have the same Call-ID and another
// tag, so that what is late belongs to the old one.
func (w *Watch) subscribe() {
	if w.stopped || w.over {
		return
	}
	w.tag = w.shard.Random().Token(13)
	w.seq++
	req := sip.NewRequest(sip.SUBSCRIBE, w.cfg.URI)
	req.Set(sip.From, w.cfg.From+";tag="+w.tag)
	req.Set(sip.To, "<"+w.cfg.URI+">")
	req.Set(sip.CallID, w.callID)
	req.Set(sip.CSeqKind, strconv.FormatUint(uint64(w.seq), 10)+" SUBSCRIBE")
	w.shard.Attach(endpoint.DialogID{CallID: w.callID, LocalTag: w.tag}, w) // a NOTIFY may come before the 200
	to := w.cfg.Next
	to.Prepare = func(req *sip.Message, flow sip.Flow) { req.Set(sip.Contact, w.cfg.Contact(flow)) }
	w.auth.count = 0
	w.send(req, to, w.expires, &w.seq, w.onAnswer)
	w.arm(w.timerN(), func() { w.fail(ErrSilent, 0) }) // Timer N
}

// send completes a SUBSCRIBE and sends it, answering a challenge to it.
func (w *Watch) send(req *sip.Message, to endpoint.Next, seconds int, seq *uint32, done func(endpoint.ClientEvent)) {
	req.Set(sip.Event, w.cfg.Event)
	req.Set(sip.Expires, strconv.Itoa(seconds))
	if w.cfg.Accept != "" {
		req.Set(sip.Accept, w.cfg.Accept)
	}
	if w.cfg.UserAgent != "" {
		req.Set(sip.UserAgent, w.cfg.UserAgent)
	}
	w.shard.Request(req, to, func(ev endpoint.ClientEvent) {
		if again := w.auth.answer(w, req, ev.Response, seq); again != nil {
			w.send(again, to, seconds, seq, done)
			return
		}
		if ev.Response == nil || ev.Response.Status >= 200 {
			done(ev)
		}
	})
}

// timerN is how long a NOTIFY may take after a SUBSCRIBE (RFC 6665 §4.1.2.4).
func (w *Watch) timerN() time.Duration {
	t := w.shard.Timers()
	return t.Timeout()
}

func (w *Watch) arm(d time.Duration, f func()) {
	w.timer.Stop()
	w.timer = w.shard.After(d, f)
}

// onAnswer is the final answer to the SUBSCRIBE that began it. A 2xx tells little: the NOTIFY counts
// (RFC 6665 §4.1.2.4).
func (w *Watch) onAnswer(ev endpoint.ClientEvent) {
	res := ev.Response
	switch {
	case w.over || len(w.branches) > 0:
	case res == nil:
		w.fail(ErrSilent, 0)
	case res.Status < 300:
	case res.Status == 423: // RFC 6665 §4.1.2.1
		least, _ := strconv.Atoi(firstNumber(res.Get(sip.MinExpires)))
		if least > w.expires && least <= mostExpires {
			w.expires = least
			w.forget()
			w.subscribe()
			return
		}
		w.finish(ErrRefused)
	case res.Status == 408 || res.Status == 480 || res.Status >= 500 && res.Status != 501:
		after, _ := strconv.Atoi(firstNumber(res.Get(sip.RetryAfter)))
		w.fail(ErrRefused, time.Duration(after)*time.Second)
	default:
		w.finish(ErrRefused)
	}
}

// forget ends what came of the present attempt.
func (w *Watch) forget() {
	w.timer.Stop()
	w.shard.Detach(endpoint.DialogID{CallID: w.callID, LocalTag: w.tag})
	for _, b := range w.branches {
		b.timer.Stop()
		w.shard.Detach(b.key())
	}
	w.branches = nil
}

// fail has another attempt made after a while.
func (w *Watch) fail(err error, after time.Duration) {
	if w.over {
		return
	}
	w.forget()
	if w.stopped {
		w.finish(nil)
		return
	}
	wait := max(pauses[min(w.failed, len(pauses)-1)], min(after, time.Hour))
	w.failed++
	w.cfg.Handle(Told{Err: err, Ended: true})
	w.arm(wait, w.subscribe)
}

// finish ends everything.
func (w *Watch) finish(err error) {
	if w.over {
		return
	}
	w.forget()
	w.over = true
	if err != nil {
		w.cfg.Handle(Told{Err: err, Over: true})
	}
}

// Serve takes a NOTIFY of a notifier that was not heard before (endpoint.Usage).
func (w *Watch) Serve(tx *endpoint.ServerTx) {
	req := tx.Request()
	switch {
	case req.Method != sip.NOTIFY:
		tx.Refuse(405, "", sip.Header{Kind: sip.Allow, Value: string(sip.NOTIFY)})
		return
	case w.stopped || len(w.branches) >= maxBranches:
		tx.Refuse(481, "")
		return
	}
	d, err := dialog.FromNotify(req, w.seq)
	if err != nil {
		tx.Refuse(400, "Missing or Bad Contact")
		return
	}
	b := &branch{w: w, dialog: d}
	d.RemoteSeq = 0 // b is about to take this very request
	w.branches = append(w.branches, b)
	w.shard.Attach(b.key(), b)
	w.timer.Stop()
	w.failed = 0
	b.Serve(tx)
}

// Ack is of no interest: nothing here is an INVITE (endpoint.Usage).
func (w *Watch) Ack(*sip.Message, sip.Flow) {}

func (b *branch) key() endpoint.DialogID {
	return endpoint.DialogID{CallID: b.dialog.CallID, LocalTag: b.dialog.LocalTag, RemoteTag: b.dialog.RemoteTag}
}

// Ack is of no interest: nothing here is an INVITE (endpoint.Usage).
func (b *branch) Ack(*sip.Message, sip.Flow) {}

// Serve takes a NOTIFY (RFC 6665 §4.1.3).
func (b *branch) Serve(tx *endpoint.ServerTx) {
	req, w := tx.Request(), b.w
	name, _, _ := parseEvent(req.Get(sip.Event))
	ours, _, _ := parseEvent(w.cfg.Event)
	standing, params, _ := strings.Cut(req.Get(sip.SubscriptionState), ";")
	seq, err := req.CSeq()
	switch {
	case req.Method != sip.NOTIFY:
		tx.Refuse(405, "", sip.Header{Kind: sip.Allow, Value: string(sip.NOTIFY)})
		return
	case !strings.EqualFold(name, ours):
		tx.Refuse(489, "")
		return
	case standing == "":
		tx.Refuse(400, "Missing Subscription-State")
		return
	case err != nil || !b.dialog.Receive(seq.Seq):
		tx.Refuse(500, "") // RFC 3261 §12.2.2
		return
	}
	b.dialog.Refresh(req)
	b.path.Learn(req, tx.Flow())
	tx.Refuse(200, "")
	p := sip.Params(";" + params)
	ended := strings.EqualFold(strings.TrimSpace(standing), "terminated")
	if !ended {
		left, err := strconv.Atoi(value(p.Get("expires")))
		if err != nil || left <= 0 || left > w.expires {
			left = w.expires // never longer than was asked for (RFC 6665 §4.2.1.1)
		}
		b.timer.Stop()
		b.timer = w.shard.After(time.Duration(left)*time.Second*9/10, func() { b.refresh(w.expires) })
	} else {
		b.drop()
	}
	w.cfg.Handle(Told{Branch: b.dialog.RemoteTag, Message: req, Ended: ended})
	if ended && len(w.branches) == 0 {
		w.ended(Reason(strings.ToLower(value(p.Get("reason")))), value(p.Get("retry-after")))
	}
}

// value gives a parameter, "" where there is none.
func value(v string, _ bool) string { return v }

// ended decides what follows the end of the last branch (RFC 6665 §4.1.3).
func (w *Watch) ended(reason Reason, retryAfter string) {
	after, _ := strconv.Atoi(retryAfter)
	switch {
	case w.stopped:
		w.finish(nil)
	case reason == Rejected || reason == NoResource || reason == Invariant:
		w.finish(ErrRefused)
	case reason == Deactivated || reason == Timeout && after == 0:
		w.forget()
		w.subscribe()
	default:
		w.forget()
		w.arm(max(time.Duration(after)*time.Second, pauses[0]), w.subscribe)
	}
}

// drop takes a branch out.
func (b *branch) drop() {
	b.timer.Stop()
	b.w.shard.Detach(b.key())
	b.w.branches = slices.DeleteFunc(b.w.branches, func(x *branch) bool { return x == b })
}

// refresh sends a SUBSCRIBE within the dialog; 0 seconds end it.
func (b *branch) refresh(seconds int) {
	w := b.w
	req := b.dialog.Request(sip.SUBSCRIBE)
	uri, byFlow := b.path.Next(b.dialog)
	to := endpoint.Next{URI: uri, Flow: b.path.Flow, HasFlow: byFlow}
	to.Prepare = func(req *sip.Message, flow sip.Flow) { req.Set(sip.Contact, w.cfg.Contact(flow)) }
	w.auth.count = 0
	w.send(req, to, seconds, &b.dialog.LocalSeq, func(ev endpoint.ClientEvent) { b.onAnswer(ev) })
	b.timer.Stop()
	b.timer = w.shard.After(w.timerN(), func() { b.lost(ErrSilent) }) // Timer N
}

// onAnswer is the final answer to a refresh.
func (b *branch) onAnswer(ev endpoint.ClientEvent) {
	if !slices.Contains(b.w.branches, b) {
		return
	}
	switch res := ev.Response; {
	case res == nil:
		b.lost(ErrSilent)
	case res.Status < 300:
		b.dialog.Refresh(res)
	case res.Status == 481:
		b.lost(ErrNotKnown)
	case forgotten(res.Status):
		b.lost(ErrRefused)
	} // anything else leaves it as it is, until Timer N or its time is over (RFC 6665 §4.1.2.2)
}

// lost ends a branch whose notifier no longer knows it or is silent; with the last one all begins again.
func (b *branch) lost(err error) {
	w := b.w
	b.drop()
	switch {
	case len(w.branches) > 0:
		w.cfg.Handle(Told{Branch: b.dialog.RemoteTag, Err: err, Ended: true})
	case w.stopped:
		w.finish(nil)
	case err == ErrNotKnown: // RFC 6665 §4.1.2.2: a new one, at once
		w.cfg.Handle(Told{Branch: b.dialog.RemoteTag, Err: err, Ended: true})
		w.forget()
		w.subscribe()
	default:
		w.fail(err, 0)
	}
}
