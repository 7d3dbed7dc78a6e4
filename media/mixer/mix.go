package mixer

// One whose mixture is no longer another than everyone's goes over to everyone's, and to the encoding that all share,
// in a pause: what decoders remember of a loud sound differs with what they were sent, and would be heard as a click.
const (
	settles  = 5   // turns of a pause
	quiet    = 260 // highest sample of a pause: −42 dBov
	waitMost = 250 // turns for which a pause is waited for
)

// mix sums up what everyone hears, and finds what some hear besides or do not hear.
func (r *Room) mix() {
	t := &r.turn
	clear(t.sum)
	if t.plays {
		add(t.sum, t.played)
	}
	for _, m := range t.seats {
		p := &m.part
		if p.z = nil; p.open.now > 0 || p.open.want > 0 {
			if p.z = p.in; p.zero {
				p.open.now = p.open.want
			} else {
				p.z = p.open.apply(p.mine, p.x, r.cfg.Rate)
				add(t.sum, p.z)
			}
		}
		if len(p.edges) > 0 {
			p.speakTo(t, r.cfg.Rate)
		}
	}
}

// speakTo adds what the member says to what those hear whom it speaks to.
func (p *part) speakTo(t *turn, rate int) {
	kept := p.edges[:0]
	for _, e := range p.edges {
		if e.gain.now == 0 && e.gain.want == 0 || e.to.part.left {
			continue
		}
		if p.zero {
			e.gain.now = e.gain.want
			kept = append(kept, e)
			continue
		}
		var room [maxFrame]int16
		e.to.part.addMore(e.gain.apply(room[:len(p.x)], p.x, rate))
		kept = append(kept, e)
	}
	clear(p.edges[len(kept):])
	p.edges = kept
}

// maxFrame is the longest frame in samples.
const maxFrame = 960

// finish makes everyone's mixture, and those of who hears something else.
func (r *Room) finish(turns uint64) {
	t := &r.turn
	t.noise.made = false
	t.common.Turn = turns
	t.common.finish(t.sum, &t.noise, r.cfg.Rate)
	for _, m := range t.seats[:t.staying] {
		p := &m.part
		p.hear.want = p.volume
		if p.deaf {
			p.hear.want = 0
		}
		if p.z != nil && !p.zero || p.any || p.hear.want != 1 || p.hear.now != 1 {
			p.solo, p.waits = settles, 0
		} else if p.solo > 0 {
			if p.waits++; p.waits >= waitMost {
				p.solo = 0
			} else if t.common.peak <= quiet {
				p.solo--
			}
		}
		if p.solo == 0 || p.voice == nil && !m.hears.takes() {
			p.hear.now = p.hear.want
			continue
		}
		one := t.one
		copy(one, t.sum)
		if p.z != nil && !p.zero {
			for i, v := range p.z {
				one[i] -= int32(v)
			}
		}
		p.hear.scale(one, r.cfg.Rate)
		if p.any {
			for i, v := range p.more {
				one[i] += v
			}
		}
		p.own.Turn = turns
		p.own.finish(one, &t.noise, r.cfg.Rate)
	}
}
