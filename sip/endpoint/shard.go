package endpoint

import (
	"net/netip"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"santral/base/id"
	"santral/base/loop"
	"santral/sip"
	"santral/sip/transaction"
)

// Shard is one goroutine and all that it owns. Every method but Do belongs to that goroutine: users
// are called on it, and others reach it through Do.
type Shard struct {
	e      *Endpoint
	index  int
	random *id.Source
	writer Writer

	servers map[transaction.Key]*served
	merges  map[transaction.Key]*served // those without a To tag, to know copies that came another way
	clients map[transaction.Key]*attempt
	usages  map[transaction.Key]Usage
	sources map[netip.Addr]int32 // pending server transactions of each source
	deaf    map[netip.AddrPort]time.Duration
	pending int
	unacked fifo // refused INVITEs without ACK, oldest first
	settled fifo // other answered transactions, oldest first

	oldest atomic.Int64 // when the first message that waits arrived, 0 for none
	load   overload

	lingering int // client transactions that were answered
	resolving int
	serving   *ServerTx // what a user is being given now

	wheel   wheel
	now     time.Duration // since the endpoint's epoch
	waking  uint64        // the tick that the one timer is set for, 0 for none
	timer   *time.Timer
	inbox   loop.Queue[item]
	stopped chan struct{}
	count   counters
}

// item is one thing in a shard's inbox: a message, something to do, or (neither) the timer.
type item struct {
	in sip.Inbound
	do func()
}

func newShard(e *Endpoint, index int) *Shard {
	s := &Shard{
		e:       e,
		index:   index,
		random:  e.cfg.Random.Fork(),
		writer:  e.cfg.Wire.Writer(),
		servers: make(map[transaction.Key]*served),
		merges:  make(map[transaction.Key]*served),
		clients: make(map[transaction.Key]*attempt),
		usages:  make(map[transaction.Key]Usage),
		sources: make(map[netip.Addr]int32),
		deaf:    make(map[netip.AddrPort]time.Duration),
		stopped: make(chan struct{}),
		load: overload{
			limit: e.cfg.Overload.Delay, backlog: e.cfg.Limits.Backlog / 4, line: new(line),
			clock: func() time.Duration { return time.Since(e.epoch) },
		},
	}
	return s
}

// Do posts f onto the shard and returns at once; it may be called from any goroutine, and what one
// goroutine posts runs in that order. It reports false when the endpoint is closed.
func (s *Shard) Do(f func()) bool { return s.inbox.Put(item{do: f}) }

// After calls f on the shard when d has passed, to the millisecond; from 5 s on it may be 20 ms late.
func (s *Shard) After(d time.Duration, f func()) *Timer {
	t := &Timer{shard: s, f: f}
	t.node.owner = t
	s.set(&t.node, s.now+d)
	return t
}

// Random is the shard's own source of identifiers.
func (s *Shard) Random() *id.Source { return s.random }

// SentBy is the host and port of ours that the peer of a flow can reach, for a Contact.
func (s *Shard) SentBy(f sip.Flow) sip.HostPort { return s.e.cfg.Wire.SentBy(f) }

// Alive reports whether a flow can still carry messages.
func (s *Shard) Alive(f sip.Flow) bool { return s.e.cfg.Wire.Alive(f) }

// Allow is the value of the Allow header that the endpoint gives.
func (s *Shard) Allow() string { return s.e.allow }

// Timers are the endpoint's timers, for users that repeat their own messages.
func (s *Shard) Timers() transaction.Timers { return s.e.cfg.Timers }

// run is the shard's loop: take what waits, handle it in order, do the timers that are due, send.
func (s *Shard) run() {
	defer close(s.stopped)
	s.timer = time.AfterFunc(time.Hour, func() { s.inbox.Put(item{}) })
	defer s.timer.Stop()
	var batch []item
	for turns := 0; ; {
		if batch = s.inbox.Take(batch); batch == nil {
			s.writer.Flush()
			return
		}
		oldest := s.oldest.Swap(0)
		for i := range batch {
			if i%32 == 0 {
				s.advance()
				if oldest != 0 {
					s.weigh(time.Duration(oldest)) // a long batch is a flood, and must not be taken in whole
				}
			}
			s.handle(&batch[i])
		}
		if oldest != 0 {
			s.weigh(time.Duration(oldest))
		}
		// Calls that were just told of something answer at once: let them, so that what they want
		// sent leaves with one system call.
		if runtime.Gosched(); turns < maxTurns && s.inbox.Len() > 0 {
			turns++
			continue
		}
		turns = 0
		s.advance()
		s.writer.Flush()
		s.sleep()
	}
}

// weigh tells the judgement of load how long the batch that was just handled waited.
func (s *Shard) weigh(oldest time.Duration) {
	now := time.Since(s.e.epoch)
	s.load.observe(now-oldest, now, s.inbox.Len(), &s.e.cfg.Overload)
	permille := int64(s.load.calls[members] * 1000)
	if s.load.full {
		permille = 1000
	}
	if permille != s.count.Shedding.Load() {
		s.count.Shedding.Store(permille)
	}
}

// maxTurns is how often a shard looks at its inbox again before it sends what it has.
const maxTurns = 4

func (s *Shard) handle(it *item) {
	if s.e.cfg.Fault != nil {
		defer s.recover()
	}
	switch {
	case it.in.Msg != nil || it.in.Err != nil:
		s.receive(&it.in)
	case it.do != nil:
		it.do()
	default:
		s.waking = 0
	}
}

// advance moves the shard's clock on and does the timers that became due.
func (s *Shard) advance() {
	s.now = time.Since(s.e.epoch)
	for !s.expire() { // after a fault the rest of them
	}
}

func (s *Shard) expire() (done bool) {
	if s.e.cfg.Fault != nil {
		defer s.recover()
	}
	s.wheel.advance(uint64(s.now / tick))
	return true
}

// recover keeps a fault of one message or timer from ending everything. The request that was being
// served is answered 500.
func (s *Shard) recover() {
	if v := recover(); v != nil {
		if tx := s.serving; tx != nil && !tx.Answered() {
			tx.Refuse(500, "")
		}
		s.serving = nil
		s.count.Faults.Add(1)
		s.e.cfg.Fault(v, debug.Stack())
	}
}

// sleep makes sure that the loop is woken when its next timer is due.
func (s *Shard) sleep() {
	at, ok := s.wheel.next()
	if !ok || s.waking != 0 && s.waking <= at {
		return
	}
	s.waking = at
	s.timer.Reset(time.Until(s.e.epoch.Add(time.Duration(at) * tick)))
}

// set makes n fire at a time of the shard's clock, replacing what it was set to.
func (s *Shard) set(n *node, at time.Duration) {
	s.wheel.remove(n)
	due := uint64((at + tick - 1) / tick)
	if due >= s.wheel.now+coarseFrom {
		due = (due + coarse - 1) / coarse * coarse
	}
	s.wheel.add(n, due)
}

// send puts a printed message on the wire.
func (s *Shard) send(f sip.Flow, callID string, text []byte, fail func(error)) {
	s.count.Sent.Add(1)
	if s.e.cfg.Trace != nil {
		s.e.cfg.Trace.Sent(f, callID, text, s.e.epoch.Add(s.now))
	}
	s.writer.Send(f, text, fail)
}

// abandon ends every client transaction, for Close.
func (s *Shard) abandon() {
	for _, a := range s.clients {
		if tx := a.tx; tx != nil {
			tx.finish(ErrClosed)
		}
		s.forget(a)
	}
}

// counters are a shard's sums; the shard adds, anybody reads.
type counters struct {
	Requests, Responses, Sent, Copies, Malformed, Refused, Dropped, Stray, Merged, Looped, Lost,
	Shed, Overload, Evicted, Timeouts, Unsent, Faults atomic.Uint64
	Servers, Clients, Usages, Shedding atomic.Int64
}

// Stats are sums over all shards since the start, and what lives now.
type Stats struct {
	Requests  uint64 // received, copies included
	Responses uint64 // received
	Sent      uint64 // messages sent, copies included
	Copies    uint64 // requests that were absorbed as copies
	Malformed uint64 // messages that could not be parsed
	Refused   uint64 // requests that the endpoint refused by itself
	Dropped   uint64 // messages that got no answer: nothing to answer to, or the gate said so
	Stray     uint64 // responses and ACKs that belong to nothing
	Merged    uint64 // 482: the same request came another way
	Looped    uint64 // 482: our own request came back
	Lost      uint64 // 481: no such dialog or transaction
	Shed      uint64 // new work refused or dropped because of a limit
	Overload  uint64 // new work refused because the shard was late
	Evicted   uint64 // transactions forgotten before their time because of a limit
	Timeouts  uint64 // transactions that ended without an answer or an ACK
	Unsent    uint64 // messages that the transport could not send
	Faults    uint64 // panics that Config.Fault heard of
	Silent    uint64 // hops that were left or marked because they were silent or could not be sent to
	Crowded   uint64 // hops that answered 503 though there was another
	Probes    uint64 // questions to such hops how they are

	Servers int // server transactions now
	Clients int // client transactions now
	Usages  int // attached usages now
	Dead    int // hops that are tried last now

	Shedding float64 // share of new calls of those who are known that is refused now, the mean of the shards
	Backlog  int     // messages waiting now
	High     int     // most that ever waited in one shard
}

// Stats gives the sums of now.
func (e *Endpoint) Stats() Stats {
	t := Stats{
		Silent: e.suspects.silent.Load(), Crowded: e.suspects.crowded.Load(), Probes: e.suspects.probes.Load(), Dead: e.suspects.len(),
	}
	for _, s := range e.shards {
		c := &s.count
		t.Requests += c.Requests.Load()
		t.Responses += c.Responses.Load()
		t.Sent += c.Sent.Load()
		t.Copies += c.Copies.Load()
		t.Malformed += c.Malformed.Load()
		t.Refused += c.Refused.Load()
		t.Dropped += c.Dropped.Load()
		t.Stray += c.Stray.Load()
		t.Merged += c.Merged.Load()
		t.Looped += c.Looped.Load()
		t.Lost += c.Lost.Load()
		t.Shed += c.Shed.Load()
		t.Overload += c.Overload.Load()
		t.Shedding += float64(c.Shedding.Load()) / 1000 / float64(len(e.shards))
		t.Evicted += c.Evicted.Load()
		t.Timeouts += c.Timeouts.Load()
		t.Unsent += c.Unsent.Load()
		t.Faults += c.Faults.Load()
		t.Servers += int(c.Servers.Load())
		t.Clients += int(c.Clients.Load())
		t.Usages += int(c.Usages.Load())
		t.Backlog += s.inbox.Len()
		t.High = max(t.High, s.inbox.High())
	}
	return t
}
