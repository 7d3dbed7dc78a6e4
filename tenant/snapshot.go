package tenant

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"santral/base/e164"
)

// Snapshot is one revision of everything configured: immutable, so that it is read without locks
// and a call keeps the one that it began with.
type Snapshot struct {
	Revision uint64
	Tenants  []*Tenant

	operator *Operator
	byDomain map[string]*Tenant
	byID     map[string]*Index
	fallback *Tenant
	indices  []*Index
	public   spans               // whose the numbers of the public network are: places in indices
	short    [2]map[string]int32 // whose the short numbers are: rows of numbers, and those with what PBXs have
	ranged   [2][]int32          // who has ranges of such
	trunks   trunkIndex
}

// NewSnapshot indexes tenants that have no problems, of an operator that says nothing. It keeps them; nobody changes them
// afterwards.
func NewSnapshot(revision uint64, tenants []*Tenant) *Snapshot {
	return Next(nil, revision, nil, tenants)
}

// Next is the snapshot after old (nil for none): what old has indexed of tenants that are the same is kept, so that the time
// it takes is that of those that changed. operator may be nil for one that says nothing. It keeps what it is given; nobody
// changes that afterwards.
func Next(old *Snapshot, revision uint64, operator *Operator, tenants []*Tenant) *Snapshot {
	if operator == nil {
		operator = &Operator{}
	}
	s := &Snapshot{
		Revision: revision,
		Tenants:  slices.Clone(tenants),
		operator: operator,
		byDomain: map[string]*Tenant{},
		byID:     make(map[string]*Index, len(tenants)+1),
		indices:  make([]*Index, 0, len(tenants)),
	}
	d := defaults{cmp.Or(operator.Country, DefaultCountry), operator.Area, operator.Zone}
	for i, t := range s.Tenants {
		x := old.Index(t.ID)
		switch {
		case x == nil || x.Tenant != t:
			x = newIndex(t, d)
		case x.defaults != d: // it is being read, so that what follows is filled into a copy
			t = t.copied()
			s.Tenants[i] = t
			x = newIndex(t, d)
		}
		s.indices = append(s.indices, x)
		s.byID[t.ID] = x
		for _, name := range t.Domains {
			s.byDomain[name] = t
		}
		if t.Default {
			s.fallback = t
		}
	}
	s.byID[OperatorID] = operatorIndex(old, operator, d)
	s.join()
	s.trunks.build(s)
	return s
}

// operatorIndex indexes what is the operator's own.
func operatorIndex(old *Snapshot, o *Operator, d defaults) *Index {
	if old != nil && old.operator == o {
		return old.byID[OperatorID]
	}
	return newIndex(&Tenant{
		ID: OperatorID, Name: o.Name, Country: o.Country, Area: o.Area, Zone: o.Zone, Language: o.Language,
		Trunks: o.Carriers, Routes: o.Routes, Emergency: o.Emergency,
		Calendars: o.Calendars, Schedules: o.Schedules, Pools: o.Pools,
	}, d)
}

// copied is a tenant whose accounts and trunks may be filled in while others read its own.
func (t *Tenant) copied() *Tenant {
	c := *t
	c.Accounts, c.Trunks = slices.Clone(t.Accounts), slices.Clone(t.Trunks)
	for i := range c.Accounts {
		c.Accounts[i].E164 = ""
	}
	for i := range c.Trunks {
		c.Trunks[i].table = nil
	}
	return &c
}

// join finds out whose numbers are whose over the whole exchange. Of what two claim, which no check lets through, the
// first has it.
func (s *Snapshot) join() {
	count := 0
	for _, x := range s.indices {
		count += len(x.public)
	}
	all := make([]span, 0, count)
	s.short[0], s.short[1] = map[string]int32{}, map[string]int32{}
	for i, x := range s.indices {
		for _, p := range x.public {
			all = append(all, span{first: p.first, last: p.last, of: int32(i)})
		}
		s.shorts(0, i, &x.owned)
		s.shorts(1, i, &x.owned)
	}
	for i, x := range s.indices {
		s.shorts(1, i, &x.pbx)
	}
	s.public = flatten(all)
}

// shorts notes whose the short numbers of a table are.
func (s *Snapshot) shorts(which, of int, t *table) {
	if len(t.wide) > 0 && (len(s.ranged[which]) == 0 || s.ranged[which][len(s.ranged[which])-1] != int32(of)) {
		s.ranged[which] = append(s.ranged[which], int32(of))
	}
	for text := range t.exact {
		if len(text) > maxShort || text[0] == '+' {
			continue
		}
		other, taken := s.short[which][text]
		switch {
		case !taken:
			s.short[which][text] = int32(of)
		case other != int32(of) && s.short[0][text] != other: // what a row of numbers says holds
			s.short[which][text] = nobody
		}
	}
}

const (
	maxShort = 6  // digits of a short number
	nobody   = -1 // of a short number that two tenants have for themselves
)

// Operator gives what the operator says. It is never nil.
func (s *Snapshot) Operator() *Operator { return s.operator }

// Index gives what is looked up of a tenant, or of the operator's own under OperatorID; nil for others.
func (s *Snapshot) Index(id string) *Index {
	if s == nil {
		return nil
	}
	return s.byID[id]
}

// Owner gives the tenant that a number of the public network belongs to, or nil.
func (s *Snapshot) Owner(n e164.Number) *Index {
	if i, ok := s.public.find(n); ok {
		return s.indices[i]
	}
	return nil
}

// ShortOwner gives the tenant that a short number belongs to which is called from another tenant, or (outside) from the
// public network: there numbers count too that stand with a PBX alone, unless two tenants have them. nil for nobody's.
func (s *Snapshot) ShortOwner(number string, outside bool) *Index {
	if len(number) > maxShort {
		return nil
	}
	which, of := 0, int32(nobody)
	if outside {
		which = 1
	}
	if i, ok := s.short[which][number]; ok {
		if of = i; of == nobody {
			return nil
		}
	}
	for _, i := range s.ranged[which] {
		x := s.indices[i]
		if i == of || x.owned.find(number, 0) == nil && (!outside || x.pbx.find(number, 0) == nil) {
			continue
		}
		if of != nobody {
			return nil
		}
		of = i
	}
	if of == nobody {
		return nil
	}
	return s.indices[of]
}

// Domain gives the tenant that a request URI's host means: by its domains, else, for an address
// or localhost, the default tenant. nil when the host is not ours.
func (s *Snapshot) Domain(host string) *Tenant {
	if t := s.byDomain[host]; t != nil {
		return t
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if t := s.byDomain[host]; t != nil {
		return t
	}
	if s.fallback != nil {
		if _, err := netip.ParseAddr(host); err == nil || host == "localhost" {
			return s.fallback
		}
	}
	return nil
}

// Default gives the tenant of requests that name no domain of ours, or nil.
func (s *Snapshot) Default() *Tenant { return s.fallback }

// Tenant gives the tenant with an id, or nil; the operator is none.
func (s *Snapshot) Tenant(id string) *Tenant {
	if x := s.byID[id]; x != nil && id != OperatorID {
		return x.Tenant
	}
	return nil
}

// Account gives a tenant's account by its number, or nil.
func (s *Snapshot) Account(tenant, number string) *Account {
	if x := s.byID[tenant]; x != nil {
		return x.Account(number)
	}
	return nil
}

// Begins reports whether digits are the beginning of a longer number of the tenant's accounts.
func (s *Snapshot) Begins(tenant, digits string) bool {
	x := s.byID[tenant]
	return x != nil && x.Begins(digits)
}

// Accounts gives all accounts of all tenants.
func (s *Snapshot) Accounts() iter.Seq[*Account] {
	return func(yield func(*Account) bool) {
		for _, t := range s.Tenants {
			for i := range t.Accounts {
				if !yield(&t.Accounts[i]) {
					return
				}
			}
		}
	}
}
