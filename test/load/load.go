//go:build linux

// Package load is a load generator of our own: it registers, calls, answers and streams at a given
// rate, cheaply enough that one core of it can load one core of an exchange, and counts every
// failure. It speaks only over loopback.
//
// It reads and writes SIP with a few lines of its own, so that a mistake of the exchange's parser is
// not repeated on the other end of the wire. Each run has one loop on one goroutine, which owns the
// sockets, the calls and the streams; there is nothing to lock. What the generator itself drops
// (a full buffer of its own) is counted apart from what the exchange loses.
package load

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// Limits of a run, so that no mistake makes a flood: nothing here sends to another machine, or for
// longer than this.
const (
	MaxRate = 50_000
	MaxTime = 10 * time.Minute
)

// Result is what came of a run.
type Result struct {
	Done    int             // units that came to their good end
	Failed  int             // units that did not
	Why     map[string]int  // failures by what was seen
	Setup   []time.Duration // of each unit, from its first message to its answer
	Elapsed time.Duration
	Resent  int           // requests and answers that had to be sent again
	Own     int           // datagrams that this generator's own sockets lost
	Late    time.Duration // how far the generator was behind its own pace at worst
}

func (r *Result) fail(why string) {
	r.Failed++
	if r.Why == nil {
		r.Why = map[string]int{}
	}
	r.Why[why]++
}

// Percentile gives the p-th percentile (0 to 100) of the set-up times.
func (r *Result) Percentile(p float64) time.Duration {
	if len(r.Setup) == 0 {
		return 0
	}
	slices.Sort(r.Setup)
	return r.Setup[min(len(r.Setup)-1, int(float64(len(r.Setup))*p/100))]
}

// pace tells how many units are due at a rate.
type pace struct {
	rate, count int
	began       time.Time
	started     int
	late        time.Duration
}

func newPace(rate, count int) (*pace, error) {
	if rate <= 0 || rate > MaxRate || count <= 0 || time.Duration(count/rate)*time.Second > MaxTime {
		return nil, fmt.Errorf("a load of %d at %d a second is outside of what this generator does", count, rate)
	}
	return &pace{rate: rate, count: count}, nil
}

// due gives how many units are to be begun by now.
func (p *pace) due(now time.Time) int {
	if p.began.IsZero() {
		p.began = now
	}
	due := min(p.count, 1+int(now.Sub(p.began).Seconds()*float64(p.rate)))
	if p.started < due {
		p.late = max(p.late, now.Sub(p.began)-time.Duration(float64(p.started)/float64(p.rate)*float64(time.Second)))
	}
	return due
}

// patience of a unit: what was not answered is sent again after T1, 2·T1, 4·T1 … (RFC 3261 §17.1.2.2)
// and given up after so many times; what was answered provisionally must be answered for good.
const (
	t1       = 500 * time.Millisecond
	t2       = 4 * time.Second
	maxTries = 5
	maxWait  = 20 * time.Second
	checkUp  = 50 * time.Millisecond // how often everything under way is looked at
)

// unit is one registration or call that is under way.
type unit struct {
	began time.Time
	text  []byte // what is sent again until it is answered; nil while nothing is
	sent  time.Time
	tries int
	phase phase
	line  int // of a call over TLS: its number
	place int // in the list of those under way, counted from 1; 0 when it is not there
}

// again says whether the unit's text is due again.
func (u *unit) again(now time.Time) bool {
	return u.text != nil && now.Sub(u.sent) >= min(t2, t1<<u.tries)
}

// lost says whether nobody will answer any more.
func (u *unit) lost(now time.Time) bool {
	if u.text == nil {
		return now.Sub(u.sent) > maxWait
	}
	return u.tries >= maxTries
}

func (u *unit) say(text []byte, now time.Time) { u.text, u.sent, u.tries = text, now, 0 }

// phase is what a unit waits for.
type phase uint8

const (
	unknown     phase = iota
	challenged        // REGISTER sent, its challenge expected
	registering       // the challenge is answered
	inviting          // INVITE sent
	talking           // the call is answered
	leaving           // BYE sent
	over
)

func (p phase) String() string {
	return [...]string{"unknown", "challenged", "registering", "inviting", "talking", "leaving", "over"}[min(p, over)]
}

// anyPort is where a run opens its own socket.
var anyPort = netip.MustParseAddrPort("127.0.0.1:0")

// under is the list of units under way.
type under struct{ units []*unit }

func (l *under) add(u *unit) {
	l.units = append(l.units, u)
	u.place = len(l.units)
}

func (l *under) remove(u *unit) {
	if u.place == 0 {
		return
	}
	last := l.units[len(l.units)-1]
	l.units[u.place-1], last.place = last, u.place
	l.units = l.units[:len(l.units)-1]
	u.place = 0
}

// number reads a unit's number out of the Call-ID that its run gave it.
func number(callID []byte, prefix string, count int) (int, bool) {
	rest, ok := bytes.CutPrefix(callID, []byte(prefix))
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(string(rest))
	return n, err == nil && n >= 0 && n < count
}

// prefix makes the Call-IDs of a run different from those of every other run.
func prefix(of string) string { return of + strconv.FormatInt(time.Now().UnixNano(), 36) + "x" }

func loopback(addrs ...netip.AddrPort) error {
	for _, a := range addrs {
		if !a.Addr().IsLoopback() || !a.Addr().Is4() {
			return fmt.Errorf("load runs over IPv4 loopback only, not to %s", a)
		}
	}
	return nil
}
