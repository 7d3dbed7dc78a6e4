package jitter

import (
	"math/bits"
	"time"
)

// A leap of the sequence number beyond these is no loss and no late packet, but a stream that begins anew,
// if the next packet says so too (RFC 3550 A.1).
const (
	leapAhead  = 3000
	leapBehind = 100
	// A timestamp that makes its packet so much earlier than the fastest, or so much later, counts anew. The
	// first is less: a single packet would make all others late.
	tooEarly = 500 * time.Millisecond
	tooLate  = 1200 * time.Millisecond

	// Timestamps of some phones stand still through a hold. A steady buffer must not take what comes then for late.
	pausedFor = 300 * time.Millisecond
	notPaused = 100 * time.Millisecond

	quietFor = 60 * time.Millisecond // a source that was quiet so long gives way to another at once
)

// order is what is known of the numbers of the stream, on the side where packets come in.
type order struct {
	begun  bool
	ssrc   uint32
	last   time.Duration // when the newest packet came
	pause  time.Duration // when the one before it came
	high   int64         // the highest sequence number, with its wraps counted
	seen   [2]uint64     // which of the last 128 numbers came; bit 0 is high
	played int64         // the last number that was played or given up; less than any at the beginning

	packet int64 // how long a packet is, in samples of the output

	// An era is a stretch of the stream whose timestamps count on; what is compared is of one era.
	era    uint32
	clock  int64
	stamp  int64  // a timestamp, counted from the era's first
	wrap   uint32 // the timestamp that stamp is, on the wire
	number int64  // of the same packet

	waiting bool // one packet of what may be another stream waits for its second
	other   Packet
	copy    [256]byte // its payload, if that is short
}

// putLocked takes a packet of the format f.
func (b *Buffer) putLocked(p Packet, f format) {
	o := &b.in
	if p.Spare && (!o.begun || p.SSRC != o.ssrc) {
		return
	}
	fresh := false
	switch d := int(int16(p.Seq - uint16(o.high))); {
	case !o.begun:
		fresh = true
	case p.SSRC != o.ssrc || d > leapAhead || d < -leapBehind:
		if p.Spare {
			return
		}
		if p.SSRC == o.ssrc || p.At-o.last < quietFor {
			second := o.waiting && p.SSRC == o.other.SSRC && p.Seq-o.other.Seq-1 < 8
			if !second {
				o.waiting, o.other = true, p
				o.other.Sound = append(o.copy[:0], p.Sound[:min(len(p.Sound), len(o.copy))]...)
				return
			}
			first := o.other
			b.restartLocked(first)
			if len(first.Sound) < len(o.copy) {
				b.takeLocked(first, b.formatLocked(first.Payload))
				break
			}
		}
		fresh = true
	default:
		o.waiting = o.waiting && p.SSRC != o.ssrc // the stream goes on: what leapt was a stray
	}
	if fresh {
		b.restartLocked(p)
	}
	b.takeLocked(p, f)
}

// restartLocked begins a stream with p. What waits of the old one is played first.
func (b *Buffer) restartLocked(p Packet) {
	o := &b.in
	if o.begun {
		b.stats.Restarts++
	}
	// Numbers go on above all that were, so that the order of the queue holds.
	next := max(o.high, o.played) + 1
	next += int64(p.Seq - uint16(next))
	o.begun, o.waiting, o.ssrc = true, false, p.SSRC
	o.high, o.seen = next-1, [2]uint64{}
	b.eraLocked(p)
}

// eraLocked begins an era: timestamps before p and from p on can't be compared.
func (b *Buffer) eraLocked(p Packet) {
	o := &b.in
	o.era++
	o.wrap, o.stamp = p.Timestamp, 0
	o.clock = 0
	b.delay.base = lowest{} // but the network is the same
}

// takeLocked takes a packet that is of the stream.
func (b *Buffer) takeLocked(p Packet, f format) {
	o := &b.in
	if !p.Spare {
		b.stats.Packets++
	}
	seq := o.high + int64(int16(p.Seq-uint16(o.high)))
	if p.Spare {
		seq = b.spareLocked(p, f, seq)
	} else {
		if b.twiceLocked(seq) {
			b.stats.Duplicates++
			return
		}
	}
	if f.sound && int64(f.clock) != o.clock {
		if o.clock != 0 && !p.Spare {
			b.eraLocked(p) // another clock counts other timestamps
		}
		o.clock = int64(f.clock)
	}
	clock := max(o.clock, 1)
	stamp := o.stamp + int64(int32(p.Timestamp-o.wrap))
	place := func(stamp int64) int64 { return stamp * int64(b.cfg.Rate) / clock }
	at := b.samples(p.At)
	if !p.Spare {
		o.pause, o.last = o.last, p.At
		if b.delay.base.any && f.sound {
			late := tooLate
			if b.delay.steady && p.At-o.pause > pausedFor {
				late = notPaused
			}
			if off := b.duration(at - place(stamp) - b.delay.base.get()); off > late || off < -tooEarly {
				b.eraLocked(p)
				o.clock = clock
				stamp = 0
				b.stats.Restarts++
			}
		}
		if f.sound { // an event's timestamp is that of its beginning (RFC 4733 §2.2.1)
			o.wrap, o.stamp, o.number = p.Timestamp, stamp, seq
		}
	}
	if ago := o.stamp - stamp; p.Spare && (ago <= 0 || ago > offsetMost) {
		return
	}
	s := slot{seq: seq, media: place(stamp), era: o.era, f: f, spare: p.Spare}
	if !p.Spare && f.sound {
		b.delay.arrived(at, s.media, o.packet)
	}
	switch {
	case seq <= o.played:
		if !p.Spare {
			b.stats.Late++
		}
		return
	case b.held+len(p.Sound) > mostHeld || len(b.queue.slots) >= mostPackets:
		b.stats.Refused++
		old := b.queue.pop()
		b.held -= len(*old.sound)
		free(old.sound)
	}
	s.sound = keep(p.Sound)
	b.held += len(p.Sound)
	if no := b.queue.put(s); no != nil {
		b.held -= len(*no)
		free(no)
	}
}

// spareLocked gives the number of a copy, by its distance from the packet that it came with: copies may be of
// any packet before, and their order says little.
func (b *Buffer) spareLocked(p Packet, f format, seq int64) int64 {
	o := &b.in
	if o.packet > 0 && f.clock > 0 {
		if n := int64(int32(o.wrap-p.Timestamp)) * int64(b.cfg.Rate) / int64(f.clock); n > 0 && n%o.packet == 0 {
			n /= o.packet
			b.delay.copies = min(max(b.delay.copies, n), mostDepth)
			return o.number - n
		}
	}
	return seq
}

// twiceLocked notes that a number came, and reports whether it came before.
func (b *Buffer) twiceLocked(seq int64) bool {
	o := &b.in
	if d := seq - o.high; d > 0 {
		if d >= 128 {
			o.seen = [2]uint64{}
		} else {
			for range d { // one bit after another: leaps are rare
				o.seen[1] = o.seen[1]<<1 | o.seen[0]>>63
				o.seen[0] <<= 1
			}
		}
		o.high = seq
	}
	n := o.high - seq
	if n >= 128 {
		return true
	}
	bit := bits.RotateLeft64(1, int(n&63))
	if o.seen[n>>6]&bit != 0 {
		return true
	}
	o.seen[n>>6] |= bit
	return false
}
