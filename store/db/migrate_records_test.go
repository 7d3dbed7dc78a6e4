package db

import (
	"context"
	"fmt"
	"testing"
	"time"

	"santral/store"
	"santral/store/storetest"
)

// TestRecordsOfTheFirstTables holds that records which an earlier program has made become what they would be today.
func TestRecordsOfTheFirstTables(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		open := openSQLite
		if dsn[0] != '/' {
			open = openPostgres
		}
		d, err := open(dsn)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.migrateTo(ctx, 11); err != nil {
			t.Fatal(err)
		}
		began := time.Date(2026, 3, 21, 10, 0, 0, 0, time.UTC)
		// c1 is sent on to c2; c3 consults, and its other side goes on in c1: all three are the story of c1. c4 is for itself.
		for i, c := range []struct{ call, from, leg string }{{"c1", "", "c3"}, {"c2", "c1", ""}, {"c3", "", ""}, {"c4", "", "never"}} {
			at := began.Add(time.Duration(i) * time.Minute).UnixMilli()
			if _, err := d.writer.ExecContext(ctx, d.sql("INSERT INTO cdrs (seq, call, tenant, state, from_account, from_number, dialled, to_account, began, answered, ended, post_dial_delay, ring_time, talk_time, ended_by, sip, q850, cause, from_call) "+
				"VALUES (?, ?, 'sample', 1, '101', '101', '09121234567', 'carrier', ?, ?, ?, 100, 900, 5000, 'caller', 200, 16, 'normal', ?)"), i+1, c.call, at, at+1000, at+6000, null(c.from)); err != nil {
				t.Fatal(err)
			}
			for n, leg := range []string{"in", "out"} {
				trunk, from := any(nil), any(nil)
				if n == 1 {
					trunk, from = "carrier", null(c.leg)
				}
				if _, err := d.writer.ExecContext(ctx, d.sql("INSERT INTO cdr_legs (seq, n, leg, direction, account, trunk, user_agent, began, answered, ended, sip, q850, packets, octets, lost, late, sent, jitter_us, round_trip_us, mos, from_call) "+
					"VALUES (?, ?, ?, ?, '101', ?, 'phone', ?, ?, ?, 200, 16, 10, 10, 0, 0, 10, 0, 0, 4.25, ?)"), i+1, n, string(rune('a'+n)), leg, trunk, at, at+1000, at+6000, from); err != nil {
					t.Fatal(err)
				}
			}
		}
		if _, err := d.writer.ExecContext(ctx, "UPDATE folds SET done = 900, low = 900, count = 4"); err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if d, err = Open(ctx, dsn); err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		for call, story := range map[string]string{"c1": "", "c2": "c1", "c3": "c1", "c4": ""} {
			c, err := d.CDR(ctx, "sample", call)
			if err != nil {
				t.Fatal(err)
			}
			if c.Story != story || c.Direction != store.Outbound || c.Trunk != "carrier" || c.MOS != 4.25 || c.CallerAgent != "phone" || c.Attempts != 1 || c.Legs[1].Tenant != "sample" {
				t.Errorf("%+v", c)
			}
		}
		for _, number := range []string{"+989121234567", "101"} {
			if page, _, err := d.CDRs(ctx, store.CDRFilter{Tenant: "sample", Number: number}, "", 10); err != nil || len(page) != 4 {
				t.Errorf("%d records of %s, %v", len(page), number, err)
			}
		}
		if page, _, err := d.CDRs(ctx, store.CDRFilter{Way: store.Outbound}, "", 10); err != nil || len(page) != 4 {
			t.Errorf("%d records go out, %v", len(page), err)
		}
		if rows, err := d.Parts(ctx, "c1"); err != nil || len(rows) != 3 {
			t.Errorf("%d parts, %v", len(rows), err)
		} else if row := store.JoinCDRs(rows); row.Call != "c1" || len(row.Legs) != 6 || row.TalkTime != 15000 || fmt.Sprint(row.Parts) != "[c1 c2 c3]" {
			t.Errorf("%+v", row)
		}
		if n, err := d.Rolled(ctx); err != nil || n != 0 {
			t.Errorf("sums hold %d, %v", n, err) // the fold catches up
		}
	})
}
