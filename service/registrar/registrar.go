// Package registrar keeps where every account can be reached: it answers REGISTER (RFC 3261 §10) and
// tells calls the contacts of an account. It owns the table of bindings; a journal that it is handed
// keeps them over a restart. Who may register what is told by the door, before it is asked here.
package registrar

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"santral/base/id"
	"santral/sip"
	"santral/store"
	"santral/tenant"
)

// Bounds of a registration.
const (
	MaxBindings    = 20   // of one AOR; a new one beyond displaces the one that expires first
	DefaultExpires = 3600 // seconds, when the phone names none
	MinExpires     = 60   // seconds; less is refused with 423 (RFC 3261 §10.3)
	MaxExpires     = 7200 // seconds; more is shortened
	sweepEvery     = time.Minute
	recently       = time.Minute // how long a binding that has ended is told of
)

// Config is what a registrar is made of.
type Config struct {
	Journal store.Bindings
	Current func() *tenant.Snapshot
	Alive   func(sip.Flow) bool // whether a connection is still open; nil when all are

	// Changed is told after the bindings of an account have changed; nil for nobody. It must not block, and
	// may be called at once from several goroutines: [Registrar.Bindings] says what is so now.
	Changed func(tenant, account string)

	// Edges tells which addresses are proxies of the operator's own before phones (RFC 5626 §5): their Path
	// is believed. nil for none.
	Edges func(netip.Addr) bool
	// SentBy is the host and port of ours that the peer of a flow can reach; nil gives no Service-Route.
	SentBy func(sip.Flow) sip.HostPort
	// Secret makes flow tokens and temporary GRUUs good over a restart.
	Secret [32]byte
	Random *id.Source // nil means id.Random()
	Port   uint16     // that a GRUU names as long as no flow of the phone is known; 0 for SIP's own
}

// Registrar keeps bindings. It is safe for concurrent use.
type Registrar struct {
	cfg   Config
	table *table
	keys  *keys
	stop  chan struct{}
	done  chan struct{}
}

// New makes a registrar with the bindings that the journal brought back. Those that came over a
// connection are gone with it, as are those that have expired.
func New(cfg Config, saved []store.Binding) *Registrar {
	if cfg.Random == nil {
		cfg.Random = id.Random()
	}
	r := &Registrar{cfg: cfg, table: newTable(), keys: newKeys(cfg.Secret, cfg.Random), stop: make(chan struct{}), done: make(chan struct{})}
	now := time.Now().UnixMilli()
	var gone []store.Binding
	for _, row := range saved {
		key, b := fromRow(row)
		if b.expires <= now || b.onConnection() {
			gone = append(gone, row)
			continue
		}
		p := r.table.of(key)
		p.aors[key] = append(p.aors[key], b)
	}
	for i := range r.table.part {
		for _, list := range r.table.part[i].aors {
			sortBest(list)
		}
	}
	r.save(nil, gone, nil)
	go r.sweep()
	return r
}

// Close ends the registrar's own goroutine.
func (r *Registrar) Close() {
	close(r.stop)
	<-r.done
}

// sweep forgets what has expired, so that phones that went away leave no memory behind.
func (r *Registrar) sweep() {
	defer close(r.done)
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-r.stop:
			return
		case now := <-tick.C:
			for i := range r.table.part {
				p := &r.table.part[i]
				p.change.Lock()
				gone := p.expire(now.UnixMilli())
				p.forget(now.Add(-recently))
				p.remember(gone, now)
				r.save(nil, gone, nil)
				p.change.Unlock()
				if len(gone) > 0 {
					r.table.moves.Add(1)
				}
				slices.SortFunc(gone, func(a, b store.Binding) int { return compare(aor{a.Tenant, a.Account}, aor{b.Tenant, b.Account}) })
				for i := range gone {
					if i == 0 || gone[i].Tenant != gone[i-1].Tenant || gone[i].Account != gone[i-1].Account {
						r.changed(aor{gone[i].Tenant, gone[i].Account})
					}
				}
			}
		}
	}
}

// Closed forgets the bindings of a connection that has ended.
func (r *Registrar) Closed(flow sip.Flow) {
	for _, key := range r.table.hungOn(flow) {
		p := r.table.of(key)
		p.change.Lock()
		gone := p.drop(key, store.BindingDeactivated, func(b *binding) bool { return b.flow == flow && b.onConnection() })
		p.remember(gone, time.Now())
		r.save(nil, gone, nil)
		p.change.Unlock()
		if len(gone) > 0 {
			r.table.moves.Add(1)
			r.changed(key)
		}
	}
}

// Forget ends the bindings of an account, as of one that is there no more.
func (r *Registrar) Forget(tenant, account string) {
	key := aor{tenant, account}
	p := r.table.of(key)
	p.change.Lock()
	gone := p.drop(key, store.BindingDeactivated, func(*binding) bool { return true })
	p.remember(gone, time.Now())
	r.save(nil, gone, nil)
	p.change.Unlock()
	if len(gone) > 0 {
		r.table.moves.Add(1)
		r.changed(key)
	}
}

func (r *Registrar) changed(key aor) {
	if r.cfg.Changed != nil {
		r.cfg.Changed(key.tenant, key.account)
	}
}

// Bindings gives the live bindings of an account, best first, and behind them those that have ended within
// the last minute, as far as they are remembered: [store.BindingEvent.Ended] tells them apart.
func (r *Registrar) Bindings(tenant, account string) []store.Binding {
	key := aor{tenant, account}
	var rows []store.Binding
	now := time.Now()
	for _, b := range r.table.live(key, now) {
		rows = append(rows, b.row(key))
	}
	return append(rows, r.table.of(key).recent(key, now.Add(-recently), rows)...)
}

// Cursor names a place in the list of all bindings: that of the given one.
func Cursor(b *store.Binding) string {
	return b.Tenant + "/" + b.Account + "/" + place(b.Contact, b.RegID, b.InstanceID)
}

// place orders the bindings of an account. A contact has no space in it.
func place(contact string, regID uint32, instance string) string {
	if regID == 0 {
		return contact
	}
	return fmt.Sprintf("%s %010d %s", contact, regID, instance)
}

func (b *binding) place() string { return place(b.contact, b.regID, b.instance) }

// List gives the live bindings of all accounts in the order of tenant, account and contact, at most
// limit of them, beginning behind the place that after names ([Cursor], "" for the first).
func (r *Registrar) List(after string, limit int) []store.Binding {
	var from store.BindingKey
	from.Tenant, after, _ = strings.Cut(after, "/")
	from.Account, from.Contact, _ = strings.Cut(after, "/")
	var rows []store.Binding
	now := time.Now()
	for len(rows) < limit {
		first := aor{from.Tenant, from.Account}
		keys := r.table.accounts(first, limit+1)
		for _, key := range keys {
			list := r.table.live(key, now)
			slices.SortFunc(list, func(a, b binding) int { return strings.Compare(a.place(), b.place()) })
			for i := range list {
				if (key != first || list[i].place() > from.Contact) && len(rows) < limit {
					rows = append(rows, list[i].row(key))
				}
			}
		}
		if len(keys) <= limit {
			break
		}
		last := keys[limit]
		from = store.BindingKey{Tenant: last.tenant, Account: last.account, Contact: "\xff"} // behind every contact
	}
	return rows
}

// Count gives how many bindings there are by transport.
func (r *Registrar) Count() map[sip.Transport]int {
	count := map[sip.Transport]int{}
	for i := range r.table.part {
		p := &r.table.part[i]
		p.mu.Lock()
		for _, list := range p.aors {
			for j := range list {
				count[list[j].flow.Transport]++
			}
		}
		p.mu.Unlock()
	}
	return count
}
