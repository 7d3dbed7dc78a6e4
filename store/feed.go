package store

import "context"

// Feed is how far somebody who is told of every record has been told.
type Feed struct {
	Target string // who: "nats", "webhook/TENANT/ID"; the key
	Seq    uint64 // the last record that it took
	Count  uint64 // how many it took: the number of the next is one more, without gaps
}

// Feeds keeps the places of those who are told of every record, each at least once and in the order of ending.
type Feeds interface {
	// Feed gives a target's place; one that is new begins behind the newest record, and is kept.
	Feed(ctx context.Context, target string) (Feed, error)
	// MoveFeed writes the place down, when what is up to there was taken.
	MoveFeed(ctx context.Context, f Feed) error
	// DropFeed forgets a target.
	DropFeed(ctx context.Context, target string) error
	// FeedAfter gives a tenant's records ("" for all) behind one in the order of ending, limit at most, as that tenant sees
	// them. last is the newest one that was looked at.
	FeedAfter(ctx context.Context, tenant string, seq uint64, limit int) (rows []CDR, last uint64, err error)
}
