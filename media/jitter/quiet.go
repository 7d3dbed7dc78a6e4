package jitter

import (
	"math"

	"santral/media"
)

// quiet knows how loud the stream is when nobody speaks, and sounds like it.
type quiet struct {
	floor  float64 // mean square; below 0 while nothing is known
	chance uint32
	before float64
}

const (
	silent   = 30 * 30   // mean square that nobody hears
	loudest  = 60 * 60   // of what we say as silence
	loudly   = 150 * 150 // of what we take for silence
	floorUp  = 1.01      // the floor rises by as much with each packet
	floorWay = 4         // so much above the floor is silence still
)

func power(x media.Frame) float64 {
	if len(x) == 0 {
		return 0
	}
	var sum int64
	for _, s := range x {
		sum += int64(s) * int64(s)
	}
	return float64(sum) / float64(len(x))
}

// learn hears a packet.
func (q *quiet) learn(x media.Frame) {
	e := power(x)
	if q.floor < 0 || e < q.floor {
		q.floor = e
		return
	}
	q.floor = min(q.floor*floorUp+1, e)
}

// is reports whether nobody speaks in x.
func (q *quiet) is(x media.Frame) bool {
	return power(x) <= max(silent, min(q.floor, loudly)*floorWay)
}

// fill makes silence.
func (q *quiet) fill(x media.Frame) {
	level := math.Sqrt(min(max(q.floor, 0), loudest))
	if level < 4 {
		clear(x)
		return
	}
	if q.chance == 0 {
		q.chance = 0x9e3779b9
	}
	for i := range x {
		q.chance ^= q.chance << 13
		q.chance ^= q.chance >> 17
		q.chance ^= q.chance << 5
		q.before = q.before*0.6 + float64(int32(q.chance))*(1.0/(1<<31))
		x[i] = int16(q.before * level * 1.2)
	}
}
