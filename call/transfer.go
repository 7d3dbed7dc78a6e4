package call

// Referral is a party's wish that the other side of its call goes on with somebody else (RFC 3515,
// RFC 5589). Who may wish that at all was judged by the door.
type Referral struct {
	Number string // whom the other side is to call, as the party would dial it; "" with Takes
	Device string // the one device of it that is meant, as Arrival.Device; "" for all

	// Takes is the inbox of another leg of the same party: the other side is to take that leg's place
	// (attended transfer, RFC 3891). nil for a blind transfer.
	Takes Inbox
	Early bool // only while that leg is not answered (RFC 3891 §6.1, early-only)

	// Notify tells the party how it goes, from any goroutine, as often as there is news. The first call is
	// the answer to the wish: a cause of 300 or more refuses it, less takes it on. The call with a final
	// status ends it, and every referral must come to one.
	Notify func(Cause)
}

// Replacement is what an inbound call takes the place of (RFC 3891).
type Replacement struct {
	Leg   Inbox // the inbox of the leg
	Early bool  // only while that leg is not answered
}

// Proceeding is the cause of a referral that goes on: its status is a provisional one.
func Proceeding(status int) Cause { return Cause{SIP: status} }

// Causes of transfers.
var (
	Transferred = Cause{Q850: 16, SIP: 200, Text: "the call was transferred"}
	Replaced    = Cause{Q850: 16, SIP: 200, Text: "another leg took its place"}
)
