package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"santral/store"
)

var _ store.Feeds = (*DB)(nil)

// Feed is as store.Feeds says.
func (d *DB) Feed(ctx context.Context, target string) (store.Feed, error) {
	f := store.Feed{Target: target}
	err := d.within(ctx, func(tx *sql.Tx) error {
		var seq, count int64
		err := tx.QueryRowContext(ctx, d.sql("SELECT seq, count FROM feeds WHERE target = ?"), clean(target)).Scan(&seq, &count)
		if errors.Is(err, sql.ErrNoRows) {
			if err = tx.QueryRowContext(ctx, "SELECT count FROM folds WHERE name = 'cdr'").Scan(&seq); err == nil {
				_, err = tx.ExecContext(ctx, d.sql("INSERT INTO feeds (target, seq, count) VALUES (?, ?, 0)"), clean(target), seq)
			}
		}
		f.Seq, f.Count = uint64(seq), uint64(count)
		return err
	})
	if err != nil {
		return f, fmt.Errorf("read the place of %s: %w", target, err)
	}
	return f, nil
}

// MoveFeed is as store.Feeds says.
func (d *DB) MoveFeed(ctx context.Context, f store.Feed) error {
	if _, err := d.writer.ExecContext(ctx, d.sql("UPDATE feeds SET seq = ?, count = ? WHERE target = ?"), int64(f.Seq), int64(f.Count), clean(f.Target)); err != nil {
		return fmt.Errorf("write down the place of %s: %w", f.Target, err)
	}
	return nil
}

// DropFeed is as store.Feeds says.
func (d *DB) DropFeed(ctx context.Context, target string) error {
	if _, err := d.writer.ExecContext(ctx, d.sql("DELETE FROM feeds WHERE target = ?"), clean(target)); err != nil {
		return fmt.Errorf("forget %s: %w", target, err)
	}
	return nil
}

// FeedAfter is as store.Feeds says.
func (d *DB) FeedAfter(ctx context.Context, tenant string, seq uint64, limit int) ([]store.CDR, uint64, error) {
	newest := int64(seq)
	if err := d.reader.DB.QueryRowContext(ctx, d.sql("SELECT COALESCE(MAX(seq), 0) FROM cdrs WHERE seq > ?"), newest).Scan(&newest); err != nil {
		return nil, seq, fmt.Errorf("read call records: %w", err)
	}
	if newest == 0 {
		return nil, seq, nil
	}
	page, err := d.after(ctx, d.reader.DB, tenant, seq, newest, limit)
	if err != nil {
		return nil, seq, err
	}
	last := uint64(newest)
	if len(page) == limit {
		last = page[len(page)-1].Seq
	}
	for i := range page {
		page[i] = page[i].For(tenant)
	}
	return page, last, nil
}
