package mixer

import (
	"time"

	"santral/media"
)

// Member is one who takes part in a room: a Sink of what it says and a Source of what it hears. It belongs to the
// room; whoever made it calls Leave.
type Member struct {
	room    *Room
	options Options
	joined  time.Time
	private playing
	heard   media.Frame // what it said last
	out     media.Frame // what it hears
}

// Rate is the room's, in Hz (media.Rated).
func (m *Member) Rate() int { return m.room.cfg.Rate }

// Write takes 20 ms of what the member says (media.Sink).
func (m *Member) Write(f media.Frame) {
	m.room.mu.Lock()
	copy(m.heard, f)
	m.room.mu.Unlock()
}

// Read gives what the member hears (media.Source). It never ends; after Leave it is silence.
func (m *Member) Read(f media.Frame) (int, error) {
	m.room.mu.Lock()
	clear(f[copy(f, m.out):])
	m.room.mu.Unlock()
	return len(f), nil
}

// Mute has the room not hear the member, or hear it again.
func (m *Member) Mute(on bool) { m.set(func(o *Options) { o.Mute = on }) }

// Deaf has the member not hear the room, or hear it again.
func (m *Member) Deaf(on bool) { m.set(func(o *Options) { o.Deaf = on }) }

// Gain changes how loud the member is to others, in dB.
func (m *Member) Gain(dB float64) { m.set(func(o *Options) { o.Gain = dB }) }

// Address has the member be heard by others alone; nil: by everyone.
func (m *Member) Address(to []*Member) { m.set(func(o *Options) { o.To = to }) }

func (m *Member) set(f func(*Options)) {
	m.room.mu.Lock()
	f(&m.options)
	m.room.mu.Unlock()
}

// Play has the member alone hear src over what is said, in place of what it was played before; nil ends that. ended,
// where it is not nil, is closed when src has ended or given way.
func (m *Member) Play(src media.Source, ended chan<- struct{}) {
	m.room.mu.Lock()
	m.private.begin(src, ended)
	m.room.mu.Unlock()
}

// State tells how it stands.
func (m *Member) State() State {
	m.room.mu.Lock()
	defer m.room.mu.Unlock()
	return m.stateLocked()
}

func (m *Member) stateLocked() State {
	return State{Name: m.options.Name, Mute: m.options.Mute, Deaf: m.options.Deaf, Gain: m.options.Gain, Level: -127, Joined: time.Since(m.joined)}
}

// Leave ends its part. It may be called again.
func (m *Member) Leave() { m.room.leave(m) }
