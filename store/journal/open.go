package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"sort"
	"time"

	"santral/store"
)

// segment is one file of the row. end is 0 for the one that is being written.
type segment struct {
	base, end store.Pos
	name      string
	try       int
}

// Open opens the journal in dir, or begins one there. A torn tail, what a crash left of the last
// writing, is cut off; Repair tells where. Nobody else may have the journal open.
func Open(dir string, o Options) (*Journal, Repair, error) {
	o = o.withDefaults()
	j := &Journal{o: o, dir: dir}
	repair, err := j.start()
	if err != nil {
		if j.file != nil {
			j.file.Close()
		}
		if j.lock != nil {
			j.lock.Close()
		}
		return nil, Repair{}, fmt.Errorf("open journal %s: %w", dir, err)
	}
	j.begin()
	return j, repair, nil
}

func (j *Journal) start() (Repair, error) {
	if err := j.o.Disk.MkdirAll(j.dir); err != nil {
		return Repair{}, err
	}
	var err error
	if j.lock, err = j.o.Disk.Lock(filepath.Join(j.dir, "lock")); err != nil {
		return Repair{}, err
	}
	if j.segments, err = listSegments(j.o.Disk, j.dir); err != nil {
		return Repair{}, err
	}
	for len(j.segments) > 0 {
		last := &j.segments[len(j.segments)-1]
		tail, file, err := openTail(j.o, j.dir, *last)
		if err != nil {
			return Repair{}, err
		}
		if file == nil { // a crash while it was being begun: it never held a group
			if err := j.o.Disk.Remove(filepath.Join(j.dir, last.name)); err != nil {
				return Repair{}, err
			}
			j.segments = j.segments[:len(j.segments)-1]
			continue
		}
		j.file, j.base = file, last.base
		j.pos, j.chain = tail.end, tail.chain
		j.synced, j.syncedChain = j.pos, j.chain
		last.end = 0
		return Repair{At: tail.end, Octets: tail.torn, LastBeat: tail.beat}, nil
	}
	if err := j.newSegment(0); err != nil {
		return Repair{}, err
	}
	return Repair{At: j.pos}, nil
}

// listSegments gives the row in order. Of several tries at one base only the last counts, and a
// segment ends where the next one begins, whatever else its file holds.
func listSegments(disk Disk, dir string) ([]segment, error) {
	names, err := disk.List(dir)
	if err != nil {
		return nil, err
	}
	var all []segment
	for _, name := range names {
		if base, try, ok := parseName(name); ok {
			all = append(all, segment{base: base, try: try, name: name})
		}
	}
	sort.Slice(all, func(a, b int) bool {
		return all[a].base < all[b].base || all[a].base == all[b].base && all[a].try < all[b].try
	})
	var row []segment
	for _, s := range all {
		if n := len(row); n > 0 && row[n-1].base == s.base {
			row[n-1] = s
			continue
		}
		if n := len(row); n > 0 {
			row[n-1].end = s.base
		}
		row = append(row, s)
	}
	return row, nil
}

type tail struct {
	end   store.Pos
	chain chain
	torn  int64
	beat  time.Time
}

// openTail opens the last segment, walks over its groups and cuts off what is not a whole group at its
// end. Harm in the middle, with whole groups after it, is left for readers and Verify to name: nothing
// that was written is ever thrown away for it. file is nil when the segment was never begun.
func openTail(o Options, dir string, s segment) (tail, File, error) {
	path := filepath.Join(dir, s.name)
	f, err := o.Disk.Open(path)
	if err != nil {
		return tail{}, nil, err
	}
	t, err := walkTail(o, dir, s, f)
	if errors.Is(err, errNoGroup) {
		return tail{}, nil, f.Close()
	}
	if err != nil {
		f.Close()
		return tail{}, nil, err
	}
	return t, f, nil
}

func walkTail(o Options, dir string, s segment, f File) (tail, error) {
	size, err := f.Size()
	if err != nil {
		return tail{}, err
	}
	if size <= fileHeader {
		var b [fileHeader]byte
		if size < fileHeader || readFull(f, b[:], 0) != nil {
			return tail{}, errNoGroup
		}
		if _, err := decodeFileHead(b[:]); err != nil {
			return tail{}, errNoGroup
		}
	}
	var b [fileHeader]byte
	if err := readFull(f, b[:], 0); err != nil {
		return tail{}, err
	}
	var t tail
	if h, err := decodeFileHead(b[:]); err == nil {
		if h.chained != o.Chained {
			return tail{}, fmt.Errorf("%s: chained is %v, %v was asked for", s.name, h.chained, o.Chained)
		}
		t.chain, t.beat = h.chain, h.time
	}
	off := int64(fileHeader)
	ahead := &window{f: f, limit: size}
	var buf []byte
	for off < size {
		var g group
		g, buf, err = readGroup(ahead, s.base, o.Chained, off, size, buf)
		if errors.Is(err, errNoGroup) {
			next, err := findGroup(f, s.base, o.Chained, off+1, size)
			if err != nil {
				return tail{}, err
			}
			if next < 0 {
				break
			}
			off = next
			continue
		}
		if err != nil {
			return tail{}, err
		}
		off += g.size
		t.chain, t.beat = g.chain, g.time
	}
	t.end, t.torn = s.base+store.Pos(off), size-off
	if t.torn > 0 {
		keepTorn(o.Disk, dir, t.end, f, off, size)
		if err := f.Truncate(off); err != nil {
			return tail{}, err
		}
		if err := f.Sync(); err != nil {
			return tail{}, err
		}
	}
	return t, nil
}

// findGroup looks for a whole group at off or later and gives where it stands, -1 when there is none.
func findGroup(f io.ReaderAt, base store.Pos, chained bool, off, end int64) (int64, error) {
	window := make([]byte, 64<<10)
	var buf []byte
	for off < end {
		n := min(int64(len(window)), end-off)
		if err := readFull(f, window[:n], off); err != nil {
			if errors.Is(err, errNoGroup) {
				return -1, nil
			}
			return -1, err
		}
		for i := int64(0); i+4 <= n; i++ {
			if window[i] != groupMagic&0xff || window[i+1] != groupMagic>>8&0xff || window[i+2] != groupMagic>>16&0xff || window[i+3] != groupMagic>>24&0xff {
				continue
			}
			var err error
			if _, buf, err = readGroup(f, base, chained, off+i, end, buf); err == nil {
				return off + i, nil
			} else if !errors.Is(err, errNoGroup) {
				return -1, err
			}
		}
		if n < 4 {
			break
		}
		off += n - 3
		if n-3 <= 0 || n < int64(len(window)) {
			break
		}
	}
	return -1, nil
}

// keepTorn puts what is about to be cut off beside the segment, as far as the disk lets it: somebody
// may want to look at it. It is a copy of at most 1 MiB and nothing depends on it.
func keepTorn(disk Disk, dir string, at store.Pos, f io.ReaderAt, off, size int64) {
	b := make([]byte, min(size-off, 1<<20))
	if readFull(f, b, off) != nil {
		return
	}
	copy, err := disk.Create(filepath.Join(dir, fmt.Sprintf("torn-%020d", uint64(at))))
	if err != nil {
		return
	}
	_, _ = copy.WriteAt(b, 0)
	copy.Close()
}

// maxTries is how often a segment may be begun at one place: only a disk that fails at the very
// beginning, and then fails to remove what it began, needs a second name.
const maxTries = 100

// newSegment begins the segment at base and makes it the one that is written.
func (j *Journal) newSegment(base store.Pos) error {
	head := fileHead{base: base, time: time.Now(), chained: j.o.Chained, chain: j.syncedChain}
	var (
		name, path string
		f          File
		err        error
	)
	for try := range maxTries {
		name = segmentName(base, try)
		path = filepath.Join(j.dir, name)
		if f, err = j.o.Disk.Create(path); !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	if err != nil {
		return err
	}
	if _, err = f.WriteAt(head.encode(), 0); err == nil {
		if err = f.Sync(); err == nil {
			err = j.o.Disk.SyncDir(j.dir)
		}
	}
	if err != nil {
		f.Close()
		j.o.Disk.Remove(path)
		return err
	}
	if j.file != nil {
		j.file.Close()
	}
	j.file, j.base = f, base
	j.pos = base + fileHeader
	j.synced = j.pos
	j.mu.Lock()
	if n := len(j.segments); n > 0 && j.segments[n-1].base == base {
		j.segments = j.segments[:n-1]
	} else if n > 0 {
		j.segments[n-1].end = base
	}
	j.segments = append(j.segments, segment{base: base, name: name})
	j.mu.Unlock()
	return nil
}
