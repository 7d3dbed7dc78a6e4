package udptl

import (
	"bytes"
	"time"
)

// patience is how long packets wait for one that is missing before them: longer than packets overtake
// each other, and until a parity has come that covers it; shorter than a fax notices (ITU-T T.30 §5.4.3 gives an
// answer three seconds).
const patience = 120 * time.Millisecond

// Receiver puts a stream of datagrams in order. Lost packets are taken from the redundancy and the parities of
// others, doubled ones are dropped, and a packet waits a moment for those before it. The zero value
// is ready.
type Receiver struct {
	Counts Counts

	begun    bool
	next     uint16 // is due
	end      uint16 // one after the last that was seen
	ring     [maxSpan]kept
	skipped  int           // given up since the last that was given
	waiting  time.Duration // since when something waits for next
	waits    bool
	strange  bool // the last packet belonged to no stream, or to the beginning of another
	odd      uint16
	read     Packet
	parities [maxSpan]parity
}

// Counts is what became of a stream.
type Counts struct {
	Packets   uint64 // datagrams that were read
	Octets    uint64 // of their primary packets
	Malformed uint64
	Doubled   uint64 // of packets that had come or were given up
	Repaired  uint64 // packets that were taken from others
	Lost      uint64 // packets that nobody will see
}

// parity is one parity that was received, for later.
type parity struct {
	last        uint16 // the last packet that it covers
	apart, span uint16
	b           []byte
}

// Next is what a Receiver gives: a packet, and how many before it are lost for good.
type Next struct {
	IFP     []byte // valid until the next Take
	Skipped int
}

// Take reads a datagram that came at now, on any steady clock, and calls give for each packet that is
// due, in their order.
func (r *Receiver) Take(b []byte, now time.Duration, give func(Next)) {
	p := &r.read
	if p.Read(b) != nil {
		r.Counts.Malformed++
		return
	}
	r.Counts.Packets++
	r.Counts.Octets += uint64(len(p.Primary))
	switch far := int16(p.Seq - r.end); {
	case !r.begun:
		r.begin(p)
	case far > farthest || far < -maxSpan || r.differs(p):
		// A sender that began anew shows it by two in a row.
		if !r.strange || p.Seq != r.odd {
			r.strange, r.odd = true, p.Seq+1
			r.Counts.Doubled++
			return
		}
		r.release(give, maxSpan)
		r.begin(p)
	case int16(p.Seq-r.next) < 0 || of(&r.ring, p.Seq) != nil:
		r.Counts.Doubled++
		return
	}
	r.strange = false
	if int16(p.Seq-r.next) >= maxSpan { // no room to wait in
		r.release(give, maxSpan)
		if n := int(int16(p.Seq-r.next)) - maxSpan + 1; n > 0 {
			r.skip(n)
		}
	}
	r.ring[p.Seq%maxSpan].set(p.Seq, p.Primary)
	if int16(p.Seq+1-r.end) > 0 {
		r.end = p.Seq + 1
	}
	for i, e := range p.Earlier[:p.Count] {
		seq := p.Seq - 1 - uint16(i)
		if int16(seq-r.next) >= 0 && len(e) > 0 && of(&r.ring, seq) == nil {
			r.ring[seq%maxSpan].set(seq, e)
			r.Counts.Repaired++
		}
	}
	r.keepParities(p)
	for r.mend() {
	}
	r.release(give, 0)
	r.clock(now)
}

// farthest is how many packets may be lost in a row: half a minute of a fax.
const farthest = 1000

// begin makes p the first packet, or those before it that it carries: nobody has seen them.
func (r *Receiver) begin(p *Packet) {
	for i := range r.ring {
		r.ring[i].have = false
	}
	for i := range r.parities {
		r.parities[i].span = 0
	}
	n := 0
	for n < p.Count && len(p.Earlier[n]) > 0 {
		n++
	}
	r.begun, r.waits = true, false
	r.next = p.Seq - uint16(n)
	r.end = r.next
}

// differs reports whether a packet of the same number was another.
func (r *Receiver) differs(p *Packet) bool {
	b := of(&r.ring, p.Seq)
	return b != nil && !bytes.HasPrefix(b, p.Primary) // one made of a parity may have zeros behind it
}

func (r *Receiver) skip(n int) {
	r.skipped += n
	r.Counts.Lost += uint64(n)
	r.next += uint16(n)
	if int16(r.next-r.end) > 0 {
		r.end = r.next
	}
}

// keepParities takes the parities of a datagram, in the places of the oldest.
func (r *Receiver) keepParities(p *Packet) {
	for m, b := range p.Parity[:p.Parities] {
		if p.Span == 0 || len(b) == 0 {
			continue
		}
		last := p.Seq - uint16(p.Parities) + uint16(m)
		q := &r.parities[(int(p.Seq)*p.Parities+m)%maxSpan]
		q.b = append(q.b[:0], b...)
		q.last, q.apart, q.span = last, uint16(p.Parities), uint16(p.Span)
	}
}

// mend finds a packet that is the only one missing from a parity. It is false when there is none.
func (r *Receiver) mend() bool {
	if int16(r.end-r.next) <= 0 || of(&r.ring, r.next) != nil && !r.gap() {
		return false
	}
	for i := range r.parities {
		q := &r.parities[i]
		missing, n := uint16(0), 0
		for k := range q.span {
			if seq := q.last - k*q.apart; of(&r.ring, seq) == nil {
				missing, n = seq, n+1
			}
		}
		if n != 1 || int16(missing-r.next) < 0 || int16(r.end-missing) <= 0 {
			continue
		}
		b := q.b
		for k := range q.span {
			for at, o := range of(&r.ring, q.last-k*q.apart) {
				if at < len(b) {
					b[at] ^= o
				}
			}
		}
		r.ring[missing%maxSpan].set(missing, b)
		q.span = 0
		r.Counts.Repaired++
		return true
	}
	return false
}

// gap reports whether one of those that wait is missing.
func (r *Receiver) gap() bool {
	for seq := r.next; seq != r.end; seq++ {
		if of(&r.ring, seq) == nil {
			return true
		}
	}
	return false
}

// release gives what is due, and beyond so many gaps.
func (r *Receiver) release(give func(Next), gaps int) {
	gap := false
	for r.next != r.end {
		b := of(&r.ring, r.next)
		if b == nil {
			if !gap && gaps == 0 {
				return
			}
			if !gap {
				gaps--
			}
			gap = true
			r.skip(1)
			continue
		}
		gap = false
		r.next++
		n := Next{IFP: b, Skipped: r.skipped}
		r.skipped = 0
		give(n)
	}
}

// clock notes since when something waits.
func (r *Receiver) clock(now time.Duration) {
	if r.next == r.end {
		r.waits = false
	} else if !r.waits {
		r.waits, r.waiting = true, now
	}
}

// Wait tells when Overdue is to be called, on the clock of Take; ok is false while nothing waits.
func (r *Receiver) Wait() (at time.Duration, ok bool) { return r.waiting + patience, r.waits }

// Overdue gives up what has been missing too long, and gives what waited for it.
func (r *Receiver) Overdue(now time.Duration, give func(Next)) {
	if !r.waits || now < r.waiting+patience {
		return
	}
	r.waits = false
	r.release(give, 1)
	r.clock(now)
}

// Due tells the number of the packet that is due, for Resume; ok is false before the first has come.
func (r *Receiver) Due() (seq uint16, ok bool) { return r.next, r.begun }

// Resume makes a zero Receiver go on where another stood.
func (r *Receiver) Resume(due uint16, counts Counts) {
	r.begun, r.next, r.end, r.Counts = true, due, due, counts
}
