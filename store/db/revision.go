package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"santral/store"
)

var _ store.Revisions = (*DB)(nil)

// revisionTables are the tables of configuration's history.
var revisionTables = []string{
	`CREATE TABLE revisions (
		number {key},
		at BIGINT NOT NULL,
		who TEXT NOT NULL,
		via TEXT NOT NULL,
		why TEXT NOT NULL,
		undoes BIGINT NOT NULL
	)`,
	`CREATE TABLE revision_documents (
		tenant TEXT NOT NULL,
		revision BIGINT NOT NULL,
		at BIGINT NOT NULL,
		former BIGINT NOT NULL,
		gone SMALLINT NOT NULL,
		added INTEGER NOT NULL,
		edited INTEGER NOT NULL,
		less INTEGER NOT NULL,
		whole SMALLINT NOT NULL,
		octets BIGINT NOT NULL,
		body {octets} NOT NULL,
		PRIMARY KEY (tenant, revision)
	)`,
	`CREATE INDEX revision_documents_revision ON revision_documents (revision)`,
	`CREATE TABLE imports (
		name TEXT PRIMARY KEY,
		hash TEXT NOT NULL
	){clustered}`,
}

// oftenTrimmed is after how many revisions it is asked whether too many are kept.
const oftenTrimmed = 16

// AddRevision is as store.Revisions says.
func (d *DB) AddRevision(ctx context.Context, r store.Revision, imported map[string]string, most store.RevisionLimits) error {
	if d.kind.name == sqlite.name { // a revision that was said to be applied is not taken back by loss of power
		if _, err := d.writer.ExecContext(ctx, "PRAGMA synchronous = FULL"); err != nil {
			return fmt.Errorf("keep a revision: %w", err)
		}
		defer d.writer.ExecContext(context.WithoutCancel(ctx), "PRAGMA synchronous = NORMAL")
	}
	err := d.within(ctx, func(tx *sql.Tx) error {
		for name, hash := range imported {
			if _, err := tx.ExecContext(ctx, d.sql(`INSERT INTO imports (name, hash) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET hash = excluded.hash`), clean(name), clean(hash)); err != nil {
				return err
			}
		}
		if r.Number == 0 {
			return nil
		}
		return d.addRevision(ctx, tx, r, most)
	})
	if err != nil && !errors.Is(err, store.ErrRevision) {
		err = fmt.Errorf("keep a revision: %w", err)
	}
	return err
}

func (d *DB) addRevision(ctx context.Context, tx *sql.Tx, r store.Revision, most store.RevisionLimits) error {
	var last uint64
	if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(number), 0) FROM revisions`).Scan(&last); err != nil {
		return err
	}
	if r.Number != last+1 {
		return store.ErrRevision
	}
	if _, err := tx.ExecContext(ctx, d.sql(`INSERT INTO revisions (number, at, who, via, why, undoes) VALUES (?, ?, ?, ?, ?, ?)`),
		int64(r.Number), r.At.UnixMilli(), clean(r.Who), clean(r.Via), clean(r.Why), int64(r.Undoes)); err != nil {
		return err
	}
	for i := range r.Documents {
		c := &r.Documents[i]
		body := c.Text.Octets
		if body == nil {
			body = []byte{}
		}
		if _, err := tx.ExecContext(ctx, d.sql(`INSERT INTO revision_documents (tenant, revision, at, former, gone, added, edited, less, whole, octets, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
			c.Tenant, int64(r.Number), r.At.UnixMilli(), int64(c.Former), bit(c.Gone), c.Added, c.Edited, c.Less, bit(c.Text.Whole), len(body), body); err != nil {
			return err
		}
	}
	if r.Number%oftenTrimmed != 0 {
		return nil
	}
	return d.trimRevisions(ctx, tx, r.Number, most)
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// trimRevisions forgets the oldest revisions where there are more than may be kept. Of each document the last whole text at
// the cut stays: what is kept is made of it.
func (d *DB) trimRevisions(ctx context.Context, tx *sql.Tx, last uint64, most store.RevisionLimits) error {
	cut := int64(last) - int64(most.Revisions)
	if most.Revisions == 0 {
		cut = 0
	}
	var octets int64
	if err := tx.QueryRowContext(ctx, `SELECT COALESCE(SUM(octets), 0) FROM revision_documents`).Scan(&octets); err != nil {
		return err
	}
	if most.Octets > 0 && octets > most.Octets {
		rows, err := tx.QueryContext(ctx, d.sql(`SELECT revision, SUM(octets) FROM revision_documents WHERE revision < ? GROUP BY revision ORDER BY revision`), int64(last))
		if err != nil {
			return err
		}
		for octets > most.Octets && rows.Next() {
			var number, n int64
			if err := rows.Scan(&number, &n); err != nil {
				return errors.Join(err, rows.Close())
			}
			cut, octets = max(cut, number), octets-n
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
	}
	if cut <= 0 {
		return nil
	}
	if _, err := tx.ExecContext(ctx, d.sql(`DELETE FROM revision_documents WHERE revision <= ? AND revision < (SELECT MAX(k.revision) FROM revision_documents k
		WHERE k.tenant = revision_documents.tenant AND k.revision <= ? AND (k.whole = 1 OR k.gone = 1))`), cut, cut); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, d.sql(`DELETE FROM revisions WHERE number <= ?`), cut)
	return err
}

// LastRevision is as store.Revisions says.
func (d *DB) LastRevision(ctx context.Context) (last uint64, err error) {
	if err = d.reader.DB.QueryRowContext(ctx, `SELECT COALESCE(MAX(number), 0) FROM revisions`).Scan(&last); err != nil {
		err = fmt.Errorf("read revisions: %w", err)
	}
	return last, err
}

// Revisions is as store.Revisions says.
func (d *DB) Revisions(ctx context.Context, tenant string, before uint64, limit int) (list []store.Revision, err error) {
	if strings.IndexByte(tenant, 0) >= 0 {
		return nil, nil
	}
	if before == 0 || before > math.MaxInt64 {
		before = math.MaxInt64
	}
	rows, err := d.reader.DB.QueryContext(ctx, d.sql(`SELECT number, at, who, via, why, undoes FROM revisions r WHERE number < ?
		AND (? = '' OR EXISTS (SELECT 1 FROM revision_documents c WHERE c.revision = r.number AND c.tenant = ?)) ORDER BY number DESC LIMIT ?`), int64(before), tenant, tenant, limit)
	if err != nil {
		return nil, fmt.Errorf("read revisions: %w", err)
	}
	for rows.Next() {
		var r store.Revision
		var at int64
		if err = rows.Scan(&r.Number, &at, &r.Who, &r.Via, &r.Why, &r.Undoes); err != nil {
			break
		}
		r.At = time.UnixMilli(at).UTC()
		list = append(list, r)
	}
	if err = errors.Join(err, rows.Err(), rows.Close()); err != nil || len(list) == 0 {
		return nil, err
	}
	at := map[uint64]int{}
	for i := range list {
		at[list[i].Number] = i
	}
	changed, err := d.reader.DB.QueryContext(ctx, d.sql(`SELECT revision, tenant, former, gone, added, edited, less FROM revision_documents WHERE revision >= ? AND revision <= ? ORDER BY revision, tenant`),
		int64(list[len(list)-1].Number), int64(list[0].Number))
	if err != nil {
		return nil, fmt.Errorf("read revisions: %w", err)
	}
	defer changed.Close()
	for changed.Next() {
		var c store.RevisedDocument
		var number uint64
		if err := changed.Scan(&number, &c.Tenant, &c.Former, &c.Gone, &c.Added, &c.Edited, &c.Less); err != nil {
			return nil, fmt.Errorf("read revisions: %w", err)
		}
		if i, ok := at[number]; ok {
			list[i].Documents = append(list[i].Documents, c)
		}
	}
	return list, changed.Err()
}

// StoredDocuments is as store.Revisions says.
func (d *DB) StoredDocuments(ctx context.Context) (list []store.StoredDocument, err error) {
	rows, err := d.reader.DB.QueryContext(ctx, `SELECT DISTINCT tenant FROM revision_documents ORDER BY tenant`)
	if err != nil {
		return nil, fmt.Errorf("read documents: %w", err)
	}
	var tenants []string
	for rows.Next() {
		var tenant string
		if err = rows.Scan(&tenant); err != nil {
			break
		}
		tenants = append(tenants, tenant)
	}
	if err = errors.Join(err, rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("read documents: %w", err)
	}
	for _, tenant := range tenants {
		switch c, err := d.DocumentAt(ctx, tenant, math.MaxInt64); {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return nil, err
		default:
			list = append(list, c)
		}
	}
	return list, nil
}

// DocumentAt is as store.Revisions says.
func (d *DB) DocumentAt(ctx context.Context, tenant string, revision uint64) (c store.StoredDocument, err error) {
	if strings.IndexByte(tenant, 0) >= 0 {
		return c, store.ErrNotFound
	}
	last := int64(min(revision, math.MaxInt64))
	rows, err := d.reader.DB.QueryContext(ctx, d.sql(`SELECT revision, at, gone, whole, body FROM revision_documents WHERE tenant = ? AND revision <= ?
		AND revision >= (SELECT MAX(k.revision) FROM revision_documents k WHERE k.tenant = ? AND k.revision <= ? AND (k.whole = 1 OR k.gone = 1)) ORDER BY revision`), tenant, last, tenant, last)
	if err != nil {
		return c, fmt.Errorf("read a document: %w", err)
	}
	defer rows.Close()
	c.Tenant = tenant
	for rows.Next() {
		var t store.RevisionText
		var at int64
		var gone bool
		if err := rows.Scan(&t.Revision, &at, &gone, &t.Whole, &t.Octets); err != nil {
			return c, fmt.Errorf("read a document: %w", err)
		}
		if gone {
			return c, store.ErrNotFound
		}
		c.Revision, c.At = t.Revision, time.UnixMilli(at).UTC()
		c.Texts = append(c.Texts, t)
	}
	if err := rows.Err(); err != nil {
		return c, fmt.Errorf("read a document: %w", err)
	}
	if c.Texts == nil {
		return c, store.ErrNotFound
	}
	return c, nil
}

// Imported is as store.Revisions says.
func (d *DB) Imported(ctx context.Context) (map[string]string, error) {
	rows, err := d.reader.DB.QueryContext(ctx, `SELECT name, hash FROM imports`)
	if err != nil {
		return nil, fmt.Errorf("read what was imported: %w", err)
	}
	defer rows.Close()
	hashes := map[string]string{}
	for rows.Next() {
		var name, hash string
		if err := rows.Scan(&name, &hash); err != nil {
			return nil, fmt.Errorf("read what was imported: %w", err)
		}
		hashes[name] = hash
	}
	return hashes, rows.Err()
}
