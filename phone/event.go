package phone

import (
	"time"

	"santral/call"
)

// State is where a call stands, and in a [Summary] how far a phone came.
type State uint8

// The states of a call and of a phone, in the order in which they are reached.
const (
	UnknownState State = iota
	Started            // the phone is on
	Registered         // the server knows where we are
	Calling            // our INVITE is on its way
	Rings              // it rings, there or here
	Talking            // answered and acknowledged
	Ended              // of a call: over
)

var stateNames = [...]string{"unknown", "started", "registered", "calling", "ringing", "talking", "ended"}

// String names the state as it stands in a summary.
func (s State) String() string { return stateNames[s] }

// MarshalText gives the name.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Event is one thing that happened in a call. Which fields hold depends on Kind.
type Event struct {
	Kind   EventKind
	At     time.Time
	Status int        // Progress: 180, 183 …; Over: the refusal's, or 0
	Cause  call.Cause // Over, Unchanged
	Key    byte       // Key, Tone: '0'–'9', '*', '#', 'A'–'D'
	ByPeer bool       // Over: the other side ended it
}

// EventKind says what happened.
type EventKind uint8

// What a call can tell.
const (
	UnknownEvent EventKind = iota
	Progress               // we call: a provisional answer
	Talks                  // the call is answered, and that is acknowledged
	Held                   // the other side holds us
	Resumed                // the other side holds us no more
	Changed                // our hold or resume was accepted
	Unchanged              // our hold or resume was refused
	Key                    // a key of the other side's, as an event beside the sound
	Tone                   // a key heard as a tone in the sound
	Silence                // nothing was heard for Config.DeadAfter
	Over                   // the end; nothing follows
)

// String names the kind for logs.
func (k EventKind) String() string {
	return [...]string{"unknown", "progress", "talks", "held", "resumed", "changed", "unchanged", "key", "tone", "silence", "over"}[k]
}
