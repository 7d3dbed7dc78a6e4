package db

import (
	"database/sql"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/schema"
)

var postgres = kind{
	name:        "postgres",
	dialect:     func() schema.Dialect { return pgdialect.New() },
	goose:       goose.DialectPostgres,
	lock:        " FOR UPDATE",
	snapshot:    sql.LevelRepeatableRead,
	key:         "BIGINT PRIMARY KEY",
	octets:      "BYTEA",
	cross:       "JOIN",
	placeholder: func(n int) string { return "$" + strconv.Itoa(n) },
	only:        func(string) bool { return true },
}

// openPostgres opens a pool. Connections come and go; a statement that meets a dead one is an error of that
// moment, which whoever writes tries again.
func openPostgres(dsn string) (*DB, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 10 * time.Second
	}
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(8)
	pool.SetMaxIdleConns(4)
	return &DB{kind: postgres, writer: pool, reader: bun.NewDB(pool, postgres.dialect())}, nil
}
