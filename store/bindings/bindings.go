// Package bindings keeps the registrar's bindings on disk, so that phones are reachable after a restart
// without registering again.
//
// What lives here is the keeping: a journal in which the last word on a key holds, and its compaction. The
// registrar has the bindings in memory and owns them; nothing is kept here but files. Compaction runs in
// the background beside everything else: it reads what is sealed, writes what still holds into a new set,
// and removes the rest; bindings that have expired fall away by it.
//
// The promise: a change is handed to the kernel within a few milliseconds and only then called done, so that
// kill -9 loses nothing that a phone was told. It is forced to the disk within a second; loss of power
// takes at most that second, and phones register again. A slow or full disk holds no phone up: done is
// called after 250 ms all the same, and an alarm is up.
package bindings

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"santral/store"
	"santral/store/journal"
)

// Options are the store's parameters. Zero values take the defaults.
type Options struct {
	Disk    journal.Disk
	Compact int64                      // octets of journal after which it is compacted, or as many as the last set had if that is more; 64 MiB
	OnAlarm func(journal.Alarm, error) // told every change of the disk's state, must not block
	OnError func(error)                // told why a compaction failed, which is then tried again later; must not block
}

// Store is an open store. It is safe for concurrent use.
type Store struct {
	o    Options
	dir  string
	j    *journal.Journal
	from store.Pos // where the journal begins to be of interest: the set holds what was before
	end  store.Pos // what Open found
	bufs sync.Pool

	set     string // path of the set, "" for none; the compactor's once it runs
	setSize atomic.Int64
	grown   atomic.Int64 // octets appended since the last compaction
	due     chan struct{}
	stop    context.CancelFunc
	gone    chan struct{}
	done    atomic.Uint64 // compactions
}

var _ store.Bindings = (*Store)(nil)

// Open opens the store in dir, or begins one.
func Open(dir string, o Options) (*Store, error) {
	if o.Disk == nil {
		o.Disk = journal.OS
	}
	if o.Compact <= 0 {
		o.Compact = 64 << 20
	}
	if o.OnError == nil {
		o.OnError = func(error) {}
	}
	j, _, err := journal.Open(dir, journal.Options{Disk: o.Disk, Sync: journal.SyncLazily, OnAlarm: o.OnAlarm})
	if err != nil {
		return nil, fmt.Errorf("open bindings: %w", err)
	}
	s := &Store{o: o, dir: dir, j: j, end: j.End(), due: make(chan struct{}, 1), gone: make(chan struct{})}
	s.bufs.New = func() any { return new([]byte) }
	if err := s.findSet(); err != nil {
		j.Close(context.Background())
		return nil, fmt.Errorf("open bindings: %w", err)
	}
	s.grown.Store(int64(s.end - s.from))
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go s.compactor(ctx)
	return s, nil
}

const (
	setPrefix = "set-"
	setSuffix = ".set"
)

// findSet finds the newest set and finishes what a crash during a compaction left to do.
func (s *Store) findSet() error {
	names, err := s.o.Disk.List(s.dir)
	if err != nil {
		return err
	}
	for _, name := range names { // in order: the newest comes last
		middle, ok := strings.CutPrefix(name, setPrefix)
		if !ok {
			continue
		}
		path := filepath.Join(s.dir, name)
		number, ok := strings.CutSuffix(middle, setSuffix)
		if !ok {
			if err := s.o.Disk.Remove(path); err != nil {
				return err
			}
			continue
		}
		from, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			continue
		}
		if s.set != "" {
			if err := s.o.Disk.Remove(s.set); err != nil {
				return err
			}
		}
		s.set, s.from = path, store.Pos(from)
	}
	return s.j.Drop(s.from)
}

// Put writes a binding; the last one with its key holds.
func (s *Store) Put(b *store.Binding, done func()) {
	buf := s.bufs.Get().(*[]byte)
	*buf = appendBinding((*buf)[:0], b)
	s.write(buf, done)
}

// Delete removes the binding with a key.
func (s *Store) Delete(key store.BindingKey, done func()) {
	buf := s.bufs.Get().(*[]byte)
	*buf = appendKey((*buf)[:0], kindDelete, key)
	s.write(buf, done)
}

func (s *Store) write(buf *[]byte, done func()) {
	if done == nil {
		s.j.Append(*buf)
	} else {
		s.j.Commit(*buf, done)
	}
	if s.grown.Add(int64(len(*buf))) > max(s.o.Compact, s.setSize.Load()) {
		select {
		case s.due <- struct{}{}:
		default:
		}
	}
	s.bufs.Put(buf)
}

// Loaded is what Load found.
type Loaded struct {
	Bindings int
	Expired  int // bindings that had ended meanwhile
	Damaged  int // parts of files that could not be read; what stood in them is lost
}

// Load calls f with every binding that held when the store was opened and has not expired, in no
// particular order.
func (s *Store) Load(f func(store.Binding)) (Loaded, error) {
	var l Loaded
	now := time.Now().UnixMicro()
	err := s.survivors(context.Background(), s.end, now, &l, func(rec []byte) error {
		b, err := decode(rec)
		if err != nil {
			l.Damaged++
			return nil
		}
		l.Bindings++
		f(b)
		return nil
	})
	if err != nil {
		return l, fmt.Errorf("load bindings: %w", err)
	}
	return l, nil
}

// survivors calls f with each record before end that is the last of its key, no deletion and not expired.
// It reads everything twice: first to learn which record is the last of each key, then to give those.
func (s *Store) survivors(ctx context.Context, end store.Pos, now int64, l *Loaded, f func(rec []byte) error) error {
	seed := maphash.MakeSeed()
	last := map[uint64]uint32{} // hash of the key → number of its last record
	n := uint32(0)
	damaged, err := s.walk(ctx, end, func(rec []byte) error {
		n++
		_, key, _, err := split(rec)
		if err != nil {
			l.Damaged++
			return nil
		}
		last[maphash.Bytes(seed, key)] = n
		return nil
	})
	if err != nil {
		return err
	}
	l.Damaged += damaged
	n = 0
	_, err = s.walk(ctx, end, func(rec []byte) error {
		n++
		kind, key, expires, err := split(rec)
		if err != nil || last[maphash.Bytes(seed, key)] != n || kind == kindDelete {
			return nil
		}
		if expires <= now {
			l.Expired++
			return nil
		}
		return f(rec)
	})
	return err
}

// walk calls f with every record of the set and then of the journal up to end.
func (s *Store) walk(ctx context.Context, end store.Pos, f func(rec []byte) error) (damaged int, err error) {
	if s.set != "" {
		var size int64
		if size, damaged, err = journal.ReadSet(s.o.Disk, s.set, f); err != nil {
			return damaged, err
		}
		s.setSize.Store(size)
	}
	r := s.j.Read(s.from)
	defer r.Close()
	for ctx.Err() == nil {
		g, ok, err := r.Next(ctx, false)
		var damage *journal.DamageError
		switch {
		case errors.As(err, &damage):
			damaged++
			continue
		case err != nil:
			return damaged, err
		case !ok || g.At >= end:
			return damaged, nil
		}
		for _, rec := range g.Records {
			if err := f(rec); err != nil {
				return damaged, err
			}
		}
	}
	return damaged, ctx.Err()
}

// compactor compacts when it is due.
func (s *Store) compactor(ctx context.Context) {
	defer close(s.gone)
	for {
		select {
		case <-s.due:
		case <-ctx.Done():
			return
		}
		if s.grown.Load() <= max(s.o.Compact, s.setSize.Load()) {
			continue
		}
		if err := s.compact(ctx); err != nil && ctx.Err() == nil {
			s.o.OnError(fmt.Errorf("compact bindings: %w", err))
			select {
			case <-time.After(10 * time.Second):
			case <-ctx.Done():
				return
			}
		}
	}
}

func (s *Store) compact(ctx context.Context) error {
	grown := s.grown.Load()
	base, err := s.j.Rotate(ctx)
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, fmt.Sprintf("%s%020d%s", setPrefix, uint64(base), setSuffix))
	w, err := journal.CreateSet(s.o.Disk, path)
	if err != nil {
		return err
	}
	var l Loaded
	if err := s.survivors(ctx, base, time.Now().UnixMicro(), &l, w.Add); err != nil {
		w.Abandon()
		return err
	}
	size, err := w.Finish()
	if err != nil {
		return err
	}
	old := s.set
	s.set, s.from = path, base
	s.setSize.Store(size)
	s.grown.Add(-grown)
	s.done.Add(1)
	if old != "" && old != path {
		if err := s.o.Disk.Remove(old); err != nil {
			return err
		}
	}
	return s.j.Drop(base)
}

// Status is how a store is doing.
type Status struct {
	Journal     journal.Status
	Set         int64 // octets of what was compacted last
	Grown       int64 // octets appended since
	Compactions uint64
}

// Status tells how the store is doing.
func (s *Store) Status() Status {
	return Status{Journal: s.j.Status(), Set: s.setSize.Load(), Grown: s.grown.Load(), Compactions: s.done.Load()}
}

// Close ends a compaction that is going on, writes what waits, and closes. When ctx ends first the error
// says what was never written.
func (s *Store) Close(ctx context.Context) error {
	s.stop()
	<-s.gone
	return s.j.Close(ctx)
}
