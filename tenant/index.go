package tenant

import (
	"net/netip"
	"slices"
	"strings"
)

// index finds trunks and routes. Without any it is empty, and asking it costs nothing.
type index struct {
	byName    map[key]*Trunk
	byUser    map[key]*Trunk // those that are challenged
	byAddress map[netip.Prefix]*Trunk
	lengths   []int             // of the prefixes of byAddress, longest first; those of IPv6 beyond 32 add 1000
	byDomain  map[string]*Trunk // certificates
	pbx       map[string][]*Trunk
	routes    map[key]*Route
	longest   map[string]int // the longest prefix of a tenant's routes
	registers bool
}

func (x *index) build(tenants []*Tenant) {
	x.byName, x.byUser, x.byAddress, x.byDomain = map[key]*Trunk{}, map[key]*Trunk{}, map[netip.Prefix]*Trunk{}, map[string]*Trunk{}
	x.pbx, x.routes, x.longest = map[string][]*Trunk{}, map[key]*Route{}, map[string]int{}
	for _, t := range tenants {
		for i := range t.Trunks {
			k := &t.Trunks[i]
			k.index()
			x.byName[key{t.ID, k.Name}] = k
			if k.Asked() {
				x.byUser[key{t.ID, k.User}] = k
				x.byUser[key{t.ID, k.DigestUser()}] = k
			}
			if k.PBX {
				x.pbx[t.ID] = append(x.pbx[t.ID], k)
			}
			x.registers = x.registers || k.Mode == Registers
			if k.Mode != Static {
				continue
			}
			for _, p := range k.Addresses {
				x.byAddress[p] = k
				if n := length(p.Addr(), p.Bits()); !slices.Contains(x.lengths, n) {
					x.lengths = append(x.lengths, n)
				}
			}
			for _, d := range k.Certificates {
				x.byDomain[d] = k
			}
		}
		for i := range t.Routes {
			r := &t.Routes[i]
			x.routes[key{t.ID, r.Prefix}] = r
			x.longest[t.ID] = max(x.longest[t.ID], len(r.Prefix))
		}
	}
	slices.Sort(x.lengths)
	slices.Reverse(x.lengths)
}

// length keeps the lengths of both families apart.
func length(a netip.Addr, bits int) int {
	if a.Is6() {
		return 1000 + bits
	}
	return bits
}

// Trunk gives a tenant's trunk by its name, or nil.
func (s *Snapshot) Trunk(tenant, name string) *Trunk { return s.ways.byName[key{tenant, name}] }

// TrunkUser gives the trunk of a tenant whose requests are challenged for a user name, or nil.
func (s *Snapshot) TrunkUser(tenant, user string) *Trunk {
	if len(s.ways.byUser) == 0 {
		return nil
	}
	return s.ways.byUser[key{tenant, user}]
}

// TrunkAt gives the static trunk that a source address belongs to: the longest of the networks that
// hold it. nil for an address of no trunk.
func (s *Snapshot) TrunkAt(source netip.Addr) *Trunk {
	source = source.Unmap()
	for _, n := range s.ways.lengths {
		if n >= 1000 != source.Is6() {
			continue
		}
		if p, err := source.Prefix(n % 1000); err == nil {
			if t := s.ways.byAddress[p]; t != nil {
				return t
			}
		}
	}
	return nil
}

// TrunkOf gives the static trunk that one of the domains of a client certificate belongs to, or nil.
func (s *Snapshot) TrunkOf(domains []string) *Trunk {
	for _, d := range domains {
		if t := s.ways.byDomain[strings.ToLower(d)]; t != nil {
			return t
		}
	}
	return nil
}

// Certified reports whether any trunk is known by its certificate.
func (s *Snapshot) Certified() bool { return len(s.ways.byDomain) > 0 }

// Registering reports whether any trunk registers at a carrier.
func (s *Snapshot) Registering() bool { return s.ways.registers }

// PBXOf gives the PBX of a tenant that a number belongs to, or nil.
func (s *Snapshot) PBXOf(tenant, number string) *Trunk {
	var best *Trunk
	most := -1
	for _, t := range s.ways.pbx[tenant] {
		if n := t.Has(number); n != nil && n.To == "" && n.weight() > most {
			best, most = t, n.weight()
		}
	}
	return best
}

// Route gives the route of a number: the one with the longest prefix that fits. nil when there is none.
func (s *Snapshot) Route(tenant, number string) *Route {
	longest, any := s.ways.longest[tenant]
	if !any {
		return nil
	}
	for n := min(longest, len(number)); n >= 0; n-- {
		if r := s.ways.routes[key{tenant, number[:n]}]; r != nil {
			return r
		}
	}
	return nil
}
