package store

import (
	"slices"
	"strings"
	"time"
)

// CDRFilter says which records a list holds. Empty members do not restrict.
type CDRFilter struct {
	Tenant  string       `json:"tenant,omitempty"`  // whose view: calls that it made and calls that reached it
	Account string       `json:"account,omitempty"` // the caller's account, or the one that the call was routed to
	Call    string       `json:"call,omitempty"`    // the call's id, or the SIP Call-ID of a leg (looked through, so give From with it)
	State   CDRState     `json:"state,omitempty"`   // UnknownState for all
	From    time.Time    `json:"from,omitzero"`     // begun then or later
	Until   time.Time    `json:"until,omitzero"`    // begun before
	Number  string       `json:"number,omitempty"`  // of the caller or the called, in any spelling
	Trunk   string       `json:"trunk,omitempty"`   // that it came or left by
	Site    string       `json:"site,omitempty"`    // of the caller or the called
	Kind    string       `json:"kind,omitempty"`    // kind of calls
	Way     CDRDirection `json:"direction,omitempty"`
	Cause   int          `json:"cause,omitempty"`   // Q.850; 0 for all
	Longer  Millis       `json:"longer,omitempty"`  // talked at least so long
	Shorter Millis       `json:"shorter,omitempty"` // talked less than that; 0 for no bound
	Text    string       `json:"text,omitempty"`    // in a name, a number, a cause or a rule, whatever the case of its letters

	Departments []string `json:"departments,omitempty"` // of the caller or the called, one of these
	Sites       []string `json:"sites,omitempty"`       // likewise; what somebody's rights are bound to
}

// Match reports whether a record is one of the filter's, all but Call, which needs the tables for a leg's.
func (f *CDRFilter) Match(c *CDR) bool {
	own := f.Tenant == "" || c.Tenant == f.Tenant
	there := f.Tenant == "" || c.ToTenant == f.Tenant || own && c.ToTenant == ""
	either := func(want, from, to string) bool {
		return want == "" || own && from == want || there && to == want
	}
	among := func(want []string, from, to string) bool {
		return len(want) == 0 || own && from != "" && slices.Contains(want, from) || there && to != "" && slices.Contains(want, to)
	}
	switch {
	case !own && !there,
		!either(f.Account, c.FromAccount, c.To),
		!either(f.Site, c.Site, c.ToSite),
		!among(f.Departments, c.Department, c.ToDepartment),
		!among(f.Sites, c.Site, c.ToSite),
		f.State != UnknownState && c.State != f.State,
		!f.From.IsZero() && c.Began.Before(f.From),
		!f.Until.IsZero() && !c.Began.Before(f.Until),
		f.Kind != "" && c.Calls != f.Kind,
		f.Way != UnknownWay && c.DirectionFor(f.Tenant) != f.Way,
		f.Cause != 0 && c.Q850 != f.Cause,
		c.TalkTime < f.Longer,
		f.Shorter > 0 && c.TalkTime >= f.Shorter,
		f.Trunk != "" && (!own || c.FromTrunk != f.Trunk && c.Trunk != f.Trunk):
		return false
	}
	if f.Number != "" && !slices.ContainsFunc(c.Numbers(f.Tenant), func(n string) bool { return SameNumber(n, f.Number) }) {
		return false
	}
	if f.Text == "" {
		return true
	}
	want, view := strings.ToLower(f.Text), c.For(f.Tenant)
	return slices.ContainsFunc(view.texts(), func(s string) bool { return strings.Contains(strings.ToLower(s), want) })
}

// texts are what a search looks through.
func (c *CDR) texts() []string {
	return []string{c.FromName, c.FromNumber, c.Dialled, c.Number, c.FromAccount, c.To, c.Cause, c.Because}
}

// Numbers gives the numbers that a record is found by in a tenant's view ("" sees all).
func (c *CDR) Numbers(tenant string) []string {
	if tenant == "" || c.Tenant == tenant {
		return []string{c.FromNumber, c.Said, c.FromAccount, c.Number, c.Dialled, c.Shown, c.toNumber()}
	}
	v := c.For(tenant)
	return []string{v.FromNumber, v.Dialled, c.To}
}

// toNumber is To where it can be somebody's number.
func (c *CDR) toNumber() string {
	if c.ToTenant != "" {
		return ""
	}
	return c.To
}

// Digits gives the digits of a number in any script of ours (Persian and Arabic ones become ASCII), without what
// stands between them.
func Digits(number string) string {
	var b strings.Builder
	for _, r := range number {
		d, ok := digit(r)
		if ok {
			b.WriteByte('0' + d)
		} else if !between(r) {
			return "" // a name, not a number
		}
	}
	return b.String()
}

func digit(r rune) (byte, bool) {
	switch {
	case '0' <= r && r <= '9':
		return byte(r - '0'), true
	case '۰' <= r && r <= '۹':
		return byte(r - '۰'), true
	case '٠' <= r && r <= '٩':
		return byte(r - '٠'), true
	}
	return 0, false
}

// between is what may stand between digits.
func between(r rune) bool {
	return strings.ContainsRune("+-. ()/\u00a0\u200c\u200e\u202a\u202c", r)
}

// tailLong is how many last digits two spellings of a number share at least: a subscriber's own.
const tailLong = 7

// NumberKey gives the key under which a tenant's records of a number are found, in all of its spellings; 0 for what is no number. It
// is made of the tenant and the last digits, so others may share it.
func NumberKey(tenant, number string) int64 {
	const offset, prime = 14695981039346656037, 1099511628211 // FNV-1a
	digits := 0
	last := [tailLong]byte{}
	for _, r := range number {
		d, ok := digit(r)
		switch {
		case ok && (d != 0 || digits > 0):
			last[digits%tailLong] = '0' + d
			digits++
		case !ok && !between(r):
			return 0
		}
	}
	if digits == 0 {
		return 0
	}
	h := uint64(offset)
	for i := range len(tenant) {
		h = (h ^ uint64(tenant[i])) * prime
	}
	h = (h ^ 0xff) * prime
	for i := max(0, digits-tailLong); i < digits; i++ {
		h = (h ^ uint64(last[i%tailLong])) * prime
	}
	if h == 0 {
		h = 1
	}
	return int64(h)
}

// NumberKeys appends the keys that a record is found by, each once.
func (c *CDR) NumberKeys(list []int64) []int64 {
	add := func(tenant string, numbers ...string) {
		for i, number := range numbers {
			if number == "" || i > 0 && slices.Contains(numbers[:i], number) {
				continue
			}
			if key := NumberKey(tenant, number); key != 0 && !slices.Contains(list, key) {
				list = append(list, key)
			}
		}
	}
	add(c.Tenant, c.FromNumber, c.Said, c.FromAccount, c.Number, c.Dialled, c.Shown, c.toNumber())
	if c.ToTenant != "" {
		shown := c.Shown
		if shown == "" {
			shown = c.FromNumber
		}
		dialled := c.Number
		if dialled == "" {
			dialled = c.Dialled
		}
		add(c.ToTenant, shown, dialled, c.To)
	}
	return list
}

// SameNumber reports whether two spellings can be of one number: +98 21 …, 021 …, 0098 21 … and the local one alike.
// Shorter ones than a subscriber's must be the same.
func SameNumber(a, b string) bool {
	a, b = strings.TrimLeft(Digits(a), "0"), strings.TrimLeft(Digits(b), "0")
	if a == "" || b == "" {
		return false
	}
	if len(a) < tailLong || len(b) < tailLong {
		return a == b
	}
	return strings.HasSuffix(a, b) || strings.HasSuffix(b, a)
}
