package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"santral/store"
)

var _ store.Prompts = (*DB)(nil)

const versionColumns = "v.tenant, v.language, v.id, v.version, v.made, v.made_by, v.origin, v.said, v.long, v.loudness, v.octets, v.sha256, v.blob"

// scanVersion reads versionColumns, and what stands before them into more.
func scanVersion(rows *sql.Rows, more ...any) (v store.PromptVersion, err error) {
	var made, long int64
	err = rows.Scan(append(more, &v.Tenant, &v.Language, &v.ID, &v.Version, &made, &v.By, &v.Origin, &v.Text, &long, &v.Loudness, &v.Octets, &v.SHA256, &v.Blob)...)
	v.Made, v.Long = time.UnixMilli(made).UTC(), store.Millis(long)
	return v, err
}

// unsayable tells of a key that no row can have.
func unsayable(key store.PromptKey) bool {
	return strings.IndexByte(key.Tenant+key.Language+key.ID, 0) >= 0
}

// OwnPrompts is as store.Prompts says.
func (d *DB) OwnPrompts(ctx context.Context, tenant string) (list []store.OwnPrompt, err error) {
	if strings.IndexByte(tenant, 0) >= 0 {
		return nil, nil
	}
	heads, err := d.reader.DB.QueryContext(ctx, d.sql(`SELECT tenant, language, id, number, heard FROM prompts WHERE ? = '' OR tenant = ? ORDER BY tenant, id, language`), tenant, tenant)
	if err != nil {
		return nil, fmt.Errorf("read prompts: %w", err)
	}
	at := map[store.PromptKey]int{}
	for heads.Next() {
		var o store.OwnPrompt
		heard := 0
		if err = heads.Scan(&o.Tenant, &o.Language, &o.ID, &o.Number, &heard); err != nil {
			break
		}
		at[o.PromptKey] = len(list)
		list = append(list, o)
	}
	if err = errors.Join(err, heads.Err(), heads.Close()); err != nil {
		return nil, fmt.Errorf("read prompts: %w", err)
	}
	rows, err := d.reader.DB.QueryContext(ctx, d.sql(`SELECT `+versionColumns+` FROM prompt_versions v JOIN prompts p ON p.tenant = v.tenant AND p.language = v.language AND p.id = v.id AND p.heard = v.version
		WHERE ? = '' OR v.tenant = ?`), tenant, tenant)
	if err != nil {
		return nil, fmt.Errorf("read prompts: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		v, err := scanVersion(rows)
		if err != nil {
			return nil, fmt.Errorf("read prompts: %w", err)
		}
		if i, ok := at[v.PromptKey]; ok {
			v.Current = true
			list[i].Heard = &v
		}
	}
	return list, rows.Err()
}

// PromptVersions is as store.Prompts says.
func (d *DB) PromptVersions(ctx context.Context, key store.PromptKey) (list []store.PromptVersion, err error) {
	if unsayable(key) {
		return nil, store.ErrNotFound
	}
	rows, err := d.reader.DB.QueryContext(ctx, d.sql(`SELECT p.heard, `+versionColumns+` FROM prompt_versions v JOIN prompts p ON p.tenant = v.tenant AND p.language = v.language AND p.id = v.id
		WHERE v.tenant = ? AND v.language = ? AND v.id = ? ORDER BY v.version DESC`), key.Tenant, key.Language, key.ID)
	if err != nil {
		return nil, fmt.Errorf("read a prompt: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		heard := 0
		v, err := scanVersion(rows, &heard)
		if err != nil {
			return nil, fmt.Errorf("read a prompt: %w", err)
		}
		v.Current = v.Version == heard
		list = append(list, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read a prompt: %w", err)
	}
	if list == nil {
		return nil, store.ErrNotFound
	}
	return list, nil
}

// AddPrompt is as store.Prompts says.
func (d *DB) AddPrompt(ctx context.Context, v store.PromptVersion, named bool, first int, most store.PromptLimits) (_ store.PromptVersion, gone []store.PromptVersion, err error) {
	err = d.within(ctx, func(tx *sql.Tx) error {
		row := tx.QueryRowContext(ctx, d.sql(`SELECT last FROM prompts WHERE tenant = ? AND language = ? AND id = ?`+d.kind.lock), v.Tenant, v.Language, v.ID)
		switch err := row.Scan(&v.Version); {
		case errors.Is(err, sql.ErrNoRows):
			if err := d.newPrompt(ctx, tx, v.PromptKey, named, first, most.Prompts); err != nil {
				return err
			}
		case err != nil:
			return err
		}
		v.Version++
		v.Current = true
		v.By, v.Text = clean(v.By), clean(v.Text)
		if _, err := tx.ExecContext(ctx, d.sql(`UPDATE prompts SET last = ?, heard = ? WHERE tenant = ? AND language = ? AND id = ?`), v.Version, v.Version, v.Tenant, v.Language, v.ID); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, d.sql(`INSERT INTO prompt_versions (tenant, language, id, version, made, made_by, origin, said, long, loudness, octets, sha256, blob) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
			v.Tenant, v.Language, v.ID, v.Version, v.Made.UnixMilli(), v.By, v.Origin, v.Text, int64(v.Long), v.Loudness, v.Octets, v.SHA256, v.Blob); err != nil {
			return err
		}
		var err error
		gone, err = d.dropVersions(ctx, tx, v.PromptKey, `v.version < (SELECT MIN(k.version) FROM (SELECT version FROM prompt_versions WHERE tenant = ? AND language = ? AND id = ? ORDER BY version DESC LIMIT ?) k)`,
			v.Tenant, v.Language, v.ID, max(most.Versions, 1))
		return err
	})
	if err != nil && !errors.Is(err, store.ErrPrompts) {
		err = fmt.Errorf("keep a prompt: %w", err)
	}
	return v, gone, err
}

// newPrompt makes the row of a prompt that has no version yet. One of the tenant's own has the number that it has in other
// languages, or the next.
func (d *DB) newPrompt(ctx context.Context, tx *sql.Tx, key store.PromptKey, named bool, first, most int) error {
	var all, number, highest int
	row := tx.QueryRowContext(ctx, d.sql(`SELECT COUNT(*), COALESCE(MAX(CASE WHEN id = ? THEN number ELSE 0 END), 0), COALESCE(MAX(number), 0) FROM prompts WHERE tenant = ?`), key.ID, key.Tenant)
	if err := row.Scan(&all, &number, &highest); err != nil {
		return err
	}
	if all >= most {
		return store.ErrPrompts
	}
	if named && number == 0 {
		number = max(first, highest+1)
	}
	_, err := tx.ExecContext(ctx, d.sql(`INSERT INTO prompts (tenant, language, id, number, last, heard) VALUES (?, ?, ?, ?, 0, 0)`), key.Tenant, key.Language, key.ID, number)
	return err
}

// dropVersions forgets versions that a condition names, and gives them.
func (d *DB) dropVersions(ctx context.Context, tx *sql.Tx, key store.PromptKey, which string, args ...any) (gone []store.PromptVersion, err error) {
	all := append([]any{key.Tenant, key.Language, key.ID}, args...)
	rows, err := tx.QueryContext(ctx, d.sql(`SELECT `+versionColumns+` FROM prompt_versions v WHERE v.tenant = ? AND v.language = ? AND v.id = ? AND `+which), all...)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		v, err := scanVersion(rows)
		if err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		gone = append(gone, v)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	for _, v := range gone {
		if _, err := tx.ExecContext(ctx, d.sql(`DELETE FROM prompt_versions WHERE tenant = ? AND language = ? AND id = ? AND version = ?`), key.Tenant, key.Language, key.ID, v.Version); err != nil {
			return nil, err
		}
	}
	return gone, nil
}

// HearPrompt is as store.Prompts says.
func (d *DB) HearPrompt(ctx context.Context, key store.PromptKey, version int) error {
	if unsayable(key) {
		return store.ErrNotFound
	}
	done, err := d.writer.ExecContext(ctx, d.sql(`UPDATE prompts SET heard = ? WHERE tenant = ? AND language = ? AND id = ?
		AND (? = 0 OR EXISTS (SELECT 1 FROM prompt_versions v WHERE v.tenant = prompts.tenant AND v.language = prompts.language AND v.id = prompts.id AND v.version = ?))`),
		version, key.Tenant, key.Language, key.ID, version, version)
	if err != nil {
		return fmt.Errorf("change a prompt: %w", err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, store.ErrNotFound)
	}
	return nil
}

// DropPrompt is as store.Prompts says.
func (d *DB) DropPrompt(ctx context.Context, key store.PromptKey, version int) (gone []store.PromptVersion, err error) {
	if unsayable(key) {
		return nil, store.ErrNotFound
	}
	err = d.within(ctx, func(tx *sql.Tx) error {
		heard := 0
		row := tx.QueryRowContext(ctx, d.sql(`SELECT heard FROM prompts WHERE tenant = ? AND language = ? AND id = ?`+d.kind.lock), key.Tenant, key.Language, key.ID)
		switch err := row.Scan(&heard); {
		case errors.Is(err, sql.ErrNoRows):
			return store.ErrNotFound
		case err != nil:
			return err
		case version != 0 && version == heard:
			return store.ErrHeard
		}
		var err error
		if gone, err = d.dropVersions(ctx, tx, key, `(? = 0 OR v.version = ?)`, version, version); err != nil {
			return err
		}
		if version != 0 {
			if gone == nil {
				return store.ErrNotFound
			}
			return nil
		}
		_, err = tx.ExecContext(ctx, d.sql(`DELETE FROM prompts WHERE tenant = ? AND language = ? AND id = ?`), key.Tenant, key.Language, key.ID)
		return err
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrHeard) {
		err = fmt.Errorf("delete a prompt: %w", err)
	}
	return gone, err
}
