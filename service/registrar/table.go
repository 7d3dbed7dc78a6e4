package registrar

import (
	"hash/maphash"
	"net/netip"
	"strings"
	"sync"
	"time"

	"santral/sip"
	"santral/store"
)

// binding is one contact of an AOR (RFC 3261 §10). Its strings are its own: none of them shares the
// memory of a whole message, so that a million bindings fit in a gigabyte.
type binding struct {
	contact    string // URI as registered, without angle brackets
	instance   string // +sip.instance, "" for none (RFC 5626 §4.1)
	callID     string
	userAgent  string
	flow       sip.Flow // how the REGISTER came
	byFlow     bool     // reached on flow rather than at contact
	cseq       uint32
	q          uint16 // thousandths
	expires    int64  // Unix milliseconds
	registered int64  // Unix milliseconds, the first time
}

// aor names an account in the table.
type aor struct{ tenant, account string }

// table holds the bindings of all accounts, split so that shards rarely meet on a lock.
type table struct {
	seed maphash.Seed
	part [64]part
}

type part struct {
	mu   sync.Mutex
	aors map[aor][]binding
}

func newTable() *table {
	t := &table{seed: maphash.MakeSeed()}
	for i := range t.part {
		t.part[i].aors = map[aor][]binding{}
	}
	return t
}

func (t *table) of(key aor) *part {
	return &t.part[maphash.Comparable(t.seed, key)%uint64(len(t.part))]
}

// live gives the bindings of an AOR that have not expired, best first.
func (t *table) live(key aor, now time.Time) []binding {
	p := t.of(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []binding
	for _, b := range p.aors[key] {
		if b.expires > now.UnixMilli() {
			list = append(list, b)
		}
	}
	return list
}

// drop removes the bindings that f picks and gives their rows.
func (t *table) drop(f func(*binding) bool) (gone []store.Binding) {
	for i := range t.part {
		p := &t.part[i]
		p.mu.Lock()
		for key, list := range p.aors {
			kept := list[:0]
			for j := range list {
				if f(&list[j]) {
					gone = append(gone, list[j].row(key))
				} else {
					kept = append(kept, list[j])
				}
			}
			switch {
			case len(kept) == 0:
				delete(p.aors, key)
			case len(kept) < len(list):
				clear(list[len(kept):])
				p.aors[key] = kept
			}
		}
		p.mu.Unlock()
	}
	return gone
}

func (b *binding) row(key aor) store.Binding {
	flow := ""
	if b.flow.Remote.IsValid() {
		flow = b.flow.String()
	}
	return store.Binding{
		Tenant: key.tenant, Account: key.account, Contact: b.contact, Flow: flow, CallID: b.callID, CSeq: b.cseq,
		InstanceID: b.instance, UserAgent: b.userAgent, Q: int(b.q),
		Expires: time.UnixMilli(b.expires).UTC(), Registered: time.UnixMilli(b.registered).UTC(),
	}
}

func fromRow(row store.Binding) (aor, binding) {
	flow, _ := sip.ParseFlow(row.Flow)
	b := binding{
		contact: row.Contact, instance: row.InstanceID, callID: row.CallID, userAgent: row.UserAgent, flow: flow,
		cseq: row.CSeq, q: uint16(row.Q), expires: row.Expires.UnixMilli(), registered: row.Registered.UnixMilli(),
	}
	b.byFlow = throughFlow(b.contact, flow, "")
	return aor{row.Tenant, row.Account}, b
}

// throughFlow decides whether a contact is reached where its REGISTER came from rather than where
// it says: always on a connection, which the phone keeps open for us, and over UDP when an address
// translator stands between us, which shows where the Via and the contact name another address
// than the datagram came from.
func throughFlow(contact string, flow sip.Flow, via string) bool {
	if flow.Transport.Stream() {
		return true
	}
	if !flow.Remote.IsValid() {
		return false
	}
	u, err := sip.ParseURI(contact)
	if err != nil {
		return false
	}
	said, err := netip.ParseAddr(strings.Trim(u.Host, "[]"))
	if err != nil || said == flow.Remote.Addr() {
		return false
	}
	if v, err := netip.ParseAddr(strings.Trim(via, "[]")); err == nil && v == flow.Remote.Addr() {
		return false // the phone knows its address and means another one
	}
	return true
}
