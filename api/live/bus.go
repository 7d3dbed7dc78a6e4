// Package live tells what happens to whoever listens, while it happens: over Server-Sent Events and over WebSocket.
//
// What lives here: the bus that numbers events and keeps the last of them, listeners with their bounded queues, the two ways
// to them. What does not live here: where events come from (server), how webhooks get theirs (hook), who may listen (login).
//
// The bus has one goroutine, which makes events out of what it is told; whoever tells never waits. The ring and the listeners
// are behind one leaf lock.
package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"santral/api"
)

// Bounds of the bus.
const (
	mostTodo     = 8192     // things that were told and are not yet events
	ringEvents   = 8192     // events that are kept for who comes back
	ringOctets   = 32 << 20 // of their data as JSON, as far as that was made
	mostWaiting  = 1024     // events that wait for one listener
	mostOfOne    = 16       // listeners of one identity
	mostOfAll    = 2000     // listeners
	reserve      = 100_000  // numbers that are taken from the file at once
	sleepy       = 10 * time.Minute
	maxEventSize = 256 << 10 // octets of one event; what is larger is told without its data
)

// Why a listener gets no more, or is not let in.
var (
	ErrSlow    = errors.New("more events waited than are kept for one listener: read faster, ask for fewer types, or come back with the last id")
	ErrRevoked = errors.New("the token or session is no longer good")
	ErrClosed  = errors.New("the exchange ends")
	ErrMany    = errors.New("too many listeners: close those that are no longer needed")
)

// Config is what a Bus needs.
type Config struct {
	File    string             // where the numbers of events are kept over restarts
	Wake    func()             // called on the bus's goroutine before the first event after a time without listeners
	Always  func() bool        // reports that somebody listens always (webhooks); nil for nobody
	Also    func(e *api.Event) // gets every event besides, on the bus's goroutine; it must not block. nil for nobody
	Origins []string           // hosts of pages from elsewhere whose scripts may connect by WebSocket
	Log     *slog.Logger
}

// Bus numbers events, keeps the last and gives them to listeners. It is safe for concurrent use.
type Bus struct {
	cfg   Config
	todo  chan func()
	lost  atomic.Uint64 // told while todo was full
	awake atomic.Bool
	stop  context.CancelFunc
	done  chan struct{}

	mu        sync.Mutex // a leaf: guards what follows
	next      uint64     // number of the next event
	reserved  uint64     // numbers below are ours
	base      uint64     // events behind this number are in the ring, or were never there
	ring      []*entry
	octets    int
	listeners map[*Listener]struct{}
	of        map[string]int // listeners by identity
	sleep     *time.Timer
	closed    bool
	told      uint64 // events
	dropped   uint64 // listeners that were too slow
	missed    uint64 // of lost, those that listeners were told of
}

// entry is an event with its JSON, which is made once, by whoever needs it first.
type entry struct {
	api.Event
	once sync.Once
	text []byte
}

// JSON gives the event as it is told.
func (e *entry) JSON() []byte {
	e.once.Do(func() {
		text, err := json.Marshal(&e.Event)
		if err != nil || len(text) > maxEventSize {
			bare := e.Event
			bare.Data = nil
			text, _ = json.Marshal(&bare)
		}
		e.text = text
	})
	return e.text
}

// Open begins a bus.
func Open(cfg Config) (*Bus, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Always == nil {
		cfg.Always = func() bool { return false }
	}
	b := &Bus{cfg: cfg, todo: make(chan func(), mostTodo), done: make(chan struct{}), listeners: map[*Listener]struct{}{}, of: map[string]int{}}
	text, err := os.ReadFile(cfg.File)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read the number of the last event: %w", err)
	}
	if len(text) > 0 {
		if b.next, err = strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64); err != nil {
			return nil, fmt.Errorf("read the number of the last event in %s: %w", cfg.File, err)
		}
	}
	b.next++
	b.base, b.reserved = b.next, b.next
	ctx, stop := context.WithCancel(context.Background())
	b.stop = stop
	go b.run(ctx)
	b.Look()
	return b, nil
}

// Close ends the bus and all listeners.
func (b *Bus) Close() {
	b.awake.Store(false)
	b.stop()
	<-b.done
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.sleep != nil {
		b.sleep.Stop()
	}
	for l := range b.listeners {
		b.endLocked(l, ErrClosed)
	}
}

// Awake reports that somebody listens, or has lately: what happens is worth telling.
func (b *Bus) Awake() bool { return b != nil && b.awake.Load() }

// Do has the bus's goroutine make events of something, by [Bus.Tell]. It never waits: where too much waits already, what was to
// be told is lost, and listeners are told that there is a gap.
func (b *Bus) Do(make func()) {
	select {
	case b.todo <- make:
	default:
		b.lost.Add(1)
	}
}

// Look has the bus see anew whether somebody listens always.
func (b *Bus) Look() {
	if b.cfg.Always() {
		b.rouse()
	}
}

// rouse begins to make events.
func (b *Bus) rouse() {
	if b.awake.Swap(true) {
		return
	}
	b.mu.Lock()
	b.next++ // what has happened meanwhile is a gap for who comes back
	b.base = b.next
	b.mu.Unlock()
	if b.cfg.Wake != nil {
		b.Do(b.cfg.Wake)
	}
}

// doze ends the making of events when nobody listens any longer.
func (b *Bus) doze() {
	always := b.cfg.Always()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.listeners) == 0 && !always && !b.closed {
		b.awake.Store(false)
		b.ring, b.octets, b.base = nil, 0, b.next
	}
}

func (b *Bus) run(ctx context.Context) {
	defer close(b.done)
	var lost uint64
	for {
		select {
		case <-ctx.Done():
			return
		case make := <-b.todo:
			if n := b.lost.Load(); n != lost {
				b.gap(n - lost)
				lost = n
			}
			b.guarded(make)
		}
	}
}

// guarded keeps a fault in the making of one event from ending all others.
func (b *Bus) guarded(make func()) {
	defer func() {
		if p := recover(); p != nil {
			b.cfg.Log.Error("an event is not told", "fault", p)
		}
	}()
	make()
}

// Tell numbers an event and gives it to those who want it. It is called on the bus's goroutine alone. Its data belongs to the
// bus from then on.
func (b *Bus) Tell(e api.Event) {
	n := &entry{Event: e}
	if n.Time.IsZero() {
		n.Time = time.Now()
	}
	n.Time = n.Time.UTC()
	b.mu.Lock()
	n.ID = b.numberLocked()
	b.told++
	b.keepLocked(n)
	for l := range b.listeners {
		if l.wants(&n.Event) {
			b.giveLocked(l, n)
		}
	}
	b.mu.Unlock()
	if b.cfg.Also != nil {
		b.cfg.Also(&n.Event)
	}
}

// numberLocked takes the next number. Those of a process that crashed are never given again: they are taken from the file first.
func (b *Bus) numberLocked() uint64 {
	if b.next >= b.reserved {
		upto := b.next + reserve
		if err := os.WriteFile(b.cfg.File+".new", []byte(strconv.FormatUint(upto, 10)+"\n"), 0o600); err != nil {
			b.cfg.Log.Error("keep the number of the last event", "error", err)
		} else if err := os.Rename(b.cfg.File+".new", b.cfg.File); err != nil {
			b.cfg.Log.Error("keep the number of the last event", "error", err)
		}
		b.reserved = upto
	}
	n := b.next
	b.next++
	return n
}

// size is what an event is counted as in the ring: its JSON is often never made.
const size = 1 << 10

func (b *Bus) keepLocked(n *entry) {
	b.ring = append(b.ring, n)
	b.octets += size
	drop := 0
	for len(b.ring)-drop > ringEvents || b.octets > ringOctets {
		b.base = b.ring[drop].ID
		b.octets -= size
		b.ring[drop] = nil
		drop++
	}
	if drop > 0 {
		b.ring = b.ring[drop:]
	}
}

// gap tells everybody that something was lost.
func (b *Bus) gap(n uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.missed += n
	last := b.next - 1
	id := b.numberLocked()
	b.ring, b.octets, b.base = nil, 0, id
	for l := range b.listeners {
		b.giveLocked(l, gapOf(id, last, id+1))
	}
}

func gapOf(id, after, first uint64) *entry {
	return &entry{Event: api.Event{ID: id, Type: api.EventsGap, Time: time.Now().UTC(), Data: api.GapEvent{After: after, First: first}}}
}

// Stats counts what a Bus has done.
type Stats struct {
	Listeners int
	Told      uint64 // events
	Dropped   uint64 // listeners that were too slow
	Lost      uint64 // happenings that never became events
}

// Stats reads the counters.
func (b *Bus) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Stats{Listeners: len(b.listeners), Told: b.told, Dropped: b.dropped, Lost: b.lost.Load()}
}
