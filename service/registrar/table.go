package registrar

import (
	"cmp"
	"hash/maphash"
	"math"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"santral/sip"
	"santral/store"
)

// binding is one contact of an AOR (RFC 3261 §10). Its strings are its own: none of them shares the
// memory of a whole message, so that a million bindings fit in a gigabyte.
type binding struct {
	contact    string // URI as registered, without angle brackets
	instance   string // +sip.instance, "" for none (RFC 5626 §4.1)
	path       string // Path values, a line each, "" for none (RFC 3327)
	callID     string
	userAgent  string
	flow       sip.Flow // how the REGISTER came
	byFlow     bool     // reached on flow rather than at contact
	event      store.BindingEvent
	q          uint16 // thousandths
	granted    uint16 // seconds from when it was last said to expires
	cseq       uint32
	regID      uint32 // reg-id, 0 for none (RFC 5626 §4.2)
	expires    int64  // Unix milliseconds
	registered int64  // Unix milliseconds, the first time
}

// aor names an account in the table.
type aor struct{ tenant, account string }

// table holds the bindings of all accounts, split so that shards rarely meet on a lock.
type table struct {
	seed maphash.Seed
	part [64]part

	mu   sync.Mutex
	hung map[sip.Flow][]aor // accounts with a binding on a connection, as far as they are known

	moves atomic.Uint64 // how often a phone came, went, or came by another way; never 0
}

// part is a share of the table. Its lists are never changed in place: whoever got one may read it.
type part struct {
	change sync.Mutex // held from a change to its journaling, so that both have one order

	mu    sync.Mutex
	aors  map[aor][]binding
	ended []ending // what has ended of late, oldest first, at most maxEnded
}

// ending is a binding that is no more.
type ending struct {
	at  time.Time
	row store.Binding
}

// maxEnded bounds what a part remembers of bindings that have ended: whoever asks for more of them at
// once learns only that they are gone.
const maxEnded = 256

func newTable() *table {
	t := &table{seed: maphash.MakeSeed(), hung: map[sip.Flow][]aor{}}
	t.moves.Store(1)
	for i := range t.part {
		t.part[i].aors = map[aor][]binding{}
	}
	return t
}

func (t *table) of(key aor) *part {
	return &t.part[maphash.Comparable(t.seed, key)%uint64(len(t.part))]
}

func (p *part) get(key aor) []binding {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.aors[key]
}

func (p *part) put(key aor, list []binding) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(list) == 0 {
		delete(p.aors, key)
		return
	}
	p.aors[key] = list
}

// live gives the bindings of an AOR that have not expired, best first.
func (t *table) live(key aor, now time.Time) []binding {
	var list []binding
	for _, b := range t.of(key).get(key) {
		if b.expires > now.UnixMilli() {
			list = append(list, b)
		}
	}
	return list
}

// accounts gives the first n accounts in the order of tenant and number, beginning with from.
func (t *table) accounts(from aor, n int) []aor {
	var list []aor
	for i := range t.part {
		p := &t.part[i]
		p.mu.Lock()
		for key := range p.aors {
			if compare(key, from) >= 0 {
				list = append(list, key)
			}
		}
		p.mu.Unlock()
		if i == len(t.part)-1 || len(list) > 4*n {
			slices.SortFunc(list, compare)
			list = list[:min(n, len(list))]
		}
	}
	return list
}

func compare(a, b aor) int {
	return cmp.Or(strings.Compare(a.tenant, b.tenant), strings.Compare(a.account, b.account))
}

// hang notes that an account has a binding on a connection.
func (t *table) hang(flow sip.Flow, key aor) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if list := t.hung[flow]; !slices.Contains(list, key) {
		t.hung[flow] = append(list, key)
	}
}

// hungOn gives the accounts that may have a binding on a connection that has ended, and forgets it.
func (t *table) hungOn(flow sip.Flow) []aor {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := t.hung[flow]
	delete(t.hung, flow)
	return list
}

// remember notes what has ended.
func (p *part) remember(gone []store.Binding, now time.Time) {
	if len(gone) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, row := range gone[max(0, len(gone)-maxEnded):] {
		p.ended = append(p.ended, ending{now, row})
	}
	p.ended = slices.Delete(p.ended, 0, max(0, len(p.ended)-maxEnded))
}

// forget lets go of what ended before a time.
func (p *part) forget(before time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for n < len(p.ended) && p.ended[n].at.Before(before) {
		n++
	}
	if p.ended = slices.Delete(p.ended, 0, n); len(p.ended) == 0 {
		p.ended = nil
	}
}

// recent gives the bindings of an account that have ended since a time and are not among the live ones.
func (p *part) recent(key aor, since time.Time, live []store.Binding) (rows []store.Binding) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.ended) - 1; i >= 0; i-- {
		e := &p.ended[i]
		if e.at.Before(since) {
			break
		}
		same := func(b store.Binding) bool { return b.Key() == e.row.Key() }
		if e.row.Tenant == key.tenant && e.row.Account == key.account && !slices.ContainsFunc(live, same) && !slices.ContainsFunc(rows, same) {
			rows = append(rows, e.row)
		}
	}
	return rows
}

// drop removes the bindings of an account that f picks, and gives their rows with the reason; change is held.
func (p *part) drop(key aor, why store.BindingEvent, f func(*binding) bool) (gone []store.Binding) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var kept []binding
	for _, b := range p.aors[key] {
		if f(&b) {
			row := b.row(key)
			row.Event = why
			gone = append(gone, row)
		} else {
			kept = append(kept, b)
		}
	}
	switch {
	case len(kept) == 0:
		delete(p.aors, key)
	case len(gone) > 0:
		p.aors[key] = kept
	}
	return gone
}

// expire removes what ended before now, in Unix milliseconds, and gives its rows; change is held.
func (p *part) expire(now int64) (gone []store.Binding) {
	over := func(b *binding) bool { return b.expires <= now }
	p.mu.Lock()
	var keys []aor
	for key, list := range p.aors {
		for i := range list {
			if over(&list[i]) {
				keys = append(keys, key)
				break
			}
		}
	}
	p.mu.Unlock()
	for _, key := range keys {
		gone = append(gone, p.drop(key, store.BindingExpired, over)...)
	}
	return gone
}

// onConnection reports whether a binding ends with its connection: not when that is a proxy's.
func (b *binding) onConnection() bool { return b.flow.Transport.Stream() && b.path == "" }

// refreshed gives when a binding was last said, in Unix milliseconds.
func (b *binding) refreshed() int64 { return b.expires - int64(b.granted)*1000 }

func (b *binding) row(key aor) store.Binding {
	flow := ""
	var path []string
	if b.path != "" {
		path = strings.Split(b.path, "\n")
	}
	if b.flow.Remote.IsValid() {
		flow = b.flow.String()
	}
	return store.Binding{
		Tenant: key.tenant, Account: key.account, Contact: b.contact, Flow: flow, Path: path, CallID: b.callID, CSeq: b.cseq,
		InstanceID: b.instance, RegID: b.regID, UserAgent: b.userAgent, Q: int(b.q), Refreshed: time.UnixMilli(b.refreshed()).UTC(),
		Expires: time.UnixMilli(b.expires).UTC(), Registered: time.UnixMilli(b.registered).UTC(),
		Event: b.event,
	}
}

func fromRow(row store.Binding) (aor, binding) {
	flow, _ := sip.ParseFlow(row.Flow)
	b := binding{
		contact: row.Contact, instance: row.InstanceID, path: strings.Join(row.Path, "\n"), callID: row.CallID, userAgent: row.UserAgent,
		flow: flow, cseq: row.CSeq, regID: row.RegID, q: uint16(row.Q), expires: row.Expires.UnixMilli(), registered: row.Registered.UnixMilli(),
	}
	if !row.Refreshed.IsZero() {
		b.granted = uint16(min(max(row.Expires.Sub(row.Refreshed)/time.Second, 0), math.MaxUint16))
	}
	b.byFlow = flow.Remote.IsValid() // the flow is kept where it is needed
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
