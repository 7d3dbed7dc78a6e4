// Package storetest is the kit of the store's tests: a disk that is slow, full or failing on demand,
// child processes that are killed while they write, and a throw-away PostgreSQL.
//
// Nothing of it is part of the program. Whoever makes one of its things owns it; what was started ends
// with the test.
package storetest

import (
	"io"
	"sync"
	"syscall"
	"time"

	"santral/store/journal"
)

// Disk is a real disk that misbehaves as it is told. Its zero value does not.
type Disk struct {
	mu      sync.Mutex
	delay   time.Duration
	err     error
	syncErr error
	forget  bool
	never   bool
	limited bool
	room    int64
	syncs   int
	writes  int
}

var _ journal.Disk = (*Disk)(nil)

// Slow makes every write and every sync take so long.
func (d *Disk) Slow(delay time.Duration) { d.set(func() { d.delay = delay }) }

// Fail makes every change of the disk fail, until it is called with nil.
func (d *Disk) Fail(err error) { d.set(func() { d.err = err }) }

// FailSync makes syncs fail, and with forget makes them lose what was written since the last good one,
// as kernels do.
func (d *Disk) FailSync(err error, forget bool) { d.set(func() { d.syncErr, d.forget = err, forget }) }

// Room leaves so many octets free: writing more fails with ENOSPC after as much as fits.
func (d *Disk) Room(octets int64) { d.set(func() { d.limited, d.room = true, octets }) }

// NeverSync lets syncs do nothing, for tests that are not about loss of power.
func (d *Disk) NeverSync() *Disk {
	d.set(func() { d.never = true })
	return d
}

// Heal ends every fault.
func (d *Disk) Heal() {
	d.set(func() { d.delay, d.err, d.syncErr, d.forget, d.limited = 0, nil, nil, false, false })
}

// Counts gives how many writes and syncs there were.
func (d *Disk) Counts() (writes, syncs int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.writes, d.syncs
}

func (d *Disk) set(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

// ready waits as long as the disk is slow and gives the error it has.
func (d *Disk) ready() error {
	d.mu.Lock()
	delay, err := d.delay, d.err
	d.mu.Unlock()
	if delay > 0 {
		<-time.After(delay)
	}
	return err
}

// MkdirAll makes a folder.
func (d *Disk) MkdirAll(dir string) error { return journal.OS.MkdirAll(dir) }

// List lists a folder.
func (d *Disk) List(dir string) ([]string, error) { return journal.OS.List(dir) }

// Lock locks a file.
func (d *Disk) Lock(path string) (io.Closer, error) { return journal.OS.Lock(path) }

// SyncDir syncs a folder.
func (d *Disk) SyncDir(dir string) error {
	if err := d.ready(); err != nil {
		return err
	}
	d.mu.Lock()
	never := d.never
	d.mu.Unlock()
	if never {
		return nil
	}
	return journal.OS.SyncDir(dir)
}

// Rename renames a file.
func (d *Disk) Rename(from, to string) error {
	if err := d.ready(); err != nil {
		return err
	}
	return journal.OS.Rename(from, to)
}

// Remove removes a file.
func (d *Disk) Remove(path string) error {
	if err := d.ready(); err != nil {
		return err
	}
	return journal.OS.Remove(path)
}

// Create makes a file; a full disk has no room for it.
func (d *Disk) Create(path string) (journal.File, error) {
	if err := d.ready(); err != nil {
		return nil, err
	}
	f, err := journal.OS.Create(path)
	if err != nil {
		return nil, err
	}
	return &file{File: f, disk: d}, nil
}

// Open opens a file.
func (d *Disk) Open(path string) (journal.File, error) {
	f, err := journal.OS.Open(path)
	if err != nil {
		return nil, err
	}
	return &file{File: f, disk: d}, nil
}

type span struct{ off, size int64 }

type file struct {
	journal.File
	disk  *Disk
	mu    sync.Mutex
	dirty []span
}

func (f *file) WriteAt(b []byte, off int64) (int, error) {
	if err := f.disk.ready(); err != nil {
		return 0, err
	}
	f.disk.mu.Lock()
	f.disk.writes++
	fits := len(b)
	if f.disk.limited {
		fits = int(min(int64(fits), max(f.disk.room, 0)))
		f.disk.room -= int64(fits)
	}
	f.disk.mu.Unlock()
	n, err := f.File.WriteAt(b[:fits], off)
	f.mu.Lock()
	f.dirty = append(f.dirty, span{off, int64(n)})
	f.mu.Unlock()
	if err == nil && fits < len(b) {
		err = syscall.ENOSPC
	}
	return n, err
}

func (f *file) Truncate(size int64) error {
	if err := f.disk.ready(); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f *file) Sync() error {
	if err := f.disk.ready(); err != nil {
		return err
	}
	f.disk.mu.Lock()
	f.disk.syncs++
	err, forget, never := f.disk.syncErr, f.disk.forget, f.disk.never
	f.disk.mu.Unlock()
	f.mu.Lock()
	dirty := f.dirty
	f.dirty = nil
	f.mu.Unlock()
	if err == nil && never {
		return nil
	}
	if err == nil {
		return f.File.Sync()
	}
	if forget {
		for _, s := range dirty {
			f.File.WriteAt(make([]byte, s.size), s.off)
		}
	}
	return err
}
