// Package registrar keeps where every account can be reached: it answers REGISTER (RFC 3261 §10) and
// tells calls the contacts of an account. It owns the table of bindings; a journal that it is handed
// keeps them over a restart. Who may register what is told by the door, before it is asked here.
package registrar

import (
	"errors"
	"sort"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"santral/call"
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
)

// Config is what a registrar is made of.
type Config struct {
	Journal store.Bindings
	Current func() *tenant.Snapshot
	Alive   func(sip.Flow) bool // whether a connection is still open; nil when all are
}

// Registrar keeps bindings. It is safe for concurrent use.
type Registrar struct {
	cfg   Config
	table *table
	stop  chan struct{}
	done  chan struct{}
}

// New makes a registrar with the bindings that the journal brought back. Those that came over a
// connection are gone with it, as are those that have expired.
func New(cfg Config, saved []store.Binding) *Registrar {
	r := &Registrar{cfg: cfg, table: newTable(), stop: make(chan struct{}), done: make(chan struct{})}
	now := time.Now().UnixMilli()
	for _, row := range saved {
		key, b := fromRow(row)
		if b.expires > now && !b.flow.Transport.Stream() {
			p := r.table.of(key)
			p.aors[key] = append(p.aors[key], b)
		}
	}
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
			r.forget(func(b *binding) bool { return b.expires <= now.UnixMilli() })
		}
	}
}

// Closed forgets the bindings of a connection that has ended.
func (r *Registrar) Closed(flow sip.Flow) {
	r.forget(func(b *binding) bool { return b.flow == flow })
}

func (r *Registrar) forget(f func(*binding) bool) {
	if gone := r.table.drop(f); len(gone) > 0 {
		r.save(nil, gone, func() {})
	}
}

// Contacts implements call.Contacts: the account's live bindings, best first.
func (r *Registrar) Contacts(tenantID, account string) (targets []call.Target, ok bool) {
	if r.cfg.Current().Account(tenantID, account) == nil {
		return nil, false
	}
	for _, b := range r.table.live(aor{tenantID, account}, time.Now()) {
		t := call.Target{URI: b.contact, Device: b.instance}
		if t.Device == "" {
			t.Device = b.userAgent
		}
		if b.byFlow {
			if r.cfg.Alive != nil && !r.cfg.Alive(b.flow) {
				continue
			}
			t.Flow = b.flow.String()
		}
		targets = append(targets, t)
	}
	return targets, true
}

// List gives the live bindings of all accounts in the order of tenant and account, at most limit of
// them, beginning behind the account named by after ("tenant/account", "" for the first).
func (r *Registrar) List(after string, limit int) []store.Binding {
	var rows []store.Binding
	now := time.Now().UnixMilli()
	for i := range r.table.part {
		p := &r.table.part[i]
		p.mu.Lock()
		for key, list := range p.aors {
			if after != "" && key.tenant+"/"+key.account <= after {
				continue
			}
			for j := range list {
				if list[j].expires > now {
					rows = append(rows, list[j].row(key))
				}
			}
		}
		p.mu.Unlock()
	}
	sort.Slice(rows, func(i, j int) bool {
		a, b := &rows[i], &rows[j]
		if a.Tenant != b.Tenant {
			return a.Tenant < b.Tenant
		}
		if a.Account != b.Account {
			return a.Account < b.Account
		}
		return a.Contact < b.Contact
	})
	return rows[:min(limit, len(rows))]
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

// Register answers a REGISTER of an authenticated account that owns the AOR. respond is called
// once, perhaps later and on another goroutine: a 200 goes out only when the bindings are safe.
func (r *Registrar) Register(req *sip.Message, flow sip.Flow, who call.Party, respond func(*sip.Message)) {
	now := time.Now()
	u, refusal := readUpdate(req, flow)
	if refusal != nil {
		respond(refusal)
		return
	}
	key := aor{who.Tenant, who.Account}
	p := r.table.of(key)
	p.mu.Lock()
	after, changed, gone, err := u.apply(p.aors[key], now)
	if err == nil {
		if len(after) == 0 {
			delete(p.aors, key)
		} else {
			p.aors[key] = after
		}
	}
	answer := append([]binding(nil), after...)
	p.mu.Unlock()
	if err != nil {
		respond(sip.NewResponse(req, 500, "Registration Out Of Order"))
		return
	}
	res := sip.NewResponse(req, 200, "")
	for i := range answer {
		res.Add(sip.Contact, answer[i].value(now))
	}
	res.Set(sip.Date, now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	if len(changed) == 0 && len(gone) == 0 {
		respond(res)
		return
	}
	r.save(rows(key, changed), rows(key, gone), func() { respond(res) })
}

// save journals bindings that went and bindings that changed; done runs once all are safe.
func (r *Registrar) save(changed, gone []store.Binding, done func()) {
	var left atomic.Int32
	left.Store(int32(len(changed) + len(gone)))
	one := func() {
		if left.Add(-1) == 0 {
			done()
		}
	}
	for i := range gone {
		r.cfg.Journal.Delete(gone[i].Key(), one)
	}
	for i := range changed {
		r.cfg.Journal.Put(&changed[i], one)
	}
}

func rows(key aor, list []binding) []store.Binding {
	out := make([]store.Binding, len(list))
	for i := range list {
		out[i] = list[i].row(key)
	}
	return out
}

// value is a Contact value of the answer: the URI with its time left (RFC 3261 §10.3.8).
func (b *binding) value(now time.Time) string {
	left := (b.expires - now.UnixMilli() + 999) / 1000
	v := make([]byte, 0, len(b.contact)+len(b.instance)+48)
	v = append(append(append(v, '<'), b.contact...), ">;expires="...)
	v = strconv.AppendInt(v, left, 10)
	if b.q != 1000 {
		v = append(v, ";q="...)
		v = strconv.AppendFloat(v, float64(b.q)/1000, 'f', -1, 64)
	}
	if b.instance != "" {
		v = append(append(append(v, `;+sip.instance="`...), b.instance...), '"')
	}
	return string(v)
}

var errOrder = errors.New("an older REGISTER of the same Call-ID")

// update is what a REGISTER asks for.
type update struct {
	callID   string
	cseq     uint32
	all      bool // Contact: *
	contacts []binding
}

// readUpdate reads the contacts of a REGISTER; a refusal answers what can't be (RFC 3261 §10.3).
func readUpdate(req *sip.Message, flow sip.Flow) (u update, refusal *sip.Message) {
	cseq, err := req.CSeq()
	if err != nil {
		return u, sip.NewResponse(req, 400, "Bad CSeq")
	}
	u.callID, u.cseq = strings.Clone(req.CallID()), cseq.Seq
	standard := DefaultExpires
	if e, ok := req.Expires(); ok {
		standard = e
	}
	via := ""
	if v, err := req.Via(); err == nil {
		via = v.Host
	}
	count := 0
	for c, err := range req.Contacts() {
		count++
		switch {
		case err != nil:
			return u, sip.NewResponse(req, 400, "Bad Contact")
		case c.IsStar():
			u.all = true
			continue
		case count > MaxBindings:
			return u, sip.NewResponse(req, 403, "Too Many Contacts")
		}
		seconds := standard
		if e, ok := c.Expires(); ok {
			seconds = e
		}
		if seconds > 0 && seconds < MinExpires {
			res := sip.NewResponse(req, 423, "")
			res.Set(sip.MinExpires, strconv.Itoa(MinExpires))
			return u, res
		}
		switch c.URI.Scheme {
		case "sip", "sips":
		default:
			return u, sip.NewResponse(req, 416, "")
		}
		instance, _ := c.Params.Get("+sip.instance")
		q := 1000
		if text, ok := c.Params.Get("q"); ok {
			if f, err := strconv.ParseFloat(text, 64); err == nil && f >= 0 && f <= 1 {
				q = int(f * 1000)
			}
		}
		uri := c.URI
		uri.Headers = ""
		u.contacts = append(u.contacts, binding{
			contact: uri.String(), instance: strings.Clone(instance), callID: u.callID, userAgent: bounded(req.Get(sip.UserAgent)),
			flow: flow, byFlow: throughFlow(uri.String(), flow, via), cseq: u.cseq, q: uint16(q),
			expires: int64(min(seconds, MaxExpires)) * 1000, // from now; apply makes it absolute
		})
	}
	if u.all && (count > 1 || standard != 0 || !req.Has(sip.Expires)) {
		return u, sip.NewResponse(req, 400, "Contact: * Stands Alone With Expires: 0")
	}
	return u, nil
}

const maxUserAgent = 80 // octets of a User-Agent that are kept

func bounded(s string) string { return strings.Clone(s[:min(len(s), maxUserAgent)]) }

// apply gives the bindings after the update. Everything happens or nothing (RFC 3261 §10.3.7).
func (u *update) apply(before []binding, now time.Time) (after, changed, gone []binding, err error) {
	for _, b := range before {
		if b.expires > now.UnixMilli() {
			after = append(after, b)
		} else {
			gone = append(gone, b)
		}
	}
	for i := range after {
		touched := u.all
		for j := range u.contacts {
			touched = touched || after[i].same(&u.contacts[j])
		}
		if touched && after[i].callID == u.callID && u.cseq <= after[i].cseq {
			return before, nil, nil, errOrder
		}
	}
	if u.all {
		return nil, nil, append(gone, after...), nil
	}
	for _, c := range u.contacts {
		seconds := c.expires
		c.expires, c.registered = now.UnixMilli()+seconds, now.UnixMilli()
		for i := range after {
			if !after[i].same(&c) {
				continue
			}
			c.registered = after[i].registered
			if seconds == 0 || c.contact != after[i].contact {
				gone = append(gone, after[i]) // removed, or the same instance at a new address
			}
			after = append(after[:i:i], after[i+1:]...)
			break
		}
		if seconds > 0 {
			changed = append(changed, c)
			after = append(after, c)
		}
	}
	for len(after) > MaxBindings {
		first := 0
		for i := range after {
			if after[i].expires < after[first].expires {
				first = i
			}
		}
		gone = append(gone, after[first])
		after = append(after[:first:first], after[first+1:]...)
	}
	sort.SliceStable(after, func(i, j int) bool { return after[i].q > after[j].q })
	return after, changed, gone, nil
}

// same reports whether two bindings are one contact: the same instance, or equal URIs
// (RFC 3261 §10.3, RFC 5626 §6).
func (b *binding) same(c *binding) bool {
	if b.instance != "" && b.instance == c.instance {
		return true
	}
	if b.contact == c.contact {
		return true
	}
	x, err1 := sip.ParseURI(b.contact)
	y, err2 := sip.ParseURI(c.contact)
	return err1 == nil && err2 == nil && x.Equal(y)
}
