// Package feed tells others of every call record: each at least once, in the order of ending, with numbers without gaps by which the
// other side sees what it has had and what it misses.
//
// What lives here: the walk through the records for one target, and the target that is a NATS server (JetStream). What does not live here: how
// far a target is (store.Feeds), and webhooks, which are targets of the API's. A target's place moves when it has taken what
// it was given; one that is away keeps its place and nobody else waits for it.
package feed

import (
	"context"
	"log/slog"
	"time"

	"santral/store"
)

// Item is a record with its number for this target: the first is 1, the next one more.
type Item struct {
	Sequence uint64
	Record   store.CDR // as the target's tenant sees it
}

// Target is somebody who is told.
type Target struct {
	Name   string // the key of its place, such as "nats"
	Tenant string // whose records; "" for all
	Batch  int    // how many at once at most; 0 for 100
	// Send gives items to the target, the oldest first, and returns when it has all of them for good. After an error all are given again.
	Send func(ctx context.Context, items []Item) error
}

// Config is what a walk needs.
type Config struct {
	Feeds store.Feeds
	Every time.Duration                   // how often it looks for records; 1 s
	Log   *slog.Logger                    // nil to discard
	State func(target string, err error)  // the target does not take what it is given; nil err: it does again. nil for nobody
	Moved func(target string, seq uint64) // it has had everything up to a record; nil for nobody
}

// Run tells a target of records until ctx ends.
func Run(ctx context.Context, cfg Config, t Target) {
	if cfg.Every <= 0 {
		cfg.Every = time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if t.Batch <= 0 {
		t.Batch = 100
	}
	failed := 0
	for ctx.Err() == nil {
		more, err := step(ctx, &cfg, &t)
		wait := cfg.Every
		switch {
		case err != nil && ctx.Err() == nil:
			if failed++; failed == 1 {
				cfg.Log.Error("records wait for who is told of them", "target", t.Name, "error", err)
			}
			if cfg.State != nil {
				cfg.State(t.Name, err)
			}
			wait = min(cfg.Every<<min(failed, 10), time.Minute)
		case failed > 0:
			failed = 0
			cfg.Log.Info("records are taken again", "target", t.Name)
			if cfg.State != nil {
				cfg.State(t.Name, nil)
			}
		}
		if more && err == nil {
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

// step gives one batch. more says that there may be another at once.
func step(ctx context.Context, cfg *Config, t *Target) (more bool, err error) {
	place, err := cfg.Feeds.Feed(ctx, t.Name)
	if err != nil {
		return false, err
	}
	rows, last, err := cfg.Feeds.FeedAfter(ctx, t.Tenant, place.Seq, t.Batch)
	if err != nil || last == place.Seq {
		return false, err
	}
	if len(rows) > 0 {
		items := make([]Item, len(rows))
		for i := range rows {
			items[i] = Item{place.Count + uint64(i) + 1, rows[i]}
		}
		if err := t.Send(ctx, items); err != nil {
			return false, err
		}
	}
	place.Seq, place.Count = last, place.Count+uint64(len(rows))
	if err := cfg.Feeds.MoveFeed(ctx, place); err != nil {
		return false, err
	}
	if cfg.Moved != nil {
		cfg.Moved(t.Name, place.Seq)
	}
	return len(rows) == t.Batch, nil
}
