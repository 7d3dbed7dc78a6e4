package mixer

import (
	"santral/media"
)

// ramp is a factor that changes without a click: within 10 ms.
type ramp struct{ now, want float32 }

// apply multiplies from: into, or from itself where nothing has to be done. into may be from.
func (r *ramp) apply(into, from media.Frame, rate int) media.Frame {
	if r.now == r.want {
		switch r.now {
		case 1:
			return from
		case 0:
			clear(into)
			return into
		}
	}
	long := rate / 100
	g, step := r.now, (r.want-r.now)/float32(long)
	for i, v := range from[:long] {
		g += step
		into[i] = saturated(float32(v) * g)
	}
	r.now = r.want
	for i, v := range from[long:] {
		into[long+i] = saturated(float32(v) * r.want)
	}
	return into
}

// scale multiplies a sum.
func (r *ramp) scale(sum []int32, rate int) {
	if r.now == r.want {
		switch r.now {
		case 1:
			return
		case 0:
			clear(sum)
			return
		}
	}
	long := rate / 100
	g, step := r.now, (r.want-r.now)/float32(long)
	for i, v := range sum[:long] {
		g += step
		sum[i] = int32(float32(v) * g)
	}
	r.now = r.want
	for i, v := range sum[long:] {
		sum[long+i] = int32(float32(v) * r.want)
	}
}

func saturated(v float32) int16 { return int16(min(max(v, -32768), 32767)) }

// add adds a frame to a sum.
func add(sum []int32, f media.Frame) {
	f = f[:len(sum)]
	for i := range sum {
		sum[i] += int32(f[i])
	}
}

// fade adds to a frame the end of what broke off before it: the last of that backwards, within 5 ms.
func fade(f, last media.Frame, rate int) {
	long := min(rate/200, len(last), len(f))
	for i := range long {
		f[i] = saturated(float32(f[i]) + float32(last[len(last)-1-i])*float32(long-i)/float32(long+1))
	}
}

// mixture is sound that is heard by one or by many, and what is needed to make it fit for the ear.
type mixture struct {
	media.Mixed
	peak  float32 // of the sum
	limit float32 // by which the sum is multiplied so that it fits
	dead  int     // turns for which nothing has moved in it
	hiss  ramp    // of the noise that is heard in place of nothing
}

const (
	fullScale = 32767
	below     = 32000 // where a sum that doesn't fit is brought
	knee      = 24576 // what is above is bent, for the moment in which the factor is still on its way
	recovers  = 1.06  // growth of the factor for each turn: half a dB
	deadMost  = 16    // between highest and lowest of sound in which nothing moves: silence of the A-law is 8, not 0
	deadTurns = 5     // after which noise comes
)

// finish makes the sound of a sum. A sum that fits is not changed.
func (x *mixture) finish(sum []int32, n *noise, rate int) {
	out := x.Sound
	low, high := sum[0], sum[0]
	for _, v := range sum {
		low, high = min(low, v), max(high, v)
	}
	peak := float32(max(high, -low))
	x.peak = peak
	want := min(x.limit*recovers, 1)
	if peak*want > fullScale {
		want = below / peak
	}
	if x.limit == 1 && want == 1 {
		for i, v := range sum {
			out[i] = int16(v)
		}
	} else {
		x.bend(out, sum, want, peak, rate)
	}
	if high-low > deadMost {
		x.dead, x.hiss.want = 0, 0
	} else if x.dead++; x.dead >= deadTurns {
		x.hiss.want = 1
	}
	if x.hiss.now > 0 || x.hiss.want > 0 {
		x.addNoise(n.frame(len(out)))
	}
}

// bend brings a sum to size.
func (x *mixture) bend(out media.Frame, sum []int32, want, peak float32, rate int) {
	long := rate / 400
	g, step := x.limit, (want-x.limit)/float32(long)
	tight := peak*max(x.limit, want) > fullScale
	for i, v := range sum {
		if i < long {
			g += step
		}
		y := float32(v) * g
		if tight {
			if y > knee {
				over := (y - knee) / (fullScale - knee)
				y = knee + (fullScale-knee)*over/(1+over)
			} else if y < -knee {
				over := (-y - knee) / (fullScale - knee)
				y = -knee - (fullScale-knee)*over/(1+over)
			}
		}
		out[i] = saturated(y)
	}
	x.limit = want
}

// addNoise adds the noise, over the whole frame from how loud it was to how loud it shall be.
func (x *mixture) addNoise(f media.Frame) {
	g := x.hiss.now
	want := x.hiss.want
	if want > g { // it comes within a fifth of a second, and goes at once
		want = min(g+0.1, want)
	}
	step := (want - g) / float32(len(f))
	for i, v := range f {
		g += step
		x.Sound[i] = saturated(float32(x.Sound[i]) + float32(v)*g)
	}
	x.hiss.now = want
}

// noise is what is heard in place of nothing: white, at −66 dBov, the same for everyone on one turn.
type noise struct {
	seed  uint64
	sound []int16
	made  bool // on this turn
}

const loudest = 28 // of the noise; its power is a third of the square

func (n *noise) frame(long int) media.Frame {
	if n.made {
		return n.sound
	}
	n.made = true
	if n.sound == nil {
		n.sound = make([]int16, long)
	}
	for i := range n.sound {
		n.seed ^= n.seed << 13
		n.seed ^= n.seed >> 7
		n.seed ^= n.seed << 17
		n.sound[i] = int16(n.seed>>33%(2*loudest+1)) - loudest
	}
	return n.sound
}
