package mixer

import (
	"math"
	"time"

	"santral/media"
	"santral/media/level"
	"santral/media/listen"
)

// turn is what a room's turn works on; nobody else touches it.
type turn struct {
	last    time.Duration // when the one before was
	seats   []*Member     // who takes part, and after them who has just left
	staying int           // of these
	taps    []*tap
	active  []*Member // room for a choice

	common mixture
	played []int16 // to everyone
	plays  bool
	alone  []int16 // what one is played
	sum    []int32 // of everyone who is heard
	one    []int32 // of what one hears
	noise  noise
}

// part is what the turn knows of one member.
type part struct {
	ear        media.Ear
	voice      media.Voice
	mute, deaf bool
	all        bool // it speaks to everyone
	left       bool
	gain       float32 // of what it says
	volume     float32 // of what it hears
	edges      []edge  // whom it speaks to besides

	speech  *listen.Speech
	live    bool            // its last frame was heard
	zero    bool            // its frame is silence
	speaks  bool            // by its voice
	level   float64         // dBov, falling slowly
	talking int             // turns for which it counts as one who talks
	active  int             // turns for which it is to be heard
	auto    *level.Gain     // nil where loudness is not brought together
	denoise *level.Denoiser // nil where noise stays

	say   ramp    // what it says to anybody
	open  ramp    // how much of it is in what everyone hears
	hear  ramp    // how much it hears of it
	solo  int     // turns of a pause until it hears what everyone does; 0: it does
	waits int     // turns since it could
	own   mixture // that
	in    []int16 // what it says …
	loud  []int16 // … at its gain
	x     []int16 // the one of both that is heard
	mine  []int16 // … as it is in the sum
	z     []int16 // x or mine; nil: it isn't in the sum
	more  []int32 // what it alone hears
	any   bool    // more holds something
}

// edge is one whom a member speaks to.
type edge struct {
	to   *Member
	gain ramp
}

// Speak takes a turn (rtp.Speaker): who speaks is heard, then all is mixed, then everyone is told.
func (r *Room) Speak(now time.Duration) bool {
	t := &r.turn
	if gone, ok := r.gather(); !ok {
		for _, m := range gone { // the turn is the next one's by now
			r.tellOf(m, false)
		}
		return false
	}
	if t.last != 0 && now-t.last > 2*Frame {
		r.late.Add(1)
	}
	t.last = now
	turns := r.turns.Add(1)
	r.listen()
	r.choose()
	r.mix()
	r.finish(turns)
	for _, m := range t.seats[:t.staying] {
		if v := m.part.voice; v != nil {
			v.Take(&m.mixture(t).Mixed)
		}
	}
	for _, m := range t.seats[:t.staying] {
		if v := m.part.voice; v != nil {
			v.Say(&m.mixture(t).Mixed, now)
		} else {
			m.hears.offer(m.mixture(t).Sound)
		}
	}
	for _, s := range t.taps {
		s.write(t.common.Sound)
	}
	r.tell()
	clear(t.seats)
	return true
}

// mixture is what the member hears on this turn.
func (m *Member) mixture(t *turn) *mixture {
	if m.part.solo > 0 {
		return &m.part.own
	}
	return &t.common
}

// gather takes over from the table how everyone stands, and what is played. It is false when there is nobody but who has gone.
func (r *Room) gather() (gone []*Member, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := &r.turn
	if r.closed || len(r.members) == 0 {
		gone = r.leaving
		r.said.end()
		r.said.last = nil
		r.running, r.leaving, t.last = false, nil, 0
		return gone, false
	}
	if t.sum == nil {
		t.begin(r.cfg.Rate, r.frame)
	}
	t.plays = r.said.read(t.played)
	t.seats = append(append(t.seats[:0], r.members...), r.leaving...)
	t.staying = len(r.members)
	clear(r.leaving)
	r.leaving = r.leaving[:0]
	t.taps = append(t.taps[:0], r.taps...)
	for _, m := range t.seats {
		p, o := &m.part, &m.options
		p.ear, p.voice, p.left, p.any = m.ear, m.voice, m.left, false
		p.mute, p.deaf, p.all = o.Mute || o.Held, o.Deaf || o.Held, o.To == nil
		p.gain, p.volume = factor(o.Gain), factor(o.Volume)
		if m.addressed {
			m.addressed = false
			p.address(o.To)
		}
		if m.private.read(t.alone) {
			p.addMore(t.alone)
		}
	}
	return nil, true
}

// factor is what decibels multiply by.
func factor(dB float64) float32 {
	if dB == 0 {
		return 1
	}
	return float32(math.Pow(10, dB/20))
}

func (t *turn) begin(rate, frame int) {
	t.played, t.alone = make([]int16, frame), make([]int16, frame)
	t.sum, t.one = make([]int32, frame), make([]int32, frame)
	t.common.Sound, t.common.Rate, t.common.limit = make([]int16, frame), rate, 1
	t.noise.seed = 0x9e3779b97f4a7c15
}

// address has the member speak to these, and to no others. It is called under the room's lock.
func (p *part) address(to []*Member) {
	for i := range p.edges {
		p.edges[i].gain.want = 0
	}
next:
	for _, m := range to {
		if m.left {
			continue
		}
		for i := range p.edges {
			if p.edges[i].to == m {
				p.edges[i].gain.want = 1
				continue next
			}
		}
		p.edges = append(p.edges, edge{m, ramp{0, 1}})
	}
}

// addMore adds sound that the member alone hears.
func (p *part) addMore(f media.Frame) {
	if p.more == nil {
		p.more = make([]int32, len(f))
	}
	if !p.any {
		p.any = true
		clear(p.more)
	}
	add(p.more, f)
}

// tell tells who began or ended to talk; who leaves has ended.
func (r *Room) tell() {
	for _, m := range r.turn.seats {
		p := &m.part
		if !p.left {
			m.level.Store(math.Float64bits(p.level))
		}
		r.tellOf(m, p.talking > 0 && !p.left)
	}
}

func (r *Room) tellOf(m *Member, talks bool) {
	if m.talks.Swap(talks) != talks && r.cfg.Talks != nil {
		r.cfg.Talks(m, talks, time.Now())
	}
}
