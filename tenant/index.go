package tenant

import (
	"slices"
	"strings"
	"time"

	"santral/base/e164"
)

// Index is what is looked up of one tenant. It is made once for a tenant and stays while the tenant is the same, whatever
// changes elsewhere. The operator has one too, with its carriers as trunks.
type Index struct {
	Tenant *Tenant // of the operator's, one that stands for it: OperatorID, its carriers, schedules, calendars and pools
	Places []Place // its sites in order; one Place without a site where it has none

	defaults  defaults
	accounts  byDigits
	named     map[string]int32 // those that have no digits for their number
	sorted    []int32          // accounts by their numbers
	lines     byDigits         // accounts by their numbers in E.164
	places    map[string]int32
	groups    map[string]int32 // by id
	rung      map[string]int32 // groups by number
	classes   map[string]int32
	schedules map[string]int32
	calendars map[string]int32
	hours     []*time.Location // zones of schedules that name one
	days      map[string]*Days // calendars made ready
	pools     map[string]int32
	trunks    map[string]int32
	users     map[string]int32 // trunks that are challenged
	pbx       table            // rows of PBXs that lead there
	rings     table            // rows of trunks that lead to accounts and rooms
	owned     table            // of the tenant's numbers
	public    []span           // all of its numbers of the public network
}

// newIndex indexes a tenant. It fills in what documents leave to be understood: numbers in E.164.
func newIndex(t *Tenant, d defaults) *Index {
	x := &Index{Tenant: t, defaults: d}
	x.places = make(map[string]int32, len(t.Sites))
	for i := range t.Sites {
		x.Places = append(x.Places, t.place(&t.Sites[i], d))
		x.places[t.Sites[i].ID] = int32(i)
	}
	if len(t.Sites) == 0 {
		x.Places = []Place{t.place(nil, d)}
	}
	x.indexAccounts()
	x.groups = keys(t.Groups, func(g *Group) string { return g.ID })
	x.rung = keys(t.Groups, func(g *Group) string { return g.Number })
	x.classes = keys(t.Classes, func(c *Class) string { return c.ID })
	x.schedules = keys(t.Schedules, func(s *Schedule) string { return s.ID })
	x.calendars = keys(t.Calendars, func(c *Calendar) string { return c.ID })
	x.pools = keys(t.Pools, func(p *Pool) string { return p.ID })
	x.trunks = keys(t.Trunks, func(k *Trunk) string { return k.Name })
	x.indexNumbers()
	x.indexHours()
	return x
}

// keys finds entries by a key; of two with one key the first counts, and none has "".
func keys[E any](list []E, key func(*E) string) map[string]int32 {
	if len(list) == 0 {
		return nil
	}
	m := make(map[string]int32, len(list))
	for i := range list {
		k := key(&list[i])
		if _, twice := m[k]; k != "" && !twice {
			m[k] = int32(i)
		}
	}
	return m
}

// at gives the entry of a key, or nil.
func at[E any](list []E, m map[string]int32, key string) *E {
	if i, ok := m[key]; ok {
		return &list[i]
	}
	return nil
}

func (x *Index) indexAccounts() {
	list := x.Tenant.Accounts
	x.accounts = newByDigits(len(list))
	x.sorted = make([]int32, len(list))
	numbers := make([]span, 0, len(list))
	var texts []byte // of all numbers in E.164: one allocation
	for i := range list {
		a := &list[i]
		x.sorted[i] = int32(i)
		if key := pack(a.Number); key != 0 {
			x.accounts.put(key, i)
		} else {
			if x.named == nil {
				x.named = map[string]int32{}
			}
			x.named[a.Number] = int32(i)
		}
		if a.Kind == Extension || len(a.Number) < leastDigits {
			continue
		}
		p := x.Place(a.Site)
		if n := p.Plan.Understand(a.Number, p.Area).E164; n != 0 {
			numbers = append(numbers, span{first: n, last: n, of: int32(i)})
			texts = n.Append(texts)
		}
	}
	all := string(texts)
	for _, s := range numbers {
		length := s.first.Len() + 1
		if a := &list[s.of]; a.E164 != all[:length] {
			a.E164 = all[:length]
		}
		all = all[length:]
	}
	slices.SortFunc(x.sorted, func(a, b int32) int { return strings.Compare(list[a].Number, list[b].Number) })
	x.public = append(x.public, numbers...)
	x.lines = newByDigits(len(numbers))
	for _, n := range numbers {
		x.lines.put(uint64(n.first), int(n.of))
	}
}

func (x *Index) indexNumbers() {
	t := x.Tenant
	plan, area := x.Places[0].Plan, x.Places[0].Area
	for i := range t.Trunks {
		k := &t.Trunks[i]
		k.index(plan, area)
		if k.Asked() {
			if x.users == nil {
				x.users = map[string]int32{}
			}
			x.users[k.User], x.users[k.DigestUser()] = int32(i), int32(i)
		}
		for j := range k.Numbers {
			n := &k.Numbers[j]
			switch {
			case n.To != "":
				x.rings.add(n, i, j)
			case k.PBX:
				x.pbx.add(n, i, j)
			}
		}
	}
	for i := range t.Numbers {
		x.owned.add(&t.Numbers[i].Numbers, i, 0)
	}
	for _, table := range []*table{&x.pbx, &x.rings, &x.owned} {
		table.seal(plan, area)
		x.public = append(x.public, table.spans...)
	}
	x.public = slices.Clone(x.public)
	for i := range x.public {
		x.public[i].of = 0
	}
	x.public = flatten(x.public)
}

// Account gives an account by its number as it is registered, or nil.
func (x *Index) Account(number string) *Account {
	if i, ok := x.accounts.get(pack(number)); ok {
		return &x.Tenant.Accounts[i]
	}
	return at(x.Tenant.Accounts, x.named, number)
}

// Line gives the account of a number of the public network, or nil.
func (x *Index) Line(n e164.Number) *Account {
	if i, ok := x.lines.get(uint64(n)); ok {
		return &x.Tenant.Accounts[i]
	}
	return nil
}

// Place gives a site as calls from there are understood: the tenant's first where it has none of that name.
func (x *Index) Place(site string) *Place {
	if i, ok := x.places[site]; ok {
		return &x.Places[i]
	}
	return &x.Places[0]
}

// Group gives a group by its id, or nil.
func (x *Index) Group(id string) *Group { return at(x.Tenant.Groups, x.groups, id) }

// Rung gives the group that a number rings, or nil.
func (x *Index) Rung(number string) *Group {
	if number == "" {
		return nil
	}
	return at(x.Tenant.Groups, x.rung, number)
}

// Class gives a class of service by its id, or nil.
func (x *Index) Class(id string) *Class { return at(x.Tenant.Classes, x.classes, id) }

// Schedule gives a schedule by its id, or nil.
func (x *Index) Schedule(id string) *Schedule { return at(x.Tenant.Schedules, x.schedules, id) }

// Calendar gives a calendar by its id, or nil.
func (x *Index) Calendar(id string) *Calendar { return at(x.Tenant.Calendars, x.calendars, id) }

// Pool gives channels that trunks share by their id, or nil.
func (x *Index) Pool(id string) *Pool { return at(x.Tenant.Pools, x.pools, id) }

// Trunk gives a trunk by its name, or nil.
func (x *Index) Trunk(name string) *Trunk { return at(x.Tenant.Trunks, x.trunks, name) }

// PBX gives the PBX that a number belongs to, or nil.
func (x *Index) PBX(number string, public e164.Number) *Trunk {
	if r := x.pbx.find(number, public); r != nil {
		return &x.Tenant.Trunks[r.of]
	}
	return nil
}

// Rings gives the row of a trunk that leads a number to an account or a room, or nil.
func (x *Index) Rings(number string, public e164.Number) *Numbers {
	if r := x.rings.find(number, public); r != nil {
		return r.numbers
	}
	return nil
}

// Owned gives the row of the tenant's numbers that a number belongs to and its place in their list, or nil.
func (x *Index) Owned(number string, public e164.Number) (o *Owned, at int) {
	if r := x.owned.find(number, public); r != nil {
		return &x.Tenant.Numbers[r.of], int(r.of)
	}
	return nil, 0
}

// Has reports whether a number of the public network is one of the tenant's.
func (x *Index) Has(n e164.Number) bool {
	_, ok := spans(x.public).find(n)
	return ok
}

// Begins reports whether digits are the beginning of a longer number of the tenant's accounts.
func (x *Index) Begins(digits string) bool {
	list := x.Tenant.Accounts
	i, found := slices.BinarySearchFunc(x.sorted, digits, func(a int32, d string) int { return strings.Compare(list[a].Number, d) })
	if found {
		i++
	}
	return digits != "" && i < len(x.sorted) && strings.HasPrefix(list[x.sorted[i]].Number, digits)
}
