// Package call holds the words of a telephone call: leg, party, destination, cause, event, and the
// small interfaces by which a call asks the rest of the house. Its rooms are the machines: control
// owns a call, bridge joins media, sipleg makes a leg out of SIP and media.
//
// Nothing here knows SIP. A session description crosses as *sdp.Description, which is media's word.
package call

import (
	"context"
	"encoding/json"
	"net/netip"
	"time"

	"santral/base/e164"
	"santral/media"
	"santral/media/sdp"
	"santral/media/session"
)

// ID names a call; LegID a leg of it ("a" is the leg that began it, then "b", "c" …). Both are safe
// in a URL and in a file name.
type (
	ID    string
	LegID string
)

// Direction is seen from the exchange.
type Direction uint8

// In is a leg that somebody opened to us, Out one that we opened.
const (
	UnknownDirection Direction = iota
	In
	Out
)

// String gives "in" or "out".
func (d Direction) String() string { return [...]string{"unknown", "in", "out"}[d] }

// Party is who is at the door: an authenticated account or trunk, never what a From header claims.
type Party struct {
	Tenant  string         // tenant's id
	Account string         // the extension or line that the credential belongs to: its number
	Name    string         // display name that the account presents
	Number  string         // number that the account presents
	Source  netip.AddrPort // where its signalling comes from
	Trusted bool           // limits do not apply (load tests only)
	Trunk   string         // the trunk that the call came by, "" for an account; Account is "" then
	Site    string         // where the account or the trunk's PBX is, by its tenant's name of it; "" for unknown
	Said    string         // number that it says it calls from, as it came, where that is another than Number
	Proved  bool           // it has shown its PIN in this call

	Withheld   bool   `json:"-"` // it wants its number kept from whom it reaches: for routes, which may send such calls elsewhere
	Department string // that the account belongs to, by its tenant's name of it; "" for none
}

// Destination is what the router decided.
type Destination struct {
	Kind    DestinationKind
	Tenant  string // whose the account or the service is
	Account string // Kind Account: the account to ring
	Service string // Kind Service: the story to tell ("echo", "readback")
	Of      string // Kind Service: which of them is meant: the id of the group that is rung; "" where the number says it
	Ways    []Way  // Kind Trunks: in the order in which they are tried; nobody changes it
	Causes  []int  // Kind Trunks: SIP statuses after which the next way is tried, besides those that say that a trunk is in trouble
	Number  string // the number in ASCII digits as it was dialled, or as it is registered where another spelling of it was dialled

	Public e164.Number // the number in E.164, where it is one of the public network; 0 for others
	Plus   bool        // Kind Trunks: the ways are told Public, with its +, instead of Number
	Name   string      // Kind Account: the display name that the account presents
	Refuse Cause       // Kind Refuse

	Presents  string     // number that whom it reaches is shown as the caller's; "" for the caller's own
	Hidden    Hidden     // what was dialled before the number says of that
	Emergency *Emergency // a call to an emergency service; nil for others
	Limited   bool       // it is with the outside, so that the limits of the tenants in it hold
	Revision  uint64     // of the configuration that decided
	Calls     string     // kind of calls ("internal", "mobile" …), for the record; "" for unknown
	Because   string     // name of the route or rule that decided, for the record; "" for none

	Site       string // Kind Account: where the account is, for the record; "" for unknown
	Department string // Kind Account: that it belongs to, for the record; "" for none
}

// Understood gives the number as it was understood, for the record: E.164 with + where it is one of the public network.
func (d *Destination) Understood() string {
	if d.Public != 0 {
		return d.Public.String()
	}
	return d.Number
}

// Told gives the number that Ways begin from: their Strip and Prepend are applied to it (Way.Sent).
func (d *Destination) Told() string {
	if d.Plus && d.Public != 0 {
		return d.Public.String()
	}
	return d.Number
}

// Way is a trunk that a call may take.
type Way struct {
	Tenant   string        // whose trunk it is: the caller's, or the operator's
	Trunk    string        // its name
	Number   string        // that it is told; "" for the Destination's with Strip and Prepend
	Strip    int           // leading characters of the number that are taken off
	Prepend  string        // what is put before afterwards
	Patience time.Duration // how long it may leave the attempt without ringing, 0 for no limit
}

// Sent gives the number that the way is told, of the number of a Destination.
func (w *Way) Sent(number string) string {
	if w.Number != "" {
		return w.Number
	}
	return w.Prepend + number[min(w.Strip, len(number)):]
}

// Emergency is what a call to an emergency service has besides: it is never refused for a limit, and a channel that is used
// by another call is taken for it.
type Emergency struct {
	Location string // the site's address, a PIDF-LO document (RFC 4119); "" for unknown
}

// Hidden is what the caller wants of this one call: that its number is kept from the callee, or shown, whatever holds
// otherwise.
type Hidden uint8

// Wishes.
const (
	HiddenUnsaid Hidden = iota
	Hide
	Show
)

// DestinationKind says which field of a Destination holds.
type DestinationKind uint8

// Kinds of destination.
const (
	UnknownDestination DestinationKind = iota
	ToAccount
	ToService
	ToRefusal
	ToTrunks
)

// Target is one place where an account can be reached: a binding.
type Target struct {
	URI     string // where the request goes
	Flow    string // opaque to call: the signalling path, as its door printed it
	Path    []string
	Device  string   // instance id or user agent, for the record
	Account string   // whose phone it is
	Agent   string   // the phone's own name for itself, as it registered; "" when it said none
	Phone   string   // opaque to call: names the phone over its registrations, so that a call finds it where it moved to; "" for none
	Else    []Target // other ways to the same phone, each tried when the one before is dead (RFC 5626 §5.3)
	Trunk   string   // the trunk that leads there, "" for an account's own phone
	Tenant  string   // whose trunk that is
	Number  string   // that is called there, before the trunk's own rules

	Patience time.Duration // how long it may leave an attempt without ringing, 0 for no limit
}

// Router decides where a call goes. It is pure: a look-up on a snapshot.
type Router interface {
	Route(from Party, dialled string, at time.Time) Destination
}

// Contacts tells where an account can be reached now, best first. ok is false when the account
// does not exist; no targets and ok mean that it is not registered.
type Contacts interface {
	Contacts(tenant, account string) (targets []Target, ok bool)
}

// Trunks tells where trunks lead now, and hears how attempts there went.
type Trunks interface {
	// Targets gives the places to try for a number, way after way in the given order, each with its Tenant,
	// Trunk, Number and Patience. A trunk that is down has none.
	Targets(ways []Way, number string) []Target
	// Tried tells how an attempt came out: nil for an answer or a ringing, else the refusal. It does not wait.
	Tried(t Target, refusal *Cause)
	// Sounded tells whether the media of a call that was answered there came: false as soon as none does though it is to.
	// Which of a target's fields hold is as much as says which place it was: Tenant, Trunk and URI. It does not wait.
	Sounded(t Target, came bool)
}

// Channels counts the calls of accounts over all of their devices, of trunks and of tenants with the outside, and admits a
// call only while there is room. A refusal is a Cause.
type Channels interface {
	// Take is called once for each account and each trunk that a call touches, before anything rings there.
	Take(t Taking) Taken
	// TakeOutside is called once for a call with the outside (Destination.Limited): it counts for the tenants in it, for
	// as long as the call is with the outside. lives is as in Taking.
	TakeOutside(id ID, from Party, d *Destination, lives bool) Taken
}

// Taking is what a channel is taken for: an account's or a trunk's part in a call.
type Taking struct {
	Call      ID
	Tenant    string // whose the account or the trunk is
	Account   string
	Trunk     string // "" for an account
	Dir       Direction
	Emergency bool // never refused: where no channel is free that of another call is taken
	Lives     bool // the call was taken over: it counts, and is never refused
}

// Taken is what comes of a Take.
type Taken struct {
	Release func() // must be called once, when that party's part in the call has ended; nil when it was refused
	Refusal *Cause
	// Preempted is whose channel an emergency has got: that call must end, with the cause of that name. nil for nobody's.
	Preempted *Taking
}

// HoldWatcher is what a Channels may be besides: it is told when an account's phone holds the other
// side of its call, and when it no longer does, so that a consultation call can share the channel
// meanwhile. A held call that ends is not told as resumed: its release says it.
type HoldWatcher interface {
	Held(call ID, tenant, account string, held bool)
}

// Ledger takes the events of calls, in order. Append never blocks. Commit appends and calls done
// when the event is on disk, or when waiting longer would hold up the call (an alarm is then up);
// done runs on a goroutine of the ledger's and must not block. Full reports that memory for
// waiting events is used up, so that new calls are answered 503.
type Ledger interface {
	Append(Event)
	Commit(e Event, done func())
	Full() bool
}

// Dialer opens legs outwards. Dial returns at once; everything that follows comes to the inbox.
type Dialer interface {
	Dial(ctx context.Context, d Dial, inbox Inbox) Leg
}

// Dial is what a leg outwards needs to begin.
type Dial struct {
	Call      ID
	Leg       LegID
	From      Party  // whose identity is asserted to the callee
	Tenant    string // whose the target is; "" for the one of From
	To        string
	Target    Target
	Offer     *sdp.Description // the other leg's offer, still with its addresses; nil to ask the callee for one
	Own       bool             // without Offer: the leg offers its own media instead of asking for an offer (a telephone)
	Hops      int              // Max-Forwards for the new leg, already lowered: 0 ends at the peer, less is refused
	Breadth   int              // Max-Breadth for the new leg, its share; 0 says nothing
	Emergency *Emergency       // it is one, to a trunk; nil for others
	Early     bool             // without Offer: the callee may make one in a provisional answer, which Accept answers
	Timeout   time.Duration    // to a final answer
	Silence   time.Duration    // to any answer at all of the last place that was tried, 0 for no limit of its own
	Traits    Traits           // of the call
}

// Inbox takes what happens on a leg. Post never blocks.
type Inbox interface {
	Post(LegEvent)
}

// Leg is one side of a call, whichever side opened it. Commands never block and never fail on the
// spot: what comes of them is posted to the inbox. A command that does not fit the leg's state (an
// answer after the caller has gone) does nothing.
//
// Descriptions given to a leg are always the other side's, with the other side's addresses: the
// leg's own media session puts ours into them. Where an offer or an answer is due and nil is given,
// the leg speaks for itself: its own media session ends the media here (a story's leg).
//
// Every leg posts exactly one last event, Failed or Ended, and nothing after it, whoever ended it:
// Reject, Hangup and a broken peer too. Its media is closed by then; the event carries the final
// detail. One change of the session is under way at a time: an Offer while the peer's own change
// waits for its answer is Refused with 491 (the peer's goes first), and the leg tries again by
// itself after a 491 from the peer (RFC 3261 §14.1), giving up when the peer's change comes first.
type Leg interface {
	ID() LegID
	Media() *session.Session
	Detail() LegDetail

	Progress(p Progress)                  // inbound, before the answer: 180, or 183 with early media; as an offer it comes back as Accepted
	Answer(d *sdp.Description)            // inbound: 200; an answer, or our offer when the peer made none
	Reject(c Cause)                       // inbound: a final refusal
	Offer(d *sdp.Description)             // established: re-INVITE; nil asks the peer for an offer; comes back as Accepted or Refused
	Accept(d *sdp.Description)            // answers the peer's Offered, or the offer that is Due: in its 200 within the ACK, in a provisional answer within the PRACK
	Refuse(c Cause)                       // refuses the peer's Offered, and the session goes on as it was; or declines the offer in a provisional answer
	Hangup(c Cause)                       // ends the leg in whatever state it is, with BYE, CANCEL or a refusal
	SendKey(key byte, long time.Duration) // has the peer get a key that the other side pressed, in the way that this peer takes keys; '!' is a hook-flash
	Inform(i Info)                        // sends an INFO or a text within the dialog; one of a package only to a peer that takes it

	// Connected tells the leg's peer whom it speaks with: who is an authenticated party or what a trusted
	// peer said, t what that party wants withheld. Before an inbound leg is answered it goes out with its
	// provisional answers and its 200 (RFC 3325 §5); on an established leg it is sent at once (RFC 4916 §3), as
	// far as the peer can be told. Who it already is changes nothing, and the zero Party tells the Session of t
	// alone.
	Connected(who Party, t Traits)
}

// Freezer is a leg that can be written out while it is established and quiet: nothing of its own is
// under way. Freeze is called from outside the leg's loop and waits for it; afterwards the leg posts
// nothing and ignores commands, its ports and dialog belonging to whoever thaws them. It fails, and
// the leg goes on as it was, when the leg is not quiet.
type Freezer interface {
	Freeze() (json.RawMessage, error)
}

// Thawer is a door that makes a leg again from what its Freeze gave, on the same ports: its dialog
// answers, its media is latched as it was, and what happens on it is posted to inbox. Joins are not
// kept: the call joins its legs again.
type Thawer interface {
	Thaw(call ID, state json.RawMessage, inbox Inbox) (Leg, error)
}

// Progress is a provisional answer.
type Progress struct {
	Status int              // 180 or 183
	Early  *sdp.Description // early media, nil for none
}

// Info is the content of an in-dialog INFO that crosses a call (a digit, a key frame request), or a text message.
type Info struct {
	Text        bool   // a message for people to read (RFC 3428), not for phones
	Package     string // that it belongs to, with parameters; "" for one of the old kind (RFC 6086 §4.2)
	ContentType string
	Content     string
}

// Packager is a leg that can tell its peer, before the answer, which INFO packages the other side takes
// (RFC 6086 §5). Those of an outbound leg's peer come with Answered.
type Packager interface {
	Packages(names []string)
}

// LegEvent is what a leg tells its call. Which fields hold depends on Kind.
type LegEvent struct {
	Leg      LegID
	Kind     LegEventKind
	At       time.Time
	Status   int              // Progressed
	Desc     *sdp.Description // Progressed, Answered, Offered, Accepted: the peer's description, nil for none
	Packages []string         // Answered: the INFO packages that the peer takes
	Due      bool             // Progressed, Answered: Desc is an offer, which Accept answers
	Cause    Cause            // Failed, Ended, Refused
	Info     Info             // Informed
	Digit    byte             // Pressed: '0'–'9', '*', '#', 'A'–'D', '!' for a hook-flash; Informed: the digit that the INFO says, 0 when it says none
	Long     time.Duration    // Pressed, Informed with Digit: how long the key was down, 0 when unknown
	Passed   bool             // Pressed: the other side gets it by media
	News     session.News     // Noticed
	Finish   func()           // Ended by the peer's BYE: call it when the end is on disk, and the BYE is answered
	Detail   *LegDetail       // Failed, Ended: the leg's facts at its end; nil otherwise
	Refer    *Referral        // Referred

	Who     *Party  // Progressed, Answered, Renamed: what a trusted peer says of who answers; nil when it says nothing
	Privacy Privacy // of Who, or, without it, of the account that the leg leads to
	Conceal bool    // without Who: the account keeps from its caller that it was reached (COLR)
	Session string  // Progressed, Answered, Renamed: the peer's own half of the Session-ID (RFC 7989 §4.1)
}

// LegEventKind says what happened.
type LegEventKind uint8

// What a leg can tell.
const (
	UnknownLegEvent LegEventKind = iota
	Progressed                   // outbound: 18x
	Answered                     // outbound: 200; Desc is the answer, or the offer when we made none (then it is Due, and Accept answers it in the ACK)
	Failed                       // outbound: refused, timed out or unreachable; the leg is over
	Confirmed                    // inbound: the caller's ACK came; Desc is its answer when we made the offer
	Offered                      // the peer wants to change the session: answer with Accept or Refuse; Desc nil asks us for an offer
	Accepted                     // our Offer was answered (Desc; after Offer(nil) it is the peer's offer, and Accept answers it in the ACK), or the peer answered in its ACK the offer that we gave to its Offered with nil, or in its PRACK the one of our Progress
	Refused                      // our Offer was refused; the session goes on as it was
	Informed                     // INFO from the peer, already answered 200
	Pressed                      // a key from the peer in its media: telephone events (RFC 4733) or tones
	Noticed                      // the leg's media session has news
	MediaLost                    // no packet from the peer for the dead-media time
	Ended                        // the leg is over; by the peer's BYE once Finish is called (Finish is nil otherwise)
	Renamed                      // the peer is somebody else now: what a trusted one says (Who), or its Session-ID alone
	Referred                     // the peer wants the other side to go on with somebody else; Refer.Notify is due
)

// String names the kind for logs.
func (k LegEventKind) String() string {
	return [...]string{"unknown", "progressed", "answered", "failed", "confirmed", "offered", "accepted", "refused", "informed", "pressed", "noticed", "media lost", "ended", "renamed", "referred"}[k]
}

// LegDetail is what the record keeps of a leg.
type LegDetail struct {
	Direction Direction       `json:"direction"`
	Moved     bool            `json:"-"` // the media of a leg that lives comes from elsewhere than its peer says
	Rate      int32           `json:"-"` // in Hz, of the sound that is spoken with the peer, of a leg whose story asks; 0: none
	Tenant    string          `json:"tenant,omitempty"`
	Account   string          `json:"account,omitempty"`
	Number    string          `json:"number,omitempty"`
	Target    string          `json:"target,omitempty"` // request URI
	Trunk     string          `json:"trunk,omitempty"`
	SIPCallID string          `json:"sip_call_id,omitempty"`
	Local     string          `json:"local,omitempty"`  // our signalling address
	Remote    string          `json:"remote,omitempty"` // the peer's
	Transport string          `json:"transport,omitempty"`
	UserAgent string          `json:"user_agent,omitempty"`
	SessionID string          `json:"session_id,omitempty"` // as we send it: the other side's half, then the peer's (RFC 7989 §5)
	Media     string          `json:"media,omitempty"`      // the peer's media address
	Quality   []media.Quality `json:"quality,omitempty"`    // one for each m-line

	Sent  string `json:"sent,omitempty"`  // called number as the peer of a trunk was told it, after all rules
	Shown string `json:"shown,omitempty"` // calling number likewise; "" for none, or withheld
}

// Notice is something of a leg's media that people want to know.
type Notice struct {
	At   time.Time
	What string         // as session.NewsKind prints it, "dead", "reached again"
	Addr netip.AddrPort // where our packets for the peer went; invalid when there is no such place
	Text string         // what a person would want to know besides
}

// MostNotices is how many of a leg are kept.
const MostNotices = 32

// Incoming is how a door hands a new inbound leg to the calls of the house, after the caller was
// identified. The call that takes it returns its inbox; nil means that no call was begun and the leg
// was already answered.
type Incoming interface {
	Incoming(leg Leg, a Arrival) Inbox
}
