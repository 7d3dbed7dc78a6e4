package store

import (
	"context"
	"time"
)

// Millis is a duration in milliseconds, as records keep it.
type Millis int64

// Duration gives the same as a time.Duration.
func (m Millis) Duration() time.Duration { return time.Duration(m) * time.Millisecond }

// CDRState tells how an attempt came out.
type CDRState uint8

// How an attempt can come out. The numbers stand in databases and never change.
const (
	UnknownState CDRState = iota
	Answered              // it was talked, or a service answered
	Busy                  // the callee or its line was in use
	NoAnswer              // it rang or was sought, and nobody came
	Cancelled             // the caller gave up before an answer
	Failed                // refused, unreachable or impossible; Cause says why
	Interrupted           // the exchange stopped while the call was going on
)

var stateNames = [...]string{"unknown", "answered", "busy", "no answer", "cancelled", "failed", "interrupted"}

// String gives the word that people and programs read.
func (s CDRState) String() string {
	if int(s) >= len(stateNames) {
		s = UnknownState
	}
	return stateNames[s]
}

// MarshalText gives the word.
func (s CDRState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word; one that it does not know becomes UnknownState.
func (s *CDRState) UnmarshalText(text []byte) error {
	*s = ParseCDRState(string(text))
	return nil
}

// ParseCDRState reads what String printed, or gives UnknownState.
func ParseCDRState(text string) CDRState {
	for i, name := range stateNames {
		if name == text {
			return CDRState(i)
		}
	}
	return UnknownState
}

// CDR is the record of one attempt to call, with its legs: a fold over the events of the ledger, made
// when the attempt is over. Times are UTC and whole milliseconds, zero for what never happened, and
// durations are differences of these very times, so that a record always adds up.
type CDR struct {
	Seq    uint64   `json:"seq"`  // place in the order of ending, from 1, without gaps
	Call   string   `json:"call"` // the call's id
	Tenant string   `json:"tenant"`
	State  CDRState `json:"state"`

	FromAccount string `json:"from_account"`
	FromNumber  string `json:"from_number"` // as presented to the callee
	FromName    string `json:"from_name,omitempty"`
	FromTrunk   string `json:"from_trunk,omitempty"` // the trunk that the call came by, "" for an account's
	Source      string `json:"source,omitempty"`     // where the caller's signalling came from, address:port
	Dialled     string `json:"dialled"`
	To          string `json:"to,omitempty"`          // the account or service that it was routed to
	AnsweredBy  string `json:"answered_by,omitempty"` // account of the leg that answered, or the service

	MadeBy   string `json:"made_by,omitempty"`   // "transfer" or "api" when no phone dialled
	FromCall string `json:"from_call,omitempty"` // the call that its caller was sent from
	ToCall   string `json:"to_call,omitempty"`   // the call that one of its two was sent on to

	Began    time.Time `json:"began"`
	Ringing  time.Time `json:"ringing,omitzero"` // first 180 or 183 of any leg
	Answered time.Time `json:"answered,omitzero"`
	Ended    time.Time `json:"ended"`

	PostDialDelay Millis `json:"post_dial_delay_ms"` // from the beginning to the first ringing, or to the answer without one
	RingTime      Millis `json:"ring_ms"`            // from ringing to answer or end
	TalkTime      Millis `json:"talk_ms"`            // from answer to end

	EndedBy string `json:"ended_by"` // "caller", "callee" or "exchange"
	SIP     int    `json:"sip"`      // SIP status that tells why
	Q850    int    `json:"q850"`     // ITU-T Q.850 cause
	Cause   string `json:"cause"`    // in words
	Codec   string `json:"codec,omitempty"`

	ToTenant   string `json:"to_tenant,omitempty"`  // whose To is, where that is another than Tenant
	Number     string `json:"number,omitempty"`     // that was called, as it was understood: E.164 with + where it is one of the public network
	Sent       string `json:"sent,omitempty"`       // that the trunk was told which answered, or was tried last
	Said       string `json:"said,omitempty"`       // number that the caller came with, as received, where FromNumber is another
	Shown      string `json:"shown,omitempty"`      // number that whom it reached was shown, where FromNumber is another; "anonymous" for none
	Calls      string `json:"calls,omitempty"`      // kind of calls: "internal", "local", "mobile" …
	Because    string `json:"because,omitempty"`    // route or rule that decided
	Revision   uint64 `json:"revision,omitempty"`   // of the configuration that decided
	Trunk      string `json:"trunk,omitempty"`      // trunk that it left by: the one that answered, or was tried last
	Site       string `json:"site,omitempty"`       // where the caller was
	Department string `json:"department,omitempty"` // the caller's

	ToSite       string       `json:"to_site,omitempty"`       // where To is
	ToDepartment string       `json:"to_department,omitempty"` // To's
	Direction    CDRDirection `json:"direction"`

	Story string   `json:"story,omitempty"` // the first call of those that transfers join; "" for a call that is its own
	Parts []string `json:"parts,omitempty"` // of a story that was joined to one row: its calls, the first first

	Attempts    int     `json:"attempts"`               // legs that were tried towards To
	CallerAgent string  `json:"caller_agent,omitempty"` // what the caller's phone calls itself
	CalleeAgent string  `json:"callee_agent,omitempty"` // what the phone calls itself that answered, or rang last
	Held        Millis  `json:"held_ms,omitempty"`      // how long one of the two was on hold, legs summed
	MOS         float64 `json:"mos,omitempty"`          // mean of all streams that were received, and heard at the other end; 0 for unknown
	MOSWorst    float64 `json:"mos_worst,omitempty"`    // the worst of them, in its worst moment

	Legs []CDRLeg `json:"legs"` // in the order in which they began

	Recordings []Recording `json:"recordings,omitempty"` // of the call, the oldest first; they may be filed after its end
}

// CDRLeg is what the record keeps of one leg.
type CDRLeg struct {
	Leg       string `json:"leg"`              // "a" is the one that began the call
	Call      string `json:"call,omitempty"`   // the call that it was a leg of, in a row that joins several
	Tenant    string `json:"tenant,omitempty"` // whose account or trunk it is
	Direction string `json:"direction"`        // "in" or "out", seen from the exchange
	Account   string `json:"account,omitempty"`
	Trunk     string `json:"trunk,omitempty"` // the trunk that the leg came or went by
	Sent      string `json:"sent,omitempty"`  // called number as a trunk's peer was told it, after all rules
	Shown     string `json:"shown,omitempty"` // calling number likewise; "" for none, or withheld
	Number    string `json:"number,omitempty"`
	Target    string `json:"target,omitempty"` // request URI
	SIPCallID string `json:"sip_call_id,omitempty"`
	SessionID string `json:"session_id,omitempty"` // as we send it: the other side's half, then the peer's (RFC 7989 §5)
	Local     string `json:"local,omitempty"`      // our signalling address
	Remote    string `json:"remote,omitempty"`     // the peer's
	Transport string `json:"transport,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
	Media     string `json:"media,omitempty"` // the peer's media address
	Codec     string `json:"codec,omitempty"`
	FromCall  string `json:"from_call,omitempty"` // the call that it came from
	ToCall    string `json:"to_call,omitempty"`   // the call that it went on in

	Began    time.Time `json:"began"`
	Ringing  time.Time `json:"ringing,omitzero"`
	Answered time.Time `json:"answered,omitzero"`
	Ended    time.Time `json:"ended"`
	Held     Millis    `json:"held_ms,omitempty"` // how long it was on hold in all

	SIP     int      `json:"sip"`
	Q850    int      `json:"q850"`
	Cause   string   `json:"cause"`
	Streams []Stream `json:"streams,omitempty"` // what came from the peer, one for each m-line
	Notices []Notice `json:"notices,omitempty"` // what was noticed of its media, the oldest first

	Report *PhoneReport `json:"report,omitempty"` // what its phone says of it; it may come after the call
}

// Stream is the quality of one stream over the whole of its life (RFC 3550 §6.4): what came from the peer, and what
// the peer says of what it got.
type Stream struct {
	Format    string  `json:"format,omitempty"`
	Packets   uint64  `json:"packets"`
	Octets    uint64  `json:"octets"`
	Lost      uint64  `json:"lost"`
	Late      uint64  `json:"late"`
	Sent      uint64  `json:"sent"`          // packets that we sent to the peer
	Jitter    int64   `json:"jitter_us"`     // microseconds
	RoundTrip int64   `json:"round_trip_us"` // microseconds, 0 when unknown
	MOS       float64 `json:"mos"`           // 1 to 4.5, thousandths; 0 when nothing came
	Measured
}

// CDRDirection is where a call came from and went to, seen from the tenant whose record it is.
type CDRDirection uint8

// Directions. The numbers stand in databases and never change.
const (
	UnknownWay CDRDirection = iota
	Inbound                 // by a trunk, or from another tenant
	Outbound                // by a trunk, or to another tenant
	Internal                // among the tenant's own
	Transit                 // from trunk to trunk
)

var directionNames = [...]string{"unknown", "in", "out", "internal", "transit"}

// String gives the word that people and programs read.
func (d CDRDirection) String() string {
	if int(d) >= len(directionNames) {
		d = UnknownWay
	}
	return directionNames[d]
}

// MarshalText gives the word.
func (d CDRDirection) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the word; one that it does not know becomes UnknownWay.
func (d *CDRDirection) UnmarshalText(text []byte) error {
	*d = ParseCDRDirection(string(text))
	return nil
}

// ParseCDRDirection reads what String printed, or gives UnknownWay.
func ParseCDRDirection(text string) CDRDirection {
	for i, name := range directionNames {
		if name == text {
			return CDRDirection(i)
		}
	}
	return UnknownWay
}

// CDRs is where records are read. Lists are newest first by the time of beginning and paged by cursor: next
// is what the following page is asked for with, "" after the last. Records that are added meanwhile
// never move others from one page to another.
type CDRs interface {
	CDR(ctx context.Context, tenant, call string) (CDR, error)
	CDRs(ctx context.Context, filter CDRFilter, cursor string, limit int) (page []CDR, next string, err error)
}

// Records is everything that is read of records.
type Records interface {
	CDRs
	Summaries
	// Parts gives the calls of stories, by the first call of each, oldest first; nothing of a story that is one call alone.
	Parts(ctx context.Context, first ...string) ([]CDR, error)
}

// Fold is how far the records have been made of the ledger.
type Fold struct {
	Done  Pos    // every record of a call that ended before this place is in the tables
	Low   Pos    // where reading begins after a start: no later than the first event of any call that is open at Done and not kept in OpenCall
	Count uint64 // records made so far
}

// OpenCall is a call that has been going on for so long that what is known of it was put down, so
// that a start need not read the ledger from its beginning.
type OpenCall struct {
	Call  string
	Until Pos    // events before this place are in State
	State []byte // the fold's own text
}

// Folded is what the ledger gave between two places of the fold.
type Folded struct {
	CDRs       []CDR
	Joins      []Join     // stories that became one, after the rows above
	Rolls      []Roll     // to be added to the sums
	RolledFrom uint64     // what Rolled was before
	Rolled     uint64     // the sums hold every record up to this one afterwards; 0 leaves them alone
	Keep       []OpenCall // put down anew
	Forget     []string   // calls put down earlier that are over
	Recordings []Recording
	Erasures   []Erasure // of these recordings or of earlier ones
}

// FoldStore keeps records together with how far they have been made, so that neither a crash nor a
// repeated write can lose or double one.
type FoldStore interface {
	CDRs
	// Fold gives what the last AddCDRs left, zero before the first.
	Fold(ctx context.Context) (Fold, []OpenCall, error)
	// Rolled tells up to which record the sums hold everything.
	Rolled(ctx context.Context) (uint64, error)
	// After gives records behind one in the order of ending, with legs, limit at most.
	After(ctx context.Context, seq uint64, limit int) ([]CDR, error)
	// Story gives the first call of the story that a recorded call belongs to, and when that began; ErrNotFound
	// when there is no record of either.
	Story(ctx context.Context, call string) (first string, began time.Time, err error)
	// AddCDRs writes everything or nothing. It does nothing, and succeeds, when to is where the tables already
	// are; it fails when they are neither there nor at from. A recording that is there stays as it is.
	AddCDRs(ctx context.Context, from, to Fold, made Folded) error
	// ResetCDRs empties the tables, so that everything is made from the ledger anew.
	ResetCDRs(ctx context.Context) error
}
