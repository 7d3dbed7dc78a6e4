package event

import (
	"strconv"
	"time"

	"santral/sip"
	"santral/sip/endpoint"
)

// repeats is how long after a notification without an answer the next attempt is made: the first at once
// after its 32 s, the others further apart. A lamp whose phone was away comes back by itself
// (docs/decisions/014).
var repeats = [...]time.Duration{time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute}

// longestRetry bounds how long a Retry-After of the subscriber's is believed.
const longestRetry = 5 * time.Minute

// Changed says that the state is another one now: the subscriber is told as soon as the last notification
// is answered and the interval is over, of the state as it is then. It belongs to the shard.
func (s *Subscription) Changed() {
	if s.state != active {
		return
	}
	s.due = true
	s.send()
}

// now tells the state without waiting for the interval: the subscriber has just asked (RFC 6665 §4.2.1.2).
func (s *Subscription) now() {
	s.due, s.last = true, time.Time{}
	s.stopRepeat()
	s.send()
}

// End ends the subscription: the subscriber is told why, and after how long it may come back (0: nothing is
// said). The state goes with it. It belongs to the shard; after the first time it does nothing.
func (s *Subscription) End(reason Reason, after time.Duration) {
	if s.state != active {
		return
	}
	s.state, s.reason, s.after, s.due = ending, reason, after, true
	s.expiry.Stop()
	s.stopRepeat()
	s.n.book.leave(s)
	s.send()
}

func (s *Subscription) stopRepeat() {
	s.repeat.Stop()
	s.repeat = nil
}

// send sends the notification that is due, unless one is under way or the interval is not over. One at a
// time keeps them in order, and what comes next tells the newest state only.
func (s *Subscription) send() {
	if !s.due || s.waiting || s.repeat != nil {
		return
	}
	if wait := s.interval - time.Since(s.last); wait > 0 && s.state == active && !s.last.IsZero() {
		s.again(wait)
		return
	}
	s.due, s.waiting, s.last = false, true, time.Now()
	req := s.request()
	s.shard.Request(req, s.next(), s.onAnswer)
}

// again sends what is due after d.
func (s *Subscription) again(d time.Duration) {
	s.due = true
	s.repeat = s.shard.After(d, func() {
		s.repeat = nil
		s.send()
	})
}

// request builds the next NOTIFY (RFC 6665 §4.2.2).
func (s *Subscription) request() *sip.Message {
	full := s.full
	s.full = false
	body := s.source.State(s, full)
	req := s.dialog.Request(sip.NOTIFY)
	req.Set(sip.Contact, s.contact)
	if s.req.ID == "" {
		req.Set(sip.Event, s.pkg.Name)
	} else {
		req.Set(sip.Event, s.pkg.Name+";id="+s.req.ID)
	}
	req.Set(sip.SubscriptionState, s.standing())
	for _, h := range body.Headers {
		req.Add(h.Kind, h.Value)
	}
	switch {
	case body.Type == "":
	case body.Tail == "":
		req.SetBody(body.Type, body.Head)
	default:
		text := make([]byte, 0, len(body.Head)+len(body.Tail)+20)
		text = strconv.AppendUint(append(text, body.Head...), s.version, 10)
		req.SetBody(body.Type, string(append(text, body.Tail...)))
		s.version++
	}
	return req
}

// Version gives the version of the next body, and counts it: for bodies that are made for one subscription.
func (s *Subscription) Version() uint64 {
	s.version++
	return s.version - 1
}

// standing is the Subscription-State value (RFC 6665 §8.2.3).
func (s *Subscription) standing() string {
	if s.state == active {
		left := max(int(time.Until(s.expires).Round(time.Second)/time.Second), 0)
		v := "active;expires=" + strconv.Itoa(left)
		if s.wished {
			v += ";max-rate=" + strconv.FormatFloat(float64(time.Second)/float64(s.interval), 'f', 4, 64) // RFC 6446 §5.2
		}
		return v
	}
	v := "terminated;reason=" + string(s.reason)
	if s.after > 0 {
		v += ";retry-after=" + strconv.Itoa(int(s.after/time.Second))
	}
	return v
}

// next is where requests to the subscriber go. A connection that is gone leaves its Contact as the only hope.
// A host that the subscriber only names is never told anything: one SUBSCRIBE would have it get notifications
// without end, and nobody there has asked.
func (s *Subscription) next() endpoint.Next {
	s.follow()
	uri, byFlow := s.path.Next(s.dialog)
	to := endpoint.Next{URI: uri}
	if edges := s.n.cfg.Edges; !s.path.Near(uri) && (edges == nil || !edges(s.path.Flow.Remote.Addr())) {
		to = endpoint.Next{Flow: s.path.Flow, HasFlow: true} // and nowhere else when that is gone
	} else if byFlow && (!s.path.Flow.Transport.Stream() || s.shard.Alive(s.path.Flow)) {
		to.Flow, to.HasFlow = s.path.Flow, true
	}
	return to
}

// follow looks whether the subscriber's phone has registered by another flow and no longer has the one that it
// had. Behind proxies it is theirs to find.
func (s *Subscription) follow() {
	p := s.n.cfg.Phones
	if p == nil || s.phone == "" || len(s.dialog.Routes) > 0 {
		return
	}
	to, ok := p.Home(s.req.Who.Tenant, s.req.Who.Account, s.phone, s.home)
	if ok && to != s.home {
		s.home = to
		s.path.Move(to)
		s.n.book.note(s)
	}
}

// onAnswer is what came of a notification. RFC 6665 §4.2.2 removes the subscription after a time-out; here
// a lost notification never kills a lamp: only a subscriber that says so, or that stays silent again and
// again, is given up (docs/decisions/014).
func (s *Subscription) onAnswer(ev endpoint.ClientEvent) {
	if ev.Response != nil && ev.Response.Status < 200 || s.state == over {
		return
	}
	s.waiting = false
	status := 0
	if ev.Response != nil {
		status = ev.Response.Status
	}
	was := s.failures
	switch {
	case ev.Err == endpoint.ErrClosed:
		return
	case status/100 == 2:
		s.n.notified.Add(1)
		s.failures = 0
		s.dialog.Refresh(ev.Response) // RFC 6665 §4.4.1: a NOTIFY refreshes the target for both
	case forgotten(status):
		s.n.unanswered.Add(1)
		s.lose()
		return
	case s.state == ending:
		s.n.unanswered.Add(1)
	case status == 0 || status == 408 || status >= 500:
		s.n.unanswered.Add(1)
		s.full = true
		if s.failures++; s.failures > s.n.cfg.Limits.Patience && (status == 0 || status == 408) {
			s.lose()
			return
		}
		if s.repeat == nil {
			s.again(s.patience(ev.Response))
		}
	default: // it did not like this one: the next change is told again
		s.n.unanswered.Add(1)
		s.full = true
	}
	if (was > 0) != (s.failures > 0) {
		s.n.book.note(s)
	}
	if s.state == ending && !s.due {
		s.close()
		return
	}
	s.send()
}

// patience is how long to wait after a notification that came to nothing.
func (s *Subscription) patience(res *sip.Message) time.Duration {
	wait := repeats[min(s.failures, len(repeats))-1]
	if res != nil {
		if n, err := strconv.Atoi(firstNumber(res.Get(sip.RetryAfter))); err == nil {
			wait = max(wait, min(time.Duration(n)*time.Second, longestRetry))
		}
	}
	return wait
}

// firstNumber is the digits that a value begins with.
func firstNumber(s string) string {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return s[:i]
}

// forgotten reports an answer by which the subscriber says that it has no such subscription, or never will
// (RFC 6665 §4.2.2, RFC 5057 §5.1).
func forgotten(status int) bool {
	switch status {
	case 404, 405, 410, 416, 481, 482, 484, 485, 489, 501, 604:
		return true
	}
	return false
}

// lose ends a subscription whose subscriber is not there to be told.
func (s *Subscription) lose() {
	if s.state == active {
		s.n.lost.Add(1)
		s.n.book.leave(s)
	}
	s.close()
}

// close lets go of everything.
func (s *Subscription) close() {
	s.state = over
	s.expiry.Stop()
	s.stopRepeat()
	s.shard.Detach(s.key())
	s.n.ended.Add(1)
	s.source.Over(s)
}
