package rest

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"santral/api"
)

// How many requests somebody may make: so many a second over time, and so many at once. It is far more than a program
// needs, and little enough that one can't keep others out. Who is nobody is counted by its address.
var (
	rateOfRoot   = rate{1000, 5000}
	rateOfKnown  = rate{200, 1000}
	rateOfNobody = rate{20, 200}
)

// mostRated is how many are counted at once.
const mostRated = 20000

type rate struct{ second, burst float64 }

type bucket struct {
	left float64
	at   time.Time
}

// rates counts requests.
type rates struct {
	mu   sync.Mutex
	have map[string]*bucket
}

// take counts a request; when it is too many, it tells when the next may come.
func (l *rates) take(key string, r rate, now time.Time) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.have == nil {
		l.have = map[string]*bucket{}
	}
	b := l.have[key]
	if b == nil {
		if len(l.have) >= mostRated {
			l.makeRoomLocked(now)
		}
		b = &bucket{left: r.burst, at: now}
		l.have[key] = b
	}
	b.left = min(r.burst, b.left+now.Sub(b.at).Seconds()*r.second)
	b.at = now
	if b.left < 1 {
		return time.Duration((1 - b.left) / r.second * float64(time.Second))
	}
	b.left--
	return 0
}

// makeRoomLocked forgets who has been quiet for a minute, and where all are loud, some.
func (l *rates) makeRoomLocked(now time.Time) {
	for key, b := range l.have {
		if now.Sub(b.at) > time.Minute {
			delete(l.have, key)
		}
	}
	for key := range l.have { // in no order
		if len(l.have) < mostRated*9/10 {
			return
		}
		delete(l.have, key)
	}
}

// judge counts a request of somebody.
func (l *rates) judge(who api.Identity, source netip.Addr) *api.Denial {
	key, r := "nobody "+source.String(), rateOfNobody
	switch who.Kind {
	case "":
		if p, err := source.Prefix(64); err == nil && source.Is6() {
			key = "nobody " + p.String()
		}
	case "root":
		key, r = "root", rateOfRoot
	case "session": // all of one person's together
		key, r = "session "+who.Home()+"/"+who.Name, rateOfKnown
	default:
		key, r = who.Kind+" "+who.ID, rateOfKnown
	}
	if wait := l.take(key, r, time.Now()); wait > 0 {
		return &api.Denial{Status: http.StatusTooManyRequests, Text: "too many requests: wait as long as Retry-After says, and ask less often; events tell what changes without asking", After: wait}
	}
	return nil
}
