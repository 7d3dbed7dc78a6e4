package db

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"santral/store"
)

var _ store.Links = (*DB)(nil)

const linkColumns = "hash, tenant, account, made, until, uses, used, agent, source"

// PutLink is as store.Links says.
func (d *DB) PutLink(ctx context.Context, l store.Link) error {
	_, err := d.writer.ExecContext(ctx, d.insert("links", linkColumns, 1), hex.EncodeToString(l.Hash[:]), l.Tenant, l.Account, l.Made.UnixMilli(), l.Until.UnixMilli(), 0, 0, "", "")
	if err != nil {
		return fmt.Errorf("keep a link: %w", err)
	}
	return nil
}

// UseLink is as store.Links says.
func (d *DB) UseLink(ctx context.Context, hash [32]byte, now time.Time, most int, agent, source string) (l store.Link, err error) {
	key := hex.EncodeToString(hash[:])
	err = d.within(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, d.sql("UPDATE links SET uses = uses + 1, used = ?, agent = ?, source = ? WHERE hash = ? AND until > ? AND uses < ?"),
			now.UnixMilli(), clean(agent), clean(source), key, now.UnixMilli(), most)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, store.ErrNotFound)
		}
		l, err = scanLink(tx.QueryRowContext(ctx, d.sql("SELECT "+linkColumns+" FROM links WHERE hash = ?"), key))
		return err
	})
	if err != nil {
		return store.Link{}, fmt.Errorf("use a link: %w", err)
	}
	return l, nil
}

func scanLink(row interface{ Scan(...any) error }) (l store.Link, err error) {
	var hash string
	var made, until, used int64
	if err := row.Scan(&hash, &l.Tenant, &l.Account, &made, &until, &l.Uses, &used, &l.Agent, &l.Source); err != nil {
		return l, err
	}
	octets, err := hex.DecodeString(hash)
	copy(l.Hash[:], octets)
	l.Made, l.Until = time.UnixMilli(made).UTC(), time.UnixMilli(until).UTC()
	if used > 0 {
		l.Used = time.UnixMilli(used).UTC()
	}
	return l, err
}

// Links is as store.Links says.
func (d *DB) Links(ctx context.Context, tenant, account string) ([]store.Link, error) {
	rows, err := d.reader.DB.QueryContext(ctx, d.sql("SELECT "+linkColumns+" FROM links WHERE tenant = ? AND account = ? ORDER BY made DESC, hash"), tenant, account)
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	defer rows.Close()
	var list []store.Link
	for rows.Next() {
		l, err := scanLink(rows)
		if err != nil {
			return nil, fmt.Errorf("list links: %w", err)
		}
		list = append(list, l)
	}
	return list, rows.Err()
}

// DeleteLinks is as store.Links says.
func (d *DB) DeleteLinks(ctx context.Context, tenant, account string) error {
	if _, err := d.writer.ExecContext(ctx, d.sql("DELETE FROM links WHERE tenant = ? AND account = ?"), tenant, account); err != nil {
		return fmt.Errorf("delete links: %w", err)
	}
	return nil
}

// ForgetLinks is as store.Links says.
func (d *DB) ForgetLinks(ctx context.Context, before time.Time) error {
	if _, err := d.writer.ExecContext(ctx, d.sql("DELETE FROM links WHERE until < ?"), before.UnixMilli()); err != nil {
		return fmt.Errorf("forget links: %w", err)
	}
	return nil
}
