package tenant

// Calls is a kind of calls, by where they go.
type Calls uint8

// Kinds of calls. Every number that is dialled is of one of them.
const (
	UnknownCalls  Calls = iota
	Internal            // within the tenant, and its trunks to PBXs of its own
	Local               // the same area
	National            // other areas of the country, and its free numbers
	Mobile              // mobile telephones of the country
	International       // another country
	Premium             // numbers that cost more than a call
	Emergency           // always allowed
)

// CallsNames are the words of kinds, from Internal on.
var CallsNames = []string{"internal", "local", "national", "mobile", "international", "premium", "emergency"}

// String gives the word of documents and records.
func (c Calls) String() string {
	if c == UnknownCalls || int(c) > len(CallsNames) {
		return "unknown"
	}
	return CallsNames[c-1]
}

// Permit is what a class of service says of one kind of calls.
type Permit uint8

// Permits. What is unsaid is allowed up to Mobile, and denied from International on.
const (
	PermitUnsaid Permit = iota
	Allow
	AskPIN // after the account's PIN
	Deny
)

// Class is a class of service: what an account, a trunk's PBX, or a whole tenant may call.
type Class struct {
	ID      string // [a-z0-9-], the key of the list
	Name    string
	Permits [Emergency]Permit // by Calls; index 0 is not used
	Locks   []Lock
	Allowed []string // prefixes in E.164 that may be called whatever Permits says, such as "+4930"
	Denied  []string // prefixes in E.164 that may not; the longest of both that fits counts
}

// Lock changes permits while a schedule is open.
type Lock struct {
	Schedule string
	Closed   bool // while it is closed instead
	Permits  [Emergency]Permit
}
