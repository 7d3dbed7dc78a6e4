package recorder

import "slices"

// How frames are laid on the time line, in microseconds. The media clock's frames are apart by what they are long, but
// a loop that was held up brings some late and catches up. So a frame is only believed to begin a new stretch when none
// of those after it comes as early as it would without a gap.
const (
	ahead   = 250_000 // so much of what comes later is looked at
	edge    = 2_000   // nothing is moved by less
	crowded = 150_000 // frames that are earlier by more don't come on the clock: they follow each other
	holdOff = 500_000 // a channel without frames for so long is silent
	lagMost = 260_000 // what a tap hears comes so long after it was said
)

// line is the time line: sound of each channel by when it was said, until it is written. Places are in samples from the
// beginning. It belongs to the file's goroutine.
type line struct {
	rate   int
	tracks []track
	done   int64   // what was given
	lag    int64   // by which frames come later than they were said, in microseconds
	both   []int16 // one piece of it, the channels' samples in turn
}

// track is one channel of it.
type track struct {
	samples []int16 // of frames that have no place yet …
	marks   []mark  // … and when they came
	gap     int64   // silence before the first of them that is still to be laid
	placed  bool    // gap was found for the first of them
	cut     int     // of its beginning that has no place
	out     []int16 // has its place: behind what was given
	end     int64   // of out
}

func newLine(channels, rate int) *line {
	return &line{rate: rate, tracks: make([]track, channels)}
}

func (l *line) of(us int64) int64 { return us * int64(l.rate) / 1_000_000 }

// next gives the next piece of the time line, of a second at most, and nil when the rest is not known yet at this moment.
// last says that nothing will come any more. The piece is good until next is called again.
func (l *line) next(now int64, last bool) []int16 {
	longest := int64(0)
	for i := range l.tracks {
		l.arrange(&l.tracks[i], now-l.of(ahead+l.lag), last)
		longest = max(longest, l.tracks[i].end)
	}
	upTo := l.done + int64(l.rate)
	for i := range l.tracks {
		t := &l.tracks[i]
		switch {
		case len(t.marks) > 0 || t.gap > 0:
			upTo = min(upTo, t.end)
		case last:
			upTo = min(upTo, longest)
		default:
			upTo = min(upTo, max(t.end, now-l.of(holdOff+l.lag)))
		}
	}
	n := int(upTo - l.done)
	if n <= 0 {
		return nil
	}
	k := len(l.tracks)
	l.both = slices.Grow(l.both[:0], n*k)[:n*k]
	for i := range l.tracks {
		t := &l.tracks[i]
		m := min(n, len(t.out))
		at := i
		for _, v := range t.out[:m] {
			l.both[at] = v
			at += k
		}
		for range n - m {
			l.both[at] = 0
			at += k
		}
		t.out = t.out[:copy(t.out, t.out[m:])]
		t.end = max(t.end, upTo)
	}
	l.done = upTo
	return l.both
}

// arrange gives frames their place, until those after them are not known, or a second waits to be taken.
func (l *line) arrange(t *track, known int64, last bool) {
	used, at := 0, 0
	for used < len(t.marks) && len(t.out) < l.rate {
		m := t.marks[used]
		if !t.placed {
			if m.at > known && !last {
				break
			}
			t.gap, t.cut = l.place(t, used)
			t.placed = true
		}
		if t.gap > 0 {
			n := int(min(t.gap, int64(l.rate-len(t.out))))
			t.out = append(t.out, make([]int16, n)...)
			t.gap, t.end = t.gap-int64(n), t.end+int64(n)
			continue
		}
		t.out = append(t.out, t.samples[at+t.cut:at+m.n]...)
		t.end += int64(m.n - t.cut)
		at += m.n
		used++
		t.placed = false
	}
	t.samples = t.samples[:copy(t.samples, t.samples[at:])]
	t.marks = t.marks[:copy(t.marks, t.marks[used:])]
}

// place says how much silence is before frame i, or how much of its beginning has been said already.
func (l *line) place(t *track, i int) (gap int64, cut int) {
	m := t.marks[i]
	late := m.at - t.end - int64(m.n)
	if e := l.of(edge); -e <= late && late <= e {
		return 0, 0
	}
	least, end := late, t.end+int64(m.n)
	for _, o := range t.marks[i+1:] {
		if o.seam || o.at > m.at+l.of(ahead) {
			break
		}
		end += int64(o.n)
		least = min(least, o.at-end)
	}
	switch {
	case least > l.of(edge):
		return least, 0
	case late >= 0 || least < -l.of(crowded):
		return 0, 0
	}
	return 0, int(min(-late, int64(m.n)))
}

// held is how many samples of a channel wait for their place.
func (l *line) held() (n int) {
	for i := range l.tracks {
		n = max(n, len(l.tracks[i].samples))
	}
	return n
}

// whole is how long the time line is with what waits.
func (l *line) whole() (n int64) {
	for i := range l.tracks {
		t := &l.tracks[i]
		n = max(n, t.end+t.gap+int64(len(t.samples)))
	}
	return n
}
