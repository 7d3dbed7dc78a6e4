package tenant

import "santral/base/doc"

// Record says which calls are recorded without being asked.
type Record uint8

// Policies. An account that says nothing has its tenant's; a tenant that says nothing records nothing.
const (
	RecordUnsaid Record = iota
	RecordOff           // none, but what somebody asks for while it goes on
	RecordAll           // every call, from its answer on
)

func readRecord(n *doc.Node) (r Record) {
	choose(n, &r, RecordOff, "off", "all")
	return r
}

// Records reports whether the calls of an account of a tenant are recorded; "" is whoever has none there, to whom the
// tenant's own policy applies.
func (s *Snapshot) Records(tenant, account string) bool {
	if a := s.Account(tenant, account); a != nil && a.Record != RecordUnsaid {
		return a.Record == RecordAll
	}
	t := s.Tenant(tenant)
	return t != nil && t.Record == RecordAll
}
