package jitter

import "math"

// lowest is the least of the values of a time just past, in eight pieces. It follows a slow drift.
type lowest struct {
	least [8]int64
	piece int64
	any   bool
}

// add takes a value in the given piece of time. Pieces count up.
func (l *lowest) add(v, piece int64) {
	if !l.any || piece-l.piece >= int64(len(l.least)) {
		for i := range l.least {
			l.least[i] = math.MaxInt64
		}
		l.piece, l.any = piece, true
	}
	for l.piece < piece {
		l.piece++
		l.least[l.piece&7] = math.MaxInt64
	}
	l.least[l.piece&7] = min(l.least[l.piece&7], v)
}

func (l *lowest) get() int64 {
	v := l.least[0]
	for _, x := range l.least[1:] {
		v = min(v, x)
	}
	return v
}

// What packets took longer than the fastest is counted in bins of binTime microseconds. The long memory
// says what is usual, the short one what happens now.
const (
	binTime   = 5000
	bins      = 256
	longTime  = 6_000_000 // microseconds of packets
	longMost  = 512
	shortMost = 50
	lossTime  = 10 // seconds that losses are remembered
)

// delay says how long packets are to wait: as long as makes the most of them come in time, and not longer
// than what the last few save by it. One per cent of packets too late weighs as much as 20 ms of delay.
//
// All times are samples of the output.
type delay struct {
	rate               int64
	bin                int64
	least, most, fixed int64
	steady             bool // fixed is from mouth to ear, and held to the sample

	base   lowest // of arrival less media time: how the fastest packets come
	target int64
	now    int64    // as it is played, for Stats
	copies int64    // so many packets later comes what a packet knows of an earlier one; 0 for never
	lost   [4]int64 // when a packet was lost, the last four times, the newest first

	ring  [longMost]uint8
	head  int
	count int // in the ring
	lim   int
	long  [bins]uint16
	short [bins]uint8
}

func (d *delay) limits(c Config) {
	d.rate = int64(c.Rate)
	d.bin = max(1, d.rate*binTime/1_000_000)
	of := func(t int64) int64 { return t / 1000 * d.rate / 1_000_000 }
	d.least, d.most, d.fixed = of(int64(c.Least)), of(int64(c.Most)), of(int64(c.Fixed))
	if c.Steady > 0 {
		d.steady, d.fixed = true, of(int64(c.Steady))
	}
	d.lim = longMost / 2
	for i := range d.lost {
		d.lost[i] = -1 << 40
	}
	d.target = d.aim(0, 0)
}

// aim brings what is wanted within the limits. floor is what even the fastest of the last packets took longer than
// the base remembers: no buffer can play them sooner.
func (d *delay) aim(v, floor int64) int64 {
	if d.fixed > 0 {
		return d.fixed
	}
	return min(max(v, d.least), floor+d.most)
}

// arrived takes the arrival of a packet, all in samples: when it came, where it stands in the stream, and
// how long a packet is. It gives how late the packet is against the fastest.
func (d *delay) arrived(at, media, long int64) int64 {
	d.base.add(at-media, at/d.rate)
	late := at - media - d.base.get()
	if d.fixed > 0 { // nothing is chosen
		return late
	}
	if long > 0 {
		d.lim = int(min(max(longTime*d.rate/1_000_000/long, 2*shortMost), longMost))
	}
	for d.count >= d.lim {
		d.long[d.ring[(d.head-d.count)&(longMost-1)]]--
		d.count--
	}
	if d.count >= shortMost {
		d.short[d.ring[(d.head-shortMost)&(longMost-1)]]--
	}
	n := uint8(min(late/d.bin, bins-1))
	d.ring[d.head] = n
	d.head = (d.head + 1) & (longMost - 1)
	d.count++
	d.long[n]++
	d.short[n]++
	wait, floor := d.cheapest()
	since := at - lossTime*d.rate
	switch {
	case d.lost[0] > since && d.copies > 0:
		wait += d.copies * long // what is lost is worth waiting for
	case d.lost[3] > since:
		wait += long // a hole is filled better when its other side is known
	}
	d.target = d.aim(wait, floor)
	return late
}

// cheapest finds the delay whose cost is least, in both memories, and takes the greater; and the least that any
// packet of the short memory took.
func (d *delay) cheapest() (wait, floor int64) {
	shorts := min(d.count, shortMost)
	var a, b int // the best bin of each
	costA, costB := math.MaxInt, math.MaxInt
	inA, inB := 0, 0
	for i := range bins {
		if inB == 0 {
			floor = int64(i) * d.bin
		}
		inA += int(d.long[i])
		inB += int(d.short[i])
		// A bin costs 5 ms, and a per cent too late costs 20: in units of a hundredth of a bin's.
		if c := i*100 + (d.count-inA)*40000/max(d.count, 1); c < costA {
			a, costA = i, c
		}
		if c := i*100 + (shorts-inB)*40000/max(shorts, 1); c < costB {
			b, costB = i, c
		}
		if inA == d.count {
			break
		}
	}
	n := max(a, b)
	if n == 0 {
		return 0, 0
	}
	return int64(n+1) * d.bin, floor
}

// lose notes that a packet was lost.
func (d *delay) lose(at int64) {
	if at-d.lost[0] > d.rate/50 { // a hole is one
		copy(d.lost[1:], d.lost[:])
		d.lost[0] = at
	}
}
