// Package backup writes everything that an exchange must keep into one archive, while it runs, and makes a data folder of
// such an archive again.
//
// An archive is a tar file under gzip: a head that says what it is, the dump of the database, the files of the data folder, and at last
// the SHA-256 of each: an archive without that end is not whole. The database is dumped before the ledger is copied, so
// that records of calls that end between the two are made from the ledger, and none is taken for made that is not.
//
// What lives here: the archive. What does not: how a database is dumped (store/db), who may ask for a backup (api).
package backup

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Head is the first entry of an archive.
type Head struct {
	Santral    string    `json:"santral"` // version of the program that wrote it
	Made       time.Time `json:"made"`
	Format     int       `json:"format"`     // of the archive
	Database   string    `json:"database"`   // kind of the one that was dumped
	Recordings bool      `json:"recordings"` // filed recordings are in it
}

// Names in an archive.
const (
	headName  = "santral-backup.json"
	dumpName  = "database.jsonl"
	sumsName  = "SHA256SUMS"
	dataNames = "data/"
	format    = 1
)

// ErrTorn is an archive whose end is missing, or that holds something else than its end says.
var ErrTorn = errors.New("the archive is not whole")

// left are the parts of a data folder that no archive holds: they are made anew, or are the database, which is dumped.
var left = []string{"lock", "api.json", "trace", "speech", "santral.db", "santral.db-wal", "santral.db-shm", "recordings/spool"}

// filed is where recordings stay in a data folder.
const filed = "recordings/filed"

// Source is what is backed up.
type Source struct {
	Head Head
	Data string // the data folder
	// Dump writes the database as of one moment.
	Dump func(ctx context.Context, w io.Writer) error
}

// Write writes an archive. Files that grow meanwhile are taken as long as they are when their turn comes.
func Write(ctx context.Context, w io.Writer, s Source) error {
	if err := write(ctx, w, s); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	return nil
}

func write(ctx context.Context, w io.Writer, s Source) error {
	packed, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return err
	}
	a := &archive{tar: tar.NewWriter(packed), now: s.Head.Made}
	s.Head.Format = format
	head, err := json.MarshalIndent(s.Head, "", "  ")
	if err != nil {
		return err
	}
	if err := a.add(headName, int64(len(head)), bytes.NewReader(head)); err != nil {
		return err
	}
	if err := a.dump(ctx, s); err != nil {
		return err
	}
	if err := a.folder(ctx, s.Data, s.Head.Recordings); err != nil {
		return err
	}
	sums := a.sums
	if err := a.add(sumsName, int64(sums.Len()), bytes.NewReader(sums.Bytes())); err != nil {
		return err
	}
	return errors.Join(a.tar.Close(), packed.Close())
}

// archive is one that is being written.
type archive struct {
	tar  *tar.Writer
	now  time.Time
	sums bytes.Buffer
}

// add puts in size octets under a name.
func (a *archive) add(name string, size int64, from io.Reader) error {
	if err := a.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: a.now, Format: tar.FormatPAX}); err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(a.tar, sum), from, size); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintf(&a.sums, "%s  %s\n", hex.EncodeToString(sum.Sum(nil)), name)
	return nil
}

// dump puts in the database. Its length must be known before, so that it lies in the data folder for a while.
func (a *archive) dump(ctx context.Context, s Source) error {
	file, err := os.CreateTemp(s.Data, ".backup-*")
	if err != nil {
		return err
	}
	defer file.Close()
	if err := os.Remove(file.Name()); err != nil { // it goes when it is closed, whatever happens
		return err
	}
	all := &counter{w: file}
	if err := s.Dump(ctx, all); err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return a.add(dumpName, all.n, file)
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// tries is how often a folder is looked at anew whose files went away while they were opened: a journal is compacted.
const tries = 5

// folder puts in the files of the data folder, folder by folder.
func (a *archive) folder(ctx context.Context, data string, recordings bool) error {
	var folders []string
	err := filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		name, err := filepath.Rel(data, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if slices.Contains(left, name) || name == filed && !recordings {
			return filepath.SkipDir
		}
		folders = append(folders, name)
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range folders {
		if err := a.files(ctx, data, name); err != nil {
			return err
		}
	}
	return nil
}

// files puts in those of one folder. All are open before the first is read, so that they belong together.
func (a *archive) files(ctx context.Context, data, folder string) error {
	var open []*os.File
	defer func() {
		for _, f := range open {
			f.Close()
		}
	}()
	for try := 1; ; try++ {
		var err error
		if open, err = openAll(data, folder, open); err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || try == tries {
			return err
		}
	}
	for _, f := range open {
		if err := ctx.Err(); err != nil {
			return err
		}
		info, err := f.Stat()
		if err != nil {
			return err
		}
		name := dataNames + filepath.ToSlash(filepath.Join(folder, filepath.Base(f.Name())))
		if err := a.add(name, info.Size(), f); err != nil {
			return err
		}
	}
	return nil
}

// openAll opens the plain files of a folder.
func openAll(data, folder string, before []*os.File) (open []*os.File, err error) {
	for _, f := range before {
		f.Close()
	}
	entries, err := os.ReadDir(filepath.Join(data, folder))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := filepath.ToSlash(filepath.Join(folder, e.Name()))
		if !e.Type().IsRegular() || slices.Contains(left, name) || strings.HasPrefix(e.Name(), ".backup-") {
			continue
		}
		f, err := os.Open(filepath.Join(data, folder, e.Name()))
		if err != nil {
			return open, err
		}
		open = append(open, f)
	}
	return open, nil
}

// Restore makes a data folder of an archive, and has load fill the database with its dump. A folder that holds anything
// already is refused. What it made of an archive that is not whole is taken away again.
func Restore(r io.Reader, data string, load func(io.Reader) error) (Head, error) {
	head, err := restore(r, data, load)
	if err != nil {
		return head, fmt.Errorf("restore: %w", err)
	}
	return head, nil
}

func restore(r io.Reader, data string, load func(io.Reader) error) (head Head, err error) {
	if there, err := os.ReadDir(data); err == nil && len(there) > 0 {
		return head, fmt.Errorf("the folder %s holds something already: name an empty one", data)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return head, err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return head, err
	}
	defer func() {
		if err != nil {
			entries, _ := os.ReadDir(data)
			for _, e := range entries {
				err = errors.Join(err, os.RemoveAll(filepath.Join(data, e.Name())))
			}
		}
	}()
	packed, err := gzip.NewReader(r)
	if err != nil {
		return head, errors.Join(ErrTorn, err)
	}
	in := &reader{tar: tar.NewReader(packed), data: data}
	if err := in.head(&head); err != nil {
		return head, err
	}
	return head, in.rest(load)
}

// reader is an archive that is being read.
type reader struct {
	tar  *tar.Reader
	data string
	sums bytes.Buffer
	sum  hash.Hash
}

// next gives the name of the next entry, and a reader of it that sums.
func (r *reader) next() (name string, from io.Reader, size int64, err error) {
	h, err := r.tar.Next()
	if err != nil {
		return "", nil, 0, errors.Join(ErrTorn, err)
	}
	if h.Typeflag != tar.TypeReg {
		return "", nil, 0, fmt.Errorf("%w: %q is no file", ErrTorn, h.Name)
	}
	r.sum = sha256.New()
	return h.Name, io.TeeReader(r.tar, r.sum), h.Size, nil
}

// done notes the sum of the entry that was read.
func (r *reader) done(name string) {
	fmt.Fprintf(&r.sums, "%s  %s\n", hex.EncodeToString(r.sum.Sum(nil)), name)
}

// mostHead bounds the head of an archive.
const mostHead = 64 << 10

func (r *reader) head(head *Head) error {
	name, from, size, err := r.next()
	if err != nil {
		return err
	}
	if name != headName || size > mostHead {
		return fmt.Errorf("%w: it does not begin as a backup of Santral does", ErrTorn)
	}
	text, err := io.ReadAll(from)
	if err == nil {
		err = json.Unmarshal(text, head)
	}
	if err != nil {
		return errors.Join(ErrTorn, err)
	}
	if head.Format > format {
		return fmt.Errorf("the archive is of format %d, this program knows %d: take a newer one", head.Format, format)
	}
	r.done(name)
	return nil
}

// rest takes what follows the head, up to the sums.
func (r *reader) rest(load func(io.Reader) error) error {
	for {
		name, from, size, err := r.next()
		if err != nil {
			return err
		}
		switch {
		case name == sumsName:
			if size != int64(r.sums.Len()) {
				return ErrTorn
			}
			said, err := io.ReadAll(from)
			if err != nil || !bytes.Equal(said, r.sums.Bytes()) {
				return errors.Join(ErrTorn, err)
			}
			return nil
		case name == dumpName:
			if err := load(from); err != nil {
				return err
			}
			_, err = io.Copy(io.Discard, from)
		case strings.HasPrefix(name, dataNames):
			err = r.file(strings.TrimPrefix(name, dataNames), from)
		default:
			err = fmt.Errorf("%w: nobody knows what %q is", ErrTorn, name)
		}
		if err != nil {
			return err
		}
		r.done(name)
	}
}

// file writes one of the data folder.
func (r *reader) file(name string, from io.Reader) error {
	if !filepath.IsLocal(name) {
		return fmt.Errorf("%w: %q leads out of the folder", ErrTorn, name)
	}
	at := filepath.Join(r.data, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(at, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, from); err != nil {
		return errors.Join(ErrTorn, err, f.Close())
	}
	return errors.Join(f.Sync(), f.Close())
}
