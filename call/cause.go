package call

import "errors"

// ErrEnded is what a story's verbs return when the call is over.
var ErrEnded = errors.New("the call has ended")

// ErrMoved is the cause (context.Cause) of a story's context that ended because the call was handed over: the story is
// told on in another instance.
var ErrMoved = errors.New("the call was handed over")

// Cause is why something ended or was refused: a value that knows its Q.850 code, its SIP status
// and its text, and whether the next target may be tried (RFC 3398 §7.2.4.1, RFC 3326).
type Cause struct {
	Q850  int    `json:"q850"`
	SIP   int    `json:"sip"`
	Text  string `json:"text"`            // plain English, printable ASCII, for the Reason header and the record
	Retry bool   `json:"retry,omitempty"` // the next target may be tried
	After int    `json:"after,omitempty"` // Retry-After in seconds, 0 for none
}

// The causes that Santral gives itself.
var (
	NormalClearing    = Cause{Q850: 16, SIP: 200, Text: "normal call clearing"}
	Cancelled         = Cause{Q850: 16, SIP: 487, Text: "the caller gave up"}
	AnsweredElsewhere = Cause{Q850: 26, SIP: 200, Text: "Call completed elsewhere"}
	NotFound          = Cause{Q850: 1, SIP: 404, Text: "unallocated number"}
	BadNumber         = Cause{Q850: 28, SIP: 484, Text: "number incomplete"}
	Busy              = Cause{Q850: 17, SIP: 486, Text: "user busy"}
	LineInUse         = Cause{Q850: 34, SIP: 403, Text: "the line already has as many calls as it may have"}
	NoChannel         = Cause{Q850: 34, SIP: 503, Text: "no channel of the trunk is free", Retry: true}
	TooFast           = Cause{Q850: 42, SIP: 503, Text: "more new calls than the trunk may have", Retry: true, After: 1}
	TenantFull        = Cause{Q850: 34, SIP: 403, Text: "as many calls with the outside as there may be"}
	TenantTooFast     = Cause{Q850: 42, SIP: 503, Text: "more new calls with the outside than there may be", Retry: true, After: 1}
	Preempted         = Cause{Q850: 8, SIP: 200, Text: "preemption"}
	Barred            = Cause{Q850: 21, SIP: 403, Text: "calls out are barred"}
	OutOfService      = Cause{Q850: 20, SIP: 480, Text: "temporarily out of service"}
	NoTrunk           = Cause{Q850: 38, SIP: 503, Text: "network out of order", Retry: true}
	NoAnswer          = Cause{Q850: 19, SIP: 480, Text: "no answer from user", Retry: true}
	NoResponse        = Cause{Q850: 18, SIP: 408, Text: "no user responding", Retry: true}
	NotRegistered     = Cause{Q850: 20, SIP: 480, Text: "subscriber absent", Retry: true}
	Insecure          = Cause{Q850: 58, SIP: 480, Text: "no phone of the callee is reached securely", Retry: true}
	Declined          = Cause{Q850: 21, SIP: 603, Text: "call rejected"}
	Forbidden         = Cause{Q850: 21, SIP: 403, Text: "call rejected"}
	NotAcceptable     = Cause{Q850: 88, SIP: 488, Text: "incompatible media"}
	TooNarrow         = Cause{Q850: 25, SIP: 440, Text: "exchange routing error"}
	Loop              = Cause{Q850: 25, SIP: 482, Text: "exchange routing error"}
	TooManyHops       = Cause{Q850: 25, SIP: 483, Text: "exchange routing error"}
	Unavailable       = Cause{Q850: 42, SIP: 503, Text: "switching equipment congestion", Retry: true, After: 5}
	Interrupted       = Cause{Q850: 41, SIP: 500, Text: "the exchange was interrupted"}
	MediaDead         = Cause{Q850: 102, SIP: 200, Text: "no media from the party"}
	ShuttingDown      = Cause{Q850: 41, SIP: 503, Text: "the exchange is shutting down"}
	LostAck           = Cause{Q850: 102, SIP: 408, Text: "the answer was never acknowledged"}
	LostPRACK         = Cause{Q850: 102, SIP: 504, Text: "a provisional answer was never acknowledged"}
	Lapsed            = Cause{Q850: 102, SIP: 408, Text: "nobody said that the call still stands"}
	RequestPending    = Cause{Q850: 41, SIP: 491, Text: "another change of the session is under way", Retry: true}
	Failure           = Cause{Q850: 41, SIP: 500, Text: "temporary failure", Retry: true}
	LostDialog        = Cause{Q850: 111, SIP: 481, Text: "the other side no longer knows the call"}
)
