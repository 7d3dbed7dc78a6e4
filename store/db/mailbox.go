package db

import (
	"context"
	"database/sql"
	"fmt"

	"santral/store"
)

var _ store.Mailboxes = (*DB)(nil)

// Mailboxes gives the counts of all mailboxes that were ever put.
func (d *DB) Mailboxes(ctx context.Context) ([]store.Mailbox, error) {
	rows, err := d.reader.QueryContext(ctx, `SELECT tenant, account, fresh, old, urgent_fresh, urgent_old FROM mailboxes ORDER BY tenant, account`)
	if err != nil {
		return nil, fmt.Errorf("read mailboxes: %w", err)
	}
	defer rows.Close()
	var list []store.Mailbox
	for rows.Next() {
		var b store.Mailbox
		if err := rows.Scan(&b.Tenant, &b.Account, &b.New, &b.Old, &b.UrgentNew, &b.UrgentOld); err != nil {
			return nil, fmt.Errorf("read mailboxes: %w", err)
		}
		list = append(list, b)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read mailboxes: %w", err)
	}
	return list, nil
}

// PutMailbox keeps the counts of one mailbox.
func (d *DB) PutMailbox(ctx context.Context, b store.Mailbox) error {
	err := d.within(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, d.sql(`INSERT INTO mailboxes (tenant, account, fresh, old, urgent_fresh, urgent_old) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (tenant, account) DO UPDATE SET fresh = excluded.fresh, old = excluded.old, urgent_fresh = excluded.urgent_fresh, urgent_old = excluded.urgent_old`),
			b.Tenant, b.Account, b.New, b.Old, b.UrgentNew, b.UrgentOld)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep a mailbox: %w", err)
	}
	return nil
}
