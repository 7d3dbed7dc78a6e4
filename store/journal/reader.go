package journal

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sort"

	"santral/store"
)

// DamageError names a part of a journal that can't be read: octets were changed after they had been
// written. What stands behind it is unharmed.
type DamageError struct {
	From, To store.Pos
	What     string
}

// Error says where and what.
func (e *DamageError) Error() string {
	return fmt.Sprintf("journal damaged from %d to %d: %s", e.From, e.To, e.What)
}

// Reader reads a journal while it is written. It is for one goroutine.
type Reader struct {
	j       *Journal
	pos     store.Pos
	file    File
	ahead   window
	seg     segment
	buf     []byte
	records [][]byte
}

// Read gives a reader that begins at a place which another reader, or Repair, gave; 0 is the beginning.
func (j *Journal) Read(from store.Pos) *Reader { return &Reader{j: j, pos: from} }

// Next is as store.LogReader says. After Close of the journal it ends with an error once everything
// has been read.
func (r *Reader) Next(ctx context.Context, wait bool) (store.LogGroup, bool, error) {
	for {
		end, grown, over := r.j.readable(r.pos)
		if r.pos >= end {
			switch {
			case !wait:
				return store.LogGroup{}, false, nil
			case over:
				return store.LogGroup{}, false, errClosed
			}
			select {
			case <-grown:
			case <-r.j.gone:
			case <-ctx.Done():
				return store.LogGroup{}, false, ctx.Err()
			}
			continue
		}
		g, ok, err := r.group(end)
		if ok || err != nil {
			return g, ok, err
		}
	}
}

// readable gives how far may be read, and a channel that tells when that changes.
func (j *Journal) readable(from store.Pos) (end store.Pos, grown <-chan struct{}, over bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if from >= j.status.End {
		select {
		case <-j.gone:
			over = true
		default:
		}
		if j.grown == nil {
			j.grown = make(chan struct{})
		}
	}
	return j.status.End, j.grown, over
}

// group reads the group at r.pos. Neither ok nor an error means that the reader came to another segment.
func (r *Reader) group(end store.Pos) (store.LogGroup, bool, error) {
	if r.file == nil || r.pos < r.seg.base || r.seg.end != 0 && r.pos >= r.seg.end {
		if err := r.enter(); err != nil {
			return store.LogGroup{}, false, err
		}
	}
	if off := int64(r.pos - r.seg.base); off < fileHeader {
		r.pos = r.seg.base + fileHeader
		return store.LogGroup{}, false, nil
	}
	limit := int64(end - r.seg.base)
	if segEnd := r.j.endOf(r.seg.base); segEnd != 0 {
		r.seg.end = segEnd
		limit = min(limit, int64(segEnd-r.seg.base))
		if r.pos >= segEnd {
			return store.LogGroup{}, false, nil
		}
	}
	var g group
	var err error
	off := int64(r.pos - r.seg.base)
	r.ahead.limit = limit
	g, r.buf, err = readGroup(&r.ahead, r.seg.base, r.j.o.Chained, off, limit, r.buf)
	if errors.Is(err, errNoGroup) {
		next, err := findGroup(r.file, r.seg.base, r.j.o.Chained, off+1, limit)
		if err != nil {
			return store.LogGroup{}, false, fmt.Errorf("read journal %s: %w", r.j.dir, err)
		}
		if next < 0 {
			next = limit
		}
		from := r.pos
		r.pos = r.seg.base + store.Pos(next)
		return store.LogGroup{}, false, &DamageError{From: from, To: r.pos, What: "no whole group"}
	}
	if err != nil {
		return store.LogGroup{}, false, fmt.Errorf("read journal %s: %w", r.j.dir, err)
	}
	r.pos += store.Pos(g.size)
	r.records, err = g.records(r.records[:0])
	if err != nil {
		return store.LogGroup{}, false, &DamageError{From: g.at, To: r.pos, What: err.Error()}
	}
	return store.LogGroup{At: g.at, Next: r.pos, Time: g.time, Records: r.records}, true, nil
}

// enter opens the segment that holds r.pos. Where the row has a gap, reading goes on behind it.
func (r *Reader) enter() error {
	r.j.mu.Lock()
	i := sort.Search(len(r.j.segments), func(i int) bool { return r.j.segments[i].base > r.pos })
	if i == 0 {
		from := r.pos
		r.seg = r.j.segments[0]
		r.pos = r.seg.base
		r.j.mu.Unlock()
		if from != 0 {
			return &DamageError{From: from, To: r.pos, What: "segments are missing"}
		}
	} else {
		r.seg = r.j.segments[i-1]
		r.j.mu.Unlock()
	}
	if r.file != nil {
		r.file.Close()
		r.file = nil
	}
	f, err := r.j.o.Disk.Open(filepath.Join(r.j.dir, r.seg.name))
	if err != nil {
		return fmt.Errorf("read journal %s: %w", r.j.dir, err)
	}
	r.file = f
	r.ahead = window{f: f, buf: r.ahead.buf[:0]}
	return nil
}

func (j *Journal) endOf(base store.Pos) store.Pos {
	j.mu.Lock()
	defer j.mu.Unlock()
	i := sort.Search(len(j.segments), func(i int) bool { return j.segments[i].base >= base })
	if i == len(j.segments) || j.segments[i].base != base {
		return 0
	}
	return j.segments[i].end
}

// Close closes the reader's file.
func (r *Reader) Close() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}

// Drop removes the segments that end at or before a place.
func (j *Journal) Drop(before store.Pos) error {
	j.mu.Lock()
	var names []string
	for len(j.segments) > 1 && j.segments[0].end <= before {
		names = append(names, j.segments[0].name)
		j.segments = j.segments[1:]
	}
	j.mu.Unlock()
	for _, name := range names {
		if err := j.o.Disk.Remove(filepath.Join(j.dir, name)); err != nil {
			return fmt.Errorf("drop of journal %s: %w", j.dir, err)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return j.o.Disk.SyncDir(j.dir)
}

// End is how far readers may read.
func (j *Journal) End() store.Pos {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.status.End
}
