// Package control owns calls: from the INVITE that a door hands in to the last event in the ledger.
//
// What lives here is one loop for each call (its legs, its bridge, its detail) and the verbs that the
// loop speaks: inbound, hunt, trunks, join, change, story, end, freeze. What does not live here: SIP (the door
// below makes legs of it), descriptions (they pass through untouched, each leg's session puts its own
// addresses in), where a call goes (Router, Contacts) and what services do (Story).
//
// The loop of a call owns everything about it; others post to its inbox and never wait for it. A
// story runs in a goroutine of its own and speaks to the loop through call.Control. [Control] itself
// owns only the table of calls, behind a leaf mutex.
package control

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"santral/base/id"
	"santral/call"
	"santral/media/tone"
)

// DefaultRingTime is how long the devices of an account ring when nothing else was set.
const DefaultRingTime = 60 * time.Second

// dialSlack is added to the ring time for the leg's own limit, so that it is the call that gives up
// first and says "no answer".
const dialSlack = 10 * time.Second

// Config is what a Control needs to begin. All interfaces but Trunks, Board, Speech, Music and Archive are required; Stories may be
// empty.
type Config struct {
	Router   call.Router
	Contacts call.Contacts
	Trunks   call.Trunks // nil for none
	Channels call.Channels
	Ledger   call.Ledger
	Dialer   call.Dialer
	Stories  map[string]call.Story        // by the name in a Destination's Service
	Board    call.Board                   // is shown how the legs of accounts stand; nil for nobody
	Speech   call.Speech                  // nil: stories have nothing to say
	Music    call.Music                   // nil: who waits hears silence
	Archive  call.Archive                 // nil: nothing is recorded
	Tones    func(tenant string) tone.Set // of the country in which a tenant is; nil: what ITU-T E.180 recommends
	Random   *id.Source                   // of the ids of calls that no phone began; nil means id.Random()

	// Pickup tells whether a party may take the place of a leg of another account of its tenant; nil: none may.
	Pickup func(who call.Party, account string) bool

	RingTime time.Duration // how long an account rings; 0 means DefaultRingTime
	Most     int           // calls at once, above which new ones get 503; 0 means no limit
	Log      *slog.Logger  // nil logs nothing
}

// Control is the calls of one exchange. Make it with New; it is safe for concurrent use.
type Control struct {
	router   call.Router
	contacts call.Contacts
	trunks   call.Trunks
	channels call.Channels
	ledger   call.Ledger
	dialer   call.Dialer
	stories  map[string]call.Story
	board    call.Board
	speech   call.Speech
	music    call.Music
	archive  call.Archive
	tones    func(string) tone.Set
	random   *id.Source
	pickup   func(call.Party, string) bool
	ringTime time.Duration
	most     int
	log      *slog.Logger

	mu       sync.Mutex // a leaf
	calls    map[call.ID]*ongoing
	open     int           // calls whose loop runs or whose end is not yet on disk
	draining bool          // no new calls
	idle     chan struct{} // closed when open falls to 0 while draining

	began, refused, answered, ended, panics atomic.Uint64
	notices                                 notices
	high                                    atomic.Int64 // most events that ever waited in one inbox
}

// New makes a Control without calls.
func New(cfg Config) *Control {
	k := &Control{
		router:   cfg.Router,
		contacts: cfg.Contacts,
		trunks:   cfg.Trunks,
		channels: cfg.Channels,
		ledger:   cfg.Ledger,
		dialer:   cfg.Dialer,
		stories:  cfg.Stories,
		board:    cfg.Board,
		speech:   cfg.Speech,
		music:    cfg.Music,
		archive:  cfg.Archive,
		tones:    cfg.Tones,
		random:   cfg.Random,
		pickup:   cfg.Pickup,
		ringTime: cfg.RingTime,
		most:     cfg.Most,
		log:      cfg.Log,
		calls:    map[call.ID]*ongoing{},
		idle:     make(chan struct{}),
	}
	if k.random == nil {
		k.random = id.Random()
	}
	if k.tones == nil {
		k.tones = func(string) tone.Set { return tone.Set{} }
	}
	if k.ringTime <= 0 {
		k.ringTime = DefaultRingTime
	}
	if k.log == nil {
		k.log = slog.New(slog.DiscardHandler)
	}
	return k
}

// Incoming takes a new inbound leg (call.Incoming). It never waits: what the call decides comes to
// the leg from the call's own loop. With the ledger's memory used up, too many calls, or an id that
// is taken, the leg is refused on the spot with 503, without a record, and there is no inbox. An emergency is taken
// however many calls there are.
func (k *Control) Incoming(leg call.Leg, a call.Arrival) call.Inbox {
	if a.Replaces != nil {
		return k.replace(leg, a)
	}
	if k.ledger.Full() && !k.urgent(&a) {
		k.refused.Add(1)
		leg.Reject(call.Unavailable)
		return nil
	}
	c := &ongoing{
		house: k, id: a.Call, from: a.From, dialled: a.Dialled, device: a.Device, offer: a.Offer, hops: a.Hops, breadth: a.Breadth,
		ready: a.Early, traits: a.Traits, arrived: time.Now(),
	}
	if c.breadth <= 0 {
		c.breadth = call.DefaultBreadth
	}
	if !k.enter(c, func() bool { return k.urgent(&a) }) {
		k.refused.Add(1)
		leg.Reject(call.Unavailable)
		return nil
	}
	k.began.Add(1)
	m := &member{id: leg.ID(), leg: leg, dir: call.In, tenant: a.From.Tenant, account: a.From.Account, trunk: a.From.Trunk, number: a.From.Number, said: a.Offer}
	m.who, m.session = &c.from, a.Traits.Session
	c.add(m)
	go c.run((*ongoing).begin)
	return m.seat
}

// newID names a call that no phone began, as a door names those that one did.
func (k *Control) newID() call.ID { return call.ID(k.random.Timed(time.Now(), idLength)) }

// idLength makes 50 random bits beside the millisecond.
const idLength = 10

// urgent reports an emergency. It is asked only where a call would be refused before anybody asks where it goes.
func (k *Control) urgent(a *call.Arrival) bool {
	return k.router.Route(a.From, a.Dialled, time.Now()).Emergency != nil
}

// enter puts a call into the table. urgent tells whether it is one for which there is always room; nil: it is not.
func (k *Control) enter(c *ongoing, urgent func() bool) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, taken := k.calls[c.id]
	if full := k.most > 0 && len(k.calls) >= k.most; taken || full && (urgent == nil || !urgent()) {
		return false
	}
	k.calls[c.id] = c
	k.open++
	return true
}

// leave takes a call out of the table, when its loop ends.
func (k *Control) leave(c *ongoing) {
	high := int64(c.inbox.High())
	for {
		old := k.high.Load()
		if high <= old || k.high.CompareAndSwap(old, high) {
			break
		}
	}
	k.mu.Lock()
	delete(k.calls, c.id)
	k.mu.Unlock()
}

// settled counts a call whose last event is on disk.
func (k *Control) settled() {
	k.mu.Lock()
	k.open--
	if k.open == 0 && k.draining {
		close(k.idle)
		k.idle = make(chan struct{})
	}
	k.mu.Unlock()
}

func (k *Control) closed() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.draining
}

// Hangup ends a call from outside (an operator, the API) with a cause. It reports whether there is
// such a call; the end itself comes on the call's own loop.
func (k *Control) Hangup(id call.ID, cause call.Cause) bool {
	c := k.find(id)
	return c != nil && c.post(func(c *ongoing) { c.stop(cause) })
}

func (k *Control) find(id call.ID) *ongoing {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.calls[id]
}

func (k *Control) all() []*ongoing {
	k.mu.Lock()
	defer k.mu.Unlock()
	list := make([]*ongoing, 0, len(k.calls))
	for _, c := range k.calls {
		list = append(list, c)
	}
	return list
}

// Drain refuses new calls from now on (503, with a record) and waits until the others have ended by
// themselves. When ctx ends first it hangs up those that are left. It returns when the last event of
// every call is on disk, or the ledger has said that waiting longer is of no use.
func (k *Control) Drain(ctx context.Context) {
	k.mu.Lock()
	k.draining = true
	idle := k.idle
	done := k.open == 0
	k.mu.Unlock()
	if done {
		return
	}
	select {
	case <-idle:
		return
	case <-ctx.Done():
	}
	for _, c := range k.all() {
		c.post(func(c *ongoing) { c.stop(call.ShuttingDown) })
	}
	<-idle
}
