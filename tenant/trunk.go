package tenant

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"santral/base/e164"
)

// TrunkMode says who proves itself to whom on a trunk.
type TrunkMode uint8

// Modes of a trunk.
const (
	UnknownMode TrunkMode = iota
	Registers             // we register at a carrier
	Registered            // a customer's PBX registers at us
	Static                // nobody registers: known by address, certificate or credential
)

// String gives the word that documents use.
func (m TrunkMode) String() string {
	return [...]string{"unknown", "register", "registered", "static"}[m]
}

// CalledIn says which header field of an inbound INVITE holds the number that was called.
type CalledIn uint8

// Where a called number may be written.
const (
	CalledInRequestURI CalledIn = iota
	CalledInTo
	CalledInPCalledPartyID // RFC 7315 §4.2
	CalledInDiversion      // the topmost (RFC 5806 §4)
)

// String gives the word that documents use.
func (c CalledIn) String() string {
	return [...]string{"request-uri", "to", "p-called-party-id", "diversion"}[c]
}

// Trunk is a way to and from another exchange: a carrier, or a customer's PBX. It carries many numbers
// and many calls at once.
type Trunk struct {
	Tenant string // id of its tenant
	Name   string // unique in the tenant, [a-z0-9-]
	Mode   TrunkMode
	PBX    bool // a customer's PBX is behind it: its numbers lead there, and it may call out by routes

	To        []string      // SIP URIs of the other side, tried in order; none for Registered
	Proxy     string        // SIP URI that our requests go to before, "" for none (RFC 3261 §8.1.2)
	Registrar string        // SIP URI that we register at; Registers only
	Domain    string        // host of our identity there; "" for the host of the first of To
	Realm     string        // the one whose challenges are answered; "" for Domain's, or the one that the registrar's own challenge names
	User      string        // user name there, or the PBX's user name here; "" for none
	AuthUser  string        // user name for digest where it is another than User
	GIN       bool          // all numbers are registered at once (RFC 6140)
	Expires   time.Duration // how long we ask to be registered

	Credential Credential

	Addresses    []netip.Prefix // sources of its requests
	Certificates []string       // domains of which its client certificate must prove one, lower case

	Numbers []Numbers

	Channels    int    // calls at once in both directions
	ChannelsIn  int    // of these, calls from the trunk; 0 for no limit of their own
	ChannelsOut int    // of these, calls to the trunk; 0 for no limit of their own
	Reserved    int    // of Channels, kept for calls from the trunk (a carrier's) or to it (a PBX's): for those towards the customer
	Rate        int    // new calls in any one second, both directions; 0 for no limit
	Pool        string // channels that it shares with other trunks; "" for none
	Small       bool   // fewer channels than a trunk is sold with are meant

	Class string // class of service of a PBX that calls out by routes; the tenant's when unsaid
	Site  string // where a PBX is
	State NumberState

	Called  CalledIn
	Trust   bool // what it asserts of identities is believed, and it is told what is withheld from others (RFC 3324 §2.3)
	Refer   bool // it may send the other side of its calls on (RFC 3515)
	Doubt   bool // with Trust: its From does not count where it asserts nothing
	Manners Manners
	Media   Media         // how its media is negotiated
	Options time.Duration // how often its health is asked for by OPTIONS; 0 for never

	In, Out Rules // what is changed in its INVITEs, and in ours to it

	table *table // its numbers; nil until a snapshot has the trunk
	plan  *Plan  // by which they are understood, with the area that need not be dialled
	area  string
}

// DigestUser is the name that digest is answered or expected with.
func (t *Trunk) DigestUser() string {
	if t.AuthUser != "" {
		return t.AuthUser
	}
	return t.User
}

// Proves reports whether the trunk has a credential, ours there or the PBX's here.
func (t *Trunk) Proves() bool { return t.Credential.Password != "" || len(t.Credential.HA1) > 0 }

// Asked reports whether requests from the trunk are challenged: by a PBX that registers here, and by a
// static peer that has a password.
func (t *Trunk) Asked() bool { return t.Mode != Registers && t.Proves() }

// sources names what the trunk's requests are known by without a password.
func (t *Trunk) sources() []string {
	var list []string
	for _, p := range t.Addresses {
		list = append(list, "address "+p.String())
	}
	for _, d := range t.Certificates {
		list = append(list, "certificate "+d)
	}
	return list
}

// Has gives the row of the trunk's numbers that a number belongs to in whatever spelling: the longest that fits. nil when
// the number is none of the trunk's.
func (t *Trunk) Has(number string) *Numbers {
	if t.table == nil {
		return t.among(number)
	}
	if len(t.table.rows) == 0 {
		return nil
	}
	if r := t.table.find(number, t.plan.UnderstandPeer(number, t.area).E164); r != nil {
		return r.numbers
	}
	return nil
}

// HasPublic is Has for a number that is understood.
func (t *Trunk) HasPublic(number string, public e164.Number) *Numbers {
	if t.table == nil {
		return t.among(number)
	}
	if r := t.table.find(number, public); r != nil {
		return r.numbers
	}
	return nil
}

// among looks through the rows as they are written.
func (t *Trunk) among(number string) (best *Numbers) {
	for i := range t.Numbers {
		if n := &t.Numbers[i]; n.Has(number) && (best == nil || n.weight() > best.weight()) {
			best = n
		}
	}
	return best
}

// index makes Has quick for many rows, and lets it understand every spelling.
func (t *Trunk) index(p *Plan, area string) {
	if t.table != nil && t.plan == p && t.area == area { // of an earlier revision, and being read
		return
	}
	t.plan, t.area = p, area
	rows := &table{}
	for i := range t.Numbers {
		rows.add(&t.Numbers[i], 0, i)
	}
	rows.seal(p, area)
	t.table = rows
}

// Own is the number that the trunk presents when it has said none that is its own: the first of its
// numbers that is whole, else its user name.
func (t *Trunk) Own() string {
	for i := range t.Numbers {
		if n := &t.Numbers[i]; !n.Prefix {
			return n.First
		}
	}
	return t.User
}

// Numbers is one number, a range of them, or all that begin in one way.
type Numbers struct {
	First  string // digits; of a prefix its digits
	Last   string // of a range, as long as First; First itself for one number
	Prefix bool
	To     string // account that they ring, or room that they lead to; "" for the account of the same number
}

// Has reports whether a number is one of them.
func (n *Numbers) Has(number string) bool {
	if n.Prefix {
		return strings.HasPrefix(number, n.First)
	}
	return len(number) == len(n.First) && number >= n.First && number <= n.Last
}

// weight orders rows that fit the same number: one number before a range, a range before a prefix, a
// longer prefix before a shorter one.
func (n *Numbers) weight() int {
	switch {
	case n.Prefix:
		return len(n.First)
	case n.First != n.Last:
		return 1000
	}
	return 2000
}

// SameWay reports whether a trunk of another revision is reached, registered and asked in the same way: what it differs in
// besides is looked up call by call.
func (t *Trunk) SameWay(o *Trunk) bool {
	return t.Tenant == o.Tenant && t.Name == o.Name && t.Mode == o.Mode && slices.Equal(t.To, o.To) && t.Registrar == o.Registrar && t.Proxy == o.Proxy &&
		t.Domain == o.Domain && t.Realm == o.Realm && t.User == o.User && t.AuthUser == o.AuthUser && t.GIN == o.GIN && t.Expires == o.Expires && t.PBX == o.PBX &&
		t.Credential.Password == o.Credential.Password && maps.Equal(t.Credential.HA1, o.Credential.HA1) && slices.Equal(t.Addresses, o.Addresses) && t.Options == o.Options
}
