package control

import (
	"cmp"
	"slices"
	"time"

	"santral/call"
	"santral/media/session"
)

// Live is one call as it stands now, for lists and the API. It is a copy.
type Live struct {
	ID       call.ID
	From     call.Party
	Dialled  string
	To       string // account, service or trunks that it was routed to, "" while unknown
	ToTenant string // whose that is, "" while unknown
	Presents string // number that whom it reaches is shown as the caller's, "" for the caller's own
	Withheld bool   // whom it reaches is not shown who calls
	State    State
	Began    time.Time
	Answered time.Time // zero before
	Legs     []LiveLeg // the caller's first

	Recording Recording
}

// LiveLeg is one leg of a live call.
type LiveLeg struct {
	ID       call.LegID
	Answered bool
	Over     bool // ended while the call goes on: a device of a fork that did not answer
	Held     bool // its phone holds the other
	Codec    string
	Way      session.Way // how its sound goes to the leg that it is joined with
	Detail   call.LegDetail
	Notices  []call.Notice // what was noticed of its media, the oldest first
}

// Calls lists the calls of now, oldest first. tenant "" means those of all tenants.
func (k *Control) Calls(tenant string) []Live {
	list := []Live{}
	for _, c := range k.all() {
		if l, ok := c.show(); ok && (tenant == "" || c.from.Tenant == tenant) {
			list = append(list, l)
		}
	}
	slices.SortFunc(list, func(a, b Live) int {
		return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// Call shows one call; ok is false when there is none of that id now.
func (k *Control) Call(id call.ID) (l Live, ok bool) {
	if c := k.find(id); c != nil {
		return c.show()
	}
	return Live{}, false
}

// show copies what is known of a call from outside its loop; ok is false when it is over.
func (c *ongoing) show() (l Live, ok bool) {
	c.mu.Lock()
	l = Live{
		ID:       c.id,
		From:     c.from,
		Dialled:  c.dialled,
		To:       c.dest.Account + c.dest.Service + trunkNames(c.dest.Ways),
		ToTenant: c.dest.Tenant,
		Presents: c.dest.Presents,
		Withheld: c.dest.Hidden != call.Show && (c.dest.Hidden == call.Hide || c.traits.Privacy.Withholds()),
		State:    c.state,
		Began:    c.arrived,
		Answered: c.answered,
		Legs:     make([]LiveLeg, 0, len(c.members)),

		Recording: c.recording,
	}
	for _, w := range c.dest.Ways {
		l.ToTenant = w.Tenant
	}
	mixed := c.mixed
	members := c.members[:len(c.members):len(c.members)]
	legs := make([]call.Leg, 0, len(members))
	for _, m := range members {
		legs = append(legs, m.leg)
		l.Legs = append(l.Legs, LiveLeg{ID: m.id, Answered: m.answered, Over: m.over, Held: m.held, Codec: m.codec, Notices: m.notices[:len(m.notices):len(m.notices)]})
	}
	c.mu.Unlock()
	for i, m := range members { // a leg's own lock is not taken under ours
		l.Legs[i].Detail = *m.detail(legs[i].Detail())
		if s := legs[i].Media(); s != nil {
			if l.Legs[i].Way = s.Way(); mixed && !l.Legs[i].Over {
				l.Legs[i].Way = session.Mixed
			}
		}
	}
	return l, l.State < Frozen
}

// Stats counts what a Control has done since it was made.
type Stats struct {
	Live      int    // calls now
	Open      int    // calls now, and those whose end is not yet on disk
	Began     uint64 // calls taken
	Refused   uint64 // calls not taken: no room for their record, or too many at once
	Answered  uint64
	Ended     uint64
	Panics    uint64 // faults of ours that ended one call each
	InboxHigh int    // most events that ever waited in the inbox of a call that has ended
}

// Stats reads the counters.
func (k *Control) Stats() Stats {
	k.mu.Lock()
	live, open := len(k.calls), k.open
	k.mu.Unlock()
	return Stats{
		Live:      live,
		Open:      open,
		Began:     k.began.Load(),
		Refused:   k.refused.Load(),
		Answered:  k.answered.Load(),
		Ended:     k.ended.Load(),
		Panics:    k.panics.Load(),
		InboxHigh: int(k.high.Load()),
	}
}
