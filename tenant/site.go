package tenant

// Site is a place where the tenant is: it gives its phones their area code, their zone and the address that an emergency
// service is told.
type Site struct {
	ID        string // [a-z0-9-], the key of the list
	Name      string
	Zone      string // IANA time zone; the tenant's when unsaid
	Country   string // whose numbers are dialled there; the tenant's when unsaid
	Area      string // area code without the trunk prefix ("21"), which 8-digit numbers are completed with; the tenant's when unsaid
	Code      string // dialled before an extension of this site from the tenant's other sites; "" for none
	Calendar  string // whose holidays hold there; the tenant's when unsaid
	Emergency string // the number that emergency calls from here present; "" for the caller's own
	Address   Address
}

// Address is a civic address, as it is told to an emergency service (RFC 5139, in the PIDF-LO of RFC 4119).
type Address struct {
	Country  string // ISO 3166 code, "IR"
	Province string // A1
	City     string // A3
	District string // A4
	Street   string // RD
	House    string // HNO
	Building string // BLD
	Unit     string // UNIT
	Floor    string // FLR
	Postcode string // PC
	Place    string // LOC, in words
}

// Department is a part of the organisation: what reports are made of, and what a manager's rights may be bounded to.
type Department struct {
	ID     string // [a-z0-9-], the key of the list
	Name   string
	Parent string // department that it is a part of; "" for none
	Site   string // "" for none
}

// Group is telephones that are rung for one number: everybody of a concierge's desk, of a sales team.
type Group struct {
	ID       string // [a-z0-9-], the key of the list
	Name     string
	Number   string   // that is dialled for it; "" for none
	Members  []string // numbers of the tenant's accounts, in the order in which they are rung where Ring is in turn
	InTurn   bool     // one after another; all at once when false
	Each     int      // seconds that each rings, in turn; 0 for DefaultGroupEach
	Whole    int      // seconds until Overflow; 0 for the exchange's ring time, or, in turn, until everybody was rung
	Overflow Target   // where a call goes that nobody took; NoTarget ends it
}

// DefaultGroupEach is how many seconds a member of a group rings whose members are rung in turn.
const DefaultGroupEach = 20
