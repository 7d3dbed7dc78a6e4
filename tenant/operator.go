package tenant

import "net/netip"

// OperatorID stands where a tenant's id does for what is the operator's own: its carriers, its document, its records. No
// tenant may have it.
const OperatorID = "operator"

// Operator is who runs the exchange: what all tenants have of it. There is one, with everything empty where no document
// says otherwise.
type Operator struct {
	Name      string
	Country   string // where tenants are that don't say; "" for ir
	Area      string
	Language  string
	Zone      string
	Brands    []Brand
	Carriers  []Trunk // ways to other operators, for all tenants; each has Tenant OperatorID
	Routes    []Route // of tenants whose own routes don't fit
	Blocks    []Block
	Users     []User // each a RoleOperator
	Emergency []string
	Calendars []Calendar
	Schedules []Schedule
	Pools     []Pool
	Webhooks  []Webhook
	Apart     bool // calls from one tenant to a number of another leave by carriers, instead of staying here
	Retention Retention
	API       Access
}

// Brand is how tenants are addressed: a reseller's name and colours.
type Brand struct {
	ID      string // [a-z0-9-], the key of the list
	Name    string
	Domain  string // under which its tenants' phones and people come
	Colour  string // "#0a7d5b"
	Logo    string // URL or path of a picture
	Mail    string // from which its mails come
	Support string // a number or an address that people may ask
}

// TenantType is what a customer is.
type TenantType uint8

// Types of tenants. Business is what is not said.
const (
	Business TenantType = iota
	Residential
	Complex
	Wholesale
)

// TenantTypeNames are the words of types, by their value.
var TenantTypeNames = []string{"business", "residential", "complex", "wholesale"}

// String gives the word of documents.
func (t TenantType) String() string { return TenantTypeNames[t] }

// Limits are what a tenant may have and do. 0 is no limit.
type Limits struct {
	Extensions int
	Lines      int
	Trunks     int
	Numbers    int
	Channels   int // calls with the outside at once
	In, Out    int // of these, towards the tenant and from it
	Rate       int // new calls with the outside in any one second
}

// Pool is channels that several trunks share.
type Pool struct {
	ID       string // [a-z0-9-], the key of the list
	Channels int
	Reserved int // of these, kept for calls in
}

// Access is from where a tenant's people and programs may use the API.
type Access struct {
	Addresses []netip.Prefix // none for everywhere
}

// Retention is how long what is kept stays. 0 is for ever.
type Retention struct {
	Records int // days
	Audit   int
}

// Webhook is an address that is told of events (Standard Webhooks).
type Webhook struct {
	ID     string // [a-z0-9-], the key of the list
	URL    string
	Events []string // types such as "call.ended", or "call.*"; none for all
	Secret string   // that signs: "whsec_" and base64
	Off    bool
	Hosts  []string // private or loopback targets that are meant, "10.0.0.5:8080"; others are refused
}

// Report is one that is made again and again, and mailed.
type Report struct {
	ID         string // [a-z0-9-], the key of the list
	Name       string
	Kind       string   // "calls", "departments", "hours", "trunks", "destinations", "missed"
	Every      string   // "day", "week", "month"
	At         string   // "07:30", in the tenant's zone
	To         []string // mail addresses
	Format     string   // "xlsx", "csv", "json"
	Language   string
	Department string
	Site       string
}
