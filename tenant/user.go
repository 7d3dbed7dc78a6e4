package tenant

// User is a person who may sign in. Passwords, second factors and sessions are not configuration: they stand in the
// database (store.Logins), so that undoing a change brings no old password back.
type User struct {
	ID         string // what is typed to sign in, [a-z0-9.-_@], the key of the list
	Name       string
	Mail       string
	Language   string // of what is shown and mailed: one of LanguageNames; the tenant's when unsaid
	Role       Role
	Site       string // of a Manager or Reporter: only this site; "" for all
	Department string // likewise: only this department with its parts
	Account    string // number of the person's own account; "" for none
}

// Role is what a user or a token may do. Each may do what those before it may.
type Role uint8

// Roles, from least to most. Operators stand in the operator's document, all others in a tenant's.
const (
	NoRole       Role = iota
	RoleUser          // one's own account: its calls, its records, its settings that are a person's own
	RoleReporter      // reads everything of its scope, secrets never
	RoleManager       // changes accounts, devices, groups, residents of its scope
	RoleAdmin         // everything of one tenant
	RoleOperator      // everything of every tenant, and the operator's own document
)

// RoleNames are the words of roles, from RoleUser on.
var RoleNames = []string{"user", "reporter", "manager", "admin", "operator"}

// String gives the word of documents and tokens.
func (r Role) String() string {
	if r == NoRole || int(r) > len(RoleNames) {
		return "none"
	}
	return RoleNames[r-1]
}
