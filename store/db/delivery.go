package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"santral/store"
)

var _ store.Deliveries = (*DB)(nil)

// hookTables are what webhooks are told, and how they stand.
var hookTables = []string{
	`CREATE TABLE hooks (
		tenant TEXT NOT NULL,
		webhook TEXT NOT NULL,
		last BIGINT NOT NULL,
		off BIGINT,
		url TEXT,
		PRIMARY KEY (tenant, webhook)
	){clustered}`,
	`CREATE TABLE deliveries (
		seq {key},
		tenant TEXT NOT NULL,
		webhook TEXT NOT NULL,
		number BIGINT NOT NULL,
		event TEXT NOT NULL,
		type TEXT NOT NULL,
		body TEXT NOT NULL,
		made BIGINT NOT NULL,
		since BIGINT NOT NULL,
		state SMALLINT NOT NULL,
		tries INTEGER NOT NULL,
		next BIGINT,
		attempts TEXT
	)`,
	`CREATE UNIQUE INDEX deliveries_event ON deliveries (tenant, webhook, event)`,
	`CREATE INDEX deliveries_waiting ON deliveries (state, tenant, webhook, next)`,
	`CREATE INDEX deliveries_webhook ON deliveries (tenant, webhook, seq)`,
	`CREATE INDEX deliveries_made ON deliveries (made)`,
}

const deliveryColumns = "seq, tenant, webhook, number, event, type, body, made, since, state, tries, next, attempts"

func scanDelivery(rows interface{ Scan(...any) error }) (d store.Delivery, err error) {
	var made, since int64
	var next sql.NullInt64
	var attempts sql.NullString
	var seq, number int64
	if err = rows.Scan(&seq, &d.Tenant, &d.Webhook, &number, &d.Event, &d.Type, &d.Body, &made, &since, &d.State, &d.Tries, &next, &attempts); err != nil {
		return d, err
	}
	d.Seq, d.Number, d.Made, d.Since = uint64(seq), uint64(number), time.UnixMilli(made).UTC(), time.UnixMilli(since).UTC()
	if next.Valid {
		d.Next = time.UnixMilli(next.Int64).UTC()
	}
	d.Attempts = []store.Attempt{}
	if attempts.Valid {
		err = json.Unmarshal([]byte(attempts.String), &d.Attempts)
	}
	return d, err
}

// every is the row that counts the deliveries of all webhooks.
var every = store.HookKey{}

// AddDeliveries is as store.Deliveries says.
func (d *DB) AddDeliveries(ctx context.Context, list []store.Delivery) (map[store.HookKey]int, error) {
	added := map[store.HookKey]int{}
	err := d.within(ctx, func(tx *sql.Tx) error {
		last := map[store.HookKey]int64{}
		clear(added)
		count := func(key store.HookKey) error {
			if _, known := last[key]; known {
				return nil
			}
			if _, err := tx.ExecContext(ctx, d.sql("INSERT INTO hooks (tenant, webhook, last) VALUES (?, ?, 0) ON CONFLICT (tenant, webhook) DO NOTHING"), key.Tenant, key.Webhook); err != nil {
				return err
			}
			var n int64
			if err := tx.QueryRowContext(ctx, d.sql("SELECT last FROM hooks WHERE tenant = ? AND webhook = ?"+d.kind.lock), key.Tenant, key.Webhook).Scan(&n); err != nil {
				return err
			}
			last[key] = n
			return nil
		}
		if err := count(every); err != nil { // first: whoever adds waits for it, and nobody for each other
			return err
		}
		for i := range list {
			e := &list[i]
			key := store.HookKey{Tenant: clean(e.Tenant), Webhook: clean(e.Webhook)}
			if err := count(key); err != nil {
				return err
			}
			res, err := tx.ExecContext(ctx, d.sql(`INSERT INTO deliveries (seq, tenant, webhook, number, event, type, body, made, since, state, tries, next) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?)
				ON CONFLICT (tenant, webhook, event) DO NOTHING`), last[every]+1, key.Tenant, key.Webhook, last[key]+1, clean(e.Event), clean(e.Type), clean(e.Body), e.Made.UnixMilli(), e.Made.UnixMilli(), e.Made.UnixMilli())
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil {
				return err
			} else if n > 0 {
				last[every]++
				last[key]++
				added[key]++
			}
		}
		for key := range last {
			if _, err := tx.ExecContext(ctx, d.sql("UPDATE hooks SET last = ? WHERE tenant = ? AND webhook = ?"), last[key], key.Tenant, key.Webhook); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("keep what webhooks are told: %w", err)
	}
	return added, nil
}

// DueDeliveries is as store.Deliveries says.
func (d *DB) DueDeliveries(ctx context.Context, key store.HookKey, at time.Time, limit int) (due []store.Delivery, next time.Time, err error) {
	due, err = d.deliveries(ctx, "SELECT "+deliveryColumns+" FROM deliveries WHERE state = 0 AND tenant = ? AND webhook = ? AND next <= ? ORDER BY number LIMIT "+strconv.Itoa(limit), key.Tenant, key.Webhook, at.UnixMilli())
	if err != nil || len(due) > 0 {
		return due, next, err
	}
	var first sql.NullInt64
	if err = d.reader.DB.QueryRowContext(ctx, d.sql("SELECT MIN(next) FROM deliveries WHERE state = 0 AND tenant = ? AND webhook = ?"), key.Tenant, key.Webhook).Scan(&first); err != nil {
		return nil, next, fmt.Errorf("read what webhooks are told: %w", err)
	}
	if first.Valid {
		next = time.UnixMilli(first.Int64)
	}
	return nil, next, nil
}

func (d *DB) deliveries(ctx context.Context, query string, args ...any) (list []store.Delivery, err error) {
	rows, err := d.reader.DB.QueryContext(ctx, d.sql(query), args...)
	if err != nil {
		return nil, fmt.Errorf("read what webhooks are told: %w", err)
	}
	for err == nil && rows.Next() {
		var e store.Delivery
		if e, err = scanDelivery(rows); err == nil {
			list = append(list, e)
		}
	}
	if err = errors.Join(err, rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("read what webhooks are told: %w", err)
	}
	return list, nil
}

// TriedDeliveries is as store.Deliveries says.
func (d *DB) TriedDeliveries(ctx context.Context, list []store.Delivery) error {
	err := d.within(ctx, func(tx *sql.Tx) error {
		for i := range list {
			e := &list[i]
			attempts, err := json.Marshal(e.Attempts[max(0, len(e.Attempts)-store.MostAttempts):])
			if err != nil {
				return err
			}
			var next any
			if e.State == store.DeliveryWaiting {
				next = e.Next.UnixMilli()
			}
			// Since: one that was sent anew meanwhile stays so.
			if _, err := tx.ExecContext(ctx, d.sql("UPDATE deliveries SET state = ?, tries = ?, next = ?, attempts = ? WHERE seq = ? AND since = ?"), int64(e.State), e.Tries, next, clean(string(attempts)), int64(e.Seq), e.Since.UnixMilli()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write down what webhooks took: %w", err)
	}
	return nil
}

// EndDeliveries is as store.Deliveries says.
func (d *DB) EndDeliveries(ctx context.Context, key store.HookKey, since time.Time, state store.DeliveryState) (int, error) {
	query, args := "UPDATE deliveries SET state = ?, next = NULL WHERE state = 0 AND tenant = ? AND webhook = ?", []any{int64(state), key.Tenant, key.Webhook}
	if !since.IsZero() {
		query, args = query+" AND since < ?", append(args, since.UnixMilli())
	}
	return d.change(ctx, query, args...)
}

// AgainDeliveries is as store.Deliveries says.
func (d *DB) AgainDeliveries(ctx context.Context, key store.HookKey, from, to uint64, state *store.DeliveryState, at time.Time) (int, error) {
	query := "UPDATE deliveries SET state = 0, tries = 0, since = ?, next = ? WHERE tenant = ? AND webhook = ? AND seq >= ? AND seq <= ?"
	args := []any{at.UnixMilli(), at.UnixMilli(), key.Tenant, key.Webhook, whole(from), whole(to)}
	if state != nil {
		query, args = query+" AND state = ?", append(args, int64(*state))
	}
	return d.change(ctx, query, args...)
}

// whole is a number as databases count.
func whole(n uint64) int64 { return int64(min(n, 1<<63-1)) }

func (d *DB) change(ctx context.Context, query string, args ...any) (int, error) {
	res, err := d.writer.ExecContext(ctx, d.sql(query), args...)
	if err != nil {
		return 0, fmt.Errorf("change what webhooks are told: %w", err)
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// Deliveries is as store.Deliveries says.
func (d *DB) Deliveries(ctx context.Context, f store.DeliveryFilter, cursor string, limit int) ([]store.Delivery, string, error) {
	if strings.IndexByte(f.Tenant+f.Webhook+f.Type+f.Event, 0) >= 0 {
		return nil, "", nil
	}
	where, args := []string{"tenant = ?", "webhook = ?"}, []any{f.Tenant, f.Webhook}
	add := func(clause string, value any) { where, args = append(where, clause), append(args, value) }
	if cursor != "" {
		seq, err := strconv.ParseInt(cursor, 10, 64)
		if err != nil {
			return nil, "", store.ErrBadCursor
		}
		add("seq < ?", seq)
	}
	if f.State != nil {
		add("state = ?", int64(*f.State))
	}
	if f.Type != "" {
		add("type = ?", f.Type)
	}
	if f.Event != "" {
		add("event = ?", f.Event)
	}
	limit = max(1, min(limit, MaxPage))
	list, err := d.deliveries(ctx, "SELECT "+deliveryColumns+" FROM deliveries WHERE "+strings.Join(where, " AND ")+" ORDER BY seq DESC LIMIT "+strconv.Itoa(limit+1), args...)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(list) > limit {
		list = list[:limit]
		next = strconv.FormatUint(list[limit-1].Seq, 10)
	}
	return list, next, nil
}

// Delivery is as store.Deliveries says.
func (d *DB) Delivery(ctx context.Context, key store.HookKey, seq uint64) (store.Delivery, error) {
	if strings.IndexByte(key.Tenant+key.Webhook, 0) >= 0 {
		return store.Delivery{}, store.ErrNotFound
	}
	list, err := d.deliveries(ctx, "SELECT "+deliveryColumns+" FROM deliveries WHERE tenant = ? AND webhook = ? AND seq = ?", key.Tenant, key.Webhook, whole(seq))
	if err != nil {
		return store.Delivery{}, err
	}
	if len(list) == 0 {
		return store.Delivery{}, store.ErrNotFound
	}
	return list[0], nil
}

// HookStates is as store.Deliveries says.
func (d *DB) HookStates(ctx context.Context) (list []store.HookState, err error) {
	rows, err := d.reader.DB.QueryContext(ctx, `SELECT h.tenant, h.webhook, h.off, h.url, (SELECT COUNT(*) FROM deliveries x WHERE x.state = 0 AND x.tenant = h.tenant AND x.webhook = h.webhook) FROM hooks h WHERE h.webhook <> ''`)
	if err != nil {
		return nil, fmt.Errorf("read how webhooks stand: %w", err)
	}
	for err == nil && rows.Next() {
		var s store.HookState
		var off sql.NullInt64
		var url sql.NullString
		if err = rows.Scan(&s.Tenant, &s.Webhook, &off, &url, &s.Waiting); err == nil {
			if s.URL = url.String; off.Valid {
				s.Off = time.UnixMilli(off.Int64).UTC()
			}
			list = append(list, s)
		}
	}
	if err = errors.Join(err, rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("read how webhooks stand: %w", err)
	}
	return list, nil
}

// SwitchHook is as store.Deliveries says.
func (d *DB) SwitchHook(ctx context.Context, key store.HookKey, off time.Time, url string) error {
	var at, of any
	if !off.IsZero() {
		at, of = off.UnixMilli(), clean(url)
	}
	if _, err := d.writer.ExecContext(ctx, d.sql(`INSERT INTO hooks (tenant, webhook, last, off, url) VALUES (?, ?, 0, ?, ?) ON CONFLICT (tenant, webhook) DO UPDATE SET off = excluded.off, url = excluded.url`), clean(key.Tenant), clean(key.Webhook), at, of); err != nil {
		return fmt.Errorf("switch a webhook: %w", err)
	}
	return nil
}

// PurgeDeliveries is as store.Deliveries says.
func (d *DB) PurgeDeliveries(ctx context.Context, before time.Time) (int, error) {
	const few = 5000 // at once, so that others have their turn
	return d.change(ctx, "DELETE FROM deliveries WHERE seq IN (SELECT seq FROM deliveries WHERE made < ? AND state <> 0 LIMIT "+strconv.Itoa(few)+")", before.UnixMilli())
}
