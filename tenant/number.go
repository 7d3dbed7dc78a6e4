package tenant

import "time"

// NumberState is where a number stands in its life.
type NumberState uint8

// States of a number, in the order of a life. What a document leaves unsaid is Active.
const (
	NumberActive     NumberState = iota // calls in and out
	NumberFree                          // of the operator's stock, nobody's
	NumberReserved                      // promised to somebody, until a date
	NumberAssigned                      // somebody's, not yet in service: refused both ways
	NumberPorting                       // on its way from another operator, or to one: called through that one until it is here
	NumberBarred                        // calls in, none out but emergency
	NumberSuspended                     // none, but emergency out
	NumberCeased                        // given back, its last bill still open
	NumberQuarantine                    // rests until a date, so that nobody gets the calls of its last owner
)

// NumberStateNames are the words of states, by their value.
var NumberStateNames = []string{"active", "free", "reserved", "assigned", "porting", "barred", "suspended", "ceased", "quarantine"}

// String gives the word of documents.
func (s NumberState) String() string { return NumberStateNames[s] }

// Owned is numbers of a tenant that are no line's: DIDs, blocks and short numbers of a trunk, each with where they lead.
type Owned struct {
	Numbers        // as they are dialled in the tenant's country, or with + as E.164
	Target  Target // where calls to them go; NoTarget: to the account, group or PBX that has the number
	Inbound []Rule // looked through before Target, the first that holds is taken
	State   NumberState
	Site    string
	Name    string // what it is for, as people read it
	Trunk   string // carrier of the tenant's own that it comes by; "" for the operator's
}

// Rule sends a call somewhere else than its number's target: by who calls, and by when.
type Rule struct {
	Callers  []Numbers // any of these; none for everybody
	Hidden   bool      // only callers who withhold their number
	Schedule string    // only while it is open; "" for always
	Closed   bool      // only while it is closed
	Target   Target
}

// Block is numbers that the operator has to give out, or that stand in its books for another reason.
type Block struct {
	Numbers
	Name    string
	State   NumberState // NumberFree for stock; others for single numbers that rest or wait
	Until   time.Time   // of Reserved and Quarantine; zero for no end
	Tenant  string      // for whom it is reserved, or whose it was
	Country string
	Area    string
}
