package db

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"santral/store"
)

var _ store.Records = (*DB)(nil)

// sumColumns are what is counted, in the order of sumFields.
var sumColumns = []string{"records", "calls", "answered", "busy", "no_answer", "cancelled", "failed", "effective", "talk", "delay", "delays", "mos", "measured"}

func sumFields(s *store.Sums) []any {
	return []any{&s.Records, &s.Calls, &s.Answered, &s.Busy, &s.NoAnswer, &s.Cancelled, &s.Failed, &s.Effective, &s.Talk, &s.Delay, &s.Delays, &s.MOS, &s.Measured}
}

// sumsAtOnce is how many sums one statement adds.
const sumsAtOnce = 20

// addSums adds to the sums, unless that has been done.
func (d *DB) addSums(ctx context.Context, tx *sql.Tx, made store.Folded) error {
	if made.Rolled == 0 {
		return nil
	}
	if made.Rolled != made.RolledFrom {
		r, err := tx.ExecContext(ctx, d.sql("UPDATE folds SET count = ? WHERE name = 'cdr sums' AND count = ?"), int64(made.Rolled), int64(made.RolledFrom))
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			have, err := rolledIn(ctx, tx)
			if err != nil || have == made.Rolled {
				return err
			}
			return fmt.Errorf("the sums hold %d records, not %d: somebody else writes them", have, made.RolledFrom)
		}
	}
	slices.SortFunc(made.Rolls, func(a, b store.Roll) int { // in the order of the key, and of locks
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.By, b.By), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Slot, b.Slot))
	})
	for part := range slices.Chunk(made.Rolls, sumsAtOnce) {
		var values []any
		for i := range part {
			r := &part[i]
			values = append(values, clean(r.Tenant), int64(r.By), clean(r.Key), r.Slot)
			for _, f := range sumFields(&r.Sums) {
				values = append(values, *f.(*int64))
			}
		}
		if _, err := tx.ExecContext(ctx, d.upsertSums(len(part)), values...); err != nil {
			return err
		}
	}
	return nil
}

func (d *DB) upsertSums(rows int) string {
	more := make([]string, len(sumColumns))
	for i, c := range sumColumns {
		more[i] = c + " = cdr_sums." + c + " + excluded." + c
	}
	return d.insert("cdr_sums", "tenant, summed_by, what, slot, "+strings.Join(sumColumns, ", "), rows) + " ON CONFLICT (tenant, summed_by, what, slot) DO UPDATE SET " + strings.Join(more, ", ")
}

type asked interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func rolledIn(ctx context.Context, q asked) (uint64, error) {
	var n int64
	err := q.QueryRowContext(ctx, "SELECT count FROM folds WHERE name = 'cdr sums'").Scan(&n)
	return uint64(n), err
}

// Rolled is as store.FoldStore says.
func (d *DB) Rolled(ctx context.Context) (uint64, error) {
	n, err := rolledIn(ctx, d.reader.DB)
	if err != nil {
		return 0, fmt.Errorf("read how far sums are: %w", err)
	}
	return n, nil
}

// joinStories has the records of a story be of another one.
func (d *DB) joinStories(ctx context.Context, tx *sql.Tx, joins []store.Join) error {
	for _, j := range joins {
		from, to := clean(j.From), clean(j.To)
		if _, err := tx.ExecContext(ctx, d.sql("UPDATE cdrs SET story = ? WHERE story = ?"), to, from); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, d.sql("UPDATE cdrs SET story = ? WHERE call = ? AND story IS NULL"), to, from); err != nil {
			return err
		}
	}
	return nil
}

// Story is as store.FoldStore says.
func (d *DB) Story(ctx context.Context, call string) (string, time.Time, error) {
	var first string
	err := d.reader.DB.QueryRowContext(ctx, d.sql("SELECT COALESCE(story, call) FROM cdrs WHERE call = ?"), clean(call)).Scan(&first)
	if errors.Is(err, sql.ErrNoRows) {
		return "", time.Time{}, store.ErrNotFound
	} else if err != nil {
		return "", time.Time{}, fmt.Errorf("find a call's story: %w", err)
	}
	var began int64
	err = d.reader.DB.QueryRowContext(ctx, d.sql("SELECT began FROM cdrs WHERE call = ?"), first).Scan(&began)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return first, time.Time{}, nil
	case err != nil:
		return "", time.Time{}, fmt.Errorf("find a call's story: %w", err)
	}
	return first, time.UnixMilli(began).UTC(), nil
}

// Parts is as store.Records says.
func (d *DB) Parts(ctx context.Context, first ...string) ([]store.CDR, error) {
	if len(first) == 0 {
		return nil, nil
	}
	var rows []cdrRow
	if err := d.reader.NewSelect().Model(&rows).Where("c.story IN (?)", bun.List(first)).OrderExpr("c.began, c.seq").Limit(10 * MaxPage).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read stories: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	var of []string
	for i := range rows {
		of = append(of, rows[i].Story)
	}
	slices.Sort(of)
	var heads []cdrRow
	if err := d.reader.NewSelect().Model(&heads).Where("c.call IN (?)", bun.List(slices.Compact(of))).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read stories: %w", err)
	}
	rows = append(heads, rows...)
	slices.SortFunc(rows, func(a, b cdrRow) int { return cmp.Or(cmp.Compare(a.Began, b.Began), cmp.Compare(a.Seq, b.Seq)) })
	return d.withLegs(ctx, rows)
}

// After is as store.FoldStore says.
func (d *DB) After(ctx context.Context, seq uint64, limit int) ([]store.CDR, error) {
	return d.after(ctx, d.reader.DB, "", seq, 1<<63-1, limit)
}

// after gives a tenant's records behind one, up to another, in the order of ending.
func (d *DB) after(ctx context.Context, conn bun.IConn, tenant string, seq uint64, until int64, limit int) ([]store.CDR, error) {
	var rows []cdrRow
	q := d.reader.NewSelect().Conn(conn).Model(&rows).Where("c.seq > ? AND c.seq <= ?", int64(seq), until).OrderExpr("c.seq").Limit(int64(limit))
	if tenant != "" {
		q = q.Where("(c.tenant = ? OR c.to_tenant = ?)", tenant, tenant)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("read call records: %w", err)
	}
	page, _, err := d.legsOf(ctx, conn, rows)
	return page, err
}

// Rolls is as store.Summaries says.
func (d *DB) Rolls(ctx context.Context, tenant string, by store.RollBy, keys []string, from, until time.Time, bySlot bool) ([]store.Group, error) {
	if len(keys) == 0 {
		var err error
		if keys, err = d.sumKeys(ctx, tenant, by); err != nil {
			return nil, fmt.Errorf("read sums: %w", err)
		}
	}
	list := make([]string, len(sumColumns))
	for i, c := range sumColumns {
		list[i] = "COALESCE(SUM(" + c + "), 0)"
	}
	slot, group := "0", ""
	if bySlot {
		slot, group, list = "slot", "", sumColumns
	}
	query := d.sql("SELECT " + slot + ", " + strings.Join(list, ", ") + " FROM cdr_sums WHERE tenant = ? AND summed_by = ? AND what = ? AND slot >= ? AND slot < ?" + group)
	var groups []store.Group
	for _, key := range keys {
		rows, err := d.reader.DB.QueryContext(ctx, query, tenant, int64(by), key, store.Slot(from), store.Slot(until))
		if err != nil {
			return nil, fmt.Errorf("read sums: %w", err)
		}
		for rows.Next() {
			g := store.Group{Key: key}
			if err := rows.Scan(append([]any{&g.Slot}, sumFields(&g.Sums)...)...); err != nil {
				rows.Close()
				return nil, fmt.Errorf("read sums: %w", err)
			}
			if g.Sums != (store.Sums{}) {
				groups = append(groups, g)
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return nil, fmt.Errorf("read sums: %w", err)
		}
	}
	return groups, nil
}

// sumKeys gives all keys of a sum, leaping from one to the next.
func (d *DB) sumKeys(ctx context.Context, tenant string, by store.RollBy) ([]string, error) {
	var keys []string
	query := d.sql("SELECT MIN(what) FROM cdr_sums WHERE tenant = ? AND summed_by = ? AND what > ?")
	for last := ""; ; {
		var next sql.NullString
		if err := d.reader.DB.QueryRowContext(ctx, query, tenant, int64(by), last).Scan(&next); err != nil {
			return nil, err
		}
		if !next.Valid {
			return keys, nil
		}
		last = next.String
		keys = append(keys, last)
	}
}

// Sum is as store.Summaries says.
func (d *DB) Sum(ctx context.Context, f store.CDRFilter) (store.Sums, error) {
	var all store.Sums
	if unaskable(&f) {
		return all, nil
	}
	by, tenant, keys := summed(&f)
	from, until := f.From, f.Until
	if by == 0 {
		return d.sumRows(ctx, f)
	}
	// The middle is in the sums; the beginning and the end of a time that is not whole slots, and what no sum holds yet, is in the rows.
	rolled, err := d.Rolled(ctx)
	if err != nil {
		return all, err
	}
	if from.IsZero() {
		from = time.Unix(0, 0)
	}
	if until.IsZero() {
		until = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	first, last := store.SlotTime(store.Slot(from.Add(store.RollSlot-1))), store.SlotTime(store.Slot(until))
	if !first.Before(last) {
		return d.sumRows(ctx, f)
	}
	if f.Kind != "" {
		if keys, err = d.kindKeys(ctx, tenant, f.Kind); err != nil {
			return all, fmt.Errorf("read sums: %w", err)
		}
	}
	if f.Kind == "" || len(keys) > 0 {
		groups, err := d.Rolls(ctx, tenant, by, keys, first, last, false)
		if err != nil {
			return all, err
		}
		for _, g := range groups {
			all.Add(g.Sums)
		}
	}
	for _, edge := range [][2]time.Time{{from, first}, {last, until}} {
		if edge[0].Before(edge[1]) {
			f.From, f.Until = edge[0], edge[1]
			more, err := d.sumRows(ctx, f)
			if err != nil {
				return all, err
			}
			all.Add(more)
		}
	}
	f.From, f.Until = first, last
	rows, err := d.unsummed(ctx, f, rolled, place{began: 1<<63 - 1, seq: 1<<63 - 1})
	if err != nil {
		return all, fmt.Errorf("read sums: %w", err)
	}
	for i := range rows {
		c := rows[i].word()
		all.Add(c.Sums())
	}
	return all, nil
}

// kindKeys gives the keys of the sums of a kind of calls.
func (d *DB) kindKeys(ctx context.Context, tenant, kind string) ([]string, error) {
	every, err := d.sumKeys(ctx, tenant, store.RollKind)
	var keys []string
	for _, key := range every {
		if key == kind || strings.HasPrefix(key, kind+"/") {
			keys = append(keys, key)
		}
	}
	return keys, err
}

// summed gives the sum that a filter asks for; by is 0 when it is none of those that are kept.
func summed(f *store.CDRFilter) (by store.RollBy, tenant string, keys []string) {
	bare := *f
	bare.Tenant, bare.From, bare.Until = "", time.Time{}, time.Time{}
	bare.Kind, bare.Way, bare.Site, bare.Cause, bare.Departments = "", 0, "", 0, nil
	if bare.Account != "" || bare.Call != "" || bare.State != 0 || bare.Number != "" || bare.Trunk != "" || bare.Longer != 0 || bare.Shorter != 0 || bare.Text != "" || len(bare.Sites) > 0 {
		return 0, "", nil
	}
	if tenant = f.Tenant; tenant == "" {
		tenant = store.Everybody
	}
	var found []store.RollBy
	if f.Kind != "" {
		found = append(found, store.RollKind)
	}
	if f.Way != store.UnknownWay {
		found, keys = append(found, store.RollAll), []string{f.Way.String()}
	}
	if f.Site != "" {
		found, keys = append(found, store.RollSite), []string{f.Site}
	}
	if f.Cause != 0 {
		found, keys = append(found, store.RollCause), []string{strconv.Itoa(f.Cause)}
	}
	if len(f.Departments) > 0 {
		found, keys = append(found, store.RollDepartment), f.Departments
	}
	switch {
	case len(found) == 0:
		return store.RollAll, tenant, nil
	case len(found) > 1 || len(f.Departments) > 1, // a call between two of them would count twice
		f.Tenant == "" && (found[0] == store.RollSite || found[0] == store.RollDepartment):
		return 0, "", nil
	}
	return found[0], tenant, keys
}

// sumExpressions count rows as service/cdr does, in the order of sumColumns. A part of a story adds what was talked alone.
const sumExpressions = "COALESCE(SUM(1), 0), COALESCE(SUM(1), 0), " +
	"COALESCE(SUM(CASE WHEN c.state = 1 THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN c.state = 2 THEN 1 ELSE 0 END), 0), " +
	"COALESCE(SUM(CASE WHEN c.state = 3 THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN c.state = 4 THEN 1 ELSE 0 END), 0), " +
	"COALESCE(SUM(CASE WHEN c.state NOT IN (1, 2, 3, 4) THEN 1 ELSE 0 END), 0), " +
	"COALESCE(SUM(CASE WHEN c.state IN (1, 2, 3, 4) OR c.q850 IN (20, 21, 22) THEN 1 ELSE 0 END), 0), " +
	"COALESCE(SUM(c.talk_time), 0), " +
	"COALESCE(SUM(CASE WHEN c.ringing IS NOT NULL OR c.answered IS NOT NULL THEN c.post_dial_delay ELSE 0 END), 0), " +
	"COALESCE(SUM(CASE WHEN c.ringing IS NOT NULL OR c.answered IS NOT NULL THEN 1 ELSE 0 END), 0), " +
	"COALESCE(SUM(CASE WHEN c.mos > 0 THEN CAST(ROUND(c.mos * 1000) AS BIGINT) ELSE 0 END), 0), COALESCE(SUM(CASE WHEN c.mos > 0 THEN 1 ELSE 0 END), 0)"

// sumRows adds up the rows themselves.
func (d *DB) sumRows(ctx context.Context, f store.CDRFilter) (store.Sums, error) {
	var all store.Sums
	if f.Number != "" || f.Text != "" || f.Call != "" {
		return d.sumWalk(ctx, f)
	}
	groups, err := d.sumGroups(ctx, &f, "''", nil)
	for _, g := range groups {
		all.Add(g.Sums)
	}
	return all, err
}

// sumGroups adds up rows by an expression.
func (d *DB) sumGroups(ctx context.Context, f *store.CDRFilter, by string, besides conditions) ([]store.Group, error) {
	sides := sidesOf(f)
	if f.Tenant == "" && f.Account != "" { // its two sides would count a call to itself twice
		sides[1].add("(c.from_account IS NULL OR c.from_account <> ?)", f.Account)
	} else if f.Account != "" && len(sides) > 1 {
		sides[1].add("(c.from_account IS NULL OR c.from_account <> ?)", f.Account)
	}
	if f.Tenant != "" && len(sides) > 0 {
		if last := &sides[len(sides)-1]; f.Trunk == "" && (f.Way == store.UnknownWay || f.Way == store.Inbound) {
			last.add("c.tenant <> ?", f.Tenant)
		}
	}
	var groups []store.Group
	place := map[string]int{}
	for _, side := range sides {
		for _, part := range [...]string{"c.story IS NULL", "c.story IS NOT NULL"} {
			q := d.reader.NewSelect().Model((*cdrRow)(nil)).ColumnExpr("COALESCE(" + by + ", '') AS k, " + sumExpressions).Where(part).GroupExpr("1")
			rows, err := besides.to(side.to(q)).Rows(ctx)
			if err != nil {
				return nil, fmt.Errorf("add call records up: %w", err)
			}
			for rows.Next() {
				var g store.Group
				if err := rows.Scan(append([]any{&g.Key}, sumFields(&g.Sums)...)...); err != nil {
					rows.Close()
					return nil, fmt.Errorf("add call records up: %w", err)
				}
				if part != "c.story IS NULL" {
					g.Sums = store.Sums{Records: g.Records, Talk: g.Talk}
				}
				i, known := place[g.Key]
				if !known {
					i = len(groups)
					place[g.Key] = i
					groups = append(groups, store.Group{Key: g.Key})
				}
				groups[i].Add(g.Sums)
			}
			if err := errors.Join(rows.Err(), rows.Close()); err != nil {
				return nil, fmt.Errorf("add call records up: %w", err)
			}
		}
	}
	return groups, nil
}

// sumWalk adds up what no statement can tell, row by row.
func (d *DB) sumWalk(ctx context.Context, f store.CDRFilter) (store.Sums, error) {
	var all store.Sums
	from := place{began: 1<<63 - 1, seq: 1<<63 - 1}
	for {
		rows, err := d.walk(ctx, f, from, MaxPage)
		if err != nil {
			return all, fmt.Errorf("add call records up: %w", err)
		}
		for i := range rows {
			c := rows[i].word()
			all.Add(c.Sums())
		}
		if len(rows) < MaxPage {
			return all, nil
		}
		from = place{rows[len(rows)-1].Began, rows[len(rows)-1].Seq}
	}
}

// SumBy is as store.Summaries says.
func (d *DB) SumBy(ctx context.Context, f store.CDRFilter) ([]store.Group, error) {
	if unaskable(&f) {
		return nil, nil
	}
	out, in := f, f
	var groups []store.Group
	made, err := d.sumGroups(ctx, &out, "c.from_account", conditions{{"c.from_account IS NOT NULL", nil}, ownOnly(f.Tenant)})
	if err != nil {
		return nil, err
	}
	for _, g := range made {
		g.Key += "/out"
		groups = append(groups, g)
	}
	got, err := d.sumGroups(ctx, &in, "c.to_account", conditions{{"c.to_account IS NOT NULL AND c.trunk IS NULL", nil}, thereOnly(f.Tenant)})
	for _, g := range got {
		g.Key += "/in"
		groups = append(groups, g)
	}
	return groups, err
}

func ownOnly(tenant string) condition {
	if tenant == "" {
		return condition{"1 = 1", nil}
	}
	return condition{"c.tenant = ?", []any{tenant}}
}

func thereOnly(tenant string) condition {
	if tenant == "" {
		return condition{"1 = 1", nil}
	}
	return condition{"(c.to_tenant = ? OR c.to_tenant IS NULL)", []any{tenant}}
}
