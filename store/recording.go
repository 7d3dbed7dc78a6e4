package store

import (
	"context"
	"time"
)

// Recording is the row of a recording that was filed: a fold over the events of the ledger. What is heard in it lies
// in a [Blobs] under a name that service/recording makes of this row's.
type Recording struct {
	Name     string    `json:"name"`
	Tenant   string    `json:"tenant"`
	Call     string    `json:"call"`
	Account  string    `json:"account,omitempty" doc:"whose it is"`
	Kind     string    `json:"kind" doc:"call: both sides of a call, the caller left and the other right; message: what a caller left; prompt: something to be played"`
	Began    time.Time `json:"began"` // whole milliseconds
	Long     Millis    `json:"long_ms"`
	Octets   int64     `json:"octets" doc:"of the file as it lies"`
	SHA256   string    `json:"sha256" doc:"of the file as it lies, in hexadecimal"`
	Media    string    `json:"media" doc:"wav or opus"`
	Sealed   bool      `json:"sealed,omitempty" doc:"it lies encrypted"`
	Torn     bool      `json:"torn,omitempty" doc:"the exchange stopped within it; it was finished afterwards"`
	Lost     Millis    `json:"lost_ms,omitempty" doc:"sound that could not be written"`
	Segments []Segment `json:"segments,omitempty" doc:"who is heard when"`
	After    []string  `json:"after,omitempty" doc:"recordings that it goes on from, the first first"`

	Deleted   time.Time `json:"deleted,omitzero" doc:"when it was deleted; its row stays"`
	DeletedBy string    `json:"deleted_by,omitempty"`
}

// Segment is a stretch of a recording in which the same two are heard.
type Segment struct {
	At    Millis `json:"at_ms" doc:"from the recording's beginning"`
	What  string `json:"what" doc:"talk, hold, service, conference, paused, masked"`
	Left  string `json:"left,omitempty" doc:"who is heard left"`
	Right string `json:"right,omitempty" doc:"and right"`
}

// Erasure is that a recording was deleted.
type Erasure struct {
	Name string
	At   time.Time
	By   string
}

// RecordingFilter says which recordings a list holds. Empty members do not restrict.
type RecordingFilter struct {
	Tenant  string
	Account string // whose it is
	Call    string
	From    time.Time // begun then or later
	Until   time.Time // begun before
	Deleted bool      // the rows of deleted ones too
}

// Recordings is where the rows of recordings are read. Lists are paged like those of [CDRs].
type Recordings interface {
	// Recording gives one by its name, a deleted one too, or ErrNotFound. An empty tenant is any.
	Recording(ctx context.Context, tenant, name string) (Recording, error)
	Recordings(ctx context.Context, filter RecordingFilter, cursor string, limit int) (page []Recording, next string, err error)
}
