package hook

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"time"

	"santral/api"
	"santral/store"
	"santral/tenant"
)

// Webhook gives what the document says of one; nil for none.
func (s *Service) Webhook(key store.HookKey) *tenant.Webhook { return s.now().by[key] }

// Deliveries gives a page of the log, newest first.
func (s *Service) Deliveries(ctx context.Context, f store.DeliveryFilter, cursor string, limit int) ([]store.Delivery, string, error) {
	return s.cfg.Rows.Deliveries(ctx, f, cursor, limit)
}

// Delivery gives one, with the octets that are sent.
func (s *Service) Delivery(ctx context.Context, key store.HookKey, seq uint64) (store.Delivery, error) {
	d, err := s.cfg.Rows.Delivery(ctx, key, seq)
	if err == nil {
		d.Body = body(&d)
	}
	return d, err
}

// Resend has deliveries of a webhook be sent anew: those between two Seq, only those in a state where that is given.
func (s *Service) Resend(ctx context.Context, key store.HookKey, from, to uint64, only *store.DeliveryState) (n int, err error) {
	if n, err = s.cfg.Rows.AgainDeliveries(ctx, key, from, to, only, time.Now()); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n > 0 {
		s.stateLocked(key).waiting += n // those that waited already are counted twice until nothing waits
		s.sendLocked(key)
	}
	return n, nil
}

// Test has a webhook told of an event that says that it is one for a test, at once, whether it wants such or not, and tells
// what came of it.
func (s *Service) Test(ctx context.Context, key store.HookKey) (store.Delivery, error) {
	w := s.now().by[key]
	if w == nil {
		return store.Delivery{}, store.ErrNotFound
	}
	var raw [9]byte
	rand.Read(raw[:])
	now := time.Now()
	text, err := json.Marshal(api.Event{Type: api.HookTest, Time: now.UTC(), Tenant: key.Tenant, Data: api.HookTestEvent{Webhook: key.Webhook, Text: "this is a test · این یک آزمایش است"}})
	if err != nil {
		return store.Delivery{}, err
	}
	d := store.Delivery{Tenant: key.Tenant, Webhook: key.Webhook, Event: "test_" + base64.RawURLEncoding.EncodeToString(raw[:]), Type: api.HookTest, Body: string(text), Made: now, Since: now}
	client := s.client(w)
	defer client.CloseIdleConnections()
	select {
	case s.seats <- struct{}{}:
	case <-ctx.Done():
		return d, ctx.Err()
	}
	a := s.attempt(ctx, client, w, &d)
	<-s.seats
	d.Tries, d.Attempts, d.State = 1, []store.Attempt{*a}, store.DeliveryGivenUp
	if a.Status >= 200 && a.Status < 300 {
		d.State = store.DeliveryTaken
	}
	return d, nil
}
