package sipleg

import (
	"strings"

	"santral/call"
	"santral/media/session"
	"santral/sip"
)

// Manners are what a peer is believed, and in which words it is told. The zero value is an everyday
// telephone: believed nothing, told the caller that it may see and all diversions.
type Manners struct {
	Trusted   bool                       // within our domain of trust (RFC 3324 §2.3): what it asserts is believed, and it is told what others may not see
	From      bool                       // with Trusted: where it asserts nothing, its From counts
	Identity  IdentityForm               // how it is told who calls
	Diversion DiversionForm              // how it is told whom a call was for before
	Conceal   bool                       // whom it answers is not told that it was reached (COLR)
	Withhold  bool                       // its identity is withheld unless it says Privacy: none
	Intercom  bool                       // it may ask for an answer without a person
	Source    bool                       // its phones are told by Alert-Info whether a call comes from inside (RFC 7462 §9.2)
	Presents  func(number string) string // what a number that it says of itself is here; nil for the same
	Media     session.Profile            // how its media is negotiated
	Pass      []string                   // names of header fields of an INVITE that cross to and from peers that list them too
}

// IdentityForm says how a peer is told who calls.
type IdentityForm uint8

// Forms of an identity. Unsaid is P-Asserted-Identity for a phone and for a trusted trunk, and From alone
// for a trunk that is not trusted.
const (
	IdentityUnsaid IdentityForm = iota
	ByPAI                       // P-Asserted-Identity (RFC 3325 §9.1)
	ByRPID                      // Remote-Party-ID
	ByFrom                      // From, with Privacy for a trusted peer
	ByNothing                   // From alone, and nobody's private identity
)

// DiversionForm says how a peer is told whom a call was for before.
type DiversionForm uint8

// Forms of diversions. Unsaid is both.
const (
	DiversionsUnsaid DiversionForm = iota
	ByDiversion                    // Diversion (RFC 5806)
	ByHistory                      // History-Info (RFC 7044)
	ByBoth
	NoDiversions
)

// Peer names whom a leg speaks with: an account's phone, or a trunk.
type Peer struct{ Tenant, Account, Trunk string }

// mannersOf asks the house how a peer is spoken with. A telephone's own peer is its exchange, which it
// trusts.
func (a *Agent) mannersOf(p Peer) Manners {
	switch {
	case a.cfg.Manners != nil:
		return a.cfg.Manners(p)
	case a.cfg.Door == nil:
		return Manners{Trusted: true, From: true}
	}
	return Manners{}
}

const (
	maxFields = 8   // header fields that cross a call by agreement
	maxField  = 256 // octets of the value of one
)

// readFields takes the header fields that a peer's manners let pass.
func (m *Manners) readFields(req *sip.Message) (fields []call.Field) {
	for _, name := range m.Pass {
		if value := req.GetName(name); value != "" && len(value) <= maxField && len(fields) < maxFields {
			fields = append(fields, call.Field{Name: name, Value: clean(value)})
		}
	}
	return fields
}

// putFields tells a peer what its manners let pass.
func (m *Manners) putFields(req *sip.Message, fields []call.Field) {
	for _, f := range fields {
		for _, name := range m.Pass {
			if sameName(name, f.Name) {
				req.DelName(name)
				req.AddName(name, f.Value)
			}
		}
	}
}

// sameName compares names of header fields, which have no case (RFC 3261 §7.3.1).
func sameName(a, b string) bool { return strings.EqualFold(a, b) }
