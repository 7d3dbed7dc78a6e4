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

// Columns in the order in which cdrArgs and legArgs give values.
const (
	cdrColumns = "seq, call, tenant, state, from_account, from_number, from_name, from_trunk, source, dialled, to_account, answered_by, " +
		"began, ringing, answered, ended, post_dial_delay, ring_time, talk_time, ended_by, sip, q850, cause, codec, made_by, from_call, to_call, " +
		"to_tenant, number, said, shown, calls, because, revision, trunk, site, department, to_site, to_department, direction, story, mos"
	legColumns = "seq, n, leg, direction, account, trunk, number, target, sip_call_id, session_id, local_addr, remote_addr, transport, user_agent, media_addr, codec, " +
		"began, ringing, answered, ended, held, sip, q850, cause, format, packets, octets, lost, late, sent, jitter_us, round_trip_us, mos, more_streams, from_call, to_call, tenant, told, shown, measured, notices"
	numberColumns = "number, began, seq"
)

// chunk is how many rows one statement inserts.
const chunk = 16

type stmts struct{ cdr, leg, number *sql.Stmt }

func (s stmts) close() error {
	var err error
	if s.cdr != nil {
		err = s.cdr.Close()
	}
	if s.leg != nil {
		err = errors.Join(err, s.leg.Close())
	}
	if s.number != nil {
		err = errors.Join(err, s.number.Close())
	}
	return err
}

func (d *DB) prepare(ctx context.Context) error {
	// Ids of calls are random and long; should one ever come twice, the first record stays and the fold goes on.
	const once = " ON CONFLICT (call) DO NOTHING"
	for i, rows := range []int{chunk, 1} {
		var err error
		if d.inserts[i].cdr, err = d.writer.PrepareContext(ctx, d.insert("cdrs", cdrColumns, rows)+once); err != nil {
			return err
		}
		if d.inserts[i].leg, err = d.writer.PrepareContext(ctx, d.insert("cdr_legs", legColumns, rows)); err != nil {
			return err
		}
		if d.inserts[i].number, err = d.writer.PrepareContext(ctx, d.insert("cdr_numbers", numberColumns, rows)+" ON CONFLICT (number, began, seq) DO NOTHING"); err != nil {
			return err
		}
	}
	return nil
}

func (d *DB) insert(table, columns string, rows int) string {
	n := strings.Count(columns, ",") + 1
	one := "(" + strings.Repeat("?, ", n-1) + "?)"
	return d.sql("INSERT INTO " + table + " (" + columns + ") VALUES " + strings.Repeat(one+", ", rows-1) + one)
}

// AddCDRs is as store.FoldStore says.
func (d *DB) AddCDRs(ctx context.Context, from, to store.Fold, made store.Folded) error {
	err := d.within(ctx, func(tx *sql.Tx) error {
		moved, err := d.moveFold(ctx, tx, from, to)
		if err != nil || !moved {
			return err
		}
		if err := d.insertCDRs(ctx, tx, made.CDRs); err != nil {
			return err
		}
		if err := d.joinStories(ctx, tx, made.Joins); err != nil {
			return err
		}
		if err := d.addSums(ctx, tx, made); err != nil {
			return err
		}
		for _, call := range made.Forget {
			if _, err := tx.ExecContext(ctx, d.sql("DELETE FROM open_calls WHERE call = ?"), call); err != nil {
				return err
			}
		}
		for _, o := range made.Keep {
			if _, err := tx.ExecContext(ctx, d.sql("INSERT INTO open_calls (call, until, state) VALUES (?, ?, ?) "+
				"ON CONFLICT (call) DO UPDATE SET until = excluded.until, state = excluded.state"), o.Call, int64(o.Until), string(o.State)); err != nil {
				return err
			}
		}
		return d.addRecordings(ctx, tx, made.Recordings, made.Erasures)
	})
	if err != nil {
		return fmt.Errorf("add call records: %w", err)
	}
	return nil
}

// moveFold moves the place up to which records have been made. Not moved and no error mean that somebody,
// perhaps this very process whose commit was never acknowledged, has already done all of it.
func (d *DB) moveFold(ctx context.Context, tx *sql.Tx, from, to store.Fold) (bool, error) {
	r, err := tx.ExecContext(ctx, d.sql("UPDATE folds SET done = ?, low = ?, count = ? WHERE name = 'cdr' AND done = ? AND count = ?"),
		int64(to.Done), int64(to.Low), int64(to.Count), int64(from.Done), int64(from.Count))
	if err != nil {
		return false, err
	}
	if n, err := r.RowsAffected(); err != nil || n == 1 {
		return n == 1, err
	}
	var done, count int64
	if err := tx.QueryRowContext(ctx, "SELECT done, count FROM folds WHERE name = 'cdr'").Scan(&done, &count); err != nil {
		return false, err
	}
	if store.Pos(done) == to.Done && uint64(count) == to.Count {
		return false, nil
	}
	return false, fmt.Errorf("the tables hold %d records up to %d of the ledger, not %d up to %d: somebody else writes them", count, done, from.Count, from.Done)
}

func (d *DB) insertCDRs(ctx context.Context, tx *sql.Tx, rows []store.CDR) error {
	full, single := d.inserts[0], d.inserts[1]
	d.adding.Lock()
	defer d.adding.Unlock()
	cdrs := &args{chunk: tx.StmtContext(ctx, full.cdr), single: tx.StmtContext(ctx, single.cdr), values: d.values[0][:0]}
	legs := &args{chunk: tx.StmtContext(ctx, full.leg), single: tx.StmtContext(ctx, single.leg), values: d.values[1][:0]}
	numbers := &args{chunk: tx.StmtContext(ctx, full.number), single: tx.StmtContext(ctx, single.number), values: d.values[2][:0]}
	defer func() { d.values = [3][]any{cdrs.values, legs.values, numbers.values} }()
	var keys []int64
	for i := range rows {
		row := &rows[i]
		cdrArgs(cdrs, row)
		if err := cdrs.row(ctx); err != nil {
			return err
		}
		keys = row.NumberKeys(keys[:0])
		for _, key := range keys {
			numbers.values = append(numbers.values, key, row.Began.UnixMilli(), int64(row.Seq))
			if err := numbers.row(ctx); err != nil {
				return err
			}
		}
		for n := range row.Legs {
			if err := legArgs(legs, row.Seq, n, &row.Legs[n]); err != nil {
				return err
			}
			if err := legs.row(ctx); err != nil {
				return err
			}
		}
	}
	return errors.Join(cdrs.flush(ctx), legs.flush(ctx), numbers.flush(ctx))
}

// args gathers the values of rows until a chunk is full.
type args struct {
	chunk, single *sql.Stmt
	values        []any
	rows          int
}

// row ends a row, and inserts when the chunk is full.
func (a *args) row(ctx context.Context) error {
	a.rows++
	if a.rows < chunk {
		return nil
	}
	_, err := a.chunk.ExecContext(ctx, a.values...)
	a.values, a.rows = a.values[:0], 0
	return err
}

// flush inserts the rest, row by row.
func (a *args) flush(ctx context.Context) error {
	rest := a.values
	for ; a.rows > 0; a.rows-- {
		width := len(rest) / a.rows
		if _, err := a.single.ExecContext(ctx, rest[:width]...); err != nil {
			return err
		}
		rest = rest[width:]
	}
	return nil
}

func (a *args) int(n int64) { a.values = append(a.values, n) }

// some is int whose 0 is nothing.
func (a *args) some(n int64) {
	if n == 0 {
		a.values = append(a.values, nil)
		return
	}
	a.int(n)
}

func (a *args) text(s string) {
	if s == "" {
		a.values = append(a.values, nil)
		return
	}
	a.values = append(a.values, clean(s))
}

func (a *args) time(t time.Time) {
	if t.IsZero() {
		a.values = append(a.values, nil)
		return
	}
	a.values = append(a.values, t.UnixMilli())
}

// clean takes out what PostgreSQL can't hold in a text: NUL.
func clean(s string) string {
	if strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(s, "\x00", "\ufffd")
}

func cdrArgs(a *args, c *store.CDR) {
	a.int(int64(c.Seq))
	a.values = append(a.values, clean(c.Call), clean(c.Tenant))
	a.int(int64(c.State))
	a.text(c.FromAccount)
	a.text(c.FromNumber)
	a.text(c.FromName)
	a.text(c.FromTrunk)
	a.text(c.Source)
	a.text(c.Dialled)
	a.text(c.To)
	a.text(c.AnsweredBy)
	a.int(c.Began.UnixMilli())
	a.time(c.Ringing)
	a.time(c.Answered)
	a.int(c.Ended.UnixMilli())
	a.int(int64(c.PostDialDelay))
	a.int(int64(c.RingTime))
	a.int(int64(c.TalkTime))
	a.text(c.EndedBy)
	a.int(int64(c.SIP))
	a.int(int64(c.Q850))
	a.text(c.Cause)
	a.text(c.Codec)
	a.text(c.MadeBy)
	a.text(c.FromCall)
	a.text(c.ToCall)
	a.text(c.ToTenant)
	a.text(c.Number)
	a.text(c.Said)
	a.text(c.Shown)
	a.text(c.Calls)
	a.text(c.Because)
	a.some(int64(c.Revision))
	a.text(c.Trunk)
	a.text(c.Site)
	a.text(c.Department)
	a.text(c.ToSite)
	a.text(c.ToDepartment)
	a.int(int64(c.Direction))
	a.text(c.Story)
	a.values = append(a.values, c.MOS)
}

func legArgs(a *args, seq uint64, n int, l *store.CDRLeg) error {
	if err := legStreams(a, seq, n, l); err != nil {
		return err
	}
	a.text(l.FromCall)
	a.text(l.ToCall)
	a.text(l.Tenant)
	a.text(l.Sent)
	a.text(l.Shown)
	return legMeasured(a, l)
}

// legMeasured gives what only some legs have, as JSON.
func legMeasured(a *args, l *store.CDRLeg) error {
	measured, notices := "", ""
	if len(l.Streams) > 0 && l.Streams[0].Measured != (store.Measured{}) {
		text, err := json.Marshal(&l.Streams[0].Measured)
		if err != nil {
			return err
		}
		measured = string(text)
	}
	if len(l.Notices) > 0 {
		text, err := json.Marshal(l.Notices)
		if err != nil {
			return err
		}
		notices = string(text)
	}
	a.text(measured)
	a.text(notices)
	return nil
}

func legStreams(a *args, seq uint64, n int, l *store.CDRLeg) error {
	a.int(int64(seq))
	a.int(int64(n))
	a.values = append(a.values, clean(l.Leg))
	a.text(l.Direction)
	a.text(l.Account)
	a.text(l.Trunk)
	a.text(l.Number)
	a.text(l.Target)
	a.text(l.SIPCallID)
	a.text(l.SessionID)
	a.text(l.Local)
	a.text(l.Remote)
	a.text(l.Transport)
	a.text(l.UserAgent)
	a.text(l.Media)
	a.text(l.Codec)
	a.int(l.Began.UnixMilli())
	a.time(l.Ringing)
	a.time(l.Answered)
	a.int(l.Ended.UnixMilli())
	a.int(int64(l.Held))
	a.int(int64(l.SIP))
	a.int(int64(l.Q850))
	a.text(l.Cause)
	if len(l.Streams) == 0 {
		for range 10 {
			a.values = append(a.values, nil)
		}
		return nil
	}
	s := &l.Streams[0]
	a.text(s.Format)
	a.int(int64(s.Packets))
	a.int(int64(s.Octets))
	a.int(int64(s.Lost))
	a.int(int64(s.Late))
	a.int(int64(s.Sent))
	a.int(s.Jitter)
	a.int(s.RoundTrip)
	a.values = append(a.values, s.MOS)
	if len(l.Streams) == 1 {
		a.values = append(a.values, nil)
		return nil
	}
	more, err := json.Marshal(l.Streams[1:])
	if err != nil {
		return err
	}
	a.text(string(more))
	return nil
}

// ResetCDRs is as store.FoldStore says.
func (d *DB) ResetCDRs(ctx context.Context) error {
	err := d.within(ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{
			"DELETE FROM cdr_legs", "DELETE FROM cdr_numbers", "DELETE FROM cdr_sums", "DELETE FROM recordings", "DELETE FROM cdrs", "DELETE FROM open_calls",
			"UPDATE folds SET done = 0, low = 0, count = 0 WHERE name IN ('cdr', 'cdr sums')",
		} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reset call records: %w", err)
	}
	return nil
}
