package rtp

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"santral/base/vnet"
)

// ErrNoPorts says that every pair of the range is in use or cannot be opened; the next call must
// wait or go elsewhere.
var ErrNoPorts = errors.New("no media port is free")

// errNoRoom says that the system gives no more sockets.
var errNoRoom = errors.New("no more sockets")

// Config is what a Pool needs to begin.
type Config struct {
	Net   vnet.Net      // whose sockets; nil and vnet.Real() mean the kernel's, by the fastest way this system has
	Bind  []netip.Addr  // local addresses to bind, at most one of each family; a wildcard will do
	First uint16        // first port of the range; RTP takes the even ones (RFC 3550 §11)
	Last  uint16        // last port of the range
	Drain time.Duration // how long a pair rests after its last packet before the next call, in an empty range; 0 means 2 s
	Loops int           // reader loops over kernel sockets; 0 means one for each core
	DSCP  int           // code point of what is sent (RFC 2474 §3); 0 leaves the system's
}

// Drain times. A phone that lost our BYE talks on for half a minute; a range that is nearly full
// cannot wait for it, and the latch of the next call keeps such a stray out all the same.
const (
	drainDefault = 2 * time.Second
	drainLeast   = 100 * time.Millisecond
)

// Pool owns the media ports of a node. It is safe for concurrent use.
type Pool struct {
	birth   time.Time
	drain   time.Duration
	ranges  []*portRange
	readers readers

	mu     sync.Mutex
	closed bool
	past   Stats                // of streams that are gone
	apart  map[*Stream]struct{} // streams without ports of their own
	clocks []clock              // one for each core
}

// readers is how a pool's sockets are opened and read: by loops over the kernel, or by goroutines.
type readers interface {
	open(p *port, at netip.AddrPort) error // from then on packets reach p.packet
	flush(p *port)                         // drops what waits in the socket
	mark(p *port, dscp int)                // has packets marked with a code point, 0 for the pool's own
	close()                                // closes all sockets and waits for whoever reads them
}

// socket is the sending half of an open port.
type socket interface {
	send(b []byte, to *target) bool // false when the system would not take it
}

// portRange is the range of ports at one local address.
type portRange struct {
	bind          netip.Addr
	pairs         []pair
	fresh         []uint16 // pairs without sockets, as indices; the last one is opened next
	rest          []uint16 // pairs at rest, a ring from head: the longest resting first
	head          int
	resting, used int
}

// pair is two neighbouring ports: RTP on the even one, RTCP on the next.
type pair struct {
	rtp, rtcp port
	of        *portRange
	index     uint16
	released  int64
}

// port is one socket. Only its stream changes after it was opened.
type port struct {
	pool    *Pool
	number  uint16
	control bool
	socket  socket
	stream  atomic.Pointer[Stream] // nil while the port rests
	strays  atomic.Uint64          // packets that came to the port at rest
	heard   atomic.Int64           // when the last of them came
	dscp    int                    // what packets are marked with, under the stream's lock
}

// NewPool makes a pool over the range. No socket is opened before it is needed.
func NewPool(cfg Config) (*Pool, error) {
	first, last := int(cfg.First+cfg.First&1), int(cfg.Last)
	if cfg.First == 0 || first+1 > last {
		return nil, fmt.Errorf("media ports %d to %d: no pair of an even port and the next is in the range", cfg.First, cfg.Last)
	}
	if len(cfg.Bind) == 0 {
		return nil, errors.New("media ports: no local address")
	}
	p := &Pool{birth: time.Now().Add(-time.Minute), drain: cfg.Drain}
	if p.drain <= 0 {
		p.drain = drainDefault
	}
	for _, bind := range cfg.Bind {
		bind = bind.Unmap()
		for _, r := range p.ranges {
			if r.bind.Is4() == bind.Is4() {
				return nil, fmt.Errorf("media ports: %s and %s are of one family", r.bind, bind)
			}
		}
		p.ranges = append(p.ranges, newRange(p, bind, first, (last-first+1)/2))
	}
	loops := cfg.Loops
	if loops <= 0 {
		loops = runtime.GOMAXPROCS(0)
	}
	var err error
	if cfg.Net == nil || cfg.Net == vnet.Real() {
		p.readers, err = kernelReaders(cfg.DSCP, loops)
	} else {
		p.readers = &netReaders{net: cfg.Net, dscp: cfg.DSCP}
	}
	if err != nil {
		return nil, fmt.Errorf("media ports: %w", err)
	}
	p.clocks = make([]clock, runtime.GOMAXPROCS(0))
	for i := range p.clocks {
		p.clocks[i].pool = p
	}
	return p, nil
}

func newRange(p *Pool, bind netip.Addr, first, count int) *portRange {
	r := &portRange{bind: bind, pairs: make([]pair, count), fresh: make([]uint16, count), rest: make([]uint16, count)}
	for i := range r.pairs {
		q := &r.pairs[i]
		q.of, q.index = r, uint16(i)
		q.rtp = port{pool: p, number: uint16(first + 2*i)}
		q.rtcp = port{pool: p, number: uint16(first + 2*i + 1), control: true}
		r.fresh[count-1-i] = uint16(i)
	}
	return r
}

// now is the pool's clock: nanoseconds that never go back and are never 0.
func (p *Pool) now() int64 { return int64(time.Since(p.birth)) }

// Instant is what everybody's clock shows when the pool's shows d (Clock).
func (p *Pool) Instant(d time.Duration) time.Time { return p.birth.Add(d) }

// Take gives a stream on a free pair at the local address of like's family. It fails with
// ErrNoPorts, or when the pool has no address of that family. The stream goes back by Release.
func (p *Pool) Take(like netip.Addr) (*Stream, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, err := p.rangeLocked(like)
	if err != nil {
		return nil, err
	}
	q, err := p.pairLocked(r)
	if err != nil {
		return nil, err
	}
	return p.beginLocked(q), nil
}

// TakeAt is Take for the pair whose RTP port is number, whether its last call has drained or not.
func (p *Pool) TakeAt(like netip.Addr, number uint16) (*Stream, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, err := p.rangeLocked(like)
	if err != nil {
		return nil, err
	}
	first := r.pairs[0].rtp.number
	if number < first || number&1 != 0 || int(number-first)/2 >= len(r.pairs) {
		return nil, fmt.Errorf("media port %d is not in the range", number)
	}
	q := &r.pairs[(number-first)/2]
	switch {
	case q.rtp.stream.Load() != nil:
		return nil, fmt.Errorf("media port %d is in use", number)
	case r.wake(q.index):
	default:
		if err := p.openLocked(q); err != nil {
			return nil, err
		}
		r.unfresh(q.index)
	}
	return p.beginLocked(q), nil
}

func (p *Pool) rangeLocked(like netip.Addr) (*portRange, error) {
	if p.closed {
		return nil, errors.New("media ports are closed")
	}
	for _, r := range p.ranges {
		if r.bind.Is4() == like.Unmap().Is4() {
			return r, nil
		}
	}
	return nil, fmt.Errorf("no media ports of the family of %s", like)
}

// pairLocked chooses a pair: one that has rested enough, else a new one, else, when the range is
// used up, the one that has rested longest.
func (p *Pool) pairLocked(r *portRange) (*pair, error) {
	now := p.now()
	free := float64(len(r.pairs)-r.used-r.resting) / float64(len(r.pairs))
	least := min(drainLeast, p.drain)
	enough := max(least, time.Duration(float64(p.drain)*free))
	for range min(r.resting, 8) { // pairs that are still talked to go to the end of the line
		q := &r.pairs[r.rest[r.head]]
		if now-q.released < int64(enough) {
			break
		}
		r.wakeFirst()
		if now-max(q.rtp.heard.Load(), q.rtcp.heard.Load()) >= int64(enough) {
			return q, nil
		}
		r.sleep(q)
	}
	for range len(r.fresh) { // a port that somebody else holds goes to the end of the line
		q := &r.pairs[r.fresh[len(r.fresh)-1]]
		err := p.openLocked(q)
		if err == nil {
			r.fresh = r.fresh[:len(r.fresh)-1]
			return q, nil
		}
		if errors.Is(err, errNoRoom) {
			break
		}
		copy(r.fresh[1:], r.fresh[:len(r.fresh)-1])
		r.fresh[0] = q.index
	}
	if r.resting > 0 {
		q := &r.pairs[r.rest[r.head]]
		if now-q.released >= int64(least) {
			r.wakeFirst()
			return q, nil
		}
	}
	return nil, ErrNoPorts
}

// sleep puts a pair to rest, at the end of the line.
func (r *portRange) sleep(q *pair) {
	r.rest[(r.head+r.resting)%len(r.rest)] = q.index
	r.resting++
}

// wakeFirst takes the longest resting pair out.
func (r *portRange) wakeFirst() {
	r.head = (r.head + 1) % len(r.rest)
	r.resting--
}

// wake takes one pair out of those at rest.
func (r *portRange) wake(index uint16) bool {
	for i := range r.resting {
		if r.rest[(r.head+i)%len(r.rest)] != index {
			continue
		}
		for ; i > 0; i-- { // those before it move up
			r.rest[(r.head+i)%len(r.rest)] = r.rest[(r.head+i-1)%len(r.rest)]
		}
		r.wakeFirst()
		return true
	}
	return false
}

func (r *portRange) unfresh(index uint16) {
	for i, f := range r.fresh {
		if f == index {
			r.fresh = append(r.fresh[:i], r.fresh[i+1:]...)
			return
		}
	}
}

// openLocked opens both sockets of a pair. After a failure the pair has none or only its first,
// which the next try uses.
func (p *Pool) openLocked(q *pair) error {
	for _, half := range [...]*port{&q.rtp, &q.rtcp} {
		if half.socket != nil {
			continue
		}
		if err := p.readers.open(half, netip.AddrPortFrom(q.of.bind, half.number)); err != nil {
			return fmt.Errorf("open media port %d: %w", half.number, err)
		}
	}
	return nil
}

// beginLocked makes the pair's new stream. What a pair that is still talked to has in its sockets
// is dropped; the others were read empty while they rested.
func (p *Pool) beginLocked(q *pair) *Stream {
	if heard := max(q.rtp.heard.Load(), q.rtcp.heard.Load()); heard != 0 && p.now()-heard < int64(time.Second) {
		p.readers.flush(&q.rtp)
		p.readers.flush(&q.rtcp)
	}
	s := &Stream{pool: p, pair: q}
	s.rtp.Carries, s.rtcp.Carries = RTP, RTCP
	q.rtp.stream.Store(s)
	q.rtcp.stream.Store(s)
	q.of.used++
	return s
}

// begin takes a stream without ports of its own into account.
func (p *Pool) begin(s *Stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.apart == nil {
		p.apart = make(map[*Stream]struct{})
	}
	p.apart[s] = struct{}{}
}

// release takes the stream off its pair and lets the pair rest.
func (p *Pool) release(s *Stream, sum Stats) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := s.pair
	if q == nil {
		delete(p.apart, s)
		p.past.add(sum)
		return
	}
	q.rtp.stream.Store(nil)
	q.rtcp.stream.Store(nil)
	p.past.add(sum)
	q.of.used--
	q.released = p.now()
	q.of.sleep(q)
}

// Close closes every port and waits for the readers to end. Streams still held are silent from then on.
func (p *Pool) Close() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	p.mu.Unlock()
	for i := range p.clocks {
		p.clocks[i].close()
	}
	p.readers.close()
}

// Stats is what a pool has to tell: its ports now, and packets since its beginning.
type Stats struct {
	Pairs   int // in the range, of all addresses
	Open    int // with open sockets
	Used    int // held by streams
	Resting int // given back and draining, or drained

	Packets uint64           // that passed a rule
	Octets  uint64           // of these, headers included
	Sent    uint64           // packets sent to peers
	Unsent  uint64           // packets that had no place to go or that the system would not take
	Strays  uint64           // packets that came to a port at rest
	Dropped [verdicts]uint64 // packets stopped by a rule, by verdict; 0 for Passed and Learned
}

func (s *Stats) add(o Stats) {
	s.Packets += o.Packets
	s.Octets += o.Octets
	s.Sent += o.Sent
	s.Unsent += o.Unsent
	for i := range s.Dropped {
		s.Dropped[i] += o.Dropped[i]
	}
}

// Stats adds everything up. It looks at every port, so ask once in some seconds.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	sum := p.past
	for s := range p.apart {
		sum.add(s.stats())
	}
	for _, r := range p.ranges {
		sum.Pairs += len(r.pairs)
		sum.Open += len(r.pairs) - len(r.fresh)
		sum.Used += r.used
		sum.Resting += r.resting
		for i := range r.pairs {
			q := &r.pairs[i]
			sum.Strays += q.rtp.strays.Load() + q.rtcp.strays.Load()
			if s := q.rtp.stream.Load(); s != nil {
				sum.add(s.stats())
			}
		}
	}
	return sum
}
