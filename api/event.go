package api

import (
	"slices"
	"strings"
	"time"

	"santral/tenant"
)

// Event is something that has happened, as whoever listens is told of it: over SSE, WebSocket, webhooks. The same
// happening is told once to each tenant that it touches, each with what that tenant may know.
type Event struct {
	ID     uint64    `json:"id" doc:"grows from event to event, over restarts too; not every number is seen by everybody"`
	Type   string    `json:"type" doc:"such as call.ended"`
	Time   time.Time `json:"time" doc:"when it happened, UTC"`
	Tenant string    `json:"tenant" doc:"whom it is told; operator for what is the operator's own"`
	Data   any       `json:"data" doc:"by its type"`

	// Places are whose it is within the tenant. None: everybody's who is bound to no place there.
	Places []Place `json:"-"`
}

// Place is where in a tenant something belongs.
type Place struct {
	Site        string
	Departments []string // a department, then what it is a part of, up to the top
	Account     string   // number of the account that it is about
}

// Within reports whether an identity may know of what belongs to a tenant, at these places of it: a user of what is its own
// account's, whoever is bound to a site or a department of what has one of its places there, and others of everything.
func (i Identity) Within(tenantID string, places []Place) bool {
	if !i.In(tenantID) {
		return false
	}
	if i.Role < tenant.RoleReporter {
		return i.Account != "" && slices.ContainsFunc(places, func(p Place) bool { return p.Account == i.Account })
	}
	return i.Site == "" && i.Department == "" || slices.ContainsFunc(places, func(p Place) bool {
		return (i.Site == "" || i.Site == p.Site) && (i.Department == "" || slices.Contains(p.Departments, i.Department))
	})
}

// The types of events. Their data are the types that stand beside them.
const (
	CallCreated         = "call.created"         // CallEvent
	CallRinging         = "call.ringing"         // CallEvent
	CallAnswered        = "call.answered"        // CallEvent
	CallHeld            = "call.held"            // CallEvent
	CallResumed         = "call.resumed"         // CallEvent
	CallTransferred     = "call.transferred"     // CallEvent
	CallEnded           = "call.ended"           // CallEvent
	RecordMade          = "record.made"          // the call record, as /api/v1/cdrs gives it
	RegistrationChanged = "registration.changed" // RegistrationEvent
	TrunkUp             = "trunk.up"             // TrunkEvent
	TrunkDown           = "trunk.down"           // TrunkEvent
	TrunkNearlyFull     = "trunk.nearly-full"    // TrunkEvent
	RevisionApplied     = "revision.applied"     // RevisionEvent
	RecordingReady      = "recording.ready"      // RecordingEvent
	AlarmRaised         = "alarm.raised"         // AlarmEvent
	AlarmCleared        = "alarm.cleared"        // AlarmEvent
	HookTest            = "webhook.test"         // HookTestEvent
	EventsGap           = "gap"                  // GapEvent; to one listener alone
)

// Listening is what somebody wants to be told.
type Listening struct {
	Types  []string // types and patterns, as [Wanted] takes them
	Tenant string   // only what this tenant is told; "" for all that the identity may know of
	After  uint64   // with Resume: the last event that it has had
	Resume bool

	// Again tells who asks now, and whether that one may still listen. It is asked every few seconds.
	Again func() (Identity, bool)
}

// EventTypes are all that can be asked for.
var EventTypes = []string{
	CallCreated, CallRinging, CallAnswered, CallHeld, CallResumed, CallTransferred, CallEnded, RecordMade, RegistrationChanged,
	TrunkUp, TrunkDown, TrunkNearlyFull, RevisionApplied, RecordingReady, AlarmRaised, AlarmCleared,
}

// Wanted reports whether a list of types and patterns ("call.ended", "call.*", "*") means a type; no list means all.
func Wanted(list []string, kind string) bool {
	return len(list) == 0 || slices.ContainsFunc(list, func(w string) bool {
		if head, all := strings.CutSuffix(w, "*"); all {
			return strings.HasPrefix(kind, head)
		}
		return w == kind
	})
}

// KnownWish reports whether something that may stand in such a list means any type at all.
func KnownWish(w string) bool {
	return slices.ContainsFunc(EventTypes, func(kind string) bool { return Wanted([]string{w}, kind) })
}

// EventResource is the resource ([Identity.May]) that a type's data is of: whoever may not read that is not told.
func EventResource(kind string) string {
	head, _, _ := strings.Cut(kind, ".")
	switch head {
	case "record":
		return "records"
	case "registration":
		return "registrations"
	case "revision":
		return "revisions"
	default:
		return head + "s"
	}
}

// CallEvent is the data of call.*: the call as it stands then, as its tenant sees it.
type CallEvent struct {
	Call      string     `json:"call"`
	Direction string     `json:"direction" enum:"internal,in,out" doc:"as the tenant sees it"`
	From      string     `json:"from" doc:"the caller's number"`
	Name      string     `json:"name,omitempty" doc:"the caller's name"`
	Dialled   string     `json:"dialled,omitempty"`
	To        string     `json:"to,omitempty" doc:"the tenant's account or service that it goes to"`
	Trunk     string     `json:"trunk,omitempty" doc:"the tenant's trunk that it came or goes by"`
	Leg       string     `json:"leg,omitempty" doc:"whose news it is: which rings, answered, holds, sent the other on"`
	Account   string     `json:"account,omitempty" doc:"of that leg"`
	Began     time.Time  `json:"began"`
	Answered  *time.Time `json:"answered,omitempty"`
	Into      string     `json:"into,omitempty" doc:"call.transferred: the call that it goes on in"`
	EndedBy   string     `json:"ended_by,omitempty" enum:"caller,callee,exchange" doc:"call.ended"`
	SIP       int        `json:"sip,omitempty" doc:"call.ended: status of the cause"`
	Q850      int        `json:"q850,omitempty" doc:"call.ended: cause by ITU-T Q.850"`
	Cause     string     `json:"cause,omitempty" doc:"call.ended: in words"`
	Seconds   float64    `json:"seconds,omitempty" doc:"call.ended: from the answer to the end"`
}

// RegistrationEvent is the data of registration.changed.
type RegistrationEvent struct {
	Account string `json:"account"`
	Phones  int    `json:"phones" doc:"contacts that are registered now"`
	Was     int    `json:"was" doc:"how many there were before"`
}

// TrunkEvent is the data of trunk.*.
type TrunkEvent struct {
	Trunk    string `json:"trunk"`
	State    string `json:"state,omitempty"`
	Reason   string `json:"reason,omitempty"`
	Used     int    `json:"used,omitempty" doc:"trunk.nearly-full: channels in use"`
	Channels int    `json:"channels,omitempty" doc:"trunk.nearly-full: channels that it has"`
}

// RevisionEvent is the data of revision.applied.
type RevisionEvent struct {
	Revision uint64 `json:"revision"`
	Who      string `json:"who,omitempty"`
	Via      string `json:"via,omitempty"`
	Why      string `json:"why,omitempty"`
	Undoes   uint64 `json:"undoes,omitempty"`
	Added    int    `json:"added" doc:"entries of the tenant's document"`
	Edited   int    `json:"edited"`
	Gone     int    `json:"gone"`
}

// RecordingEvent is the data of recording.ready.
type RecordingEvent struct {
	Recording string  `json:"recording"`
	Call      string  `json:"call"`
	Account   string  `json:"account,omitempty"`
	Seconds   float64 `json:"seconds"`
}

// AlarmEvent is the data of alarm.*.
type AlarmEvent struct {
	Alarm    string    `json:"alarm" doc:"its id"`
	Name     string    `json:"name" doc:"what kind it is, such as trunk-down"`
	Severity string    `json:"severity" enum:"info,warning,critical"`
	About    string    `json:"about,omitempty" doc:"the thing that it is about"`
	Text     string    `json:"text" doc:"in English"`
	TextFa   string    `json:"text_fa" doc:"in Persian"`
	Raised   time.Time `json:"raised"`
}

// HookTestEvent is the data of webhook.test, which goes to the webhook that is tried alone.
type HookTestEvent struct {
	Webhook string `json:"webhook"`
	Text    string `json:"text"`
}

// GapEvent is the data of gap: what was asked for is no longer there whole.
type GapEvent struct {
	After uint64 `json:"after" doc:"the last event that the listener has had"`
	First uint64 `json:"first" doc:"the first that it gets now; read what is missing from the API"`
}
