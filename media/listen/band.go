package listen

// band is one loudness of a line, and what of it is noise.
type band struct {
	floor  float64 // level of the noise
	spread float64 // mean deviation of it

	n      int // pieces in the block that is heard
	sum    float64
	low    float64 // of the block
	high   float64
	recent [blocks]float64 // means of the last ones
	at     int
	known  int
}

const (
	leastUp = 1.2 // above the floor that is speech at least: noise is as steady as that only on paper
	mostUp  = 3.
	spreads = 3.5 // mean deviations above the floor that are speech

	learns    = 0.05 // how fast the floor follows noise
	deviates  = 0.02
	blockLong = 10 // pieces
	blocks    = 20
	steady    = 6 // blocks that are alike are noise
	alike     = 1.
	begins    = 2. // between the pieces of the first block, where it is noise: words rise and fall by more
)

func newBand(floor float64) band { return band{floor: floor, spread: 0.35} }

// hear takes the level of the next piece, and reports whether it is above the noise. quiet: nobody was speaking.
func (b *band) hear(level float64, quiet bool) bool {
	up := level - b.floor
	above := up > min(max(spreads*b.spread, leastUp), mostUp) && level > faintest
	switch {
	case up < 0 || !above && quiet:
		b.floor += learns * up
		if up < 0 {
			up = -up
		}
		b.spread += deviates * (min(up, mostUp) - b.spread)
	case !above: // between words
		b.floor += learns / 4 * up
	}
	b.sum += level
	if b.n == 0 {
		b.low, b.high = level, level
	}
	b.low, b.high = min(b.low, level), max(b.high, level)
	if b.n++; b.n == blockLong {
		b.block(b.sum / blockLong)
		b.n, b.sum = 0, 0
	}
	return above
}

// block takes the mean level of a block. Where the last ones are alike they are noise, however loud; and so is what a
// line never falls below.
func (b *band) block(mean float64) {
	if b.known == 0 && b.high-b.low < begins { // a line that hums when it opens
		b.floor = mean
	}
	b.recent[b.at] = mean
	b.at = (b.at + 1) % blocks
	b.known = min(b.known+1, blocks)
	low, high, least, total := mean, mean, mean, 0.
	for i := range b.known {
		v := b.recent[(b.at-1-i+2*blocks)%blocks]
		if i < steady {
			low, high, total = min(low, v), max(high, v), total+v
		}
		least = min(least, v)
	}
	if b.known >= steady && high-low < alike {
		b.floor = total / steady
		return
	}
	if b.known == blocks && least > b.floor {
		b.floor = least
	}
}
