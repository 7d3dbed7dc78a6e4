package route

import (
	"cmp"
	"slices"
	"sync/atomic"

	"santral/call"
	"santral/tenant"
)

// line is a route with its ways made ready.
type line struct {
	*tenant.Route
	plus    bool       // its ways are told the number in E.164
	carries bool       // it leads to a carrier, not to PBXs of the tenant alone
	ways    []call.Way // by priority; of those of one, in the order of the document, those with a weight first
	of      []tenant.RouteWay
	chance  bool // which is tried first hangs on weights or percentages
	orders  atomic.Pointer[map[uint64][]call.Way]
}

const (
	mostOrdered = 15  // ways of which orders are kept
	mostOrders  = 720 // orders of one route that are kept
	leastCalls  = 10  // attempts from which on a trunk's quality says something
)

func (l *line) make(r *tenant.Route, t *tenant.Tenant, owner string) {
	l.Route, l.plus = r, r.Prefix != "" && r.Prefix[0] == '+'
	l.of = slices.Clone(r.Ways)
	slices.SortStableFunc(l.of, func(a, b tenant.RouteWay) int {
		if c := cmp.Compare(a.Priority, b.Priority); c != 0 {
			return c
		}
		return cmp.Compare(min(b.Weight, 1), min(a.Weight, 1))
	})
	for i := range l.of {
		w := &l.of[i]
		l.chance = l.chance || w.Weight > 0 || w.Percent > 0
		l.ways = append(l.ways, call.Way{Tenant: owner, Trunk: w.Trunk, Strip: r.Strip, Prepend: r.Prepend, Patience: r.Patience})
		i := slices.IndexFunc(t.Trunks, func(k tenant.Trunk) bool { return k.Name == w.Trunk })
		l.carries = l.carries || i < 0 || !t.Trunks[i].PBX
	}
}

// leads reports whether a route has a way besides the trunk that the call came by.
func (l *line) leads(q *question) bool {
	for i := range l.ways {
		if w := &l.ways[i]; w.Trunk != q.from.Trunk || w.Tenant != q.from.Tenant {
			return true
		}
	}
	return false
}

// order gives the ways of a route as this call tries them: not back to the trunk that it came by; by priority, and of equal
// ones by chance after their weights and percentages; those last that did worse than the route bears. Chance is a hash of the
// call, so that the same question has the same answer.
func (q *question) order(l *line) []call.Way {
	if len(l.ways) > mostOrdered {
		return q.orderMany(l)
	}
	var places [mostOrdered]uint8
	n := q.places(l, places[:0])
	ordered := places[:len(n)]
	key, plain := uint64(0), len(n) == len(l.ways)
	for i, p := range ordered {
		key = key<<4 | uint64(p+1)
		plain = plain && int(p) == i
	}
	if plain {
		return l.ways
	}
	if known := l.orders.Load(); known != nil {
		if ways, ok := (*known)[key]; ok {
			return ways
		}
	}
	ways := make([]call.Way, len(ordered))
	for i, p := range ordered {
		ways[i] = l.ways[p]
	}
	l.keep(key, ways)
	return ways
}

// keep remembers an order.
func (l *line) keep(key uint64, ways []call.Way) {
	for {
		old := l.orders.Load()
		next := map[uint64][]call.Way{key: ways}
		if old != nil {
			if len(*old) >= mostOrders {
				return
			}
			for k, v := range *old {
				next[k] = v
			}
		}
		if l.orders.CompareAndSwap(old, &next) {
			return
		}
	}
}

// orderMany is order for routes of so many ways that their orders are not kept.
func (q *question) orderMany(l *line) []call.Way {
	places := q.places(l, make([]uint8, 0, len(l.ways)))
	ways := make([]call.Way, len(places))
	for i, p := range places {
		ways[i] = l.ways[p]
	}
	return ways
}

// places puts the places of a route's ways in their order behind what is in list.
func (q *question) places(l *line, list []uint8) []uint8 {
	for i := range l.ways {
		if w := &l.ways[i]; w.Trunk != q.from.Trunk || w.Tenant != q.from.Tenant {
			list = append(list, uint8(i))
		}
	}
	if l.chance {
		q.draw(l, list)
	}
	if q.quality != nil && (l.Answered > 0 || l.MOS > 0) {
		q.worseLast(l, list)
	}
	return list
}

// draw puts ways of one priority in an order by chance: each with a weight comes before another as often as its weight says.
func (q *question) draw(l *line, list []uint8) {
	c := q.chance()
	for from := 0; from < len(list); {
		to := from + 1
		for to < len(list) && l.of[list[to]].Priority == l.of[list[from]].Priority {
			to++
		}
		for at := from; at < to; at++ {
			total := 0
			for _, p := range list[at:to] {
				total += l.of[p].Weight
			}
			if total == 0 {
				break // those without a weight stay in their order
			}
			pick := int(c.next() % uint64(total))
			for i := at; i < to; i++ {
				if pick -= l.of[list[i]].Weight; pick < 0 {
					ahead(list, i, at)
					break
				}
			}
		}
		from = to
	}
	q.share(l, list, int(c.next()%100))
}

// share has a way with a percentage be the first for so many calls in a hundred, and for others not.
func (q *question) share(l *line, list []uint8, draw int) {
	others := -1
	for i, p := range list {
		percent := l.of[p].Percent
		if percent == 0 {
			if others < 0 {
				others = i
			}
			continue
		}
		if draw -= percent; draw < 0 {
			ahead(list, i, 0)
			return
		}
	}
	if others > 0 {
		ahead(list, others, 0)
	}
}

// ahead moves an entry to a place before it.
func ahead(list []uint8, from, to int) {
	p := list[from]
	copy(list[to+1:from+1], list[to:from])
	list[to] = p
}

// worseLast puts those ways last that did worse lately than the route bears.
func (q *question) worseLast(l *line, list []uint8) {
	good := 0
	for i, p := range list {
		w := &l.ways[p]
		asr, mos, calls := q.quality.Quality(w.Tenant, w.Trunk)
		if calls >= leastCalls && (asr < l.Answered || mos > 0 && mos < l.MOS) {
			if q.steps != nil {
				q.note(wayWorse, "trunk", w.Trunk, "answered", percent(asr), "mos", decimal(mos))
			}
			continue
		}
		ahead(list, i, good)
		good++
	}
}

// dice is a row of chance that hangs on a call alone.
type dice uint64

// chance gives the dice of this call: of who calls, whom, and when.
func (q *question) chance() dice {
	h := uint64(14695981039346656037) // FNV-1a
	for _, s := range [...]string{q.from.Tenant, q.from.Account, q.from.Trunk, q.from.Number, q.number} {
		for i := 0; i < len(s); i++ {
			h = (h ^ uint64(s[i])) * 1099511628211
		}
		h = (h ^ 0xff) * 1099511628211
	}
	return dice(h ^ uint64(q.at.UnixNano()))
}

// next gives the next number of the row (SplitMix64).
func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
