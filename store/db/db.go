// Package db keeps rows in SQLite or PostgreSQL: one SQL, the same migrations and the same tests for
// both. sqlite.go and postgres.go hold what differs.
//
// What lives here is tables and queries; what the rows mean is said in store, how records are made in
// service/cdr. The database owns the state; a DB is safe for concurrent use. Nothing here is on the path
// of a call: the ledger is the truth, and what a crash takes from a database is made from the ledger anew.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/pressly/goose/v3"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"santral/store"
)

// DB is an open database.
type DB struct {
	kind    kind
	writer  *sql.DB  // SQLite: the one connection that writes
	reader  *bun.DB  // SQLite: several that read
	inserts [2]stmts // for a full chunk of rows, for a single one

	adding sync.Mutex // a leaf: one transaction at a time uses
	values [3][]any   // memory for the values of records, of legs and of numbers
}

var _ store.FoldStore = (*DB)(nil)

// kind is what differs between the databases.
type kind struct {
	name        string
	dialect     func() schema.Dialect
	goose       goose.Dialect
	key         string             // column type of a key that counts
	octets      string             // column type of what is no text
	clustered   string             // after the column list of a table that is kept in the order of its key
	cross       string             // joins tables in the order in which they are named
	lock        string             // after a SELECT whose rows nobody may change until the transaction ends
	snapshot    sql.IsolationLevel // in which several SELECTs see one moment
	placeholder func(n int) string
	only        func(statement string) bool // whether a migration's statement is for this kind
}

// Open opens the database that dsn names, brings its tables up to date, and makes it ready. A dsn that
// begins with postgres:// or postgresql:// is PostgreSQL's, everything else is the path of an SQLite file.
func Open(ctx context.Context, dsn string) (*DB, error) {
	d, err := connect(dsn)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := d.migrate(ctx); err != nil {
		d.Close()
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := d.prepare(ctx); err != nil {
		d.Close()
		return nil, fmt.Errorf("open database: %w", err)
	}
	return d, nil
}

// connect opens the database that dsn names, whatever its tables.
func connect(dsn string) (*DB, error) {
	if strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://") {
		return openPostgres(dsn)
	}
	return openSQLite(dsn)
}

// Kind gives "sqlite" or "postgres".
func (d *DB) Kind() string { return d.kind.name }

// Ping tells whether the database answers.
func (d *DB) Ping(ctx context.Context) error { return d.writer.PingContext(ctx) }

// Close ends all connections.
func (d *DB) Close() error {
	return errors.Join(d.inserts[0].close(), d.inserts[1].close(), d.close())
}

// close ends the connections of a database that was not prepared.
func (d *DB) close() error {
	var err error
	if d.reader.DB != d.writer {
		err = errors.Join(err, d.reader.Close())
	}
	return errors.Join(err, d.writer.Close())
}

// within runs f in a transaction.
func (d *DB) within(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := d.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// sql puts the database's own placeholders where ? stands.
func (d *DB) sql(query string) string {
	if d.kind.placeholder == nil {
		return query
	}
	var b strings.Builder
	n := 0
	for _, c := range query {
		if c == '?' {
			n++
			b.WriteString(d.kind.placeholder(n))
			continue
		}
		b.WriteRune(c)
	}
	return b.String()
}
