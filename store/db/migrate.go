package db

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/pressly/goose/v3"
)

// migration is one step of the tables' history. Steps are only ever added. {key}, {clustered} and {octets} stand
// for what the databases spell differently, {postgres} for a statement that SQLite does without.
type migration struct {
	version int64
	up      []string
	rows    func(d *DB, ctx context.Context, tx *sql.Tx) error // what can't be said in statements, afterwards; nil for nothing
}

// migrations is the whole history. Times are milliseconds since 1970 UTC, durations milliseconds unless the
// name says otherwise, what never happened or was never known is NULL.
var migrations = []migration{
	{version: 1, up: []string{
		`CREATE TABLE cdrs (
			seq {key},
			call TEXT NOT NULL,
			tenant TEXT NOT NULL,
			state SMALLINT NOT NULL,
			from_account TEXT,
			from_number TEXT,
			from_name TEXT,
			source TEXT,
			dialled TEXT,
			to_account TEXT,
			answered_by TEXT,
			began BIGINT NOT NULL,
			ringing BIGINT,
			answered BIGINT,
			ended BIGINT NOT NULL,
			post_dial_delay BIGINT NOT NULL,
			ring_time BIGINT NOT NULL,
			talk_time BIGINT NOT NULL,
			ended_by TEXT,
			sip INTEGER NOT NULL,
			q850 INTEGER NOT NULL,
			cause TEXT,
			codec TEXT
		)`,
		`CREATE UNIQUE INDEX cdrs_call ON cdrs (call)`,
		`CREATE INDEX cdrs_began ON cdrs (began, seq)`,
		`CREATE INDEX cdrs_from ON cdrs (tenant, from_account, began, seq)`,
		`CREATE INDEX cdrs_to ON cdrs (tenant, to_account, began, seq)`,
		`CREATE TABLE cdr_legs (
			seq BIGINT NOT NULL,
			n SMALLINT NOT NULL,
			leg TEXT NOT NULL,
			direction TEXT,
			account TEXT,
			number TEXT,
			target TEXT,
			sip_call_id TEXT,
			local_addr TEXT,
			remote_addr TEXT,
			transport TEXT,
			user_agent TEXT,
			media_addr TEXT,
			codec TEXT,
			began BIGINT NOT NULL,
			ringing BIGINT,
			answered BIGINT,
			ended BIGINT NOT NULL,
			held BIGINT,
			sip INTEGER NOT NULL,
			q850 INTEGER NOT NULL,
			cause TEXT,
			format TEXT,
			packets BIGINT,
			octets BIGINT,
			lost BIGINT,
			late BIGINT,
			sent BIGINT,
			jitter_us BIGINT,
			round_trip_us BIGINT,
			mos DOUBLE PRECISION,
			more_streams TEXT,
			PRIMARY KEY (seq, n)
		){clustered}`,
		// SQLite looks a SIP Call-ID up by going through the legs: an index of random keys would cost every
		// call more processor time than everything else that is written for it.
		`CREATE INDEX cdr_legs_sip_call_id ON cdr_legs (sip_call_id){postgres}`,
		`CREATE TABLE folds (
			name TEXT PRIMARY KEY,
			done BIGINT NOT NULL,
			low BIGINT NOT NULL,
			count BIGINT NOT NULL
		)`,
		`INSERT INTO folds (name, done, low, count) VALUES ('cdr', 0, 0, 0)`,
		`CREATE TABLE open_calls (
			call TEXT PRIMARY KEY,
			until BIGINT NOT NULL,
			state TEXT NOT NULL
		)`,
	}},
	{version: 2, up: []string{
		`ALTER TABLE cdrs ADD COLUMN from_trunk TEXT`,
		`ALTER TABLE cdr_legs ADD COLUMN trunk TEXT`,
	}},
	{version: 3, up: []string{
		`CREATE TABLE mailboxes (
			tenant TEXT NOT NULL,
			account TEXT NOT NULL,
			fresh INTEGER NOT NULL,
			old INTEGER NOT NULL,
			urgent_fresh INTEGER NOT NULL,
			urgent_old INTEGER NOT NULL,
			PRIMARY KEY (tenant, account)
		)`,
	}},
	{version: 4, up: []string{
		`CREATE TABLE messages (
			tenant TEXT NOT NULL,
			id TEXT NOT NULL,
			recipient TEXT NOT NULL,
			sender TEXT NOT NULL,
			content_type TEXT NOT NULL,
			body {octets} NOT NULL,
			sent BIGINT NOT NULL,
			expires BIGINT NOT NULL,
			PRIMARY KEY (tenant, recipient, id)
		){clustered}`,
		`CREATE INDEX messages_id ON messages (tenant, id)`,
		`CREATE INDEX messages_expires ON messages (expires)`,
	}},
	{version: 5, up: []string{
		`ALTER TABLE cdr_legs ADD COLUMN session_id TEXT`,
	}},
	{version: 6, up: []string{
		`ALTER TABLE cdrs ADD COLUMN made_by TEXT`,
		`ALTER TABLE cdrs ADD COLUMN from_call TEXT`,
		`ALTER TABLE cdrs ADD COLUMN to_call TEXT`,
		`ALTER TABLE cdr_legs ADD COLUMN from_call TEXT`,
		`ALTER TABLE cdr_legs ADD COLUMN to_call TEXT`,
	}},
	{version: 7, up: []string{
		`ALTER TABLE cdr_legs ADD COLUMN measured TEXT`,
		`ALTER TABLE cdr_legs ADD COLUMN notices TEXT`,
	}},
	{version: 8, up: []string{
		`CREATE TABLE phone_reports (
			sip_call_id TEXT NOT NULL,
			tenant TEXT NOT NULL,
			account TEXT NOT NULL,
			report TEXT NOT NULL,
			PRIMARY KEY (sip_call_id, tenant, account)
		){clustered}`,
	}},
	{version: 9, up: []string{
		`CREATE TABLE recordings (
			name TEXT PRIMARY KEY,
			tenant TEXT NOT NULL,
			call TEXT NOT NULL,
			account TEXT,
			kind TEXT,
			began BIGINT NOT NULL,
			long BIGINT NOT NULL,
			octets BIGINT NOT NULL,
			sha256 TEXT,
			media TEXT,
			sealed SMALLINT NOT NULL,
			torn SMALLINT NOT NULL,
			lost BIGINT NOT NULL,
			segments TEXT,
			deleted BIGINT,
			deleted_by TEXT
		){clustered}`,
		`CREATE INDEX recordings_call ON recordings (call)`,
		`CREATE INDEX recordings_began ON recordings (began, name)`,
		`CREATE INDEX recordings_tenant ON recordings (tenant, began, name)`,
		`CREATE INDEX recordings_account ON recordings (tenant, account, began, name)`,
	}},
	{version: 10, up: []string{
		`ALTER TABLE recordings ADD COLUMN follows TEXT`,
	}},
	{version: 11, up: []string{
		`CREATE TABLE prompts (
			tenant TEXT NOT NULL,
			language TEXT NOT NULL,
			id TEXT NOT NULL,
			number INTEGER NOT NULL,
			last INTEGER NOT NULL,
			heard INTEGER NOT NULL,
			PRIMARY KEY (tenant, language, id)
		){clustered}`,
		`CREATE TABLE prompt_versions (
			tenant TEXT NOT NULL,
			language TEXT NOT NULL,
			id TEXT NOT NULL,
			version INTEGER NOT NULL,
			made BIGINT NOT NULL,
			made_by TEXT NOT NULL,
			origin TEXT NOT NULL,
			said TEXT NOT NULL,
			long BIGINT NOT NULL,
			loudness DOUBLE PRECISION NOT NULL,
			octets BIGINT NOT NULL,
			sha256 TEXT NOT NULL,
			blob TEXT NOT NULL,
			PRIMARY KEY (tenant, language, id, version)
		){clustered}`,
	}},
	{version: 12, up: revisionTables},
	{version: 13, up: rightsTables},
	{version: 14, up: hookTables},
	{version: 15, up: recordTables, rows: (*DB).completeRecords},
	{version: 16, up: feedTables},
	{version: 17, up: []string{
		`CREATE TABLE links (
			hash TEXT PRIMARY KEY,
			tenant TEXT NOT NULL,
			account TEXT NOT NULL,
			made BIGINT NOT NULL,
			until BIGINT NOT NULL,
			uses INTEGER NOT NULL,
			used BIGINT NOT NULL,
			agent TEXT NOT NULL,
			source TEXT NOT NULL
		){clustered}`,
		`CREATE INDEX links_account ON links (tenant, account)`,
	}},
}

// Version is that of the tables that this program makes.
func Version() int64 { return migrations[len(migrations)-1].version }

// migrate brings the tables up to date. A database that a newer program has changed is refused.
func (d *DB) migrate(ctx context.Context) error {
	p, err := d.steps()
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("bring tables up to date: %w", err)
	}
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	if last := Version(); have > last {
		return fmt.Errorf("the tables are of version %d, this program knows %d: it is older than what wrote them", have, last)
	}
	return nil
}

// migrateTo makes the tables of an earlier version.
func (d *DB) migrateTo(ctx context.Context, version int64) error {
	p, err := d.steps()
	if err == nil {
		_, err = p.UpTo(ctx, version)
	}
	if err != nil {
		return fmt.Errorf("make tables of version %d: %w", version, err)
	}
	return nil
}

// steps are the migrations, ready to be taken.
func (d *DB) steps() (*goose.Provider, error) {
	words := strings.NewReplacer("{key}", d.kind.key, "{clustered}", d.kind.clustered, "{octets}", d.kind.octets, "{postgres}", "")
	var steps []*goose.Migration
	for _, m := range migrations {
		steps = append(steps, goose.NewGoMigration(m.version, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			for _, statement := range m.up {
				if !d.kind.only(statement) {
					continue
				}
				if _, err := tx.ExecContext(ctx, words.Replace(statement)); err != nil {
					return err
				}
			}
			if m.rows != nil {
				return m.rows(d, ctx, tx)
			}
			return nil
		}}, nil))
	}
	return goose.NewProvider(d.kind.goose, d.writer, nil, goose.WithGoMigrations(steps...), goose.WithDisableGlobalRegistry(true))
}
