package db

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"santral/store"
)

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

	ToTenant     string  `bun:"to_tenant"`
	Number       string  `bun:"number"`
	Said         string  `bun:"said"`
	Shown        string  `bun:"shown"`
	Calls        string  `bun:"calls"`
	Because      string  `bun:"because"`
	Revision     int64   `bun:"revision"`
	Trunk        string  `bun:"trunk"`
	Site         string  `bun:"site"`
	Department   string  `bun:"department"`
	ToSite       string  `bun:"to_site"`
	ToDepartment string  `bun:"to_department"`
	Direction    int64   `bun:"direction"`
	Story        string  `bun:"story"`
	MOS          float64 `bun:"mos"`
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
	Tenant    string  `bun:"tenant"`
	Told      string  `bun:"told"`
	Shown     string  `bun:"shown"`
	Measured  string  `bun:"measured"`
	Notices   string  `bun:"notices"`
}

// withLegs puts rows into words, with their legs and what else belongs to them.
func (d *DB) withLegs(ctx context.Context, rows []cdrRow) ([]store.CDR, error) {
	page, some, err := d.legsOf(ctx, d.reader.DB, rows)
	if err != nil || !some {
		return page, err
	}
	if err := d.withReports(ctx, page); err != nil {
		return nil, err
	}
	return page, d.withRecordings(ctx, page)
}

// legsOf puts rows and their legs into words; some is false for no rows.
func (d *DB) legsOf(ctx context.Context, conn bun.IConn, rows []cdrRow) (all []store.CDR, some bool, err error) {
	page := make([]store.CDR, len(rows))
	seqs := make([]int64, len(rows))
	place := make(map[int64]int, len(rows))
	for i := range rows {
		page[i] = rows[i].word()
		seqs[i] = rows[i].Seq
		place[rows[i].Seq] = i
	}
	if len(rows) == 0 {
		return page, false, nil
	}
	var legs []legRow
	if err := d.reader.NewSelect().Conn(conn).Model(&legs).Where("l.seq IN (?)", bun.List(seqs)).OrderExpr("l.seq, l.n").Scan(ctx); err != nil {
		return nil, false, fmt.Errorf("read legs: %w", err)
	}
	for i := range legs {
		leg, err := legs[i].word()
		if err != nil {
			return nil, false, fmt.Errorf("read legs: %w", err)
		}
		c := &page[place[legs[i].Seq]]
		c.Legs = append(c.Legs, leg)
	}
	for i := range page {
		page[i].Derive()
	}
	return page, true, nil
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
		ToTenant: r.ToTenant, Number: r.Number, Said: r.Said, Shown: r.Shown, Calls: r.Calls, Because: r.Because, Revision: uint64(r.Revision),
		Trunk: r.Trunk, Site: r.Site, Department: r.Department, ToSite: r.ToSite, ToDepartment: r.ToDepartment, Direction: store.CDRDirection(r.Direction),
		Story: r.Story, MOS: r.MOS,
	}
}

func (r *legRow) word() (store.CDRLeg, error) {
	l := store.CDRLeg{
		Leg: r.Leg, Direction: r.Direction, Account: r.Account, Trunk: r.Trunk, Number: r.Number, Target: r.Target, SIPCallID: r.SIPCallID, SessionID: r.SessionID,
		Local: r.Local, Remote: r.Remote, Transport: r.Transport, UserAgent: r.UserAgent, Media: r.Media, Codec: r.Codec,
		Began: moment(&r.Began), Ringing: moment(r.Ringing), Answered: moment(r.Answered), Ended: moment(&r.Ended),
		Held: store.Millis(r.Held), SIP: r.SIP, Q850: r.Q850, Cause: r.Cause, FromCall: r.FromCall, ToCall: r.ToCall,
		Tenant: r.Tenant, Sent: r.Told, Shown: r.Shown,
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
