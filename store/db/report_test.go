package db_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"santral/store"
	"santral/store/storetest"
)

// A phone's report comes with its leg's record, whichever was there first; that of the whole session stays.
func TestPhoneReports(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		d := open(t, dsn)
		row := cdr(1)
		report := func(kind string, alerts int) store.PhoneReport {
			return store.PhoneReport{Tenant: "sample", Account: "102", SIPCallID: row.Legs[1].SIPCallID, At: epoch, Kind: kind, Alerts: alerts, Local: &store.PhoneMetrics{Codec: "PCMA", Loss: .05, Listening: 4.1}}
		}
		foreign := report(store.SessionReport, 9)
		foreign.Tenant = "other"
		for _, r := range []store.PhoneReport{report(store.IntervalReport, 1), foreign, report(store.SessionReport, 2), report(store.IntervalReport, 1)} {
			if err := d.PutPhoneReport(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		add(t, d, row)
		got, err := d.CDR(t.Context(), "sample", row.Call)
		if err != nil {
			t.Fatal(err)
		}
		want := report(store.SessionReport, 4)
		want.Tenant, want.Account, want.SIPCallID = "", "", ""
		if diff := cmp.Diff(&want, got.Legs[1].Report); diff != "" {
			t.Error(diff)
		}
		if got.Legs[0].Report != nil {
			t.Error("a report of somebody else's")
		}
	})
}
