package endpoint

import (
	"math/bits"
	"time"
)

// tick is the wheel's grain: retransmissions are exact to a millisecond. Timers of coarseFrom and
// more are rounded up to coarse, so that the clean-up of many transactions shares its wake-ups.
const (
	tick       = time.Millisecond
	coarseFrom = 5000 // ticks
	coarse     = 20   // ticks
)

const (
	wheelBits  = 6
	wheelSlots = 1 << wheelBits
	wheelTiers = 4 // 64 ms, 4 s, 4 min, 4.6 h; what is later goes round the last tier again
)

// expirer owns a node and is told when its time has come.
type expirer interface{ expire() }

// node is one timer, linked into a slot; it lives inside of its owner. The zero value is a timer
// that is not set.
type node struct {
	next, prev *node
	at         uint64 // the tick at which it is due
	tier, slot uint8
	owner      expirer
}

func (n *node) set() bool { return n.next != nil }

// wheel is a hashed timer wheel of four tiers with a bitmap each. A shard owns it.
type wheel struct {
	now    uint64 // the last tick that was done
	n      int
	firing bool
	used   [wheelTiers]uint64
	slot   [wheelTiers][wheelSlots]node // heads of rings
}

// add sets n to fire at tick at, or at the next one when that has passed.
func (w *wheel) add(n *node, at uint64) {
	if at <= w.now {
		at = w.now + 1
	}
	n.at = at
	w.n++
	w.put(n)
}

func (w *wheel) put(n *node) {
	tier := uint8(0)
	for d := n.at - w.now; d >= wheelSlots && tier < wheelTiers-1; d >>= wheelBits {
		tier++
	}
	at := n.at
	if far := w.now + wheelSlots<<(wheelBits*(wheelTiers-1)) - 1; at > far {
		at = far
	}
	slot := uint8(at >> (wheelBits * tier) % wheelSlots)
	n.tier, n.slot = tier, slot
	head := &w.slot[tier][slot]
	if head.next == nil {
		head.next, head.prev = head, head
	}
	n.next, n.prev = head, head.prev
	head.prev.next, head.prev = n, n
	w.used[tier] |= 1 << slot
}

// remove takes n out; it reports false when it was not set.
func (w *wheel) remove(n *node) bool {
	if !n.set() {
		return false
	}
	w.unlink(n)
	w.n--
	return true
}

func (w *wheel) unlink(n *node) {
	n.prev.next, n.next.prev = n.next, n.prev
	n.next, n.prev = nil, nil
	if head := &w.slot[n.tier][n.slot]; head.next == head {
		w.used[n.tier] &^= 1 << n.slot
	}
}

// next is the first tick at which there may be something to do: the due tick of the earliest timer,
// or the tick at which a later tier has to be looked at.
func (w *wheel) next() (uint64, bool) {
	if w.n == 0 {
		return 0, false
	}
	best := ^uint64(0)
	for tier, used := range w.used {
		if used == 0 {
			continue
		}
		shift := uint(wheelBits * tier)
		cur := w.now >> shift
		// Slots after the current one come first; the current one itself is a whole turn away.
		turn := bits.RotateLeft64(used, -int((cur+1)%wheelSlots))
		at := (cur + 1 + uint64(bits.TrailingZeros64(turn))) << shift
		best = min(best, at)
	}
	return best, true
}

// advance does every tick up to and with to, expiring what is due in the order of time.
func (w *wheel) advance(to uint64) {
	if w.firing { // a fault cut the last tick short
		w.fire(int(w.now % wheelSlots))
	}
	for w.now < to {
		at, ok := w.next()
		if !ok || at > to {
			w.now = to
			return
		}
		w.now = at
		for tier := wheelTiers - 1; tier > 0; tier-- {
			if at%(1<<uint(wheelBits*tier)) == 0 {
				w.spread(tier, int(at>>uint(wheelBits*tier)%wheelSlots))
			}
		}
		w.fire(int(at % wheelSlots))
	}
}

// spread moves the timers of a slot whose time has come near into earlier tiers.
func (w *wheel) spread(tier, slot int) {
	head := &w.slot[tier][slot]
	if head.next == nil || head.next == head {
		return
	}
	first, last := head.next, head.prev
	head.next, head.prev = head, head
	w.used[tier] &^= 1 << slot
	last.next = nil
	for n := first; n != nil; {
		next := n.next
		w.put(n)
		n = next
	}
}

// fire expires a slot of the first tier. Owners may set and stop timers meanwhile, these too: what
// they add for now or earlier comes with the next tick, never into this slot.
func (w *wheel) fire(slot int) {
	w.firing = true
	head := &w.slot[0][slot]
	for head.next != nil && head.next != head {
		n := head.next
		w.unlink(n)
		w.n--
		n.owner.expire()
	}
	w.firing = false
}

// Timer is a timer of a shard's, set by After.
type Timer struct {
	shard *Shard
	node  node
	f     func()
}

func (t *Timer) expire() { t.f() }

// Stop unsets the timer and reports whether it was set. It belongs to the shard, as its function
// does. Stopping a nil Timer does nothing.
func (t *Timer) Stop() bool {
	return t != nil && t.shard.wheel.remove(&t.node)
}
