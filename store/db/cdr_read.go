package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"santral/store"
)

// MaxPage is the most rows that a page may hold; a limit of 0 or less gives 50.
const MaxPage = 1000

// CDR gives the record of a call that a tenant made or that reached it, whole, or store.ErrNotFound. An empty tenant is any.
func (d *DB) CDR(ctx context.Context, tenant, call string) (store.CDR, error) {
	var row cdrRow
	q := d.reader.NewSelect().Model(&row).Where("c.call = ?", call)
	if tenant != "" {
		q = q.Where("(c.tenant = ? OR c.to_tenant = ?)", tenant, tenant)
	}
	err := q.Limit(1).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return store.CDR{}, store.ErrNotFound
	}
	if err != nil {
		return store.CDR{}, fmt.Errorf("read call record: %w", err)
	}
	page, err := d.withLegs(ctx, []cdrRow{row})
	if err != nil {
		return store.CDR{}, err
	}
	return page[0], nil
}

// CDRs is as store.CDRs says.
func (d *DB) CDRs(ctx context.Context, filter store.CDRFilter, cursor string, size int) ([]store.CDR, string, error) {
	limit := 50
	if size > 0 {
		limit = min(size, MaxPage)
	}
	if unaskable(&filter) {
		return nil, "", nil // no text of a database holds that, and none may be asked for it
	}
	from := place{began: 1<<63 - 1, seq: 1<<63 - 1}
	if cursor != "" {
		var err error
		if from.began, from.seq, err = parseCursor(cursor); err != nil {
			return nil, "", err
		}
	}
	rows, err := d.walk(ctx, filter, from, limit+1)
	if err != nil {
		return nil, "", fmt.Errorf("list call records: %w", err)
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		last := rows[limit-1]
		next = strconv.FormatInt(last.Began, 36) + "." + strconv.FormatInt(last.Seq, 36)
	}
	page, err := d.withLegs(ctx, rows)
	return page, next, err
}

// whereCall restricts to the call with an id, or, when there is none, to those with a leg of that SIP
// Call-ID.
func (d *DB) whereCall(ctx context.Context, where *conditions, filter store.CDRFilter) error {
	known, err := d.reader.NewSelect().Model((*cdrRow)(nil)).Where("c.call = ?", filter.Call).Exists(ctx)
	if err != nil {
		return err
	}
	if known {
		where.add("c.call = ?", filter.Call)
		return nil
	}
	legs := d.reader.NewSelect().Model((*legRow)(nil)).Column("l.seq").Where("l.sip_call_id = ?", filter.Call)
	if !filter.From.IsZero() {
		legs = legs.Where("l.began >= ?", ceilMilli(filter.From))
	}
	where.add("c.seq IN (?)", legs)
	return nil
}

// conditions are put into several queries alike.
type conditions []condition

type condition struct {
	text string
	args []any
}

func (c *conditions) add(text string, args ...any) { *c = append(*c, condition{text, args}) }

func (c conditions) to(q *bun.SelectQuery) *bun.SelectQuery {
	for _, one := range c {
		q = q.Where(one.text, one.args...)
	}
	return q
}

// ceilMilli gives the first whole millisecond that is not before t.
func ceilMilli(t time.Time) int64 {
	return t.Add(time.Millisecond - 1).UnixMilli()
}

func parseCursor(cursor string) (began, seq int64, err error) {
	a, b, ok := strings.Cut(cursor, ".")
	began, err1 := strconv.ParseInt(a, 36, 64)
	seq, err2 := strconv.ParseInt(b, 36, 64)
	if !ok || err1 != nil || err2 != nil {
		return 0, 0, store.ErrBadCursor
	}
	return began, seq, nil
}

// Fold is as store.FoldStore says.
func (d *DB) Fold(ctx context.Context) (store.Fold, []store.OpenCall, error) {
	var done, low, count int64
	if err := d.writer.QueryRowContext(ctx, "SELECT done, low, count FROM folds WHERE name = 'cdr'").Scan(&done, &low, &count); err != nil {
		return store.Fold{}, nil, fmt.Errorf("read fold: %w", err)
	}
	rows, err := d.writer.QueryContext(ctx, "SELECT call, until, state FROM open_calls ORDER BY call")
	if err != nil {
		return store.Fold{}, nil, fmt.Errorf("read fold: %w", err)
	}
	defer rows.Close()
	var open []store.OpenCall
	for rows.Next() {
		var o store.OpenCall
		var until int64
		if err := rows.Scan(&o.Call, &until, &o.State); err != nil {
			return store.Fold{}, nil, fmt.Errorf("read fold: %w", err)
		}
		o.Until = store.Pos(until)
		open = append(open, o)
	}
	if err := rows.Err(); err != nil {
		return store.Fold{}, nil, fmt.Errorf("read fold: %w", err)
	}
	return store.Fold{Done: store.Pos(done), Low: store.Pos(low), Count: uint64(count)}, open, nil
}
