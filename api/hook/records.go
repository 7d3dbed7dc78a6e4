package hook

import (
	"encoding/json"
	"fmt"
	"time"

	"santral/api"
	"santral/store"
)

// Records says that there may be new call records.
func (s *Service) Records() {
	if s != nil {
		ring(s.records)
	}
}

// feed has webhooks told of every call record, each at least once: their places in the records are in the database, and
// move when what is up to there is kept for them.
func (s *Service) feed() {
	const look = 30 * time.Second // in case nobody said that there are new ones
	timer := time.NewTicker(look)
	defer timer.Stop()
	known := map[store.HookKey]bool{}
	for {
		select {
		case <-s.records:
		case <-timer.C:
		case <-s.ctx.Done():
			return
		}
		h := s.now()
		want := map[store.HookKey]bool{}
		for i := range h.list {
			w := &h.list[i]
			if !api.Wanted(w.noun.Events, api.RecordMade) || s.Off(w.key) {
				continue
			}
			want[w.key], known[w.key] = true, true
			if err := s.feedOne(w); err != nil && s.ctx.Err() == nil {
				s.log.Error("webhooks are told of records later", "tenant", w.key.Tenant, "webhook", w.key.Webhook, "error", err)
			}
		}
		for key := range known {
			if !want[key] { // told again some day, it begins behind what is then
				if err := s.cfg.Rows.DropFeed(s.ctx, target(key)); err == nil {
					delete(known, key)
				}
			}
		}
	}
}

func target(key store.HookKey) string { return "webhook/" + key.Tenant + "/" + key.Webhook }

// feedOne keeps the records that a webhook has not been told of.
func (s *Service) feedOne(w *hooked) error {
	const page = 200
	of := w.key.Tenant
	if w.all {
		of = ""
	}
	place, err := s.cfg.Rows.Feed(s.ctx, target(w.key))
	if err != nil {
		return err
	}
	for {
		s.mu.Lock()
		full := s.stateLocked(w.key).waiting >= mostWaiting
		s.mu.Unlock()
		if full { // they stay where they are until there is room
			return nil
		}
		rows, last, err := s.cfg.Rows.FeedAfter(s.ctx, of, place.Seq, page)
		if err != nil {
			return err
		}
		if last == place.Seq {
			return nil
		}
		var list []store.Delivery
		for i := range rows {
			r := &rows[i]
			text, err := json.Marshal(api.Event{ID: r.Seq, Type: api.RecordMade, Time: r.Ended, Tenant: r.Tenant, Data: r})
			if err != nil {
				return err
			}
			list = append(list, store.Delivery{Tenant: w.key.Tenant, Webhook: w.key.Webhook, Event: fmt.Sprintf("rec_%d", r.Seq), Type: api.RecordMade, Body: string(text), Made: time.Now()})
		}
		if len(list) > 0 {
			if err := s.add(s.ctx, list); err != nil {
				return err
			}
		}
		place.Seq, place.Count = last, place.Count+uint64(len(list))
		if err := s.cfg.Rows.MoveFeed(s.ctx, place); err != nil {
			return err
		}
	}
}
