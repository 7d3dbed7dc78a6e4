package event

import (
	"errors"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"santral/sip"
	"santral/sip/endpoint"
)

// Why a subscription can't be thawed.
var (
	errNoPackage = errors.New("event: nobody serves that package")
	errNoRoom    = errors.New("event: too many subscriptions")
	errClosed    = errors.New("event: the endpoint is closed")
)

// Config is what a notifier is made of. Packages and Shard are required.
type Config struct {
	Packages []*Package
	Shard    func(callID string) *endpoint.Shard // the endpoint's
	Limits   Limits                              // zeros take the defaults

	// Stranger is asked about a request within a subscription's dialog that comes from elsewhere than what
	// the subscriber sent before. It reports whether the request may pass, and has answered it when not.
	// nil lets them all pass.
	Stranger func(s *Subscription, tx *endpoint.ServerTx) bool

	// Edges tells which addresses are proxies of the operator's own; nil for none. Only behind them is a
	// subscriber believed that names a Contact or a route at another host than it asks from.
	Edges func(netip.Addr) bool

	// Phones tells where subscribers are by what they have registered, so that notifications follow one that
	// moves. It is asked on shards and must not wait; nil: they stay where they asked from.
	Phones Phones
}

// Phones tells where the phones of accounts are. A phone's name is opaque here.
type Phones interface {
	// Phone names the phone of an account that has registered over a flow, "" when none has.
	Phone(tenant, account string, f sip.Flow) string
	// Home gives the flow by which a phone is reached now: f as long as the phone keeps it, otherwise the
	// newest. ok is false when there is none.
	Home(tenant, account, phone string, f sip.Flow) (now sip.Flow, ok bool)
}

// Limits bound what subscribers can make us keep. A zero takes its default.
type Limits struct {
	All     int // subscriptions at once (default 200,000); above it 503
	Account int // of these, of one account (default 1,000); above it 403
	Source  int // of these, from one address, an IPv6 /64 counting as one (default 20,000); above it 503

	// Patience is how often a notification may stay without an answer, one after the other, before its
	// subscription is given up (default 5). They are further and further apart: see the times of repeats.
	Patience int
}

func (l Limits) fill() Limits {
	def := func(n *int, whole int) {
		if *n <= 0 {
			*n = whole
		}
	}
	def(&l.All, 200_000)
	def(&l.Account, 1000)
	def(&l.Source, 20_000)
	def(&l.Patience, 5)
	return l
}

// Notifier serves the subscriptions to its packages. It is safe for concurrent use.
type Notifier struct {
	cfg      Config
	packages map[string]*Package
	allow    string // Allow-Events
	book     book

	refused, notified, unanswered, lost, ended atomic.Uint64
}

// NewNotifier makes a notifier without subscriptions.
func NewNotifier(cfg Config) *Notifier {
	cfg.Limits = cfg.Limits.fill()
	n := &Notifier{cfg: cfg, packages: map[string]*Package{}}
	names := make([]string, 0, len(cfg.Packages))
	for _, p := range cfg.Packages {
		n.packages[strings.ToLower(p.Name)] = p
		names = append(names, p.Name)
	}
	n.allow = strings.Join(names, ", ")
	n.book.init()
	return n
}

// AllowEvents is the value of the Allow-Events header field (RFC 6665 §8.2.2).
func (n *Notifier) AllowEvents() string { return n.allow }

// Live is one subscription as it stands now, for lists and the API.
type Live struct {
	Request
	CallID  string
	Flow    string    // the way to the subscriber
	Began   time.Time // when it was made
	Expires time.Time // when it ends unless it is refreshed
	Failing bool      // the last notification was not answered as it should be
}

// Subscriptions lists the subscriptions of an account, or of all of a tenant (account ""), or of all
// tenants (tenant ""), oldest first.
func (n *Notifier) Subscriptions(tenant, account string) []Live { return n.book.list(tenant, account) }

// Stats counts what a notifier has done, and what lives now.
type Stats struct {
	Refused    uint64         // SUBSCRIBE requests refused
	Notified   uint64         // notifications answered with a 2xx
	Unanswered uint64         // notifications without an answer or with a refusal
	Lost       uint64         // subscriptions given up because their subscriber no longer answers or knows them
	Ended      uint64         // subscriptions that ended in any way
	Live       map[string]int // subscriptions now, by package
}

// Stats reads the counters.
func (n *Notifier) Stats() Stats {
	return Stats{
		Refused: n.refused.Load(), Notified: n.notified.Load(), Unanswered: n.unanswered.Load(),
		Lost: n.lost.Load(), Ended: n.ended.Load(), Live: n.book.count(),
	}
}

// EndAll ends every subscription with a reason, for an exchange that closes. It does not wait.
func (n *Notifier) EndAll(reason Reason, retryAfter time.Duration) {
	for _, s := range n.book.all() {
		s.shard.Do(func() { s.End(reason, retryAfter) })
	}
}

// EndSome ends the subscriptions that which picks, with a reason. It does not wait.
func (n *Notifier) EndSome(which func(Request) bool, reason Reason) {
	for _, s := range n.book.all() {
		if which(s.req) {
			s.shard.Do(func() { s.End(reason, 0) })
		}
	}
}
