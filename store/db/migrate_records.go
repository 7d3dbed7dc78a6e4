package db

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// recordTables is what call records need besides: both sides of a call between tenants, numbers as they were understood and
// sent, stories, sums, and the keys by which numbers are found. Sums are made of the rows by the fold.
var recordTables = []string{
	`ALTER TABLE cdrs ADD COLUMN to_tenant TEXT`, // another than tenant
	`ALTER TABLE cdrs ADD COLUMN number TEXT`,
	`ALTER TABLE cdrs ADD COLUMN said TEXT`,
	`ALTER TABLE cdrs ADD COLUMN shown TEXT`,
	`ALTER TABLE cdrs ADD COLUMN calls TEXT`,
	`ALTER TABLE cdrs ADD COLUMN because TEXT`,
	`ALTER TABLE cdrs ADD COLUMN revision BIGINT`,
	`ALTER TABLE cdrs ADD COLUMN trunk TEXT`,
	`ALTER TABLE cdrs ADD COLUMN site TEXT`,
	`ALTER TABLE cdrs ADD COLUMN department TEXT`,
	`ALTER TABLE cdrs ADD COLUMN to_site TEXT`,
	`ALTER TABLE cdrs ADD COLUMN to_department TEXT`,
	`ALTER TABLE cdrs ADD COLUMN direction SMALLINT`,
	`ALTER TABLE cdrs ADD COLUMN story TEXT`, // another than call
	`ALTER TABLE cdrs ADD COLUMN mos DOUBLE PRECISION`,
	`ALTER TABLE cdr_legs ADD COLUMN tenant TEXT`,
	`ALTER TABLE cdr_legs ADD COLUMN told TEXT`,
	`ALTER TABLE cdr_legs ADD COLUMN shown TEXT`,
	`CREATE INDEX cdrs_tenant ON cdrs (tenant, began, seq)`,
	`CREATE INDEX cdrs_to_tenant ON cdrs (to_tenant, began, seq) WHERE to_tenant IS NOT NULL`,
	`CREATE INDEX cdrs_story ON cdrs (story) WHERE story IS NOT NULL`,
	// By whom and by what number a record is found in a tenant's view, in every spelling: store.NumberKey. It serves for accounts too.
	`CREATE TABLE cdr_numbers (
		number BIGINT NOT NULL,
		began BIGINT NOT NULL,
		seq BIGINT NOT NULL,
		PRIMARY KEY (number, began, seq)
	){clustered}`,
	`DROP INDEX cdrs_from`,
	`DROP INDEX cdrs_to`,
	`CREATE TABLE cdr_sums (
		tenant TEXT NOT NULL,
		summed_by SMALLINT NOT NULL,
		slot BIGINT NOT NULL,
		what TEXT NOT NULL,
		records BIGINT NOT NULL,
		calls BIGINT NOT NULL,
		answered BIGINT NOT NULL,
		busy BIGINT NOT NULL,
		no_answer BIGINT NOT NULL,
		cancelled BIGINT NOT NULL,
		failed BIGINT NOT NULL,
		effective BIGINT NOT NULL,
		talk BIGINT NOT NULL,
		delay BIGINT NOT NULL,
		delays BIGINT NOT NULL,
		mos BIGINT NOT NULL,
		measured BIGINT NOT NULL,
		PRIMARY KEY (tenant, summed_by, what, slot)
	){clustered}`,
	`INSERT INTO folds (name, done, low, count) VALUES ('cdr sums', 0, 0, 0)`,
	`CREATE TABLE saved_filters (
		tenant TEXT NOT NULL,
		owner TEXT NOT NULL,
		name TEXT NOT NULL,
		filter TEXT NOT NULL,
		changed BIGINT NOT NULL,
		PRIMARY KEY (tenant, owner, name)
	){clustered}`,
	`CREATE TABLE reports_sent (
		tenant TEXT NOT NULL,
		report TEXT NOT NULL,
		until BIGINT NOT NULL,
		state TEXT NOT NULL,
		tries INTEGER NOT NULL,
		changed BIGINT NOT NULL,
		error TEXT,
		PRIMARY KEY (tenant, report, until)
	){clustered}`,
	`CREATE TABLE cdr_archives (
		tenant TEXT NOT NULL,
		name TEXT NOT NULL,
		began BIGINT NOT NULL,
		ended BIGINT NOT NULL,
		records BIGINT NOT NULL,
		octets BIGINT NOT NULL,
		sha256 TEXT NOT NULL,
		made BIGINT NOT NULL,
		PRIMARY KEY (tenant, name)
	){clustered}`,
}

// feedTables is where those are who are told of every record.
var feedTables = []string{
	`CREATE TABLE feeds (
		target TEXT PRIMARY KEY,
		seq BIGINT NOT NULL,
		count BIGINT NOT NULL
	){clustered}`,
}

// completeRecords gives the records that are older than recordTables what follows from their legs, so that they are what the
// ledger would make of them today.
func (d *DB) completeRecords(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, "UPDATE cdr_legs SET tenant = (SELECT tenant FROM cdrs WHERE cdrs.seq = cdr_legs.seq)"); err != nil {
		return err
	}
	stories := map[string]string{} // of calls that are not their story's first
	began := map[string]time.Time{}
	var first func(call string) string
	first = func(call string) string {
		if up, ok := stories[call]; ok {
			return first(up)
		}
		return call
	}
	for at := uint64(0); ; {
		rows, err := d.after(ctx, tx, "", at, 1<<63-1, 500)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			break
		}
		for i := range rows {
			c := &rows[i]
			at = c.Seq
			others := []string{c.FromCall}
			for k := range c.Legs {
				others = append(others, c.Legs[k].FromCall)
			}
			for _, other := range others {
				if other == "" {
					continue
				}
				for _, id := range [...]string{c.Call, other} {
					if _, ok := began[id]; !ok {
						var ms int64
						if err := tx.QueryRowContext(ctx, d.sql("SELECT began FROM cdrs WHERE call = ?"), id).Scan(&ms); err == nil {
							began[id] = time.UnixMilli(ms)
						} else if err != sql.ErrNoRows {
							return err
						}
					}
				}
				if _, ok := began[other]; !ok {
					continue // no record of it
				}
				a, b := first(c.Call), first(other)
				if began[b].Before(began[a]) || began[b].Equal(began[a]) && b < a {
					a, b = b, a
				}
				if a != b {
					stories[b] = a
				}
			}
			if _, err := tx.ExecContext(ctx, d.sql("UPDATE cdrs SET trunk = ?, direction = ?, mos = ? WHERE seq = ?"), null(c.Trunk), int64(c.Direction), c.MOS, int64(c.Seq)); err != nil {
				return err
			}
			for _, key := range c.NumberKeys(nil) {
				if _, err := tx.ExecContext(ctx, d.sql("INSERT INTO cdr_numbers (number, began, seq) VALUES (?, ?, ?) ON CONFLICT (number, began, seq) DO NOTHING"), key, c.Began.UnixMilli(), int64(c.Seq)); err != nil {
					return err
				}
			}
		}
	}
	for call := range stories {
		if _, err := tx.ExecContext(ctx, d.sql("UPDATE cdrs SET story = ? WHERE call = ?"), first(call), call); err != nil {
			return fmt.Errorf("join the story of %s: %w", call, err)
		}
	}
	return nil
}

func null(s string) any {
	if s == "" {
		return nil
	}
	return clean(s)
}
