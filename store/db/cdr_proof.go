package db

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"santral/store"
)

// A proof goes through the tables day by day.

// SumsOfDay gives all sums of the slots of a day (UTC).
func (d *DB) SumsOfDay(ctx context.Context, day time.Time) ([]store.Roll, error) {
	var list []store.Roll
	first, last := store.Slot(day), store.Slot(day.AddDate(0, 0, 1))
	tenants, err := d.sumTenants(ctx)
	if err != nil {
		return nil, fmt.Errorf("read sums: %w", err)
	}
	query := d.sql("SELECT slot, " + strings.Join(sumColumns, ", ") + " FROM cdr_sums WHERE tenant = ? AND summed_by = ? AND what = ? AND slot >= ? AND slot < ?")
	for _, tenant := range tenants {
		for by := store.RollAll; by <= store.RollTrunkCause; by++ {
			keys, err := d.sumKeys(ctx, tenant, by)
			if err != nil {
				return nil, fmt.Errorf("read sums: %w", err)
			}
			for _, key := range keys {
				rows, err := d.reader.DB.QueryContext(ctx, query, tenant, int64(by), key, first, last)
				if err != nil {
					return nil, fmt.Errorf("read sums: %w", err)
				}
				for rows.Next() {
					r := store.Roll{Tenant: tenant, By: by, Key: key}
					if err := rows.Scan(append([]any{&r.Slot}, sumFields(&r.Sums)...)...); err != nil {
						rows.Close()
						return nil, fmt.Errorf("read sums: %w", err)
					}
					list = append(list, r)
				}
				if err := rows.Err(); err != nil {
					return nil, fmt.Errorf("read sums: %w", err)
				}
				rows.Close()
			}
		}
	}
	return list, nil
}

func (d *DB) sumTenants(ctx context.Context) ([]string, error) {
	var list []string
	query := d.sql("SELECT MIN(tenant) FROM cdr_sums WHERE tenant > ?")
	for last := ""; ; {
		var next sql.NullString
		if err := d.reader.DB.QueryRowContext(ctx, query, last).Scan(&next); err != nil || !next.Valid {
			return list, err
		}
		last = next.String
		list = append(list, last)
	}
}

// DayRows gives the records that began on a day (UTC), up to a number of record, oldest first, behind one of them.
func (d *DB) DayRows(ctx context.Context, day time.Time, after, upto uint64, began time.Time, limit int) ([]store.CDR, error) {
	var rows []cdrRow
	q := d.reader.NewSelect().Model(&rows).Where("c.began >= ? AND c.began < ? AND c.seq <= ?", day.UnixMilli(), day.AddDate(0, 0, 1).UnixMilli(), int64(upto))
	if after > 0 {
		q = q.Where("(c.began, c.seq) > (?, ?)", began.UnixMilli(), int64(after))
	}
	if err := q.OrderExpr("c.began, c.seq").Limit(int64(limit)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read call records: %w", err)
	}
	page, _, err := d.legsOf(ctx, d.reader.DB, rows)
	return page, err
}

// FirstDay gives the day (UTC) of the oldest record; zero for none.
func (d *DB) FirstDay(ctx context.Context) (time.Time, error) {
	var began sql.NullInt64
	if err := d.reader.DB.QueryRowContext(ctx, "SELECT MIN(began) FROM cdrs").Scan(&began); err != nil {
		return time.Time{}, fmt.Errorf("find the oldest record: %w", err)
	}
	if !began.Valid {
		return time.Time{}, nil
	}
	y, m, day := moment(&began.Int64).Date()
	return time.Date(y, m, day, 0, 0, 0, 0, time.UTC), nil
}
