// Package access is the exchange's door: who is there (identify, challenge), how much a source may ask
// before it has proved itself (limit, ban), and whether an account has a channel left (admit).
//
// What lives here is the judgement; sockets, transactions and calls live elsewhere and ask. A
// [Guard] owns what is remembered of sources, [Channels] the calls of each account, a [Door] only
// its settings and counters.
package access

import (
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"santral/base/id"
	"santral/call"
	"santral/sip"
	"santral/sip/digest"
	"santral/tenant"
)

// DoorConfig is what a door is made of.
type DoorConfig struct {
	Current    func() *tenant.Snapshot
	Guard      *Guard
	Algorithms []digest.Algorithm    // offered in this order
	Trusted    func(netip.Addr) bool // sources that need no proof (load tests); nil for none
	Random     *id.Source

	// Certificate gives the domains that the client certificate of a flow proves (RFC 5922 §7.1); nil for none.
	Certificate func(sip.Flow) []string
	// Carriers gives the trunks that register at an address, or whose own addresses it is one of; nil for
	// none. It must not wait.
	Carriers func(netip.Addr) []Carrier

	// Edges tells which addresses are proxies of the operator's own before phones; nil for none.
	Edges func(netip.Addr) bool

	// Urgent reports whether a request calls an emergency service; nil: none does.
	Urgent func(*sip.Message, sip.Flow) bool

	// Note is told what was refused to whom, by a word of Failures or "banned"; nil for nobody. It
	// must not wait.
	Note func(what string, req *sip.Message, flow sip.Flow)
}

// Door tells who sends a request. It is safe for concurrent use.
type Door struct {
	cfg    DoorConfig
	realms sync.Map // realm → *digest.Server
	hashes sync.Map // *tenant.Tenant or *tenant.Operator → *sync.Map of its nouns' hashes, each computed at its first use
	hashed atomic.Pointer[tenant.Snapshot]

	refused [len(failureNames)]atomic.Uint64

	mu     sync.Mutex // a leaf
	urgent bucket     // emergencies of sources that have asked too much
}

// failure is why credentials were refused.
type failure uint8

const (
	wrongCredentials failure = iota
	malformedCredentials
	foreignAOR
	overLimit
	unknownDomain
)

var failureNames = [...]string{"wrong credentials", "malformed credentials", "not the owner", "over the limit", "unknown domain"}

// NewDoor makes a door.
func NewDoor(cfg DoorConfig) *Door {
	if cfg.Trusted == nil {
		cfg.Trusted = func(netip.Addr) bool { return false }
	}
	if cfg.Note == nil {
		cfg.Note = func(string, *sip.Message, sip.Flow) {}
	}
	return &Door{cfg: cfg}
}

// Failures counts what was refused, by reason.
func (d *Door) Failures() map[string]uint64 {
	m := map[string]uint64{}
	for i, name := range failureNames {
		m[name] = d.refused[i].Load()
	}
	return m
}

// refuse counts and notes a refusal.
func (d *Door) refuse(why failure, req *sip.Message, flow sip.Flow) {
	d.refused[why].Add(1)
	from := d.Origin(req, flow)
	connection := flow.Transport.Stream() && from == flow.Remote // not one that a proxy tells of
	if from.IsValid() {
		flow.Remote = from
	}
	d.cfg.Note(failureNames[why], req, flow)
	if (why == wrongCredentials || why == malformedCredentials) && d.cfg.Guard.Wrong(from, connection, time.Now()) {
		d.cfg.Note("banned", req, flow)
	}
}

// Gate judges a new request that brings no credentials, before anything is remembered of it: it is
// dropped when its source asks too much, challenged or refused, or let in (neither).
func (d *Door) Gate(req *sip.Message, flow sip.Flow, now time.Time) (drop bool, refusal *Refusal) {
	trusted := d.cfg.Trusted(flow.Remote.Addr())
	known := trusted || d.cfg.Current().TrunkAt(flow.Remote.Addr()) != nil // a carrier's many calls are its trunk's to bound
	if !known && !d.cfg.Guard.Ask(d.Origin(req, flow), now) && !d.helps(req, flow, now) {
		d.refuse(overLimit, req, flow)
		return true, nil
	}
	switch req.Method {
	case sip.OPTIONS, sip.ACK, sip.CANCEL: // make us do nothing for anybody
		return false, nil
	case sip.BYE, sip.INFO, sip.PRACK, sip.UPDATE: // mean nothing without the dialog that they do not name
		return false, &Refusal{Status: 481}
	case sip.INVITE:
		if trusted {
			return false, nil
		}
	}
	_, refusal = d.judge(req, flow)
	return false, refusal
}

// Emergencies of sources that ask too much which are let in nevertheless: so many in a second, and so many at once. All
// such sources share them, as a number is soon forged.
const (
	urgentRate  = 10
	urgentBurst = 20
)

// helps lets an emergency in whose source has asked too much.
func (d *Door) helps(req *sip.Message, flow sip.Flow, now time.Time) bool {
	if d.cfg.Urgent == nil || req.Method != sip.INVITE || !d.cfg.Urgent(req, flow) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.urgent.take(1, urgentRate, urgentBurst, now)
}

// Refusal is what a request gets that is not let in.
type Refusal struct {
	Status  int
	Reason  string       // "" for the standard's
	Headers []sip.Header // challenges
}

// Identify tells who sends a request outside of dialogs. refusal is nil for an account or a trunk that
// has proved itself; otherwise it is the answer that the request gets. Known and unknown users are refused
// alike.
func (d *Door) Identify(req *sip.Message, flow sip.Flow) (call.Party, *sip.Message) {
	who, refusal := d.judge(req, flow)
	if refusal == nil {
		return who, nil
	}
	res := sip.NewResponse(req, refusal.Status, refusal.Reason)
	for _, h := range refusal.Headers {
		res.Add(h.Kind, h.Value)
	}
	return call.Party{}, res
}

// carrierRealm is where a carrier of the operator's proves itself to whom no tenant lends its realm.
const carrierRealm = "santral"

func (d *Door) judge(req *sip.Message, flow sip.Flow) (call.Party, *Refusal) {
	snapshot := d.cfg.Current()
	if req.Method == sip.REGISTER {
		if to, err := req.To(); err != nil || !to.URI.IsSIP() { // RFC 3261 §10.2: an AOR is a SIP or SIPS URI
			return call.Party{}, &Refusal{Status: 400, Reason: "Bad Address-of-Record"}
		}
	}
	k, proved := d.trunkAt(snapshot, req, flow)
	if proved {
		return Caller(snapshot, k, req, flow), nil
	}
	t := d.tenantOf(snapshot, req)
	carrier := k != nil && k.Tenant == tenant.OperatorID // whoever calls by one is of no tenant, whatever domain it names
	if k != nil && !carrier {
		t = snapshot.Tenant(k.Tenant) // whoever comes from there has its password to show
	}
	foreign := t == nil
	if foreign {
		t = snapshot.Default() // only who has proved itself learns which domains are here
	}
	if t == nil && !carrier {
		d.refuse(unknownDomain, req, flow)
		return call.Party{}, &Refusal{Status: 404}
	}
	realm := carrierRealm
	if t != nil {
		realm = t.Realm
	}
	if req.Method == sip.INVITE && t != nil && d.cfg.Trusted(flow.Remote.Addr()) {
		if foreign {
			return call.Party{}, &Refusal{Status: 404}
		}
		if from, err := req.From(); err == nil {
			if a := snapshot.Account(t.ID, from.URI.Username()); a != nil {
				p := party(snapshot, a, req, flow)
				p.Trusted = true
				return p, nil
			}
		}
		return call.Party{}, &Refusal{Status: 403}
	}
	find := func(user string) (*tenant.Account, *tenant.Trunk) {
		if !carrier {
			if a := snapshot.Account(t.ID, user); a != nil {
				return a, nil
			}
		}
		if !mayTrunk(req) {
			return nil, nil
		}
		if !carrier {
			if k := trunkUser(snapshot, t.ID, user, flow.Remote.Addr()); k != nil {
				return nil, k
			}
		}
		return nil, trunkUser(snapshot, tenant.OperatorID, user, flow.Remote.Addr())
	}
	user, result, challenges := d.realm(realm).Authenticate(req, sip.Authorization, flow, func(user string) (digest.HA1, bool) {
		switch a, k := find(user); {
		case a != nil:
			return d.hash(snapshot, a, realm), true
		case k != nil:
			return d.trunkHash(snapshot, k, realm), true
		}
		return digest.HA1{}, false
	})
	switch result {
	case digest.Accepted:
		d.cfg.Guard.Right(d.Origin(req, flow), time.Now())
		a, k := find(user)
		if foreign && (k == nil || k.Tenant != tenant.OperatorID) {
			d.refuse(unknownDomain, req, flow)
			return call.Party{}, &Refusal{Status: 404}
		}
		if a != nil {
			return party(snapshot, a, req, flow), nil
		}
		return Caller(snapshot, k, req, flow), nil
	case digest.Malformed:
		d.refuse(malformedCredentials, req, flow)
		return call.Party{}, &Refusal{Status: 400, Reason: "Bad Credentials"}
	case digest.Wrong:
		d.refuse(wrongCredentials, req, flow)
	}
	challenge := &Refusal{Status: 401}
	for _, c := range challenges {
		challenge.Headers = append(challenge.Headers, sip.Header{Kind: sip.WWWAuthenticate, Name: sip.WWWAuthenticate.String(), Value: c})
	}
	return call.Party{}, challenge
}

// Owns refuses a REGISTER for an AOR that is not the account's own (RFC 3261 §10.3), or not the user of
// the PBX that registers.
func (d *Door) Owns(req *sip.Message, flow sip.Flow, who call.Party) (refusal *sip.Message) {
	s := d.cfg.Current()
	owner := who.Account
	if who.Trunk != "" {
		if k := s.Trunk(who.Tenant, who.Trunk); k != nil && k.Mode == tenant.Registered {
			owner = k.User
		}
	}
	to, err := req.To()
	if err == nil && owner != "" && to.URI.Username() == owner {
		if t := s.Domain(to.URI.Host); t != nil && t.ID == who.Tenant {
			return nil
		}
	}
	d.refuse(foreignAOR, req, flow)
	return sip.NewResponse(req, 403, "")
}

// tenantOf finds the tenant that a request is for by its Request-URI's host. Within a dialog that is
// our Contact's, an address, and a telephone number has none; there From names the sender's domain.
func (d *Door) tenantOf(s *tenant.Snapshot, req *sip.Message) *tenant.Tenant {
	u, err := sip.ParseURI(req.RequestURI)
	if err != nil {
		return nil
	}
	if req.ToTag() != "" || u.IsTel() {
		if from, err := req.From(); err == nil {
			if t := s.Domain(from.URI.Host); t != nil {
				return t
			}
		}
	}
	if u.IsTel() {
		return s.Default()
	}
	return s.Domain(u.Host)
}

// party is an account that has proved itself. What its phone says of another number is not believed: it is asked for.
func party(s *tenant.Snapshot, a *tenant.Account, req *sip.Message, flow sip.Flow) call.Party {
	p := call.Party{Tenant: a.Tenant, Account: a.Number, Name: a.Name, Number: a.Number, Source: flow.Remote, Site: a.Site, Department: a.Department}
	if req.Method != sip.INVITE {
		return p
	}
	if x := s.Index(a.Tenant); x != nil {
		p.Site = x.Place(a.Site).Key()
	}
	p.Said = preferred(req, a.Number)
	return p
}

// preferred is the number that a phone wants to be known by (RFC 3325 §9.2): what it prefers, else what stands in From; ""
// where that is its own, or none.
func preferred(req *sip.Message, own string) string {
	for v := range req.Values(sip.PPreferredIdentity) {
		if a, err := sip.ParseAddress(v); err == nil && presentable(a.URI.Number()) {
			if number := a.URI.Number(); number != own {
				return number
			}
			return ""
		}
	}
	from, err := req.From()
	if err != nil {
		return ""
	}
	if number := from.URI.Number(); number != own && presentable(number) && !strings.EqualFold(number, "anonymous") {
		return number
	}
	return ""
}

// realm gives the digest server of a realm, made at its first use.
func (d *Door) realm(name string) *digest.Server {
	if s, ok := d.realms.Load(name); ok {
		return s.(*digest.Server)
	}
	s, _ := d.realms.LoadOrStore(name, digest.NewServer(digest.Config{
		Realm: name, Algorithms: d.cfg.Algorithms, Random: d.cfg.Random,
		Ours: func(h sip.HostPort) bool { return d.cfg.Current().Domain(h.Host) != nil },
	}))
	return s.(*digest.Server)
}

// hash gives the hashes of an account's password.
func (d *Door) hash(s *tenant.Snapshot, a *tenant.Account, realm string) digest.HA1 {
	return d.hashOf(s, a, a.Tenant, a.Number, realm, a.Credential)
}

// hashOf gives the hashes of the password of a noun. Those of tenants that a revision has changed are let go.
func (d *Door) hashOf(s *tenant.Snapshot, noun any, tenantID, user, realm string, c tenant.Credential) digest.HA1 {
	if old := d.hashed.Load(); old != s && d.hashed.CompareAndSwap(old, s) {
		d.hashes.Range(func(owner, _ any) bool {
			if owner != owned(s, owner) {
				d.hashes.Delete(owner)
			}
			return true
		})
	}
	var owner any = s.Operator()
	if t := s.Tenant(tenantID); t != nil {
		owner = t
	}
	known, ok := d.hashes.Load(owner)
	if !ok {
		known, _ = d.hashes.LoadOrStore(owner, new(sync.Map))
	}
	byNoun := known.(*sync.Map) // *tenant.Account or *tenant.Trunk → *digest.HA1
	if h, ok := byNoun.Load(noun); ok {
		return *h.(*digest.HA1)
	}
	var h digest.HA1
	if c.Password != "" {
		h = digest.NewHA1(user, realm, c.Password)
	} else {
		h = digest.HA1From(c.HA1)
	}
	byNoun.Store(noun, &h)
	return h
}

// owned gives who has the place of an owner in a snapshot.
func owned(s *tenant.Snapshot, owner any) any {
	if t, ok := owner.(*tenant.Tenant); ok {
		return s.Tenant(t.ID)
	}
	return s.Operator()
}
