package journal

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Disk is the file layer under a journal. Paths are the journal's folder joined with a name. OS is the
// real one; a test brings one that is slow, full or failing.
type Disk interface {
	MkdirAll(dir string) error
	List(dir string) (names []string, err error) // sorted
	Create(path string) (File, error)            // fails when it exists
	Open(path string) (File, error)              // for reading and writing
	Rename(from, to string) error
	Remove(path string) error
	SyncDir(dir string) error
	Lock(path string) (io.Closer, error) // fails when another process holds it; the kernel frees it with the process
}

// File is an open file. Sync forces its data to the disk.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	Size() (int64, error)
	Sync() error
}

// OS is the operating system's disk.
var OS Disk = osDisk{}

type osDisk struct{}

type osFile struct{ *os.File }

func (osDisk) MkdirAll(dir string) error    { return os.MkdirAll(dir, 0o750) }
func (osDisk) Rename(from, to string) error { return os.Rename(from, to) }
func (osDisk) Remove(path string) error     { return os.Remove(path) }

func (osDisk) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

func (osDisk) Create(path string) (File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osDisk) Open(path string) (File, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrPermission) {
		f, err = os.Open(path)
	}
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osDisk) SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (osDisk) Lock(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.New("another process uses " + filepath.Dir(path))
		}
		return nil, err
	}
	return f, nil
}

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Sync forces the data and the size, but not the times (fdatasync).
func (f osFile) Sync() error {
	for {
		if err := dataSync(int(f.Fd())); err != syscall.EINTR {
			return err
		}
	}
}

// isFull tells whether an error means that there is no room, which may come back.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
