package pcm

import (
	"math"

	"santral/media"
)

// Sound is made shorter and longer, and goes on where some is missing, by whole periods of its own
// pitch: a piece is laid over one that is like it, a period away, and the one fades into the other
// (waveform similarity overlap-add). Nothing jumps, and the pitch stays.

// Periods of a voice are sought between these, from a high child's to a low man's, and pieces are laid
// over each other for at most overlap.
const (
	shortest = 2500 // microseconds
	longest  = 15000
	overlap  = 5000
)

// samples gives how many samples at rate are us microseconds.
func samples(us, rate int) int { return us * rate / 1_000_000 }

// Longest gives the longest period in samples at rate: what Shrink takes away and Grow puts in at most.
func Longest(rate int) int { return samples(longest, rate) }

// Pitch finds the period in samples with which the end of past goes on best, and how alike two periods
// are there: 1 for the same wave, about 0 for noise. past should hold twice Longest; of less, less is
// known. It is 0 when there is too little.
func Pitch(past media.Frame, rate int) (lag int, alike float64) {
	low, high := samples(shortest, rate), samples(longest, rate)
	piece := min(samples(10000, rate), len(past)/2)
	high = min(high, len(past)-piece)
	if piece < low || high < low {
		return 0, 0
	}
	end := len(past) - piece
	return seek(past[end:], low, high, rate, func(lag int) media.Frame { return past[end-lag : end-lag+piece] })
}

// seek finds the lag between low and high whose piece is most like x. It looks at every 8 kHz step first, and
// at all samples around the best.
func seek(x media.Frame, low, high, rate int, at func(lag int) media.Frame) (best int, alike float64) {
	step := max(1, rate/8000)
	best, alike = low, -2
	for lag := low; lag <= high; lag += step {
		if a := likeness(x, at(lag), step); a > alike {
			best, alike = lag, a
		}
	}
	if step > 1 {
		middle := best
		alike = -2
		for lag := max(low, middle-step+1); lag <= min(high, middle+step-1); lag++ {
			if a := likeness(x, at(lag), 2); a > alike {
				best, alike = lag, a
			}
		}
	}
	return best, alike
}

// likeness is the normalised correlation of two pieces, of every step-th sample.
func likeness(a, b media.Frame, step int) float64 {
	var ab, aa, bb int64
	b = b[:len(a)]
	for i := 0; i < len(a); i += step {
		x, y := int64(a[i]), int64(b[i])
		ab += x * y
		aa += x * x
		bb += y * y
	}
	if aa == 0 || bb == 0 {
		if aa == bb {
			return 1 // silence is like silence
		}
		return 0
	}
	return float64(ab) / math.Sqrt(float64(aa)*float64(bb))
}

// Shrink makes the sound that begins at x shorter by one period, if two are alike by at least least: it
// gives the number of samples to leave out at the beginning of x, after it has faded x from what was to
// be played first into what is to be played now. It is 0, and x is untouched, when there is no such
// place within x.
func Shrink(x media.Frame, rate int, least float64) int {
	low, over := samples(shortest, rate), samples(overlap, rate)
	high := min(samples(longest, rate), len(x)-over)
	if high < low {
		return 0
	}
	lag, alike := seek(x[:over], low, high, rate, func(lag int) media.Frame { return x[lag : lag+over] })
	if alike < least {
		return 0
	}
	for i := over - 1; i >= 0; i-- { // backwards: a lag shorter than the overlap reads what it writes
		x[lag+i] = blend(x[i], x[lag+i], i, over)
	}
	return lag
}

// Grow makes the sound longer by one period at x[at], if two are alike by at least least: x[:at] was
// played already. It gives x with the period in it, in the same array when that has room, and how many
// samples came to it, 0 when there is no such place.
func Grow(x media.Frame, at, rate int, least float64) (media.Frame, int) {
	low, over := samples(shortest, rate), samples(overlap, rate)
	high := min(samples(longest, rate), at)
	if high < low || len(x)-at < over {
		return x, 0
	}
	lag, alike := seek(x[at:at+over], low, high, rate, func(lag int) media.Frame { return x[at-lag : at-lag+over] })
	if alike < least {
		return x, 0
	}
	over = min(over, lag)
	end := len(x)
	x = append(x, x[end-lag:]...) // only for the room
	head := x[at : at+over]
	copy(x[at+lag:], x[at:end])
	for i := range head {
		head[i] = blend(x[at+lag+i], x[at-lag+i], i, over)
	}
	copy(x[at+over:at+lag], x[at-lag+over:at])
	return x, lag
}

// Extend appends n samples to x that go on from its end with the period lag, quieter by fade (a factor
// for each sample, 1 for none). What doesn't fit at the seam fades within
// milliseconds, so that there is no step.
func Extend(x media.Frame, n, lag, rate int, fade float64) media.Frame {
	if lag <= 0 || lag >= len(x) {
		for range n {
			x = append(x, 0)
		}
		return x
	}
	end := len(x)
	period := math.Pow(fade, float64(lag)) // the source is a period old
	step := float64(x[end-1]) - period*float64(x[end-1-lag])
	soft := 1 - 1/float64(max(2, rate/1000)) // the step has fallen to a third after 1 ms
	for i := range n {
		step *= soft
		x = append(x, clip(period*float64(x[end+i-lag])+step))
	}
	return x
}

// Join appends y to x, which doesn't end where y begins: x goes on with the period lag while it fades
// into y. Where the waves fit better so, y comes up to slack samples later or earlier; shift gives how
// many samples more (or fewer) x has got than y has.
func Join(x, y media.Frame, lag, rate, slack int) (joined media.Frame, shift int) {
	over := min(samples(overlap, rate), len(y)/2)
	if lag <= 0 || lag >= len(x) || over == 0 {
		return append(x, y...), 0
	}
	slack = min(slack, len(y)-over)
	end := len(x)
	x = Extend(x, slack+over, lag, rate, 1)
	on := x[end:]
	step := max(1, rate/8000)
	best := likeness(y[:over], on[:over], step) + 0.05 // time is kept unless much is gained
	for s := step; s <= slack; s += step {
		if a := likeness(y[:over], on[s:s+over], step); a > best {
			best, shift = a, s
		}
		if a := likeness(y[s:s+over], on[:over], step); a > best {
			best, shift = a, -s
		}
	}
	from, skip := max(shift, 0), max(-shift, 0)
	x = x[:end+from+over]
	for i := range over {
		x[end+from+i] = blend(on[from+i], y[skip+i], i, over)
	}
	return append(x, y[skip+over:]...), shift
}

// Bridge appends to x what may have been said between its end and the beginning of y, which is about n samples
// later: the end of x goes on, the beginning of y goes back, each with its own period (lag is x's, 0 for not
// known), and the one fades into the other where they fit best. If they fit better so, y comes up to slack
// samples later or earlier than n; shift gives how many. y itself is not appended. fade is as for Extend.
func Bridge(x media.Frame, n int, y media.Frame, lag, rate, slack int, fade float64) (bridged media.Frame, shift int) {
	if lag == 0 {
		lag, _ = Pitch(x, rate)
	}
	over := min(samples(overlap, rate), n)
	slack = min(slack, n-over)
	long := n + slack
	end := len(x)
	x = Extend(x, long, lag, rate, fade)
	// y goes back behind the end of x, turned round, and is turned again when it has.
	back := len(x)
	known := min(len(y), 2*Longest(rate))
	for i := known - 1; i >= 0; i-- {
		x = append(x, y[i])
	}
	x = Extend(x, long, pitchNear(x[back:], lag, rate), rate, fade)
	g := x[back+known:]
	for i, j := 0, len(g)-1; i < j; i, j = i+1, j-1 {
		g[i], g[j] = g[j], g[i]
	}
	f := x[end:back]
	// g[long-k] is k samples before y. With y after n+s samples, f[i] meets g[long-n-s+i].
	step := max(1, rate/8000)
	best, at := -2.0, 0
	for s := -slack; s <= slack; s += step {
		room := n + s - over
		for p := 0; p <= room; p += max(room/4, 1) {
			a := likeness(f[p:p+over], g[long-n-s+p:long-n-s+p+over], step)
			a -= 0.1 * math.Abs(float64(s)) / float64(slack+1) // time is kept unless much is gained
			if a > best {
				best, at, shift = a, p, s
			}
		}
	}
	g = g[long-n-shift:]
	for i := range over {
		f[at+i] = blend(f[at+i], g[at+i], i, over)
	}
	copy(f[at+over:], g[at+over:n+shift])
	return x[:end+n+shift], shift
}

// pitchNear is Pitch of little sound whose period is about that of other sound near it.
func pitchNear(past media.Frame, about, rate int) int {
	low, high := samples(shortest, rate), samples(longest, rate)
	if about > 0 {
		low, high = max(low, about*2/3), min(high, about*3/2)
	}
	piece := min(samples(10000, rate), max(len(past)-high, samples(overlap, rate)))
	if high = min(high, len(past)-piece); high < low {
		lag, _ := Pitch(past, rate)
		return lag
	}
	end := len(past) - piece
	lag, _ := seek(past[end:], low, high, rate, func(lag int) media.Frame { return past[end-lag : end-lag+piece] })
	return lag
}

// blend goes from a to b, at step i of n.
func blend(a, b int16, i, n int) int16 {
	w := int32(2*i+1) << 14 / int32(n) // 0 to 1 in 15 bits
	return int16((int32(a)*(1<<15-w) + int32(b)*w) >> 15)
}

func clip(v float64) int16 {
	switch {
	case v > math.MaxInt16:
		return math.MaxInt16
	case v < math.MinInt16:
		return math.MinInt16
	}
	return int16(v)
}
