package call

import (
	"errors"
	"time"

	"santral/media"
)

// Recording is what a story asks to be recorded of its caller.
type Recording struct {
	Kind    TapeKind
	Account string        // whose it is to be; "" for the caller's
	Most    time.Duration // 0 for the archive's own limit
	Silence time.Duration // it ends after so much of it, which is cut off; 0: it doesn't
	Ends    string        // keys that end it; their tones are cut off
	Beep    bool          // before it
}

// Recorded is a recording that is whole and filed.
type Recorded struct {
	Name     string        `json:"name"` // by which the archive finds it; safe in a URL
	Kind     TapeKind      `json:"kind"`
	Began    time.Time     `json:"began"` // UTC
	Long     time.Duration `json:"long"`  // of sound, in nanoseconds
	Octets   int64         `json:"octets"`
	SHA256   string        `json:"sha256"` // of the file as it lies, in hexadecimal
	Media    string        `json:"media"`  // "wav", "opus"
	Sealed   bool          `json:"sealed,omitempty"`
	Segments []Segment     `json:"segments,omitempty"`
	Lost     time.Duration `json:"lost,omitempty"`  // of sound that could not be written: the disk was full or stuck
	Torn     bool          `json:"torn,omitempty"`  // the exchange stopped within it, and it was finished afterwards
	After    []string      `json:"after,omitempty"` // recordings that it goes on from, the first first: the exchange that heard them handed the call over
	Sound    media.Source  `json:"-"`               // of a scrap, what was said; nil for nothing
	Key      byte          `json:"-"`               // that ended a story's recording, 0 for none
}

// ErrEmpty is what a recording comes to in which nothing was heard: it is not kept.
var ErrEmpty = errors.New("nothing was recorded")

// TapeKind is what a recording is for.
type TapeKind string

// Kinds.
const (
	TapeCall    TapeKind = "call"    // both sides of a call: the caller left, the other right
	TapeMessage TapeKind = "message" // what a caller leaves
	TapePrompt  TapeKind = "prompt"  // something to be played to callers
	TapeScrap   TapeKind = "scrap"   // a minute at most that is heard back at once and kept nowhere; no archive sees it
)

// Segment is a stretch of a call's recording in which the same two are heard.
type Segment struct {
	At    time.Duration `json:"at"`              // from the recording's beginning
	What  string        `json:"what"`            // "talk", "hold", "service", "conference", "paused", "masked"
	Left  string        `json:"left,omitempty"`  // number of who is heard there
	Right string        `json:"right,omitempty"` // and there: an account, a number, a service's or a room's name
}

// About is what an archive is told of a recording that begins.
type About struct {
	Call     ID
	Tenant   string
	Account  string // whose it is
	Kind     TapeKind
	Channels int // 1 or 2
	Most     time.Duration
}

// Archive keeps recordings.
type Archive interface {
	// Wants reports whether a call is to be recorded from its answer on: by the policy of either party.
	Wants(from Party, to Party) bool
	// Begin opens a recording. It does not wait for a disk. The error is for people: recordings are off, no room is left.
	Begin(a About) (Tape, error)
	// Play gives the sound of a recording that is filed.
	Play(tenant, name string) (media.Source, error)
}

// Tape is a recording under way. Nothing of it blocks, and nothing of it ends the call: what can't be written is
// counted, and an alarm is up.
type Tape interface {
	Name() string
	Sink(channel int) media.Sink       // 0 the left, 1 the right; its frames come on the media clock
	Mark(s Segment)                    // a segment begins now; At is the tape's affair
	Pause(on bool)                     // what is said is not recorded, and the time line stands still
	Mask(on bool)                      // what is said is not recorded, and silence keeps its place
	Trim(d time.Duration)              // cuts off the end, before Close
	Close(filed func(Recorded, error)) // ends it; filed is called when it is whole, from a goroutine of the archive's, and may be nil
}
