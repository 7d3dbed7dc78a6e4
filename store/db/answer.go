package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"santral/store"
)

var _ store.Answers = (*DB)(nil)

// Answer implements store.Answers.
func (d *DB) Answer(ctx context.Context, owner, key string) (store.Answer, error) {
	a := store.Answer{Owner: owner, Key: key}
	var made int64
	err := d.reader.DB.QueryRowContext(ctx, d.sql(`SELECT fingerprint, made, status, header, body FROM answers WHERE owner = ? AND key = ?`), owner, key).
		Scan(&a.Fingerprint, &made, &a.Status, &a.Header, &a.Body)
	if errors.Is(err, sql.ErrNoRows) {
		return a, store.ErrNotFound
	}
	if err != nil {
		return a, fmt.Errorf("read a kept answer: %w", err)
	}
	a.Made = time.UnixMilli(made).UTC()
	return a, nil
}

// PutAnswer implements store.Answers.
func (d *DB) PutAnswer(ctx context.Context, a store.Answer, most int) error {
	err := d.within(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, d.sql(`INSERT INTO answers (owner, key, fingerprint, made, status, header, body) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (owner, key) DO UPDATE SET fingerprint = excluded.fingerprint, made = excluded.made, status = excluded.status, header = excluded.header, body = excluded.body`),
			a.Owner, a.Key, a.Fingerprint, a.Made.UnixMilli(), a.Status, a.Header, a.Body)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, d.sql(`DELETE FROM answers WHERE owner = ? AND made < (SELECT made FROM answers WHERE owner = ? ORDER BY made DESC LIMIT 1 OFFSET ?)`), a.Owner, a.Owner, most-1)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep an answer: %w", err)
	}
	return nil
}

// DropAnswers implements store.Answers.
func (d *DB) DropAnswers(ctx context.Context, before time.Time) error {
	if err := d.run(ctx, `DELETE FROM answers WHERE made < ?`, before.UnixMilli()); err != nil {
		return fmt.Errorf("forget old answers: %w", err)
	}
	return nil
}
