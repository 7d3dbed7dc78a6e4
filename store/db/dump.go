package db

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A dump is lines of JSON: a dumpHead, then for each table a dumpTable and its rows, each an array of its values, then a
// dumpEnd. It is the same of both databases, so that what one wrote the other reads.
type dumpHead struct {
	Version int64 `json:"tables"` // of the tables
}

type dumpTable struct {
	Table   string   `json:"table"`
	Columns []string `json:"columns"`
}

type dumpEnd struct {
	Rows int64 `json:"rows"` // of all tables
}

// octets is how a value that is no text stands in a row.
type octets struct {
	Base64 string `json:"base64"`
}

// ErrTornDump is a dump whose end is missing or that says something else than it holds.
var ErrTornDump = errors.New("the dump of the database is not whole")

// gooseTable is the migrations' own, which a dump does not hold: the tables' version stands in its head.
const gooseTable = "goose_db_version"

// Dump writes everything that the tables hold, as of one moment, while others go on reading and writing.
func (d *DB) Dump(ctx context.Context, w io.Writer) error {
	if err := d.dump(ctx, w); err != nil {
		return fmt.Errorf("dump the database: %w", err)
	}
	return nil
}

func (d *DB) dump(ctx context.Context, w io.Writer) error {
	tx, err := d.reader.DB.BeginTx(ctx, &sql.TxOptions{Isolation: d.kind.snapshot, ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	out := bufio.NewWriterSize(w, 64<<10)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	if err := lines.Encode(dumpHead{Version()}); err != nil {
		return err
	}
	tables, err := d.tables(ctx, tx)
	if err != nil {
		return err
	}
	var end dumpEnd
	for _, table := range tables {
		n, err := d.dumpRows(ctx, tx, table, lines)
		if err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
		end.Rows += n
	}
	return errors.Join(lines.Encode(end), out.Flush())
}

// tables names those of ours, in order.
func (d *DB) tables(ctx context.Context, tx *sql.Tx) ([]string, error) {
	query := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
	if d.kind.name == postgres.name {
		query = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"
	}
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		if name != gooseTable {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, rows.Err()
}

func (d *DB) dumpRows(ctx context.Context, tx *sql.Tx, table string, lines *json.Encoder) (count int64, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT * FROM "+d.quote(table))
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	head := dumpTable{Table: table}
	if head.Columns, err = rows.Columns(); err != nil {
		return 0, err
	}
	if err := lines.Encode(head); err != nil {
		return 0, err
	}
	values := make([]any, len(head.Columns))
	places := make([]any, len(values))
	for i := range values {
		places[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(places...); err != nil {
			return count, err
		}
		for i, v := range values {
			if b, ok := v.([]byte); ok {
				values[i] = octets{base64.StdEncoding.EncodeToString(b)}
			}
		}
		if err := lines.Encode(values); err != nil {
			return count, err
		}
		count++
	}
	return count, rows.Err()
}

// quote gives a name as SQL takes it.
func (d *DB) quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
