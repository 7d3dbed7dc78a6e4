// Package route answers where a call goes. It is pure: a look-up on an immutable snapshot, with no
// state, no clock and no database of its own.
//
// A file for each question: who asks and what is meant (question), emergencies, numbers inside, what comes from outside
// (inbound), rights (class), ways out (outbound, ways), whom the callee sees (present), and why (explain, say). What those
// questions need ready is made of a tenant once (desk).
package route

import (
	"sync"
	"sync/atomic"
	"time"

	"santral/call"
	"santral/tenant"
)

// Features maps a code that people dial to the service that answers it.
var Features = map[string]string{
	"*43": "echo",
	"*44": "time",
	"*45": "playback",
	"*46": "line",
	"*60": "readback",
	"*77": "prompts",
}

// Codes before a number that hold for this one call. On fixed networks a star begins something, a hash ends it.
const (
	HideCode = "*31#" // the caller's number is kept from the callee
	ShowCode = "#31#" // it is shown, though it is withheld otherwise
)

// Services that a call goes to for another sake than a feature code.
const (
	Conference = "conference" // Number is the room's
	Group      = "group"      // Of is its id
	PIN        = "pin"        // Number is what was dialled; asked again with Party.Proved once the PIN was right
)

// Quality tells how a trunk did in the last 15 minutes.
type Quality interface {
	// Quality gives the share of attempts that were answered, the mean MOS of its calls (0 for unknown), and of how
	// many attempts that is.
	Quality(tenant, trunk string) (asr, mos float64, calls int)
}

// Plan routes calls by the snapshot that is current when each begins.
type Plan struct {
	current *atomic.Pointer[tenant.Snapshot]
	quality Quality

	mu      sync.Mutex // held while made is made
	made    atomic.Pointer[house]
	planned atomic.Pointer[house] // of a snapshot that is asked about and not current
}

// NewPlan makes a plan over the current snapshot, which whoever owns configuration swaps.
func NewPlan(current *atomic.Pointer[tenant.Snapshot]) *Plan { return &Plan{current: current} }

// Judge has a plan ask how trunks do. It is called before the first call.
func (p *Plan) Judge(q Quality) { p.quality = q }

// Prepare makes ready what calls will ask of a snapshot, so that the first of them does not wait. It is called before the
// snapshot becomes the current one.
func (p *Plan) Prepare(s *tenant.Snapshot) { p.of(s) }

// Route gives the destination of what a party of a tenant dialled (call.Router). What other tenants have inside is unknown
// here. A call that came by a carrier never leaves again by another, so that nobody telephones at another's expense.
func (p *Plan) Route(from call.Party, dialled string, at time.Time) call.Destination {
	q := question{house: p.house(p.current.Load()), quality: p.quality, from: from, dialled: dialled, at: at}
	return q.answer()
}

// house gives what is ready of the current snapshot. Until another is the current one, what is ready of that waits aside, so
// that calls of this one don't make theirs again.
func (p *Plan) house(s *tenant.Snapshot) *house {
	if h := p.made.Load(); h != nil && h.of == s {
		return h
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.made.Load()
	if old != nil && old.of == s {
		return old
	}
	if old != nil && s.Revision < old.of.Revision { // a call that began to ask just before the change
		return newHouse(s, old)
	}
	h := p.planned.Load()
	if h == nil || h.of != s {
		h = newHouse(s, old)
	} else {
		p.planned.CompareAndSwap(h, nil)
	}
	p.made.Store(h)
	return h
}

// Digits gives what was dialled without visual separators and with ASCII digits (tenant.Dialled).
func Digits(dialled string) string { return tenant.Dialled(dialled) }
