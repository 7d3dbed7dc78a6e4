package mixer

import "slices"

// silence is the level of nothing, dBov.
const silence = -127

const (
	talksOn   = 15  // turns for which one who has fallen silent still counts as one who talks, behind the ear's own
	staysOpen = 50  // turns for which one is still heard
	falls     = 0.5 // dB for each turn: how fast a loudness is forgotten
	louder    = 6   // dB by which one must be louder than who is heard to take its place
)

// listen takes what everyone says on this turn, and who speaks.
func (r *Room) listen() {
	t := &r.turn
	for _, m := range t.seats {
		p := &m.part
		r.take(m)
		speaks, level := p.speech.Hear(p.in)
		p.zero = level <= silence
		p.speaks = speaks && !p.mute && !p.left
		p.talking, p.active = max(p.talking-1, 0), max(p.active-1, 0)
		if p.speaks {
			p.talking, p.active = talksOn, staysOpen
		}
		p.level = max(level, p.level-falls, silence)
		if p.say.want = p.gain; p.mute {
			p.say.want = 0
		}
		p.zero = p.zero || p.say.now == 0 && p.say.want == 0
		switch p.x = p.in; {
		case p.zero:
			p.say.now = p.say.want
		case p.auto != nil && (speaks || p.heardNow()):
			copy(p.loud, p.in)
			p.auto.Process(p.loud, r.cfg.Rate, speaks, level)
			p.x = p.say.apply(p.loud, p.loud, r.cfg.Rate)
		default:
			p.x = p.say.apply(p.loud, p.in, r.cfg.Rate)
		}
	}
}

// heardNow reports whether anybody may hear the member on this turn.
func (p *part) heardNow() bool {
	return p.open.now > 0 || p.open.want > 0 || p.active > 0 || len(p.edges) > 0
}

// take fills the member's frame with what it says: of its ear, or of what was written. What breaks off fades, and so
// does what begins.
func (r *Room) take(m *Member) {
	p := &m.part
	copy(p.loud, p.in)
	switch {
	case p.left:
	case p.ear != nil && p.ear.Hear(p.in), p.ear == nil && m.says.take(p.in):
		if !p.live {
			p.live, p.say.now = true, 0
		}
		if p.denoise != nil {
			p.denoise.Process(p.in)
		}
		return
	}
	clear(p.in)
	if p.live {
		p.live = false
		fade(p.in, p.loud, r.cfg.Rate)
	}
}

// choose says who is in what everyone hears: all, as long as they are few; where there are more, those who talk, and
// the loudest of them where these are too many.
func (r *Room) choose() {
	t := &r.turn
	speakers := 0
	for _, m := range t.seats[:t.staying] {
		if m.part.all && !m.part.mute {
			speakers++
		}
	}
	few := speakers <= r.cfg.Mixed
	t.active = t.active[:0]
	for _, m := range t.seats {
		p := &m.part
		switch {
		case p.left: // its end fades by itself
		case !p.all || !few && p.active == 0:
			p.open.want = 0
		case few:
			p.open.want = 1
		default:
			t.active = append(t.active, m)
		}
	}
	if len(t.active) > r.cfg.Mixed {
		slices.SortStableFunc(t.active, func(a, b *Member) int {
			return int(4 * (b.part.rank() - a.part.rank()))
		})
	}
	for i, m := range t.active {
		if m.part.open.want = 0; i < r.cfg.Mixed {
			m.part.open.want = 1
		}
	}
	clear(t.active)
}

// rank is by what members are chosen.
func (p *part) rank() float64 {
	if p.open.now > 0 {
		return p.level + louder
	}
	return p.level
}
