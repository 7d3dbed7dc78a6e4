// Package guess bounds how often a secret may be guessed. Whoever has had as many wrong ones as are allowed waits before the
// next, each time twice as long.
//
// What lives here is the count; who asks, and what it is that is guessed, lives where it is asked.
package guess

import (
	"sync"
	"time"
)

// Tries counts wrong guesses by key: an account, a tenant. Its zero value is ready, and it is safe for concurrent use.
type Tries struct {
	mu    sync.Mutex // a leaf
	wrong map[string]*wrong
}

type wrong struct {
	n     int
	last  time.Time
	until time.Time
}

// Of wrong ones: the first wait and the longest; when they are forgotten, and how many keys are remembered.
const (
	firstWait   = time.Minute
	longestWait = time.Hour
	forgotten   = 24 * time.Hour
	remembered  = 10_000
)

// Waits tells whether one of the keys must wait.
func (t *Tries) Waits(now time.Time, keys ...string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.waitsLocked(now, keys...)
}

func (t *Tries) waitsLocked(now time.Time, keys ...string) bool {
	for _, key := range keys {
		if w := t.wrong[key]; w != nil && now.Before(w.until) {
			return true
		}
	}
	return false
}

// Guess judges one guess of a key, of which allowed may be wrong at a time: right tells whether it is right, and is not
// asked while the key waits. Guesses that come at once are judged one after another.
func (t *Tries) Guess(now time.Time, key string, allowed int, right func() bool) (ok, waits bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waitsLocked(now, key) {
		return false, true
	}
	if right() {
		delete(t.wrong, key)
		return true, false
	}
	t.failedLocked(now, key, allowed)
	return false, false
}

// Failed counts a wrong one, of which allowed are allowed at a time.
func (t *Tries) Failed(now time.Time, key string, allowed int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failedLocked(now, key, allowed)
}

func (t *Tries) failedLocked(now time.Time, key string, allowed int) {
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
func (t *Tries) shrinkLocked(now time.Time) {
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

// Passed forgets the wrong ones of a key.
func (t *Tries) Passed(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.wrong, key)
}
