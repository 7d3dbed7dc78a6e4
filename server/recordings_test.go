package server

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"santral/base/id"
	"santral/call"
	"santral/config"
	"santral/media"
	"santral/store"
	"santral/tenant"
)

// A recording goes from the server's archive into the tables, is found at once, given out, and deleted for good, and all
// of it is in the figures.
func TestRecordingsOfTheServer(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	data := t.TempDir()
	open := func() *server {
		s := &server{log: log, random: id.Random(), boot: &config.Boot{Data: data, Recordings: config.Recordings{Format: "wav", Rate: 8000, Most: 10, Longest: time.Hour}}}
		s.current.Store(tenant.NewSnapshot(1, []*tenant.Tenant{{ID: "sample", Record: tenant.RecordAll}}))
		var err error
		if s.records, err = openRecords(data, "", s.before.living, log); err != nil {
			t.Fatal(err)
		}
		s.later(s.records.close)
		if err := s.openRecordings(); err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	if !s.tapes.Wants(call.Party{Tenant: "sample", Account: "101"}, call.Party{}) {
		t.Error("the tenant's policy is not heeded")
	}
	var names []string
	for range 2 {
		tape, err := s.tapes.Begin(call.About{Call: "c1", Tenant: "sample", Account: "101", Kind: call.TapeCall, Channels: 2})
		if err != nil {
			t.Fatal(err)
		}
		tape.Mark(call.Segment{What: "talk", Left: "101", Right: "102"})
		for range 5 {
			tape.Sink(0).Write(make(media.Frame, 160))
		}
		whole := make(chan error, 1)
		tape.Close(func(_ call.Recorded, err error) { whole <- err })
		if err := <-whole; err != nil {
			t.Fatal(err)
		}
		names = append(names, tape.Name())
	}
	s.close() // waits until both are filed
	s = open()
	defer func() { s.close() }()
	x := tapes{s.records, s.tapes}
	ctx := t.Context()
	rows, _, err := x.Recordings(ctx, store.RecordingFilter{Call: "c1"}, "", 10)
	if err != nil || len(rows) != 2 || rows[0].Account != "101" || rows[0].Tenant != "sample" || len(rows[0].Segments) != 1 {
		t.Fatalf("%+v %v", rows, err)
	}
	sound, err := x.Sound(ctx, "sample", names[0], false)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(sound)
	if sound.Close(); err != nil || !strings.HasPrefix(string(text), "RIFF") {
		t.Errorf("%d octets, %v", len(text), err)
	}
	if v, err := x.Verify(ctx, "", names[0]); err != nil || !v.Whole {
		t.Errorf("%+v %v", v, err)
	}
	if err := x.Delete(ctx, "", names[0], "a test"); err != nil {
		t.Fatal(err)
	}
	if err := s.records.db.ResetCDRs(context.Background()); err != nil { // and made from the ledger again
		t.Fatal(err)
	}
	s.close()
	s = open()
	x = tapes{s.records, s.tapes}
	if row, err := x.Recording(ctx, "sample", names[0]); err != nil || row.DeletedBy != "a test" || row.Deleted.IsZero() {
		t.Errorf("%+v %v", row, err)
	}
	if rows, _, err := x.Recordings(ctx, store.RecordingFilter{Tenant: "sample"}, "", 10); err != nil || len(rows) != 1 || rows[0].Name != names[1] {
		t.Errorf("%+v %v", rows, err)
	}
	if left, _ := filepath.Glob(filepath.Join(data, "recordings", "*", "*", "*", "*")); len(left) != 1 {
		t.Errorf("files: %v", left)
	}
	if left, _ := filepath.Glob(filepath.Join(data, "recordings", "spool", "*")); len(left) != 0 {
		t.Errorf("the spool holds %v", left)
	}
}
