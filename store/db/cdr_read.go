package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"santral/store"
)

// MaxPage is the most rows that a page may hold; a limit of 0 or less gives 50.
const MaxPage = 1000

type cdrRow struct {
	bun.BaseModel `bun:"table:cdrs,alias:c"`

	Seq           int64  `bun:"seq,pk"`
	Call          string `bun:"call"`
	Tenant        string `bun:"tenant"`
	State         int64  `bun:"state"`
	FromAccount   string `bun:"from_account"`
	FromNumber    string `bun:"from_number"`
	FromName      string `bun:"from_name"`
	FromTrunk     string `bun:"from_trunk"`
	Source        string `bun:"source"`
	Dialled       string `bun:"dialled"`
	To            string `bun:"to_account"`
	AnsweredBy    string `bun:"answered_by"`
	Began         int64  `bun:"began"`
	Ringing       *int64 `bun:"ringing"`
	Answered      *int64 `bun:"answered"`
	Ended         int64  `bun:"ended"`
	PostDialDelay int64  `bun:"post_dial_delay"`
	RingTime      int64  `bun:"ring_time"`
	TalkTime      int64  `bun:"talk_time"`
	EndedBy       string `bun:"ended_by"`
	SIP           int    `bun:"sip"`
	Q850          int    `bun:"q850"`
	Cause         string `bun:"cause"`
	Codec         string `bun:"codec"`
	MadeBy        string `bun:"made_by"`
	FromCall      string `bun:"from_call"`
	ToCall        string `bun:"to_call"`
}

type legRow struct {
	bun.BaseModel `bun:"table:cdr_legs,alias:l"`

	Seq       int64   `bun:"seq,pk"`
	N         int     `bun:"n,pk"`
	Leg       string  `bun:"leg"`
	Direction string  `bun:"direction"`
	Account   string  `bun:"account"`
	Trunk     string  `bun:"trunk"`
	Number    string  `bun:"number"`
	Target    string  `bun:"target"`
	SIPCallID string  `bun:"sip_call_id"`
	SessionID string  `bun:"session_id"`
	Local     string  `bun:"local_addr"`
	Remote    string  `bun:"remote_addr"`
	Transport string  `bun:"transport"`
	UserAgent string  `bun:"user_agent"`
	Media     string  `bun:"media_addr"`
	Codec     string  `bun:"codec"`
	Began     int64   `bun:"began"`
	Ringing   *int64  `bun:"ringing"`
	Answered  *int64  `bun:"answered"`
	Ended     int64   `bun:"ended"`
	Held      int64   `bun:"held"`
	SIP       int     `bun:"sip"`
	Q850      int     `bun:"q850"`
	Cause     string  `bun:"cause"`
	Format    string  `bun:"format"`
	Packets   *int64  `bun:"packets"`
	Octets    int64   `bun:"octets"`
	Lost      int64   `bun:"lost"`
	Late      int64   `bun:"late"`
	Sent      int64   `bun:"sent"`
	Jitter    int64   `bun:"jitter_us"`
	RoundTrip int64   `bun:"round_trip_us"`
	MOS       float64 `bun:"mos"`
	More      string  `bun:"more_streams"`
	FromCall  string  `bun:"from_call"`
	ToCall    string  `bun:"to_call"`
	Measured  string  `bun:"measured"`
	Notices   string  `bun:"notices"`
}

// CDR gives the record of a call of a tenant, or store.ErrNotFound. An empty tenant is any.
func (d *DB) CDR(ctx context.Context, tenant, call string) (store.CDR, error) {
	var row cdrRow
	q := d.reader.NewSelect().Model(&row).Where("c.call = ?", call)
	if tenant != "" {
		q = q.Where("c.tenant = ?", tenant)
	}
	err := q.Limit(1).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return store.CDR{}, store.ErrNotFound
	}
	if err != nil {
		return store.CDR{}, fmt.Errorf("read call record: %w", err)
	}
	page, err := d.withLegs(ctx, []cdrRow{row})
	if err != nil {
		return store.CDR{}, err
	}
	return page[0], nil
}

// CDRs is as store.CDRs says.
func (d *DB) CDRs(ctx context.Context, filter store.CDRFilter, cursor string, size int) ([]store.CDR, string, error) {
	limit := int64(50)
	if size > 0 {
		limit = int64(min(size, MaxPage))
	}
	if strings.IndexByte(filter.Tenant+filter.Account+filter.Call, 0) >= 0 {
		return nil, "", nil // no text of a database holds that, and none may be asked for it
	}
	where := conditions{}
	if cursor != "" {
		began, seq, err := parseCursor(cursor)
		if err != nil {
			return nil, "", err
		}
		where.add("(c.began, c.seq) < (?, ?)", began, seq)
	}
	if filter.Tenant != "" {
		where.add("c.tenant = ?", filter.Tenant)
	}
	if filter.State != store.UnknownState {
		where.add("c.state = ?", int64(filter.State))
	}
	if !filter.From.IsZero() {
		where.add("c.began >= ?", ceilMilli(filter.From))
	}
	if !filter.Until.IsZero() {
		where.add("c.began < ?", ceilMilli(filter.Until))
	}
	if filter.Call != "" {
		if err := d.whereCall(ctx, &where, filter); err != nil {
			return nil, "", fmt.Errorf("list call records: %w", err)
		}
	}
	newest := func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.OrderExpr("c.began DESC, c.seq DESC").Limit(limit + 1)
	}
	var rows []cdrRow
	q := newest(where.to(d.reader.NewSelect().Model(&rows)))
	if filter.Account != "" {
		// Two walks along an index, each no longer than a page, instead of one over everything.
		as := func(column string) *bun.SelectQuery {
			one := d.reader.NewSelect().Model((*cdrRow)(nil)).Column("c.seq").Where("? = ?", bun.Ident("c."+column), filter.Account)
			return newest(where.to(one))
		}
		q = q.Where("c.seq IN (SELECT seq FROM (?) AS f UNION SELECT seq FROM (?) AS t)", as("from_account"), as("to_account"))
	}
	if err := q.Scan(ctx); err != nil {
		return nil, "", fmt.Errorf("list call records: %w", err)
	}
	next := ""
	if int64(len(rows)) > limit {
		rows = rows[:limit]
		last := rows[limit-1]
		next = strconv.FormatInt(last.Began, 36) + "." + strconv.FormatInt(last.Seq, 36)
	}
	page, err := d.withLegs(ctx, rows)
	return page, next, err
}

// whereCall restricts to the call with an id, or, when there is none, to those with a leg of that SIP
// Call-ID.
func (d *DB) whereCall(ctx context.Context, where *conditions, filter store.CDRFilter) error {
	known, err := d.reader.NewSelect().Model((*cdrRow)(nil)).Where("c.call = ?", filter.Call).Exists(ctx)
	if err != nil {
		return err
	}
	if known {
		where.add("c.call = ?", filter.Call)
		return nil
	}
	legs := d.reader.NewSelect().Model((*legRow)(nil)).Column("l.seq").Where("l.sip_call_id = ?", filter.Call)
	if !filter.From.IsZero() {
		legs = legs.Where("l.began >= ?", ceilMilli(filter.From))
	}
	where.add("c.seq IN (?)", legs)
	return nil
}

// conditions are put into several queries alike.
type conditions []condition

type condition struct {
	text string
	args []any
}

func (c *conditions) add(text string, args ...any) { *c = append(*c, condition{text, args}) }

func (c conditions) to(q *bun.SelectQuery) *bun.SelectQuery {
	for _, one := range c {
		q = q.Where(one.text, one.args...)
	}
	return q
}

// ceilMilli gives the first whole millisecond that is not before t.
func ceilMilli(t time.Time) int64 {
	return t.Add(time.Millisecond - 1).UnixMilli()
}

func parseCursor(cursor string) (began, seq int64, err error) {
	a, b, ok := strings.Cut(cursor, ".")
	began, err1 := strconv.ParseInt(a, 36, 64)
	seq, err2 := strconv.ParseInt(b, 36, 64)
	if !ok || err1 != nil || err2 != nil {
		return 0, 0, store.ErrBadCursor
	}
	return began, seq, nil
}

// withLegs reads the legs of rows and puts both into words.
func (d *DB) withLegs(ctx context.Context, rows []cdrRow) ([]store.CDR, error) {
	page := make([]store.CDR, len(rows))
	seqs := make([]int64, len(rows))
	place := make(map[int64]int, len(rows))
	for i := range rows {
		page[i] = rows[i].word()
		seqs[i] = rows[i].Seq
		place[rows[i].Seq] = i
	}
	if len(rows) == 0 {
		return page, nil
	}
	var legs []legRow
	if err := d.reader.NewSelect().Model(&legs).Where("l.seq IN (?)", bun.List(seqs)).OrderExpr("l.seq, l.n").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read legs: %w", err)
	}
	for i := range legs {
		leg, err := legs[i].word()
		if err != nil {
			return nil, fmt.Errorf("read legs: %w", err)
		}
		c := &page[place[legs[i].Seq]]
		c.Legs = append(c.Legs, leg)
	}
	if err := d.withReports(ctx, page); err != nil {
		return nil, err
	}
	return page, d.withRecordings(ctx, page)
}

func moment(ms *int64) time.Time {
	if ms == nil {
		return time.Time{}
	}
	return time.UnixMilli(*ms).UTC()
}

func (r *cdrRow) word() store.CDR {
	return store.CDR{
		Seq: uint64(r.Seq), Call: r.Call, Tenant: r.Tenant, State: store.CDRState(r.State),
		FromAccount: r.FromAccount, FromNumber: r.FromNumber, FromName: r.FromName, FromTrunk: r.FromTrunk, Source: r.Source,
		Dialled: r.Dialled, To: r.To, AnsweredBy: r.AnsweredBy,
		Began: moment(&r.Began), Ringing: moment(r.Ringing), Answered: moment(r.Answered), Ended: moment(&r.Ended),
		PostDialDelay: store.Millis(r.PostDialDelay), RingTime: store.Millis(r.RingTime), TalkTime: store.Millis(r.TalkTime),
		EndedBy: r.EndedBy, SIP: r.SIP, Q850: r.Q850, Cause: r.Cause, Codec: r.Codec,
		MadeBy: r.MadeBy, FromCall: r.FromCall, ToCall: r.ToCall,
	}
}

func (r *legRow) word() (store.CDRLeg, error) {
	l := store.CDRLeg{
		Leg: r.Leg, Direction: r.Direction, Account: r.Account, Trunk: r.Trunk, Number: r.Number, Target: r.Target, SIPCallID: r.SIPCallID, SessionID: r.SessionID,
		Local: r.Local, Remote: r.Remote, Transport: r.Transport, UserAgent: r.UserAgent, Media: r.Media, Codec: r.Codec,
		Began: moment(&r.Began), Ringing: moment(r.Ringing), Answered: moment(r.Answered), Ended: moment(&r.Ended),
		Held: store.Millis(r.Held), SIP: r.SIP, Q850: r.Q850, Cause: r.Cause, FromCall: r.FromCall, ToCall: r.ToCall,
	}
	if r.Notices != "" {
		if err := json.Unmarshal([]byte(r.Notices), &l.Notices); err != nil {
			return l, err
		}
	}
	if r.Packets == nil {
		return l, nil
	}
	l.Streams = []store.Stream{{
		Format: r.Format, Packets: uint64(*r.Packets), Octets: uint64(r.Octets), Lost: uint64(r.Lost), Late: uint64(r.Late),
		Sent: uint64(r.Sent), Jitter: r.Jitter, RoundTrip: r.RoundTrip, MOS: r.MOS,
	}}
	if r.Measured != "" {
		if err := json.Unmarshal([]byte(r.Measured), &l.Streams[0].Measured); err != nil {
			return l, err
		}
	}
	if r.More != "" {
		var more []store.Stream
		if err := json.Unmarshal([]byte(r.More), &more); err != nil {
			return l, err
		}
		l.Streams = append(l.Streams, more...)
	}
	return l, nil
}

// Fold is as store.FoldStore says.
func (d *DB) Fold(ctx context.Context) (store.Fold, []store.OpenCall, error) {
	var done, low, count int64
	if err := d.writer.QueryRowContext(ctx, "SELECT done, low, count FROM folds WHERE name = 'cdr'").Scan(&done, &low, &count); err != nil {
		return store.Fold{}, nil, fmt.Errorf("read fold: %w", err)
	}
	rows, err := d.writer.QueryContext(ctx, "SELECT call, until, state FROM open_calls ORDER BY call")
	if err != nil {
		return store.Fold{}, nil, fmt.Errorf("read fold: %w", err)
	}
	defer rows.Close()
	var open []store.OpenCall
	for rows.Next() {
		var o store.OpenCall
		var until int64
		if err := rows.Scan(&o.Call, &until, &o.State); err != nil {
			return store.Fold{}, nil, fmt.Errorf("read fold: %w", err)
		}
		o.Until = store.Pos(until)
		open = append(open, o)
	}
	if err := rows.Err(); err != nil {
		return store.Fold{}, nil, fmt.Errorf("read fold: %w", err)
	}
	return store.Fold{Done: store.Pos(done), Low: store.Pos(low), Count: uint64(count)}, open, nil
}
