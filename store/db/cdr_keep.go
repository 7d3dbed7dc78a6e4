package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"santral/store"
)

var (
	_ store.SentReports  = (*DB)(nil)
	_ store.SavedFilters = (*DB)(nil)
	_ store.Archives     = (*DB)(nil)
)

// ReportDue is as store.SentReports says.
func (d *DB) ReportDue(ctx context.Context, tenant, report string, until, now time.Time) (store.ReportDue, error) {
	var due store.ReportDue
	err := d.within(ctx, func(tx *sql.Tx) error {
		var state string
		var changed int64
		key := []any{clean(tenant), clean(report), until.UnixMilli()}
		err := tx.QueryRowContext(ctx, d.sql("SELECT state, tries, changed FROM reports_sent WHERE tenant = ? AND report = ? AND until = ?"), key...).Scan(&state, &due.Tries, &changed)
		switch {
		case err == nil:
			wait := min(time.Minute<<min(due.Tries, 6), time.Hour)
			due.Due = state == "failed" && now.UnixMilli() >= changed+wait.Milliseconds()
			due.Waits = state == "failed" && !due.Due
			return nil
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		var known int
		if err := tx.QueryRowContext(ctx, d.sql("SELECT COUNT(*) FROM reports_sent WHERE tenant = ? AND report = ?"), key[:2]...).Scan(&known); err != nil {
			return err
		}
		if due.Due = known > 0; due.Due {
			return nil
		}
		return d.markReport(ctx, tx, key, "not asked for", now, "")
	})
	if err != nil {
		return store.ReportDue{}, fmt.Errorf("see whether a report is owed: %w", err)
	}
	return due, nil
}

func (d *DB) markReport(ctx context.Context, tx *sql.Tx, key []any, state string, now time.Time, why string) error {
	tries := 0
	if state == "failed" {
		tries = 1
	}
	_, err := tx.ExecContext(ctx, d.sql("INSERT INTO reports_sent (tenant, report, until, state, tries, changed, error) VALUES (?, ?, ?, ?, ?, ?, ?) "+
		"ON CONFLICT (tenant, report, until) DO UPDATE SET state = excluded.state, tries = reports_sent.tries + excluded.tries, changed = excluded.changed, error = excluded.error"),
		append(key[:len(key):len(key)], state, tries, now.UnixMilli(), null(why))...)
	return err
}

// ReportSent is as store.SentReports says.
func (d *DB) ReportSent(ctx context.Context, tenant, report string, until, now time.Time) error {
	return d.reported(ctx, tenant, report, until, "sent", now, "")
}

// ReportFailed is as store.SentReports says.
func (d *DB) ReportFailed(ctx context.Context, tenant, report string, until, now time.Time, why string) error {
	return d.reported(ctx, tenant, report, until, "failed", now, why)
}

func (d *DB) reported(ctx context.Context, tenant, report string, until time.Time, state string, now time.Time, why string) error {
	err := d.within(ctx, func(tx *sql.Tx) error {
		return d.markReport(ctx, tx, []any{clean(tenant), clean(report), until.UnixMilli()}, state, now, why)
	})
	if err != nil {
		return fmt.Errorf("write down that a report was %s: %w", state, err)
	}
	return nil
}

// SentReports is as store.SentReports says.
func (d *DB) SentReports(ctx context.Context, tenant string, limit int) ([]store.SentReport, error) {
	rows, err := d.reader.DB.QueryContext(ctx, d.sql("SELECT report, until, state, tries, changed, COALESCE(error, '') FROM reports_sent WHERE tenant = ? ORDER BY changed DESC, report LIMIT ?"), tenant, limit)
	if err != nil {
		return nil, fmt.Errorf("list mailed reports: %w", err)
	}
	defer rows.Close()
	list := []store.SentReport{}
	for rows.Next() {
		var r store.SentReport
		var until, at int64
		if err := rows.Scan(&r.Report, &until, &r.State, &r.Tries, &at, &r.Error); err != nil {
			return nil, fmt.Errorf("list mailed reports: %w", err)
		}
		r.Until, r.At = moment(&until), moment(&at)
		list = append(list, r)
	}
	return list, rows.Err()
}

// SavedFilters is as store.SavedFilters says.
func (d *DB) SavedFilters(ctx context.Context, tenant, owner string) ([]store.SavedFilter, error) {
	rows, err := d.reader.DB.QueryContext(ctx, d.sql("SELECT owner, name, filter, changed FROM saved_filters WHERE tenant = ? AND owner IN (?, '') ORDER BY name, owner"), clean(tenant), clean(owner))
	if err != nil {
		return nil, fmt.Errorf("list searches: %w", err)
	}
	defer rows.Close()
	list := []store.SavedFilter{}
	for rows.Next() {
		f := store.SavedFilter{Tenant: tenant}
		var text string
		var changed int64
		if err := rows.Scan(&f.Owner, &f.Name, &text, &changed); err != nil {
			return nil, fmt.Errorf("list searches: %w", err)
		}
		if err := json.Unmarshal([]byte(text), &f.Filter); err != nil {
			return nil, fmt.Errorf("list searches: %w", err)
		}
		f.Changed = moment(&changed)
		list = append(list, f)
	}
	return list, rows.Err()
}

// PutFilter is as store.SavedFilters says.
func (d *DB) PutFilter(ctx context.Context, f store.SavedFilter) error {
	text, err := json.Marshal(&f.Filter)
	if err != nil {
		return err
	}
	err = d.within(ctx, func(tx *sql.Tx) error {
		var others int
		if err := tx.QueryRowContext(ctx, d.sql("SELECT COUNT(*) FROM saved_filters WHERE tenant = ? AND owner = ? AND name <> ?"), clean(f.Tenant), clean(f.Owner), clean(f.Name)).Scan(&others); err != nil {
			return err
		}
		if others >= store.MostFilters {
			return store.ErrFull
		}
		_, err := tx.ExecContext(ctx, d.sql("INSERT INTO saved_filters (tenant, owner, name, filter, changed) VALUES (?, ?, ?, ?, ?) ON CONFLICT (tenant, owner, name) DO UPDATE SET filter = excluded.filter, changed = excluded.changed"),
			clean(f.Tenant), clean(f.Owner), clean(f.Name), clean(string(text)), f.Changed.UnixMilli())
		return err
	})
	if err != nil {
		return fmt.Errorf("keep a search: %w", err)
	}
	return nil
}

// DropFilter is as store.SavedFilters says.
func (d *DB) DropFilter(ctx context.Context, tenant, owner, name string) error {
	r, err := d.writer.ExecContext(ctx, d.sql("DELETE FROM saved_filters WHERE tenant = ? AND owner = ? AND name = ?"), clean(tenant), clean(owner), clean(name))
	if err != nil {
		return fmt.Errorf("forget a search: %w", err)
	}
	if n, err := r.RowsAffected(); err == nil && n == 0 {
		return store.ErrNotFound
	}
	return nil
}

// Archives is as store.Archives says.
func (d *DB) Archives(ctx context.Context, tenant string) ([]store.Archive, error) {
	rows, err := d.reader.DB.QueryContext(ctx, d.sql("SELECT tenant, name, began, ended, records, octets, sha256, made FROM cdr_archives WHERE tenant = ? OR ? = '' ORDER BY tenant, began, name"), clean(tenant), clean(tenant))
	if err != nil {
		return nil, fmt.Errorf("list archives: %w", err)
	}
	defer rows.Close()
	list := []store.Archive{}
	for rows.Next() {
		var a store.Archive
		var from, until, made int64
		if err := rows.Scan(&a.Tenant, &a.Name, &from, &until, &a.Records, &a.Octets, &a.SHA256, &made); err != nil {
			return nil, fmt.Errorf("list archives: %w", err)
		}
		a.From, a.Until, a.Made = moment(&from), moment(&until), moment(&made)
		list = append(list, a)
	}
	return list, rows.Err()
}

// Oldest is as store.Archives says.
func (d *DB) Oldest(ctx context.Context, tenant string) (time.Time, error) {
	var began sql.NullInt64
	if err := d.reader.DB.QueryRowContext(ctx, d.sql("SELECT MIN(began) FROM cdrs WHERE tenant = ?"), clean(tenant)).Scan(&began); err != nil {
		return time.Time{}, fmt.Errorf("find the oldest record: %w", err)
	}
	if !began.Valid {
		return time.Time{}, nil
	}
	return moment(&began.Int64), nil
}

// Between is as store.Archives says.
func (d *DB) Between(ctx context.Context, tenant string, from, until time.Time, after uint64, began time.Time, limit int) ([]store.CDR, error) {
	var rows []cdrRow
	q := d.reader.NewSelect().Model(&rows).Where("c.tenant = ? AND c.began >= ? AND c.began < ?", tenant, from.UnixMilli(), until.UnixMilli())
	if after > 0 {
		q = q.Where("(c.began, c.seq) > (?, ?)", began.UnixMilli(), int64(after))
	}
	if err := q.OrderExpr("c.began, c.seq").Limit(int64(limit)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read call records: %w", err)
	}
	return d.withLegs(ctx, rows)
}

// Archived is as store.Archives says.
func (d *DB) Archived(ctx context.Context, a store.Archive) error {
	err := d.within(ctx, func(tx *sql.Tx) error {
		key := []any{clean(a.Tenant), a.From.UnixMilli(), a.Until.UnixMilli()}
		const which = " WHERE tenant = ? AND began >= ? AND began < ?"
		// The keys are found by going through the rows: those of the tenant's own view and of the other's.
		page, err := d.archiving(ctx, tx, key)
		if err != nil {
			return err
		}
		if int64(len(page)) != a.Records {
			return fmt.Errorf("the file has %d records, the tables %d: it is written anew", a.Records, len(page))
		}
		for i := range page {
			c := &page[i]
			for _, k := range c.NumberKeys(nil) {
				if _, err := tx.ExecContext(ctx, d.sql("DELETE FROM cdr_numbers WHERE number = ? AND began = ? AND seq = ?"), k, c.Began.UnixMilli(), int64(c.Seq)); err != nil {
					return err
				}
			}
			if _, err := tx.ExecContext(ctx, d.sql("DELETE FROM cdr_legs WHERE seq = ?"), int64(c.Seq)); err != nil {
				return err
			}
			for _, l := range c.Legs {
				if l.SIPCallID == "" {
					continue
				}
				if _, err := tx.ExecContext(ctx, d.sql("DELETE FROM phone_reports WHERE sip_call_id = ?"), l.SIPCallID); err != nil {
					return err
				}
			}
		}
		if _, err := tx.ExecContext(ctx, d.sql("DELETE FROM cdrs"+which), key...); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, d.sql("INSERT INTO cdr_archives (tenant, name, began, ended, records, octets, sha256, made) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "+
			"ON CONFLICT (tenant, name) DO UPDATE SET records = excluded.records, octets = excluded.octets, sha256 = excluded.sha256, made = excluded.made"),
			clean(a.Tenant), clean(a.Name), a.From.UnixMilli(), a.Until.UnixMilli(), a.Records, a.Octets, a.SHA256, a.Made.UnixMilli()); err != nil {
			return err
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("archive call records: %w", err)
	}
	return nil
}

// archiving reads what is about to be deleted, within the transaction.
func (d *DB) archiving(ctx context.Context, tx *sql.Tx, key []any) ([]store.CDR, error) {
	var rows []cdrRow
	if err := d.reader.NewSelect().Conn(tx).Model(&rows).Where("c.tenant = ? AND c.began >= ? AND c.began < ?", key...).OrderExpr("c.seq").Scan(ctx); err != nil {
		return nil, err
	}
	page, _, err := d.legsOf(ctx, tx, rows)
	return page, err
}
