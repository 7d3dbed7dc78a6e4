package quality

import (
	"math"
	"strings"
	"time"

	"santral/media"
)

// Ratings of perfect connections with the default values of all that a network does not know: narrow-band by ITU-T
// G.107 (02/2014) table 2, wide-band by ITU-T G.107.1 (06/2019) table 1.
const (
	best     = 93.2
	bestWide = 129.0
)

// impairment is what a codec does to speech by itself (Ie) and how well it bears random loss (Bpl).
type impairment struct {
	name    string
	ie, bpl float64
}

// impairments are narrow-band codecs, from ITU-T G.113 (11/2007) appendix I. G.711 counts as concealed, because the
// phones of today conceal.
var impairments = [...]impairment{
	{"PCMU", 0, 25.1},
	{"PCMA", 0, 25.1},
	{"G729", 11, 19},
	{"G723", 15, 16.1},
	{"GSM-EFR", 5, 10},
	{"AMR", 5, 10}, // at 12.2 kbit/s, which is GSM-EFR
}

// wide are wide-band codecs on the scale of ITU-T G.107.1: Ie,wb from G.113 appendix IV, at 64 kbit/s for G.722 and
// 12.65 for AMR-WB. What loss does to them is published for few, so that Bpl is our own estimate: a codec
// that keeps a state over packets bears less than G.711.
var wide = [...]impairment{
	{"G722", 13, 13},
	{"AMR-WB", 13, 13},
	{"L16", 0, 25.1},
}

// opus gives Ie,wb of Opus by its rate in kbit/s. ITU-T has no figures for it: these are our own, laid so that 16
// kbit/s is AMR-WB's 13 and what listeners can't tell from the original costs nothing (from 40 kbit/s on).
var opus = [...]struct{ rate, ie float64 }{{6, 45}, {8, 36}, {12, 22}, {16, 13}, {24, 5}, {32, 2}, {40, 0}}

// opusLoss is Bpl of Opus without its error correction, our own estimate.
const opusLoss = 15

// impairmentOf gives a codec's values and whether they are of the wide-band scale. A codec without figures counts as
// G.711.
func impairmentOf(p *Path) (c impairment, isWide bool) {
	if strings.EqualFold(p.Format, "opus") {
		return impairment{"opus", opusAt(p.Rate), opusLoss}, true
	}
	for _, c := range wide {
		if strings.EqualFold(c.name, p.Format) {
			return c, true
		}
	}
	for _, c := range impairments {
		if strings.EqualFold(c.name, p.Format) {
			return c, false
		}
	}
	return impairments[0], false
}

// opusAt finds Ie,wb between the rates that are known; a rate of 0 is an everyday one.
func opusAt(rate float64) float64 {
	rate /= 1000
	last := len(opus) - 1
	switch {
	case rate <= 0 || rate >= opus[last].rate:
		return opus[last].ie
	case rate <= opus[0].rate:
		return opus[0].ie
	}
	i := 1
	for rate > opus[i].rate {
		i++
	}
	a, b := opus[i-1], opus[i]
	return a.ie + (b.ie-a.ie)*(rate-a.rate)/(b.rate-a.rate)
}

// Path is what a stream went through.
type Path struct {
	Format string        // encoding name
	Rate   float64       // bits of sound a second, 0 where it is not known; only Opus is judged by it
	Loss   float64       // 0 to 1, of packets that never came or came too late
	Burst  float64       // BurstR of ITU-T G.107 §7.4; 0 or 1 is random loss
	Delay  time.Duration // from mouth to ear
}

// Rating is the transmission rating factor of ITU-T G.107, R = Ro - Is - Idd - Ie,eff, with all that a network does
// not know at its default and the echo cancelled: up to 93.2. Wide-band codecs have that of ITU-T G.107.1, up
// to 129, and isWide is true.
func Rating(p Path) (r float64, isWide bool) {
	c, isWide := impairmentOf(&p)
	burst := max(p.Burst, 1)
	loss := 100 * min(max(p.Loss, 0), 1)
	eff := c.ie + (95-c.ie)*loss/(loss/burst+c.bpl) // G.107 equation 7-29, G.107.1 equation 7-22
	if isWide {
		return bestWide - delayImpairment(p.Delay) - eff, true
	}
	return best - delayImpairment(p.Delay) - eff, false
}

// delayImpairment is Idd of ITU-T G.107, equations 7-27 and 7-28.
func delayImpairment(d time.Duration) float64 {
	ms := float64(d) / float64(time.Millisecond)
	if ms <= 100 {
		return 0
	}
	x := math.Log2(ms / 100)
	return 25 * (math.Pow(1+math.Pow(x, 6), 1.0/6) - 3*math.Pow(1+math.Pow(x/3, 6), 1.0/6) + 2)
}

// MOS is the mean opinion score of a narrow-band rating (ITU-T G.107 annex B), 1 to 4.5.
func MOS(r float64) float64 {
	switch {
	case r <= 6.52: // below it the curve of annex B dips under 1
		return 1
	case r >= 100:
		return 4.5
	}
	return 1 + 0.035*r + r*(r-60)*(100-r)*7e-6
}

// Score is the mean opinion score of a path, 1 to 4.5. A wide-band rating is brought to the scale of annex B by 1.29
// (ITU-T G.107.1 §7.5), so that scores of both are of one kind: what listeners say who know only the one band.
func Score(p Path) float64 {
	r, isWide := Rating(p)
	if isWide {
		r /= bestWide / 100
	}
	return math.Round(100*MOS(r)) / 100
}

// Factor is the rating as reports carry it (RFC 3611 §4.7.5): 0 to 100.
func Factor(p Path) uint8 {
	r, isWide := Rating(p)
	if isWide {
		r /= bestWide / 100
	}
	return uint8(math.Round(min(max(r, 0), 100)))
}

// PathOf is what a received stream went through, as far as it is known here. The delay from mouth to ear is taken as
// half the round trip, a packet of 20 ms, and the jitter buffer; where we have none, one of twice the jitter.
func PathOf(q *media.Quality) Path {
	p := Path{Format: q.Format, Burst: q.BurstRatio, Delay: OneWay(q)}
	if all := q.Lost + q.Packets; all > 0 {
		p.Loss = float64(q.Lost+q.Discarded) / float64(all)
	}
	if q.Spoken > time.Second { // less says little of a rate
		p.Rate = float64(8*q.Octets) / q.Spoken.Seconds()
	}
	return p
}

// OneWay is how long sound takes from the peer's mouth, as far as it is known here.
func OneWay(q *media.Quality) time.Duration {
	buffer := q.Buffer
	if buffer == 0 {
		buffer = 2 * q.Jitter
	}
	return q.RoundTrip/2 + 20*time.Millisecond + buffer
}

// Estimate is the conversational score of what was received, 0 when nothing came.
func Estimate(q media.Quality) float64 {
	if q.Packets == 0 {
		return 0
	}
	return Score(PathOf(&q))
}

// Listening is the same without regard to delay: what somebody says who only listens (MOS-LQ, RFC 3611 §4.7.5).
func Listening(q media.Quality) float64 {
	if q.Packets == 0 {
		return 0
	}
	p := PathOf(&q)
	p.Delay = 0
	return Score(p)
}
