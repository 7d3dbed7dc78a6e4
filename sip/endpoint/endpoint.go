// Package endpoint is where SIP happens: it takes every message from the transport, finds or begins
// the transaction that it belongs to, answers what can be answered without asking anybody, and hands
// the rest to its user. It is the only package that performs the actions of sip/transaction.
//
// The work is divided among shards by Call-ID. A [Shard] is one goroutine that owns all transactions,
// usages and timers of its Call-IDs: messages of one call never overtake each other, nothing is
// locked, and there is no goroutine for a message. Users run on the shard too and must never wait
// there; whoever comes from elsewhere posts with [Shard.Do].
//
// What does not live here: parsing (sip), sockets (sip/transport), names (sip/resolve), what a dialog
// or a call is (sip/dialog, sip/invite), and who may do what (access, which is asked through
// Config.Gate).
package endpoint

import (
	"context"
	"errors"
	"runtime"
	"time"

	"santral/base/id"
	"santral/sip"
	"santral/sip/transaction"
)

// What a client transaction may end with instead of a response.
var (
	ErrTimeout   = errors.New("no answer in time")       // Timer B or F, or no answer to a CANCEL (RFC 3261 §8.1.3.1: as a 408)
	ErrTransport = errors.New("could not be sent")       // on no hop (RFC 3261 §8.1.3.1: as a 503)
	ErrCancelled = errors.New("cancelled before sent")   // Cancel came before anything was on the wire
	ErrClosed    = errors.New("the endpoint was closed") // Close ended it
)

// Config is what an endpoint is made of. Wire, Random and User are required.
type Config struct {
	Wire     Wire
	Resolver Resolver           // for URIs with a host name; nil refuses those
	Shards   int                // 0: as many as GOMAXPROCS
	Timers   transaction.Timers // zeros take the RFC's values
	Silent   time.Duration      // how long a hop may say nothing while another waits (default 2 s; negative: until Timer B or F)
	Random   *id.Source
	User     User

	// Gate is asked on the shard about every new request outside a dialog that carries no
	// credentials, before any state is made for it. nil lets everything in.
	Gate func(sip.Inbound) Verdict

	Trace Trace // nil for none

	// Fault hears of a panic in a user's code: the message or timer that caused it is given up and
	// the shard goes on. nil lets the panic end the program.
	Fault func(value any, stack []byte)

	Server string // Server header of the answers that are made here; "" for none

	Allow      []sip.Method       // methods that somebody serves; it is also the Allow header of 405 and 501
	Refuse     map[sip.Method]int // methods to refuse with another status than 405 (known ones) or 501 (others)
	Extensions []string           // option tags that a request may Require
	Schemes    []string           // schemes that a Request-URI may have; nil: sip, sips and tel
	Limits     Limits             // zeros take the defaults
	Overload   Overload           // zeros take the defaults
	State      *State             // what Freeze gave, to go on from; nil to begin anew
}

// Endpoint divides the work among its shards. Receive, Shard, Stats and Freeze are safe from any
// goroutine.
type Endpoint struct {
	cfg    Config
	hash   transaction.Hasher
	allow  string // Config.Allow as a header value
	shards []*Shard
	epoch  time.Time // the zero of every shard's clock
	ctx    context.Context
	stop   context.CancelFunc // ends what is being resolved

	suspects suspects
}

// DefaultSilent is how long a hop may say nothing before the next one has its turn. A live one sends at
// least a 100 within 200 ms (RFC 3261 §17.2.1), its way and one lost datagram come on top.
const DefaultSilent = 2 * time.Second

// New starts an endpoint: its shards run until Close.
func New(cfg Config) *Endpoint {
	e := build(cfg)
	for _, s := range e.shards {
		go s.run()
	}
	return e
}

// build makes an endpoint whose shards do not run yet.
func build(cfg Config) *Endpoint {
	if cfg.Shards <= 0 {
		cfg.Shards = runtime.GOMAXPROCS(0)
	}
	cfg.Timers = cfg.Timers.Fill()
	cfg.Limits = cfg.Limits.fill(cfg.Shards)
	if cfg.Overload.Delay == 0 {
		cfg.Overload.Delay = 10 * time.Millisecond
	}
	if cfg.Silent == 0 {
		cfg.Silent = DefaultSilent
	}
	if cfg.Schemes == nil {
		cfg.Schemes = []string{"sip", "sips", "tel"}
	}
	e := &Endpoint{cfg: cfg, hash: transaction.NewHasher(cfg.Random), epoch: time.Now()}
	e.ctx, e.stop = context.WithCancel(context.Background())
	for i, m := range cfg.Allow {
		if i > 0 {
			e.allow += ", "
		}
		e.allow += string(m)
	}
	if cfg.State != nil {
		e.hash = cfg.State.Hasher
	}
	for i := range cfg.Shards {
		e.shards = append(e.shards, newShard(e, i))
	}
	if cfg.State != nil {
		e.thaw(cfg.State)
	}
	return e
}

// Receive takes a message from the wire. It never waits; it is called from the transport's
// goroutines, and messages of one Call-ID that come through one of them keep their order. When a
// shard is far behind, requests that begin something new are shed here and counted.
func (e *Endpoint) Receive(in sip.Inbound) {
	callID := ""
	if in.Msg != nil {
		callID = in.Msg.CallID()
	}
	s := e.Shard(callID)
	if s.inbox.Len() >= e.cfg.Limits.Backlog && begins(in) {
		s.count.Shed.Add(1)
		return
	}
	if s.oldest.Load() == 0 {
		s.oldest.CompareAndSwap(0, int64(time.Since(e.epoch))|1)
	}
	s.inbox.Put(item{in: in})
}

// Shard gives the shard that owns a Call-ID.
func (e *Endpoint) Shard(callID string) *Shard {
	if len(e.shards) == 1 {
		return e.shards[0]
	}
	return e.shards[e.hash.Call(callID)%uint64(len(e.shards))]
}

// Close ends the endpoint: what was already received or posted is still done, then the shards stop.
// Client transactions that still run end with ErrClosed. It waits until all have stopped or ctx ends.
func (e *Endpoint) Close(ctx context.Context) error {
	e.stop()
	for _, s := range e.shards {
		s.inbox.Put(item{do: s.abandon})
		s.inbox.Close()
	}
	for _, s := range e.shards {
		select {
		case <-s.stopped:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
