package mixer

import (
	"slices"
	"sync"
	"time"

	"santral/media"
)

// Room is where members hear each other. Make it with New and Close it when nobody needs it any longer. It is
// safe for concurrent use.
type Room struct {
	cfg Config

	mu      sync.Mutex
	members []*Member
	said    playing // to everyone
	taps    []media.Sink
	closed  bool
	running bool
}

// New makes an empty room. It takes turns while it has members.
func New(cfg Config) *Room { return &Room{cfg: cfg} }

// Rate is the room's, in Hz.
func (r *Room) Rate() int { return r.cfg.Rate }

// Join makes a new member.
func (r *Room) Join(o Options) (*Member, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return nil, ErrOver
	case r.cfg.Most > 0 && len(r.members) >= r.cfg.Most:
		return nil, ErrFull
	}
	n := r.cfg.Rate / int(time.Second/Frame)
	m := &Member{room: r, options: o, joined: time.Now(), heard: make([]int16, n), out: make([]int16, n)}
	r.members = append(r.members, m)
	if !r.running {
		r.running = true
		r.cfg.Clock.Speak(r)
	}
	return m, nil
}

// Play has everyone hear src over what is said, in place of what was played before; nil ends that. ended, where it is
// not nil, is closed when src has ended or given way.
func (r *Room) Play(src media.Source, ended chan<- struct{}) {
	r.mu.Lock()
	r.said.begin(src, ended)
	r.mu.Unlock()
}

// Tap has sink get all that is said in the room, until the room closes.
func (r *Room) Tap(sink media.Sink) {
	r.mu.Lock()
	r.taps = append(r.taps, sink)
	r.mu.Unlock()
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

// Close ends the room: its members hear silence.
func (r *Room) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.said.begin(nil, nil)
	for _, m := range r.members {
		m.private.begin(nil, nil)
	}
	r.members, r.taps = nil, nil
}

// Speak takes a turn (rtp.Speaker).
func (r *Room) Speak(time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || len(r.members) == 0 {
		r.running = false
		return false
	}
	n := len(r.members[0].out)
	common := make([]int16, n)
	r.said.read(common)
	for _, m := range r.members {
		sum := make([]int32, n)
		for i := range sum {
			sum[i] = int32(common[i])
		}
		for _, o := range r.members {
			if o == m || o.options.Mute || m.options.Deaf || o.options.To != nil && !slices.Contains(o.options.To, m) {
				continue
			}
			for i, v := range o.heard {
				sum[i] += int32(v)
			}
		}
		own := make([]int16, n)
		m.private.read(own)
		for i := range sum {
			m.out[i] = int16(min(max(sum[i]+int32(own[i]), -32768), 32767))
		}
	}
	for _, m := range r.members {
		clear(m.heard)
	}
	return true
}

// leave takes m out.
func (r *Room) leave(m *Member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.members, m); i >= 0 {
		r.members = slices.Delete(r.members, i, i+1)
	}
	m.private.begin(nil, nil)
}

// playing is a source that is heard in a room, and who waits for its end.
type playing struct {
	src   media.Source
	ended chan<- struct{}
}

func (p *playing) begin(src media.Source, ended chan<- struct{}) {
	if p.ended != nil {
		close(p.ended)
	}
	*p = playing{src, ended}
}

func (p *playing) read(f media.Frame) {
	if p.src == nil {
		return
	}
	if n, err := p.src.Read(f); err != nil {
		clear(f[n:])
		p.begin(nil, nil)
	}
}
