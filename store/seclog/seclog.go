// Package seclog keeps what strangers tried: requests of sources that no account or peer vouches for, failed
// answers to challenges, bans. They are no calls and get no call record; they are counted, and the first of
// each source are kept as lines in a few files of bounded size.
//
// What lives here is the counting and the keeping; what is worth noting is access's decision. A flood costs
// little: memory, lines a second and octets on disk are all bounded, and what is not written is counted. The
// Log owns its table and its files; its one goroutine writes once a second.
package seclog

import (
	"container/list"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"sync"
	"time"
)

// Entry is one thing that a stranger did.
type Entry struct {
	At        time.Time
	What      string // a word of access's: "unknown account", "wrong password", "banned"
	Source    netip.AddrPort
	Transport string
	Method    string
	Who       string // the user that was claimed
	To        string // what was asked for
	Agent     string
}

// Options are the log's bounds. Zero values take the defaults that stand beside them.
type Options struct {
	Sources   int // sources that are counted one by one, the least recently seen forgotten first; 4096
	PerMinute int // lines of one source in a minute; 10
	PerSecond int // lines of all in a second; 1000
	FileSize  int // octets of a file; 4 MiB
	Files     int // files in all; 4
}

// Source is what is known of one source: an IPv4 address or an IPv6 /64.
type Source struct {
	Addr        netip.Addr
	Count       uint64
	First, Last time.Time
	What        string // the last thing it did
}

// Log is an open log. It is safe for concurrent use.
type Log struct {
	o    Options
	path string

	mu        sync.Mutex // a leaf
	totals    map[string]uint64
	sources   map[netip.Addr]*list.Element
	recent    *list.List // of *source, the last seen first
	lines     []byte
	inSecond  int
	unwritten uint64
	err       error

	file *os.File // the goroutine's
	size int

	stop, gone chan struct{}
	once       sync.Once
}

type source struct {
	Source
	minute     time.Time
	lines      int
	suppressed int
}

// maxWords is how many different words are counted; more are one word, "other".
const maxWords = 64

// name is the newest file's name; older ones have .1, .2 … behind it.
const name = "security.log"

// Open opens the log in dir and goes on with its newest file.
func Open(dir string, o Options) (*Log, error) {
	for _, p := range []struct {
		value *int
		or    int
	}{{&o.Sources, 4096}, {&o.PerMinute, 10}, {&o.PerSecond, 1000}, {&o.FileSize, 4 << 20}, {&o.Files, 4}} {
		if *p.value <= 0 {
			*p.value = p.or
		}
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("open security log: %w", err)
	}
	l := &Log{
		o: o, path: filepath.Join(dir, name),
		totals: map[string]uint64{}, sources: map[netip.Addr]*list.Element{}, recent: list.New(),
		stop: make(chan struct{}), gone: make(chan struct{}),
	}
	if err := l.openFile(); err != nil {
		return nil, fmt.Errorf("open security log: %w", err)
	}
	go l.write()
	return l, nil
}

func (l *Log) openFile() error {
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	l.file, l.size = f, int(info.Size())
	return nil
}

// Note counts an entry, and keeps it when its source has not yet filled its share. It never waits.
func (l *Log) Note(e Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	word := e.What
	if _, known := l.totals[word]; !known && len(l.totals) >= maxWords {
		word = "other"
	}
	l.totals[word]++
	s := l.sourceLocked(e.Source.Addr(), e.At)
	s.Count++
	s.Last, s.What = e.At, e.What
	if e.At.Sub(s.minute) >= time.Minute || e.At.Before(s.minute) {
		s.minute, s.lines = e.At, 0
	}
	if s.lines >= l.o.PerMinute {
		s.suppressed++
		return
	}
	if l.inSecond >= l.o.PerSecond {
		l.unwritten++
		return
	}
	s.lines++
	l.inSecond++
	line, err := json.Marshal(entryLine{
		At: e.At.UTC().Truncate(time.Millisecond), What: cut(e.What), Source: e.Source.String(), Transport: cut(e.Transport), Method: cut(e.Method),
		Who: cut(e.Who), To: cut(e.To), Agent: cut(e.Agent), Suppressed: s.suppressed,
	})
	if err != nil {
		l.unwritten++
		return
	}
	s.suppressed = 0
	l.lines = append(append(l.lines, line...), '\n')
}

// entryLine is a line of the file. Everything in it that a stranger chose is escaped by JSON.
type entryLine struct {
	At         time.Time `json:"at"`
	What       string    `json:"what"`
	Source     string    `json:"source"`
	Transport  string    `json:"transport,omitempty"`
	Method     string    `json:"method,omitempty"`
	Who        string    `json:"who,omitempty"`
	To         string    `json:"to,omitempty"`
	Agent      string    `json:"agent,omitempty"`
	Suppressed int       `json:"suppressed,omitempty"` // of this source since its last line
}

// cut bounds what a stranger can make us write.
func cut(s string) string { return s[:min(len(s), 200)] }

func (l *Log) sourceLocked(addr netip.Addr, now time.Time) *source {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			addr = p.Addr()
		}
	}
	if e := l.sources[addr]; e != nil {
		l.recent.MoveToFront(e)
		return e.Value.(*source)
	}
	if l.recent.Len() >= l.o.Sources {
		oldest := l.recent.Back()
		delete(l.sources, oldest.Value.(*source).Addr)
		l.recent.Remove(oldest)
	}
	s := &source{Source: Source{Addr: addr, First: now}}
	l.sources[addr] = l.recent.PushFront(s)
	return s
}

// Totals gives how often each word was noted since Open.
func (l *Log) Totals() map[string]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	totals := make(map[string]uint64, len(l.totals))
	for word, n := range l.totals {
		totals[word] = n
	}
	return totals
}

// Sources gives the sources that did most, at most max of them.
func (l *Log) Sources(max int) []Source {
	l.mu.Lock()
	all := make([]Source, 0, l.recent.Len())
	for e := l.recent.Front(); e != nil; e = e.Next() {
		all = append(all, e.Value.(*source).Source)
	}
	l.mu.Unlock()
	sort.SliceStable(all, func(a, b int) bool { return all[a].Count > all[b].Count })
	return all[:min(len(all), max)]
}

// Unwritten gives how many entries found no room, and the last error of the disk.
func (l *Log) Unwritten() (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unwritten, l.err
}

// write is the goroutine: once a second what was gathered goes to the file.
func (l *Log) write() {
	defer close(l.gone)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			l.flush()
		case <-l.stop:
			l.flush()
			return
		}
	}
}

func (l *Log) flush() {
	l.mu.Lock()
	lines, n := l.lines, l.inSecond
	l.lines, l.inSecond = nil, 0
	l.mu.Unlock()
	if len(lines) == 0 {
		return
	}
	err := l.append(lines)
	l.mu.Lock()
	l.err = err
	if err != nil {
		l.unwritten += uint64(n)
	}
	l.mu.Unlock()
}

func (l *Log) append(lines []byte) error {
	if l.size > 0 && l.size+len(lines) > l.o.FileSize {
		if err := l.rotate(); err != nil {
			return fmt.Errorf("rotate security log: %w", err)
		}
	}
	n, err := l.file.Write(lines)
	l.size += n
	if err != nil {
		return fmt.Errorf("write security log: %w", err)
	}
	return nil
}

func (l *Log) rotate() error {
	for i := l.o.Files - 1; i > 0; i-- {
		from := l.path
		if i > 1 {
			from += "." + strconv.Itoa(i-1)
		}
		if err := os.Rename(from, l.path+"."+strconv.Itoa(i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if l.o.Files == 1 {
		if err := os.Remove(l.path); err != nil {
			return err
		}
	}
	l.file.Close()
	return l.openFile()
}

// Close writes what waits and closes the file.
func (l *Log) Close() error {
	l.once.Do(func() { close(l.stop) })
	<-l.gone
	return l.file.Close()
}
