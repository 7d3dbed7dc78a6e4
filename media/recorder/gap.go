package recorder

import "time"

// gapKind is why something is not recorded.
type gapKind uint8

const (
	noGap gapKind = iota
	pausedGap
	maskedGap
)

// gap is a stretch of time, after the recording's birth, in which nothing that is said is recorded.
type gap struct {
	what     gapKind
	from, to time.Duration // to is endless while it goes on
}

const (
	endless  = time.Duration(1<<63 - 1)
	gapsKept = 2 * time.Second // after their end: what was said before and in them has come by then
	gapsMost = 64
)

// gaps are those that there were lately, and that go on. They are behind the recording's lock.
type gaps struct {
	list  []gap
	over  int           // pauses before those of the list …
	stood time.Duration // … and how long the time line stood still in them
}

// any reports whether anything has to be asked.
func (g *gaps) any() bool { return len(g.list) > 0 }

// set begins a gap or ends it at a moment.
func (g *gaps) set(what gapKind, on bool, now, zero time.Duration) {
	for i := range g.list {
		if old := &g.list[i]; old.what == what && old.to == endless {
			if !on {
				old.to = now
			}
			return
		}
	}
	if !on {
		return
	}
	g.forget(now, zero, gapsMost-1)
	g.list = append(g.list, gap{what, now, endless})
}

// forget drops those that were over long ago, and more where there are too many.
func (g *gaps) forget(now, zero time.Duration, most int) {
	keep := g.list[:0]
	many := len(g.list)
	for _, x := range g.list {
		if x.to == endless || now-x.to < gapsKept && many <= most {
			keep = append(keep, x)
			continue
		}
		many--
		if x.what == pausedGap {
			g.over++
			g.stood += max(x.to-max(x.from, zero), 0)
		}
	}
	g.list = keep
}

// holds tells what is done with samples from a moment on, and with how many of n.
func (g *gaps) holds(at time.Duration, n, rate int) (k int, what gapKind) {
	samples := func(d time.Duration) int { // until then
		switch {
		case d <= 0:
			return 0
		case d >= time.Duration(n)*time.Second/time.Duration(rate):
			return n
		}
		return int((int64(d)*int64(rate) + int64(time.Second)/2) / int64(time.Second))
	}
	k = n
	for _, x := range g.list {
		from, to := samples(x.from-at), n
		if x.to != endless {
			to = samples(x.to - at)
		}
		switch {
		case from > 0:
			k = min(k, from)
		case to > 0:
			k = min(k, to)
			if what != pausedGap {
				what = x.what
			}
		}
	}
	return k, what
}

// line gives the place on the time line that begins at zero.
func (g *gaps) line(zero, at time.Duration) time.Duration {
	stood := g.stood
	for _, x := range g.list {
		if x.what == pausedGap {
			stood += max(min(at, x.to)-max(x.from, zero), 0)
		}
	}
	return at - zero - stood
}

// pauses counts those that were over by then.
func (g *gaps) pauses(at time.Duration) int {
	n := g.over
	for _, x := range g.list {
		if x.what == pausedGap && x.to <= at {
			n++
		}
	}
	return n
}
