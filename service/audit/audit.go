// Package audit keeps who did what: lines are handed over by whoever does something, and written by one goroutine in small
// batches, so that nobody waits for the database. While that is away lines are kept in memory, up to a bound; what is lost
// beyond it is counted, and said in a line of its own. How long lines stay is said by the documents (tenant.Retention).
package audit

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"santral/store"
)

// Bounds of what waits to be written.
const (
	mostWaiting = 50000
	batch       = 500
	writeEvery  = 200 * time.Millisecond
	retryEvery  = 2 * time.Second
	sweepEvery  = time.Hour
	storeTime   = 30 * time.Second
)

// Config is what a Log stands on.
type Config struct {
	Store  store.Audits
	Days   func(tenantID string) int // how long lines of a tenant stay; 0 for ever
	Logger *slog.Logger
}

// Log keeps who did what. It is safe for concurrent use.
type Log struct {
	config Config

	mu      sync.Mutex
	waiting []store.Audit
	lost    int
	total   uint64

	wake    chan struct{}
	flushes chan chan struct{}
	stop    chan struct{}
	done    sync.WaitGroup
}

// New makes a Log, which Close ends.
func New(c Config) *Log {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	l := &Log{config: c, wake: make(chan struct{}, 1), flushes: make(chan chan struct{}), stop: make(chan struct{})}
	l.done.Go(l.run)
	return l
}

// Close writes what waits, and ends.
func (l *Log) Close() {
	close(l.stop)
	l.done.Wait()
}

// Note hands a line over, and never waits.
func (l *Log) Note(a store.Audit) {
	if a.At.IsZero() {
		a.At = time.Now()
	}
	a.At = a.At.UTC().Truncate(time.Millisecond)
	l.mu.Lock()
	if l.total++; len(l.waiting) < mostWaiting {
		l.waiting = append(l.waiting, a)
	} else {
		l.lost++
	}
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Total is how many lines were handed over.
func (l *Log) Total() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}

// Audits implements the reading side of store.Audits: what was handed over before is in it, unless the database is away.
func (l *Log) Audits(ctx context.Context, filter store.AuditFilter, cursor string, limit int) ([]store.Audit, string, error) {
	done := make(chan struct{})
	select {
	case l.flushes <- done:
		<-done
	case <-l.stop:
	case <-ctx.Done():
	}
	return l.config.Store.Audits(ctx, filter, cursor, limit)
}

func (l *Log) run() {
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	pause := time.NewTimer(0)
	<-pause.C
	defer pause.Stop()
	for {
		select {
		case <-l.stop:
			l.write()
			return
		case done := <-l.flushes:
			l.write()
			close(done)
		case <-sweep.C:
			l.forget()
		case <-l.wake:
			pause.Reset(writeEvery)
		case <-pause.C:
			if !l.write() {
				pause.Reset(retryEvery)
			}
		}
	}
}

// write writes what waits; false when it could not.
func (l *Log) write() bool {
	for {
		l.mu.Lock()
		lines := l.waiting[:min(batch, len(l.waiting))]
		if l.lost > 0 && len(lines) < batch && len(lines) == len(l.waiting) {
			lines = append(lines[:len(lines):len(lines)], store.Audit{
				At: time.Now().UTC().Truncate(time.Millisecond), Tenant: "operator", What: "audit-lost", Status: 500,
				Note: fmt.Sprintf("%d lines are lost: the database was away for too long", l.lost),
			})
		}
		taken, told := min(batch, len(l.waiting)), len(lines) > min(batch, len(l.waiting))
		lost := l.lost
		l.mu.Unlock()
		if len(lines) == 0 {
			return true
		}
		ctx, stop := context.WithTimeout(context.Background(), storeTime)
		err := l.config.Store.AddAudits(ctx, lines)
		stop()
		if err != nil {
			l.config.Logger.Error("the audit can't be written; its lines are kept until it can", "error", err)
			return false
		}
		l.mu.Lock()
		l.waiting = l.waiting[taken:]
		if told {
			l.lost -= lost
		}
		if len(l.waiting) == 0 {
			l.waiting = nil
		}
		l.mu.Unlock()
	}
}

// forget takes out what is older than the documents say.
func (l *Log) forget() {
	ctx, stop := context.WithTimeout(context.Background(), storeTime)
	defer stop()
	tenants, err := l.config.Store.AuditTenants(ctx)
	for _, t := range tenants {
		if days := l.config.Days(t); days > 0 && err == nil {
			_, err = l.config.Store.DropAudits(ctx, t, time.Now().AddDate(0, 0, -days))
		}
	}
	if err != nil {
		l.config.Logger.Warn("old lines of the audit can't be taken out yet", "error", err)
	}
}
