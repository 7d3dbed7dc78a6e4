// Package recording keeps recordings: it says which calls are recorded, opens their files, brings them whole to where they
// stay, tells the ledger of them, and gives them out again.
//
// What lives here is the way of a recording: from the spool, a folder of this machine into which sound is written while it
// is heard, to a store of blobs, which may be far away (decision 035). How sound lies in a file is media/recorder's
// business, when it is recorded call/control's, the rows of recordings service/cdr's. An [Archive] owns the spool. Nothing
// that a call asks of it waits: files are finished and filed by goroutines of the archive's own.
package recording

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"filippo.io/age"

	"santral/base/id"
	"santral/call"
	"santral/media/recorder"
	"santral/store"
	"santral/tenant"
)

// Config is what an archive is made of. Folder, Blobs, Rows, Ledger, Current and Random are required.
type Config struct {
	Folder  string // the spool
	Blobs   store.Blobs
	Rows    store.Recordings
	Ledger  call.Ledger
	Current func() *tenant.Snapshot
	Random  *id.Source

	Format     recorder.Format
	Rate       int             // Hz; 0 for 8000
	Seal       []age.Recipient // nil: recordings lie as they are
	Identities []age.Identity  // open those that are sealed; nil: nobody here can

	Floor   Floor
	Most    int                                                 // recordings at once; 0 for 1000
	Longest time.Duration                                       // one of them; 0 for 6 h
	Look    time.Duration                                       // how often the disk is looked at; 0 for 5 s
	Space   func(folder string) (free, total uint64, err error) // nil for Disk
	Alarmed func(what Alarm, err error)                         // err is nil when it is over; nil for nobody
	Failed  func(what string, r *call.Recorded, err error)      // something that no alarm says; nil for nobody
}

// Defaults and bounds.
const (
	DefaultMost    = 1000
	DefaultLongest = 6 * time.Hour
	looking        = 5 * time.Second
	hands          = 4  // goroutines that finish and file
	askers         = 16 // that look for rows: each may wait for the fold, and they wait for the same one
	mostSegments   = 200
	firstPause     = time.Second // before filing is tried again; it doubles
	longestPause   = 5 * time.Minute
	rowTime        = 10 * time.Second // how long the database may take to say whether there is a row
)

// Why no recording begins.
var (
	ErrNoRoom = errors.New("no recording can begin: the disk is nearly full")
	ErrMany   = errors.New("no recording can begin: too many are going on")
	ErrClosed = errors.New("no recording can begin: the exchange is ending")
)

// Archive keeps recordings. Make it with Open; it is safe for concurrent use.
type Archive struct {
	c       Config
	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	workers sync.WaitGroup
	jobs    jobs // files that are to be finished and filed
	asks    jobs // rows that are to be looked for
	clerk   clerk
	free    atomic.Uint64

	mu     sync.Mutex // a leaf
	open   map[*tape]bool
	beside int // that are not open yet, or closed and not whole yet
	late   int // that could not be filed, and wait
	up     [alarms]bool
	closed bool
	stats  Stats
}

var _ call.Archive = (*Archive)(nil)

// Stats is how an archive is doing.
type Stats struct {
	Open    int // recordings that are going on
	Waiting int // that are to be finished or filed
	Begun   uint64
	Filed   uint64
	Torn    uint64 // of the filed ones: finished after a crash
	NoRoom  uint64 // refused because the disk is nearly full
	Many    uint64 // refused because too many were going on
	Octets  uint64 // filed
	Lost    time.Duration
	Free    uint64 // octets of the spool's disk
	Alarms  [alarms]bool
}

// Open opens the spool, and sees to what an earlier process left in it: recordings that its end cut are finished, and
// what is whole is filed, in the background.
func Open(c Config) (*Archive, error) {
	if c.Most <= 0 {
		c.Most = DefaultMost
	}
	if c.Longest <= 0 {
		c.Longest = DefaultLongest
	}
	if c.Look <= 0 {
		c.Look = looking
	}
	if c.Space == nil {
		c.Space = Disk
	}
	if err := os.MkdirAll(c.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("open the spool of recordings: %w", err)
	}
	a := &Archive{c: c, open: map[*tape]bool{}}
	a.ctx, a.stop = context.WithCancel(context.Background())
	a.jobs.wake.L, a.asks.wake.L, a.clerk.wake.L = &a.jobs.mu, &a.asks.mu, &a.clerk.mu
	left, err := a.left()
	if err != nil {
		a.stop()
		return nil, err
	}
	a.look()
	a.workers.Add(hands + askers + 2)
	for range hands {
		go a.work(&a.jobs)
	}
	for range askers {
		go a.work(&a.asks)
	}
	go a.clerk.run(a)
	go a.watch()
	for _, n := range left {
		a.jobs.later(func() { a.takeUp(n) })
	}
	return a, nil
}

// Wants is as call.Archive says: the policy of either party is enough. Who has no account here, such as a caller from
// outside, has no policy; when neither has one, the tenant's own applies.
func (a *Archive) Wants(from, to call.Party) bool {
	now := a.c.Current()
	if from.Account == "" && to.Account == "" {
		return now.Records(from.Tenant, "")
	}
	wants := func(p call.Party) bool { return p.Account != "" && now.Records(p.Tenant, p.Account) }
	return wants(from) || wants(to)
}

// Begin is as call.Archive says.
func (a *Archive) Begin(about call.About) (call.Tape, error) {
	now := time.Now()
	if about.Most <= 0 || about.Most > a.c.Longest {
		about.Most = a.c.Longest
	}
	t := &tape{a: a, note: note{
		Tenant: about.Tenant, Account: about.Account, Call: about.Call,
		Recorded: call.Recorded{
			Name: newName(a.c.Random, now, a.c.Format, a.c.Seal != nil), Kind: about.Kind, Began: now.UTC().Truncate(time.Microsecond),
			Media: a.c.Format.String(), Sealed: a.c.Seal != nil,
		},
	}}
	if _, err := keyOf(about.Tenant, t.note.Name); err != nil {
		return nil, fmt.Errorf("no recording can begin: %q is no tenant", about.Tenant)
	}
	if err := a.admit(); err != nil {
		return nil, err
	}
	rec, err := recorder.Create(recorder.Options{
		Path: a.spool(t.note.Tenant, t.note.Name), Channels: about.Channels, Rate: a.c.Rate, Format: a.c.Format, Seal: a.c.Seal, Most: about.Most,
		Fault: func(err error) { a.alarm(BadDisk, err) },
	})
	t.rec = rec
	a.mu.Lock()
	closed := a.closed
	a.beside--
	if err == nil {
		a.stats.Begun++
		a.open[t] = true
	}
	a.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("no recording can begin: %w", err)
	}
	if closed { // meanwhile, and nobody else closes it
		t.Close(nil)
		return nil, ErrClosed
	}
	a.clerk.write(t)
	return t, nil
}

// admit counts a recording in, if there is room for it.
func (a *Archive) admit() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.closed:
		return ErrClosed
	case a.up[NoRoom]:
		a.stats.NoRoom++
		return ErrNoRoom
	case len(a.open)+a.beside >= a.c.Most:
		a.stats.Many++
		return ErrMany
	}
	a.beside++
	return nil
}

// Stats tells how the archive is doing.
func (a *Archive) Stats() Stats {
	waiting := a.jobs.count() + a.asks.count()
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.stats
	s.Open, s.Waiting, s.Free, s.Alarms = len(a.open), waiting, a.free.Load(), a.up
	return s
}

// Close ends recordings that are going on, and finishes and files what it can until ctx ends. The rest is finished and
// filed at the next start.
func (a *Archive) Close(ctx context.Context) error {
	a.mu.Lock()
	a.closed = true
	var open []*tape
	for t := range a.open {
		open = append(open, t)
	}
	a.mu.Unlock()
	for _, t := range open {
		t.Close(nil)
	}
	err := a.jobs.idle(ctx)
	if err == nil {
		err = a.asks.idle(ctx)
	}
	a.stop()
	a.jobs.close()
	a.asks.close()
	a.clerk.close()
	done := make(chan struct{})
	go func() {
		a.workers.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("recordings that are not filed yet wait for the next start: %w", err)
	}
	return nil
}
