// Package trunk keeps the ways to other exchanges: it registers at carriers, asks how they are, and tells
// calls which places of a trunk to try.
//
// What lives here: the registration of each trunk that registers (register), the health of each of its
// places (health), where calls go and where they may come from (reach), the rules that change its
// messages (rules), and what is shown of all that (status). What does not live here: who is let in
// (access), which trunks a number takes (route), and the call itself.
//
// [Trunks] owns everything, each trunk behind a leaf mutex of its own. Registrations and questions run on
// the endpoint's shards; nothing here waits.
package trunk

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"santral/access"
	"santral/base/id"
	"santral/call"
	"santral/sip"
	"santral/sip/endpoint"
	"santral/tenant"
)

// Config is what Trunks are made of. Current and Shard are required.
type Config struct {
	Current func() *tenant.Snapshot
	Shard   func(callID string) *endpoint.Shard
	// Contacts tells where a PBX that registers here is, by its user name; nil for none.
	Contacts call.Contacts
	// Resolve gives the hops of a URI (RFC 3263): calls of a carrier may come from there. nil lets them come
	// only from where a REGISTER was answered. It may wait.
	Resolve   func(ctx context.Context, uri sip.URI) ([]sip.Hop, error)
	Random    *id.Source // nil means id.Random()
	UserAgent string
	Allow     string       // the methods that we serve, as a header value
	Log       *slog.Logger // nil logs nothing
}

// Trunks are the trunks of one exchange. It is safe for concurrent use.
type Trunks struct {
	cfg Config
	now atomic.Pointer[roster]

	at     atomic.Pointer[map[netip.Addr][]access.Carrier] // where registrars were found
	atMu   sync.Mutex                                      // held while at is made anew
	closed atomic.Bool

	windows sync.Map // name → *window: how each did lately

	calling  sync.Mutex // held while the roster is made anew
	started  bool
	changing sync.WaitGroup // trunks that are being stopped and started
}

// roster is the trunks of a snapshot. Nothing of it changes.
type roster struct {
	of   *tenant.Snapshot
	list []*trunk // in the order of tenant and name
	by   map[name]*trunk
	wide []network // addresses that documents name for trunks that register
}

type name struct{ tenant, trunk string }

type network struct {
	prefix netip.Prefix
	of     access.Carrier
}

// trunk is one trunk as it stands now.
type trunk struct {
	// parameters
	house *Trunks
	said  atomic.Pointer[tenant.Trunk] // what the document says of it now
	token string                       // user of our Contact

	// machines, each on the shard of its Call-ID
	reg  *registration // nil for a trunk that does not register
	asks []*ask

	mu       sync.Mutex // a leaf
	places   []*place
	state    Registration
	routes   []string                 // Service-Route of the last answer (RFC 3608)
	realm    string                   // that the registrar's challenge named
	found    map[netip.Addr]time.Time // where the registrar and the places were found, until when it holds
	turn     float64                  // what a place that returns has saved up for its next call
	failures uint64
}

// noun is what the document says of the trunk.
func (k *trunk) noun() *tenant.Trunk { return k.said.Load() }

// New makes the trunks of the current snapshot. Nothing is sent before Start.
func New(cfg Config) *Trunks {
	if cfg.Random == nil {
		cfg.Random = id.Random()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	t := &Trunks{cfg: cfg}
	t.call()
	return t
}

// call makes the roster of the current snapshot: trunks that are as they were are the same. gone are those that are not in it
// any more, fresh those that come, for the same name an entry in both.
func (t *Trunks) call() (gone, fresh map[name]*trunk) {
	t.calling.Lock()
	defer t.calling.Unlock()
	old, s := t.now.Load(), t.cfg.Current()
	if old != nil && old.of == s {
		return nil, nil
	}
	now := &roster{of: s, by: map[name]*trunk{}}
	gone, fresh = map[name]*trunk{}, map[name]*trunk{}
	if old != nil {
		maps.Copy(gone, old.by)
	}
	for noun := range s.Trunks() {
		id := name{noun.Tenant, noun.Name}
		k := gone[id]
		if k != nil && k.noun().SameWay(noun) {
			k.said.Store(noun)
			delete(gone, id)
		} else {
			k = newTrunk(t, noun)
			fresh[id] = k
		}
		now.list = append(now.list, k)
		now.by[id] = k
		if k.reg != nil {
			for _, p := range noun.Addresses {
				now.wide = append(now.wide, network{p, k.carrier()})
			}
		}
	}
	slices.SortFunc(now.list, func(a, b *trunk) int { return compare(a.noun(), b.noun()) })
	t.now.Store(now)
	return gone, fresh
}

func newTrunk(t *Trunks, noun *tenant.Trunk) *trunk {
	k := &trunk{house: t, token: token(noun), found: map[netip.Addr]time.Time{}}
	k.said.Store(noun)
	for _, uri := range noun.To {
		k.places = append(k.places, &place{uri: uri, since: time.Now()})
	}
	if noun.Mode == tenant.Registers {
		k.reg = newRegistration(k)
	}
	return k
}

func compare(a, b *tenant.Trunk) int {
	if a.Tenant != b.Tenant {
		if a.Tenant < b.Tenant {
			return -1
		}
		return 1
	}
	if a.Name < b.Name {
		return -1
	}
	if a.Name > b.Name {
		return 1
	}
	return 0
}

// token is the user of the Contact that we register with: nobody who does not know the password can tell
// it before, and it is the same after a restart, when the carrier still has the old registration.
func token(noun *tenant.Trunk) string {
	secret := noun.Credential.Password
	for _, algorithm := range slices.Sorted(maps.Keys(noun.Credential.HA1)) {
		secret += noun.Credential.HA1[algorithm]
	}
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte("contact\x00" + noun.Tenant + "\x00" + noun.Name + "\x00" + noun.User))
	return hex.EncodeToString(h.Sum(nil)[:10])
}

func (k *trunk) carrier() access.Carrier {
	c := access.Carrier{Tenant: k.noun().Tenant, Trunk: k.noun().Name, User: k.token}
	if k.noun().GIN {
		c.User = ""
	}
	return c
}

// Start begins to register and to ask.
func (t *Trunks) Start() {
	t.calling.Lock()
	t.started = true
	list := t.now.Load().list
	t.calling.Unlock()
	for _, k := range list {
		k.start()
	}
}

func (k *trunk) start() {
	if k.reg != nil {
		k.reg.start()
	}
	if k.noun().Options > 0 {
		k.askAll()
	}
}

// stop takes the registration back and asks no more; what it gives is closed when that is done, nil for nothing to do.
func (k *trunk) stop() <-chan struct{} {
	for _, a := range k.asks {
		a.stop()
	}
	if k.reg != nil {
		return k.reg.stop()
	}
	return nil
}

// changeTime is how long a carrier has to take a registration back before the one that follows it begins.
const changeTime = 4 * time.Second

// Update has the trunks be those of the current snapshot. Those that are as they were go on untouched; the registrations of
// others are taken back, and then those that are new begin. It does not wait.
func (t *Trunks) Update() {
	gone, fresh := t.call()
	if len(gone)+len(fresh) == 0 || t.closed.Load() {
		return
	}
	t.publish()
	t.calling.Lock()
	started := t.started
	t.calling.Unlock()
	if !started {
		return
	}
	for id, k := range gone {
		after := fresh[id]
		delete(fresh, id)
		t.changing.Add(1)
		go func() {
			defer t.changing.Done()
			t.change(k, after)
		}()
	}
	for _, k := range fresh {
		k.log(slog.LevelInfo, "trunk is new")
		k.start()
	}
}

// change stops a trunk, and starts the one that takes its place.
func (t *Trunks) change(old, after *trunk) {
	if done := old.stop(); done != nil {
		timer := time.NewTimer(changeTime)
		select {
		case <-done:
		case <-timer.C:
		}
		timer.Stop()
	}
	if after == nil {
		old.log(slog.LevelInfo, "trunk is gone")
		return
	}
	after.log(slog.LevelInfo, "trunk is changed")
	if !t.closed.Load() {
		after.start()
	}
}

// Stop takes registrations back, as long as ctx allows, and asks no more.
func (t *Trunks) Stop(ctx context.Context) {
	t.closed.Store(true)
	t.changing.Wait()
	var waiting []<-chan struct{}
	for _, k := range t.now.Load().list {
		if done := k.stop(); done != nil {
			waiting = append(waiting, done)
		}
	}
	for _, done := range waiting {
		select {
		case <-done:
		case <-ctx.Done():
			return
		}
	}
}

// find gives a trunk, or nil.
func (t *Trunks) find(tenantID, trunkName string) *trunk {
	if t.now.Load().of != t.cfg.Current() { // a call is quicker than whoever tells of the new snapshot
		t.Update()
	}
	return t.now.Load().by[name{tenantID, trunkName}]
}

// log tells of a trunk.
func (k *trunk) log(level slog.Level, text string, args ...any) {
	k.house.cfg.Log.Log(context.Background(), level, text, append([]any{"tenant", k.noun().Tenant, "trunk", k.noun().Name}, args...)...)
}
