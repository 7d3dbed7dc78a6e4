// Package tenant holds the nouns of configuration (tenant, domain, extension, line, credential, trunk, route), the
// documents that they are written in, their rules, and the immutable snapshot through which the rest
// of the house reads them. Nothing here knows a database or a protocol.
package tenant

// Tenant is a customer of the operator: the unit of isolation. Two tenants may both have an
// extension 100 and never see each other.
type Tenant struct {
	ID       string    // [a-z0-9-], stands in every row and look-up
	Name     string    // as people read it
	Realm    string    // digest realm (RFC 3261 §22.1); the first domain when unsaid
	Domains  []string  // host names and addresses of request URIs that mean this tenant, lower case
	Default  bool      // also takes requests for the exchange's bare addresses
	Country  string    // one of CountryNames, whose tones its phones hear; "" for what ITU-T E.180 recommends
	Accounts []Account // extensions and lines
	Phones   Phones    // how the accounts' phones are spoken with
	Media    Media     // how their media is negotiated, where an account doesn't say
	Trunks   []Trunk
	Routes   []Route // the longest prefix that fits is taken
	Lists    []List
	Music    []Tune // what those hear who wait
	Rooms    Rooms  // conference rooms for whoever dials their number
	Record   Record // which calls are recorded, where an account doesn't say
	Language string // that callers and accounts hear, where an account doesn't say: one of LanguageNames; "" is unsaid
	Zone     string // where it lives, by the names of the IANA time zone database ("Asia/Tehran"); "" for where the exchange stands

	Type        TenantType
	Brand       string
	Area        string   // area code without the trunk prefix, which 8-digit numbers are completed with, where a site doesn't say
	Class       string   // class of service of who has none of his own; "" for what is allowed where nobody says
	Present     string   // number that calls to the outside present where the caller owns none; "" for the caller's trunk's own
	Emergency   []string // numbers of emergency services besides those of the country and the operator
	Calendar    string   // whose holidays hold; "" for none
	Limits      Limits
	Sites       []Site // the first is where whoever says none is
	Departments []Department
	Groups      []Group
	Users       []User
	Buildings   []Building
	Units       []Unit
	Devices     []Device
	Numbers     []Owned
	Inbound     []Rule // looked through for every call from outside, before the number's own
	Classes     []Class
	Schedules   []Schedule
	Calendars   []Calendar
	Pools       []Pool
	Webhooks    []Webhook
	Reports     []Report
	Retention   Retention
	API         Access

	// PromptsPIN is asked of who records announcements by phone; "" lets nobody.
	PromptsPIN PIN

	// PushWaiting tells phones of waiting messages that have not subscribed to hear of them.
	PushWaiting bool

	wants  []want // names that only the operator's document can have
	placed placed // where its parts stand in its document
}

// Kind tells what an account is sold as.
type Kind uint8

// Kinds of account.
const (
	UnknownKind Kind = iota
	Extension        // an internal number of 2 to 7 digits; as many calls at once as Channels says
	Line             // a SIP Phone line: one number of 8 or 11 digits and one channel
)

// String gives the word that documents use.
func (k Kind) String() string { return [...]string{"unknown", "extension", "line"}[k] }

// Account is one AOR: a number with its credential and its channels. The user part of its AOR, its
// user name for digest and its number are one and the same.
type Account struct {
	Tenant   string // id of its tenant
	Kind     Kind
	Number   string // ASCII digits
	Name     string // display name that it presents
	Channels int    // calls at once over all of its devices; 1 for a line

	// SharedConsultation lets a line's consultation call share the channel of the call that it
	// holds, so that transfer works on a line; strict is the default.
	SharedConsultation bool

	// Pickup is the account's pick-up group: who is of the same one may answer its calls (RFC 3891). "" for none.
	Pickup string

	// Withhold keeps the account's name and number from whom it calls unless its phone says Privacy: none
	// (RFC 3323 §4.2).
	Withhold bool

	Media  Media  // how the media of its phones is negotiated
	Record Record // which of its calls are recorded
	Music  string // the tune that whom it holds hears, by its name; "" for the tenant's

	Language string // that it hears: one of LanguageNames; that of its tenant when unsaid

	E164       string // its number in E.164 with +, for a line; "" for an extension
	State      NumberState
	Class      string   // class of service; its tenant's when unsaid
	PIN        PIN      // asked for calls that its class lets through with one; "" for none
	Site       string   // where it is; its tenant's first when unsaid
	Department string   // "" for none
	Owns       []string // numbers of the tenant that it may present to the outside besides its own; the first is the one that it presents unless its phone says another
	MayAll     bool     // it may present every number of its tenant (an operator's desk)
	Connected  bool     // whom it has reached is kept from whom it calls (COLR)

	Credential Credential
}

// Credential is what an account proves itself with: either the password, or only hashes of it. It
// prints as nothing, so that it can't reach a log.
type Credential struct {
	Password string
	HA1      map[string]string // algorithm ("MD5", "SHA-256", "SHA-512-256") → hex of H(user:realm:password)
}

// String hides the secret.
func (Credential) String() string { return "(secret)" }

// GoString hides the secret from %#v.
func (Credential) GoString() string { return "(secret)" }
