package call

import (
	"time"

	"santral/media/sdp"
)

// Arrival is what a new inbound leg brings to the call that takes it.
type Arrival struct {
	Call    ID
	From    Party
	Dialled string
	Device  string           // the one device of the account dialled that is meant, as Target.Device names it; "" for all (RFC 5627)
	Offer   *sdp.Description // nil when it made none
	Hops    int              // Max-Forwards as it came
	Traits  Traits
}

// Traits are what a request says of the call besides who calls whom, and what every leg outwards is
// told of it again. Whoever reads them has judged already whether the peer may say so.
type Traits struct {
	Privacy    Privacy     // what the caller wants withheld
	Diversions []Diversion // whom the call was for before, the latest first
	Alert      Alert       // how the callee's phone is to ring or answer
	Session    string      // the caller's own half of the Session-ID, 32 hexadecimal digits; "" for none (RFC 7989 §4.1)
}

// Privacy is a set of what a caller wants withheld from whom it calls (RFC 3323 §4.2).
type Privacy uint8

// What may be withheld. None says that nothing may, which is not the same as saying nothing: it stands
// against a permanent wish (RFC 3323 §4.2).
const (
	PrivateID       Privacy = 1 << iota // the identity that we assert (RFC 3325 §9.3)
	PrivateHeader                       // what other header fields tell
	PrivateSession                      // where the media comes from
	PrivateUser                         // what the caller's own request tells of it
	PrivateHistory                      // the diversions (RFC 7044 §10.1)
	PrivateCritical                     // refuse the call rather than tell
	PrivateNone
)

// Has reports whether all of q is in p.
func (p Privacy) Has(q Privacy) bool { return p&q == q }

// Diversion is one time that a call was sent on from whom it was for (RFC 5806 §4, RFC 7044 §5).
type Diversion struct {
	Number  string // of whom it was for
	Name    string
	Reason  string // a word of RFC 5806 §4: "unconditional", "user-busy", "no-answer", "deflection" … ; "unknown" when nobody said
	Counter int    // how many diversions this one stands for, at least 1
	Private bool   // whom the call was for is not to be shown
}

// Alert is how a callee's phone is asked to behave.
type Alert struct {
	Info   string        // value of Alert-Info, "" for none (RFC 7462)
	Answer AnswerMode    // who answers
	After  time.Duration // with AnswerAuto: how long it rings before
}

// AnswerMode says whether a person or the phone itself is to answer (RFC 5373 §4).
type AnswerMode uint8

// Modes of answer.
const (
	AnswerUnsaid AnswerMode = iota
	AnswerManual
	AnswerAuto
)
