package cdr

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"santral/store"
)

// Keep is how long a tenant's records stay in the tables.
type Keep struct {
	Tenant string
	Days   int // 0 for ever
}

// Archivist takes records that are older than their tenant wants to keep at hand out of the tables, into files: by month and day, lines of
// JSON under gzip, with their SHA-256 beside them and in the table of archives. A record leaves the tables only when its file was read back as it was written.
//
// The ledger stays whole: it is one chain, and what was cut out of it could not be proved any more.
type Archivist struct {
	Tables store.Archives
	Blobs  store.Blobs
	Keep   func() []Keep
	Now    func() time.Time // nil for time.Now
	Log    *slog.Logger     // nil to discard
}

// Bounds of archives.
const (
	archiveMost  = 20_000 // records of one file
	archivePause = 50 * time.Millisecond
)

// ArchiveFolder is what names of archives begin with.
const ArchiveFolder = "records/"

// Run archives what is due, at once and then every hour, until ctx ends.
func (a *Archivist) Run(ctx context.Context) {
	t := time.NewTicker(time.Hour)
	defer t.Stop()
	for {
		if n, err := a.Round(ctx); err != nil && ctx.Err() == nil {
			a.log().Error("records could not be archived; it is tried again", "error", err)
		} else if n > 0 {
			a.log().Info("records were archived", "records", n)
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}

func (a *Archivist) log() *slog.Logger {
	if a.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return a.Log
}

// Round archives everything that is due now.
func (a *Archivist) Round(ctx context.Context) (records int64, err error) {
	now := time.Now()
	if a.Now != nil {
		now = a.Now()
	}
	for _, k := range a.Keep() {
		if k.Days <= 0 {
			continue
		}
		y, m, d := now.UTC().Date()
		n, e := a.tenant(ctx, k.Tenant, time.Date(y, m, d-k.Days, 0, 0, 0, 0, time.UTC))
		records, err = records+n, errors.Join(err, e)
		if ctx.Err() != nil {
			return records, ctx.Err()
		}
	}
	return records, err
}

// tenant archives the records of a tenant that began before a day, day by day.
func (a *Archivist) tenant(ctx context.Context, tenant string, before time.Time) (records int64, err error) {
	for ctx.Err() == nil {
		from, err := a.Tables.Oldest(ctx, tenant)
		if err != nil || from.IsZero() || !from.Before(before) {
			return records, err
		}
		y, m, d := from.Date()
		until := time.Date(y, m, d+1, 0, 0, 0, 0, time.UTC)
		if before.Before(until) {
			until = before
		}
		made, err := a.file(ctx, tenant, from, until)
		if err != nil {
			return records, err
		}
		records += made.Records
		select {
		case <-time.After(archivePause): // calls' records go first
		case <-ctx.Done():
		}
	}
	return records, ctx.Err()
}

// file writes one file, reads it back, and has its records leave the tables.
func (a *Archivist) file(ctx context.Context, tenant string, from, until time.Time) (made store.Archive, err error) {
	var text bytes.Buffer
	zip := gzip.NewWriter(&text)
	enc := json.NewEncoder(zip)
	var last store.CDR
	first := uint64(0)
	n := int64(0)
	for {
		rows, err := a.Tables.Between(ctx, tenant, from, until, last.Seq, last.Began, 500)
		if err != nil {
			return made, err
		}
		if n+int64(len(rows)) > archiveMost { // the rest is another file's: it begins with the first that began later
			cut := rows[0].Began
			if cut.After(last.Began) {
				until = cut
				break
			}
		}
		for i := range rows {
			if err := enc.Encode(&rows[i]); err != nil {
				return made, err
			}
		}
		if len(rows) == 0 {
			break
		}
		if first == 0 {
			first = rows[0].Seq
		}
		n += int64(len(rows))
		last = rows[len(rows)-1]
	}
	if err := zip.Close(); err != nil {
		return made, err
	}
	sum := sha256.Sum256(text.Bytes())
	made = store.Archive{
		Tenant: tenant, Name: fmt.Sprintf("%s%s/%s/%s-%s-%d.jsonl.gz", ArchiveFolder, tenant, from.Format("2006-01"), from.Format("20060102T150405"), until.Format("20060102T150405"), first),
		From: from, Until: until, Records: n, Octets: int64(text.Len()), SHA256: hex.EncodeToString(sum[:]), Made: time.Now().UTC().Truncate(time.Millisecond),
	}
	if err := a.Blobs.Put(ctx, made.Name, bytes.NewReader(text.Bytes()), made.Octets); err != nil {
		return made, err
	}
	seal := made.SHA256 + "  " + made.Name[lastSlash(made.Name)+1:] + "\n"
	if err := a.Blobs.Put(ctx, made.Name+".sha256", bytes.NewReader([]byte(seal)), int64(len(seal))); err != nil {
		return made, err
	}
	if err := a.prove(ctx, &made); err != nil {
		return made, err
	}
	return made, a.Tables.Archived(ctx, made)
}

func lastSlash(s string) int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '/' {
			return i
		}
	}
	return -1
}

// prove reads a file back.
func (a *Archivist) prove(ctx context.Context, made *store.Archive) error {
	r, err := a.Blobs.Open(ctx, made.Name, 0, -1)
	if err != nil {
		return err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return fmt.Errorf("read an archive back: %w", err)
	}
	if hex.EncodeToString(h.Sum(nil)) != made.SHA256 {
		return fmt.Errorf("the archive %s is not what was written: its records stay in the tables", made.Name)
	}
	return nil
}
