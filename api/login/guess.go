package login

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"santral/api"
)

// How guessing is slowed down. A source that guesses is told to come again later, for longer and longer. A user who is
// guessed at from many sources makes everybody wait a little who tries to be that user, the right one too, but is never
// locked: else whoever wants somebody kept out need only guess. From where the user signed in before nobody waits.
const (
	freeGuesses   = 5 // wrong ones that cost nothing
	forget        = 15 * time.Minute
	longestPause  = time.Minute
	longestDelay  = time.Second
	firstDelay    = 50 * time.Millisecond
	codesPause    = 15 * time.Minute // the longest for codes of a second factor: who guesses those has the password
	mostGuessers  = 10000            // sources and users that are kept in mind
	mostDelayed   = 256              // requests that may wait at once
	guesserPrefix = 64               // of IPv6: one customer's
)

// guessing counts wrong tries, of sources and of users.
type guessing struct {
	mu      sync.Mutex
	tries   map[string]*tries
	delayed chan struct{}
}

type tries struct {
	wrong int
	last  time.Time
	until time.Time // nothing is tried before
}

func newGuessing() guessing {
	return guessing{tries: map[string]*tries{}, delayed: make(chan struct{}, mostDelayed)}
}

// sourceKey is what a source counts as.
func sourceKey(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.Prefix(guesserPrefix); err == nil {
			return "source " + p.String()
		}
	}
	return "source " + a.String()
}

func userKey(tenantID, user string) string { return "user " + tenantID + "/" + user }
func codeKey(tenantID, user string) string { return "code " + tenantID + "/" + user }

// pause tells how long nothing may be tried, of a source or of somebody's codes.
func (g *guessing) pause(key string, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t := g.tries[key]; t != nil && now.Before(t.until) {
		return t.until.Sub(now)
	}
	return 0
}

// delay tells how long a try to be a user waits.
func (g *guessing) delay(key string, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.tries[key]
	if t == nil || now.Sub(t.last) > forget || t.wrong < freeGuesses {
		return 0
	}
	return min(firstDelay<<min(t.wrong-freeGuesses, 10), longestDelay)
}

// failed counts a wrong try; above those that are free nothing may be tried for a while, which doubles up to most.
func (g *guessing) failed(key string, now time.Time, most time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.tries[key]
	if t == nil {
		if len(g.tries) >= mostGuessers {
			g.makeRoomLocked(now)
		}
		t = &tries{}
		g.tries[key] = t
	}
	if now.Sub(t.last) > forget {
		t.wrong = 0
	}
	t.wrong++
	t.last = now
	if most > 0 && t.wrong >= freeGuesses {
		t.until = now.Add(min(time.Second<<min(t.wrong-freeGuesses, 16), most))
	}
}

// passed forgets what was wrong before.
func (g *guessing) passed(keys ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, key := range keys {
		delete(g.tries, key)
	}
}

// makeRoomLocked forgets those that have been quiet, and where all are loud, some.
func (g *guessing) makeRoomLocked(now time.Time) {
	for key, t := range g.tries {
		if now.Sub(t.last) > forget {
			delete(g.tries, key)
		}
	}
	for key := range g.tries { // in no order
		if len(g.tries) < mostGuessers*9/10 {
			return
		}
		delete(g.tries, key)
	}
}

// later is the denial of who has guessed too much.
func later(d time.Duration) *api.Denial {
	return &api.Denial{Status: http.StatusTooManyRequests, Text: "there were too many wrong tries from your address: wait, and try again with the right password; an administrator can set a new one (santral user password)", After: d}
}
