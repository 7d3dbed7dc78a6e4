package mixer

import (
	"math"
	"slices"
	"sync/atomic"
	"time"

	"santral/media"
)

// Member is one who takes part in a room: a Sink of what it says and a Source of what it hears. It belongs to the
// room; whoever made it calls Leave.
type Member struct {
	room *Room

	// Under the room's lock.
	options   Options
	joined    time.Time
	private   playing
	ear       media.Ear   // nil while what it says is written
	voice     media.Voice // nil while what it hears is read
	left      bool
	addressed bool // whom it speaks to has changed since the last turn

	says, hears queue // of whoever knows nothing of turns
	talks       atomic.Bool
	level       atomic.Uint64 // what it says, dBov: the bits of a float
	part        part
}

// Rate is the room's, in Hz (media.Rated).
func (m *Member) Rate() int { return m.room.cfg.Rate }

// Write takes what the member says (media.Sink).
func (m *Member) Write(f media.Frame) { m.says.put(f, 2*m.room.frame) }

// Read gives what the member hears (media.Source). It never ends; after Leave it is silence.
func (m *Member) Read(f media.Frame) (int, error) {
	m.hears.take(f)
	return len(f), nil
}

// Lead has v speak on the room's turns (media.Leader).
func (m *Member) Lead(v media.Voice) bool {
	m.room.mu.Lock()
	left, was := m.left, m.voice
	if !left {
		m.voice = v
	}
	m.room.mu.Unlock()
	if !left && was != v {
		alone(nil, was)
	}
	return !left
}

// Dismiss ends that (media.Leader).
func (m *Member) Dismiss(v media.Voice) {
	m.room.mu.Lock()
	if m.voice == v {
		m.voice = nil
	}
	m.room.mu.Unlock()
}

// Draw has e heard on the room's turns (media.Drawer).
func (m *Member) Draw(e media.Ear) bool {
	m.room.mu.Lock()
	left, was := m.left, m.ear
	if !left {
		m.ear = e
	}
	m.room.mu.Unlock()
	if !left && was != e {
		alone(was, nil)
	}
	return !left
}

// Drop ends that (media.Drawer).
func (m *Member) Drop(e media.Ear) {
	m.room.mu.Lock()
	if m.ear == e {
		m.ear = nil
	}
	m.room.mu.Unlock()
}

// alone lets go of who was led; the lock is not held.
func alone(e media.Ear, v media.Voice) {
	if e != nil {
		e.Alone()
	}
	if v != nil {
		v.Alone()
	}
}

// Mute has the room not hear the member, or hear it again.
func (m *Member) Mute(on bool) { m.set(func(o *Options) { o.Mute = on }) }

// Deaf has the member not hear the room, or hear it again.
func (m *Member) Deaf(on bool) { m.set(func(o *Options) { o.Deaf = on }) }

// Gain changes how loud the member is to others, in dB.
func (m *Member) Gain(dB float64) { m.set(func(o *Options) { o.Gain = dB }) }

// Volume changes how loud the others are to the member, in dB.
func (m *Member) Volume(dB float64) { m.set(func(o *Options) { o.Volume = dB }) }

// Hold has the member be away, as its phone holds us, or come back: what that phone plays meanwhile nobody hears.
func (m *Member) Hold(on bool) { m.set(func(o *Options) { o.Held = on }) }

// Address has the member be heard by others alone; nil: by everyone.
func (m *Member) Address(to []*Member) {
	if to != nil {
		to = slices.DeleteFunc(append([]*Member{}, to...), func(o *Member) bool { return o == m })
	}
	m.set(func(o *Options) {
		o.To = to
		m.addressed = true
	})
}

func (m *Member) set(f func(*Options)) {
	m.room.mu.Lock()
	f(&m.options)
	m.room.mu.Unlock()
}

// Play has the member alone hear src over what is said, in place of what it was played before; nil ends that. ended,
// where it is not nil, is closed when src has ended or given way.
func (m *Member) Play(src media.Source, ended chan<- struct{}) {
	m.room.mu.Lock()
	defer m.room.mu.Unlock()
	m.private.begin(src, ended)
	if m.left {
		m.private.end()
	}
}

// State tells how it stands.
func (m *Member) State() State {
	m.room.mu.Lock()
	defer m.room.mu.Unlock()
	return m.stateLocked()
}

func (m *Member) stateLocked() State {
	o := &m.options
	return State{
		Name: o.Name, Mute: o.Mute, Deaf: o.Deaf, Held: o.Held, Gain: o.Gain, Volume: o.Volume, Talks: m.talks.Load() && !m.left,
		Level: math.Float64frombits(m.level.Load()), Joined: time.Since(m.joined),
	}
}

// Leave ends its part. It may be called again.
func (m *Member) Leave() {
	r := m.room
	r.mu.Lock()
	i := slices.Index(r.members, m)
	if i < 0 {
		r.mu.Unlock()
		return
	}
	r.members = slices.Delete(r.members, i, i+1)
	r.leaving = append(r.leaving, m)
	for _, o := range r.members {
		if slices.Contains(o.options.To, m) {
			o.options.To = slices.DeleteFunc(slices.Clone(o.options.To), func(o *Member) bool { return o == m })
		}
	}
	e, v := m.endLocked()
	r.mu.Unlock()
	alone(e, v)
}

// endLocked ends the part of a member, and gives who was led by it.
func (m *Member) endLocked() (e media.Ear, v media.Voice) {
	e, v = m.ear, m.voice
	m.ear, m.voice, m.left = nil, nil, true
	m.private.end()
	m.level.Store(math.Float64bits(silence))
	return e, v
}
