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
	cfg  Config
	list []*trunk // in the order of tenant and name
	by   map[name]*trunk

	at     atomic.Pointer[map[netip.Addr][]access.Carrier] // where registrars were found
	wide   []network                                       // addresses that documents name for trunks that register
	atMu   sync.Mutex                                      // held while at is made anew
	closed atomic.Bool

	windows sync.Map // name → *window: how each did lately
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
	noun  *tenant.Trunk
	token string // user of our Contact

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

// New makes the trunks of the current snapshot. Nothing is sent before Start.
func New(cfg Config) *Trunks {
	if cfg.Random == nil {
		cfg.Random = id.Random()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	t := &Trunks{cfg: cfg, by: map[name]*trunk{}}
	for noun := range cfg.Current().Trunks() {
		t.add(noun)
	}
	slices.SortFunc(t.list, func(a, b *trunk) int { return compare(a.noun, b.noun) })
	return t
}

func (t *Trunks) add(noun *tenant.Trunk) {
	k := &trunk{house: t, noun: noun, token: token(noun), found: map[netip.Addr]time.Time{}}
	for _, uri := range noun.To {
		k.places = append(k.places, &place{uri: uri, since: time.Now()})
	}
	if noun.Mode == tenant.Registers {
		k.reg = newRegistration(k)
		for _, p := range noun.Addresses {
			t.wide = append(t.wide, network{p, k.carrier()})
		}
	}
	t.list = append(t.list, k)
	t.by[name{noun.Tenant, noun.Name}] = k
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
	c := access.Carrier{Tenant: k.noun.Tenant, Trunk: k.noun.Name, User: k.token}
	if k.noun.GIN {
		c.User = ""
	}
	return c
}

// Start begins to register and to ask.
func (t *Trunks) Start() {
	for _, k := range t.list {
		if k.reg != nil {
			k.reg.start()
		}
		if k.noun.Options > 0 {
			k.askAll()
		}
	}
}

// Stop takes registrations back, as long as ctx allows, and asks no more.
func (t *Trunks) Stop(ctx context.Context) {
	t.closed.Store(true)
	var waiting []<-chan struct{}
	for _, k := range t.list {
		if k.reg != nil {
			waiting = append(waiting, k.reg.stop())
		}
		for _, a := range k.asks {
			a.stop()
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
func (t *Trunks) find(tenantID, trunkName string) *trunk { return t.by[name{tenantID, trunkName}] }

// log tells of a trunk.
func (k *trunk) log(level slog.Level, text string, args ...any) {
	k.house.cfg.Log.Log(context.Background(), level, text, append([]any{"tenant", k.noun.Tenant, "trunk", k.noun.Name}, args...)...)
}
