// Package blob keeps blobs: whole files under names, in a folder of this machine or in a bucket of a server that
// speaks S3.
//
// What lives here is the promise of store.Blobs: whole or not at all, names that lead nowhere else. What is kept, for
// whom and for how long, is decided elsewhere.
package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"santral/store"
)

// Files keeps blobs as files of a folder, each under its name. It owns the folder.
type Files struct{ root string }

var _ store.Blobs = (*Files)(nil)

// unfinished is what files are called that are being written. No name of a blob begins so.
const unfinished = ".put-"

// OpenFiles opens a folder, which is made if it isn't there, and removes what a crash left unfinished.
func OpenFiles(root string) (*Files, error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("open the folder of blobs: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(root, unfinished+"*"))
	if err != nil {
		return nil, fmt.Errorf("open the folder of blobs: %w", err)
	}
	for _, file := range left {
		if err := os.Remove(file); err != nil {
			return nil, fmt.Errorf("open the folder of blobs: %w", err)
		}
	}
	return &Files{root: root}, nil
}

func (f *Files) path(name string) (string, error) {
	if err := store.CheckBlobName(name); err != nil {
		return "", err
	}
	return filepath.Join(f.root, filepath.FromSlash(name)), nil
}

// Put is as store.Blobs says.
func (f *Files) Put(ctx context.Context, name string, r io.Reader, size int64) error {
	path, err := f.path(name)
	if err != nil {
		return err
	}
	if size < 0 || size > store.MaxBlob {
		return fmt.Errorf("put %s: %d octets are too many", name, size)
	}
	file, err := os.CreateTemp(f.root, unfinished+"*")
	if err != nil {
		return fmt.Errorf("put %s: %w", name, err)
	}
	n, err := io.Copy(file, io.LimitReader(patient{ctx, r}, size+1))
	if err == nil && n != size {
		err = fmt.Errorf("%w: %d octets were announced", io.ErrUnexpectedEOF, size)
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = f.rename(file.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("put %s: %w", name, errors.Join(err, forget(os.Remove(file.Name()))))
	}
	return nil
}

// Move is Put of a file of this machine, which is not there afterwards. Its octets must be on disk. When it can't
// be renamed into the folder, because that is on another disk, the error is errors.ErrUnsupported.
func (f *Files) Move(ctx context.Context, name, file string) error {
	path, err := f.path(name)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := f.rename(file, path); err != nil {
		if crossesDisks(err) {
			return fmt.Errorf("move %s: %w", name, errors.ErrUnsupported)
		}
		return fmt.Errorf("move %s: %w", name, err)
	}
	return nil
}

// rename gives a file its name, and has its folders know it for good.
func (f *Files) rename(from, to string) error {
	folder := filepath.Dir(to)
	if err := f.folders(folder); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncFolder(folder)
}

// folders makes a folder within the root, and has those above it know it.
func (f *Files) folders(folder string) error {
	if _, err := os.Stat(folder); err == nil || folder == f.root {
		return nil
	}
	above := filepath.Dir(folder)
	if err := f.folders(above); err != nil {
		return err
	}
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(above)
}

func syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Open is as store.Blobs says.
func (f *Files) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	path, err := f.path(name)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, missing(err)
	}
	info, err := file.Stat()
	if err != nil || info.IsDir() {
		file.Close()
		return nil, errors.Join(err, store.ErrNotFound)
	}
	rest := info.Size() - offset
	if offset < 0 || rest < 0 {
		file.Close()
		return nil, fmt.Errorf("open %s at %d: it has %d octets", name, offset, info.Size())
	}
	if length < 0 || length > rest {
		length = rest
	}
	return &reading{patient{ctx, io.NewSectionReader(file, offset, length)}, file}, nil
}

type reading struct {
	io.Reader
	io.Closer
}

// Stat is as store.Blobs says.
func (f *Files) Stat(_ context.Context, name string) (store.BlobInfo, error) {
	path, err := f.path(name)
	if err != nil {
		return store.BlobInfo{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return store.BlobInfo{}, missing(err)
	}
	if !info.Mode().IsRegular() {
		return store.BlobInfo{}, store.ErrNotFound
	}
	return store.BlobInfo{Name: name, Size: info.Size(), Modified: info.ModTime().UTC()}, nil
}

// Delete is as store.Blobs says. Folders that are empty then stay.
func (f *Files) Delete(_ context.Context, name string) error {
	path, err := f.path(name)
	if err != nil {
		return err
	}
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		return nil
	}
	if err := os.Remove(path); err != nil {
		return forget(err)
	}
	return syncFolder(filepath.Dir(path))
}

// List is as store.Blobs says.
func (f *Files) List(ctx context.Context, prefix, after string, limit int) ([]store.BlobInfo, error) {
	if limit <= 0 || limit > store.MaxBlobList {
		limit = store.MaxBlobList
	}
	var list []store.BlobInfo
	err := f.walk(ctx, "", prefix, after, func(name string, e fs.DirEntry) bool {
		info, err := e.Info()
		if err == nil { // else it was deleted meanwhile
			list = append(list, store.BlobInfo{Name: name, Size: info.Size(), Modified: info.ModTime().UTC()})
		}
		return len(list) < limit
	})
	if err != nil && err != fs.SkipAll {
		return nil, fmt.Errorf("list %s: %w", prefix, err)
	}
	return list, nil
}

// walk tells of the files below a folder ("" for the root, or with a "/" at its end) that fit, in the order of the octets
// of their names, until told says that it is enough.
func (f *Files) walk(ctx context.Context, folder, prefix, after string, told func(string, fs.DirEntry) bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(f.root, filepath.FromSlash(folder)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	key := func(e fs.DirEntry) string { // a folder's files come where their names do
		if e.IsDir() {
			return e.Name() + "/"
		}
		return e.Name()
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(key(a), key(b)) })
	for _, e := range entries {
		name := folder + key(e)
		switch {
		case !store.BlobPart(e.Name()):
		case e.IsDir():
			meets := strings.HasPrefix(name, prefix) || strings.HasPrefix(prefix, name)
			behind := name < after && !strings.HasPrefix(after, name)
			if !meets || behind {
				continue
			}
			if err := f.walk(ctx, name, prefix, after, told); err != nil {
				return err
			}
		case e.Type().IsRegular() && strings.HasPrefix(name, prefix) && name > after:
			if !told(name, e) {
				return fs.SkipAll
			}
		}
	}
	return nil
}

func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) || notFolder(err) {
		return store.ErrNotFound
	}
	return err
}

// forget drops the error that something is not there.
func forget(err error) error {
	if missing(err) == store.ErrNotFound {
		return nil
	}
	return err
}

// patient is a reader that gives up when its context ends.
type patient struct {
	ctx context.Context
	io.Reader
}

// Read reads while the context lasts.
func (p patient) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.Reader.Read(b)
}
