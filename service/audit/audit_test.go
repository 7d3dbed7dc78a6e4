package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"santral/store"
)

type book struct {
	mu    sync.Mutex
	lines []store.Audit
	away  error
}

func (b *book) AddAudits(_ context.Context, lines []store.Audit) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away == nil {
		b.lines = append(b.lines, lines...)
	}
	return b.away
}
func (b *book) Audits(context.Context, store.AuditFilter, string, int) ([]store.Audit, string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.lines), "", b.away
}
func (b *book) DropAudits(_ context.Context, tenant string, before time.Time) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.lines)
	b.lines = slices.DeleteFunc(b.lines, func(a store.Audit) bool { return a.Tenant == tenant && a.At.Before(before) })
	return int64(n - len(b.lines)), b.away
}
func (b *book) AuditTenants(context.Context) ([]string, error) { return []string{"a", "b"}, b.away }

// Every line is written, in order, though the database was away; what is beyond the bound is said to be lost.
func TestLinesAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &book{}
		l := New(Config{Store: b, Days: func(t string) int { return map[string]int{"a": 1}[t] }})
		l.Note(store.Audit{Tenant: "a", What: "first"})
		if list, _, err := l.Audits(t.Context(), store.AuditFilter{}, "", 10); err != nil || len(list) != 1 || list[0].At.IsZero() {
			t.Errorf("%+v, %v", list, err)
		}
		b.mu.Lock()
		b.away = errors.New("away")
		b.mu.Unlock()
		for i := range mostWaiting + 7 {
			l.Note(store.Audit{Tenant: "b", What: fmt.Sprint(i)})
		}
		time.Sleep(time.Minute)
		b.mu.Lock()
		b.away = nil
		b.mu.Unlock()
		time.Sleep(time.Minute)
		b.mu.Lock()
		if n := len(b.lines); n != 1+mostWaiting+1 || b.lines[1].What != "0" || b.lines[n-2].What != fmt.Sprint(mostWaiting-1) || b.lines[n-1].Note[:2] != "7 " {
			t.Errorf("%d lines, the last %+v", n, b.lines[n-1])
		}
		b.mu.Unlock()
		time.Sleep(25*time.Hour + sweepEvery)
		b.mu.Lock()
		if b.lines[0].Tenant != "b" {
			t.Errorf("kept for longer than a day: %+v", b.lines[0])
		}
		b.mu.Unlock()
		l.Note(store.Audit{Tenant: "a", What: "last"})
		l.Close()
		if b.lines[len(b.lines)-1].What != "last" {
			t.Error("what was noted last is not written")
		}
		if l.Total() != mostWaiting+7+2 {
			t.Errorf("total %d", l.Total())
		}
	})
}
