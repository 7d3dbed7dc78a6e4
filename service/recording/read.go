package recording

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"santral/call"
	"santral/media"
	"santral/media/player"
	"santral/media/recorder"
	"santral/store"
)

// Why a recording is not given out, besides store.ErrNotFound.
var (
	// ErrGone is what a deleted recording gives.
	ErrGone = errors.New("the recording was deleted")
	// ErrAway is what a recording gives whose file is not where it was filed.
	ErrAway = errors.New("the recording's file is not where it was filed")
	// ErrSealed is what a sealed recording gives where nobody can open it.
	ErrSealed = errors.New("the recording lies sealed, and this exchange has no identity that opens it")
)

// Sound is a recording as it is given out. Whoever gets one closes it. It is not safe for concurrent use.
type Sound struct {
	io.ReadSeeker
	io.Closer
	Row   store.Recording
	Size  int64  // octets
	Type  string // of media, for HTTP
	Name  string // for a file that it is saved in
	Plain bool   // it does not come sealed
}

// Sound gives the file of a recording of a tenant ("" for any): to be played, or, sealed, as it lies.
func (a *Archive) Sound(ctx context.Context, tenant, name string, sealed bool) (*Sound, error) {
	row, err := a.row(ctx, tenant, name)
	if err != nil {
		return nil, err
	}
	if row.Sealed && !sealed && len(a.c.Identities) == 0 {
		return nil, ErrSealed
	}
	lying, err := a.lying(ctx, row.Tenant, row.Name)
	if err != nil {
		return nil, err
	}
	s := &Sound{Closer: lying, Row: row, Size: lying.size, Name: row.Name}
	if row.Sealed && sealed {
		s.ReadSeeker, s.Type = io.NewSectionReader(lying, 0, lying.size), "application/octet-stream"
		return s, nil
	}
	s.Plain = true
	_, format, _, _ := kindOf(row.Name)
	if s.Type = "audio/wav"; format == recorder.Opus {
		s.Type = "audio/ogg"
	}
	if !row.Sealed {
		s.ReadSeeker = io.NewSectionReader(lying, 0, lying.size)
		return s, nil
	}
	plain, err := recorder.Open(lying, lying.size, a.c.Identities...)
	if err != nil {
		lying.Close()
		return nil, fmt.Errorf("%w: %w", ErrSealed, err)
	}
	s.ReadSeeker, s.Size, s.Name = plain, plain.Size(), s.Name[:len(s.Name)-len(sealedEnd)]
	return s, nil
}

// row finds a recording that can be given out.
func (a *Archive) row(ctx context.Context, tenant, name string) (store.Recording, error) {
	if _, _, _, ok := kindOf(name); !ok {
		return store.Recording{}, store.ErrNotFound
	}
	row, err := a.c.Rows.Recording(ctx, tenant, name)
	if err == nil && !row.Deleted.IsZero() {
		err = ErrGone
	}
	return row, err
}

// Play is as call.Archive says. It gives recordings that are whole and not filed yet, too.
func (a *Archive) Play(tenant, name string) (media.Source, error) {
	ctx, stop := context.WithTimeout(a.ctx, time.Minute)
	defer stop()
	lying, err := a.lying(ctx, tenant, name)
	if err != nil {
		return nil, fmt.Errorf("play recording %s: %w", name, err)
	}
	defer lying.Close()
	if lying.size > player.MaxSize {
		return nil, fmt.Errorf("play recording %s: it is longer than can be played", name)
	}
	plain, err := recorder.Open(lying, lying.size, a.c.Identities...)
	if err != nil {
		return nil, fmt.Errorf("play recording %s: %w", name, err)
	}
	data, err := io.ReadAll(plain)
	if err != nil {
		return nil, fmt.Errorf("play recording %s: %w", name, err)
	}
	sound, err := player.Decode(name, data)
	if err != nil {
		return nil, fmt.Errorf("play recording %s: %w", name, err)
	}
	return sound.Play(), nil
}

// Verdict is what a recording's file turned out to be.
type Verdict struct {
	Octets int64
	SHA256 string
	Whole  bool // it is what was filed
}

// Verify reads the file of a recording and compares it with what the ledger knows.
func (a *Archive) Verify(ctx context.Context, tenant, name string) (v Verdict, err error) {
	row, err := a.row(ctx, tenant, name)
	if err != nil {
		return v, err
	}
	lying, err := a.lying(ctx, row.Tenant, row.Name)
	if err != nil {
		return v, err
	}
	defer lying.Close()
	h := sha256.New()
	if v.Octets, err = io.Copy(h, io.NewSectionReader(lying, 0, lying.size)); err != nil {
		return v, fmt.Errorf("verify recording %s: %w", name, err)
	}
	v.SHA256 = hex.EncodeToString(h.Sum(nil))
	v.Whole = v.SHA256 == row.SHA256 && v.Octets == row.Octets
	return v, nil
}

// Delete removes the sound of a recording, and has the ledger say that it is deleted, and by whom.
func (a *Archive) Delete(ctx context.Context, tenant, name, by string) error {
	row, err := a.row(ctx, tenant, name)
	if err != nil {
		return err
	}
	key, err := keyOf(row.Tenant, row.Name)
	if err != nil {
		return err
	}
	n := note{Tenant: row.Tenant, Recorded: call.Recorded{Name: row.Name}}
	a.forget(&n) // where a crash came between filing and clearing
	if err := a.c.Blobs.Delete(ctx, key); err != nil {
		return fmt.Errorf("delete recording %s: %w", name, err)
	}
	e := call.Event{
		Call: call.ID(row.Call), Kind: call.Untaped, At: time.Now().UTC().Truncate(time.Microsecond), By: by,
		From: &call.Party{Tenant: row.Tenant, Account: row.Account}, Tape: &call.Recorded{Name: row.Name, Kind: call.TapeKind(row.Kind), Began: row.Began},
	}
	done := make(chan struct{})
	a.c.Ledger.Commit(e, func() { close(done) })
	select {
	case <-done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if row, err = a.c.Rows.Recording(ctx, row.Tenant, row.Name); err == nil && row.Deleted.IsZero() { // decision 046
		err = fmt.Errorf("delete recording %s: its sound is gone, its row does not say so yet; ask again", name)
	}
	return err
}

// lying opens the file of a recording where it lies: in the spool, or filed.
func (a *Archive) lying(ctx context.Context, tenant, name string) (*lying, error) {
	key, err := keyOf(tenant, name)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(a.spool(tenant, name))
	if err == nil {
		info, err := f.Stat()
		if err != nil {
			f.Close()
			return nil, err
		}
		return &lying{ReaderAt: f, Closer: f, size: info.Size()}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	info, err := a.c.Blobs.Stat(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrAway
	}
	if err != nil {
		return nil, err
	}
	s := &stream{ctx: ctx, blobs: a.c.Blobs, key: key, size: info.Size}
	return &lying{ReaderAt: s, Closer: s, size: info.Size}, nil
}

// lying is a file that can be read at any place.
type lying struct {
	io.ReaderAt
	io.Closer
	size int64
}

// stream makes a blob readable at any place. Whoever reads on where he left off is read to from one answer of the store's.
type stream struct {
	ctx   context.Context
	blobs store.Blobs
	key   string
	size  int64

	mu   sync.Mutex
	at   int64 // where body is
	body io.ReadCloser
	read *bufio.Reader
}

const ahead = 256 << 10 // octets that are read at once

// ReadAt reads a part (io.ReaderAt).
func (s *stream) ReadAt(b []byte, at int64) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at < 0 || at > s.size {
		return 0, io.EOF
	}
	short := int64(len(b)) > s.size-at
	if short {
		b = b[:s.size-at]
	}
	if skip := at - s.at; s.body != nil && skip > 0 && skip <= int64(s.read.Buffered()) {
		n, _ := s.read.Discard(int(skip))
		s.at += int64(n)
	}
	if s.body == nil || s.at != at {
		s.drop()
		if s.body, err = s.blobs.Open(s.ctx, s.key, at, -1); err != nil {
			s.body = nil
			return 0, err
		}
		s.at, s.read = at, bufio.NewReaderSize(s.body, ahead)
	}
	n, err = io.ReadFull(s.read, b)
	s.at += int64(n)
	if err != nil {
		s.drop()
		return n, fmt.Errorf("read %s: %w", s.key, err)
	}
	if short {
		err = io.EOF
	}
	return n, err
}

func (s *stream) drop() {
	if s.body != nil {
		s.body.Close()
		s.body = nil
	}
}

// Close ends it.
func (s *stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop()
	return nil
}
