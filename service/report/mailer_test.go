package report_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"santral/service/report"
	"santral/store"
	"santral/store/db"
	"santral/store/storetest"
)

var errFull = errors.New("no room")

// TestReportsAreMailedOnce goes through weeks of an exchange that is stopped, crashes between handing over and writing down, and has no
// mail server for a while.
func TestReportsAreMailedOnce(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		ctx := t.Context()
		tables, err := db.Open(ctx, dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer tables.Close()
		zone, err := time.LoadLocation("Asia/Tehran")
		if err != nil {
			t.Fatal(err)
		}
		began := time.Date(2026, 3, 22, 9, 0, 0, 0, zone)
		rows := []store.CDR{}
		for i := range 40 {
			at := began.Add(time.Duration(i) * 6 * time.Hour)
			c := store.CDR{Seq: uint64(i + 1), Call: fmt.Sprint("c", i), Tenant: "sample", State: store.Answered, FromAccount: "101", FromNumber: "101", Began: at.UTC(), Answered: at.UTC(), Ended: at.UTC().Add(time.Minute), TalkTime: 60_000, Direction: store.Internal}
			rows = append(rows, c)
		}
		if err := tables.AddCDRs(ctx, store.Fold{}, store.Fold{Done: 1, Low: 1, Count: 40}, store.Folded{CDRs: rows}); err != nil {
			t.Fatal(err)
		}
		now := began
		keys := map[string]int{} // as the queue of mails has it
		var sent []report.Mail
		full, lost := false, false
		orders := []report.Order{
			{Tenant: "sample", ID: "daily", Name: "روزانه", Kind: "calls", Every: "day", At: 7*time.Hour + 30*time.Minute, To: []string{"a@example.com"}, Format: "xlsx", Language: "fa", Zone: zone, Jalali: true},
			{Tenant: "sample", ID: "weekly", Kind: "days", Every: "week", At: 8 * time.Hour, To: []string{"b@example.com"}, Format: "csv", Language: "en", Zone: zone},
		}
		mailer := func() *report.Mailer {
			return report.NewMailer(report.MailerConfig{Orders: func() []report.Order { return orders }, Records: tables, Sent: forgetful{tables, &lost}, Now: func() time.Time { return now },
				Post: func(key string, m report.Mail) error {
					if full {
						return errFull
					}
					if keys[key]++; keys[key] == 1 {
						sent = append(sent, m)
					}
					return nil
				}})
		}
		m := mailer()
		m.Round(ctx)
		if len(sent) != 0 {
			t.Fatalf("%d reports of a time before anybody asked for them", len(sent))
		}
		for step := range 9 * 24 * 4 { // nine days by the quarter of an hour
			now = began.Add(time.Duration(step) * 15 * time.Minute)
			full = step > 200 && step < 230 // no mail server, over a morning
			lost = step%97 == 5             // a crash before it is written down
			if step > 500 && step < 760 {   // the exchange is away
				continue
			}
			if step%50 == 0 {
				m = mailer()
			}
			m.Round(ctx)
		}
		var daily, weekly []string
		for _, mail := range sent {
			if strings.HasPrefix(mail.Subject, "گزارش: روزانه") {
				daily = append(daily, mail.File)
			} else {
				weekly = append(weekly, mail.File)
			}
		}
		var want []string
		for day := 22; day <= 30; day++ {
			want = append(want, fmt.Sprintf("santral-calls-202603%02d-202603%02d.xlsx", day, day))
		}
		if d := cmp.Diff(want, daily); d != "" {
			t.Errorf("daily reports:\n%s", d)
		}
		if d := cmp.Diff([]string{"santral-days-20260316-20260322.csv", "santral-days-20260323-20260329.csv"}[0:len(weekly)], weekly); d != "" || len(weekly) == 0 {
			t.Errorf("weekly reports:\n%s", d)
		}
		if text := sent[len(sent)-1].Text; !strings.Contains(text, "\n") || len(sent[0].Data) == 0 {
			t.Errorf("%q", text)
		}
		list, err := tables.SentReports(ctx, "sample", 100)
		if err != nil || len(list) < len(sent) {
			t.Errorf("%+v %v", list, err)
		}
	})
}

// forgetful does not write down that a report was sent, as when the process ends just then.
type forgetful struct {
	*db.DB
	lost *bool
}

func (f forgetful) ReportSent(ctx context.Context, tenant, id string, until, now time.Time) error {
	if *f.lost {
		return errors.New("crashed")
	}
	return f.DB.ReportSent(ctx, tenant, id, until, now)
}

func TestMain(m *testing.M) { os.Exit(storetest.Main(m, nil)) }
