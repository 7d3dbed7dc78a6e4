package tenant

// Target is where a call may be sent that a document speaks of: the to: of a number, of an inbound rule, of a group's
// overflow. In documents it is a text: a number of the tenant ("101", a room, a group), or a kind and a name
// ("group:concierge", "trunk:branch", "refuse:busy").
type Target struct {
	Kind TargetKind
	Name string // number of the account or room, name of the group or trunk, the word of a refusal
}

// TargetKind is what a Target names. Kinds that come later (a mailbox, a queue, a flow) are words of this list.
type TargetKind uint8

// Kinds of targets. The zero value is none.
const (
	NoTarget     TargetKind = iota
	ToAccount               // an extension or a line, by its number
	ToRoom                  // a conference room, by its number
	ToGroup                 // a ring group, by its name
	ToTrunk                 // a customer's PBX, by its trunk's name: with the number that was called
	ToRefusalFor            // nobody: "busy", "gone" (no such number), "declined"
)
