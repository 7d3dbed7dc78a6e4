package quality

import (
	"math"
	"strings"
	"time"

	"santral/media"
)

// best is the rating of a perfect narrow-band connection with the default values of ITU-T G.107
// (02/2014) table 2.
const best = 93.2

// impairment is what a codec does to speech by itself (Ie) and how well it bears random loss (Bpl),
// from ITU-T G.113 (11/2007) appendix I. G.711 counts as concealed, because the
// phones of today conceal.
type impairment struct {
	name    string
	ie, bpl float64
}

var impairments = [...]impairment{
	{"PCMU", 0, 25.1},
	{"PCMA", 0, 25.1},
	{"G729", 11, 19},
	{"G723", 15, 16.1},
	{"GSM-EFR", 5, 10},
	{"AMR", 5, 10}, // at 12.2 kbit/s, which is GSM-EFR
}

// impairmentOf gives a codec's values. Codecs without a narrow-band figure (wide-band ones) count
// as G.711: the scale ends where theirs would go on.
func impairmentOf(format string) impairment {
	for _, c := range impairments {
		if strings.EqualFold(c.name, format) {
			return c
		}
	}
	return impairments[0]
}

// Path is what a stream went through.
type Path struct {
	Format string        // encoding name
	Loss   float64       // 0 to 1, of packets that never came or came too late
	Burst  float64       // BurstR of ITU-T G.107 §7.4; 0 or 1 is random loss
	Delay  time.Duration // from mouth to ear
}

// Rating is the transmission rating factor R of ITU-T G.107: R = Ro - Is - Idd - Ie,eff, with all
// that a network does not know at its default.
func Rating(p Path) float64 {
	c := impairmentOf(p.Format)
	burst := max(p.Burst, 1)
	loss := 100 * min(max(p.Loss, 0), 1)
	eff := c.ie + (95-c.ie)*loss/(loss/burst+c.bpl) // G.107 equation 7-29
	return best - delayImpairment(p.Delay) - eff
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

// MOS is the mean opinion score of a rating (ITU-T G.107 annex B), 1 to 4.5.
func MOS(r float64) float64 {
	switch {
	case r <= 6.52: // below it the curve of annex B dips under 1
		return 1
	case r >= 100:
		return 4.5
	}
	return 1 + 0.035*r + r*(r-60)*(100-r)*7e-6
}

// Estimate is the score of what was received, 0 when nothing came. The delay from mouth to ear is
// taken as half the round trip, a packet of 20 ms, and a jitter buffer of twice the jitter.
func Estimate(q media.Quality) float64 {
	if q.Packets == 0 {
		return 0
	}
	p := Path{
		Format: q.Format,
		Loss:   float64(q.Lost) / float64(q.Lost+q.Packets),
		Delay:  q.RoundTrip/2 + 20*time.Millisecond + 2*q.Jitter,
	}
	return math.Round(100*MOS(Rating(p))) / 100
}
