package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/uptrace/bun"

	"santral/store"
)

var _ store.Recordings = (*DB)(nil)

type recordingRow struct {
	bun.BaseModel `bun:"table:recordings,alias:r"`

	Name      string `bun:"name,pk"`
	Tenant    string `bun:"tenant"`
	Call      string `bun:"call"`
	Account   string `bun:"account"`
	Kind      string `bun:"kind"`
	Began     int64  `bun:"began"`
	Long      int64  `bun:"long"`
	Octets    int64  `bun:"octets"`
	SHA256    string `bun:"sha256"`
	Media     string `bun:"media"`
	Sealed    int    `bun:"sealed"`
	Torn      int    `bun:"torn"`
	Lost      int64  `bun:"lost"`
	Segments  string `bun:"segments"`
	After     string `bun:"follows"`
	Deleted   *int64 `bun:"deleted"`
	DeletedBy string `bun:"deleted_by"`
}

const recordingColumns = "name, tenant, call, account, kind, began, long, octets, sha256, media, sealed, torn, lost, segments, follows"

// addRecordings writes recordings, and marks those that were deleted.
func (d *DB) addRecordings(ctx context.Context, tx *sql.Tx, rows []store.Recording, gone []store.Erasure) error {
	insert := d.insert("recordings", recordingColumns, 1) + " ON CONFLICT (name) DO NOTHING"
	for i := range rows {
		a := &args{}
		if err := recordingArgs(a, &rows[i]); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, insert, a.values...); err != nil {
			return err
		}
	}
	for _, e := range gone { // the first deletion is the one that counts
		if _, err := tx.ExecContext(ctx, d.sql("UPDATE recordings SET deleted = ?, deleted_by = ? WHERE name = ? AND deleted IS NULL"), e.At.UnixMilli(), clean(e.By), clean(e.Name)); err != nil {
			return err
		}
	}
	return nil
}

func recordingArgs(a *args, r *store.Recording) error {
	segments, after := "", ""
	if len(r.Segments) > 0 {
		text, err := json.Marshal(r.Segments)
		if err != nil {
			return err
		}
		segments = string(text)
	}
	if len(r.After) > 0 {
		text, err := json.Marshal(r.After)
		if err != nil {
			return err
		}
		after = string(text)
	}
	yes := func(is bool) int64 {
		if is {
			return 1
		}
		return 0
	}
	a.values = append(a.values, clean(r.Name), clean(r.Tenant), clean(r.Call))
	a.text(r.Account)
	a.text(r.Kind)
	a.int(r.Began.UnixMilli())
	a.int(int64(r.Long))
	a.int(r.Octets)
	a.text(r.SHA256)
	a.text(r.Media)
	a.int(yes(r.Sealed))
	a.int(yes(r.Torn))
	a.int(int64(r.Lost))
	a.text(segments)
	a.text(after)
	return nil
}

// Recording is as store.Recordings says.
func (d *DB) Recording(ctx context.Context, tenant, name string) (store.Recording, error) {
	if strings.IndexByte(tenant+name, 0) >= 0 {
		return store.Recording{}, store.ErrNotFound
	}
	var row recordingRow
	q := d.reader.NewSelect().Model(&row).Where("r.name = ?", name)
	if tenant != "" {
		q = q.Where("r.tenant = ?", tenant)
	}
	err := q.Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return store.Recording{}, store.ErrNotFound
	}
	if err != nil {
		return store.Recording{}, fmt.Errorf("read recording: %w", err)
	}
	return row.word()
}

// Recordings is as store.Recordings says.
func (d *DB) Recordings(ctx context.Context, filter store.RecordingFilter, cursor string, size int) ([]store.Recording, string, error) {
	limit := int64(50)
	if size > 0 {
		limit = int64(min(size, MaxPage))
	}
	if strings.IndexByte(filter.Tenant+filter.Account+filter.Call+cursor, 0) >= 0 {
		return nil, "", nil
	}
	where := conditions{}
	if cursor != "" {
		a, name, ok := strings.Cut(cursor, ".")
		began, err := strconv.ParseInt(a, 36, 64)
		if !ok || err != nil {
			return nil, "", store.ErrBadCursor
		}
		where.add("(r.began, r.name) < (?, ?)", began, name)
	}
	for _, c := range [...]struct{ column, value string }{{"r.tenant", filter.Tenant}, {"r.account", filter.Account}, {"r.call", filter.Call}} {
		if c.value != "" {
			where.add(c.column+" = ?", c.value)
		}
	}
	if !filter.From.IsZero() {
		where.add("r.began >= ?", ceilMilli(filter.From))
	}
	if !filter.Until.IsZero() {
		where.add("r.began < ?", ceilMilli(filter.Until))
	}
	if !filter.Deleted {
		where.add("r.deleted IS NULL")
	}
	var rows []recordingRow
	if err := where.to(d.reader.NewSelect().Model(&rows)).OrderExpr("r.began DESC, r.name DESC").Limit(limit + 1).Scan(ctx); err != nil {
		return nil, "", fmt.Errorf("list recordings: %w", err)
	}
	next := ""
	if int64(len(rows)) > limit {
		rows = rows[:limit]
		last := &rows[limit-1]
		next = strconv.FormatInt(last.Began, 36) + "." + last.Name
	}
	page := make([]store.Recording, len(rows))
	for i := range rows {
		var err error
		if page[i], err = rows[i].word(); err != nil {
			return nil, "", err
		}
	}
	return page, next, nil
}

// withRecordings puts their recordings into records.
func (d *DB) withRecordings(ctx context.Context, page []store.CDR) error {
	calls := make([]string, len(page))
	place := make(map[string]*store.CDR, len(page))
	for i := range page {
		calls[i], place[page[i].Call] = page[i].Call, &page[i]
	}
	var rows []recordingRow
	if err := d.reader.NewSelect().Model(&rows).Where("r.call IN (?)", bun.List(calls)).OrderExpr("r.began, r.name").Scan(ctx); err != nil {
		return fmt.Errorf("read recordings: %w", err)
	}
	for i := range rows {
		r, err := rows[i].word()
		if err != nil {
			return err
		}
		if c := place[r.Call]; c.Tenant == r.Tenant || c.ToTenant == r.Tenant {
			c.Recordings = append(c.Recordings, r)
		}
	}
	return nil
}

func (r *recordingRow) word() (store.Recording, error) {
	w := store.Recording{
		Name: r.Name, Tenant: r.Tenant, Call: r.Call, Account: r.Account, Kind: r.Kind, Began: moment(&r.Began), Long: store.Millis(r.Long), Octets: r.Octets,
		SHA256: r.SHA256, Media: r.Media, Sealed: r.Sealed != 0, Torn: r.Torn != 0, Lost: store.Millis(r.Lost), Deleted: moment(r.Deleted), DeletedBy: r.DeletedBy,
	}
	for _, m := range [...]struct {
		text string
		to   any
	}{{r.Segments, &w.Segments}, {r.After, &w.After}} {
		if m.text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(m.text), m.to); err != nil {
			return w, fmt.Errorf("read recording %s: %w", r.Name, err)
		}
	}
	return w, nil
}
