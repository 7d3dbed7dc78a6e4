// Package trace keeps the SIP messages of calls and what was decided about them, so that every call has
// its ladder without anything being switched on. Messages arrive from the wire's side and are keyed by their
// SIP Call-ID; which Call-IDs belong to calls that the house took is told by Keep. What nobody keeps is
// forgotten soon, so that a flood of strangers' messages can't wash out the ladders of calls. Secrets are
// masked before anything is written or sent on.
//
// What lives here besides: the ladder as text, the export as pcapng, and the copy to a capture server by
// HEP. The book owns its files: segments in one folder, the oldest removed when there are too many or when
// their time is over. Writing never holds up a call: when the disk is slower than the traffic, messages are
// dropped and counted.
package trace

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of the book.
const (
	segmentSize  = 16 << 20               // octets of a segment file
	segmentCount = 16                     // segments that are kept
	pendingSize  = 4 << 20                // octets that may wait for the disk
	recentIDs    = 4096                   // Call-IDs not yet kept whose messages wait in memory
	recentSize   = 2 << 20                // octets of theirs
	afterEnd     = 35 * time.Second       // how long messages of an ended leg are kept still
	flushEvery   = 500 * time.Millisecond // longest wait before the file has a message
	keepText     = 8 << 20                // greatest buffer that is kept for the next flush
	keepEntries  = 8192                   // greatest list that is kept likewise
	keepFor      = 7 * 24 * time.Hour     // age of the oldest segment
	segmentFor   = 12 * time.Hour         // how long one segment is written to
)

// Entry is one message as it passed the wire, or a decision about a call.
type Entry struct {
	At       time.Time      `json:"at"`
	CallID   string         `json:"call_id"`        // SIP Call-ID; with a decision of the call's own, the call's id
	Out      bool           `json:"out"`            // we sent it
	Local    netip.AddrPort `json:"local,omitzero"` // our address; with a decision there are no addresses, no protocol and no text
	Remote   netip.AddrPort `json:"remote,omitzero"`
	Proto    string         `json:"proto,omitempty"` // "UDP", "TCP", "TLS", "WS", "WSS"
	Text     string         `json:"text,omitempty"`
	Decision string         `json:"decision,omitempty"` // what was decided and why, in words; the entry is no message then
	Call     string         `json:"-"`                  // the call's id, once the book knows it
}

// Book keeps traces. It is safe for concurrent use.
type Book struct {
	folder  string
	dropped atomic.Uint64
	inbox   chan struct{} // wakes the writer
	done    chan struct{}
	closed  chan struct{}

	mu      sync.Mutex
	kept    map[string]string // SIP Call-IDs, and calls' ids for their decisions; the call's id of each
	ended   []ending          // oldest first
	recent  map[string][]Entry
	order   []string // Call-IDs of recent, oldest first
	held    int      // octets in recent
	pending []Entry
	spare   []Entry // what pending was before, for its memory
	waiting int     // octets in pending
	writing sync.Mutex
	file    *os.File
	begun   time.Time // when file was
	size    int64
	number  int
	text    []byte // what was written last, for its memory; under writing
	export  func([]Entry)
}

// Export has everything that is written shown to f besides, masked, in the writer's goroutine: f must not
// wait and must not keep the slice. It is called before anything is added.
func (b *Book) Export(f func([]Entry)) { b.export = f }

// Open opens the book in a folder, which is made if it is missing.
func Open(folder string) (*Book, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("open trace: %w", err)
	}
	b := &Book{
		folder: folder,
		inbox:  make(chan struct{}, 1),
		done:   make(chan struct{}),
		closed: make(chan struct{}),
		kept:   map[string]string{},
		recent: map[string][]Entry{},
	}
	if files := b.segments(); len(files) > 0 {
		fmt.Sscanf(filepath.Base(files[len(files)-1]), "%d", &b.number)
	}
	go b.run()
	return b, nil
}

// Close writes what waits and ends the writer.
func (b *Book) Close() {
	close(b.done)
	<-b.closed
}

// Dropped gives how many messages were not written because the disk was too slow.
func (b *Book) Dropped() uint64 { return b.dropped.Load() }

// Wants reports whether messages of a Call-ID are looked for: because they are kept, or because its
// first message was noted and it may be kept yet.
func (b *Book) Wants(callID string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, kept := b.kept[callID]; kept {
		return true
	}
	_, recent := b.recent[callID]
	return recent
}

// Add notes a message. It never blocks on the disk.
func (b *Book) Add(e Entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if call, kept := b.kept[e.CallID]; kept {
		e.Call = call
		b.queueLocked(e)
		return
	}
	list, known := b.recent[e.CallID]
	if !known {
		b.order = append(b.order, e.CallID)
	}
	b.recent[e.CallID] = append(list, e)
	b.held += e.size()
	for (len(b.order) > recentIDs || b.held > recentSize) && len(b.order) > 0 {
		b.forgetLocked(b.order[0])
		b.order = b.order[1:]
	}
}

// size is what an entry counts for.
func (e *Entry) size() int { return len(e.Text) + len(e.Decision) }

func (b *Book) forgetLocked(callID string) []Entry {
	list := b.recent[callID]
	delete(b.recent, callID)
	for _, e := range list {
		b.held -= e.size()
	}
	return list
}

// Keep says that a Call-ID belongs to a call of the house, and to which: its messages so far and from
// now on are written down.
func (b *Book) Keep(callID, call string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, kept := b.kept[callID]; kept {
		return
	}
	b.kept[strings.Clone(callID)] = call // the map must not hold on to the whole message
	for _, e := range b.forgetLocked(callID) {
		e.Call = call
		b.queueLocked(e)
	}
}

// Decide notes what was decided about a call, which Read gives for the call's own id.
func (b *Book) Decide(call string, at time.Time, words string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queueLocked(Entry{At: at, CallID: call, Decision: words, Call: call})
}

// Release says that a Call-ID's leg has ended. Its last messages may still come, so it is let go
// only after the longest transaction.
func (b *Book) Release(callID string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = append(b.ended, ending{time.Now().Add(afterEnd), callID})
}

// ending is a Call-ID whose leg has ended, and when it is let go.
type ending struct {
	at     time.Time
	callID string
}

// letGoLocked forgets the Call-IDs whose time has come.
func (b *Book) letGoLocked(now time.Time) {
	n := 0
	for n < len(b.ended) && now.After(b.ended[n].at) {
		delete(b.kept, b.ended[n].callID)
		n++
	}
	b.ended = slices.Delete(b.ended, 0, n)
}

func (b *Book) queueLocked(e Entry) {
	if b.waiting+e.size() > pendingSize {
		b.dropped.Add(1)
		return
	}
	b.waiting += e.size()
	b.pending = append(b.pending, e)
	if b.waiting > pendingSize/4 {
		select {
		case b.inbox <- struct{}{}:
		default:
		}
	}
}

func (b *Book) run() {
	defer close(b.closed)
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-b.inbox:
		case <-tick.C:
		case <-b.done:
			b.flush()
			b.writing.Lock()
			defer b.writing.Unlock()
			if b.file != nil {
				b.file.Close()
			}
			return
		}
		b.flush()
	}
}

// flush writes what waits. A write that fails loses its messages, counted: a trace is no record.
func (b *Book) flush() {
	b.writing.Lock()
	defer b.writing.Unlock()
	b.mu.Lock()
	entries := b.pending
	b.pending, b.spare, b.waiting = b.spare, nil, 0
	b.letGoLocked(time.Now())
	if len(b.order) > 2*len(b.recent)+recentIDs {
		b.order = slices.DeleteFunc(b.order, func(id string) bool { _, ok := b.recent[id]; return !ok })
	}
	b.mu.Unlock()
	if len(entries) == 0 {
		b.keepSpare(entries)
		return
	}
	text := b.text[:0]
	for i := range entries {
		entries[i].Text, entries[i].Decision = Mask(entries[i].Text), Mask(entries[i].Decision)
		text = appendEntry(text, entries[i])
	}
	if b.export != nil {
		b.export(entries)
	}
	written := uint64(len(entries))
	b.keepSpare(entries)
	if b.text = text; cap(text) > keepText {
		b.text = nil
	}
	if b.file == nil || b.size+int64(len(text)) > segmentSize || time.Since(b.begun) > segmentFor {
		if err := b.next(); err != nil {
			b.dropped.Add(written)
			return
		}
	}
	n, err := b.file.Write(text)
	b.size += int64(n)
	if err != nil {
		b.dropped.Add(written)
	}
}

// keepSpare gives the memory of entries that are done with to those to come, unless a flood has made it large.
func (b *Book) keepSpare(entries []Entry) {
	clear(entries)
	if cap(entries) <= keepEntries {
		b.mu.Lock()
		b.spare = entries[:0]
		b.mu.Unlock()
	}
}

// next begins a segment and removes the oldest.
func (b *Book) next() error {
	if b.file != nil {
		b.file.Close()
		b.file = nil
	}
	b.number++
	file, err := os.OpenFile(filepath.Join(b.folder, fmt.Sprintf("%08d.trace", b.number)), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("begin trace segment: %w", err)
	}
	b.file, b.begun, b.size = file, time.Now(), 0
	files := b.segments()
	for i, old := range files {
		if i < len(files)-segmentCount || i < len(files)-1 && aged(old) {
			os.Remove(old)
		}
	}
	return nil
}

// aged reports whether nothing was written to a segment for as long as traces are kept.
func aged(segment string) bool {
	st, err := os.Stat(segment)
	return err == nil && time.Since(st.ModTime()) > keepFor
}

func (b *Book) segments() []string {
	files, _ := filepath.Glob(filepath.Join(b.folder, "*.trace"))
	slices.Sort(files)
	return files
}

// Read gives the messages of the given Call-IDs in the order of their times.
func (b *Book) Read(callIDs []string) ([]Entry, error) {
	b.flush()
	want := map[string]bool{}
	for _, id := range callIDs {
		want[id] = true
	}
	var found []Entry
	for _, name := range b.segments() {
		file, err := os.Open(name)
		if err != nil {
			continue // removed meanwhile
		}
		err = readEntries(bufio.NewReaderSize(file, 1<<20), func(e Entry) {
			if want[e.CallID] {
				found = append(found, e)
			}
		})
		file.Close()
		if err != nil {
			return nil, fmt.Errorf("read trace %s: %w", filepath.Base(name), err)
		}
	}
	slices.SortStableFunc(found, func(a, c Entry) int { return a.At.Compare(c.At) })
	return found, nil
}

// An entry stands in a segment as a line "microseconds direction proto local remote call-id length"
// and the message itself with a line end behind it. A decision has the direction "=" and no addresses.
func appendEntry(b []byte, e Entry) []byte {
	direction := byte('<')
	switch {
	case e.Decision != "":
		b = strconv.AppendInt(b, e.At.UnixMicro(), 10)
		b = append(append(append(b, " = - - - "...), e.CallID...), ' ')
		b = strconv.AppendInt(b, int64(len(e.Decision)), 10)
		return append(append(append(b, '\n'), e.Decision...), '\n')
	case e.Out:
		direction = '>'
	}
	b = strconv.AppendInt(b, e.At.UnixMicro(), 10)
	b = append(b, ' ', direction, ' ')
	b = append(append(b, e.Proto...), ' ')
	b = append(e.Local.AppendTo(b), ' ')
	b = append(e.Remote.AppendTo(b), ' ')
	b = append(append(b, e.CallID...), ' ')
	b = strconv.AppendInt(b, int64(len(e.Text)), 10)
	b = append(b, '\n')
	return append(append(b, e.Text...), '\n')
}

// errTorn says that a segment's text is not what appendEntry writes.
var errTorn = errors.New("not a trace segment")

func readEntries(r *bufio.Reader, each func(Entry)) error {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil // the end, or a torn write
		}
		f := strings.Fields(line)
		if len(f) != 7 {
			return errTorn
		}
		micro, err1 := strconv.ParseInt(f[0], 10, 64)
		decision := f[1] == "="
		var local, remote netip.AddrPort
		var err2, err3 error
		if !decision {
			local, err2 = netip.ParseAddrPort(f[3])
			remote, err3 = netip.ParseAddrPort(f[4])
		}
		length, err4 := strconv.Atoi(f[6])
		if errors.Join(err1, err2, err3, err4) != nil || length < 0 || length > pendingSize {
			return errTorn
		}
		text := make([]byte, length+1)
		if _, err := io.ReadFull(r, text); err != nil {
			return nil // a torn write
		}
		if decision {
			each(Entry{At: time.UnixMicro(micro).UTC(), CallID: f[5], Decision: string(text[:length])})
			continue
		}
		each(Entry{At: time.UnixMicro(micro).UTC(), Out: f[1] == ">", Proto: f[2], Local: local, Remote: remote, CallID: f[5], Text: string(text[:length])})
	}
}
