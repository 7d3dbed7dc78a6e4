// Package mixer lets many speak with each other: a room, in which each member hears everyone but itself.
//
// A Room is a table of members and a turn every 20 ms on the media clock. Who a member is, and how it came here, is
// decided elsewhere: to the room it is a Sink (what it says) and a Source (what it hears), both at the room's rate.
// Sessions that are attached to a member are led by the room: on one and the same turn their peers are heard, mixed and
// spoken to, and what many hear alike is one media.Mixed, of which one encoding is made for all of them (decisions 030
// and 031).
//
// The table is behind the room's lock, which is held for what is short. What a turn works on is the turn's own, and is
// worked on without a lock.
package mixer

import (
	"errors"
	"time"

	"santral/media"
	"santral/media/rtp"
)

// Frame is how much sound a room mixes at a time.
const Frame = rtp.FrameTime

// Clock is the media clock (rtp.Pool).
type Clock interface{ Speak(rtp.Speaker) }

// Config is how a room is made.
type Config struct {
	Clock Clock
	Rate  int                                       // of its sound in Hz: 8000, 16000 or 48000
	Most  int                                       // members; 0 for no limit
	Mixed int                                       // how many are heard at a time where more are in the room; 0 for 6
	Level bool                                      // members' loudness is brought together
	Talks func(m *Member, talks bool, at time.Time) // somebody began or ended to talk; called on the media clock, must not block; nil for nobody
}

// usualMixed is how many are heard at a time: more who talk at once nobody understands, and the noise of their lines adds up.
const usualMixed = 6

// Options are how a member takes part.
type Options struct {
	Name    string
	Mute    bool      // it is not heard
	Deaf    bool      // it hears nothing but what is for it alone: what it is played, and who speaks to it by To
	Gain    float64   // dB, of what it says
	Volume  float64   // dB, of what it hears of the others
	Held    bool      // its phone holds us: it is neither heard nor hears, whatever Mute and Deaf say
	To      []*Member // who alone hears it; nil for everyone. Who speaks to some is not in what taps get
	Denoise bool      // noise is taken from what it says
}

// ErrFull is why nobody more can join a room.
var ErrFull = errors.New("the room is full")

// ErrOver is why nobody can join a room: it has been closed.
var ErrOver = errors.New("the room is closed")

// State is a member as it stands now.
type State struct {
	Name   string
	Mute   bool
	Deaf   bool
	Held   bool
	Gain   float64 // dB
	Volume float64 // dB
	Talks  bool
	Level  float64       // of what it says, dBov; −127 for silence
	Joined time.Duration // ago
}

// A Member may be attached to as what leads.
var (
	_ media.Rated  = (*Member)(nil)
	_ media.Leader = (*Member)(nil)
	_ media.Drawer = (*Member)(nil)
)
