package cdr

import (
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"santral/call"
	"santral/store"
)

// sums gathers what records add to the sums in the tables. It is the runner's, but for wanted.
type sums struct {
	rolled uint64 // the tables' sums hold every record up to this one
	since  time.Time
	rolls  map[rollKey]store.Sums
	hurry  bool        // write what there is
	wanted atomic.Bool // somebody waits for it
}

type rollKey struct {
	tenant string
	by     store.RollBy
	key    string
	slot   int64
}

// mostSums is how many wait at most before they are written.
const mostSums = 4000

func newSums() *sums { return &sums{rolls: map[rollKey]store.Sums{}} }

func (s *sums) due(lag time.Duration) bool {
	return len(s.rolls) > 0 && (s.hurry || s.wanted.Load() || len(s.rolls) > mostSums || time.Since(s.since) >= lag)
}

func (s *sums) add(tenant string, by store.RollBy, key string, slot int64, what store.Sums) {
	if len(s.rolls) == 0 {
		s.since = time.Now()
	}
	k := rollKey{tenant, by, key, slot}
	was := s.rolls[k]
	was.Add(what)
	s.rolls[k] = was
}

// list gives everything that was gathered, for the tables.
func (s *sums) list() []store.Roll {
	list := make([]store.Roll, 0, len(s.rolls))
	for k, v := range s.rolls {
		if v != (store.Sums{}) {
			list = append(list, store.Roll{Tenant: k.tenant, By: k.by, Key: k.key, Slot: k.slot, Sums: v})
		}
	}
	return list
}

// clear forgets what the tables have.
func (s *sums) clear(rolled uint64) {
	clear(s.rolls)
	s.rolled, s.hurry = rolled, false
	s.wanted.Store(false)
}

// record adds what a record counts (sign 1), or takes it away (-1).
func (s *sums) record(c *store.CDR, sign int64) {
	EachRoll(c, func(tenant string, by store.RollBy, key string, slot int64, what store.Sums) {
		s.add(tenant, by, key, slot, what.Times(sign))
	})
}

// EachRoll tells what a record adds to which sums.
func EachRoll(c *store.CDR, add func(tenant string, by store.RollBy, key string, slot int64, what store.Sums)) {
	slot, what := store.Slot(c.Began), c.Sums()
	kind := Destination(c)
	cause := strconv.Itoa(c.Q850)
	for side, tenant := range [...]string{c.Tenant, c.ToTenant, store.Everybody} {
		if tenant == "" {
			continue
		}
		site, department, direction := c.Site, c.Department, c.Direction
		if side == 1 {
			site, department, direction = c.ToSite, c.ToDepartment, store.Inbound
		}
		add(tenant, store.RollAll, direction.String(), slot, what)
		add(tenant, store.RollKind, kind, slot, what)
		add(tenant, store.RollCause, cause, slot, what)
		if tenant == store.Everybody {
			continue
		}
		if department != "" {
			add(tenant, store.RollDepartment, department, slot, what)
		}
		if site != "" {
			add(tenant, store.RollSite, site, slot, what)
		}
		if side == 0 && c.ToTenant == "" { // within one house, a call belongs to where it went too
			if d := c.ToDepartment; d != "" && d != department {
				add(tenant, store.RollDepartment, d, slot, what)
			}
			if d := c.ToSite; d != "" && d != site {
				add(tenant, store.RollSite, d, slot, what)
			}
		}
	}
	for i := range c.Legs {
		if l := &c.Legs[i]; l.Trunk != "" {
			tenant := l.Tenant
			if tenant == "" {
				tenant = c.Tenant
			}
			key, what := l.Trunk+"/"+l.Direction, ofLeg(c, l)
			add(tenant, store.RollTrunk, key, slot, what)
			add(store.Everybody, store.RollTrunk, tenant+":"+key, slot, what)
			add(tenant, store.RollTrunkCause, key+"/"+strconv.Itoa(l.Q850), slot, what)
		}
	}
}

// ofLeg is what an attempt on a trunk counts.
func ofLeg(c *store.CDR, l *store.CDRLeg) store.Sums {
	s := store.Sums{Records: 1, Calls: 1}
	switch {
	case l.Direction == "in":
		s.Came(c.State, c.Q850)
	case !l.Answered.IsZero():
		s.Came(store.Answered, l.Q850)
	default:
		s.Came(attempt(l), l.Q850)
	}
	if !l.Answered.IsZero() {
		s.Talk = int64(between(l.Answered, l.Ended))
	}
	switch {
	case !l.Ringing.IsZero():
		s.Delay, s.Delays = int64(between(l.Began, l.Ringing)), 1
	case !l.Answered.IsZero():
		s.Delay, s.Delays = int64(between(l.Began, l.Answered)), 1
	}
	if mos := l.Quality(); mos > 0 {
		s.MOS, s.Measured = int64(mos*1000+.5), 1
	}
	return s
}

// attempt tells how a leg that was not answered came out.
func attempt(l *store.CDRLeg) store.CDRState {
	why := call.Cause{Q850: l.Q850, SIP: l.SIP}
	if why.Q850 == call.AnsweredElsewhere.Q850 {
		return store.Cancelled
	}
	return state(&store.CDR{}, why)
}

// Destination gives the kind of a call and where its number is, as sums keep it: "mobile/98/91", "internal"; "unknown" for a kind that the router did not say.
func Destination(c *store.CDR) string {
	kind := c.Calls
	if kind == "" {
		kind = "unknown"
	}
	digits, ok := strings.CutPrefix(c.Number, "+")
	if !ok || c.Direction == store.Inbound {
		return kind
	}
	n := countryLong(digits)
	if n == 0 {
		return kind
	}
	return kind + "/" + digits[:n] + "/" + digits[n:min(len(digits), n+2)]
}

// countryLong is how many digits of an E.164 number name its country (ITU-T E.164.D): 1 and 7 alone, these with two,
// all others with three.
func countryLong(digits string) int {
	if len(digits) < 4 {
		return 0
	}
	if digits[0] == '1' || digits[0] == '7' {
		return 1
	}
	switch digits[:2] {
	case "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49", "51", "52", "53", "54", "55", "56", "57", "58",
		"60", "61", "62", "63", "64", "65", "66", "81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98":
		return 2
	}
	return 3
}
