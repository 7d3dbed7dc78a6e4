package tenant

import (
	"santral/base/doc"
)

// reading is a tenant's document while it is read: what it says of other places is looked at once all of it is known.
type reading struct {
	doc     *doc.Node
	tenant  *Tenant
	names   names
	numbers map[string]bool // of accounts
	ways    ways
	lists   lists
	tunes   tunes

	groupNumbers map[string]string // number → group
	aims         []aim
	later        []func() // what is copied once targets are settled
	claims       []claim
	codes        []claim
	outside      []claim // prefixes that are taken off
	ranges       []standing
	own          []numberAt     // numbers that must be the tenant's own
	housed       map[string]int // the line of the unit that an account belongs to
	departments  []doc.Spot
	groups       []doc.Spot
	units        []doc.Spot
	wroteType    bool
	wroteRooms   bool
}

// numberAt is a number and where it stands.
type numberAt struct {
	number string
	at     doc.Spot
}

// owned reads a number that must be one of the tenant's own.
func (r *reading) owned(n *doc.Node) string {
	text := n.Text()
	if !number(text, 3) {
		n.Fail("%q must be a number of 3 to 15 digits, perhaps with a + in front", text)
		return ""
	}
	r.own = append(r.own, numberAt{text, n.Spot()})
	return text
}

// finish looks at what holds between the parts of the document.
func (r *reading) finish(n *doc.Node) {
	t := r.tenant
	t.Trunks, t.Routes = r.ways.join(r.numbers, t.Rooms, "this tenant")
	t.Lists = r.lists.join(r.numbers)
	t.Music = r.tunes.join()
	r.aimed()
	for _, f := range r.later {
		f()
	}
	t.wants = r.names.join(n, "this tenant", false)
	r.hierarchy()
	r.overflows()
	r.blocks()
	apart(n, r.ranges)
	rooms := &t.Rooms
	if !r.wroteRooms {
		rooms = nil
	}
	var country []claim
	if t.Country != "" {
		for _, number := range PlanOf(t.Country).Emergency {
			country = append(country, claim{number: number, what: "the emergency number of " + t.Country})
		}
	}
	overlaps(n, r.claims, r.codes, rooms, country)
	r.access()
	r.mine()
	r.least()
	r.limits(n)
}

// access fails at internal numbers that begin with a prefix for calls to the outside that is taken off again.
func (r *reading) access() {
	outside := map[string]string{}
	for _, route := range r.tenant.Routes {
		if route.Prefix != "" && route.Strip >= len(route.Prefix) && route.Prefix[0] != '+' {
			outside[route.Prefix] = route.Name
		}
	}
	for _, c := range r.claims {
		for n := 1; n <= len(c.number) && len(outside) > 0; n++ {
			if _, ok := outside[c.number[:n]]; ok {
				r.doc.FailAt(c.at, "%s %s begins with %s, which is dialled for the outside; give the %s another number, or the route another prefix", c.what, c.number, c.number[:n], c.what)
				break
			}
		}
	}
}

// mine fails at numbers that are presented and not the tenant's own.
func (r *reading) mine() {
	if len(r.own) == 0 {
		return
	}
	var set numberSet
	one := func(number string) { set.add(Numbers{First: number, Last: number}) }
	for i := range r.tenant.Accounts {
		if a := &r.tenant.Accounts[i]; a.Kind == Line {
			one(a.Number)
		}
	}
	for i := range r.tenant.Numbers {
		set.add(r.tenant.Numbers[i].Numbers)
	}
	for i := range r.tenant.Trunks {
		for _, n := range r.tenant.Trunks[i].Numbers {
			set.add(n)
		}
	}
	for _, n := range r.own {
		if !set.has(n.number) {
			r.doc.FailAt(n.at, "%s is no number of this tenant: write it under lines:, numbers: or a trunk's numbers:, in the same digits", n.number)
		}
	}
}

// limits fails where a tenant has more than it may.
func (r *reading) limits(n *doc.Node) {
	t, l := r.tenant, r.tenant.Limits
	extensions, lines, numbers := 0, 0, 0
	for i := range t.Accounts {
		if t.Accounts[i].Kind == Line {
			lines++
		} else {
			extensions++
		}
	}
	for i := range t.Numbers {
		numbers += t.Numbers[i].Count()
	}
	for _, of := range []struct {
		what      string
		has, most int
	}{{"extensions", extensions, l.Extensions}, {"lines", lines, l.Lines}, {"trunks", len(t.Trunks), l.Trunks}, {"numbers", numbers, l.Numbers}} {
		if of.most > 0 && of.has > of.most {
			n.Fail("tenant %s has %d %s and may have %d: take some away, or raise limits: {%s: %d}", t.ID, of.has, of.what, of.most, of.what, of.has)
		}
	}
}

// least fails at trunks with fewer channels than a trunk is sold with, in documents that say what the customer is.
func (r *reading) least() {
	if !r.wroteType || r.tenant.Type != Business && r.tenant.Type != Wholesale {
		return
	}
	for i := range r.tenant.Trunks {
		if k := &r.tenant.Trunks[i]; k.PBX && k.Channels < DefaultTrunkChannels && !k.Small {
			r.ways.places[i].Fail("trunk %s has %d channels: a SIP trunk has at least %d; write small: true where fewer are meant", k.Name, k.Channels, DefaultTrunkChannels)
		}
	}
}
