package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"santral/store"
)

var _ store.Logins = (*DB)(nil)

// at gives what a column keeps of a time that may be none.
func at(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	ms := t.UnixMilli()
	return &ms
}

// words gives what a column keeps of a list; NULL for nil, which is not the same as an empty one.
func words(list []string) sql.NullString {
	if list == nil {
		return sql.NullString{}
	}
	text, _ := json.Marshal(list) // strings always can be
	return sql.NullString{String: string(text), Valid: true}
}

func wordsOf(text sql.NullString) (list []string, err error) {
	if text.Valid {
		err = json.Unmarshal([]byte(text.String), &list)
	}
	return list, err
}

const tokenColumns = `id, hash, name, tenant, role, site, department, account, scopes, addresses, made, made_by, expires, used, used_from, revoked, revoked_by`

// Tokens implements store.Logins.
func (d *DB) Tokens(ctx context.Context) ([]store.Token, error) {
	rows, err := d.reader.DB.QueryContext(ctx, `SELECT `+tokenColumns+` FROM tokens ORDER BY made, id`)
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	defer rows.Close()
	var list []store.Token
	for rows.Next() {
		var t store.Token
		var made int64
		var expires, used, revoked *int64
		var scopes, addresses sql.NullString
		err := rows.Scan(&t.ID, &t.Hash, &t.Name, &t.Tenant, &t.Role, &t.Site, &t.Department, &t.Account, &scopes, &addresses, &made, &t.MadeBy, &expires, &used, &t.UsedFrom, &revoked, &t.RevokedBy)
		if err == nil {
			t.Scopes, err = wordsOf(scopes)
		}
		if err == nil {
			t.Addresses, err = wordsOf(addresses)
		}
		if err != nil {
			return nil, fmt.Errorf("read tokens: %w", err)
		}
		t.Made, t.Expires, t.Used, t.Revoked = time.UnixMilli(made).UTC(), moment(expires), moment(used), moment(revoked)
		list = append(list, t)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	return list, nil
}

// PutToken implements store.Logins.
func (d *DB) PutToken(ctx context.Context, t store.Token) error {
	err := d.run(ctx, `INSERT INTO tokens (`+tokenColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET revoked = excluded.revoked, revoked_by = excluded.revoked_by`,
		t.ID, t.Hash, clean(t.Name), t.Tenant, t.Role, t.Site, t.Department, t.Account, words(t.Scopes), words(t.Addresses), t.Made.UnixMilli(), clean(t.MadeBy), at(t.Expires), at(t.Used), t.UsedFrom, at(t.Revoked), clean(t.RevokedBy))
	if err != nil {
		return fmt.Errorf("keep a token: %w", err)
	}
	return nil
}

// DropTokens implements store.Logins.
func (d *DB) DropTokens(ctx context.Context, ids []string) error {
	return d.drop(ctx, "tokens", ids)
}

// UseTokens implements store.Logins.
func (d *DB) UseTokens(ctx context.Context, used []store.Use) error {
	return d.within(ctx, func(tx *sql.Tx) error {
		for _, u := range used {
			if _, err := tx.ExecContext(ctx, d.sql(`UPDATE tokens SET used = ?, used_from = ? WHERE id = ?`), u.At.UnixMilli(), u.From, u.ID); err != nil {
				return fmt.Errorf("note the use of a token: %w", err)
			}
		}
		return nil
	})
}

// Sessions implements store.Logins.
func (d *DB) Sessions(ctx context.Context) ([]store.Session, error) {
	rows, err := d.reader.DB.QueryContext(ctx, `SELECT id, hash, tenant, person, began, seen, expires, source, agent, limited FROM sessions ORDER BY began, id`)
	if err != nil {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	defer rows.Close()
	var list []store.Session
	for rows.Next() {
		var s store.Session
		var began, seen, expires int64
		if err := rows.Scan(&s.ID, &s.Hash, &s.Tenant, &s.User, &began, &seen, &expires, &s.Source, &s.Agent, &s.Limited); err != nil {
			return nil, fmt.Errorf("read sessions: %w", err)
		}
		s.Began, s.Seen, s.Expires = time.UnixMilli(began).UTC(), time.UnixMilli(seen).UTC(), time.UnixMilli(expires).UTC()
		list = append(list, s)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	return list, nil
}

// PutSession implements store.Logins.
func (d *DB) PutSession(ctx context.Context, s store.Session) error {
	err := d.run(ctx, `INSERT INTO sessions (id, hash, tenant, person, began, seen, expires, source, agent, limited) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, seen = excluded.seen, limited = excluded.limited`,
		s.ID, s.Hash, s.Tenant, s.User, s.Began.UnixMilli(), s.Seen.UnixMilli(), s.Expires.UnixMilli(), s.Source, clean(s.Agent), flag(s.Limited))
	if err != nil {
		return fmt.Errorf("keep a session: %w", err)
	}
	return nil
}

// DropSessions implements store.Logins.
func (d *DB) DropSessions(ctx context.Context, ids []string) error {
	return d.drop(ctx, "sessions", ids)
}

// UseSessions implements store.Logins.
func (d *DB) UseSessions(ctx context.Context, used []store.Use) error {
	return d.within(ctx, func(tx *sql.Tx) error {
		for _, u := range used {
			if _, err := tx.ExecContext(ctx, d.sql(`UPDATE sessions SET seen = ? WHERE id = ?`), u.At.UnixMilli(), u.ID); err != nil {
				return fmt.Errorf("note the use of a session: %w", err)
			}
		}
		return nil
	})
}

// Login implements store.Logins.
func (d *DB) Login(ctx context.Context, tenant, user string) (store.Login, error) {
	l := store.Login{Tenant: tenant, User: user}
	if strings.IndexByte(tenant+user, 0) >= 0 {
		return l, store.ErrNotFound
	}
	var changed int64
	var codes sql.NullString
	err := d.reader.DB.QueryRowContext(ctx, d.sql(`SELECT hash, must, changed, factor, proved, step, codes FROM logins WHERE tenant = ? AND person = ?`), tenant, user).
		Scan(&l.Hash, &l.Must, &changed, &l.Factor, &l.Proved, &l.Step, &codes)
	if errors.Is(err, sql.ErrNoRows) {
		return l, store.ErrNotFound
	}
	if err == nil {
		l.Codes, err = wordsOf(codes)
	}
	if err != nil {
		return l, fmt.Errorf("read a login: %w", err)
	}
	l.Changed = time.UnixMilli(changed).UTC()
	return l, nil
}

// PutLogin implements store.Logins.
func (d *DB) PutLogin(ctx context.Context, l store.Login) error {
	err := d.run(ctx, `INSERT INTO logins (tenant, person, hash, must, changed, factor, proved, step, codes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (tenant, person) DO UPDATE SET hash = excluded.hash, must = excluded.must, changed = excluded.changed,
			factor = excluded.factor, proved = excluded.proved, step = excluded.step, codes = excluded.codes`,
		l.Tenant, l.User, l.Hash, flag(l.Must), l.Changed.UnixMilli(), l.Factor, flag(l.Proved), l.Step, words(l.Codes))
	if err != nil {
		return fmt.Errorf("keep a login: %w", err)
	}
	return nil
}

// TakeStep implements store.Logins.
func (d *DB) TakeStep(ctx context.Context, tenant, user string, step int64) (bool, error) {
	res, err := d.writer.ExecContext(ctx, d.sql(`UPDATE logins SET step = ? WHERE tenant = ? AND person = ? AND step < ?`), step, tenant, user, step)
	if err != nil {
		return false, fmt.Errorf("note a code: %w", err)
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// TakeCode implements store.Logins.
func (d *DB) TakeCode(ctx context.Context, tenant, user, hash string) (taken bool, err error) {
	err = d.within(ctx, func(tx *sql.Tx) error {
		var text sql.NullString
		err := tx.QueryRowContext(ctx, d.sql(`SELECT codes FROM logins WHERE tenant = ? AND person = ?`+d.kind.lock), tenant, user).Scan(&text)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		list, err := wordsOf(text)
		if err != nil {
			return err
		}
		left := make([]string, 0, len(list))
		for _, h := range list {
			if h == hash {
				taken = true
			} else {
				left = append(left, h)
			}
		}
		if !taken {
			return nil
		}
		_, err = tx.ExecContext(ctx, d.sql(`UPDATE logins SET codes = ? WHERE tenant = ? AND person = ?`), words(left), tenant, user)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("take a recovery code: %w", err)
	}
	return taken, nil
}

// DropLogin implements store.Logins.
func (d *DB) DropLogin(ctx context.Context, tenant, user string) error {
	if err := d.run(ctx, `DELETE FROM logins WHERE tenant = ? AND person = ?`, tenant, user); err != nil {
		return fmt.Errorf("forget a login: %w", err)
	}
	return nil
}

// run does one statement.
func (d *DB) run(ctx context.Context, query string, values ...any) error {
	_, err := d.writer.ExecContext(ctx, d.sql(query), values...)
	return err
}

// drop deletes rows by their ids.
func (d *DB) drop(ctx context.Context, table string, ids []string) error {
	return d.within(ctx, func(tx *sql.Tx) error {
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx, d.sql(`DELETE FROM `+table+` WHERE id = ?`), id); err != nil {
				return fmt.Errorf("forget %s: %w", table, err)
			}
		}
		return nil
	})
}

// flag gives what a column keeps of a truth.
func flag(on bool) int {
	if on {
		return 1
	}
	return 0
}
