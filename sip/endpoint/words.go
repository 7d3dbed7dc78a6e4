package endpoint

import (
	"context"
	"net/netip"
	"time"

	"santral/sip"
)

// Wire is what the endpoint asks of the transport. The Layer of sip/transport has it all, but that its
// Writer method gives a type of its own.
type Wire interface {
	// Way picks the flow on which hop is reached: an existing connection or one to be opened
	// (Conn 0). It does not wait.
	Way(hop sip.Hop) (sip.Flow, error)
	// SentBy is the host and port of ours that the peer of a flow can reach.
	SentBy(f sip.Flow) sip.HostPort
	// Writer gives a writer for one shard.
	Writer() Writer
	// Alive reports whether a flow can still carry messages.
	Alive(f sip.Flow) bool
}

// Writer sends messages for one shard. Send never waits and keeps b, which nobody changes
// afterwards; fail, which may be nil, is called at most once and from any goroutine when the message
// could not be sent: for a request of more than 1,300 octets also when the stream that it was for has
// not connected within a second (RFC 3261 §18.1.1). A request goes to the flow's peer, a response
// where RFC 3261 §18.2.2 sends it. Flush pushes out what was collected.
type Writer interface {
	Send(f sip.Flow, b []byte, fail func(error))
	Flush()
}

// Resolver finds the hops of a URI (RFC 3263), best first. It may wait; it is never called on a
// shard.
type Resolver interface {
	Resolve(ctx context.Context, uri sip.URI) ([]sip.Hop, error)
}

// User takes every new request that no usage takes: those outside of dialogs. It runs on the shard
// and must answer the transaction sooner or later, there or by way of Shard.Do.
type User interface {
	Serve(s *Shard, tx *ServerTx)
}

// Usage takes what belongs to a dialog: new requests within it, and ACKs to 2xx responses. It runs
// on the shard. flow is the way that the ACK came.
type Usage interface {
	Serve(tx *ServerTx)
	Ack(req *sip.Message, flow sip.Flow)
}

// Latecomer is what a Usage may be besides: it is told of a 2xx to an INVITE that nobody waits for any more
// and that belongs to its dialog. It runs on the shard. So a usage that was handed over can repeat the ACK
// that was sent before (RFC 3261 §13.2.2.4).
type Latecomer interface {
	Late(res *sip.Message)
}

// DialogID names a dialog as we see it (RFC 3261 §12). An empty RemoteTag takes every request to
// LocalTag that no full match takes: a caller's half of dialogs that are still to come.
type DialogID struct {
	CallID    string
	LocalTag  string
	RemoteTag string
}

// Verdict is what the gate thinks of a request. The zero value lets it in.
type Verdict struct {
	Drop    bool         // no answer at all
	Status  int          // refuse with this status, keeping no state; 0 lets it in
	Reason  string       // reason phrase, "" for the RFC's
	Headers []sip.Header // what the refusal carries besides
}

// Next says where a request goes, by the first of: Flow where HasFlow is set, Hops, URI. When a flow
// cannot carry the request any more, the next of them that is given has its turn.
type Next struct {
	Flow    sip.Flow
	HasFlow bool
	Hops    []sip.Hop // tried in turn, each a new transaction (RFC 3263 §4.3)
	URI     sip.URI   // resolved first

	// Prepare, where not nil, is called on the shard before each attempt is printed, so that the
	// Contact can be what this way's peer can reach. It may change the request's headers.
	Prepare func(req *sip.Message, flow sip.Flow)
}

// ClientEvent is what comes of a request: exactly one of its fields is set. After a final refusal or
// an Err nothing follows; after a 2xx to an INVITE more 2xx may, copies and those of other branches.
type ClientEvent struct {
	Response *sip.Message
	Err      error // ErrTimeout, ErrTransport, ErrCancelled or ErrClosed
}

// Trace sees every message on the shard that owns it. text is nobody's to change.
type Trace interface {
	Received(in sip.Inbound, at time.Time)
	Sent(f sip.Flow, callID string, text []byte, at time.Time)
}

// Decider is what a Trace may be besides: it is told why a request went elsewhere than it might have, in
// words. It runs on the shard.
type Decider interface {
	Decided(callID, words string, at time.Time)
}

// Limits bound what strangers can make us keep. The numbers of the whole endpoint are shared out
// evenly among its shards. A zero takes its default.
type Limits struct {
	Pending   int // requests that wait for our answer, in all (default 65,536); above it 503
	PerSource int // of these, from one address, an IPv6 /64 counting as one (default 8,192); above it 503
	Unacked   int // refused INVITEs that wait for their ACK, in all (default 16,384); above it the oldest go
	Answered  int // answered transactions that absorb copies, in all (default 32,768); above it the oldest go
	Clients   int // our own requests under way, in all (default 131,072); above it ErrTransport
	Backlog   int // messages waiting in one shard's inbox before new work is shed (default 20,000)
	Resolving int // names being resolved at once, in all (default 256); above it ErrTransport

	// Age is how long an INVITE may wait for its final answer before we give it 408 and forget it
	// (default 15 minutes): no half-open state lives for ever.
	Age time.Duration

	// Exempt names sources that PerSource does not hold for; nil for none.
	Exempt func(netip.Addr) bool
}

func (l Limits) fill(shards int) Limits {
	share := func(n *int, whole int) {
		if *n <= 0 {
			*n = whole
		}
		*n = (*n + shards - 1) / shards
	}
	share(&l.Pending, 65536)
	share(&l.PerSource, 8192)
	share(&l.Unacked, 16384)
	share(&l.Answered, 32768)
	share(&l.Clients, 131072)
	share(&l.Resolving, 256)
	if l.Backlog <= 0 {
		l.Backlog = 20000
	}
	if l.Age <= 0 {
		l.Age = 15 * time.Minute
	}
	if l.Exempt == nil {
		l.Exempt = func(netip.Addr) bool { return false }
	}
	return l
}
