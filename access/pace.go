package access

import (
	"sync"
	"time"

	"santral/call"
)

// Pace bounds how often each account may ask for what costs more than an answer: subscribe, publish, send
// a message. A phone with a hundred keys fits; one that asks again without pause does not. It is safe for
// concurrent use, and remembers no more than accounts.
type Pace struct {
	rate, burst float64

	mu   sync.Mutex // a leaf
	used map[account]*bucket
}

// Patient is what accounts may do: 500 at once, 20 a second after that.
func Patient() *Pace { return NewPace(20, 500) }

// NewPace lets every account ask burst times at once and rate times a second after that.
func NewPace(rate, burst float64) *Pace {
	return &Pace{rate: rate, burst: burst, used: map[account]*bucket{}}
}

// Take takes one from an account's allowance and reports whether it was there.
func (p *Pace) Take(who call.Party, now time.Time) bool {
	key := account{who.Tenant, who.Account}
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.used[key]
	if b == nil {
		b = &bucket{}
		p.used[key] = b
	}
	return b.take(1, p.rate, p.burst, now)
}
