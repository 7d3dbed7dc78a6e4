package mixer

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"santral/media"
	"santral/media/level"
	"santral/media/listen"
	"santral/media/pcm"
)

// Room is where members hear each other. Make it with New and Close it when nobody needs it any longer. It is
// safe for concurrent use.
type Room struct {
	cfg   Config
	frame int // samples of a turn

	mu      sync.Mutex
	members []*Member
	leaving []*Member // since the last turn
	said    playing   // to everyone
	taps    []*tap
	closed  bool
	running bool

	turns, late atomic.Uint64
	turn        turn
}

// New makes an empty room. It takes turns while it has members.
func New(cfg Config) *Room {
	if cfg.Rate <= 0 {
		cfg.Rate = 8000
	}
	cfg.Rate = min(cfg.Rate, maxFrame*int(time.Second/Frame))
	if cfg.Mixed <= 0 {
		cfg.Mixed = usualMixed
	}
	r := &Room{cfg: cfg, frame: cfg.Rate / int(time.Second/Frame)}
	r.said.rate = cfg.Rate
	return r
}

// Rate is the room's, in Hz.
func (r *Room) Rate() int { return r.cfg.Rate }

// Join makes a new member.
func (r *Room) Join(o Options) (*Member, error) {
	m := &Member{room: r, options: o, joined: time.Now(), addressed: o.To != nil}
	m.options.To = slices.Clone(o.To)
	m.private.rate = r.cfg.Rate
	m.level.Store(math.Float64bits(silence))
	m.part.begin(r.cfg.Rate, r.frame)
	if r.cfg.Level {
		m.part.auto = level.NewGain(level.Target)
	}
	if o.Denoise {
		m.part.denoise = level.NewDenoiser(r.cfg.Rate)
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return nil, ErrOver
	case r.cfg.Most > 0 && len(r.members) >= r.cfg.Most:
		return nil, ErrFull
	}
	r.members = append(r.members, m)
	if !r.running {
		r.running = true
		r.cfg.Clock.Speak(r)
	}
	return m, nil
}

// Play has everyone hear src over what is said, in place of what was played before; nil ends that. ended, where it is
// not nil, is closed when src has ended or given way, or when nobody is left to hear it. In an empty room it waits for who comes.
func (r *Room) Play(src media.Source, ended chan<- struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said.begin(src, ended)
	if r.closed {
		r.said.end()
	}
}

// Tap has sink get all that is said to everyone in the room, and played to them, on its turns and at its rate, until
// stop is called or the room closes. Turns are taken while there are members.
func (r *Room) Tap(sink media.Sink) (stop func()) {
	t := &tap{sink: sink}
	if to := media.RateOf(sink); to != r.cfg.Rate {
		if t.filter, _ = pcm.NewResampler(r.cfg.Rate, to); t.filter == nil {
			return func() {} // there is no way between the two rates
		}
		t.sound = make([]int16, t.filter.Most(r.frame))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.taps = append(r.taps, t)
	}
	return func() {
		r.mu.Lock()
		r.taps = slices.DeleteFunc(slices.Clone(r.taps), func(o *tap) bool { return o == t })
		r.mu.Unlock()
	}
}

// tap is a sink of what is said.
type tap struct {
	sink   media.Sink
	filter *pcm.Resampler // nil where the rates are the same
	sound  []int16
}

func (t *tap) write(f media.Frame) {
	if t.filter != nil {
		f = t.sound[:t.filter.Process(t.sound, f)]
	}
	t.sink.Write(f)
}

// Members tells how they stand, in the order in which they came.
func (r *Room) Members() []State {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]State, 0, len(r.members))
	for _, m := range r.members {
		list = append(list, m.stateLocked())
	}
	return list
}

// Turns tells how many turns the room has taken, and how many of them more than a frame's time after the one before
// and its own.
func (r *Room) Turns() (all, late uint64) { return r.turns.Load(), r.late.Load() }

// Close ends the room: its members hear silence.
func (r *Room) Close() {
	r.mu.Lock()
	members := r.members
	ears, voices := make([]media.Ear, len(members)), make([]media.Voice, len(members))
	r.closed = true
	r.said.end()
	for i, m := range members {
		ears[i], voices[i] = m.endLocked()
	}
	r.members, r.leaving, r.taps = nil, append(r.leaving, members...), nil
	r.mu.Unlock()
	for i := range members {
		alone(ears[i], voices[i])
	}
}

// begin makes what the turn needs of a member.
func (p *part) begin(rate, frame int) {
	room := make([]int16, 4*frame)
	p.in, p.loud, p.mine, p.own.Sound = room[:frame:frame], room[frame:2*frame:2*frame], room[2*frame:3*frame:3*frame], room[3*frame:]
	p.own.Rate, p.own.limit = rate, 1
	p.speech = listen.New(rate)
	p.hear = ramp{1, 1}
	p.level = silence
}
