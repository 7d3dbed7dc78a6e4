package db

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"santral/store"
)

var _ store.Audits = (*DB)(nil)

// AddAudits implements store.Audits.
func (d *DB) AddAudits(ctx context.Context, lines []store.Audit) error {
	err := d.within(ctx, func(tx *sql.Tx) error {
		var last uint64
		if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(seq), 0) FROM audits`).Scan(&last); err != nil {
			return err
		}
		for i := range lines {
			a := &lines[i]
			a.Seq = last + uint64(i) + 1
			thing := ""
			if len(a.Things) > 0 {
				thing = a.Things[0]
			}
			_, err := tx.ExecContext(ctx, d.sql(`INSERT INTO audits (seq, at, tenant, kind, who, source, request, what, thing, things, status, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
				a.Seq, a.At.UnixMilli(), clean(a.Tenant), a.Kind, clean(a.Who), clean(a.Source), clean(a.Request), clean(a.What), clean(thing), words(a.Things), a.Status, clean(a.Note))
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write the audit: %w", err)
	}
	return nil
}

// Audits implements store.Audits.
func (d *DB) Audits(ctx context.Context, filter store.AuditFilter, cursor string, size int) ([]store.Audit, string, error) {
	limit := 50
	if size > 0 {
		limit = min(size, MaxPage)
	}
	if strings.IndexByte(filter.Tenant+filter.Who+filter.What+filter.Thing+cursor, 0) >= 0 {
		return nil, "", nil
	}
	var where []string
	var values []any
	and := func(text string, value any) { where, values = append(where, text), append(values, value) }
	if cursor != "" {
		before, err := strconv.ParseInt(cursor, 36, 64)
		if err != nil || before < 0 {
			return nil, "", store.ErrBadCursor
		}
		and("seq < ?", before)
	}
	for _, c := range [...]struct{ column, value string }{{"tenant", filter.Tenant}, {"who", filter.Who}, {"what", filter.What}, {"thing", filter.Thing}} {
		if c.value != "" {
			and(c.column+" = ?", c.value)
		}
	}
	if filter.Failed {
		and("status >= ?", 400)
	}
	if !filter.From.IsZero() {
		and("at >= ?", ceilMilli(filter.From))
	}
	if !filter.Until.IsZero() {
		and("at < ?", ceilMilli(filter.Until))
	}
	query := `SELECT seq, at, tenant, kind, who, source, request, what, things, status, note FROM audits`
	if len(where) > 0 {
		query += ` WHERE ` + strings.Join(where, " AND ")
	}
	rows, err := d.reader.DB.QueryContext(ctx, d.sql(query+` ORDER BY seq DESC LIMIT ?`), append(values, limit+1)...)
	if err != nil {
		return nil, "", fmt.Errorf("read the audit: %w", err)
	}
	defer rows.Close()
	var page []store.Audit
	for rows.Next() {
		var a store.Audit
		var ms int64
		var things sql.NullString
		err := rows.Scan(&a.Seq, &ms, &a.Tenant, &a.Kind, &a.Who, &a.Source, &a.Request, &a.What, &things, &a.Status, &a.Note)
		if err == nil {
			a.Things, err = wordsOf(things)
		}
		if err != nil {
			return nil, "", fmt.Errorf("read the audit: %w", err)
		}
		a.At = time.UnixMilli(ms).UTC()
		page = append(page, a)
	}
	if err := rows.Err(); err != nil {
		return nil, "", fmt.Errorf("read the audit: %w", err)
	}
	next := ""
	if len(page) > limit {
		page = page[:limit]
		next = strconv.FormatUint(page[limit-1].Seq, 36)
	}
	return page, next, nil
}

// DropAudits implements store.Audits.
func (d *DB) DropAudits(ctx context.Context, tenant string, before time.Time) (int64, error) {
	res, err := d.writer.ExecContext(ctx, d.sql(`DELETE FROM audits WHERE tenant = ? AND at < ?`), tenant, before.UnixMilli())
	if err != nil {
		return 0, fmt.Errorf("forget old lines of the audit: %w", err)
	}
	return res.RowsAffected()
}

// AuditTenants implements store.Audits.
func (d *DB) AuditTenants(ctx context.Context) ([]string, error) {
	rows, err := d.reader.DB.QueryContext(ctx, `SELECT DISTINCT tenant FROM audits ORDER BY tenant`)
	if err != nil {
		return nil, fmt.Errorf("read the audit: %w", err)
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var t string
		if err := rows.Scan(&t); err != nil {
			return nil, fmt.Errorf("read the audit: %w", err)
		}
		list = append(list, t)
	}
	return list, rows.Err()
}
