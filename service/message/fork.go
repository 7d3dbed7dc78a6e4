package message

import (
	"context"
	"slices"
	"sync"
	"time"

	"santral/call"
	"santral/store"
)

// later reports a status after which the message may be wanted at another time: nobody was there, or
// something was in the way. Everything else is a phone's no.
func later(status int) bool {
	switch status {
	case 0, 408, 430, 480, 482, 487:
		return true
	}
	return status >= 500 && status < 600 && status != 501
}

// outcome is what came of a message at all phones of its recipient.
type outcome struct {
	taken  bool // by one of them at least
	status int  // else the best refusal, 0 when none of them is final
}

// everywhere sends a message to all phones of its recipient and calls done once: at the first 2xx, or when
// all have refused.
func (s *Service) everywhere(m *store.Message, hops int, targets []call.Target, done func(outcome)) {
	var mu sync.Mutex
	open, over, best := len(targets), false, 0
	for _, t := range targets {
		s.cfg.Send(s.request(m, hops, t), t, func(status int) {
			mu.Lock()
			open--
			taken := status >= 200 && status < 300
			if !taken && !later(status) {
				best = better(best, status)
			}
			tell := !over && (taken || open == 0)
			over = over || tell
			o := outcome{taken: taken, status: best}
			mu.Unlock()
			if tell {
				done(o)
			}
		})
	}
}

// better gives the refusal of two that says more to the sender: one that speaks for the account and not
// for a phone alone, else the lower (RFC 3261 §16.7 step 6). 0 is none.
func better(a, b int) int {
	if a == 0 {
		return b
	}
	if (a >= 600) != (b >= 600) {
		return max(a, b)
	}
	return min(a, b)
}

// forOne sends a message that a GRUU means for one device to that alone (RFC 5627 §6.1). It is not kept: what
// waits is for the account, and would reach its other devices.
func (s *Service) forOne(m *store.Message, hops int, device string, targets []call.Target, answer func(status int, reason string)) {
	targets = slices.DeleteFunc(slices.Clone(targets), func(t call.Target) bool { return t.Device != device })
	if len(targets) == 0 {
		answer(480, "")
		return
	}
	s.everywhere(m, hops, targets, func(o outcome) {
		switch {
		case o.taken:
			s.delivered.Add(1)
			answer(200, "")
		case o.status != 0:
			answer(refusal(o.status), "")
		default:
			answer(480, "")
		}
	})
}

// live is a message whose sender waits for an answer.
type live struct {
	mu     sync.Mutex // a leaf
	told   bool       // the sender has, or gets, its answer
	timer  *time.Timer
	answer func(status int, reason string)
}

// fork sends a message at once. When no phone has taken it after a while it is kept and its sender told so;
// a phone that takes it after all has it forgotten again.
func (s *Service) fork(m store.Message, hops int, targets []call.Target, answer func(status int, reason string)) {
	l := &live{answer: answer}
	l.mu.Lock()
	l.timer = time.AfterFunc(patience, func() { s.keepLive(l, &m) })
	l.mu.Unlock()
	s.everywhere(&m, hops, targets, func(o outcome) {
		switch {
		case o.taken:
			s.delivered.Add(1)
			if l.claim() {
				answer(200, "")
				return
			}
			s.store.Put(func() { s.failed("forget a message", s.cfg.Store.DropMessage(context.Background(), m.Tenant, m.ID)) })
		case o.status != 0:
			if l.claim() {
				answer(refusal(o.status), "")
			}
		default:
			s.keepLive(l, &m)
		}
	})
}

// claim takes the one answer that the sender gets; false when it is taken.
func (l *live) claim() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := !l.told
	l.told = true
	l.timer.Stop()
	return first
}

func (s *Service) keepLive(l *live, m *store.Message) {
	if l.claim() {
		s.keep(*m, func(err error) { l.answer(verdict(err)) })
	}
}

// refusal is what the sender is told of a phone's no. A challenge of the recipient's is never passed on: it
// would ask for the sender's digest.
func refusal(status int) int {
	if status < 400 || status == 401 || status == 407 {
		return 480
	}
	return status
}

// Registered is told that the bindings of an account have changed: what waits is delivered, in order.
func (s *Service) Registered(tenant, account string) {
	k := key{tenant, account}
	s.mu.Lock()
	b := s.waiting[k]
	start := b != nil && !b.under
	if b != nil {
		b.again = b.under
		b.under = true
	}
	s.mu.Unlock()
	if start {
		s.next(k)
	}
}

// next delivers the oldest message of a recipient, if a phone is there to take it.
func (s *Service) next(k key) {
	s.store.Put(func() {
		targets, exists := s.cfg.Contacts.Contacts(k.tenant, k.account)
		if exists && len(targets) == 0 {
			s.rest(k, false)
			return
		}
		list, err := s.cfg.Store.WaitingMessages(context.Background(), k.tenant, k.account, 1)
		s.failed("read messages", err)
		if err != nil || len(list) == 0 {
			s.rest(k, err == nil)
			return
		}
		m := &list[0]
		if !exists || !time.Now().Before(m.Expires) {
			s.expired.Add(1)
			s.drop(k, m)
			return
		}
		s.everywhere(m, 69, targets, func(o outcome) {
			switch {
			case o.taken:
				s.delivered.Add(1)
				s.store.Put(func() { s.drop(k, m) })
			case o.status != 0:
				s.refused.Add(1)
				s.store.Put(func() { s.drop(k, m) })
			default:
				s.rest(k, false)
			}
		})
	})
}

// drop forgets a message that is dealt with, and goes on with the next. It runs on the store's goroutine.
func (s *Service) drop(k key, m *store.Message) {
	err := s.cfg.Store.DropMessage(context.Background(), m.Tenant, m.ID)
	s.failed("forget a message", err)
	if err != nil { // it would come again and again
		s.rest(k, false)
		return
	}
	s.next(k)
}

// rest ends a delivery: nothing waits any more (empty), or nobody is there to take it.
func (s *Service) rest(k key, empty bool) {
	s.mu.Lock()
	b := s.waiting[k]
	again := false
	if b != nil {
		again = b.again
		b.under, b.again = again, false
		if empty && !again {
			delete(s.waiting, k)
		}
	}
	s.mu.Unlock()
	if again {
		s.next(k)
	}
}
