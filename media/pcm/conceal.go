package pcm

import "santral/media"

// Concealer fills gaps in a stream of sound with what may have been said there, by the way of ITU-T G.711
// Appendix I at any rate: the pitch of what was heard last is found, its period goes on, after 10 ms two
// and after 20 ms three periods take turns, so that it does not hum; after the first 10 ms it fades by a
// fifth every 10 ms, and nothing is left after 60. Good sound takes over by a cross-fade that is longer
// after a longer gap.
//
// Unlike the Appendix it adds no delay: that holds every sound back for 3.75 ms so that its end can be
// bent towards what is going to be invented. Here the invention is bent towards the end of what was heard.
//
// It belongs to one stream, and is used by one goroutine at a time. Nothing is allocated after New.
type Concealer struct {
	// Lengths in samples.
	shortest, longest int // periods: 5 and 15 ms, 200 and 66 Hz
	window            int // what is compared to find the period: 20 ms
	ten               int // 10 ms
	coarse            int // every so many samples are looked at in the first search

	past media.Frame // the last 48.75 ms: three of the longest periods and a quarter
	told media.Frame // past as it was when the gap began
	gap  int         // how much of the gap has been filled; 0 outside of one

	period  int         // of this gap
	quarter int         // length of its cross-fades
	cycle   media.Frame // the periods that are repeated
	turns   int         // how many periods that is: 1, 2, 3
	at      int         // where in cycle the next sample is
	step    int32       // what the first sample of the gap must be bent by
	heard   bool        // something has been heard at all
	old     media.Frame // the end of the last cycle, on its way out
	oldAt   int         // how much of old has gone
}

// NewConcealer makes one for sound at the given rate, in Hz, 4000 to 48000.
func NewConcealer(rate int) *Concealer {
	rate = min(max(rate, 4000), 48000)
	c := &Concealer{
		shortest: rate / 200,
		longest:  rate * 3 / 200,
		window:   rate / 50,
		ten:      rate / 100,
		coarse:   max(1, rate/4000),
	}
	c.past = make(media.Frame, 3*c.longest+c.longest/4)
	c.told = make(media.Frame, len(c.past))
	c.cycle = make(media.Frame, 0, 3*c.longest)
	c.old = make(media.Frame, 0, c.longest/4)
	return c
}

// Good takes sound that arrived. After a gap its beginning is mixed with what was invented, in place.
func (c *Concealer) Good(sound media.Frame) {
	if c.gap > 0 && len(sound) > 0 {
		c.merge(sound)
		c.gap = 0
	}
	c.remember(sound)
	c.heard = true
}

// merge fades from the invention to the good sound, over a quarter of a period and 4 ms more for every
// 10 ms of the gap, at most 10 ms.
func (c *Concealer) merge(sound media.Frame) {
	n := min(c.quarter+c.ten*4/10*max((c.gap-1)/c.ten, 0), c.ten, len(sound))
	for i := range n {
		v := c.next()
		sound[i] = int16((int32(sound[i])*int32(i+1) + v*int32(n-i)) / int32(n+1))
	}
}

func (c *Concealer) remember(sound media.Frame) {
	if n := len(c.past) - len(sound); n > 0 {
		copy(c.past, c.past[len(sound):])
		copy(c.past[n:], sound)
	} else {
		copy(c.past, sound[-n:])
	}
}

// Fill fills dst with what may have been said.
func (c *Concealer) Fill(dst media.Frame) {
	if !c.heard {
		clear(dst)
		return
	}
	for i := range dst {
		if c.gap == 0 {
			c.begin()
		}
		dst[i] = int16(c.next())
	}
	c.remember(dst) // a second gap soon after has this one in its past
}

// begin looks for the pitch of what was heard before the gap.
func (c *Concealer) begin() {
	copy(c.told, c.past)
	c.period = c.pitch()
	c.quarter = c.period / 4
	c.old = c.old[:0]
	c.take(1)
	n := len(c.told)
	c.at = 0
	c.step = int32(c.told[n-1]) - int32(c.told[n-1-c.period])
}

// take makes the cycle of the last so many periods. The end of the last period flows into what came before
// the first one, so that it can go round without a click.
func (c *Concealer) take(periods int) {
	c.turns = periods
	n := len(c.told)
	long := periods * c.period
	c.cycle = append(c.cycle[:0], c.told[n-long:]...)
	q := int32(c.quarter)
	before := c.told[n-long-c.quarter : n-long]
	for i, v := range before {
		at := long - c.quarter + i
		c.cycle[at] = int16((int32(c.cycle[at])*(q-int32(i)) + int32(v)*int32(i+1)) / (q + 1))
	}
}

// next gives the next sample of the invention.
func (c *Concealer) next() int32 {
	if c.gap > 6*c.ten {
		return 0
	}
	if c.gap == c.ten || c.gap == 2*c.ten {
		// More periods from now on, at the same place of the pitch. What was going on fades out.
		c.old = c.old[:0]
		c.oldAt = 0
		for i := range c.quarter {
			c.old = append(c.old, c.cycle[(c.at+i)%len(c.cycle)])
		}
		at := c.at % c.period
		c.take(c.turns + 1)
		c.at = at
	}
	v := int32(c.cycle[c.at])
	if c.at++; c.at == len(c.cycle) {
		c.at = 0
	}
	if c.oldAt < len(c.old) {
		q, i := int32(c.quarter), int32(c.oldAt)
		v = (v*(i+1) + int32(c.old[i])*(q-i)) / (q + 1)
		c.oldAt++
	}
	if c.gap < c.quarter {
		v += c.step * int32(c.quarter-c.gap) / int32(c.quarter+1)
	}
	if over := c.gap - c.ten; over > 0 {
		v = v * int32(5*c.ten-over) / int32(5*c.ten)
	}
	c.gap++
	return min(max(v, -32768), 32767)
}

// pitch is the lag at which the last 20 ms are most like what came before them: first in big steps, then
// around the best of them.
func (c *Concealer) pitch() int {
	best := c.search(c.shortest, c.longest, c.coarse, c.coarse)
	return c.search(max(best-c.coarse, c.shortest), min(best+c.coarse, c.longest), 1, max(1, c.coarse/2))
}

func (c *Concealer) search(from, to, step, every int) int {
	n := len(c.told)
	now := c.told[n-c.window:]
	best, most := from, -1.0
	for lag := from; lag <= to; lag += step {
		then := c.told[n-c.window-lag:][:len(now)]
		var cross, power int64
		for i := 0; i < len(now); i += every {
			b := int64(then[i])
			cross += int64(now[i]) * b
			power += b * b
		}
		if cross <= 0 {
			continue // a lag that is half a period off; any better one is positive
		}
		if like := float64(cross) * float64(cross) / float64(power+1); like > most {
			best, most = lag, like
		}
	}
	return best
}
