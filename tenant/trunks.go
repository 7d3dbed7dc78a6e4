package tenant

import (
	"iter"
	"net/netip"
	"slices"
	"strings"
)

// trunkIndex finds those of all tenants, and the operator's carriers, by where they come from.
type trunkIndex struct {
	byAddress map[netip.Prefix]*Trunk
	lengths   []int             // of the prefixes of byAddress, longest first; those of IPv6 beyond 32 add 1000
	byDomain  map[string]*Trunk // certificates
	registers bool
}

func (x *trunkIndex) build(s *Snapshot) {
	x.byAddress, x.byDomain = map[netip.Prefix]*Trunk{}, map[string]*Trunk{}
	for k := range s.Trunks() {
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

// Trunks gives those of all tenants, and the operator's carriers first.
func (s *Snapshot) Trunks() iter.Seq[*Trunk] {
	return func(yield func(*Trunk) bool) {
		for i := range s.operator.Carriers {
			if !yield(&s.operator.Carriers[i]) {
				return
			}
		}
		for _, t := range s.Tenants {
			for i := range t.Trunks {
				if !yield(&t.Trunks[i]) {
					return
				}
			}
		}
	}
}

// Trunk gives a tenant's trunk by its name, or nil; one of the operator's carriers where tenant is OperatorID.
func (s *Snapshot) Trunk(tenant, name string) *Trunk {
	if x := s.byID[tenant]; x != nil {
		return x.Trunk(name)
	}
	return nil
}

// TrunkUser gives the trunk of a tenant whose requests are challenged for a user name, or nil.
func (s *Snapshot) TrunkUser(tenant, user string) *Trunk {
	if x := s.byID[tenant]; x != nil {
		return at(x.Tenant.Trunks, x.users, user)
	}
	return nil
}

// TrunkAt gives the static trunk that a source address belongs to: the longest of the networks that
// hold it. nil for an address of no trunk.
func (s *Snapshot) TrunkAt(source netip.Addr) *Trunk {
	source = source.Unmap()
	for _, n := range s.trunks.lengths {
		if n >= 1000 != source.Is6() {
			continue
		}
		if p, err := source.Prefix(n % 1000); err == nil {
			if t := s.trunks.byAddress[p]; t != nil {
				return t
			}
		}
	}
	return nil
}

// TrunkOf gives the static trunk that one of the domains of a client certificate belongs to, or nil.
func (s *Snapshot) TrunkOf(domains []string) *Trunk {
	for _, d := range domains {
		if t := s.trunks.byDomain[strings.ToLower(d)]; t != nil {
			return t
		}
	}
	return nil
}

// Certified reports whether any trunk is known by its certificate.
func (s *Snapshot) Certified() bool { return len(s.trunks.byDomain) > 0 }

// Registering reports whether any trunk registers at a carrier.
func (s *Snapshot) Registering() bool { return s.trunks.registers }

// PBXOf gives the PBX of a tenant that a number belongs to, or nil.
func (s *Snapshot) PBXOf(tenant, number string) *Trunk {
	x := s.byID[tenant]
	if x == nil {
		return nil
	}
	p := &x.Places[0]
	return x.PBX(number, p.Plan.UnderstandPeer(number, p.Area).E164)
}
