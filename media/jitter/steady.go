package jitter

import "santral/media"

// A steady buffer keeps the time from mouth to ear to the sample. What is off because a clock goes wrong, or because the
// first packet was a slow one, is brought back by reading the sound a little faster or slower: by 0.6 per cent, and by 2.5
// while it is off by much. Up to that nobody hears the pitch change.
const (
	paceEdge = 500   // microseconds: less is left
	paceMuch = 5_000 // likewise
	usualLen = 20_000
)

// early gives how many samples too early the place media would be heard if it were played behind what is there.
func (b *Buffer) early(media int64) int64 {
	p := &b.play
	long := p.packet // a packet comes when the last of it was said
	if long == 0 {
		long = int64(p.rate) * usualLen / 1_000_000
	}
	heard := p.time + int64(len(p.buf)-p.at)
	said := media + b.delay.base.get() - long
	return b.delay.target - (heard - said)
}

// pace brings what is to be read now nearer to its time. ready says that there is more to be had.
func (b *Buffer) pace(early int64, ready bool) {
	p := &b.play
	us := func(t int64) int64 { return t * int64(p.rate) / 1_000_000 }
	off := max(early, -early)
	if off < us(paceEdge) {
		return
	}
	k := max(p.frame/160, 1)
	if off > us(paceMuch) {
		k *= 4
	}
	if early > 0 { // fewer samples fill the frame
		if p.at < k {
			return
		}
		b.respeed(p.frame-k, -k)
		p.delta.Stretched += uint64(k)
		return
	}
	if need := p.frame + k + 1; len(p.buf)-p.at < need {
		if !ready {
			return
		}
		if b.step(); len(p.buf)-p.at < need {
			return
		}
	}
	b.respeed(p.frame+k, k)
	p.delta.Shortened += uint64(k)
}

// respeed makes a frame of n samples, and moves the place that is read by so many.
func (b *Buffer) respeed(n, by int) {
	p := &b.play
	f := borrow(n + 3)
	defer scratch.Put(f)
	x := *f // one before and two behind, for the curve through them
	for i := range x {
		x[i] = p.buf[min(max(p.at+i-1, 0), len(p.buf)-1)]
	}
	p.at += by
	out := p.buf[p.at : p.at+p.frame]
	step := float32(n) / float32(p.frame)
	for i := range out {
		pos := float32(i) * step
		k := int(pos)
		out[i] = curve(x[k:k+4:k+4], pos-float32(k))
	}
}

// curve is the sound between the middle two of four samples (Catmull and Rom's spline).
func curve(x media.Frame, t float32) int16 {
	a, b, c, d := float32(x[0]), float32(x[1]), float32(x[2]), float32(x[3])
	v := b + t/2*(c-a+t*(2*a-5*b+4*c-d+t*(3*(b-c)+d-a)))
	return int16(min(max(v, -32768), 32767))
}
