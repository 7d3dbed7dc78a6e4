package server

import (
	"context"
	"io"
	"time"

	"santral/store/backup"
	"santral/store/db"
)

// backup writes an archive of everything that survives a restart, while calls go on.
func (s *server) backup(ctx context.Context, w io.Writer, recordings bool) error {
	s.records.sync(ctx)
	head := backup.Head{Santral: s.version, Made: time.Now().UTC().Truncate(time.Second), Database: s.records.db.Kind(), Recordings: recordings}
	return backup.Write(ctx, w, backup.Source{Head: head, Data: s.boot.Data, Dump: s.records.db.Dump})
}

// Restore makes a data folder, and the database that dsn names ("" for SQLite in the folder), of an archive.
func Restore(ctx context.Context, r io.Reader, data, dsn string) (backup.Head, error) {
	return backup.Restore(r, data, func(dump io.Reader) error { return db.Load(ctx, databaseOf(data, dsn), dump) })
}
