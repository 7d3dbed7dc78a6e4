package mixer

import "math"

// loudness brings a member's voice to the loudness of others'.
type loudness struct {
	speech float64 // power of what was said, of full scale
	heard  int     // turns of it
	gain   float64 // dB
}

const (
	usualLevel = -26 // dBov, of speech (ITU-T P.56)
	faintest   = -60 // dBov: what is below says nothing of how loud one speaks
	mostUp     = 24  // dB: more would bring up the noise of the line
	mostDown   = -15
	knows      = 10  // turns of speech after which something is known
	trusts     = 100 // turns of speech that are looked at
	moves      = 0.3 // dB for each turn
)

// hear takes how loud the member was on this turn, and gives by what that is multiplied.
func (l *loudness) hear(speaks bool, level float64) float32 {
	if speaks && level > faintest {
		l.heard = min(l.heard+1, trusts)
		l.speech += (math.Pow(10, level/10) - l.speech) / float64(l.heard)
		if l.heard >= knows {
			want := min(max(usualLevel-10*math.Log10(l.speech), mostDown), mostUp)
			l.gain += min(max(want-l.gain, -moves), moves)
		}
	}
	if l.gain == 0 {
		return 1
	}
	return float32(math.Pow(10, l.gain/20))
}
