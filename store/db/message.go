package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"santral/store"
)

var _ store.Messages = (*DB)(nil)

// KeepMessage keeps a message for its recipient, where there is room.
func (d *DB) KeepMessage(ctx context.Context, m store.Message, most, share int) error {
	err := d.within(ctx, func(tx *sql.Tx) error {
		var all, own int
		row := tx.QueryRowContext(ctx, d.sql(`SELECT COUNT(*), COALESCE(SUM(CASE WHEN sender = ? THEN 1 ELSE 0 END), 0) FROM messages WHERE tenant = ? AND recipient = ?`), m.From, m.Tenant, m.To)
		if err := row.Scan(&all, &own); err != nil {
			return err
		}
		switch {
		case all >= most:
			return store.ErrFull
		case own >= share:
			return store.ErrShare
		}
		_, err := tx.ExecContext(ctx, d.sql(`INSERT INTO messages (tenant, id, recipient, sender, content_type, body, sent, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`),
			m.Tenant, m.ID, m.To, m.From, clean(m.ContentType), []byte(m.Body), m.Sent.UnixMilli(), m.Expires.UnixMilli())
		return err
	})
	if err != nil && !errors.Is(err, store.ErrFull) && !errors.Is(err, store.ErrShare) {
		return fmt.Errorf("keep a message: %w", err)
	}
	return err
}

// WaitingMessages gives the oldest messages of a recipient.
func (d *DB) WaitingMessages(ctx context.Context, tenant, account string, limit int) ([]store.Message, error) {
	rows, err := d.writer.QueryContext(ctx, d.sql(`SELECT id, sender, content_type, body, sent, expires FROM messages WHERE tenant = ? AND recipient = ? ORDER BY id LIMIT ?`), tenant, account, limit)
	if err != nil {
		return nil, fmt.Errorf("read messages: %w", err)
	}
	defer rows.Close()
	var list []store.Message
	for rows.Next() {
		m := store.Message{Tenant: tenant, To: account}
		var body []byte
		var sent, expires int64
		if err := rows.Scan(&m.ID, &m.From, &m.ContentType, &body, &sent, &expires); err != nil {
			return nil, fmt.Errorf("read messages: %w", err)
		}
		m.Body, m.Sent, m.Expires = string(body), time.UnixMilli(sent).UTC(), time.UnixMilli(expires).UTC()
		list = append(list, m)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read messages: %w", err)
	}
	return list, nil
}

// DropMessage forgets one message.
func (d *DB) DropMessage(ctx context.Context, tenant, id string) error {
	if _, err := d.writer.ExecContext(ctx, d.sql(`DELETE FROM messages WHERE tenant = ? AND id = ?`), tenant, id); err != nil {
		return fmt.Errorf("drop a message: %w", err)
	}
	return nil
}

// DropExpired forgets messages whose time is over.
func (d *DB) DropExpired(ctx context.Context, now time.Time) (int, error) {
	done, err := d.writer.ExecContext(ctx, d.sql(`DELETE FROM messages WHERE expires <= ?`), now.UnixMilli())
	if err != nil {
		return 0, fmt.Errorf("drop old messages: %w", err)
	}
	n, err := done.RowsAffected()
	return int(n), err
}

// Recipients gives for whom messages wait.
func (d *DB) Recipients(ctx context.Context) ([][2]string, error) {
	rows, err := d.writer.QueryContext(ctx, `SELECT DISTINCT tenant, recipient FROM messages`)
	if err != nil {
		return nil, fmt.Errorf("read messages: %w", err)
	}
	defer rows.Close()
	var list [][2]string
	for rows.Next() {
		var r [2]string
		if err := rows.Scan(&r[0], &r[1]); err != nil {
			return nil, fmt.Errorf("read messages: %w", err)
		}
		list = append(list, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read messages: %w", err)
	}
	return list, nil
}
