package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"

	"santral/store"
)

var _ store.PhoneReports = (*DB)(nil)

type reportRow struct {
	bun.BaseModel `bun:"table:phone_reports,alias:p"`

	Tenant    string `bun:"tenant,pk"`
	SIPCallID string `bun:"sip_call_id,pk"`
	Account   string `bun:"account,pk"`
	Report    string `bun:"report"`
}

// PutPhoneReport is as store.PhoneReports says.
func (d *DB) PutPhoneReport(ctx context.Context, r store.PhoneReport) error {
	err := d.within(ctx, func(tx *sql.Tx) error {
		key := []any{clean(r.Tenant), clean(r.SIPCallID), clean(r.Account)}
		var text string
		err := tx.QueryRowContext(ctx, d.sql("SELECT report FROM phone_reports WHERE tenant = ? AND sip_call_id = ? AND account = ?"), key...).Scan(&text)
		switch {
		case err == sql.ErrNoRows:
		case err != nil:
			return err
		default:
			var before store.PhoneReport
			if err := json.Unmarshal([]byte(text), &before); err != nil {
				return err
			}
			alerts := before.Alerts + r.Alerts
			if before.Kind == store.SessionReport && r.Kind != store.SessionReport {
				r = before
			}
			r.Alerts = alerts
		}
		now, err := json.Marshal(&r)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, d.sql("INSERT INTO phone_reports (tenant, sip_call_id, account, report) VALUES (?, ?, ?, ?) "+
			"ON CONFLICT (sip_call_id, tenant, account) DO UPDATE SET report = excluded.report"), append(key, string(now))...)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep a phone's report: %w", err)
	}
	return nil
}

// withReports puts phones' reports into the legs of records.
func (d *DB) withReports(ctx context.Context, page []store.CDR) error {
	type key struct{ tenant, callID, account string }
	legs := map[key]*store.CDRLeg{}
	var ids []string
	for i := range page {
		for n := range page[i].Legs {
			l := &page[i].Legs[n]
			if l.SIPCallID != "" && l.Account != "" {
				legs[key{page[i].Tenant, l.SIPCallID, l.Account}] = l
				ids = append(ids, l.SIPCallID)
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	var rows []reportRow
	if err := d.reader.NewSelect().Model(&rows).Where("p.sip_call_id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return fmt.Errorf("read phones' reports: %w", err)
	}
	for i := range rows {
		l := legs[key{rows[i].Tenant, rows[i].SIPCallID, rows[i].Account}]
		if l == nil {
			continue
		}
		l.Report = &store.PhoneReport{}
		if err := json.Unmarshal([]byte(rows[i].Report), l.Report); err != nil {
			return fmt.Errorf("read phones' reports: %w", err)
		}
	}
	return nil
}
