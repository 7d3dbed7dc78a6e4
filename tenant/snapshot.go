package tenant

import (
	"net/netip"
	"slices"
	"strings"
)

// Snapshot is one revision of everything configured: immutable, so that it is read without locks
// and a call keeps the one that it began with.
type Snapshot struct {
	Revision uint64
	Tenants  []*Tenant

	byDomain map[string]*Tenant
	byID     map[string]*Tenant
	fallback *Tenant
	accounts map[key]*Account
	sorted   map[string][]string // numbers of each tenant's accounts, in order
	ways     index
}

type key struct{ tenant, number string }

// NewSnapshot indexes tenants that have no problems. It keeps them; nobody changes them afterwards.
func NewSnapshot(revision uint64, tenants []*Tenant) *Snapshot {
	s := &Snapshot{
		Revision: revision,
		Tenants:  tenants,
		byDomain: map[string]*Tenant{},
		byID:     map[string]*Tenant{},
		accounts: map[key]*Account{},
		sorted:   map[string][]string{},
	}
	for _, t := range tenants {
		s.byID[t.ID] = t
		for _, d := range t.Domains {
			s.byDomain[d] = t
		}
		if t.Default {
			s.fallback = t
		}
		for i := range t.Accounts {
			a := &t.Accounts[i]
			s.accounts[key{t.ID, a.Number}] = a
			s.sorted[t.ID] = append(s.sorted[t.ID], a.Number)
		}
		slices.Sort(s.sorted[t.ID])
	}
	s.ways.build(tenants)
	return s
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

// Tenant gives the tenant with an id, or nil.
func (s *Snapshot) Tenant(id string) *Tenant { return s.byID[id] }

// Account gives a tenant's account by its number, or nil.
func (s *Snapshot) Account(tenant, number string) *Account { return s.accounts[key{tenant, number}] }

// Begins reports whether digits are the beginning of a longer number of the tenant's accounts.
func (s *Snapshot) Begins(tenant, digits string) bool {
	numbers := s.sorted[tenant]
	i, found := slices.BinarySearch(numbers, digits)
	if found {
		i++
	}
	return digits != "" && i < len(numbers) && strings.HasPrefix(numbers[i], digits)
}
