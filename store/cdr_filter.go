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
	return []string{v.FromNumber, v.Number, v.toNumber()}
}

// toNumber is To where it can be somebody's number.
func (c *CDR) toNumber() string {
	if c.Trunk != "" || c.ToTenant != "" {
		return ""
	}
	return c.To
}

// Digits gives the digits of a number in any script of ours (Persian and Arabic ones become ASCII), without what
// stands between them.
func Digits(number string) string {
	var b strings.Builder
	for _, r := range number {
		switch {
		case '0' <= r && r <= '9':
			b.WriteByte(byte(r))
		case '۰' <= r && r <= '۹':
			b.WriteByte(byte('0' + r - '۰'))
		case '٠' <= r && r <= '٩':
			b.WriteByte(byte('0' + r - '٠'))
		case strings.ContainsRune("+-. ()/\u00a0\u200c\u200e\u202a\u202c", r):
		default:
			return "" // a name, not a number
		}
	}
	return b.String()
}

// tailLong is how many last digits two spellings of a number share at least: a subscriber's own.
const tailLong = 7

// Tail gives the last digits of a number as a key under which all of its spellings are found; 0 for none.
func Tail(number string) int64 {
	d := strings.TrimLeft(Digits(number), "0")
	if len(d) > tailLong {
		d = d[len(d)-tailLong:]
	}
	if d == "" {
		return 0
	}
	n := int64(1) // so that 0101 and 101 differ from 1101 where they are cut
	for _, c := range []byte(d) {
		n = n*10 + int64(c-'0')
	}
	return n
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
