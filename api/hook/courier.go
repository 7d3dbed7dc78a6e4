package hook

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"santral/store"
	"santral/tenant"
)

// schedule is how long after the first, second … attempt an event is tried again; the last repeats until a day has passed.
var schedule = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour}

// later gives when an attempt is repeated, up to a fifth sooner or later, so that those who failed together don't come together.
func (s *Service) later(tries int) time.Duration {
	d := schedule[min(max(tries, 1), len(schedule))-1]
	return d + time.Duration((s.cfg.Random()-0.5)*0.4*float64(d))
}

// courier brings one webhook what waits for it. It is there while something does.
type courier struct {
	key  store.HookKey
	bell chan struct{}
}

func (c *courier) ring() { ring(c.bell) }

// sendLocked has what waits for a webhook be sent.
func (s *Service) sendLocked(key store.HookKey) {
	if c := s.couriers[key]; c != nil {
		c.ring()
		return
	}
	if s.closed {
		return
	}
	c := &courier{key: key, bell: make(chan struct{}, 1)}
	s.couriers[key] = c
	s.work.Go(func() { s.carry(c) })
}

// carry sends until nothing waits.
func (s *Service) carry(c *courier) {
	var client *http.Client
	var of *tenant.Webhook
	closeIdle := func() {
		if client != nil {
			client.CloseIdleConnections()
		}
	}
	defer func() { closeIdle() }()
	failed := 0 // batches in a row in which the target took nothing
	for s.ctx.Err() == nil {
		w := s.now().by[c.key]
		switch {
		case w == nil || s.Off(c.key):
			s.end(c.key, time.Time{}, store.DeliveryDiscarded, "")
			if s.rest(c, false) {
				return
			}
			continue
		case w.Off: // nothing is sent, and what waits is given up in its time
			if !s.pause(c, time.Hour) {
				return
			}
			continue
		}
		if client == nil || of == nil || of.URL != w.URL || fmt.Sprint(of.Hosts) != fmt.Sprint(w.Hosts) {
			closeIdle()
			client, of = s.client(w), w
		}
		most := 5 * ofOne
		if failed > 0 {
			most = 1 // one that tries whether it is there again
		}
		due, next, err := s.cfg.Rows.DueDeliveries(s.ctx, c.key, time.Now(), most)
		switch {
		case err != nil:
			if s.ctx.Err() == nil {
				s.log.Error("what waits for a webhook can't be read", "tenant", c.key.Tenant, "webhook", c.key.Webhook, "error", err)
			}
			s.sleep(time.Second)
			continue
		case len(due) == 0 && next.IsZero():
			if s.rest(c, true) {
				return
			}
			continue
		case len(due) == 0:
			if !s.pause(c, time.Until(next)) {
				return
			}
			continue
		}
		if s.batch(c, client, w, due) {
			failed = 0
			continue
		}
		failed++
		if !s.sleep(min(time.Second<<min(failed, 9), 5*time.Minute)) {
			return
		}
	}
}

// rest ends a courier that has nothing to do; false when something came meanwhile.
func (s *Service) rest(c *courier, none bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-c.bell:
		return false
	default:
	}
	if none {
		s.stateLocked(c.key).waiting = 0
	}
	delete(s.couriers, c.key)
	return true
}

// pause waits until something new waits, or a time has passed.
func (s *Service) pause(c *courier, d time.Duration) bool {
	t := time.NewTimer(min(max(d, 10*time.Millisecond), time.Hour))
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.bell:
	case <-s.ctx.Done():
		return false
	}
	return true
}

// batch tries what is due, a few at once, and writes down what came of it. It reports whether the target took any.
func (s *Service) batch(c *courier, client *http.Client, w *tenant.Webhook, due []store.Delivery) (took bool) {
	gone := false
	var wait sync.WaitGroup
	tried := make([]*store.Attempt, len(due))
	few := make(chan struct{}, ofOne)
	for i := range due {
		few <- struct{}{}
		select {
		case s.seats <- struct{}{}:
		case <-s.ctx.Done():
			<-few
			wait.Wait()
			return true
		}
		wait.Go(func() {
			tried[i] = s.attempt(s.ctx, client, w, &due[i])
			<-s.seats
			<-few
		})
	}
	wait.Wait()
	var over, delivered, lost, bad int
	why := ""
	for i := range due {
		d, a := &due[i], tried[i]
		if s.ctx.Err() != nil && a.Status == 0 { // it was us who ended it: it counts for nothing
			a.Error = "the exchange ended"
		} else {
			d.Tries++
		}
		d.Attempts = append(d.Attempts, *a)
		switch {
		case a.Status >= 200 && a.Status < 300:
			d.State, took = store.DeliveryTaken, true
			delivered, over = delivered+1, over+1
		case a.Status == http.StatusGone:
			gone = true
			d.State = store.DeliveryDiscarded
			over++
		case time.Since(d.Since) >= giveUp:
			d.State, why = store.DeliveryGivenUp, reason(a)
			lost, over, bad = lost+1, over+1, bad+1
		default:
			d.Next = time.Now().Add(s.later(d.Tries))
			bad++
		}
	}
	for s.wrote(due) != nil {
		if !s.sleep(time.Second) {
			return took
		}
	}
	s.mu.Lock()
	st := s.stateLocked(c.key)
	st.waiting = max(0, st.waiting-over)
	s.stats.Delivered += uint64(delivered)
	s.stats.Failed += uint64(bad)
	s.stats.GivenUp += uint64(lost)
	if gone {
		st.off, st.url = true, w.URL
	}
	s.mu.Unlock()
	switch {
	case gone:
		s.switched(c.key, time.Now(), w.URL)
	case lost > 0:
		s.cfg.Trouble.GivenUp(c.key, why)
	case took:
		s.cfg.Trouble.WellAgain(c.key)
	}
	return took
}

// wrote writes down what was tried, also while the service ends.
func (s *Service) wrote(list []store.Delivery) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(s.ctx), 10*time.Second)
	defer stop()
	err := s.cfg.Rows.TriedDeliveries(ctx, list)
	if err != nil {
		s.log.Error("what a webhook took is not written down yet", "tenant", list[0].Tenant, "webhook", list[0].Webhook, "error", err)
	}
	return err
}

func reason(a *store.Attempt) string {
	if a.Error != "" {
		return a.Error
	}
	return fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status))
}
