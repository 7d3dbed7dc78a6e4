package call

import (
	"net/netip"
	"time"
)

// Event is one fact in the life of a call, appended to the ledger the moment it is known. Every
// report (records, statistics, bills) is a fold over events, so an event carries all that a fold
// needs and nothing that can be derived. Which fields hold depends on Kind.
type Event struct {
	Call    ID         `json:"call"`
	Leg     LegID      `json:"leg,omitempty"`
	Kind    EventKind  `json:"kind"`
	At      time.Time  `json:"at"`                // UTC, to the microsecond
	From    *Party     `json:"from,omitempty"`    // Began; Taped, Untaped: whose the recording is, tenant and account
	Dialled string     `json:"dialled,omitempty"` // Began
	To      string     `json:"to,omitempty"`      // Routed: account, service, or trunks
	Tenant  string     `json:"tenant,omitempty"`  // Routed: whose To is
	Number  string     `json:"number,omitempty"`  // Routed: the number as it was understood
	Calls   string     `json:"calls,omitempty"`   // Routed: kind of calls
	Because string     `json:"because,omitempty"` // Routed: the route or rule that decided
	Rev     uint64     `json:"rev,omitempty"`     // Routed: revision of the configuration that decided
	Site    string     `json:"site,omitempty"`    // Routed: where the account To is
	Dept    string     `json:"dept,omitempty"`    // Routed: the department that the account To belongs to
	Shown   string     `json:"shown,omitempty"`   // Routed: number that whom it reaches is shown as the caller's; "anonymous" for none, "" for the caller's own
	Status  int        `json:"status,omitempty"`  // LegRinging
	Cause   *Cause     `json:"cause,omitempty"`   // LegEnded, Ended
	By      string     `json:"by,omitempty"`      // Ended: "caller", "callee", "exchange"; Began: "transfer", "api" when no phone dialled; Untaped: who deleted it
	Other   ID         `json:"other,omitempty"`   // Began, LegBegan: the call that it comes from; LegEnded, Transfer: the one that it goes on in
	Detail  *LegDetail `json:"detail,omitempty"`  // LegBegan, LegEnded
	Codec   string     `json:"codec,omitempty"`   // LegAnswered ("" when the caller made no offer: not yet known), LegEnded

	Tape *Recorded `json:"tape,omitempty"` // Taped; Untaped: its name alone

	// LegNoticed.
	What string         `json:"what,omitempty"` // the kind of news, as session.NewsKind prints it
	Addr netip.AddrPort `json:"addr,omitzero"`  // where our packets for the leg's peer went
	Text string         `json:"text,omitempty"` // what a person would want to know besides
}

// EventKind names an event in the ledger; the text is what stands on disk and never changes.
type EventKind string

// The events of a call. Every leg that began ends, by one LegEnded each, before the call does, and
// times never run backwards within a call. A leg "a" that ends with SIP status 487 was not answered
// after all, though LegAnswered may stand before it: the caller's CANCEL overtook our 200. A leg that goes on in
// another call ends here and begins there, each with the Other call.
const (
	Began       EventKind = "began"        // an INVITE of a known party arrived
	Routed      EventKind = "routed"       // where it goes
	LegBegan    EventKind = "leg began"    // a leg exists (the caller's own, or one that we dial)
	LegRinging  EventKind = "leg ringing"  // 180 or 183 from it, the first time each
	LegAnswered EventKind = "leg answered" // its 200
	LegHeld     EventKind = "leg held"     // this leg's peer put the other on hold
	LegResumed  EventKind = "leg resumed"
	LegNoticed  EventKind = "leg noticed" // something of its media that people want to know: one-way audio, a wrong key
	LegLeads    EventKind = "leg leads"   // this leg stands in the caller's place from now on
	LegEnded    EventKind = "leg ended"
	Transfer    EventKind = "transferred" // Leg sent the other side on, and it is in the call Other now
	EndedCall   EventKind = "ended"       // the last event of every call but Taped and Untaped
	Taped       EventKind = "taped"       // a recording of the call is whole and filed; it may come after the end, and twice after a crash
	Untaped     EventKind = "untaped"     // a recording was deleted, long after perhaps
)
