package prompt

import (
	"sync"
	"time"
)

// tries counts wrong PINs. Whoever has had as many as are allowed waits before the next, each time twice as long.
type tries struct {
	mu    sync.Mutex // a leaf
	wrong map[string]*wrong
}

type wrong struct {
	n     int
	last  time.Time
	until time.Time
}

// Of wrong PINs: how many an account may press before it waits, and a tenant's accounts together; the first wait and the
// longest; when they are forgotten, and how many accounts are remembered.
const (
	accountTries = 3
	tenantTries  = 30
	firstWait    = time.Minute
	longestWait  = time.Hour
	forgotten    = 24 * time.Hour
	remembered   = 10_000
)

// waits tells whether one of the keys must wait.
func (t *tries) waits(now time.Time, keys ...string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range keys {
		if w := t.wrong[key]; w != nil && now.Before(w.until) {
			return true
		}
	}
	return false
}

// failed counts a wrong one, of which allowed are allowed at a time.
func (t *tries) failed(now time.Time, key string, allowed int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.wrong[key]
	if w == nil || now.Sub(w.last) > forgotten {
		if t.wrong == nil {
			t.wrong = map[string]*wrong{}
		}
		if len(t.wrong) >= remembered {
			t.shrinkLocked(now)
		}
		w = &wrong{}
		t.wrong[key] = w
	}
	w.n++
	w.last = now
	if w.n%allowed == 0 {
		w.until = now.Add(min(firstWait<<min(w.n/allowed-1, 10), longestWait))
	}
}

// shrinkLocked forgets what is old, or else what is oldest.
func (t *tries) shrinkLocked(now time.Time) {
	oldest := ""
	for key, w := range t.wrong {
		if now.Sub(w.last) > forgotten {
			delete(t.wrong, key)
		} else if oldest == "" || w.last.Before(t.wrong[oldest].last) {
			oldest = key
		}
	}
	if len(t.wrong) >= remembered {
		delete(t.wrong, oldest)
	}
}

// passed forgets the wrong ones of a key.
func (t *tries) passed(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.wrong, key)
}
