package registrar

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"santral/call"
	"santral/sip"
	"santral/store"
)

// Register answers a REGISTER of an authenticated account that owns the AOR. respond is called
// once, perhaps later and on another goroutine: a 200 goes out only when the bindings are safe. It
// must not change bindings itself.
func (r *Registrar) Register(req *sip.Message, flow sip.Flow, who call.Party, respond func(*sip.Message)) {
	now := time.Now()
	u, refusal := r.readUpdate(req, flow)
	if refusal == nil {
		refusal = u.bulk(req, who)
	}
	if refusal != nil {
		respond(refusal)
		return
	}
	key := aor{who.Tenant, who.Account}
	p := r.table.of(key)
	p.change.Lock()
	before := p.get(key)
	after, err := u.apply(before, now)
	if err != nil {
		p.change.Unlock()
		respond(sip.NewResponse(req, 500, "Registration Out Of Order"))
		return
	}
	p.put(key, after)
	if !slices.EqualFunc(before, after, binding.stays) {
		r.table.moves.Add(1)
	}
	res := sip.NewResponse(req, 200, "")
	host := ""
	if u.gruu {
		if to, err := req.To(); err == nil {
			host = to.URI.Host
		}
	}
	for i := range after {
		v := after[i].value(now)
		if host != "" && after[i].instance != "" {
			v = r.withGRUUs(v, key, &after[i], host, now)
		}
		res.Add(sip.Contact, string(v))
	}
	r.options(res, req, &u, flow)
	res.Set(sip.Date, now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	changed, gone := difference(key, before, after)
	for i := range gone {
		gone[i].Event = u.ending(&gone[i], now)
	}
	p.remember(gone, now)
	r.save(changed, gone, func() { respond(res) })
	hung := flow.Transport.Stream() && u.path == "" && len(changed) > 0 && !on(before, flow)
	if hung {
		r.table.hang(flow, key)
	}
	p.change.Unlock()
	if len(changed)+len(gone) > 0 {
		r.changed(key)
	}
	if hung && r.cfg.Alive != nil && !r.cfg.Alive(flow) {
		r.Closed(flow) // it ended before its bindings were made
	}
}

// stays reports whether a binding is the other one refreshed.
func (b binding) stays(c binding) bool { return b.contact == c.contact && b.flow == c.flow }

func on(list []binding, flow sip.Flow) bool {
	return slices.ContainsFunc(list, func(b binding) bool { return b.flow == flow && b.onConnection() })
}

// difference gives what must be written down so that a restart finds after where before was.
func difference(key aor, before, after []binding) (changed, gone []store.Binding) {
	for i := range before {
		if !slices.ContainsFunc(after, func(b binding) bool { return b.sameKey(&before[i]) }) {
			gone = append(gone, before[i].row(key))
		}
	}
	for i := range after {
		if !slices.Contains(before, after[i]) {
			row := after[i].row(key)
			if !after[i].byFlow {
				row.Flow = "" // a restart finds by this that calls go to the contact
			}
			changed = append(changed, row)
		}
	}
	return changed, gone
}

// ending tells why a binding is no longer there after the update.
func (u *update) ending(row *store.Binding, now time.Time) store.BindingEvent {
	switch {
	case !row.Expires.After(now):
		return store.BindingExpired
	case u.all || slices.ContainsFunc(u.contacts, func(c binding) bool {
		return c.same(&binding{contact: row.Contact, instance: row.InstanceID, regID: row.RegID})
	}):
		return store.BindingUnregistered
	}
	return store.BindingDeactivated
}

// save journals bindings that went and bindings that changed; done, where not nil, runs once all are
// safe. It is called in the order in which the table changed.
func (r *Registrar) save(changed, gone []store.Binding, done func()) {
	if len(changed)+len(gone) == 0 {
		if done != nil {
			done()
		}
		return
	}
	one := done
	if n := len(changed) + len(gone); n > 1 && done != nil {
		left := new(atomic.Int32)
		left.Store(int32(n))
		one = func() {
			if left.Add(-1) == 0 {
				done()
			}
		}
	}
	for i := range gone {
		r.cfg.Journal.Delete(gone[i].Key(), one)
	}
	for i := range changed {
		r.cfg.Journal.Put(&changed[i], one)
	}
}

// value is a Contact value of the answer: the URI as the phone wrote it, with its time left
// (RFC 3261 §10.3), and the flow by its number (RFC 5626 §6).
func (b *binding) value(now time.Time) []byte {
	left := (b.expires - now.UnixMilli() + 999) / 1000
	v := make([]byte, 0, len(b.contact)+len(b.instance)+48)
	v = append(append(append(v, '<'), b.contact...), ">;expires="...)
	v = strconv.AppendInt(v, left, 10)
	if b.q != 1000 {
		v = append(v, ";q="...)
		v = strconv.AppendFloat(v, float64(b.q)/1000, 'f', -1, 64)
	}
	if b.instance != "" {
		v = append(append(v, ";+sip.instance="...), sip.Quote(b.instance)...)
	}
	if b.regID != 0 {
		v = append(v, ";reg-id="...)
		v = strconv.AppendUint(v, uint64(b.regID), 10)
	}
	return v
}

var errOrder = errors.New("an older REGISTER of the same Call-ID")

// update is what a REGISTER asks for.
type update struct {
	callID   string
	cseq     uint32
	all      bool // Contact: *
	contacts []binding
	path     string // as binding.path
	speaks   bool   // the phone says what it supports
	outbound bool   // one of the contacts is a flow of several
	gruu     bool   // the phone wants GRUUs (RFC 5627 §4.1)
	bulks    int    // contacts for many numbers at once (RFC 6140 §5.2)
	named    bool   // and one of these has a user all the same
}

// Octets of what a phone says that are kept for as long as its binding lives.
const (
	maxContact   = 1024 // URI; more is refused
	maxInstance  = 256  // more is refused
	maxUserAgent = 80   // more is cut off
)

// readUpdate reads the contacts of a REGISTER; a refusal answers what can't be (RFC 3261 §10.3).
func (r *Registrar) readUpdate(req *sip.Message, flow sip.Flow) (u update, refusal *sip.Message) {
	cseq, err := req.CSeq()
	if err != nil {
		return u, sip.NewResponse(req, 400, "Bad CSeq")
	}
	u.callID, u.cseq = strings.Clone(req.CallID()), cseq.Seq
	standard := DefaultExpires
	if e, ok := req.Expires(); ok {
		standard = e
	}
	if u.path, refusal = r.readPath(req, flow); refusal != nil {
		return u, refusal
	}
	u.speaks = req.Has(sip.Supported)
	u.gruu = u.speaks && req.HasToken(sip.Supported, "gruu")
	via := ""
	if v, err := req.Via(); err == nil {
		via = v.Host
	}
	userAgent := req.Get(sip.UserAgent)
	userAgent = strings.Clone(userAgent[:min(len(userAgent), maxUserAgent)])
	count, flows := 0, 0
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
		case !c.URI.IsSIP():
			return u, sip.NewResponse(req, 416, "")
		case c.URI.Params.Has("gr") && r.cfg.Current().Domain(c.URI.Host) != nil:
			return u, sip.NewResponse(req, 403, "A GRUU Is No Contact") // RFC 5627 §5.1: calls would go in a circle
		}
		seconds, said := standard, say(c.Params)
		if said.expires {
			if e, ok := c.Expires(); ok {
				seconds = e
			}
		}
		if seconds > 0 && seconds < MinExpires {
			res := sip.NewResponse(req, 423, "")
			res.Set(sip.MinExpires, strconv.Itoa(MinExpires))
			return u, res
		}
		c.URI.Headers = ""
		uri := c.URI.String()
		instance := said.instance
		if len(uri) > maxContact || len(instance) > maxInstance {
			return u, sip.NewResponse(req, 400, "Contact Too Long")
		}
		seconds = min(seconds, MaxExpires)
		b := binding{
			contact: uri, instance: strings.Clone(instance), path: u.path, callID: u.callID, userAgent: userAgent,
			flow: flow, byFlow: u.path == "" && throughFlow(uri, flow, via), q: quality(said.q), granted: uint16(seconds), cseq: u.cseq,
			expires: int64(seconds) * 1000, // from now; apply makes it absolute
		}
		if c.URI.Params.Has("bnc") {
			u.bulks++
			u.named = u.named || c.URI.User != ""
		}
		if instance != "" {
			if b.regID = regID(req, said.regID); b.regID != 0 {
				u.outbound = true
				b.byFlow = u.path == "" // a flow is what was registered (RFC 5626 §6)
				if flows++; flows > 1 && seconds > 0 {
					return u, sip.NewResponse(req, 400, "One Flow for Each REGISTER")
				}
			}
		}
		u.contacts = append(u.contacts, b)
	}
	if u.all && (count > 1 || standard != 0 || !req.Has(sip.Expires)) {
		return u, sip.NewResponse(req, 400, "Contact: * Stands Alone With Expires: 0")
	}
	if u.outbound && !firstHopServes(req, u.path) {
		return u, sip.NewResponse(req, 439, "")
	}
	return u, nil
}

// params are what a Contact says that is looked at here, each as it stands, "" when unsaid.
type params struct {
	instance, regID, q string
	expires            bool
}

// say reads the parameters of a Contact in one go. Of two of one name the first counts.
func say(list sip.Params) (p params) {
	set := func(to *string, v string) {
		if *to == "" {
			*to = v
		}
	}
	for name, v := range list.All() {
		switch {
		case len(name) == 1 && name[0]|0x20 == 'q':
			set(&p.q, v)
		case len(name) == 6 && strings.EqualFold(name, "reg-id"):
			set(&p.regID, v)
		case len(name) == 7 && strings.EqualFold(name, "expires"):
			p.expires = true
		case len(name) == 13 && strings.EqualFold(name, "+sip.instance"):
			set(&p.instance, v)
		}
	}
	return p
}

// quality gives a q parameter in thousandths; 1 when it is absent or none.
func quality(text string) uint16 {
	if text == "" {
		return 1000
	}
	q, err := strconv.ParseFloat(text, 64)
	if err != nil || !(q >= 0 && q <= 1) {
		return 1000
	}
	return uint16(math.Round(q * 1000))
}

// apply gives the bindings after the update, best first. Everything happens or nothing
// (RFC 3261 §10.3). before is left as it is.
func (u *update) apply(before []binding, now time.Time) (after []binding, err error) {
	at := now.UnixMilli()
	after = make([]binding, 0, len(before)+1)
	for i := range before {
		if before[i].expires > at {
			after = append(after, before[i])
		}
	}
	for i := range after {
		if b := &after[i]; b.callID == u.callID && u.cseq <= b.cseq && (u.all || slices.ContainsFunc(u.contacts, func(c binding) bool { return b.same(&c) })) {
			return nil, errOrder
		}
	}
	if u.all {
		return nil, nil
	}
	kept := len(after) // of these, how many bindings are not of this update; they stand first
	for _, c := range u.contacts {
		seconds := c.expires
		c.expires, c.registered = at+seconds, at
		for i := 0; i < len(after); {
			if !after[i].same(&c) {
				i++
				continue
			}
			if c.callID == after[i].callID || c.instance == "" {
				c.registered = min(c.registered, after[i].registered)
			}
			c.event = store.BindingRefreshed
			if c.expires < after[i].expires {
				c.event = store.BindingShortened
			}
			after = slices.Delete(after, i, i+1)
			if i < kept {
				kept--
			}
		}
		if seconds > 0 {
			after = append(after, c)
		}
	}
	for len(after) > MaxBindings {
		first := 0
		for i := range kept {
			if after[i].expires < after[first].expires {
				first = i
			}
		}
		after = slices.Delete(after, first, first+1)
		kept--
	}
	sortBest(after)
	return after, nil
}

// sortBest puts the contacts that the phone prefers first (RFC 3261 §10.2.1.2), and of equal ones
// the older first.
func sortBest(list []binding) {
	slices.SortStableFunc(list, func(a, b binding) int { return cmp.Compare(b.q, a.q) })
}

// sameKey reports whether two bindings are one to the journal.
func (b *binding) sameKey(c *binding) bool {
	return b.contact == c.contact && b.regID == c.regID && (b.regID == 0 || b.instance == c.instance)
}

// same reports whether two bindings are one: the same flow of an instance, the same instance where it keeps
// one registration, or equal URIs (RFC 3261 §10.3, RFC 5626 §6). What is not the same flow is another
// binding, whatever its contact.
func (b *binding) same(c *binding) bool {
	if b.instance != "" && b.instance == c.instance {
		return b.regID == c.regID
	}
	if b.regID != 0 || c.regID != 0 {
		return false
	}
	if b.contact == c.contact {
		return true
	}
	x, err1 := sip.ParseURI(b.contact)
	y, err2 := sip.ParseURI(c.contact)
	return err1 == nil && err2 == nil && x.Equal(y)
}
