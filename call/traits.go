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
	Breadth int              // Max-Breadth as it came; 0 for none, which means DefaultBreadth
	Early   bool             // without Offer: it can answer an offer in a provisional answer
	Traits  Traits

	// Replaces is the leg whose place this one takes; the call is then that leg's, not a new one.
	Replaces *Replacement
}

// DefaultBreadth is how many branches a call may have at once when nobody has said less
// (RFC 5393 §5.3.3).
const DefaultBreadth = 60

// Traits are what a request says of the call besides who calls whom, and what every leg outwards is
// told of it again. Whoever reads them has judged already whether the peer may say so.
type Traits struct {
	Privacy    Privacy     // what the caller wants withheld
	Diversions []Diversion // whom the call was for before, the latest first
	Alert      Alert       // how the callee's phone is to ring or answer
	Referrer   string      // number of the account that sent the caller to whom it calls now (RFC 3892); "" for none
	Session    string      // the caller's own half of the Session-ID, 32 hexadecimal digits; "" for none (RFC 7989 §4.1)
	Tel        Tel         // what the dialled number was told with
	Fields     []Field     // what peers on both sides have agreed to tell each other
	Secure     bool        // the caller asked for a sips URI: TLS on every hop, or not at all (RFC 3261 §26.2.2)
	Packages   []string    // INFO packages that the caller takes (RFC 6086 §5)
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

// Withholds reports whether the party's name and number are not for whoever is not trusted.
func (p Privacy) Withholds() bool { return p&(PrivateID|PrivateUser) != 0 && !p.Has(PrivateNone) }

// Diversion is one time that a call was sent on from whom it was for (RFC 5806 §4, RFC 7044 §5).
type Diversion struct {
	Number  string // of whom it was for
	Name    string
	Reason  string // a word of RFC 5806 §4: "unconditional", "user-busy", "no-answer", "deflection" … ; "unknown" when nobody said
	Counter int    // how many diversions this one stands for, at least 1
	Private bool   // whom the call was for is not to be shown
}

// MaxDiversions bounds how often a call may be sent on, and how many of the diversions that a peer
// tells are kept.
const MaxDiversions = 10

// Diverted is how many times the call was sent on.
func (t *Traits) Diverted() int {
	n := 0
	for i := range t.Diversions {
		n += max(t.Diversions[i].Counter, 1)
	}
	return n
}

// Divert gives the traits of the call as whom it was for sends it on: one diversion more, the latest.
// What the caller wished of the callee's phone was meant for the other one and goes. ok is false when the
// call has been sent on too often, and should be refused as a Loop (RFC 5806 §6.1).
func (t Traits) Divert(d Diversion) (to Traits, ok bool) {
	d.Counter = max(d.Counter, 1)
	if d.Reason == "" {
		d.Reason = "unknown"
	}
	if t.Diverted()+d.Counter > MaxDiversions {
		return t, false
	}
	to = t
	to.Alert = Alert{}
	to.Diversions = append([]Diversion{d}, t.Diversions...) // the call's other legs keep theirs
	return to, true
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

// Tel is what a dialled number's tel URI tells beside the number (RFC 3966 §5, RFC 4694 §4). The zero
// value is nothing.
type Tel struct {
	Context string // phone-context
	Route   string // rn: the number that the call is routed by
	RouteIn string // rn-context
	Carrier string // cic
	Dipped  bool   // npdi: whether the number was ported has been asked already
}

// Field is a header field that crosses a call because both sides list it.
type Field struct{ Name, Value string }
