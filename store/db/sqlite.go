package db

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"github.com/uptrace/bun/schema"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

var sqlite = kind{
	name:      "sqlite",
	dialect:   func() schema.Dialect { return sqlitedialect.New() },
	goose:     goose.DialectSQLite3,
	key:       "INTEGER PRIMARY KEY",
	octets:    "BLOB",
	cross:     "CROSS JOIN",
	clustered: " WITHOUT ROWID",
	only:      func(statement string) bool { return !strings.Contains(statement, "{postgres}") },
}

// openSQLite opens a file with one connection that writes and a few that read beside it. Commits are not
// forced to the disk (synchronous NORMAL in WAL mode keeps the file whole): what loss of power takes back
// is a whole transaction together with its place in the ledger, and is made again.
func openSQLite(path string) (*DB, error) {
	path = strings.TrimPrefix(path, "sqlite:")
	if path == "" || strings.Contains(path, ":memory:") {
		return nil, fmt.Errorf("sqlite needs the path of a file, not %q", path)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640) // SQLite would let everybody read what it creates
	if err != nil {
		return nil, err
	}
	f.Close()
	file := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String()
	const common = "?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=temp_store(MEMORY)"
	writer, err := sql.Open("sqlite", file+common+"&_pragma=cache_size(-16000)")
	if err != nil {
		return nil, err
	}
	writer.SetMaxOpenConns(1)
	reader, err := sql.Open("sqlite", file+common+"&_pragma=query_only(1)&_pragma=cache_size(-4000)")
	if err != nil {
		writer.Close()
		return nil, err
	}
	reader.SetMaxOpenConns(4)
	reader.SetMaxIdleConns(2)
	return &DB{kind: sqlite, writer: writer, reader: bun.NewDB(reader, sqlite.dialect())}, nil
}
