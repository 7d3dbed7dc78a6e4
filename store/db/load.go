package db

import (
	"bufio"
	"bytes"
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

// Load fills an empty database with what Dump wrote, of either kind and of any version of the tables up to this program's,
// and brings it up to date. A database that holds anything already is refused.
func Load(ctx context.Context, dsn string, r io.Reader) error {
	if err := load(ctx, dsn, r); err != nil {
		return fmt.Errorf("load the database: %w", err)
	}
	return nil
}

func load(ctx context.Context, dsn string, r io.Reader) error {
	in := bufio.NewReaderSize(r, 64<<10)
	var head dumpHead
	if err := line(in, &head); err != nil || head.Version == 0 {
		return errors.Join(ErrTornDump, err)
	}
	if last := Version(); head.Version > last {
		return fmt.Errorf("it was written with tables of version %d, this program knows %d: take a newer one", head.Version, last)
	}
	d, err := connect(dsn)
	if err != nil {
		return err
	}
	defer d.close()
	if err := d.empty(ctx); err != nil {
		return err
	}
	if err := d.migrateTo(ctx, head.Version); err != nil {
		return err
	}
	if err := d.within(ctx, func(tx *sql.Tx) error { return d.loadTables(ctx, tx, in) }); err != nil {
		return err
	}
	return d.migrate(ctx)
}

// empty refuses a database that has tables of ours.
func (d *DB) empty(ctx context.Context) error {
	return d.within(ctx, func(tx *sql.Tx) error {
		tables, err := d.tables(ctx, tx)
		if err == nil && len(tables) > 0 {
			err = fmt.Errorf("it holds %s already: name an empty one", strings.Join(tables[:min(3, len(tables))], ", "))
		}
		return err
	})
}

// line reads one value of a line.
func line(in *bufio.Reader, to any) error {
	text, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	numbers := json.NewDecoder(bytes.NewReader(text))
	numbers.UseNumber()
	return numbers.Decode(to)
}

// loadTables reads tables and rows up to the dump's end.
func (d *DB) loadTables(ctx context.Context, tx *sql.Tx, in *bufio.Reader) error {
	known, err := d.tables(ctx, tx)
	if err != nil {
		return err
	}
	var rows loader
	var total int64
	for {
		text, err := in.ReadBytes('\n')
		if err != nil {
			return errors.Join(ErrTornDump, err)
		}
		if text[0] == '[' {
			if err := rows.add(ctx, text); err != nil {
				return err
			}
			total++
			continue
		}
		if err := rows.flush(ctx); err != nil {
			return err
		}
		var said struct {
			dumpTable
			Rows *int64 `json:"rows"`
		}
		if err := json.Unmarshal(text, &said); err != nil {
			return errors.Join(ErrTornDump, err)
		}
		if said.Rows != nil {
			if *said.Rows != total {
				return ErrTornDump
			}
			return nil
		}
		if !slices.Contains(known, said.Table) || len(said.Columns) == 0 {
			return fmt.Errorf("%w: it has a table %q", ErrTornDump, said.Table)
		}
		if rows, err = d.loader(ctx, tx, &said.dumpTable); err != nil {
			return err
		}
	}
}

// loader inserts the rows of one table, several at once.
type loader struct {
	d       *DB
	tx      *sql.Tx
	table   string
	columns []string
	values  []any
	rows    int
}

// loadValues is about how many values one statement inserts.
const loadValues = 1000

// loader empties a table of what its migration put there, and makes what fills it.
func (d *DB) loader(ctx context.Context, tx *sql.Tx, t *dumpTable) (loader, error) {
	l := loader{d: d, tx: tx, table: d.quote(t.Table)}
	if _, err := tx.ExecContext(ctx, "DELETE FROM "+l.table); err != nil {
		return l, err
	}
	for _, c := range t.Columns {
		l.columns = append(l.columns, d.quote(c))
	}
	return l, nil
}

func (l *loader) add(ctx context.Context, text []byte) error {
	var row []any
	numbers := json.NewDecoder(bytes.NewReader(text))
	numbers.UseNumber()
	if err := numbers.Decode(&row); err != nil || len(row) != len(l.columns) || len(row) == 0 {
		return errors.Join(ErrTornDump, err)
	}
	for _, v := range row {
		value, err := loaded(v)
		if err != nil {
			return err
		}
		l.values = append(l.values, value)
	}
	if l.rows++; len(l.values) < loadValues {
		return nil
	}
	return l.flush(ctx)
}

func (l *loader) flush(ctx context.Context) error {
	if l.rows == 0 {
		return nil
	}
	one := "(" + strings.Repeat("?, ", len(l.columns)-1) + "?)"
	_, err := l.tx.ExecContext(ctx, l.d.sql("INSERT INTO "+l.table+" ("+strings.Join(l.columns, ", ")+") VALUES "+strings.Repeat(one+", ", l.rows-1)+one), l.values...)
	l.values, l.rows = l.values[:0], 0
	return err
}

// loaded is a value as the database takes it.
func loaded(v any) (any, error) {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n, nil
		}
		return v.Float64()
	case map[string]any:
		text, ok := v["base64"].(string)
		if !ok {
			return nil, ErrTornDump
		}
		return base64.StdEncoding.DecodeString(text)
	case nil, string, bool:
		return v, nil
	}
	return nil, ErrTornDump
}
