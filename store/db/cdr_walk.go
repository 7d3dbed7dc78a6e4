package db

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/uptrace/bun"

	"santral/store"
)

// A list of records is a walk along an index, newest first, that ends when a page is full. Which index, follows from the filter;
// where a filter finds little, the sums tell in which quarters of hours there is something at all, so that nothing is walked
// through in vain.

// place is where a walk goes on: behind the record that began then and has that number.
type place struct{ began, seq int64 }

// unaskable reports texts that no database holds.
func unaskable(f *store.CDRFilter) bool {
	return strings.IndexByte(f.Tenant+f.Account+f.Call+f.Number+f.Trunk+f.Site+f.Kind+f.Text+strings.Join(f.Departments, "")+strings.Join(f.Sites, ""), 0) >= 0
}

// walk gives up to limit rows behind a place.
func (d *DB) walk(ctx context.Context, f store.CDRFilter, from place, limit int) ([]cdrRow, error) {
	sides := sidesOf(&f)
	if f.Call != "" {
		var one conditions
		if err := d.whereCall(ctx, &one, f); err != nil {
			return nil, err
		}
		for i := range sides {
			sides[i] = append(sides[i], one...)
		}
	}
	if by, tenant, keys := rare(&f); by != 0 {
		if by == store.RollKind {
			var err error
			if keys, err = d.kindKeys(ctx, tenant, f.Kind); err != nil {
				return nil, err
			}
		}
		return d.leap(ctx, f, sides, by, tenant, keys, from, limit)
	}
	return d.gather(ctx, f, sides, nil, from, limit)
}

// gather walks until limit rows have passed the filter's own eye, too.
func (d *DB) gather(ctx context.Context, f store.CDRFilter, sides []conditions, besides conditions, from place, limit int) ([]cdrRow, error) {
	exact := f.Number != "" || f.Text != ""
	f.Call = ""
	var rows []cdrRow
	for {
		want := limit - len(rows)
		if exact {
			want = max(want, 100) // some may be none of it
		}
		page, err := d.page(ctx, &f, sides, besides, from, want)
		if err != nil {
			return nil, err
		}
		for i := range page {
			if exact {
				if c := page[i].word(); !f.Match(&c) {
					continue
				}
			}
			if rows = append(rows, page[i]); len(rows) == limit {
				return rows, nil
			}
		}
		if len(page) < want {
			return rows, nil
		}
		last := &page[len(page)-1]
		from = place{last.Began, last.Seq}
	}
}

// page is one step of a walk: the newest rows behind a place, by each of the sides.
func (d *DB) page(ctx context.Context, f *store.CDRFilter, sides []conditions, besides conditions, from place, limit int) ([]cdrRow, error) {
	var rows []cdrRow
	newest := func(q *bun.SelectQuery, began, seq string) *bun.SelectQuery {
		if from.seq != 1<<63-1 {
			q = q.Where("(?, ?) < (?, ?)", bun.Safe(began), bun.Safe(seq), from.began, from.seq)
		}
		return q.OrderExpr("? DESC, ? DESC", bun.Safe(began), bun.Safe(seq)).Limit(int64(limit))
	}
	number := f.Number
	if number == "" {
		number = f.Account
	}
	if number == "" && len(sides) == 1 {
		return rows, newest(besides.to(sides[0].to(d.reader.NewSelect().Model(&rows))), "c.began", "c.seq").Scan(ctx)
	}
	seqs := map[int64]bool{}
	look := func(q *bun.SelectQuery, began, seq string) error {
		var found []int64
		if err := newest(besides.to(q), began, seq).Scan(ctx, &found); err != nil {
			return err
		}
		for _, seq := range found {
			seqs[seq] = true
		}
		return nil
	}
	if number != "" {
		if store.NumberKey("", number) == 0 {
			return nil, nil // accounts are numbers too
		}
		tenants := []string{f.Tenant}
		if f.Tenant == "" {
			var err error
			if tenants, err = d.tenants(ctx); err != nil {
				return nil, err
			}
		}
		for _, tenant := range tenants {
			for _, side := range sides {
				// The numbers go first: their index is the narrow one.
				q := d.reader.NewSelect().TableExpr("cdr_numbers AS n").ColumnExpr("c.seq AS seq").Join(d.kind.cross+" cdrs AS c ON c.seq = n.seq").Where("n.number = ?", store.NumberKey(tenant, number))
				if err := look(side.to(q), "n.began", "n.seq"); err != nil {
					return nil, err
				}
			}
		}
	} else {
		for _, side := range sides {
			if err := look(side.to(d.reader.NewSelect().Model((*cdrRow)(nil)).Column("c.seq")), "c.began", "c.seq"); err != nil {
				return nil, err
			}
		}
	}
	if len(seqs) == 0 {
		return nil, nil
	}
	err := d.reader.NewSelect().Model(&rows).Where("c.seq IN (?)", bun.List(slices.Collect(maps.Keys(seqs)))).OrderExpr("c.began DESC, c.seq DESC").Limit(int64(limit)).Scan(ctx)
	return rows, err
}

// tenants gives all that have records.
func (d *DB) tenants(ctx context.Context) ([]string, error) {
	var list []string
	query := d.sql("SELECT MIN(tenant) FROM cdrs WHERE tenant > ?")
	other := d.sql("SELECT MIN(to_tenant) FROM cdrs WHERE to_tenant IS NOT NULL AND to_tenant > ?")
	for _, query := range [...]string{query, other} {
		for last := ""; ; {
			var next sql.NullString
			if err := d.reader.DB.QueryRowContext(ctx, query, last).Scan(&next); err != nil {
				return nil, err
			}
			if !next.Valid {
				break
			}
			last = next.String
			list = append(list, last)
		}
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// sidesOf says what rows have to fulfil, once for each way in which a record can be one of a tenant's and an account's.
func sidesOf(f *store.CDRFilter) []conditions {
	var common conditions
	if f.State != store.UnknownState {
		common.add("c.state = ?", int64(f.State))
	}
	if !f.From.IsZero() {
		common.add("c.began >= ?", ceilMilli(f.From))
	}
	if !f.Until.IsZero() {
		common.add("c.began < ?", ceilMilli(f.Until))
	}
	if f.Kind != "" {
		common.add("c.calls = ?", f.Kind)
	}
	if f.Cause != 0 {
		common.add("c.q850 = ?", f.Cause)
	}
	if f.Longer > 0 {
		common.add("c.talk_time >= ?", int64(f.Longer))
	}
	if f.Shorter > 0 {
		common.add("c.talk_time < ?", int64(f.Shorter))
	}
	if f.Text != "" {
		like := "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.ToLower(f.Text)) + "%"
		var either []string
		var args []any
		for _, column := range [...]string{"from_name", "from_number", "shown", "dialled", "number", "from_account", "to_account", "cause", "because"} {
			either = append(either, "LOWER(c."+column+`) LIKE ? ESCAPE '\'`)
			args = append(args, like)
		}
		common.add("("+strings.Join(either, " OR ")+")", args...)
	}
	if f.Tenant == "" {
		c := slices.Clone(common)
		c.place(f, "c.department", "c.to_department", "c.site", "c.to_site")
		if f.Trunk != "" {
			c.add("(c.trunk = ? OR c.from_trunk = ?)", f.Trunk, f.Trunk)
		}
		if f.Way != store.UnknownWay {
			c.add("c.direction = ?", int64(f.Way))
		}
		if f.Account == "" {
			return []conditions{c}
		}
		from, to := slices.Clone(c), c
		from.add("c.from_account = ?", f.Account)
		to.add("c.to_account = ?", f.Account)
		return []conditions{from, to}
	}
	var sides []conditions
	own := slices.Clone(common)
	own.add("c.tenant = ?", f.Tenant)
	if f.Trunk != "" {
		own.add("(c.trunk = ? OR c.from_trunk = ?)", f.Trunk, f.Trunk)
	}
	if f.Way != store.UnknownWay {
		own.add("c.direction = ?", int64(f.Way))
	}
	if f.Account != "" {
		from := slices.Clone(own)
		from.add("c.from_account = ?", f.Account)
		from.place(f, "c.department", ownTo+"c.to_department END)", "c.site", ownTo+"c.to_site END)")
		to := slices.Clone(own)
		to.add("c.to_account = ?", f.Account)
		to.add("c.to_tenant IS NULL")
		to.place(f, "c.department", "c.to_department", "c.site", "c.to_site")
		sides = append(sides, from, to)
	} else {
		own.place(f, "c.department", ownTo+"c.to_department END)", "c.site", ownTo+"c.to_site END)")
		sides = append(sides, own)
	}
	if f.Trunk == "" && (f.Way == store.UnknownWay || f.Way == store.Inbound) {
		there := slices.Clone(common)
		there.add("c.to_tenant = ?", f.Tenant)
		if f.Account != "" {
			there.add("c.to_account = ?", f.Account)
		}
		there.place(f, "NULL", "c.to_department", "NULL", "c.to_site")
		sides = append(sides, there)
	}
	return sides
}

// ownTo begins an expression that is the callee's where it is of the caller's tenant.
const ownTo = "(CASE WHEN c.to_tenant IS NULL THEN "

// place restricts to departments and sites, of the caller or the called.
func (c *conditions) place(f *store.CDRFilter, department, toDepartment, site, toSite string) {
	among := func(list []string, from, to string) {
		if len(list) == 0 {
			return
		}
		if from == "NULL" {
			c.add(to+" IN (?)", bun.List(list))
			return
		}
		c.add("("+from+" IN (?) OR "+to+" IN (?))", bun.List(list), bun.List(list))
	}
	among(f.Departments, department, toDepartment)
	among(f.Sites, site, toSite)
	if f.Site != "" {
		among([]string{f.Site}, site, toSite)
	}
}

// rare gives the sum that tells where a filter finds something; by is 0 for none.
func rare(f *store.CDRFilter) (by store.RollBy, tenant string, keys []string) {
	if f.Call != "" || f.Account != "" || f.Number != "" { // they have an index of their own
		return 0, "", nil
	}
	tenant = f.Tenant
	if tenant == "" {
		tenant = store.Everybody
	}
	switch {
	case f.Trunk != "" && f.Tenant != "":
		return store.RollTrunk, tenant, []string{f.Trunk + "/in", f.Trunk + "/out"}
	case len(f.Departments) > 0 && f.Tenant != "":
		return store.RollDepartment, tenant, f.Departments
	case f.Site != "" && f.Tenant != "":
		return store.RollSite, tenant, []string{f.Site}
	case f.Cause != 0:
		return store.RollCause, tenant, []string{strconv.Itoa(f.Cause)}
	case f.Way != store.UnknownWay:
		return store.RollAll, tenant, []string{f.Way.String()}
	case f.Kind != "":
		return store.RollKind, tenant, nil // the keys that begin with it
	}
	return 0, "", nil
}

// leap walks only through the slots in which a sum has something, and through the records that no sum holds yet.
func (d *DB) leap(ctx context.Context, f store.CDRFilter, sides []conditions, by store.RollBy, tenant string, keys []string, from place, limit int) ([]cdrRow, error) {
	rolled, err := d.Rolled(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := d.unsummed(ctx, f, rolled, from)
	if err != nil {
		return nil, err
	}
	const slot = int64(store.RollSlot / 1e6)
	last := from.began
	if !f.Until.IsZero() {
		last = min(last, ceilMilli(f.Until)-1)
	}
	first := int64(-1 << 62)
	if !f.From.IsZero() {
		first = ceilMilli(f.From) / slot
	}
	found := 0
	for at := last / slot; found < limit; {
		var slots []int64
		if err := d.reader.NewSelect().TableExpr("cdr_sums AS s").ColumnExpr("s.slot").Where("s.tenant = ? AND s.summed_by = ? AND s.what IN (?)", tenant, int64(by), bun.List(keys)).
			Where("s.slot <= ? AND s.slot >= ?", at, first).OrderExpr("s.slot DESC").Limit(64).Scan(ctx, &slots); err != nil {
			return nil, err
		}
		full := len(slots) == 64
		slots = slices.Compact(slots)
		for i := 0; i < len(slots) && found < limit; {
			end := i + 1 // slots side by side are one walk
			for end < len(slots) && slots[end] == slots[end-1]-1 {
				end++
			}
			got, err := d.gather(ctx, f, sides, conditions{{"c.began >= ? AND c.began < ?", []any{slots[end-1] * slot, (slots[i] + 1) * slot}}, {"c.seq <= ?", []any{int64(rolled)}}}, from, limit-found)
			if err != nil {
				return nil, err
			}
			rows, found, i = append(rows, got...), found+len(got), end
		}
		if !full {
			break
		}
		at = slots[len(slots)-1] - 1
	}
	slices.SortFunc(rows, func(a, b cdrRow) int {
		switch {
		case a.Began > b.Began || a.Began == b.Began && a.Seq > b.Seq:
			return -1
		case a.Seq == b.Seq:
			return 0
		}
		return 1
	})
	return rows[:min(len(rows), limit)], nil
}

// unsummed gives the records of a filter behind a place that no sum holds yet: the last few seconds' at most.
func (d *DB) unsummed(ctx context.Context, f store.CDRFilter, rolled uint64, from place) ([]cdrRow, error) {
	var rows []cdrRow
	for after := int64(rolled); ; {
		var page []cdrRow
		if err := d.reader.NewSelect().Model(&page).Where("c.seq > ?", after).OrderExpr("c.seq").Limit(MaxPage).Scan(ctx); err != nil {
			return nil, err
		}
		for i := range page {
			r := &page[i]
			if c := r.word(); (r.Began < from.began || r.Began == from.began && r.Seq < from.seq) && f.Match(&c) {
				rows = append(rows, *r)
			}
		}
		if len(page) < MaxPage {
			return rows, nil
		}
		after = page[len(page)-1].Seq
	}
}
